/*
 * Building and changing the k-d tree of a kind's holders.
 *
 * Implicit: the node of a range stands at its middle, so there are no links and a rebuild is one array. The axis of a
 * range is that of its widest extent. Ties on a coordinate are broken by the number of the city, so every holder has
 * exactly one path from the root and is found by its place alone. Depth is at most 32, as ranges halve; so is the
 * recursion.
 */
#include "store/kdtree.h"
#include "store/value.h"
#include <assert.h>
#include <stdlib.h>

#define DEPTH_MAX  33
#define LATE_EXTRA 64u /* a small kind is not rebuilt for every new holder */

static bool before(const struct store_kd_holder *a, const struct store_kd_holder *b, unsigned axis)
{
    return a->xyz[axis] != b->xyz[axis] ? a->xyz[axis] < b->xyz[axis] : a->city < b->city;
}

static void swap(struct store_kd_holder *a, struct store_kd_holder *b)
{
    struct store_kd_holder kept = *a;
    *a = *b;
    *b = kept;
}

/* Moves the holder of rank `nth` to its place, lesser ones before it. Quickselect; the pivot is drawn, so no order is
 * its worst. */
static void select_nth(struct store_kd_holder *holders, uint32_t low, uint32_t high, uint32_t nth, unsigned axis)
{
    uint32_t draw = high - low;
    while (high - low > 1) {
        draw ^= draw << 13;
        draw ^= draw >> 17;
        draw ^= draw << 5;
        swap(&holders[low + draw % (high - low)], &holders[high - 1]);
        uint32_t at = low;
        for (uint32_t i = low; i + 1 < high; i++) {
            if (before(&holders[i], &holders[high - 1], axis)) {
                swap(&holders[i], &holders[at++]);
            }
        }
        swap(&holders[at], &holders[high - 1]);
        if (at == nth) {
            return;
        }
        low = at < nth ? at + 1 : low;
        high = at < nth ? high : at;
    }
}

/* The box in floats: one step outwards is more than the rounding. */
static unsigned measure(struct store_kd_node *node, const struct store_kd_holder *holders, uint32_t low, uint32_t high)
{
    double least[3] = {2, 2, 2}, most[3] = {-2, -2, -2};
    node->region_least = UINT32_MAX;
    node->region_most = 0;
    node->live = high - low;
    node->active = 0;
    for (uint32_t i = low; i < high; i++) {
        for (unsigned axis = 0; axis < 3; axis++) {
            double x = holders[i].xyz[axis];
            least[axis] = x < least[axis] ? x : least[axis];
            most[axis] = x > most[axis] ? x : most[axis];
        }
        uint32_t region = holders[i].region;
        node->region_least = region < node->region_least ? region : node->region_least;
        node->region_most = region > node->region_most ? region : node->region_most;
        node->active += !holders[i].idle;
    }
    unsigned widest = 0;
    for (unsigned axis = 0; axis < 3; axis++) {
        node->least[axis] = (float)(least[axis] - 1.5e-7); /* half a unit in the last place of 1.0 is 6e-8 */
        node->most[axis] = (float)(most[axis] + 1.5e-7);
        widest = most[axis] - least[axis] > most[widest] - least[widest] ? axis : widest;
    }
    return widest;
}

static void build(struct store_kd *tree, struct store_kd_holder *holders, uint32_t low, uint32_t high)
{
    if (low >= high) {
        return;
    }
    uint32_t middle = low + (high - low) / 2;
    struct store_kd_node *node = &tree->nodes[middle];
    unsigned axis = measure(node, holders, low, high);
    select_nth(holders, low, high, middle, axis);
    node->axis = (uint8_t)axis;
    node->split = holders[middle].xyz[axis];
    node->city = holders[middle].city;
    node->region = holders[middle].region;
    node->idle = holders[middle].idle;
    node->gone = 0;
    build(tree, holders, low, middle);
    build(tree, holders, middle + 1, high);
}

/* ---- numbers by city ---- */

static uint32_t *slot_of(const struct store_kd *tree, uint32_t city)
{
    uint32_t at = (city * UINT32_C(0x9e3779b1)) >> 7 & tree->slot_mask;
    while (tree->slots[at] != 0 && store_kd_city(tree, tree->slots[at] - 1) != city) {
        at = (at + 1) & tree->slot_mask;
    }
    return &tree->slots[at];
}

