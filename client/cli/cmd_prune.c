/*
 * relief log prune and relief log archive: the beginning of a log goes to an archive, and the archive proves itself and
 * what the folder goes on from.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/cli/manifest.h"
#include "engine/prune.h"

#define ARCHIVES_MAX 64u

struct pruning {
    const char *archive;
    int code; /* of the manifest */
};

static int write_manifest(void *context, const struct engine_archived *segments, size_t count,
                          const struct store_mark *mark)
{
    struct pruning *pruning = context;
    struct manifest manifest;
    pruning->code = manifest_read(&manifest, pruning->archive, "relief-archive", true);
    for (size_t i = 0; pruning->code == 0 && i < count; i++) {
        struct manifest_file file = {.size = segments[i].bytes};
        snprintf(file.name, sizeof file.name, "%s", segments[i].name);
        sodium_bin2hex(file.digest, sizeof file.digest, segments[i].digest, sizeof segments[i].digest);
        if (!manifest_add(&manifest, &file)) {
            cli_say("no memory");
            pruning->code = CLI_REFUSED;
        }
    }
    manifest.seq = mark->seq;
    sodium_bin2hex(manifest.head, sizeof manifest.head, mark->hash, sizeof mark->hash);
    if (pruning->code == 0)
        pruning->code = manifest_write(&manifest, pruning->archive, "relief-archive");
    manifest_deinit(&manifest);
    return pruning->code ? -EIO : 0;
}

static int is_folder(const char *dir)
{
    struct stat status;
    if (stat(dir, &status) != 0)
        return cli_bad("%s: %s", dir, strerror(errno));
    return S_ISDIR(status.st_mode) ? CLI_DONE : cli_bad("%s: no folder", dir);
}

static int prune(const char *dir, uint64_t below, const char *archive)
{
    struct pruning pruning = {.archive = archive};
    struct engine_pruned pruned;
    struct engine_report report;
    const struct engine_prune_options options = {
        .dir = dir, .below = below, .archive = archive, .archived = write_manifest, .context = &pruning};
    int rc = engine_prune(&options, &pruned, &report);
    if (pruning.code)
        return pruning.code;
    if (rc) {
        cli_say("%s", report.message[0] ? report.message : strerror(-rc));
        return rc == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED;
    }
    if (pruned.seq == 0)
        printf("%s: nothing to prune: no segment but the last ends below entry %llu\n", dir, (unsigned long long)below);
    else
        printf(
            "%s: %zu segments up to entry %llu are in %s now; the log begins with entry %llu, and %llu first answers "
            "are kept\n",
            dir, pruned.segments, (unsigned long long)pruned.seq, archive, (unsigned long long)pruned.first,
            (unsigned long long)pruned.answers);
    return CLI_DONE;
}

static int run_prune(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    const char *below = NULL, *archive = NULL;
    const struct cli_option options[] = {
        {"below", 0, &below, NULL, NULL}, {"archive", 0, &archive, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    char *end;
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_log_prune, stdout);
    if (words.count != 1 || !below || !archive)
        return cli_bad("usage: relief log prune DIR --below SEQ --archive ARCHIVE");
    errno = 0;
    unsigned long long seq = strtoull(below, &end, 10);
    if (errno || end == below || *end || *below == '-')
        return cli_bad("--below %s: not a number of an entry", below);
    if (sodium_init() < 0)
        return CLI_REFUSED;
    code = is_folder(words.word[0]);
    return cli_flush(stdout, code ? code : prune(words.word[0], seq, archive));
}

/* ---- archives ---- */

static int verify_files(const char *archive)
{
    struct manifest manifest;
    int code = manifest_read(&manifest, archive, "relief-archive", false);
    for (size_t i = 0; code == 0 && i < manifest.count; i++)
        code = manifest_copy(archive, &manifest.files[i], NULL);
    manifest_deinit(&manifest);
    return code;
}

static int said(const char *dir, int rc, const struct engine_report *report)
{
    cli_say("%s: %s", dir, report->message[0] ? report->message : strerror(-rc));
    return rc == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED;
}

static int verify_archive(const char *archive, uint64_t *ret_first)
{
    struct engine_report report;
    int code = is_folder(archive);
    if (code == 0)
        code = verify_files(archive);
    if (code)
        return code;
    int rc = engine_archive_check(archive, ret_first, &report);
    if (rc)
        return said(archive, rc, &report);
    printf("%s: holds, entries %llu to %llu\n", archive, (unsigned long long)*ret_first,
           (unsigned long long)report.seq);
    return CLI_DONE;
}

static void report_broken(void *context, int invariant, const char *what)
{
    (void)context;
    printf("invariant %d: %s\n", invariant, what);
}

static int verify_folder(const char *dir, const char *const *archives, unsigned count)
{
    struct engine_report report;
    int broken = engine_check_archived(dir, archives, count, report_broken, NULL, &report);
    if (broken < 0)
        return said(dir, broken, &report);
    if (broken > 0)
        printf("%s: %d broken\n", dir, broken);
    else
        printf("%s: holds with its archive, at entry %llu\n", dir, (unsigned long long)report.seq);
    return broken ? CLI_DIFFERENT : CLI_DONE;
}

static int run_archive(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    const char *dir = NULL;
    const struct cli_option options[] = {{"data", 0, &dir, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    uint64_t first = 0;
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_log_archive, stdout);
    if (words.count < 2 || strcmp(words.word[0], "verify") != 0 || words.count - 1 > (int)ARCHIVES_MAX)
        return cli_bad("usage: relief log archive verify ARCHIVE... [--data DIR]");
    if (dir)
        code = is_folder(dir);
    for (int i = 1; code == 0 && i < words.count; i++)
        code = verify_archive(words.word[i], &first);
    if (code == 0 && dir)
        code = verify_folder(dir, &words.word[1], (unsigned)words.count - 1);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_log_prune = {
    "log prune", "DIR --below SEQ --archive ARCHIVE",
    "moves the beginning of a log to an archive and leaves a base; the daemon must be stopped", run_prune};
const struct cli_command cli_command_log_archive = {
    "log archive", "verify ARCHIVE... [--data DIR]",
    "proves archives, and with --data that the folder goes on from them", run_archive};
