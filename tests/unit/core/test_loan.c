/* core/loan.c: what was lent, what was sent back, what came home, each told by the record; dates that are set. */
#include "world.h"

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "give", "land", 0, 500000);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

/* Brings leg r/1 of that many units of the kind to in_use. */
static void lend(struct world *world, const char *kind, int64_t units)
{
    struct relief_request_submit_params ask = world_ask("r", "need", kind, units);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), 0);
    assert_int_equal(world_stock_of(world, "give", kind).on_hand, 0);
    assert_int_equal(world_stock_of(world, "need", kind).in_transit_in, units);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_receive, "r/1", units), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_in_use);
    assert_int_equal(world_request(world, "r").state, RELIEF_request_state_filled);
    world_check(world);
}

static void lend_boats(struct world *world)
{
    struct relief_kind_put_params boat;
    relief_shape_clear(&relief_shape_kind_put_params, &boat);
    boat.code = boat.name = boat.unit = RELIEF_STR("boat");
    boat.class_ = RELIEF_class_supply;
    boat.returnable = 1;
    boat.min_life_days = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &boat), 0);
    world_stock(world, "give", "boat", "0", 10, RELIEF_NIL);
    lend(world, "boat", 10);
}

static void lend_generators(struct world *world)
{
    static const char *const ids[] = {"g01", "g02", "g03", "g04", "g05", "g06", "g07", "g08", "g09", "g10"};
    world_gear(world, "generator", RELIEF_class_equipment, NULL);
    for (unsigned i = 0; i < 10; i++)
        world_asset(world, ids[i], "generator", "give");
    lend(world, "generator", 10);
}

/* Lent 10, sent back 8, came home 7: the requester lost 2, the road 1. */
static struct relief_dispatch come_home(struct world *world, int64_t condition)
{
    struct relief_dispatch_checkin_params checkin;
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 11), RELIEF_BAD_PARAMS);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 8), 0);
    assert_int_equal(world_leg(world, "r/1").returned, 8);
    assert_int_equal(world_leg(world, "r/1").checked_in, RELIEF_NIL);
    world_check(world);
    relief_shape_clear(&relief_shape_dispatch_checkin_params, &checkin);
    checkin.id = RELIEF_STR("r/1");
    checkin.quantity = 9;
    checkin.condition = condition;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), RELIEF_BAD_PARAMS);
    assert_string_equal(world->effects.refusal.field, "quantity");
    checkin.quantity = 7;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), 0);
    return world_leg(world, "r/1");
}

static void expect_story(const struct relief_dispatch *leg, int64_t condition)
{
    assert_int_equal(leg->condition, condition);
    assert_int_equal(leg->state, RELIEF_dispatch_state_returned);
    assert_int_equal(leg->sent, 10);
    assert_int_equal(leg->accepted, 10);
    assert_int_equal(leg->returned, 8);
    assert_int_equal(leg->checked_in, 7);
}

static void expect_account(struct world *world, const char *kind, int64_t lost, int64_t written_off)
{
    struct relief_account account = world_account_of(world, "give", kind);
    assert_int_equal(account.received, 10);
    assert_int_equal(account.lost, lost);
    assert_int_equal(account.written_off, written_off);
    assert_int_equal(account.on_loan, 0);
    assert_int_equal(account.in_transit, 0);
}

static void test_the_record_tells_who_lost_what(void **state)
{
    struct world *world = *state;
    lend_boats(world);
    struct relief_dispatch leg = come_home(world, RELIEF_condition_ready);
    expect_story(&leg, RELIEF_condition_ready);
    expect_account(world, "boat", 3, 0);
    assert_int_equal(world_stock_of(world, "give", "boat").available, 7);
}

