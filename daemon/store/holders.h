/*
 * The cities that hold a kind, as bits: two for each city by its number, and two for each position of a tree that say
 * whether anybody in the range of that position holds the kind, so that a search passes over ranges without. Half a
 * byte for a pair of city and kind, an eighth of what a tree of holders for every kind would take, and nothing to build
 * anew when a city begins to hold a kind.
 *
 * In each pair of bits one stands for all holders, one for those that are not idle. Counted references: searches go on
 * with what they began with.
 */
#pragma once
#include "store/kdtree.h"

struct store_holders {
    uint32_t refs;
    uint32_t cities; /* that there is room for; a multiple of 64. Those beyond hold nothing */
    uint64_t *live, *active;
};

struct store_marks {
    uint32_t refs;
    struct store_kd *tree;
    uint64_t *live, *active; /* of a node: its own city or one below it. May be set for one that left the tree */
};

static inline bool store_bit(const uint64_t *words, uint32_t number)
{
    return words[number / 64] >> number % 64 & 1;
}

static inline bool store_holders_have(const struct store_holders *holders, uint32_t city, bool idle_too)
{
    return city < holders->cities && store_bit(idle_too ? holders->live : holders->active, city);
}

struct store_holders *store_holders_new(uint32_t cities);
void store_holders_unref(struct store_holders *holders);
size_t store_holders_bytes(const struct store_holders *holders);
/* False: it was so already. */
bool store_holders_put(struct store_holders *holders, uint32_t city, bool live, bool active);

struct store_marks *store_marks_new(struct store_kd *tree, const struct store_holders *holders,
                                    const struct store_world *world);
void store_marks_unref(struct store_marks *marks);
size_t store_marks_bytes(const struct store_marks *marks);
/* What the city holds has changed. */
void store_marks_put(struct store_marks *marks, const struct store_holders *holders, const double xyz[3],
                     uint32_t city);
