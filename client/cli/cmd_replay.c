/*
 * relief replay: applies the outcomes of an exported log to nothing and dumps what comes out. It needs no code of the
 * daemon: an outcome holds every record that its command changed. So the result proves the daemon's own dump, and the
 * log proves the result. With --execute the commands run again too, and must have the outcomes that the log says.
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/chain.h"
#include "client/cli/cli.h"
#include "client/cli/execute.h"
#include "client/cli/map.h"
#include "client/cli/outfile.h"
#include "client/cli/record_form.h"
#include "client/cli/record_key.h"
#include "client/cli/verify.h"

struct replay {
    struct cli_reader reader;
    struct chain chain;
    struct cli_map records; /* text NULL: gone */
    struct relief_buf key, record;
    struct execute *execute; /* NULL: the commands are not run */
    int64_t at;              /* the last entry that is applied; 0: all */
    struct {
        int64_t seq, time;
        char hash[CLI_HASH_TEXT];
    } head; /* of the last entry applied */
};

static int no_memory(void)
{
    cli_say("no memory");
    return CLI_REFUSED;
}

#define ASKED_MAX 16u /* records whose places in memory are waited for together; most entries change fewer */

/* A record of an outcome on its way to its place. */
struct asked {
    uint32_t node;
    size_t key_at, key_len;
    uint64_t hash;
};

static bool ask(struct replay *replay, const struct canon *canon, uint32_t node, struct asked *ret)
{
    *ret = (struct asked){.node = node, .key_at = replay->key.len};
    if (canon->nodes[node].type != CANON_OBJECT || !cli_record_key(&replay->key, canon, node, NULL)) {
        cli_reader_broken(&replay->reader, "an outcome holds something that is no record");
        return false;
    }
    ret->key_len = replay->key.len - ret->key_at;
    ret->hash =
        cli_map_ask(&replay->records, (struct relief_str){replay->key.data + ret->key_at, (uint32_t)ret->key_len});
    return true;
}

static int put_asked(struct replay *replay, const struct canon *canon, const struct asked *asked)
{
    struct cli_map_item *item = cli_map_get_asked(
        &replay->records, (struct relief_str){replay->key.data + asked->key_at, (uint32_t)asked->key_len}, asked->hash);
    uint32_t gone = canon_get(canon, asked->node, "gone");
    if (!item)
        return no_memory();
    if (gone && canon->nodes[gone].type == CANON_TRUE) {
        free(item->text);
        item->text = NULL;
        item->text_len = 0;
        return CLI_DONE;
    }
    struct relief_str text = canon_raw(canon, asked->node);
    char *copy = item->text && item->text_len == text.len ? item->text : realloc(item->text, text.len);
    if (!copy)
        return no_memory();
    memcpy(copy, text.data, text.len);
    item->text = copy;
    item->text_len = text.len;
    return CLI_DONE;
}

/* The records at the nodes from `at` up to `end`. */
static int apply_records(struct replay *replay, const struct canon *canon, uint32_t at, uint32_t end)
{
    struct asked asked[ASKED_MAX];
    int code = CLI_DONE;
    while (code == 0 && at < end) {
        unsigned count = 0;
        relief_buf_clear(&replay->key);
        for (; at < end && count < ASKED_MAX; at = canon->nodes[at].next)
            count += ask(replay, canon, at, &asked[count]);
        for (unsigned i = 0; code == 0 && i < count; i++)
            code = put_asked(replay, canon, &asked[i]);
    }
    return code;
}

/* The state that a pruned log goes on from: a dump of the entry before its first. */
static int load_base(struct replay *replay, const char *path, int timeout_ms)
{
    struct cli_reader base;
    struct relief_str line;
    int got, code = cli_reader_open(&base, path, timeout_ms);
    if (code)
        return code;
    if (base.log || base.seq != replay->reader.from - 1)
        code = cli_bad("%s is no dump of entry %lld, the one before the log's first", path,
                       (long long)replay->reader.from - 1);
    while (code == 0 && (got = cli_reader_next(&base, &line)) != 0) {
        if (got < 0)
            code = base.code;
        else if (!canon_parse(&base.canon, line))
            cli_reader_broken(&base, "not a record: %s", base.canon.error);
        else
            code = apply_records(replay, &base.canon, 0, 1);
    }
    replay->head.seq = base.seq;
    replay->head.time = base.time;
    memcpy(replay->head.hash, base.head, sizeof base.head);
    if (code == 0 && base.broken)
        code = CLI_DIFFERENT;
    cli_reader_close(&base);
    return code;
}

static int apply_entry(struct replay *replay)
{
    const struct canon *canon = &replay->reader.canon;
    const struct chain *chain = &replay->chain;
    uint32_t records = canon_get(canon, chain->outcome, "records");
    if (!records || canon->nodes[records].type != CANON_ARRAY) {
        cli_reader_broken(&replay->reader, "an outcome without records");
        return CLI_DONE;
    }
    int code = apply_records(replay, canon, records + 1, canon->nodes[records].next);
    if (code == 0 && replay->execute)
        code = execute_entry(replay->execute, chain);
    replay->head.seq = chain->seq;
    replay->head.time = chain->time;
    memcpy(replay->head.hash, chain->hash, sizeof chain->hash);
    return code;
}

