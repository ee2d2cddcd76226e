/*
 * Who a connection is (fine print 14), how many of one city there may be, and what is noted of those that were turned
 * away. An identity comes from where the connection comes from, or from a token in server.hello; hello narrows it.
 *
 * A token is taken wherever nobody on the way can read it: on this machine and over TLS. On a connection that is
 * identified already it narrows like a role does, so that nothing is ever won by it that was not there; and from then
 * on the connection lives as long as the token. A token's end goes by T, like every deadline: a wall clock that is set
 * back revives none, and one that jumps ahead doesn't lock everybody out at once. T is looked at once a second.
 */
#include "rpc/session.h"
#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* ---- what is noted ---- */

static void note(struct rpc *rpc, const char *address, const struct rpc_identity *identity, const char *method,
                 enum relief_error code, const char *reason)
{
    if (rpc->denials)
        denials_add(rpc->denials, rpc->turn_us / 1000, engine_now(rpc->engine), address,
                    identity && identity->known ? identity->name : NULL, method, code, reason);
}

void rpc_admit_note(struct rpc_session *session, const struct relief_method_info *method,
                    const struct relief_refusal *refusal)
{
    if (refusal->code == RELIEF_DENIED || refusal->code == RELIEF_UNAUTHENTICATED)
        note(session->rpc, session->address, &session->identity, method ? method->wire : NULL, refusal->code,
             refusal->message);
}

/* ---- cities ---- */

/* A walk over all: some ten nanoseconds each, and only when somebody becomes a city. */
static bool city_has_room(const struct rpc *rpc, const char *city)
{
    unsigned count = 0, max = rpc->options.conns_per_city_max;
    for (const struct rpc_session *at = rpc->sessions.next; max && at != &rpc->sessions; at = at->next)
        count += at->identity.known && strcmp(at->identity.city, city) == 0;
    return !max || count < max;
}

static int refuse_city(struct rpc_session *session, const char *city, const struct relief_method_info *method,
                       struct relief_refusal *refusal)
{
    session->rpc->city_refused++;
    relief_refuse_field(refusal, RELIEF_TOO_MANY, "city", "city %s has %u connections, and may have no more", city,
                        session->rpc->options.conns_per_city_max);
    note(session->rpc, session->address, &session->identity, method ? method->wire : NULL, refusal->code,
         refusal->message);
    return RELIEF_TOO_MANY;
}

/* ---- where a connection comes from ---- */

static bool is_local(const struct net_peer *peer)
{
    return peer->transport == NET_UNIX && (peer->uid == 0 || peer->uid == geteuid());
}

static bool in_group(const struct net_peer *peer, gid_t group)
{
    for (unsigned i = 0; i < peer->group_count; i++) {
        if (peer->groups[i] == group)
            return true;
    }
    return false;
}

static struct rpc_identity identify(const struct rpc *rpc, const struct net_peer *peer)
{
    struct rpc_identity identity = {.known = false};
    if (peer->transport == NET_TLS) {
        rpc_identity_certificate(&identity, &peer->certificate);
        return identity;
    }
    if (peer->transport != NET_UNIX)
        return peer->listener < rpc->options.listener_count ? rpc->listeners[peer->listener] : identity;
    if (is_local(peer)) {
        rpc_identity_parse(&identity, "local");
        return identity;
    }
    for (unsigned i = 0; i < rpc->options.mapping_count; i++) {
        const struct rpc_mapping *mapping = &rpc->mappings[i];
        if (mapping->by_group ? in_group(peer, mapping->id) : mapping->id == peer->uid)
            return mapping->identity;
    }
    return identity;
}

/* Says why, with msgid 0 as for other things that are no request's fault, and ends the connection. */
static void end(struct rpc_session *session, const struct relief_refusal *refusal)
{
    rpc_answer_refusal(session, 0, 0, refusal);
    net_conn_finish(session->conn);
}

void rpc_admit(struct rpc_session *session, const struct net_peer *peer)
{
    struct rpc_identity identity = identify(session->rpc, peer);
    struct relief_refusal refusal;
    denial_address(session->address, peer->address);
    session->readable = peer->transport == NET_TCP && !peer->loopback;
    if (identity.known && identity.city[0] && !city_has_room(session->rpc, identity.city)) {
        refuse_city(session, identity.city, NULL, &refusal);
        end(session, &refusal);
        return;
    }
    session->identity = identity;
    if (identity.known)
        net_conn_identified(session->conn);
}

bool rpc_admit_reserved(void *context, const struct net_peer *peer)
{
    (void)context;
    return is_local(peer);
}

