/*
 * core/dispatch.c: every state against every step, each allowed move and each refused one by name; the wrong side; the
 * sums of a receipt; and the books after each way in which a leg can end.
 */
#include "world.h"
#include <stdio.h>
#include <string.h>

enum step {
    ACCEPT,
    DECLINE,
    CANCEL,
    RENEGE,
    DEPART,
    RECEIVE,
    LOST,
    RETURN,
    RECALL,
    EXTEND,
    CHECKIN,
    LAPSE,
    EXPIRE,
    STEPS
};
static const char *const step_names[] = {"accept", "decline", "cancel", "renege",  "depart",     "receive",    "lost",
                                         "return", "recall",  "extend", "checkin", "time.lapse", "time.expire"};

static const char *const states[] = {"asked",    "committed", "in_transit", "closed",    "in_use",  "returning",
                                     "returned", "declined",  "lapsed",     "cancelled", "reneged", "lost"};
#define STATES (sizeof states / sizeof *states)

/* Row: state; column: the state after the step, or NULL where it is refused; a timer changes nothing there. */
static const char *const after[STATES][STEPS] = {
    /* asked */
    {[ACCEPT] = "committed", [DECLINE] = "declined", [CANCEL] = "cancelled", [LAPSE] = "lapsed", [EXPIRE] = "lapsed"},
    /* committed */ {[CANCEL] = "cancelled", [RENEGE] = "reneged", [DEPART] = "in_transit"},
    /* in_transit */ {[RECEIVE] = "closed", [LOST] = "lost"},
    /* closed */ {0},
    /* in_use */ {[RETURN] = "returning", [RECALL] = "in_use", [EXTEND] = "in_use"},
    /* returning */ {[CHECKIN] = "returned"},
};

/* A loan takes a returnable kind; there a receipt leads to in_use. */
static bool is_loan(const char *state)
{
    return !strcmp(state, "in_use") || !strcmp(state, "returning") || !strcmp(state, "returned");
}

static int setup(void **state)
{
    static struct world world;
    struct relief_kind_put_params boat;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_ask);
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "give", "land", 0, 500000);
    world_city(&world, "third", "land", 0, 90000000);
    world_kind(&world, "pump");
    world_stock(&world, "give", "pump", "0", 100, RELIEF_NIL);
    relief_shape_clear(&relief_shape_kind_put_params, &boat);
    boat.code = boat.name = boat.unit = RELIEF_STR("boat");
    boat.class_ = RELIEF_class_supply;
    boat.returnable = 1;
    boat.min_life_days = 0;
    assert_int_equal(world_apply(&world, RELIEF_METHOD_kind_put, &boat), 0);
    world_stock(&world, "give", "boat", "0", 100, RELIEF_NIL);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

/* A timer that fires: when the leg could have lapsed and the request could have expired. */
static int fire(struct world *world, enum step step)
{
    const struct core_identity timer = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local}, who = world->who;
    const struct relief_time_lapse_params lapse = {.dispatch = RELIEF_STR("r/1")};
    const struct relief_time_expire_params expire = {.request = RELIEF_STR("r"), .ops_before = RELIEF_NIL};
    int result;
    world->now = WORLD_START_MS + 2 * RELIEF_DAY_MS;
    world->who = timer;
    result = step == LAPSE ? world_apply(world, RELIEF_COMMAND_time_lapse, &lapse)
                           : world_apply(world, RELIEF_COMMAND_time_expire, &expire);
    world->who = who;
    return result;
}

