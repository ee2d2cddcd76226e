/*
 * What the files of this folder share. A connection is on several lists at once, so that no turn of the loop looks at
 * connections that have nothing to do:
 *   ready    has bytes to read or to serve, or is owed a call of `drained`
 *   dirty    has bytes that may leave, or a state to settle
 *   waiting  has output that is not yet released
 *   held     would have to grow its input beyond what all together may hold
 * A connection that ends is only marked (conn_kill) and freed at the end of the turn, so a handler may do anything anywhere.
 */
#pragma once
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include "net/net.h"
#include "schema/scan.h"

#define NET_READ_BYTES (64u * 1024u)   /* read from one connection in one turn: fairness, and few system calls */
#define NET_STRANGER_READ_BYTES 8192u  /* the same of one that is not identified: what can't be served yet is stored */
#define NET_QUANTUM 32u                /* messages of one connection in one turn: answers leave at its end */
#define NET_AGAIN_PER_TURN 64u         /* the same of all together that had more than a quantum in the last turn */
#define NET_SMALL_BYTES 4096u          /* input up to here is joined with new bytes by copying */
#define NET_STEP_BYTES 512u            /* stored input is allocated in these */
#define NET_LARGE_BYTES (RELIEF_FRAME_BYTES_MAX + NET_READ_BYTES) /* the largest frame, and what was read behind it */
#define NET_ACCEPT_PER_TURN 16u        /* some 30 us each: new connections may not starve the ones that are there */
#define NET_FINISH_MS 1000             /* an ending connection gets this long to take its last bytes */
#define NET_STOP_MS 5000
#define NET_SCAN_MS 1000               /* how often deadlines are looked at */
#define NET_ACCEPT_BACKOFF_MS 100      /* out of descriptors: first pause, doubled up to the longest */
#define NET_ACCEPT_BACKOFF_MAX_MS 1000
#define NET_LISTENERS_MAX 32u
#define NET_RESERVED_MAX 64u           /* the reserve and its descriptors */
#define NET_SIGNALS_MAX 8u

/* Bytes between start and end are alive. */
struct net_bytes {
    uint8_t *data;
    size_t start, end, cap;
};

/* Output up to byte `end` (counted from the connection's first) leaves when `release` is durable. */
struct net_mark {
    uint64_t release, end;
    uint32_t answers; /* requests that it answers */
};

struct net_conn {
    struct net *net;
    void *session;        /* NULL until the handshake is done */
    int fd;
    struct tls_conn *tls; /* NULL: bytes are sent and received as they are */
    struct event readable, writable;
    TAILQ_ENTRY(net_conn) all, strangers, ready, dirty, waiting, held, dead;
    uint8_t address[16]; /* what counts as one address; see conns_per_address_max */
    bool counted;        /* it counts for its address */
    bool reserve;        /* it came in beyond conns_max, and does not count there */
    bool is_stranger, in_ready, in_dirty, in_waiting, in_held, is_dead;
    bool watched;        /* readable is registered */
    bool socket_ready;   /* the socket had bytes, or its end, when last asked */
    bool write_blocked;  /* the kernel took no more; writable is registered */
    bool eof;            /* the peer shut down its sending side */
    bool paused;         /* by net_conn_pause */
    bool not_taken;      /* by net_conn_hold: the message that its handler has */
    bool throttled;      /* too many unanswered requests or unread bytes */
    bool partial;        /* in holds the beginning of one frame, and nothing else */
    bool finishing;      /* no more messages; ends when the output is sent */
    bool shut;           /* output is sent and our side shut down; the rest of the input is thrown away */
    bool drained_owed;
    bool heard;          /* sent a whole message */
    bool secret;         /* the message that its handler has is to be wiped */
    bool many;           /* had more than a quantum when last looked at */
    uint32_t quantum;    /* messages that may still be served in this turn */
    uint32_t in_flight;
    size_t charged;      /* its part of large_bytes */
    struct net_bytes in, out;
    struct scan scan;
    size_t frame_max;
    int64_t opened_at;
    int64_t heard_at;     /* its last whole message */
    int64_t frame_since;  /* partial: since when */
    int64_t stuck_since;  /* write_blocked: last time that the peer took something */
    int64_t finish_at;    /* finishing: the latest end */
    uint64_t queued, released, sent; /* bytes of output ever; queued >= released >= sent */
    struct net_mark *marks;          /* ring-free queue: marks_first .. marks_end */
    uint32_t marks_first, marks_end, marks_cap;
};

struct net_listener {
    struct net *net;
    int fd;
    struct event event;
    unsigned index;
    enum net_transport transport;
    bool ready, watched;
    char path[108]; /* unix: to be removed at the end, if it is still ours */
    dev_t dev;
    ino_t ino;
};

struct net_signal {
    struct net *net;
    struct event event;
    int signo;
    bool caught;
    void (*call)(void *context, int signo);
    void *context;
};

TAILQ_HEAD(net_conns, net_conn);

