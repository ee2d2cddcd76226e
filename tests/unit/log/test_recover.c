/*
 * Opening after a crash and after damage. The last batch may be torn in any way: what stands before it stays, nothing
 * wrong is ever read. Anything wrong before the last batch is named.
 */
#include "fixture.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A log of batches [1..4] [5..7] [8..10], all in one segment. */
static size_t three_batches(struct fixture *f, struct fault *fault, bool more, uint8_t **ret_bytes)
{
    fixture_init(f, LOG_SEGMENT_MIN);
    fault_init(fault);
    fault->no_sync = true;
    f->options.io = &fault->io;
    assert_int_equal(fixture_open(f), 0);
    assert_int_equal(fixture_append(f, 4, false), 0);
    assert_int_equal(fixture_append(f, 3, more), 0);
    assert_int_equal(fixture_append(f, 3, more), 0);
    fixture_close(f);
    return fixture_load(f, 1, ret_bytes);
}

/* Opens, and opens again: what was kept the first time is all that is found. Then it goes on as if nothing had been. */
static uint64_t open_twice(struct fixture *f, uint64_t *ret_cut)
{
    uint64_t seq;

    assert_int_equal(fixture_open(f), 0);
    seq = log_durable(f->log).seq;
    fixture_verify(f, seq);
    *ret_cut = f->cut;
    fixture_close(f);
    assert_int_equal(fixture_open(f), 0);
    assert_int_equal(f->cut, 0);
    fixture_verify(f, seq);
    assert_int_equal(fixture_append(f, 2, true), 0);
    fixture_close(f);
    assert_int_equal(fixture_open(f), 0);
    assert_int_equal(f->cut, 0);
    fixture_verify(f, seq + 2);
    fixture_close(f);
    return seq;
}

/* `way` of spoiling the last batch at each of its bytes; a command of one record keeps what stands before the byte. */
static void tear(bool more, void (*spoil)(uint8_t *at, size_t left, size_t i))
{
    struct fixture f;
    struct fault fault;
    uint8_t *bytes, *copy;
    size_t size = three_batches(&f, &fault, more, &bytes), len;
    uint64_t start = fixture_offset(bytes, 1, 8, &len), end = fixture_offset(bytes, 1, 10, &len);
    uint64_t starts[3];

    end += len;
    for (unsigned i = 0; i < 3; i++)
        starts[i] = fixture_offset(bytes, 1, 8 + i, &len);
    copy = malloc(size);
    assert_non_null(copy);
    for (uint64_t at = start; at < end; at++) {
        uint64_t kept = 10, found, cut;
        bool zeros = true;

        memcpy(copy, bytes, size);
        spoil(copy + at, end - at, at - start);
        for (unsigned i = 3; i-- > 0;) {
            uint64_t stop = i < 2 ? starts[i + 1] : end;

            if (memcmp(copy + starts[i], bytes + starts[i], stop - starts[i]) != 0)
                kept = more ? 7 : 7 + i;
        }
        fixture_store(&f, 1, copy, size);
        for (uint64_t i = starts[kept < 10 ? kept - 7 : 0]; i < end; i++)
            zeros = zeros && copy[i] == 0;
        found = open_twice(&f, &cut);
        assert_int_equal(cut > 0, kept < 10 && !zeros);
        if (found != kept)
            fail_msg("byte %zu: kept %zu, not %zu", (size_t)(at - start), (size_t)found, (size_t)kept);
    }
    free(copy);
    free(bytes);
    fixture_deinit(&f);
}

static void spoil_bit(uint8_t *at, size_t left, size_t i)
{
    (void)left;
    *at ^= (uint8_t)(1u << (i % 8));
}

static void spoil_zero_byte(uint8_t *at, size_t left, size_t i)
{
    (void)left, (void)i;
    *at = 0;
}

static void spoil_zero_rest(uint8_t *at, size_t left, size_t i)
{
    (void)i;
    memset(at, 0, left);
}

static void spoil_garbage_rest(uint8_t *at, size_t left, size_t i)
{
    uint64_t seed = i;

    for (size_t k = 0; k < left; k++)
        at[k] = (uint8_t)fixture_random(&seed);
}

