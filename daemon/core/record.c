/*
 * Reading and changing records while an entry is carried out (work.h).
 *
 * A read copies the stored bytes into the entry's arena and decodes them there, because a later put may move what the
 * view holds; what was read before comes from the memo (memo.h). A put replaces an earlier change of the same record in
 * the effects, so the outcome has each record once, in its final form. Changes are few (a submit has four); a hash is
 * built only when a wake makes many.
 */
#include "core/work.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define CHANGES_LINEAR 16u

void *work_alloc(struct core_work *work, size_t bytes)
{
    void *memory = relief_arena_alloc(work->arena, bytes ? bytes : 1);
    assert(memory); /* CORE_ARENA_BYTES holds the largest entry; see core/apply.h */
    return memory;
}

struct relief_str work_str(struct core_work *work, struct relief_str text)
{
    char *copy;
    if (!text.data)
        return text;
    copy = work_alloc(work, text.len + 1);
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return (struct relief_str){copy, text.len};
}

struct relief_list work_ids_with(struct core_work *work, struct relief_list list, struct relief_str id)
{
    struct relief_str *items = work_alloc(work, (list.count + 1) * sizeof *items);
    if (list.count)
        memcpy(items, list.items, list.count * sizeof *items);
    items[list.count] = id;
    return (struct relief_list){items, list.count + 1, 1};
}

bool ids_have(struct relief_list list, struct relief_str id)
{
    const struct relief_str *items = list.items;
    for (uint32_t i = 0; i < list.count; i++)
        if (relief_str_eq(items[i], id))
            return true;
    return false;
}

void work_decode(struct core_work *work, enum relief_table table, struct relief_str value, void *record)
{
    int64_t used;
    char *copy = work_alloc(work, value.len);
    memcpy(copy, value.data, value.len);
    used = relief_record_decode(relief_tables[table].shape, (struct relief_str){copy, value.len}, work->arena, record);
    assert(used >= 0); /* the store verified the checksum: these are the bytes that work_put wrote */
    (void)used;
}

void work_scan(struct core_work *work, struct core_cursor *cursor, struct core_key *ret_prefix, unsigned space,
               struct relief_str first, struct relief_str second)
{
    core_key_start(ret_prefix, space);
    if (first.data)
        core_key_str(ret_prefix, first);
    if (second.data)
        core_key_str(ret_prefix, second);
    work->view->ops->scan(work->view, cursor, ret_prefix, NULL);
}

bool work_scan_next(struct core_work *work, struct core_cursor *cursor, const struct core_key *prefix,
                    struct relief_str *ret_part)
{
    struct relief_str key, value;
    uint32_t at = prefix->len;
    if (!work->view->ops->next(work->view, cursor, &key, &value))
        return false;
    *ret_part = work_str(work, core_key_take_str(key, &at));
    return true;
}

static bool find_in_view(struct core_work *work, enum relief_table table, void *record)
{
    struct core_key key;
    struct relief_str value;
    core_key_record(&key, table, record);
    value = work->view->ops->get(work->view, &key);
    if (!value.data)
        return false;
    work_decode(work, table, value, record);
    return true;
}

bool work_find(struct core_work *work, enum relief_table table, void *record)
{
    uint64_t hash;
    bool absent;
    if (!work->reader)
        return find_in_view(work, table, record);
    hash = core_memo_hash(table, record);
    if (core_memo_find(&work->core->memo, work->reader, work->arena, table, hash, record, &absent))
        return !absent;
    absent = !find_in_view(work, table, record);
    core_memo_note(&work->core->memo, work->reader, work->arena, table, hash, record, absent);
    return !absent;
}

static uint32_t key_hash(const struct core_key *key)
{
    uint32_t hash = 2166136261u; /* FNV-1a: keys are short and this is only a table of one entry's changes */
    for (uint32_t i = 0; i < key->len; i++)
        hash = (hash ^ key->data[i]) * 16777619u;
    return hash;
}

static bool same_key(const struct core_change *change, enum relief_table table, const struct core_key *key)
{
    struct core_key other;
    if (change->table != table)
        return false;
    core_key_record(&other, table, change->record);
    return other.len == key->len && memcmp(other.data, key->data, key->len) == 0;
}

static void slots_add(struct core_work *work, uint32_t index)
{
    struct core_key key;
    uint32_t at;
    core_key_record(&key, work->fx->changes[index].table, work->fx->changes[index].record);
    for (at = key_hash(&key) & (work->slot_count - 1); work->slots[at]; at = (at + 1) & (work->slot_count - 1))
        ;
    work->slots[at] = index + 1;
}

