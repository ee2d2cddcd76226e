/* Records: keys of all tables, their order, and what is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "tools/audit/record.h"

static struct audit_record record;

static bool reads(const char *text)
{
    return audit_record_read(audit_text_of(text), &record);
}

static void test_order(void **state)
{
    static const char *const sorted[] = {
        "{\"id\":\"CN\",\"t\":\"region\"}",
        "{\"code\":\"1\",\"t\":\"city\"}",
        "{\"from\":\"1\",\"t\":\"link\",\"to\":\"2\"}",
        "{\"from\":\"1\",\"t\":\"link\",\"to\":\"20\"}",
        "{\"from\":\"10\",\"t\":\"link\",\"to\":\"1\"}",
        "{\"city\":\"1\",\"kind\":\"k\",\"lot\":\"0\",\"t\":\"lot\"}",
        "{\"id\":\"a\",\"t\":\"request\"}",
        "{\"id\":\"a/9\",\"t\":\"dispatch\"}",
        "{\"id\":\"a/10\",\"t\":\"dispatch\"}",
        "{\"id\":\"a/4294967295\",\"t\":\"dispatch\"}",
        "{\"id\":\"a-b/1\",\"t\":\"dispatch\"}",
        "{\"city\":\"1\",\"kind\":\"k\",\"t\":\"account\"}",
        "{\"identity\":\"a \\\"b\\\"\",\"op\":\"o\",\"t\":\"op\"}",
        "{\"id\":\"travel\",\"t\":\"travel\"}",
    };
    unsigned char last[AUDIT_RECORD_KEY_MAX];
    size_t last_len = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++) {
        assert_true(reads(sorted[i]));
        struct audit_text before = {(const char *)last, last_len};
        assert_true(audit_text_cmp(before, audit_record_key(&record)) < 0);
        memcpy(last, record.key, record.key_len);
        last_len = record.key_len;
    }
}

static void test_names(void **state)
{
    char name[100];
    (void)state;
    assert_true(reads("{\"id\":\"a/10\",\"t\":\"dispatch\"}"));
    audit_record_name(audit_record_key(&record), name, sizeof name);
    assert_string_equal(name, "dispatch a/10");
    assert_true(reads("{\"city\":\"1\",\"gone\":true,\"kind\":\"k\",\"lot\":\"0\",\"t\":\"lot\"}"));
    assert_true(record.gone);
    audit_record_name(audit_record_key(&record), name, sizeof name);
    assert_string_equal(name, "lot 1 k 0");
    for (size_t size = 1; size < 12; size++) {
        audit_record_name(audit_record_key(&record), name, size);
        assert_true(strlen(name) < size);
    }
}

static void test_none(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"id\":\"x\"}",
        "{\"id\":\"x\",\"t\":\"nothing\"}",
        "{\"id\":\"\",\"t\":\"request\"}",
        "{\"id\":1,\"t\":\"request\"}",
        "{\"t\":\"request\"}",
        "{\"id\":\"a\",\"t\":\"dispatch\"}",
        "{\"id\":\"/1\",\"t\":\"dispatch\"}",
        "{\"id\":\"a/0\",\"t\":\"dispatch\"}",
        "{\"id\":\"a/01\",\"t\":\"dispatch\"}",
        "{\"id\":\"a/4294967296\",\"t\":\"dispatch\"}",
        "{\"id\":\"a\\u0000b\",\"t\":\"request\"}",
        "{\"city\":\"1\",\"t\":\"account\"}",
    };
    char text[700] = "{\"id\":\"";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (reads(bad[i]))
            fail_msg("passes: %s", bad[i]);
    size_t len = strlen(text);
    memset(text + len, 'x', 600);
    strcpy(text + len + 600, "\",\"t\":\"request\"}");
    assert_false(reads(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
