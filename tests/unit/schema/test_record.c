/* clang-format off: bytes stay in one piece, message by message */
#include "test.h"
#include "sample.h"
#include "schema/commands.h"
#include <errno.h>

/* Messages are written as strings of bytes; the formatter would put every piece of them on a line of its own. */
/* clang-format off */

static struct relief_arena arena;

static int setup(void **state)
{
    (void)state;
    return relief_arena_init(&arena, 64 << 20);
}

static int teardown(void **state)
{
    (void)state;
    relief_arena_deinit(&arena);
    return 0;
}

/* Every shape,
    many values: decode gives the same record and reads exactly what encode wrote; copy gives the same too. */
static void test_round_trip(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    for (unsigned s = 0; sample_shape(s); s++) {
        for (unsigned seed = 0; seed < 200; seed++) {
            _Alignas(8) char record[SAMPLE_BYTES], back[SAMPLE_BYTES], copy[SAMPLE_BYTES];
            memset(back, 0x55, sizeof back);
            relief_arena_reset(&arena);
            relief_buf_clear(&buf);
            sample_fill(sample_shape(s), record, seed, &arena);
            relief_record_encode(&buf, sample_shape(s), record);
            assert_false(buf.failed);
            /* A buffer of exactly this size, so that a sanitizer sees a byte read too many. */
            char *bytes = malloc(buf.len + 1);
            memcpy(bytes, buf.data, buf.len);
            struct relief_str text = {bytes, (uint32_t)buf.len};
            assert_int_equal(relief_record_decode(sample_shape(s), text, &arena, back), buf.len);
            assert_true(sample_equal(sample_shape(s), record, back));
            assert_int_equal(relief_record_copy(sample_shape(s), back, &arena, copy), 0);
            memset(bytes, 0xee, buf.len);
            free(bytes);
            assert_true(sample_equal(sample_shape(s), record, copy));
        }
    }
    relief_buf_deinit(&buf);
}

/* Any end is a record whose last fields are nil, or damage; a sanitizer sees that nothing is read past it. */
static void test_every_cut(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    _Alignas(8) char record[SAMPLE_BYTES], back[SAMPLE_BYTES];
    for (unsigned s = 0; sample_shape(s); s++) {
        relief_arena_reset(&arena);
        relief_buf_clear(&buf);
        sample_fill(sample_shape(s), record, SAMPLE_PLAIN, &arena);
        relief_record_encode(&buf, sample_shape(s), record);
        for (uint32_t len = 0; len < buf.len; len++) {
            char *bytes = malloc(len + 1);
            memcpy(bytes, buf.data, len);
            int64_t used = relief_record_decode(sample_shape(s), (struct relief_str){bytes, len}, &arena, back);
            assert_true(used == (int64_t)len || used == -EBADMSG);
            free(bytes);
        }
    }
    relief_buf_deinit(&buf);
}

static void test_shorter_record(void **state)
{
    (void)state;
    struct relief_city city;
    struct relief_str bytes = RELIEF_STR("\x03" "ab");
    assert_int_equal(relief_record_decode(&relief_shape_city, bytes, &arena, &city), 3);
    assert_text(city.code, "ab");
    assert_null(city.name.data);
    assert_true(city.mode == RELIEF_NIL);
    assert_int_equal(relief_record_decode(&relief_shape_city, RELIEF_STR_NONE, &arena, &city), 0);
    assert_null(city.code.data);
    /* A part that was written when it had two fields. */
    struct relief_dispatch leg;
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_shape_clear(&relief_shape_dispatch, &leg);
    leg.times.committed = 5;
    leg.covers = 9;
    relief_record_encode(&buf, &relief_shape_dispatch, &leg);
    assert_int_equal(relief_record_decode(&relief_shape_dispatch, (struct relief_str){buf.data, (uint32_t)buf.len},
                                          &arena, &leg),
                     buf.len);
    assert_true(leg.times.asked == RELIEF_NIL && leg.times.lost == RELIEF_NIL);
    assert_int_equal(leg.times.committed, 5);
    assert_int_equal(leg.covers, 9);
    relief_buf_deinit(&buf);
}

static void test_numbers(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, -1, 62, 63, 64, -63, -64, 8191, 8192, INT64_MAX, INT64_MAX - 1,
                                     INT64_MIN + 1,
                                     RELIEF_NIL};
    static const unsigned lengths[] = {1, 1, 1, 1, 1, 2, 1, 2, 2, 3, 10, 10, 10, 0};
    struct relief_buf buf = RELIEF_BUF_INIT;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct relief_subscription record = {.seq = values[i]}, back;
        relief_buf_clear(&buf);
        relief_record_encode(&buf, &relief_shape_subscription, &record);
        assert_int_equal(buf.len, lengths[i]);
        struct relief_str stored = {buf.data, (uint32_t)buf.len};
        assert_int_equal(relief_record_decode(&relief_shape_subscription, stored, &arena, &back), buf.len);
        assert_true(back.seq == values[i]);
    }
    relief_buf_deinit(&buf);
}

