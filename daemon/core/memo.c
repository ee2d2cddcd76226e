/*
 * The memo of records (memo.h).
 *
 * An entry that wakes requests reads the same cities, kinds, regions and agreements hundreds of times; finding and
 * decoding one costs some thousand instructions, copying what was decoded before less than a tenth. A slot is found by
 * the key fields of the wanted record alone, so no key is encoded for a hit. Everything is written through work_put and
 * work_remove, which forget the slot before the view sees the change.
 *
 * The hash mixes words as they lie in memory; it only chooses a slot, keys are compared, and nothing of it is stored.
 */
#include "core/memo.h"
#include <errno.h>

int core_memo_init(struct core_memo *memo)
{
    size_t slots = CORE_MEMO_SLOTS * sizeof *memo->slots, copies = (size_t)CORE_MEMO_SLOTS * CORE_MEMO_KEPT_BYTES;
    int rc = relief_arena_init(&memo->arena, slots + copies + core_lists_bytes() + 64);
    if (rc)
        return rc;
    memo->slots = relief_arena_alloc(&memo->arena, slots);
    memo->copies = relief_arena_alloc(&memo->arena, copies);
    memo->readers = 0;
    rc = memo->slots && memo->copies ? 0 : -ENOMEM; /* fresh memory of an arena is all zeros */
    return rc ? rc : core_lists_init(&memo->lists, &memo->arena);
}

void core_memo_deinit(struct core_memo *memo)
{
    relief_arena_deinit(&memo->arena);
    *memo = (struct core_memo){.arena = RELIEF_ARENA_INIT};
}

void core_memo_clear(struct core_memo *memo)
{
    memset(memo->slots, 0, CORE_MEMO_SLOTS * sizeof *memo->slots);
    core_lists_clear(&memo->lists);
}

static struct core_memo_slot *slot_of(struct core_memo *memo, uint64_t hash)
{
    return &memo->slots[hash % CORE_MEMO_SLOTS];
}

static char *copy_of(struct core_memo *memo, const struct core_memo_slot *slot)
{
    return memo->copies + (size_t)(slot - memo->slots) * CORE_MEMO_KEPT_BYTES;
}

/* ---- keys ---- */

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static inline uint64_t word_at(const char *data)
{
    uint64_t word;
    memcpy(&word, data, 8);
    return word;
}

/* The length goes in too, so it does no harm that the last words overlap, or that a part goes over to the next field.
 */
static inline uint64_t hash_str(uint64_t hash, struct relief_str text)
{
    const char *data = text.data;
    uint32_t low, high;
    if (text.len >= 8) {
        for (uint32_t at = 0; at + 8 < text.len; at += 8)
            hash = mix(hash, word_at(data + at));
        return mix(hash + text.len, word_at(data + text.len - 8));
    }
    if (text.len >= 4) {
        memcpy(&low, data, 4);
        memcpy(&high, data + text.len - 4, 4);
        return mix(hash + text.len, (uint64_t)high << 32 | low);
    }
    if (text.len == 0)
        return mix(hash, 0);
    return mix(hash + text.len, (uint64_t)(uint8_t)data[0] << 16 | (uint64_t)(uint8_t)data[text.len / 2] << 8 |
                                    (uint8_t)data[text.len - 1]);
}

uint64_t core_memo_hash(enum relief_table table, const void *record)
{
    const struct relief_table_info *info = &relief_tables[table];
    uint64_t hash = (uint64_t)table + 1;
    for (unsigned i = 0; i < info->key_fields; i++)
        hash = hash_str(hash, *relief_field_str(&info->shape->fields[i], record));
    return hash ? hash : 1;
}

static bool same_key(enum relief_table table, const void *a, const void *b)
{
    const struct relief_table_info *info = &relief_tables[table];
    for (unsigned i = 0; i < info->key_fields; i++) {
        const struct relief_field *field = &info->shape->fields[i];
        struct relief_str x = *relief_field_str(field, a), y = *relief_field_str(field, b);
        if (x.len != y.len || (x.len && memcmp(x.data, y.data, x.len) != 0))
            return false;
    }
    return true;
}

/* ---- copies that stay ---- */

/* Copies the record into the slot's own memory; when it is too long for that, it is not kept. */
static void keep(struct core_memo *memo, struct core_memo_slot *slot, enum relief_table table, const void *record)
{
    struct relief_arena room = {.base = copy_of(memo, slot), .bound = CORE_MEMO_KEPT_BYTES};
    void *copy = relief_arena_alloc(&room, relief_tables[table].shape->size);
    slot->kept = copy && relief_record_copy(relief_tables[table].shape, record, &room, copy) == 0;
}

/* ---- what record.c calls ---- */

bool core_memo_find(struct core_memo *memo, uint64_t reader, struct relief_arena *arena, enum relief_table table,
                    uint64_t hash, void *record, bool *ret_absent)
{
    struct core_memo_slot *slot = slot_of(memo, hash);
    const struct relief_shape *shape = relief_tables[table].shape;
    void *copy;
    if (slot->hash != hash || slot->table != table)
        return false;
    if (slot->reader != reader) {
        const void *there = copy_of(memo, slot);
        if (!slot->kept || !same_key(table, record, there))
            return false;
        copy = relief_arena_alloc(arena, shape->size);
        if (!copy || relief_record_copy(shape, there, arena, copy))
            return false;
        slot->reader = reader;
        slot->record = copy;
        slot->absent = false;
    } else if (!same_key(table, record, slot->record)) {
        return false;
    }
    *ret_absent = slot->absent;
    if (!slot->absent)
        memcpy(record, slot->record, shape->size);
    return true;
}

void core_memo_note(struct core_memo *memo, uint64_t reader, struct relief_arena *arena, enum relief_table table,
                    uint64_t hash, const void *record, bool absent)
{
    struct core_memo_slot *slot = slot_of(memo, hash);
    const struct relief_table_info *info = &relief_tables[table];
    bool again = slot->hash == hash && slot->table == table; /* another entry read it, and none changed it since */
    char *copy = relief_arena_alloc(arena, info->shape->size);
    if (!copy)
        return;
    if (absent) { /* its strings may be the view's, which the next put moves */
        const struct relief_shape key = {.fields = info->shape->fields, .count = info->key_fields};
        for (unsigned i = 0; i < info->key_fields; i++)
            *relief_field_str(&info->shape->fields[i], copy) = *relief_field_str(&info->shape->fields[i], record);
        if (relief_record_copy(&key, copy, arena, copy))
            return;
    } else {
        memcpy(copy, record, info->shape->size);
    }
    *slot = (struct core_memo_slot){
        .hash = hash, .reader = reader, .record = copy, .table = (uint8_t)table, .absent = absent};
    if (again && !absent)
        keep(memo, slot, table, copy);
}

bool core_memo_peek(struct core_memo *memo, uint64_t reader, enum relief_table table, uint64_t hash, const void *record,
                    const void **ret_record)
{
    const struct core_memo_slot *slot = slot_of(memo, hash);
    if (slot->hash != hash || slot->table != table || slot->reader != reader || !reader ||
        !same_key(table, record, slot->record))
        return false;
    *ret_record = slot->absent ? NULL : slot->record;
    return true;
}

void core_memo_forget(struct core_memo *memo, enum relief_table table, uint64_t hash)
{
    struct core_memo_slot *slot = slot_of(memo, hash);
    if (slot->hash == hash && slot->table == table)
        *slot = (struct core_memo_slot){0};
}
