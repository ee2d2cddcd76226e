/*
 * Receipts. A change is acknowledged when it is durable; the checkpoint that covers it is signed a moment later. On a
 * connection that asked for receipts the answer waits for that, and whatever is answered behind it waits with it, so
 * answers keep the order of requests and pipelining goes on. Everybody else is acknowledged without any of this.
 *
 * What waits is bounded: the number by net (unanswered requests of a connection), the bytes here, by reading no
 * further.
 */
#include "rpc/session.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/notice.h"

struct rpc_pending {
    struct rpc_pending *next;
    uint64_t release;
    uint64_t seq; /* entry that the receipt is for; 0: an answer that only keeps its place */
    size_t len;
    char data[];
};

/* ---- one receipt ---- */

static int read_receipt(struct rpc *rpc, uint64_t seq, struct relief_buf *note,
                        struct evidence_checkpoint *ret_checkpoint, uint8_t leaf[EVIDENCE_HASH_BYTES],
                        struct evidence_path *ret_path)
{
    struct evidence *evidence = engine_evidence(rpc->engine);
    relief_buf_clear(note);
    evidence_newest(evidence, ret_checkpoint, note);
    return note->failed ? -ENOMEM : evidence_inclusion(evidence, seq, ret_checkpoint->size, leaf, ret_path);
}

/* Behind the key "receipt". The change stands, with or without its receipt: nil when there can't be one. */
static void pack_receipt(struct rpc *rpc, struct relief_buf *out, uint64_t seq)
{
    struct evidence_checkpoint checkpoint;
    struct evidence_path path;
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    char leaf_hex[2 * EVIDENCE_HASH_BYTES + 1];
    int rc = read_receipt(rpc, seq, &rpc->note, &checkpoint, leaf, &path);
    if (rc) {
        rpc_evidence_trouble(rc);
        relief_pack_nil(out);
        return;
    }
    sodium_bin2hex(leaf_hex, sizeof leaf_hex, leaf, sizeof leaf);
    struct relief_receipt receipt = {
        .seq = (int64_t)seq,
        .size = (int64_t)checkpoint.size,
        .leaf = relief_str_of(leaf_hex),
        .path = {(const char *)path.hashes, path.count * EVIDENCE_HASH_BYTES},
        .checkpoint = {rpc->note.data, (uint32_t)rpc->note.len},
    };
    relief_pack_record(out, &relief_shape_receipt, &receipt, 0);
}

/* ---- the queue ---- */

static void queue(struct rpc_session *session, uint64_t release, uint64_t seq)
{
    struct rpc *rpc = session->rpc;
    struct rpc_pending *pending = rpc->out.failed ? NULL : malloc(sizeof *pending + rpc->out.len);
    if (!pending) {
        net_conn_finish(session->conn); /* an answer that is left out would shift all that follow */
        return;
    }
    *pending = (struct rpc_pending){.release = release, .seq = seq, .len = rpc->out.len};
    memcpy(pending->data, rpc->out.data, rpc->out.len);
    if (!session->pending)
        rpc->receipt_count++;
    *(session->pending ? &session->pending_last->next : &session->pending) = pending;
    session->pending_last = pending;
    session->pending_bytes += pending->len;
    if (session->pending_bytes >= RELIEF_UNREAD_BYTES_MAX) {
        session->pending_paused = true;
        net_conn_pause(session->conn);
    }
}

static bool take_first(struct rpc_session *session, uint64_t published)
{
    struct rpc_pending *pending = session->pending;
    struct rpc *rpc = session->rpc;
    if (!pending || (pending->seq && pending->release > published))
        return false;
    relief_buf_clear(&rpc->out);
    relief_buf_add(&rpc->out, pending->data, pending->len);
    if (pending->seq)
        pack_receipt(rpc, &rpc->out, pending->seq);
    session->pending = pending->next;
    session->pending_bytes -= pending->len;
    if (rpc->out.failed)
        net_conn_finish(session->conn);
    else
        rpc_answer_send_now(session, pending->release);
    free(pending);
    if (!session->pending)
        rpc->receipt_count--;
    return true;
}

bool rpc_receipt_queue(struct rpc_session *session, uint64_t release)
{
    if (!session->pending)
        return false;
    queue(session, release, 0);
    return true;
}

void rpc_receipt_send(struct rpc_session *session, uint64_t release, uint64_t seq)
{
    struct rpc *rpc = session->rpc;
    uint64_t published = evidence_published(engine_evidence(rpc->engine), release);
    if (session->pending || release > published) {
        queue(session, release, seq);
        return;
    }
    pack_receipt(rpc, &rpc->out, seq); /* a replay of what was published before */
    if (rpc->out.failed)
        net_conn_finish(session->conn);
    else
        rpc_answer_send_now(session, release);
}

void rpc_receipt_pump(struct rpc_session *session, uint64_t published)
{
    while (take_first(session, published))
        ;
    if (session->pending_paused && session->pending_bytes < RELIEF_UNREAD_BYTES_MAX / 2) {
        session->pending_paused = false;
        if (!session->waiting.method && !session->dump)
            net_conn_resume(session->conn);
    }
}

bool rpc_receipt_beyond(const struct rpc_session *session, uint64_t durable)
{
    return session->pending && session->pending_last->release > durable;
}

void rpc_receipt_free(struct rpc_session *session)
{
    if (session->pending)
        session->rpc->receipt_count--;
    for (struct rpc_pending *pending = session->pending, *next; pending; pending = next) {
        next = pending->next;
        free(pending);
    }
    session->pending = NULL;
}
