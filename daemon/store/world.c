/*
 * The map as the search for holders sees it.
 *
 * Everything here repeats records (city, region, link, travel), read through the view when a search first needs it. A
 * put of such a record corrects or forgets the part that it touches; cities and regions keep their numbers for ever.
 * Links are kept per destination, sorted once, because a search starts from one; all of them together stay below
 * LINK_BYTES_MAX.
 */
#include "store/world.h"
#include "core/geo.h"
#include "core/key.h"
#include "schema/codec.h"
#include "store/value.h"
#include <math.h>
#include <stdlib.h>

#define LINK_BYTES_MAX ((size_t)16 << 20) /* 1.4 million links at a time: the destinations that are in trouble now */
#define ARENA_BYTES    ((size_t)64 << 10) /* one decoded record without lists */

void store_world_init(struct store_world *world, struct core_view *view, uint64_t seed)
{
    *world = (struct store_world){.view = view,
                                  .arena = RELIEF_ARENA_INIT,
                                  .regions_version = 1,
                                  .map_version = 1,
                                  .around_bytes_max = STORE_AROUND_BYTES_MAX};
    if (relief_arena_init(&world->arena, ARENA_BYTES)) {
        store_fatal("out of memory: no room to read a record");
    }
    store_names_init(&world->city_names, seed);
    store_names_init(&world->region_names, seed);
}

void store_links_unref(struct store_world *world, struct store_links *links)
{
    if (links && --links->refs == 0) {
        world->link_bytes -= links->count * (sizeof(*links->items) + sizeof(*links->sorted));
        free(links->items);
        free(links->sorted);
        free(links);
    }
}

static void forget_links(struct store_world *world, uint32_t city)
{
    store_around_forget(world, city);
    store_links_unref(world, world->cities[city].links);
    world->cities[city].links = NULL;
}

void store_world_deinit(struct store_world *world)
{
    for (uint32_t i = 0; i < world->city_names.count; i++) {
        forget_links(world, i);
    }
    free(world->cities);
    free(world->regions);
    store_names_deinit(&world->city_names);
    store_names_deinit(&world->region_names);
    relief_arena_deinit(&world->arena);
    world->cities = NULL;
    world->regions = NULL;
}

static bool decode(struct store_world *world, const struct relief_shape *shape, struct relief_str value, void *record)
{
    relief_arena_reset(&world->arena);
    return value.data && relief_record_decode(shape, value, &world->arena, record) >= 0;
}

static struct relief_str read_record(struct store_world *world, enum relief_table table, const void *record)
{
    struct core_key key;
    core_key_record(&key, table, record);
    return world->view->ops->get(world->view, &key);
}

/* ---- regions ---- */

static uint32_t region_number(struct store_world *world, struct relief_str id)
{
    uint32_t number = store_names_find(&world->region_names, id);
    if (number != STORE_NAME_NONE) {
        return number;
    }
    number = store_names_add(&world->region_names, id);
    if (number >= world->region_cap) {
        world->region_cap = world->region_cap ? world->region_cap * 2 : 64;
        world->regions = store_realloc(world->regions, world->region_cap * sizeof(*world->regions));
    }
    world->regions[number] = (struct store_region){.parent = STORE_NAME_NONE};
    world->regions_read = false; /* it has no place in the walk yet */
    return number;
}

/* Numbers the regions in the order of a walk from the roots, without recursion. Cycles can't be put; one would stay
 * unnumbered. */
static void walk_regions(struct store_world *world)
{
    uint32_t count = world->region_names.count, place = 0;
    uint32_t *child = store_alloc(2 * (count + 1) * sizeof(*child)), *sibling = child + count + 1;
    for (uint32_t i = 0; i <= count; i++) {
        child[i] = sibling[i] = STORE_NAME_NONE;
    }
    for (uint32_t i = 0; i < count; i++) { /* roots hang under number `count` */
        uint32_t parent = world->regions[i].parent == STORE_NAME_NONE ? count : world->regions[i].parent;
        sibling[i] = child[parent];
        child[parent] = i;
        world->regions[i].low = world->regions[i].high = 0;
    }
    uint32_t at = child[count];
    while (at != STORE_NAME_NONE) {
        world->regions[at].low = ++place;
        if (child[at] != STORE_NAME_NONE) {
            at = child[at];
            continue;
        }
        world->regions[at].high = place;
        while (at != STORE_NAME_NONE && sibling[at] == STORE_NAME_NONE) {
            at = world->regions[at].parent;
            if (at != STORE_NAME_NONE) {
                world->regions[at].high = place;
            }
        }
        at = at == STORE_NAME_NONE ? at : sibling[at];
    }
    free(child);
}

static void read_regions(struct store_world *world)
{
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    for (uint32_t i = 0; i < world->region_names.count; i++) {
        world->regions[i].parent = STORE_NAME_NONE;
    }
    core_key_table(&prefix, RELIEF_TABLE_region);
    world->view->ops->scan(world->view, &cursor, &prefix, NULL);
    while (world->view->ops->next(world->view, &cursor, &key, &value)) {
        struct relief_region region;
        if (!decode(world, &relief_shape_region, value, &region)) {
            store_fatal("damage: the record of a region cannot be read");
        }
        uint32_t number = region_number(world, region.id);
        uint32_t parent = region.parent.data ? region_number(world, region.parent) : STORE_NAME_NONE;
        world->regions[number].parent = parent;
    }
    walk_regions(world);
    world->regions_read = true;
    world->regions_version++;
}

