/* Teams and equipment: who may go, operators, rest; the books after each. */
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
    world_gear(world, "team", RELIEF_class_team, NULL);
    for (int level = 1; level <= 4; level++) {
        struct relief_asset_put_params params = world_asset_params(ids[level - 1], "team", "give");
        params.level = level;
        assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
    }
    assert_int_equal(ask(world, "r", "team", 2, 3), 0);
    expect_assets(world_leg(world, "r/1").assets, "t3", "t2"); /* 4 is too weak, 1 is kept for graver needs */
    assert_int_equal(world_asset_of(world, "t3").use, RELIEF_asset_use_reserved);
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
    world_gear(world, "pilot", RELIEF_class_team, NULL);
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct relief_explanation why;
        struct relief_refusal refusal;
        struct relief_arena arena;
        char code[16], id[16], request[16];
        snprintf(code, sizeof code, "k%u", i);
        snprintf(id, sizeof id, "a%u", i);
        snprintf(request, sizeof request, "r%u", i);
        world_gear(world, code, RELIEF_class_equipment, reasons[i] == RELIEF_why_operator ? "pilot" : NULL);
        params = world_asset_params(id, code, "give");
        if (reasons[i] == RELIEF_why_condition)
            params.condition = RELIEF_condition_maintenance;
        if (reasons[i] == RELIEF_why_rest)
            params.rest_until = world->now + 1;
        if (reasons[i] == RELIEF_why_certificate) {
            paper.until = world->now + 77 * RELIEF_MINUTE_MS; /* a minute before it would arrive */
            params.certificates = (struct relief_list){&paper, 1, 1};
        }
        assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
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
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "crane", RELIEF_class_equipment, "crew");
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crane-2", "crane", "give");
    world_asset(world, "crew-1", "crew", "give");
    assert_int_equal(ask(world, "r", "crane", 2, 4), 0);
    expect_assets(world_leg(world, "r/1").assets, "crane-1", NULL);
    expect_assets(world_leg(world, "r/1").operators, "crew-1", NULL);
    assert_int_equal(world_stock_of(world, "give", "crew").reserved, 1);
    late = world_asset_params("crew-2", "crew", "give");
    late.rest_until = world->now + RELIEF_MINUTE_MS;
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &late), 0); /* rests: the second crane still waits */
    assert_int_equal(world_request(world, "r").covered, 1);
    struct core_due due;
    world->now += RELIEF_MINUTE_MS;
    assert_true(core_next_due(world->core.view, world->now, &due));
    assert_int_equal(world_apply(world, due.command, &due.params), 0); /* rested: a timer wakes it */
    expect_assets(world_leg(world, "r/2").operators, "crew-2", NULL);
}

static void test_an_asset_in_a_leg_stays_put(void **state)
{
    struct world *world = *state;
    struct relief_asset_put_params params;
    world_gear(world, "generator", RELIEF_class_equipment, NULL);
    world_asset(world, "g1", "generator", "give");
    assert_int_equal(ask(world, "r", "generator", 1, 4), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), 0);
    params = world_asset_params("g1", "generator", "third");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_BAD_STATE);
    params.city = RELIEF_STR("give");
    params.level = 2;
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
    assert_int_equal(world_asset_of(world, "g1").use, RELIEF_asset_use_away);
}

/* From here on the donor is asked, and has an hour to answer. */
static void ask_first(struct world *world)
{
    world_region(world, "land", NULL, RELIEF_commit_ask);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "crane", RELIEF_class_equipment, "crew");
}

