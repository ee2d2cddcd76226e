/*
 * The store from a base. Every flush of a store leaves it with a mark that says where it stands, and a store that holds
 * half a base stands nowhere; so it is filled beside the old one, in DIR/store.new, and takes its place when it is
 * whole. Whatever interrupts that, the next start finds the old one or the new one.
 */
#include "engine/load.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_EVERY 4096u /* records between two questions: some milliseconds */

/* ---- into an empty store ---- */

/*
 * A piece goes to disk when the overlay has enough. It has to have a mark that rises and stays below the last one;
 * nobody will ever read it. There are by far more entries than pieces, and should there be none left, the overlay
 * grows.
 */
static int flush_piece(struct store *store, struct engine_flush_signal *flush, const struct store_mark *mark,
                       uint64_t *piece)
{
    if (!flush || store_overlay_bytes(store) < STORE_FREEZE_BYTES_MAX || *piece + 1 >= mark->seq)
        return 0;
    const struct store_mark part = {.seq = ++*piece};
    store_batch_end(store, part.seq, 0);
    store_durable(store, &part, 0);
    return engine_flush_wait(flush, store);
}

int engine_load_base(struct engine_base *base, struct store *store, struct core *core,
                     struct engine_flush_signal *flush, engine_over *over, void *context)
{
    const struct store_mark mark = engine_base_head(base)->mark;
    uint64_t piece = 0;
    int rc;
    while ((rc = engine_base_restore(base, core)) == 1) {
        rc = flush_piece(store, flush, &mark, &piece);
        if (rc == 0 && over && engine_base_records(base) % ASK_EVERY == 0)
            rc = over(context, engine_base_records(base), 0);
        if (rc)
            return rc;
    }
    if (rc)
        return rc;
    store_batch_end(store, mark.seq, mark.time);
    if (!flush)
        return 0;
    store_durable(store, &mark, 0);
    return engine_flush_all(flush, store, mark.seq);
}

/* ---- in the place of the old one ---- */

int engine_remove_store(const char *dir)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!engine_folder_path(path, sizeof path, dir, names[i]))
            return -ENAMETOOLONG;
        if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
            return -errno;
    }
    return rmdir(dir) && errno != ENOENT ? -errno : 0;
}

void engine_sweep(const char *dir)
{
    char path[PATH_MAX], folder[PATH_MAX];
    if (engine_folder_path(path, sizeof path, dir, ENGINE_STORE_NEW))
        (void)engine_remove_store(path);
    if (!engine_folder_path(path, sizeof path, dir, "tmp"))
        return;
    DIR *names = opendir(path);
    if (!names)
        return;
    for (struct dirent *entry; (entry = readdir(names));) {
        if (strncmp(entry->d_name, "at-", 3) == 0 && engine_folder_path(folder, sizeof folder, path, entry->d_name))
            (void)engine_remove_store(folder);
    }
    (void)closedir(names);
    (void)rmdir(path);
}

static int fill(const char *path, struct engine_base *base)
{
    struct engine_flush_signal flush;
    struct store *store = NULL;
    struct core core;
    engine_flush_init(&flush, NULL, NULL);
    int rc = store_open(&store, &(struct store_options){.dir = path, .flushed = engine_flush_ended, .context = &flush});
    if (rc == 0)
        rc = core_init(&core, store_view(store));
    if (rc == 0) {
        rc = engine_load_base(base, store, &core, &flush, NULL, NULL);
        core_deinit(&core);
    }
    store_close(store);
    engine_flush_deinit(&flush);
    return rc;
}

int engine_fill_store(const char *path, const char *dir, uint64_t seq, struct engine_report *report)
{
    struct engine_base *base = NULL;
    int rc = engine_bases_open(&base, dir, seq);
    if (rc == 0)
        rc = fill(path, base);
    if (rc == -EUCLEAN)
        engine_say(report, rc, "the base at entry %llu is damaged", (unsigned long long)seq);
    else if (rc)
        engine_say(report, rc, "making the store from the base at entry %llu: %s", (unsigned long long)seq,
                   strerror(-rc));
    report->base = seq;
    report->records = base ? engine_base_records(base) : 0;
    engine_base_close(base);
    return rc;
}

static int sync_folder(const char *path)
{
    int fd;
    int rc = file_open_dir(&file_io_system, path, 0, &fd);
    if (rc == 0) {
        rc = file_sync(&file_io_system, fd);
        file_close(&file_io_system, fd);
    }
    return rc;
}

