/* How old the figures of a city are: what its people report moves as_of, what legs book does not; and assets, which are
 * put and not booked. */
#include "world.h"

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "give", "land", 0, 500000);
    world_kind(&world, "k");
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_check(*state);
    world_close(*state);
    return 0;
}

static int64_t as_of(struct world *world, const char *city)
{
    return world_stock_of(world, city, "k").as_of;
}

static int issue(struct world *world, int64_t quantity)
{
    struct relief_stock_issue_params params;
    relief_shape_clear(&relief_shape_stock_issue_params, &params);
    params.city = RELIEF_STR("give");
    params.kind = RELIEF_STR("k");
    params.quantity = quantity;
    params.reason = RELIEF_STR("used");
    return world_apply(world, RELIEF_METHOD_stock_issue, &params);
}

static int write_off(struct world *world)
{
    struct relief_stock_writeoff_params params;
    relief_shape_clear(&relief_shape_stock_writeoff_params, &params);
    params.city = RELIEF_STR("give");
    params.kind = RELIEF_STR("k");
    params.quantity = 1;
    params.reason = RELIEF_writeoff_damaged;
    return world_apply(world, RELIEF_METHOD_stock_writeoff, &params);
}

static int count(struct world *world, int64_t quantity)
{
    struct relief_stock_count_params params;
    relief_shape_clear(&relief_shape_stock_count_params, &params);
    params.city = RELIEF_STR("give");
    params.kind = RELIEF_STR("k");
    params.quantity = quantity;
    params.reason = RELIEF_STR("stocktaking");
    return world_apply(world, RELIEF_METHOD_stock_count, &params);
}

static void test_every_report_moves_it(void **state)
{
    struct world *world = *state;
    assert_int_equal(as_of(world, "give"), RELIEF_NIL);
    world_stock(world, "give", "k", "a", 100, RELIEF_NIL);
    assert_int_equal(as_of(world, "give"), world->now);
    assert_int_equal(as_of(world, "need"), RELIEF_NIL);
    world->now += RELIEF_DAY_MS;
    assert_int_equal(issue(world, 10), 0);
    assert_int_equal(as_of(world, "give"), world->now);
    world->now += RELIEF_DAY_MS;
    assert_int_equal(write_off(world), 0);
    assert_int_equal(as_of(world, "give"), world->now);
    world->now += RELIEF_DAY_MS;
    assert_int_equal(count(world, 89), 0); /* as expected: nothing changes but that somebody looked */
    assert_int_equal(as_of(world, "give"), world->now);
    assert_int_equal(world_stock_of(world, "give", "k").on_hand, 89);
}

static void test_a_refused_report_does_not(void **state)
{
    struct world *world = *state;
    world_stock(world, "give", "k", "a", 5, RELIEF_NIL);
    int64_t then = world->now;
    world->now += RELIEF_DAY_MS;
    assert_int_equal(issue(world, 6), RELIEF_INSUFFICIENT);
    assert_int_equal(as_of(world, "give"), then);
}

static void test_floors_holds_and_legs_do_not(void **state)
{
    struct world *world = *state;
    struct relief_stock_hold_params hold;
    struct relief_dispatch_depart_params depart;
    struct relief_dispatch_receive_params receive;
    world_stock(world, "give", "k", "a", 100, RELIEF_NIL);
    int64_t then = world->now;
    world->now += 9 * RELIEF_DAY_MS;
    world_floor(world, "give", "k", 10);
    relief_shape_clear(&relief_shape_stock_hold_params, &hold);
    hold.city = RELIEF_STR("give");
    hold.kind = RELIEF_STR("k");
    hold.lot = RELIEF_STR("a");
    hold.state = RELIEF_lot_state_usable;
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_hold, &hold), 0);
    struct relief_request_submit_params ask = world_ask("r", "need", "k", 30);
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    relief_shape_clear(&relief_shape_dispatch_depart_params, &depart);
    depart.id = RELIEF_STR("r/1");
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_depart, &depart), 0);
    assert_int_equal(as_of(world, "give"), then);
    relief_shape_clear(&relief_shape_dispatch_receive_params, &receive);
    receive.id = RELIEF_STR("r/1");
    receive.accepted = 30;
    receive.rejected = receive.missing = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_dispatch_receive, &receive), 0);
    assert_int_equal(world_stock_of(world, "give", "k").on_hand, 70);
    assert_int_equal(as_of(world, "give"), then);
    assert_int_equal(as_of(world, "need"), RELIEF_NIL); /* its account has 30 issued, booked by the leg */
}

