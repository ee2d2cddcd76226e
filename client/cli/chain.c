/*
 * Proof of a log without trusting whoever wrote it: each line's hash is made anew from the hash before and the line's
 * own bytes without `hash`. Keys are sorted, so `hash` stands first and is cut out of the bytes; nothing is written
 * again for the proof, because canon.c takes no other form of the same line.
 */
#include "client/cli/chain.h"
#include <string.h>

#define PREFIX     "{\"hash\":\""
#define PREFIX_LEN (sizeof PREFIX - 1)
#define CUT        (PREFIX_LEN + 64 + 2) /* {"hash":"...", */

enum { HASH, IDENTITY, METHOD, OUTCOME, PARAMS, PREV, SEQ, TIME, MEMBERS };

void chain_init(struct chain *chain, struct cli_reader *reader)
{
    *chain = (struct chain){.reader = reader};
    if (reader->from <= 1)
        memset(chain->hash, '0', 64);
}

/* The eight members of an entry, which stand in this order. */
static bool find_members(const struct canon *canon, uint32_t ret[MEMBERS])
{
    static const struct {
        const char *key;
        enum canon_type type;
    } rows[MEMBERS] = {{"hash", CANON_TEXT},      {"identity", CANON_TEXT}, {"method", CANON_TEXT},
                       {"outcome", CANON_OBJECT}, {"params", CANON_OBJECT}, {"prev", CANON_TEXT},
                       {"seq", CANON_INT},        {"time", CANON_INT}};
    uint32_t node = 1;
    for (unsigned i = 0; i < MEMBERS; i++) {
        size_t len = strlen(rows[i].key);
        if (node >= canon->count || canon->nodes[node].key_len != len || canon->nodes[node].type != rows[i].type ||
            memcmp(canon->nodes[node].key, rows[i].key, len) != 0)
            return false;
        ret[i] = node;
        node = canon->nodes[node].next;
    }
    return canon->nodes[0].type == CANON_OBJECT && node == canon->count;
}

static void hash_line(const char *prev, struct relief_str line, char ret[CLI_HASH_TEXT])
{
    struct cli_digest digest;
    cli_digest_init(&digest);
    cli_digest_bytes(&digest, prev, 64);
    cli_digest_bytes(&digest, "{", 1);
    cli_digest_bytes(&digest, line.data + CUT, line.len - CUT);
    cli_digest_final(&digest, ret);
}

static void prove(struct chain *chain, struct relief_str line, const char *claimed, const char *prev, int64_t seq,
                  int64_t time)
{
    struct cli_reader *reader = chain->reader;
    char hash[CLI_HASH_TEXT];
    int64_t expected = chain->seq ? chain->seq + 1 : reader->from > 0 ? reader->from : 1;
    if (seq != expected)
        cli_reader_broken(reader, "entry %lld stands where %lld should", (long long)seq, (long long)expected);
    if (chain->seq && time < chain->time)
        cli_reader_broken(reader, "entry %lld: its time lies before that of the entry before", (long long)seq);
    if (chain->hash[0] && memcmp(chain->hash, prev, 64) != 0)
        cli_reader_broken(reader, "entry %lld does not follow the entry before: prev is another hash", (long long)seq);
    hash_line(prev, line, hash);
    if (memcmp(hash, claimed, 64) != 0)
        cli_reader_broken(reader, "entry %lld was changed: its hash is %s", (long long)seq, hash);
    memcpy(chain->hash, claimed, 64);
    chain->hash[64] = '\0';
    chain->seq = seq;
    chain->time = time;
}

bool chain_entry(struct chain *chain, struct relief_str line)
{
    struct canon *canon = &chain->reader->canon;
    uint32_t at[MEMBERS];
    if (!canon_parse(canon, line)) {
        cli_reader_broken(chain->reader, "not a log entry: byte %zu: %s", canon->error_at + 1, canon->error);
        return false;
    }
    const struct canon_node *nodes = canon->nodes;
    if (!find_members(canon, at) || nodes[at[HASH]].len != 66 || nodes[at[PREV]].len != 66 || nodes[at[HASH]].escaped ||
        nodes[at[PREV]].escaped || nodes[at[METHOD]].escaped) {
        cli_reader_broken(chain->reader, "not a log entry: other keys, or no hash");
        return false;
    }
    prove(chain, line, nodes[at[HASH]].at + 1, nodes[at[PREV]].at + 1, canon_int(canon, at[SEQ]),
          canon_int(canon, at[TIME]));
    chain->outcome = at[OUTCOME];
    chain->params = at[PARAMS];
    chain->method = at[METHOD];
    chain->identity = at[IDENTITY];
    return true;
}
