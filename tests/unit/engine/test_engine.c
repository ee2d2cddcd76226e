/* Order, batches, answers that wait for the disk, replays, and what happens when the disk fails. */
#include "world.h"

#include "engine/entry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void numbers_follow_each_other(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->report.start, ENGINE_NEW);
    assert_int_equal(engine_applied(w->engine), 4);
    assert_int_equal(engine_durable(w->engine), 4);
    for (uint64_t i = 0; i < 10; i++) {
        world_receive(w, "B", 1);
        assert_int_equal(w->answer.seq, 5 + i);
        assert_int_equal(w->answer.release, 5 + i);
        assert_false(w->answer.replay);
    }
    assert_int_equal(engine_durable(w->engine), 4);
    assert_int_equal(world_durable(w), 0);
    assert_int_equal(engine_durable(w->engine), 14);
    struct store_mark head = engine_head(w->engine);
    assert_int_equal(head.seq, 14);
    assert_int_equal(head.time, WORLD_START);
}

/* While one batch syncs the next one forms, however many commands; and nothing is durable before its sync. */
static void one_sync_for_all_that_waits(void **state)
{
    struct world *w = *state;
    unsigned syncs = world_syncs(w);
    world_gate(w, true);
    world_receive(w, "B", 1);
    engine_seal(w->engine);
    for (int i = 0; i < 100; i++) {
        world_receive(w, "B", 1);
        engine_seal(w->engine);
        assert_int_equal(engine_settle(w->engine), 0);
        assert_int_equal(engine_durable(w->engine), 4);
    }
    assert_int_equal(engine_applied(w->engine), 105);
    world_gate(w, false);
    assert_int_equal(world_durable(w), 0);
    assert_int_equal(engine_durable(w->engine), 105);
    assert_int_equal(world_syncs(w) - syncs, 2);
}

static void refusal_leaves_nothing(void **state)
{
    struct world *w = *state;
    WORLD_PARAMS(stock_issue, issue);
    issue.city = RELIEF_STR("B");
    issue.kind = RELIEF_STR("K");
    issue.quantity = 5;
    issue.reason = RELIEF_STR("use");
    issue.op = RELIEF_STR("op-1");
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_issue, &issue), RELIEF_INSUFFICIENT);
    assert_int_equal(w->answer.refusal.code, RELIEF_INSUFFICIENT);
    assert_int_equal(w->answer.refusal.available, 0);
    assert_int_equal(engine_applied(w->engine), 4);
    /* Nor is it remembered under its op: the same is carried out anew. */
    world_receive(w, "B", 5);
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_issue, &issue), 0);
    assert_int_equal(w->answer.seq, 6);
}

/* ---- replays ---- */

static struct relief_stock_receive_params with_op(int64_t quantity)
{
    WORLD_PARAMS(stock_receive, receive);
    receive.city = RELIEF_STR("B");
    receive.kind = RELIEF_STR("K");
    receive.quantity = quantity;
    receive.op = RELIEF_STR("op-1");
    return receive;
}

static void expect_replay(struct world *w, const char *first)
{
    struct relief_stock_receive_params receive = with_op(7);
    uint64_t applied = engine_applied(w->engine);
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
    assert_true(w->answer.replay);
    assert_int_equal(w->answer.release, 5);
    assert_string_equal(world_answer(w), first);
    assert_int_equal(engine_applied(w->engine), applied);

    receive.quantity = 8;
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), RELIEF_CONFLICT);
    assert_string_equal(w->answer.refusal.field, "op");
    WORLD_PARAMS(stock_floor, floor);
    floor.city = RELIEF_STR("B");
    floor.kind = RELIEF_STR("K");
    floor.floor = 7;
    floor.op = RELIEF_STR("op-1");
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_floor, &floor), RELIEF_CONFLICT);
    assert_string_equal(w->answer.refusal.field, "op");
    assert_int_equal(engine_applied(w->engine), applied);
}

