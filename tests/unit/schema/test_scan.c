/* clang-format off: bytes stay in one piece, message by message */
#include "test.h"
#include "schema/codec.h"
#include "schema/scan.h"
#include <string.h>

/* Messages are written as strings of bytes; the formatter would put every piece of them on a line of its own. */
/* clang-format off */

#define FRAME RELIEF_FRAME_BYTES_MAX

static struct scan whole;

static enum scan_status scan_all(const void *bytes, size_t len, size_t max)
{
    /* A buffer of exactly this size, so that a sanitizer sees a byte read too many. */
    uint8_t *exact = malloc(len + 1);
    memcpy(exact, bytes, len);
    scan_init(&whole, max);
    enum scan_status status = scan_feed(&whole, exact, len);
    free(exact);
    return status;
}

/* The value in two pieces at every place, and byte by byte: always the same end, fault and length. */
static void same_in_pieces(const void *bytes, size_t len, size_t max)
{
    enum scan_status status = scan_all(bytes, len, max);
    struct scan scan;
    for (size_t cut = 0; cut <= len && len < 2000; cut++) {
        scan_init(&scan, max);
        enum scan_status first = scan_feed(&scan, bytes, cut);
        assert_true(scan.pos <= cut);
        if (first != SCAN_MORE)
            assert_int_equal(first, status);
        assert_int_equal(scan_feed(&scan, bytes, len), status);
        assert_int_equal(scan.pos, whole.pos);
        assert_int_equal(scan.fault, whole.fault);
        /* Asking again changes nothing. */
        assert_int_equal(scan_feed(&scan, bytes, len), status);
        assert_int_equal(scan.pos, whole.pos);
    }
    scan_init(&scan, max);
    enum scan_status step = SCAN_MORE;
    for (size_t have = 0; have <= len && step == SCAN_MORE; have++)
        step = scan_feed(&scan, bytes, have);
    assert_int_equal(step, status);
    assert_int_equal(scan.pos, whole.pos);
    assert_int_equal(scan.fault, whole.fault);
}

static void check(const void *bytes, size_t len, enum scan_status status, enum scan_fault fault, size_t used)
{
    assert_int_equal(scan_all(bytes, len, FRAME), status);
    assert_int_equal(whole.fault, fault);
    if (status == SCAN_DONE || status == SCAN_LIMIT)
        assert_int_equal(whole.pos, used);
    same_in_pieces(bytes, len, FRAME);
}

#define DONE(bytes) check(bytes, sizeof(bytes) - 1, SCAN_DONE, SCAN_FAULT_NONE, sizeof(bytes) - 1)
#define UTF8_FAULT(bytes) check(bytes, sizeof(bytes) - 1, SCAN_LIMIT, SCAN_FAULT_UTF8, sizeof(bytes) - 1)

static void test_every_first_byte(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        uint8_t bytes[64] = {(uint8_t)first};
        enum scan_status status = scan_all(bytes, sizeof bytes, FRAME);
        if (first == 0xc1) {
            assert_int_equal(status, SCAN_BAD);
            continue;
        }
        assert_int_equal(status, SCAN_DONE);
        msgpack_unpacked value;
        msgpack_unpacked_init(&value);
        size_t used = 0;
        assert_int_equal(msgpack_unpack_next(&value, (const char *)bytes, sizeof bytes, &used), MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(whole.pos, used);
        msgpack_unpacked_destroy(&value);
        same_in_pieces(bytes, used, FRAME);
    }
}

static void test_values(void **state)
{
    (void)state;
    DONE("\x94\x00\x01\xa4ping\x90");
    DONE("\x82\xa1k\xc0\xa1l\x93\x01\x02\x03");
    DONE("\xd9\x03" "abc");
    DONE("\xda\x00\x03" "abc");
    DONE("\xdb\x00\x00\x00\x03" "abc");
    DONE("\xc4\x02\xff\xfe");
    DONE("\xc7\x02\x05\xff\xfe");
    DONE("\xd5\x05\xff\xfe");
    DONE("\xca\x00\x00\x00\x00");
    DONE("\xdc\x00\x02\x01\x02");
    DONE("\xde\x00\x01\x01\x02");
    /* What follows the value isn't looked at. */
    check("\x91\x01\xc1\xc1", 4, SCAN_DONE, SCAN_FAULT_NONE, 2);
    assert_int_equal(scan_all("", 0, FRAME), SCAN_MORE);
    assert_int_equal(scan_all("\x92\x01", 2, FRAME), SCAN_MORE);
    check("\x92\x01\xc1", 3, SCAN_BAD, SCAN_FAULT_NONE, 0);
}

