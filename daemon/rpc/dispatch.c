/*
 * From a call to its answer. Changes need no handler: the engine carries out every one of them, and the answer is the
 * record that the row of the method names. Reads have a handler each, found by the method's number.
 *
 * A read sees the applied state, which may be ahead of what is durable; so its answer, a refusal as much as a result,
 * leaves when everything applied by then is durable. Nobody is ever shown what a crash could take back.
 */
#include "rpc/session.h"
#include "base/notice.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

static rpc_handler *const handlers[STATS_METHODS] = {
    [RELIEF_METHOD_server_hello] = rpc_server_hello,
    [RELIEF_METHOD_server_ping] = rpc_server_ping,
    [RELIEF_METHOD_server_info] = rpc_server_info,
    [RELIEF_METHOD_server_stats] = rpc_server_stats,
    [RELIEF_METHOD_server_denials] = rpc_server_denials,
    [RELIEF_METHOD_region_get] = rpc_get_record,
    [RELIEF_METHOD_region_list] = rpc_region_list,
    [RELIEF_METHOD_city_get] = rpc_get_record,
    [RELIEF_METHOD_city_list] = rpc_city_list,
    [RELIEF_METHOD_link_list] = rpc_link_list,
    [RELIEF_METHOD_travel_get] = rpc_travel_get,
    [RELIEF_METHOD_kind_get] = rpc_get_record,
    [RELIEF_METHOD_kind_list] = rpc_kind_list,
    [RELIEF_METHOD_stock_get] = rpc_stock_get,
    [RELIEF_METHOD_stock_list] = rpc_stock_list,
    [RELIEF_METHOD_asset_get] = rpc_get_record,
    [RELIEF_METHOD_asset_list] = rpc_asset_list,
    [RELIEF_METHOD_incident_get] = rpc_get_record,
    [RELIEF_METHOD_incident_list] = rpc_incident_list,
    [RELIEF_METHOD_agreement_get] = rpc_get_record,
    [RELIEF_METHOD_agreement_list] = rpc_agreement_list,
    [RELIEF_METHOD_request_get] = rpc_get_record,
    [RELIEF_METHOD_request_list] = rpc_request_list,
    [RELIEF_METHOD_request_explain] = rpc_request_explain,
    [RELIEF_METHOD_match_preview] = rpc_match_preview,
    [RELIEF_METHOD_dispatch_get] = rpc_get_record,
    [RELIEF_METHOD_dispatch_list] = rpc_dispatch_list,
    [RELIEF_METHOD_shortfall_list] = rpc_shortfall_list,
    [RELIEF_METHOD_plan_rebalance] = rpc_plan_rebalance,
    [RELIEF_METHOD_plan_allocate] = rpc_plan_allocate,
    [RELIEF_METHOD_log_list] = rpc_log_list,
    [RELIEF_METHOD_log_head] = rpc_log_head,
    [RELIEF_METHOD_log_checkpoint] = rpc_log_checkpoint,
    [RELIEF_METHOD_log_cosign] = rpc_log_cosign,
    [RELIEF_METHOD_proof_inclusion] = rpc_proof_inclusion,
    [RELIEF_METHOD_proof_consistency] = rpc_proof_consistency,
    [RELIEF_METHOD_snapshot_dump] = rpc_snapshot_dump,
    [RELIEF_METHOD_snapshot_backup] = rpc_snapshot_backup,
    [RELIEF_METHOD_event_subscribe] = rpc_event_subscribe,
};

rpc_handler *rpc_handler_of(unsigned method)
{
    return method < STATS_METHODS ? handlers[method] : NULL;
}

/* The answer that was made is kept: it leaves when the wake has ended. */
static int keep_for_woken(struct rpc_call *call)
{
    struct rpc *rpc = call->rpc;
    relief_buf_clear(&rpc->waker.answer);
    relief_buf_add(&rpc->waker.answer, rpc->out.data, rpc->out.len);
    if (rpc->out.failed || rpc->waker.answer.failed) {
        rpc->waker.answer.failed = false;
        return 0; /* without memory it leaves earlier, or as BUSY */
    }
    rpc->waker.session = call->session;
    rpc->waker.method = call->method->number;
    rpc->waker.receipt = call->receipt;
    rpc->waker.since_us = rpc->turn_us;
    net_conn_pause(call->session->conn);
    return RPC_LATER;
}

