/* core/wake.c: open requests are matched by whatever makes it possible, in order, and within the bound of an entry. */
#include "world.h"
#include <stdio.h>

static int setup(void **state)
{
    static struct world world;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_city(&world, "a", "land", 0, 0);
    world_city(&world, "b", "land", 0, 500000);
    world_city(&world, "c", "land", 0, 900000);
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

static void submit(struct world *world, const char *id, const char *city, int64_t quantity, int64_t priority)
{
    struct relief_request_submit_params ask = world_ask(id, city, "pump", quantity);
    ask.priority = priority;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    world->now += 1;
}

static void test_by_priority_then_time(void **state)
{
    struct world *world = *state;
    submit(world, "late", "a", 10, 3);
    submit(world, "later", "a", 10, 3);
    submit(world, "grave", "b", 10, 1);
    world_stock(world, "c", "pump", "0", 25, RELIEF_NIL);
    assert_int_equal(world_request(world, "grave").covered, 10);
    assert_int_equal(world_request(world, "late").covered, 10);
    assert_int_equal(world_request(world, "later").covered, 5);
}

static void test_a_wake_is_bounded_and_goes_on(void **state)
{
    struct world *world = *state;
    struct relief_stock_receive_params params;
    char id[32];
    uint64_t before;
    relief_shape_clear(&relief_shape_stock_receive_params, &params);
    for (int i = 0; i < 2500; i++) {
        snprintf(id, sizeof id, "r%04d", i);
        submit(world, id, "a", 1, 3);
    }
    before = world->seq;
    params.city = RELIEF_STR("b");
    params.kind = RELIEF_STR("pump");
    params.quantity = 2400;
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_receive, &params), 0);
    assert_int_equal(world->seq - before, 3); /* 1,024 + 1,024 + 352 legs */
    assert_false(core_wake_owed(world->core.view));
    assert_int_equal(world_request(world, "r2399").covered, 1);
    assert_int_equal(world_request(world, "r2400").covered, 0);
    assert_int_equal(core_count(world->core.view, RELIEF_TABLE_COUNT), 100);
}

static void test_freed_stock_goes_to_who_waits(void **state)
{
    struct world *world = *state;
    struct relief_request_cancel_params cancel;
    world_stock(world, "c", "pump", "0", 10, RELIEF_NIL);
    submit(world, "first", "a", 10, 3);
    submit(world, "second", "b", 4, 3);
    assert_int_equal(world_request(world, "second").covered, 0);
    relief_shape_clear(&relief_shape_request_cancel_params, &cancel);
    cancel.id = RELIEF_STR("first");
    cancel.reason = RELIEF_STR("not needed");
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_cancel, &cancel), 0);
    assert_int_equal(world_request(world, "second").covered, 4);
    assert_int_equal(world_request(world, "first").shortfall, 10);
}

/* ---- what finds nothing is bounded too, and narrow ---- */

#define DONORS   40
#define REQUESTS 100

/* A region without a default: everybody holds pumps, everybody asks for some, and no agreement covers them. */
static void crowd(struct world *world)
{
    char id[16];
    world_region(world, "lone", NULL, RELIEF_NIL);
    for (int i = 0; i < DONORS; i++) {
        snprintf(id, sizeof id, "d%02d", i);
        world_city(world, id, "lone", 10000 * i, 10000000);
        world_stock(world, id, "pump", "0", 10, RELIEF_NIL);
    }
    world_city(world, "asks", "lone", 0, 10100000);
    world_city(world, "idle", "lone", 0, 10200000);
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(id, sizeof id, "q%03d", i);
        submit(world, id, "asks", 1, 3);
    }
    world->core.looks_max = REQUESTS + DONORS;
}

static int put_agreement(struct world *world, const char *id, const char *donor, const struct relief_str *kind)
{
    struct relief_agreement_put_params params;
    relief_shape_clear(&relief_shape_agreement_put_params, &params);
    params.id = relief_str_of(id);
    params.donor = relief_str_of(donor);
    params.requester = RELIEF_STR("asks");
    params.share_percent = 100;
    params.commit = RELIEF_commit_auto;
    params.answer_minutes = 60;
    if (kind)
        params.kinds = (struct relief_list){(void *)(uintptr_t)kind, 1, 1};
    return world_apply(world, RELIEF_METHOD_agreement_put, &params);
}

