/*
 * A child appends batches and says on a pipe what was acknowledged; it is killed somewhere in between, 200 times on the
 * same folder. Each time the log opens without damage, holds all that was acknowledged, and its chain is the one
 * computed here.
 */
#include "unit/log/fixture.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CYCLES 200

static _Noreturn void child(struct fixture *f, int pipe_fd, uint64_t seed)
{
    if (fixture_open(f) != 0)
        _exit(2);
    for (;;) {
        uint64_t seq;

        if (fixture_append(f, 1 + fixture_random(&seed) % 24, fixture_random(&seed) % 2) != 0)
            _exit(3);
        seq = log_durable(f->log).seq;
        if (write(pipe_fd, &seq, sizeof(seq)) != sizeof(seq))
            _exit(4);
        if (fixture_random(&seed) % 4 == 0 && log_prepare(f->log) != 0)
            _exit(5);
    }
}

/* Goes on with the chain from *head to seq. */
static void chain_to(struct log_head *head, uint64_t seq)
{
    static uint8_t payload[FIXTURE_PAYLOAD_MAX];

    while (head->seq < seq) {
        struct log_record record = {.seq = head->seq + 1, .payload = payload};

        record.len = fixture_payload(record.seq, payload);
        memcpy(record.prev, head->hash, LOG_HASH_BYTES);
        fixture_hash(NULL, &record, head->hash);
        head->seq++;
    }
}

static void read_from(struct log *log, uint64_t from)
{
    static uint8_t payload[FIXTURE_PAYLOAD_MAX];
    struct log_cursor *cursor;
    struct log_record record;
    uint64_t last = log_durable(log).seq;

    assert_int_equal(log_cursor_open(&cursor, log, from), 0);
    for (uint64_t seq = from; seq <= last; seq++) {
        assert_int_equal(log_cursor_next(cursor, &record), 1);
        assert_int_equal(record.seq, seq);
        assert_int_equal(record.len, fixture_payload(seq, payload));
        assert_memory_equal(record.payload, payload, record.len);
    }
    assert_int_equal(log_cursor_next(cursor, &record), 0);
    log_cursor_close(cursor);
}

static void test_kill(void **state)
{
    struct log_head head = {.seq = 0}, durable;
    struct fixture f;
    uint64_t seed = (uint64_t)getpid(), cuts = 0;
    static uint64_t firsts[65536]; /* a segment every 64 KiB, as fast as the disk takes them */

    (void)state;
    print_message("seed %zu\n", (size_t)seed);
    fixture_init(&f, LOG_SEGMENT_MIN);
    for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
        uint64_t acked = 0, before = head.seq, acks = fixture_random(&seed) % 12, child_seed = fixture_random(&seed);
        volatile uint64_t spins = fixture_random(&seed) % 300000;
        int fds[2], status;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            child(&f, fds[1], child_seed);
        }
        close(fds[1]);
        while (acks-- > 0)
            assert_int_equal(read(fds[0], &acked, sizeof(acked)), sizeof(acked));
        while (spins > 0)
            spins--;
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(fds[0], &acked, sizeof(acked)) == sizeof(acked))
            continue;
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        assert_int_equal(fixture_open(&f), 0);
        durable = log_durable(f.log);
        assert_true(durable.seq >= acked && durable.seq >= before);
        chain_to(&head, durable.seq);
        assert_memory_equal(head.hash, durable.hash, LOG_HASH_BYTES);
        read_from(f.log, before + 1);
        cuts += f.cut > 0;
        fixture_close(&f);
    }
    assert_int_equal(fixture_open(&f), 0);
    fixture_verify(&f, head.seq);
    print_message("%zu entries in %u segments, %zu cuts\n", (size_t)head.seq, fixture_segments(&f, firsts, 65536),
                  (size_t)cuts);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
