/*
 * From the bytes of one message to a call. The checks stand in the order of fine print 3, so that the first that fails
 * answers: the frame (BAD_FRAME with msgid 0, and the connection ends), the method, the parameters' shape, who asks,
 * and whether that role may. Rights over a city or region are looked at with the record, in the core.
 *
 * msgpack-c decodes the parameters alone, into a zone that is reused: the scanner has bounded them, and a message in
 * which a limit is exceeded never reaches it.
 */
#include "rpc/session.h"
#include "rpc/head.h"

static void bad_frame(struct rpc_session *session, const char *what)
{
    struct relief_refusal refusal;
    relief_refuse(&refusal, RELIEF_BAD_FRAME, "%s", what);
    rpc_answer_refusal(session, 0, 0, &refusal);
    net_conn_finish(session->conn);
}

void rpc_request_fault(void *context, enum net_fault fault)
{
    struct rpc_session *session = context;
    struct relief_refusal refusal;
    if (fault == NET_FRAME_TOO_LARGE)
        relief_refuse(&refusal, RELIEF_FRAME_TOO_LARGE, "the message is larger than %u bytes",
                      session->identity.known ? RELIEF_FRAME_BYTES_MAX : RELIEF_FRAME_BYTES_STRANGER_MAX);
    else
        relief_refuse(&refusal, RELIEF_BAD_FRAME, "these bytes are not MessagePack");
    net_conn_request(session->conn);
    rpc_answer_refusal(session, 0, 0, &refusal);
}

/* Fine print 1: [], [nil] and [{}] are the same. */
static int decode_params(struct rpc_call *call, const struct head *head, int fault_in_limits, void *ret_params)
{
    struct rpc *rpc = call->rpc;
    msgpack_object map = {.type = MSGPACK_OBJECT_MAP};
    if (fault_in_limits) {
        bool known = call->session->identity.known;
        head_fault(head->params, known ? RELIEF_DEPTH_MAX : RELIEF_DEPTH_STRANGER_MAX,
                   known ? RELIEF_ELEMENTS_MAX : RELIEF_ELEMENTS_STRANGER_MAX, &call->refusal);
        return (int)call->refusal.code;
    }
    if (head->param_count > 1)
        return relief_refuse(&call->refusal, RELIEF_BAD_PARAMS, "one map of parameters is expected");
    if (head->param_count == 1) {
        size_t at = 0;
        msgpack_zone_clear(&rpc->zone);
        if (msgpack_unpack(head->params.data, head->params.len, &at, &rpc->zone, &map) != MSGPACK_UNPACK_SUCCESS)
            return relief_refuse(&call->refusal, RELIEF_BAD_PARAMS, "the parameters can't be decoded");
        if (map.type == MSGPACK_OBJECT_NIL)
            map = (msgpack_object){.type = MSGPACK_OBJECT_MAP};
        else if (map.type != MSGPACK_OBJECT_MAP)
            return relief_refuse(&call->refusal, RELIEF_BAD_PARAMS, "one map of parameters is expected");
    }
    return relief_params_decode(call->method->params, &map, &rpc->arena, ret_params, &call->refusal);
}

/* Everything before the handler. 0, or the code of call->refusal. */
static int check(struct rpc_call *call, const struct head *head, int fault_in_limits)
{
    const struct rpc_identity *identity = &call->session->identity;
    struct relief_refusal *refusal = &call->refusal;
    call->method = head->method.len <= RELIEF_METHOD_BYTES_MAX ? relief_method_find(head->method) : NULL;
    if (!call->method || call->method->state != RELIEF_BUILT) {
        call->method = NULL;
        return relief_refuse(refusal, RELIEF_BAD_METHOD, "there is no such method");
    }
    if (call->method->number == RELIEF_METHOD_server_hello)
        net_conn_secret(call->session->conn); /* it may hold a token, also when it is refused for something else */
    void *params = relief_arena_alloc(&call->rpc->arena, call->method->params->size);
    if (!params)
        return relief_refuse(refusal, RELIEF_BUSY, "no memory for the request");
    int result = decode_params(call, head, fault_in_limits, params);
    if (result)
        return result;
    call->params = params;
    if (call->method->kind == RELIEF_SESSION)
        return 0;
    if (!identity->known)
        return relief_refuse(refusal, RELIEF_UNAUTHENTICATED, "the connection is not identified");
    if (!rpc_identity_may(identity, call->method))
        return relief_refuse(refusal, RELIEF_DENIED, "%.100s may not call %s", identity->name, call->method->wire);
    return 0;
}

/* Changes wait while a wake goes on (engine_waking), whatever else they are; reads don't. */
static bool is_change(const struct head *head)
{
    const struct relief_method_info *method =
        head->kind != HEAD_BAD && head->method.len <= RELIEF_METHOD_BYTES_MAX ? relief_method_find(head->method) : NULL;
    return method && method->kind == RELIEF_CHANGE && method->state == RELIEF_BUILT;
}

void rpc_request_message(void *context, const uint8_t *data, size_t len, int fault_in_limits)
{
    struct rpc_session *session = context;
    struct rpc *rpc = session->rpc;
    struct head head;
    head_parse(data, len, &head);
    if (head.kind == HEAD_NOTIFICATION) {
        rpc->notifications_ignored++;
        return;
    }
    if (engine_waking(rpc->engine) && !engine_shortage(rpc->engine) && is_change(&head)) {
        session->held = true;
        rpc->held_count++;
        net_conn_hold(session->conn);
        return;
    }
    net_conn_request(session->conn);
    if (head.kind == HEAD_BAD) {
        bad_frame(session, "a request is [0, msgid, method, params]");
        return;
    }
    relief_arena_reset(&rpc->arena);
    struct rpc_call call = {.rpc = rpc, .session = session, .msgid = head.msgid, .out = &rpc->out};
    if (check(&call, &head, fault_in_limits)) {
        rpc_admit_note(session, call.method, &call.refusal);
        stats_answered(&rpc->stats, call.method ? call.method->number : 0, true, 0, 0, rpc->turn_us, rpc->turn_us);
        rpc_answer_refusal(session, call.msgid, 0, &call.refusal);
        return;
    }
    rpc_dispatch(&call);
}
