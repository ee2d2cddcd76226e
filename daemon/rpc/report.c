/*
 * Reports: reads that take so long that a worker makes them, on their connection. Whether one may be asked is said at
 * once; then it goes the way of a dump: the log makes durable what was applied when the request came, the store writes
 * that to LMDB, a worker reads a snapshot. None of it waits in the loop, and later messages of the connection wait
 * until the answer is sent.
 *
 * At most RPC_REPORTS_RUNNING_MAX run at a time, in the order in which they came. A connection has one at most, so one
 * that asks for many has its turn behind each of the others.
 */
#include "rpc/report.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/notice.h"

static void answer(struct rpc_session *session, int result, const struct relief_buf *page,
                   struct relief_refusal *refusal)
{
    struct rpc *rpc = session->rpc;
    struct rpc_report *report = session->report;
    const unsigned method = report->kind->method;
    const int64_t since_us = report->since_us;
    if (result == RPC_REPORT_DONE && page) {
        rpc_answer_start(&rpc->out, report->msgid);
        relief_buf_add(&rpc->out, page->data, page->len);
        result = rpc->out.failed ? -ENOMEM : RPC_REPORT_DONE;
    }
    if (result == RPC_REPORT_DONE) {
        rpc_answer_send(session, 0); /* LMDB holds nothing that is not durable */
        rpc->reports_done++;
    } else {
        if (result == -ETIME)
            relief_refuse(refusal, RELIEF_BUSY, "%s", report->kind->late);
        else if (result < 0)
            rpc_answer_machine(result, refusal);
        if (result < 0)
            notice(RELIEF_MESSAGE_REPORT_FAILED, "identity=%s error=%s", session->identity.name,
                   notice_quote(strerror(-result)).text);
        rpc_answer_refusal(session, report->msgid, 0, refusal);
    }
    stats_answered(&rpc->stats, method, result != RPC_REPORT_DONE, 0, 0, since_us, stats_now_us());
    rpc_report_free(session);
    net_conn_resume(session->conn);
}

/* [2, "progress", [{msgid, ...}]] while it is under way (fine print 13). `progress` is a map of at most 14 pairs. */
static void tell(struct rpc_session *session, const struct relief_buf *progress)
{
    struct relief_buf *out = &session->rpc->out;
    const unsigned pairs = (uint8_t)progress->data[0] & 0x0f;
    relief_buf_clear(out);
    relief_pack_array(out, 3);
    relief_pack_int(out, 2);
    relief_pack_text(out, "progress");
    relief_pack_array(out, 1);
    relief_pack_map(out, pairs + 1);
    relief_pack_text(out, "msgid");
    relief_pack_int(out, session->report->msgid);
    relief_buf_add(out, progress->data + 1, progress->len - 1);
    if (!out->failed)
        net_conn_send(session->conn, out->data, out->len, 0, false);
}

/* Answers with what the worker made. */
static void take(struct rpc_session *session)
{
    for (int result = RPC_REPORT_PROGRESS; result == RPC_REPORT_PROGRESS;) {
        struct relief_buf page = RELIEF_BUF_INIT;
        struct relief_refusal refusal;
        result = session->report->kind->take(session->report->view, &page, &refusal);
        if (result == RPC_REPORT_PROGRESS)
            tell(session, &page);
        else if (result != RPC_REPORT_NOT_YET)
            answer(session, result, &page, &refusal);
        relief_buf_deinit(&page);
    }
}

/* The one that has waited longest for its turn; NULL: none. */
static struct rpc_session *first_waiting(struct rpc *rpc)
{
    struct rpc_session *first = NULL;
    for (struct rpc_session *at = rpc->sessions.next; at != &rpc->sessions; at = at->next)
        if (at->report && !at->report->view && (!first || at->report->ticket < first->report->ticket))
            first = at;
    return first;
}

/* Has LMDB what the report must include? */
static bool is_reached(struct rpc *rpc, struct rpc_report *report)
{
    if (engine_durable(rpc->engine) < report->want)
        return false;
    if (!report->flush_asked) {
        report->flush_asked = true;
        store_flush_to(engine_store(rpc->engine), report->want); /* its end wakes the loop */
    }
    return store_mark(engine_store(rpc->engine)).seq >= report->want;
}

void rpc_reports_go_on(struct rpc *rpc)
{
    struct rpc_session *session;
    if (!rpc->report_count)
        return;
    for (session = rpc->sessions.next; session != &rpc->sessions; session = session->next)
        if (session->report && session->report->view)
            take(session);
    while (rpc->reports_running < RPC_REPORTS_RUNNING_MAX && (session = first_waiting(rpc)) &&
           (is_reached(rpc, session->report) || rpc_store_lacks(rpc))) {
        struct relief_refusal refusal;
        const bool reached = is_reached(rpc, session->report);
        int result = reached ? session->report->kind->start(session, &session->report->view) : rpc_store_lacks(rpc);
        rpc->reports_running += result == 0;
        if (result)
            answer(session, result, NULL, &refusal);
    }
}

bool rpc_report_beyond(const struct rpc_session *session, uint64_t durable)
{
    return session->report && !session->report->view && session->report->want > durable;
}

void rpc_report_free(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    struct rpc_report *report = session->report;
    if (!report)
        return;
    if (report->view) {
        rpc->reports_running--;
        report->kind->free(report->view);
    }
    relief_arena_deinit(&report->arena);
    free(report);
    session->report = NULL;
    rpc->report_count--;
}

int rpc_report_begin(struct rpc_call *call, const struct rpc_report_kind *kind, size_t bytes, void **ret_asked)
{
    struct rpc *rpc = call->rpc;
    if (rpc->report_count >= RPC_REPORTS_MAX)
        return relief_refuse(&call->refusal, RELIEF_TOO_MANY, "%u reports are under way", RPC_REPORTS_MAX);
    struct rpc_report *report = calloc(1, sizeof *report);
    if (!report || relief_arena_init(&report->arena, RPC_REPORT_BYTES) != 0) {
        free(report);
        return -EAGAIN;
    }
    report->kind = kind;
    report->msgid = call->msgid;
    report->want = engine_applied(rpc->engine);
    report->ticket = rpc->reports_begun++;
    report->now = engine_now(rpc->engine);
    report->since_us = rpc->turn_us;
    *ret_asked = report->asked = relief_arena_alloc(&report->arena, bytes);
    memset(report->asked, 0, bytes);
    call->session->report = report;
    rpc->report_count++;
    net_conn_pause(call->session->conn);
    rpc_wake(rpc); /* the first step is made by the loop, not inside this message */
    return RPC_LATER;
}
