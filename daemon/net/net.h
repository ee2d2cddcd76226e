/*
 * Connections: listeners, framing by the scanner, limits, deadlines, backpressure. The layers above see whole messages and
 * hand back bytes; they never see libevent. One loop, one thread; net_wake may be called from any thread.
 *
 * Answers are queued with the log entry that must be durable before they leave. Because they stand in the order of the
 * requests and entries only grow, a connection's output is one run of bytes with marks; net_release moves the mark.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "net/certificate.h"
#include "schema/buf.h"

struct net;
struct net_conn;

#define NET_GROUPS_MAX 64u /* a peer with more counts with its primary group only */

enum net_transport { NET_UNIX, NET_TCP, NET_TLS };

struct net_peer {
    enum net_transport transport;
    bool loopback;
    uid_t uid; /* unix socket */
    gid_t gid;
    gid_t groups[NET_GROUPS_MAX]; /* all of the peer's groups, gid first */
    unsigned group_count;
    unsigned listener; /* index of the listener it came in by */
    char address[80];
    struct certificate_identity certificate; /* TLS; .uri is empty when none was shown */
};

/* Why a connection ends before it is served, or once it was known who asks. */
enum net_refusal {
    NET_REFUSED_FULL,        /* all connections are in use */
    NET_REFUSED_ADDRESS,     /* its address has as many as one may have */
    NET_REFUSED_DESCRIPTORS, /* only the reserve of descriptors is left */
    NET_REFUSED_CERTIFICATE, /* detail says what is wrong with it */
};

enum net_fault { NET_BAD_FRAME, NET_FRAME_TOO_LARGE };

struct net_handlers {
    void *context;
    /* A connection is there, and its handshake done; returns the pointer that later calls carry. NULL: closed at once. */
    void *(*opened)(void *context, struct net_conn *conn, const struct net_peer *peer);
    /*
     * A connection is refused. Returns what to tell the peer before it is closed, valid until the next call, or NULL. `detail`: of the
     * reason, may be NULL. May be NULL itself.
     */
    const struct relief_buf *(*refused)(void *context, const struct net_peer *peer, enum net_refusal why, const char *detail);
    /* An unidentified connection makes room for a new one; `closed` follows. May be NULL. */
    void (*evicted)(void *session);
    /* This peer may use the reserve. NULL: nobody. Asked for unix sockets only. */
    bool (*reserved)(void *context, const struct net_peer *peer);
    /*
     * One whole MessagePack value. fault_in_limits: the scanner found a limit exceeded inside (depth, string, elements,
     * UTF-8: enum scan_fault); the bytes are still one complete value.
     */
    void (*message)(void *session, const uint8_t *data, size_t len, int fault_in_limits);
    /* The bytes are no MessagePack, or too large: answer if you like; the connection closes after that. */
    void (*fault)(void *session, enum net_fault fault);
    /* The output fell below the mark: a stream may go on. */
    void (*drained)(void *session);
    void (*closed)(void *session);
    /* Called once per turn of the loop, before reading and after it. */
    void (*turn_begin)(void *context);
    void (*turn_end)(void *context);
    void (*woken)(void *context);  /* after net_wake */
    int64_t (*tick)(void *context); /* returns ms until it wants to be called again */
    bool (*busy)(void *context);   /* true: read from nobody for now */
};

struct net_options {
    unsigned conns_max;             /* all connections; beyond, the oldest unidentified one goes, then accepting pauses */
    unsigned conns_reserved;        /* beyond conns_max, with a descriptor each: for peers of unix sockets that handlers.reserved names */
    unsigned conns_per_address_max; /* not for loopback and unix; an IPv6 address counts as its /64 */
    /* Monotonic clock, ms; NULL: the system's. Tests give a virtual one. Called with handlers.context, once per turn. */
    int64_t (*now_ms)(void *context);
};

/* What options of 0 mean. */
#define NET_CONNS_DEFAULT 1024u
#define NET_CONNS_PER_ADDRESS_DEFAULT 64u
/* `drained` is called when the bytes queued fall from at least this to less. A stream may stop at any mark from here up. */
#define NET_DRAINED_BYTES (64u * 1024u)

