/* One connection: framing however the bytes arrive, order, release marks, backpressure, half-close, ending. */
#include "fixture.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Three messages, the second with a text of 300 bytes, cut in two at every place; the server has read the first part
 * before the second is sent. */
static void test_split_at_each_byte(void **state)
{
    struct fixture *fixture = fixture_open(0);
    uint8_t bytes[2 * PING_BYTES + 305], answer[sizeof bytes];
    int fd = client_open(fixture);
    uint64_t expected = 0;
    (void)state;
    ping_encode(bytes, 1);
    memcpy(bytes + PING_BYTES, "\x92\x07\xda\x01\x2c", 5);
    memset(bytes + PING_BYTES + 5, 'x', 300);
    ping_encode(bytes + PING_BYTES + 305, 2);
    for (size_t cut = 1; cut < sizeof bytes; cut++) {
        client_write(fd, bytes, cut);
        expected += cut;
        fixture_wait(fixture, "bytes_in", expected);
        client_write(fd, bytes + cut, sizeof bytes - cut);
        expected += sizeof bytes - cut;
        client_read(fd, answer, sizeof answer);
        assert_memory_equal(answer, bytes, sizeof bytes);
    }
    fixture_wait(fixture, "messages", 3 * (sizeof bytes - 1));
    close(fd);
    fixture_close(fixture);
}

struct flood {
    int fd;
    uint32_t count;
};

static void *write_flood(void *arg)
{
    struct flood *flood = arg;
    uint8_t *bytes = malloc((size_t)flood->count * PING_BYTES);
    for (uint32_t i = 0; i < flood->count; i++)
        ping_encode(bytes + (size_t)i * PING_BYTES, i);
    client_write(flood->fd, bytes, (size_t)flood->count * PING_BYTES);
    free(bytes);
    return NULL;
}

static void test_pipeline_in_order(void **state)
{
    struct fixture *fixture = fixture_open(0);
    struct flood flood = {.fd = client_open_tcp(fixture), .count = 10000};
    pthread_t writer;
    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_flood, &flood), 0);
    for (uint32_t i = 0; i < flood.count; i++)
        client_expect(flood.fd, i);
    pthread_join(writer, NULL);
    assert_int_equal(fixture_stats(fixture).messages, flood.count);
    close(flood.fd);
    fixture_close(fixture);
}

static void test_pauses_at_in_flight_max(void **state)
{
    struct fixture *fixture = fixture_open(0);
    struct flood flood = {.fd = client_open(fixture), .count = 10000};
    uint32_t seen = 0;
    pthread_t writer;
    (void)state;
    FIXTURE_SET(fixture, hold, true);
    assert_int_equal(pthread_create(&writer, NULL, write_flood, &flood), 0);
    while (seen < flood.count) {
        uint32_t until = seen + RELIEF_IN_FLIGHT_MAX < flood.count ? seen + RELIEF_IN_FLIGHT_MAX : flood.count;
        fixture_wait(fixture, "messages", until);
        for (int i = 0; i < 10; i++)
            assert_int_equal(fixture_stats(fixture).messages, until);
        assert_true(client_is_quiet(flood.fd));
        fixture_release(fixture, until);
        for (; seen < until; seen++)
            client_expect(flood.fd, seen);
    }
    pthread_join(writer, NULL);
    close(flood.fd);
    fixture_close(fixture);
}

/* Nothing leaves before its entry is durable; what was ready behind it waits for its turn. */
static void call_send_marks(struct fixture *fixture)
{
    struct net_conn *conn = fixture->sessions[0].conn;
    net_conn_send(conn, "a", 1, 0, false);
    net_conn_send(conn, "b", 1, 5, false);
    net_conn_send(conn, "c", 1, 0, false);
    net_conn_send(conn, "d", 1, 7, false);
    net_conn_send(conn, "e", 1, 6, false);
    net_conn_send(conn, "f", 1, 9, false);
}

static void test_release_marks(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open(fixture);
    char got[4] = "";
    (void)state;
    client_ping(fd, 1);
    client_expect(fd, 1);
    fixture_call(fixture, call_send_marks);
    client_read(fd, got, 1);
    assert_memory_equal(got, "a", 1);
    fixture_release(fixture, 4);
    assert_true(client_is_quiet(fd));
    fixture_release(fixture, 5);
    client_read(fd, got, 2);
    assert_memory_equal(got, "bc", 2);
    fixture_release(fixture, 6);
    assert_true(client_is_quiet(fd));
    fixture_release(fixture, 3); /* never goes back */
    fixture_release(fixture, 8);
    client_read(fd, got, 2);
    assert_memory_equal(got, "de", 2);
    assert_true(client_is_quiet(fd));
    fixture_release(fixture, 9);
    client_read(fd, got, 1);
    assert_memory_equal(got, "f", 1);
    close(fd);
    fixture_close(fixture);
}

