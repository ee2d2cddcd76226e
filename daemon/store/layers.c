/*
 * Scans: the merge of an active overlay, a frozen one and LMDB.
 *
 * A core_cursor lives on the caller's stack and is never ended, so it owns nothing: it holds its prefix, its last key
 * and the stamp of a place in a small pool. While the place is still its own and the layers are the same, a step costs
 * a compare or two; otherwise the scan finds its place again from its last key, which is also what makes puts during a
 * scan harmless.
 *
 * Work queues (deadlines, open requests) are scanned from their start again and again while their first keys are
 * removed. Such a scan would step over every tombstone since the last flush, so the first living key of a prefix that
 * begins with many removed ones is remembered, and corrected when a smaller one is put. So is a table that is empty:
 * every entry asks whether wakes are owed.
 */
#include "store/layers.h"
#include "store/env.h"
#include "store/value.h"
#include "store/wild.h"
#include <errno.h>

enum layer { IN_ACTIVE = 1, IN_FROZEN = 2, IN_LMDB = 4 };

void store_layers_init(struct store_layers *layers, MDB_txn *txn, MDB_dbi dbi)
{
    *layers = (struct store_layers){.txn = txn, .dbi = dbi, .version = 1};
}

void store_layers_deinit(struct store_layers *layers)
{
    for (uint32_t i = 0; i < STORE_MERGES_MAX; i++) {
        if (layers->merges[i].lmdb) {
            mdb_cursor_close(layers->merges[i].lmdb);
        }
        layers->merges[i] = (struct store_merge){0};
    }
    if (layers->look) {
        mdb_cursor_close(layers->look);
    }
    layers->look = NULL;
}

static _Noreturn void broken(int code)
{
    store_fatal("damage: LMDB cannot be read: %s", mdb_strerror(code));
}

static MDB_val as_val(struct relief_str text)
{
    return (MDB_val){text.len, (void *)(uintptr_t)text.data};
}

static struct relief_str as_str(MDB_val value)
{
    return (struct relief_str){value.mv_data, (uint32_t)value.mv_size};
}

/*
 * Puts `look` on the first key >= key. A wrong separator in a damaged branch page sends a search to a leaf where the
 * key is not, and nothing else tells: then one of the two neighbours in the order of the leaves is on the wrong side.
 * So a key counts as missing only when the one before is smaller and the one behind is larger.
 */
static bool look_for(struct store_layers *layers, struct relief_str key, MDB_val *ret_data)
{
    MDB_val name = as_val(key), before, unused;
    int rc = layers->look ? 0 : mdb_cursor_open(layers->txn, layers->dbi, &layers->look);
    if (rc == 0 && layers->look_bound && layers->look_bound != layers->version) {
        rc = mdb_cursor_renew(layers->txn, layers->look);
    }
    if (rc) {
        broken(rc);
    }
    layers->look_bound = layers->version;
    rc = mdb_cursor_get(layers->look, &name, ret_data, MDB_SET_RANGE);
    int order = rc == 0 ? relief_str_cmp(as_str(name), key) : 1;
    if (rc == 0 && order == 0) {
        return true;
    }
    if (rc && rc != MDB_NOTFOUND) {
        broken(rc);
    }
    rc = mdb_cursor_get(layers->look, &before, &unused, rc ? MDB_LAST : MDB_PREV);
    if (rc && rc != MDB_NOTFOUND) {
        broken(rc);
    }
    if (order < 0 || (rc == 0 && relief_str_cmp(as_str(before), key) >= 0)) {
        broken(MDB_CORRUPTED);
    }
    return false;
}

struct relief_str store_layers_lmdb(struct store_layers *layers, struct relief_str key)
{
    MDB_val data;
    struct relief_str value = RELIEF_STR_NONE;
    store_wild_reading = 1;
    if (look_for(layers, key, &data)) {
        value = store_value_need(key, data.mv_data, data.mv_size);
    }
    store_wild_reading = 0;
    return value;
}