static void slots_grow(struct core_work *work)
{
    work->slot_count = work->slot_count ? work->slot_count * 4 : 256;
    work->slots = work_alloc(work, work->slot_count * sizeof *work->slots);
    memset(work->slots, 0, work->slot_count * sizeof *work->slots);
    for (uint32_t i = 0; i < work->fx->count; i++)
        slots_add(work, i);
}

/* The change of that record so far, or NULL. */
static struct core_change *change_find(struct core_work *work, enum relief_table table, const struct core_key *key)
{
    struct core_effects *fx = work->fx;
    if (!work->slot_count) {
        for (uint32_t i = 0; i < fx->count; i++)
            if (same_key(&fx->changes[i], table, key))
                return &fx->changes[i];
        return NULL;
    }
    for (uint32_t at = key_hash(key) & (work->slot_count - 1); work->slots[at]; at = (at + 1) & (work->slot_count - 1))
        if (same_key(&fx->changes[work->slots[at] - 1], table, key))
            return &fx->changes[work->slots[at] - 1];
    return NULL;
}

static struct core_change *change_new(struct core_work *work)
{
    struct core_effects *fx = work->fx;
    if (fx->count == fx->cap) {
        uint32_t cap = fx->cap ? fx->cap * 2 : 16;
        struct core_change *changes = work_alloc(work, cap * sizeof *changes);
        if (fx->count)
            memcpy(changes, fx->changes, fx->count * sizeof *changes);
        fx->changes = changes;
        fx->cap = cap;
    }
    return &fx->changes[fx->count++];
}

static void note_change(struct core_work *work, enum relief_table table, const struct core_key *key, const void *record,
                        struct relief_str bytes)
{
    const bool gone = !bytes.data;
    const struct relief_shape *shape = relief_tables[table].shape;
    struct core_change *change;
    void *copy;
    if (!work->fx)
        return; /* core_restore: the outcome is known already */
    bytes = work_str(work, bytes);
    change = change_find(work, table, key);
    copy = work_alloc(work, shape->size);
    memcpy(copy, record, shape->size);
    if (change) {
        *change = (struct core_change){table, gone, copy, bytes};
        return;
    }
    change = change_new(work);
    *change = (struct core_change){table, gone, copy, bytes};
    if (work->slot_count && work->fx->count * 2 < work->slot_count)
        slots_add(work, work->fx->count - 1);
    else if (work->fx->count > CHANGES_LINEAR)
        slots_grow(work);
}

/* The record as it stands in the view; often it was just read, to be changed. */
static const void *old_record(struct core_work *work, enum relief_table table, uint64_t hash,
                              const struct core_key *key, const void *record)
{
    struct relief_str value;
    const void *known;
    void *old;
    if (core_memo_peek(&work->core->memo, work->reader, table, hash, record, &known))
        return known;
    value = work->view->ops->get(work->view, key);
    if (!value.data)
        return NULL;
    old = work_alloc(work, relief_tables[table].shape->size);
    work_decode(work, table, value, old);
    return old;
}

/* Copies of the structs only: what they point to lives in the arena, or in what the caller of the entry holds. */
static void note_before(struct core_work *work, enum relief_table table, const void *old, const void *record)
{
    const size_t size = relief_tables[table].shape->size;
    struct work_before *before = work_alloc(work, sizeof *before);
    void *copies = work_alloc(work, 2 * size);
    memcpy(copies, old ? old : record, size);
    memcpy((char *)copies + size, record, size);
    *before = (struct work_before){work->undo, table, old ? copies : NULL, (char *)copies + size};
    work->undo = before;
}

void work_undo(struct core_work *work)
{
    work->undoable = false;
    for (const struct work_before *before = work->undo; before; before = before->next) {
        if (before->old)
            work_put(work, before->table, before->old);
        else
            work_remove(work, before->table, before->record);
    }
    work->undo = NULL;
    work->fx->count = work->slot_count = 0;
    work->wake = (struct core_wake){0};
    work->legs_made = 0;
}

static void put_over(struct core_work *work, enum relief_table table, uint64_t hash, const struct core_key *key,
                     const void *old, const void *record)
{
    struct relief_buf *buf = &work->core->buf;
    struct relief_str bytes;
    if (work->undoable)
        note_before(work, table, old, record);
    derive(work, table, old, record);
    relief_buf_clear(buf);
    relief_record_encode(buf, relief_tables[table].shape, record);
    assert(!buf->failed);
    bytes = (struct relief_str){buf->data, (uint32_t)buf->len};
    note_change(work, table, key, record, bytes);
    work->view->ops->put(work->view, key, bytes);
    core_memo_forget(&work->core->memo, table, hash);
}

