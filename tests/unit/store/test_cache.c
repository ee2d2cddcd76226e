/* The read cache: the newest value of a key, bounded in places and bytes, and values that stay where they are until the
 * next put. */
#include "store/cache.h"
#include "tool.h"
#include <stdlib.h>

#define IN_SET(n) ((uint64_t)(n) << 40 | 5) /* hashes of one set */

static void test_newest(void **state)
{
    struct store_cache cache;
    struct relief_str value;
    const uint64_t hash = IN_SET(1);
    (void)state;
    store_cache_init(&cache);
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    store_cache_put(&cache, hash, RELIEF_STR("a"), RELIEF_STR("one")); /* what nobody reads is not kept */
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    store_cache_note(&cache, hash, RELIEF_STR("a"), RELIEF_STR("one"));
    assert_true(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    tool_assert_value(value, "one");
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("b"), &value)); /* of the same hash */

    store_cache_put(&cache, hash, RELIEF_STR("a"), RELIEF_STR("two"));
    assert_true(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    tool_assert_value(value, "two");
    store_cache_put(&cache, hash, RELIEF_STR("a"), RELIEF_STR("")); /* empty is a value */
    assert_true(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    assert_true(value.data && value.len == 0);
    store_cache_put(&cache, hash, RELIEF_STR("a"), RELIEF_STR("one that is too long for its block"));
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    store_cache_note(&cache, hash, RELIEF_STR("a"), RELIEF_STR("three"));
    store_cache_put(&cache, hash, RELIEF_STR("a"), RELIEF_STR_NONE);
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));

    store_cache_note(&cache, hash, RELIEF_STR("a"), RELIEF_STR_NONE); /* that it is missing is known until it comes */
    assert_true(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    assert_null(value.data);
    store_cache_put(&cache, hash, RELIEF_STR("a"), RELIEF_STR("x"));
    assert_false(store_cache_find(&cache, hash, RELIEF_STR("a"), &value));
    assert_int_equal(cache.bytes, 0);
    store_cache_deinit(&cache);
}

/* More keys than a set has ways: what was read since the last put stays, the newcomer is not noted. */
static void test_values_stay(void **state)
{
    struct store_cache cache;
    struct relief_str values[STORE_CACHE_WAYS], other;
    char key[] = "a";
    (void)state;
    store_cache_init(&cache);
    for (unsigned i = 0; i < STORE_CACHE_WAYS; i++, key[0]++) {
        store_cache_note(&cache, IN_SET(i), relief_str_of(key), relief_str_of(key));
        assert_true(store_cache_find(&cache, IN_SET(i), relief_str_of(key), &values[i]));
    }
    store_cache_note(&cache, IN_SET(9), RELIEF_STR("new"), RELIEF_STR("value"));
    assert_false(store_cache_find(&cache, IN_SET(9), RELIEF_STR("new"), &other));
    for (unsigned i = 0; i < STORE_CACHE_WAYS; i++)
        assert_int_equal(values[i].data[0], 'a' + (int)i);
    store_cache_put(&cache, UINT64_C(7), RELIEF_STR("another"), RELIEF_STR("put"));
    store_cache_note(&cache, IN_SET(9), RELIEF_STR("new"), RELIEF_STR("value"));
    assert_true(store_cache_find(&cache, IN_SET(9), RELIEF_STR("new"), &other));
    tool_assert_value(other, "value");
    store_cache_deinit(&cache);
}

/* Values of the largest size that is kept, under ever new keys: the bytes stay below the bound. */
static void test_bound(void **state)
{
    struct store_cache cache;
    struct relief_str value;
    char *text = calloc(1, STORE_CACHE_VALUE_MAX + 1), key[24];
    uint64_t kept = 0;
    (void)state;
    assert_non_null(text);
    store_cache_init(&cache);
    store_cache_note(&cache, 1, RELIEF_STR("long"), (struct relief_str){text, STORE_CACHE_VALUE_MAX + 1});
    assert_false(store_cache_find(&cache, 1, RELIEF_STR("long"), &value));
    for (uint64_t i = 0; i < 40000; i++) {
        uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
        snprintf(key, sizeof key, "%llu", (unsigned long long)i);
        store_cache_note(&cache, hash, relief_str_of(key), (struct relief_str){text, STORE_CACHE_VALUE_MAX});
        assert_true(cache.bytes <= STORE_CACHE_BYTES_MAX);
        kept += store_cache_find(&cache, hash, relief_str_of(key), &value);
        store_cache_put(&cache, 3, RELIEF_STR("another"), RELIEF_STR_NONE);
    }
    assert_true(kept > 10000); /* new ones take the places of old ones where they meet */
    store_cache_clear(&cache);
    assert_int_equal(cache.bytes, 0);
    store_cache_deinit(&cache);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest),
        cmocka_unit_test(test_values_stay),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
