/*
 * Answers. A message is built in one buffer that every call reuses and handed to the connection whole: header, then the
 * result that the handler appended. When a handler refuses half-way, the buffer starts again with the error.
 */
#include "rpc/session.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

void rpc_answer_start(struct relief_buf *out, uint32_t msgid)
{
    relief_buf_clear(out);
    relief_pack_array(out, 4);
    relief_pack_int(out, 1);
    relief_pack_int(out, msgid);
    relief_pack_nil(out);
}

void rpc_answer_send(struct rpc_session *session, uint64_t release)
{
    if (!rpc_receipt_queue(session, release))
        rpc_answer_send_now(session, release);
}

void rpc_answer_send_now(struct rpc_session *session, uint64_t release)
{
    if (release > session->release)
        session->release = release;
    net_conn_send(session->conn, session->rpc->out.data, session->rpc->out.len, session->release, true);
}

void rpc_answer_pack_refusal(struct relief_buf *out, uint32_t msgid, const struct relief_refusal *refusal)
{
    relief_pack_array(out, 4);
    relief_pack_int(out, 1);
    relief_pack_int(out, msgid);
    relief_pack_refusal(out, refusal);
    relief_pack_nil(out);
}

void rpc_answer_refusal(struct rpc_session *session, uint32_t msgid, uint64_t release,
                        const struct relief_refusal *refusal)
{
    relief_buf_clear(&session->rpc->out);
    rpc_answer_pack_refusal(&session->rpc->out, msgid, refusal);
    rpc_answer_send(session, release);
}

void rpc_answer_change(struct rpc_call *call, const struct engine_answer *answer)
{
    struct relief_buf *out = call->out;
    /* clock.confirm answers with the log's head, whose own seq is the entry's */
    bool has_seq = relief_shape_find(answer->shape, RELIEF_STR("seq")) != NULL;
    bool candidates = answer->candidates.present;
    /* A replay has the fields that the first answer had, so that it is the same bytes after an upgrade too. */
    unsigned generation = answer->replay ? answer->generation : RELIEF_EVERY_GENERATION;
    relief_pack_record_of(out, answer->shape, answer->record,
                          (has_seq ? 0u : 1u) + (candidates ? 1u : 0u) + (call->receipt ? 1u : 0u), generation);
    if (candidates) {
        const struct relief_candidate *items = answer->candidates.items;
        relief_pack_text(out, "candidates");
        relief_pack_array(out, answer->candidates.count);
        for (uint32_t i = 0; i < answer->candidates.count; i++) /* as the core let this identity see them */
            relief_pack_record_of(out, &relief_shape_candidate, &items[i], 0, generation);
    }
    if (!has_seq) {
        relief_pack_text(out, "seq");
        relief_pack_int(out, (int64_t)answer->seq);
    }
    if (call->receipt)
        relief_pack_text(out, "receipt"); /* rpc_receipt_send adds it */
}

void rpc_answer_machine(int error, struct relief_refusal *refusal)
{
    switch (-error) {
    case EAGAIN:
    case ENOMEM:
        relief_refuse(refusal, RELIEF_BUSY, "the daemon can't take more at the moment");
        break;
    case EROFS:
        relief_refuse(refusal, RELIEF_READ_ONLY, "the daemon's disk can't be written; only reads are served");
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        relief_refuse(refusal, RELIEF_DISK_FULL,
                      "the daemon's disk is full; nothing was changed, reads go on; when its operator has freed "
                      "space, send this again");
        break;
    default:
        relief_refuse(refusal, RELIEF_INTERNAL, "the daemon could not carry this out");
    }
}

int rpc_not_found(struct relief_refusal *refusal, const char *field, const char *what, struct relief_str id)
{
    relief_refuse_field(refusal, RELIEF_NOT_FOUND, field, "there is no such %s", what);
    uint32_t len = id.len < sizeof refusal->id - 1 ? id.len : (uint32_t)sizeof refusal->id - 1;
    memcpy(refusal->id, id.data, len);
    refusal->id[len] = 0;
    return RELIEF_NOT_FOUND;
}

/* Parameters of the methods that wait here hold no text, so a copy of them lives on by itself. */
static int wait_for(struct rpc_call *call, uint64_t until, bool published)
{
    struct rpc_session *session = call->session;
    session->waiting = (struct rpc_waiting){.method = call->method,
                                            .msgid = call->msgid,
                                            .until = until,
                                            .published = published,
                                            .since_us = call->rpc->turn_us};
    if (call->method->params->count > 0) {
        assert(call->method->params->size <= sizeof session->waiting.params);
        memcpy(&session->waiting.params, call->params, call->method->params->size);
    }
    call->rpc->waiting_count++;
    net_conn_pause(session->conn);
    return RPC_LATER;
}

int rpc_wait_durable(struct rpc_call *call)
{
    uint64_t applied = engine_applied(call->rpc->engine);
    if (engine_durable(call->rpc->engine) >= applied || call->session->waiting.method)
        return 0;
    return wait_for(call, applied, false);
}

int rpc_wait_published(struct rpc_call *call)
{
    uint64_t applied = engine_applied(call->rpc->engine);
    if (call->session->waiting.method || evidence_published(engine_evidence(call->rpc->engine), applied) >= applied)
        return 0;
    return wait_for(call, applied, true);
}