static void test_utf8(void **state)
{
    (void)state;
    DONE("\xa3\xe6\xb0\xb4");
    DONE("\xa2\xc2\x80");
    DONE("\xa2\xdf\xbf");
    DONE("\xa3\xe0\xa0\x80");
    DONE("\xa3\xed\x9f\xbf");
    DONE("\xa3\xee\x80\x80");
    DONE("\xa4\xf0\x90\x80\x80");
    DONE("\xa4\xf4\x8f\xbf\xbf");
    DONE("\xb4" "ascii, then \xc3\xa9 and x");
    UTF8_FAULT("\xa1\x80");         /* continuation alone */
    UTF8_FAULT("\xa2\xc0\x80");     /* overlong */
    UTF8_FAULT("\xa2\xc1\xbf");
    UTF8_FAULT("\xa3\xe0\x9f\xbf");
    UTF8_FAULT("\xa4\xf0\x8f\xbf\xbf");
    UTF8_FAULT("\xa3\xed\xa0\x80"); /* surrogate */
    UTF8_FAULT("\xa4\xf4\x90\x80\x80");
    UTF8_FAULT("\xa1\xf5");
    UTF8_FAULT("\xa1\xff");
    UTF8_FAULT("\xa1\xc3");         /* ends inside a character */
    UTF8_FAULT("\xa2\xe6\xb0");
    UTF8_FAULT("\xa3\xc3xy");
    UTF8_FAULT("\xb0" "0123456789abcde\x80");
    /* The character may not go on in the next string. */
    UTF8_FAULT("\x92\xa1\xc3\xa1\xa9");
    /* The fault doesn't end the value. */
    UTF8_FAULT("\x93\xa1\xff\xa2ok\x80");
    assert_true(scan_utf8("", 0));
    assert_true(scan_utf8("\xe6\xb0\xb4", 3));
    assert_false(scan_utf8("\xe6\xb0", 2));
}

/* Against a plain decoder of code points, every sequence of up to three bytes from the interesting ones. */
static void test_utf8_exhaustive(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char text[4];
        size_t len;
        if (code < 0x80)
            text[0] = (char)code, len = 1;
        else if (code < 0x800)
            text[0] = (char)(0xc0 | code >> 6), text[1] = (char)(0x80 | (code & 0x3f)), len = 2;
        else if (code < 0x10000)
            text[0] = (char)(0xe0 | code >> 12), text[1] = (char)(0x80 | (code >> 6 & 0x3f)),
            text[2] = (char)(0x80 | (code & 0x3f)), len = 3;
        else
            text[0] = (char)(0xf0 | code >> 18), text[1] = (char)(0x80 | (code >> 12 & 0x3f)),
            text[2] = (char)(0x80 | (code >> 6 & 0x3f)), text[3] = (char)(0x80 | (code & 0x3f)), len = 4;
        int valid = code < 0x110000 && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(scan_utf8(text, len), valid);
    }
}

static void nest(struct relief_buf *buf, unsigned depth, uint8_t with)
{
    relief_buf_clear(buf);
    for (unsigned i = 0; i < depth; i++)
        relief_buf_add_char(buf, (char)0x91);
    relief_buf_add_char(buf, (char)with);
}

