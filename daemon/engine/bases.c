/*
 * The folder DIR/base: which bases there are, and how one gets its name. A name is given to a file that is whole and
 * synced, so what has one was finished; what is left of an unfinished one has another name and is written over.
 */
#include "engine/answers.h"
#include "engine/base.h"
#include "engine/state.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DIGITS 20u

void engine_base_name(char *ret_name, size_t size, uint64_t seq, const char *suffix)
{
    (void)snprintf(ret_name, size, "%020" PRIu64 "%s", seq, suffix);
}

/* The number in a name of 20 digits and the suffix. */
static bool parse_name(const char *name, const char *suffix, uint64_t *ret_seq)
{
    uint64_t seq = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9' || seq > UINT64_MAX / 10 - 1)
            return false;
        seq = seq * 10 + (uint64_t)(name[i] - '0');
    }
    *ret_seq = seq;
    return strcmp(name + DIGITS, suffix) == 0;
}

/* 0 to go on. */
typedef int each_name(void *context, int dir_fd, const char *name);

/* A folder that isn't there is empty. */
static int each_in(const char *dir, each_name *each, void *context)
{
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, dir, "base"))
        return -ENAMETOOLONG;
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT ? 0 : -errno;
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (errno = 0, entry = readdir(folder));)
        rc = each(context, dirfd(folder), entry->d_name);
    if (rc == 0 && errno)
        rc = -errno;
    (void)closedir(folder);
    return rc;
}

struct search {
    const char *suffix;
    uint64_t from, until, highest, lowest;
    bool found;
};

static int look(void *context, int dir_fd, const char *name)
{
    struct search *search = context;
    uint64_t seq;
    (void)dir_fd;
    if (strlen(name) < DIGITS || !parse_name(name, search->suffix, &seq) || seq < search->from || seq > search->until)
        return 0;
    search->highest = !search->found || seq > search->highest ? seq : search->highest;
    search->lowest = !search->found || seq < search->lowest ? seq : search->lowest;
    search->found = true;
    return 0;
}

int engine_bases_find(const char *dir, uint64_t from, uint64_t until, uint64_t *ret_seq)
{
    struct search search = {.suffix = ".base", .from = from ? from : 1, .until = until};
    int rc = each_in(dir, look, &search);
    *ret_seq = search.found ? search.highest : 0;
    return rc;
}

int engine_answers_find(const char *dir, uint64_t *ret_seq)
{
    struct search search = {.suffix = ".answers", .from = 1, .until = UINT64_MAX};
    int rc = each_in(dir, look, &search);
    *ret_seq = search.found ? search.highest : 0;
    return rc;
}

int engine_bases_next(const char *dir, uint64_t from, uint64_t *ret_seq)
{
    struct search search = {.suffix = ".base", .from = from ? from : 1, .until = UINT64_MAX};
    int rc = each_in(dir, look, &search);
    *ret_seq = search.found ? search.lowest : UINT64_MAX;
    return rc;
}

int engine_bases_lowest(const char *dir, uint64_t log_first, uint64_t *ret_seq)
{
    *ret_seq = 0;
    return log_first <= 1 ? 0 : engine_bases_next(dir, log_first - 1, ret_seq);
}

int engine_bases_open(struct engine_base **ret_base, const char *dir, uint64_t seq)
{
    char folder[PATH_MAX], path[PATH_MAX], name[ENGINE_BASE_NAME];
    engine_base_name(name, sizeof name, seq, ".base");
    if (!engine_folder_path(folder, sizeof folder, dir, "base") || !engine_folder_path(path, sizeof path, folder, name))
        return -ENAMETOOLONG;
    int rc = engine_base_open(ret_base, path);
    if (rc == 0 && engine_base_head(*ret_base)->mark.seq != seq) {
        engine_base_close(*ret_base);
        *ret_base = NULL;
        return -EUCLEAN; /* somebody gave it another name */
    }
    return rc;
}

/* ---- writing ---- */

struct target {
    int fd;
    uint64_t offset;
};

static int put(void *context, const void *data, size_t len)
{
    struct target *target = context;
    int rc = file_write(&file_io_system, target->fd, data, len, target->offset);
    target->offset += len;
    return rc;
}

int engine_bases_write(const char *dir, struct core_view *view, const struct engine_base_head *head)
{
    const struct file_io *io = &file_io_system;
    char folder[PATH_MAX], name[ENGINE_BASE_NAME];
    struct target target = {.fd = -1};
    int dir_fd = -1;
    if (!engine_folder_path(folder, sizeof folder, dir, "base"))
        return -ENAMETOOLONG;
    engine_base_name(name, sizeof name, head->mark.seq, ".base");
    int rc = file_open_dir(io, folder, 1, &dir_fd);
    if (rc == 0)
        rc = file_open(io, dir_fd, "base.tmp", O_RDWR | O_CREAT | O_TRUNC, &target.fd);
    if (rc == 0)
        rc = engine_base_write(view, head, put, &target);
    if (rc == 0)
        rc = file_sync(io, target.fd);
    if (rc == 0)
        rc = file_rename(io, dir_fd, "base.tmp", name);
    if (rc == 0)
        rc = file_sync(io, dir_fd);
    file_close(io, target.fd);
    file_close(io, dir_fd);
    return rc;
}

/* ---- removing ---- */

static int remove_low(void *context, int dir_fd, const char *name)
{
    const uint64_t *below = context;
    uint64_t seq;
    if (strlen(name) < DIGITS || (!parse_name(name, ".base", &seq) && !parse_name(name, ".answers", &seq)))
        return 0;
    return seq < *below ? file_unlink(&file_io_system, dir_fd, name) : 0;
}

int engine_bases_remove_below(const char *dir, uint64_t seq)
{
    return each_in(dir, remove_low, &seq);
}
