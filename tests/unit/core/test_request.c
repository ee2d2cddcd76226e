/*
 * core/request.c: every state against every move, each allowed and each refused one by name; and what another needed_by
 * does to legs that have not left.
 */
#include "world.h"
#include <string.h>

enum move { AMEND, CANCEL, CLOSE, EXPIRE, MOVES };
static const char *const move_names[] = {"amend", "cancel", "close", "time.expire"};

/* Row: how the request came to stand; column: its state after the move, or NULL where it is refused; a timer changes
 * nothing there. */
static const struct {
    const char *name, *state;
    const char *after[MOVES];
} rows[] = {
    {"open", "open", {"open", "cancelled", "closed_short", "expired"}},
    {"partial", "partial", {"partial", "cancelled", "closed_short", "expired"}},
    {"covered, committed", "covered", {"covered", "cancelled", NULL, NULL}},
    {"covered, asked", "covered", {"covered", "cancelled", "closed_short", "expired"}},
    {"covered, on the road", "covered", {"covered", "cancelled", NULL, NULL}},
    {"filled", "filled", {NULL, NULL, NULL, NULL}},
    {"closed_short", "closed_short", {NULL, NULL, NULL, NULL}},
    {"cancelled", "cancelled", {NULL, NULL, NULL, NULL}},
    {"expired", "expired", {NULL, NULL, NULL, NULL}},
};
#define ROWS (sizeof rows / sizeof *rows)

#define NEEDED_BY (WORLD_START_MS + RELIEF_DAY_MS)

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "give", "land", 0, 500000);
    world_city(&world, "far", "land", 0, 5000000);
    world_kind(&world, "pump");
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

static void ask_first(struct world *world, const char *donor, int64_t answer_minutes)
{
    struct relief_agreement_put_params agreement;
    relief_shape_clear(&relief_shape_agreement_put_params, &agreement);
    agreement.id = agreement.donor = relief_str_of(donor);
    agreement.requester = RELIEF_STR("need");
    agreement.share_percent = 100;
    agreement.commit = RELIEF_commit_ask;
    agreement.answer_minutes = answer_minutes;
    assert_int_equal(world_apply(world, RELIEF_METHOD_agreement_put, &agreement), 0);
}

static int make(struct world *world, enum move move)
{
    const struct core_identity timer = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local}, who = world->who;
    const struct relief_time_expire_params expire = {.request = RELIEF_STR("r"), .ops_before = RELIEF_NIL};
    struct relief_request_amend_params amend;
    struct relief_request_cancel_params end; /* close has the same rows */
    int result;
    relief_shape_clear(&relief_shape_request_amend_params, &amend);
    amend.id = RELIEF_STR("r");
    amend.priority = 2;
    relief_shape_clear(&relief_shape_request_cancel_params, &end);
    end.id = RELIEF_STR("r");
    end.reason = RELIEF_STR("because");
    if (move == AMEND)
        return world_apply(world, RELIEF_METHOD_request_amend, &amend);
    if (move != EXPIRE)
        return world_apply(world, move == CANCEL ? RELIEF_METHOD_request_cancel : RELIEF_METHOD_request_close, &end);
    if (world->now < NEEDED_BY)
        world->now = NEEDED_BY;
    world->who = timer;
    result = world_apply(world, RELIEF_COMMAND_time_expire, &expire);
    world->who = who;
    return result;
}

static const char *state_now(struct world *world)
{
    return relief_enum_request_state.names[world_request(world, "r").state];
}

/* A request r for 10, in that row's state. */
static void bring_to(struct world *world, const char *name)
{
    struct relief_request_submit_params ask = world_ask("r", "need", "pump", 10);
    bool part = !strcmp(name, "partial"), moving = !strcmp(name, "covered, on the road") || !strcmp(name, "filled");
    ask.needed_by = NEEDED_BY;
    if (!strcmp(name, "covered, asked"))
        ask_first(world, "give", 2000);
    if (part || moving || !strncmp(name, "covered", 7))
        world_stock(world, "give", "pump", "0", part ? 4 : 10, RELIEF_NIL);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    if (moving)
        assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), 0);
    if (!strcmp(name, "filled"))
        assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_receive, "r/1", 10), 0);
    if (!strcmp(name, "closed_short"))
        assert_int_equal(make(world, CLOSE), 0);
    if (!strcmp(name, "cancelled"))
        assert_int_equal(make(world, CANCEL), 0);
    if (!strcmp(name, "expired"))
        assert_int_equal(make(world, EXPIRE), 0);
}

