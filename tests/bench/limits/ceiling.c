/*
 * ceiling PORT FOLDER: what a service of this kind can reach here. It decodes, matches in memory and keeps nothing but
 * a log: all that one turn of the loop brought goes with one write and one fdatasync into a file that is there already,
 * then the answers leave. No checks, rights, agreements, dates, index of ids, hash chain or recovery; so it is a
 * measure, not a service.
 *
 * MessagePack-RPC, as loadgen -m model speaks it: [0, number, "dispatch", [city, kind, units, id]] and "refill" [kind].
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "workload.h"

#define LOG_BYTES   (64 << 20) /* as a segment of Relief; from its beginning again when full */
#define CONNS_MAX   1024
#define READ_BYTES  65536u
#define REQUEST_MIN 16u    /* no request is shorter */
#define TURN_MAX    16384u /* requests of one turn; what is beyond stays in the sockets */
#define ENTRY_MAX   (24u + 4u * WL_NEAR)
#define ANSWER_MAX  (16u + 6u * WL_NEAR)

struct conn {
    int fd;
    size_t len, out_len;
    uint8_t data[READ_BYTES];
    uint8_t out[(READ_BYTES / REQUEST_MIN + 1) * ANSWER_MAX];
};

static struct wl_world world, base;
static uint8_t log_data[TURN_MAX * ENTRY_MAX];
static size_t log_len;
static off_t log_at;
static int log_fd;
static unsigned turn_count;
static struct conn *waiting[CONNS_MAX]; /* with answers that wait for the log */
static unsigned waiting_count;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint8_t *put_be(uint8_t *at, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        *at++ = (uint8_t)(value >> (8 * bytes));
    return at;
}

static uint8_t *put_int(uint8_t *at, uint32_t value)
{
    if (value < 128)
        return put_be(at, value, 1);
    *at++ = 0xcd;
    return put_be(at, value, 2);
}

struct leg {
    uint16_t donor, units;
};

/* Nearest first, down to the floor. */
static unsigned match(uint32_t city, uint32_t kind, uint32_t units, struct leg *legs, uint32_t *ret_covered)
{
    unsigned count = 0;
    uint32_t open = units;
    for (unsigned i = 0; i < WL_NEAR && open > 0; i++) {
        uint16_t donor = world.near[city][i];
        uint32_t stock = world.stock[donor][kind], floor = world.floor[donor][kind];
        if (stock <= floor)
            continue;
        uint32_t take = stock - floor < open ? stock - floor : open;
        world.stock[donor][kind] = stock - take;
        open -= take;
        legs[count++] = (struct leg){donor, (uint16_t)take};
    }
    *ret_covered = units - open;
    return count;
}

static void refill(uint32_t kind)
{
    for (uint32_t city = 0; city < WL_CITIES; city++)
        world.stock[city][kind] = base.stock[city][kind];
}

static void answer(struct conn *conn, const uint8_t *number, const uint32_t value[4], uint64_t id, bool is_refill)
{
    struct leg legs[WL_NEAR];
    uint32_t covered = 0;
    unsigned count = 0;
    if (is_refill)
        refill(value[0] % WL_KINDS);
    else
        count = match(value[0] % WL_CITIES, value[1] % WL_KINDS, value[2], legs, &covered);
    uint8_t *entry = put_be(log_data + log_len, id, 8);
    for (unsigned i = 0; i < 4; i++)
        entry = put_be(entry, i < 3 ? value[i] : covered, 4);
    memcpy(entry, legs, count * sizeof *legs);
    log_len = (size_t)(entry - log_data) + count * sizeof *legs;
    if (conn->out_len == 0)
        waiting[waiting_count++] = conn;
    uint8_t *out = conn->out + conn->out_len;
    memcpy(out, "\x94\x01\xce", 3);
    memcpy(out + 3, number, 4);
    out = put_be(out + 7, 0xc0, 1);
    if (is_refill) {
        out = put_be(out, 0x90, 1);
    } else {
        out = put_be(out, 0xdc, 1);
        out = put_be(out, 2 + 2 * count, 2);
        out = put_int(put_int(out, value[2]), covered);
        for (unsigned i = 0; i < count; i++)
            out = put_int(put_int(out, legs[i].donor), legs[i].units);
    }
    conn->out_len = (size_t)(out - conn->out);
    turn_count++;
}