static int64_t decode(const struct relief_shape *shape, const char *bytes, uint32_t len)
{
    _Alignas(8) char record[SAMPLE_BYTES];
    char *exact = malloc(len + 1);
    memcpy(exact, bytes, len);
    int64_t used = relief_record_decode(shape, (struct relief_str){exact, len}, &arena, record);
    free(exact);
    return used;
}

static void test_hostile(void **state)
{
    (void)state;
#define BAD(shape, bytes) assert_int_equal(decode(&relief_shape_##shape, bytes, sizeof(bytes) - 1), -EBADMSG)
    BAD(subscription, "\x80");                                     /* ends inside a number */
    BAD(subscription, "\x80\x00");                                 /* longer than needed */
    BAD(subscription, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"); /* more than 64 bits */
    BAD(subscription, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    BAD(city, "\x05" "abc");                                       /* a string past the end */
    BAD(city, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    BAD(link, "\x02" "a\x02" "b\x01\x05");                         /* a bool of 2 */
    BAD(link, "\x02" "a\x02" "b\x01\x02");                         /* a bool of -1 */
    BAD(region, "\x02" "a\x02" "b\x00\x00\x05");                   /* an enum beyond its list */
    BAD(stats, "\xff\xff\xff\xff\x0f");                            /* a list without room for its items */
    BAD(stats, "\xff\xff\xff\xff\x0f\x02\x00\x00\x00");
    BAD(stats, "\x02\x00");                                        /* items without fields */
    BAD(stats, "\x02\x03\x00\x00\x00\x00");                        /* items with more fields than there are */
    BAD(stats, "\x03\x02\x00\x00\x00");                            /* the second item is cut */
    BAD(explanation, "\x02" "a\x81\x80\x80\x80\x10\x01");
#undef BAD
    assert_int_equal(decode(&relief_shape_link, "\x02" "a\x02" "b\x01\x03", 6), 6);
}

/* Damage of any kind ends in a record or an error,
    never outside of the bytes; a record read is written back the same. */
static void test_random_bytes(void **state)
{
    (void)state;
    uint64_t random = 12345;
    struct relief_buf buf = RELIEF_BUF_INIT;
    for (unsigned round = 0; round < 20000; round++) {
        const struct relief_shape *shape = relief_tables[round % RELIEF_TABLE_COUNT].shape;
        _Alignas(8) char record[SAMPLE_BYTES];
        relief_arena_reset(&arena);
        relief_buf_clear(&buf);
        sample_fill(shape, record, round, &arena);
        relief_record_encode(&buf, shape, record);
        for (unsigned hits = 0; hits < 1 + round % 3; hits++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            buf.data[(random >> 40) % buf.len] = (char)(random >> 33);
        }
        int64_t used = decode(shape, buf.data, (uint32_t)buf.len);
        assert_true((used >= 0 && used <= (int64_t)buf.len) || used == -EBADMSG);
    }
    relief_buf_deinit(&buf);
}

/* A record without any value has no bytes, and a buffer that has none yet stays without. */
static void test_nothing(void **state)
{
    (void)state;
    for (unsigned table = 0; table < RELIEF_TABLE_COUNT; table++) {
        struct relief_buf buf = RELIEF_BUF_INIT;
        _Alignas(8) char record[SAMPLE_BYTES], back[SAMPLE_BYTES];
        relief_shape_clear(relief_tables[table].shape, record);
        relief_record_encode(&buf, relief_tables[table].shape, record);
        struct relief_str bytes = {buf.data, (uint32_t)buf.len};
        assert_int_equal(relief_record_decode(relief_tables[table].shape, bytes, &arena, back), (int64_t)buf.len);
        relief_buf_deinit(&buf);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    struct relief_arena small;
    assert_int_equal(relief_arena_init(&small, 4096), 0);
    char bytes[5000];
    memset(bytes, 0, sizeof bytes);
    bytes[0] = (char)(0x80 | (4001 & 0x7f));
    bytes[1] = 4001 >> 7;
    bytes[2] = 1;
    struct relief_stats stats;
    assert_int_equal(relief_record_decode(&relief_shape_stats, (struct relief_str){bytes, sizeof bytes}, &small,
                                          &stats), -ENOMEM);
    struct relief_counter counters[60];
    for (size_t i = 0; i < 60; i++)
        counters[i] = (struct relief_counter){.name = RELIEF_STR("a name of some length, so that sixty of them with their "
                                                                  "structs need more than the four thousand bytes there are")};
    stats = (struct relief_stats){.counters = {counters, 60, 1}};
    struct relief_stats copy;
    assert_int_equal(relief_record_copy(&relief_shape_stats, &stats, &small, &copy), -ENOMEM);
    relief_arena_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_cut),    cmocka_unit_test(test_shorter_record),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_hostile),      cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
