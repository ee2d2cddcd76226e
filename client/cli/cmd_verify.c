/*
 * relief verify: proves a dump or a log export without the daemon that wrote it. What is broken goes to standard
 * output, a line each, with file and line.
 */
#include <string.h>
#include "client/cli/chain.h"
#include "client/cli/cli.h"
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

static int verify_log(struct cli_reader *reader, struct chain *chain)
{
    struct relief_str line;
    int got;
    chain_init(chain, reader);
    while ((got = cli_reader_next(reader, &line)) == 1)
        chain_entry(chain, line);
    return stopped(reader, got);
}

static int verify_file(const char *path, int timeout_ms)
{
    struct cli_reader reader;
    struct chain chain = {0};
    int code = cli_reader_open(&reader, path, timeout_ms);
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
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_verify, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief verify FILE");
    code = verify_file(words.word[0], cli->timeout_ms);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_verify = {
    "verify", "FILE|DIR", "proves a dump (digest, order, invariants) or a log export (digest, hash chain)", run_verify};
