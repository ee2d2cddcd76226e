/*
 * Put before the C library of a program (LD_PRELOAD): counts the calls by which it changes files or tells somebody
 * something, and at a chosen one ends the process, fails the call, or cuts the power.
 *
 * A power cut. What is written goes through to the file at once, since LMDB reads its pages by mmap; beside that the
 * shim keeps what stood there before, until a sync of that file. At the cut everything that was not synced is undone,
 * in reverse, and a part of it is done again: TORN keeps the calls up to one of them, and of that one some sectors;
 * LOOSE keeps of each call, whatever its place, some sectors or none. Names (create, rename, unlink) are kept up to one
 * of them: a journal keeps their order. Then the process is killed. Under the lock no other thread changes a file
 * meanwhile.
 *
 * The test and the shim share a page, RELIEF_DISK_SHIM: struct control below, shim.py has the same. It says what to do
 * and counts; so the test can begin when the program is ready.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR 512u

enum action { COUNT, KILL, FAIL, SHORT, TORN, LOOSE };
enum class { WRITES = 1, SYNCS = 2, NAMES = 4, SIZES = 8, SENDS = 16 };

struct control {
    uint32_t action, classes; /* what to do, at calls of which classes */
    uint64_t at;              /* the call, by `calls`; 0: none */
    uint64_t times;           /* so many calls from there on */
    uint64_t calls;           /* calls of those classes so far */
    uint64_t acted;           /* how often it did something */
    uint64_t seed;
    int32_t error;    /* of FAIL */
    uint32_t track;   /* keep what a cut needs; from the start on */
    char folder[256]; /* only files in there, and all sockets */
};

/* A file with something pending: a descriptor of our own, since the program may close its own before the cut. */
struct file {
    dev_t dev;
    ino_t ino;
    int fd;
    unsigned users;
    struct file *next;
};

struct pending {
    enum { WROTE, SIZED, CREATED, RENAMED, UNLINKED } what;
    struct file *file; /* NULL for names */
    off_t offset, size_before;
    size_t len, before_len;
    uint8_t *data, *before;
    char *path, *other, *kept; /* renamed: from path to other, kept: a link to what other was */
    struct pending *next, *prev;
};

static struct control *control;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pending *first, *last;
static struct file *files;
static uint64_t chance;

#define REAL(name) real_##name
static ssize_t (*REAL(write))(int, const void *, size_t);
static ssize_t (*REAL(pwrite))(int, const void *, size_t, off_t);
static ssize_t (*REAL(pwritev))(int, const struct iovec *, int, off_t);
static ssize_t (*REAL(writev))(int, const struct iovec *, int);
static int (*REAL(fsync))(int);
static int (*REAL(fdatasync))(int);
static int (*REAL(ftruncate))(int, off_t);
static int (*REAL(fallocate))(int, int, off_t, off_t);
static int (*REAL(rename))(const char *, const char *);
static int (*REAL(renameat))(int, const char *, int, const char *);
static int (*REAL(unlink))(const char *);
static int (*REAL(unlinkat))(int, const char *, int);
static int (*REAL(openat))(int, const char *, int, ...);
static ssize_t (*REAL(send))(int, const void *, size_t, int);

__attribute__((constructor)) static void begin(void)
{
#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)
    FIND(write);
    FIND(pwrite);
    FIND(pwritev);
    FIND(writev);
    FIND(fsync);
    FIND(fdatasync);
    FIND(ftruncate);
    FIND(fallocate);
    FIND(rename);
    FIND(renameat);
    FIND(unlink);
    FIND(unlinkat);
    FIND(openat);
    FIND(send);
    const char *path = getenv("RELIEF_DISK_SHIM");
    int fd = path ? real_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED)
        control = page;
}

static uint64_t random_below(uint64_t below)
{
    uint64_t z = chance += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return below ? (z ^ z >> 31) % below : 0;
}

/* ---- which file ---- */

static bool inside(const char *path)
{
    size_t len = strlen(control->folder);
    return len > 0 && strncmp(path, control->folder, len) == 0;
}

static bool fd_path(int fd, char path[PATH_MAX])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    return true;
}

static bool is_ours(int fd)
{
    char path[PATH_MAX];
    struct stat info;
    return control && fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) && fd_path(fd, path) &&
           inside(path);
}

