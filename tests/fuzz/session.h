/*
 * The pieces of fuzz_session.c: parameters made from bytes, and peers that know what they are owed.
 */
#pragma once
#include "engine/engine.h"
#include "fuzz.h"
#include "net/inside.h"
#include "schema/codec.h"

#define SESSION_TOKEN "relief_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ---- session_params.c ---- */
/* Appends a map of parameters of the method. Every byte decides something, and nearly all of it is well-formed. */
void session_params(struct relief_buf *buf, const struct relief_shape *shape, struct fuzz_input *input, int64_t now);

/* ---- session_peer.c ---- */
#define SESSION_OWED_MAX 512u

struct session_peer {
    struct engine *engine;
    int fd;       /* -1: not connected */
    bool wild;    /* what it sent may be no requests at all, so nothing is known of what it is owed */
    bool may_end; /* the daemon may close it */
    bool shut;    /* its sending side */
    bool deaf;    /* does not read for now */
    uint32_t msgid;
    struct relief_buf out, in; /* to be written; read and not yet a whole message */
    size_t out_at;
    struct {
        uint32_t msgid;
        const struct relief_method_info *method;
    } owed[SESSION_OWED_MAX];
    unsigned owed_first, owed_count;
    uint64_t answers;
};

void peer_open(struct session_peer *peer, struct net *net, struct engine *engine, unsigned listener);
void peer_close(struct session_peer *peer);
/* Queues a request; its answer is waited for. */
void peer_request(struct session_peer *peer, const struct relief_method_info *method, struct relief_str params);
void peer_bytes(struct session_peer *peer, struct relief_str bytes);
/* Writes what the socket takes and looks at all that came. True when there was anything. */
bool peer_turn(struct session_peer *peer);
