/*
 * relief verify: proves a dump, a log export or evidence without the daemon that wrote it. What is broken goes to
 * standard output, a line each, with file and line.
 */
#include <string.h>
#include "client/cli/chain.h"
#include "client/cli/cli.h"
#include "client/cli/evidence_tree.h"
#include "client/cli/evidence_verify.h"
#include "client/cli/verify.h"

/* A file that can't be read to its end is not what it should be; unless the time was over. */
static int stopped(const struct cli_reader *reader, int got)
{
    if (got == 0)
        return CLI_DONE;
    return reader->code == CLI_UNREACHABLE || reader->code == CLI_REFUSED ? reader->code : CLI_DIFFERENT;
}

static int verify_dump(struct cli_reader *reader)
{
    struct verify verify = {.reader = reader};
    struct relief_str line;
    int got;
    while ((got = cli_reader_next(reader, &line)) == 1)
        verify_record(&verify, line);
    if (got == 0)
        verify_end(&verify);
    verify_deinit(&verify);
    return stopped(reader, got);
}

/* The tree over the log's own lines must have the root that was signed at its size. */
static void compare_root(struct cli_reader *reader, struct tree *tree, const struct evidence_note *note, int64_t time)
{
    uint8_t root[TREE_HASH_BYTES];
    tree_root(tree, root);
    if (memcmp(root, note->root, sizeof root) != 0)
        cli_reader_broken(reader, "the log up to entry %llu is not the one that the checkpoint signed: another root",
                          (unsigned long long)note->size);
    if (note->size > 0 && time != note->time)
        cli_reader_broken(reader, "entry %llu is of another time than the checkpoint", (unsigned long long)note->size);
}

static int verify_log(struct cli_reader *reader, struct chain *chain, const struct evidence_note *note)
{
    struct relief_str line;
    struct tree tree = {.size = 0};
    int got = 0;
    chain_init(chain, reader);
    if (note && reader->from != 1)
        return cli_bad("%s begins at entry %lld; a tree begins at entry 1", reader->path, (long long)reader->from);
    if (note && !tree_open(&tree))
        got = cli_bad("no memory");
    if (note && note->size == 0 && got == 0)
        compare_root(reader, &tree, note, 0);
    while (got == 0 && (got = cli_reader_next(reader, &line)) == 1) {
        got = 0;
        bool good = chain_entry(chain, line);
        if (!note || tree.size >= note->size)
            continue;
        tree_add_line(&tree, line.data, line.len);
        if (tree.size == note->size)
            compare_root(reader, &tree, note, good ? chain->time : -1);
    }
    if (got == 0 && note && tree.size < note->size)
        cli_reader_broken(reader, "the log ends with entry %llu, the checkpoint is of entry %llu",
                          (unsigned long long)tree.size, (unsigned long long)note->size);
    tree_close(&tree);
    return got == CLI_USAGE ? got : stopped(reader, got);
}

static int verify_file(const char *path, const struct evidence_note *note, const struct evidence_trust *trust,
                       int timeout_ms)
{
    struct cli_reader reader;
    struct chain chain = {0};
    int code = cli_reader_open(&reader, path, timeout_ms);
    if (code)
        return code;
    if (note && !reader.log)
        code = cli_bad("%s is a dump; --checkpoint is for a log export", path);
    else
        code = reader.log ? verify_log(&reader, &chain, note) : verify_dump(&reader);
    if (code == 0 && reader.broken)
        code = CLI_DIFFERENT;
    if (code == 0 && reader.log)
        printf("%s: log, %llu entries from %lld, hash chain and digest hold, last hash %s\n", path,
               (unsigned long long)reader.records, (long long)reader.from, chain.hash[0] ? chain.hash : "none");
    else if (code == 0)
        printf("%s: dump at entry %lld, %llu records, digest and invariants hold\n", path, (long long)reader.seq,
               (unsigned long long)reader.records);
    if (code == 0 && note) {
        printf("%s: its first %llu entries are those that %s signed\n", path, (unsigned long long)note->size,
               note->origin);
        code = evidence_say_witnesses(path, note, trust);
    }
    cli_reader_close(&reader);
    return code;
}

static int take_keys(struct evidence_trust *trust, const char *key, const struct cli_words *witnesses)
{
    int code = key ? evidence_key_add(trust, key, false) : CLI_DONE;
    for (int i = 0; code == 0 && i < witnesses->count; i++)
        code = evidence_key_add(trust, witnesses->word[i], true);
    return code;
}

static int run_verify(struct cli *cli, int argc, char **argv)
{
    struct cli_words words, witnesses = {.count = 0};
    struct evidence_trust trust = {.has_log = false};
    struct evidence_note note;
    const char *key = NULL, *checkpoint = NULL;
    const struct cli_option options[] = {{"key", 0, &key, NULL, NULL},
                                         {"witness", 0, NULL, NULL, &witnesses},
                                         {"checkpoint", 0, &checkpoint, NULL, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_verify, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief verify FILE|DIR [--checkpoint NOTE] [--key KEY] [--witness KEY]...");
    const char *path = words.word[0];
    enum evidence_file kind = evidence_file_of(path);
    code = take_keys(&trust, key, &witnesses);
    if (code == 0 && (kind != EVIDENCE_FILE_OTHER || checkpoint) && !trust.has_log)
        code = cli_bad("a signature proves nothing without its key: --key NAME+HASH+KEY, or --key @FILE");
    if (code == 0 && checkpoint && kind != EVIDENCE_FILE_OTHER)
        code = cli_bad("--checkpoint is for a log export");
    if (code == 0 && checkpoint)
        code = evidence_note_file(&note, checkpoint, &trust);
    if (code == 0 && kind == EVIDENCE_FILE_NOTE)
        code = evidence_verify_note(path, &trust);
    else if (code == 0 && kind == EVIDENCE_FILE_PROOFS)
        code = evidence_verify_proofs(path, &trust);
    else if (code == 0)
        code = verify_file(path, checkpoint ? &note : NULL, &trust, cli->timeout_ms);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_verify = {"verify", "FILE|DIR [--checkpoint NOTE] [--key KEY] [--witness KEY]...",
                                               "proves a dump, a log export, a checkpoint, a proof or receipts",
                                               run_verify};
