/*
 * Put before the C library of a program (LD_PRELOAD): counts what asks for memory, malloc, calloc, realloc,
 * aligned_alloc and mmap of nobody's file, and says no at a chosen call. The test and the shim share the page
 * RELIEF_MEMORY_SHIM: struct control in disk_shim.c, shim.py has the same; classes 1 is all of them.
 *
 * The C library's own functions stand behind names of their own, so nothing has to be looked up, which would ask for
 * memory itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum action { COUNT, KILL, FAIL };

struct control {
    uint32_t action, classes;
    uint64_t at, times;
    _Atomic uint64_t calls, acted;
    uint64_t seed;
    int32_t error;
    uint32_t track;
    char folder[256];
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct control *control;

static void *real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset); /* errno is set by syscall */
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("RELIEF_MEMORY_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = real_mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED)
        control = page;
}

static bool fails(void)
{
    if (!control || !control->classes)
        return false;
    uint64_t call = atomic_fetch_add(&control->calls, 1) + 1;
    if (control->action != FAIL || control->at == 0 || call < control->at || call >= control->at + control->times)
        return false;
    atomic_fetch_add(&control->acted, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *got = fails() ? NULL : __libc_memalign(alignment, size);
    if (!got)
        return ENOMEM;
    *ret = got;
    return 0;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return (flags & MAP_ANONYMOUS) && fails() ? MAP_FAILED : real_mmap(at, len, prot, flags, fd, offset);
}