const struct relief_buf *rpc_admit_refused(void *context, const struct net_peer *peer, enum net_refusal why,
                                           const char *detail)
{
    struct rpc *rpc = context;
    struct relief_refusal refusal;
    char address[DENIAL_ADDRESS_BYTES];
    if (why == NET_REFUSED_CERTIFICATE)
        relief_refuse(&refusal, RELIEF_UNAUTHENTICATED, "certificate: %s", detail ? detail : "refused");
    else if (why == NET_REFUSED_ADDRESS)
        relief_refuse(&refusal, RELIEF_TOO_MANY, "this address has as many connections as one may have");
    else if (why == NET_REFUSED_DESCRIPTORS)
        relief_refuse(&refusal, RELIEF_BUSY, "the daemon has no descriptors left for more connections");
    else
        relief_refuse(&refusal, RELIEF_BUSY, "all connections are in use");
    denial_address(address, peer->address);
    note(rpc, address, NULL, NULL, refusal.code, refusal.message);
    relief_buf_clear(&rpc->farewell);
    rpc_answer_pack_refusal(&rpc->farewell, 0, &refusal);
    return rpc->farewell.failed ? NULL : &rpc->farewell;
}

void rpc_admit_evicted(void *context)
{
    struct rpc_session *session = context;
    note(session->rpc, session->address, NULL, NULL, RELIEF_BUSY,
         "all connections are in use, and this was the oldest that had not said who it is");
}

/* ---- hello ---- */

static int refuse_token(struct rpc_call *call, const char *why)
{
    call->rpc->tokens_refused++;
    if (++call->session->wrong_tokens >= RPC_WRONG_TOKENS_MAX)
        net_conn_finish(call->session->conn); /* the answer is sent before */
    return relief_refuse_field(&call->refusal, RELIEF_UNAUTHENTICATED, "token", "%s", why);
}

/* Who the token stands for; ret stays as it is when it is refused. */
static int take_token(struct rpc_call *call, struct relief_str text, struct rpc_identity *ret,
                      const struct token **ret_token)
{
    struct rpc *rpc = call->rpc;
    if (call->session->readable)
        return refuse_token(call, "over TCP without TLS others could read a token; use TLS, and make this token anew");
    const struct token *token = tokens_find(&rpc->tokens, text);
    if (!token)
        return refuse_token(call, "the token is not known");
    if (engine_now(rpc->engine) >= token->until)
        return refuse_token(call, "the token has expired");
    if (ret->known && !rpc_identity_within(engine_view(rpc->engine), &rpc->arena, ret, &token->identity))
        return relief_refuse_field(&call->refusal, RELIEF_DENIED, "token",
                                   "%.80s can't become the %.60s of the token: a connection is narrowed only",
                                   ret->name, token->identity.name);
    *ret = token->identity;
    *ret_token = token;
    return 0;
}

int rpc_admit_hello(struct rpc_call *call, const struct relief_server_hello_params *params)
{
    struct rpc_session *session = call->session;
    struct rpc_identity identity = session->identity, narrowed;
    const struct token *token = NULL;
    int result = rpc_identity_asked(params, &call->refusal);
    if (result == 0 && params->token.data)
        result = take_token(call, params->token, &identity, &token);
    if (result == 0)
        result = rpc_identity_narrow(engine_view(call->rpc->engine), &call->rpc->arena, &identity, params, &narrowed,
                                     &call->refusal);
    if (result)
        return result;
    if (narrowed.city[0] && strcmp(narrowed.city, session->identity.city) != 0 &&
        !city_has_room(call->rpc, narrowed.city))
        return refuse_city(session, narrowed.city, call->method, &call->refusal);
    session->identity = narrowed;
    if (token) {
        session->by_token = true;
        memcpy(session->token, token->hash, sizeof session->token);
        memcpy(session->token_identity, token->identity.name, sizeof session->token_identity);
        session->token_until = token->until;
    }
    if (narrowed.known)
        net_conn_identified(session->conn);
    return 0;
}

/* ---- tokens that end ---- */

static void end_token(struct rpc_session *session, const char *why)
{
    struct relief_refusal refusal;
    relief_refuse_field(&refusal, RELIEF_UNAUTHENTICATED, "token", "%s", why);
    rpc_admit_note(session, NULL, &refusal);
    session->rpc->tokens_ended++;
    session->by_token = false;
    end(session, &refusal);
}

void rpc_admit_tick(struct rpc *rpc, int64_t now)
{
    for (struct rpc_session *session = rpc->sessions.next; session != &rpc->sessions; session = session->next) {
        if (session->by_token && now >= session->token_until)
            end_token(session, "the token has expired");
    }
}

unsigned rpc_use_tokens(struct rpc *rpc, struct tokens *tokens)
{
    uint64_t ended = rpc->tokens_ended;
    tokens_clear(&rpc->tokens);
    rpc->tokens = *tokens;
    *tokens = (struct tokens){0};
    for (struct rpc_session *session = rpc->sessions.next; session != &rpc->sessions; session = session->next) {
        const struct token *token = session->by_token ? tokens_get(&rpc->tokens, session->token) : NULL;
        if (token && strcmp(token->identity.name, session->token_identity) == 0)
            session->token_until = token->until;
        else if (session->by_token)
            end_token(session, "the token was revoked");
    }
    return (unsigned)(rpc->tokens_ended - ended);
}
