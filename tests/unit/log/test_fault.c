/*
 * Failing calls and failing power. Whatever fails, what was acknowledged is there afterwards, and after a failed append
 * no other one is taken.
 */
#include "fixture.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outcome {
    uint64_t acked;
    int error; /* the first one */
};

/* A life of the log: batches over several segments, with and without preparation. */
static struct outcome life(struct fixture *f, struct fault *fault)
{
    struct outcome outcome = {.error = fixture_open(f)};

    if (outcome.error < 0)
        return outcome;
    for (unsigned i = 0; i < 24 && outcome.error == 0; i++) {
        uint64_t head = log_durable(f->log).seq;
        int r = fixture_append(f, 10 + i * 5, i % 2 == 0);

        if (file_is_shortage(r)) { /* the log is as it was, and takes the batch when there is space */
            assert_int_equal(log_durable(f->log).seq, head);
            fault->fail_at = 0;
            assert_int_equal(log_make_room(f->log), 0);
            r = fixture_append(f, 10 + i * 5, i % 2 == 0);
            assert_int_equal(r, 0);
        }

        if (r == 0)
            outcome.acked = log_durable(f->log).seq;
        else
            outcome.error = r;
        if (r == 0 && i % 3 == 0) {
            r = log_prepare(f->log);
            outcome.error = file_is_shortage(r) ? 0 : r;
        }
        if (r < 0 && !file_is_shortage(r)) {
            uint64_t calls = fault->calls;

            assert_int_equal(fixture_append(f, 1, false), r);
            assert_int_equal(log_prepare(f->log), r);
            assert_int_equal(fault->calls, calls);
        }
    }
    assert_int_equal(log_durable(f->log).seq, outcome.acked);
    return outcome;
}

static void each_call_fails(int error, bool keep_failing)
{
    uint64_t calls = 0;

    for (uint64_t n = 1;; n++) {
        struct fixture f;
        struct fault fault;
        struct outcome outcome;
        uint64_t seq;

        fixture_init(&f, LOG_SEGMENT_MIN);
        fault_init(&fault);
        fault.no_sync = true;
        fault.error = error;
        fault.fail_at = n;
        fault.keep_failing = keep_failing;
        f.options.io = &fault.io;
        outcome = life(&f, &fault);
        calls = fault.calls;
        if (calls < n) {
            assert_int_equal(outcome.error, 0);
            fixture_deinit(&f);
            break;
        }
        if (outcome.error != 0 && outcome.error != -EIO) /* a sync that fails is EIO, whatever it says */
            assert_int_equal(outcome.error, -error);
        if (f.log)
            fixture_verify(&f, outcome.acked);
        fixture_close(&f);
        fault.fail_at = 0;
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(fixture_check(f.log, outcome.acked, &seq), 0);
        assert_int_equal(fixture_append(&f, 5, true), 0);
        fixture_verify(&f, seq + 5);
        fixture_deinit(&f);
        fault_deinit(&fault);
    }
    assert_in_range(calls, 60, 1000);
}

static void test_each_call_fails(void **state)
{
    (void)state;
    each_call_fails(EIO, false);
    each_call_fails(EIO, true);
    each_call_fails(ENOSPC, true);
    each_call_fails(ENOSPC, false);
    each_call_fails(EROFS, false);
    each_call_fails(EFBIG, true);
    each_call_fails(EFBIG, false);
    each_call_fails(EMFILE, true);
}

/* A full disk while preparing: said, and nothing else; the log goes on in the segment that it has. */
static void test_full_disk(void **state)
{
    struct fixture f;
    struct fault fault;

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    fault_init(&fault);
    f.options.io = &fault.io;
    assert_int_equal(fixture_open(&f), 0);
    while (log_durable(f.log).seq < 300)
        assert_int_equal(fixture_append(&f, 10, false), 0);
    fault.error = ENOSPC;
    fault.keep_failing = true;
    fault.fail_at = fault.calls + 1;
    assert_int_equal(log_prepare(f.log), -ENOSPC);
    fault.fail_at = 0;
    assert_int_equal(fixture_append(&f, 1, false), 0);
    assert_int_equal(log_prepare(f.log), 0);
    fixture_verify(&f, 301);
    fixture_deinit(&f);
}

