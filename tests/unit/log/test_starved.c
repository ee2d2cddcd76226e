/*
 * Memory and reads that fail at every place: what the log answers, that it is as it was, and that it goes on when there
 * is memory again. A failed read is told, never taken for the end.
 */
#include "fixture.h"
#include "starve.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads that fail: the fail_at-th one, counted from 1. */
struct reads {
    struct file_io io;
    uint64_t calls, fail_at;
};

static ssize_t reads_pread(void *context, int fd, void *to, size_t len, off_t offset)
{
    struct reads *reads = context;

    if (++reads->calls == reads->fail_at) {
        errno = EIO;
        return -1;
    }
    return file_io_system.pread(file_io_system.context, fd, to, len, offset);
}

static int reads_openat(void *context, int dir_fd, const char *name, int flags, mode_t mode)
{
    struct reads *reads = context;

    if (++reads->calls == reads->fail_at) {
        errno = EMFILE;
        return -1;
    }
    return file_io_system.openat(file_io_system.context, dir_fd, name, flags, mode);
}

/* Several segments of a few batches each, and a mark or two in them. */
static void fill(struct fixture *f, struct fault *fault)
{
    fixture_init(f, 4 * LOG_SEGMENT_MIN);
    fault_init(fault);
    fault->no_sync = true;
    f->options.io = &fault->io;
    assert_int_equal(fixture_open(f), 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(fixture_append(f, 100, i % 2 == 0), 0);
    fixture_close(f);
}

static void test_open_without_memory(void **state)
{
    struct fixture f;
    struct fault fault;
    unsigned rounds = 0;
    int r = 0;

    (void)state;
    fill(&f, &fault);
    STARVE_EACH(starved, r = fixture_open(&f), {
        /* a mark that finds no memory is left out: reading takes longer, nothing else */
        assert_true(r == -ENOMEM || r == 0);
        if (!starved)
            assert_int_equal(r, 0);
        if (r == 0)
            fixture_verify(&f, 6000);
        if (r == 0)
            fixture_close(&f);
        rounds++;
    });
    assert_true(rounds > 5);
    fixture_deinit(&f);
}

/* The segment is full and the buffer too small: each thing that the next batch needs may be what lacks. */
static void test_append_without_memory(void **state)
{
    struct fixture f;
    struct fault fault;

    (void)state;
    fill(&f, &fault);
    assert_int_equal(fixture_open(&f), 0);
    for (unsigned round = 0; round < 12; round++) {
        static uint8_t payload[FIXTURE_PAYLOAD_MAX];
        struct log_record record = {0};
        int r = -1;

        STARVE_EACH(
            starved,
            {
                record.seq = log_durable(f.log).seq + 1;
                record.len = fixture_payload(record.seq, payload);
                record.payload = payload;
                r = log_append(f.log, &record, 1);
            },
            {
                assert_int_equal(r, starved ? -ENOMEM : 0);
                assert_int_equal(log_durable(f.log).seq, starved ? record.seq - 1 : record.seq);
            });
        assert_int_equal(fixture_append(&f, 1000, false), 0); /* about a segment */
    }
    fixture_verify(&f, log_durable(f.log).seq);
    f.cut = log_durable(f.log).seq;
    fixture_close(&f);
    uint64_t last = f.cut;
    assert_int_equal(fixture_open(&f), 0);
    fixture_verify(&f, last);
    fixture_deinit(&f);
}

static void test_readers_without_memory(void **state)
{
    struct fixture f;
    struct fault fault;
    struct log_segment_info *infos;
    struct log_head head;
    size_t count;
    int r = 0;

    (void)state;
    fill(&f, &fault);
    assert_int_equal(fixture_open(&f), 0);
    STARVE_EACH(starved, r = log_segments(f.log, &infos, &count, &head), {
        assert_int_equal(r, starved ? -ENOMEM : 0);
        if (r == 0)
            free(infos);
    });
    assert_true(count > 2);
    for (uint64_t seq = 1; seq < 6000; seq += 777) {
        STARVE_EACH(
            starved,
            {
                struct log_cursor *cursor = NULL;
                struct log_record record;

                r = log_cursor_open(&cursor, f.log, seq);
                if (r == 0)
                    r = log_cursor_next(cursor, &record);
                log_cursor_close(cursor);
            },
            assert_true(r == (starved ? -ENOMEM : 1) || (starved && r == 1)));
    }
    fixture_deinit(&f);
}

/* -EIO, or -EMFILE where a file is opened; and afterwards all is there. */
static void test_every_read_fails(void **state)
{
    struct fixture f;
    struct fault fault;
    struct reads reads = {.io = file_io_system};
    int r;

    (void)state;
    fill(&f, &fault);
    reads.io.context = &reads;
    reads.io.pread = reads_pread;
    reads.io.openat = reads_openat;
    f.options.io = &reads.io;
    for (uint64_t n = 1;; n++) {
        reads.calls = 0;
        reads.fail_at = n;
        r = fixture_open(&f);
        if (reads.calls < n)
            break;
        assert_true(r == -EIO || r == -EMFILE);
    }
    assert_int_equal(r, 0);
    for (uint64_t seq = 1; seq <= 6000; seq += 1499) {
        for (uint64_t n = 1;; n++) {
            struct log_cursor *cursor;
            struct log_record record;

            reads.calls = 0;
            reads.fail_at = n;
            assert_int_equal(log_cursor_open(&cursor, f.log, seq), 0);
            r = log_cursor_next(cursor, &record);
            if (r < 0) {
                assert_true(r == -EIO || r == -EMFILE);
                r = log_cursor_next(cursor, &record); /* the same cursor goes on */
            }
            assert_int_equal(r, 1);
            assert_int_equal(record.seq, seq);
            log_cursor_close(cursor);
            if (reads.calls < n)
                break;
        }
    }
    reads.fail_at = 0;
    fixture_verify(&f, 6000);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_without_memory),
        cmocka_unit_test(test_append_without_memory),
        cmocka_unit_test(test_readers_without_memory),
        cmocka_unit_test(test_every_read_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
