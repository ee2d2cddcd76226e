/*
 * The first cities around a destination, in the order in which their goods arrive, whatever they hold.
 *
 * Most searches end with one of the nearest few, for every kind; so the order is worked out once for a destination and
 * kept while the map stays as it is. A search then only asks the bits of the kind who of them holds it, and goes on in
 * the tree where the list ends (search.c).
 *
 * The list is what a search for everybody gives first, so it costs the same among many cities as among few. A
 * destination gets it with its second search on the same map: while cities come one by one, lists would be made for
 * nothing.
 */
#include "store/near.h"
#include "store/value.h"
#include <stdlib.h>

static size_t bytes_of(const struct store_around *around)
{
    return sizeof(*around) + around->count * sizeof(around->items[0]);
}

void store_around_unref(struct store_world *world, struct store_around *around)
{
    if (around && --around->refs == 0) {
        world->around_bytes -= bytes_of(around);
        free(around);
    }
}

void store_around_forget(struct store_world *world, uint32_t city)
{
    store_around_unref(world, world->cities[city].around);
    world->cities[city].around = NULL;
}

/* A clock: its hand goes round over the cities, and forgets the lists that were not asked for since it came by last. */
static void make_room(struct store_world *world)
{
    uint32_t cities = world->city_names.count;
    for (uint64_t turns = 0; world->around_bytes > world->around_bytes_max && turns < 2 * (uint64_t)cities; turns++) {
        uint32_t at = world->around_hand++ % cities;
        struct store_around *around = world->cities[at].around;
        if (around && around->asked) {
            around->asked = false;
        } else if (around) {
            store_around_forget(world, at);
            world->cities[at].asked_version = 0; /* made again with the second search from now on */
        }
    }
}

static struct store_around *around_new(struct store_near *near, uint32_t to, struct store_links *links)
{
    struct store_link items[STORE_AROUND_MAX], more;
    uint32_t count = 0;
    struct core_near *search = store_search_everybody(near, to, links);
    while (count < STORE_AROUND_MAX && store_search_take(search, near, &items[count])) {
        count++;
    }
    bool whole = count < STORE_AROUND_MAX || !store_search_take(search, near, &more);
    store_near_end(near, search);
    struct store_around *around = store_alloc(sizeof(*around) + count * sizeof(items[0]));
    *around = (struct store_around){.refs = 1, .count = count, .version = near->world.map_version, .whole = whole};
    memcpy(around->items, items, count * sizeof(items[0]));
    near->world.around_bytes += bytes_of(around);
    return around;
}

struct store_around *store_near_around(struct store_near *near, uint32_t to, struct store_links *links)
{
    struct store_world *world = &near->world;
    struct store_city *city = &world->cities[to];
    if (city->around && city->around->version != world->map_version) {
        store_around_forget(world, to);
    }
    if (!city->around && city->asked_version != world->map_version) {
        city->asked_version = world->map_version;
        return NULL;
    }
    if (!city->around) {
        make_room(world);
        city->around = around_new(near, to, links); /* all cities were read before: they stay where they are */
    }
    city->around->asked = true;
    city->around->refs++;
    return city->around;
}
