/*
 * Leximin by rising levels. What the takers can have together is an integer polymatroid, so the leximin of the rates
 * is what a greedy hand reaches that gives one unit at a time to the taker with the lowest rate, of equals to the one
 * whose rate it raises most, and never again to one whom a unit can't reach (Federgruen, Groenevelt 1986). Units by
 * the million are given at once: the highest level is sought at which everybody who is not yet settled can have what
 * the hand would have given; then those whom no further unit reaches are settled, and the level rises for the rest.
 *
 * The order of single units: the k-th further unit of taker j stands at the rate (k - 1) / want[j] that it has before
 * it (with what it had before, and in steps, where those are given), then smaller want first, then the order of takers.
 * A level of 2^-LEVEL_BITS holds at most one unit of each taker, so the search halves levels first, and then goes
 * through the order within one level.
 */
#include "plan/share.h"
#include "plan/reach.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int64_t whole_of(const struct plan_share *share, uint32_t taker)
{
    return share->whole ? share->whole[taker] : share->want[taker];
}

/* What the taker has with so many units given here. */
static wide has_with(const struct plan_share *share, uint32_t taker, int64_t units)
{
    return (wide)units * (share->step ? share->step : 1) + (share->base ? share->base[taker] : 0);
}

/* Units whose rate before them is below level / 2^LEVEL_BITS. */
static int64_t units_below(const struct plan_share *share, uint32_t taker, int64_t level)
{
    const int64_t step = share->step ? share->step : 1;
    wide up_to = ((wide)whole_of(share, taker) * level + ((wide)1 << LEVEL_BITS) - 1) >> LEVEL_BITS;
    wide units = (up_to - has_with(share, taker, 0) + step - 1) / step;
    return units < 0 ? 0 : units > share->want[taker] ? share->want[taker] : (int64_t)units;
}

static void try_level(struct rise *rise, int64_t level)
{
    const struct plan_share *share = rise->share;
    for (uint32_t i = 0; i < share->takers; i++)
        rise->take[i] = rise->settled[i] ? share->ret_got[i] : units_below(share, i, level);
}

