/*
 * The memo of records: what it says is what the view would say, in an entry and across entries, whatever is put
 * between.
 */
#include "world.h"
#include "core/key.h"

/* A city whose place in the memo is filled as an entry fills it. */
struct reading {
    struct core_memo memo;
    struct relief_arena arena;
    uint64_t hash;
};

static struct relief_city a_city(const char *code, const char *name)
{
    struct relief_city city;
    relief_shape_clear(&relief_shape_city, &city);
    city.code = relief_str_of(code);
    city.name = relief_str_of(name);
    city.region = RELIEF_STR("north");
    return city;
}

static void reading_open(struct reading *reading)
{
    const struct relief_city city = {.code = RELIEF_STR("tianjin")};
    assert_int_equal(core_memo_init(&reading->memo), 0);
    assert_int_equal(relief_arena_init(&reading->arena, (size_t)1 << 20), 0);
    reading->hash = core_memo_hash(RELIEF_TABLE_city, &city);
}

static void reading_close(struct reading *reading)
{
    core_memo_deinit(&reading->memo);
    relief_arena_deinit(&reading->arena);
}

static void note(struct reading *reading, uint64_t reader, const void *city, bool absent)
{
    core_memo_note(&reading->memo, reader, &reading->arena, RELIEF_TABLE_city, reading->hash, city, absent);
}

static bool find(struct reading *reading, uint64_t reader, const char *code, struct relief_city *ret, bool *ret_absent)
{
    ret->code = relief_str_of(code);
    return core_memo_find(&reading->memo, reader, &reading->arena, RELIEF_TABLE_city, reading->hash, ret, ret_absent);
}

static void test_entry(void **state)
{
    struct reading reading;
    struct relief_city city = a_city("tianjin", "Tianjin"), found;
    bool absent;
    (void)state;
    reading_open(&reading);
    assert_false(find(&reading, 1, "tianjin", &found, &absent));
    note(&reading, 1, &city, false);
    assert_true(find(&reading, 1, "tianjin", &found, &absent));
    assert_false(absent);
    assert_true(relief_str_eq(found.name, city.name));
    assert_false(find(&reading, 1, "peking", &found, &absent));  /* the same slot and hash, another key */
    assert_false(find(&reading, 2, "tianjin", &found, &absent)); /* read once only: not kept */
    core_memo_forget(&reading.memo, RELIEF_TABLE_city, reading.hash);
    assert_false(find(&reading, 1, "tianjin", &found, &absent));
    reading_close(&reading);
}

static void test_kept(void **state)
{
    struct reading reading;
    char name[] = "Tianjin";
    struct relief_city city = a_city("tianjin", name), found;
    const void *shared;
    bool absent;
    (void)state;
    reading_open(&reading);
    note(&reading, 1, &city, false);
    note(&reading, 2, &city, false); /* the second entry that reads it: kept */
    relief_arena_reset(&reading.arena);
    memset(name, 'x', sizeof name - 1); /* the copy is its own */
    assert_true(find(&reading, 3, "tianjin", &found, &absent));
    assert_false(absent);
    assert_true(relief_str_eq(found.name, RELIEF_STR("Tianjin")));
    assert_int_equal(found.population, RELIEF_NIL);
    assert_null(found.name_en.data);
    assert_true(core_memo_peek(&reading.memo, 3, RELIEF_TABLE_city, reading.hash, &found, &shared));
    assert_true(relief_str_eq(((const struct relief_city *)shared)->region, RELIEF_STR("north")));
    assert_false(core_memo_peek(&reading.memo, 2, RELIEF_TABLE_city, reading.hash, &found, &shared));
    assert_false(core_memo_peek(&reading.memo, 0, RELIEF_TABLE_city, reading.hash, &found, &shared));
    core_memo_forget(&reading.memo, RELIEF_TABLE_region, reading.hash); /* another table: not this one */
    assert_true(find(&reading, 4, "tianjin", &found, &absent));
    core_memo_forget(&reading.memo, RELIEF_TABLE_city, reading.hash);
    assert_false(find(&reading, 5, "tianjin", &found, &absent));
    reading_close(&reading);
}

