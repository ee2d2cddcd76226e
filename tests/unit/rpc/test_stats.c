/* Buckets cover all latencies in order, quantiles are right to a bucket, answers count when their entry is durable. */
#include "rpc/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static int setup(void **state)
{
    return (*state = calloc(1, sizeof(struct stats))) ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void buckets_are_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i + 1 < STATS_BUCKETS; i++) {
        uint64_t top = stats_bucket_top(i);
        assert_int_equal(stats_bucket(top), i);
        assert_int_equal(stats_bucket(top + 1), i + 1);
        if (i > 4)
            assert_true(top - stats_bucket_top(i - 1) <= top / 4 + 1);
    }
    assert_int_equal(stats_bucket(0), 0);
    assert_int_equal(stats_bucket(UINT64_MAX), STATS_BUCKETS - 1);
}

static void quantiles(void **state)
{
    struct stats *stats = *state;
    const struct stats_method *of = &stats->methods[7];
    assert_int_equal(stats_quantile(of, 500), 0);
    for (int64_t us = 1; us <= 1000; us++)
        stats_answered(stats, 7, us % 10 == 0, 0, 0, 0, us);
    assert_int_equal(of->count, 1000);
    assert_int_equal(of->errors, 100);
    assert_int_equal(of->max_us, 1000);
    assert_in_range(stats_quantile(of, 500), 500, 640);
    assert_in_range(stats_quantile(of, 990), 990, 1000);
    assert_int_equal(stats_quantile(of, 1000), 1000);
}

static void answers_wait_for_their_entry(void **state)
{
    struct stats *stats = *state;
    const struct stats_method *of = &stats->methods[1];
    stats_answered(stats, 1, false, 5, 4, 100, 110);
    stats_answered(stats, 1, false, 6, 4, 100, 110);
    assert_int_equal(of->max_us, 0);
    stats_released(stats, 5, 150);
    assert_int_equal(of->max_us, 50);
    assert_int_equal(stats->count, 1);
    stats_released(stats, 9, 300);
    assert_int_equal(of->max_us, 200);
    assert_int_equal(stats->count, 0);
}

static void a_full_ring_counts_at_once(void **state)
{
    struct stats *stats = *state;
    for (unsigned i = 0; i <= STATS_WAITING; i++)
        stats_answered(stats, 1, false, 10 + i, 0, 0, 7);
    assert_int_equal(stats->count, STATS_WAITING);
    assert_int_equal(stats->methods[1].max_us, 7);
    stats_released(stats, UINT64_MAX, 9);
    assert_int_equal(stats->count, 0);
    assert_int_equal(stats_quantile(&stats->methods[1], 1000), 9);
    stats_answered(stats, STATS_METHODS, false, 0, 0, 0, 1); /* no such method: nothing is written */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_in_order),
        cmocka_unit_test_setup_teardown(quantiles, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_wait_for_their_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_ring_counts_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
