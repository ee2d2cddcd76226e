/* Connections under TLS: however the bytes come and go, and however they end. */
#include "tls_fixture.h"
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- bytes ---- */

static void take_one_by_one(struct client *client, void *to, size_t len)
{
    uint8_t byte;
    for (size_t at = 0, got; at < len;) {
        if (SSL_read_ex(client->ssl, (uint8_t *)to + at, 1, &got)) {
            at += got;
            continue;
        }
        assert_int_equal(recv(client->fd, &byte, 1, 0), 1);
        assert_int_equal(BIO_write(client->in, &byte, 1), 1);
    }
}

static void test_one_byte_at_a_time(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_prepare(&depot, 0, true);
    uint8_t pings[3 * PING_BYTES], got[sizeof pings];
    (void)state;
    tls_give(&client, 1, fixture);
    for (uint32_t i = 0; i < 3; i++)
        ping_encode(pings + i * PING_BYTES, i);
    tls_put(&client, pings, sizeof pings);
    tls_give(&client, 1, fixture);
    take_one_by_one(&client, got, sizeof got);
    assert_memory_equal(got, pings, sizeof got);
    for (size_t i = 0; i < sizeof pings; i++)
        tls_put(&client, pings + i, 1); /* a record each */
    tls_give(&client, 1, fixture);
    take_one_by_one(&client, got, sizeof got);
    assert_memory_equal(got, pings, sizeof got);
    assert_int_equal(fixture->session_count, 1);
    tls_close(&client);
    fixture_close(fixture);
}

struct writer {
    uint8_t *bytes;
    size_t len;
};

/* count pings, each with a message of so many bytes behind it. */
static void fill_messages(struct writer *writer, uint32_t count, uint32_t each)
{
    writer->len = (size_t)count * (PING_BYTES + each + 7);
    writer->bytes = malloc(writer->len);
    assert_non_null(writer->bytes);
    for (uint8_t *at = writer->bytes; count > 0; count--, at += PING_BYTES + each + 7) {
        ping_encode(at, count);
        memcpy(at + PING_BYTES, "\x92\x07\xdb", 3);
        for (int i = 0; i < 4; i++)
            at[PING_BYTES + 3 + i] = (uint8_t)(each >> (24 - 8 * i));
        memset(at + PING_BYTES + 7, 'a' + (int)(count % 26), each);
    }
}

