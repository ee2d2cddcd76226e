/*
 * shortfall.list on its connection. Whether it may be asked is said at once; then it goes the way of a dump: the log
 * makes durable what was applied when the request came, the store writes that to LMDB, a worker reads a snapshot. None
 * of it waits in the loop, and later messages of the connection wait until the answer is sent.
 *
 * At most RPC_REPORTS_RUNNING_MAX run at a time, in the order in which they came. A connection has one at most, so one
 * that asks for many has its turn behind each of the others.
 */
#include "rpc/session.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/notice.h"
#include "views/shortfall.h"

struct rpc_report {
    uint32_t msgid;
    uint64_t want;   /* entry that the report has to include */
    uint64_t ticket; /* the order of arrival */
    int64_t now, since_us;
    bool flush_asked;
    char region[RELIEF_ID_BYTES_MAX + 1], kind[RELIEF_ID_BYTES_MAX + 1], after[RELIEF_ID_BYTES_MAX + 1];
    uint32_t limit;
    struct views_shortfall *view; /* NULL until it is its turn and LMDB has reached `want` */
};

static struct relief_str given(const char *text)
{
    return *text ? relief_str_of(text) : RELIEF_STR_NONE;
}

static int start(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    struct rpc_report *report = session->report;
    const struct views_shortfall_options options = {
        .store = engine_store(rpc->engine),
        .who = rpc_identity_core(&session->identity),
        .region = given(report->region),
        .kind = given(report->kind),
        .after = given(report->after),
        .limit = report->limit,
        .bytes_max = RPC_PAGE_BYTES_MAX,
        .now = report->now,
        .wake = rpc_wake,
        .context = rpc,
    };
    int result = views_shortfall_start(&report->view, &options);
    rpc->reports_running += result == 0;
    return result;
}

static void answer(struct rpc_session *session, int result, const struct relief_buf *page)
{
    struct rpc *rpc = session->rpc;
    struct rpc_report *report = session->report;
    struct relief_refusal refusal;
    if (result == 1 && page) {
        rpc_answer_start(&rpc->out, report->msgid);
        relief_buf_add(&rpc->out, page->data, page->len);
        result = rpc->out.failed ? -ENOMEM : 1;
    }
    if (result == 1) {
        rpc_answer_send(session, 0); /* LMDB holds nothing that is not durable */
        rpc->reports_done++;
    } else {
        if (result == -ETIME)
            relief_refuse(&refusal, RELIEF_BUSY, "the report took longer than it may; name a region or a kind");
        else
            rpc_answer_machine(result, &refusal);
        notice(RELIEF_MESSAGE_REPORT_FAILED, "identity=%s error=%s", session->identity.name,
               notice_quote(strerror(-result)).text);
        rpc_answer_refusal(session, report->msgid, 0, &refusal);
    }
    stats_answered(&rpc->stats, RELIEF_METHOD_shortfall_list, result != 1, 0, 0, report->since_us, stats_now_us());
    rpc_report_free(session);
    net_conn_resume(session->conn);
}

/* Answers with what the worker made. */
static void take(struct rpc_session *session)
{
    struct relief_buf page = RELIEF_BUF_INIT;
    int result = views_shortfall_take(session->report->view, &page);
    if (result != 0)
        answer(session, result, &page);
    relief_buf_deinit(&page);
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
        int result = is_reached(rpc, session->report) ? start(session) : rpc_store_lacks(rpc);
        if (result)
            answer(session, result, NULL);
    }
}

bool rpc_report_beyond(const struct rpc_session *session, uint64_t durable)
{
    return session->report && !session->report->view && session->report->want > durable;
}

void rpc_report_free(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    if (!session->report)
        return;
    if (session->report->view)
        rpc->reports_running--;
    views_shortfall_free(session->report->view);
    free(session->report);
    session->report = NULL;
    rpc->report_count--;
}

static void copy(char ret[RELIEF_ID_BYTES_MAX + 1], struct relief_str id)
{
    if (id.data)
        memcpy(ret, id.data, id.len);
}

static int begin(struct rpc_call *call, struct relief_str after)
{
    const struct relief_shortfall_list_params *params = call->params;
    struct rpc *rpc = call->rpc;
    if (rpc->report_count >= RPC_REPORTS_MAX)
        return relief_refuse(&call->refusal, RELIEF_TOO_MANY, "%u reports are under way", RPC_REPORTS_MAX);
    struct rpc_report *report = calloc(1, sizeof *report);
    if (!report)
        return -EAGAIN;
    report->msgid = call->msgid;
    report->want = engine_applied(rpc->engine);
    report->ticket = rpc->reports_begun++;
    report->now = engine_now(rpc->engine);
    report->since_us = rpc->turn_us;
    report->limit = (uint32_t)params->limit;
    copy(report->region, params->region);
    copy(report->kind, params->kind);
    copy(report->after, after);
    call->session->report = report;
    rpc->report_count++;
    net_conn_pause(call->session->conn);
    rpc_wake(rpc); /* the first step is made by the loop, not inside this message */
    return RPC_LATER;
}

int rpc_shortfall_list(struct rpc_call *call)
{
    const struct relief_shortfall_list_params *params = call->params;
    struct core_view *view = engine_view(call->rpc->engine);
    struct relief_region region = {.id = params->region};
    struct relief_kind kind = {.code = params->kind};
    struct relief_str after = RELIEF_STR_NONE;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    if (params->region.data && !core_find(view, RELIEF_TABLE_region, &call->rpc->arena, &region))
        return rpc_not_found(&call->refusal, "region", "region", params->region);
    if (params->kind.data && !core_find(view, RELIEF_TABLE_kind, &call->rpc->arena, &kind))
        return rpc_not_found(&call->refusal, "kind", "kind", params->kind);
    sight_start(&sight, call->rpc, &call->session->identity);
    if (!core_sight_sums(&sight.core, params->region))
        return relief_refuse_field(&call->refusal, RELIEF_DENIED, "region", "name a region that you belong to");
    if (params->after.data && !params->kind.data) {
        int result = rpc_after_parts(call, params->after, 1, &after);
        if (result)
            return result;
    }
    return begin(call, after);
}
