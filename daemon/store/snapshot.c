/*
 * Snapshots: a read transaction of its own for a long reader on any thread. What it reads is LMDB alone, at the mark
 * that stands in the same transaction; the loop thread first has the overlays flushed as far as the reader needs
 * (store_flush_to). A snapshot pins the pages of its moment, so its owner ends it within a time limit. One thread at a
 * time may use it.
 */
#include "store/state.h"
#include "store/value.h"
#include <errno.h>
#include <stdlib.h>

struct store_snapshot {
    struct core_view view; /* first: a view is its snapshot */
    MDB_txn *txn;
    struct store_layers layers;
};

static struct store_snapshot *snapshot_of(struct core_view *view)
{
    return (struct store_snapshot *)view;
}

static struct relief_str snapshot_get(struct core_view *view, const struct core_key *key)
{
    return store_layers_lmdb(&snapshot_of(view)->layers, store_key(key));
}

static void snapshot_put(struct core_view *view, const struct core_key *key, struct relief_str value)
{
    (void)view, (void)key, (void)value;
    store_fatal("a snapshot is read-only");
}

static void snapshot_scan(struct core_view *view, struct core_cursor *cursor, const struct core_key *prefix,
                          const struct core_key *after)
{
    store_layers_scan(&snapshot_of(view)->layers, cursor, prefix, after);
}

static bool snapshot_next(struct core_view *view, struct core_cursor *cursor, struct relief_str *ret_key,
                          struct relief_str *ret_value)
{
    return store_layers_next(&snapshot_of(view)->layers, cursor, ret_key, ret_value);
}

static struct core_near *snapshot_near_begin(struct core_view *view, const struct core_near_query *query)
{
    (void)view, (void)query;
    store_fatal("a snapshot has no index of holders");
}

static bool snapshot_near_next(struct core_view *view, struct core_near *near, struct core_holder *ret)
{
    (void)view, (void)near, (void)ret;
    return false;
}

static void snapshot_near_end(struct core_view *view, struct core_near *near)
{
    (void)view, (void)near;
}

static const struct core_view_ops snapshot_ops = {
    .get = snapshot_get,
    .put = snapshot_put,
    .scan = snapshot_scan,
    .next = snapshot_next,
    .near_begin = snapshot_near_begin,
    .near_next = snapshot_near_next,
    .near_end = snapshot_near_end,
};

int store_snapshot_open(struct store_snapshot **ret, struct store *store, struct store_mark *ret_mark)
{
    if (store->memory) {
        return -ENOTSUP; /* nothing but the loop thread's own overlay */
    }
    struct store_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot) {
        return -ENOMEM;
    }
    snapshot->view.ops = &snapshot_ops;
    int error = store_env_error(mdb_txn_begin(store->env.lmdb, NULL, MDB_RDONLY, &snapshot->txn));
    struct store_mark mark = {0};
    error = error ? error : store_env_mark(&store->env, snapshot->txn, &mark);
    if (error) {
        mdb_txn_abort(snapshot->txn);
        free(snapshot);
        return error;
    }
    store_layers_init(&snapshot->layers, snapshot->txn, store->env.dbi);
    if (ret_mark) {
        *ret_mark = mark;
    }
    *ret = snapshot;
    return 0;
}

struct core_view *store_snapshot_view(struct store_snapshot *snapshot)
{
    return &snapshot->view;
}

void store_snapshot_close(struct store_snapshot *snapshot)
{
    if (!snapshot) {
        return;
    }
    store_layers_deinit(&snapshot->layers);
    mdb_txn_abort(snapshot->txn);
    free(snapshot);
}
