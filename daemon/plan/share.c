/*
 * Leximin by rising levels. What the takers can have together is an integer polymatroid, so the leximin of the rates
 * is what a greedy hand reaches that gives one unit at a time to the taker with the lowest rate, of equals to the one
 * whose rate it raises most, and never again to one whom a unit can't reach (Federgruen, Groenevelt 1986). Units by
 * the million are given at once: the highest level is sought at which everybody who is not yet settled can have what
 * the hand would have given; then those whom no further unit reaches are settled, and the level rises for the rest.
 *
 * The order of single units: the k-th further unit of taker j stands at the rate (k - 1) / want[j] that it has before
 * it, then smaller want first, then the order of takers. A level of 2^-LEVEL_BITS holds at most one unit of each
 * taker, so the search halves levels first, and then goes through the order within one level.
 */
#include "plan/share.h"
#include "plan/reach.h"
#include <errno.h>
#include <stdlib.h>

#define LEVEL_BITS 51 /* 2^-51 < 1 / PLAN_WANT_MAX */

/* level x want needs 102 bits. */
__extension__ typedef __int128 wide;

struct rise {
    struct plan_share *share;
    struct plan_reach *reach;
    int64_t *take; /* tried */
    bool *settled, *more;
    uint32_t *order; /* of the units within one level */
    int64_t *held;   /* what unsettled takers have at the level reached */
};

static bool fits(struct rise *rise)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < rise->share->takers; i++)
        sum += rise->take[i];
    return plan_reach_most(rise->reach, rise->take) == sum;
}

/* Units whose rate before them is below level / 2^LEVEL_BITS. */
static int64_t units_below(int64_t want, int64_t level)
{
    wide units = ((wide)want * level + ((wide)1 << LEVEL_BITS) - 1) >> LEVEL_BITS;
    return units > want ? want : (int64_t)units;
}

static void try_level(struct rise *rise, int64_t level)
{
    const struct plan_share *share = rise->share;
    for (uint32_t i = 0; i < share->takers; i++)
        rise->take[i] = rise->settled[i] ? share->ret_got[i] : units_below(share->want[i], level);
}

/* Does the next unit of a come before that of b? */
static bool before(const struct rise *rise, uint32_t a, uint32_t b)
{
    const int64_t *want = rise->share->want;
    wide left = (wide)rise->held[a] * want[b], right = (wide)rise->held[b] * want[a];
    if (left != right)
        return left < right;
    return want[a] != want[b] ? want[a] < want[b] : a < b;
}

static void sift(const struct rise *rise, uint32_t *order, uint32_t at, uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(rise, order[child], order[child + 1]))
            child++;
        if (!before(rise, order[at], order[child]))
            return;
        uint32_t swap = order[at];
        order[at] = order[child];
        order[child] = swap;
    }
}

/* The units between level and level + 1, in order: at most one a taker. */
static uint32_t sort_units(struct rise *rise, int64_t level)
{
    const struct plan_share *share = rise->share;
    uint32_t count = 0;
    for (uint32_t i = 0; i < share->takers; i++) {
        if (rise->settled[i])
            continue;
        rise->held[i] = units_below(share->want[i], level);
        if (units_below(share->want[i], level + 1) > rise->held[i])
            rise->order[count++] = i;
    }
    for (uint32_t i = count / 2; i-- > 0;)
        sift(rise, rise->order, i, count);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t swap = rise->order[0];
        rise->order[0] = rise->order[end];
        rise->order[end] = swap;
        sift(rise, rise->order, 0, end);
    }
    return count;
}

static void try_units(struct rise *rise, int64_t level, uint32_t units)
{
    try_level(rise, level);
    for (uint32_t i = 0; i < units; i++)
        rise->take[rise->order[i]]++;
}

static bool stopped(const struct plan_share *share)
{
    return share->stop && share->stop(share->context);
}

/* One round: everybody who is not settled rises together as far as it goes. Returns how many became settled. */
static uint32_t round_up(struct rise *rise, int64_t *level)
{
    struct plan_share *share = rise->share;
    int64_t low = *level, high = (INT64_C(1) << LEVEL_BITS) + 1; /* low fits, high doesn't, or is past the end */
    uint32_t settled = 0, units_low = 0, units_high;
    try_level(rise, high - 1);
    if (fits(rise))
        low = high - 1;
    while (high - low > 1) {
        int64_t mid = low + (high - low) / 2;
        try_level(rise, mid);
        if (fits(rise))
            low = mid;
        else
            high = mid;
    }
    units_high = low == INT64_C(1) << LEVEL_BITS ? 1 : sort_units(rise, low) + 1;
    while (units_high - units_low > 1) {
        uint32_t mid = units_low + (units_high - units_low) / 2;
        try_units(rise, low, mid);
        if (fits(rise))
            units_low = mid;
        else
            units_high = mid;
    }
    try_units(rise, low, units_low);
    (void)fits(rise);
    plan_reach_more(rise->reach, rise->more);
    for (uint32_t i = 0; i < share->takers; i++) {
        if (rise->settled[i])
            continue;
        share->ret_got[i] = rise->take[i];
        if (!rise->more[i] || rise->take[i] == share->want[i]) {
            rise->settled[i] = true;
            settled++;
        }
    }
    *level = low;
    return settled;
}

