/* clang-format off: bytes stay in one piece, message by message */
#include "test.h"
#include "sample.h"
#include "schema/commands.h"

/* Messages are written as strings of bytes; the formatter would put every piece of them on a line of its own. */
/* clang-format off */

static struct relief_buf buf;

static void assert_bytes(const void *bytes, size_t len)
{
    assert_int_equal(buf.len, len);
    assert_memory_equal(buf.data, bytes, len);
    relief_buf_clear(&buf);
}

#define BYTES(literal) assert_bytes(literal, sizeof(literal) - 1)

/* The same bytes as msgpack-c's packer, at every length of the forms. */
static void test_as_the_library(void **state)
{
    (void)state;
    msgpack_sbuffer expected;
    msgpack_packer packer;
    msgpack_sbuffer_init(&expected);
    msgpack_packer_init(&packer, &expected, msgpack_sbuffer_write);
#define SAME() assert_bytes(expected.data, expected.size), msgpack_sbuffer_clear(&expected)
    for (unsigned bit = 0; bit < 63; bit++) {
        for (int64_t near = -2; near <= 2; near++) {
            int64_t values[] = {(INT64_C(1) << bit) + near, -(INT64_C(1) << bit) + near};
            for (unsigned i = 0; i < 2; i++) {
                relief_pack_int(&buf, values[i]);
                msgpack_pack_int64(&packer, values[i]);
                SAME();
            }
        }
    }
    relief_pack_int(&buf, INT64_MAX);
    msgpack_pack_int64(&packer, INT64_MAX);
    SAME();
    relief_pack_int(&buf, INT64_MIN + 1);
    msgpack_pack_int64(&packer, INT64_MIN + 1);
    SAME();
    static const uint32_t sizes[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 100000};
    char *text = calloc(1, 100000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        relief_pack_array(&buf, sizes[i]);
        msgpack_pack_array(&packer, sizes[i]);
        SAME();
        relief_pack_map(&buf, sizes[i]);
        msgpack_pack_map(&packer, sizes[i]);
        SAME();
        relief_pack_str(&buf, (struct relief_str){text, sizes[i]});
        msgpack_pack_str_with_body(&packer, text, sizes[i]);
        SAME();
    }
    free(text);
    msgpack_sbuffer_destroy(&expected);
}

static void test_values(void **state)
{
    (void)state;
    relief_pack_int(&buf, RELIEF_NIL);
    relief_pack_nil(&buf);
    relief_pack_bool(&buf, true);
    relief_pack_bool(&buf, false);
    relief_pack_str(&buf, RELIEF_STR_NONE);
    relief_pack_text(&buf, NULL);
    relief_pack_text(&buf, "");
    BYTES("\xc0\xc0\xc3\xc2\xc0\xc0\xa0");
}

static void test_record_and_params(void **state)
{
    (void)state;
    struct relief_link link = {.from = RELIEF_STR("a"), .to = RELIEF_STR("b"), .minutes = RELIEF_NIL, .open = 1};
    relief_pack_record(&buf, &relief_shape_link, &link, 1);
    BYTES("\x85\xa4" "from\xa1" "a\xa2to\xa1" "b\xa7minutes\xc0\xa4open\xc3");
    struct relief_link_put_params params;
    relief_shape_clear(&relief_shape_link_put_params, &params);
    params.from = RELIEF_STR("a");
    params.minutes = 300;
    relief_pack_params(&buf, &relief_shape_link_put_params, &params);
    BYTES("\x82\xa4" "from\xa1" "a\xa7minutes\xcd\x01\x2c");
    struct relief_nothing nothing = {0};
    relief_pack_record(&buf, &relief_shape_nothing, &nothing, 0);
    BYTES("\x80");
    struct relief_region region;
    relief_shape_clear(&relief_shape_region, &region);
    region.agreement = RELIEF_commit_ask;
    relief_pack_record(&buf, &relief_shape_region, &region, 0);
    BYTES("\x86\xa2id\xc0\xa4name\xc0\xa6parent\xc0\xb1neighbour_minutes\xc0\xa9" "agreement\xa3" "ask\xa6shares\xc0");
}