struct net {
    struct net_handlers handlers;
    struct net_options options;
    struct event_base *base;
    struct event wake_event, timer;
    int wake_fd;
    bool woken, stopping, failed, done;
    int64_t now;      /* of this turn */
    int64_t timer_at; /* when the timer is set for; INT64_MAX: not set */
    int64_t tick_at, scan_at, stop_at, accept_at;
    int64_t accept_backoff;
    bool full;             /* conns_max is reached by identified ones: only the reserve is taken, until a connection ends */
    bool starved;          /* out of descriptors, or memory: only the reserve is taken, until accept_at */
    int spares[NET_RESERVED_MAX]; /* descriptors kept for the reserve: closed for one that comes when no other is left */
    unsigned spare_count;
    unsigned reserve_open;
    uint64_t durable;
    bool release_due;
    struct net_conns all, strangers, ready, dirty, waiting, held, dead;
    size_t small_bytes;    /* input that every connection may hold, not counted in large_bytes */
    size_t large_bytes, large_bytes_max; /* what is charged beyond that */
    bool held_retry;       /* large_bytes fell */
    struct net_tls *tls;   /* for new connections; NULL: none */
    unsigned handshake_steps; /* of this turn, and what they took */
    int64_t handshake_ns;
    struct net_listener *listeners[NET_LISTENERS_MAX];
    unsigned listener_count;
    struct net_signal signals[NET_SIGNALS_MAX];
    unsigned signal_count;
    struct net_stats stats;
    uint8_t scratch[NET_SMALL_BYTES + NET_READ_BYTES];
};

/* loop.c */
bool net_may_read(const struct net *net);
void net_timer_want(struct net *net, int64_t at);

/* listen.c */
void net_accept_turn(struct net *net);
/* Watches the listeners from which a connection could be taken now. */
void net_accept_watch(struct net *net);
/* Connections ended: there may be room, and the spare descriptors are filled up. */
void net_accept_room(struct net *net);
void net_listeners_close(struct net *net);

/* conn.c */
int conn_open(struct net *net, int fd, const struct net_peer *peer, const uint8_t address[16], bool counted,
              bool reserve);
/* Ends it at the end of the turn; harmless when repeated. */
void conn_kill(struct net_conn *conn);
void conn_free(struct net_conn *conn);
void conn_push_ready(struct net_conn *conn);
void conn_push_dirty(struct net_conn *conn);
/* What kept it from being read may be over: looks at it in the next reading. */
void conn_go_on(struct net_conn *conn);
/* Ends or shuts down what has nothing left to do. */
void conn_settle(struct net_conn *conn);
/* Nothing is under way: every answer is out. */
bool conn_is_quiet(const struct net_conn *conn);

/* conn_read.c */
void conn_on_readable(evutil_socket_t fd, short what, void *arg);
void conn_read(struct net_conn *conn);
void conn_discard_input(struct net_conn *conn);
bool conn_may_serve(const struct net_conn *conn);
/* The next message begins: within the limits of who is at the other end. */
void conn_scan_start(struct net_conn *conn);

/* conn_write.c */
void conn_on_writable(evutil_socket_t fd, short what, void *arg);
void conn_write(struct net_conn *conn);
/* Moves the marks up to what is durable. True when bytes became free. */
bool conn_release(struct net_conn *conn);
/* Output from which on no more is read. */
static inline size_t conn_unread_max(const struct net_conn *conn)
{
    return conn->is_stranger ? RELIEF_UNREAD_BYTES_STRANGER_MAX : RELIEF_UNREAD_BYTES_MAX;
}
/* Reading goes on when requests and output have been caught up with. */
void conn_unthrottle(struct net_conn *conn);

/* tls_conn.c. All but the first and tls_turn: conn->tls is there. */
int tls_attach(struct net_conn *conn, const struct net_peer *peer);
void tls_detach(struct net_conn *conn);
/* A turn begins: handshakes get their share of it. */
void tls_turn(struct net *net);
/* False: its handshake waits for a later turn. */
bool tls_has_turn(const struct net_conn *conn);
bool tls_is_open(const struct net_conn *conn);
/* One step. True when it is done, and the session opened. */
bool tls_handshake(struct net_conn *conn);
/* As recv and send. */
ssize_t tls_recv(struct net_conn *conn, void *to, size_t size);
ssize_t tls_send(struct net_conn *conn, const void *data, size_t len);
/* After tls_recv: there may be more that the socket's event doesn't see. */
bool tls_more(const struct net_conn *conn);
/* After tls_send: it goes on when something was read, not when the socket is writable. */
bool tls_waits_to_read(const struct net_conn *conn);
void tls_on_writable(struct net_conn *conn);
/* Our side ends. False: the socket takes no more for now, to be called again when it does. */
bool tls_bye(struct net_conn *conn);

/* The one place where bytes go one way or the other. */
static inline ssize_t conn_recv(struct net_conn *conn, void *to, size_t size)
{
    return conn->tls ? tls_recv(conn, to, size) : recv(conn->fd, to, size, 0);
}
static inline ssize_t conn_send(struct net_conn *conn, const void *data, size_t len)
{
    return conn->tls ? tls_send(conn, data, len) : send(conn->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* limits.c */
void net_deadlines(struct net *net);
/* The part of so many bytes of input that counts as large. */
size_t net_beyond_small(const struct net *net, size_t bytes);
bool net_has_large_room(const struct net *net, size_t bytes);
/* Makes the connection's charge this; false, and nothing changed, when there is no room. Less always succeeds. */
bool net_charge(struct net_conn *conn, size_t bytes);
/* How much may be read and then stored behind `kept` bytes without being refused by net_charge. 0: nothing for now. */
size_t net_read_room(const struct net *net, size_t kept);
/* Another connection from there is within conns_per_address_max. */
bool net_address_has_room(const struct net *net, const uint8_t address[16]);

/* prepare.c: makes the folders above path, as `mkdir -p` does. 0 or -errno. */
int net_make_parents(const char *path);