static void op_answers_again(void **state)
{
    struct world *w = *state;
    struct relief_stock_receive_params receive = with_op(7);
    char first[4096];

    world_gate(w, true);
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
    assert_false(w->answer.replay);
    snprintf(first, sizeof first, "%s", world_answer(w));
    expect_replay(w, first); /* it forms */
    engine_seal(w->engine);
    world_receive(w, "B", 100); /* the stock has changed; the answer must not */
    expect_replay(w, first);    /* it is being written */
    assert_int_equal(engine_durable(w->engine), 4);
    world_gate(w, false);
    assert_int_equal(world_durable(w), 0);
    expect_replay(w, first); /* it is durable */
    world_stop(w);
    world_start(w);
    assert_int_equal(w->report.start, ENGINE_CLEAN);
    expect_replay(w, first); /* and after a restart */
}

static void op_belongs_to_its_identity(void **state)
{
    struct world *w = *state;
    struct relief_stock_receive_params receive = with_op(7);
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
    w->who.name = RELIEF_STR("somebody else");
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
    assert_false(w->answer.replay);
    assert_int_equal(w->answer.seq, 6);
}

static void request_id_answers_again(void **state)
{
    struct world *w = *state;
    struct relief_request_submit_params asked = world_asked("q1", 10);
    char first[4096];

    world_receive(w, "B", 6);
    asked.explain = 1;
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
    assert_true(w->answer.candidates.present);
    snprintf(first, sizeof first, "%s", world_answer(w));
    world_receive(w, "B", 100); /* fills it: the record is another by now */
    assert_int_equal(world_durable(w), 0);
    for (int explain = 0; explain < 2; explain++) {
        asked.explain = explain;
        asked.op = explain ? RELIEF_STR("a-new-op") : RELIEF_STR_NONE;
        assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
        assert_true(w->answer.replay);
        assert_string_equal(world_answer(w), first);
    }
    asked.quantity = 11;
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), RELIEF_CONFLICT);
    assert_string_equal(w->answer.refusal.field, "id");
    asked.quantity = 10;
    w->who.name = RELIEF_STR("somebody else");
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), RELIEF_CONFLICT);
    assert_string_equal(w->answer.refusal.field, "id");
}

/* The op decides before the id does. */
static void op_comes_before_id(void **state)
{
    struct world *w = *state;
    struct relief_request_submit_params asked = world_asked("q1", 10);
    asked.op = RELIEF_STR("op-1");
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
    asked.id = RELIEF_STR("q2");
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), RELIEF_CONFLICT);
    assert_string_equal(w->answer.refusal.field, "op");
}

/* ---- the wake that goes on ---- */

#define MANY 2500

static void submit_many(struct world *w)
{
    char id[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "q%d", i);
        assert_int_equal(world_submit(w, id, 1), 0);
    }
}

static void answer_waits_for_the_last_wake(void **state)
{
    struct world *w = *state;
    struct relief_request request;
    struct engine_entry entry;

    submit_many(w);
    assert_int_equal(world_durable(w), 0);
    uint64_t before = engine_applied(w->engine);
    world_receive(w, "B", MANY);
    assert_int_equal(w->answer.seq, before + 1);
    assert_int_equal(w->answer.release, before + 3); /* 1,024 legs, 1,024, and the rest */
    assert_int_equal(engine_applied(w->engine), before + 3);
    assert_false(core_wake_owed(engine_view(w->engine)));
    assert_true(world_request(w, "q2499", &request));
    assert_int_equal(request.state, RELIEF_request_state_covered);
    assert_int_equal(engine_read_entry(w->engine, before + 2, &entry), 0);
    assert_int_equal(entry.command, RELIEF_COMMAND_time_wake);
    assert_true(relief_str_eq(entry.identity, RELIEF_STR("timer")));
    assert_int_equal(world_durable(w), 0);

    struct log_cursor *cursor;
    struct log_record record;
    assert_int_equal(log_cursor_open(&cursor, engine_log(w->engine), before + 1), 0);
    uint64_t batch = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(log_cursor_next(cursor, &record), 1);
        assert_int_equal(record.flags, i < 2 ? LOG_MORE : 0);
        assert_true(i == 0 || record.batch == batch);
        batch = record.batch;
    }
    log_cursor_close(cursor);
}

/* As if the machine were slow: a turn is spent after one entry of a wake. The engine was opened anew for that. */
static void long_wake_in_small_turns(struct world *w)
{
    submit_many(w);
    assert_int_equal(world_durable(w), 0);
    world_stop(w);
    w->turn_looks_max = 1;
    world_start(w);
    engine_turn(w->engine);
    world_receive(w, "B", MANY);
}