static void test_silence_frees_machine_and_operator(void **state)
{
    struct world *world = *state;
    ask_first(world);
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crew-1", "crew", "give");
    assert_int_equal(ask(world, "r", "crane", 1, 4), 0);
    assert_int_equal(world_asset_of(world, "crew-1").use, RELIEF_asset_use_held);
    assert_int_equal(world_stock_of(world, "give", "crew").held, 1);
    world_asset(world, "crane-2", "crane", "third"); /* nothing is open, so nobody asks for them yet */
    world_asset(world, "crew-2", "crew", "third");
    struct relief_request_submit_params other = world_ask("waits", "third", "crew", 1);
    other.own_first = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &other), 0);
    assert_int_equal(world_request(world, "waits").covered, 0);
    world->now = world_leg(world, "r/1").answer_by + 1;
    assert_int_equal(world_timers(world), 1);
    assert_int_equal(world_leg(world, "r/1").state, RELIEF_dispatch_state_lapsed);
    assert_int_equal(world_asset_of(world, "crane-1").use, RELIEF_asset_use_free);
    assert_null(world_asset_of(world, "crane-1").dispatch.data);
    assert_true(relief_str_eq(world_leg(world, "r/2").donor, RELIEF_STR("third"))); /* in the same entry */
    expect_assets(world_leg(world, "r/2").assets, "crane-2", NULL);
    expect_assets(world_leg(world, "r/2").operators, "crew-2", NULL);
    expect_assets(world_leg(world, "waits/1").assets, "crew-1", NULL); /* the operator, too, is matched at once */
}

static void set_condition(struct world *world, const char *id, int64_t condition, int64_t rest_until)
{
    struct relief_asset_status_params params;
    relief_shape_clear(&relief_shape_asset_status_params, &params);
    params.id = relief_str_of(id);
    params.condition = condition;
    params.rest_until = rest_until;
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_status, &params), 0);
}

/* Accepting says yes to the leg as it was asked; what can no longer go is found at departure (fine print 32, 50, 53).
 */
static void test_no_departure_with_an_operator_that_cannot_go(void **state)
{
    struct world *world = *state;
    struct relief_certificate paper = {RELIEF_STR("crane"), 0};
    struct relief_asset_put_params crew = world_asset_params("crew-1", "crew", "give");
    static const char *const ids[] = {"crew-1", "crane-1"};
    ask_first(world);
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crew-1", "crew", "give");
    assert_int_equal(ask(world, "r", "crane", 1, 4), 0);
    set_condition(world, "crew-1", RELIEF_condition_lost, RELIEF_NIL);
    world_check(world);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_accept, "r/1", 1), 0);
    for (unsigned i = 0; i < 2; i++) {
        for (int64_t condition = RELIEF_condition_maintenance; condition < RELIEF_condition_COUNT; condition++) {
            set_condition(world, ids[i], condition, RELIEF_NIL);
            assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), RELIEF_BAD_STATE);
            assert_string_equal(world->effects.refusal.state, "committed");
        }
        set_condition(world, ids[i], RELIEF_condition_ready, world->now + 1);
        assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), RELIEF_BAD_STATE);
        set_condition(world, ids[i], RELIEF_condition_ready, world->now);
    }
    paper.until = world->now + world_leg(world, "r/1").minutes * RELIEF_MINUTE_MS - 1;
    crew.certificates = (struct relief_list){&paper, 1, 1};
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &crew), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), RELIEF_BAD_STATE);
    paper.until++; /* to the moment of arrival */
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &crew), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/1", 0), 0);
}

static void test_reneging_a_leg_whose_operator_is_lost(void **state)
{
    struct world *world = *state;
    ask_first(world);
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crew-1", "crew", "give");
    assert_int_equal(ask(world, "r", "crane", 1, 4), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_accept, "r/1", 1), 0);
    set_condition(world, "crew-1", RELIEF_condition_lost, RELIEF_NIL);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_renege, "r/1", 0), 0);
    assert_int_equal(world_asset_of(world, "crew-1").use, RELIEF_asset_use_free);
    assert_int_equal(world_stock_of(world, "give", "crew").available, 0);
    assert_int_equal(world_stock_of(world, "give", "crane").available, 1);
    assert_int_equal(world_request(world, "r").open, 1);
}

/* A kind of pieces that another kind stands in for, `give` for `for_`. */
static void with_substitute(struct world *world, const char *code, const char *substitute, int64_t give, int64_t for_)
{
    struct relief_kind_put_params params;
    struct relief_substitute item = {relief_str_of(substitute), give, for_};
    relief_shape_clear(&relief_shape_kind_put_params, &params);
    params.code = params.name = relief_str_of(code);
    params.unit = RELIEF_STR("piece");
    params.class_ = RELIEF_class_equipment;
    params.min_life_days = 0;
    params.substitutes = (struct relief_list){&item, 1, 1};
    assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &params), 0);
}

