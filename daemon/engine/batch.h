/*
 * A batch: the entries that one sync makes durable. It forms on the loop thread, is handed to the log's thread as a whole, and
 * comes back empty. Two of them take turns.
 */
#pragma once
#include <stdbool.h>
#include "core/apply.h"
#include "log/log.h"
#include "schema/buf.h"

struct engine_slot {
    size_t offset; /* of the payload in bytes: the buffer may move while it grows */
    uint32_t len, flags;
};

struct engine_batch {
    struct relief_buf bytes;
    struct engine_slot *slots;
    struct log_record *records; /* as log_append takes them; filled in by engine_batch_records */
    size_t count, cap;
    uint64_t first;       /* sequence number of slot 0 */
    int64_t time;         /* of the last entry */
};

/* A point to go back to. */
struct engine_batch_mark {
    size_t count, bytes;
    int64_t time;
};

void engine_batch_deinit(struct engine_batch *batch);
void engine_batch_clear(struct engine_batch *batch);
/* Room for one more entry of the largest size, so that what the core does can be written down. 0 or -ENOMEM. */
int engine_batch_reserve(struct engine_batch *batch);
/* Adds the entry; room must have been reserved. 0; -E2BIG: beyond the bound of an entry; -ENOMEM. */
int engine_batch_add(struct engine_batch *batch, const struct core_entry *entry, const struct core_effects *effects);
/* What follows the last entry may be in another batch. */
void engine_batch_end_chain(struct engine_batch *batch);
struct engine_batch_mark engine_batch_mark(const struct engine_batch *batch);
void engine_batch_rewind(struct engine_batch *batch, const struct engine_batch_mark *mark);
/* The payload of entry seq; false when it is not in here. Any thread, while nobody adds. */
bool engine_batch_find(const struct engine_batch *batch, uint64_t seq, struct relief_str *ret_payload);
/* Points the records to the payloads; nothing may be added any more. */
struct log_record *engine_batch_records(struct engine_batch *batch);
