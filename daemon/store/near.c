/*
 * The index of holders: which trees there are, how puts reach them and the bits of kinds, what a search begins with.
 * The search itself is search.c.
 *
 * There is a tree of all cities, and one for each region that a search went into; kinds share them (kinds.h). Cities
 * that come or move are changed in their trees. Whatever is harder than that (another tree of regions, a full list of
 * late cities, a search that goes on meanwhile) drops trees and the marks in them, and the next search makes them anew
 * from what is in memory: no key is read again.
 */
#include "store/near.h"
#include "core/key.h"
#include "store/value.h"
#include <stdlib.h>

#define CHAIN_MAX (2 * RELIEF_REGION_DEPTH_MAX) /* regions above a city; deeper ones can't be put */
#define HEAP_KEEP 65536u                        /* items of a heap that are kept for the next search */

void store_near_init(struct store_near *near, struct core_view *view, uint64_t seed)
{
    *near = (struct store_near){.view = view};
    store_world_init(&near->world, view, seed);
    store_kinds_init(&near->kinds, seed);
}

static void drop_trees(struct store_near *near)
{
    if (!near->all) {
        return;
    }
    store_kinds_drop_trees(&near->kinds);
    for (uint32_t i = 0; i < near->inside_count; i++) {
        store_kd_unref(near->inside[i]);
    }
    free(near->inside);
    store_kd_unref(near->all);
    near->all = NULL;
    near->inside = NULL;
    near->inside_count = 0;
}

static void drop_inside(struct store_near *near, uint32_t region)
{
    store_kinds_drop_tree(&near->kinds, region);
    store_kd_unref(near->inside[region]);
    near->inside[region] = NULL;
}

void store_near_deinit(struct store_near *near)
{
    for (uint32_t i = 0; i <= STORE_SEARCHES_MAX; i++) {
        store_near_end(near, &near->searches[i]);
        free(near->searches[i].heap);
    }
    drop_trees(near);
    store_kinds_deinit(&near->kinds);
    store_world_deinit(&near->world);
}

void store_near_forget(struct store_near *near)
{
    struct core_view *view = near->view;
    uint64_t seed = near->kinds.names.seed;
    store_near_deinit(near);
    store_near_init(near, view, seed);
}

/* ---- trees ---- */

static struct store_kd *tree_new(const struct store_world *world, uint32_t region)
{
    uint32_t cities = world->city_names.count, count = 0;
    struct store_kd_place *places = store_alloc(cities * sizeof(*places));
    for (uint32_t i = 0; i < cities; i++) {
        uint32_t place = store_world_place(world, i);
        if (world->cities[i].state == STORE_CITY_KNOWN &&
            (region == STORE_NAME_NONE ||
             (place >= world->regions[region].low && place <= world->regions[region].high))) {
            places[count] = (struct store_kd_place){.city = i, .region = place};
            memcpy(places[count++].xyz, world->cities[i].xyz, sizeof(places->xyz));
        }
    }
    struct store_kd *tree = store_kd_new(places, count);
    free(places);
    return tree;
}

static bool trees_hold(const struct store_near *near)
{
    return near->world.regions_read && near->trees_version == near->world.regions_version;
}

