/* core/order.c: whom a superior's order reaches, what it passes over, and what binds it all the same (fine print 48).
 */
#include "world.h"

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_ask);
    world_region(&world, "isle", NULL, RELIEF_commit_ask); /* another root */
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "give", "land", 0, 500000); /* 56 km: 78 minutes */
    world_city(&world, "over", "isle", 0, 600000);
    world_kind(&world, "tent");
    world_gear(&world, "crew", RELIEF_class_team, NULL);
    world_gear(&world, "crane", RELIEF_class_equipment, "crew");
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

/* A request r of need's for the kind; need is in emergency mode, the caller a coordinator of land. */
static void ask(struct world *world, const char *kind, int64_t quantity)
{
    struct relief_request_submit_params params = world_ask("r", "need", kind, quantity);
    world_mode(world, "need", RELIEF_mode_emergency);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    world_as(world, RELIEF_role_coordinator, "land");
}

static int order(struct world *world, const char *donor, int64_t quantity)
{
    struct relief_dispatch_order_params params;
    relief_shape_clear(&relief_shape_dispatch_order_params, &params);
    params.request = RELIEF_STR("r");
    params.donor = relief_str_of(donor);
    params.quantity = quantity;
    params.reason = RELIEF_STR("the dam broke");
    return world_apply(world, RELIEF_METHOD_dispatch_order, &params);
}

static void be_local(struct world *world)
{
    world->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
}

/* Without an incident, too: what counts is the requester's mode. */
static void test_in_an_emergency_and_past_the_floor(void **state)
{
    struct world *world = *state;
    world_stock(world, "give", "tent", "0", 50, RELIEF_NIL);
    world_floor(world, "give", "tent", 50);
    ask(world, "tent", 40);
    assert_int_equal(world_request(world, "r").covered, 0);
    world_mode(world, "need", RELIEF_mode_normal);
    assert_int_equal(order(world, "give", 41), RELIEF_BAD_STATE);
    assert_string_equal(world->effects.refusal.state, "normal");
    world_mode(world, "need", RELIEF_mode_emergency);
    assert_int_equal(order(world, "give", 41), RELIEF_BAD_PARAMS);
    assert_string_equal(world->effects.refusal.field, "quantity");
    assert_int_equal(order(world, "give", 40), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_committed);
    assert_true(world_leg(world, "r/1").ordered);
    assert_true(relief_str_eq(world_leg(world, "r/1").ordered_by, RELIEF_STR("coordinator")));
    assert_int_equal(world_leg(world, "r/1").level, 1);
    assert_int_equal(world_stock_of(world, "give", "tent").reserved, 40);
}

static void test_the_crew_comes_past_its_floor(void **state)
{
    struct world *world = *state;
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crew-1", "crew", "give");
    world_floor(world, "give", "crane", 1);
    world_floor(world, "give", "crew", 1);
    ask(world, "crane", 2);
    assert_int_equal(order(world, "give", 2), RELIEF_INSUFFICIENT);
    assert_int_equal(world->effects.refusal.available, 1);
    assert_int_equal(order(world, "give", 1), 0);
    assert_int_equal(world_leg(world, "r/1").operators.count, 1);
    assert_int_equal(world_asset_of(world, "crew-1").use, RELIEF_asset_use_reserved);
}

/* Each keeps the crane at home, whoever orders: the crew is held for another, rests, is broken, has no paper, the way
 * is closed. */
