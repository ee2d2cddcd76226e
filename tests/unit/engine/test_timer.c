/* Deadlines become entries at their time, the clock is held when it jumps, and old ops go by an entry. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void nothing_due(void **state)
{
    struct world *w = *state;
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), 4);
}

static void request_expires_at_its_time(void **state)
{
    struct world *w = *state;
    struct relief_request request;
    struct relief_request_submit_params asked = world_asked("q1", 5);
    asked.needed_by = WORLD_START + 1500;
    assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
    assert_int_equal(engine_tick(w->engine), 1000);
    world_advance(w, 1000);
    assert_int_equal(engine_tick(w->engine), 500);
    world_advance(w, 499);
    assert_int_equal(engine_tick(w->engine), 1);
    assert_int_equal(engine_applied(w->engine), 5);
    world_advance(w, 1);
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), 6);
    assert_true(world_request(w, "q1", &request));
    assert_int_equal(request.state, RELIEF_request_state_expired);
    assert_int_equal(request.shortfall, 5);

    struct engine_entry entry;
    assert_int_equal(engine_read_entry(w->engine, 6, &entry), 0);
    assert_int_equal(entry.command, RELIEF_COMMAND_time_expire);
    assert_int_equal(entry.time, WORLD_START + 1500);
    assert_true(relief_str_eq(entry.identity, RELIEF_STR("timer")));
}

/* An answer may still be given at answer_by: the leg lapses only after it. */
static void asked_leg_lapses_after_its_time(void **state)
{
    struct world *w = *state;
    WORLD_PARAMS(agreement_put, agreement);
    agreement.id = RELIEF_STR("ab");
    agreement.donor = RELIEF_STR("B");
    agreement.requester = RELIEF_STR("A");
    agreement.commit = RELIEF_commit_ask;
    agreement.answer_minutes = 0;
    assert_int_equal(world_command(w, RELIEF_METHOD_agreement_put, &agreement), 0);
    world_receive(w, "B", 5);
    assert_int_equal(world_submit(w, "q1", 5), 0);
    uint64_t applied = engine_applied(w->engine);
    assert_int_equal(engine_tick(w->engine), 1);
    assert_int_equal(engine_applied(w->engine), applied);
    world_advance(w, 1);
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), applied + 1);
    struct engine_entry entry;
    assert_int_equal(engine_read_entry(w->engine, applied + 1, &entry), 0);
    assert_int_equal(entry.command, RELIEF_COMMAND_time_lapse);
}

static void a_tick_has_an_end(void **state)
{
    struct world *w = *state;
    char ids[1500][16];
    for (int i = 0; i < 1500; i++) {
        snprintf(ids[i], sizeof ids[i], "q%d", i);
        struct relief_request_submit_params asked = world_asked(ids[i], 1);
        asked.needed_by = WORLD_START + 1;
        assert_int_equal(world_command(w, RELIEF_METHOD_request_submit, &asked), 0);
    }
    assert_int_equal(world_durable(w), 0);
    uint64_t applied = engine_applied(w->engine);
    world_advance(w, 10);
    assert_int_equal(engine_tick(w->engine), 0);
    assert_int_equal(engine_applied(w->engine), applied + 1024);
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), applied + 1500);
}

/* ---- the clock ---- */

static int clock_of(struct world *w)
{
    int64_t off_ms;
    return (int)engine_clock_says(w->engine, &off_ms);
}

