/*
 * The batch that forms. Memory is reserved before the core runs: once the state has changed there is no way back, so
 * what was done must find room to be written down. The buffers keep their size from batch to batch; what a rare large
 * batch touched beyond KEEP_BYTES is given back.
 */
#include "engine/batch.h"

#include "engine/entry.h"

#include <errno.h>
#include <stdlib.h>

#define KEEP_BYTES (32u * 1024u * 1024u) /* a full batch, one entry of the largest size, and growth */
#define SLOTS_MIN  256u

void engine_batch_deinit(struct engine_batch *batch)
{
    relief_buf_deinit(&batch->bytes);
    free(batch->slots);
    free(batch->records);
    *batch = (struct engine_batch){0};
}

void engine_batch_clear(struct engine_batch *batch)
{
    if (batch->bytes.cap > KEEP_BYTES)
        relief_buf_deinit(&batch->bytes);
    relief_buf_clear(&batch->bytes);
    batch->count = 0;
    batch->first = 0;
}

static int reserve_slot(struct engine_batch *batch)
{
    if (batch->count < batch->cap)
        return 0;
    size_t cap = batch->cap ? batch->cap * 2 : SLOTS_MIN;
    struct engine_slot *slots = realloc(batch->slots, cap * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    batch->slots = slots;
    struct log_record *records = realloc(batch->records, cap * sizeof *records);
    if (!records)
        return -ENOMEM;
    batch->records = records;
    batch->cap = cap;
    return 0;
}

int engine_batch_reserve(struct engine_batch *batch)
{
    if (batch->bytes.cap - batch->bytes.len < RELIEF_ENTRY_BYTES_MAX &&
        !relief_buf_reserve(&batch->bytes, RELIEF_ENTRY_BYTES_MAX)) {
        batch->bytes.failed = false; /* nothing was lost: the next command may find memory */
        return -ENOMEM;
    }
    return reserve_slot(batch);
}

int engine_batch_add(struct engine_batch *batch, const struct core_entry *entry, const struct core_effects *effects)
{
    size_t offset = batch->bytes.len;
    engine_entry_encode(&batch->bytes, entry, effects);
    if (batch->bytes.failed)
        return -ENOMEM;
    if (batch->bytes.len - offset > RELIEF_ENTRY_BYTES_MAX)
        return -E2BIG; /* the log would refuse it with everything beside it */
    if (batch->count == 0)
        batch->first = entry->seq;
    batch->slots[batch->count++] = (struct engine_slot){
        .offset = offset,
        .len = (uint32_t)(batch->bytes.len - offset),
        .flags = effects->more ? LOG_MORE : 0,
    };
    batch->time = entry->time;
    return 0;
}

void engine_batch_end_chain(struct engine_batch *batch)
{
    if (batch->count)
        batch->slots[batch->count - 1].flags &= ~LOG_MORE;
}

struct engine_batch_mark engine_batch_mark(const struct engine_batch *batch)
{
    return (struct engine_batch_mark){batch->count, batch->bytes.len, batch->time};
}

void engine_batch_rewind(struct engine_batch *batch, const struct engine_batch_mark *mark)
{
    batch->count = mark->count;
    batch->bytes.len = mark->bytes;
    batch->bytes.failed = false;
    batch->time = mark->time;
}

bool engine_batch_find(const struct engine_batch *batch, uint64_t seq, struct relief_str *ret_payload)
{
    if (batch->count == 0 || seq < batch->first || seq - batch->first >= batch->count)
        return false;
    const struct engine_slot *slot = &batch->slots[seq - batch->first];
    *ret_payload = (struct relief_str){batch->bytes.data + slot->offset, slot->len};
    return true;
}

struct log_record *engine_batch_records(struct engine_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct engine_slot *slot = &batch->slots[i];
        batch->records[i] = (struct log_record){
            .seq = batch->first + i,
            .flags = slot->flags,
            .payload = (const uint8_t *)batch->bytes.data + slot->offset,
            .len = slot->len,
        };
    }
    return batch->records;
}
