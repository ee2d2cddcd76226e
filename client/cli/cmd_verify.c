/*
 * relief verify: proves a dump or a log export without the daemon that wrote it. What is broken goes to standard
 * output, a line each, with file and line.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/chain.h"
#include "client/cli/cli.h"
#include "client/cli/dump_folder.h"
#include "client/cli/verify.h"

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
    return got < 0 ? CLI_DIFFERENT : CLI_DONE;
}

static int verify_log(struct cli_reader *reader, struct chain *chain)
{
    struct relief_str line;
    int got;
    chain_init(chain, reader);
    while ((got = cli_reader_next(reader, &line)) == 1)
        json_decref(chain_entry(chain, line));
    return got < 0 ? CLI_DIFFERENT : CLI_DONE;
}

static int verify_file(const char *path)
{
    struct cli_reader reader;
    struct chain chain = {0};
    int code = cli_reader_open(&reader, path);
    if (code)
        return code;
    code = reader.log ? verify_log(&reader, &chain) : verify_dump(&reader);
    if (code == 0 && reader.broken)
        code = CLI_DIFFERENT;
    if (code == 0 && reader.log)
        printf("%s: log, %llu entries from %lld, hash chain and digest hold, last hash %s\n", path,
               (unsigned long long)reader.records, (long long)reader.from, chain.hash[0] ? chain.hash : "none");
    else if (code == 0)
        printf("%s: dump at entry %lld, %llu records, digest and invariants hold\n", path, (long long)reader.seq,
               (unsigned long long)reader.records);
    cli_reader_close(&reader);
    return code;
}

static int run_verify(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct stat status;
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_verify, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief verify FILE");
    bool is_file = strcmp(words.word[0], "-") != 0;
    if (is_file && stat(words.word[0], &status) != 0)
        return cli_bad("%s: %s", words.word[0], strerror(errno));
    bool folder = is_file && S_ISDIR(status.st_mode);
    code = folder ? cli_dump_folder_verify(words.word[0]) : verify_file(words.word[0]);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_verify = {
    "verify", "FILE|DIR", "proves a dump (digest, order, invariants) or a log export (digest, hash chain)", run_verify};
