/* Bounds over all connections: deadlines on a virtual clock, memory of unfinished frames, numbers of connections,
 * descriptors. */
#include "fixture.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <stdio.h>

static void test_incomplete_frame_is_closed(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int slow = client_open_tcp(fixture), idle = client_open(fixture), whole = client_open(fixture);
    uint8_t bytes[2 * PING_BYTES];
    uint64_t sent = 3;
    (void)state;
    ping_encode(bytes, 1);
    client_write(slow, bytes, 3);
    fixture_wait(fixture, "bytes_in", sent);
    /* Further bytes of the same frame don't move the deadline. */
    for (int i = 0; i < 5; i++) {
        fixture_advance(fixture, 5000);
        client_write(slow, bytes + 3 + i, 1);
        fixture_wait(fixture, "bytes_in", ++sent);
    }
    fixture_wait(fixture, "open", 3);
    fixture_advance(fixture, 5000);
    assert_true(client_at_end(slow));
    assert_int_equal(fixture_stats(fixture).timed_out, 1);
    /* One that finishes its frame, even with the next one begun in the same piece, starts anew. */
    client_write(whole, bytes, 3);
    fixture_wait(fixture, "bytes_in", sent += 3);
    fixture_advance(fixture, 29000);
    ping_encode(bytes + PING_BYTES, 2);
    client_write(whole, bytes + 3, PING_BYTES + 2);
    client_expect(whole, 1);
    fixture_advance(fixture, 29000);
    client_write(whole, bytes + PING_BYTES + 5, PING_BYTES - 5);
    client_expect(whole, 2);
    /* An idle connection may stay. */
    fixture_advance(fixture, 3600000);
    client_ping(idle, 3);
    client_expect(idle, 3);
    close(slow);
    close(idle);
    close(whole);
    fixture_close(fixture);
}

static void test_peer_that_does_not_read_is_closed(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open(fixture);
    static uint8_t answer[1000000];
    (void)state;
    FIXTURE_SET(fixture, answer_bytes, sizeof answer);
    client_ping(fd, 1);
    fixture_wait(fixture, "messages", 1);
    fixture_advance(fixture, 59000);
    client_read(fd, answer, 250000); /* something is read: the time starts anew */
    fixture_stats(fixture);
    fixture_advance(fixture, 59000);
    fixture_wait(fixture, "open", 1);
    fixture_advance(fixture, 1000);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture_stats(fixture).timed_out, 1);
    close(fd);
    fixture_close(fixture);
}

/* A faulty peer that neither reads nor closes is gone after a second. */
static void test_finish_takes_1_s_at_most(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open(fixture);
    (void)state;
    client_write(fd, "\xc1", 1);
    fixture_wait(fixture, "faults", 1);
    fixture_advance(fixture, NET_FINISH_MS - 1);
    fixture_wait(fixture, "open", 1);
    fixture_advance(fixture, 1);
    fixture_wait(fixture, "open", 0);
    close(fd);
    fixture_close(fixture);
}

static size_t input_bytes(struct fixture *fixture)
{
    struct net_conn *conn;
    size_t bytes = 0;
    TAILQ_FOREACH(conn, &fixture->net->all, all)
    {
        bytes += conn->in.cap;
    }
    return bytes;
}

static void call_input_bytes(struct fixture *fixture)
{
    fixture->arg = input_bytes(fixture);
}

static void call_large_bytes(struct fixture *fixture)
{
    fixture->arg = fixture->net->large_bytes;
}

static size_t big_frame(uint8_t *to)
{
    /* 255 texts of 4,096 bytes, a good MiB less a few KiB. */
    size_t len = 3;
    memcpy(to, "\xdc\x00\xff", 3);
    for (int i = 0; i < 255; i++) {
        memcpy(to + len, "\xda\x10\x00", 3);
        memset(to + len + 3, 'a' + i % 26, 4096);
        len += 4099;
    }
    return len;
}

