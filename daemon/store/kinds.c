/*
 * Kinds in memory: read, kept, forgotten.
 *
 * A kind's holders are the keys CORE_KEY_HOLDER kind, city, which the core keeps: when a kind is first searched they
 * are read into bits, and marks are made for each tree in which it is searched. A change of a holder then costs a bit
 * and a path in each tree that has marks of the kind. Nothing on the map makes a kind be read again. The bound on
 * memory takes whole kinds: a clock goes round, and those that were not asked for since its hand came by last are
 * forgotten.
 */
#include "store/kinds.h"
#include "core/key.h"
#include "store/value.h"
#include <stdlib.h>

#define CHAIN_MAX (2 * RELIEF_REGION_DEPTH_MAX) /* regions above a city; deeper ones can't be put */

void store_kinds_init(struct store_kinds *kinds, uint64_t seed)
{
    *kinds = (struct store_kinds){.bytes_max = STORE_KINDS_BYTES_MAX};
    store_names_init(&kinds->names, seed);
}

/* ---- memory ---- */

static void drop_marks(struct store_kinds *kinds, struct store_kind *kind, uint32_t at)
{
    kinds->bytes -= store_marks_bytes(kind->marks[at].marks);
    store_marks_unref(kind->marks[at].marks);
    kind->marks_count--;
    memmove(&kind->marks[at], &kind->marks[at + 1], (kind->marks_count - at) * sizeof(*kind->marks));
}

static void drop_kind(struct store_kinds *kinds, struct store_kind *kind)
{
    while (kind->marks_count > 0) {
        drop_marks(kinds, kind, kind->marks_count - 1);
    }
    if (kind->holders) {
        kinds->bytes -= store_holders_bytes(kind->holders);
        store_holders_unref(kind->holders);
    }
    free(kind->marks);
    *kind = (struct store_kind){0};
}

/* So much more was taken for this kind, which stays: it is bounded by the cities and the depth of the regions. */
static void keep(struct store_kinds *kinds, const struct store_kind *kind, size_t bytes)
{
    uint32_t count = kinds->names.count;
    kinds->bytes += bytes;
    for (uint64_t turns = 0; kinds->bytes > kinds->bytes_max && turns < 2 * (uint64_t)count; turns++) {
        struct store_kind *other = &kinds->items[kinds->hand++ % count];
        if (other->asked) {
            other->asked = false;
        } else if (other != kind) {
            drop_kind(kinds, other);
        }
    }
}