/* B33: small reads against full buffers. The client first sends without reading, until the server stops taking. */
static void test_full_buffers(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_prepare(&depot, 4096, false);
    struct writer writer = {0};
    size_t sent = 0, gone, seen = 0;
    (void)state;
    assert_int_equal(SSL_do_handshake(client.ssl), 1);
    fill_messages(&writer, 40, 200000);
    SSL_set_mode(client.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    while (seen < writer.len) {
        struct pollfd poll_fd = {.fd = client.fd, .events = POLLIN | (sent < writer.len ? POLLOUT : 0)};
        uint8_t got[97];
        assert_true(SSL_pending(client.ssl) || poll(&poll_fd, 1, 20000) > 0);
        /* Writes as long as that goes; only then reads, in little pieces. */
        if (poll_fd.revents & POLLOUT) {
            size_t piece = writer.len - sent < 1500 ? writer.len - sent : 1500;
            assert_int_equal(SSL_write_ex(client.ssl, writer.bytes + sent, piece, &gone), 1);
            sent += gone;
            continue;
        }
        for (int i = 0; i < 400 && seen < sent && (SSL_has_pending(client.ssl) || !client_is_quiet(client.fd)); i++) {
            assert_int_equal(SSL_read_ex(client.ssl, got, 1 + (size_t)i % sizeof got, &gone), 1);
            assert_memory_equal(got, writer.bytes + seen, gone);
            seen += gone;
        }
    }
    assert_int_equal(fixture_stats(fixture).messages, 80);
    free(writer.bytes);
    tls_close(&client);
    fixture_close(fixture);
}

static size_t queued_of_first;
static void call_queued(struct fixture *fixture)
{
    queued_of_first = net_conn_queued(fixture->sessions[0].conn);
}

static void call_identify(struct fixture *fixture)
{
    net_conn_identified(fixture->sessions[0].conn);
}

static void wait_until_stuck(struct fixture *fixture)
{
    struct net_stats stats, again = fixture_stats(fixture);
    do {
        stats = again;
        again = fixture_stats(fixture);
    } while (again.messages != stats.messages || again.bytes_out != stats.bytes_out || stats.messages == 0);
    fixture_call(fixture, call_queued);
}

/* Who reads nothing makes us hold little, less before it is identified; it becomes identified while a record is half
 * sent. */
static void test_peer_that_never_reads(void **state)
{
    enum { REQUESTS = 1500, ANSWER = 7000 };
    static uint8_t pings[REQUESTS * PING_BYTES], answer[ANSWER];
    struct fixture *fixture = tls_fixture(0);
    struct client client;
    (void)state;
    FIXTURE_SET(fixture, identify, false);
    FIXTURE_SET(fixture, answer_bytes, ANSWER);
    client = tls_prepare(&depot, 4096, false);
    assert_int_equal(SSL_do_handshake(client.ssl), 1);
    for (uint32_t i = 0; i < REQUESTS; i++)
        ping_encode(pings + i * PING_BYTES, i);
    tls_put(&client, pings, sizeof pings);
    wait_until_stuck(fixture);
    assert_true(fixture->stats.messages < REQUESTS);
    assert_in_range(queued_of_first, 1, RELIEF_UNREAD_BYTES_STRANGER_MAX + ANSWER);
    fixture_call(fixture, call_identify);
    for (unsigned i = 0; i < REQUESTS; i++)
        tls_get(&client, answer, sizeof answer);
    assert_int_equal(fixture_stats(fixture).messages, REQUESTS);
    tls_close(&client);
    fixture_close(fixture);
}

/* What libssl has read ahead is served without another byte from the socket. */
static void test_read_ahead_is_not_forgotten(void **state)
{
    enum { COUNT = 2500 };
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot);
    uint8_t *pings = malloc((size_t)COUNT * PING_BYTES);
    uint32_t seen = 0;
    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        ping_encode(pings + i * PING_BYTES, i);
    FIXTURE_SET(fixture, hold, true);
    tls_put(&client, pings, (size_t)COUNT * PING_BYTES);
    while (seen < COUNT) {
        uint32_t until = seen + RELIEF_IN_FLIGHT_MAX < COUNT ? seen + RELIEF_IN_FLIGHT_MAX : COUNT;
        fixture_wait(fixture, "messages", until);
        for (int i = 0; i < 5; i++)
            assert_int_equal(fixture_stats(fixture).messages, until);
        fixture_release(fixture, until);
        for (; seen < until; seen++)
            tls_get_ping(&client, seen);
    }
    free(pings);
    tls_close(&client);
    fixture_close(fixture);
}

static void call_resume_first(struct fixture *fixture)
{
    net_conn_resume(fixture->sessions[0].conn);
}

static void test_paused_in_the_middle_of_a_record(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot);
    uint8_t pings[3 * PING_BYTES];
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        ping_encode(pings + i * PING_BYTES, i);
    FIXTURE_SET(fixture, pause, true);
    tls_put(&client, pings, sizeof pings);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_wait(fixture, "messages", i + 1);
        tls_get_ping(&client, i);
        assert_int_equal(fixture_stats(fixture).messages, i + 1);
        fixture_call(fixture, call_resume_first);
    }
    tls_close(&client);
    fixture_close(fixture);
}

/* Keys may be changed now and then; all the time is an attack. */
static void test_key_updates(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot);
    int updates = 0;
    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_put_ping(&client, i);
        tls_get_ping(&client, i);
    }
    for (; updates < 1000; updates++) {
        if (SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(client.ssl) != 1)
            break;
        fixture_call(fixture, fixture_nothing);
        if (fixture_stats(fixture).open == 0)
            break;
    }
    assert_in_range(updates, 0, 10);
    fixture_wait(fixture, "open", 0);
    tls_close(&client);
    fixture_close(fixture);
}