static void test_an_agreement_tries_its_donor_for_its_kinds(void **state)
{
    struct world *world = *state;
    const struct relief_str other = RELIEF_STR("zzz"), pumps = RELIEF_STR("pu");
    struct relief_agreement_end_params end;
    crowd(world);
    uint64_t before = world->seq;
    world->core.looks_max = 1;
    assert_int_equal(put_agreement(world, "x", "d07", &other), 0);
    assert_int_equal(world->seq - before, 1); /* nobody was looked at */
    assert_int_equal(put_agreement(world, "i", "idle", NULL), 0);
    assert_int_equal(world->seq - before, 2); /* a donor that holds nothing */
    world->core.looks_max = 2 * REQUESTS + 1; /* each request, and one donor for it */
    assert_int_equal(put_agreement(world, "x", "d07", &pumps), 0);
    assert_int_equal(world->seq - before, 3);
    assert_int_equal(world_request(world, "q009").covered, 1);
    assert_int_equal(world_request(world, "q010").covered, 0);
    relief_shape_clear(&relief_shape_agreement_end_params, &end);
    end.id = RELIEF_STR("x");
    assert_int_equal(world_apply(world, RELIEF_METHOD_agreement_end, &end), 0);
    assert_int_equal(world->seq - before, 4);
}

static void test_a_mode_wakes_its_city_and_the_floors_that_fell(void **state)
{
    struct world *world = *state;
    struct relief_stock_floor_params floor;
    crowd(world);
    assert_int_equal(put_agreement(world, "x", "d07", NULL), 0);
    relief_shape_clear(&relief_shape_stock_floor_params, &floor);
    floor.city = RELIEF_STR("d08");
    floor.kind = RELIEF_STR("pump");
    floor.floor = 10;
    floor.emergency_floor = 4;
    assert_int_equal(world_apply(world, RELIEF_METHOD_stock_floor, &floor), 0);
    assert_int_equal(put_agreement(world, "y", "d08", NULL), 0);
    assert_int_equal(world_request(world, "q010").covered, 0);
    uint64_t before = world->seq;
    world_mode(world, "idle", RELIEF_mode_emergency);
    world_mode(world, "d09", RELIEF_mode_emergency);
    assert_int_equal(world->seq - before, 2); /* they ask for nothing, and give no more than before */
    world->core.looks_max = 2 * REQUESTS + 1;
    world_mode(world, "d08", RELIEF_mode_emergency);
    assert_int_equal(world->seq - before, 3);
    assert_int_equal(world_request(world, "q015").covered, 1);
    assert_int_equal(world_request(world, "q016").covered, 0);
}

static void test_a_link_tries_its_two_ends(void **state)
{
    struct world *world = *state;
    crowd(world);
    world->core.looks_max = 2 * REQUESTS + 1;
    uint64_t before = world->seq;
    world_link(world, "d11", "asks", 5, true);
    assert_int_equal(world->seq - before, 1);
}

/* ---- a wake that goes on in the middle ---- */

static bool one(struct core *core, struct core_effects *effects, uint64_t seq, int64_t now, unsigned command,
                const void *params)
{
    const struct core_entry entry = {.seq = seq,
                                     .time = now,
                                     .who = {.name = RELIEF_STR("local"), .role = RELIEF_role_local},
                                     .command = command,
                                     .params = params};
    assert_int_equal(core_apply(core, &entry, effects), 0);
    return effects->more;
}

/* The place is in the outcomes: who only followed them goes on where the other stood, with the same outcomes. */
static void test_a_wake_goes_on_from_its_outcomes(void **state)
{
    static struct world follower;
    struct world *world = *state;
    const struct relief_time_wake_params wake = {.agreement = RELIEF_STR_NONE};
    struct relief_region_put_params region;
    unsigned entries = 1;
    crowd(world);
    world_open(&follower);
    world_region(&follower, "land", NULL, RELIEF_commit_auto);
    world_city(&follower, "a", "land", 0, 0);
    world_city(&follower, "b", "land", 0, 500000);
    world_city(&follower, "c", "land", 0, 900000);
    world_kind(&follower, "pump");
    crowd(&follower);
    follower.seq = world->seq;
    follower.now = world->now;
    world->core.looks_max = follower.core.looks_max = 37;
    relief_shape_clear(&relief_shape_region_put_params, &region);
    region.id = region.name = RELIEF_STR("lone");
    region.agreement = RELIEF_commit_auto;
    bool more = one(&world->core, &world->effects, ++world->seq, world->now, RELIEF_METHOD_region_put, &region);
    assert_true(more);
    assert_int_equal(core_count(world->core.view, RELIEF_TABLE_wake), 1);
    core_restore(&follower.core, world->effects.changes, world->effects.count);
    assert_true(core_wake_owed(follower.core.view));
    for (; more; entries++) {
        struct core_effects *ours = &world->effects, *theirs = &follower.effects;
        more = one(&world->core, ours, ++world->seq, world->now, RELIEF_COMMAND_time_wake, &wake);
        assert_int_equal(one(&follower.core, theirs, world->seq, world->now, RELIEF_COMMAND_time_wake, &wake), more);
        assert_int_equal(ours->count, theirs->count);
        assert_in_range(ours->count, 1, 4 * 37 + 1); /* a request, its leg, the lot, the account; and the place */
    }
    assert_true(entries > 3);
    assert_false(core_wake_owed(world->core.view) || core_wake_owed(follower.core.view));
    assert_int_equal(world_request(world, "q099").covered, 1);
    assert_int_equal(world_request(&follower, "q099").covered, 1);
    world_check(&follower);
    world_close(&follower);
}

