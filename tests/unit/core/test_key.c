/* core/key.c: keys sort as their parts do, and parts can be read back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "core/key.h"

static int compare(const struct core_key *a, const struct core_key *b)
{
    uint32_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->data, b->data, len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static struct core_key dispatch_key(const char *id)
{
    struct relief_dispatch leg = {.id = relief_str_of(id)};
    struct core_key key;
    core_key_record(&key, RELIEF_TABLE_dispatch, &leg);
    return key;
}

static void test_dispatches_sort_by_request_then_number(void **state)
{
    const char *const sorted[] = {"a/1", "a/2", "a/10", "a/4294967", "a-b/1", "ab/1", "ab/3", "b/1"};
    (void)state;
    for (unsigned i = 0; i + 1 < sizeof sorted / sizeof *sorted; i++) {
        struct core_key a = dispatch_key(sorted[i]), b = dispatch_key(sorted[i + 1]);
        assert_true(compare(&a, &b) < 0);
    }
}

static void test_parts_come_back(void **state)
{
    struct core_key key;
    struct relief_str whole;
    uint32_t at = 1;
    (void)state;
    core_key_start(&key, CORE_KEY_OPEN);
    core_key_str(&key, RELIEF_STR("WH02"));
    core_key_u8(&key, 3);
    core_key_u64(&key, UINT64_C(0x0102030405060708));
    core_key_str(&key, RELIEF_STR("request-1"));
    whole = (struct relief_str){(const char *)key.data, key.len};
    assert_true(relief_str_eq(core_key_take_str(whole, &at), RELIEF_STR("WH02")));
    assert_int_equal(whole.data[at++], 3);
    assert_true(core_key_take_u64(whole, &at) == UINT64_C(0x0102030405060708));
    assert_true(relief_str_eq(core_key_take_str(whole, &at), RELIEF_STR("request-1")));
    assert_int_equal(at, key.len);
}

static void test_a_prefix_of_parts_is_a_prefix_of_bytes(void **state)
{
    struct relief_lot lot = {.city = RELIEF_STR("420100"), .kind = RELIEF_STR("WH02"), .lot = RELIEF_STR("0")};
    struct relief_lot other = {.city = RELIEF_STR("420100"), .kind = RELIEF_STR("WH021"), .lot = RELIEF_STR("0")};
    struct core_key prefix, key;
    (void)state;
    core_key_table(&prefix, RELIEF_TABLE_lot);
    core_key_str(&prefix, lot.city);
    core_key_str(&prefix, lot.kind);
    core_key_record(&key, RELIEF_TABLE_lot, &lot);
    assert_memory_equal(prefix.data, key.data, prefix.len);
    core_key_record(&key, RELIEF_TABLE_lot, &other); /* WH02 is not a prefix of WH021 as a part */
    assert_memory_not_equal(prefix.data, key.data, prefix.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dispatches_sort_by_request_then_number),
                                       cmocka_unit_test(test_parts_come_back),
                                       cmocka_unit_test(test_a_prefix_of_parts_is_a_prefix_of_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
