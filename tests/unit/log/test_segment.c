/* The bytes: header, names, frames. The example bytes are those of FORMAT.md. */
#include "fixture.h"
#include <string.h>

static void test_header(void **state)
{
    struct log_segment_header header = {.first = 0x0102030405060708, .before = 7, .bytes = 65536}, back;
    uint8_t bytes[LOG_SEGMENT_HEADER];

    (void)state;
    for (unsigned i = 0; i < LOG_KEY_BYTES; i++)
        header.key[i] = (uint8_t)(i + 1);
    log_segment_header_encode(&header, bytes);
    assert_memory_equal(
        bytes, "RELIEFLG\x01\0\0\0\0\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01\x07\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0", 40);
    assert_true(log_segment_header_decode(bytes, &back));
    assert_int_equal(back.first, header.first);
    assert_int_equal(back.before, 7);
    assert_int_equal(back.bytes, 65536);
    assert_memory_equal(back.key, header.key, LOG_KEY_BYTES);
    for (unsigned i = 0; i < sizeof(bytes) * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_false(log_segment_header_decode(bytes, &back));
        bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
}

static void test_name(void **state)
{
    static const char *const bad[] = {"",
                                      "1.seg",
                                      "0000000000000000000a.seg",
                                      "00000000000000000000.seg",
                                      "next.seg",
                                      "18446744073709551616.seg",
                                      "00000000000000000001.sega",
                                      "000000000000000000001.seg",
                                      "00000000000000000001.sex",
                                      "0000000000000000000/.seg",
                                      "30000000000000000000.seg"};
    char name[LOG_SEGMENT_NAME];
    uint64_t first;

    (void)state;
    log_segment_name(42, name);
    assert_string_equal(name, "00000000000000000042.seg");
    assert_true(log_segment_name_parse(name, &first));
    assert_int_equal(first, 42);
    assert_true(log_segment_name_parse("18446744073709551615.seg", &first));
    assert_true(first == UINT64_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(log_segment_name_parse(bad[i], &first));
}

static void test_frame(void **state)
{
    uint8_t key[LOG_KEY_BYTES] = {9}, other[LOG_KEY_BYTES] = {8}, bytes[128];
    struct log_record record = {
        .seq = 0x1122334455667788, .batch = 5, .flags = LOG_MORE, .payload = (const uint8_t *)"relief", .len = 6};
    struct log_frame frame;

    (void)state;
    memset(record.prev, 0xAB, sizeof(record.prev));
    assert_int_equal(log_frame_bytes(0), 72);
    assert_int_equal(log_frame_bytes(1), 80);
    assert_int_equal(log_frame_bytes(8), 80);
    log_frame_encode(key, &record, 0x030201, bytes);
    assert_memory_equal(bytes, "RLRF\x06\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11\x05\0\0\0\0\0\0\0\x01\x01\x02\x03", 28);
    assert_memory_equal(bytes + 40, record.prev, LOG_HASH_BYTES);
    assert_memory_equal(bytes + 72, "relief\0\0", 8);
    assert_int_equal(log_frame_announced(key, bytes), 80);
    assert_int_equal(log_frame_announced(other, bytes), 0);
    assert_true(log_frame_check(key, bytes, 80));
    assert_false(log_frame_check(other, bytes, 80));
    log_frame_decode(bytes, &frame);
    assert_true(frame.record.seq == record.seq);
    assert_int_equal(frame.record.batch, 5);
    assert_int_equal(frame.record.flags, LOG_MORE);
    assert_int_equal(frame.place, 0x030201);
    assert_int_equal(frame.record.len, 6);
    for (unsigned i = 0; i < 80 * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_false(log_frame_check(key, bytes, 80));
        if (i < 32 * 8)
            assert_int_equal(log_frame_announced(key, bytes), 0);
        bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