static int take(struct world *world, enum step step, int64_t accepted, int64_t rejected, int64_t missing)
{
    union {
        struct relief_dispatch_accept_params accept;
        struct relief_dispatch_decline_params reason; /* decline, cancel, renege, lost have the same rows */
        struct relief_dispatch_depart_params depart;
        struct relief_dispatch_receive_params receive;
        struct relief_dispatch_return_params back;
        struct relief_dispatch_checkin_params checkin;
        struct relief_dispatch_recall_params due; /* extend has the same rows */
    } params;
    static const unsigned methods[] = {
        RELIEF_METHOD_dispatch_accept, RELIEF_METHOD_dispatch_decline, RELIEF_METHOD_dispatch_cancel,
        RELIEF_METHOD_dispatch_renege, RELIEF_METHOD_dispatch_depart,  RELIEF_METHOD_dispatch_receive,
        RELIEF_METHOD_dispatch_lost,   RELIEF_METHOD_dispatch_return,  RELIEF_METHOD_dispatch_recall,
        RELIEF_METHOD_dispatch_extend, RELIEF_METHOD_dispatch_checkin};
    if (step == LAPSE || step == EXPIRE)
        return fire(world, step);
    relief_shape_clear(relief_method_by_number(methods[step])->params, &params);
    params.accept.id = RELIEF_STR("r/1");
    if (step == DECLINE || step == CANCEL || step == RENEGE || step == LOST)
        params.reason.reason = RELIEF_STR("because");
    if (step == RECEIVE) {
        params.receive.accepted = accepted;
        params.receive.rejected = rejected;
        params.receive.missing = missing;
        if (rejected || missing)
            params.receive.reason = RELIEF_STR("wet");
    }
    if (step == RETURN)
        params.back.quantity = 10;
    if (step == CHECKIN) {
        params.checkin.quantity = 10;
        params.checkin.condition = RELIEF_condition_ready;
    }
    if (step == RECALL || step == EXTEND)
        params.due.by = world->now + RELIEF_DAY_MS;
    return world_apply(world, methods[step], &params);
}

static void lapse(struct world *world)
{
    struct core_due due;
    const struct core_identity timer = {.name = RELIEF_STR("timer"), .role = RELIEF_role_local};
    world->now += 61 * RELIEF_MINUTE_MS;
    assert_true(core_next_due(world->core.view, world->now, &due));
    assert_int_equal(due.command, RELIEF_COMMAND_time_lapse);
    world->who = timer;
    assert_int_equal(world_apply(world, due.command, &due.params), 0);
    world->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
}

static int64_t needed_by = RELIEF_NIL; /* of the request that bring_to submits */

/* A leg r/1 of 10 units from give to need, in that state. */
static void bring_to(struct world *world, const char *state)
{
    struct relief_request_submit_params ask = world_ask("r", "need", is_loan(state) ? "boat" : "pump", 10);
    ask.needed_by = needed_by;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    if (!strcmp(state, "asked"))
        return;
    if (!strcmp(state, "lapsed")) {
        lapse(world);
        return;
    }
    if (!strcmp(state, "declined") || !strcmp(state, "cancelled")) {
        assert_int_equal(take(world, *state == 'd' ? DECLINE : CANCEL, 0, 0, 0), 0);
        return;
    }
    assert_int_equal(take(world, ACCEPT, 0, 0, 0), 0);
    if (!strcmp(state, "committed"))
        return;
    if (!strcmp(state, "reneged")) {
        assert_int_equal(take(world, RENEGE, 0, 0, 0), 0);
        return;
    }
    assert_int_equal(take(world, DEPART, 0, 0, 0), 0);
    if (!strcmp(state, "closed") || is_loan(state))
        assert_int_equal(take(world, RECEIVE, 10, 0, 0), 0);
    if (!strcmp(state, "lost"))
        assert_int_equal(take(world, LOST, 0, 0, 0), 0);
    if (!strcmp(state, "returning") || !strcmp(state, "returned"))
        assert_int_equal(take(world, RETURN, 0, 0, 0), 0);
    if (!strcmp(state, "returned"))
        assert_int_equal(take(world, CHECKIN, 0, 0, 0), 0);
}

static const char *state_now(struct world *world)
{
    return relief_enum_dispatch_state.names[world_leg(world, "r/1").state];
}

static void test_every_state_and_step(void **state)
{
    for (unsigned from = 0; from < STATES; from++)
        for (unsigned step = 0; step < STEPS; step++) {
            struct world *world = *state;
            const char *expected = after[from][step];
            int result;
            needed_by = step == EXPIRE ? WORLD_START_MS + RELIEF_DAY_MS : RELIEF_NIL;
            bring_to(world, states[from]);
            assert_string_equal(state_now(world), states[from]);
            result = take(world, step, 10, 0, 0);
            print_message("%s + %s -> %s\n", states[from], step_names[step], expected ? expected : "refused");
            if (expected) {
                assert_int_equal(result, 0);
                assert_string_equal(state_now(world), expected);
            } else if (step == LAPSE || step == EXPIRE) {
                assert_int_equal(result, 0);
                assert_string_equal(state_now(world), states[from]);
            } else {
                assert_int_equal(result, RELIEF_BAD_STATE);
                assert_string_equal(world->effects.refusal.state, states[from]);
                assert_string_equal(state_now(world), states[from]);
            }
            needed_by = RELIEF_NIL;
            world_check(world);
            world_close(world);
            setup(state);
        }
}

