/*
 * The policies over one kind, given as numbers, and stopped after so many questions as one likes: what is best so far
 * can be moved, and is no farther from the best than it says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "views/plan_solve.h"

#define SIDE    24u
#define LEVELS  3u /* of strictness */
#define ROUNDS  40u
#define EARLIER 3 /* the most that a taker has already, as a share of what it asked for: one part in so many */

static uint64_t state;

static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % bound);
}

struct problem {
    struct core_plan_kind kind;
    struct core_plan_donor donors[SIDE];
    struct core_plan_taker takers[SIDE];
    uint32_t numbers[SIDE];
    char ids[SIDE][16];
    struct core_plan_pair pairs[SIDE * SIDE];
    int64_t lives[SIDE * SIDE], of_level[SIDE][LEVELS];
    int64_t units[SIDE * SIDE], best[SIDE * SIDE];
};

static void make_donor(struct problem *problem, uint32_t i)
{
    int64_t lives = 1 + below(60);
    problem->donors[i].give = 1 + below(60);
    for (unsigned level = 0; level < LEVELS; level++) {
        problem->of_level[i][level] = lives;
        lives -= below((uint32_t)lives);
    }
}

static void make_taker(struct problem *problem, uint32_t i)
{
    struct core_plan_taker *taker = &problem->takers[i];
    snprintf(problem->ids[i], sizeof problem->ids[i], "q%02u", i);
    taker->request.id = relief_str_of(problem->ids[i]);
    taker->want = problem->kind.cover + below(100);
    taker->got = below((uint32_t)(taker->want - problem->kind.cover) / EARLIER + 1);
    taker->weight = 1 + below(5);
    problem->numbers[i] = i;
}

static void make_problem(struct problem *problem, uint64_t seed)
{
    memset(problem, 0, sizeof *problem);
    state = seed;
    problem->kind.give = 1;
    problem->kind.cover = seed % 3 ? 1 : 2;
    problem->kind.donors = problem->donors;
    problem->kind.donor_count = 2 + below(SIDE - 2);
    problem->kind.takers = problem->numbers;
    problem->kind.taker_count = 2 + below(SIDE - 2);
    problem->kind.pairs = problem->pairs;
    for (uint32_t i = 0; i < problem->kind.donor_count; i++)
        make_donor(problem, i);
    for (uint32_t i = 0; i < problem->kind.taker_count; i++) {
        make_taker(problem, i);
        for (uint32_t j = 0; j < problem->kind.donor_count; j++) {
            uint32_t level = below(LEVELS), at = problem->kind.pair_count;
            if (below(3) == 0)
                continue;
            problem->lives[at] = problem->of_level[j][level];
            problem->pairs[at] = (struct core_plan_pair){
                .donor = j, .taker = i, .most = 1 + below(40), .minutes = 1 + below(500), .strict = level};
            problem->kind.pair_count++;
        }
    }
}

struct patience {
    unsigned asked, stop_at; /* 0: never */
};

static bool is_enough(void *context)
{
    struct patience *patience = context;
    return ++patience->asked >= patience->stop_at && patience->stop_at;
}

/* Returns the gap. */
static int64_t solve(struct problem *problem, int64_t policy, struct patience *patience)
{
    struct views_solve it = {.kind = &problem->kind,
                             .takers = problem->takers,
                             .lives = problem->lives,
                             .policy = policy,
                             .stop = is_enough,
                             .context = patience,
                             .ret_units = problem->units};
    memset(problem->units, 0, sizeof problem->units);
    assert_int_equal(views_plan_solve(&it), 0);
    return it.ret_gap_permille;
}

static int64_t given(const struct problem *problem, const int64_t *units, uint32_t taker)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < problem->kind.pair_count; i++)
        sum += problem->pairs[i].taker == taker ? units[i] : 0;
    return sum;
}

/* No donor gives more than it has, nor more than lives long enough; nobody gets more than it wants. */
static void check_can_be_moved(const struct problem *problem)
{
    for (uint32_t i = 0; i < problem->kind.donor_count; i++)
        for (int64_t level = 0; level < LEVELS; level++) {
            int64_t sum = 0;
            for (uint32_t j = 0; j < problem->kind.pair_count; j++)
                if (problem->pairs[j].donor == i && problem->pairs[j].strict >= level)
                    sum += problem->units[j];
            assert_true(sum <= problem->of_level[i][level] || sum == 0);
            assert_true(sum <= problem->donors[i].give);
        }
    for (uint32_t i = 0; i < problem->kind.taker_count; i++)
        assert_true(problem->takers[i].got + given(problem, problem->units, i) * problem->kind.cover <=
                    problem->takers[i].want);
    for (uint32_t i = 0; i < problem->kind.pair_count; i++)
        assert_true(problem->units[i] >= 0 && problem->units[i] <= problem->pairs[i].most);
}