static void test_depth(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    nest(&buf, 16, 0x01);
    check(buf.data, buf.len, SCAN_DONE, SCAN_FAULT_NONE, buf.len);
    nest(&buf, 15, 0x90);
    check(buf.data, buf.len, SCAN_DONE, SCAN_FAULT_NONE, buf.len);
    nest(&buf, 16, 0x90);
    check(buf.data, buf.len, SCAN_LIMIT, SCAN_FAULT_DEPTH, buf.len);
    nest(&buf, 17, 0x01);
    check(buf.data, buf.len, SCAN_LIMIT, SCAN_FAULT_DEPTH, buf.len);
    nest(&buf, 900, 0xc1);
    check(buf.data, buf.len, SCAN_BAD, SCAN_FAULT_DEPTH, 0);
    /* Deep, then wide: its end is found all the same. */
    relief_buf_clear(&buf);
    relief_buf_add_text(&buf, "\x92");
    for (unsigned i = 0; i < 500; i++)
        relief_buf_add_text(&buf, "\x92\xa1x");
    relief_buf_add_text(&buf, "\x01\x02");
    check(buf.data, buf.len, SCAN_LIMIT, SCAN_FAULT_DEPTH, buf.len);
    /* Many siblings are not deep. */
    relief_buf_clear(&buf);
    relief_pack_array(&buf, 300);
    for (unsigned i = 0; i < 300; i++)
        relief_buf_add_text(&buf, "\x91\x91\x90");
    check(buf.data, buf.len, SCAN_DONE, SCAN_FAULT_NONE, buf.len);
    /* A million brackets. */
    relief_buf_clear(&buf);
    for (unsigned i = 0; i < FRAME - 1; i++)
        relief_buf_add_char(&buf, (char)0x91);
    relief_buf_add_char(&buf, 1);
    assert_int_equal(scan_all(buf.data, buf.len, FRAME), SCAN_LIMIT);
    assert_int_equal(whole.pos, FRAME);
    relief_buf_deinit(&buf);
}

static void test_string_and_element_limits(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    char text[4100];
    memset(text, 'a', sizeof text);
    relief_pack_str(&buf, (struct relief_str){text, 4096});
    check(buf.data, buf.len, SCAN_DONE, SCAN_FAULT_NONE, buf.len);
    relief_buf_clear(&buf);
    relief_pack_array(&buf, 2);
    relief_pack_str(&buf, (struct relief_str){text, 4097});
    relief_pack_int(&buf, 1);
    check(buf.data, buf.len, SCAN_LIMIT, SCAN_FAULT_STRING, buf.len);
    for (unsigned map = 0; map < 2; map++) {
        for (unsigned more = 0; more < 2; more++) {
            relief_buf_clear(&buf);
            if (map)
                relief_pack_map(&buf, 65536 + more);
            else
                relief_pack_array(&buf, 65536 + more);
            for (unsigned i = 0; i < (65536 + more) * (1 + map); i++)
                relief_buf_add_char(&buf, 1);
            assert_int_equal(scan_all(buf.data, buf.len, FRAME), more ? SCAN_LIMIT : SCAN_DONE);
            assert_int_equal(whole.fault, more ? SCAN_FAULT_ELEMENTS : SCAN_FAULT_NONE);
            assert_int_equal(whole.pos, buf.len);
        }
    }
    relief_buf_deinit(&buf);
}

/* The first fault is the one that is told. */
static void test_first_fault(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_buf_add_text(&buf, "\x92\xa1\xff");
    for (unsigned i = 0; i < 20; i++)
        relief_buf_add_char(&buf, (char)0x91);
    relief_buf_add_char(&buf, 1);
    check(buf.data, buf.len, SCAN_LIMIT, SCAN_FAULT_UTF8, buf.len);
    relief_buf_deinit(&buf);
}