/* A deadline's own wake, while another is owed: both end, and matching is at its fixed point (teardown looks). */
static void test_two_wakes_are_owed(void **state)
{
    struct world *world = *state;
    const struct relief_time_wake_params wake = {.agreement = RELIEF_STR_NONE};
    struct relief_travel_put_params travel;
    struct relief_stock_receive_params receive;
    crowd(world);
    assert_int_equal(put_agreement(world, "x", "d07", NULL), 0);
    world->core.looks_max = 5;
    relief_shape_clear(&relief_shape_travel_put_params, &travel);
    travel.permille = 1000;
    travel.km_per_hour = 90;
    assert_true(one(&world->core, &world->effects, ++world->seq, world->now, RELIEF_METHOD_travel_put, &travel));
    relief_shape_clear(&relief_shape_stock_receive_params, &receive);
    receive.city = RELIEF_STR("d07");
    receive.kind = RELIEF_STR("pump");
    receive.quantity = 50;
    assert_true(one(&world->core, &world->effects, ++world->seq, world->now, RELIEF_METHOD_stock_receive, &receive));
    assert_int_equal(core_count(world->core.view, RELIEF_TABLE_wake), 2);
    while (core_wake_owed(world->core.view))
        one(&world->core, &world->effects, ++world->seq, world->now, RELIEF_COMMAND_time_wake, &wake);
    assert_int_equal(core_count(world->core.view, RELIEF_TABLE_COUNT), REQUESTS - 60);
}

/* ---- more donors, and more kinds, than a wake tries one by one ---- */

#define MANY_DONORS 12

static void test_a_request_that_lets_go_of_many_donors(void **state)
{
    struct world *world = *state;
    struct relief_request_cancel_params cancel;
    char code[16];
    for (int i = 0; i < MANY_DONORS; i++) {
        snprintf(code, sizeof code, "d%d", i);
        world_city(world, code, "land", 0, 910000 + i);
        world_stock(world, code, "pump", "0", 1, RELIEF_NIL);
    }
    submit(world, "all", "a", MANY_DONORS, 3);
    submit(world, "some", "b", MANY_DONORS, 3);
    assert_int_equal(world_request(world, "all").covered, MANY_DONORS);
    assert_int_equal(world_request(world, "some").covered, 0);
    relief_shape_clear(&relief_shape_request_cancel_params, &cancel);
    cancel.id = RELIEF_STR("all");
    cancel.reason = RELIEF_STR("not needed");
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_cancel, &cancel), 0);
    assert_int_equal(world_request(world, "some").covered, MANY_DONORS);
}

static void test_one_kind_stands_in_for_many(void **state)
{
    struct world *world = *state;
    struct relief_substitute stand_in[] = {{RELIEF_STR("pump"), 1, 1}};
    for (int i = 0; i < 300; i++) {
        struct relief_kind_put_params kind;
        struct relief_request_submit_params ask;
        char code[16];
        snprintf(code, sizeof code, "k%03d", i);
        relief_shape_clear(&relief_shape_kind_put_params, &kind);
        kind.code = kind.name = relief_str_of(code);
        kind.unit = RELIEF_STR("piece");
        kind.class_ = RELIEF_class_supply;
        kind.min_life_days = 0;
        kind.substitutes = (struct relief_list){stand_in, 1, 1};
        assert_int_equal(world_apply(world, RELIEF_METHOD_kind_put, &kind), 0);
        ask = world_ask(code, "a", code, 1);
        ask.substitutes = 1;
        assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &ask), 0);
    }
    world_stock(world, "b", "pump", "0", 299, RELIEF_NIL);
    assert_int_equal(world_request(world, "k298").covered, 1);
    assert_int_equal(world_request(world, "k299").covered, 0);
    world_stock(world, "b", "pump", "0", 1, RELIEF_NIL);
    assert_int_equal(world_request(world, "k299").covered, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_priority_then_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wake_is_bounded_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_stock_goes_to_who_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_agreement_tries_its_donor_for_its_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mode_wakes_its_city_and_the_floors_that_fell, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_link_tries_its_two_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wake_goes_on_from_its_outcomes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_wakes_are_owed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_that_lets_go_of_many_donors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_kind_stands_in_for_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