/* 60 large frames at once stay below the bound together, small requests are served meanwhile, and all come through. */
static void test_memory_of_unfinished_frames(void **state)
{
    enum { SENDERS = 60 };
    struct fixture *fixture = fixture_open(1000);
    static uint8_t frame[RELIEF_FRAME_BYTES_MAX], answer[RELIEF_FRAME_BYTES_MAX];
    size_t len = big_frame(frame), gone[SENDERS] = {0};
    int fds[SENDERS], small = client_open(fixture);
    unsigned finished = 0;
    (void)state;
    for (unsigned i = 0; i < SENDERS; i++) {
        fds[i] = client_open(fixture);
        assert_int_equal(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
    }
    /* Everybody sends all but the last byte, as far as the daemon takes it. */
    for (int round = 0; round < 200; round++) {
        bool any = false;
        for (unsigned i = 0; i < SENDERS; i++) {
            ssize_t n = send(fds[i], frame + gone[i], len - 1 - gone[i], MSG_NOSIGNAL);
            if (n > 0) {
                gone[i] += (size_t)n;
                any = true;
            }
        }
        fixture_stats(fixture);
        fixture_call(fixture, call_input_bytes);
        assert_true(fixture->arg <= RELIEF_PARTIAL_BYTES_TOTAL);
        if (!any)
            break;
    }
    assert_true(fixture->arg > RELIEF_PARTIAL_BYTES_TOTAL / 4);
    client_ping(small, 1);
    client_expect(small, 1);
    /* Now all finish, one by one: those that were held come in when there is room. */
    for (unsigned i = 0; i < SENDERS; i++)
        finished += gone[i] == len - 1;
    assert_true(finished > 0 && finished < SENDERS);
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < SENDERS; i++) {
            bool was_held = gone[i] < len - 1;
            if (fds[i] < 0 || was_held != (pass == 1))
                continue;
            assert_int_equal(fcntl(fds[i], F_SETFL, 0), 0);
            client_write(fds[i], frame + gone[i], len - gone[i]);
            client_read(fds[i], answer, len);
            assert_memory_equal(answer, frame, len);
            close(fds[i]);
            fds[i] = -1;
        }
    }
    fixture_wait(fixture, "open", 1);
    fixture_advance(fixture, 1000);
    fixture_call(fixture, call_input_bytes);
    assert_int_equal(fixture->arg, 0);
    fixture_call(fixture, call_large_bytes);
    assert_int_equal(fixture->arg, 0);
    close(small);
    fixture_close(fixture);
}

static size_t idle_bytes;

static void call_idle(struct fixture *fixture)
{
    struct net_conn *conn;
    idle_bytes = 0;
    TAILQ_FOREACH(conn, &fixture->net->all, all)
    {
        idle_bytes += sizeof *conn + conn->in.cap + conn->out.cap + conn->marks_cap * sizeof *conn->marks;
    }
}

static void test_idle_connection_is_small(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open(fixture);
    static uint8_t answer[50000];
    (void)state;
    FIXTURE_SET(fixture, answer_bytes, sizeof answer);
    FIXTURE_SET(fixture, hold, true);
    client_ping(fd, 1);
    client_write(fd, "\x94", 1);
    fixture_wait(fixture, "messages", 1);
    fixture_release(fixture, 1);
    client_read(fd, answer, sizeof answer);
    client_write(fd, "\xc0\xc0\xc0\xc0", 4);
    fixture_wait(fixture, "messages", 2);
    fixture_release(fixture, 2);
    client_read(fd, answer, sizeof answer);
    fixture_stats(fixture);
    fixture_advance(fixture, 1000);
    fixture_call(fixture, call_idle);
    assert_true(idle_bytes < 1024);
    close(fd);
    fixture_close(fixture);
}

/* The oldest of those that nobody knows makes room; when all are known, the next waits until one leaves. */
static void test_connections_max(void **state)
{
    struct fixture *fixture = fixture_open(3);
    int fds[5];
    (void)state;
    fds[0] = client_open(fixture);
    client_ping(fds[0], 0);
    client_expect(fds[0], 0);
    FIXTURE_SET(fixture, identify, false);
    for (uint32_t i = 1; i < 3; i++) {
        fds[i] = client_open(fixture);
        client_ping(fds[i], i);
        client_expect(fds[i], i);
    }
    FIXTURE_SET(fixture, identify, true);
    for (uint32_t i = 3; i < 5; i++) {
        fds[i] = client_open(fixture);
        client_ping(fds[i], i);
        client_expect(fds[i], i);
    }
    assert_true(client_at_end(fds[1]));
    assert_true(client_at_end(fds[2]));
    fixture_wait(fixture, "open", 3);
    fds[1] = client_open(fixture); /* the kernel takes it, the daemon doesn't yet */
    client_ping(fds[1], 9);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fixture_stats(fixture).open, 3);
    assert_true(client_is_quiet(fds[1]));
    client_ping(fds[0], 5);
    client_expect(fds[0], 5);
    close(fds[3]);
    client_expect(fds[1], 9);
    close(fds[0]);
    close(fds[1]);
    close(fds[2]);
    close(fds[4]);
    fixture_close(fixture);
}

