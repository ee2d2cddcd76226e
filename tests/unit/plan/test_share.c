/*
 * Fair and equal shares against all possibilities: every vector of a small world is tried. And maximum flow, which both
 * ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include "plan/reach.h"
#include "plan/share.h"

#define GIVERS_MAX 3u
#define TAKERS_MAX 4u

struct world {
    uint32_t givers, takers, arcs;
    int64_t give[GIVERS_MAX + TAKERS_MAX], want[TAKERS_MAX], weight[TAKERS_MAX], got[TAKERS_MAX];
    int64_t whole[TAKERS_MAX], base[TAKERS_MAX], step;
    struct plan_arc arc[GIVERS_MAX * TAKERS_MAX];
    int64_t capacity[GIVERS_MAX * TAKERS_MAX];
    uint32_t taker[TAKERS_MAX];
    struct plan_share share;
};

static uint64_t state;

static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % bound);
}

static void world_share(struct world *world)
{
    world->share = (struct plan_share){.nodes = world->givers + world->takers,
                                       .arcs = world->arcs,
                                       .takers = world->takers,
                                       .give = world->give,
                                       .arc = world->arc,
                                       .capacity = world->capacity,
                                       .taker = world->taker,
                                       .want = world->want,
                                       .weight = world->weight,
                                       .ret_got = world->got};
}

static void world_random(struct world *world, uint64_t seed)
{
    state = seed;
    memset(world, 0, sizeof *world);
    world->givers = 1 + below(GIVERS_MAX);
    world->takers = 1 + below(TAKERS_MAX);
    for (uint32_t i = 0; i < world->givers; i++)
        world->give[i] = below(7);
    for (uint32_t i = 0; i < world->takers; i++) {
        world->want[i] = 1 + below(5);
        world->weight[i] = 1 + below(5);
        world->taker[i] = world->givers + i;
    }
    for (uint32_t i = 0; i < world->givers; i++) {
        for (uint32_t j = 0; j < world->takers; j++) {
            if (below(3) == 0)
                continue;
            world->arc[world->arcs] = (struct plan_arc){i, world->givers + j, 0};
            world->capacity[world->arcs++] = below(2) ? below(4) : 100;
        }
    }
    world_share(world);
}

static bool feasible(const struct world *world, const int64_t *take)
{
    struct plan_reach *reach;
    int64_t sum = 0;
    assert_int_equal(plan_reach_open(&reach, world->givers + world->takers, world->give, world->arcs, world->arc,
                                     world->capacity, world->takers, world->taker),
                     0);
    for (uint32_t i = 0; i < world->takers; i++)
        sum += take[i];
    bool fits = plan_reach_most(reach, take) == sum;
    plan_reach_close(reach);
    return fits;
}

static int64_t has(const struct world *world, const int64_t *take, uint32_t taker)
{
    return world->base[taker] + take[taker] * world->step;
}

/* Takers by rising rate. */
static void by_rate(const struct world *world, const int64_t *take, uint32_t order[TAKERS_MAX])
{
    for (uint32_t i = 0; i < world->takers; i++) {
        uint32_t at = i;
        for (; at > 0 &&
               has(world, take, i) * world->whole[order[at - 1]] < has(world, take, order[at - 1]) * world->whole[i];
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static bool fairer(const struct world *world, const int64_t *a, const int64_t *b)
{
    uint32_t order_a[TAKERS_MAX], order_b[TAKERS_MAX];
    by_rate(world, a, order_a);
    by_rate(world, b, order_b);
    for (uint32_t i = 0; i < world->takers; i++) {
        int64_t left = has(world, a, order_a[i]) * world->whole[order_b[i]],
                right = has(world, b, order_b[i]) * world->whole[order_a[i]];
        if (left != right)
            return left > right;
    }
    return false;
}

static void test_fair(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct world world;
        int64_t take[TAKERS_MAX] = {0};
        uint32_t i;
        world_random(&world, seed);
        world.step = 1;
        memcpy(world.whole, world.want, sizeof world.whole);
        if (seed % 2) { /* packs for what is left of a request */
            world.share.step = world.step = 1 + below(3);
            world.share.whole = world.whole;
            world.share.base = world.base;
            for (uint32_t j = 0; j < world.takers; j++) {
                world.base[j] = below(6);
                world.whole[j] = world.base[j] + world.want[j] * world.step + below((uint32_t)world.step);
            }
        }
        assert_int_equal(plan_share_fair(&world.share), 0);
        assert_true(feasible(&world, world.got));
        do {
            if (fairer(&world, take, world.got))
                assert_false(feasible(&world, take));
            for (i = 0; i < world.takers && take[i] == world.want[i]; i++)
                take[i] = 0;
            if (i < world.takers)
                take[i]++;
        } while (i < world.takers);
    }
}

/* Where everybody can be reached, each has its floor, and the left-over units go by remainder. */
static void test_equal_free(void **unused)
{
    struct world world = {.givers = 1,
                          .takers = 3,
                          .arcs = 3,
                          .give = {90},
                          .want = {90, 60, 30},
                          .weight = {1, 1, 1},
                          .arc = {{0, 1, 0}, {0, 2, 0}, {0, 3, 0}},
                          .capacity = {1000, 1000, 1000},
                          .taker = {1, 2, 3}};
    (void)unused;
    world_share(&world);
    assert_int_equal(plan_share_equal(&world.share), 0); /* acceptance scenario 8 */
    assert_int_equal(world.got[0], 45);
    assert_int_equal(world.got[1], 30);
    assert_int_equal(world.got[2], 15);
    assert_int_equal(plan_share_fair(&world.share), 0);
    assert_int_equal(world.got[0], 45);
    assert_int_equal(world.got[1], 30);
    assert_int_equal(world.got[2], 15);
    world.give[0] = 100; /* 50, 33 1/3, 16 2/3: the last has the largest remainder */
    assert_int_equal(plan_share_equal(&world.share), 0);
    assert_int_equal(world.got[0], 50);
    assert_int_equal(world.got[1], 33);
    assert_int_equal(world.got[2], 17);
    world.want[2] = 60; /* 42 6/7, 28 4/7, 28 4/7: equal remainders go by weight, then id */
    world.weight[2] = 5;
    assert_int_equal(plan_share_equal(&world.share), 0);
    assert_int_equal(world.got[0], 43);
    assert_int_equal(world.got[1], 28);
    assert_int_equal(world.got[2], 29);
    world.give[0] = 500;
    assert_int_equal(plan_share_equal(&world.share), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(world.got[i], world.want[i]);
}

/* ---- equal, as fine print 58 has it, on every rate at which anybody comes to a unit more ---- */

static int64_t most_of(const struct world *world)
{
    struct plan_reach *reach;
    assert_int_equal(plan_reach_open(&reach, world->givers + world->takers, world->give, world->arcs, world->arc,
                                     world->capacity, world->takers, world->taker),
                     0);
    int64_t most = plan_reach_most(reach, world->want);
    plan_reach_close(reach);
    return most;
}

static bool try_rate(const struct world *world, int64_t part, int64_t whole, int64_t *take)
{
    for (uint32_t i = 0; i < world->takers; i++)
        take[i] = world->want[i] * part / whole;
    return feasible(world, take);
}

/* The rate of the even split, or the first one that does not fit, just below which all that fits is had. */
static void rate_of(const struct world *world, int64_t *ret_part, int64_t *ret_whole, int64_t *take)
{
    int64_t asked = 0, at[TAKERS_MAX];
    for (uint32_t i = 0; i < world->takers; i++)
        asked += world->want[i];
    *ret_part = most_of(world);
    *ret_whole = asked;
    if (try_rate(world, *ret_part, asked, take))
        return;
    memset(take, 0, TAKERS_MAX * sizeof *take);
    for (;;) {
        *ret_part = *ret_whole = 1;
        for (uint32_t i = 0; i < world->takers; i++) { /* the next rate at which somebody gets a unit more */
            if ((take[i] + 1) * *ret_whole < *ret_part * world->want[i]) {
                *ret_part = take[i] + 1;
                *ret_whole = world->want[i];
            }
        }
        if (!try_rate(world, *ret_part, *ret_whole, at))
            return;
        memcpy(take, at, sizeof at);
    }
}

/* One unit more by remainder, weight, id, to whom it reaches. */
static void hand_out(const struct world *world, int64_t part, int64_t whole, int64_t *take)
{
    bool seen[TAKERS_MAX] = {false};
    for (;;) {
        uint32_t best = TAKERS_MAX;
        for (uint32_t i = 0; i < world->takers; i++) {
            if (seen[i] || take[i] == world->want[i])
                continue;
            int64_t left = world->want[i] * part - take[i] * whole,
                    most = best < TAKERS_MAX ? world->want[best] * part - take[best] * whole : 0;
            if (best == TAKERS_MAX || left > most || (left == most && world->weight[i] > world->weight[best]))
                best = i;
        }
        if (best == TAKERS_MAX)
            return;
        seen[best] = true;
        take[best]++;
        if (!feasible(world, take))
            take[best]--;
    }
}

static void test_equal_bound(void **unused)
{
    unsigned bound = 0, handed = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct world world;
        int64_t part, whole, take[TAKERS_MAX], even[TAKERS_MAX];
        world_random(&world, seed);
        assert_int_equal(plan_share_equal(&world.share), 0);
        assert_int_equal(world.share.ret_most, most_of(&world));
        assert_true(feasible(&world, world.got));
        rate_of(&world, &part, &whole, take);
        hand_out(&world, part, whole, take);
        for (uint32_t i = 0; i < world.takers; i++)
            assert_int_equal(world.got[i], take[i]);
        int64_t asked = 0;
        for (uint32_t i = 0; i < world.takers; i++)
            asked += world.want[i];
        bool forbidden = !try_rate(&world, most_of(&world), asked, even);
        bound += forbidden;
        if (forbidden) {
            rate_of(&world, &part, &whole, even);
            handed += memcmp(even, world.got, world.takers * sizeof *even) != 0;
        }
    }
    assert_true(bound > 300);
    assert_true(handed > 100);
}

/* What nobody can be given is no unit to give: a donor that reaches one taker only, by a narrow way. */
static void test_equal_out_of_reach(void **unused)
{
    struct world world = {.givers = 2,
                          .takers = 2,
                          .arcs = 3,
                          .give = {1000, 6},
                          .want = {10, 10},
                          .weight = {1, 1},
                          .arc = {{0, 2, 0}, {1, 2, 0}, {1, 3, 0}},
                          .capacity = {1, 1000, 1000},
                          .taker = {2, 3}};
    (void)unused;
    world_share(&world);
    assert_int_equal(plan_share_equal(&world.share), 0);
    assert_int_equal(world.got[0], 4); /* of 7, not of 20: 3 each, and the one that is left */
    assert_int_equal(world.got[1], 3);
}

static void test_large(void **unused)
{
    struct world world = {.givers = 2,
                          .takers = 2,
                          .arcs = 3,
                          .give = {PLAN_WANT_MAX / 3, 1},
                          .want = {PLAN_WANT_MAX, 3},
                          .weight = {1, 1},
                          .arc = {{0, 2, 0}, {0, 3, 0}, {1, 3, 0}},
                          .capacity = {PLAN_WANT_MAX, PLAN_WANT_MAX, PLAN_WANT_MAX},
                          .taker = {2, 3}};
    (void)unused;
    world_share(&world);
    assert_int_equal(plan_share_fair(&world.share), 0);
    assert_int_equal(world.got[0],
                     PLAN_WANT_MAX / 3); /* a third rounded down, so the other's unit is no less than its rate */
    assert_int_equal(world.got[1], 1);
    world.want[0] = PLAN_WANT_MAX + 1;
    assert_int_equal(plan_share_fair(&world.share), -EINVAL);
    world.want[0] = 0;
    assert_int_equal(plan_share_equal(&world.share), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fair), cmocka_unit_test(test_equal_free),
                                       cmocka_unit_test(test_equal_bound), cmocka_unit_test(test_equal_out_of_reach),
                                       cmocka_unit_test(test_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
