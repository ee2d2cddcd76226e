/*
 * The store made anew from the log: nothing in it is a truth of its own, so damage there costs time and no data. Each
 * flush leaves a store that stands at an entry, so a rebuild that is interrupted is continued by the next start.
 */
#include "engine/state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int unlink_store(const char *dir)
{
    static const char *const names[] = {"store/data.mdb", "store/lock.mdb"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!engine_folder_path(path, sizeof path, dir, names[i]))
            return -ENAMETOOLONG;
        if (unlink(path) && errno != ENOENT)
            return -errno;
    }
    return 0;
}

int engine_store_aside(const char *dir)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (!engine_folder_path(from, sizeof from, dir, "store/data.mdb") ||
        !engine_folder_path(to, sizeof to, dir, "store/data.damaged"))
        return -ENAMETOOLONG;
    return rename(from, to) ? -errno : 0;
}

/* An empty store. One that can't even be opened is removed; the lock on the folder says that nobody else has it open.
 */
static int open_empty(struct store **ret_store, const char *dir, struct engine_flush_signal *flush,
                      struct engine_report *report)
{
    int rc = engine_open_store(ret_store, dir, false, flush, report);
    if (rc == 0) {
        rc = store_wipe(*ret_store);
        return rc ? engine_say(report, rc, "emptying the store: %s", strerror(-rc)) : 0;
    }
    if (rc != -EUCLEAN)
        return rc;
    report->message[0] = '\0';
    rc = unlink_store(dir);
    if (rc)
        return engine_say(report, rc, "removing the damaged store: %s", strerror(-rc));
    return engine_open_store(ret_store, dir, false, flush, report);
}

int engine_rebuild(const char *dir, bool restoring, struct engine_report *report)
{
    const struct engine_options options = {0};
    struct engine_entry_hasher hasher;
    struct engine_flush_signal flush;
    struct log *log = NULL;
    struct store *store = NULL;
    struct core core;
    struct store_mark head = {0};
    int lock_fd = -1;
    bool core_ready = false;

    *report = (struct engine_report){0};
    engine_flush_init(&flush, NULL, NULL);
    int rc = engine_entry_hasher_init(&hasher);
    if (rc == 0)
        rc = engine_folder_lock(dir, &lock_fd);
    if (rc) {
        engine_say(report, rc, "%s: %s", dir, rc == -EBUSY ? "another daemon has it" : strerror(-rc));
        goto out;
    }
    rc = restoring ? 0 : engine_folder_whole(dir, report);
    if (rc)
        goto out;
    engine_sweep(dir);
    rc = engine_open_log(&log, dir, &options, false, &hasher, report);
    if (rc == 0)
        rc = open_empty(&store, dir, &flush, report);
    if (rc == 0)
        rc = engine_begin(dir, log, restoring ? ENGINE_FROM_NEWEST : ENGINE_FROM_FIRST, &store, &flush, report);
    if (rc)
        goto out;
    rc = core_init(&core, store_view(store));
    core_ready = rc == 0;
    if (rc == 0)
        rc = engine_recover(log, store, &core, &flush, NULL, &options, report, &head);
    if (rc == 0 && (rc = engine_flush_all(&flush, store, head.seq)) < 0)
        engine_say(report, rc, "writing the store: %s", strerror(-rc));
    memcpy(report->hash, head.hash, sizeof report->hash);
out:
    if (core_ready)
        core_deinit(&core);
    store_close(store);
    log_close(log);
    engine_entry_hasher_deinit(&hasher);
    engine_flush_deinit(&flush);
    if (lock_fd >= 0)
        close(lock_fd);
    return rc;
}