/* The position of the marks in a region's tree, or where they belong. */
static uint32_t marks_position(const struct store_kind *kind, uint32_t region)
{
    uint32_t low = 0, high = kind->marks_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (kind->marks[mid].region < region) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct store_marks *marks_find(const struct store_kind *kind, uint32_t region)
{
    uint32_t at = marks_position(kind, region);
    return at < kind->marks_count && kind->marks[at].region == region ? kind->marks[at].marks : NULL;
}

void store_kinds_drop_tree(struct store_kinds *kinds, uint32_t region)
{
    for (uint32_t i = 0; i < kinds->names.count; i++) {
        if (marks_find(&kinds->items[i], region)) {
            drop_marks(kinds, &kinds->items[i], marks_position(&kinds->items[i], region));
        }
    }
}

void store_kinds_drop_trees(struct store_kinds *kinds)
{
    for (uint32_t i = 0; i < kinds->names.count; i++) {
        while (kinds->items[i].marks_count > 0) {
            drop_marks(kinds, &kinds->items[i], kinds->items[i].marks_count - 1);
        }
    }
}

void store_kinds_deinit(struct store_kinds *kinds)
{
    for (uint32_t i = 0; i < kinds->names.count; i++) {
        drop_kind(kinds, &kinds->items[i]);
    }
    free(kinds->items);
    store_names_deinit(&kinds->names);
    kinds->items = NULL;
}

/* ---- what is known of a kind ---- */

uint32_t store_kinds_number(struct store_kinds *kinds, struct relief_str code)
{
    uint32_t number = store_names_add(&kinds->names, code);
    if (number >= kinds->cap) {
        uint32_t cap = kinds->cap ? kinds->cap * 2 : 64;
        kinds->items = store_realloc(kinds->items, cap * sizeof(*kinds->items));
        memset(kinds->items + kinds->cap, 0, (cap - kinds->cap) * sizeof(*kinds->items));
        kinds->cap = cap;
    }
    return number;
}

static bool holder_idle(struct relief_str value)
{
    return value.len > 0 && value.data[0] != 0;
}

static void read_holders(struct store_kinds *kinds, struct store_world *world, uint32_t number)
{
    struct store_kind *kind = &kinds->items[number];
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    kind->holders = store_holders_new(world->city_names.count);
    core_key_start(&prefix, CORE_KEY_HOLDER);
    core_key_str(&prefix, kinds->names.items[number]);
    world->view->ops->scan(world->view, &cursor, &prefix, NULL);
    while (world->view->ops->next(world->view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        bool active = !holder_idle(value); /* before the record of a city is read */
        store_holders_put(kind->holders, store_world_city(world, core_key_take_str(key, &at)), true, active);
    }
    keep(kinds, kind, store_holders_bytes(kind->holders));
}

struct store_holders *store_kinds_holders(struct store_kinds *kinds, struct store_world *world, uint32_t number)
{
    struct store_kind *kind = &kinds->items[number];
    if (!kind->holders) {
        read_holders(kinds, world, number);
    }
    kind->asked = true;
    return kind->holders;
}

static struct store_marks *marks_add(struct store_kinds *kinds, struct store_kind *kind, uint32_t region,
                                     struct store_marks *marks)
{
    uint32_t at = marks_position(kind, region);
    if (kind->marks_count == kind->marks_cap) {
        kind->marks_cap = kind->marks_cap ? kind->marks_cap * 2 : 2;
        kind->marks = store_realloc(kind->marks, kind->marks_cap * sizeof(*kind->marks));
    }
    memmove(&kind->marks[at + 1], &kind->marks[at], (kind->marks_count - at) * sizeof(*kind->marks));
    kind->marks[at] = (struct store_kind_marks){region, marks};
    kind->marks_count++;
    keep(kinds, kind, store_marks_bytes(marks));
    return marks;
}

struct store_marks *store_kinds_marks(struct store_kinds *kinds, struct store_world *world, uint32_t number,
                                      uint32_t region, struct store_kd *tree)
{
    struct store_holders *holders = store_kinds_holders(kinds, world, number);
    struct store_marks *marks = marks_find(&kinds->items[number], region);
    return marks ? marks : marks_add(kinds, &kinds->items[number], region, store_marks_new(tree, holders, world));
}

/* Tells the marks in the trees that the city may stand in: of the regions above it, and of all. */
static void marks_put(const struct store_kind *kind, const struct store_world *world, uint32_t city)
{
    uint32_t region = world->cities[city].state == STORE_CITY_KNOWN ? world->cities[city].region : STORE_NAME_NONE;
    for (unsigned depth = 0; depth <= CHAIN_MAX; depth++) {
        struct store_marks *marks = marks_find(kind, region);
        if (marks) {
            store_marks_put(marks, kind->holders, world->cities[city].xyz, city);
        }
        if (region == STORE_NAME_NONE) {
            return;
        }
        region = world->regions[region].parent;
    }
}

void store_kinds_put(struct store_kinds *kinds, struct store_world *world, struct relief_str key,
                     struct relief_str value)
{
    uint32_t at = 1, number = store_names_find(&kinds->names, core_key_take_str(key, &at));
    struct store_kind *kind = number == STORE_NAME_NONE ? NULL : &kinds->items[number];
    if (!kind || !kind->holders) {
        return;
    }
    bool live = value.data != NULL, active = live && !holder_idle(value);
    uint32_t city = store_world_city(world, core_key_take_str(key, &at));
    size_t before = store_holders_bytes(kind->holders);
    if (store_holders_put(kind->holders, city, live, active)) {
        keep(kinds, kind, store_holders_bytes(kind->holders) - before);
        if (kind->marks_count > 0) {
            marks_put(kind, world, city);
        }
    }
}
