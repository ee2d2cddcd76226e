/*
 * File calls that are right about short transfers and signals, over a table of the calls themselves: tests put their own table
 * in to fail the Nth write or sync. Everything that must survive a crash goes through here.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * True of -errno when the machine has none left for the moment (space, quota, length of a file, descriptors, memory) or takes
 * no writes: nothing is wrong with what was written, and the same may succeed later. Never true of a sync's error.
 */
bool file_is_shortage(int error);

/* The calls, with errno as the system's have it. context is handed to each. */
struct file_io {
    void *context;
    int (*openat)(void *context, int dir_fd, const char *name, int flags, mode_t mode);
    ssize_t (*pread)(void *context, int fd, void *to, size_t len, off_t offset);
    ssize_t (*pwrite)(void *context, int fd, const void *from, size_t len, off_t offset);
    int (*fallocate)(void *context, int fd, off_t len);
    int (*fdatasync)(void *context, int fd);
    int (*fsync)(void *context, int fd);
    int (*renameat)(void *context, int dir_fd, const char *from, const char *to);
    int (*unlinkat)(void *context, int dir_fd, const char *name);
    int (*close)(void *context, int fd);
};

/* The system's calls. */
extern const struct file_io file_io_system;

/* 0 and *ret_fd (close-on-exec), or -errno. */
int file_open(const struct file_io *io, int dir_fd, const char *name, int flags, int *ret_fd);
/* Closes; a negative fd is nothing to do. */
void file_close(const struct file_io *io, int fd);
/* Bytes read: less than len only where the file ends; or -errno. */
ssize_t file_read(const struct file_io *io, int fd, void *to, size_t len, uint64_t offset);
/* Everything written, or -errno (-EIO where the system takes nothing and gives no reason). */
int file_write(const struct file_io *io, int fd, const void *from, size_t len, uint64_t offset);
/* Blocks for the first len bytes of the file, which has that size afterwards. 0, -errno. Where the file system can't: 0. */
int file_allocate(const struct file_io *io, int fd, uint64_t len);
/* 0 or -errno; -EIO where the system says that space was lacking: what it has dropped then nobody knows. */
int file_datasync(const struct file_io *io, int fd);
int file_sync(const struct file_io *io, int fd);
int file_rename(const struct file_io *io, int dir_fd, const char *from, const char *to);
int file_unlink(const struct file_io *io, int dir_fd, const char *name);
/* Opens a folder, mode 0700 when it has to be made (and then its parent synced). 0 and *ret_fd, -errno. */
int file_open_dir(const struct file_io *io, const char *path, int make, int *ret_fd);
