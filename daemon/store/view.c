/*
 * The core's view of a store: point reads and writes. Scans are layers.c, holders near.c.
 *
 * A read asks the cache, the active overlay, the frozen one, LMDB; those that the tops answer, the overlays alone;
 * marks of holders the index of holders, where it knows the kind: it knows all of them by bits, which no cache holds. A
 * write goes to the active overlay. A key that is removed leaves a tombstone only when a layer below holds it;
 * otherwise it just goes, so that what lives shorter than a generation (a deadline, a place in the queue of open
 * requests) never reaches LMDB and never stands in the way of a scan. Whether a layer below holds a key can't change
 * during a generation, so an entry remembers it.
 */
#include "store/state.h"
#include "core/key.h"
#include "store/hash.h"
#include "store/value.h"
#include <assert.h>

static struct store *store_of(struct core_view *view)
{
    return (struct store *)view;
}

static struct relief_str layers_get(struct store *store, uint64_t hash, struct relief_str key)
{
    struct store_entry *entry = store_overlay_find(store->active, hash, key);
    if (!entry && store->frozen) {
        entry = store_overlay_find(store->frozen, hash, key);
    }
    if (entry) {
        return store_entry_value(entry);
    }
    return store->memory || store_tops_behind(&store->tops, key) ? RELIEF_STR_NONE
                                                                 : store_layers_lmdb(&store->layers, key);
}

static struct relief_str view_get(struct core_view *view, const struct core_key *key)
{
    struct store *store = store_of(view);
    struct relief_str name = store_key(key), value;
    if (key->data[0] == CORE_KEY_HOLDER && store_near_holder(&store->near, name, &value)) {
        return value;
    }
    uint64_t hash = store_hash(store->seed, name.data, name.len);
    if (store->memory || store_tops_behind(&store->tops, name)) { /* a note would push out what is needed again */
        return layers_get(store, hash, name);
    }
    if (!store_cache_find(&store->cache, hash, name, &value)) {
        value = layers_get(store, hash, name);
        store_cache_note(&store->cache, hash, name, value);
    }
    return value;
}

/* Whether anything below the active overlay holds the key; `here`: that overlay has an entry of it. */
static enum store_below look_below(struct store *store, uint64_t hash, struct relief_str key, bool here)
{
    struct relief_str value;
    if (store->frozen) {
        struct store_entry *entry = store_overlay_find(store->frozen, hash, key);
        if (entry) {
            return entry->gone ? STORE_BELOW_ABSENT : STORE_BELOW_PRESENT;
        }
    }
    if (store->memory) {
        return STORE_BELOW_ABSENT;
    }
    if (!here && store_cache_find(&store->cache, hash, key, &value)) { /* else it tells of what is here */
        return value.data ? STORE_BELOW_PRESENT : STORE_BELOW_ABSENT;
    }
    return store_layers_in_lmdb(&store->layers, key) ? STORE_BELOW_PRESENT : STORE_BELOW_ABSENT;
}

static void view_remove(struct store *store, struct store_entry *entry, uint64_t hash, struct relief_str key)
{
    if (entry && entry->gone) {
        return;
    }
    enum store_below below = entry ? entry->below : STORE_BELOW_UNKNOWN;
    if (below == STORE_BELOW_UNKNOWN) {
        below = look_below(store, hash, key, entry != NULL);
    }
    if (below == STORE_BELOW_PRESENT) {
        entry = store_overlay_set(store->active, entry, hash, key, RELIEF_STR_NONE);
        entry->below = STORE_BELOW_PRESENT;
    } else if (entry) {
        store_overlay_remove(store->active, entry);
    }
}

static void view_put(struct core_view *view, const struct core_key *key, struct relief_str value)
{
    struct store *store = store_of(view);
    struct relief_str name = store_key(key), kept = RELIEF_STR_NONE;
    assert(name.len > 0 && name.len <= CORE_KEY_BYTES_MAX && name.data[0] != '\0');
    uint64_t hash = store_hash(store->seed, name.data, name.len);
    struct store_entry *entry = store_overlay_find(store->active, hash, name);
    bool watched = store_near_watches(key->data[0]) && !(entry && relief_str_eq(store_entry_value(entry), value));
    store->inside_batch = true;
    if (value.data) {
        kept = store_entry_value(store_overlay_set(store->active, entry, hash, name, value));
        store_layers_note(&store->layers, name);
        store_tops_put(&store->tops, name);
    } else {
        view_remove(store, entry, hash, name);
    }
    if (!store->memory && !store_tops_behind(&store->tops, name)) { /* else it was never noted: tops only rise */
        store_cache_put(&store->cache, hash, name, kept);
    }
    if (watched) { /* the index of holders needs to hear of it, and something changed */
        store_near_put(&store->near, name, kept);
    }
}

static void view_scan(struct core_view *view, struct core_cursor *cursor, const struct core_key *prefix,
                      const struct core_key *after)
{
    store_layers_scan(&store_of(view)->layers, cursor, prefix, after);
}

static bool view_next(struct core_view *view, struct core_cursor *cursor, struct relief_str *ret_key,
                      struct relief_str *ret_value)
{
    return store_layers_next(&store_of(view)->layers, cursor, ret_key, ret_value);
}

static struct core_near *view_near_begin(struct core_view *view, const struct core_near_query *query)
{
    return store_near_begin(&store_of(view)->near, query);
}

static bool view_near_next(struct core_view *view, struct core_near *near, struct core_holder *ret)
{
    return store_near_next(&store_of(view)->near, near, ret);
}

static void view_near_end(struct core_view *view, struct core_near *near)
{
    store_near_end(&store_of(view)->near, near);
}

static const struct core_view_ops view_ops = {
    .get = view_get,
    .put = view_put,
    .scan = view_scan,
    .next = view_next,
    .near_begin = view_near_begin,
    .near_next = view_near_next,
    .near_end = view_near_end,
};

void store_view_init(struct store *store)
{
    store->view.ops = &view_ops;
}
