/* Those who have not said who they are: their deadlines and limits; what is kept for the operator; secrets that are
 * wiped. */
#include "fixture.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture *strangers_open(void)
{
    struct fixture *fixture = fixture_open(0);
    FIXTURE_SET(fixture, identify, false);
    return fixture;
}

/* 10 s from the accept to the end of the first message, however its bytes drip. */
static void test_first_frame(void **state)
{
    struct fixture *fixture = strangers_open();
    uint8_t bytes[PING_BYTES];
    int silent = client_open(fixture), slow = client_open(fixture), good = client_open(fixture);
    (void)state;
    ping_encode(bytes, 1);
    for (uint64_t i = 0; i < 9; i++) {
        client_write(slow, bytes + i, 1);
        fixture_wait(fixture, "bytes_in", i + 1);
        fixture_advance(fixture, 1000);
    }
    client_write(good, bytes, PING_BYTES);
    client_expect(good, 1);
    fixture_wait(fixture, "open", 3);
    fixture_advance(fixture, 1000);
    assert_true(client_at_end(silent));
    assert_true(client_at_end(slow));
    fixture_wait(fixture, "open", 1);
    assert_int_equal(fixture_stats(fixture).timed_out, 2);
    close(silent);
    close(slow);
    close(good);
    fixture_close(fixture);
}

/* A message a minute keeps it; who is identified meanwhile may be silent for ever. */
static void test_idle(void **state)
{
    struct fixture *fixture = strangers_open();
    int idle = client_open(fixture), lively = client_open(fixture), known;
    (void)state;
    client_ping(idle, 1);
    client_expect(idle, 1);
    client_ping(lively, 1);
    client_expect(lively, 1);
    FIXTURE_SET(fixture, identify, true);
    known = client_open(fixture);
    fixture_wait(fixture, "open", 3);
    fixture_advance(fixture, 59000);
    client_ping(lively, 2);
    client_expect(lively, 2);
    fixture_advance(fixture, 1000);
    assert_true(client_at_end(idle));
    fixture_wait(fixture, "open", 2);
    fixture_advance(fixture, 58000);
    client_ping(lively, 3);
    client_expect(lively, 3);
    fixture_advance(fixture, 60000);
    assert_true(client_at_end(lively));
    fixture_advance(fixture, 3600000);
    client_ping(known, 4);
    client_expect(known, 4);
    close(idle);
    close(lively);
    close(known);
    fixture_close(fixture);
}

/* The daemon that does not read is no fault of theirs. */
static void test_a_busy_daemon(void **state)
{
    struct fixture *fixture = strangers_open();
    int fd;
    (void)state;
    FIXTURE_SET(fixture, busy, true);
    fd = client_open(fixture);
    client_ping(fd, 1);
    fixture_wait(fixture, "open", 1);
    fixture_advance(fixture, 100000);
    FIXTURE_SET(fixture, busy, false);
    client_expect(fd, 1);
    close(fd);
    fixture_close(fixture);
}

static int fault_of(struct fixture *fixture, int fd, const void *bytes, size_t len)
{
    uint8_t *back = malloc(len);
    client_write(fd, bytes, len);
    client_read(fd, back, len);
    assert_memory_equal(bytes, back, len);
    free(back);
    fixture_call(fixture, fixture_nothing);
    return fixture->limit_fault;
}

static void call_identified(struct fixture *fixture)
{
    net_conn_identified(fixture->sessions[0].conn);
}

static void test_what_is_inside(void **state)
{
    struct fixture *fixture = strangers_open();
    int fd = client_open(fixture);
    uint8_t wide[3 + 33] = {0xdc, 0, 33}, map[3 + 66] = {0xde, 0, 33};
    (void)state;
    memset(wide + 3, 0xc0, 33);
    memset(map + 3, 0xc0, 66);
    assert_int_equal(fault_of(fixture, fd, "\x91\x91\x91\x91\xc0", 5), SCAN_FAULT_NONE);
    assert_int_equal(fault_of(fixture, fd, "\x91\x91\x91\x91\x90", 5), SCAN_FAULT_DEPTH);
    assert_int_equal(fault_of(fixture, fd, wide, sizeof wide), SCAN_FAULT_ELEMENTS);
    assert_int_equal(fault_of(fixture, fd, map, sizeof map), SCAN_FAULT_ELEMENTS);
    wide[2] = 32;
    map[2] = 32;
    assert_int_equal(fault_of(fixture, fd, wide, sizeof wide - 1), SCAN_FAULT_NONE);
    assert_int_equal(fault_of(fixture, fd, map, sizeof map - 2), SCAN_FAULT_NONE);
    fixture_call(fixture, call_identified);
    wide[2] = map[2] = 33;
    assert_int_equal(fault_of(fixture, fd, "\x91\x91\x91\x91\x90", 5), SCAN_FAULT_NONE);
    assert_int_equal(fault_of(fixture, fd, wide, sizeof wide), SCAN_FAULT_NONE);
    assert_int_equal(fault_of(fixture, fd, map, sizeof map), SCAN_FAULT_NONE);
    close(fd);
    fixture_close(fixture);
}

/* ---- secrets ---- */

#define SECRET       "relief_a-secret-that-nobody-may-find"
#define SECRET_BYTES (sizeof SECRET - 1)

static void call_search(struct fixture *fixture)
{
    const struct net *net = fixture->net;
    const struct net_bytes *in = &fixture->sessions[0].conn->in;
    fixture->arg = memmem(net->scratch, sizeof net->scratch, &SECRET[8], 16) != NULL;
    if (in->data && memmem(in->data, in->cap, &SECRET[8], 16))
        fixture->arg = 2;
}