/* The front never reached the disk, the end did. */
static void spoil_zero_front(uint8_t *at, size_t left, size_t i)
{
    (void)left;
    memset(at - i, 0, i + 1);
}

static void test_torn(void **state)
{
    void (*ways[])(uint8_t *, size_t, size_t) = {spoil_bit, spoil_zero_byte, spoil_zero_rest, spoil_garbage_rest,
                                                 spoil_zero_front};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        tear(false, ways[i]);
        tear(true, ways[i]);
    }
}

/* Any bit of an earlier batch, and of the header: damage, with the place; and nothing is changed in the file. */
static void test_damage(void **state)
{
    struct fixture f;
    struct fault fault;
    uint8_t *bytes, *copy, *after;
    size_t size, len;
    uint64_t end;

    (void)state;
    size = three_batches(&f, &fault, false, &bytes);
    end = fixture_offset(bytes, 1, 8, &len);
    copy = malloc(size);
    assert_non_null(copy);
    for (uint64_t bit = 0; bit < end * 8; bit += 3) {
        uint64_t at = bit / 8, seq = at < LOG_SEGMENT_HEADER ? 1 : 0, start = 0;

        for (uint64_t i = 1; at >= LOG_SEGMENT_HEADER && i < 8; i++) {
            uint64_t from = fixture_offset(bytes, 1, i, &len);

            if (from <= at)
                seq = i, start = from;
        }
        memcpy(copy, bytes, size);
        copy[at] ^= (uint8_t)(1u << (bit % 8));
        fixture_store(&f, 1, copy, size);
        for (int read_only = 0; read_only < 2; read_only++) {
            f.options.read_only = read_only;
            assert_int_equal(fixture_open(&f), -EUCLEAN);
            assert_string_equal(f.damage.segment, "00000000000000000001.seg");
            assert_int_equal(f.damage.offset, start);
            assert_int_equal(f.damage.seq, seq);
        }
        f.options.read_only = false;
        assert_int_equal(fixture_load(&f, 1, &after), size);
        assert_memory_equal(after, copy, size);
        free(after);
    }
    free(copy);
    free(bytes);
    fixture_deinit(&f);
}

/* Part of a batch and the whole batch before it are gone: still damage, even with zeros where the records were. */
static void test_damage_zeroed(void **state)
{
    struct fixture f;
    struct fault fault;
    uint8_t *bytes;
    size_t size, len;
    uint64_t from, to;

    (void)state;
    size = three_batches(&f, &fault, false, &bytes);
    from = fixture_offset(bytes, 1, 7, &len);
    to = fixture_offset(bytes, 1, 9, &len);
    memset(bytes + from, 0, to - from);
    fixture_store(&f, 1, bytes, size);
    assert_int_equal(fixture_open(&f), -EUCLEAN);
    assert_int_equal(f.damage.seq, 7);
    assert_int_equal(f.damage.offset, from);
    free(bytes);
    fixture_deinit(&f);
}

/* Good checks, wrong order: a record taken away with what follows moved up, a record exchanged, a chain that doesn't
 * hold. */
static void test_forged(void **state)
{
    static uint8_t payload[FIXTURE_PAYLOAD_MAX];
    struct log_segment_header header;
    struct log_frame frame;
    struct fixture f;
    struct fault fault;
    uint8_t *bytes, *copy;
    size_t size, len;
    uint64_t from, to;

    (void)state;
    size = three_batches(&f, &fault, false, &bytes);
    assert_true(log_segment_header_decode(bytes, &header));
    copy = malloc(size);
    assert_non_null(copy);

    from = fixture_offset(bytes, 1, 6, &len);
    to = from + len;
    memcpy(copy, bytes, size);
    memmove(copy + from, copy + to, size - to);
    fixture_store(&f, 1, copy, size);
    assert_int_equal(fixture_open(&f), -EUCLEAN);
    assert_int_equal(f.damage.seq, 6);
    assert_int_equal(f.damage.offset, from);

    /* Somebody rewrites an entry and repairs its check; the entry behind it holds the hash of what was there. */
    memcpy(copy, bytes, size);
    log_frame_decode(copy + from, &frame);
    memcpy(payload, frame.record.payload, frame.record.len);
    payload[0] ^= 1;
    frame.record.payload = payload;
    log_frame_encode(header.key, &frame.record, frame.place, copy + from);
    fixture_store(&f, 1, copy, size);
    assert_int_equal(fixture_open(&f), -EUCLEAN);
    assert_int_equal(f.damage.seq, 7);
    assert_int_equal(f.damage.offset, to);
    assert_non_null(strstr(f.damage.what, "another build of this version, or changed"));

    free(copy);
    free(bytes);
    fixture_deinit(&f);
}