static void jump_is_held_until_confirmed(void **state)
{
    struct world *w = *state;
    WORLD_PARAMS(clock_confirm, confirm);
    world_receive(w, "B", 1);
    w->wall += 3600000;
    world_advance(w, 1000);
    assert_int_equal(clock_of(w), ENGINE_CLOCK_HELD);
    assert_int_equal(engine_now(w->engine), WORLD_START + 1000);
    world_receive(w, "B", 1);
    world_advance(w, 1000);
    assert_int_equal(engine_now(w->engine), WORLD_START + 2000);

    uint64_t applied = engine_applied(w->engine);
    confirm.time = w->wall + RELIEF_CLOCK_JUMP_MS + 1;
    assert_int_equal(world_command(w, RELIEF_METHOD_clock_confirm, &confirm), RELIEF_BAD_PARAMS);
    assert_string_equal(w->answer.refusal.field, "time");
    assert_int_equal(clock_of(w), ENGINE_CLOCK_HELD);
    assert_int_equal(engine_applied(w->engine), applied);

    confirm.time = w->wall - 1000;
    assert_int_equal(world_command(w, RELIEF_METHOD_clock_confirm, &confirm), 0);
    assert_int_equal(clock_of(w), ENGINE_CLOCK_RIGHT);
    assert_ptr_equal(w->answer.shape, &relief_shape_head);
    const struct relief_head *head = w->answer.record;
    assert_int_equal(head->seq, applied + 1);
    assert_int_equal(head->time, w->wall);
    assert_null(head->hash.data);
    assert_int_equal(engine_now(w->engine), w->wall);
    world_advance(w, 500);
    assert_int_equal(engine_now(w->engine), w->wall);
}

static void backwards_is_waited_out(void **state)
{
    struct world *w = *state;
    struct engine_entry entry;
    world_advance(w, 5000);
    world_receive(w, "B", 1);
    w->wall -= 4000;
    engine_turn(w->engine);
    world_receive(w, "B", 1);
    assert_int_equal(engine_read_entry(w->engine, 6, &entry), 0);
    assert_int_equal(entry.time, WORLD_START + 5000);
    int64_t off_ms;
    assert_int_equal(engine_clock_says(w->engine, &off_ms), ENGINE_CLOCK_BEHIND);
    assert_int_equal(off_ms, -4000);
    world_advance(w, 3000);
    assert_int_equal(engine_clock_says(w->engine, &off_ms), ENGINE_CLOCK_RIGHT);
}

/* ---- ops ---- */

static void receive_with_op(struct world *w, const char *op)
{
    WORLD_PARAMS(stock_receive, receive);
    receive.city = RELIEF_STR("B");
    receive.kind = RELIEF_STR("K");
    receive.quantity = 1;
    receive.op = relief_str_of(op);
    assert_int_equal(world_command(w, RELIEF_METHOD_stock_receive, &receive), 0);
}

static int64_t ops(struct world *w)
{
    return core_count(engine_view(w->engine), RELIEF_TABLE_op);
}

static void old_ops_are_dropped(void **state)
{
    struct world *w = *state;
    char op[16];
    for (int i = 0; i < 2100; i++) { /* more than an entry drops at once, twice */
        snprintf(op, sizeof op, "old%d", i);
        receive_with_op(w, op);
    }
    world_advance(w, 2 * 3600000);
    receive_with_op(w, "young");
    assert_int_equal(world_durable(w), 0);
    assert_int_equal(ops(w), 2101);
    uint64_t applied = engine_applied(w->engine);

    world_advance(w, RELIEF_OP_KEEP_MS - 2 * 3600000 - 1);
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), applied); /* a millisecond too early */
    world_advance(w, 3600000);
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), applied + 3);
    assert_int_equal(ops(w), 1);
    receive_with_op(w, "young");
    assert_true(w->answer.replay);
    receive_with_op(w, "old0");
    assert_false(w->answer.replay);
    world_advance(w, 1000);
    assert_int_equal(engine_tick(w->engine), 1000);
    assert_int_equal(engine_applied(w->engine), applied + 4); /* not looked for again within the hour */
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)
    const struct CMUnitTest tests[] = {
        T(nothing_due),         T(request_expires_at_its_time),  T(asked_leg_lapses_after_its_time),
        T(a_tick_has_an_end),   T(jump_is_held_until_confirmed), T(backwards_is_waited_out),
        T(old_ops_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
