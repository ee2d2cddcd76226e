/*
 * The store's thread: writes one frozen overlay to LMDB, in the order of its keys and in one transaction together with
 * the mark that it stands for, so that LMDB always holds the state at one sequence.
 *
 * Keys in order keep LMDB on the page where it just was. Removed keys go first, by themselves: deleting under a cursor
 * that is being written through was a source of defects in LMDB 0.9.2x. The first error sticks: after a failed sync
 * nobody knows what the disk holds, so nothing is written again by this process; the overlay stays, reads stay right,
 * and the log has everything.
 *
 * For want of space the same overlay is written again later: LMDB has given the transaction up, the pages in force are
 * untouched, and the next try makes all of its pages anew, whatever came of those of this one.
 */
#include "store/state.h"
#include "base/thread.h"
#include "store/value.h"
#include <errno.h>

/* Of LMDB where this runs; with larger ones more are counted, and generations come out shorter. */
#define STORE_PAGE_BYTES 4096u

static MDB_val as_val(struct relief_str text)
{
    return (MDB_val){text.len, (void *)(uintptr_t)text.data};
}

static int write_removed(const struct store_env *env, MDB_txn *txn, const struct store_overlay *overlay)
{
    struct store_pos pos = store_overlay_seek(overlay, RELIEF_STR(""), false);
    for (struct store_entry *entry; (entry = store_overlay_at(pos)) != NULL; pos = store_overlay_step(pos)) {
        if (!entry->gone) {
            continue;
        }
        MDB_val key = as_val(store_entry_key(entry));
        int rc = mdb_del(txn, env->dbi, &key, NULL);
        if (rc && rc != MDB_NOTFOUND) {
            return rc;
        }
    }
    return 0;
}

/*
 * Counts pages by the places that LMDB gives for values, which come page after page. Its pages in memory are not
 * aligned, so one that is filled densely counts twice; what is scattered, which the count is for, counts once.
 */
static int write_values(MDB_cursor *cursor, const struct store_overlay *overlay, uint64_t *ret_pages)
{
    uintptr_t window = 0;
    *ret_pages = 0;
    struct store_pos pos = store_overlay_seek(overlay, RELIEF_STR(""), false);
    for (struct store_entry *entry; (entry = store_overlay_at(pos)) != NULL; pos = store_overlay_step(pos)) {
        if (entry->gone) {
            continue;
        }
        struct relief_str value = store_entry_value(entry);
        MDB_val key = as_val(store_entry_key(entry)), data = {(size_t)value.len + STORE_CHECK_BYTES, NULL};
        int rc = mdb_cursor_put(cursor, &key, &data, MDB_RESERVE);
        if (rc) {
            return rc;
        }
        if (value.len > 0) {
            memcpy(data.mv_data, value.data, value.len);
        }
        store_value_check(store_entry_key(entry), value, (uint8_t *)data.mv_data + value.len);
        *ret_pages += (uintptr_t)data.mv_data / STORE_PAGE_BYTES != window;
        window = (uintptr_t)data.mv_data / STORE_PAGE_BYTES;
    }
    return 0;
}

/*
 * LMDB doesn't go on with a write that was cut short, and calls it EIO; no call has failed then, so errno tells it from
 * an error. It is what a disk that is just full does, where the next write would fail with ENOSPC.
 */
static int commit(MDB_txn *txn, bool *ret_short)
{
    errno = 0;
    int rc = mdb_txn_commit(txn);
    *ret_short = rc == EIO && errno == 0;
    return *ret_short ? -ENOSPC : store_env_error(rc);
}

static int flush_once(const struct store_env *env, const struct store_overlay *overlay, const struct store_mark *mark,
                      uint64_t *ret_pages, bool *ret_short)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int error = 0, rc = mdb_txn_begin(env->lmdb, NULL, 0, &txn);
    rc = rc ? rc : write_removed(env, txn, overlay);
    rc = rc ? rc : mdb_cursor_open(txn, env->dbi, &cursor);
    rc = rc ? rc : write_values(cursor, overlay, ret_pages);
    if (cursor) {
        mdb_cursor_close(cursor);
    }
    error = rc ? store_env_error(rc) : store_env_set_mark(env, txn, mark);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return commit(txn, ret_short);
}

