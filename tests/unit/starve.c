/* The other side of starve.h: what the linker's --wrap leads here. */
#include "starve.h"
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);

static _Thread_local struct {
    bool on, refused;
    unsigned left;
} starving;

void starve_after(unsigned allocations)
{
    starving.left = allocations;
    starving.refused = false;
    starving.on = true;
}

bool starve_end(void)
{
    starving.on = false;
    return starving.refused;
}

bool starve_off(void)
{
    bool was_on = starving.on;
    starving.on = false;
    return was_on;
}

void starve_on(bool was_on)
{
    starving.on = was_on;
}

static bool refuse(void)
{
    if (!starving.on)
        return false;
    if (starving.left > 0) {
        starving.left--;
        return false;
    }
    starving.refused = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return refuse() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return refuse() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return refuse() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return refuse() ? MAP_FAILED : __real_mmap(at, bytes, protection, flags, fd, offset);
}