bool store_layers_in_lmdb(struct store_layers *layers, struct relief_str key)
{
    MDB_val data;
    store_wild_reading = 1;
    bool found = look_for(layers, key, &data);
    store_wild_reading = 0;
    return found;
}

void store_layers_lmdb_last(struct store_layers *layers, uint8_t space, struct core_key *ret_key)
{
    const char behind = (char)(space + 1);
    MDB_val key, data;
    ret_key->len = 0;
    store_wild_reading = 1;
    look_for(layers, (struct relief_str){&behind, 1}, &data); /* leaves the cursor on the one before, if there is one */
    int rc = mdb_cursor_get(layers->look, &key, &data, MDB_GET_CURRENT);
    if (rc && rc != EINVAL && rc != MDB_NOTFOUND) { /* EINVAL: LMDB is empty */
        broken(rc);
    }
    if (rc == 0 && key.mv_size > 0 && *(const uint8_t *)key.mv_data == space) {
        if (key.mv_size > CORE_KEY_BYTES_MAX) {
            broken(MDB_CORRUPTED);
        }
        store_value_need(as_str(key), data.mv_data, data.mv_size);
        ret_key->len = (uint32_t)key.mv_size;
        memcpy(ret_key->data, key.mv_data, key.mv_size);
    }
    store_wild_reading = 0;
}

/* ---- runs of removed keys ---- */

static struct store_run *run_find(struct store_layers *layers, struct relief_str prefix)
{
    for (uint32_t i = 0; i < STORE_RUNS_MAX; i++) {
        if (layers->runs[i].set && relief_str_eq(store_key(&layers->runs[i].prefix), prefix)) {
            return &layers->runs[i];
        }
    }
    return NULL;
}

static void run_note(struct store_layers *layers, const struct core_key *prefix, struct relief_str first)
{
    struct store_run *run = run_find(layers, store_key(prefix));
    if (!run) {
        run = &layers->runs[layers->next_run++ % STORE_RUNS_MAX];
        layers->run_count += !run->set;
        run->set = true;
        run->prefix.len = prefix->len;
        memcpy(run->prefix.data, prefix->data, prefix->len);
        if (prefix->len == 0) {
            memset(layers->run_spaces, 0xff, sizeof layers->run_spaces);
        } else {
            layers->run_spaces[prefix->data[0] / 64] |= UINT64_C(1) << prefix->data[0] % 64;
        }
    }
    run->empty = !first.data;
    run->first.len = first.len;
    if (first.data) {
        memcpy(run->first.data, first.data, first.len);
    }
}

void store_layers_note(struct store_layers *layers, struct relief_str key)
{
    const uint8_t space = (uint8_t)key.data[0];
    if (!(layers->run_spaces[space / 64] >> space % 64 & 1)) {
        return;
    }
    for (uint32_t i = 0; i < STORE_RUNS_MAX; i++) {
        struct store_run *run = &layers->runs[i];
        if (run->set && relief_str_starts(key, store_key(&run->prefix)) &&
            (run->empty || relief_str_cmp(key, store_key(&run->first)) < 0)) {
            run->empty = false;
            run->first.len = key.len;
            memcpy(run->first.data, key.data, key.len);
        }
    }
}

void store_layers_forget_runs(struct store_layers *layers)
{
    for (uint32_t i = 0; i < STORE_RUNS_MAX; i++) {
        layers->runs[i].set = false;
    }
    layers->run_count = 0;
    memset(layers->run_spaces, 0, sizeof layers->run_spaces);
}

/* ---- scans ---- */

void store_layers_scan(struct store_layers *layers, struct core_cursor *cursor, const struct core_key *prefix,
                       const struct core_key *after)
{
    cursor->prefix.len = prefix->len;
    memcpy(cursor->prefix.data, prefix->data, prefix->len);
    cursor->started = after && after->len > 0;
    cursor->at.len = 0;
    if (cursor->started) {
        cursor->at.len = after->len;
        memcpy(cursor->at.data, after->data, after->len);
    }
    /* places are taken in turn, so this one is the oldest */
    struct store_merge *oldest = &layers->merges[layers->stamps % STORE_MERGES_MAX];
    oldest->stamp = ++layers->stamps;
    oldest->version = 0; /* not placed yet */
    cursor->priv[0] = oldest;
    cursor->priv[1] = (void *)(uintptr_t)oldest->stamp;
}

