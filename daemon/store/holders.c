/*
 * Setting the bits of a kind's holders, and those of the ranges of a tree that they lie in.
 *
 * A node's bit is its own city's or one of its halves', so a change goes up one path and ends where nothing changes.
 * A tree is marked at first from below when many of its cities hold the kind, else path by path.
 */
#include "store/holders.h"
#include "store/value.h"
#include <stdlib.h>

#define FEW 32u /* a path looks at some twenty nodes: fewer holders than one of so many are marked one by one */

static size_t words_for(uint32_t bits)
{
    return ((size_t)bits + 63) / 64;
}

/* Both kinds of bits in one block. */
static uint64_t *pair_new(size_t words)
{
    uint64_t *block = store_alloc(2 * words * sizeof(*block));
    memset(block, 0, 2 * words * sizeof(*block));
    return block;
}

/* Returns what it was. */
static bool bit_set(uint64_t *words, uint32_t number, bool value)
{
    uint64_t mask = UINT64_C(1) << number % 64, *word = &words[number / 64];
    bool was = *word & mask;
    *word = value ? *word | mask : *word & ~mask;
    return was;
}

struct store_holders *store_holders_new(uint32_t cities)
{
    struct store_holders *holders = store_alloc(sizeof(*holders));
    size_t words = words_for(cities);
    *holders = (struct store_holders){.refs = 1, .cities = (uint32_t)(words * 64), .live = pair_new(words)};
    holders->active = holders->live + words;
    return holders;
}

void store_holders_unref(struct store_holders *holders)
{
    if (holders && --holders->refs == 0) {
        free(holders->live);
        free(holders);
    }
}

size_t store_holders_bytes(const struct store_holders *holders)
{
    return sizeof(*holders) + holders->cities / 4;
}

/* By a half and to the next 64, so that cities that come one by one don't copy all bits each time. */
static void holders_grow(struct store_holders *holders, uint32_t city)
{
    size_t before = words_for(holders->cities), words = words_for(city) + 1;
    words += words / 2;
    uint64_t *block = pair_new(words);
    memcpy(block, holders->live, before * sizeof(*block));
    memcpy(block + words, holders->active, before * sizeof(*block));
    free(holders->live);
    holders->live = block;
    holders->active = block + words;
    holders->cities = (uint32_t)(words * 64);
}

bool store_holders_put(struct store_holders *holders, uint32_t city, bool live, bool active)
{
    if (city >= holders->cities) {
        if (!live) {
            return false;
        }
        holders_grow(holders, city);
    }
    bool was_live = bit_set(holders->live, city, live), was_active = bit_set(holders->active, city, active);
    return was_live != live || was_active != active;
}

/* ---- marks ---- */

struct pair {
    bool live, active;
};

static struct pair pair_at(const struct store_marks *marks, uint32_t low, uint32_t high)
{
    uint32_t middle = store_kd_middle(low, high);
    return low < high ? (struct pair){store_bit(marks->live, middle), store_bit(marks->active, middle)}
                      : (struct pair){false, false};
}

/* What the middle of the range has to be, when that of its halves is right. */
static struct pair pair_of(const struct store_marks *marks, const struct store_holders *holders, uint32_t low,
                           uint32_t high)
{
    uint32_t middle = store_kd_middle(low, high), city = store_kd_city(marks->tree, middle);
    struct pair left = pair_at(marks, low, middle), right = pair_at(marks, middle + 1, high);
    return (struct pair){left.live || right.live || store_holders_have(holders, city, true),
                         left.active || right.active || store_holders_have(holders, city, false)};
}

static void mark_range(struct store_marks *marks, const struct store_holders *holders, uint32_t low, uint32_t high)
{
    if (low >= high) {
        return;
    }
    uint32_t middle = store_kd_middle(low, high);
    mark_range(marks, holders, low, middle);
    mark_range(marks, holders, middle + 1, high);
    struct pair pair = pair_of(marks, holders, low, high);
    bit_set(marks->live, middle, pair.live);
    bit_set(marks->active, middle, pair.active);
}

static uint32_t count_live(const struct store_holders *holders)
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < holders->cities / 64; word++) {
        count += (uint32_t)__builtin_popcountll(holders->live[word]);
    }
    return count;
}

struct store_marks *store_marks_new(struct store_kd *tree, const struct store_holders *holders,
                                    const struct store_world *world)
{
    struct store_marks *marks = store_alloc(sizeof(*marks));
    size_t words = words_for(tree->count);
    *marks = (struct store_marks){.refs = 1, .tree = tree, .live = pair_new(words)};
    marks->active = marks->live + words;
    tree->refs++;
    if (count_live(holders) >= tree->count / FEW) {
        mark_range(marks, holders, 0, tree->count);
        return marks;
    }
    for (uint32_t word = 0; word < holders->cities / 64; word++) {
        for (uint64_t left = holders->live[word]; left; left &= left - 1) {
            uint32_t city = word * 64 + (uint32_t)__builtin_ctzll(left);
            store_marks_put(marks, holders, world->cities[city].xyz, city);
        }
    }
    return marks;
}

void store_marks_unref(struct store_marks *marks)
{
    if (marks && --marks->refs == 0) {
        store_kd_unref(marks->tree);
        free(marks->live);
        free(marks);
    }
}

size_t store_marks_bytes(const struct store_marks *marks)
{
    return sizeof(*marks) + 2 * words_for(marks->tree->count) * sizeof(*marks->live);
}

void store_marks_put(struct store_marks *marks, const struct store_holders *holders, const double xyz[3], uint32_t city)
{
    struct store_kd_range path[STORE_KD_DEPTH_MAX];
    for (uint32_t depth = store_kd_path(marks->tree, xyz, city, path); depth > 0; depth--) {
        const struct store_kd_range *range = &path[depth - 1];
        uint32_t middle = store_kd_middle(range->low, range->high);
        struct pair pair = pair_of(marks, holders, range->low, range->high);
        bool was_live = bit_set(marks->live, middle, pair.live);
        if (bit_set(marks->active, middle, pair.active) == pair.active && was_live == pair.live) {
            return;
        }
    }
}
