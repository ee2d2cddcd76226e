/* Reading: from any number, beside the appending thread, and after files were spoiled. */
#include "fixture.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill(struct fixture *f, struct fault *fault, size_t segment_bytes, uint64_t last)
{
    fixture_init(f, segment_bytes);
    fault_init(fault);
    fault->no_sync = true;
    f->options.io = &fault->io;
    assert_int_equal(fixture_open(f), 0);
    while (log_durable(f->log).seq < last)
        assert_int_equal(fixture_append(f, 50, false), 0);
}

static void read_one(struct log *log, uint64_t seq)
{
    static uint8_t payload[FIXTURE_PAYLOAD_MAX];
    struct log_cursor *cursor;
    struct log_record record;

    assert_int_equal(log_cursor_open(&cursor, log, seq), 0);
    for (uint64_t i = seq; i < seq + 3 && i <= log_durable(log).seq; i++) {
        assert_int_equal(log_cursor_next(cursor, &record), 1);
        assert_int_equal(record.seq, i);
        assert_int_equal(record.len, fixture_payload(i, payload));
        assert_memory_equal(record.payload, payload, record.len);
    }
    log_cursor_close(cursor);
}

/* Many numbers at random in large and small segments: with marks from appending, from the walk at opening, and without.
 */
static void test_random(void **state)
{
    static const size_t sizes[] = {LOG_SEGMENT_MIN, 1u << 20};
    uint64_t seed = 5;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct fixture f;
        struct fault fault;

        fill(&f, &fault, sizes[i], 20000);
        for (unsigned round = 0; round < 2; round++) {
            read_one(f.log, 1);
            read_one(f.log, 20000);
            for (unsigned k = 0; k < 2000; k++)
                read_one(f.log, 1 + fixture_random(&seed) % 20000);
            fixture_close(&f);
            assert_int_equal(fixture_open(&f), 0);
        }
        fixture_deinit(&f);
    }
}

static void test_wait(void **state)
{
    struct fixture f;
    struct fault fault;
    struct log_cursor *ahead, *behind;
    struct log_record record;

    (void)state;
    fill(&f, &fault, LOG_SEGMENT_MIN, 50);
    assert_int_equal(log_cursor_open(&ahead, f.log, 120), 0);
    assert_int_equal(log_cursor_open(&behind, f.log, 51), 0);
    assert_int_equal(log_cursor_next(ahead, &record), 0);
    assert_int_equal(log_cursor_next(behind, &record), 0);
    for (uint64_t seq = 51; seq < 3000; seq++) {
        if (seq % 10 == 1)
            assert_int_equal(fixture_append(&f, 10, true), 0);
        assert_int_equal(log_cursor_next(behind, &record), 1);
        assert_int_equal(record.seq, seq);
        if (seq % 10 == 0)
            assert_int_equal(log_cursor_next(behind, &record), 0);
        if (log_durable(f.log).seq < 120)
            assert_int_equal(log_cursor_next(ahead, &record), 0);
    }
    assert_int_equal(log_cursor_next(ahead, &record), 1);
    assert_int_equal(record.seq, 120);
    log_cursor_close(ahead);
    log_cursor_close(behind);
    log_cursor_close(NULL);
    fixture_deinit(&f);
}

/* A file that gets shorter, or away, under a cursor: an answer, no signal. */
static void test_shortened(void **state)
{
    struct fixture f;
    struct fault fault;
    struct log_cursor *cursor;
    struct log_damage damage;
    struct log_record record;
    char path[256];
    int r;

    (void)state;
    fill(&f, &fault, 4u << 20, 15000);
    fixture_path(&f, "00000000000000000001.seg", path);
    assert_int_equal(log_cursor_open(&cursor, f.log, 1), 0);
    assert_int_equal(log_cursor_next(cursor, &record), 1);
    assert_int_equal(truncate(path, 600000), 0);
    while ((r = log_cursor_next(cursor, &record)) == 1)
        continue;
    assert_int_equal(r, -EUCLEAN);
    log_cursor_damage(cursor, &damage);
    assert_string_equal(damage.segment, "00000000000000000001.seg");
    assert_in_range(damage.offset, 500000, 600000);
    log_cursor_close(cursor);
    assert_int_equal(log_cursor_open(&cursor, f.log, 14000), 0);
    assert_int_equal(log_cursor_next(cursor, &record), -EUCLEAN);
    log_cursor_close(cursor);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(log_cursor_open(&cursor, f.log, 14000), 0);
    assert_int_equal(log_cursor_next(cursor, &record), -ENOENT);
    log_cursor_close(cursor);
    fixture_deinit(&f);
}