/* Turn by turn: each hands its batch to the disk, so reads leave; commands wait, deadlines come in between. */
static void long_wake_leaves_room_for_others(void **state)
{
    struct world *w = *state;
    struct relief_request request;
    struct engine_entry entry;
    struct relief_request_submit_params asked = world_asked("soon", 1);
    unsigned turns = 0;
    asked.kind = RELIEF_STR("other");
    asked.needed_by = WORLD_START + 1000;
    WORLD_PARAMS(kind_put, kind);
    kind.code = kind.name = kind.unit = RELIEF_STR("other");
    kind.class_ = RELIEF_class_supply;
    assert_int_equal(world_command(w, RELIEF_METHOD_kind_put, &kind), 0);
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
    long_wake_in_small_turns(w);
    uint64_t first = w->answer.seq;
    assert_int_equal(engine_applied(w->engine), first);
    assert_true(engine_waking(w->engine) && engine_turn_spent(w->engine));
    world_advance(w, 2000);
    for (; engine_waking(w->engine); turns++) {
        asked = world_asked("late", 1);
        assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), -EAGAIN);
        assert_int_equal(world_durable(w), 0); /* what is applied so far becomes durable, and can be read */
        assert_int_equal(engine_durable(w->engine), engine_applied(w->engine));
        assert_false(engine_turn_spent(w->engine));
        engine_tick(w->engine);
    }
    assert_int_equal(turns, 2); /* the last of them also saw the deadline through */
    assert_int_equal(engine_read_entry(w->engine, first + 1, &entry), 0);
    assert_int_equal(entry.command, RELIEF_COMMAND_time_expire);
    assert_true(world_request(w, "soon", &request));
    assert_int_equal(request.state, RELIEF_request_state_expired);
    assert_true(world_request(w, "q2499", &request));
    assert_int_equal(request.state, RELIEF_request_state_covered);
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
}

static void start_goes_on_with_the_wake(void **state)
{
    struct world *w = *state;
    struct relief_request request;
    long_wake_in_small_turns(w);
    assert_true(engine_waking(w->engine));
    world_stop(w);
    w->turn_looks_max = 0;
    world_start(w);
    assert_false(engine_waking(w->engine));
    assert_true(world_request(w, "q2499", &request));
    assert_int_equal(request.state, RELIEF_request_state_covered);
}

/* ---- the disk fails ---- */

static void failed_sync_stops_everything(void **state)
{
    struct world *w = *state;
    world_sync_error(w, EIO);
    world_receive(w, "B", 1);
    assert_int_equal(world_durable(w), -EIO);
    assert_int_equal(engine_durable(w->engine), 4);
    world_sync_error(w, 0); /* the disk says that all is well again: it is not believed */
    assert_int_equal(world_submit(w, "q1", 1), -EROFS);
    assert_int_equal(engine_settle(w->engine), -EIO);
    assert_int_equal(engine_close(w->engine), -EIO);
    w->engine = NULL;
    /* A start finds the acknowledged entries; what was not is there whole, or not at all. */
    world_start(w);
    assert_in_range(engine_durable(w->engine), 4, 5);
    assert_int_equal(world_submit(w, "q1", 1), 0);
    assert_int_equal(world_durable(w), 0);
}

static void failure_while_the_next_batch_forms(void **state)
{
    struct world *w = *state;
    world_gate(w, true);
    world_sync_error(w, EIO);
    world_receive(w, "B", 1);
    engine_seal(w->engine);
    world_receive(w, "B", 1);
    unsigned syncs = world_syncs(w);
    world_gate(w, false);
    assert_int_equal(world_durable(w), -EIO);
    assert_int_equal(engine_durable(w->engine), 4);
    assert_int_equal(world_syncs(w) - syncs, 1); /* the second batch was never tried */
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)
    const struct CMUnitTest tests[] = {
        T(numbers_follow_each_other),
        T(one_sync_for_all_that_waits),
        T(refusal_leaves_nothing),
        T(op_answers_again),
        T(op_belongs_to_its_identity),
        T(request_id_answers_again),
        T(op_comes_before_id),
        T(answer_waits_for_the_last_wake),
        T(long_wake_leaves_room_for_others),
        T(start_goes_on_with_the_wake),
        T(failed_sync_stops_everything),
        T(failure_while_the_next_batch_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
