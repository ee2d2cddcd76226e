/*
 * Memory with one lifetime: allocations are bumped from a reserved range of address space and all freed together.
 * The range is reserved at init and filled by the kernel on first touch, so an allocation below the bound cannot fail
 * half-way through a command; past the bound relief_arena_alloc returns NULL and `spent` stays set until the next reset.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "schema/str.h"

struct relief_arena {
    char *base;
    size_t used, bound, touched;
    bool spent;
};

#define RELIEF_ARENA_INIT ((struct relief_arena){0})

/* Reserves bound bytes of address space. 0, or -errno. */
int relief_arena_init(struct relief_arena *arena, size_t bound);
void relief_arena_deinit(struct relief_arena *arena);
/* Frees everything; memory above keep (256 KiB) goes back to the system. */
void relief_arena_reset(struct relief_arena *arena);
/* Memory aligned to 8, uninitialised; NULL past the bound. */
void *relief_arena_alloc(struct relief_arena *arena, size_t bytes);
/* A copy with a terminating NUL (not counted). RELIEF_STR_NONE stays absent, and comes back past the bound. */
struct relief_str relief_arena_str(struct relief_arena *arena, struct relief_str text);
