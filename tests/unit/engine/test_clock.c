/* T against wall clock, boot clock and log: every sentence of fine print 12. */
#include "engine/clock.h"

#include "schema/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define START INT64_C(1700000000000)
#define BOOT  INT64_C(5000)

static struct engine_clock started(void)
{
    struct engine_clock clock;
    assert_false(engine_clock_start(&clock, START, BOOT, 0, false));
    return clock;
}

static int64_t entry_at(struct engine_clock *clock, int64_t wall, int64_t boot)
{
    engine_clock_read(clock, START + wall, BOOT + boot);
    engine_clock_entry(clock);
    return clock->now - START;
}

static void follows_wall(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    assert_int_equal(clock.now, START);
    assert_int_equal(entry_at(&clock, 1000, 1000), 1000);
    assert_int_equal(entry_at(&clock, 1000, 1000), 1000);
    assert_int_equal(entry_at(&clock, 2500, 2000), 2500);
    /* Slower than the boot clock: the wall clock counts. */
    assert_int_equal(entry_at(&clock, 3000, 90000), 3000);
    assert_false(clock.held);
}

static void never_backwards(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    assert_int_equal(entry_at(&clock, 10000, 10000), 10000);
    assert_int_equal(entry_at(&clock, -3600000, 11000), 10000);
    assert_int_equal(entry_at(&clock, 9999, 12000), 10000);
    assert_int_equal(entry_at(&clock, 10001, 13000), 10001);
    assert_false(clock.held);
}

/* A deadline stands still with T, so the state says it; what a timer's second hides is not told. */
static void says_when_it_is_behind(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    entry_at(&clock, 10000, 10000);
    engine_clock_read(&clock, START + 10000 - RELIEF_CLOCK_BEHIND_MS, BOOT + 11000);
    assert_int_equal(engine_clock_state(&clock), ENGINE_CLOCK_RIGHT);
    engine_clock_read(&clock, START + 10000 - RELIEF_CLOCK_BEHIND_MS - 1, BOOT + 12000);
    assert_int_equal(engine_clock_state(&clock), ENGINE_CLOCK_BEHIND);
    assert_int_equal(clock.now, START + 10000);
    engine_clock_confirm(&clock); /* can't take T back */
    assert_int_equal(engine_clock_state(&clock), ENGINE_CLOCK_BEHIND);
    assert_int_equal(clock.now, START + 10000);
    engine_clock_read(&clock, START + 10001, BOOT + 20000);
    assert_int_equal(engine_clock_state(&clock), ENGINE_CLOCK_RIGHT);
    engine_clock_read(&clock, START + 3600000, BOOT + 21000);
    assert_int_equal(engine_clock_state(&clock), ENGINE_CLOCK_HELD);
    assert_false(engine_clock_start(&clock, START, BOOT, START + 5000, true)); /* a start, too, may find it behind */
    assert_int_equal(engine_clock_state(&clock), ENGINE_CLOCK_BEHIND);
}

static void small_step_is_followed(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    assert_int_equal(entry_at(&clock, 1000 + RELIEF_CLOCK_JUMP_MS, 1000), 1000 + RELIEF_CLOCK_JUMP_MS);
    assert_false(clock.held);
}

static void jump_is_held(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    assert_int_equal(entry_at(&clock, 1000 + RELIEF_CLOCK_JUMP_MS + 1, 1000), 1000);
    assert_true(clock.held);
    /* However many entries follow, T does not creep after the wall clock. */
    for (int64_t i = 2; i < 200; i++)
        assert_int_equal(entry_at(&clock, 3600000 + i * 1000, i * 1000), i * 1000);
    assert_true(clock.held);
    /* The wall clock comes back by itself. */
    assert_int_equal(entry_at(&clock, 200500, 200000), 200500);
    assert_false(clock.held);
}

static void confirm_takes_the_wall_clock(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    assert_int_equal(entry_at(&clock, 86400000, 1000), 1000);
    assert_true(clock.held);
    assert_true(engine_clock_confirmable(&clock, START + 86400000));
    assert_true(engine_clock_confirmable(&clock, START + 86400000 - RELIEF_CLOCK_JUMP_MS));
    assert_true(engine_clock_confirmable(&clock, START + 86400000 + RELIEF_CLOCK_JUMP_MS));
    assert_false(engine_clock_confirmable(&clock, START + 86400000 - RELIEF_CLOCK_JUMP_MS - 1));
    assert_false(engine_clock_confirmable(&clock, START + 86400000 + RELIEF_CLOCK_JUMP_MS + 1));
    engine_clock_confirm(&clock);
    assert_false(clock.held);
    assert_int_equal(clock.now, START + 86400000);
    assert_int_equal(entry_at(&clock, 86401000, 2000), 86401000);
    assert_false(clock.held);
}

static void confirm_never_goes_back(void **state)
{
    (void)state;
    struct engine_clock clock = started();
    assert_int_equal(entry_at(&clock, 50000, 50000), 50000);
    engine_clock_read(&clock, START, BOOT + 51000);
    engine_clock_confirm(&clock);
    assert_int_equal(clock.now, START + 50000);
}

static void start_is_not_before_the_last_entry(void **state)
{
    (void)state;
    struct engine_clock clock;
    assert_false(engine_clock_start(&clock, START, BOOT, START + 77, true));
    assert_int_equal(clock.now, START + 77);
    assert_false(clock.held);
}

static void start_takes_a_late_wall_clock_and_says_so(void **state)
{
    (void)state;
    struct engine_clock clock;
    assert_false(engine_clock_start(&clock, START + RELIEF_DAY_MS, BOOT, START, true));
    assert_int_equal(clock.now, START + RELIEF_DAY_MS);
    assert_true(engine_clock_start(&clock, START + RELIEF_DAY_MS + 1, BOOT, START, true));
    assert_int_equal(clock.now, START + RELIEF_DAY_MS + 1);
    assert_false(clock.held);
}

static void stays_within_what_a_record_holds(void **state)
{
    (void)state;
    struct engine_clock clock;
    engine_clock_start(&clock, -5, BOOT, 0, false);
    assert_int_equal(clock.now, 0);
    engine_clock_start(&clock, INT64_MAX, BOOT, 0, false);
    assert_int_equal(clock.now, RELIEF_TIME_MAX);
    engine_clock_read(&clock, INT64_MAX, INT64_MAX);
    assert_int_equal(clock.now, RELIEF_TIME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_wall),
        cmocka_unit_test(never_backwards),
        cmocka_unit_test(says_when_it_is_behind),
        cmocka_unit_test(small_step_is_followed),
        cmocka_unit_test(jump_is_held),
        cmocka_unit_test(confirm_takes_the_wall_clock),
        cmocka_unit_test(confirm_never_goes_back),
        cmocka_unit_test(start_is_not_before_the_last_entry),
        cmocka_unit_test(start_takes_a_late_wall_clock_and_says_so),
        cmocka_unit_test(stays_within_what_a_record_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
