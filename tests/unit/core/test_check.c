/*
 * The invariants of check.c can fail: a world is told as it is and nothing is reported; then one lie is planted past
 * the rules, and the report names the invariant and what is wrong. The lie is taken back, and nothing is reported
 * again.
 */
#include "world.h"
#include <errno.h>
#include "core/key.h"

struct seen {
    unsigned count;
    int invariant[16];
    char what[16][512];
};

static void see(void *context, int invariant, const char *what)
{
    struct seen *seen = context;
    assert_true(seen->count < 16);
    seen->invariant[seen->count] = invariant;
    snprintf(seen->what[seen->count++], sizeof seen->what[0], "%s", what);
}

static void check(struct world *world, bool fixed_point, struct seen *seen)
{
    seen->count = 0;
    unsigned reports = core_check(&world->core, world->now, fixed_point, see, seen);
    assert_int_equal(reports, seen->count);
}

/* Some report has that number and begins so. */
static void assert_reported(const struct seen *seen, int invariant, const char *text)
{
    for (unsigned i = 0; i < seen->count; i++)
        if (seen->invariant[i] == invariant && strncmp(seen->what[i], text, strlen(text)) == 0)
            return;
    for (unsigned i = 0; i < seen->count; i++)
        print_error("reported %d: %s\n", seen->invariant[i], seen->what[i]);
    fail_msg("not reported, %d: %s", invariant, text);
}

static void put(struct world *world, enum relief_table table, const void *record)
{
    const struct core_change change = {.table = table, .record = record};
    core_restore(&world->core, &change, 1);
}

/* The record as it is put instead: what follows from it is kept in step, so that only its own lie shows. */
static void assert_lie(struct world *world, enum relief_table table, const void *was, const void *lie, int invariant,
                       const char *text)
{
    struct seen seen;
    put(world, table, lie);
    check(world, false, &seen);
    assert_reported(&seen, invariant, text);
    put(world, table, was);
    world_check(world);
}

