/*
 * Output: one run of bytes per connection, with marks that say which log entry must be durable before they may leave.
 * Marks with the same or a smaller entry than the last one are merged into it, since order is kept anyway; so their
 * number is bounded by the answers in flight. One send() per connection and turn.
 */
#include "net/inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Input is taken again at half of what stopped it, so that reading doesn't flutter. */
#define RESUME_IN_FLIGHT (RELIEF_IN_FLIGHT_MAX / 2)

void conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct net_conn *conn = arg;
    (void)fd, (void)what;
    conn->write_blocked = false;
    if (conn->tls)
        tls_on_writable(conn);
    conn_push_dirty(conn);
}

static bool out_reserve(struct net_bytes *out, size_t more)
{
    size_t len = out->end - out->start, cap = out->cap ? out->cap : 1024;
    uint8_t *data;
    if (out->cap - out->end >= more)
        return true;
    if (len + more <= out->cap && len <= out->cap / 2) {
        memmove(out->data, out->data + out->start, len);
        out->start = 0;
        out->end = len;
        return true;
    }
    while (cap < len + more)
        cap *= 2;
    data = malloc(cap);
    if (!data)
        return false;
    if (len)
        memcpy(data, out->data + out->start, len);
    free(out->data);
    *out = (struct net_bytes){.data = data, .end = len, .cap = cap};
    return true;
}

static bool mark_push(struct net_conn *conn, const struct net_mark *mark)
{
    if (conn->marks_end == conn->marks_cap && conn->marks_first > 0) {
        memmove(conn->marks, conn->marks + conn->marks_first,
                (conn->marks_end - conn->marks_first) * sizeof *conn->marks);
        conn->marks_end -= conn->marks_first;
        conn->marks_first = 0;
    }
    if (conn->marks_end == conn->marks_cap) {
        uint32_t cap = conn->marks_cap ? 2 * conn->marks_cap : 4;
        struct net_mark *marks = realloc(conn->marks, cap * sizeof *marks);
        if (!marks)
            return false;
        conn->marks = marks;
        conn->marks_cap = cap;
    }
    conn->marks[conn->marks_end++] = *mark;
    return true;
}

static void answered(struct net_conn *conn, uint32_t answers)
{
    conn->in_flight -= answers < conn->in_flight ? answers : conn->in_flight;
}

void net_conn_send(struct net_conn *conn, const void *data, size_t len, uint64_t release, bool counts_request)
{
    struct net *net = conn->net;
    bool any_marks = conn->marks_first < conn->marks_end;
    if (conn->is_dead || conn->shut)
        return;
    if (!out_reserve(&conn->out, len)) {
        conn_kill(conn);
        return;
    }
    if (len)
        memcpy(conn->out.data + conn->out.end, data, len);
    conn->out.end += len;
    conn->queued += len;
    if (!any_marks && release <= net->durable) {
        conn->released = conn->queued;
        if (counts_request)
            answered(conn, 1);
        conn_push_dirty(conn);
    } else if (any_marks && release <= conn->marks[conn->marks_end - 1].release) {
        conn->marks[conn->marks_end - 1].end = conn->queued;
        conn->marks[conn->marks_end - 1].answers += counts_request;
    } else {
        struct net_mark mark = {.release = release, .end = conn->queued, .answers = counts_request};
        if (!mark_push(conn, &mark)) {
            conn_kill(conn);
            return;
        }
        if (!conn->in_waiting) {
            conn->in_waiting = true;
            TAILQ_INSERT_TAIL(&net->waiting, conn, waiting);
        }
    }
}

bool conn_release(struct net_conn *conn)
{
    bool any = false;
    while (conn->marks_first < conn->marks_end && conn->marks[conn->marks_first].release <= conn->net->durable) {
        struct net_mark *mark = &conn->marks[conn->marks_first++];
        conn->released = mark->end;
        answered(conn, mark->answers);
        any = true;
    }
    if (conn->marks_first == conn->marks_end)
        conn->marks_first = conn->marks_end = 0;
    return any;
}

void net_take_back(struct net *net)
{
    struct net_conn *conn;
    TAILQ_FOREACH(conn, &net->waiting, waiting)
    {
        conn_release(conn); /* what became durable in this turn leaves */
        conn->out.end -= (size_t)(conn->queued - conn->released);
        conn->queued = conn->released;
        conn->marks_first = conn->marks_end = 0;
        conn->in_flight = 0;
        net_conn_finish(conn);
    }
    net->release_due = true; /* takes them off the list */
}

void net_release(struct net *net, uint64_t durable)
{
    if (durable <= net->durable)
        return;
    net->durable = durable;
    net->release_due = true;
}

void conn_unthrottle(struct net_conn *conn)
{
    if (conn->throttled && conn->in_flight <= RESUME_IN_FLIGHT && net_conn_queued(conn) < conn_unread_max(conn) / 2) {
        conn->throttled = false;
        conn_go_on(conn);
    }
}

void conn_write(struct net_conn *conn)
{
    struct net *net = conn->net;
    size_t ready = (size_t)(conn->released - conn->sent), before = net_conn_queued(conn);
    ssize_t gone;
    if (conn->is_dead || ready == 0 || conn->write_blocked)
        return;
    gone = conn_send(conn, conn->out.data + conn->out.start, ready);
    if (gone < 0 && errno != EAGAIN && errno != EINTR) {
        conn_kill(conn);
        return;
    }
    if (gone > 0) {
        conn->sent += (uint64_t)gone;
        conn->out.start += (size_t)gone;
        net->stats.bytes_out += (uint64_t)gone;
        conn->stuck_since = net->now;
    }
    if (conn->out.start == conn->out.end) {
        conn->out.start = conn->out.end = 0;
        if (conn->out.cap > NET_READ_BYTES) {
            free(conn->out.data);
            conn->out = (struct net_bytes){0};
        }
    }
    if (conn->sent < conn->released) {
        if (conn->stuck_since == 0)
            conn->stuck_since = net->now;
        conn->write_blocked = true;
        if (!(conn->tls && tls_waits_to_read(conn)) && event_add(&conn->writable, NULL) != 0)
            conn_kill(conn);
    } else {
        conn->stuck_since = 0;
    }
    if (before >= NET_DRAINED_BYTES && net_conn_queued(conn) < NET_DRAINED_BYTES) {
        conn->drained_owed = true;
        conn_push_ready(conn);
    }
}