/* An unsigned integer; 0 when it is not all there. */
static size_t take(const uint8_t *at, size_t len, uint64_t *ret)
{
    unsigned bytes = len > 0 && at[0] >= 0xcc && at[0] <= 0xcf ? 1u << (at[0] - 0xcc) : 0;
    if (len < 1 + bytes)
        return 0;
    *ret = bytes ? 0 : at[0];
    for (unsigned i = 0; i < bytes; i++)
        *ret = *ret << 8 | at[1 + i];
    return 1 + bytes;
}

/* Bytes of the first request in `data`; 0 when it is not all there. */
static size_t serve(struct conn *conn, const uint8_t *data, size_t len)
{
    uint32_t value[4] = {0};
    uint64_t id = 0;
    if (len < 8)
        return 0;
    unsigned name = data[7] & 31u, count;
    size_t at = 8 + name;
    if (len < at + 1)
        return 0;
    count = data[at++] & 15u;
    for (unsigned i = 0; i < count; i++) {
        size_t used = take(data + at, len - at, &id);
        if (used == 0)
            return 0;
        if (i < 3)
            value[i] = (uint32_t)id;
        at += used;
    }
    answer(conn, data + 3, value, id, name == 6);
    return at;
}

static void receive(struct conn *conn)
{
    if (turn_count > TURN_MAX - READ_BYTES / REQUEST_MIN)
        return;
    ssize_t got = read(conn->fd, conn->data + conn->len, sizeof conn->data - conn->len);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(conn->fd); /* and with it its place in epoll; it has no answers waiting, since a turn ends with sending
                            them */
        free(conn);
        return;
    }
    size_t at = 0, used;
    conn->len += (size_t)got;
    while ((used = serve(conn, conn->data + at, conn->len - at)) > 0)
        at += used;
    memmove(conn->data, conn->data + at, conn->len - at);
    conn->len -= at;
}

static void end_turn(void)
{
    if (turn_count == 0)
        return;
    if (log_at + (off_t)log_len > LOG_BYTES)
        log_at = 0;
    if (pwrite(log_fd, log_data, log_len, log_at) != (ssize_t)log_len || fdatasync(log_fd))
        die("log");
    log_at += (off_t)log_len;
    for (unsigned i = 0; i < waiting_count; i++) {
        struct conn *conn = waiting[i];
        for (size_t at = 0; at < conn->out_len;) {
            ssize_t sent = write(conn->fd, conn->out + at, conn->out_len - at);
            if (sent < 0 && errno != EAGAIN)
                break;
            at += sent > 0 ? (size_t)sent : 0;
        }
        conn->out_len = 0;
    }
    turn_count = waiting_count = 0;
    log_len = 0;
}

static void open_log(const char *folder)
{
    static uint8_t zeroes[1 << 20];
    char path[4096];
    snprintf(path, sizeof path, "%s/ceiling.log", folder);
    log_fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    for (off_t at = 0; log_fd >= 0 && at < LOG_BYTES; at += sizeof zeroes)
        if (pwrite(log_fd, zeroes, sizeof zeroes, at) != sizeof zeroes)
            die(path);
    if (log_fd < 0 || fsync(log_fd))
        die(path);
}

static int open_port(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, CONNS_MAX) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        die("listen");
    printf("ready %u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int listener, int poll)
{
    for (int fd, one = 1; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
        struct conn *conn = calloc(1, sizeof *conn);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
        if (!conn)
            die("memory");
        conn->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
            die("epoll");
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[CONNS_MAX], event = {.events = EPOLLIN};
    if (argc != 3)
        return fputs("ceiling PORT FOLDER\n", stderr), 2;
    wl_world_init(&base);
    world = base;
    open_log(argv[2]);
    int poll = epoll_create1(EPOLL_CLOEXEC), listener = open_port(argv[1]);
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event))
        die("epoll");
    for (;;) {
        int count = epoll_wait(poll, events, CONNS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                receive(events[i].data.ptr);
            else
                accept_all(listener, poll);
        }
        end_turn();
    }
}
