/*
 * snapshot.dump and snapshot.backup on their connection. Three steps, each begun when the one before is done, none of
 * them waiting in the loop: the log makes durable what was applied when the request came; the store writes that to
 * LMDB; a worker reads a snapshot and the loop passes its notifications on as fast as the peer reads. Later messages of
 * the connection wait until the answer is sent. A dump of the past needs nothing of the store: its worker makes the
 * state from base and log.
 */
#include "rpc/session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/notice.h"
#include "views/backup.h"
#include "views/dump.h"

struct rpc_dump {
    uint32_t msgid;
    uint64_t want; /* entry that the dump has to include */
    int64_t since_us;
    bool flush_asked;
    bool past; /* of the state at `want`; else of a state that includes it */
    bool lines;
    bool tables[RELIEF_TABLE_COUNT];
    struct views_dump *view; /* NULL until LMDB has reached `want` */
    bool is_backup, with_key;
    struct views_backup *backup; /* NULL until the first step */
};

union rpc_dump_end {
    struct views_dump_end dump;
    struct views_backup_end backup;
};

static int start(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    struct rpc_dump *dump = session->dump;
    struct views_dump_options options = {
        .store = engine_store(rpc->engine),
        .msgid = dump->msgid,
        .lines = dump->lines,
        .ms_max = rpc->options.dump_ms_max,
        .wake = rpc_wake,
        .context = rpc,
    };
    if (dump->past) {
        options.past_dir = engine_dir(rpc->engine);
        options.past_log = engine_log(rpc->engine);
        options.past_seq = dump->want;
    }
    memcpy(options.tables, dump->tables, sizeof options.tables);
    return views_dump_start(&dump->view, &options);
}

static int start_backup(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    const struct views_backup_options options = {
        .engine = rpc->engine,
        .msgid = session->dump->msgid,
        .with_key = session->dump->with_key,
        .ms_max = rpc->options.dump_ms_max,
        .wake = rpc_wake,
        .context = rpc,
    };
    return views_backup_start(&session->dump->backup, &options);
}

static void refuse(struct rpc_session *session, int error)
{
    struct relief_refusal refusal;
    if (error == -ETIME)
        relief_refuse(&refusal, RELIEF_BUSY,
                      session->dump->is_backup ? "the base took longer than it may; read faster"
                                               : "the dump took longer than it may; read faster, or name fewer tables");
    else
        rpc_answer_machine(error, &refusal);
    notice(RELIEF_MESSAGE_DUMP_FAILED, "identity=%s error=%s", session->identity.name,
           notice_quote(strerror(-error)).text);
    rpc_answer_refusal(session, session->dump->msgid, 0, &refusal);
}

static void complete(struct rpc_session *session, const union rpc_dump_end *end)
{
    struct relief_buf *out = &session->rpc->out;
    rpc_answer_start(out, session->dump->msgid);
    if (session->dump->is_backup) {
        struct relief_backup_end answer = {
            .seq = (int64_t)end->backup.seq,
            .head = relief_str_of(end->backup.head),
            .base = (int64_t)end->backup.base,
            .files = (int64_t)end->backup.files,
            .bytes = (int64_t)end->backup.bytes,
        };
        relief_pack_record(out, &relief_shape_backup_end, &answer, 0);
    } else {
        struct relief_dump_end answer = {
            .seq = (int64_t)end->dump.seq,
            .head = relief_str_of(end->dump.head),
            .records = (int64_t)end->dump.records,
            .digest = relief_str_of(end->dump.digest),
        };
        relief_pack_record(out, &relief_shape_dump_end, &answer, 0);
        session->rpc->dumps_done++;
    }
    rpc_answer_send(session, 0);
}

static void finish(struct rpc_session *session, int result, const union rpc_dump_end *end)
{
    struct rpc *rpc = session->rpc;
    if (result == -ENODATA)
        complete(session, end);
    else
        refuse(session, result);
    stats_answered(&rpc->stats, session->dump->is_backup ? RELIEF_METHOD_snapshot_backup : RELIEF_METHOD_snapshot_dump,
                   result != -ENODATA, 0, 0, session->dump->since_us, rpc->turn_us);
    rpc_dump_free(session);
    net_conn_resume(session->conn);
}

/* Passes on what there is. 0: goes on later, else the dump's end as views_dump_take says it. */
static int pass_on(struct rpc_session *session, union rpc_dump_end *ret_end)
{
    int result = 1;
    while (result == 1) {
        struct relief_buf chunk;
        if (net_conn_queued(session->conn) >= RELIEF_UNREAD_BYTES_MAX)
            return 0;
        result = session->dump->is_backup ? views_backup_take(session->dump->backup, &chunk, &ret_end->backup)
                                          : views_dump_take(session->dump->view, &chunk, &ret_end->dump);
        if (result == 1) {
            net_conn_send(session->conn, chunk.data, chunk.len, session->release, false);
            relief_buf_deinit(&chunk);
        }
    }
    return result;
}