/* Two small cranes do for one large; a third has no partner and stays home with its operator. */
static void test_substitutes_go_in_whole_packs_with_their_operators(void **state)
{
    struct world *world = *state;
    static const char *const ids[] = {"s1", "s2", "s3", "s4", "c1", "c2", "c3"};
    struct relief_request_submit_params params = world_ask("r", "need", "large", 3);
    with_substitute(world, "large", "small", 2, 1);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "small", RELIEF_class_equipment, "crew");
    world_asset(world, "l1", "large", "give");
    for (unsigned i = 0; i < 7; i++) /* four machines, three operators */
        world_asset(world, ids[i], *ids[i] == 's' ? "small" : "crew", "give");
    params.substitutes = 1;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    expect_assets(world_leg(world, "r/1").assets, "l1", NULL);
    expect_assets(world_leg(world, "r/2").assets, "s1", "s2");
    expect_assets(world_leg(world, "r/2").operators, "c1", "c2");
    assert_int_equal(world_leg(world, "r/2").quantity, 2);
    assert_int_equal(world_leg(world, "r/2").covers, 1);
    assert_int_equal(world_stock_of(world, "give", "crew").available, 1);
    assert_int_equal(world_request(world, "r").open, 1);
    world_check(world);
    world_asset(world, "c4", "crew", "give");
    expect_assets(world_leg(world, "r/3").assets, "s3", "s4");
    expect_assets(world_leg(world, "r/3").operators, "c3", "c4");
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_depart, "r/2", 0), 0);
    assert_int_equal(world_step(world, RELIEF_METHOD_dispatch_receive, "r/2", 2), 0);
    assert_int_equal(world_request(world, "r").received, 1);
    assert_int_equal(world_account_of(world, "give", "small").on_loan, 2);
    assert_int_equal(world_account_of(world, "give", "crew").on_loan, 2);
}

static void test_all_or_nothing_counts_operators(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params params = world_ask("r", "need", "crane", 2);
    world_gear(world, "crew", RELIEF_class_team, NULL);
    world_gear(world, "crane", RELIEF_class_equipment, "crew");
    world_asset(world, "crane-1", "crane", "give");
    world_asset(world, "crane-2", "crane", "third");
    world_asset(world, "crew-1", "crew", "give");
    params.all_or_nothing = 1;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), RELIEF_UNFILLABLE);
    assert_int_equal(world->effects.refusal.available, 1);
    assert_int_equal(world->effects.count, 0);
    assert_int_equal(world_asset_of(world, "crane-1").use, RELIEF_asset_use_free);
    assert_int_equal(world_asset_of(world, "crew-1").use, RELIEF_asset_use_free);
    struct relief_request request = {.id = RELIEF_STR("r")};
    struct relief_dispatch leg = {.id = RELIEF_STR("r/1")};
    assert_false(core_find(world->core.view, RELIEF_TABLE_request, &world->effects.arena, &request));
    assert_false(core_find(world->core.view, RELIEF_TABLE_dispatch, &world->effects.arena, &leg));
    world_check(world);
    world_asset(world, "crew-2", "crew", "third"); /* the refused one isn't remembered */
    assert_int_equal(world_asset_of(world, "crew-2").use, RELIEF_asset_use_free);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    expect_assets(world_leg(world, "r/1").operators, "crew-1", NULL);
    expect_assets(world_leg(world, "r/2").operators, "crew-2", NULL);
}

