/* Teams and equipment: who may go, operators, loans, orders, rest; the books after each. */
#include "world.h"
#include <stdio.h>

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "give", "land", 0, 500000); /* 56 km: 78 minutes */
    world_city(&world, "third", "land", 0, 900000);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

static void kind(struct world *world, const char *code, int64_t class, const char *operator_)
{
    struct relief_kind_put_params params;
    relief_shape_clear(&relief_shape_kind_put_params, &params);
    params.code = params.name = relief_str_of(code);
    params.unit = RELIEF_STR("piece");
    params.class_ = class;
    params.min_life_days = 0;
    params.operator_ = relief_str_of(operator_);
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
}

static struct relief_asset_put_params asset_of(const char *id, const char *kind_code, const char *city)
{
    struct relief_asset_put_params params;
    relief_shape_clear(&relief_shape_asset_put_params, &params);
    params.id = relief_str_of(id);
    params.kind = relief_str_of(kind_code);
    params.city = relief_str_of(city);
    params.level = 4;
    params.condition = RELIEF_condition_ready;
    return params;
}

static void put(struct world *world, const struct relief_asset_put_params *params)
{
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, params), 0);
}

static void put_plain(struct world *world, const char *id, const char *kind_code, const char *city)
{
    struct relief_asset_put_params params = asset_of(id, kind_code, city);
    put(world, &params);
}

static struct relief_asset asset(struct world *world, const char *id)
{
    static struct relief_arena arena;
    struct relief_asset record = {.id = relief_str_of(id)};
    if (!arena.base)
        assert_int_equal(relief_arena_init(&arena, 64 << 20), 0);
    assert_true(core_find(world->core.view, RELIEF_TABLE_asset, &arena, &record));
    return record;
}

static int ask(struct world *world, const char *id, const char *kind_code, int64_t quantity, int64_t min_level)
{
    struct relief_request_submit_params params = world_ask(id, "need", kind_code, quantity);
    params.min_level = min_level;
    return world_apply(world, RELIEF_METHOD_request_submit, &params);
}

static void expect_assets(struct relief_list list, const char *first, const char *second)
{
    const struct relief_str *ids = list.items;
    assert_int_equal(list.count, (first != NULL) + (second != NULL));
    if (first)
        assert_true(relief_str_eq(ids[0], relief_str_of(first)));
    if (second)
        assert_true(relief_str_eq(ids[1], relief_str_of(second)));
}

static void test_weakest_that_suffices_first(void **state)
{
    struct world *world = *state;
    const char *const ids[] = {"t1", "t2", "t3", "t4"};
    kind(world, "team", RELIEF_class_team, NULL);
    for (int level = 1; level <= 4; level++) {
        struct relief_asset_put_params params = asset_of(ids[level - 1], "team", "give");
        params.level = level;
        put(world, &params);
    }
    assert_int_equal(ask(world, "r", "team", 2, 3), 0);
    expect_assets(world_leg(world, "r/1").assets, "t3", "t2"); /* 4 is too weak, 1 is kept for graver needs */
    assert_int_equal(asset(world, "t3").use, RELIEF_asset_use_reserved);
    assert_int_equal(world_stock_of(world, "give", "team").reserved, 2);
    assert_int_equal(world_stock_of(world, "give", "team").available, 2);
}

static void test_why_an_asset_stays_home(void **state)
{
    struct world *world = *state;
    struct relief_certificate paper = {RELIEF_STR("diving"), 0};
    struct relief_asset_put_params params;
    static const int64_t reasons[] = {RELIEF_why_level, RELIEF_why_condition, RELIEF_why_rest, RELIEF_why_certificate,
                                      RELIEF_why_operator};
    kind(world, "pilot", RELIEF_class_team, NULL);
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct relief_explanation why;
        struct relief_refusal refusal;
        struct relief_arena arena;
        char code[16], id[16], request[16];
        snprintf(code, sizeof code, "k%u", i);
        snprintf(id, sizeof id, "a%u", i);
        snprintf(request, sizeof request, "r%u", i);
        kind(world, code, RELIEF_class_equipment, reasons[i] == RELIEF_why_operator ? "pilot" : NULL);
        params = asset_of(id, code, "give");
        if (reasons[i] == RELIEF_why_condition)
            params.condition = RELIEF_condition_maintenance;
        if (reasons[i] == RELIEF_why_rest)
            params.rest_until = world->now + 1;
        if (reasons[i] == RELIEF_why_certificate) {
            paper.until = world->now + 77 * RELIEF_MINUTE_MS; /* a minute before it would arrive */
            params.certificates = (struct relief_list){&paper, 1, 1};
        }
        put(world, &params);
        assert_int_equal(ask(world, request, code, 1, reasons[i] == RELIEF_why_level ? 3 : 4), 0);
        assert_int_equal(world_request(world, request).covered, 0);
        assert_int_equal(relief_arena_init(&arena, 64 << 20), 0);
        assert_int_equal(core_explain(&world->core, world->now, relief_str_of(request), &arena, &why, &refusal), 0);
        assert_int_equal(why.candidates.count, 1);
        print_message("%s\n", relief_enum_why.names[reasons[i]]);
        assert_int_equal(((struct relief_candidate *)why.candidates.items)[0].reason, reasons[i]);
        relief_arena_deinit(&arena);
    }
}