/* give has tents and a crew with a crane; r is served by committed legs, q by an asked one. */
static int setup(void **state)
{
    static struct world world;
    struct relief_request_submit_params params;
    world_open(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    world_region(&world, "isle", "land", RELIEF_commit_ask);
    world_city(&world, "need", "land", 0, 0);
    world_city(&world, "wait", "isle", 0, 100000);
    world_city(&world, "give", "isle", 0, 200000);
    world_kind(&world, "tent");
    world_gear(&world, "crew", RELIEF_class_team, NULL);
    world_gear(&world, "crane", RELIEF_class_equipment, "crew");
    world_asset(&world, "crew-1", "crew", "give");
    world_asset(&world, "crane-1", "crane", "give");
    world_asset(&world, "crew-2", "crew", "give");
    world_stock(&world, "give", "tent", "old", 50, RELIEF_NIL);
    params = world_ask("r", "need", "tent", 20);
    params.max_level = 3;
    assert_int_equal(world_apply(&world, RELIEF_METHOD_request_submit, &params), 0);
    params = world_ask("q", "wait", "tent", 10);
    params.max_level = 3;
    assert_int_equal(world_apply(&world, RELIEF_METHOD_request_submit, &params), 0);
    params = world_ask("c", "need", "crane", 1);
    params.max_level = 3;
    assert_int_equal(world_apply(&world, RELIEF_METHOD_request_submit, &params), 0);
    assert_int_equal(world_leg(&world, "r/1").state, RELIEF_dispatch_state_committed);
    assert_int_equal(world_leg(&world, "q/1").state, RELIEF_dispatch_state_asked);
    assert_int_equal(world_leg(&world, "c/1").operators.count, 1);
    world_check(&world);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

/* Copies and changes one field of a record of the world. */
#define LIE(world, table_, was_, invariant_, text_, ...)                                                               \
    do {                                                                                                               \
        struct relief_##table_ lie = (was_);                                                                           \
        __VA_ARGS__;                                                                                                   \
        assert_lie(world, RELIEF_TABLE_##table_, &(was_), &lie, invariant_, text_);                                    \
    } while (0)

static struct relief_lot the_lot(struct world *world, struct relief_arena *arena)
{
    struct relief_lot lot = {.city = RELIEF_STR("give"), .kind = RELIEF_STR("tent"), .lot = RELIEF_STR("old")};
    assert_true(core_find(world->core.view, RELIEF_TABLE_lot, arena, &lot));
    return lot;
}

static void test_lots(void **state)
{
    struct world *world = *state;
    struct relief_arena arena;
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 20), 0);
    const struct relief_lot lot = the_lot(world, &arena);
    const char *numbers = "lot old of tent in give: held ";
    LIE(world, lot, lot, 2, numbers, lie.quantity = 29);
    LIE(world, lot, lot, 2, numbers, lie.quantity = -1);
    LIE(world, lot, lot, 2, numbers, lie.held = -10);
    LIE(world, lot, lot, 2, numbers, lie.reserved = -20);
    LIE(world, lot, lot, 2, "lot old of tent in give: held 11, its asked legs 10", lie.held++);
    LIE(world, lot, lot, 2, "lot old of tent in give: held 10, its asked legs 10; reserved 19", lie.reserved--);
    /* units from nowhere */
    LIE(world, lot, lot, 1, "kind tent: received 50, but on hand 51", lie.quantity++);
    relief_arena_deinit(&arena);
}

static void test_accounts(void **state)
{
    struct world *world = *state;
    const struct relief_account account = world_account_of(world, "give", "tent");
    LIE(world, account, account, 1, "account of tent in give: a number is negative", lie.lost = -1);
    LIE(world, account, account, 1, "kind tent: received 50, but on hand 50, in transit 0, on loan 0, issued 3",
        lie.issued = 3);
}

static void test_assets(void **state)
{
    struct world *world = *state;
    const struct relief_asset crane = world_asset_of(world, "crane-1"), crew = world_asset_of(world, "crew-1"),
                              other = world_asset_of(world, "crew-2");
    const bool first = crew.dispatch.data; /* either may operate the crane */
    const struct relief_asset free_one = first ? other : crew, taken = first ? crew : other;
    char text[96];
    assert_int_equal(free_one.use, RELIEF_asset_use_free);
    assert_int_equal(taken.use, RELIEF_asset_use_reserved);
    LIE(world, asset, crane, 5, "asset crane-1: held, but its dispatch says", lie.use = RELIEF_asset_use_held);
    LIE(world, asset, crane, 5, "dispatch c/1 names asset crane-1, which is not in it", lie.dispatch = RELIEF_STR_NONE;
        lie.use = RELIEF_asset_use_free);
    LIE(world, asset, crane, 5, "asset crane-1: reserved, but", lie.dispatch = RELIEF_STR("c/2"));
    snprintf(text, sizeof text, "asset %.*s: reserved, but", (int)free_one.id.len, free_one.id.data);
    LIE(world, asset, free_one, 5, text, lie.use = RELIEF_asset_use_reserved);
    LIE(world, asset, free_one, 5, text, lie.use = RELIEF_asset_use_reserved; lie.dispatch = RELIEF_STR("c/1"));
    snprintf(text, sizeof text, "dispatch c/1 names asset %.*s, which is not in it", (int)taken.id.len, taken.id.data);
    LIE(world, asset, taken, 5, text, lie.dispatch = RELIEF_STR("r/1"));
    /* an asset that is away is counted in an account, not at home */
    LIE(world, asset, free_one, 1, "kind crew: received 2, but on hand 1", lie.use = RELIEF_asset_use_away);
}

static void test_dispatches(void **state)
{
    struct world *world = *state;
    const struct relief_dispatch committed = world_leg(world, "r/1"), asked = world_leg(world, "q/1"),
                                 crane = world_leg(world, "c/1");
    struct relief_str nobody[] = {RELIEF_STR("crane-9")};
    struct relief_leg_lot other[] = {{RELIEF_STR("new"), 20}};
    LIE(world, dispatch, committed, 2, "dispatch r/1: its lots and assets make 20 of 21", lie.quantity++);
    LIE(world, dispatch, asked, 2, "dispatch q/1: its lots and assets make 10 of 9", lie.quantity--);
    LIE(world, dispatch, committed, 4, "dispatch r/1: a number is negative", lie.quantity = -20);
    LIE(world, dispatch, committed, 4, "dispatch r/1: a number is negative", lie.covers = -20);
    LIE(world, dispatch, crane, 5, "dispatch c/1 names asset crane-9", lie.assets = (struct relief_list){nobody, 1, 1});
    LIE(world, dispatch, committed, 2, "1 lots are named by live legs but are not there",
        lie.lots = (struct relief_list){other, 1, 1});
    LIE(world, dispatch, committed, 4, "request r: covered 20, its legs cover 19", lie.covers--);
    LIE(world, dispatch, asked, 4, "request q: 10 asked, its asked legs cover 0",
        lie.state = RELIEF_dispatch_state_committed);
}

static void test_requests(void **state)
{
    struct world *world = *state;
    const struct relief_request request = world_request(world, "r");
    struct relief_str legs[] = {RELIEF_STR("r/1"), RELIEF_STR("r/7")};
    const char *sum = "request r: 20 is not ";
    LIE(world, request, request, 4, sum, lie.covered = -20);
    LIE(world, request, request, 4, sum, lie.open = -1);
    LIE(world, request, request, 4, sum, lie.shortfall = -1);
    LIE(world, request, request, 4, sum, lie.received = -1);
    LIE(world, request, request, 4, sum, lie.shortfall = 1);
    LIE(world, request, request, 4, "request r is closed and still looks for units",
        lie.state = RELIEF_request_state_cancelled;
        lie.open = 20; lie.covered = 0);
    LIE(world, request, request, 4, "request r: 20 asked, its asked legs cover 0", lie.asked = 20);
    LIE(world, request, request, 4, "request r: covered 19, its legs cover 20", lie.covered = 19; lie.open = 1);
    LIE(world, request, request, 4, "request r names dispatch r/7, which is not there",
        lie.dispatches = (struct relief_list){legs, 2, 1});
}

/* Keys that follow from records: one that lies, one too many, one too few. */
static void test_derived_keys(void **state)
{
    struct world *world = *state;
    struct core_view *view = world->core.view;
    struct core_key key;
    struct seen seen;
    uint8_t sums[24] = {0};
    struct relief_str was;
    core_key_start(&key, CORE_KEY_SUM);
    core_key_str(&key, RELIEF_STR("give"));
    core_key_str(&key, RELIEF_STR("tent"));
    was = view->ops->get(view, &key);
    assert_int_equal(was.len, sizeof sums);
    memcpy(sums, was.data, sizeof sums);
    sums[0] ^= 1;
    view->ops->put(view, &key, (struct relief_str){(const char *)sums, sizeof sums});
    check(world, true, &seen);
    assert_int_equal(seen.count, 1);
    assert_reported(&seen, 0, "derived key 81give 00tent 00 does not follow from the records");
    view->ops->put(view, &key, RELIEF_STR_NONE);
    check(world, true, &seen);
    assert_reported(&seen, 0, "1 derived keys are missing");
    sums[0] ^= 1;
    view->ops->put(view, &key, (struct relief_str){(const char *)sums, sizeof sums});
    world_check(world);

    /* one of a city and kind that are not there, longer than a line of the report: it is cut */
    char name[201];
    memset(name, 0xe9, 200);
    name[200] = 0;
    core_key_start(&key, CORE_KEY_SUM);
    core_key_str(&key, relief_str_of(name));
    view->ops->put(view, &key, (struct relief_str){(const char *)sums, sizeof sums});
    check(world, true, &seen);
    assert_int_equal(seen.count, 1);
    assert_reported(&seen, 0, "derived key 81 e9 e9");
    view->ops->put(view, &key, RELIEF_STR_NONE);

    /* that a kind was used once may stay behind */
    core_key_start(&key, CORE_KEY_KIND_USED);
    core_key_str(&key, RELIEF_STR("tarp"));
    view->ops->put(view, &key, RELIEF_STR(""));
    world_check(world);
}

/* Goods that nobody was told of: the request would be covered further. An open mark without its request is no reason to
 * stop. */
static void test_fixed_point(void **state)
{
    struct world *world = *state;
    struct relief_request_submit_params params = world_ask("more", "need", "tent", 100);
    struct relief_lot lot = {.city = RELIEF_STR("give"), .kind = RELIEF_STR("tent"), .lot = RELIEF_STR("new")};
    struct core_view *view = world->core.view;
    struct core_key key;
    struct seen seen;
    params.max_level = 3;
    assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
    assert_int_equal(world_request(world, "more").open, 80);
    world_check(world);
    lot.quantity = 5;
    lot.expires = RELIEF_NIL;
    put(world, RELIEF_TABLE_lot, &lot);
    check(world, true, &seen);
    assert_reported(&seen, 4, "request more could be matched further: give gives 5");
    assert_int_equal(core_check_settled(&world->core, world->now, RELIEF_STR("more"), see, &seen), 1);
    check(world, false, &seen); /* not asked: only the units from nowhere */
    assert_int_equal(seen.count, 1);
    assert_reported(&seen, 1, "kind tent: received 50, but on hand 55");

    core_key_start(&key, CORE_KEY_OPEN);
    core_key_str(&key, RELIEF_STR("tent"));
    core_key_u8(&key, 1);
    core_key_u64(&key, 1);
    core_key_str(&key, RELIEF_STR("gone"));
    view->ops->put(view, &key, RELIEF_STR(""));
    check(world, true, &seen);
    assert_reported(&seen, 0, "derived key 82tent 00 01 00 00 00 00 00 00 00 01gone 00 does not follow");
    view->ops->put(view, &key, RELIEF_STR_NONE);
}

/* The records of a table, and whether any key that follows from records is left. */
static uint32_t records_of(struct world *world, enum relief_table table, struct relief_arena *arena,
                           union relief_any_record *ret, uint32_t max)
{
    struct core_view *view = world->core.view;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    uint32_t count = 0;
    core_key_table(&prefix, table);
    view->ops->scan(view, &cursor, &prefix, NULL);
    for (; view->ops->next(view, &cursor, &key, &value); count++) {
        assert_true(count < max);
        assert_int_equal(relief_record_decode(relief_tables[table].shape, value, arena, &ret[count]), value.len);
    }
    return count;
}

static unsigned derived_left(struct world *world)
{
    struct core_view *view = world->core.view;
    unsigned left = 0;
    for (unsigned space = CORE_KEY_HOLDER; space < CORE_KEY_META; space++) {
        struct core_cursor cursor;
        struct core_key prefix;
        struct relief_str key, value;
        core_key_start(&prefix, space);
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (space != CORE_KEY_KIND_USED && view->ops->next(view, &cursor, &key, &value))
            left++;
    }
    return left;
}

/*
 * Whatever an outcome says is gone takes with it what followed from it; what stands on a city or a kind goes first.
 * Only lots never go: the sum of the one that is here stays, with the mark of its holder and the count.
 */
static void test_what_follows_goes_with_its_record(void **state)
{
    static union relief_any_record any[64];
    struct relief_arena arena;
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 20), 0);
    struct world *world = *state;
    world_floor(world, "give", "tent", 3);
    world_floor(world, "need", "crew", 1);
    world_mode(world, "give", RELIEF_mode_emergency);
    for (int table = RELIEF_TABLE_COUNT - 1; table >= 0; table--) {
        uint32_t count = records_of(world, (enum relief_table)table, &arena, any, 64);
        if (table == RELIEF_TABLE_lot)
            continue;
        for (uint32_t k = 0; k < count; k++) {
            const struct core_change gone = {.table = (enum relief_table)table, .gone = true, .record = &any[k]};
            core_restore(&world->core, &gone, 1);
        }
        assert_int_equal(core_count(world->core.view, table), 0);
    }
    assert_int_equal(derived_left(world), 3);
    relief_arena_deinit(&arena);
}

