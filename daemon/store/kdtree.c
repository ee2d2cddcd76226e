/*
 * Building and changing a k-d tree of cities.
 *
 * Implicit: the node of a range stands at its middle, so there are no links and a rebuild is one array. The axis of a
 * range is that of its widest extent. Ties on a coordinate are broken by the number of the city, so every city has
 * exactly one path from the root and is found by its place alone. Depth is at most 32, as ranges halve; so is the
 * recursion.
 */
#include "store/kdtree.h"
#include "store/value.h"
#include <stdlib.h>

#define LATE_EXTRA 64u /* a small tree is not rebuilt for every new city */

static bool before(const struct store_kd_place *a, const struct store_kd_place *b, unsigned axis)
{
    return a->xyz[axis] != b->xyz[axis] ? a->xyz[axis] < b->xyz[axis] : a->city < b->city;
}

static void swap(struct store_kd_place *a, struct store_kd_place *b)
{
    struct store_kd_place kept = *a;
    *a = *b;
    *b = kept;
}

/* Moves the place of rank `nth` to its position, lesser ones before it. Quickselect; the pivot is drawn, so no order is
 * its worst. */
static void select_nth(struct store_kd_place *places, uint32_t low, uint32_t high, uint32_t nth, unsigned axis)
{
    uint32_t draw = high - low;
    while (high - low > 1) {
        draw ^= draw << 13;
        draw ^= draw >> 17;
        draw ^= draw << 5;
        swap(&places[low + draw % (high - low)], &places[high - 1]);
        uint32_t at = low;
        for (uint32_t i = low; i + 1 < high; i++) {
            if (before(&places[i], &places[high - 1], axis)) {
                swap(&places[i], &places[at++]);
            }
        }
        swap(&places[at], &places[high - 1]);
        if (at == nth) {
            return;
        }
        low = at < nth ? at + 1 : low;
        high = at < nth ? high : at;
    }
}

/* The box in floats: one step outwards is more than the rounding. */
static unsigned measure(struct store_kd_node *node, const struct store_kd_place *places, uint32_t low, uint32_t high)
{
    double least[3] = {2, 2, 2}, most[3] = {-2, -2, -2};
    node->region_least = UINT32_MAX;
    node->region_most = 0;
    for (uint32_t i = low; i < high; i++) {
        for (unsigned axis = 0; axis < 3; axis++) {
            double x = places[i].xyz[axis];
            least[axis] = x < least[axis] ? x : least[axis];
            most[axis] = x > most[axis] ? x : most[axis];
        }
        uint32_t region = places[i].region;
        node->region_least = region < node->region_least ? region : node->region_least;
        node->region_most = region > node->region_most ? region : node->region_most;
    }
    unsigned widest = 0;
    for (unsigned axis = 0; axis < 3; axis++) {
        node->least[axis] = (float)(least[axis] - 1.5e-7); /* half a unit in the last place of 1.0 is 6e-8 */
        node->most[axis] = (float)(most[axis] + 1.5e-7);
        widest = most[axis] - least[axis] > most[widest] - least[widest] ? axis : widest;
    }
    return widest;
}

static void build(struct store_kd *tree, struct store_kd_place *places, uint32_t low, uint32_t high)
{
    if (low >= high) {
        return;
    }
    uint32_t middle = store_kd_middle(low, high);
    struct store_kd_node *node = &tree->nodes[middle];
    unsigned axis = measure(node, places, low, high);
    select_nth(places, low, high, middle, axis);
    node->axis = (uint8_t)axis;
    node->split = places[middle].xyz[axis];
    node->city = places[middle].city;
    node->region = places[middle].region;
    node->gone = 0;
    build(tree, places, low, middle);
    build(tree, places, middle + 1, high);
}

struct store_kd *store_kd_new(struct store_kd_place *places, uint32_t count)
{
    struct store_kd *tree = store_alloc(sizeof(*tree));
    uint32_t root = 1;
    while ((uint64_t)root * root < count) {
        root++;
    }
    *tree = (struct store_kd){.refs = 1, .count = count, .late_max = root + LATE_EXTRA};
    tree->nodes = store_alloc(count * sizeof(*tree->nodes));
    tree->late = store_alloc(tree->late_max * sizeof(*tree->late));
    build(tree, places, 0, count);
    return tree;
}

void store_kd_unref(struct store_kd *tree)
{
    if (tree && --tree->refs == 0) {
        free(tree->nodes);
        free(tree->late);
        free(tree);
    }
}

uint32_t store_kd_path(const struct store_kd *tree, const double xyz[3], uint32_t city,
                       struct store_kd_range ret_path[STORE_KD_DEPTH_MAX])
{
    uint32_t low = 0, high = tree->count, depth = 0;
    while (low < high && depth < STORE_KD_DEPTH_MAX) {
        uint32_t middle = store_kd_middle(low, high);
        const struct store_kd_node *node = &tree->nodes[middle];
        ret_path[depth++] = (struct store_kd_range){low, high};
        if (node->city == city) {
            return node->gone ? 0 : depth;
        }
        double x = xyz[node->axis];
        bool left = x != node->split ? x < node->split : city < node->city;
        low = left ? low : middle + 1;
        high = left ? middle : high;
    }
    return 0;
}

void store_kd_leave(struct store_kd *tree, const double xyz[3], uint32_t city)
{
    struct store_kd_range path[STORE_KD_DEPTH_MAX];
    uint32_t depth = store_kd_path(tree, xyz, city, path);
    if (depth > 0) {
        tree->nodes[store_kd_middle(path[depth - 1].low, path[depth - 1].high)].gone = 1;
        return;
    }
    for (uint32_t i = 0; i < tree->late_count; i++) {
        if (tree->late[i].city == city) {
            tree->late[i] = tree->late[--tree->late_count];
            return;
        }
    }
}

bool store_kd_join(struct store_kd *tree, uint32_t city, uint32_t region)
{
    if (tree->late_count == tree->late_max) {
        return false;
    }
    tree->late[tree->late_count++] = (struct store_kd_late){city, region};
    return true;
}