static void rise_free(struct rise *rise)
{
    plan_reach_close(rise->reach);
    free(rise->take);
    free(rise->settled);
    free(rise->more);
    free(rise->order);
    free(rise->held);
}

static int rise_open(struct rise *rise, struct plan_share *share)
{
    size_t count = (size_t)share->takers + 1;
    int64_t sum = 0;
    *rise = (struct rise){.share = share};
    for (uint32_t i = 0; i < share->takers; i++) {
        if (share->want[i] <= 0 || share->want[i] > PLAN_WANT_MAX || __builtin_add_overflow(sum, share->want[i], &sum))
            return -EINVAL;
        share->ret_got[i] = 0;
    }
    rise->take = calloc(count, sizeof *rise->take);
    rise->settled = calloc(count, sizeof *rise->settled);
    rise->more = calloc(count, sizeof *rise->more);
    rise->order = calloc(count, sizeof *rise->order);
    rise->held = calloc(count, sizeof *rise->held);
    if (!rise->take || !rise->settled || !rise->more || !rise->order || !rise->held)
        return -ENOMEM;
    return plan_reach_open(&rise->reach, share->nodes, share->give, share->arcs, share->arc, share->capacity,
                           share->takers, share->taker);
}

int plan_share_fair(struct plan_share *share)
{
    struct rise rise;
    int64_t level = 0;
    int result = rise_open(&rise, share);
    for (uint32_t left = share->takers; result == 0 && left > 0;) {
        left -= round_up(&rise, &level);
        if (left > 0 && stopped(share))
            result = PLAN_FLOW_STOPPED;
    }
    rise_free(&rise);
    return result;
}

/* floor(want x given / asked) of each. */
static void try_rate(struct rise *rise, int64_t given, int64_t asked)
{
    const struct plan_share *share = rise->share;
    for (uint32_t i = 0; i < share->takers; i++)
        rise->take[i] = given >= asked ? share->want[i] : (int64_t)((wide)share->want[i] * given / asked);
}

/* The left-over units, one each to the largest remainders, then weights, then ids. */
static bool more_remainder(const struct rise *rise, uint32_t a, uint32_t b, int64_t given, int64_t asked)
{
    const struct plan_share *share = rise->share;
    int64_t left = (int64_t)((wide)share->want[a] * given % asked),
            right = (int64_t)((wide)share->want[b] * given % asked);
    if (left != right)
        return left > right;
    return share->weight[a] != share->weight[b] ? share->weight[a] > share->weight[b] : a < b;
}

static void hand_out(struct rise *rise, int64_t given, int64_t asked)
{
    const struct plan_share *share = rise->share;
    int64_t left = given;
    for (uint32_t i = 0; i < share->takers; i++) {
        rise->settled[i] = rise->take[i] == share->want[i];
        left -= rise->take[i];
    }
    while (left-- > 0) { /* fewer than there are takers */
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < share->takers; i++)
            if (!rise->settled[i] && (best == UINT32_MAX || more_remainder(rise, i, best, given, asked)))
                best = i;
        if (best == UINT32_MAX)
            return;
        rise->settled[best] = true;
        rise->take[best]++;
    }
}

int plan_share_equal(struct plan_share *share)
{
    struct rise rise;
    int64_t given = 0, asked = 0;
    int result = rise_open(&rise, share);
    if (result == 0) {
        for (uint32_t i = 0; i < share->nodes; i++)
            if (__builtin_add_overflow(given, share->give[i], &given))
                result = -EINVAL;
        for (uint32_t i = 0; i < share->takers; i++)
            asked += share->want[i];
        given = given < asked ? given : asked;
    }
    if (result == 0) {
        try_rate(&rise, given, asked);
        if (given < asked)
            hand_out(&rise, given, asked);
        if (!fits(&rise)) {
            int64_t low = 0, high = given + 1;
            while (high - low > 1) {
                int64_t mid = low + (high - low) / 2;
                try_rate(&rise, mid, asked);
                if (fits(&rise))
                    low = mid;
                else
                    high = mid;
            }
            try_rate(&rise, low, asked);
        }
        for (uint32_t i = 0; i < share->takers; i++)
            share->ret_got[i] = rise.take[i];
    }
    rise_free(&rise);
    return result;
}
