/*
 * A store: when overlays are frozen, flushed and dropped.
 *
 * batch ends ---> freeze (nothing frozen; 12 MiB, 1 s old, or wanted) ---> durable at its sequence ---> the thread
 * writes it
 * ---> flushed() ---> store_flush_done on the loop thread: dropped, read transaction renewed.
 *
 * The two overlays take turns. LMDB never runs ahead of the log: the mark that goes with a frozen overlay is the one
 * that store_durable brought for its sequence. Only the loop thread changes this struct; the thread sees the overlay
 * that it writes, which nobody changes, and struct store_flush.
 */
#include "store/state.h"
#include "base/file.h"
#include "store/value.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static int store_open_lmdb(struct store *store)
{
    const struct store_options *options = &store->options;
    int error = store_env_open(&store->env, options->dir, options->map_bytes,
                               (options->read_only ? MDB_RDONLY : 0u) |
                                   (options->temporary ? MDB_NOSYNC | MDB_NOMETASYNC : 0u));
    error = error ? error : store_env_error(mdb_txn_begin(store->env.lmdb, NULL, MDB_RDONLY, &store->txn));
    error = error ? error : store_env_mark(&store->env, store->txn, &store->mark);
    if (error) {
        return error;
    }
    store->durable = store->mark;
    store->batch_seq = store->mark.seq;
    store->batch_time = store->mark.time;
    return options->read_only ? 0 : store_flush_init(store);
}

static void store_free(struct store *store)
{
    store_scrub_deinit(store);
    store_flush_deinit(store);
    store_near_deinit(&store->near);
    store_layers_deinit(&store->layers);
    if (store->txn) {
        mdb_txn_abort(store->txn);
    }
    store_env_close(&store->env);
    store_cache_deinit(&store->cache);
    store_overlay_deinit(&store->overlays[0]);
    store_overlay_deinit(&store->overlays[1]);
    free(store);
}

int store_open(struct store **ret_store, const struct store_options *options)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        return -ENOMEM;
    }
    if (sodium_init() < 0) {
        free(store);
        return -ENOSYS;
    }
    store->options = *options;
    store->memory = !options->dir;
    store->oldest_ms = -1;
    store->freeze_bytes = STORE_FREEZE_BYTES_MAX;
    randombytes_buf(&store->seed, sizeof(store->seed));
    store_overlay_init(&store->overlays[0]);
    store_overlay_init(&store->overlays[1]);
    store->active = &store->overlays[0];
    store->spare = &store->overlays[1];
    store_cache_init(&store->cache);
    store_view_init(store);
    store_near_init(&store->near, &store->view, store->seed);
    int error = store->memory ? 0 : store_open_lmdb(store);
    store_layers_init(&store->layers, store->txn, store->env.dbi);
    store->layers.active = store->active;
    if (error) {
        store_free(store);
        return error;
    }
    if (!store->memory && !options->read_only) { /* else another process may write, or a search costs little */
        store_tops_open(&store->tops, &store->layers);
    }
    *ret_store = store;
    return 0;
}

struct core_view *store_view(struct store *store)
{
    return &store->view;
}

struct store_mark store_mark(struct store *store)
{
    return store->mark;
}

size_t store_overlay_bytes(struct store *store)
{
    return store->active->bytes + (store->frozen ? store->frozen->bytes : 0);
}

bool store_full(struct store *store)
{
    return store->frozen && store->active->bytes >= STORE_GENERATION_BYTES_MAX;
}

/* ---- freezing and flushing ---- */

static bool can_freeze(const struct store *store)
{
    return !store->memory && !store->options.read_only && !store->frozen && !store->inside_batch &&
           store->batch_seq > store->mark.seq;
}

static void freeze(struct store *store)
{
    store->frozen = store->active;
    store->active = store->spare;
    store->spare = NULL;
    store->frozen_mark = (struct store_mark){.seq = store->batch_seq, .time = store->batch_time};
    store->layers.active = store->active;
    store->layers.frozen = store->frozen;
    store->layers.version++;
    store_tops_freeze(&store->tops);
    store->oldest_ms = -1;
    store->freeze_due = false;
}

/* Gives the frozen overlay to the thread once the log is durable up to it. */
static void flush_when_durable(struct store *store)
{
    if (!store->frozen || store->flush.work || store->flush.error || store->durable.seq < store->frozen_mark.seq) {
        return;
    }
    if (store->shortage && store->now_ms < store->retry_ms) {
        return;
    }
    if (store->durable.seq == store->frozen_mark.seq) {
        memcpy(store->frozen_mark.hash, store->durable.hash, sizeof(store->frozen_mark.hash));
        store->frozen_mark.time = store->durable.time;
    }
    store_flush_start(store, store->frozen, &store->frozen_mark);
}

static void freeze_if_due(struct store *store)
{
    bool old = store->oldest_ms >= 0 && store->now_ms - store->oldest_ms >= STORE_FREEZE_MS;
    if (store->freeze_due || old || store->active->bytes >= store->freeze_bytes || store->wanted > store->mark.seq) {
        if (can_freeze(store)) {
            freeze(store);
        }
    }
    flush_when_durable(store);
}

