/* core/match.c: who gives, in which order, from which lots, and why others do not. */
#include "world.h"

#define DEGREE 1000000

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_region(&world, "east", "land", RELIEF_NIL);
    world_region(&world, "west", "land", RELIEF_NIL);
    world_city(&world, "need", "east", 30 * DEGREE, 110 * DEGREE);
    world_city(&world, "near", "west", 30 * DEGREE, 111 * DEGREE);  /* 96 km: 135 minutes */
    world_city(&world, "far", "east", 30 * DEGREE, 115 * DEGREE);   /* 481 km: 674 minutes */
    world_city(&world, "other", "west", 30 * DEGREE, 116 * DEGREE); /* 578 km */
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

static void expect_leg(struct world *world, const char *id, const char *donor, int64_t quantity, int64_t level)
{
    struct relief_dispatch leg = world_leg(world, id);
    assert_true(relief_str_eq(leg.donor, relief_str_of(donor)));
    assert_int_equal(leg.quantity, quantity);
    assert_int_equal(leg.level, level);
}

static void test_levels_in_order(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 100);
    world_stock(world, "need", "pump", "0", 10, RELIEF_NIL);
    world_stock(world, "near", "pump", "0", 10, RELIEF_NIL);
    world_stock(world, "far", "pump", "0", 10, RELIEF_NIL);
    world_stock(world, "other", "pump", "0", 10, RELIEF_NIL);
    ask.max_level = 3;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    expect_leg(world, "r1/1", "need", 10, 0);
    expect_leg(world, "r1/2", "near", 10, 1);
    expect_leg(world, "r1/3", "far", 10, 2);
    expect_leg(world, "r1/4", "other", 10, 3);
    assert_int_equal(world_request(world, "r1").open, 60);
    assert_int_equal(world_request(world, "r1").level, 3);
    assert_int_equal(world_request(world, "r1").state, RELIEF_request_state_partial);
}

static void test_the_level_allowed_is_a_bound(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 5);
    world_stock(world, "other", "pump", "0", 10, RELIEF_NIL);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(world_request(world, "r1").covered, 0);
    ask = world_ask("r2", "need", "pump", 5);
    ask.priority = 1; /* life-saving: up to the root */
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    expect_leg(world, "r2/1", "other", 5, 3);
}

static void test_floor_and_two_lots(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 100);
    struct relief_dispatch leg;
    const struct relief_leg_lot *lots;
    world_floor(world, "near", "pump", 50);
    world_stock(world, "near", "pump", "late", 100, world->now + 300 * RELIEF_DAY_MS);
    world_stock(world, "near", "pump", "soon", 60, world->now + 100 * RELIEF_DAY_MS);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    leg = world_leg(world, "r1/1");
    lots = leg.lots.items;
    assert_int_equal(leg.quantity, 100); /* 160 - 50 covers it */
    assert_int_equal(leg.lots.count, 2);
    assert_true(relief_str_eq(lots[0].lot, RELIEF_STR("soon"))); /* first expired first out */
    assert_int_equal(lots[0].quantity, 60);
    assert_int_equal(lots[1].quantity, 40);
    assert_int_equal(world_stock_of(world, "near", "pump").available, 10);
}

static void test_life_and_date_of_need(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 5);
    struct relief_explanation why;
    struct relief_refusal refusal;
    struct relief_arena arena;
    const struct relief_candidate *candidates;
    world_stock(world, "near", "pump", "0", 10,
                world->now + 134 * RELIEF_MINUTE_MS); /* dies a minute before it arrives */
    world_stock(world, "far", "pump", "0", 10, RELIEF_NIL);
    ask.needed_by = world->now + 600 * RELIEF_MINUTE_MS; /* far takes longer */
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(world_request(world, "r1").covered, 0);
    assert_int_equal(relief_arena_init(&arena, 64 << 20), 0);
    assert_int_equal(core_explain(&world->core, world->now, RELIEF_STR("r1"), &arena, &why, &refusal), 0);
    candidates = why.candidates.items;
    assert_int_equal(why.candidates.count, 2);
    assert_int_equal(candidates[0].reason, RELIEF_why_life);
    assert_int_equal(candidates[0].minutes, 135);
    assert_int_equal(candidates[1].reason, RELIEF_why_too_late);
    relief_arena_deinit(&arena);
}