static void test_too_large(void **state)
{
    (void)state;
#define LARGE(max, bytes)                                                                                              \
    do {                                                                                                               \
        assert_int_equal(scan_all(bytes, sizeof(bytes) - 1, max), SCAN_TOO_LARGE);                                     \
        same_in_pieces(bytes, sizeof(bytes) - 1, max);                                                                 \
    } while (0)
    LARGE(FRAME, "\xdb\x00\x10\x00\x00"); /* a header alone is enough */
    LARGE(FRAME, "\xc6\xff\xff\xff\xff");
    LARGE(FRAME, "\xc9\xff\xff\xff\xff\x01");
    LARGE(FRAME, "\xdd\x03\x00\x00\x00");
    LARGE(FRAME, "\xdd\xff\xff\xff\xff");
    LARGE(FRAME, "\xdf\x00\x08\x00\x00"); /* 524,288 pairs need 1,048,576 bytes and a header */
    LARGE(FRAME, "\xdf\xff\xff\xff\xff");
    LARGE(8, "\x98\x01");
    LARGE(8, "\x92\xa7");
    LARGE(8, "\x92\x94\x93");             /* each fits, together they don't */
    LARGE(8, "\xcf");                     /* nine bytes by its first */
    LARGE(4, "\x92\xce");
    LARGE(1, "\x91");
    LARGE(0, "\x01");
#undef LARGE
    assert_int_equal(scan_all("\x97\x01\x01\x01\x01\x01\x01\x01", 8, 8), SCAN_DONE);
    assert_int_equal(scan_all("\xa7" "0123456", 8, 8), SCAN_DONE);
    assert_int_equal(scan_all("\xa8" "01234567", 9, 8), SCAN_TOO_LARGE);
    assert_int_equal(scan_all("\xdf\x00\x07\xff\xfd", 5, FRAME), SCAN_MORE); /* 2 x 524,285 + 5 = 1,048,575 */
}

static uint64_t seed = 1;

static uint32_t draw(uint32_t bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % bound;
}

/* Random values, mostly well-formed. */
static void make_value(struct relief_buf *buf, unsigned depth)
{
    char text[300];
    uint32_t count;
    switch (draw(depth > 10 ? 7 : 11)) {
    case 0:
        relief_pack_nil(buf);
        break;
    case 1:
        relief_pack_bool(buf, draw(2));
        break;
    case 2:
    case 3:
        relief_pack_int(buf, (int64_t)((uint64_t)draw(1u << 31) << draw(33)) * (draw(2) ? 1 : -1));
        break;
    case 4:
    case 5:
        count = draw(8) ? draw(40) : draw(300);
        for (uint32_t i = 0; i < count; i++)
            text[i] = (char)(draw(500) ? 0x20 + draw(0x5f) : draw(256));
        relief_pack_str(buf, (struct relief_str){text, count});
        break;
    case 6: { /* a head of any kind with few bytes behind it */
        char head[18] = {(char)(0xc0 + draw(32))};
        head[draw(3)] |= (char)draw(3);
        relief_buf_add(buf, head, 1 + draw(17));
        break;
    }
    case 7:
    case 8:
        count = draw(6);
        relief_pack_array(buf, count);
        for (uint32_t i = 0; i < count; i++)
            make_value(buf, depth + 1);
        break;
    default:
        count = draw(5);
        relief_pack_map(buf, count);
        for (uint32_t i = 0; i < 2 * count; i++)
            make_value(buf, depth + 1);
    }
}

/* What the scanner passes, msgpack-c decodes, and takes the same bytes. */
static void test_against_decoder(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    unsigned done = 0;
    for (unsigned round = 0; round < 20000; round++) {
        relief_buf_clear(&buf);
        make_value(&buf, 0);
        if (round % 3 == 0)
            buf.data[draw((uint32_t)buf.len)] = (char)draw(256);
        if (round % 50 == 0)
            same_in_pieces(buf.data, buf.len, FRAME);
        if (scan_all(buf.data, buf.len, FRAME) != SCAN_DONE)
            continue;
        done++;
        msgpack_unpacked value;
        msgpack_unpacked_init(&value);
        size_t used = 0;
        assert_int_equal(msgpack_unpack_next(&value, buf.data, whole.pos, &used), MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(used, whole.pos);
        msgpack_unpacked_destroy(&value);
    }
    assert_true(done > 10000);
    relief_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_first_byte), cmocka_unit_test(test_values),
        cmocka_unit_test(test_utf8),             cmocka_unit_test(test_utf8_exhaustive),
        cmocka_unit_test(test_depth),            cmocka_unit_test(test_string_and_element_limits),
        cmocka_unit_test(test_first_fault),      cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_against_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
