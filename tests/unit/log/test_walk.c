/*
 * Lies with good checks: whoever knows the key of a segment can write records that are whole and yet don't follow. The
 * walk at the start names each, so does a cursor that meets one later. And what stands behind the last record: scraps,
 * and bytes made to look like records.
 */
#include "fixture.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct segment {
    struct fixture f;
    struct fault fault;
    uint8_t *good, *bytes;
    size_t size;
    struct log_segment_header header;
};

/* Batches [1..4] [5..7] [8..10]; with more, each batch is one command. */
static void make(struct segment *s, bool more)
{
    fixture_init(&s->f, LOG_SEGMENT_MIN);
    fault_init(&s->fault);
    s->fault.no_sync = true;
    s->f.options.io = &s->fault.io;
    assert_int_equal(fixture_open(&s->f), 0);
    assert_int_equal(fixture_append(&s->f, 4, more), 0);
    assert_int_equal(fixture_append(&s->f, 3, more), 0);
    assert_int_equal(fixture_append(&s->f, 3, more), 0);
    fixture_close(&s->f);
    s->size = fixture_load(&s->f, 1, &s->good);
    s->bytes = malloc(s->size);
    assert_non_null(s->bytes);
    memcpy(s->bytes, s->good, s->size);
    assert_true(log_segment_header_decode(s->good, &s->header));
}

static void drop(struct segment *s)
{
    free(s->good);
    free(s->bytes);
    fixture_deinit(&s->f);
}

/* Record seq as it stands, to be changed and put back with a check that holds. */
static struct log_frame take(struct segment *s, uint64_t seq, uint64_t *ret_at, uint8_t payload[FIXTURE_PAYLOAD_MAX])
{
    struct log_frame frame;
    size_t len;

    *ret_at = fixture_offset(s->good, 1, seq, &len);
    log_frame_decode(s->good + *ret_at, &frame);
    memcpy(payload, frame.record.payload, frame.record.len);
    frame.record.payload = payload;
    return frame;
}

static void put(struct segment *s, const struct log_frame *frame, uint64_t at)
{
    memcpy(s->bytes, s->good, s->size);
    log_frame_encode(s->header.key, &frame->record, frame->place, s->bytes + at);
    fixture_store(&s->f, 1, s->bytes, s->size);
}

