/*
 * The arena: a range of address space reserved once, handed out from the front, given back as a whole.
 *
 * The kernel fills the range on first touch (MAP_NORESERVE), so a generous bound costs nothing until it is used,
 * allocations never move, and there is no list of blocks to walk. What a rare large command touched goes back on reset;
 * the first KEEP bytes stay, because giving them back would cost page faults on every ordinary command. With
 * AddressSanitizer, memory that was not handed out is poisoned, so use after reset and overruns are found.
 */
#include "schema/arena.h"
#include <errno.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define GAP 8u /* between two allocations, so that an overrun meets poison */
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)   ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define GAP                                         0u
#endif

#define KEEP (256u * 1024u) /* a multiple of any page size in use */
#define PAGE 4096u

int relief_arena_init(struct relief_arena *arena, size_t bound)
{
    if (bound == 0 || bound > SIZE_MAX - PAGE)
        return -EINVAL;
    bound = (bound + PAGE - 1) / PAGE * PAGE;
    void *base = mmap(NULL, bound, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    *arena = (struct relief_arena){.base = base, .bound = bound};
    return 0;
}

void relief_arena_deinit(struct relief_arena *arena)
{
    if (arena && arena->base) {
        ASAN_UNPOISON_MEMORY_REGION(arena->base, arena->touched);
        munmap(arena->base, arena->bound);
    }
    if (arena)
        *arena = RELIEF_ARENA_INIT;
}

void relief_arena_reset(struct relief_arena *arena)
{
    if (arena->touched > KEEP) {
        /* Failure would only keep the memory; the next touch of a page given back reads zeros. */
        (void)madvise(arena->base + KEEP, arena->touched - KEEP, MADV_DONTNEED);
        ASAN_UNPOISON_MEMORY_REGION(arena->base + KEEP, arena->touched - KEEP);
        arena->touched = KEEP;
    }
    if (arena->base)
        ASAN_POISON_MEMORY_REGION(arena->base, arena->touched);
    arena->used = 0;
    arena->spent = false;
}

void *relief_arena_alloc(struct relief_arena *arena, size_t bytes)
{
    size_t room = arena->bound - arena->used; /* used never passes bound */
    size_t taken = ((bytes + 7) & ~(size_t)7) + GAP;
    if (bytes > SIZE_MAX - 7 - GAP || taken > room) {
        arena->spent = true;
        return NULL;
    }
    char *memory = arena->base + arena->used;
    arena->used += taken;
    if (arena->used > arena->touched) {
        arena->touched = arena->used;
        ASAN_POISON_MEMORY_REGION(memory, taken);
    }
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    return memory;
}

struct relief_str relief_arena_str(struct relief_arena *arena, struct relief_str text)
{
    if (!text.data)
        return RELIEF_STR_NONE;
    char *copy = relief_arena_alloc(arena, (size_t)text.len + 1);
    if (!copy)
        return RELIEF_STR_NONE;
    if (text.len)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return (struct relief_str){copy, text.len};
}