static void test_release_many(void **state)
{
    enum { CONNS = 200 };
    struct fixture *fixture = fixture_open(0);
    int fds[CONNS];
    (void)state;
    FIXTURE_SET(fixture, hold, true);
    for (uint32_t i = 0; i < CONNS; i++) {
        fds[i] = client_open(fixture);
        client_ping(fds[i], i);
    }
    fixture_wait(fixture, "messages", CONNS);
    for (uint32_t i = 0; i < CONNS; i++)
        assert_true(client_is_quiet(fds[i]));
    fixture_release(fixture, CONNS);
    for (uint32_t i = 0; i < CONNS; i++) {
        client_expect(fds[i], i);
        close(fds[i]);
    }
    fixture_close(fixture);
}

static void call_release(struct fixture *fixture)
{
    net_release(fixture->net, fixture->arg);
}

static size_t queued_of_first;
static void call_queued(struct fixture *fixture)
{
    queued_of_first = net_conn_queued(fixture->sessions[0].conn);
}

/* The peer reads nothing: reading from it stops at 256 KiB of answers; it reads: everything arrives. */
static void test_peer_that_never_reads(void **state)
{
    enum { REQUESTS = 1000, ANSWER = 16384 };
    struct fixture *fixture = fixture_open(0);
    struct flood flood = {.fd = client_open_tcp(fixture), .count = REQUESTS};
    static uint8_t answer[ANSWER];
    struct net_stats stats, again;
    (void)state;
    FIXTURE_SET(fixture, answer_bytes, ANSWER);
    write_flood(&flood);
    stats = fixture_stats(fixture);
    for (;;) {
        again = fixture_stats(fixture);
        if (again.messages == stats.messages && again.bytes_out == stats.bytes_out && stats.messages > 0)
            break;
        stats = again;
    }
    fixture_call(fixture, call_queued);
    assert_true(stats.messages < REQUESTS);
    assert_true(queued_of_first >= RELIEF_UNREAD_BYTES_MAX / 2);
    assert_true(queued_of_first < RELIEF_UNREAD_BYTES_MAX + ANSWER);
    for (unsigned i = 0; i < REQUESTS; i++)
        client_read(flood.fd, answer, sizeof answer);
    assert_int_equal(fixture_stats(fixture).messages, REQUESTS);
    assert_true(fixture->sessions[0].drained > 0);
    close(flood.fd);
    fixture_close(fixture);
}

static void test_half_close(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open_tcp(fixture);
    (void)state;
    FIXTURE_SET(fixture, hold, true);
    for (uint32_t i = 0; i < 5; i++)
        client_ping(fd, i);
    client_write(fd, "\x94\x00", 2); /* the beginning of one more, which is dropped */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    fixture_wait(fixture, "messages", 5);
    fixture_wait(fixture, "open", 1);
    assert_true(client_is_quiet(fd));
    fixture_release(fixture, 5);
    for (uint32_t i = 0; i < 5; i++)
        client_expect(fd, i);
    assert_true(client_at_end(fd));
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture->closed_count, 1);
    close(fd);
    fixture_close(fixture);
}

/* More than may be in flight, then the end: all of it is answered. */
static void test_half_close_beyond_in_flight(void **state)
{
    struct fixture *fixture = fixture_open(0);
    struct flood flood = {.fd = client_open(fixture), .count = 3000};
    (void)state;
    FIXTURE_SET(fixture, hold, true);
    write_flood(&flood);
    assert_int_equal(shutdown(flood.fd, SHUT_WR), 0);
    for (uint32_t seen = 0; seen < flood.count;) {
        uint32_t until = seen + RELIEF_IN_FLIGHT_MAX < flood.count ? seen + RELIEF_IN_FLIGHT_MAX : flood.count;
        fixture_wait(fixture, "messages", until);
        fixture_release(fixture, until);
        for (; seen < until; seen++)
            client_expect(flood.fd, seen);
    }
    assert_true(client_at_end(flood.fd));
    close(flood.fd);
    fixture_close(fixture);
}