static int apply_log(struct replay *replay)
{
    struct relief_str line;
    int got = 0, code = CLI_DONE;
    chain_init(&replay->chain, &replay->reader);
    if (replay->head.seq > 0) { /* the chain goes on from the base */
        memcpy(replay->chain.hash, replay->head.hash, sizeof replay->chain.hash);
        replay->chain.seq = replay->head.seq;
        replay->chain.time = replay->head.time;
    }
    while (code == 0 && (got = cli_reader_next(&replay->reader, &line)) == 1) {
        if (chain_entry(&replay->chain, line) && (replay->at == 0 || replay->chain.seq <= replay->at))
            code = apply_entry(replay);
    }
    if (code == 0 && got < 0)
        code = replay->reader.code == CLI_UNREACHABLE ? CLI_UNREACHABLE : CLI_DIFFERENT;
    if (code == 0 && replay->reader.broken)
        code = CLI_DIFFERENT;
    if (code == 0 && replay->at > replay->head.seq)
        code = cli_bad("--at %lld: the log ends with entry %lld", (long long)replay->at, (long long)replay->head.seq);
    return code;
}

static void put(FILE *file, struct cli_digest *digest, struct relief_str line)
{
    cli_digest_line(digest, line);
    fwrite(line.data, 1, line.len, file);
    fputc('\n', file);
}

static int write_dump(const struct replay *replay, struct cli_map_item **items, FILE *file)
{
    struct relief_buf line = RELIEF_BUF_INIT;
    struct cli_digest digest;
    char zeros[CLI_HASH_TEXT] = "", text[CLI_HASH_TEXT];
    int64_t records = 0;
    memset(zeros, '0', 64);
    cli_digest_init(&digest);
    cli_dump_header(&line, replay->head.seq, relief_str_of(replay->head.seq ? replay->head.hash : zeros),
                    replay->head.time);
    put(file, &digest, (struct relief_str){line.data, (uint32_t)line.len});
    for (size_t i = 0; i < replay->records.count; i++) {
        if (!items[i]->text)
            continue;
        put(file, &digest, (struct relief_str){items[i]->text, items[i]->text_len});
        records++;
    }
    relief_buf_clear(&line);
    cli_digest_final(&digest, text);
    cli_trailer(&line, records, text);
    fwrite(line.data, 1, line.len, file);
    fputc('\n', file);
    relief_buf_deinit(&line);
    return CLI_DONE;
}

/* The invariants of what came out: an outcome that breaks a sum is wrong, however well its hash fits. */
static int prove_state(struct replay *replay, struct cli_map_item **items)
{
    struct verify verify = {.reader = &replay->reader};
    replay->reader.line = 0;
    for (size_t i = 0; i < replay->records.count; i++) {
        if (items[i]->text)
            verify_record(&verify, (struct relief_str){items[i]->text, items[i]->text_len});
    }
    verify_end(&verify);
    verify_deinit(&verify);
    return replay->reader.broken ? CLI_DIFFERENT : CLI_DONE;
}

static int open_log(struct replay *replay, const char *path, const char *base, bool execute, int timeout_ms)
{
    int code = cli_reader_open(&replay->reader, path, timeout_ms);
    if (code)
        return code;
    if (!replay->reader.log)
        return cli_bad("%s is a dump; replay takes a log export", path);
    if (base && execute) /* a dump leaves out what is stored and never shown, and the core would miss it */
        return cli_bad("--execute begins with entry 1, it can't go on from a dump");
    if (base)
        return load_base(replay, base, timeout_ms);
    if (replay->reader.from != 1)
        return cli_bad("%s begins at entry %lld; only a log from entry 1 on fills an empty store, else give --base",
                       path, (long long)replay->reader.from);
    return CLI_DONE;
}

static int parse_at(const char *text, int64_t *ret)
{
    char *end = NULL;
    *ret = text ? strtoll(text, &end, 10) : 0;
    return text && (*ret < 1 || *end) ? cli_bad("--at %s: a sequence number, from 1", text) : CLI_DONE;
}

static int run_log(struct replay *replay, const char *output, bool execute)
{
    struct cli_outfile out = {0};
    int code = execute ? execute_open(&replay->execute, &replay->reader) : CLI_DONE;
    if (code == 0)
        code = apply_log(replay);
    struct cli_map_item **items = code == 0 ? cli_map_sorted(&replay->records) : NULL;
    if (code == 0)
        code = items ? prove_state(replay, items) : no_memory();
    if (code == 0 && execute) /* says so where the dump does not go */
        fprintf(output && strcmp(output, "-") != 0 ? stdout : stderr,
                "%s: %lld commands ran again, each with the outcome that the log says\n", replay->reader.path,
                (long long)replay->head.seq);
    if (code == 0 && (output || !execute)) {
        code = cli_outfile_open(&out, output);
        if (code == 0)
            code = write_dump(replay, items, out.file);
        if (code == 0)
            code = cli_outfile_commit(&out);
        cli_outfile_abort(&out);
    }
    free(items);
    execute_close(replay->execute);
    return code;
}

static int run_replay(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct replay replay = {.records = CLI_MAP_INIT};
    const char *output = NULL, *at = NULL, *base = NULL;
    bool execute = false;
    const struct cli_option options[] = {{"output", 'o', &output, NULL, NULL},
                                         {"at", 0, &at, NULL, NULL},
                                         {"base", 0, &base, NULL, NULL},
                                         {"execute", 0, NULL, &execute, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_replay, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief replay LOG [-o DUMP] [--at SEQ] [--base DUMP] [--execute]");
    code = parse_at(at, &replay.at);
    if (code)
        return code;
    code = open_log(&replay, words.word[0], base, execute, cli->timeout_ms);
    if (code == 0)
        code = run_log(&replay, output, execute);
    cli_reader_close(&replay.reader);
    cli_map_deinit(&replay.records);
    relief_buf_deinit(&replay.key);
    relief_buf_deinit(&replay.record);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_replay = {
    "replay", "LOG [-o DUMP] [--at SEQ] [--base DUMP] [--execute]",
    "applies the outcomes of an exported log to an empty store and dumps it; --execute runs the commands again too",
    run_replay};
