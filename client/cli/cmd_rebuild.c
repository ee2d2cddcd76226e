/*
 * relief rebuild: the store of a folder that no daemon serves, made anew from the log, or from the base that a pruned
 * log goes on from. Beside cmd_check.c one of the files of this program that know daemon code: a folder can only be
 * read by what wrote it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "engine/engine.h"

static int run_rebuild(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct stat status;
    struct engine_report report = {0};
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_rebuild, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief rebuild DIR");
    char log[4096];
    snprintf(log, sizeof log, "%s/log", words.word[0]);
    if (stat(words.word[0], &status) != 0)
        return cli_bad("%s: %s", words.word[0], strerror(errno));
    if (!S_ISDIR(status.st_mode) || stat(log, &status) != 0 || !S_ISDIR(status.st_mode))
        return cli_bad("%s: no data folder", words.word[0]);
    int rc = engine_rebuild(words.word[0], false, &report);
    if (rc) {
        cli_say("%s: %s", words.word[0], report.message[0] ? report.message : strerror(-rc));
        return rc == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED;
    }
    if (report.base)
        printf("%s: %llu records of the base at entry %llu, ", words.word[0], (unsigned long long)report.records,
               (unsigned long long)report.base);
    else
        printf("%s: ", words.word[0]);
    printf("%llu entries of the log; the store stands at entry %llu\n", (unsigned long long)report.applied,
           (unsigned long long)report.seq);
    return cli_flush(stdout, CLI_DONE);
}

const struct cli_command cli_command_rebuild = {
    "rebuild", "DIR", "makes the store of a data folder anew from its log; the daemon must be stopped", run_rebuild};
