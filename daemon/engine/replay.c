/*
 * A command that comes again answers as it did the first time (DESIGN 6.8). The first answer is not kept anywhere but
 * in the log, so it is read from there, or from a batch that is not durable yet; an op and a request lead to their
 * entry.
 *
 * Most commands are new: without op that costs one look-up of a request id that is not there, or nothing.
 */
#include "engine/state.h"
#include "base/plant.h"

#include "core/key.h"

#include <errno.h>

/* ---- the entry ---- */

/* From the log's segments; the payload is copied, it ends with the cursor. */
static int read_durable(struct engine *engine, uint64_t seq, struct log_record *ret)
{
    struct log_cursor *cursor = NULL;
    int rc = log_cursor_open(&cursor, engine->log, seq);
    if (rc)
        return rc;
    rc = log_cursor_next(cursor, ret);
    if (rc == 1 && ret->seq == seq) {
        relief_buf_clear(&engine->replay_bytes);
        relief_buf_add(&engine->replay_bytes, ret->payload, ret->len);
        ret->payload = (const uint8_t *)engine->replay_bytes.data;
        rc = engine->replay_bytes.failed ? -ENOMEM : 0;
    } else if (rc >= 0) {
        rc = -ENOENT;
    }
    log_cursor_close(cursor);
    return rc;
}

/* What was pruned is read from what was kept of it: the first entry at or behind record->seq, which becomes that one's.
 */
static int read_pruned(struct engine *engine, struct log_record *record)
{
    struct relief_buf *bytes = &engine->replay_bytes;
    uint64_t first = log_first(engine->log);
    int rc = engine->answers ? engine_answers_read(engine->answers, record->seq, bytes, &record->seq) : -ENOENT;
    if (rc == -ENOENT || (rc == 0 && record->seq >= first)) {
        record->seq = first;
        return read_durable(engine, first, record);
    }
    record->payload = (const uint8_t *)bytes->data;
    record->len = (uint32_t)bytes->len;
    return rc;
}

int engine_read_entry(struct engine *engine, uint64_t seq, struct engine_entry *ret)
{
    int rc = engine_read_kept(engine, seq, ret);
    return rc == 0 && ret->seq != seq ? -ENOENT : rc;
}

int engine_read_kept(struct engine *engine, uint64_t seq, struct engine_entry *ret)
{
    struct log_record record = {.seq = seq};
    struct relief_str payload;

    if (seq == 0 || seq > engine->applied)
        return -ENOENT;
    if (engine_batch_find(engine->forming, seq, &payload) ||
        (engine->handed && engine_batch_find(engine->handed, seq, &payload))) {
        record.payload = (const uint8_t *)payload.data;
        record.len = payload.len;
    } else {
        int rc = read_durable(engine, seq, &record);
        if (rc == -ENOENT)
            rc = read_pruned(engine, &record);
        if (rc)
            return rc;
    }
    relief_arena_reset(&engine->replay_arena);
    return engine_entry_decode(&record, &engine->replay_arena, ret);
}

/* ---- the same command ---- */

static void leave_aside(const struct relief_shape *shape, void *params, struct relief_str name)
{
    const struct relief_field *field = relief_shape_find(shape, name);
    if (!field)
        return;
    if (field->kind == RELIEF_F_ID)
        *relief_field_str(field, params) = RELIEF_STR_NONE;
    else
        *relief_field_i64(field, params) = RELIEF_NIL;
}

/* The params as bytes, without op and explain: what "the same parameters" means (fine print 10). */
static bool encode_same(struct engine *engine, struct relief_buf *buf, const struct relief_shape *shape,
                        const void *params)
{
    void *copy = relief_arena_alloc(&engine->replay_arena, shape->size);
    if (!copy)
        return false;
    memcpy(copy, params, shape->size);
    leave_aside(shape, copy, RELIEF_STR("op"));
    leave_aside(shape, copy, RELIEF_STR("explain"));
    relief_buf_clear(buf);
    relief_record_encode(buf, shape, copy);
    return !buf->failed;
}