struct worth {
    int64_t units, weight, minutes;
    double lowest; /* fill rate, as the policy counts it */
};

static struct worth worth_of(const struct problem *problem, int64_t policy, const int64_t *units)
{
    struct worth ret = {.lowest = 1};
    for (uint32_t i = 0; i < problem->kind.taker_count; i++) {
        const struct core_plan_taker *taker = &problem->takers[i];
        int64_t got = given(problem, units, i), wanted = (taker->want - taker->got) / problem->kind.cover;
        double rate = policy == RELIEF_policy_fair
                          ? (double)(taker->got + got * problem->kind.cover) / (double)taker->want
                          : (double)got / (double)wanted;
        ret.units += got;
        ret.weight += got * taker->weight;
        ret.lowest = rate < ret.lowest ? rate : ret.lowest;
    }
    for (uint32_t i = 0; i < problem->kind.pair_count; i++)
        ret.minutes += units[i] * problem->pairs[i].minutes;
    return ret;
}

/* What the best has more is within what the gap says. */
static void check_gap(const struct problem *problem, int64_t policy, int64_t gap)
{
    struct worth best = worth_of(problem, policy, problem->best), made = worth_of(problem, policy, problem->units);
    if (policy == RELIEF_policy_effective) {
        assert_true((best.weight - made.weight) * 1000 <= gap * best.weight);
        if (made.weight == best.weight)
            assert_true((made.minutes - best.minutes) * 1000 <= gap * made.minutes);
        return;
    }
    assert_true((best.units - made.units) * 1000 <= gap * best.units);
    if (policy == RELIEF_policy_fair)
        assert_true((best.lowest - made.lowest) * 1000 <= (double)gap + 1e-6);
    if (gap == 0)
        assert_memory_equal(problem->units, problem->best, sizeof problem->best);
}

static void test_stopped_anywhere(void **unused)
{
    static struct problem problem;
    unsigned stopped = 0, lower = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        make_problem(&problem, seed);
        for (int64_t policy = RELIEF_policy_effective; policy < RELIEF_policy_COUNT; policy++) {
            struct patience patience = {0};
            assert_int_equal(solve(&problem, policy, &patience), 0);
            check_can_be_moved(&problem);
            memcpy(problem.best, problem.units, sizeof problem.best);
            for (unsigned at = 1, asked = patience.asked; at <= asked; at++) {
                patience = (struct patience){.stop_at = at};
                int64_t gap = solve(&problem, policy, &patience);
                check_can_be_moved(&problem);
                check_gap(&problem, policy, gap);
                struct worth best = worth_of(&problem, policy, problem.best),
                             made = worth_of(&problem, policy, problem.units);
                stopped += gap > 0;
                lower += policy == RELIEF_policy_fair && made.lowest < best.lowest;
            }
        }
    }
    assert_true(stopped > ROUNDS * 10 && lower > ROUNDS);
}

/*
 * A large request that can have a tenth is settled early; the small one, which could have all, is not. Its few units
 * are next to nothing of all, but most of its share.
 */
static void test_fair_counts_rates(void **unused)
{
    static struct problem problem;
    unsigned stopped = 0;
    (void)unused;
    make_problem(&problem, 1);
    problem.kind.donor_count = problem.kind.taker_count = problem.kind.pair_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        problem.donors[i].give = problem.lives[i] = i ? 10 : 100;
        problem.takers[i].want = i ? 10 : 1000;
        problem.takers[i].got = 0;
        problem.pairs[i] = (struct core_plan_pair){.donor = i, .taker = i, .most = 1000, .minutes = 60};
    }
    struct patience patience = {0};
    assert_int_equal(solve(&problem, RELIEF_policy_fair, &patience), 0);
    assert_true(problem.units[0] == 100 && problem.units[1] == 10);
    for (unsigned at = 1, asked = patience.asked; at <= asked; at++) {
        patience = (struct patience){.stop_at = at};
        int64_t gap = solve(&problem, RELIEF_policy_fair, &patience);
        if (problem.units[0] < 100)
            continue; /* the large one is the lowest of those that could have more */
        assert_true((10 - problem.units[1]) * 100 <= gap);
        stopped += problem.units[1] < 10;
    }
    assert_true(stopped > 0);
}

/* The nearest pairs alone can be moved too. */
static void test_nearest(void **unused)
{
    static struct problem problem;
    (void)unused;
    for (uint64_t seed = 1; seed <= 4 * ROUNDS; seed++) {
        struct patience patience = {0};
        make_problem(&problem, seed);
        assert_int_equal(solve(&problem, RELIEF_policy_nearest, &patience), 0);
        check_can_be_moved(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stopped_anywhere),
                                       cmocka_unit_test(test_fair_counts_rates), cmocka_unit_test(test_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
