/*
 * Many connections at once, everything at random from a printed seed: messages of all sizes, cut anywhere, peers that
 * read late, answers that are released late. Whatever happens, each peer gets its own bytes back, whole and in order.
 * And bytes at random: the loop survives them and serves the others.
 */
#include "fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS = 24, STREAM_BYTES = 400000 };

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % bound);
}

struct peer {
    int fd;
    size_t len, sent, got;
    unsigned messages;
    uint8_t *stream;
    bool shut;
};

static uint8_t *put_text(uint8_t *to, uint32_t len)
{
    to[0] = 0xda, to[1] = (uint8_t)(len >> 8), to[2] = (uint8_t)len;
    memset(to + 3, 'a' + (int)random_below(26), len);
    return to + 3 + len;
}

/* A stream of whole values: small numbers, pings, arrays of texts up to some 60 KiB. */
static void make_stream(struct peer *peer)
{
    uint8_t *at, *end;
    peer->stream = malloc(STREAM_BYTES + 70000);
    assert_non_null(peer->stream);
    at = peer->stream;
    end = at + random_below(STREAM_BYTES) + 1000;
    while (at < end) {
        uint32_t kind = random_below(100);
        if (kind < 20) {
            *at++ = (uint8_t)random_below(128);
        } else if (kind < 90) {
            ping_encode(at, random_below(1000000));
            at += PING_BYTES;
        } else {
            uint32_t texts = random_below(15) + 1;
            *at++ = (uint8_t)(0x90 | texts);
            for (uint32_t i = 0; i < texts; i++)
                at = put_text(at, random_below(4097));
        }
        peer->messages++;
    }
    peer->len = (size_t)(at - peer->stream);
}

static void step(struct peer *peer)
{
    static uint8_t bytes[100000];
    size_t want = random_below(4) ? random_below(3000) + 1 : random_below(sizeof bytes) + 1;
    ssize_t n;
    if (random_below(2) && peer->sent < peer->len) {
        if (want > peer->len - peer->sent)
            want = peer->len - peer->sent;
        n = send(peer->fd, peer->stream + peer->sent, want, MSG_NOSIGNAL);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        if (n > 0)
            peer->sent += (size_t)n;
    } else if (peer->sent == peer->len && !peer->shut && random_below(2)) {
        peer->shut = true;
        assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
    } else if (peer->got < peer->len) {
        n = recv(peer->fd, bytes, want, 0);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        if (n > 0) {
            assert_true((size_t)n <= peer->sent - peer->got);
            assert_memory_equal(bytes, peer->stream + peer->got, n);
            peer->got += (size_t)n;
        }
    }
}

static void call_release_some(struct fixture *fixture)
{
    net_release(fixture->net, fixture->seq > fixture->arg ? fixture->seq - fixture->arg : 0);
}

static void run_mix(uint64_t from)
{
    struct fixture *fixture = fixture_open(0);
    static struct peer peers[PEERS];
    unsigned messages = 0, left = PEERS;
    print_message("seed %llu\n", (unsigned long long)from);
    seed = from;
    FIXTURE_SET(fixture, hold, true);
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){.fd = i % 2 ? client_open(fixture) : client_open_tcp(fixture)};
        assert_int_equal(fcntl(peers[i].fd, F_SETFL, O_NONBLOCK), 0);
        make_stream(&peers[i]);
        messages += peers[i].messages;
    }
    for (unsigned rounds = 0; left > 0; rounds++) {
        left = 0;
        assert_true(rounds < 1000000);
        for (unsigned i = 0; i < PEERS; i++) {
            if (peers[i].got < peers[i].len || !peers[i].shut) {
                left++;
                step(&peers[i]);
            }
        }
        if (random_below(8) == 0) {
            fixture->arg = random_below(3) ? 0 : random_below(500);
            fixture_call(fixture, call_release_some);
        }
    }
    for (unsigned i = 0; i < PEERS; i++) {
        assert_int_equal(fcntl(peers[i].fd, F_SETFL, 0), 0);
        assert_true(client_at_end(peers[i].fd));
        close(peers[i].fd);
        free(peers[i].stream);
    }
    assert_int_equal(fixture_stats(fixture).messages, messages);
    fixture_wait(fixture, "open", 0);
    fixture_close(fixture);
}

static void test_mix(void **state)
{
    (void)state;
    for (uint64_t from = 1; from <= 6; from++)
        run_mix(from);
}

static void test_random_bytes(void **state)
{
    struct fixture *fixture = fixture_open(64);
    int honest = client_open_tcp(fixture);
    uint8_t bytes[2000];
    (void)state;
    seed = 77;
    for (uint32_t round = 0; round < 400; round++) {
        int fd = round % 2 ? client_open(fixture) : client_open_tcp(fixture);
        size_t len = random_below(sizeof bytes) + 1;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(random_below(3) ? random_below(256) : 0x90 + random_below(80));
        if (send(fd, bytes, len, MSG_NOSIGNAL) < 0)
            assert_true(errno == EPIPE || errno == ECONNRESET);
        client_ping(honest, round);
        client_expect(honest, round);
        close(fd);
    }
    fixture_wait(fixture, "accepted", 401);
    fixture_wait(fixture, "open", 1);
    assert_true(fixture_stats(fixture).faults > 100);
    close(honest);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