/* Does the next unit of a come before that of b? */
static bool before(const struct rise *rise, uint32_t a, uint32_t b)
{
    const struct plan_share *share = rise->share;
    const int64_t whole_a = whole_of(share, a), whole_b = whole_of(share, b);
    wide left = has_with(share, a, rise->held[a]) * whole_b, right = has_with(share, b, rise->held[b]) * whole_a;
    if (left != right)
        return left < right;
    return whole_a != whole_b ? whole_a < whole_b : a < b;
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
        rise->held[i] = units_below(share, i, level);
        if (units_below(share, i, level + 1) > rise->held[i])
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

/*
 * One round: everybody who is not settled rises together as far as it goes. Returns how many became settled. Where it
 * is stopped, as far as is known by then.
 */
static uint32_t round_up(struct rise *rise, int64_t *level)
{
    struct plan_share *share = rise->share;
    int64_t low = *level, high = (INT64_C(1) << LEVEL_BITS) + 1; /* low fits, high doesn't, or is past the end */
    uint32_t settled = 0, units_low = 0, units_high;
    try_level(rise, high - 1);
    if (fits(rise))
        low = high - 1;
    while (high - low > 1 && !stopped(share)) {
        int64_t mid = low + (high - low) / 2;
        try_level(rise, mid);
        if (fits(rise))
            low = mid;
        else
            high = mid;
    }
    units_high = low == INT64_C(1) << LEVEL_BITS ? 1 : sort_units(rise, low) + 1;
    while (units_high - units_low > 1 && !stopped(share)) {
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
        if (share->want[i] <= 0 || whole_of(share, i) > PLAN_WANT_MAX ||
            has_with(share, i, share->want[i]) > whole_of(share, i) ||
            __builtin_add_overflow(sum, share->want[i], &sum))
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

/* What all could have together is the measure of what a plan that was stopped may lack. */
static void find_most(struct rise *rise)
{
    struct plan_share *share = rise->share;
    memcpy(rise->take, share->want, share->takers * sizeof *rise->take);
    share->ret_most = plan_reach_most(rise->reach, rise->take);
}

int plan_share_fair(struct plan_share *share)
{
    struct rise rise;
    int64_t level = 0;
    int result = rise_open(&rise, share);
    if (result == 0)
        find_most(&rise);
    for (uint32_t left = share->takers; result == 0 && left > 0;) {
        left -= round_up(&rise, &level);
        if (left > 0 && stopped(share))
            result = PLAN_FLOW_STOPPED;
    }
    for (uint32_t i = 0; result >= 0 && share->ret_settled && i < share->takers; i++)
        share->ret_settled[i] = rise.settled[i];
    rise_free(&rise);
    return result;
}

/* ---- equal ---- */

/* A taker by its next unit: by what stands to the left of it, then by weight, then by id. */
struct next {
    wide left; /* larger first */
    int64_t weight;
    uint32_t taker;
};

static int compare_next(const void *a, const void *b)
{
    const struct next *x = a, *y = b;
    if (x->left != y->left)
        return x->left > y->left ? -1 : 1;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->taker < y->taker ? -1 : x->taker > y->taker;
}

/* floor(want x part / whole) of each. */
static void try_rate(struct rise *rise, int64_t part, int64_t whole)
{
    const struct plan_share *share = rise->share;
    assert(whole > 0); /* somebody asks, and for something */
    for (uint32_t i = 0; i < share->takers; i++)
        rise->take[i] = part >= whole ? share->want[i] : (int64_t)((wide)share->want[i] * part / whole);
}

static void give_next(struct rise *rise, const struct next *next, uint32_t from, uint32_t to, int64_t units)
{
    for (uint32_t i = from; i < to; i++)
        rise->take[next[i].taker] += units;
}

/* How many of the first can have one unit more at once; they have it then. */
static uint32_t give_most(struct rise *rise, const struct next *next, uint32_t count)
{
    uint32_t low = 0, high = count + 1;
    give_next(rise, next, 0, count, 1);
    bool all = fits(rise);
    give_next(rise, next, 0, count, -1);
    if (all)
        low = count;
    while (high - low > 1 && low < count && !stopped(rise->share)) {
        uint32_t mid = low + (high - low) / 2;
        give_next(rise, next, 0, mid, 1);
        if (fits(rise))
            low = mid;
        else
            high = mid;
        give_next(rise, next, 0, mid, -1);
    }
    give_next(rise, next, 0, low, 1);
    return low;
}

/*
 * What the rate part / whole leaves over, one unit each: to the largest remainders, then weights, then ids, of those
 * whom a unit reaches. Whom none reaches once, none reaches later.
 */
static void hand_out(struct rise *rise, struct next *next, int64_t part, int64_t whole)
{
    const struct plan_share *share = rise->share;
    uint32_t count = 0;
    for (uint32_t i = 0; i < share->takers; i++)
        if (rise->take[i] < share->want[i])
            next[count++] =
                (struct next){(wide)share->want[i] * part - (wide)rise->take[i] * whole, share->weight[i], i};
    qsort(next, count, sizeof *next, compare_next);
    while (count > 0 && !stopped(share)) {
        uint32_t kept = 0;
        (void)fits(rise);
        plan_reach_more(rise->reach, rise->more);
        for (uint32_t i = 0; i < count; i++)
            if (rise->more[next[i].taker])
                next[kept++] = next[i];
        uint32_t given = give_most(rise, next, kept);
        count = given < kept ? kept - given - 1 : 0; /* the one behind them was tried */
        memmove(next, next + given + (given < kept), count * sizeof *next);
    }
}

/* A taker by the rate part / whole at which it comes to its next unit. */
struct step {
    int64_t part, whole;
    uint32_t taker, end; /* end: behind the last of the same rate */
};

static int compare_rates(const struct step *a, const struct step *b)
{
    wide left = (wide)a->part * b->whole, right = (wide)b->part * a->whole;
    return left < right ? -1 : left > right;
}

static int compare_steps(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    int order = compare_rates(x, y);
    return order ? order : x->taker < y->taker ? -1 : x->taker > y->taker;
}

/* Those who come to their next unit between `given` and `given` + 1 of `asked`, in order. */
static uint32_t find_steps(struct rise *rise, struct step *steps, int64_t given, int64_t asked)
{
    const struct plan_share *share = rise->share;
    uint32_t count = 0;
    assert(asked > 0);
    try_rate(rise, given, asked);
    for (uint32_t i = 0; i < share->takers; i++)
        if ((int64_t)((wide)share->want[i] * (given + 1) / asked) > rise->take[i])
            steps[count++] = (struct step){rise->take[i] + 1, share->want[i], i, 0};
    qsort(steps, count, sizeof *steps, compare_steps);
    for (uint32_t i = count; i-- > 0;)
        steps[i].end = i + 1 < count && compare_rates(&steps[i], &steps[i + 1]) == 0 ? steps[i + 1].end : i + 1;
    return count;
}

/*
 * The largest rate that all can have, when `given` of `asked` is too much for the ways. Between two steps of 1 / asked
 * each taker comes to at most one unit more, so the rates at which they do are all that is to be tried there; takers of
 * one rate together. *ret: the first rate that does not fit.
 */
static void rise_together(struct rise *rise, struct step *steps, int64_t given, int64_t asked, struct step *ret)
{
    int64_t low = 0, high = given;
    uint32_t count, fit = 0;
    while (high - low > 1 && !stopped(rise->share)) {
        int64_t mid = low + (high - low) / 2;
        try_rate(rise, mid, asked);
        if (fits(rise))
            low = mid;
        else
            high = mid;
    }
    count = find_steps(rise, steps, low, asked);
    *ret = (struct step){.part = low, .whole = asked};
    for (uint32_t beyond = count; fit < beyond && !stopped(rise->share);) {
        uint32_t end = steps[fit + (beyond - fit) / 2].end, start = end;
        while (start > fit && steps[start - 1].end == end)
            start--;
        for (uint32_t i = 0; i < end; i++)
            rise->take[steps[i].taker] = steps[i].part;
        if (fits(rise)) {
            fit = end;
        } else {
            *ret = steps[start];
            beyond = start;
        }
        for (uint32_t i = fit; i < end; i++)
            rise->take[steps[i].taker] = steps[i].part - 1;
    }
}

int plan_share_equal(struct plan_share *share)
{
    struct next *next = calloc((size_t)share->takers + 1, sizeof *next);
    struct step *steps = calloc((size_t)share->takers + 1, sizeof *steps), rate;
    struct rise rise;
    int64_t asked = 0;
    int result = rise_open(&rise, share);
    if (result == 0 && (!next || !steps))
        result = -ENOMEM;
    for (uint32_t i = 0; result == 0 && i < share->takers; i++)
        asked += share->want[i];
    if (result == 0 && asked > 0) {
        find_most(&rise);
        rate = (struct step){.part = share->ret_most, .whole = asked};
        try_rate(&rise, rate.part, rate.whole);
        if (!fits(&rise))
            rise_together(&rise, steps, rate.part, rate.whole, &rate);
        hand_out(&rise, next, rate.part, rate.whole);
        memcpy(share->ret_got, rise.take, share->takers * sizeof *share->ret_got);
        result = stopped(share) ? PLAN_FLOW_STOPPED : 0;
    }
    for (uint32_t i = 0; result >= 0 && share->ret_settled && i < share->takers; i++)
        share->ret_settled[i] = result == 0;
    free(next);
    free(steps);
    rise_free(&rise);
    return result;
}
