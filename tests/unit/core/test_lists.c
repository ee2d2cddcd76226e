/* The memo of short lists: what it says, what it forgets, and that matching goes by what is there. */
#include "core/lists.h"
#include "world.h"
#include <stdio.h>

static struct core_key prefix_of(const char *city)
{
    struct core_key prefix;
    core_key_start(&prefix, CORE_KEY_BY_DONOR);
    core_key_str(&prefix, relief_str_of(city));
    return prefix;
}

static void test_note(void **state)
{
    struct relief_arena arena;
    struct core_lists lists;
    struct relief_str ids;
    char text[CORE_LIST_BYTES + 1] = "x";
    const struct core_key a = prefix_of("a"), b = prefix_of("b");
    (void)state;
    assert_int_equal(relief_arena_init(&arena, core_lists_bytes() + 64), 0);
    assert_int_equal(core_lists_init(&lists, &arena), 0);
    assert_false(core_lists_find(&lists, &a, &ids));
    core_lists_note(&lists, &a, (struct relief_str){"one\0two", 8});
    core_lists_note(&lists, &b, (struct relief_str){"", 0});
    assert_true(core_lists_find(&lists, &a, &ids));
    assert_int_equal(ids.len, 8);
    assert_memory_equal(ids.data, "one\0two", 8);
    assert_true(core_lists_find(&lists, &b, &ids)); /* that there is none is worth knowing too */
    assert_int_equal(ids.len, 0);

    core_lists_forget(&lists, &a);
    assert_false(core_lists_find(&lists, &a, &ids));
    assert_true(core_lists_find(&lists, &b, &ids));
    core_lists_note(&lists, &a, (struct relief_str){text, CORE_LIST_BYTES - a.len + 1}); /* one byte too long */
    assert_false(core_lists_find(&lists, &a, &ids));
    core_lists_note(&lists, &a, (struct relief_str){text, CORE_LIST_BYTES - a.len});
    assert_true(core_lists_find(&lists, &a, &ids));
    core_lists_clear(&lists);
    assert_false(core_lists_find(&lists, &a, &ids));
    assert_false(core_lists_find(&lists, &b, &ids));
    relief_arena_deinit(&arena);
}

/* Three times as many as there is room for: what is found is right, and half of the room or more is in use. */
static void test_crowd(void **state)
{
    struct relief_arena arena;
    struct core_lists lists;
    struct relief_str ids;
    char city[16];
    unsigned found = 0;
    (void)state;
    assert_int_equal(relief_arena_init(&arena, core_lists_bytes() + 64), 0);
    assert_int_equal(core_lists_init(&lists, &arena), 0);
    for (unsigned i = 0; i < 3 * CORE_LISTS_SLOTS; i++) {
        snprintf(city, sizeof city, "%u", i);
        const struct core_key prefix = prefix_of(city);
        core_lists_note(&lists, &prefix, relief_str_of(city));
        if (i % 2)
            core_lists_note(&lists, &prefix, RELIEF_STR("newer"));
    }
    for (unsigned i = 0; i < 3 * CORE_LISTS_SLOTS; i++) {
        snprintf(city, sizeof city, "%u", i);
        const struct core_key prefix = prefix_of(city);
        if (!core_lists_find(&lists, &prefix, &ids))
            continue;
        found++;
        assert_true(relief_str_eq(ids, i % 2 ? RELIEF_STR("newer") : relief_str_of(city)));
        core_lists_forget(&lists, &prefix);
        assert_false(core_lists_find(&lists, &prefix, &ids)); /* nor an older one of the same prefix */
    }
    assert_in_range(found, CORE_LISTS_SLOTS / 2, CORE_LISTS_SLOTS);
    relief_arena_deinit(&arena);
}

static int64_t covered(struct world *world, const char *id, int64_t quantity)
{
    struct relief_request_submit_params params = world_ask(id, "a", "water", quantity);
    params.own_first = 0;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    world_check(world);
    return world_request(world, id).covered;
}

/* Lots that come between two requests are taken by the second, however many the list had or can hold. */
static void test_lots(void **state)
{
    struct world *world = *state;
    world_region(world, "north", NULL, RELIEF_commit_auto);
    world_city(world, "a", "north", 0, 0);
    world_city(world, "b", "north", 0, 100000);
    world_kind(world, "water");
    world_stock(world, "b", "water", "first", 1, RELIEF_NIL);
    assert_int_equal(covered(world, "r0", 1), 1);
    for (int i = 1; i <= 12; i++) {
        char lot[40], id[16]; /* room for any number */
        snprintf(lot, sizeof lot, "a-lot-with-a-long-name-%d", i);
        snprintf(id, sizeof id, "r%d", i);
        world_stock(world, "b", "water", lot, 2, RELIEF_NIL);
        assert_int_equal(covered(world, id, 2), 2);
    }
}

static void sign(struct world *world, const char *donor)
{
    struct relief_agreement_put_params params;
    relief_shape_clear(&relief_shape_agreement_put_params, &params);
    params.id = RELIEF_STR("pact");
    params.donor = relief_str_of(donor);
    params.requester = RELIEF_STR("a");
    params.commit = RELIEF_commit_auto;
    params.share_percent = 100;
    params.answer_minutes = 60;
    assert_int_equal(world_apply(world, RELIEF_METHOD_agreement_put, &params), 0);
    world_check(world);
}

/* An agreement that a donor signs counts from then on, and no more once it is another's, however often its list was
 * read. */
static void test_agreements(void **state)
{
    struct world *world = *state;
    world_region(world, "north", NULL, RELIEF_commit_ask);
    world_city(world, "a", "north", 0, 0);
    world_city(world, "b", "north", 0, 100000);
    world_city(world, "c", "north", 0, 200000);
    world_kind(world, "water");
    world_stock(world, "b", "water", "l", 100, RELIEF_NIL);
    assert_int_equal(covered(world, "r1", 1), 1);
    assert_int_equal(world_leg(world, "r1/1").state, RELIEF_dispatch_state_asked);
    sign(world, "b");
    assert_int_equal(covered(world, "r2", 1), 1);
    assert_int_equal(world_leg(world, "r2/1").state, RELIEF_dispatch_state_committed);
    sign(world, "c");
    assert_int_equal(covered(world, "r3", 1), 1);
    assert_int_equal(world_leg(world, "r3/1").state, RELIEF_dispatch_state_asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test_setup_teardown(test_lots, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_agreements, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
