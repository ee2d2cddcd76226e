/*
 * The index of holders: which trees there are, and how puts reach them. The search itself is search.c.
 *
 * A kind's holders are the keys CORE_KEY_HOLDER kind, city, which the core keeps. When a kind is first searched they
 * are read and a tree over all of them is built; a search inside a region builds one for the region and those below it.
 * A change of a holder then costs a path in the tree of all and in those of the regions above its city. Whatever is
 * harder than that (a city that moves, another tree of regions, a full list of late holders) drops what it touches, and
 * the next search builds it anew from the keys, which are the truth. So does the bound on memory: the kind that was not
 * searched for longest goes.
 */
#include "store/near.h"
#include "core/key.h"
#include "store/value.h"
#include <assert.h>
#include <stdlib.h>

#define CHAIN_MAX (2 * RELIEF_REGION_DEPTH_MAX) /* regions above a city; deeper ones can't be put */
#define HEAP_KEEP 65536u                        /* items of a heap that are kept for the next search */

void store_near_init(struct store_near *near, struct core_view *view, uint64_t seed)
{
    *near = (struct store_near){.view = view};
    store_world_init(&near->world, view, seed);
    store_names_init(&near->kind_names, seed);
}

static void drop_tree(struct store_near *near, struct store_kind *kind, struct store_kd *tree)
{
    near->bytes -= tree->bytes;
    kind->bytes -= tree->bytes;
    store_kd_unref(tree);
}

static void drop_kind(struct store_near *near, struct store_kind *kind)
{
    for (uint32_t i = 0; i < kind->region_count; i++) {
        drop_tree(near, kind, kind->regions[i].tree);
    }
    if (kind->all) {
        drop_tree(near, kind, kind->all);
    }
    free(kind->regions);
    *kind = (struct store_kind){0};
}

void store_near_deinit(struct store_near *near)
{
    for (uint32_t i = 0; i < STORE_SEARCHES_MAX; i++) {
        store_near_end(near, &near->searches[i]);
        free(near->searches[i].heap);
    }
    for (uint32_t i = 0; i < near->kind_names.count; i++) {
        drop_kind(near, &near->kinds[i]);
    }
    free(near->kinds);
    store_names_deinit(&near->kind_names);
    store_world_deinit(&near->world);
    near->kinds = NULL;
}

void store_near_forget(struct store_near *near)
{
    struct core_view *view = near->view;
    uint64_t seed = near->kind_names.seed;
    store_near_deinit(near);
    store_near_init(near, view, seed);
}

/* ---- trees ---- */

static void keep_tree(struct store_near *near, struct store_kind *kind, struct store_kd *tree)
{
    kind->bytes += tree->bytes;
    near->bytes += tree->bytes;
    kind->used = ++near->turn;
    while (near->bytes > STORE_NEAR_BYTES_MAX) {
        struct store_kind *oldest = NULL;
        for (uint32_t i = 0; i < near->kind_names.count; i++) {
            struct store_kind *other = &near->kinds[i];
            if (other != kind && other->all && (!oldest || other->used < oldest->used)) {
                oldest = other;
            }
        }
        if (!oldest) {
            return; /* one kind alone: bounded by its holders and the depth of the regions */
        }
        drop_kind(near, oldest);
    }
}

static uint32_t place_of(const struct store_world *world, uint32_t city)
{
    uint32_t region = world->cities[city].region;
    return region == STORE_NAME_NONE ? 0 : world->regions[region].low;
}

struct holders {
    struct store_kd_holder *items;
    uint32_t count, cap;
};

static void holders_add(struct holders *holders, const struct store_world *world, uint32_t city, bool idle)
{
    if (holders->count == holders->cap) {
        holders->cap = holders->cap ? holders->cap * 2 : 64;
        holders->items = store_realloc(holders->items, holders->cap * sizeof(*holders->items));
    }
    struct store_kd_holder *holder = &holders->items[holders->count++];
    *holder = (struct store_kd_holder){.city = city, .idle = idle};
    memcpy(holder->xyz, world->cities[city].xyz, sizeof(holder->xyz));
}

static bool holder_idle(struct relief_str value)
{
    return value.len > 0 && value.data[0] != 0;
}