static void expect_fault(struct fixture *fixture, int fd, const void *bytes, size_t len, enum net_fault fault)
{
    char answer[5];
    uint64_t faults = fixture_stats(fixture).faults;
    FIXTURE_SET(fixture, fault, 99);
    client_ping(fd, 7);
    client_write(fd, bytes, len);
    client_expect(fd, 7); /* what came before is answered first */
    client_read(fd, answer, sizeof answer);
    assert_memory_equal(answer, "fault", 5);
    assert_true(client_at_end(fd)); /* without waiting for more bytes */
    assert_int_equal(fixture_stats(fixture).faults, faults + 1);
    assert_int_equal(fixture->fault, fault);
    close(fd);
    fixture_wait(fixture, "open", 0);
}

static void test_faults(void **state)
{
    struct fixture *fixture = fixture_open(0);
    static uint8_t garbage[200000];
    (void)state;
    expect_fault(fixture, client_open(fixture), "\xc1", 1, NET_BAD_FRAME);
    expect_fault(fixture, client_open_tcp(fixture), "\xdb\xff\xff\xff\xff", 5, NET_FRAME_TOO_LARGE);
    expect_fault(fixture, client_open_tcp(fixture), "\xdd\xff\xff\xff\xff", 5, NET_FRAME_TOO_LARGE);
    expect_fault(fixture, client_open(fixture), "\x94\x00\x01\xa1x\x91\xdb\x00\x10\x00\x00", 11, NET_FRAME_TOO_LARGE);
    /* Much more than anybody reads behind the fault: the answer still arrives, no reset. */
    memset(garbage, 0xc1, sizeof garbage);
    expect_fault(fixture, client_open_tcp(fixture), garbage, sizeof garbage, NET_BAD_FRAME);
    fixture_close(fixture);
}

static void call_identify(struct fixture *fixture)
{
    net_conn_identified(fixture->sessions[fixture->session_count - 1].conn);
}

static void test_frame_limit_rises(void **state)
{
    struct fixture *fixture = fixture_open(0);
    static uint8_t big[3 + 4000 * 3], answer[sizeof big];
    int fd;
    (void)state;
    FIXTURE_SET(fixture, identify, false);
    /* An array of 3 texts of about 4,000 bytes each: too large for a stranger. */
    big[0] = 0x93;
    for (int i = 0; i < 3; i++) {
        uint8_t *at = big + 1 + (size_t)i * 3993;
        at[0] = 0xda, at[1] = 3990 >> 8, at[2] = 3990 & 255;
        memset(at + 3, 'x', 3990);
    }
    expect_fault(fixture, client_open(fixture), big, 1 + 3 * 3993, NET_FRAME_TOO_LARGE);
    fd = client_open(fixture);
    client_ping(fd, 1);
    client_expect(fd, 1);
    fixture_call(fixture, call_identify);
    client_write(fd, big, 1 + 3 * 3993);
    client_read(fd, answer, 1 + 3 * 3993);
    assert_memory_equal(big, answer, 1 + 3 * 3993);
    close(fd);
    fixture_close(fixture);
}

/* Depth 20: a whole value, handed over with its fault; the connection stays. */
static void test_limit_inside_is_no_fault(void **state)
{
    struct fixture *fixture = fixture_open(0);
    uint8_t deep[21], answer[21];
    int fd = client_open(fixture);
    (void)state;
    memset(deep, 0x91, 20);
    deep[20] = 0xc0;
    client_write(fd, deep, sizeof deep);
    client_read(fd, answer, sizeof answer);
    assert_memory_equal(deep, answer, sizeof deep);
    fixture_stats(fixture);
    assert_int_equal(fixture->limit_fault, SCAN_FAULT_DEPTH);
    client_ping(fd, 3);
    client_expect(fd, 3);
    close(fd);
    fixture_close(fixture);
}

static void call_resume(struct fixture *fixture)
{
    net_conn_resume(fixture->sessions[0].conn);
}

static void test_pause_and_resume(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open(fixture);
    (void)state;
    FIXTURE_SET(fixture, pause, true);
    for (uint32_t i = 0; i < 3; i++)
        client_ping(fd, i);
    for (uint32_t i = 0; i < 3; i++) {
        client_expect(fd, i);
        for (int turn = 0; turn < 5; turn++)
            assert_int_equal(fixture_stats(fixture).messages, i + 1);
        assert_true(client_is_quiet(fd));
        fixture_call(fixture, call_resume);
    }
    close(fd);
    fixture_close(fixture);
}

