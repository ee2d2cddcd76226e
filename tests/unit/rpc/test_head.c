/* The outer shape of messages, and the name of the place where a limit is exceeded. */
#include "rpc/head.h"
#include "schema/buf.h"
#include "schema/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct head parse(const char *bytes, size_t len)
{
    struct head head;
    head_parse((const uint8_t *)bytes, len, &head);
    return head;
}
#define PARSE(literal) parse(literal, sizeof(literal) - 1)

static void requests(void **state)
{
    (void)state;
    struct head head = PARSE("\x94\x00\x07\xa4ping\x90");
    assert_int_equal(head.kind, HEAD_REQUEST);
    assert_int_equal(head.msgid, 7);
    assert_true(relief_str_eq(head.method, RELIEF_STR("ping")));
    assert_int_equal(head.param_count, 0);
    assert_int_equal(head.params.len, 0);
    head = PARSE("\x94\x00\xce\xff\xff\xff\xff\xa1m\x91\x81\xa1k\x01");
    assert_int_equal(head.msgid, UINT32_MAX);
    assert_int_equal(head.param_count, 1);
    assert_true(relief_str_eq(head.params, RELIEF_STR("\x81\xa1k\x01")));
    /* longer encodings than needed, and signed ones that are not negative */
    head = PARSE("\xdc\x00\x04\xd0\x00\xd3\x00\x00\x00\x00\x00\x00\x00\x05\xda\x00\x01m\xdd\x00\x00\x00\x00");
    assert_int_equal(head.kind, HEAD_REQUEST);
    assert_int_equal(head.msgid, 5);
}

static void notifications(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\x93\x02\xa1m\x90").kind, HEAD_NOTIFICATION);
    assert_int_equal(PARSE("\x93\x02\xc4\x01m\x91\x01").kind, HEAD_NOTIFICATION);
    assert_int_equal(PARSE("\x93\x02\x01\x90").kind, HEAD_BAD);
    assert_int_equal(PARSE("\x93\x02\xa1m\x80").kind, HEAD_BAD);
}

#define BAD(literal) assert_int_equal(PARSE(literal).kind, HEAD_BAD)

static void what_is_no_message(void **state)
{
    (void)state;
    BAD("\xc0"), BAD("\x05"), BAD("\x80"), BAD("\x90"), BAD("\xa1x");
    BAD("\x91\x00"), BAD("\x92\x00\x01"), BAD("\x93\x00\x01\xa1m"), BAD("\x95\x00\x01\xa1m\x90\x01");
    BAD("\x94\x01\x01\xa1m\x90"), BAD("\x94\x02\x01\xa1m\x90"), BAD("\x94\xff\x01\xa1m\x90");
    BAD("\x94\xc2\x01\xa1m\x90"), BAD("\x93\x01\x01\xa1m");
    BAD("\x94\x00\xff\xa1m\x90"), BAD("\x94\x00\xd0\x80\xa1m\x90"), BAD("\x94\x00\xc0\xa1m\x90");
    BAD("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa1m\x90");
    BAD("\x94\x00\xca\x00\x00\x00\x00\xa1m\x90");
    BAD("\x94\x00\x01\xc4\x01m\x90"), BAD("\x94\x00\x01\x01\x90"), BAD("\x94\x00\x01\xa1m\xc0"),
        BAD("\x94\x00\x01\xa1m\x80");
}

static const char *fault(const char *bytes, size_t len)
{
    static struct relief_refusal refusal;
    head_fault((struct relief_str){bytes, (uint32_t)len}, RELIEF_DEPTH_MAX, RELIEF_ELEMENTS_MAX, &refusal);
    assert_int_equal(refusal.code, RELIEF_BAD_PARAMS);
    assert_true(refusal.message[0]);
    return refusal.field;
}
#define FAULT(literal, field) assert_string_equal(fault(literal, sizeof(literal) - 1), field)

static void places_of_faults(void **state)
{
    (void)state;
    FAULT("\x81\xa4"
          "code\xa1\xff",
          "code");
    FAULT("\x82\xa1"
          "a\x01\xa1"
          "b\xca\x00\x00\x00\x00",
          "b");
    FAULT("\x82\xa1"
          "a\x92\x01\x80\xa1"
          "b\xc4\x00",
          "b");
    FAULT("\x81\xa1"
          "a\x92\x81\xa1x\x01\x82\xa1x\x01\xa1y\xa1\x80",
          "a.1.y");
    FAULT("\x81\xa1"
          "a\xd4\x01\x00",
          "a");
    FAULT("\x81\x05\x01", "?");
    FAULT("\x82\xa1"
          "a\x01\x05\x01",
          "?");
    FAULT("\x81\xa1"
          "a\x91\x82\xa1x\x01\x05\x01",
          "a.0");
    FAULT("\x81\xa1\xff\x01", "?"); /* what is not a parameter's name is not echoed */
    FAULT("\x81\xa3"
          "a b\xa1\xff",
          "?");
    FAULT("\x81\xa4"
          "A\0.b\xa1\xff",
          "?");
    FAULT("\x91\xa1\xff", "0");
    FAULT("\xa1\xff", "");
    FAULT("\x81\xa1"
          "a\x01",
          ""); /* nothing wrong in there: the fault was elsewhere */
}

static void limits(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_pack_map(&buf, 2);
    relief_pack_text(&buf, "fine");
    relief_pack_array(&buf, RELIEF_ELEMENTS_MAX);
    for (unsigned i = 0; i < RELIEF_ELEMENTS_MAX; i++)
        relief_pack_nil(&buf);
    relief_pack_text(&buf, "many");
    relief_pack_array(&buf, RELIEF_ELEMENTS_MAX + 1);
    for (unsigned i = 0; i <= RELIEF_ELEMENTS_MAX; i++)
        relief_pack_nil(&buf);
    assert_string_equal(fault(buf.data, buf.len), "many");
    relief_buf_clear(&buf);
    relief_pack_map(&buf, 1);
    relief_pack_text(&buf, "deep"); /* the map is the third level, so thirteen more are allowed */
    for (unsigned i = 0; i < 14; i++)
        relief_pack_array(&buf, i < 13);
    assert_string_equal(fault(buf.data, buf.len), "deep.0.0.0.0.0.0.0.0.0.0.0.0.0");
    relief_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),         cmocka_unit_test(notifications), cmocka_unit_test(what_is_no_message),
        cmocka_unit_test(places_of_faults), cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
