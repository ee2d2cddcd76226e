/*
 * A connection's life: opened by a listener, ended by conn_kill, freed at the end of the turn. Between the two it is on
 * the lists of inside.h that say what it has to do.
 *
 * Ending politely: bytes of the peer that nobody read make the kernel answer close() with a reset, and a reset can
 * destroy the last answer on its way. So an ending connection sends what is queued, shuts down its side, and throws
 * away what still comes in until the peer closes, for a second at most.
 */
#include "net/inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int conn_open(struct net *net, int fd, const struct net_peer *peer, const uint8_t address[16], bool counted,
              bool reserve)
{
    struct net_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return -ENOMEM;
    conn->net = net;
    conn->fd = fd;
    conn->frame_max = RELIEF_FRAME_BYTES_STRANGER_MAX;
    conn->is_stranger = true;
    conn->counted = counted;
    conn->reserve = reserve;
    conn->opened_at = net->now;
    memcpy(conn->address, address, sizeof conn->address);
    conn_scan_start(conn);
    if (event_assign(&conn->readable, net->base, fd, EV_READ | EV_PERSIST, conn_on_readable, conn) != 0 ||
        event_assign(&conn->writable, net->base, fd, EV_WRITE, conn_on_writable, conn) != 0 ||
        (peer->transport == NET_TLS && tls_attach(conn, peer) != 0) || event_add(&conn->readable, NULL) != 0) {
        if (conn->tls)
            tls_detach(conn);
        free(conn);
        return -ENOMEM;
    }
    conn->watched = true;
    TAILQ_INSERT_TAIL(&net->all, conn, all);
    TAILQ_INSERT_TAIL(&net->strangers, conn, strangers);
    net->stats.open++;
    net->reserve_open += reserve;
    if (conn->tls)
        return 0; /* the session is opened when it is known who the peer is */
    conn->session = net->handlers.opened(net->handlers.context, conn, peer);
    if (!conn->session)
        conn_kill(conn);
    return 0;
}

void conn_kill(struct net_conn *conn)
{
    if (conn->is_dead)
        return;
    conn->is_dead = true;
    conn->net->stats.open--;
    conn->net->reserve_open -= conn->reserve;
    if (conn->is_stranger) {
        conn->is_stranger = false;
        TAILQ_REMOVE(&conn->net->strangers, conn, strangers);
    }
    TAILQ_INSERT_TAIL(&conn->net->dead, conn, dead);
    event_del(&conn->readable);
    event_del(&conn->writable);
    conn->watched = false;
}

void conn_free(struct net_conn *conn)
{
    struct net *net = conn->net;
    if (conn->session)
        net->handlers.closed(conn->session);
    TAILQ_REMOVE(&net->all, conn, all);
    TAILQ_REMOVE(&net->dead, conn, dead);
    if (conn->in_ready)
        TAILQ_REMOVE(&net->ready, conn, ready);
    if (conn->in_dirty)
        TAILQ_REMOVE(&net->dirty, conn, dirty);
    if (conn->in_waiting)
        TAILQ_REMOVE(&net->waiting, conn, waiting);
    if (conn->in_held)
        TAILQ_REMOVE(&net->held, conn, held);
    conn_discard_input(conn);
    free(conn->out.data);
    free(conn->marks);
    if (conn->tls)
        tls_detach(conn);
    close(conn->fd);
    free(conn);
}

void conn_push_ready(struct net_conn *conn)
{
    if (conn->in_ready || conn->is_dead)
        return;
    conn->in_ready = true;
    TAILQ_INSERT_TAIL(&conn->net->ready, conn, ready);
}

void conn_push_dirty(struct net_conn *conn)
{
    if (conn->in_dirty || conn->is_dead)
        return;
    conn->in_dirty = true;
    TAILQ_INSERT_TAIL(&conn->net->dirty, conn, dirty);
}

void conn_go_on(struct net_conn *conn)
{
    if (conn->is_dead)
        return;
    if (conn->in.start < conn->in.end || conn->socket_ready || conn->eof)
        conn_push_ready(conn);
    if (!conn->watched && !conn->eof) {
        conn->watched = true;
        if (event_add(&conn->readable, NULL) != 0)
            conn_kill(conn);
    }
}

bool conn_is_quiet(const struct net_conn *conn)
{
    return conn->in_flight == 0 && conn->sent == conn->queued;
}

void conn_settle(struct net_conn *conn)
{
    if (conn->is_dead)
        return;
    if (conn->finishing) {
        if (conn->shut || conn->sent != conn->queued || (conn->tls && !tls_bye(conn)))
            return;
        conn->shut = true;
        if (conn->eof || shutdown(conn->fd, SHUT_WR) != 0)
            conn_kill(conn);
        else
            conn_go_on(conn);
    } else if (conn->eof && !conn->paused && conn_is_quiet(conn) && (conn->partial || conn->in.start == conn->in.end)) {
        /* Nothing more can come, and everything that came is answered. A frame that was cut off is dropped. */
        conn_kill(conn);
    }
}

void net_conn_identified(struct net_conn *conn)
{
    if (!conn->is_stranger)
        return;
    conn->is_stranger = false;
    TAILQ_REMOVE(&conn->net->strangers, conn, strangers);
    conn->frame_max = RELIEF_FRAME_BYTES_MAX;
    conn->scan.bytes_max = conn->frame_max;
    scan_limit(&conn->scan, RELIEF_DEPTH_MAX, RELIEF_ELEMENTS_MAX);
}

void net_conn_secret(struct net_conn *conn)
{
    conn->secret = true;
}

void net_conn_request(struct net_conn *conn)
{
    conn->in_flight++;
    if (conn->in_flight >= RELIEF_IN_FLIGHT_MAX)
        conn->throttled = true;
}

size_t net_conn_queued(struct net_conn *conn)
{
    return (size_t)(conn->queued - conn->sent);
}

void net_conn_finish(struct net_conn *conn)
{
    struct net *net = conn->net;
    if (conn->is_dead || conn->finishing)
        return;
    conn->finishing = true;
    conn->finish_at = net->now + NET_FINISH_MS;
    if (conn->finish_at < net->scan_at)
        net->scan_at = conn->finish_at;
    conn_push_dirty(conn);
}

void net_conn_pause(struct net_conn *conn)
{
    conn->paused = true;
}

void net_conn_hold(struct net_conn *conn)
{
    conn->paused = conn->not_taken = true;
}

void net_conn_resume(struct net_conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    conn_go_on(conn);
    conn_push_dirty(conn);
}
