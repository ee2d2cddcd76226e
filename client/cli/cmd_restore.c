/*
 * relief restore: a data folder from a backup. Every file is compared with the manifest while it is copied; the store
 * is never copied, it is made from base and log; then the folder is proved as relief check does. Until all of this is
 * done the folder says itself to be incomplete, and no daemon starts on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/manifest.h"
#include "engine/engine.h"

/* Private key or evidence are not there, as wanted: that is no fault of the backup, and is said at the end. */
struct proof {
    bool keyless, bare;
    unsigned broken;
};

static void report_broken(void *context, int invariant, const char *what)
{
    struct proof *proof = context;
    if ((proof->keyless && strcmp(what, "evidence/key is missing") == 0) ||
        (proof->bare && strncmp(what, "evidence/ is missing", 20) == 0))
        return;
    proof->broken++;
    if (invariant > 0)
        cli_say("invariant %d: %s", invariant, what);
    else
        cli_say("derived: %s", what);
}

/* ---- the folder ---- */

static bool path_of(char path[PATH_MAX], const char *dir, const char *name)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

/* What this program makes there, and the marker last. */
static void clear_folder(const char *dir)
{
    static const char *const names[] = {"store/data.mdb", "store/lock.mdb", "store.new/data.mdb", "store.new/lock.mdb",
                                        "lock"};
    static const char *const subs[] = {"store", "store.new", "log", "base", "evidence", "tmp"};
    char path[PATH_MAX];
    manifest_remove_files(dir);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (path_of(path, dir, names[i]))
            (void)unlink(path);
    }
    for (size_t i = 0; i < sizeof subs / sizeof subs[0]; i++) {
        if (path_of(path, dir, subs[i]))
            (void)rmdir(path);
    }
    if (path_of(path, dir, ENGINE_INCOMPLETE))
        (void)unlink(path);
}

/* *ret_made: the folder itself was not there. */
static int begin(const char *dir, bool *ret_made)
{
    char path[PATH_MAX];
    struct stat status;
    int code = CLI_DONE, empty;
    if (!path_of(path, dir, ENGINE_INCOMPLETE))
        return cli_bad("%s: the path is too long", dir);
    if (access(path, F_OK) == 0)
        clear_folder(dir); /* a restore that was interrupted */
    empty = manifest_folder_empty(dir);
    if (empty <= 0)
        return empty < 0 ? CLI_REFUSED : cli_bad("%s is not empty", dir);
    *ret_made = stat(dir, &status) != 0 && errno == ENOENT;
    code = manifest_make_folder(dir, "");
    int fd = code ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (code == 0 && (fd < 0 || fsync(fd) != 0)) {
        cli_say("%s: %s", path, strerror(errno));
        code = CLI_REFUSED;
    }
    if (fd >= 0)
        close(fd);
    if (code == 0)
        code = manifest_sync_folder(dir, "");
    return code;
}

static int end(const char *dir)
{
    char path[PATH_MAX];
    int code = manifest_sync_folder(dir, "");
    if (code == 0 && path_of(path, dir, ENGINE_INCOMPLETE) && unlink(path) != 0) {
        cli_say("%s: %s", path, strerror(errno));
        code = CLI_REFUSED;
    }
    return code ? code : manifest_sync_folder(dir, "");
}

/* ---- the content ---- */

static bool named(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->files[i].name, name) == 0)
            return true;
    }
    return false;
}

static int copy_files(const struct manifest *manifest, const char *from, const char *dir, bool new_origin)
{
    static const char *const subs[] = {"log", "base", "evidence"};
    const size_t sub_count = sizeof subs / sizeof subs[0] - (new_origin ? 1 : 0);
    int code = CLI_DONE;
    for (size_t i = 0; code == 0 && i < sub_count; i++)
        code = manifest_make_folder(dir, subs[i]);
    for (size_t i = 0; code == 0 && i < manifest->count; i++) {
        bool left_out = new_origin && strncmp(manifest->files[i].name, "evidence/", 9) == 0;
        code = manifest_copy(from, &manifest->files[i], left_out ? NULL : dir);
    }
    for (size_t i = 0; code == 0 && i < sub_count; i++)
        code = manifest_sync_folder(dir, subs[i]);
    return code;
}

