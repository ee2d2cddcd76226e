/* A batch gives back what was put in, by number, and can go back to a point as if nothing had followed. */
#include "engine/batch.h"

#include "engine/entry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void add(struct engine_batch *batch, uint64_t seq, int64_t time, bool more)
{
    const struct relief_time_wake_params params = {0};
    const struct core_entry entry = {.seq = seq,
                                     .time = time,
                                     .who = {.name = RELIEF_STR("timer")},
                                     .command = RELIEF_COMMAND_time_wake,
                                     .params = &params};
    const struct core_effects effects = {.answer_change = -1, .more = more};
    assert_int_equal(engine_batch_reserve(batch), 0);
    assert_int_equal(engine_batch_add(batch, &entry, &effects), 0);
}

static void expect_entry(const struct engine_batch *batch, uint64_t seq, int64_t time)
{
    struct relief_arena arena;
    struct relief_str payload;
    struct engine_entry entry;
    assert_int_equal(relief_arena_init(&arena, 1 << 20), 0);
    assert_true(engine_batch_find(batch, seq, &payload));
    struct log_record record = {.seq = seq, .payload = (const uint8_t *)payload.data, .len = payload.len};
    assert_int_equal(engine_entry_decode(&record, &arena, &entry), 0);
    assert_int_equal(entry.time, time);
    relief_arena_deinit(&arena);
}

static void finds_by_number(void **state)
{
    (void)state;
    struct engine_batch batch = {0};
    struct relief_str payload;
    assert_false(engine_batch_find(&batch, 0, &payload));
    for (uint64_t i = 0; i < 1000; i++)
        add(&batch, 50 + i, (int64_t)i, i % 3 == 0);
    assert_int_equal(batch.count, 1000);
    for (uint64_t i = 0; i < 1000; i += 37)
        expect_entry(&batch, 50 + i, (int64_t)i);
    assert_false(engine_batch_find(&batch, 49, &payload));
    assert_false(engine_batch_find(&batch, 1050, &payload));
    struct log_record *records = engine_batch_records(&batch);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(engine_batch_find(&batch, 50 + i, &payload));
        assert_int_equal(records[i].seq, 50 + i);
        assert_int_equal(records[i].flags, i % 3 == 0 ? LOG_MORE : 0);
        assert_ptr_equal(records[i].payload, payload.data);
        assert_int_equal(records[i].len, payload.len);
    }
    engine_batch_clear(&batch);
    assert_false(engine_batch_find(&batch, 50, &payload));
    add(&batch, 7, 7, false);
    expect_entry(&batch, 7, 7);
    engine_batch_deinit(&batch);
}

static void goes_back_to_a_mark(void **state)
{
    (void)state;
    struct engine_batch batch = {0};
    struct relief_str payload;
    add(&batch, 5, 100, false);
    struct engine_batch_mark mark = engine_batch_mark(&batch);
    add(&batch, 6, 200, true);
    add(&batch, 7, 300, false);
    engine_batch_rewind(&batch, &mark);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.time, 100);
    assert_false(engine_batch_find(&batch, 6, &payload));
    add(&batch, 6, 400, false);
    expect_entry(&batch, 5, 100);
    expect_entry(&batch, 6, 400);
    engine_batch_deinit(&batch);
}

/* What the log would refuse is refused before it takes a whole batch with it. */
static void an_entry_has_a_bound(void **state)
{
    (void)state;
    struct engine_batch batch = {0};
    char *text = malloc(RELIEF_ENTRY_BYTES_MAX);
    assert_non_null(text);
    memset(text, 'x', RELIEF_ENTRY_BYTES_MAX);
    const struct relief_time_wake_params params = {.agreement = {text, RELIEF_ENTRY_BYTES_MAX}};
    const struct core_entry entry = {
        .seq = 1, .who = {.name = RELIEF_STR("timer")}, .command = RELIEF_COMMAND_time_wake, .params = &params};
    const struct core_effects effects = {.answer_change = -1};
    struct engine_batch_mark mark = engine_batch_mark(&batch);
    assert_int_equal(engine_batch_reserve(&batch), 0);
    assert_int_equal(engine_batch_add(&batch, &entry, &effects), -E2BIG);
    engine_batch_rewind(&batch, &mark);
    add(&batch, 1, 1, false);
    expect_entry(&batch, 1, 1);
    engine_batch_deinit(&batch);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_number),
        cmocka_unit_test(goes_back_to_a_mark),
        cmocka_unit_test(an_entry_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
