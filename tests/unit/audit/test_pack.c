/* MessagePack to JSON: every form, the order of keys, and bytes that are cut, wrong or too deep. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "tools/audit/json.h"
#include "tools/audit/pack.h"

static void check(const char *bytes, size_t len, const char *json)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    uint8_t *copy = malloc(len);
    memcpy(copy, bytes, len);
    assert_int_equal(audit_pack_measure(copy, len), (long)len);
    assert_true(audit_pack_json(copy, len, &buf));
    assert_int_equal(buf.len, strlen(json));
    assert_memory_equal(buf.data, json, buf.len);
    assert_null(audit_json_whole(audit_buf_view(&buf)));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(audit_pack_measure(copy, cut), 0);
    audit_buf_deinit(&buf);
    free(copy);
}
#define CHECK(bytes, json) check(bytes, sizeof(bytes) - 1, json)

/* Integers have 64 bits with their sign. */
static void test_beyond(void **state)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    (void)state;
    assert_false(audit_pack_json((const uint8_t *)"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9, &buf));
    assert_false(audit_pack_json((const uint8_t *)"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, &buf));
    audit_buf_deinit(&buf);
}

static void test_forms(void **state)
{
    (void)state;
    CHECK("\xc0", "null");
    CHECK("\xc3", "true");
    CHECK("\xc2", "false");
    CHECK("\x7f", "127");
    CHECK("\xff", "-1");
    CHECK("\xe0", "-32");
    CHECK("\xd0\x80", "-128");
    CHECK("\xd1\xff\x7f", "-129");
    CHECK("\xd2\x00\x00\x00\x05", "5");
    CHECK("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    CHECK("\xcc\xff", "255");
    CHECK("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807");
    CHECK("\xa3"
          "abc",
          "\"abc\"");
    CHECK("\xd9\x02\"\\", "\"\\\"\\\\\"");
    CHECK("\xda\x00\x03\n\x01z", "\"\\n\\u0001z\"");
    CHECK("\xc4\x02\xff\x00", "\"/wA=\"");
    CHECK("\x93\x01\x90\x80", "[1,[],{}]");
    CHECK("\xde\x00\x01\xa1"
          "a\xc0",
          "{\"a\":null}");
    /* keys come in any order and go out sorted */
    CHECK("\x83\xa1"
          "b\x01\xa2"
          "aa\x82\xa1"
          "z\x01\xa1"
          "y\x02\xa1"
          "a\x03",
          "{\"a\":3,\"aa\":{\"y\":2,\"z\":1},\"b\":1}");
}

static void refuse(const char *bytes, size_t len)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    assert_false(audit_pack_json((const uint8_t *)bytes, len, &buf));
    audit_buf_deinit(&buf);
}
#define REFUSE(bytes) refuse(bytes, sizeof(bytes) - 1)

static void test_refused(void **state)
{
    uint8_t deep[AUDIT_PACK_DEPTH + 2];
    (void)state;
    REFUSE("\xca\x00\x00\x00\x00"); /* float */
    REFUSE("\xd4\x01\x00");         /* ext */
    REFUSE("\xc1");
    REFUSE("\x81\x01\x02"); /* a key that is no text */
    REFUSE("\x82\xa1"
           "a\x01\xa1"
           "a\x02"); /* a key twice */
    REFUSE("\x82\xa1"
           "b\x01\xa1"
           "b\x02");
    REFUSE("\xa2\xc3\x28");   /* not UTF-8 */
    REFUSE("\x81\xa1\n\x01"); /* a key that is no word */
    REFUSE("\x92\x01");
    REFUSE("\xdf\xff\xff\xff\xff\xa1"
           "a");
    REFUSE("\xc6\xff\xff\xff\xff");
    REFUSE("\x01\x02");
    memset(deep, 0x91, sizeof deep - 1);
    deep[sizeof deep - 1] = 0x01;
    refuse((const char *)deep, sizeof deep);
    refuse((const char *)deep + 1, sizeof deep - 2);
}

static void test_shortest(void **state)
{
    (void)state;
#define SHORTEST(bytes) audit_pack_shortest((const uint8_t *)(bytes), sizeof(bytes) - 1)
    assert_true(SHORTEST("\x93\x7f\xcc\x80\xe0"));
    assert_true(SHORTEST("\xcd\x01\x00"));
    assert_true(SHORTEST("\xce\x00\x01\x00\x00"));
    assert_true(SHORTEST("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"));
    assert_true(SHORTEST("\xd0\xdf"));
    assert_true(SHORTEST("\xd1\xff\x7f"));
    assert_true(SHORTEST("\xa1x"));
    assert_false(SHORTEST("\xcc\x7f"));
    assert_false(SHORTEST("\xcd\x00\xff"));
    assert_false(SHORTEST("\xce\x00\x00\xff\xff"));
    assert_false(SHORTEST("\xcf\x00\x00\x00\x00\xff\xff\xff\xff"));
    assert_false(SHORTEST("\xd0\xe0"));
    assert_false(SHORTEST("\xd0\x01"));
    assert_false(SHORTEST("\xd1\xff\x80"));
    assert_false(SHORTEST("\xd9\x01x"));
    assert_false(SHORTEST("\xda\x00\x01x"));
    assert_false(SHORTEST("\xdc\x00\x00"));
    assert_false(SHORTEST("\xde\x00\x00"));
}

static void test_writing(void **state)
{
    struct audit_buf buf = AUDIT_BUF_INIT, json = AUDIT_BUF_INIT;
    char text[300];
    (void)state;
    memset(text, 'y', sizeof text);
    audit_pack_array(&buf, 5);
    audit_pack_uint(&buf, 127);
    audit_pack_uint(&buf, 70000);
    audit_pack_uint(&buf, UINT64_C(1) << 40);
    audit_pack_map(&buf, 1);
    audit_pack_text(&buf, AUDIT_TEXT("k"));
    audit_pack_text(&buf, (struct audit_text){text, sizeof text});
    audit_pack_text(&buf, AUDIT_TEXT(""));
    assert_true(audit_pack_json((const uint8_t *)buf.data, buf.len, &json));
    audit_buf_add(&json, "", 1);
    assert_memory_equal(json.data, "[127,70000,1099511627776,{\"k\":\"yyy", 32);
    audit_buf_deinit(&buf);
    audit_buf_deinit(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_beyond), cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_shortest),
                                       cmocka_unit_test(test_writing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
