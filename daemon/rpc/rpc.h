/*
 * The requests of the connections: from one MessagePack message to its answer, and the streams of events and dumps. One loop,
 * one thread; a dump's worker and the log's thread reach it through rpc_wake only.
 *
 * Life: rpc_open, then engine_open with rpc_wake as options.wake, net_open with rpc_handlers, rpc_attach, net_run.
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
    int64_t dump_ms_max;                /* a dump's time limit; 0: ten minutes */
};

/* The options' arrays are copied. 0 or -ENOMEM. */
int rpc_open(struct rpc **ret, const struct rpc_options *options);
void rpc_close(struct rpc *rpc);
/* From then on connections are served. Both stay the caller's; close net before rpc, rpc before the engine. */
void rpc_attach(struct rpc *rpc, struct engine *engine, struct net *net);
const struct net_handlers *rpc_handlers(struct rpc *rpc);
/* engine_options.wake; any thread. */
void rpc_wake(void *rpc);
/* Asks for a clean stop; any thread and signal handlers. */
void rpc_stop(struct rpc *rpc);
/* The first failure of the log, 0 when there was none. */
int rpc_failure(const struct rpc *rpc);