static void build_all(struct store_near *near, struct store_kind *kind, struct relief_str code)
{
    struct store_world *world = &near->world;
    struct holders holders = {0};
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    core_key_start(&prefix, CORE_KEY_HOLDER);
    core_key_str(&prefix, code);
    near->view->ops->scan(near->view, &cursor, &prefix, NULL);
    while (near->view->ops->next(near->view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        bool idle = holder_idle(value);
        uint32_t city = store_world_city(world, core_key_take_str(key, &at));
        if (world->cities[city].state == STORE_CITY_KNOWN) {
            holders_add(&holders, world, city, idle);
        } else {
            kind->missing = true;
        }
    }
    store_world_refresh(world); /* cities may have named regions that were not known */
    for (uint32_t i = 0; i < holders.count; i++) {
        holders.items[i].region = place_of(world, holders.items[i].city);
    }
    kind->all = store_kd_new(holders.items, holders.count);
    kind->version = world->regions_version;
    free(holders.items);
    keep_tree(near, kind, kind->all);
}

/* The holders of `all` whose regions lie in the region's range. */
static struct store_kd *build_region(const struct store_world *world, const struct store_kd *all, uint32_t region)
{
    struct holders holders = {0};
    const struct store_region *range = &world->regions[region];
    for (uint32_t i = 0; i < all->count + all->late_count; i++) {
        uint32_t place = store_kd_region(all, i);
        if (!store_kd_gone(all, i) && place >= range->low && place <= range->high) {
            holders_add(&holders, world, store_kd_city(all, i), store_kd_idle(all, i));
            holders.items[holders.count - 1].region = place;
        }
    }
    struct store_kd *tree = store_kd_new(holders.items, holders.count);
    free(holders.items);
    return tree;
}

/* The position of the region's tree, or where it belongs. */
static uint32_t region_position(const struct store_kind *kind, uint32_t region)
{
    uint32_t low = 0, high = kind->region_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (kind->regions[mid].region < region) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct store_kd *region_tree(struct store_near *near, struct store_kind *kind, uint32_t region)
{
    uint32_t at = region_position(kind, region);
    if (at < kind->region_count && kind->regions[at].region == region) {
        return kind->regions[at].tree;
    }
    if (kind->region_count == kind->region_cap) {
        kind->region_cap = kind->region_cap ? kind->region_cap * 2 : 8;
        kind->regions = store_realloc(kind->regions, kind->region_cap * sizeof(*kind->regions));
    }
    memmove(&kind->regions[at + 1], &kind->regions[at], (kind->region_count - at) * sizeof(*kind->regions));
    struct store_kd *tree = build_region(&near->world, kind->all, region);
    kind->regions[at] = (struct store_kind_region){region, tree};
    kind->region_count++;
    keep_tree(near, kind, tree);
    return tree;
}

static struct store_kind *kind_of(struct store_near *near, struct relief_str code)
{
    uint32_t number = store_names_add(&near->kind_names, code);
    if (number >= near->kind_cap) {
        uint32_t cap = near->kind_cap ? near->kind_cap * 2 : 64;
        near->kinds = store_realloc(near->kinds, cap * sizeof(*near->kinds));
        memset(near->kinds + near->kind_cap, 0, (cap - near->kind_cap) * sizeof(*near->kinds));
        near->kind_cap = cap;
    }
    return &near->kinds[number];
}

static struct store_kind *kind_ready(struct store_near *near, struct relief_str code)
{
    struct store_kind *kind = kind_of(near, code);
    store_world_refresh(&near->world);
    if (kind->all && kind->version != near->world.regions_version) {
        drop_kind(near, kind);
    }
    if (!kind->all) {
        build_all(near, kind, code);
    }
    kind->used = ++near->turn;
    return kind;
}

/* ---- puts ---- */

bool store_near_watches(uint8_t space)
{
    switch (space) {
    case CORE_KEY_HOLDER:
    case CORE_KEY_LINK_IN:
    case CORE_KEY_RECORD + RELIEF_TABLE_city:
    case CORE_KEY_RECORD + RELIEF_TABLE_region:
    case CORE_KEY_RECORD + RELIEF_TABLE_link:
    case CORE_KEY_RECORD + RELIEF_TABLE_travel:
        return true;
    default:
        return false;
    }
}

static void holder_put(struct store_near *near, struct relief_str key, struct relief_str value)
{
    struct store_world *world = &near->world;
    uint32_t at = 1, number = store_names_find(&near->kind_names, core_key_take_str(key, &at));
    struct store_kind *kind = number == STORE_NAME_NONE ? NULL : &near->kinds[number];
    if (!kind || !kind->all) {
        return;
    }
    uint32_t city = store_world_city(world, core_key_take_str(key, &at));
    if (!world->regions_read || kind->version != world->regions_version ||
        world->cities[city].state != STORE_CITY_KNOWN) {
        drop_kind(near, kind);
        return;
    }
    bool gone = !value.data, idle = holder_idle(value);
    uint32_t node = store_kd_find(kind->all, city);
    bool was_gone = node == STORE_KD_NONE || store_kd_gone(kind->all, node);
    if (was_gone == gone && (gone || store_kd_idle(kind->all, node) == idle)) {
        return;
    }
    if (!store_kd_set(kind->all, world, city, gone, idle)) {
        drop_kind(near, kind);
        return;
    }
    uint32_t region = world->cities[city].region;
    for (unsigned depth = 0; region != STORE_NAME_NONE && depth < CHAIN_MAX; depth++) {
        uint32_t position = region_position(kind, region);
        bool there = position < kind->region_count && kind->regions[position].region == region;
        if (there && !store_kd_set(kind->regions[position].tree, world, city, gone, idle)) {
            drop_tree(near, kind, kind->regions[position].tree);
            kind->region_count--;
            memmove(&kind->regions[position], &kind->regions[position + 1],
                    (kind->region_count - position) * sizeof(*kind->regions));
        }
        region = world->regions[region].parent;
    }
}

/* Trees hold places of cities: those with this one are dropped. */
static void city_changed(struct store_near *near, const struct store_city_change *change)
{
    for (uint32_t i = 0; i < near->kind_names.count; i++) {
        struct store_kind *kind = &near->kinds[i];
        if (!kind->all) {
            continue;
        }
        bool holds = change->moved && store_kd_find(kind->all, change->city) != STORE_KD_NONE;
        if (holds || (change->appeared && kind->missing)) {
            drop_kind(near, kind);
        }
    }
}

void store_near_put(struct store_near *near, struct relief_str key, struct relief_str value)
{
    if ((unsigned char)key.data[0] == CORE_KEY_HOLDER) {
        holder_put(near, key, value);
        return;
    }
    struct store_city_change change;
    if (store_world_put(&near->world, key, value, &change)) {
        city_changed(near, &change);
    }
}

/* ---- searches ---- */

static bool query_regions(struct core_near *search, const struct store_world *world,
                          const struct core_near_query *query, uint32_t *ret_region)
{
    *ret_region = STORE_NAME_NONE;
    if (query->region.data) {
        *ret_region = store_names_find(&world->region_names, query->region);
        if (*ret_region == STORE_NAME_NONE) {
            return false;
        }
        search->low = world->regions[*ret_region].low;
        search->high = world->regions[*ret_region].high;
    }
    uint32_t but = query->but_region.data ? store_names_find(&world->region_names, query->but_region) : STORE_NAME_NONE;
    if (but != STORE_NAME_NONE) {
        search->but_low = world->regions[but].low;
        search->but_high = world->regions[but].high;
    }
    return true;
}

struct core_near *store_near_begin(struct store_near *near, const struct core_near_query *query)
{
    struct core_near *search = NULL;
    for (uint32_t i = 0; i < STORE_SEARCHES_MAX && !search; i++) {
        search = near->searches[i].used ? NULL : &near->searches[i];
    }
    if (!search) {
        store_fatal("more than %u searches for holders at a time", STORE_SEARCHES_MAX);
    }
    struct store_heap_item *heap = search->heap;
    uint32_t cap = search->heap_cap, region;
    *search = (struct core_near){.used = true, .idle_too = query->idle_too, .over = query->over_minutes};
    search->heap = heap;
    search->heap_cap = cap;
    search->to = store_world_city(&near->world, query->to);
    if (near->world.cities[search->to].state != STORE_CITY_KNOWN) {
        return search; /* nothing arrives where nobody knows where it is */
    }
    search->links = store_world_links(&near->world, search->to);
    struct store_kind *kind = kind_ready(near, query->kind);
    if (!query_regions(search, &near->world, query, &region)) {
        return search;
    }
    search->all = kind->all;
    search->all->refs++;
    search->tree = region == STORE_NAME_NONE ? kind->all : region_tree(near, kind, region);
    search->tree->refs++;
    if (!search->idle_too) { /* an explanation looks at all of them anyway */
        search->around = store_world_around(&near->world, search->to, search->links);
    }
    store_search_start(search, &near->world);
    return search;
}

bool store_near_next(struct store_near *near, struct core_near *search, struct core_holder *ret)
{
    return search->tree && store_search_next(search, &near->world, ret);
}

void store_near_end(struct store_near *near, struct core_near *search)
{
    store_kd_unref(search->tree);
    store_kd_unref(search->all);
    store_links_unref(&near->world, search->links);
    store_around_unref(&near->world, search->around);
    search->tree = search->all = NULL;
    search->links = NULL;
    search->around = NULL;
    if (search->heap_cap > HEAP_KEEP) {
        free(search->heap);
        search->heap = NULL;
        search->heap_cap = 0;
    }
    search->used = false;
}