static bool merge_lmdb_is(const struct store_layers *layers, struct store_merge *merge, struct relief_str prefix,
                          int rc)
{
    (void)layers;
    if (rc && rc != MDB_NOTFOUND) {
        broken(rc);
    }
    if (rc == 0 && merge->key.mv_size > CORE_KEY_BYTES_MAX) {
        broken(MDB_CORRUPTED); /* LMDB believes the length that a damaged page gives; cursors have no room for it */
    }
    return rc == 0 && relief_str_starts(as_str(merge->key), prefix);
}

/* Puts the LMDB cursor on the first key >= key, or > key. */
static void merge_seek_lmdb(struct store_layers *layers, struct store_merge *merge, struct relief_str prefix,
                            struct relief_str key, bool after)
{
    int rc = 0;
    if (!merge->lmdb) {
        rc = mdb_cursor_open(layers->txn, layers->dbi, &merge->lmdb);
    } else if (merge->bound != layers->version) {
        rc = mdb_cursor_renew(layers->txn, merge->lmdb);
    }
    if (rc) {
        broken(rc);
    }
    merge->bound = layers->version;
    merge->key = as_val(key);
    store_wild_reading = 1;
    rc = mdb_cursor_get(merge->lmdb, &merge->key, &merge->data, MDB_SET_RANGE);
    if (rc == 0 && after && relief_str_eq(as_str(merge->key), key)) {
        rc = mdb_cursor_get(merge->lmdb, &merge->key, &merge->data, MDB_NEXT);
    }
    merge->in_lmdb = merge_lmdb_is(layers, merge, prefix, rc);
    store_wild_reading = 0;
}

/* Finds the place of a scan in all layers, or only in the active overlay when nothing else changed. */
static void merge_place(struct store_layers *layers, struct store_merge *merge, struct core_cursor *cursor, bool all)
{
    struct relief_str prefix = store_key(&cursor->prefix), key = store_key(&cursor->at);
    bool after = cursor->started;
    if (!after) {
        struct store_run *run = layers->run_count > 0 ? run_find(layers, prefix) : NULL;
        key = run && !run->empty ? store_key(&run->first) : prefix;
    } else if (relief_str_cmp(key, prefix) < 0) {
        key = prefix;
        after = false;
    }
    if (key.len == 0) {
        key = RELIEF_STR("\1"); /* behind the store's own keys */
        after = false;
    }
    if (layers->active) {
        merge->active = store_overlay_seek(layers->active, key, after);
        merge->overlay = layers->active->version;
        merge->used &= (uint8_t)~IN_ACTIVE;
    }
    if (!all) {
        return;
    }
    merge->used = 0;
    merge->version = layers->version;
    if (layers->frozen) {
        merge->frozen = store_overlay_seek(layers->frozen, key, after);
    }
    merge->in_lmdb = false;
    if (layers->txn) {
        merge_seek_lmdb(layers, merge, prefix, key, after);
    }
}

static struct store_merge *merge_of(struct store_layers *layers, struct core_cursor *cursor)
{
    struct store_merge *merge = cursor->priv[0];
    if (merge->stamp != (uint64_t)(uintptr_t)cursor->priv[1]) { /* another scan took the place */
        struct core_key prefix = cursor->prefix, at = cursor->at;
        bool started = cursor->started;
        store_layers_scan(layers, cursor, &prefix, &at);
        cursor->started = started;
        merge = cursor->priv[0];
    }
    if (merge->version != layers->version) {
        merge_place(layers, merge, cursor, true);
    } else if (layers->active && merge->overlay != layers->active->version) {
        merge_place(layers, merge, cursor, false);
    }
    return merge;
}

