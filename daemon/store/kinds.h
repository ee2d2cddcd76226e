/*
 * Which kinds' holders are in memory: bits of who holds them, and marks in the trees in which they are searched.
 */
#pragma once
#include "store/holders.h"
#include "store/names.h"
#include "store/world.h"

/* Bits of all kinds: half a byte for each city and kind in use, so 2,600 kinds of 50,000 cities, or all kinds of 300.
 */
#define STORE_KINDS_BYTES_MAX ((size_t)64 << 20)

struct store_kind_marks {
    uint32_t region;
    struct store_marks *marks;
};

struct store_kind {
    struct store_holders *holders;  /* NULL: not read */
    struct store_kind_marks *marks; /* by number of the region; that of all cities, STORE_NAME_NONE, is the last */
    uint32_t marks_count, marks_cap;
    bool asked; /* since the hand of the clock came by */
};

struct store_kinds {
    struct store_names names;
    struct store_kind *items;
    uint32_t cap;
    uint32_t hand; /* the kind that is forgotten next, unless it was asked for */
    size_t bytes, bytes_max;
};

void store_kinds_init(struct store_kinds *kinds, uint64_t seed);
void store_kinds_deinit(struct store_kinds *kinds);
uint32_t store_kinds_number(struct store_kinds *kinds, struct relief_str code);
/* The kind's holders, read from their keys when they are not known; valid until the next call, take a reference. */
struct store_holders *store_kinds_holders(struct store_kinds *kinds, struct store_world *world, uint32_t number);
/* The kind's marks in the tree of the region (STORE_NAME_NONE: of all cities), as holders. */
struct store_marks *store_kinds_marks(struct store_kinds *kinds, struct store_world *world, uint32_t number,
                                      uint32_t region, struct store_kd *tree);
/* A key CORE_KEY_HOLDER was put. */
void store_kinds_put(struct store_kinds *kinds, struct store_world *world, struct relief_str key,
                     struct relief_str value);
/* Forgets all marks in the tree of the region; all marks. */
void store_kinds_drop_tree(struct store_kinds *kinds, uint32_t region);
void store_kinds_drop_trees(struct store_kinds *kinds);
