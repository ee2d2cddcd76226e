/* Appending: batches, going over to the next segment, what is refused, what is prepared. */
#include "fixture.h"
#include "log/local.h"
#include "schema/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_empty(void **state)
{
    struct fixture f;
    struct log_cursor *cursor;
    struct log_record record;

    (void)state;
    fixture_init(&f, 0);
    f.options.read_only = true;
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_append(f.log, NULL, 0), -EROFS);
    fixture_close(&f);
    f.options.read_only = false;
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_durable(f.log).seq, 0);
    assert_int_equal(log_first(f.log), 0);
    assert_int_equal(log_cursor_open(&cursor, f.log, 1), 0);
    assert_int_equal(log_cursor_next(cursor, &record), 0);
    log_cursor_close(cursor);
    assert_int_equal(log_append(f.log, NULL, 0), 0);
    fixture_deinit(&f);
}

static void test_folder(void **state)
{
    struct fixture f;
    struct log *second;
    char dir[256];

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    fixture_path(&f, "log", dir);
    f.options.dir = dir;
    f.options.read_only = true;
    assert_int_equal(fixture_open(&f), -ENOENT);
    f.options.read_only = false;
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_open(&second, &f.options, NULL, NULL), -EBUSY);
    fixture_close(&f);
    assert_int_equal(rmdir(dir), 0);
    f.options.segment_bytes = LOG_SEGMENT_MIN - 1;
    assert_int_equal(fixture_open(&f), -EINVAL);
    fixture_deinit(&f);
}

static void test_reopen(void **state)
{
    struct fixture f;
    uint64_t last = 0, firsts[64];

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    for (int round = 0; round < 12; round++) {
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(f.cut, 0);
        fixture_verify(&f, last);
        for (unsigned i = 0; i < 12; i++) {
            assert_int_equal(fixture_append(&f, 1 + (i * 7) % 23, i % 3 == 0), 0);
            last += 1 + (i * 7) % 23;
            assert_int_equal(log_durable(f.log).seq, last);
            assert_int_equal(log_prepare(f.log), 0);
        }
        fixture_verify(&f, last);
        assert_int_equal(log_first(f.log), 1);
        fixture_close(&f);
    }
    assert_in_range(fixture_segments(&f, firsts, 64), 3, 64);
    f.options.read_only = true;
    assert_int_equal(fixture_open(&f), 0);
    fixture_verify(&f, last);
    fixture_deinit(&f);
}

/* Batches of sizes around what is left and around a whole segment, the first one larger than a segment included. */
static void test_large(void **state)
{
    struct fixture f;
    uint8_t *big = calloc(1, RELIEF_ENTRY_BYTES_MAX + 1);
    uint32_t sizes[] = {200000,
                        10,
                        LOG_SEGMENT_MIN - LOG_SEGMENT_HEADER - LOG_FRAME_HEADER,
                        LOG_SEGMENT_MIN - LOG_SEGMENT_HEADER - LOG_FRAME_HEADER + 1,
                        40000,
                        30000,
                        RELIEF_ENTRY_BYTES_MAX,
                        0,
                        1};
    uint64_t firsts[16], expected[] = {1, 3, 4, 5, 6, 7}; /* 2, 8 and 9 fit into what rounding left */
    struct log_record record;
    struct log_cursor *cursor;

    (void)state;
    assert_non_null(big);
    fixture_init(&f, LOG_SEGMENT_MIN);
    assert_int_equal(fixture_open(&f), 0);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        record = (struct log_record){.seq = i + 1, .payload = big, .len = sizes[i]};
        memset(big, (int)i + 1, sizes[i]);
        assert_int_equal(log_append(f.log, &record, 1), 0);
        if (i == 3)
            assert_int_equal(log_prepare(f.log), 0);
    }
    record = (struct log_record){.seq = 10, .payload = big, .len = RELIEF_ENTRY_BYTES_MAX + 1};
    assert_int_equal(log_append(f.log, &record, 1), -E2BIG);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(log_cursor_open(&cursor, f.log, 1), 0);
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            assert_int_equal(log_cursor_next(cursor, &record), 1);
            assert_int_equal(record.len, sizes[i]);
            assert_true(record.len == 0 || (record.payload[0] == i + 1 && record.payload[record.len - 1] == i + 1));
        }
        assert_int_equal(log_cursor_next(cursor, &record), 0);
        log_cursor_close(cursor);
        fixture_close(&f);
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(log_durable(f.log).seq, 9);
    }
    assert_int_equal(fixture_segments(&f, firsts, 16), 6);
    assert_memory_equal(firsts, expected, sizeof(expected));
    fixture_deinit(&f);
    free(big);
}