static int change(struct rpc_call *call)
{
    struct engine_answer answer;
    struct core_identity who = rpc_identity_core(&call->session->identity);
    int result = engine_command(call->rpc->engine, &who, call->method->number, call->params, &answer);
    if (result == 0) {
        call->release = answer.release;
        call->receipt = call->session->receipts ? answer.seq : 0;
        rpc_answer_change(call, &answer);
        if (engine_waking(call->rpc->engine) && !answer.replay)
            return keep_for_woken(call);
    } else if (result > 0) {
        call->release = engine_applied(call->rpc->engine);
        call->refusal = answer.refusal;
    }
    return result;
}

static int read_state(struct rpc_call *call)
{
    rpc_handler *handler = handlers[call->method->number];
    assert(handler); /* every built row that is no change has one: tests/unit/rpc/test_dispatch.c */
    call->release = call->method->kind == RELIEF_SESSION ? 0 : engine_applied(call->rpc->engine);
    return handler(call);
}

static void answer(struct rpc_call *call, int result, int64_t since_us)
{
    struct rpc *rpc = call->rpc;
    if (result == 0 && rpc->out.failed && call->method->kind == RELIEF_CHANGE) {
        net_conn_finish(call->session->conn); /* it was carried out, so no refusal would be true */
        return;
    }
    if (result == 0 && rpc->out.failed)
        result = -ENOMEM;
    if (result < 0) {
        rpc_answer_machine(result, &call->refusal);
        if (call->refusal.code == RELIEF_INTERNAL)
            notice(RELIEF_MESSAGE_INTERNAL, "method=%s error=%s", call->method->wire,
                   notice_quote(strerror(-result)).text);
    }
    if (result)
        rpc_admit_note(call->session, call->method, &call->refusal);
    if (result == 0 && call->receipt)
        rpc_receipt_send(call->session, call->release, call->receipt);
    else if (result == 0)
        rpc_answer_send(call->session, call->release);
    else
        rpc_answer_refusal(call->session, call->msgid, call->release, &call->refusal);
    uint64_t durable = engine_durable(rpc->engine);
    int64_t now_us = call->release <= durable ? stats_now_us() : 0; /* the others are timed when they leave */
    stats_answered(&rpc->stats, call->method->number, result != 0, call->release, durable, since_us, now_us);
}

/* Matching among many holders takes its time; what a connection has pipelined behind such a call waits for the others.
 */
static void yield(struct rpc_session *session, int64_t since_us)
{
    if (session->pending_paused || stats_now_us() - since_us <= RPC_SLICE_US)
        return;
    session->yielded = true;
    session->rpc->yielded_count++;
    net_conn_pause(session->conn);
}

void rpc_dispatch(struct rpc_call *call)
{
    int64_t since_us = stats_now_us();
    rpc_answer_start(call->out, call->msgid);
    int result = call->method->kind == RELIEF_CHANGE ? change(call) : read_state(call);
    if (result != RPC_LATER) {
        answer(call, result, call->rpc->turn_us);
        yield(call->session, since_us);
    }
    if (call->session->subscription && call->method->number == RELIEF_METHOD_event_subscribe)
        rpc_subscription_pump(call->session);
}

void rpc_dispatch_waiting(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    const struct rpc_waiting *waiting = &session->waiting;
    relief_arena_reset(&rpc->arena);
    struct rpc_call call = {.rpc = rpc,
                            .session = session,
                            .method = waiting->method,
                            .msgid = waiting->msgid,
                            .params = &waiting->params,
                            .out = &rpc->out};
    rpc_answer_start(call.out, call.msgid);
    int result = handlers[call.method->number](&call);
    call.release =
        engine_applied(rpc->engine); /* server.info also counts records, which others may have changed since */
    answer(&call, result, waiting->since_us);
    session->waiting.method = NULL;
    rpc->waiting_count--;
    net_conn_resume(session->conn);
}

void rpc_dispatch_woken(struct rpc *rpc)
{
    struct rpc_session *session = rpc->waker.session;
    if (session) {
        struct rpc_call call = {.rpc = rpc,
                                .session = session,
                                .method = relief_method_by_number(rpc->waker.method),
                                .out = &rpc->out,
                                .receipt = rpc->waker.receipt,
                                .release = engine_applied(rpc->engine)};
        rpc->waker.session = NULL;
        relief_buf_clear(&rpc->out);
        relief_buf_add(&rpc->out, rpc->waker.answer.data, rpc->waker.answer.len);
        answer(&call, 0, rpc->waker.since_us);
        net_conn_resume(session->conn);
    }
    if (!rpc->held_count)
        return;
    for (session = rpc->sessions.next; session != &rpc->sessions; session = session->next) {
        if (session->held)
            net_conn_resume(session->conn);
        session->held = false;
    }
    rpc->held_count = 0;
}