/* A record inside of a payload, even with every field right but the key: it is not taken for one behind a torn record.
 */
static void test_payload_like_record(void **state)
{
    static uint8_t payload[1024];
    struct log_record fake = {.seq = 900, .batch = 800},
                      record = {.seq = 11, .payload = payload, .len = sizeof(payload)};
    uint8_t guess[LOG_KEY_BYTES] = {0};
    struct fixture f;
    struct fault fault;
    uint8_t *bytes;
    size_t size, len;
    uint64_t at, cut;

    (void)state;
    (void)three_batches(&f, &fault, false, &bytes);
    free(bytes);
    for (size_t i = 0; i + LOG_FRAME_HEADER <= sizeof(payload); i += LOG_FRAME_HEADER)
        log_frame_encode(guess, &fake, 0, payload + i);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_append(f.log, &record, 1), 0);
    fixture_close(&f);
    size = fixture_load(&f, 1, &bytes);
    at = fixture_offset(bytes, 1, 11, &len);
    memset(bytes + at, 0, LOG_FRAME_HEADER);
    fixture_store(&f, 1, bytes, size);
    free(bytes);
    assert_int_equal(open_twice(&f, &cut), 10);
    assert_int_equal(cut, 1);
    fixture_deinit(&f);
}

/* Several segments: missing, exchanged, short; the last one empty or torn from its first record on. */
static void test_segments(void **state)
{
    struct fixture f;
    struct fault fault;
    uint64_t firsts[16], last = 0;
    uint8_t *bytes, *other;
    char name[LOG_SEGMENT_NAME], path[256], away[256];
    unsigned count;
    size_t size;

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    fault_init(&fault);
    fault.no_sync = true;
    f.options.io = &fault.io;
    assert_int_equal(fixture_open(&f), 0);
    do {
        assert_int_equal(fixture_append(&f, 20, true), 0);
        last += 20;
        count = fixture_segments(&f, firsts, 16);
    } while (count < 5);
    fixture_close(&f);

    /* The first batch of the last segment is torn, then the segment is empty. */
    assert_int_equal(firsts[4], last - 19);
    size = fixture_load(&f, firsts[4], &bytes);
    memset(bytes + LOG_SEGMENT_HEADER + 5, 0xFF, 300);
    fixture_store(&f, firsts[4], bytes, size);
    free(bytes);
    last -= 20;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(f.cut > 0, i == 0);
        fixture_verify(&f, last);
        fixture_close(&f);
    }
    /* The one before it doesn't reach up to it any more. */
    size = fixture_load(&f, firsts[3], &bytes);
    other = malloc(size);
    memcpy(other, bytes, size);
    {
        size_t len;
        uint64_t at = fixture_offset(bytes, firsts[3], last - 1, &len);

        memset(bytes + at, 0, size - at);
        fixture_store(&f, firsts[3], bytes, size);
        assert_int_equal(fixture_open(&f), -EUCLEAN);
        assert_int_equal(f.damage.seq, last - 1);
        assert_int_equal(f.damage.offset, at);
    }
    fixture_store(&f, firsts[3], other, size);
    free(other);
    free(bytes);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(fixture_append(&f, 20, false), 0);
    last += 20;
    fixture_verify(&f, last);
    fixture_close(&f);

    for (unsigned i = 1; i < 4; i++) { /* one in the middle is missing */
        log_segment_name(firsts[i], name);
        fixture_path(&f, name, path);
        fixture_path(&f, "away", away);
        assert_int_equal(rename(path, away), 0);
        assert_int_equal(fixture_open(&f), -EUCLEAN);
        log_segment_name(firsts[i + 1], name);
        assert_string_equal(f.damage.segment, name);
        assert_int_equal(rename(away, path), 0);
    }
    for (unsigned i = 0; i < 5; i++) { /* one is short, then its header is spoiled */
        log_segment_name(firsts[i], name);
        size = fixture_load(&f, firsts[i], &bytes);
        fixture_store(&f, firsts[i], bytes, size - 8);
        assert_int_equal(fixture_open(&f), -EUCLEAN);
        assert_string_equal(f.damage.segment, name);
        bytes[9] ^= 4;
        fixture_store(&f, firsts[i], bytes, size);
        assert_int_equal(fixture_open(&f), -EUCLEAN);
        assert_string_equal(f.damage.segment, name);
        bytes[9] ^= 4;
        fixture_store(&f, firsts[i], bytes, size);
        free(bytes);
    }
    /* A flip in an old segment is found by who reads it. */
    size = fixture_load(&f, firsts[1], &bytes);
    bytes[LOG_SEGMENT_HEADER + LOG_FRAME_HEADER + 1000] ^= 16;
    fixture_store(&f, firsts[1], bytes, size);
    free(bytes);
    assert_int_equal(fixture_open(&f), 0);
    {
        struct log_cursor *cursor;
        struct log_damage damage;
        struct log_record record;
        int r;

        assert_int_equal(log_cursor_open(&cursor, f.log, 1), 0);
        while ((r = log_cursor_next(cursor, &record)) == 1)
            assert_true(record.seq < firsts[2]);
        assert_int_equal(r, -EUCLEAN);
        assert_int_equal(log_cursor_next(cursor, &record), -EUCLEAN);
        log_cursor_damage(cursor, &damage);
        log_segment_name(firsts[1], name);
        assert_string_equal(damage.segment, name);
        assert_in_range(damage.seq, firsts[1], firsts[2] - 1);
        log_cursor_close(cursor);
    }
    /* The oldest ones pruned. */
    fixture_close(&f);
    for (unsigned i = 0; i < 2; i++) {
        log_segment_name(firsts[i], name);
        fixture_path(&f, name, path);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_first(f.log), firsts[2]);
    {
        struct log_cursor *cursor;
        struct log_record record;

        assert_int_equal(log_cursor_open(&cursor, f.log, firsts[2] - 1), -ENOENT);
        assert_int_equal(log_cursor_open(&cursor, f.log, 0), 0);
        assert_int_equal(log_cursor_next(cursor, &record), 1);
        assert_int_equal(record.seq, firsts[2]);
        log_cursor_close(cursor);
    }
    fixture_deinit(&f);
}