static void test_refusal(void **state)
{
    (void)state;
    struct relief_refusal refusal;
    relief_refuse(&refusal, RELIEF_BUSY, "wait");
    relief_pack_refusal(&buf, &refusal);
    BYTES("\x82\xa4" "code\xa4" "BUSY\xa7message\xa4wait");
    relief_refuse_field(&refusal, RELIEF_INSUFFICIENT, "quantity", "little");
    refusal.available = 7;
    relief_pack_refusal(&buf, &refusal);
    BYTES("\x84\xa4" "code\xacINSUFFICIENT\xa7message\xa6little\xa5" "field\xa8quantity\xa9" "available\x07");
    relief_refuse(&refusal, RELIEF_BAD_STATE, "no");
    strcpy(refusal.state, "closed");
    strcpy(refusal.id, "x\xe6\xb0"); /* cut inside a character */
    relief_pack_refusal(&buf, &refusal);
    BYTES("\x84\xa4" "code\xa9" "BAD_STATE\xa7message\xa2no\xa2id\xa1x\xa5state\xa6" "closed");
    /* Without a sentence of its own it says the advice of the list. */
    relief_refuse(&refusal, RELIEF_TOO_MANY, "%s", "");
    relief_pack_refusal(&buf, &refusal);
    BYTES("\x82\xa4" "code\xa8TOO_MANY\xa7message\xb4" "ask for less at once");
}

/* What isn't text at all is left away, rather than sent. */
static void test_refusal_that_is_no_text(void **state)
{
    (void)state;
    struct relief_refusal refusal;
    relief_refuse(&refusal, RELIEF_BAD_STATE, "no");
    strcpy(refusal.id, "\xff\xff\xff\xff\xff\xff");
    relief_pack_refusal(&buf, &refusal);
    BYTES("\x83\xa4" "code\xa9" "BAD_STATE\xa7message\xa2no\xa2id\xa0");
    strcpy(refusal.id, "\xff");
    relief_pack_refusal(&buf, &refusal);
    BYTES("\x83\xa4" "code\xa9" "BAD_STATE\xa7message\xa2no\xa2id\xa0");
}

/* Bytes at each length of their forms, and none. */
static void test_bytes(void **state)
{
    (void)state;
    static char some[70000];
    static const uint32_t sizes[] = {0, 1, 255, 256, 65535, 65536, 70000};
    msgpack_sbuffer expected;
    msgpack_packer packer;
    msgpack_sbuffer_init(&expected);
    msgpack_packer_init(&packer, &expected, msgpack_sbuffer_write);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        relief_pack_bytes(&buf, (struct relief_str){some, sizes[i]});
        msgpack_pack_bin(&packer, sizes[i]);
        msgpack_pack_bin_body(&packer, some, sizes[i]);
        assert_bytes(expected.data, expected.size);
        msgpack_sbuffer_clear(&expected);
    }
    msgpack_sbuffer_destroy(&expected);
    relief_pack_bytes(&buf, RELIEF_STR_NONE);
    BYTES("\xc0");
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_false(relief_buf_reserve(&buf, SIZE_MAX));
    relief_pack_map(&buf, 1);
    relief_pack_text(&buf, "x");
    relief_pack_int(&buf, 1);
    relief_pack_nil(&buf);
    assert_true(buf.failed);
    assert_int_equal(buf.len, 0);
    relief_buf_clear(&buf);
}

static int teardown(void **state)
{
    (void)state;
    relief_buf_deinit(&buf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_library), cmocka_unit_test(test_values),
               cmocka_unit_test(test_record_and_params),
        cmocka_unit_test(test_refusal),        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_refusal_that_is_no_text), cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