static void test_every_state_and_move(void **state)
{
    for (unsigned row = 0; row < ROWS; row++)
        for (enum move move = 0; move < MOVES; move++) {
            struct world *world = *state;
            const char *expected = rows[row].after[move];
            bring_to(world, rows[row].name);
            assert_string_equal(state_now(world), rows[row].state);
            int result = make(world, move);
            print_message("%s + %s -> %s\n", rows[row].name, move_names[move], expected ? expected : "refused");
            if (!expected && move != EXPIRE) {
                assert_int_equal(result, RELIEF_BAD_STATE);
                assert_string_equal(world->effects.refusal.state, rows[row].state);
            } else {
                assert_int_equal(result, 0);
            }
            assert_string_equal(state_now(world), expected ? expected : rows[row].state);
            world_check(world);
            world_close(world);
            setup(state);
        }
}

/* ---- another needed_by ---- */

static int amend_needed_by(struct world *world, int64_t needed_by)
{
    struct relief_request_amend_params amend;
    relief_shape_clear(&relief_shape_request_amend_params, &amend);
    amend.id = RELIEF_STR("r");
    amend.needed_by = needed_by;
    return world_apply(world, RELIEF_METHOD_request_amend, &amend);
}

static void test_asked_and_committed_legs_get_new_times(void **state)
{
    struct world *world = *state;
    ask_first(world, "give", 2000);
    world_stock(world, "give", "pump", "0", 4, RELIEF_NIL);
    world_stock(world, "far", "pump", "0", 6, RELIEF_NIL);
    struct relief_request_submit_params ask = world_ask("r", "need", "pump", 10);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    int64_t asked = world->now, near = world_leg(world, "r/1").minutes, far = world_leg(world, "r/2").minutes;
    assert_int_equal(world_leg(world, "r/1").answer_by, asked + 2000 * RELIEF_MINUTE_MS);
    assert_int_equal(world_leg(world, "r/2").depart_by, RELIEF_NIL);
    world->now += RELIEF_MINUTE_MS;
    assert_int_equal(amend_needed_by(world, NEEDED_BY), 0);
    assert_int_equal(world_leg(world, "r/1").depart_by, NEEDED_BY - near * RELIEF_MINUTE_MS);
    assert_int_equal(world_leg(world, "r/1").answer_by, NEEDED_BY - near * RELIEF_MINUTE_MS);
    assert_int_equal(world_leg(world, "r/2").depart_by, NEEDED_BY - far * RELIEF_MINUTE_MS);
    world_check(world);
    /* later again: no more time to answer than the agreement gives, from when it was asked */
    assert_int_equal(amend_needed_by(world, NEEDED_BY + 9 * RELIEF_DAY_MS), 0);
    assert_int_equal(world_leg(world, "r/1").answer_by, asked + 2000 * RELIEF_MINUTE_MS);
    world->now = asked + 2000 * RELIEF_MINUTE_MS + 1;
    assert_int_equal(world_timers(world), 1); /* and lapses at its new time, once */
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_lapsed);
}

static void test_an_asked_leg_that_comes_too_late_lapses(void **state)
{
    struct world *world = *state;
    ask_first(world, "far", 60);
    world_stock(world, "far", "pump", "0", 10, RELIEF_NIL);
    struct relief_request_submit_params ask = world_ask("r", "need", "pump", 10);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    ask = world_ask("other", "need", "pump", 3);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    int64_t way = world_leg(world, "r/1").minutes * RELIEF_MINUTE_MS;
    assert_int_equal(amend_needed_by(world, world->now + way), 0); /* just in time */
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_asked);
    assert_int_equal(amend_needed_by(world, world->now + way - 1), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_lapsed);
    assert_int_equal(world_request(world, "r").state, RELIEF_request_state_open);
    assert_int_equal(world_request(world, "r").excluded.count, 0);
    assert_int_equal(world_request(world, "other").covered, 3); /* what it held is free again in this entry */
    assert_int_equal(amend_needed_by(world, world->now + way), 0);
    assert_int_equal(world_leg(world, "r/2").quantity, 7); /* its donor is asked again when there is time again */
}

static void test_a_committed_leg_that_comes_too_late_stays(void **state)
{
    struct world *world = *state;
    world_stock(world, "far", "pump", "0", 10, RELIEF_NIL);
    struct relief_request_submit_params ask = world_ask("r", "need", "pump", 10);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    int64_t way = world_leg(world, "r/1").minutes * RELIEF_MINUTE_MS;
    assert_int_equal(amend_needed_by(world, world->now + 1), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_committed);
    assert_int_equal(world_leg(world, "r/1").depart_by, world->now + 1 - way);
    assert_int_equal(world_request(world, "r").state, RELIEF_request_state_covered);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_state_and_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asked_and_committed_legs_get_new_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_asked_leg_that_comes_too_late_lapses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_committed_leg_that_comes_too_late_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
