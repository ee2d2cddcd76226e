/*
 * Input: bytes from the socket, whole messages to the handler.
 *
 * Bytes are read into one buffer of the loop, together with what the connection had left over if that is little, and
 * served from there; only what is left of an unfinished frame, or what may not be served yet, is stored with the
 * connection. So an idle connection holds no buffer, and a pipelined one is read with one system call a turn. A large
 * frame grows in the connection's own buffer, in steps of what it already holds and at most 64 KiB, so that a header
 * alone reserves nothing.
 *
 * A socket is watched level-triggered. One that may not be read now is left alone until the kernel reports it, and only
 * then taken out of the watch: most pauses are over before that.
 */
#include "net/inside.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool conn_may_serve(const struct net_conn *conn)
{
    return !conn->is_dead && !conn->finishing && !conn->paused && !conn->throttled && !conn->net->stopping;
}

void conn_scan_start(struct net_conn *conn)
{
    scan_init(&conn->scan, conn->frame_max);
    if (conn->is_stranger)
        scan_limit(&conn->scan, RELIEF_DEPTH_STRANGER_MAX, RELIEF_ELEMENTS_STRANGER_MAX);
}

void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct net_conn *conn = arg;
    (void)fd, (void)what;
    conn->socket_ready = true;
    if ((conn_may_serve(conn) && !conn->in_held && !conn->eof) || conn->shut) {
        if (conn->in_ready) {
            /* Not read in the last turn: the layers above are busy. The list remembers it. */
            event_del(&conn->readable);
            conn->watched = false;
        }
        conn_push_ready(conn);
        return;
    }
    event_del(&conn->readable);
    conn->watched = false;
}

static size_t input_len(const struct net_conn *conn)
{
    return conn->in.end - conn->in.start;
}

void conn_discard_input(struct net_conn *conn)
{
    net_charge(conn, 0);
    free(conn->in.data);
    conn->in = (struct net_bytes){0};
    conn->partial = false;
}

/* Makes the stored input these bytes, which may not overlap it. The read was sized so that the charge can't be refused.
 */
static void input_store(struct net_conn *conn, const uint8_t *data, size_t len)
{
    size_t cap = (len + NET_STEP_BYTES - 1) / NET_STEP_BYTES * NET_STEP_BYTES;
    if (conn->in.cap < len || conn->in.cap > 4 * cap) {
        uint8_t *fresh = malloc(cap);
        if (!fresh || !net_charge(conn, net_beyond_small(conn->net, cap))) {
            free(fresh);
            conn_kill(conn);
            return;
        }
        free(conn->in.data);
        conn->in = (struct net_bytes){.data = fresh, .cap = cap};
    }
    memcpy(conn->in.data, data, len);
    conn->in.start = 0;
    conn->in.end = len;
}

/* Room for more of a frame behind what is stored. 0: none for now, the connection is held until there is. */
static size_t input_grow(struct net_conn *conn)
{
    struct net_bytes *in = &conn->in;
    size_t len = input_len(conn), step = len < NET_READ_BYTES ? len : NET_READ_BYTES;
    if (in->start > 0) {
        memmove(in->data, in->data + in->start, len);
        in->start = 0;
        in->end = len;
    }
    if (in->cap - len < step) {
        uint8_t *data;
        size_t cap = len + step;
        if (net_beyond_small(conn->net, cap) > 0 && !net_charge(conn, NET_LARGE_BYTES)) {
            if (in->cap > len)
                return in->cap - len;
            conn->in_held = true;
            TAILQ_INSERT_TAIL(&conn->net->held, conn, held);
            return 0;
        }
        data = realloc(in->data, cap);
        if (!data) {
            conn_kill(conn);
            return 0;
        }
        in->data = data;
        in->cap = cap;
    }
    return in->cap - len;
}

static void serve_fault(struct net_conn *conn, enum net_fault fault)
{
    conn->net->stats.faults++;
    conn->net->handlers.fault(conn->session, fault);
    net_conn_finish(conn);
}

/* The message held a secret: it goes from where it was read, and from where it was kept until it was whole. */
static void wipe(struct net_conn *conn, uint8_t *message, size_t size)
{
    struct net_bytes *in = &conn->in;
    bool stored = in->data && message >= in->data && message < in->data + in->cap;
    conn->secret = false;
    explicit_bzero(message, size);
    if (stored)
        explicit_bzero(in->data + in->end, in->cap - in->end);
    else if (in->data)
        explicit_bzero(in->data, in->cap); /* a copy of what is being served */
}

/* Hands over the whole messages that data begins with, as many as the quantum has; returns how many bytes were used up.
 */