/* Assets have no lots: whatever lot is named, the kind is what is wrong (fine print 30). */
static void test_assets_are_not_booked(void **state)
{
    struct world *world = *state;
    union {
        struct relief_stock_receive_params receive;
        struct relief_stock_issue_params issue;
        struct relief_stock_writeoff_params writeoff;
        struct relief_stock_count_params count;
        struct relief_stock_hold_params hold;
    } params;
    static const unsigned methods[] = {RELIEF_METHOD_stock_receive, RELIEF_METHOD_stock_issue,
                                       RELIEF_METHOD_stock_writeoff, RELIEF_METHOD_stock_count,
                                       RELIEF_METHOD_stock_hold};
    world_gear(world, "team", RELIEF_class_team, NULL);
    for (unsigned i = 0; i < sizeof methods / sizeof *methods; i++) {
        relief_shape_clear(relief_method_by_number(methods[i])->params, &params);
        params.receive.city = RELIEF_STR("give"); /* city and kind come first everywhere */
        params.receive.kind = RELIEF_STR("team");
        if (methods[i] == RELIEF_METHOD_stock_receive)
            params.receive.quantity = 1;
        else if (methods[i] == RELIEF_METHOD_stock_hold)
            params.hold.lot = RELIEF_STR("a"), params.hold.state = RELIEF_lot_state_usable;
        else if (methods[i] == RELIEF_METHOD_stock_issue)
            params.issue.lot = RELIEF_STR("a"), params.issue.quantity = 1, params.issue.reason = RELIEF_STR("used");
        else if (methods[i] == RELIEF_METHOD_stock_writeoff)
            params.writeoff.lot = RELIEF_STR("a"), params.writeoff.quantity = 1,
            params.writeoff.reason = RELIEF_writeoff_lost;
        else
            params.count.lot = RELIEF_STR("a"), params.count.quantity = 1, params.count.reason = RELIEF_STR("counted");
        assert_int_equal(world_apply(world, methods[i], &params), RELIEF_BAD_PARAMS);
        assert_string_equal(world->effects.refusal.field, "kind");
        world_as(world, RELIEF_role_city, "need"); /* what depends on the state comes after whose it is */
        assert_int_equal(world_apply(world, methods[i], &params), RELIEF_DENIED);
        world->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
        params.receive.kind = RELIEF_STR("none");
        assert_int_equal(world_apply(world, methods[i], &params), RELIEF_NOT_FOUND);
        assert_string_equal(world->effects.refusal.field, "kind");
        if (methods[i] == RELIEF_METHOD_stock_receive)
            continue;
        params.receive.kind = RELIEF_STR("k"); /* of a supply, the lot is what is missing */
        assert_int_equal(world_apply(world, methods[i], &params), RELIEF_NOT_FOUND);
        assert_string_equal(world->effects.refusal.field, "lot");
    }
}

/* No total passes 2^63 - 1, on hand or received (fine print 9). */
static void test_totals(void **state)
{
    struct world *world = *state;
    struct relief_account account;
    struct relief_lot lot;
    struct relief_stock_receive_params more;
    relief_shape_clear(&relief_shape_stock_receive_params, &more);
    more.city = RELIEF_STR("give");
    more.kind = RELIEF_STR("k");
    more.lot = RELIEF_STR("b");
    more.quantity = 11;
    world_stock(world, "give", "k", "a", 10, RELIEF_NIL);
    for (int which = 0; which < 2; which++) { /* as it would stand after many receipts */
        const int64_t received = which ? 10 : INT64_MAX - 10, on_hand = which ? INT64_MAX - 10 : 10;
        account = world_account_of(world, "give", "k");
        account.received = received;
        lot = (struct relief_lot){.city = more.city, .kind = more.kind, .lot = RELIEF_STR("a"), .quantity = on_hand};
        lot.expires = RELIEF_NIL;
        const struct core_change changes[] = {{.table = RELIEF_TABLE_lot, .record = &lot},
                                              {.table = RELIEF_TABLE_account, .record = &account}};
        core_restore(&world->core, changes, 2);
        assert_int_equal(world_apply(world, RELIEF_METHOD_stock_receive, &more), RELIEF_BAD_PARAMS);
        assert_string_equal(world->effects.refusal.field, "quantity");
        assert_int_equal(count(world, lot.quantity), 0); /* as many as there are: nothing is received */
        if (!which)
            assert_int_equal(count(world, 21), RELIEF_BAD_PARAMS);
        more.quantity = 10;
        assert_int_equal(world_apply(world, RELIEF_METHOD_stock_receive, &more), 0);
        more.quantity = 11;
        world_close(world); /* no such world can come from commands of today, so it is not checked */
        setup(state);
        world_stock(world, "give", "k", "a", 10, RELIEF_NIL);
    }
}

/* What is asked about a city or a kind that is not there: zeros (the edge looks first whether they are). */
static void test_stock_of_nobody(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_stock_of(world, "nowhere", "k").on_hand, 0);
    assert_int_equal(world_stock_of(world, "give", "nothing").available, 0);
}

/* Who sent a lot is told by what came last with a word on it. */
static void test_source(void **state)
{
    struct world *world = *state;
    struct relief_stock_receive_params more;
    struct relief_arena arena;
    static const char *const sources[] = {"depot", NULL, "factory"}, *const shown[] = {"depot", "depot", "factory"};
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 20), 0);
    relief_shape_clear(&relief_shape_stock_receive_params, &more);
    more.city = RELIEF_STR("give");
    more.kind = RELIEF_STR("k");
    more.quantity = 1;
    for (unsigned i = 0; i < 3; i++) {
        struct relief_lot lot = {.city = more.city, .kind = more.kind, .lot = RELIEF_STR("0")};
        more.source = relief_str_of(sources[i]);
        assert_int_equal(world_apply(world, RELIEF_METHOD_stock_receive, &more), 0);
        assert_true(core_find(world->core.view, RELIEF_TABLE_lot, &arena, &lot));
        assert_true(relief_str_eq(lot.source, relief_str_of(shown[i])));
    }
    relief_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_report_moves_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refused_report_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_floors_holds_and_legs_do_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assets_are_not_booked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_totals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stock_of_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_source, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
