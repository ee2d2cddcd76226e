/* See fixture.h. The loop's thread reads shared fields only between the wake and the semaphore, which order them. */
#include "fixture.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <unistd.h>

static void *opened(void *context, struct net_conn *conn, const struct net_peer *peer)
{
    struct fixture *fixture = context;
    struct session *session = &fixture->sessions[fixture->session_count];
    if (fixture->refuse || fixture->session_count == FIXTURE_SESSIONS)
        return NULL;
    fixture->session_count++;
    fixture->open_count++;
    *session = (struct session){.fixture = fixture, .conn = conn, .peer = *peer, .open = true};
    if (fixture->identify)
        net_conn_identified(conn);
    return session;
}

static const struct relief_buf *refused(void *context, const struct net_peer *peer, enum net_refusal why,
                                        const char *detail)
{
    static char words[] = "refused";
    static const struct relief_buf buf = {.data = words, .len = sizeof words - 1};
    struct fixture *fixture = context;
    (void)peer, (void)detail;
    fixture->refused[why]++;
    return &buf;
}

static void evicted(void *arg)
{
    struct session *session = arg;
    session->fixture->evicted++;
}

static bool reserved(void *context, const struct net_peer *peer)
{
    struct fixture *fixture = context;
    (void)peer;
    return fixture->reserved;
}

static void message(void *arg, const uint8_t *data, size_t len, int limit_fault)
{
    static uint8_t filler[1u << 20];
    struct session *session = arg;
    struct fixture *fixture = session->fixture;
    uint64_t release = 0;
    session->messages++;
    fixture->limit_fault = limit_fault;
    net_conn_request(session->conn);
    if (fixture->hold)
        release = ++fixture->seq;
    if (fixture->pause)
        net_conn_pause(session->conn);
    if (fixture->secret)
        net_conn_secret(session->conn);
    if (fixture->silent)
        return;
    if (fixture->answer_bytes)
        net_conn_send(session->conn, filler, fixture->answer_bytes, release, true);
    else
        net_conn_send(session->conn, data, len, release, true);
}

static void fault(void *arg, enum net_fault what)
{
    struct session *session = arg;
    session->fixture->fault = what;
    net_conn_send(session->conn, "fault", 5, 0, false);
}

static void drained(void *arg)
{
    struct session *session = arg;
    session->drained++;
}

static void closed(void *arg)
{
    struct session *session = arg;
    session->open = false;
    session->fixture->open_count--;
    session->fixture->closed_count++;
}

static void turn_begin(void *context)
{
    struct fixture *fixture = context;
    assert(fixture->begun == fixture->ended);
    fixture->begun++;
    fixture->turns++;
}

static void turn_end(void *context)
{
    struct fixture *fixture = context;
    fixture->ended++;
    assert(fixture->begun == fixture->ended);
}

static void woken(void *context)
{
    struct fixture *fixture = context;
    if (fixture->call) {
        fixture->call(fixture);
        fixture->call = NULL;
        sem_post(&fixture->called);
    }
}

static bool busy(void *context)
{
    return ((struct fixture *)context)->busy;
}

static int64_t virtual_now(void *context)
{
    return ((struct fixture *)context)->now;
}

static void *run(void *arg)
{
    struct fixture *fixture = arg;
    fixture->run_result = net_run(fixture->net);
    return NULL;
}

struct fixture *fixture_open(unsigned conns_max)
{
    return fixture_open_reserved(conns_max, 0);
}

struct fixture *fixture_open_reserved(unsigned conns_max, unsigned conns_reserved)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct net_handlers handlers = {.context = fixture,
                                    .opened = opened,
                                    .refused = refused,
                                    .evicted = evicted,
                                    .reserved = reserved,
                                    .message = message,
                                    .fault = fault,
                                    .drained = drained,
                                    .closed = closed,
                                    .turn_begin = turn_begin,
                                    .turn_end = turn_end,
                                    .woken = woken,
                                    .busy = busy};
    char address[128];
    assert_non_null(fixture);
    fixture->now = 1000000;
    fixture->identify = true;
    fixture->options =
        (struct net_options){.conns_max = conns_max, .conns_reserved = conns_reserved, .now_ms = virtual_now};
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/relief-net-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(sem_init(&fixture->called, 0, 0), 0);
    assert_int_equal(net_open(&fixture->net, &fixture->options, &handlers), 0);
    snprintf(address, sizeof address, "unix:%s/run/socket", fixture->folder);
    assert_int_equal(net_listen(fixture->net, address, 0, fixture->bound, sizeof fixture->bound), 0);
    assert_int_equal(net_listen(fixture->net, "tcp:127.0.0.1:0", 1, fixture->tcp, sizeof fixture->tcp), 0);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run, fixture), 0);
    fixture->running = true;
    return fixture;
}

void fixture_call(struct fixture *fixture, void (*call)(struct fixture *fixture))
{
    fixture->call = call;
    atomic_thread_fence(memory_order_seq_cst);
    net_wake(fixture->net);
    while (sem_wait(&fixture->called) != 0)
        assert_int_equal(errno, EINTR);
}