/* In emergency mode the circle widens ring by ring: the parent's subtree before the grandparent's, however near. */
static void test_rings_of_level_3(void **state)
{
    struct world *world = *state;
    static const char *const teams[] = {"home-t", "uncle-t", "far-t"};
    world_region(world, "top", NULL, RELIEF_commit_auto);
    world_region(world, "middle", "top", RELIEF_NIL);
    world_region(world, "home", "middle", RELIEF_NIL);
    world_region(world, "side", "middle", RELIEF_NIL);
    world_city(world, "here", "home", 40000000, 0);
    world_city(world, "mate", "home", 40000000, 9000000);
    world_city(world, "uncle", "side", 40000000, 12000000);
    world_city(world, "far", "top", 40000000, 10000000); /* nearer than the uncle */
    world_gear(world, "team", RELIEF_class_team, NULL);
    world_asset(world, teams[0], "team", "mate");
    world_asset(world, teams[1], "team", "uncle");
    world_asset(world, teams[2], "team", "far");
    struct relief_request_submit_params params = world_ask("r", "here", "team", 3);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    expect_assets(world_leg(world, "r/1").assets, "home-t", NULL);
    assert_int_equal(world_request(world, "r").open, 2);
    world_check(world);
    world_mode(world, "here", RELIEF_mode_emergency);
    for (unsigned i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "r/%u", i + 1);
        expect_assets(world_leg(world, id).assets, teams[i], NULL);
        assert_int_equal(world_leg(world, id).level, i ? 3 : 2);
    }
    assert_int_equal(world_request(world, "r").state, RELIEF_request_state_covered);
}

static void test_what_a_put_names(void **state)
{
    struct world *world = *state;
    struct relief_asset_put_params params = world_asset_params("t1", "team", "give");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_NOT_FOUND);
    assert_string_equal(world->effects.refusal.field, "kind");
    world_gear(world, "team", RELIEF_class_team, NULL);
    world_gear(world, "squad", RELIEF_class_team, NULL);
    params.city = RELIEF_STR("nowhere");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_NOT_FOUND);
    assert_string_equal(world->effects.refusal.field, "city");
    params.city = RELIEF_STR("give");
    world_as(world, RELIEF_role_city, "need");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_DENIED);
    world_as(world, RELIEF_role_city, "give");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
    world_as(world, RELIEF_role_city, "need"); /* nor may it take one by naming itself */
    params.city = RELIEF_STR("need");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_DENIED);
    world->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    params.city = RELIEF_STR("give"); /* held by a leg, it can't become another kind either */
    assert_int_equal(ask(world, "r", "team", 1, 4), 0);
    params.kind = RELIEF_STR("squad");
    assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), RELIEF_BAD_STATE);
}

/* Pieces whose operators don't exist, or are no team, stay home; the others go in one leg, each with its own kind. */
static void test_operators_that_nobody_has(void **state)
{
    struct world *world = *state;
    char id[16], kind[16];
    struct relief_request request;
    world_gear(world, "crane", RELIEF_class_equipment, NULL);
    world_gear(world, "boat", RELIEF_class_equipment, NULL);
    for (int i = 0; i < 20; i++) {
        struct relief_asset_put_params params;
        snprintf(id, sizeof id, "c%02d", i);
        snprintf(kind, sizeof kind, "team%02d", i);
        params = world_asset_params(id, "crane", "give");
        params.operator_ = relief_str_of(kind);
        if (i != 3)
            world_gear(world, kind, RELIEF_class_team, NULL);
        if (i == 4)
            params.operator_ = RELIEF_STR("boat");
        assert_int_equal(world_apply(world, RELIEF_METHOD_asset_put, &params), 0);
        snprintf(id, sizeof id, "t%02d", i);
        if (i != 3)
            world_asset(world, id, kind, "give");
    }
    assert_int_equal(ask(world, "r", "crane", 20, 4), 0);
    request = world_request(world, "r");
    assert_int_equal(request.covered, 18);
    assert_int_equal(world_leg(world, "r/1").assets.count, 18);
    assert_int_equal(world_leg(world, "r/1").operators.count, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_weakest_that_suffices_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_why_an_asset_stays_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_crane_comes_with_its_operator, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_asset_in_a_leg_stays_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silence_frees_machine_and_operator, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_departure_with_an_operator_that_cannot_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reneging_a_leg_whose_operator_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_substitutes_go_in_whole_packs_with_their_operators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_or_nothing_counts_operators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rings_of_level_3, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_put_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operators_that_nobody_has, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
