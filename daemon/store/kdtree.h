/*
 * A k-d tree over the holders of a kind, on the unit sphere. Its shape never changes: holders go idle and come back by
 * a flag and counts along one path, new ones wait in a short list, removed ones are marked; when the list is full the
 * tree is built anew. Counted references: a search goes on with the tree that it began with.
 */
#pragma once
#include "store/world.h"

struct store_kd_node {       /* of the range [low, high): stands at the middle; its children are the halves beside it */
    float least[3], most[3]; /* box of the range, rounded outwards */
    double split;            /* its own coordinate on the axis */
    uint32_t city, region;   /* region: place in the walk of regions */
    uint32_t region_least, region_most; /* of the range */
    uint32_t live, active;              /* in the range: not gone; not gone and not idle */
    uint8_t axis, gone, idle;
};

struct store_kd_late {
    uint32_t city, region;
    uint8_t gone, idle;
};

struct store_kd {
    uint32_t refs, count, late_count, late_max;
    size_t bytes;
    struct store_kd_node *nodes;
    struct store_kd_late *late;
    uint32_t *slots, slot_mask; /* number + 1 by city, open addressing; 0: free. Holders are marked, never taken out */
};

struct store_kd_holder {
    double xyz[3];
    uint32_t city, region;
    uint8_t idle;
};

#define STORE_KD_NONE UINT32_MAX

/* Holders are reordered. */
struct store_kd *store_kd_new(struct store_kd_holder *holders, uint32_t count);
void store_kd_unref(struct store_kd *tree);
/* Number of the city's node, or count + its number among the late ones; STORE_KD_NONE. */
uint32_t store_kd_find(const struct store_kd *tree, uint32_t city);
/* Marks, adds or removes a holder. False: no room for a new one, the tree has to be built anew. */
bool store_kd_set(struct store_kd *tree, const struct store_world *world, uint32_t city, bool gone, bool idle);
/* State of a number that find or a walk gave. */
static inline bool store_kd_gone(const struct store_kd *tree, uint32_t number)
{
    return number < tree->count ? tree->nodes[number].gone : tree->late[number - tree->count].gone;
}
static inline bool store_kd_idle(const struct store_kd *tree, uint32_t number)
{
    return number < tree->count ? tree->nodes[number].idle : tree->late[number - tree->count].idle;
}
static inline uint32_t store_kd_city(const struct store_kd *tree, uint32_t number)
{
    return number < tree->count ? tree->nodes[number].city : tree->late[number - tree->count].city;
}
static inline uint32_t store_kd_region(const struct store_kd *tree, uint32_t number)
{
    return number < tree->count ? tree->nodes[number].region : tree->late[number - tree->count].region;
}