/* The layers above take nothing: nobody is read, the loop rests, and afterwards all is served. */
static void test_busy(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int a = client_open(fixture), b = client_open_tcp(fixture);
    uint64_t turns;
    (void)state;
    fixture_wait(fixture, "accepted", 2);
    FIXTURE_SET(fixture, busy, true);
    client_ping(a, 1);
    client_ping(b, 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_stats(fixture).messages, 0);
    turns = fixture->turns;
    for (int i = 0; i < 50; i++)
        fixture_call(fixture, fixture_nothing);
    assert_true(fixture->turns - turns <= 60);
    assert_int_equal(fixture_stats(fixture).messages, 0);
    FIXTURE_SET(fixture, busy, false);
    client_expect(a, 1);
    client_expect(b, 2);
    client_ping(a, 3);
    client_expect(a, 3);
    close(a);
    close(b);
    fixture_close(fixture);
}

static void call_finish(struct fixture *fixture)
{
    net_conn_send(fixture->sessions[0].conn, "last", 4, 1, false);
    net_conn_finish(fixture->sessions[0].conn);
}

static void test_finish_waits_for_release(void **state)
{
    struct fixture *fixture = fixture_open(0);
    char last[4];
    int fd = client_open(fixture);
    (void)state;
    client_ping(fd, 1);
    client_expect(fd, 1);
    fixture_call(fixture, call_finish);
    client_ping(fd, 2); /* is not served any more */
    assert_true(client_is_quiet(fd));
    fixture_release(fixture, 1);
    client_read(fd, last, 4);
    assert_memory_equal(last, "last", 4);
    assert_true(client_at_end(fd));
    assert_int_equal(fixture_stats(fixture).messages, 1);
    close(fd);
    fixture_close(fixture);
}

static void call_stop(struct fixture *fixture)
{
    net_stop(fixture->net);
}

/* A stop waits for the answer that is under way; what is sent after it is not taken in, an idle peer is let go at once.
 */
static void test_stop_answers_what_is_under_way(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open_tcp(fixture), idle = client_open(fixture);
    (void)state;
    FIXTURE_SET(fixture, hold, true);
    client_ping(fd, 1);
    fixture_wait(fixture, "messages", 1);
    fixture_wait(fixture, "accepted", 2);
    fixture_call(fixture, call_stop);
    assert_true(client_at_end(idle));
    client_ping(fd, 2);
    assert_int_equal(fixture_stats(fixture).messages, 1);
    assert_true(client_is_quiet(fd));
    fixture->arg = 1;
    fixture_call(fixture, call_release);
    client_expect(fd, 1);
    assert_true(client_at_end(fd));
    pthread_join(fixture->thread, NULL);
    fixture->running = false;
    assert_int_equal(fixture->run_result, 0);
    close(fd);
    close(idle);
    fixture_close(fixture);
}

/* Somebody never gets an answer: after 5 s it is over. */
static void test_stop_ends_after_5_s(void **state)
{
    struct fixture *fixture = fixture_open(0);
    int fd = client_open_tcp(fixture);
    (void)state;
    FIXTURE_SET(fixture, silent, true);
    client_ping(fd, 1);
    fixture_wait(fixture, "messages", 1);
    fixture_call(fixture, call_stop);
    fixture_advance(fixture, NET_STOP_MS - 1);
    assert_true(client_is_quiet(fd));
    fixture->now += 1;
    net_wake(fixture->net);
    pthread_join(fixture->thread, NULL);
    fixture->running = false;
    assert_int_equal(fixture->run_result, 0);
    fixture_close(fixture);
    assert_true(client_at_end(fd));
    close(fd);
}

static void test_peers_that_vanish(void **state)
{
    struct fixture *fixture = fixture_open(0);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    FIXTURE_SET(fixture, answer_bytes, 100000);
    for (uint32_t i = 0; i < 50; i++) {
        int fd = client_open_tcp(fixture);
        for (uint32_t n = 0; n < 20; n++)
            client_ping(fd, n);
        if (i % 2)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
    }
    fixture_wait(fixture, "accepted", 50);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture->closed_count, 50);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_each_byte),
        cmocka_unit_test(test_pipeline_in_order),
        cmocka_unit_test(test_pauses_at_in_flight_max),
        cmocka_unit_test(test_release_marks),
        cmocka_unit_test(test_release_many),
        cmocka_unit_test(test_peer_that_never_reads),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_half_close_beyond_in_flight),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_frame_limit_rises),
        cmocka_unit_test(test_limit_inside_is_no_fault),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_finish_waits_for_release),
        cmocka_unit_test(test_stop_answers_what_is_under_way),
        cmocka_unit_test(test_stop_ends_after_5_s),
        cmocka_unit_test(test_peers_that_vanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