static void test_each_lie_is_named(void **state)
{
    static const struct {
        uint64_t seq;
        bool more;
        const char *what;
        uint64_t number, batch;
        uint32_t flags, place;
        uint8_t prev;
    } lies[] = {
        {6, false, "another number than follows", .number = 1},
        {6, false, "unknown flags", .flags = 4},
        {6, false, "another place in its batch", .place = 1},
        {1, false, "another place in its batch", .place = 1},
        {5, false, "another batch than follows", .batch = 1},
        {5, true, "another batch than follows", .batch = 1},
        {4, true, "a new batch in the middle of a command", .flags = LOG_MORE},
        {1, false, "a hash before the first entry", .prev = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        static uint8_t payload[FIXTURE_PAYLOAD_MAX];
        struct segment s;
        struct log_frame frame;
        uint64_t at;

        make(&s, lies[i].more);
        frame = take(&s, lies[i].seq, &at, payload);
        frame.record.seq += lies[i].number;
        frame.record.batch += lies[i].batch;
        frame.record.flags ^= lies[i].flags;
        frame.record.prev[0] ^= lies[i].prev;
        frame.place += lies[i].place;
        put(&s, &frame, at);
        assert_int_equal(fixture_open(&s.f), -EUCLEAN);
        if (!strstr(s.f.damage.what, lies[i].what))
            fail_msg("%s: %s", lies[i].what, s.f.damage.what);
        /* a command that goes on where none does is seen at the record behind it */
        assert_int_equal(s.f.damage.seq, lies[i].flags == LOG_MORE ? lies[i].seq + 1 : lies[i].seq);
        drop(&s);
    }
}

/* Without the callback of the engine there is no chain to compare, and with one record nothing to compare it with. */
static void test_no_chain(void **state)
{
    static uint8_t payload[FIXTURE_PAYLOAD_MAX];
    struct segment s;
    struct log_frame frame;
    uint64_t at;

    (void)state;
    make(&s, false);
    frame = take(&s, 6, &at, payload);
    frame.record.prev[0] ^= 1;
    put(&s, &frame, at);
    assert_int_equal(fixture_open(&s.f), -EUCLEAN);
    s.f.options.hash = NULL;
    assert_int_equal(fixture_open(&s.f), 0);
    drop(&s);
}

/* What a cursor meets after the log was opened: it gives what stands before the lie, and then says where and what. */
static void test_a_cursor_names_it_too(void **state)
{
    enum { NUMBER, BIT, ZEROS, SKIPPED_NUMBER, SKIPPED_ZEROS, HEADER, WAYS };
    static const char *const what[WAYS] = {"another number", "bad record",   "no record",
                                           "another number", "not a record", "bad header"};

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        static uint8_t payload[FIXTURE_PAYLOAD_MAX];
        const bool skipped = way == SKIPPED_NUMBER || way == SKIPPED_ZEROS;
        struct segment s;
        struct log_cursor *cursor;
        struct log_damage damage;
        struct log_record record;
        struct log_frame frame;
        uint64_t at;

        make(&s, false);
        assert_int_equal(fixture_open(&s.f), 0);
        frame = take(&s, 6, &at, payload);
        if (way == NUMBER || way == SKIPPED_NUMBER)
            frame.record.seq = 9;
        put(&s, &frame, at);
        if (way == BIT)
            s.bytes[at + LOG_FRAME_HEADER] ^= 1;
        if (way == ZEROS || way == SKIPPED_ZEROS)
            memset(s.bytes + at, 0, LOG_FRAME_HEADER);
        if (way == HEADER)
            s.bytes[20] ^= 1;
        fixture_store(&s.f, 1, s.bytes, s.size);
        assert_int_equal(log_cursor_open(&cursor, s.f.log, skipped ? 8 : 5), 0);
        if (!skipped && way != HEADER)
            assert_int_equal(log_cursor_next(cursor, &record), 1);
        assert_int_equal(log_cursor_next(cursor, &record), -EUCLEAN);
        assert_int_equal(log_cursor_next(cursor, &record), -EUCLEAN); /* and again */
        log_cursor_damage(cursor, &damage);
        assert_non_null(strstr(damage.what, what[way]));
        if (way != HEADER)
            assert_int_equal(damage.seq, 6);
        log_cursor_close(cursor);
        drop(&s);
    }
}

/* Scraps at the very end of the segment, where no header has room: a cut, as anything behind the last record. */
static void test_scraps_at_the_end(void **state)
{
    static const size_t scraps[] = {1, 8, 40, LOG_FRAME_HEADER - 1, LOG_FRAME_HEADER, LOG_FRAME_HEADER + 5};

    (void)state;
    for (size_t i = 0; i < sizeof(scraps) / sizeof(*scraps); i++) {
        struct segment s;

        make(&s, false);
        memset(s.bytes + s.size - scraps[i], 0xa5, scraps[i]);
        fixture_store(&s.f, 1, s.bytes, s.size);
        assert_int_equal(fixture_open(&s.f), 0);
        assert_int_equal(s.f.cut, 1);
        fixture_verify(&s.f, 10);
        fixture_close(&s.f);
        assert_int_equal(fixture_open(&s.f), 0);
        assert_int_equal(s.f.cut, 0);
        drop(&s);
    }
}

/*
 * Headers that announce the rest of the segment, one every 8 bytes as close as they fit: to hash all that would take
 * hours in a large segment, so the search gives up and says so.
 */