/* ---- ends ---- */

static void call_answer_all(struct fixture *fixture)
{
    net_release(fixture->net, fixture->seq);
}

/* The peer says that it sends no more: it gets its answers, and our close_notify. */
static void test_half_close(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct client client = tls_client(&depot);
        FIXTURE_SET(fixture, hold, true);
        tls_put_ping(&client, 1);
        tls_put_ping(&client, 2);
        if (how == 0)
            assert_int_equal(SSL_shutdown(client.ssl), 0);
        else
            assert_int_equal(shutdown(client.fd, SHUT_WR), 0); /* without close_notify */
        fixture_wait(fixture, "messages", 2 * (uint64_t)how + 2);
        for (int i = 0; i < 3; i++)
            assert_int_equal(fixture_stats(fixture).open, 1);
        fixture_call(fixture, call_answer_all);
        tls_get_ping(&client, 1);
        tls_get_ping(&client, 2);
        assert_int_equal(tls_end_of(&client), SSL_ERROR_ZERO_RETURN);
        fixture_wait(fixture, "open", 0);
        tls_close(&client);
    }
    fixture_close(fixture);
}

static void test_cut_off(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot), hand = tls_prepare(&depot, 0, true);
    uint8_t ping[PING_BYTES], record[200];
    int len;
    (void)state;
    ping_encode(ping, 1);
    tls_put(&client, ping, 5); /* half a message, then the end */
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    assert_int_equal(tls_end_of(&client), SSL_ERROR_ZERO_RETURN);
    tls_give(&hand, 10000, NULL);
    tls_put(&hand, ping, sizeof ping);
    len = BIO_read(hand.out, record, sizeof record);
    client_write(hand.fd, record, (size_t)len - 1); /* half a record, then the end */
    assert_int_equal(shutdown(hand.fd, SHUT_WR), 0);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture_stats(fixture).messages, 0);
    tls_close(&client);
    tls_close(&hand);
    fixture_close(fixture);
}

static void test_damaged_record(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client hand = tls_prepare(&depot, 0, true);
    uint8_t ping[PING_BYTES], record[200];
    int len;
    (void)state;
    ping_encode(ping, 1);
    tls_give(&hand, 10000, NULL);
    tls_put(&hand, ping, sizeof ping);
    len = BIO_read(hand.out, record, sizeof record);
    record[len - 1] ^= 1;
    client_write(hand.fd, record, (size_t)len);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture_stats(fixture).messages, 0);
    tls_close(&hand);
    fixture_close(fixture);
}

/* What the server says last arrives, with close_notify behind it, though bytes of ours are still on the way. */
static void test_polite_end(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot);
    uint8_t bad[1000] = {0xc1}, got[5];
    (void)state;
    tls_put(&client, bad, sizeof bad);
    tls_get(&client, got, sizeof got);
    assert_memory_equal(got, "fault", 5);
    assert_int_equal(tls_end_of(&client), SSL_ERROR_ZERO_RETURN);
    tls_close(&client);
    fixture_wait(fixture, "open", 0);
    fixture_close(fixture);
}

static void test_stop(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot), handshaking = tls_prepare(&depot, 0, true);
    (void)state;
    tls_put_ping(&client, 1);
    tls_get_ping(&client, 1);
    SSL_do_handshake(handshaking.ssl);
    fixture_wait(fixture, "open", 2);
    assert_true(fixture_stop(fixture));
    assert_int_equal(tls_end_of(&client), SSL_ERROR_ZERO_RETURN);
    assert_true(client_at_end(handshaking.fd));
    tls_close(&client);
    tls_close(&handshaking);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_full_buffers),
        cmocka_unit_test(test_peer_that_never_reads),
        cmocka_unit_test(test_read_ahead_is_not_forgotten),
        cmocka_unit_test(test_paused_in_the_middle_of_a_record),
        cmocka_unit_test(test_key_updates),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_polite_end),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, tls_set_up, tls_tear_down);
}