/* Recovery itself fails at each of its calls: the next one does it. */
static void test_recovery_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 8; n++) {
        struct fixture f;
        struct fault fault;
        uint8_t *bytes;
        size_t size, len;
        uint64_t at;
        int r;

        fixture_init(&f, LOG_SEGMENT_MIN);
        fault_init(&fault);
        f.options.io = &fault.io;
        assert_int_equal(fixture_open(&f), 0);
        assert_int_equal(fixture_append(&f, 4, false), 0);
        assert_int_equal(fixture_append(&f, 4, true), 0);
        fixture_close(&f);
        size = fixture_load(&f, 1, &bytes);
        at = fixture_offset(bytes, 1, 7, &len);
        memset(bytes + at, 0, len);
        fixture_store(&f, 1, bytes, size);
        free(bytes);
        fault.fail_at = fault.calls + n;
        r = fixture_open(&f);
        assert_int_equal(r, fault.calls >= fault.fail_at ? -EIO : 0);
        fault.fail_at = 0;
        if (r < 0)
            assert_int_equal(fixture_open(&f), 0);
        fixture_verify(&f, 4);
        fixture_deinit(&f);
    }
}

static void test_short_transfers(void **state)
{
    struct fixture f;
    struct fault fault;
    uint64_t seq;

    (void)state;
    fixture_init(&f, LOG_SEGMENT_MIN);
    fault_init(&fault);
    fault.no_sync = true;
    fault.short_seed = 77;
    f.options.io = &fault.io;
    assert_int_equal(life(&f, &fault).error, 0);
    seq = log_durable(f.log).seq;
    fixture_verify(&f, seq);
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
    fixture_verify(&f, seq);
    fixture_deinit(&f);
}

struct power {
    struct fixture f;
    struct fault fault;
    uint64_t seed;
    uint64_t acked; /* acknowledged, or shown by an open */
    uint64_t tried; /* the last one of the batch that was being written */
    uint64_t cuts, torn;
};

/* One life of the daemon: it opens the log and works until a call fails, with which it ends. */
static void power_life(struct power *power)
{
    uint64_t seq = 0;
    int r = fixture_open(&power->f);

    if (r == 0) {
        assert_int_equal(fixture_check(power->f.log, power->acked, &seq), 0);
        assert_in_range(seq, power->acked, power->tried);
        power->acked = power->tried = seq;
        power->cuts += power->f.cut > 0;
    }
    while (r == 0) {
        size_t count = 1 + fixture_random(&power->seed) % 40;

        power->tried = power->acked + count;
        r = fixture_append(&power->f, count, fixture_random(&power->seed) % 2);
        if (r < 0)
            break;
        power->acked = power->tried;
        if (fixture_random(&power->seed) % 3 == 0)
            r = log_prepare(power->f.log);
    }
    assert_int_equal(r, -EIO);
    fixture_close(&power->f);
}

/*
 * The process ends at any call, again and again on the same folder, and every other time the power fails too: of what
 * was not synced, then or by a process before, each sector is there or not. What was acknowledged or shown stays, and
 * there is never more than was tried: no ghost of a batch that was cut comes back.
 */
static void test_power(void **state)
{
    struct power power = {.seed = 20};

    (void)state;
    for (unsigned run = 0; run < 40; run++) {
        fixture_init(&power.f, LOG_SEGMENT_MIN);
        fault_init(&power.fault);
        power.fault.no_sync = power.fault.track = power.fault.keep_failing = true;
        power.f.options.io = &power.fault.io;
        power.acked = power.tried = 0;
        for (unsigned round = 0; round < 24; round++) {
            power.fault.calls = 0;
            power.fault.fail_at = 1 + fixture_random(&power.seed) % 30;
            power_life(&power);
            if (fixture_random(&power.seed) % 2) {
                power.torn += power.fault.undo != NULL;
                fault_power_off(&power.fault, &power.seed);
                fault_deinit(&power.fault);
            }
        }
        fault_deinit(&power.fault);
        fixture_deinit(&power.f);
    }
    assert_in_range(power.torn, 100, 960);
    assert_in_range(power.cuts, 100, 960);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_fails), cmocka_unit_test(test_full_disk), cmocka_unit_test(test_recovery_fails),
        cmocka_unit_test(test_short_transfers), cmocka_unit_test(test_power),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