static void test_what_binds_an_order(void **state)
{
    struct world *world = *state;
    struct relief_certificate paper = {RELIEF_STR("crane"), world->now + 77 * RELIEF_MINUTE_MS};
    struct relief_asset_put_params crew = world_asset_params("crew-1", "crew", "give");
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crew-1", "crew", "give");
    struct relief_request_submit_params other = world_ask("held", "need", "crew", 1);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &other), 0);
    assert_int_equal(world_asset_of(world, "crew-1").use, RELIEF_asset_use_held);
    ask(world, "crane", 1);
    assert_int_equal(order(world, "give", 1), RELIEF_INSUFFICIENT);
    be_local(world);
    for (unsigned i = 0; i < 3; i++) {
        struct relief_asset_put_params bound = crew;
        if (i == 0)
            bound.rest_until = world->now + 1;
        else if (i == 1)
            bound.condition = RELIEF_condition_maintenance;
        else
            bound.certificates = (struct relief_list){&paper, 1, 1};
        assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &bound), 0);
        if (i == 0)
            assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_decline, "held/1", 0), 0);
        assert_int_equal(order(world, "give", 1), RELIEF_INSUFFICIENT);
    }
    world_link(world, "give", "need", 78, false);
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &crew), 0);
    assert_int_equal(order(world, "give", 1), RELIEF_INSUFFICIENT);
}

/* It is what comes after a city's no. */
static void test_it_stands_above_a_refusal(void **state)
{
    struct world *world = *state;
    world_stock(world, "give", "tent", "0", 50, RELIEF_NIL);
    ask(world, "tent", 40);
    be_local(world);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_decline, "r/1", 0), 0);
    assert_int_equal(world_request(world, "r").excluded.count, 1);
    assert_int_equal(world_request(world, "r").open, 40);
    world_as(world, RELIEF_role_coordinator, "land");
    assert_int_equal(order(world, "give", 40), 0);
    assert_int_equal(world_leg(world, "r/2").state, RELIEF_dispatch_state_committed);
    assert_int_equal(world_request(world, "r").excluded.count, 1); /* matching by itself still leaves it out */
}

/* One superior has to stand above both: a coordinator of everything has no say between two roots. */
static void test_one_region_holds_both(void **state)
{
    struct world *world = *state;
    world_stock(world, "give", "tent", "0", 50, RELIEF_NIL);
    world_stock(world, "over", "tent", "0", 50, RELIEF_NIL);
    world_floor(world, "give", "tent", 50);
    ask(world, "tent", 40);
    assert_int_equal(order(world, "over", 10), RELIEF_DENIED);
    world_as(world, RELIEF_role_coordinator, NULL);
    assert_int_equal(order(world, "over", 10), RELIEF_DENIED);
    assert_int_equal(order(world, "give", 10), 0);
    world_as(world, RELIEF_role_coordinator, "isle");
    assert_int_equal(order(world, "give", 10), RELIEF_DENIED);
    be_local(world);
    world_region(world, "world", NULL, RELIEF_NIL);
    world_region(world, "land", "world", RELIEF_commit_ask);
    world_region(world, "isle", "world", RELIEF_commit_ask);
    world_as(world, RELIEF_role_coordinator, NULL);
    assert_int_equal(order(world, "over", 10), 0);
}

/* What it names must be there, and the request still be open. */
static void test_what_an_order_names(void **state)
{
    struct world *world = *state;
    struct relief_request_cancel_params cancel;
    assert_int_equal(order(world, "give", 1), RELIEF_NOT_FOUND);
    assert_string_equal(world->effects.refusal.field, "request");
    ask(world, "tent", 40);
    assert_int_equal(order(world, "nowhere", 1), RELIEF_NOT_FOUND);
    assert_string_equal(world->effects.refusal.field, "donor");
    be_local(world);
    relief_shape_clear(&relief_shape_request_cancel_params, &cancel);
    cancel.id = RELIEF_STR("r");
    cancel.reason = RELIEF_STR("over");
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_cancel, &cancel), 0);
    world_as(world, RELIEF_role_coordinator, "land");
    assert_int_equal(order(world, "give", 1), RELIEF_BAD_STATE);
    assert_string_equal(world->effects.refusal.state, "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_an_emergency_and_past_the_floor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_crew_comes_past_its_floor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_binds_an_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_stands_above_a_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_region_holds_both, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_an_order_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