static void test_a_crane_comes_with_its_operator(void **state)
{
    struct world *world = *state;
    struct relief_asset_put_params late;
    kind(world, "crew", RELIEF_class_team, NULL);
    kind(world, "crane", RELIEF_class_equipment, "crew");
    put_plain(world, "crane-1", "crane", "give");
    put_plain(world, "crane-2", "crane", "give");
    put_plain(world, "crew-1", "crew", "give");
    assert_int_equal(ask(world, "r", "crane", 2, 4), 0);
    expect_assets(world_leg(world, "r/1").assets, "crane-1", NULL);
    expect_assets(world_leg(world, "r/1").operators, "crew-1", NULL);
    assert_int_equal(world_stock_of(world, "give", "crew").reserved, 1);
    late = asset_of("crew-2", "crew", "give");
    late.rest_until = world->now + RELIEF_MINUTE_MS;
    put(world, &late); /* rests: the second crane still waits */
    assert_int_equal(world_request(world, "r").covered, 1);
    struct core_due due;
    world->now += RELIEF_MINUTE_MS;
    assert_true(core_next_due(world->core.view, world->now, &due));
    assert_int_equal(world_apply(world, due.command, &due.params), 0); /* rested: a timer wakes it */
    expect_assets(world_leg(world, "r/2").operators, "crew-2", NULL);
}

/* Brings leg r/1 of two generators to in_use. */
static void lend(struct world *world)
{
    struct relief_dispatch_depart_params depart;
    struct relief_dispatch_receive_params receive;
    kind(world, "generator", RELIEF_class_equipment, NULL);
    put_plain(world, "g1", "generator", "give");
    put_plain(world, "g2", "generator", "give");
    assert_int_equal(ask(world, "r", "generator", 2, 4), 0);
    relief_shape_clear(&relief_shape_dispatch_depart_params, &depart);
    depart.id = RELIEF_STR("r/1");
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_depart, &depart), 0);
    assert_int_equal(world_stock_of(world, "give", "generator").on_hand, 0);
    assert_int_equal(world_stock_of(world, "need", "generator").in_transit_in, 2);
    relief_shape_clear(&relief_shape_dispatch_receive_params, &receive);
    receive.id = RELIEF_STR("r/1");
    receive.accepted = 1;
    receive.rejected = 1;
    receive.missing = 0;
    receive.reason = RELIEF_STR("bent");
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_receive, &receive), RELIEF_BAD_PARAMS); /* all or none */
    receive.accepted = 2;
    receive.rejected = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_receive, &receive), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_in_use);
    assert_int_equal(world_request(world, "r").state, RELIEF_request_state_filled);
    world_check(world);
}

static void test_a_loan_comes_home(void **state)
{
    struct world *world = *state;
    struct relief_dispatch_return_params back;
    struct relief_dispatch_checkin_params checkin;
    struct relief_dispatch_recall_params recall;
    lend(world);
    relief_shape_clear(&relief_shape_dispatch_recall_params, &recall);
    recall.id = RELIEF_STR("r/1");
    recall.by = world->now + RELIEF_DAY_MS;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_recall, &recall), 0);
    assert_int_equal(world_leg(world, "r/1").due, recall.by);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_in_use);
    relief_shape_clear(&relief_shape_dispatch_return_params, &back);
    back.id = RELIEF_STR("r/1");
    back.quantity = 3;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_return, &back), RELIEF_BAD_PARAMS);
    back.quantity = 1; /* the other one is lost */
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_return, &back), 0);
    assert_int_equal(asset(world, "g2").condition, RELIEF_condition_lost);
    assert_int_equal(world_stock_of(world, "give", "generator").in_transit_in, 1);
    world_check(world);
    relief_shape_clear(&relief_shape_dispatch_checkin_params, &checkin);
    checkin.id = RELIEF_STR("r/1");
    checkin.quantity = 1;
    checkin.condition = RELIEF_condition_maintenance;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_checkin, &checkin), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_returned);
    assert_int_equal(asset(world, "g1").condition, RELIEF_condition_maintenance);
    assert_int_equal(asset(world, "g1").use, RELIEF_asset_use_free);
}

static void test_an_asset_in_a_leg_stays_put(void **state)
{
    struct world *world = *state;
    struct relief_asset_put_params params;
    lend(world);
    params = asset_of("g1", "generator", "third");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_BAD_STATE);
    params.city = RELIEF_STR("give");
    params.level = 2;
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
    assert_int_equal(asset(world, "g1").use, RELIEF_asset_use_away);
}

static void test_a_superior_orders(void **state)
{
    struct world *world = *state;
    struct relief_dispatch_order_params order;
    struct relief_city_mode_params mode;
    world_kind(world, "tent");
    world_stock(world, "give", "tent", "0", 50, RELIEF_NIL);
    world_floor(world, "give", "tent", 50);
    assert_int_equal(ask(world, "r", "tent", 40, 4), 0);
    assert_int_equal(world_request(world, "r").covered, 0);
    relief_shape_clear(&relief_shape_dispatch_order_params, &order);
    order.request = RELIEF_STR("r");
    order.donor = RELIEF_STR("give");
    order.quantity = 41;
    order.reason = RELIEF_STR("the dam broke");
    world_as(world, RELIEF_role_coordinator, "land");
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_order, &order), RELIEF_BAD_STATE);
    relief_shape_clear(&relief_shape_city_mode_params, &mode);
    mode.code = RELIEF_STR("need");
    mode.mode = RELIEF_mode_emergency;
    mode.reason = RELIEF_STR("flood");
    assert_int_equal(world_apply(world, RELIEF_METHOD_city_mode, &mode), 0);
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_order, &order), RELIEF_BAD_PARAMS); /* more than open */
    order.quantity = 40;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_order, &order), 0);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_committed);
    assert_true(world_leg(world, "r/1").ordered);
    assert_int_equal(world_stock_of(world, "give", "tent").reserved, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_weakest_that_suffices_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_why_an_asset_stays_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_crane_comes_with_its_operator, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_loan_comes_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_asset_in_a_leg_stays_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_superior_orders, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