int engine_take_place(const char *dir, const char *path)
{
    char from[PATH_MAX], folder[PATH_MAX], to[PATH_MAX], lock[PATH_MAX];
    if (!engine_folder_path(folder, sizeof folder, dir, "store") ||
        !engine_folder_path(from, sizeof from, path, "data.mdb") ||
        !engine_folder_path(to, sizeof to, folder, "data.mdb") ||
        !engine_folder_path(lock, sizeof lock, folder, "lock.mdb"))
        return -ENAMETOOLONG;
    int rc = engine_folder_make(folder);
    if (rc)
        return rc;
    if (unlink(lock) && errno != ENOENT)
        return -errno;
    if (rename(from, to))
        return -errno;
    rc = sync_folder(folder);
    return rc ? rc : engine_remove_store(path);
}

static int replace_store(const char *dir, uint64_t seq, struct store **store, struct engine_flush_signal *flush,
                         struct engine_report *report)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, ENGINE_STORE_NEW))
        return engine_say(report, -ENAMETOOLONG, "%s: the path is too long", dir);
    store_close(*store);
    *store = NULL;
    int rc = engine_remove_store(path);
    if (rc)
        return engine_say(report, rc, "%s: %s", path, strerror(-rc));
    rc = engine_fill_store(path, dir, seq, report);
    if (rc == 0 && (rc = engine_take_place(dir, path)) != 0)
        engine_say(report, rc, "putting the new store in its place: %s", strerror(-rc));
    if (rc) {
        (void)engine_remove_store(path);
        return rc;
    }
    return engine_open_store(store, dir, false, flush, report);
}

/* ---- which one ---- */

/* The log begins with 1, or goes on from a base; and it is not shorter than what was made from it. */
static int prove_beginning(const char *dir, struct log *log, struct engine_report *report)
{
    const struct log_head head = log_durable(log);
    struct engine_base *base = NULL;
    uint64_t first = log_first(log), lowest = 0, highest = 0;
    int rc = engine_bases_lowest(dir, first, &lowest);
    if (rc == 0)
        rc = engine_bases_find(dir, 1, UINT64_MAX, &highest);
    if (rc)
        return engine_say(report, rc, "%s/base: %s", dir, strerror(-rc));
    if (lowest > head.seq && first > 1)
        return engine_say(report, -EUCLEAN,
                          "log damaged: it begins with entry %llu and there is no base that it goes on from: a segment "
                          "is missing",
                          (unsigned long long)first);
    if (highest > head.seq)
        return engine_say(report, -EUCLEAN, "log damaged: there is a base at entry %llu, but it ends with entry %llu",
                          (unsigned long long)highest, (unsigned long long)head.seq);
    if (first <= 1)
        return 0;
    rc = engine_bases_open(&base, dir, lowest);
    engine_base_close(base);
    return rc == 0 ? 0
           : rc == -EUCLEAN
               ? engine_say(report, rc, "the base at entry %llu is damaged", (unsigned long long)lowest)
               : engine_say(report, rc, "the base at entry %llu: %s", (unsigned long long)lowest, strerror(-rc));
}

int engine_begin_at(const char *dir, struct log *log, enum engine_from from, uint64_t at, uint64_t *ret_seq,
                    struct engine_report *report)
{
    uint64_t first = log_first(log);
    int rc = prove_beginning(dir, log, report);
    *ret_seq = 0;
    if (rc)
        return rc;
    if (from == ENGINE_FROM_STORE && at > 0 && at + 1 >= first)
        return 0;
    if (from == ENGINE_FROM_FIRST)
        rc = engine_bases_lowest(dir, first, ret_seq);
    else
        rc = engine_bases_find(dir, first ? first - 1 : 0, log_durable(log).seq, ret_seq);
    return rc ? engine_say(report, rc, "%s/base: %s", dir, strerror(-rc)) : 0;
}

int engine_begin(const char *dir, struct log *log, enum engine_from from, struct store **store,
                 struct engine_flush_signal *flush, struct engine_report *report)
{
    uint64_t seq;
    int rc = engine_begin_at(dir, log, from, store_mark(*store).seq, &seq, report);
    return rc || seq == 0 ? rc : replace_store(dir, seq, store, flush, report);
}