void store_batch_end(struct store *store, uint64_t seq, int64_t time)
{
    store->inside_batch = false;
    store->batch_seq = seq;
    store->batch_time = time;
    if (store->memory) {
        store->mark = (struct store_mark){.seq = seq, .time = time};
        return;
    }
    if (store->oldest_ms < 0 && store->active->count > 0) {
        store->oldest_ms = store->now_ms;
    }
    freeze_if_due(store);
}

void store_durable(struct store *store, const struct store_mark *mark, int64_t now_ms)
{
    if (store->memory || store->options.read_only) {
        return;
    }
    store->now_ms = now_ms;
    if (mark->seq > store->durable.seq) {
        store->durable = *mark;
    }
    flush_when_durable(store); /* before another freeze could move frozen_mark past what this mark names */
    freeze_if_due(store);
}

void store_flush_to(struct store *store, uint64_t seq)
{
    if (store->memory || store->options.read_only || seq <= store->mark.seq) {
        if (store->options.flushed) {
            store->options.flushed(store->options.context, 0);
        }
        return;
    }
    store->wanted = seq > store->wanted ? seq : store->wanted;
    if (!store->frozen || store->frozen_mark.seq < seq) {
        store->freeze_due = true;
    }
    freeze_if_due(store);
}

static void renew(struct store *store)
{
    mdb_txn_reset(store->txn);
    int rc = mdb_txn_renew(store->txn);
    if (rc) {
        store_fatal("LMDB gives no read transaction: %s", mdb_strerror(rc));
    }
    store->layers.version++;
}

int store_flush_done(struct store *store)
{
    if (store->memory || store->options.read_only || !store->flush.work) {
        return store->flush.error;
    }
    if (store_flush_busy(store)) {
        return 0;
    }
    if (file_is_shortage(store->flush.error)) { /* nothing was written over, so the same may be written again */
        store->shortage = store->flush.error;
        store->retry_ms = store->now_ms + STORE_RETRY_MS;
        store->flush.error = 0;
        store_flush_forget(store);
        return 0;
    }
    if (store->flush.error) {
        return store->flush.error; /* the overlay stays: what it holds is nowhere else but in the log */
    }
    store->shortage = 0;
    store->freeze_bytes = store_flush_bytes(store->frozen->bytes, store->flush.pages);
    store_flush_forget(store);
    store->mark = store->frozen_mark;
    store->layers.frozen = NULL;
    store_overlay_clear(store->frozen);
    store->spare = store->frozen;
    store->frozen = NULL;
    renew(store);
    freeze_if_due(store);
    return 0;
}

int store_shortage(const struct store *store)
{
    return store->shortage;
}

void store_retry(struct store *store, int64_t now_ms)
{
    if (store->shortage) {
        store->now_ms = now_ms > store->now_ms ? now_ms : store->now_ms;
        flush_when_durable(store);
    }
}

/* Nothing is newer than LMDB any more. */
static void drop_overlays(struct store *store)
{
    if (store->frozen) {
        store->spare = store->frozen;
        store->frozen = NULL;
        store->layers.frozen = NULL;
    }
    store_overlay_clear(store->spare);
    store_overlay_clear(store->active);
    store_cache_clear(&store->cache);
    store_layers_forget_runs(&store->layers);
    store_near_forget(&store->near);
    store->layers.version++;
    store->oldest_ms = -1;
    store->inside_batch = store->freeze_due = false;
    store->shortage = 0; /* what could not be written is gone; the next flush sees whether there is room */
}

int store_rewind(struct store *store, uint64_t seq)
{
    store_flush_wait(store);
    int rc = store_flush_done(store); /* may begin the next one, up to what is durable at most */
    store_flush_wait(store);
    rc = rc ? rc : store_flush_done(store);
    if (rc) {
        return rc;
    }
    store_flush_wait(store);
    store_flush_forget(store);
    drop_overlays(store);
    store->durable = store->mark;
    store->batch_seq = store->mark.seq;
    store->batch_time = store->mark.time;
    store->wanted = store->wanted < seq ? store->wanted : seq;
    return 0;
}

/* Writes what is durable already, at the end. */
static void flush_last(struct store *store)
{
    if (store->memory || store->options.read_only) {
        return;
    }
    for (int turn = 0; turn < 2; turn++) { /* the frozen overlay, then the active one */
        store_flush_wait(store);
        if (store_flush_done(store)) {
            return;
        }
        if (!store->frozen && can_freeze(store) && store->durable.seq >= store->batch_seq) {
            freeze(store);
        }
        flush_when_durable(store);
    }
    store_flush_wait(store);
    store_flush_done(store);
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    flush_last(store);
    store_free(store);
}

int store_wipe(struct store *store)
{
    if (store->options.read_only) {
        return -EROFS;
    }
    if (!store->memory) {
        store_flush_wait(store);
        MDB_txn *txn = NULL;
        int rc = mdb_txn_begin(store->env.lmdb, NULL, 0, &txn);
        rc = rc ? rc : mdb_drop(txn, store->env.dbi, 0);
        if (rc) {
            mdb_txn_abort(txn);
            return store_env_error(rc);
        }
        rc = mdb_txn_commit(txn);
        if (rc) {
            return store_env_error(rc);
        }
        store_flush_forget(store);
        renew(store);
    }
    drop_overlays(store);
    store->mark = store->durable = (struct store_mark){0};
    store->batch_seq = store->wanted = 0;
    return 0;
}