/* The store, and the proof. */
static int make_store(const struct manifest *manifest, const char *dir, bool new_origin)
{
    struct engine_report report = {0};
    char head[CLI_HASH_TEXT];
    int rc = engine_rebuild(dir, true, &report);
    if (rc) {
        cli_say("%s: %s", dir, report.message[0] ? report.message : strerror(-rc));
        return rc == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED;
    }
    sodium_bin2hex(head, sizeof head, report.hash, sizeof report.hash);
    if (report.seq != manifest->seq || strcmp(head, manifest->head) != 0) {
        cli_say("the log ends with entry %llu and head %s, the manifest says entry %llu and head %s",
                (unsigned long long)report.seq, head, (unsigned long long)manifest->seq, manifest->head);
        return CLI_DIFFERENT;
    }
    struct proof proof = {.keyless = !named(manifest, "evidence/key"), .bare = new_origin};
    rc = engine_check(dir, report_broken, &proof, &report);
    if (rc < 0)
        cli_say("%s: %s", dir, report.message[0] ? report.message : strerror(-rc));
    return proof.broken > 0 || rc == -EUCLEAN ? CLI_DIFFERENT : rc < 0 ? CLI_REFUSED : CLI_DONE;
}

/* The base that was made for the backup has done its work, unless the log goes on from it. */
static void drop_base(const struct manifest *manifest, const char *dir)
{
    char name[MANIFEST_FILE_BYTES], path[PATH_MAX];
    bool pruned = !named(manifest, "log/00000000000000000001.seg"), another = false;
    snprintf(name, sizeof name, "base/%020llu.base", (unsigned long long)manifest->base);
    for (size_t i = 0; i < manifest->count; i++) {
        const char *file = manifest->files[i].name, *dot = strrchr(file, '.');
        another |= strncmp(file, "base/", 5) == 0 && dot && strcmp(dot, ".base") == 0 && strcmp(file, name) != 0;
    }
    if ((!pruned || another) && path_of(path, dir, name))
        (void)unlink(path);
}

/* A pruned log has no way but its key: a new origin needs the tree, and that needs every entry. */
static void say_keyless(const char *dir, bool pruned)
{
    if (pruned)
        cli_say(
            "the backup holds no private key: put it back as %s/evidence/key before the daemon starts, from a backup "
            "made --with-key or from the old machine; the log was pruned, so there can be no new origin",
            dir);
    else
        cli_say("the backup holds no private key: put it back as %s/evidence/key before the daemon starts, or move "
                "%s/evidence away to begin a new origin",
                dir, dir);
}

static int restore(const char *from, const char *dir, bool new_origin)
{
    struct manifest manifest;
    int code = manifest_read(&manifest, from, "relief-backup", false);
    if (code)
        return code;
    bool pruned = manifest.seq > 0 && !named(&manifest, "log/00000000000000000001.seg");
    if (new_origin && pruned)
        code = cli_bad("the log was pruned: its tree can't be made anew, so it needs its evidence and its key");
    bool made = false;
    if (code == 0)
        code = begin(dir, &made);
    bool begun = code == 0;
    if (code == 0)
        code = copy_files(&manifest, from, dir, new_origin);
    if (code == 0)
        code = make_store(&manifest, dir, new_origin);
    if (code == 0)
        drop_base(&manifest, dir);
    if (code == 0)
        code = end(dir);
    if (code && begun)
        clear_folder(dir);
    if (code && made)
        (void)rmdir(dir);
    if (code == 0)
        printf("%s: restored up to entry %llu, head %s; holds\n", dir, (unsigned long long)manifest.seq, manifest.head);
    if (code == 0 && !new_origin && !named(&manifest, "evidence/key") && named(&manifest, "evidence/state"))
        say_keyless(dir, pruned);
    manifest_deinit(&manifest);
    return code;
}

static int run_restore(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    bool new_origin = false;
    const struct cli_option options[] = {{"new-origin", 0, NULL, &new_origin, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_restore, stdout);
    if (words.count != 2)
        return cli_bad("usage: relief restore BACKUP DIR [--new-origin]");
    if (sodium_init() < 0)
        return CLI_REFUSED;
    return cli_flush(stdout, restore(words.word[0], words.word[1], new_origin));
}

const struct cli_command cli_command_restore = {"restore", "BACKUP DIR [--new-origin]",
                                                "a data folder from a backup, verified; DIR must be empty or absent",
                                                run_restore};