/* The tree of all cities, without which there is none of a region; and that of the region. */
static struct store_kd *tree_of(struct store_near *near, uint32_t region)
{
    if (!trees_hold(near)) {
        drop_trees(near);
    }
    if (!near->all) {
        near->all = tree_new(&near->world, STORE_NAME_NONE);
        near->trees_version = near->world.regions_version;
    }
    if (region == STORE_NAME_NONE) {
        return near->all;
    }
    if (region >= near->inside_count) {
        uint32_t count = near->world.region_names.count;
        near->inside = store_realloc(near->inside, count * sizeof(struct store_kd *));
        memset(near->inside + near->inside_count, 0, (count - near->inside_count) * sizeof(struct store_kd *));
        near->inside_count = count;
    }
    if (!near->inside[region]) {
        near->inside[region] = tree_new(&near->world, region);
    }
    return near->inside[region];
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

static void city_leaves(struct store_near *near, uint32_t city, uint32_t region, const double xyz[3])
{
    for (unsigned depth = 0; region != STORE_NAME_NONE && depth < CHAIN_MAX; depth++) {
        if (region < near->inside_count && near->inside[region]) {
            store_kd_leave(near->inside[region], xyz, city);
        }
        region = near->world.regions[region].parent;
    }
    store_kd_leave(near->all, xyz, city);
}

static void city_joins(struct store_near *near, uint32_t city)
{
    const struct store_world *world = &near->world;
    uint32_t region = world->cities[city].region, place = store_world_place(world, city);
    for (unsigned depth = 0; region != STORE_NAME_NONE && depth < CHAIN_MAX; depth++) {
        if (region < near->inside_count && near->inside[region] && !store_kd_join(near->inside[region], city, place)) {
            drop_inside(near, region);
        }
        region = world->regions[region].parent;
    }
    if (!store_kd_join(near->all, city, place)) {
        drop_trees(near);
    }
}

static void city_changed(struct store_near *near, const struct store_city_change *change)
{
    bool searching = false;
    for (uint32_t i = 0; i <= STORE_SEARCHES_MAX; i++) {
        searching = searching || near->searches[i].used;
    }
    if (searching || !trees_hold(near)) { /* a search goes by numbers of late cities */
        drop_trees(near);
    }
    if (near->all && change->known) {
        city_leaves(near, change->city, change->region, change->xyz);
    }
    if (near->all && near->world.cities[change->city].state == STORE_CITY_KNOWN) {
        city_joins(near, change->city);
    }
}

void store_near_put(struct store_near *near, struct relief_str key, struct relief_str value)
{
    if ((unsigned char)key.data[0] == CORE_KEY_HOLDER) {
        if (!trees_hold(near)) { /* marks lie in trees of the regions above a city */
            drop_trees(near);
        }
        store_kinds_put(&near->kinds, &near->world, key, value);
        return;
    }
    struct store_city_change change;
    if (store_world_put(&near->world, key, value, &change)) {
        city_changed(near, &change);
    }
}

bool store_near_holder(const struct store_near *near, struct relief_str key, struct relief_str *ret_value)
{
    static const char idle[] = {0, 1}; /* as core/key.h says */
    uint32_t at = 1, kind = store_names_find(&near->kinds.names, core_key_take_str(key, &at));
    const struct store_holders *holders = kind == STORE_NAME_NONE ? NULL : near->kinds.items[kind].holders;
    if (!holders) {
        return false;
    }
    uint32_t city = store_names_find(&near->world.city_names, core_key_take_str(key, &at)); /* NONE holds nothing */
    *ret_value = store_holders_have(holders, city, true)
                     ? (struct relief_str){&idle[!store_holders_have(holders, city, false)], 1}
                     : RELIEF_STR_NONE;
    return true;
}

/* ---- searches ---- */

static bool query_regions(struct core_near *search, const struct store_world *world,
                          const struct core_near_query *query)
{
    if (query->region.data) {
        search->region = store_names_find(&world->region_names, query->region);
        if (search->region == STORE_NAME_NONE) {
            return false;
        }
        search->low = world->regions[search->region].low;
        search->high = world->regions[search->region].high;
    }
    uint32_t but = query->but_region.data ? store_names_find(&world->region_names, query->but_region) : STORE_NAME_NONE;
    if (but != STORE_NAME_NONE) {
        search->but_low = world->regions[but].low;
        search->but_high = world->regions[but].high;
    }
    return true;
}

/* All else as nothing was asked for yet. */
static void search_init(struct core_near *search, uint32_t to)
{
    struct store_heap_item *heap = search->heap;
    uint32_t cap = search->heap_cap;
    *search = (struct core_near){.used = true,
                                 .to = to,
                                 .over = -1,
                                 .kind = STORE_NAME_NONE,
                                 .region = STORE_NAME_NONE,
                                 .heap = heap,
                                 .heap_cap = cap};
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
    store_world_refresh(&near->world);
    search_init(search, store_world_city(&near->world, query->to));
    search->idle_too = query->idle_too;
    search->over = query->over_minutes;
    if (near->world.cities[search->to].state != STORE_CITY_KNOWN || !query_regions(search, &near->world, query)) {
        return search; /* nothing arrives where nobody knows where it is */
    }
    search->links = store_world_links(&near->world, search->to);
    search->kind = store_kinds_number(&near->kinds, query->kind);
    search->holders = store_kinds_holders(&near->kinds, &near->world, search->kind);
    search->holders->refs++;
    if (!search->idle_too) { /* an explanation looks at all of them anyway */
        search->around = store_near_around(near, search->to, search->links);
    }
    store_search_start(search, near);
    return search;
}

struct core_near *store_search_everybody(struct store_near *near, uint32_t to, struct store_links *links)
{
    struct core_near *search = &near->searches[STORE_SEARCHES_MAX];
    search_init(search, to);
    search->links = links;
    links->refs++;
    store_search_start(search, near);
    return search;
}

/* The kind may have been forgotten since the search began, and be read again: what was put since then is there only. */
void store_search_tree(struct store_near *near, struct core_near *search)
{
    store_world_refresh(&near->world);
    search->tree = tree_of(near, search->region);
    search->tree->refs++;
    if (search->kind == STORE_NAME_NONE) {
        return;
    }
    search->marks = store_kinds_marks(&near->kinds, &near->world, search->kind, search->region, search->tree);
    search->marks->refs++;
    store_holders_unref(search->holders);
    search->holders = store_kinds_holders(&near->kinds, &near->world, search->kind);
    search->holders->refs++;
}

bool store_near_next(struct store_near *near, struct core_near *search, struct core_holder *ret)
{
    struct store_link found;
    if (!search->links || !store_search_take(search, near, &found)) {
        return false;
    }
    *ret = (struct core_holder){near->world.city_names.items[found.from],
                                found.minutes == STORE_LINK_CLOSED ? RELIEF_NIL : found.minutes};
    return true;
}

void store_near_end(struct store_near *near, struct core_near *search)
{
    store_kd_unref(search->tree);
    store_marks_unref(search->marks);
    store_holders_unref(search->holders);
    store_links_unref(&near->world, search->links);
    store_around_unref(&near->world, search->around);
    search->tree = NULL;
    search->marks = NULL;
    search->holders = NULL;
    search->links = NULL;
    search->around = NULL;
    if (search->heap_cap > HEAP_KEEP) {
        free(search->heap);
        search->heap = NULL;
        search->heap_cap = 0;
    }
    search->used = false;
}