int store_flush_write(const struct store_env *env, const struct store_overlay *overlay, const struct store_mark *mark,
                      uint64_t *ret_pages)
{
    bool was_short = false;
    int error = flush_once(env, overlay, mark, ret_pages, &was_short);
    return was_short ? flush_once(env, overlay, mark, ret_pages, &was_short) : error;
}

static void *flush_thread(void *context)
{
    struct store *store = context;
    struct store_flush *flush = &store->flush;
    pthread_mutex_lock(&flush->lock);
    for (;;) {
        while (!flush->stop && (!flush->work || flush->done)) {
            pthread_cond_wait(&flush->wake, &flush->lock);
        }
        if (!flush->work || flush->done) {
            break;
        }
        const struct store_overlay *work = flush->work;
        struct store_mark mark = flush->mark;
        pthread_mutex_unlock(&flush->lock);
        uint64_t pages = 0;
        int error = store_flush_write(&store->env, work, &mark, &pages);
        pthread_mutex_lock(&flush->lock);
        flush->pages = pages;
        flush->done = true;
        flush->error = error;
        pthread_cond_broadcast(&flush->idle);
        pthread_mutex_unlock(&flush->lock);
        if (store->options.flushed) {
            store->options.flushed(store->options.context, error);
        }
        pthread_mutex_lock(&flush->lock);
    }
    pthread_mutex_unlock(&flush->lock);
    return NULL;
}

int store_flush_init(struct store *store)
{
    struct store_flush *flush = &store->flush;
    pthread_mutex_init(&flush->lock, NULL);
    pthread_cond_init(&flush->wake, NULL);
    pthread_cond_init(&flush->idle, NULL);
    int rc = thread_start(&flush->thread, flush_thread, store);
    flush->running = rc == 0;
    return rc;
}

void store_flush_deinit(struct store *store)
{
    struct store_flush *flush = &store->flush;
    if (!flush->running) {
        return;
    }
    pthread_mutex_lock(&flush->lock);
    flush->stop = true;
    pthread_cond_signal(&flush->wake);
    pthread_mutex_unlock(&flush->lock);
    pthread_join(flush->thread, NULL);
    pthread_mutex_destroy(&flush->lock);
    pthread_cond_destroy(&flush->wake);
    pthread_cond_destroy(&flush->idle);
    flush->running = false;
}

void store_flush_start(struct store *store, const struct store_overlay *overlay, const struct store_mark *mark)
{
    struct store_flush *flush = &store->flush;
    pthread_mutex_lock(&flush->lock);
    flush->work = overlay;
    flush->mark = *mark;
    flush->done = false;
    pthread_cond_signal(&flush->wake);
    pthread_mutex_unlock(&flush->lock);
}

bool store_flush_busy(struct store *store)
{
    struct store_flush *flush = &store->flush;
    pthread_mutex_lock(&flush->lock);
    bool busy = flush->work && !flush->done;
    pthread_mutex_unlock(&flush->lock);
    return busy;
}

void store_flush_wait(struct store *store)
{
    struct store_flush *flush = &store->flush;
    pthread_mutex_lock(&flush->lock);
    while (flush->work && !flush->done) {
        pthread_cond_wait(&flush->idle, &flush->lock);
    }
    pthread_mutex_unlock(&flush->lock);
}

void store_flush_forget(struct store *store)
{
    pthread_mutex_lock(&store->flush.lock);
    store->flush.work = NULL;
    store->flush.done = false;
    pthread_mutex_unlock(&store->flush.lock);
}

size_t store_flush_bytes(size_t bytes, uint64_t pages)
{
    uint64_t fits = pages > 0 ? (uint64_t)bytes * STORE_FREEZE_PAGES / pages : STORE_FREEZE_BYTES_MAX;
    fits = fits < STORE_FREEZE_BYTES_MAX ? fits : STORE_FREEZE_BYTES_MAX;
    return fits > STORE_FREEZE_BYTES_MIN ? fits : STORE_FREEZE_BYTES_MIN;
}