/* At most half full, with all late holders that can come. */
static void slots_fill(struct store_kd *tree)
{
    uint32_t slots = 64;
    while (slots < 2 * (tree->count + tree->late_max)) {
        slots *= 2;
    }
    tree->slot_mask = slots - 1;
    tree->slots = store_alloc(slots * sizeof(*tree->slots));
    memset(tree->slots, 0, slots * sizeof(*tree->slots));
    tree->bytes += slots * sizeof(*tree->slots);
    for (uint32_t i = 0; i < tree->count; i++) {
        *slot_of(tree, tree->nodes[i].city) = i + 1;
    }
}

struct store_kd *store_kd_new(struct store_kd_holder *holders, uint32_t count)
{
    struct store_kd *tree = store_alloc(sizeof(*tree));
    uint32_t root = 1;
    while ((uint64_t)root * root < count) {
        root++;
    }
    *tree = (struct store_kd){.refs = 1, .count = count, .late_max = root + LATE_EXTRA};
    tree->nodes = store_alloc(count * sizeof(*tree->nodes));
    tree->late = store_alloc(tree->late_max * sizeof(*tree->late));
    tree->bytes = sizeof(*tree) + count * sizeof(*tree->nodes) + tree->late_max * sizeof(*tree->late);
    build(tree, holders, 0, count);
    slots_fill(tree);
    return tree;
}

void store_kd_unref(struct store_kd *tree)
{
    if (tree && --tree->refs == 0) {
        free(tree->nodes);
        free(tree->late);
        free(tree->slots);
        free(tree);
    }
}

/* The middles from the root to the city's node; 0 when it has none. */
static uint32_t path_to(const struct store_kd *tree, const struct store_world *world, uint32_t city,
                        uint32_t path[DEPTH_MAX])
{
    const double *xyz = world->cities[city].xyz;
    uint32_t low = 0, high = tree->count, depth = 0;
    while (low < high && depth < DEPTH_MAX) {
        uint32_t middle = low + (high - low) / 2;
        const struct store_kd_node *node = &tree->nodes[middle];
        path[depth++] = middle;
        if (node->city == city) {
            return depth;
        }
        double x = xyz[node->axis];
        bool left = x != node->split ? x < node->split : city < node->city;
        low = left ? low : middle + 1;
        high = left ? middle : high;
    }
    return 0;
}

uint32_t store_kd_find(const struct store_kd *tree, uint32_t city)
{
    return *slot_of(tree, city) - 1; /* 0 becomes NONE */
}

bool store_kd_set(struct store_kd *tree, const struct store_world *world, uint32_t city, bool gone, bool idle)
{
    uint32_t path[DEPTH_MAX], depth = path_to(tree, world, city, path);
    if (depth > 0) {
        struct store_kd_node *node = &tree->nodes[path[depth - 1]];
        uint32_t live = (uint32_t)!gone - (uint32_t)!node->gone; /* -1, 0 or 1, modulo 2^32 */
        uint32_t active = (uint32_t)(!gone && !idle) - (uint32_t)(!node->gone && !node->idle);
        node->gone = gone;
        node->idle = idle;
        for (uint32_t i = 0; i < depth; i++) {
            tree->nodes[path[i]].live += live;
            tree->nodes[path[i]].active += active;
        }
        return true;
    }
    uint32_t number = store_kd_find(tree, city);
    if (number != STORE_KD_NONE) {
        assert(number >= tree->count); /* a city that moves takes its trees with it */
        tree->late[number - tree->count].gone = gone;
        tree->late[number - tree->count].idle = idle;
        return true;
    }
    if (gone) {
        return true;
    }
    if (tree->late_count == tree->late_max) {
        return false;
    }
    uint32_t region = world->cities[city].region;
    *slot_of(tree, city) = tree->count + tree->late_count + 1;
    tree->late[tree->late_count++] = (struct store_kd_late){
        .city = city, .region = region == STORE_NAME_NONE ? 0 : world->regions[region].low, .idle = idle};
    return true;
}