/* In one piece, in two, and with the next message begun behind it. */
static void test_secrets_are_wiped(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open(fixture);
    uint8_t frame[2 + SECRET_BYTES + 1] = {0xd9, SECRET_BYTES}, back[sizeof frame];
    uint64_t sent = 0;
    (void)state;
    memcpy(frame + 2, SECRET, SECRET_BYTES);
    frame[sizeof frame - 1] = 0x92;
    client_write(fd, frame, sizeof frame - 1);
    client_read(fd, back, sizeof frame - 1);
    fixture_call(fixture, call_search);
    assert_int_not_equal(fixture->arg, 0); /* the test can see it */
    FIXTURE_SET(fixture, secret, true);
    client_write(fd, frame, sizeof frame - 1);
    client_read(fd, back, sizeof frame - 1);
    fixture_call(fixture, call_search);
    assert_int_equal(fixture->arg, 0);
    sent = fixture_stats(fixture).bytes_in;
    client_write(fd, frame, sizeof frame - 5);
    fixture_wait(fixture, "bytes_in", sent + sizeof frame - 5);
    fixture_call(fixture, call_search);
    assert_int_not_equal(fixture->arg, 0); /* it is not whole yet */
    client_write(fd, frame + sizeof frame - 5, 5);
    client_read(fd, back, sizeof frame - 1);
    assert_memory_equal(back, frame, sizeof frame - 1); /* what the handler saw was whole */
    fixture_call(fixture, call_search);
    assert_int_equal(fixture->arg, 0);
    client_write(fd, "\xc0\xc0", 2);
    client_read(fd, back, 3);
    assert_memory_equal(back, "\x92\xc0\xc0", 3);
    close(fd);
    fixture_close(fixture);
}

/* ---- the reserve ---- */

static void test_reserve(void **state)
{
    enum { MAX = 3, RESERVE = 2 };
    struct fixture *fixture = fixture_open_reserved(MAX, RESERVE);
    int fds[MAX], operators[RESERVE], waits, turned;
    char words[7];
    (void)state;
    for (uint32_t i = 0; i < MAX; i++) {
        fds[i] = client_open_tcp(fixture);
        client_ping(fds[i], i);
        client_expect(fds[i], i);
    }
    waits = client_open_tcp(fixture);
    client_ping(waits, 9);
    turned = client_open(fixture); /* by the right way, but not the operator */
    client_read(turned, words, sizeof words);
    assert_memory_equal(words, "refused", sizeof words);
    assert_true(client_at_end(turned));
    assert_int_equal(fixture->refused[NET_REFUSED_FULL], 1);
    close(turned);
    FIXTURE_SET(fixture, reserved, true);
    for (uint32_t i = 0; i < RESERVE; i++) {
        operators[i] = client_open(fixture);
        client_ping(operators[i], i);
        client_expect(operators[i], i);
    }
    turned = client_open(fixture); /* the reserve is used up: it waits like the others */
    client_ping(turned, 8);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fixture_stats(fixture).open, MAX + RESERVE);
    assert_true(client_is_quiet(waits) && client_is_quiet(turned));
    close(operators[0]);
    client_expect(turned, 8);
    assert_true(client_is_quiet(waits)); /* who has the reserve takes nobody's place, and gives none away */
    close(fds[0]);
    client_expect(waits, 9);
    for (int i = 1; i < MAX; i++)
        close(fds[i]);
    close(operators[1]);
    close(turned);
    close(waits);
    fixture_wait(fixture, "open", 0);
    fixture_close(fixture);
}

static unsigned spare_count;

static void note_spares(struct fixture *fixture)
{
    spare_count = fixture->net->spare_count;
}

/* As the loop's thread sees it. */
static unsigned spares(struct fixture *fixture)
{
    fixture_call(fixture, note_spares);
    return spare_count;
}

/* All descriptors are gone: the operator gets in by those that were kept, and they are kept again when it leaves. */
static void test_spare_descriptors(void **state)
{
    enum { RESERVE = 3 };
    struct fixture *fixture = fixture_open_reserved(0, RESERVE);
    struct rlimit before, tight;
    int fds[2 * RESERVE], highest;
    char words[7];
    (void)state;
    for (int i = 0; i < 2 * RESERVE; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
    }
    highest = dup(0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)highest; /* there is no free number below it */
    close(highest);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < RESERVE; i++) {
        client_connect(fixture, fds[i]);
        client_read(fds[i], words, sizeof words);
        assert_memory_equal(words, "refused", sizeof words);
    }
    FIXTURE_SET(fixture, reserved, true);
    for (uint32_t i = RESERVE; i < 2 * RESERVE; i++) {
        client_connect(fixture, fds[i]);
        client_ping(fds[i], i);
        client_expect(fds[i], i);
    }
    assert_int_equal(fixture->refused[NET_REFUSED_DESCRIPTORS], RESERVE);
    assert_int_equal(spares(fixture), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 2 * RESERVE; i++)
        close(fds[i]);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(spares(fixture), RESERVE);
    fixture_close(fixture);
}

static void test_fit_descriptors(void **state)
{
    struct rlimit before, small;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    small = before;
    small.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    assert_int_equal(net_fit_descriptors(40, 20), 40); /* they fit: nothing is raised */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &small), 0);
    assert_int_equal(small.rlim_cur, 64);
    assert_int_equal(net_fit_descriptors(100, 50), 100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &small), 0);
    assert_int_equal(small.rlim_cur, 150);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_frame),       cmocka_unit_test(test_idle),
        cmocka_unit_test(test_a_busy_daemon),     cmocka_unit_test(test_what_is_inside),
        cmocka_unit_test(test_secrets_are_wiped), cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_spare_descriptors), cmocka_unit_test(test_fit_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
