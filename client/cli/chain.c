/*
 * Proof of a log without trusting whoever wrote it: each line's hash is made anew from the hash before and the line's
 * own bytes without `hash`. Keys are sorted, so `hash` stands first and is cut out of the bytes; nothing is written
 * again for the proof.
 */
#include <string.h>
#include "client/cli/chain.h"
#include "client/cli/json_in.h"

#define PREFIX     "{\"hash\":\""
#define PREFIX_LEN (sizeof PREFIX - 1)

void chain_init(struct chain *chain, struct cli_reader *reader)
{
    *chain = (struct chain){.reader = reader};
    if (reader->from <= 1)
        memset(chain->hash, '0', 64);
}

static void hash_line(const char *prev, struct relief_str line, char ret[CLI_HASH_TEXT])
{
    struct cli_digest digest;
    size_t cut = PREFIX_LEN + 64 + 2; /* {"hash":"...", */
    cli_digest_init(&digest);
    cli_digest_bytes(&digest, prev, 64);
    cli_digest_bytes(&digest, "{", 1);
    cli_digest_bytes(&digest, line.data + cut, line.len - cut);
    cli_digest_final(&digest, ret);
}

json_t *chain_entry(struct chain *chain, struct relief_str line)
{
    json_error_t error;
    char hash[CLI_HASH_TEXT];
    json_t *entry = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &error);
    struct relief_str prev = cli_json_str(entry, "prev"), claimed = cli_json_str(entry, "hash");
    bool form = relief_str_starts(line, (struct relief_str){PREFIX, PREFIX_LEN}) && line.len > PREFIX_LEN + 66 &&
                memcmp(line.data + PREFIX_LEN + 64, "\",", 2) == 0;
    if (!entry || prev.len != 64 || claimed.len != 64 || !form) {
        cli_reader_broken(chain->reader, "not a log entry: %s", entry ? "prev and hash, or their order" : error.text);
        json_decref(entry);
        return NULL;
    }
    int64_t seq = cli_json_int(entry, "seq"), time = cli_json_int(entry, "time");
    int64_t expected = chain->seq ? chain->seq + 1 : chain->reader->from > 0 ? chain->reader->from : 1;
    if (seq != expected)
        cli_reader_broken(chain->reader, "entry %lld stands where %lld should", (long long)seq, (long long)expected);
    if (chain->seq && time < chain->time)
        cli_reader_broken(chain->reader, "entry %lld: its time lies before that of the entry before", (long long)seq);
    if (chain->hash[0] && memcmp(chain->hash, prev.data, 64) != 0)
        cli_reader_broken(chain->reader, "entry %lld does not follow the entry before: prev is another hash",
                          (long long)seq);
    hash_line(prev.data, line, hash);
    if (memcmp(hash, claimed.data, 64) != 0)
        cli_reader_broken(chain->reader, "entry %lld was changed: its hash is %s", (long long)seq, hash);
    memcpy(chain->hash, claimed.data, 64);
    chain->hash[64] = '\0';
    chain->seq = seq;
    chain->time = time;
    return entry;
}
