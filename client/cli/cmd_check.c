/*
 * relief check: proves a data folder (DESIGN 6) without the daemon. It knows daemon code: a folder can only be read
 * by what wrote it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "engine/engine.h"

static void report(void *context, int invariant, const char *what)
{
    const struct cli *cli = context;
    (void)cli;
    if (invariant > 0)
        printf("invariant %d: %s\n", invariant, what);
    else
        printf("derived: %s\n", what);
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct stat status;
    struct engine_report result = {0};
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_check, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief check DIR");
    if (stat(words.word[0], &status) != 0)
        return cli_bad("%s: %s", words.word[0], strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return cli_bad("%s: no folder", words.word[0]);
    int broken = engine_check(words.word[0], report, cli, &result);
    if (broken < 0) {
        cli_say("%s: %s", words.word[0], result.message[0] ? result.message : strerror(-broken));
        /* Damage is what a check looks for; anything else means that this is no database, or can't be read. */
        return cli_flush(stdout, broken == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED);
    }
    if (broken > 0)
        printf("%s: %d broken\n", words.word[0], broken);
    else
        printf("%s: holds, at entry %llu\n", words.word[0], (unsigned long long)result.seq);
    return cli_flush(stdout, broken ? CLI_DIFFERENT : CLI_DONE);
}

const struct cli_command cli_command_check = {
    "check", "DIR", "proves the invariants of a data folder; read-only, without the daemon", run_check};
