/*
 * Checkpoints and proofs (daemon/evidence/FORMAT.md). A checkpoint is signed a moment after its batch was acknowledged;
 * who asks for one waits for that of everything applied by then, so that nobody misses in the tree what was
 * acknowledged to him.
 */
#include "rpc/session.h"
#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "base/notice.h"

struct hex {
    char text[2 * EVIDENCE_HASH_BYTES + 1];
};

static struct hex hex_of(const uint8_t hash[EVIDENCE_HASH_BYTES])
{
    struct hex hex;
    sodium_bin2hex(hex.text, sizeof hex.text, hash, EVIDENCE_HASH_BYTES);
    return hex;
}

/* Every proof meets it from now on; the file was put aside once. */
void rpc_evidence_trouble(int error)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (error == -EUCLEAN && !atomic_flag_test_and_set(&told))
        notice(RELIEF_MESSAGE_EVIDENCE_DAMAGED, "what=%s",
               notice_quote("evidence/hashes was damaged and is now evidence/hashes.damaged").text);
}

static int failed(int error)
{
    rpc_evidence_trouble(error);
    return error;
}

/* ---- checkpoints ---- */

/* Strings live in the arena. */
static struct relief_str keep(struct rpc *rpc, const char *text, size_t len)
{
    return relief_arena_str(&rpc->arena, (struct relief_str){text, (uint32_t)len});
}

static int fill_witnessed(struct rpc *rpc, struct relief_checkpoint *record)
{
    struct evidence_witnessed witnessed;
    relief_buf_clear(&rpc->note);
    evidence_witnessed(engine_evidence(rpc->engine), &witnessed, &rpc->note);
    if (witnessed.count == 0)
        return 0;
    struct relief_witness *by = relief_arena_alloc(&rpc->arena, witnessed.count * sizeof *by);
    if (!by || rpc->note.failed)
        return -ENOMEM;
    for (unsigned i = 0; i < witnessed.count; i++)
        by[i] = (struct relief_witness){.name = keep(rpc, witnessed.by[i].name, strlen(witnessed.by[i].name)),
                                        .time = witnessed.by[i].time};
    record->witnessed_size = (int64_t)witnessed.size;
    record->witnessed_time = witnessed.time;
    record->witnesses = (struct relief_list){by, witnessed.count, 1};
    record->witnessed_note = keep(rpc, rpc->note.data, rpc->note.len);
    return record->witnessed_note.data ? 0 : -ENOMEM;
}

static int answer_checkpoint(struct rpc_call *call)
{
    struct rpc *rpc = call->rpc;
    struct evidence *evidence = engine_evidence(rpc->engine);
    struct evidence_checkpoint newest;
    struct relief_checkpoint record;
    char key[EVIDENCE_VERIFIER_TEXT];
    relief_buf_clear(&rpc->note);
    evidence_newest(evidence, &newest, &rpc->note);
    evidence_key_text(evidence_log_key(evidence), key);
    struct hex root = hex_of(newest.root);
    relief_shape_clear(&relief_shape_checkpoint, &record);
    record.origin = relief_str_of(newest.origin);
    record.size = (int64_t)newest.size;
    record.root = relief_str_of(root.text);
    record.time = newest.time;
    record.note = keep(rpc, rpc->note.data, rpc->note.len);
    record.key = relief_str_of(key);
    if (rpc->note.failed || !record.note.data)
        return -ENOMEM;
    int rc = fill_witnessed(rpc, &record);
    if (rc == 0)
        relief_pack_record(call->out, &relief_shape_checkpoint, &record, 0);
    return rc;
}

int rpc_log_checkpoint(struct rpc_call *call)
{
    int result = rpc_wait_published(call);
    return result ? result : answer_checkpoint(call);
}

int rpc_log_cosign(struct rpc_call *call)
{
    static const char *const why[] = {
        [EVIDENCE_NO_NOTE] = "this is no signed checkpoint",
        [EVIDENCE_NOT_OURS] = "this is not a checkpoint of this log, or its signature does not hold",
        [EVIDENCE_NOT_THIS] = "this log has another root, or fewer entries",
        [EVIDENCE_NO_WITNESS] = "no cosignature of a witness that the configuration names holds",
    };
    const struct relief_log_cosign_params *params = call->params;
    int rc = engine_cosign(call->rpc->engine, params->note);
    if (rc < 0)
        return failed(rc);
    if (rc == EVIDENCE_NO_WITNESS)
        return relief_refuse(&call->refusal, RELIEF_DENIED, "%s", why[rc]);
    if (rc != EVIDENCE_TAKEN)
        return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "note", "%s", why[rc]);
    return answer_checkpoint(call);
}

/* ---- proofs ---- */

static int no_such(struct rpc_call *call, const char *field, const char *what, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return rpc_not_found(&call->refusal, field, what, relief_str_of(text));
}

static int64_t newest_size(struct rpc_call *call)
{
    return (int64_t)evidence_published(engine_evidence(call->rpc->engine), 0);
}

static struct relief_str bytes_of(const struct evidence_path *path)
{
    return (struct relief_str){(const char *)path->hashes, path->count * EVIDENCE_HASH_BYTES};
}

int rpc_proof_inclusion(struct rpc_call *call)
{
    const struct relief_proof_inclusion_params *params = call->params;
    struct evidence_path path;
    uint8_t leaf[EVIDENCE_HASH_BYTES];
    int result = rpc_wait_published(call);
    if (result)
        return result;
    int64_t newest = newest_size(call), size = params->size == RELIEF_NIL ? newest : params->size;
    if (size > newest)
        return no_such(call, "size", "tree yet", size);
    if (params->seq > size)
        return no_such(call, "seq", "entry in this tree", params->seq);
    int rc = evidence_inclusion(engine_evidence(call->rpc->engine), (uint64_t)params->seq, (uint64_t)size, leaf, &path);
    if (rc)
        return failed(rc);
    struct hex hex = hex_of(leaf);
    struct relief_inclusion record = {
        .seq = params->seq, .size = size, .leaf = relief_str_of(hex.text), .path = bytes_of(&path)};
    relief_pack_record(call->out, &relief_shape_inclusion, &record, 0);
    return 0;
}

int rpc_proof_consistency(struct rpc_call *call)
{
    const struct relief_proof_consistency_params *params = call->params;
    struct evidence_path path;
    int result = rpc_wait_published(call);
    if (result)
        return result;
    int64_t newest = newest_size(call), size = params->size == RELIEF_NIL ? newest : params->size;
    if (size > newest)
        return no_such(call, "size", "tree yet", size);
    if (params->from > size)
        return no_such(call, "from", "tree within this one", params->from);
    int rc = evidence_consistency(engine_evidence(call->rpc->engine), (uint64_t)params->from, (uint64_t)size, &path);
    if (rc)
        return failed(rc);
    struct relief_consistency record = {.from = params->from, .size = size, .path = bytes_of(&path)};
    relief_pack_record(call->out, &relief_shape_consistency, &record, 0);
    return 0;
}