static void test_long_and_absent(void **state)
{
    struct reading reading;
    static char name[CORE_MEMO_KEPT_BYTES + 1];
    struct relief_city city, found;
    const void *shared;
    bool absent;
    (void)state;
    memset(name, 'n', CORE_MEMO_KEPT_BYTES);
    city = a_city("tianjin", name);
    reading_open(&reading);
    note(&reading, 1, &city, false);
    note(&reading, 2, &city, false);
    assert_true(find(&reading, 2, "tianjin", &found, &absent));
    assert_int_equal(found.name.len, CORE_MEMO_KEPT_BYTES);
    assert_false(find(&reading, 3, "tianjin", &found, &absent)); /* too long to keep */
    note(&reading, 3, &city, true);
    assert_true(find(&reading, 3, "tianjin", &found, &absent));
    assert_true(absent);
    assert_true(core_memo_peek(&reading.memo, 3, RELIEF_TABLE_city, reading.hash, &found, &shared));
    assert_null(shared);
    assert_false(find(&reading, 4, "tianjin", &found, &absent)); /* that it is missing is never kept */
    reading_close(&reading);
}

/* Lists and what they point to are copied too. */
static void test_lists(void **state)
{
    struct core_memo memo;
    struct relief_arena arena;
    struct relief_substitute substitutes[] = {{RELIEF_STR("tent"), 2, 1}, {RELIEF_STR("tarp"), 3, 1}};
    struct relief_kind kind, found;
    bool absent;
    (void)state;
    assert_int_equal(core_memo_init(&memo), 0);
    assert_int_equal(relief_arena_init(&arena, (size_t)1 << 20), 0);
    relief_shape_clear(&relief_shape_kind, &kind);
    kind.code = RELIEF_STR("hut");
    kind.substitutes = (struct relief_list){substitutes, 2, 1};
    uint64_t hash = core_memo_hash(RELIEF_TABLE_kind, &kind);
    core_memo_note(&memo, 1, &arena, RELIEF_TABLE_kind, hash, &kind, false);
    core_memo_note(&memo, 2, &arena, RELIEF_TABLE_kind, hash, &kind, false);
    memset(substitutes, 0, sizeof substitutes);
    found.code = RELIEF_STR("hut");
    assert_true(core_memo_find(&memo, 3, &arena, RELIEF_TABLE_kind, hash, &found, &absent));
    assert_int_equal(found.substitutes.count, 2);
    const struct relief_substitute *second = (const struct relief_substitute *)found.substitutes.items + 1;
    assert_true(relief_str_eq(second->kind, RELIEF_STR("tarp")));
    assert_int_equal(second->give, 3);
    core_memo_deinit(&memo);
    relief_arena_deinit(&arena);
}

/* Every length takes another way through the hash; a byte anywhere changes it, and so does where a field ends. */
static void test_hash(void **state)
{
    char text[40];
    (void)state;
    for (uint32_t len = 0; len <= 32; len++) {
        memset(text, 'a', sizeof text);
        struct relief_link link = {.from = {text, len}, .to = RELIEF_STR("b")},
                           shifted = {.from = {text, len + 1}, .to = link.to};
        uint64_t hash = core_memo_hash(RELIEF_TABLE_link, &link);
        assert_true(hash != 0 && hash == core_memo_hash(RELIEF_TABLE_link, &link));
        assert_true(hash != core_memo_hash(RELIEF_TABLE_floor, &link));
        assert_true(hash != core_memo_hash(RELIEF_TABLE_link, &shifted));
        for (uint32_t i = 0; i < len; i++) {
            text[i] = 'z';
            assert_true(hash != core_memo_hash(RELIEF_TABLE_link, &link));
            text[i] = 'a';
        }
    }
}

/* Through commands: what a put changed is what the next entry goes by, though it was read often before. */
static void test_commands(void **state)
{
    struct world *world = *state;
    world_region(world, "north", NULL, RELIEF_commit_auto);
    world_region(world, "south", NULL, RELIEF_commit_auto);
    world_city(world, "a", "north", 0, 0);
    world_city(world, "b", "north", 0, 100000);
    world_kind(world, "water");
    world_stock(world, "b", "water", "l", 100, RELIEF_NIL);
    for (int i = 0; i < 6; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        world_city(world, "b", i % 2 ? "south" : "north", 0, 100000);
        struct relief_request_submit_params params = world_ask(id, "a", "water", 5);
        params.own_first = 0;
        params.max_level = 3;
        assert_int_equal(world_apply(world, RELIEF_METHOD_request_submit, &params), 0);
        assert_int_equal(world_request(world, id).covered, i % 2 ? 0 : 5); /* south has no agreement with north */
        world_floor(world, "b", "water", i == 4 ? 100 : i);
        world_check(world);
    }
    assert_int_equal(world_stock_of(world, "b", "water").reserved,
                     25); /* the return to north woke those of before; the last one still waits */
}