/* Beside a writer: an open of its own sees what is durable, and changes nothing. */
static void test_read_only(void **state)
{
    struct fixture f, reader;
    struct fault fault;
    uint8_t *bytes, *after;
    size_t size, len;
    uint64_t at, last = 10, seen;

    (void)state;
    size = three_batches(&f, &fault, true, &bytes);
    at = fixture_offset(bytes, 1, 9, &len);
    bytes[at + 20] ^= 1;
    fixture_store(&f, 1, bytes, size);
    f.options.read_only = true;
    assert_int_equal(fixture_open(&f), 0);
    fixture_verify(&f, 7);
    assert_int_equal(f.cut, 2);
    assert_int_equal(log_prepare(f.log), -EROFS);
    fixture_close(&f);
    assert_int_equal(fixture_load(&f, 1, &after), size);
    assert_memory_equal(after, bytes, size);
    bytes[at + 20] ^= 1;
    fixture_store(&f, 1, bytes, size);
    free(after);
    free(bytes);
    f.options.read_only = false;
    assert_int_equal(fixture_open(&f), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fixture_append(&f, 10, false), 0);
        last += 10;
        assert_int_equal(log_prepare(f.log), 0);
        reader = f;
        reader.options.read_only = true;
        assert_int_equal(fixture_open(&reader), 0);
        assert_int_equal(reader.cut, 0);
        assert_int_equal(fixture_check(reader.log, last, &seen), 0);
        assert_int_equal(seen, last);
        fixture_close(&reader);
    }
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damage_zeroed),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_payload_like_record),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_read_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