/* Out of descriptors: few attempts, no busy loop, the others are served, and accepting goes on by itself. */
static void test_out_of_descriptors(void **state)
{
    enum { CLIENTS = 10 };
    struct fixture *fixture = fixture_open(0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct rlimit before, tight;
    int fds[CLIENTS], first = client_open(fixture), spare;
    uint64_t turns, refused;
    (void)state;
    client_ping(first, 1);
    client_expect(first, 1);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/run/socket", fixture->folder);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
    }
    spare = dup(0);
    assert_true(spare >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)spare + 3; /* room for three more, the highest number counts */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    close(spare);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
    fixture_wait(fixture, "refused", 1);
    turns = fixture->turns;
    refused = fixture_stats(fixture).refused;
    for (uint32_t i = 0; i < 20; i++) {
        client_ping(first, i);
        client_expect(first, i);
    }
    assert_true(fixture->turns - turns < 100);
    assert_int_equal(fixture_stats(fixture).refused, refused);
    /* 100, 200, 400, 800, 1000, 1000 ms: one attempt each. */
    fixture_advance(fixture, 99);
    assert_int_equal(fixture_stats(fixture).refused, refused);
    fixture_advance(fixture, 1);
    assert_int_equal(fixture_stats(fixture).refused, refused + 1);
    fixture_advance(fixture, 199);
    assert_int_equal(fixture_stats(fixture).refused, refused + 1);
    fixture_advance(fixture, 1);
    fixture_advance(fixture, 400);
    fixture_advance(fixture, 800);
    fixture_advance(fixture, 1000);
    assert_int_equal(fixture_stats(fixture).refused, refused + 5);
    fixture_advance(fixture, 999);
    assert_int_equal(fixture_stats(fixture).refused, refused + 5);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    fixture_advance(fixture, 1);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        client_ping(fds[i], i);
        client_expect(fds[i], i);
        close(fds[i]);
    }
    close(first);
    fixture_close(fixture);
}

/* Addresses of the outside world can't be had in a test: the count itself. */
static void test_connections_per_address(void **state)
{
    struct net net = {.options.conns_per_address_max = 2};
    struct net_conn conns[4] = {{.address = {1}, .counted = true},
                                {.address = {1}},
                                {.address = {2}, .counted = true},
                                {.address = {1}, .counted = true, .is_dead = true}};
    const uint8_t one[16] = {1}, two[16] = {2}, three[16] = {3};
    (void)state;
    TAILQ_INIT(&net.all);
    for (int i = 0; i < 4; i++)
        TAILQ_INSERT_TAIL(&net.all, &conns[i], all);
    assert_true(net_address_has_room(&net, one));
    conns[1].counted = true;
    assert_false(net_address_has_room(&net, one));
    assert_true(net_address_has_room(&net, two));
    assert_true(net_address_has_room(&net, three));
}

static void test_loopback_is_not_limited(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fds[100];
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        fds[i] = client_open_tcp(fixture);
    for (uint32_t i = 0; i < 100; i++) {
        client_ping(fds[i], i);
        client_expect(fds[i], i);
        close(fds[i]);
    }
    assert_true(fixture->sessions[0].peer.loopback);
    assert_int_equal(fixture->sessions[0].peer.transport, NET_TCP);
    fixture_close(fixture);
}

static void on_signal(void *context, int signo)
{
    struct fixture *fixture = context;
    fixture->signal = signo;
    net_stop(fixture->net);
}

static void test_signal_stops(void **state)
{
    struct fixture *fixture = fixture_open(0);
    (void)state;
    /* Before the loop's next turn: registering is the loop's thread's business. */
    assert_true(fixture_stop(fixture));
    net_close(fixture->net);
    {
        struct net_handlers handlers = {.context = fixture};
        struct net_options options = {0};
        assert_int_equal(net_open(&fixture->net, &options, &handlers), 0);
    }
    assert_int_equal(net_on_signal(fixture->net, SIGUSR1, on_signal, fixture), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(net_run(fixture->net), 0);
    assert_int_equal(fixture->signal, SIGUSR1);
    fixture_close(fixture);
}

static unsigned ticks;

static int64_t count_tick(void *context)
{
    struct fixture *fixture = context;
    if (++ticks == 3)
        net_stop(fixture->net);
    return ticks == 1 ? 0 : 2;
}

static void test_tick(void **state)
{
    struct fixture fixture = {0};
    struct net_handlers handlers = {.context = &fixture, .tick = count_tick};
    struct net_options options = {0};
    (void)state;
    assert_int_equal(net_open(&fixture.net, &options, &handlers), 0);
    assert_int_equal(net_run(fixture.net), 0);
    assert_int_equal(ticks, 3);
    net_close(fixture.net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incomplete_frame_is_closed),
        cmocka_unit_test(test_peer_that_does_not_read_is_closed),
        cmocka_unit_test(test_finish_takes_1_s_at_most),
        cmocka_unit_test(test_memory_of_unfinished_frames),
        cmocka_unit_test(test_idle_connection_is_small),
        cmocka_unit_test(test_connections_max),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_connections_per_address),
        cmocka_unit_test(test_loopback_is_not_limited),
        cmocka_unit_test(test_signal_stops),
        cmocka_unit_test(test_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