/* Never fewer, whatever the limit on descriptors says: running out of them is survived too. */
#define NET_CONNS_LEAST 16u
/*
 * Raises the limit on descriptors as far as it may be, so that conns_max connections and so many others fit. Returns how many
 * connections do.
 */
unsigned net_fit_descriptors(unsigned conns_max, unsigned others);
int net_open(struct net **ret, const struct net_options *options, const struct net_handlers *handlers);
/*
 * To be called for an address before the process binds itself to its files, and before net_listen gets *ret: the same address with the
 * host's number for its name. Folders above a unix socket are made. *ret_port: 0 for any free one, and for unix. 0 or -errno.
 */
int net_prepare(const char *address, char *ret, size_t size, unsigned *ret_port);
/*
 * ADDR of PROTOCOL 3: unix:PATH, tcp:HOST:PORT, tcp:[::1]:PORT. Fills in the address as bound (port 0 resolved). 0 or -errno:
 * -EINVAL no address, -EADDRINUSE somebody listens there, -EEXIST the path is something else than a socket, -ENOKEY
 * tls without net_use_tls. A unix socket is made 0666 (its peers are known by their credentials), its folder too if missing; a stale one is replaced, and net_close removes it.
 */
int net_listen(struct net *net, const char *address, unsigned listener, char *ret_bound, size_t bound_size);
/* Runs until net_stop. 0 or -errno. */
int net_run(struct net *net);
/* Stops accepting and reading, waits for the answers under way and sends what is queued (at most 5 s), then net_run returns.
 * Safe in a handler and before net_run. */
void net_stop(struct net *net);
/* As net_stop, when no entry will become durable any more: answers that wait for one never leave, and nobody is kept waiting for
 * them; a connection is closed as soon as what may leave is sent. */
void net_fail(struct net *net);
/* Any thread, and signal handlers: `woken` is called soon. */
void net_wake(struct net *net);
void net_close(struct net *net);
/* Calls `caught` on the loop's thread, between turn_begin and turn_end, after this signal. At most 8 signals. 0 or -errno. */
int net_on_signal(struct net *net, int signo, void (*caught)(void *context, int signo), void *context);

/* Queues bytes (copied) that may leave when net_release has reached `release` (0: at once). counts_request: it answers a request. */
void net_conn_send(struct net_conn *conn, const void *data, size_t len, uint64_t release, bool counts_request);
/* Everything up to this entry is durable; what waited for it, on all connections, is sent at the end of the turn. */
void net_release(struct net *net, uint64_t durable);
/*
 * What is not released never will be, and nothing that was answered there has happened: it is thrown away, and those connections end
 * when what may leave is sent. A peer that asks again over a new one is told the truth.
 */
void net_take_back(struct net *net);
/*
 * The peer is identified: the limits are wide from then on (frame, depth, elements), the deadlines of strangers don't hold for it, and
 * nobody new takes its place.
 */
void net_conn_identified(struct net_conn *conn);
/* A request was taken in; its answer counts it down when it is released (1,024 in flight). */
void net_conn_request(struct net_conn *conn);
/* Bytes queued and unread by the peer. */
size_t net_conn_queued(struct net_conn *conn);
/* Closes once the output is sent; at most 1 s. */
void net_conn_finish(struct net_conn *conn);
/* Holds back later messages of this connection until net_conn_resume: its answers come in order. */
void net_conn_pause(struct net_conn *conn);
void net_conn_resume(struct net_conn *conn);
/* Within `message`: the same, and this message is not taken either: it comes again after net_conn_resume. */
void net_conn_hold(struct net_conn *conn);
/* Within `message`: the message holds a secret; its bytes are wiped when the handler returns. */
void net_conn_secret(struct net_conn *conn);
/* Counters for server.stats. */
struct net_stats {
    uint64_t accepted, open, messages, bytes_in, bytes_out, faults, refused, timed_out;
    uint64_t refused_address, refused_full, evicted, handshakes_failed;
};
struct net_stats net_stats(struct net *net);