static void test_equal_arrival_goes_by_score_then_code(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 5);
    struct relief_dispatch_renege_params renege;
    world_link(world, "near", "need", 100, true);
    world_link(world, "far", "need", 100, true);
    world_stock(world, "near", "pump", "0", 100, RELIEF_NIL);
    world_stock(world, "far", "pump", "0", 100, RELIEF_NIL);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    expect_leg(world, "r1/1", "far", 5, 1); /* same minute, no history: "far" < "near" */
    relief_shape_clear(&relief_shape_dispatch_renege_params, &renege);
    renege.id = RELIEF_STR("r1/1");
    renege.reason = RELIEF_STR("truck broke");
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_renege, &renege), 0);
    expect_leg(world, "r1/2", "near", 5, 1); /* matched again at once, without that donor */
    ask = world_ask("r2", "need", "pump", 5);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    expect_leg(world, "r2/1", "near", 5, 1); /* a broken promise counts */
}

static void test_closed_link(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 5);
    world_stock(world, "near", "pump", "0", 10, RELIEF_NIL);
    world_link(world, "near", "need", 30, false);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    assert_int_equal(world_request(world, "r1").covered, 0);
    world_link(world, "near", "need", 30, true); /* opens: the request is matched in the same entry */
    expect_leg(world, "r1/1", "near", 5, 1);
}

static void test_substitutes_in_whole_packs(void **state)
{
    struct world *world = *state;
    struct relief_substitute substitute = {RELIEF_STR("hose"), 3, 2};
    struct relief_kind_put_params kind;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 7);
    struct relief_dispatch leg;
    world_kind(world, "hose");
    relief_shape_clear(&relief_shape_kind_put_params, &kind);
    kind.code = kind.name = RELIEF_STR("pump");
    kind.unit = RELIEF_STR("piece");
    kind.class_ = RELIEF_class_supply;
    kind.min_life_days = 0;
    kind.substitutes = (struct relief_list){&substitute, 1, 1};
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &kind), 0);
    world_stock(world, "near", "hose", "0", 100, RELIEF_NIL);
    ask.substitutes = 1;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    leg = world_leg(world, "r1/1");
    assert_int_equal(leg.quantity, 9); /* three packs of 3 for 2: never more than the 7 asked for */
    assert_int_equal(leg.covers, 6);
    assert_int_equal(world_request(world, "r1").open, 1);
}

/* A part of a substitute is accepted in whole packs, too. */
static void test_half_a_pack_is_none(void **state)
{
    struct world *world = *state;
    world_region(world, "land", NULL, RELIEF_commit_ask);
    test_substitutes_in_whole_packs(state);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_accept, "r1/1", 4), RELIEF_BAD_PARAMS);
    assert_string_equal(world->effects.refusal.field, "quantity");
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_accept, "r1/1", 3), 0);
    assert_int_equal(world_leg(world, "r1/1").covers, 2);
    assert_int_equal(world_request(world, "r1").open, 5);
}

static void test_all_or_nothing(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params ask = world_ask("r1", "need", "pump", 11);
    world_stock(world, "near", "pump", "0", 10, RELIEF_NIL);
    ask.all_or_nothing = 1;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), RELIEF_UNFILLABLE);
    assert_int_equal(world_stock_of(world, "near", "pump").reserved, 0);
    ask.quantity = 10;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_levels_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_level_allowed_is_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_floor_and_two_lots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_life_and_date_of_need, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_arrival_goes_by_score_then_code, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_link, setup, teardown),
        cmocka_unit_test_setup_teardown(test_substitutes_in_whole_packs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_a_pack_is_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
