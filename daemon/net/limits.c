/*
 * Bounds over all connections: memory of unfinished frames, connections per address, deadlines.
 *
 * Memory: each connection may hold small_bytes of input; all of these together are at most half of
 * RELIEF_PARTIAL_BYTES_TOTAL. What single connections hold beyond that is charged to large_bytes, whose bound is the
 * rest. So the total is never exceeded, and a few senders of huge frames can't keep the small ones out. Capacity is
 * counted, not length, since capacity is what the memory costs. A frame that grows beyond small_bytes is charged for
 * the largest frame at once: if it were charged as it grows, many at a time could fill the room with halves of which
 * none can be finished. Those that are not let in wait in order, without a deadline, since it is not their doing.
 *
 * Who has not said who it is gets less: it must have sent a whole message within RELIEF_FIRST_FRAME_MS of the accept, a
 * TLS handshake included, however it drips its bytes, and one every RELIEF_STRANGER_IDLE_MS after that. The time in
 * which it was the daemon that did not read doesn't count against it.
 *
 * Deadlines are looked at once a second over all connections: that costs some ten nanoseconds each, and no timer has to
 * be moved when bytes come in.
 */
#include "net/inside.h"
#include "base/plant.h"
#include <stdlib.h>
#include <string.h>

size_t net_beyond_small(const struct net *net, size_t bytes)
{
    return bytes > net->small_bytes ? bytes - net->small_bytes : 0;
}

bool net_has_large_room(const struct net *net, size_t bytes)
{
    return net->large_bytes + bytes <= net->large_bytes_max || PLANT("no-caps");
}

bool net_charge(struct net_conn *conn, size_t bytes)
{
    struct net *net = conn->net;
    if (bytes > conn->charged && !net_has_large_room(net, bytes - conn->charged))
        return false;
    if (bytes < conn->charged)
        net->held_retry = true;
    net->large_bytes = net->large_bytes - conn->charged + bytes;
    conn->charged = bytes;
    return true;
}

size_t net_read_room(const struct net *net, size_t kept)
{
    if (net_has_large_room(net, sizeof net->scratch))
        return NET_READ_BYTES;
    return kept < net->small_bytes ? net->small_bytes - kept : 0;
}

bool net_address_has_room(const struct net *net, const uint8_t address[16])
{
    unsigned count = 0;
    struct net_conn *conn;
    TAILQ_FOREACH(conn, &net->all, all)
    {
        if (conn->counted && !conn->is_dead && memcmp(conn->address, address, 16) == 0)
            count++;
    }
    return count < net->options.conns_per_address_max;
}

/* A connection that was quiet for a second needs no buffers. */
static void shrink_idle(struct net_conn *conn)
{
    if (conn->in.start == conn->in.end && conn->in.data)
        conn_discard_input(conn);
    if (conn->out.start == conn->out.end && conn->out.data) {
        free(conn->out.data);
        conn->out = (struct net_bytes){0};
    }
    if (conn->marks_first == conn->marks_end && conn->marks) {
        free(conn->marks);
        conn->marks = NULL;
        conn->marks_first = conn->marks_end = conn->marks_cap = 0;
    }
}

static bool is_late_stranger(const struct net_conn *conn)
{
    int64_t now = conn->net->now;
    if (!conn->is_stranger || conn->in_held || conn->in_ready || conn->eof)
        return false;
    return conn->heard ? now - conn->heard_at >= RELIEF_STRANGER_IDLE_MS
                       : now - conn->opened_at >= RELIEF_FIRST_FRAME_MS;
}

/* The loop stood still for so long: what the peer did meanwhile couldn't be seen, so that time doesn't count against
 * it. */
static void forgive(struct net_conn *conn, int64_t late)
{
    conn->opened_at += late;
    conn->heard_at += late;
    conn->frame_since += late;
    conn->finish_at += late;
    if (conn->stuck_since)
        conn->stuck_since += late;
}

void net_deadlines(struct net *net)
{
    struct net_conn *conn;
    int64_t late = net->now - net->scan_at;
    net->scan_at = net->now + NET_SCAN_MS;
    TAILQ_FOREACH(conn, &net->all, all)
    {
        if (conn->is_dead)
            continue;
        shrink_idle(conn);
        if (late >= NET_SCAN_MS && !PLANT("late-deadline"))
            forgive(conn, late);
        if (conn->finishing && net->now >= conn->finish_at) {
            conn_kill(conn);
        } else if (!conn->finishing && is_late_stranger(conn)) {
            net->stats.timed_out++;
            conn_kill(conn);
        } else if ((conn->partial && !conn->eof && !conn->in_held &&
                    net->now - conn->frame_since >= (PLANT("hasty-frames") ? 300 : RELIEF_FRAME_INCOMPLETE_MS)) ||
                   (conn->write_blocked && net->now - conn->stuck_since >= RELIEF_PEER_STUCK_MS)) {
            net->stats.timed_out++;
            conn_kill(conn);
        } else if (conn->finishing && conn->finish_at < net->scan_at) {
            net->scan_at = conn->finish_at;
        }
    }
}