static void merge_step(struct store_layers *layers, struct store_merge *merge, struct relief_str prefix)
{
    if (merge->used & IN_ACTIVE) {
        merge->active = store_overlay_step(merge->active);
    }
    if (merge->used & IN_FROZEN) {
        merge->frozen = store_overlay_step(merge->frozen);
    }
    if (merge->used & IN_LMDB) {
        struct relief_str before = as_str(merge->key);
        store_wild_reading = 1;
        int rc = mdb_cursor_get(merge->lmdb, &merge->key, &merge->data, MDB_NEXT);
        if (rc == 0 && relief_str_cmp(as_str(merge->key), before) <= 0) {
            broken(MDB_CORRUPTED); /* a damaged page leads back: a walk would not end */
        }
        merge->in_lmdb = merge_lmdb_is(layers, merge, prefix, rc);
        store_wild_reading = 0;
    }
    merge->used = 0;
}

static struct store_entry *entry_of(const struct store_overlay *overlay, struct store_pos pos, struct relief_str prefix)
{
    struct store_entry *entry = overlay ? store_overlay_at(pos) : NULL;
    return entry && relief_str_starts(store_entry_key(entry), prefix) ? entry : NULL;
}

/* The smallest key over the layers; the uppermost layer that has it decides. False at the end; *ret_entry NULL: from
 * LMDB. */
static bool merge_pick(struct store_layers *layers, struct store_merge *merge, struct relief_str prefix,
                       struct relief_str *ret_key, struct store_entry **ret_entry)
{
    struct store_entry *active = entry_of(layers->active, merge->active, prefix);
    struct store_entry *frozen = entry_of(layers->frozen, merge->frozen, prefix);
    struct relief_str least = RELIEF_STR_NONE;
    *ret_entry = NULL;
    if (active) {
        least = store_entry_key(active);
        *ret_entry = active;
        merge->used = IN_ACTIVE;
    }
    if (frozen) {
        int order = least.data ? relief_str_cmp(store_entry_key(frozen), least) : -1;
        if (order < 0) {
            least = store_entry_key(frozen);
            *ret_entry = frozen;
            merge->used = IN_FROZEN;
        } else if (order == 0) {
            merge->used |= IN_FROZEN;
        }
    }
    if (merge->in_lmdb) {
        int order = least.data ? relief_str_cmp(as_str(merge->key), least) : -1;
        if (order < 0) {
            least = as_str(merge->key);
            *ret_entry = NULL;
            merge->used = IN_LMDB;
        } else if (order == 0) {
            merge->used |= IN_LMDB;
        }
    }
    *ret_key = least;
    return least.data != NULL;
}

bool store_layers_next(struct store_layers *layers, struct core_cursor *cursor, struct relief_str *ret_key,
                       struct relief_str *ret_value)
{
    struct relief_str prefix = store_key(&cursor->prefix);
    bool from_start = !cursor->started;
    if (from_start && layers->run_count > 0) {
        struct store_run *run = run_find(layers, prefix);
        if (run && run->empty) {
            return false;
        }
    }
    struct store_merge *merge = merge_of(layers, cursor);
    for (uint32_t removed = 0;; removed++) {
        struct relief_str key;
        struct store_entry *entry;
        merge_step(layers, merge, prefix);
        bool found = merge_pick(layers, merge, prefix, &key, &entry);
        if (found && entry && entry->gone) {
            continue;
        }
        if (from_start && (removed >= STORE_RUN_MIN || (!found && cursor->prefix.len == 1))) {
            run_note(layers, &cursor->prefix, key);
        }
        if (!found) {
            return false;
        }
        cursor->started = true;
        cursor->at.len = key.len;
        memcpy(cursor->at.data, key.data, key.len);
        *ret_key = key; /* not the cursor's copy: it outlives the cursor */
        store_wild_reading = 1;
        *ret_value = entry ? store_entry_value(entry) : store_value_need(key, merge->data.mv_data, merge->data.mv_size);
        store_wild_reading = 0;
        return true;
    }
}
