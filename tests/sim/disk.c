/*
 * A disk that does with a batch what it is told, under the log's own calls. A batch is the write that begins with a
 * byte other than zero behind a segment's header: zero-filling and headers pass, they are not where a crash is
 * interesting.
 */
#include "sim.h"

#include <errno.h>

static bool is_batch(const void *from, off_t offset)
{
    return offset > 0 && *(const uint8_t *)from != 0;
}

static int fail(void)
{
    errno = EIO;
    return -1;
}

static bool is_dead(struct disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    bool dead = disk->dead;
    pthread_mutex_unlock(&disk->lock);
    return dead;
}

static int sim_openat(void *context, int dir_fd, const char *name, int flags, mode_t mode)
{
    return is_dead(context) ? fail() : file_io_system.openat(NULL, dir_fd, name, flags, mode);
}

static ssize_t sim_pread(void *context, int fd, void *to, size_t len, off_t offset)
{
    return is_dead(context) ? fail() : file_io_system.pread(NULL, fd, to, len, offset);
}

static ssize_t write_batch(struct disk *disk, int fd, const void *from, size_t len, off_t offset)
{
    pthread_mutex_lock(&disk->lock);
    while (disk->fate == FATE_NONE && !disk->dead)
        pthread_cond_wait(&disk->told, &disk->lock);
    enum fate fate = disk->dead ? FATE_LOST : disk->fate;
    size_t part = len * disk->torn_percent / 100;
    disk->fate = FATE_NONE;
    disk->dead = disk->dead || fate == FATE_LOST || fate == FATE_TORN;
    disk->sync_fails = fate == FATE_UNSYNCED;
    pthread_mutex_unlock(&disk->lock);
    if (fate == FATE_TORN && part > 0)
        (void)!file_io_system.pwrite(NULL, fd, from, part, offset);
    if (fate == FATE_LOST || fate == FATE_TORN)
        return fail();
    return file_io_system.pwrite(NULL, fd, from, len, offset);
}

static ssize_t sim_pwrite(void *context, int fd, const void *from, size_t len, off_t offset)
{
    if (is_batch(from, offset))
        return write_batch(context, fd, from, len, offset);
    return is_dead(context) ? fail() : file_io_system.pwrite(NULL, fd, from, len, offset);
}

static int sim_fallocate(void *context, int fd, off_t len)
{
    return is_dead(context) ? fail() : file_io_system.fallocate(NULL, fd, len);
}

/* The bytes stay in the page cache of this process's machine, so nothing has to reach a real disk. */
static int sim_sync(void *context, int fd)
{
    struct disk *disk = context;
    (void)fd;
    pthread_mutex_lock(&disk->lock);
    disk->dead = disk->dead || disk->sync_fails;
    bool dead = disk->dead;
    pthread_mutex_unlock(&disk->lock);
    return dead ? fail() : 0;
}

static int sim_renameat(void *context, int dir_fd, const char *from, const char *to)
{
    return is_dead(context) ? fail() : file_io_system.renameat(NULL, dir_fd, from, to);
}

static int sim_unlinkat(void *context, int dir_fd, const char *name)
{
    return is_dead(context) ? fail() : file_io_system.unlinkat(NULL, dir_fd, name);
}

static int sim_close(void *context, int fd)
{
    (void)context;
    return file_io_system.close(NULL, fd);
}

void disk_init(struct disk *disk)
{
    *disk = (struct disk){.io = {.context = disk,
                                 .openat = sim_openat,
                                 .pread = sim_pread,
                                 .pwrite = sim_pwrite,
                                 .fallocate = sim_fallocate,
                                 .fdatasync = sim_sync,
                                 .fsync = sim_sync,
                                 .renameat = sim_renameat,
                                 .unlinkat = sim_unlinkat,
                                 .close = sim_close}};
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->told, NULL);
}

void disk_deinit(struct disk *disk)
{
    pthread_mutex_destroy(&disk->lock);
    pthread_cond_destroy(&disk->told);
}

void disk_tell(struct disk *disk, enum fate fate, unsigned torn_percent)
{
    pthread_mutex_lock(&disk->lock);
    disk->fate = fate;
    disk->torn_percent = torn_percent;
    pthread_cond_signal(&disk->told);
    pthread_mutex_unlock(&disk->lock);
}

void disk_revive(struct disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    disk->dead = disk->sync_fails = false;
    disk->fate = FATE_NONE;
    pthread_mutex_unlock(&disk->lock);
}
