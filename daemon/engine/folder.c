/*
 * The data folder: DIR/lock, DIR/log, DIR/store. One process at a time holds the lock; the kernel gives it back however
 * that process ends. Opening either part turns what went wrong into the sentence that an operator reads.
 */
#include "engine/state.h"

#include "base/file.h"
#include "base/plant.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int engine_say(struct engine_report *report, int rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->message, sizeof report->message, format, arguments);
    va_end(arguments);
    return rc;
}

bool engine_folder_path(char *ret_path, size_t size, const char *dir, const char *name)
{
    int len = snprintf(ret_path, size, "%s/%s", dir, name);
    return len >= 0 && (size_t)len < size;
}

int engine_folder_make(const char *path)
{
    int fd;
    int rc = file_open_dir(&file_io_system, path, 1, &fd);
    if (rc == 0)
        file_close(&file_io_system, fd);
    return rc;
}

int engine_folder_whole(const char *dir, struct engine_report *report)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, ENGINE_INCOMPLETE) || access(path, F_OK) != 0)
        return 0;
    return engine_say(report, -EUCLEAN, "%s: a restore into this folder was interrupted: run it again", dir);
}

int engine_folder_lock(const char *dir, int *ret_fd)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, "lock"))
        return -ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) && !PLANT("no-lock")) {
        int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int engine_say_newer(struct engine_report *report, unsigned generation)
{
    char what[64] = "in another form";
    if (generation)
        snprintf(what, sizeof what, "of generation %u of the schema", generation);
    return engine_say(report, -ENOTSUP,
                      "the log was written by a newer version of this program: it has an entry %s, and this version "
                      "knows generation %u and older ones",
                      what, RELIEF_GENERATION);
}

int engine_open_log(struct log **ret_log, const char *dir, const struct engine_options *options, bool read_only,
                    struct engine_entry_hasher *hasher, struct engine_report *report)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, "log"))
        return engine_say(report, -ENAMETOOLONG, "%s: the path is too long", dir);
    int rc = read_only ? 0 : engine_folder_make(path);
    if (rc)
        return engine_say(report, rc, "%s: %s", path, strerror(-rc));
    struct log_damage damage = {0};
    rc = log_open(ret_log,
                  &(struct log_options){.dir = path,
                                        .segment_bytes = options->segment_bytes,
                                        .io = options->io,
                                        .read_only = read_only,
                                        .hash = engine_entry_hash,
                                        .context = hasher},
                  &damage, &report->cut);
    if (rc && hasher->error == -ENOTSUP) /* it has no hash here, so it seems that the chain breaks there */
        return engine_say_newer(report, hasher->newer);
    if (rc == -EUCLEAN)
        return engine_say(report, rc, "log damaged: %s at offset %llu, entry %llu: %s", damage.segment,
                          (unsigned long long)damage.offset, (unsigned long long)damage.seq, damage.what);
    if (rc)
        return engine_say(report, rc, "%s: %s", path, strerror(-rc));
    if (hasher->error) {
        log_close(*ret_log);
        *ret_log = NULL;
        if (hasher->error == -ENOTSUP)
            return engine_say_newer(report, hasher->newer);
        return engine_say(report, -EUCLEAN, "log damaged: an entry can't be decoded (%s)", strerror(-hasher->error));
    }
    return 0;
}

int engine_open_store(struct store **ret_store, const char *dir, bool read_only, struct engine_flush_signal *flush,
                      struct engine_report *report)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, "store"))
        return engine_say(report, -ENAMETOOLONG, "%s: the path is too long", dir);
    int rc = read_only ? 0 : engine_folder_make(path);
    if (rc)
        return engine_say(report, rc, "%s: %s", path, strerror(-rc));
    rc = store_open(ret_store, &(struct store_options){.dir = path,
                                                       .read_only = read_only,
                                                       .flushed = flush ? engine_flush_ended : NULL,
                                                       .context = flush});
    if (rc == -EUCLEAN)
        return engine_say(
            report, rc,
            "%s is damaged or newer than this program; remove it and start again, it is made anew from the log", path);
    if (rc)
        return engine_say(report, rc, "%s: %s", path, strerror(-rc));
    return 0;
}