static void test_only_the_right_side(void **state)
{
    static const struct {
        const char *state;
        enum step step;
        bool donor, requester;
    } rows[] = {
        {"asked", ACCEPT, true, false},       {"asked", DECLINE, true, false},    {"asked", CANCEL, false, true},
        {"committed", CANCEL, false, true},   {"committed", RENEGE, true, false}, {"committed", DEPART, true, false},
        {"in_transit", RECEIVE, false, true}, {"in_transit", LOST, true, true},   {"in_use", RETURN, false, true},
        {"in_use", RECALL, true, false},      {"in_use", EXTEND, true, false},    {"returning", CHECKIN, true, false}};
    static const struct {
        enum relief_role role;
        const char *place;
    } who[] = {{RELIEF_role_city, "third"},     {RELIEF_role_city, "give"},  {RELIEF_role_city, "need"},
               {RELIEF_role_coordinator, NULL}, {RELIEF_role_auditor, NULL}, {RELIEF_role_operator, NULL}};
    for (unsigned row = 0; row < sizeof rows / sizeof *rows; row++)
        for (unsigned i = 0; i < sizeof who / sizeof *who; i++) {
            struct world *world = *state;
            bool may = (i == 1 && rows[row].donor) || (i == 2 && rows[row].requester);
            bring_to(world, rows[row].state);
            world_as(world, who[i].role, who[i].place);
            assert_int_equal(take(world, rows[row].step, 10, 0, 0), may ? 0 : RELIEF_DENIED);
            world_close(world);
            setup(state);
        }
}

static void test_a_receipt_adds_up(void **state)
{
    struct world *world = *state;
    struct relief_account account = {.city = RELIEF_STR("give"), .kind = RELIEF_STR("pump")};
    struct relief_arena arena;
    bring_to(world, "in_transit");
    assert_int_equal(take(world, RECEIVE, 6, 3, 0), RELIEF_BAD_PARAMS);
    assert_string_equal(world->effects.refusal.field, "accepted");
    assert_int_equal(take(world, RECEIVE, 6, 3, 1), 0);
    assert_int_equal(relief_arena_init(&arena, 1 << 20), 0);
    assert_true(core_find(world->core.view, RELIEF_TABLE_account, &arena, &account));
    assert_int_equal(account.received, 100);
    assert_int_equal(account.written_off, 3);
    assert_int_equal(account.lost, 1);
    assert_int_equal(account.in_transit, 0);
    relief_arena_deinit(&arena);
    assert_int_equal(world_request(world, "r").received, 6);
    assert_int_equal(world_leg(world, "r/2").quantity,
                     4); /* rejected and missing are asked for again, the donor isn't excluded */
}

static void test_part_acceptance_excludes_the_donor(void **state)
{
    struct world *world = *state;
    struct relief_dispatch_accept_params params;
    bring_to(world, "asked");
    relief_shape_clear(&relief_shape_dispatch_accept_params, &params);
    params.id = RELIEF_STR("r/1");
    params.quantity = 11;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_accept, &params), RELIEF_BAD_PARAMS);
    params.quantity = 4;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_accept, &params), 0);
    assert_int_equal(world_request(world, "r").covered, 4);
    assert_int_equal(world_request(world, "r").excluded.count, 1);
    assert_int_equal(world_stock_of(world, "give", "pump").held, 0);
    assert_int_equal(world_stock_of(world, "give", "pump").reserved, 4);
}

static void test_an_answer_after_its_time(void **state)
{
    struct world *world = *state;
    bring_to(world, "asked");
    world->now = world_leg(world, "r/1").answer_by;
    assert_int_equal(take(world, ACCEPT, 0, 0, 0), 0); /* at the moment itself it still counts */
    assert_string_equal(state_now(world), "committed");
    world_close(world);
    setup(state);
    bring_to(world, "asked");
    world->now = world_leg(world, "r/1").answer_by + 1;
    assert_int_equal(take(world, ACCEPT, 0, 0, 0), RELIEF_BAD_STATE); /* even when the timer is late */
    lapse(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_state_and_step, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_right_side, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_receipt_adds_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_part_acceptance_excludes_the_donor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_after_its_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