static void call_set(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->field_bytes; i++)
        ((uint8_t *)fixture->field)[i] = ((uint8_t *)&fixture->arg)[i]; /* little-endian machines */
}

void fixture_set(struct fixture *fixture, void *field, size_t bytes, uint64_t value)
{
    fixture->field = field;
    fixture->field_bytes = bytes;
    fixture->arg = value;
    fixture_call(fixture, call_set);
}

void fixture_nothing(struct fixture *fixture)
{
    (void)fixture;
}

static void call_release(struct fixture *fixture)
{
    net_release(fixture->net, fixture->arg);
}

void fixture_release(struct fixture *fixture, uint64_t seq)
{
    fixture->arg = seq;
    fixture_call(fixture, call_release);
    fixture_call(fixture, fixture_nothing);
}

void fixture_advance(struct fixture *fixture, int64_t ms)
{
    fixture_call(fixture, fixture_nothing);
    /* In steps: what a loop that stood still did not see is not held against the peers. */
    do {
        int64_t step = ms < NET_SCAN_MS ? ms : NET_SCAN_MS;
        fixture->now += step;
        ms -= step;
        /* The turn of the first call looks at the deadlines at its end; the second call comes after it. */
        fixture_call(fixture, fixture_nothing);
        fixture_call(fixture, fixture_nothing);
    } while (ms > 0);
}

static void call_stop(struct fixture *fixture)
{
    net_stop(fixture->net);
}

bool fixture_stop(struct fixture *fixture)
{
    if (!fixture->running)
        return fixture->run_result == 0;
    fixture_call(fixture, call_stop);
    pthread_join(fixture->thread, NULL);
    fixture->running = false;
    return fixture->run_result == 0;
}

void fixture_close(struct fixture *fixture)
{
    char path[128];
    assert_true(fixture_stop(fixture));
    net_close(fixture->net);
    assert_int_equal(fixture->open_count, 0);
    snprintf(path, sizeof path, "%s/run", fixture->folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(fixture->folder), 0);
    sem_destroy(&fixture->called);
    free(fixture);
}

static void call_stats(struct fixture *fixture)
{
    fixture->stats = net_stats(fixture->net);
}

struct net_stats fixture_stats(struct fixture *fixture)
{
    /* What came in before the first call is read in its turn; the second call sees it. */
    fixture_call(fixture, fixture_nothing);
    fixture_call(fixture, call_stats);
    return fixture->stats;
}

void fixture_wait(struct fixture *fixture, const char *what, uint64_t value)
{
    for (unsigned i = 0; i < 200000; i++) {
        struct net_stats stats = fixture_stats(fixture);
        uint64_t is = strcmp(what, "messages") == 0   ? stats.messages
                      : strcmp(what, "bytes_in") == 0 ? stats.bytes_in
                      : strcmp(what, "accepted") == 0 ? stats.accepted
                      : strcmp(what, "refused") == 0  ? stats.refused
                      : strcmp(what, "faults") == 0   ? stats.faults
                      : strcmp(what, "open") == 0     ? stats.open
                                                      : UINT64_MAX;
        if (is == value)
            return;
    }
    fail_msg("%s never became %llu", what, (unsigned long long)value);
}

static int ready_client(int fd)
{
    struct timeval long_time = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &long_time, sizeof long_time), 0);
    return fd;
}

int client_connect(struct fixture *fixture, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/run/socket", fixture->folder);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return ready_client(fd);
}

int client_open(struct fixture *fixture)
{
    return client_connect(fixture, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

int client_open_tcp(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    address.sin_port = htons((uint16_t)atoi(strrchr(fixture->tcp, ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return ready_client(fd);
}

void client_write(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t gone = send(fd, at, len, MSG_NOSIGNAL);
        assert_true(gone > 0);
        at += gone;
        len -= (size_t)gone;
    }
}

void client_read(int fd, void *data, size_t len)
{
    ssize_t got = recv(fd, data, len, MSG_WAITALL);
    assert_int_equal(got, (ssize_t)len);
}

bool client_at_end(int fd)
{
    uint8_t byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

bool client_is_quiet(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 0;
}

void ping_encode(uint8_t *to, uint32_t msgid)
{
    static const uint8_t head[] = {0x94, 0x00, 0xce}, tail[] = {0xa3, 'p', 'i', 'n', 0x90};
    memcpy(to, head, 3);
    for (int i = 0; i < 4; i++)
        to[3 + i] = (uint8_t)(msgid >> (24 - 8 * i));
    memcpy(to + 7, tail, 5);
}

void client_ping(int fd, uint32_t msgid)
{
    uint8_t bytes[PING_BYTES];
    ping_encode(bytes, msgid);
    client_write(fd, bytes, sizeof bytes);
}

void client_expect(int fd, uint32_t msgid)
{
    uint8_t expected[PING_BYTES], bytes[PING_BYTES];
    ping_encode(expected, msgid);
    client_read(fd, bytes, sizeof bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
}
