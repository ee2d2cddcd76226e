/*
 * The first cities around a destination, in the order in which their goods arrive, whatever they hold.
 *
 * Most searches end with one of the nearest few, for every kind; so the order is worked out once for a destination and
 * kept while the map stays as it is. A search then only asks the index of the kind who of them holds it, and goes on in
 * the tree where the list ends (search.c).
 *
 * Which cities come first is found by bounds, and only those that can be among them are measured exactly. A destination
 * gets its list with its second search on the same map: while cities come one by one, lists would be made for nothing.
 */
#include "core/geo.h"
#include "store/value.h"
#include "store/world.h"
#include <stdlib.h>

/* 10,000 destinations; beyond, others are forgotten until it holds again. */
#define AROUND_BYTES_MAX ((size_t)16 << 20)

struct guess {
    int64_t minutes;
    uint32_t city;
};

static size_t bytes_of(const struct store_around *around)
{
    return sizeof(*around) + around->count * (sizeof(*around->items) + sizeof(*around->sorted));
}

void store_around_unref(struct store_world *world, struct store_around *around)
{
    if (around && --around->refs == 0) {
        world->around_bytes -= bytes_of(around);
        free(around->items);
        free(around->sorted);
        free(around);
    }
}

void store_around_forget(struct store_world *world, uint32_t city)
{
    store_around_unref(world, world->cities[city].around);
    world->cities[city].around = NULL;
}

/* All cities that no recorded link joins to the destination, with bounds below their minutes. */
static uint32_t guess_all(const struct store_world *world, uint32_t to, const struct store_links *links,
                          struct guess *guesses)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->city_names.count; i++) {
        if (i == to || world->cities[i].state != STORE_CITY_KNOWN || store_links_hold(links, i)) {
            continue;
        }
        guesses[count++] = (struct guess){store_world_minutes_above(world, store_world_chord(world, i, to)), i};
    }
    return count;
}

/* Moves the least `first` guesses to the front. Quickselect with a drawn pivot, so that no map is its worst. */
static void select_first(struct guess *guesses, uint32_t count, uint32_t first)
{
    uint32_t low = 0, high = count, draw = count | 1;
    while (first < count && high - low > 1) {
        draw ^= draw << 13;
        draw ^= draw >> 17;
        draw ^= draw << 5;
        int64_t pivot = guesses[low + draw % (high - low)].minutes;
        uint32_t less = low, more = high; /* [low, less) below the pivot, [more, high) above it */
        for (uint32_t at = low; at < more;) {
            struct guess guess = guesses[at];
            if (guess.minutes < pivot) {
                guesses[at++] = guesses[less];
                guesses[less++] = guess;
            } else if (guess.minutes > pivot) {
                guesses[at] = guesses[--more];
                guesses[more] = guess;
            } else {
                at++;
            }
        }
        if (first <= less) {
            high = less;
        } else if (first >= more) {
            low = more;
        } else {
            return;
        }
    }
}

static int link_order(const void *a, const void *b, void *context)
{
    const struct store_link *x = a, *y = b;
    const struct store_world *world = context;
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

/* The exact minutes of those that can be among the first; all that come by `limit` are among them. */
static uint32_t measure(const struct store_world *world, uint32_t to, const struct store_links *links,
                        struct guess *guesses, uint32_t count, struct store_link *items)
{
    uint32_t first = count < STORE_AROUND_MAX ? count : STORE_AROUND_MAX, found = 0;
    int64_t limit = count <= STORE_AROUND_MAX ? INT64_MAX : 0;
    select_first(guesses, count, first);
    for (; found < first; found++) {
        items[found] = (struct store_link){guesses[found].city, store_world_minutes(world, guesses[found].city, to)};
        limit = items[found].minutes > limit ? items[found].minutes : limit;
    }
    for (uint32_t i = first; i < count; i++) {
        if (guesses[i].minutes <= limit) {
            items[found++] = (struct store_link){guesses[i].city, store_world_minutes(world, guesses[i].city, to)};
        }
    }
    for (uint32_t i = 0; i < links->open; i++) {
        const struct store_link *link = &links->items[i];
        if (link->minutes <= limit && link->from != to && world->cities[link->from].state == STORE_CITY_KNOWN) {
            items[found++] = *link;
        }
    }
    return found; /* what comes after `limit` stands behind the first 64, which come by then */
}

static struct store_around *around_new(struct store_world *world, uint32_t to, const struct store_links *links)
{
    struct store_around *around = store_alloc(sizeof(*around));
    uint32_t cities = world->city_names.count;
    struct guess *guesses = store_alloc(cities * sizeof(*guesses));
    struct store_link *items = store_alloc((cities + links->open) * sizeof(*items));
    uint32_t known = guess_all(world, to, links, guesses);
    uint32_t count = measure(world, to, links, guesses, known, items);
    if (count > 0) {
        qsort_r(items, count, sizeof(*items), link_order, world);
    }
    *around = (struct store_around){.refs = 1, .version = world->map_version};
    around->whole = known <= STORE_AROUND_MAX && count <= STORE_AROUND_MAX;
    around->count = count < STORE_AROUND_MAX ? count : STORE_AROUND_MAX;
    around->items = store_realloc(items, around->count * sizeof(*items));
    around->sorted = store_alloc(around->count * sizeof(*around->sorted));
    for (uint32_t i = 0; i < around->count; i++) {
        around->sorted[i] = around->items[i].from;
    }
    if (around->count > 0) {
        qsort(around->sorted, around->count, sizeof(*around->sorted), number_order);
    }
    free(guesses);
    world->around_bytes += bytes_of(around);
    return around;
}

struct store_around *store_world_around(struct store_world *world, uint32_t to, const struct store_links *links)
{
    struct store_city *city = &world->cities[to];
    if (city->around && city->around->version != world->map_version) {
        store_around_forget(world, to);
    }
    if (!city->around && city->asked_version != world->map_version) {
        city->asked_version = world->map_version;
        return NULL;
    }
    if (!city->around) {
        for (uint32_t i = 0; world->around_bytes > AROUND_BYTES_MAX && i < world->city_names.count; i++) {
            store_around_forget(world, i);
        }
        city->around = around_new(world, to, links);
    }
    city->around->refs++;
    return city->around;
}
