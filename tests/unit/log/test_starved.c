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

/* Reads that fail: the fail_at-th one, counted from 1; with `ends` it finds the end of the file instead. */
struct reads {
    struct file_io io;
    uint64_t calls, fail_at;
    bool ends;
};

static ssize_t reads_pread(void *context, int fd, void *to, size_t len, off_t offset)
{
    struct reads *reads = context;

    if (++reads->calls == reads->fail_at) {
        errno = EIO;
        return reads->ends ? 0 : -1;
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

static void reads_init(struct reads *reads)
{
    *reads = (struct reads){.io = file_io_system};
    reads->io.context = reads;
    reads->io.pread = reads_pread;
    reads->io.openat = reads_openat;
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

static int append_one(struct log *log, const uint8_t *payload, uint32_t len)
{
    struct log_record record = {.seq = log_durable(log).seq + 1, .payload = payload, .len = len};

    return log_append(log, &record, 1);
}

/* Whatever the next batch needs lacks once: room in the buffer, a place for the new segment in the table. Nothing
 * sticks, nothing of the batch is there, and the same batch is taken when there is memory. */
static void test_append_without_memory(void **state)
{
    static uint8_t payload[120000]; /* two to a segment, so there are more segments than the table begins with */
    struct fixture f;
    struct fault fault;
    uint64_t last;
    unsigned refused = 0;
    int r = 0;

    (void)state;
    fill(&f, &fault);
    assert_int_equal(fixture_open(&f), 0);
    last = log_durable(f.log).seq;
    for (unsigned i = 0; i < 60; i++) {
        STARVE_EACH(starved, r = append_one(f.log, payload, sizeof(payload)), {
            assert_int_equal(r, starved && r ? -ENOMEM : 0); /* a mark that finds no room is done without */
            last += r == 0;
            assert_int_equal(log_durable(f.log).seq, last);
            refused += r < 0;
        });
    }
    assert_true(refused > 2);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(log_durable(f.log).seq, last);
    assert_int_equal(f.cut, 0);
    fixture_deinit(&f);
}

static void check_segments(bool starved, int result, struct log_segment_info *infos)
{
    assert_int_equal(result, starved ? -ENOMEM : 0);
    if (result == 0)
        free(infos);
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
    STARVE_EACH(starved, r = log_segments(f.log, &infos, &count, &head), { check_segments(starved, r, infos); });
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
    struct reads reads;
    int r;

    (void)state;
    fill(&f, &fault);
    reads_init(&reads);
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

/* Opens with each read failing, then without a fault. Returns how many failed. */
static unsigned each_read_of_an_open(struct fixture *f, bool ends)
{
    struct reads reads;
    unsigned failed = 0;
    int r;

    reads_init(&reads);
    reads.ends = ends;
    f->options.io = &reads.io;
    f->options.read_only = true; /* so that the folder stays as it is */
    for (uint64_t n = 1;; n++) {
        reads.calls = 0;
        reads.fail_at = n;
        r = fixture_open(f);
        if (reads.calls < n)
            break;
        if (r == 0)
            fixture_close(f); /* beside a running daemon an end that moves is looked at again */
        else
            assert_true(r == -EIO || r == -EMFILE || (ends && r == -EUCLEAN));
        failed++;
    }
    assert_int_equal(r, 0);
    fixture_close(f);
    f->options.io = NULL;
    f->options.read_only = false;
    return failed;
}

/* A torn end far from the end of its segment, so that the search behind it reads piece after piece; and a last segment
 * that keeps nothing, so that the one before is read as well. */
static void test_every_read_of_a_recovery(void **state)
{
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        uint64_t firsts[16], first;
        struct fixture f;
        struct fault fault;
        uint8_t *bytes;
        size_t size, len;
        unsigned count;

        fixture_init(&f, 1024 * 1024);
        fault_init(&fault);
        fault.no_sync = true;
        f.options.io = &fault.io;
        assert_int_equal(fixture_open(&f), 0);
        do {
            assert_int_equal(fixture_append(&f, 400, false), 0);
            count = fixture_segments(&f, firsts, 16);
        } while (count < 2);
        assert_int_equal(fixture_append(&f, 20, false), 0);
        for (int i = 0; i < 8; i++)
            assert_int_equal(log_prepare(f.log), 0);
        fixture_close(&f);
        first = firsts[count - 1];
        size = fixture_load(&f, first, &bytes);
        if (empty)
            memset(bytes + LOG_SEGMENT_HEADER, 0, size - LOG_SEGMENT_HEADER);
        else
            bytes[fixture_offset(bytes, first, first + 410, &len)] ^= 1;
        memset(bytes + size - 100, empty ? 0 : 0xa5, 100);
        fixture_store(&f, first, bytes, size);
        free(bytes);
        assert_true(each_read_of_an_open(&f, false) > 4);
        assert_true(each_read_of_an_open(&f, true) > 4);
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(log_durable(f.log).seq, empty ? first - 1 : first + 409);
        fixture_verify(&f, log_durable(f.log).seq);
        fixture_deinit(&f);
    }
}

/* ---- a batch larger than a segment, and room that lacks ---- */

static void test_every_call_of_a_large_batch(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    static uint8_t payload[2 * LOG_SEGMENT_MIN];

    (void)state;
    for (size_t e = 0; e < 2; e++) {
        for (uint64_t n = 1;; n++) {
            struct fixture f;
            struct fault fault;
            int r, again;

            fixture_init(&f, LOG_SEGMENT_MIN);
            fault_init(&fault);
            fault.no_sync = true;
            fault.error = errors[e];
            f.options.io = &fault.io;
            assert_int_equal(fixture_open(&f), 0);
            assert_int_equal(fixture_append(&f, 3, false), 0);
            fault.fail_at = fault.calls + n;
            r = append_one(f.log, payload, sizeof(payload));
            again = append_one(f.log, payload, sizeof(payload));
            if (fault.calls < fault.fail_at) {
                assert_int_equal(r, 0);
                fixture_deinit(&f);
                break;
            }
            if (r < 0) {
                assert_int_equal(log_durable(f.log).seq, r == -ENOSPC ? 4 : 3);
                assert_int_equal(again, r == -ENOSPC ? 0 : r); /* what lacked is there again; anything else sticks */
            }
            fixture_close(&f);
            fault.fail_at = 0;
            assert_int_equal(fixture_open(&f), 0);
            assert_in_range(log_durable(f.log).seq, r == -ENOSPC ? 4 : 3, 5);
            fixture_deinit(&f);
        }
    }
}

/* The hash of an entry finds no memory: the batch is not taken, and nothing of it stays. */
static bool hash_fails;

static int failing_hash(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES])
{
    return hash_fails ? -ENOMEM : fixture_hash(context, record, ret_hash);
}

static void test_a_hash_that_fails(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    f.options.hash = failing_hash;
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(fixture_append(&f, 3, false), 0);
    hash_fails = true;
    assert_int_equal(fixture_append(&f, 3, false), -ENOMEM);
    assert_int_equal(log_durable(f.log).seq, 3);
    hash_fails = false;
    assert_int_equal(fixture_append(&f, 3, false), 0);
    fixture_verify(&f, 6);
    fixture_close(&f);
    hash_fails = true;
    assert_int_equal(fixture_open(&f), -ENOMEM);
    hash_fails = false;
    f.options.hash = NULL; /* and none at all: no chain */
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(fixture_append(&f, 3, false), 0);
    assert_int_equal(log_durable(f.log).seq, 9);
    fixture_deinit(&f);
}

/* What is left of a batch that found no space is cleaned before the next; when cleaning fails otherwise, that sticks.
 */
static void test_cleaning(void **state)
{
    static const struct {
        int error, expected;
    } rows[] = {{ENOSPC, -ENOSPC}, {EIO, -EIO}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct fault fault;

        fixture_init(&f, LOG_SEGMENT_MIN);
        fault_init(&fault);
        fault.no_sync = fault.keep_failing = true;
        fault.error = ENOSPC;
        f.options.io = &fault.io;
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(fixture_append(&f, 3, false), 0);
        fault.fail_at = fault.calls + 1;
        assert_int_equal(fixture_append(&f, 3, false), -ENOSPC);
        fault.error = rows[i].error;
        assert_int_equal(log_make_room(f.log), rows[i].expected);
        fault.fail_at = 0;
        assert_int_equal(log_make_room(f.log), rows[i].error == EIO ? -EIO : 0);
        assert_int_equal(log_prepare(f.log), rows[i].error == EIO ? -EIO : 0);
        assert_int_equal(fixture_append(&f, 3, false), rows[i].error == EIO ? -EIO : 0);
        assert_int_equal(log_make_room(f.log), rows[i].error == EIO ? -EIO : 0);
        fixture_close(&f);
        assert_int_equal(fixture_open(&f), 0);
        fixture_verify(&f, rows[i].error == EIO ? 3 : 6);
        fixture_close(&f);
        f.options.read_only = true;
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(log_prepare(f.log), -EROFS);
        assert_int_equal(fixture_append(&f, 1, false), -EROFS);
        fixture_deinit(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_without_memory),      cmocka_unit_test(test_append_without_memory),
        cmocka_unit_test(test_readers_without_memory),   cmocka_unit_test(test_every_read_fails),
        cmocka_unit_test(test_every_read_of_a_recovery), cmocka_unit_test(test_every_call_of_a_large_batch),
        cmocka_unit_test(test_a_hash_that_fails),        cmocka_unit_test(test_cleaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