static int same_params(struct engine *engine, const struct relief_shape *shape, const void *first, const void *now,
                       bool *ret_same)
{
    if (!encode_same(engine, &engine->replay_first, shape, first) ||
        !encode_same(engine, &engine->replay_now, shape, now))
        return -ENOMEM;
    *ret_same = engine->replay_first.len == engine->replay_now.len &&
                memcmp(engine->replay_first.data, engine->replay_now.data, engine->replay_now.len) == 0;
    return 0;
}

/* Entry seq carried out what is asked for now: its answer if it is the same, CONFLICT in `field` if not. */
static int answer_again(struct engine *engine, uint64_t seq, const struct relief_command_info *command,
                        const void *params, const char *field, struct engine_answer *ret)
{
    struct engine_entry entry;
    bool same = false;
    int rc = engine_read_entry(engine, seq, &entry);
    if (rc == 0 && entry.command == command->number)
        rc = same_params(engine, command->params, entry.params, params, &same);
    if (rc)
        return rc;
    if (!same)
        return relief_refuse_field(&ret->refusal, RELIEF_CONFLICT, field,
                                   "log entry %llu used this %s with another method or other parameters",
                                   (unsigned long long)seq, field);
    ret->seq = seq;
    ret->release = seq;
    ret->replay = true;
    ret->generation = entry.generation;
    ret->shape = command->answer;
    ret->record = entry.answer_change < 0 ? entry.answer : entry.changes[entry.answer_change].record;
    ret->candidates = entry.candidates;
    return 0;
}

/* ---- what leads to it ---- */

static bool find_op(struct engine *engine, const struct core_identity *who, struct relief_str op, uint64_t *ret_seq)
{
    struct relief_op record;
    relief_shape_clear(&relief_shape_op, &record);
    record.op = op;
    record.identity = who->name;
    relief_arena_reset(&engine->replay_arena);
    if (!core_find(store_view(engine->store), RELIEF_TABLE_op, &engine->replay_arena, &record))
        return false;
    *ret_seq = (uint64_t)record.seq;
    return true;
}

static bool request_known(struct core_view *view, struct relief_str id)
{
    struct core_key key;
    core_key_start(&key, CORE_KEY_RECORD + RELIEF_TABLE_request);
    core_key_str(&key, id);
    return view->ops->get(view, &key).data != NULL;
}

static int replay_request(struct engine *engine, const struct core_identity *who,
                          const struct relief_command_info *command, const struct relief_request_submit_params *params,
                          struct engine_answer *ret, bool *ret_done)
{
    struct core_view *view = store_view(engine->store);
    struct relief_request record;
    if (!request_known(view, params->id))
        return 0;
    relief_shape_clear(&relief_shape_request, &record);
    record.id = params->id;
    relief_arena_reset(&engine->replay_arena);
    if (!core_find(view, RELIEF_TABLE_request, &engine->replay_arena, &record))
        return 0;
    if (!relief_str_eq(record.identity, who->name))
        return relief_refuse_field(&ret->refusal, RELIEF_CONFLICT, "id", "another identity submitted this request");
    int rc = answer_again(engine, (uint64_t)record.entry, command, params, "id", ret);
    *ret_done = rc == 0;
    return rc;
}

int engine_replay(struct engine *engine, const struct core_identity *who, const struct relief_command_info *command,
                  const void *params, struct engine_answer *ret, bool *ret_done)
{
    const struct relief_field *field = relief_shape_find(command->params, RELIEF_STR("op"));
    uint64_t seq;

    *ret_done = false;
    if (PLANT("forget-ops"))
        return 0;
    if (field && relief_field_str(field, params)->data &&
        find_op(engine, who, *relief_field_str(field, params), &seq)) {
        int rc = answer_again(engine, seq, command, params, "op", ret);
        *ret_done = rc == 0;
        return rc;
    }
    if (command->number == RELIEF_METHOD_request_submit)
        return replay_request(engine, who, command, params, ret, ret_done);
    return 0;
}
