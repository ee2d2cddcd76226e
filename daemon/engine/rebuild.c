/*
 * The store made anew from the log: nothing in it is a truth of its own, so damage there costs time and no data. It is
 * made beside the old one, which may be whole while base or log are not: what a rebuild can't replace, it leaves.
 */
#include "engine/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int engine_store_aside(const char *dir)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (!engine_folder_path(from, sizeof from, dir, "store/data.mdb") ||
        !engine_folder_path(to, sizeof to, dir, "store/data.damaged"))
        return -ENAMETOOLONG;
    return rename(from, to) ? -errno : 0;
}

/* Up to the end of the log, in a folder of its own. */
static int make(const char *path, const char *dir, struct log *log, uint64_t base, struct engine_report *report)
{
    const struct engine_options options = {0};
    struct engine_flush_signal flush;
    struct store *store = NULL;
    struct core core;
    struct store_mark head = {0};
    int rc = base ? engine_fill_store(path, dir, base, report) : 0;
    if (rc)
        return rc;
    engine_flush_init(&flush, NULL, NULL);
    rc = store_open(&store, &(struct store_options){.dir = path, .flushed = engine_flush_ended, .context = &flush});
    if (rc == 0 && (rc = core_init(&core, store_view(store))) == 0) {
        rc = engine_recover(log, store, &core, &flush, NULL, &options, report, &head);
        if (rc == 0)
            rc = engine_flush_all(&flush, store, head.seq);
        core_deinit(&core);
    }
    store_close(store);
    engine_flush_deinit(&flush);
    memcpy(report->hash, head.hash, sizeof report->hash);
    return rc;
}

static int replace(const char *dir, struct log *log, uint64_t base, struct engine_report *report)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, ENGINE_STORE_NEW))
        return engine_say(report, -ENAMETOOLONG, "%s: the path is too long", dir);
    int rc = engine_remove_store(path);
    if (rc == 0)
        rc = make(path, dir, log, base, report);
    if (rc == 0)
        rc = engine_take_place(dir, path);
    if (rc == 0)
        return 0;
    (void)engine_remove_store(path);
    return report->message[0] ? rc : engine_say(report, rc, "making the store: %s", strerror(-rc));
}

int engine_rebuild(const char *dir, bool restoring, struct engine_report *report)
{
    const struct engine_options options = {0};
    struct engine_entry_hasher hasher;
    struct log *log = NULL;
    uint64_t base;
    int lock_fd = -1;

    *report = (struct engine_report){0};
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
        rc = engine_begin_at(dir, log, restoring ? ENGINE_FROM_NEWEST : ENGINE_FROM_FIRST, 0, &base, report);
    if (rc == 0)
        rc = replace(dir, log, base, report);
out:
    log_close(log);
    engine_entry_hasher_deinit(&hasher);
    if (lock_fd >= 0)
        close(lock_fd);
    return rc;
}
