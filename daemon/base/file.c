/*
 * File calls over a table.
 *
 * A write may be short and a signal may come in between, on every call; each loop here goes on where it stopped. A sync
 * is never tried again after an error: the kernel may have dropped the pages and would answer "done" (fsync of 2018,
 * PostgreSQL). EINTR of a sync is passed on as an error for the same reason. close is not repeated after EINTR, on
 * Linux the descriptor is gone.
 */
#include "base/file.h"
#include "base/plant.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_openat(void *context, int dir_fd, const char *name, int flags, mode_t mode)
{
    (void)context;
    return openat(dir_fd, name, flags, mode);
}

static ssize_t system_pread(void *context, int fd, void *to, size_t len, off_t offset)
{
    (void)context;
    return pread(fd, to, len, offset);
}

static ssize_t system_pwrite(void *context, int fd, const void *from, size_t len, off_t offset)
{
    (void)context;
    return pwrite(fd, from, len, offset);
}

static int system_fallocate(void *context, int fd, off_t len)
{
    (void)context;
    return fallocate(fd, 0, 0, len);
}

static int system_fdatasync(void *context, int fd)
{
    (void)context;
    return fdatasync(fd);
}

static int system_fsync(void *context, int fd)
{
    (void)context;
    return fsync(fd);
}

static int system_renameat(void *context, int dir_fd, const char *from, const char *to)
{
    (void)context;
    return renameat(dir_fd, from, dir_fd, to);
}

static int system_unlinkat(void *context, int dir_fd, const char *name)
{
    (void)context;
    return unlinkat(dir_fd, name, 0);
}

static int system_close(void *context, int fd)
{
    (void)context;
    return close(fd);
}

const struct file_io file_io_system = {
    .openat = system_openat,
    .pread = system_pread,
    .pwrite = system_pwrite,
    .fallocate = system_fallocate,
    .fdatasync = system_fdatasync,
    .fsync = system_fsync,
    .renameat = system_renameat,
    .unlinkat = system_unlinkat,
    .close = system_close,
};

int file_open(const struct file_io *io, int dir_fd, const char *name, int flags, int *ret_fd)
{
    int fd;

    do
        fd = io->openat(io->context, dir_fd, name, flags | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

void file_close(const struct file_io *io, int fd)
{
    if (fd >= 0)
        (void)io->close(io->context, fd);
}

ssize_t file_read(const struct file_io *io, int fd, void *to, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = io->pread(io->context, fd, (char *)to + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int file_write(const struct file_io *io, int fd, const void *from, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = io->pwrite(io->context, fd, (const char *)from + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && PLANT("ignore-write-error"))
            break;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        if (PLANT("ignore-short"))
            break;
        done += (size_t)n;
    }
    return 0;
}

int file_allocate(const struct file_io *io, int fd, uint64_t len)
{
    int r;

    do
        r = io->fallocate(io->context, fd, (off_t)len);
    while (r < 0 && errno == EINTR);
    return r < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

bool file_is_shortage(int error)
{
    if (PLANT("no-shortage"))
        return false;
    switch (-error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* a limit on the length of files, which can be raised while the daemon runs */
    case EROFS:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return true;
    default:
        return false;
    }
}

static int sync_error(int error)
{
    if (PLANT("ignore-sync-error"))
        return 0;
    return file_is_shortage(error) ? -EIO : error;
}

int file_datasync(const struct file_io *io, int fd)
{
    return io->fdatasync(io->context, fd) < 0 ? sync_error(-errno) : 0;
}

int file_sync(const struct file_io *io, int fd)
{
    return io->fsync(io->context, fd) < 0 ? sync_error(-errno) : 0;
}

int file_rename(const struct file_io *io, int dir_fd, const char *from, const char *to)
{
    return io->renameat(io->context, dir_fd, from, to) < 0 ? -errno : 0;
}

int file_unlink(const struct file_io *io, int dir_fd, const char *name)
{
    return io->unlinkat(io->context, dir_fd, name) < 0 ? -errno : 0;
}

int file_open_dir(const struct file_io *io, const char *path, int make, int *ret_fd)
{
    int fd = -1, parent = -1, made = 0, r;

    if (make) {
        if (mkdir(path, 0700) == 0)
            made = 1;
        else if (errno != EEXIST)
            return -errno;
    }
    r = file_open(io, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, &fd);
    if (r == 0 && made) {
        r = file_open(io, fd, "..", O_RDONLY | O_DIRECTORY, &parent);
        if (r == 0)
            r = file_sync(io, parent);
    }
    file_close(io, parent);
    if (r < 0) {
        file_close(io, fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}
