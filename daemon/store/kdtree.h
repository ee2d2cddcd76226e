/*
 * A k-d tree of cities, as points on the unit sphere: of all that are known, or of those of a region and below. It says
 * nothing of what they hold; the marks of kinds (holders.h) go by its positions, so all kinds share it.
 *
 * A city that leaves is marked, one that comes waits in a short list; when that is full the tree is to be built anew.
 * Counted references: marks and searches go on with the tree that they began with.
 */
#pragma once
#include "store/world.h"

struct store_kd_node {       /* of the range [low, high): stands at the middle; its children are the halves beside it */
    float least[3], most[3]; /* box of the range, rounded outwards */
    double split;            /* its own coordinate on the axis */
    uint32_t city, region;   /* region: place in the walk of regions */
    uint32_t region_least, region_most; /* of the range */
    uint8_t axis, gone;
};

struct store_kd_late {
    uint32_t city, region;
};

struct store_kd {
    uint32_t refs, count, late_count, late_max;
    struct store_kd_node *nodes;
    struct store_kd_late *late;
};

struct store_kd_place {
    double xyz[3];
    uint32_t city, region;
};

struct store_kd_range {
    uint32_t low, high;
};

#define STORE_KD_NONE      UINT32_MAX
#define STORE_KD_DEPTH_MAX 33u

static inline uint32_t store_kd_middle(uint32_t low, uint32_t high)
{
    return low + (high - low) / 2;
}

/* Places are reordered. */
struct store_kd *store_kd_new(struct store_kd_place *places, uint32_t count);
void store_kd_unref(struct store_kd *tree);
/* The ranges from the root to that in whose middle the city stands; 0: it stands in none (late, or not there). */
uint32_t store_kd_path(const struct store_kd *tree, const double xyz[3], uint32_t city,
                       struct store_kd_range ret_path[STORE_KD_DEPTH_MAX]);
void store_kd_leave(struct store_kd *tree, const double xyz[3], uint32_t city);
/* False: there is no room, the tree has to be built anew. */
bool store_kd_join(struct store_kd *tree, uint32_t city, uint32_t region);

/* Of a position, or of count + the number of a late one. STORE_KD_NONE: it left. */
static inline uint32_t store_kd_city(const struct store_kd *tree, uint32_t number)
{
    if (number >= tree->count) {
        return tree->late[number - tree->count].city;
    }
    return tree->nodes[number].gone ? STORE_KD_NONE : tree->nodes[number].city;
}
static inline uint32_t store_kd_region(const struct store_kd *tree, uint32_t number)
{
    return number < tree->count ? tree->nodes[number].region : tree->late[number - tree->count].region;
}