static size_t serve(struct net_conn *conn, uint8_t *data, size_t len)
{
    struct net *net = conn->net;
    size_t used = 0;
    bool was_partial = conn->partial;
    conn->partial = false;
    while (used < len && conn->quantum > 0 && conn_may_serve(conn) && net_may_read(net)) {
        enum scan_status status = scan_feed(&conn->scan, data + used, len - used);
        if (status == SCAN_DONE || status == SCAN_LIMIT) {
            size_t size = conn->scan.pos;
            int fault = status == SCAN_LIMIT ? (int)conn->scan.fault : SCAN_FAULT_NONE;
            assert(size > 0 && size <= len - used);
            net->stats.messages++;
            conn->quantum--;
            conn->heard = true;
            conn->heard_at = net->now;
            net->handlers.message(conn->session, data + used, size, fault);
            conn_scan_start(conn);
            if (conn->secret)
                wipe(conn, data + used, size);
            if (conn->not_taken) {
                conn->not_taken = false;
                return used;
            }
            used += size;
            if (net_conn_queued(conn) >= conn_unread_max(conn))
                conn->throttled = true;
        } else if (status == SCAN_MORE) {
            conn->partial = true;
            /* The clock of a frame starts with its first byte and is not moved by later ones. */
            if (!was_partial || used > 0)
                conn->frame_since = net->now;
            return used;
        } else {
            serve_fault(conn, status == SCAN_BAD ? NET_BAD_FRAME : NET_FRAME_TOO_LARGE);
            return len;
        }
    }
    return used;
}

/* Messages that were stored while they might not be served. */
static void serve_stored(struct net_conn *conn)
{
    conn->in.start += serve(conn, conn->in.data + conn->in.start, input_len(conn));
    if (conn->in.start == conn->in.end) {
        if (conn->in.cap > NET_SMALL_BYTES)
            conn_discard_input(conn);
        else
            conn->in.start = conn->in.end = 0;
    }
}

/* What recv said: true when there are new bytes. */
static bool took(struct net_conn *conn, ssize_t got, size_t asked)
{
    /* A short read has emptied the socket, for now. */
    conn->socket_ready = conn->tls ? tls_more(conn) : got > 0 && (size_t)got == asked;
    if (got > 0) {
        conn->net->stats.bytes_in += (uint64_t)got;
        return true;
    }
    if (got == 0) {
        conn->eof = true;
        event_del(&conn->readable);
        conn->watched = false;
        conn_push_dirty(conn);
    } else if (errno != EAGAIN && errno != EINTR) {
        conn_kill(conn);
    }
    return false;
}

/* Much is stored, the beginning of one frame: reads behind it. */
static void read_behind(struct net_conn *conn)
{
    size_t asked = input_grow(conn);
    ssize_t got;
    if (asked == 0)
        return;
    got = conn_recv(conn, conn->in.data + conn->in.end, asked);
    if (!took(conn, got, asked))
        return;
    conn->in.end += (size_t)got;
    serve_stored(conn);
}

/* Little is stored: joins it with what comes, in the loop's buffer. */
static void read_joined(struct net_conn *conn)
{
    struct net *net = conn->net;
    size_t kept = input_len(conn), asked = net_read_room(net, kept), used;
    ssize_t got;
    if (asked == 0) {
        read_behind(conn);
        return;
    }
    if (conn->is_stranger && asked > NET_STRANGER_READ_BYTES)
        asked = NET_STRANGER_READ_BYTES;
    got = conn_recv(conn, net->scratch + kept, asked);
    if (!took(conn, got, asked))
        return;
    if (kept)
        memcpy(net->scratch, conn->in.data + conn->in.start, kept);
    kept += (size_t)got;
    used = serve(conn, net->scratch, kept);
    if (used < kept && !conn->finishing && !conn->is_dead)
        input_store(conn, net->scratch + used, kept - used);
    else if (conn->in.cap > NET_SMALL_BYTES)
        conn_discard_input(conn);
    else
        conn->in.start = conn->in.end = 0;
}

/* Our side is shut down: whatever comes is read so that closing does not reset the connection. */
static void read_away(struct net_conn *conn)
{
    ssize_t got = recv(conn->fd, conn->net->scratch, sizeof conn->net->scratch, 0);
    conn->socket_ready = false;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        conn_kill(conn);
    else
        conn_go_on(conn); /* watched again, in case it was not */
}

void conn_read(struct net_conn *conn)
{
    if (conn->drained_owed && !conn->finishing) {
        conn->drained_owed = false;
        if (conn->net->handlers.drained)
            conn->net->handlers.drained(conn->session);
    }
    if (conn->is_dead)
        return;
    if (conn->finishing) {
        conn_discard_input(conn);
        if (conn->shut)
            read_away(conn);
        return;
    }
    if (conn->tls && !tls_is_open(conn) && !tls_handshake(conn))
        return;
    if (input_len(conn) > 0 && !conn->partial)
        serve_stored(conn);
    if (conn->quantum > 0 && conn_may_serve(conn) && conn->socket_ready && !conn->eof && !conn->in_held &&
        net_may_read(conn->net)) {
        if (input_len(conn) <= NET_SMALL_BYTES)
            read_joined(conn);
        else
            read_behind(conn);
    }
    if (conn->eof)
        conn_push_dirty(conn);
    if (conn_may_serve(conn) && !conn->in_held && !conn->eof && !conn->watched)
        conn_go_on(conn);
    if (conn_may_serve(conn) && input_len(conn) > 0 && !conn->partial)
        conn_push_ready(conn); /* the layers above became busy half-way, or its part of the turn is over */
    if (conn->tls && conn->socket_ready && conn_may_serve(conn) && !conn->in_held && !conn->eof)
        conn_push_ready(conn); /* what was read ahead, the socket doesn't tell of */
}
