#include "test.h"
#include "schema/arena.h"
#include <string.h>

static void test_alloc_and_reset(void **state)
{
    (void)state;
    struct relief_arena arena = RELIEF_ARENA_INIT;
    assert_int_equal(relief_arena_init(&arena, 1 << 20), 0);
    char *first = relief_arena_alloc(&arena, 3), *second = relief_arena_alloc(&arena, 5);
    assert_non_null(first);
    assert_true(second >= first + 8);
    assert_int_equal((uintptr_t)second % 8, 0);
    memset(first, 1, 3);
    memset(second, 2, 5);
    assert_int_equal(first[2], 1);
    relief_arena_reset(&arena);
    assert_ptr_equal(relief_arena_alloc(&arena, 1), first);
    relief_arena_deinit(&arena);
    relief_arena_deinit(&arena);
}

static void test_bound(void **state)
{
    (void)state;
    struct relief_arena arena = RELIEF_ARENA_INIT;
    assert_int_equal(relief_arena_init(&arena, 4096), 0);
    assert_false(arena.spent);
    assert_null(relief_arena_alloc(&arena, 4097));
    assert_true(arena.spent);
    assert_null(relief_arena_alloc(&arena, SIZE_MAX));
    assert_null(relief_arena_alloc(&arena, SIZE_MAX - 7));
    assert_non_null(relief_arena_alloc(&arena, 4000));
    assert_null(relief_arena_alloc(&arena, 200));
    assert_null(
        relief_arena_str(&arena, relief_str_of("a text that does not fit any more because the arena is nearly full, "
                                               "whatever the gap between two allocations may be in this build"))
            .data);
    assert_true(arena.spent);
    relief_arena_reset(&arena);
    assert_false(arena.spent);
    assert_non_null(relief_arena_alloc(&arena, 4000));
    relief_arena_deinit(&arena);
}

/* Memory above 256 KiB goes back to the system on reset: it reads as zeros when it is touched again. */
static void test_gives_memory_back(void **state)
{
    (void)state;
    struct relief_arena arena = RELIEF_ARENA_INIT;
    assert_int_equal(relief_arena_init(&arena, 4 << 20), 0);
    char *all = relief_arena_alloc(&arena, 2 << 20);
    memset(all, 0x5a, 2 << 20);
    relief_arena_reset(&arena);
    assert_true(arena.touched <= 256 * 1024);
    all = relief_arena_alloc(&arena, 2 << 20);
    assert_int_equal(all[0], 0x5a);
    for (size_t i = 256 * 1024; i < 2 << 20; i++)
        assert_int_equal(all[i], 0);
    relief_arena_deinit(&arena);
}

static void test_strings(void **state)
{
    (void)state;
    struct relief_arena arena = RELIEF_ARENA_INIT;
    assert_int_equal(relief_arena_init(&arena, 4096), 0);
    assert_null(relief_arena_str(&arena, RELIEF_STR_NONE).data);
    assert_false(arena.spent);
    struct relief_str empty = relief_arena_str(&arena, RELIEF_STR(""));
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    struct relief_str text = relief_arena_str(&arena, RELIEF_STR("abc"));
    assert_string_equal(text.data, "abc");
    assert_int_equal(text.len, 3);
    relief_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_and_reset),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_gives_memory_back),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