static void test_a_search_is_bounded(void **state)
{
    struct segment s;
    struct log_record fake = {.seq = 11, .batch = 4};
    uint8_t *end;
    uint64_t at;
    size_t len;

    (void)state;
    make(&s, false);
    at = fixture_offset(s.good, 1, 10, &len) + len;
    end = s.bytes + s.size;
    memset(s.bytes + at, 0xa5, 8); /* the record that would follow is torn */
    for (uint8_t *to = s.bytes + at + 8; to + LOG_FRAME_HEADER + 8192 < end; to += LOG_FRAME_HEADER) {
        uint8_t *whole;

        fake.len = (uint32_t)(end - to) - LOG_FRAME_HEADER;
        fake.payload = calloc(1, fake.len);
        whole = malloc(log_frame_bytes(fake.len));
        assert_true(fake.payload && whole);
        log_frame_encode(s.header.key, &fake, 0, whole);
        memcpy(to, whole, LOG_FRAME_HEADER); /* the check is that of another payload */
        free(whole);
        free((void *)(uintptr_t)fake.payload);
    }
    fixture_store(&s.f, 1, s.bytes, s.size);
    assert_int_equal(fixture_open(&s.f), -EUCLEAN);
    assert_non_null(strstr(s.f.damage.what, "too much behind the last record looks like records"));
    drop(&s);
}

/* Headers that hold by themselves and still don't fit: name, size, bounds, the segment before. */
static void test_headers_that_do_not_fit(void **state)
{
    enum { FIRST, SIZE, BEFORE, LARGE, SMALL, VERSION, WAYS };

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        struct segment s;
        struct log_segment_header header;
        size_t size;

        make(&s, false);
        header = s.header;
        size = s.size;
        if (way == FIRST)
            header.first = 2;
        if (way == SIZE)
            header.bytes += 8;
        if (way == BEFORE)
            header.before = 1;
        if (way == LARGE)
            header.bytes = LOG_SEGMENT_MAX + 8;
        if (way == SMALL)
            header.bytes = size = LOG_SEGMENT_HEADER - 8;
        log_segment_header_encode(&header, s.bytes);
        if (way == VERSION)
            s.bytes[8] ^= 2;
        fixture_store(&s.f, 1, s.bytes, size);
        assert_int_equal(fixture_open(&s.f), -EUCLEAN);
        assert_int_equal(s.f.damage.offset, 0);
        drop(&s);
    }
}

/* A first segment that can't be the first: of a number that is not 1 with nothing before it, or without a record while
 * something was before it. */
static void test_a_first_that_is_none(void **state)
{
    (void)state;
    for (uint64_t before = 0; before < 2; before++) {
        struct segment s;
        struct log_segment_header header;
        char from[256], to[256];

        make(&s, false);
        header = s.header;
        header.first = 5;
        header.before = before;
        memset(s.bytes, 0, s.size);
        log_segment_header_encode(&header, s.bytes);
        fixture_path(&s.f, "00000000000000000001.seg", from);
        fixture_path(&s.f, "00000000000000000005.seg", to);
        assert_int_equal(rename(from, to), 0);
        fixture_store(&s.f, 5, s.bytes, s.size);
        assert_int_equal(fixture_open(&s.f), -EUCLEAN);
        assert_non_null(strstr(s.f.damage.what, before ? "the segment before it is missing"
                                                       : "the first segment does not begin with 1"));
        assert_int_equal(log_open(&s.f.log, &s.f.options, NULL, NULL), -EUCLEAN); /* whoever does not ask where */
        drop(&s);
    }
}

static void test_options(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    f.options.segment_bytes = LOG_SEGMENT_MIN - 8;
    assert_int_equal(fixture_open(&f), -EINVAL);
    f.options.segment_bytes = (size_t)(LOG_SEGMENT_MAX / 2 + 8);
    assert_int_equal(fixture_open(&f), -EINVAL);
    f.options.segment_bytes = 0;
    f.options.dir = NULL;
    assert_int_equal(fixture_open(&f), -EINVAL);
    f.options.dir = "/dev/null/no-folder";
    assert_int_equal(log_open(&f.log, &f.options, NULL, NULL), -ENOTDIR);
    log_close(NULL);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_lie_is_named),     cmocka_unit_test(test_no_chain),
        cmocka_unit_test(test_a_cursor_names_it_too), cmocka_unit_test(test_scraps_at_the_end),
        cmocka_unit_test(test_a_search_is_bounded),   cmocka_unit_test(test_headers_that_do_not_fit),
        cmocka_unit_test(test_a_first_that_is_none),  cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