static void region_put(struct store_world *world, struct relief_str value)
{
    struct relief_region region;
    if (!world->regions_read) {
        return;
    }
    world->regions_read = false;
    if (!decode(world, &relief_shape_region, value, &region)) {
        return;
    }
    uint32_t number = store_names_find(&world->region_names, region.id);
    uint32_t parent = region.parent.data ? store_names_find(&world->region_names, region.parent) : STORE_NAME_NONE;
    bool known = number != STORE_NAME_NONE && (!region.parent.data || parent != STORE_NAME_NONE);
    world->regions_read = known && world->regions[number].parent == parent; /* only its other fields changed */
}

/* ---- travel ---- */

static void read_travel(struct store_world *world)
{
    struct relief_travel travel = {.id = RELIEF_STR("travel")};
    world->permille = RELIEF_ROAD_PERMILLE;
    world->km_per_hour = RELIEF_ROAD_KM_PER_HOUR;
    if (decode(world, &relief_shape_travel, read_record(world, RELIEF_TABLE_travel, &travel), &travel)) {
        world->permille = travel.permille == RELIEF_NIL ? world->permille : travel.permille;
        world->km_per_hour = travel.km_per_hour == RELIEF_NIL ? world->km_per_hour : travel.km_per_hour;
    }
    world->travel_read = true;
}

int64_t store_world_minutes(const struct store_world *world, uint32_t from, uint32_t to)
{
    const struct store_city *a = &world->cities[from], *b = &world->cities[to];
    return core_geo_minutes(core_geo_metres(a->lat, a->lon, b->lat, b->lon), world->permille, world->km_per_hour);
}

double store_world_chord(const struct store_world *world, uint32_t a, uint32_t b)
{
    const double *from = world->cities[a].xyz, *to = world->cities[b].xyz;
    double x = from[0] - to[0], y = from[1] - to[1], z = from[2] - to[2];
    return x * x + y * y + z * z;
}

int64_t store_world_minutes_above(const struct store_world *world, double chord_squared)
{
    double x = sqrt(chord_squared) / 2, square = x * x;
    x = x > 1 ? 1 : x;
    double metres = 2 * CORE_EARTH_METRES * x * (1 + square * (1.0 / 6 + square * (3.0 / 40)));
    metres = metres * (1 - 1e-6) - 10;
    return core_geo_minutes(metres > 0 ? (int64_t)metres : 0, world->permille, world->km_per_hour);
}

/* ---- cities ---- */

static void city_fill(struct store_world *world, uint32_t number, struct relief_str value)
{
    struct relief_city record;
    if (!decode(world, &relief_shape_city, value, &record)) {
        world->cities[number].state = STORE_CITY_MISSING;
        world->map_version++;
        return;
    }
    uint32_t region = record.region.data ? region_number(world, record.region) : STORE_NAME_NONE;
    struct store_city *city = &world->cities[number];
    world->map_version += city->state != STORE_CITY_KNOWN || city->lat != record.lat || city->lon != record.lon;
    city->state = STORE_CITY_KNOWN;
    city->lat = record.lat;
    city->lon = record.lon;
    city->region = region;
    core_geo_point(city->lat, city->lon, city->xyz);
}

static uint32_t city_number(struct store_world *world, struct relief_str code)
{
    uint32_t number = store_names_add(&world->city_names, code);
    uint32_t cap = world->city_cap;
    if (number >= cap) {
        world->city_cap = cap ? cap * 2 : 256;
        world->cities = store_realloc(world->cities, world->city_cap * sizeof(*world->cities));
        memset(world->cities + cap, 0, (world->city_cap - cap) * sizeof(*world->cities));
    }
    return number;
}

uint32_t store_world_city(struct store_world *world, struct relief_str code)
{
    uint32_t number = city_number(world, code);
    if (world->cities[number].state == STORE_CITY_UNREAD) {
        struct relief_city record = {.code = code};
        city_fill(world, number, read_record(world, RELIEF_TABLE_city, &record));
    }
    return number;
}

static void read_cities(struct store_world *world)
{
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    core_key_table(&prefix, RELIEF_TABLE_city);
    world->view->ops->scan(world->view, &cursor, &prefix, NULL);
    while (world->view->ops->next(world->view, &cursor, &key, &value)) {
        uint32_t at = 1, number = city_number(world, core_key_take_str(key, &at));
        if (world->cities[number].state == STORE_CITY_UNREAD) {
            city_fill(world, number, value);
        }
    }
    world->cities_read = true;
}

void store_world_refresh(struct store_world *world)
{
    if (!world->cities_read) {
        read_cities(world);
    }
    if (!world->regions_read) { /* after the cities, which may name regions that were not known */
        read_regions(world);
    }
    if (!world->travel_read) {
        read_travel(world);
    }
}