/* A world of nothing has nothing wrong; nor has one of more keys than the map of the walk begins with. */
static void test_sizes(void **state)
{
    struct world world;
    (void)state;
    world_open(&world);
    world_check(&world);
    world_region(&world, "land", NULL, RELIEF_commit_auto);
    for (int i = 0; i < 900; i++) {
        char code[16];
        snprintf(code, sizeof code, "c%d", i);
        world_city(&world, code, "land", i, i);
    }
    world_check(&world);
    world_close(&world);
}

/* ---- without memory for the walk ---- */

static size_t arena_max = SIZE_MAX; /* no arena has more; 0: there is none */

int __real_relief_arena_init(struct relief_arena *arena, size_t bound);
int __wrap_relief_arena_init(struct relief_arena *arena, size_t bound);
int __wrap_relief_arena_init(struct relief_arena *arena, size_t bound)
{
    if (arena_max == 0)
        return -ENOMEM;
    return __real_relief_arena_init(arena, bound < arena_max ? bound : arena_max);
}

static void see_last(void *context, int invariant, const char *what)
{
    struct seen *last = context;
    last->count++;
    last->invariant[0] = invariant;
    snprintf(last->what[0], sizeof last->what[0], "%s", what);
}

/* However little there is, the check ends, and says that it did not see all. */
static void test_too_little_memory(void **state)
{
    struct world *world = *state;
    struct seen last = {0};
    unsigned little = 0;
    arena_max = 0;
    assert_int_equal(core_check(&world->core, world->now, true, see_last, &last), 1);
    assert_string_equal(last.what[0], "no memory for the check");
    for (arena_max = 4096;; arena_max += 4096) {
        last.count = 0;
        unsigned reports = core_check(&world->core, world->now, true, see_last, &last);
        assert_int_equal(reports, last.count);
        if (reports == 0)
            break;
        assert_string_equal(last.what[0], "the state is too large to be checked in one walk");
        little++;
    }
    arena_max = SIZE_MAX;
    assert_true(little > 8);
    world_check(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dispatches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_derived_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fixed_point, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_little_memory, setup, teardown),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test_setup_teardown(test_what_follows_goes_with_its_record, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