void work_put(struct core_work *work, enum relief_table table, const void *record)
{
    struct core_key key;
    uint64_t hash = core_memo_hash(table, record);
    core_key_record(&key, table, record);
    put_over(work, table, hash, &key, old_record(work, table, hash, &key, record), record);
}

void work_put_new(struct core_work *work, enum relief_table table, const void *record)
{
    struct core_key key;
    core_key_record(&key, table, record);
    put_over(work, table, core_memo_hash(table, record), &key, NULL, record);
}

void work_remove(struct core_work *work, enum relief_table table, const void *record)
{
    struct core_key key;
    uint64_t hash = core_memo_hash(table, record);
    const void *old;
    core_key_record(&key, table, record);
    old = old_record(work, table, hash, &key, record);
    if (work->undoable)
        note_before(work, table, old, old ? old : record);
    derive(work, table, old, NULL);
    note_change(work, table, &key, record, RELIEF_STR_NONE);
    work->view->ops->put(work->view, &key, RELIEF_STR_NONE);
    core_memo_forget(&work->core->memo, table, hash);
}

bool work_city(struct core_work *work, struct relief_str code, struct relief_city *ret)
{
    ret->code = code;
    return work_find(work, RELIEF_TABLE_city, ret);
}

bool work_kind(struct core_work *work, struct relief_str code, struct relief_kind *ret)
{
    ret->code = code;
    return work_find(work, RELIEF_TABLE_kind, ret);
}

bool work_request(struct core_work *work, struct relief_str id, struct relief_request *ret)
{
    ret->id = id;
    return work_find(work, RELIEF_TABLE_request, ret);
}

bool work_dispatch(struct core_work *work, struct relief_str id, struct relief_dispatch *ret)
{
    ret->id = id;
    return work_find(work, RELIEF_TABLE_dispatch, ret);
}

bool work_lot(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_str lot,
              struct relief_lot *ret)
{
    ret->city = city;
    ret->kind = kind;
    ret->lot = lot;
    return work_find(work, RELIEF_TABLE_lot, ret);
}

void work_account(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_account *ret)
{
    *ret = (struct relief_account){.city = city, .kind = kind, .as_of = RELIEF_NIL};
    if (!work_find(work, RELIEF_TABLE_account, ret))
        *ret = (struct relief_account){.city = city, .kind = kind, .as_of = RELIEF_NIL};
    ret->issued_days.present = 1;
}

/* ---- answers ---- */

void work_answer_record(struct core_work *work, enum relief_table table, const void *record)
{
    const struct relief_shape *shape = relief_tables[table].shape;
    void *copy = work_alloc(work, shape->size);
    memcpy(copy, record, shape->size);
    work->fx->answer_shape = shape;
    work->fx->answer = copy; /* apply.c looks for it among the changes at the end of the entry */
}

void work_answer(struct core_work *work, const struct relief_shape *shape, const void *answer)
{
    work->fx->answer_shape = shape;
    work->fx->answer = answer;
}

int work_not_found(struct core_work *work, const char *field, struct relief_str id)
{
    struct relief_refusal *refusal = &work->fx->refusal;
    relief_refuse_field(refusal, RELIEF_NOT_FOUND, field, "no %s %.*s", field, (int)id.len, id.data);
    snprintf(refusal->id, sizeof refusal->id, "%.*s", (int)id.len, id.data);
    return RELIEF_NOT_FOUND;
}

int work_denied(struct core_work *work, const char *format, ...)
{
    char text[120];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return relief_refuse(&work->fx->refusal, RELIEF_DENIED, "%s", text);
}

int work_bad_params(struct core_work *work, const char *field, const char *format, ...)
{
    char text[120];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return relief_refuse_field(&work->fx->refusal, RELIEF_BAD_PARAMS, field, "%s", text);
}

int work_bad_state(struct core_work *work, const char *state, const char *format, ...)
{
    char text[120];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    relief_refuse(&work->fx->refusal, RELIEF_BAD_STATE, "%s", text);
    snprintf(work->fx->refusal.state, sizeof work->fx->refusal.state, "%s", state);
    return RELIEF_BAD_STATE;
}

int work_insufficient(struct core_work *work, int64_t available, const char *what)
{
    relief_refuse(&work->fx->refusal, RELIEF_INSUFFICIENT, "%s", what);
    work->fx->refusal.available = available;
    return RELIEF_INSUFFICIENT;
}
