/*
 * What the search for holders knows of the map: places and regions of cities, the tree of regions, the links into a
 * city, the parameters of the travel estimate. Read from the records when first needed (all cities at once, as searches
 * look among all of them), forgotten or corrected when they are put.
 */
#pragma once
#include "core/view.h"
#include "schema/arena.h"
#include "store/names.h"

enum store_city_state { STORE_CITY_UNREAD, STORE_CITY_MISSING, STORE_CITY_KNOWN };

struct store_links;
struct store_around;

struct store_city {
    double xyz[3]; /* on the unit sphere */
    int64_t lat, lon;
    uint32_t region;             /* number */
    uint8_t state;               /* enum store_city_state */
    struct store_links *links;   /* into this city; NULL: not read */
    struct store_around *around; /* around this city; NULL: not worked out */
    uint64_t asked_version;      /* of the map when it was asked for last */
};

struct store_region {
    uint32_t parent;    /* number, or STORE_NAME_NONE */
    uint32_t low, high; /* its place in a walk of the tree: a region r lies in it when low <= r.low <= high */
};

#define STORE_LINK_CLOSED UINT32_MAX

struct store_link {
    uint32_t from;
    uint32_t
        minutes; /* at most 120,090,522 of an estimate (core_geo_minutes), a year of a record; or STORE_LINK_CLOSED */
};

/* The recorded links into a city. */
struct store_links {
    uint32_t refs;
    uint32_t open, count; /* open ones first, by (minutes, code); then closed ones by code */
    struct store_link *items;
    uint32_t *sorted; /* the cities, by number */
};

#define STORE_AROUND_MAX 32u /* cities of a list: holders with something to give are mostly among the first few */

/* The first cities around a destination by (minutes, code), itself and closed links left out. */
struct store_around {
    uint32_t refs, count;
    uint64_t version; /* of the map */
    bool whole;       /* there are no others */
    bool asked;       /* since the hand of the clock came by */
    struct store_link items[];
};

struct store_world {
    struct core_view *view;
    struct relief_arena arena;
    struct store_names city_names, region_names;
    struct store_city *cities;
    struct store_region *regions;
    uint32_t city_cap, region_cap;
    uint32_t around_hand; /* the city whose list is forgotten next, unless it was asked for */
    bool cities_read, regions_read, travel_read;
    uint64_t regions_version; /* changes when the tree of regions does */
    uint64_t map_version;     /* when a city comes, goes or moves, or the estimate changes */
    int64_t permille, km_per_hour;
    size_t link_bytes, around_bytes, around_bytes_max;
};

/* Is the city among these, which are in order? */
static inline bool store_sorted_hold(const uint32_t *sorted, uint32_t count, uint32_t city)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (sorted[mid] < city) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < count && sorted[low] == city;
}

void store_world_init(struct store_world *world, struct core_view *view, uint64_t seed);
void store_world_deinit(struct store_world *world);
/* The city's number; its record is read when it was not yet. */
uint32_t store_world_city(struct store_world *world, struct relief_str code);
/* Reads all cities, the tree of regions and the estimate's parameters when that is needed. */
void store_world_refresh(struct store_world *world);
/* The place of the city's region in the walk of regions; 0: it has none. */
static inline uint32_t store_world_place(const struct store_world *world, uint32_t city)
{
    uint32_t region = world->cities[city].region;
    return region == STORE_NAME_NONE ? 0 : world->regions[region].low;
}
/* The links into a city, with a reference; NULL: none are recorded. */
struct store_links *store_world_links(struct store_world *world, uint32_t to);
void store_links_unref(struct store_world *world, struct store_links *links);
static inline bool store_links_hold(const struct store_links *links, uint32_t from)
{
    return store_sorted_hold(links->sorted, links->count, from);
}
/* The estimate from a to b, in minutes. */
int64_t store_world_minutes(const struct store_world *world, uint32_t from, uint32_t to);
/* The square of the chord between two cities on the unit sphere, and a bound below the minutes of such a chord. */
double store_world_chord(const struct store_world *world, uint32_t a, uint32_t b);
int64_t store_world_minutes_above(const struct store_world *world, double chord_squared);

/* 59,000 destinations' lists, 280 bytes each; beyond, those that were not asked for lately are forgotten one by one. */
#define STORE_AROUND_BYTES_MAX ((size_t)16 << 20)
/* around.c; near.h makes the list. */
void store_around_unref(struct store_world *world, struct store_around *around);
void store_around_forget(struct store_world *world, uint32_t city);
/* A record or key of the map was put. True when a city came, went, or changed its place or region: what it was before.
 */
struct store_city_change {
    uint32_t city, region;
    bool known;
    double xyz[3];
};
bool store_world_put(struct store_world *world, struct relief_str key, struct relief_str value,
                     struct store_city_change *ret_change);