static void test_damaged_and_lost_at_the_gate(void **state)
{
    struct world *world = *state;
    lend_boats(world);
    struct relief_dispatch leg = come_home(world, RELIEF_condition_damaged);
    expect_story(&leg, RELIEF_condition_damaged);
    expect_account(world, "boat", 3, 7);
    assert_int_equal(world_stock_of(world, "give", "boat").on_hand, 0);
    teardown(state);
    setup(state);
    lend_boats(world);
    leg = come_home(world, RELIEF_condition_lost);
    expect_story(&leg, RELIEF_condition_lost);
    expect_account(world, "boat", 10, 0);
}

static void test_assets_come_home(void **state)
{
    struct world *world = *state;
    lend_generators(world);
    struct relief_dispatch leg = come_home(world, RELIEF_condition_maintenance);
    expect_story(&leg, RELIEF_condition_maintenance);
    expect_account(world, "generator", 0, 0); /* a lost piece stays an asset, in that condition */
    assert_int_equal(world_asset_of(world, "g07").condition, RELIEF_condition_maintenance);
    assert_int_equal(world_asset_of(world, "g08").condition, RELIEF_condition_lost); /* on the road */
    assert_int_equal(world_asset_of(world, "g09").condition, RELIEF_condition_lost); /* at the requester's */
    assert_int_equal(world_asset_of(world, "g10").condition, RELIEF_condition_lost);
    assert_int_equal(world_asset_of(world, "g01").use, RELIEF_asset_use_free);
    assert_int_equal(world_stock_of(world, "give", "generator").unusable, 10);
}

static int set_due(struct world *world, unsigned method, int64_t by)
{
    struct relief_dispatch_recall_params params; /* extend has the same rows */
    relief_shape_clear(relief_method_by_number(method)->params, &params);
    params.id = RELIEF_STR("r/1");
    params.by = by;
    return world_apply(world, method, &params);
}

static void expect_bad_date(struct world *world, unsigned method, int64_t by)
{
    int64_t due = world_leg(world, "r/1").due;
    assert_int_equal(set_due(world, method, by), RELIEF_BAD_PARAMS);
    assert_string_equal(world->effects.refusal.field, "by");
    assert_int_equal(world_leg(world, "r/1").due, due);
}

static void test_a_date_lies_ahead(void **state)
{
    struct world *world = *state;
    int64_t now = world->now;
    lend_boats(world);
    expect_bad_date(world, RELIEF_METHOD_dispatch_recall, now - 1);
    expect_bad_date(world, RELIEF_METHOD_dispatch_recall, now);
    expect_bad_date(world, RELIEF_METHOD_dispatch_extend, now);
    assert_int_equal(set_due(world, RELIEF_METHOD_dispatch_recall, now + 1), 0);
    assert_int_equal(world_leg(world, "r/1").due, now + 1);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_in_use);
    world->now += RELIEF_DAY_MS; /* the date has passed: it is still extended from now on only */
    expect_bad_date(world, RELIEF_METHOD_dispatch_extend, world->now);
    assert_int_equal(set_due(world, RELIEF_METHOD_dispatch_extend, world->now + 10), 0);
}

/* What brings the date nearer is a recall. */
static void test_an_extension_does_not_shorten(void **state)
{
    struct world *world = *state;
    int64_t due = world->now + 10 * RELIEF_DAY_MS;
    lend_boats(world);
    assert_int_equal(set_due(world, RELIEF_METHOD_dispatch_extend, due), 0); /* none was set: any date */
    expect_bad_date(world, RELIEF_METHOD_dispatch_extend, due - 1);
    assert_int_equal(set_due(world, RELIEF_METHOD_dispatch_extend, due), 0);
    assert_int_equal(set_due(world, RELIEF_METHOD_dispatch_recall, due - 1), 0);
    assert_int_equal(set_due(world, RELIEF_METHOD_dispatch_extend, due), 0);
    assert_int_equal(world_leg(world, "r/1").due, due);
}

static void test_a_loan_lost_in_use_is_settled(void **state)
{
    struct world *world = *state;
    lend_boats(world);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 0), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_returning);
    expect_account(world, "boat", 10, 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_checkin, "r/1", 0), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_returned);
    expect_account(world, "boat", 10, 0);
    assert_int_equal(world_stock_of(world, "give", "boat").on_hand, 0);
}