void rpc_dump_step(struct rpc_session *session)
{
    struct engine *engine = session->rpc->engine;
    struct rpc_dump *dump = session->dump;
    union rpc_dump_end end;
    int result = 0;
    if (dump->is_backup) {
        result = dump->backup ? 0 : start_backup(session);
    } else if (!dump->view) {
        if (engine_durable(engine) < dump->want)
            return;
        if (!dump->past && !dump->flush_asked) {
            dump->flush_asked = true;
            store_flush_to(engine_store(engine), dump->want);
        }
        bool reached = dump->past || store_mark(engine_store(engine)).seq >= dump->want;
        if (!reached && !rpc_store_lacks(session->rpc))
            return; /* a flush wakes the loop when it ends */
        result = reached ? start(session) : rpc_store_lacks(session->rpc);
    }
    if (result == 0)
        result = pass_on(session, &end);
    if (result != 0)
        finish(session, result, &end);
}

bool rpc_dump_beyond(const struct rpc_session *session, uint64_t durable)
{
    return session->dump && !session->dump->view && !session->dump->past && session->dump->want > durable;
}

void rpc_dump_free(struct rpc_session *session)
{
    if (!session->dump)
        return;
    views_dump_free(session->dump->view);
    views_backup_free(session->dump->backup);
    free(session->dump);
    session->dump = NULL;
    session->rpc->dump_count--;
}

static int choose_tables(struct rpc_call *call, const struct relief_list *tables, bool ret_chosen[])
{
    const struct relief_str *items = tables->items;
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++)
        ret_chosen[i] = !tables->present;
    for (uint32_t i = 0; i < tables->count; i++) {
        int table = relief_table_find(items[i]);
        char field[32];
        snprintf(field, sizeof field, "tables.%u", i);
        if (table < 0)
            return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, field, "there is no such table");
        ret_chosen[table] = true;
    }
    return 0;
}

/* Is there a state of entry `at` to be had? */
static int choose_past(struct rpc_call *call, int64_t at)
{
    struct engine *engine = call->rpc->engine;
    uint64_t lowest;
    char text[24];
    if ((uint64_t)at > engine_applied(engine))
        return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "at", "the log ends with entry %llu",
                                   (unsigned long long)engine_applied(engine));
    int result = engine_at_lowest(engine_dir(engine), engine_log(engine), &lowest);
    if (result || (uint64_t)at >= lowest)
        return result;
    snprintf(text, sizeof text, "%lld", (long long)at);
    return rpc_not_found(&call->refusal, "from", "entry any more", relief_str_of(text)); /* fine print 71 */
}

static int begin(struct rpc_call *call, const struct rpc_dump *what)
{
    struct rpc *rpc = call->rpc;
    if (rpc->dump_count >= RPC_DUMPS_MAX)
        return relief_refuse(&call->refusal, RELIEF_TOO_MANY, "%u dumps are under way", RPC_DUMPS_MAX);
    struct rpc_dump *dump = calloc(1, sizeof *dump);
    if (!dump)
        return -EAGAIN;
    *dump = *what;
    dump->msgid = call->msgid;
    dump->since_us = rpc->turn_us;
    call->session->dump = dump;
    rpc->dump_count++;
    net_conn_pause(call->session->conn);
    rpc_wake(rpc); /* the first step is made by the loop, not inside this message */
    return RPC_LATER;
}

int rpc_snapshot_dump(struct rpc_call *call)
{
    const struct relief_snapshot_dump_params *params = call->params;
    struct rpc *rpc = call->rpc;
    bool chosen[RELIEF_TABLE_COUNT];
    int result = choose_tables(call, &params->tables, chosen);
    if (result == 0 && params->at != RELIEF_NIL)
        result = choose_past(call, params->at);
    if (result)
        return result;
    struct rpc_dump dump = {.past = params->at != RELIEF_NIL, .lines = params->lines == 1};
    dump.want = dump.past ? (uint64_t)params->at : engine_applied(rpc->engine);
    memcpy(dump.tables, chosen, sizeof dump.tables);
    return begin(call, &dump);
}

int rpc_snapshot_backup(struct rpc_call *call)
{
    const struct relief_snapshot_backup_params *params = call->params;
    return begin(call, &(struct rpc_dump){.is_backup = true, .with_key = params->with_key == 1});
}
