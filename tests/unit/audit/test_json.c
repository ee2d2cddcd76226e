/* The one form of JSON: what passes, what does not, and the pieces of what passes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "tools/audit/json.h"

static void test_passes(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "{\"a\":1,\"b\":[1,2,{\"x\":null}],\"c\":\"\"}",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\\u000b\"",
        "\"物资 \xf0\x9f\x9a\x91 more than eight bytes\"",
        "{\"a\":0,\"aa\":0,\"b\":0}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        /* in memory of its own, so that a sanitizer sees a byte too many */
        size_t len = strlen(texts[i]);
        char *copy = malloc(len);
        memcpy(copy, texts[i], len);
        assert_null(audit_json_whole((struct audit_text){copy, len}));
        /* and nothing that was cut off does, but for numbers */
        for (size_t cut = 0; cut < len && (copy[0] == '{' || copy[0] == '"' || copy[0] == '['); cut++)
            assert_non_null(audit_json_whole((struct audit_text){copy, cut}));
        free(copy);
    }
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " {}",
        "{} ",
        "{}{}",
        "{\"a\": 1}",
        "{ }",
        "[1, 2]",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{\"b\":1,\"a\":2}",
        "01",
        "-0",
        "9223372036854775808", /* integers have 64 bits with their sign */
        "-9223372036854775809",
        "18446744073709551615",
        "123456789012345678901",
        "1.0",
        "1e3",
        "+1",
        "--1",
        "-",
        "nul",
        "True",
        "\"\\/\"",
        "\"\\u0041\"",
        "\"\\u000a\"",
        "\"\\u001F\"",
        "\"\\x\"",
        "\"\n\"",
        "\"\x7f\xff\"",
        "\"\xed\xa0\x80\"",
        "\"\xc0\x80\"",
        "[}",
        "{]",
        "}",
        ",",
        "{\"a\":1,\"a\":2}",
        "{\"\\u0041\":1}",
        "{\"a\":1 ",
        "123456789012345678901",
        "[1 2]",
        "\"\\ud800\"",
        "{\"aa\":0,\"a\":0}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!audit_json_whole(audit_text_of(texts[i])))
            fail_msg("passes: %s", texts[i]);
}

static void test_depth(void **state)
{
    char text[2 * (AUDIT_JSON_DEPTH + 1)];
    (void)state;
    memset(text, '[', AUDIT_JSON_DEPTH + 1);
    memset(text + AUDIT_JSON_DEPTH + 1, ']', AUDIT_JSON_DEPTH + 1);
    assert_null(audit_json_whole((struct audit_text){text + 1, sizeof text - 2}));
    assert_string_equal(audit_json_whole((struct audit_text){text, sizeof text}), "too deep");
}

static void test_pieces(void **state)
{
    struct audit_text text =
        AUDIT_TEXT("{\"a\":[1,\"x,]\\\"\",{}],\"b\":{\"c\":-5},\"d\":\"\\u0001\\n\\\\z\",\"e\":null}");
    struct audit_json_map map, again, inner;
    struct audit_text item;
    const char *at = NULL;
    char out[8];
    int64_t number;
    size_t len;
    (void)state;
    assert_null(audit_json_open(text, &map));
    assert_true(audit_json_map(text, &again));
    assert_int_equal(map.count, 4);
    assert_int_equal(again.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(audit_text_eq(map.members[i].name, again.members[i].name));
        assert_true(audit_text_eq(map.members[i].value, again.members[i].value));
    }
    static const char *const items[] = {"1", "\"x,]\\\"\"", "{}"};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(audit_json_next(audit_json_find(&map, "a"), &at, &item));
        assert_true(audit_text_eq(item, audit_text_of(items[i])));
    }
    assert_false(audit_json_next(audit_json_find(&map, "a"), &at, &item));
    assert_true(audit_json_map(audit_json_find(&map, "b"), &inner));
    assert_true(audit_json_int(audit_json_find(&inner, "c"), &number));
    assert_int_equal(number, -5);
    assert_true(audit_json_string(audit_json_find(&map, "d"), out, sizeof out, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(out, "\x01\n\\z", 5);
    assert_false(audit_json_string(audit_json_find(&map, "d"), out, 4, &len));
    assert_null(audit_json_find(&map, "f").data);
    assert_int_equal(audit_json_type(audit_json_find(&map, "e")), AUDIT_JSON_NULL);
}

static void test_numbers(void **state)
{
    int64_t number;
    (void)state;
    assert_true(audit_json_int(AUDIT_TEXT("-9223372036854775808"), &number) && number == INT64_MIN);
    assert_true(audit_json_int(AUDIT_TEXT("9223372036854775807"), &number) && number == INT64_MAX);
    assert_false(audit_json_int(AUDIT_TEXT("9223372036854775808"), &number));
    assert_false(audit_json_int(AUDIT_TEXT("-9223372036854775809"), &number));
    assert_false(audit_json_int(AUDIT_TEXT("18446744073709551615"), &number));
    assert_false(audit_json_int(AUDIT_TEXT("null"), &number));
    assert_false(audit_json_int(AUDIT_TEXT("-"), &number));
    assert_false(audit_json_int((struct audit_text){NULL, 0}, &number));
}

static void test_base64(void **state)
{
    static const char *const bad[] = {
        "A", "AA", "AAA", "AB==", "AAB=", "A===", "====", "AAAA=", "AA=A", "AA A", "AA-_"};
    uint8_t data[64] = {0};
    char text[96];
    (void)state;
    for (size_t len = 0; len <= 40; len++) {
        uint8_t back[40];
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)(i * 73 + len);
        audit_base64_write(data, len, text);
        assert_int_equal(audit_base64_read(audit_text_of(text), back, sizeof back), (long)len);
        assert_true(len == 0 || memcmp(back, data, len) == 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(audit_base64_read(audit_text_of(bad[i]), data, sizeof data), -1);
    assert_int_equal(audit_base64_read(AUDIT_TEXT("AAAA"), data, 2), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes), cmocka_unit_test(test_refused), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_pieces), cmocka_unit_test(test_numbers), cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