struct follower {
    pthread_t thread;
    struct log *log;
    uint64_t from, last, seed;
    atomic_int wrong;
};

/* Reads all up to last as it comes, and now and then something old. */
static void *follow(void *context)
{
    struct follower *follower = context;
    uint8_t payload[FIXTURE_PAYLOAD_MAX];
    struct log_cursor *cursor, *other;
    struct log_record record;
    uint64_t seq = follower->from;

    if (log_cursor_open(&cursor, follower->log, seq) != 0)
        return NULL;
    while (seq <= follower->last && !follower->wrong) {
        int r = log_cursor_next(cursor, &record);

        if (r == 0) {
            sched_yield();
            continue;
        }
        if (r != 1 || record.seq != seq || record.len != fixture_payload(seq, payload) ||
            memcmp(record.payload, payload, record.len) != 0 || log_durable(follower->log).seq < seq)
            follower->wrong = 1;
        if (seq % 100 == 0 && log_first(follower->log) == 1) {
            uint64_t old = 1 + fixture_random(&follower->seed) % seq;

            if (log_cursor_open(&other, follower->log, old) != 0)
                follower->wrong = 1;
            else if (log_cursor_next(other, &record) != 1 || record.seq != old)
                follower->wrong = 1;
            log_cursor_close(other);
        }
        seq++;
    }
    log_cursor_close(cursor);
    return NULL;
}

static void test_beside_append(void **state)
{
    struct fixture f;
    struct fault fault;
    struct follower followers[3];

    (void)state;
    fill(&f, &fault, LOG_SEGMENT_MIN, 100);
    for (unsigned i = 0; i < 3; i++) {
        followers[i] = (struct follower){.log = f.log, .from = 1 + i * 60, .last = 10000, .seed = i};
        assert_int_equal(pthread_create(&followers[i].thread, NULL, follow, &followers[i]), 0);
    }
    while (log_durable(f.log).seq < 10000) {
        assert_int_equal(fixture_append(&f, 1 + log_durable(f.log).seq % 30, false), 0);
        assert_int_equal(log_prepare(f.log), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(followers[i].thread, NULL), 0);
        assert_int_equal(followers[i].wrong, 0);
    }
    fixture_deinit(&f);
}

static void *append_thread(void *context)
{
    struct fixture *f = context;

    while (log_durable(f->log).seq < 8000)
        if (fixture_append(f, 1 + log_durable(f->log).seq % 30, true) != 0 || log_prepare(f->log) != 0)
            break;
    return NULL;
}

/* Opening the folder read only beside the writer, again and again: what was durable before is there, and it is never
 * damage. */
static void test_open_beside_append(void **state)
{
    struct fixture f;
    struct fault fault;
    pthread_t thread;
    uint64_t before = 0;

    (void)state;
    fill(&f, &fault, LOG_SEGMENT_MIN, 100);
    assert_int_equal(pthread_create(&thread, NULL, append_thread, &f), 0);
    while (before < 8000) {
        struct log_options options = f.options;
        struct log_damage damage;
        struct log *log;
        int r;

        before = log_durable(f.log).seq;
        options.read_only = true;
        options.io = NULL;
        r = log_open(&log, &options, &damage, NULL);
        if (r != 0)
            fail_msg("%d: %s at %zu: %s", r, damage.segment, (size_t)damage.offset, damage.what);
        assert_true(log_durable(log).seq >= before);
        read_one(log, log_durable(log).seq);
        log_close(log);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    fixture_verify(&f, log_durable(f.log).seq);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_shortened),
        cmocka_unit_test(test_beside_append),
        cmocka_unit_test(test_open_beside_append),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