static bool full_path(int dir_fd, const char *name, char path[PATH_MAX])
{
    char dir[PATH_MAX];
    if (name[0] == '/' || dir_fd == AT_FDCWD)
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    return fd_path(dir_fd, dir) && snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

/* ---- what is not synced ---- */

static struct pending *push(void)
{
    struct pending *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->prev = last;
    *(last ? &last->next : &first) = p;
    last = p;
    return p;
}

static void drop(struct pending *p)
{
    *(p->prev ? &p->prev->next : &first) = p->next;
    *(p->next ? &p->next->prev : &last) = p->prev;
    if (p->kept)
        real_unlink(p->kept);
    if (p->file && --p->file->users == 0) {
        struct file **at = &files;
        while (*at != p->file)
            at = &(*at)->next;
        *at = p->file->next;
        close(p->file->fd);
        free(p->file);
    }
    free(p->data);
    free(p->before);
    free(p->path);
    free(p->other);
    free(p->kept);
    free(p);
}

static struct file *use_file(int fd, const struct stat *info)
{
    char link[40];
    for (struct file *file = files; file; file = file->next)
        if (file->dev == info->st_dev && file->ino == info->st_ino) {
            file->users++;
            return file;
        }
    struct file *file = calloc(1, sizeof *file);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int own = file ? real_openat(AT_FDCWD, link, O_RDWR | O_CLOEXEC) : -1;
    if (own < 0)
        abort();
    *file = (struct file){.dev = info->st_dev, .ino = info->st_ino, .fd = own, .users = 1, .next = files};
    files = file;
    return file;
}

static struct pending *note_bytes(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct stat info;
    if (!control->track || fstat(fd, &info) || !S_ISREG(info.st_mode) || (fcntl(fd, F_GETFL) & O_DSYNC))
        return NULL;
    struct pending *p = push();
    for (int i = 0; i < count; i++)
        p->len += parts[i].iov_len;
    p->what = WROTE;
    p->file = use_file(fd, &info);
    p->offset = offset;
    p->size_before = info.st_size;
    p->data = malloc(p->len + 1);
    p->before = malloc(p->len + 1);
    if (!p->data || !p->before)
        abort();
    size_t at = 0;
    for (int i = 0; i < count; at += parts[i++].iov_len)
        memcpy(p->data + at, parts[i].iov_base, parts[i].iov_len);
    ssize_t n = pread(p->file->fd, p->before, p->len, offset);
    p->before_len = n > 0 ? (size_t)n : 0;
    return p;
}

/* So much was written of what was noted. */
static void note_written(struct pending *p, ssize_t result)
{
    if (p && result < 0)
        drop(p);
    else if (p)
        p->len = (size_t)result;
}

static void note_size(int fd)
{
    struct stat info;
    if (!control->track || fstat(fd, &info))
        return;
    struct pending *p = push();
    p->what = SIZED;
    p->file = use_file(fd, &info);
    p->size_before = info.st_size;
}

static char *keep_link(const char *path)
{
    static unsigned number;
    char kept[PATH_MAX];
    snprintf(kept, sizeof kept, "%s/.kept-%d-%u", control->folder, (int)getpid(), number++);
    return link(path, kept) == 0 ? strdup(kept) : NULL;
}

static void note_name(int what, const char *path, const char *other)
{
    if (!control->track)
        return;
    struct pending *p = push();
    p->what = what;
    p->path = strdup(path);
    p->other = other ? strdup(other) : NULL;
    p->kept = what == RENAMED ? keep_link(other) : what == UNLINKED ? keep_link(path) : NULL;
}

static void note_sync(int fd)
{
    struct stat info;
    char path[PATH_MAX];
    if (!control->track || fstat(fd, &info) || !fd_path(fd, path))
        return;
    size_t len = strlen(path);
    for (struct pending *p = first, *next; p; p = next) {
        next = p->next;
        if (S_ISREG(info.st_mode)
                ? p->file && p->file->dev == info.st_dev && p->file->ino == info.st_ino
                : p->path && strncmp(p->path, path, len) == 0 && p->path[len] == '/' && !strchr(p->path + len + 1, '/'))
            drop(p);
    }
}

/* ---- the cut ---- */

static void undo(struct pending *p)
{
    switch (p->what) {
    case WROTE:
        if (p->before_len)
            (void)!real_pwrite(p->file->fd, p->before, p->before_len, p->offset);
        (void)!real_ftruncate(p->file->fd, p->size_before);
        break;
    case SIZED:
        (void)!real_ftruncate(p->file->fd, p->size_before);
        break;
    case CREATED:
        real_unlink(p->path);
        break;
    case RENAMED:
        real_rename(p->other, p->path);
        if (p->kept)
            real_rename(p->kept, p->other);
        break;
    case UNLINKED:
        if (p->kept)
            real_rename(p->kept, p->path);
        break;
    }
}

/* Of a write so many sectors: all, those at the front, or each by chance. */
static void again(const struct pending *p, bool loose)
{
    size_t head = (SECTOR - (size_t)p->offset % SECTOR) % SECTOR; /* sectors of the disk, not of the call */
    size_t front = random_below(p->len + 1);
    for (size_t at = 0, len; at < p->len; at += len) {
        len = at == 0 && head ? head : SECTOR;
        if (len > p->len - at)
            len = p->len - at;
        if (loose ? random_below(2) == 0 : at + len > front)
            continue;
        (void)!real_pwrite(p->file->fd, p->data + at, len, p->offset + (off_t)at);
    }
}

static void cut(bool loose)
{
    unsigned bytes = 0, names = 0, n = 0;
    for (struct pending *p = first; p; p = p->next)
        *(p->file ? &bytes : &names) += 1;
    uint64_t kept_names = random_below(names + 1), whole = random_below(bytes + 1);
    for (struct pending *p = last; p; p = p->prev) {
        if (p->file)
            undo(p);
        else if (--names >= kept_names)
            undo(p);
    }
    for (struct pending *p = first; p; p = p->next) {
        if (!p->file)
            continue;
        n++;
        if (p->what == SIZED)
            continue; /* what follows it makes the file as long as it must be */
        if (loose) {
            unsigned dice = (unsigned)random_below(4); /* none, all, some, some from the front */
            if (dice == 1)
                (void)!real_pwrite(p->file->fd, p->data, p->len, p->offset);
            else if (dice > 1)
                again(p, dice == 2);
        } else if (n <= whole) {
            (void)!real_pwrite(p->file->fd, p->data, p->len, p->offset);
        } else if (n == whole + 1) {
            again(p, false);
        }
    }
    for (struct pending *p = first; p; p = p->next)
        if (p->kept)
            real_unlink(p->kept);
}

/* ---- calls ---- */

static _Noreturn void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts; true: this is the call, or one behind it. Under the lock, which it keeps when the power is cut. */
static bool is_it(unsigned class)
{
    if (!(control->classes & class))
        return false;
    uint64_t call = ++control->calls;
    if (control->at == 0 || call < control->at || call >= control->at + control->times)
        return false;
    control->acted++;
    switch ((enum action)control->action) {
    case KILL:
        die();
    case TORN:
    case LOOSE:
        chance = control->seed;
        cut(control->action == LOOSE);
        die();
    case COUNT:
    case FAIL:
    case SHORT:
        break;
    }
    return control->action != COUNT;
}

/* -1: go on; else what the call returns, errno is set. */
static int fails(bool it)
{
    if (!it || control->action != FAIL)
        return -1;
    errno = control->error;
    return 0;
}

static ssize_t do_write(int fd, const void *from, size_t len, off_t offset, bool has_offset)
{
    if (!is_ours(fd))
        return has_offset ? real_pwrite(fd, from, len, offset) : real_write(fd, from, len);
    pthread_mutex_lock(&lock);
    struct iovec part = {(void *)(uintptr_t)from, len};
    off_t at = has_offset ? offset : lseek(fd, 0, SEEK_CUR);
    struct pending *p = note_bytes(fd, &part, 1, at); /* what is being written may be there in part */
    bool it = is_it(WRITES);
    ssize_t result = -1;
    if (fails(it) < 0) {
        if (it && control->action == SHORT && len > 1)
            len = 1 + random_below(len - 1);
        result = has_offset ? real_pwrite(fd, from, len, offset) : real_write(fd, from, len);
    }
    int error = errno;
    note_written(p, result);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static ssize_t do_writev(int fd, const struct iovec *parts, int count, off_t offset, bool has_offset)
{
    if (!is_ours(fd))
        return has_offset ? real_pwritev(fd, parts, count, offset) : real_writev(fd, parts, count);
    pthread_mutex_lock(&lock);
    struct pending *p = note_bytes(fd, parts, count, has_offset ? offset : lseek(fd, 0, SEEK_CUR));
    bool it = is_it(WRITES);
    ssize_t result = -1;
    if (fails(it) < 0) {
        if (it && control->action == SHORT)
            result = has_offset ? real_pwrite(fd, parts[0].iov_base, parts[0].iov_len / 2, offset)
                                : real_write(fd, parts[0].iov_base, parts[0].iov_len / 2);
        else
            result = has_offset ? real_pwritev(fd, parts, count, offset) : real_writev(fd, parts, count);
    }
    int error = errno;
    note_written(p, result);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

ssize_t write(int fd, const void *from, size_t len)
{
    return do_write(fd, from, len, 0, false);
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
    return do_write(fd, from, len, offset, true);
}

ssize_t pwrite64(int fd, const void *from, size_t len, off64_t offset)
{
    return do_write(fd, from, len, offset, true);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return do_writev(fd, parts, count, 0, false);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return do_writev(fd, parts, count, offset, true);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return do_writev(fd, parts, count, offset, true);
}

static int do_sync(int fd, int (*real)(int))
{
    if (!is_ours(fd))
        return real(fd);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails(is_it(SYNCS)) < 0) {
        result = control->track ? 0 : real(fd); /* a cut of ours needs no disk */
        if (result == 0)
            note_sync(fd);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd)
{
    return do_sync(fd, real_fsync);
}

int fdatasync(int fd)
{
    return do_sync(fd, real_fdatasync);
}

int ftruncate(int fd, off_t size)
{
    if (!is_ours(fd))
        return real_ftruncate(fd, size);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails(is_it(SIZES)) < 0) {
        note_size(fd);
        result = real_ftruncate(fd, size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (!is_ours(fd))
        return real_fallocate(fd, mode, offset, len);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails(is_it(SIZES)) < 0) {
        note_size(fd);
        result = real_fallocate(fd, mode, offset, len);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    return fallocate(fd, mode, offset, len);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    char path[PATH_MAX], other[PATH_MAX];
    if (!control || !full_path(from_fd, from, path) || !full_path(to_fd, to, other) || !inside(other))
        return real_renameat(from_fd, from, to_fd, to);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails(is_it(NAMES)) < 0) {
        note_name(RENAMED, path, other);
        result = real_renameat(from_fd, from, to_fd, to);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir_fd, const char *name, int flags)
{
    char path[PATH_MAX];
    if (!control || (flags & AT_REMOVEDIR) || !full_path(dir_fd, name, path) || !inside(path))
        return real_unlinkat(dir_fd, name, flags);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails(is_it(NAMES)) < 0) {
        note_name(UNLINKED, path, NULL);
        result = real_unlinkat(dir_fd, name, flags);
        if (result != 0 && last && control->track)
            drop(last);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

static int do_openat(int dir_fd, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    if (!real_openat)
        begin();
    if (!control || !(flags & O_CREAT) || !full_path(dir_fd, name, path) || !inside(path))
        return real_openat(dir_fd, name, flags, mode);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails(is_it(NAMES)) < 0) {
        if (access(path, F_OK) != 0)
            note_name(CREATED, path, NULL);
        result = real_openat(dir_fd, name, flags, mode);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN_MODE(flags)                                                                                               \
    va_list arguments;                                                                                                 \
    va_start(arguments, flags);                                                                                        \
    mode_t mode = mode_of(flags, arguments);                                                                           \
    va_end(arguments)

int openat(int dir_fd, const char *name, int flags, ...)
{
    OPEN_MODE(flags);
    return do_openat(dir_fd, name, flags, mode);
}

int openat64(int dir_fd, const char *name, int flags, ...)
{
    OPEN_MODE(flags);
    return do_openat(dir_fd, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
    OPEN_MODE(flags);
    return do_openat(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    OPEN_MODE(flags);
    return do_openat(AT_FDCWD, name, flags, mode);
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
    if (control && control->classes & SENDS) {
        pthread_mutex_lock(&lock);
        (void)is_it(SENDS);
        pthread_mutex_unlock(&lock);
    }
    return real_send(fd, from, len, flags);
}