/* One slot and hash, another table or another second key: not this record. */
static void test_another_record_in_the_slot(void **state)
{
    struct reading reading;
    struct relief_city city = a_city("tianjin", "Tianjin"), other = a_city("peking", "Peking");
    struct relief_link link = {.from = RELIEF_STR("a"), .to = RELIEF_STR("b"), .minutes = 5, .open = 1}, found;
    const void *shared;
    bool absent;
    (void)state;
    reading_open(&reading);
    note(&reading, 1, &city, false);
    assert_false(core_memo_find(&reading.memo, 1, &reading.arena, RELIEF_TABLE_region, reading.hash, &city, &absent));
    assert_false(core_memo_peek(&reading.memo, 1, RELIEF_TABLE_region, reading.hash, &city, &shared));
    assert_false(core_memo_peek(&reading.memo, 1, RELIEF_TABLE_city, reading.hash, &other, &shared));
    assert_false(core_memo_peek(&reading.memo, 1, RELIEF_TABLE_city, reading.hash + CORE_MEMO_SLOTS, &city, &shared));
    core_memo_forget(&reading.memo, RELIEF_TABLE_city, reading.hash + CORE_MEMO_SLOTS);
    assert_true(core_memo_peek(&reading.memo, 1, RELIEF_TABLE_city, reading.hash, &city, &shared));

    core_memo_note(&reading.memo, 1, &reading.arena, RELIEF_TABLE_link, reading.hash, &link, false);
    found = (struct relief_link){.from = RELIEF_STR("a"), .to = RELIEF_STR("c")};
    assert_false(core_memo_find(&reading.memo, 1, &reading.arena, RELIEF_TABLE_link, reading.hash, &found, &absent));
    found.to = RELIEF_STR("b");
    assert_true(core_memo_find(&reading.memo, 1, &reading.arena, RELIEF_TABLE_link, reading.hash, &found, &absent));
    assert_int_equal(found.minutes, 5);
    link.to = found.to = RELIEF_STR(""); /* no id is empty, but nothing here relies on it */
    core_memo_note(&reading.memo, 1, &reading.arena, RELIEF_TABLE_link, reading.hash, &link, false);
    assert_true(core_memo_find(&reading.memo, 1, &reading.arena, RELIEF_TABLE_link, reading.hash, &found, &absent));
    reading_close(&reading);
}

/* An arena without room: nothing is noted, and nothing is found, but nothing wrong is said either. */
static void test_without_room(void **state)
{
    struct reading reading;
    struct relief_city city = a_city("tianjin", "Tianjin"), found;
    struct relief_arena full = {.base = NULL, .bound = 0};
    bool absent;
    char tight[sizeof city + 8];
    (void)state;
    reading_open(&reading);
    core_memo_note(&reading.memo, 1, &full, RELIEF_TABLE_city, reading.hash, &city, false);
    assert_false(find(&reading, 1, "tianjin", &found, &absent));
    note(&reading, 1, &city, false);
    note(&reading, 2, &city, false);
    found.code = RELIEF_STR("tianjin");
    assert_false(core_memo_find(&reading.memo, 3, &full, RELIEF_TABLE_city, reading.hash, &found, &absent));
    full = (struct relief_arena){.base = tight, .bound = sizeof tight}; /* the record fits, its strings don't */
    assert_false(core_memo_find(&reading.memo, 3, &full, RELIEF_TABLE_city, reading.hash, &found, &absent));
    full = (struct relief_arena){.base = tight, .bound = sizeof tight};
    city.code = RELIEF_STR("a-city-with-a-longer-code");
    core_memo_note(&reading.memo, 3, &full, RELIEF_TABLE_city, reading.hash, &city, true);
    assert_true(find(&reading, 3, "tianjin", &found, &absent)); /* what was known is kept */
    assert_false(absent);
    reading_close(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_long_and_absent),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_hash),
        cmocka_unit_test_setup_teardown(test_commands, world_setup, world_teardown),
        cmocka_unit_test(test_another_record_in_the_slot),
        cmocka_unit_test(test_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