/* A pump with its crew, in use in need. */
static void lend_pump(struct world *world)
{
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "pump", RELIEF_class_equipment, "crew");
    world_asset(world, "p", "pump", "give");
    world_asset(world, "c", "crew", "give");
    lend(world, "pump", 1);
}

static void test_the_crew_of_a_lost_machine_comes_home(void **state)
{
    struct world *world = *state;
    lend_pump(world);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 0), 0);
    assert_int_equal(world_asset_of(world, "p").condition, RELIEF_condition_lost);
    assert_int_equal(world_asset_of(world, "c").use, RELIEF_asset_use_away);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_checkin, "r/1", 0), 0);
    assert_int_equal(world_asset_of(world, "c").use, RELIEF_asset_use_free);
    assert_int_equal(world_asset_of(world, "c").condition, RELIEF_condition_ready);
}

static struct relief_dispatch_checkin_params bare_checkin(int64_t quantity)
{
    struct relief_dispatch_checkin_params checkin;
    relief_shape_clear(&relief_shape_dispatch_checkin_params, &checkin);
    checkin.id = RELIEF_STR("r/1");
    checkin.quantity = quantity;
    return checkin;
}

static void test_what_came_home_damaged_stays_damaged(void **state)
{
    struct world *world = *state;
    struct relief_asset_status_params status;
    lend_pump(world);
    relief_shape_clear(&relief_shape_asset_status_params, &status);
    status.id = RELIEF_STR("p");
    status.condition = RELIEF_condition_damaged;
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_status, &status), 0);
    struct relief_request_submit_params ask = world_ask("next", "need", "pump", 1);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 1), 0);
    struct relief_dispatch_checkin_params checkin = bare_checkin(1);
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), 0);
    assert_int_equal(world_leg(world, "r/1").condition, RELIEF_NIL);
    assert_int_equal(world_asset_of(world, "p").condition, RELIEF_condition_damaged);
    assert_int_equal(world_request(world, "next").covered, 0); /* and isn't sent out again */
}

static void test_rest_is_booked_with_the_checkin(void **state)
{
    struct world *world = *state;
    lend_pump(world);
    struct relief_request_submit_params ask = world_ask("next", "need", "pump", 1);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 1), 0);
    struct relief_dispatch_checkin_params checkin = bare_checkin(1);
    checkin.rest_until = world->now + 8 * 60 * RELIEF_MINUTE_MS;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), 0);
    assert_int_equal(world_asset_of(world, "p").rest_until, checkin.rest_until);
    assert_int_equal(world_asset_of(world, "c").rest_until, checkin.rest_until);
    assert_int_equal(world_request(world, "next").covered, 0);
    world->now = checkin.rest_until;
    assert_int_equal(world_timers(world), 2);
    assert_int_equal(world_request(world, "next").covered, 1);
}

static void test_supplies_do_not_rest(void **state)
{
    struct world *world = *state;
    lend_boats(world);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_return, "r/1", 10), 0);
    struct relief_dispatch_checkin_params checkin = bare_checkin(10);
    checkin.rest_until = world->now + 1;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), RELIEF_BAD_PARAMS);
    assert_string_equal(world->effects.refusal.field, "rest_until");
    checkin.rest_until = RELIEF_NIL;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), 0);
    assert_int_equal(world_stock_of(world, "give", "boat").available, 10);
    assert_int_equal(world_leg(world, "r/1").condition, RELIEF_condition_ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_record_tells_who_lost_what, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_and_lost_at_the_gate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assets_come_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_date_lies_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_extension_does_not_shorten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_loan_lost_in_use_is_settled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_crew_of_a_lost_machine_comes_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_came_home_damaged_stays_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest_is_booked_with_the_checkin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_supplies_do_not_rest, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
