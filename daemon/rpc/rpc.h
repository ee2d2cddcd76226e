/*
 * The requests of the connections: from one MessagePack message to its answer, and the streams of events and dumps. One loop,
 * one thread; a dump's worker and the log's thread reach it through rpc_wake only.
 *
 * Life: rpc_open, net_open with rpc_handlers, engine_open with rpc_wake as options.wake, rpc_attach, net_run; rpc_detach, net_close
 * (which ends the sessions), engine_close, rpc_close.
 */
#pragma once
#include "engine/engine.h"
#include "net/net.h"
#include "rpc/identity.h"

struct rpc;

/* Who a peer of the unix socket is, beside the daemon's own uid and root. */
struct rpc_mapping {
    bool by_group;
    unsigned id; /* uid or gid */
    struct rpc_identity identity;
};

struct rpc_options {
    const struct rpc_identity *listeners; /* by index: what peers of a TCP listener are; .known false: strangers */
    unsigned listener_count;
    const struct rpc_mapping *mappings; /* the first that fits counts */
    unsigned mapping_count;
    void (*alive)(void);                /* called by the loop, at least once a second; may be NULL */
    unsigned conns_per_city_max;        /* 0: any number */
    int64_t dump_ms_max;                /* a dump's time limit; 0: ten minutes */
};

/* The options' arrays are copied. 0 or -ENOMEM. */
int rpc_open(struct rpc **ret, const struct rpc_options *options);
void rpc_close(struct rpc *rpc);
const struct net_handlers *rpc_handlers(struct rpc *rpc);
/*
 * These tokens hold from now on; they become rpc's and *tokens is emptied. Connections whose token is gone, or stands for somebody else now,
 * are closed; the number of them is returned.
 */
struct tokens;
unsigned rpc_use_tokens(struct rpc *rpc, struct tokens *tokens);
/* From then on connections are served. Both stay the caller's. 0 or -ENOMEM. */
int rpc_attach(struct rpc *rpc, struct engine *engine, struct net *net);
/* Before net_close: from then on rpc_wake does nothing. */
void rpc_detach(struct rpc *rpc);
/* engine_options.wake; any thread. */
void rpc_wake(void *rpc);
/* The first failure of the log, 0 when there was none. */
int rpc_failure(const struct rpc *rpc);