/* A segment that got its name and then no record, because the first batch needed a larger one: it is replaced. */
static void test_large_first(void **state)
{
    struct fixture f;
    uint8_t *bytes, *big = calloc(1, 100000);
    struct log_record record = {.seq = 1, .payload = big, .len = 100000};
    uint64_t firsts[4];
    size_t len;

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(fixture_append(&f, 1, false), 0);
    fixture_close(&f);
    len = fixture_load(&f, 1, &bytes);
    memset(bytes + LOG_SEGMENT_HEADER, 0, len - LOG_SEGMENT_HEADER);
    fixture_store(&f, 1, bytes, len);
    free(bytes);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(f.cut, 0);
    assert_int_equal(log_append(f.log, &record, 1), 0);
    assert_int_equal(fixture_segments(&f, firsts, 4), 1);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_durable(f.log).seq, 1);
    fixture_deinit(&f);
    free(big);
}

static void test_refused(void **state)
{
    struct fixture f;
    struct log_record records[2] = {{.seq = 1}, {.seq = 3}};

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_append(f.log, records, 2), -EINVAL);
    records[1].seq = 2;
    records[1].flags = LOG_MORE;
    assert_int_equal(log_append(f.log, records, 2), -EINVAL);
    records[1].flags = 2;
    assert_int_equal(log_append(f.log, records, 2), -EINVAL);
    records[1].flags = 0;
    assert_int_equal(log_append(f.log, records, 2), 0);
    assert_int_equal(log_append(f.log, records, 2), -EINVAL);
    assert_int_equal(log_durable(f.log).seq, 2);
    fixture_deinit(&f);
}

/* The next segment is made in pieces when half of the current one is full, and is still known after a restart. */
static void test_prepare(void **state)
{
    struct fixture f;
    struct stat st, later;
    char next[256], tmp[256], path[256];
    uint64_t firsts[4];

    (void)state;
    fixture_init(&f, 9u * 1024u * 1024u);
    fixture_path(&f, LOG_NEXT_NAME, next);
    fixture_path(&f, LOG_NEXT_TMP, tmp);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_prepare(f.log), 0);
    assert_int_equal(stat(tmp, &st), 0);
    assert_int_equal(stat(next, &st), -1);
    assert_int_equal(log_prepare(f.log), 0);
    assert_int_equal(stat(next, &st), 0);
    assert_int_equal(st.st_size, f.options.segment_bytes);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(fixture_append(&f, 3, false), 0);
    assert_int_equal(stat(next, &later), -1);
    assert_int_equal(fixture_segments(&f, firsts, 4), 1);
    fixture_path(&f, "00000000000000000001.seg", path);
    assert_int_equal(stat(path, &later), 0);
    assert_int_equal(later.st_ino, st.st_ino);
    /* Not before half of it is full. */
    assert_int_equal(log_prepare(f.log), 0);
    assert_int_equal(stat(tmp, &st), -1);
    /* One that is not of the size that is wanted now, or not finished, is not used. */
    fixture_close(&f);
    assert_int_equal(close(creat(next, 0600)), 0);
    assert_int_equal(close(creat(tmp, 0600)), 0);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(stat(next, &st), -1);
    assert_int_equal(stat(tmp, &st), -1);
    fixture_verify(&f, 3);
    fixture_deinit(&f);
}

/* A batch has a bound of its own, however small its records are; and what a rare huge one took is given back. */
static void test_huge(void **state)
{
    struct fixture f;
    const size_t count = LOG_BATCH_BYTES_MAX / RELIEF_ENTRY_BYTES_MAX + 1, three = 3;
    struct log_record *records = calloc(count, sizeof(*records));
    uint8_t *big = calloc(1, RELIEF_ENTRY_BYTES_MAX);

    (void)state;
    assert_true(records && big);
    fixture_init(&f, LOG_SEGMENT_MIN);
    assert_int_equal(fixture_open(&f), 0);
    for (size_t i = 0; i < count; i++)
        records[i] = (struct log_record){.seq = i + 1, .payload = big, .len = RELIEF_ENTRY_BYTES_MAX};
    assert_int_equal(log_append(f.log, records, count), -E2BIG);
    assert_int_equal(log_durable(f.log).seq, 0);
    assert_int_equal(log_append(f.log, records, three), 0);
    assert_true(f.log->buffer_space <= LOG_BUFFER_KEEP);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_durable(f.log).seq, three);
    free(big);
    free(records);
    fixture_deinit(&f);
}

/* An unfinished segment of one large batch, as a crash leaves it, goes at the next start. */
static void test_large_unfinished(void **state)
{
    struct fixture f;
    struct stat st;
    char large[256];

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    fixture_path(&f, LOG_LARGE_TMP, large);
    assert_int_equal(close(creat(large, 0600)), 0);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(stat(large, &st), -1);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_folder),      cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_large),   cmocka_unit_test(test_large_first), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_prepare), cmocka_unit_test(test_huge),        cmocka_unit_test(test_large_unfinished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
