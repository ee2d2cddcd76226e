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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_priority_then_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wake_is_bounded_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_stock_goes_to_who_waits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