/* ---- links ---- */

static int link_order(const void *a, const void *b, void *context)
{
    const struct store_link *x = a, *y = b;
    const struct store_world *world = context;
    bool x_closed = x->minutes == STORE_LINK_CLOSED, y_closed = y->minutes == STORE_LINK_CLOSED;
    if (x_closed != y_closed) {
        return x_closed - y_closed;
    }
    if (x->minutes != y->minutes) {
        return x->minutes < y->minutes ? -1 : 1;
    }
    return relief_str_cmp(world->city_names.items[x->from], world->city_names.items[y->from]);
}

static int number_order(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static bool link_read(struct store_world *world, struct relief_str from, struct relief_str to, struct store_link *ret)
{
    struct relief_link record = {.from = from, .to = to};
    if (!decode(world, &relief_shape_link, read_record(world, RELIEF_TABLE_link, &record), &record)) {
        return false;
    }
    *ret = (struct store_link){store_world_city(world, from),
                               record.open == 1 ? (uint32_t)record.minutes : STORE_LINK_CLOSED};
    return true;
}

static struct store_links *links_read(struct store_world *world, uint32_t to)
{
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value, code = world->city_names.items[to];
    struct store_links *links = store_alloc(sizeof(*links));
    uint32_t cap = 0;
    *links = (struct store_links){.refs = 1};
    core_key_start(&prefix, CORE_KEY_LINK_IN);
    core_key_str(&prefix, code);
    world->view->ops->scan(world->view, &cursor, &prefix, NULL);
    while (world->view->ops->next(world->view, &cursor, &key, &value)) {
        uint32_t at = 1;
        core_key_take_str(key, &at);
        if (links->count == cap) {
            cap = cap ? cap * 2 : 16;
            links->items = store_realloc(links->items, cap * sizeof(*links->items));
        }
        links->count += link_read(world, core_key_take_str(key, &at), code, &links->items[links->count]);
    }
    links->sorted = store_alloc(links->count * sizeof(*links->sorted));
    for (uint32_t i = 0; i < links->count; i++) {
        links->sorted[i] = links->items[i].from;
        links->open += links->items[i].minutes != STORE_LINK_CLOSED;
    }
    if (links->count > 0) {
        qsort_r(links->items, links->count, sizeof(*links->items), link_order, world);
        qsort(links->sorted, links->count, sizeof(*links->sorted), number_order);
    }
    world->link_bytes += links->count * (sizeof(*links->items) + sizeof(*links->sorted));
    return links;
}

struct store_links *store_world_links(struct store_world *world, uint32_t to)
{
    if (!world->cities[to].links) {
        if (world->link_bytes > LINK_BYTES_MAX) { /* rare; those that are needed come back one by one */
            for (uint32_t i = 0; i < world->city_names.count; i++) {
                forget_links(world, i);
            }
        }
        struct store_links *links = links_read(world, to); /* may move world->cities */
        world->cities[to].links = links;
    }
    world->cities[to].links->refs++;
    return world->cities[to].links;
}

/* ---- puts ---- */

static bool city_put(struct store_world *world, struct relief_str code, struct relief_str value,
                     struct store_city_change *ret_change)
{
    uint32_t number = store_names_find(&world->city_names, code);
    if (number == STORE_NAME_NONE && world->cities_read && value.data) {
        number = city_number(world, code);
    } else if (number == STORE_NAME_NONE || world->cities[number].state == STORE_CITY_UNREAD) {
        return false;
    }
    struct store_city before = world->cities[number];
    city_fill(world, number, value);
    const struct store_city *city = &world->cities[number];
    *ret_change = (struct store_city_change){number, before.region, before.state == STORE_CITY_KNOWN, {0}};
    memcpy(ret_change->xyz, before.xyz, sizeof(before.xyz));
    return ret_change->known != (city->state == STORE_CITY_KNOWN) ||
           (ret_change->known && (before.lat != city->lat || before.lon != city->lon || before.region != city->region));
}

static void link_put(struct store_world *world, struct relief_str to)
{
    uint32_t number = store_names_find(&world->city_names, to);
    if (number != STORE_NAME_NONE) {
        forget_links(world, number);
    }
}

bool store_world_put(struct store_world *world, struct relief_str key, struct relief_str value,
                     struct store_city_change *ret_change)
{
    uint32_t at = 1;
    switch ((unsigned char)key.data[0]) {
    case CORE_KEY_RECORD + RELIEF_TABLE_city:
        return city_put(world, core_key_take_str(key, &at), value, ret_change);
    case CORE_KEY_RECORD + RELIEF_TABLE_region:
        region_put(world, value);
        return false;
    case CORE_KEY_RECORD + RELIEF_TABLE_link:
        core_key_take_str(key, &at);
        link_put(world, core_key_take_str(key, &at));
        return false;
    case CORE_KEY_LINK_IN:
        link_put(world, core_key_take_str(key, &at));
        return false;
    case CORE_KEY_RECORD + RELIEF_TABLE_travel:
        world->travel_read = false;
        world->map_version++;
        return false;
    default:
        return false;
    }
}
