/*
 * A store from the inside: what the files of this folder share.
 */
#pragma once
#include <pthread.h>
#include "store/cache.h"
#include "store/env.h"
#include "store/layers.h"
#include "store/near.h"
#include "store/pages.h"
#include "store/store.h"
#include "store/tops.h"

/* The store's thread: one frozen overlay at a time. Guarded by lock. */
struct store_flush {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    bool running, stop;
    const struct store_overlay *work; /* being written, or to be */
    struct store_mark mark;           /* that goes with it */
    bool done;                        /* work was written (or failed) and store_flush_done was not called yet */
    int error;                        /* the first one; it sticks */
    uint64_t pages;                   /* that values of the last work were put into; written before done */
};

/* Looks at the pages of a large store while it serves. */
struct store_scrub {
    struct store_pages pages;
    bool whole;   /* all were looked at when it was opened */
    bool running; /* the thread is there */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t end;
    atomic_bool stop;
};

struct store {
    struct core_view view; /* first: a view is its store */
    struct store_options options;
    bool memory; /* no LMDB below */
    uint64_t seed;
    struct store_env env;
    MDB_txn *txn; /* of the loop thread, renewed after each flush */
    struct store_overlay overlays[2];
    struct store_overlay *active, *frozen, *spare; /* frozen or spare is NULL */
    struct store_layers layers;
    struct store_cache cache;
    struct store_tops tops;
    struct store_near near;
    struct store_mark mark; /* of LMDB, as txn sees it */
    struct store_mark frozen_mark, durable;
    uint64_t batch_seq; /* last batch end */
    int64_t batch_time;
    bool inside_batch;         /* puts since then: not a place to freeze */
    bool freeze_due;           /* freeze at the next batch end */
    size_t freeze_bytes;       /* or from here on: STORE_FREEZE_BYTES_MIN to _MAX */
    uint64_t wanted;           /* store_flush_to: LMDB should stand there */
    int shortage;              /* the last flush failed for want of this, and is tried again at retry_ms; 0: it did not */
    int64_t retry_ms;
    int64_t now_ms, oldest_ms; /* of the last store_durable; of the oldest change in active, -1: none */
    struct store_flush flush;
    struct store_scrub scrub;
};

/* view.c */
void store_view_init(struct store *store);
/* flush.c */
int store_flush_init(struct store *store);
void store_flush_deinit(struct store *store);
/* Hands the frozen overlay to the thread. */
void store_flush_start(struct store *store, const struct store_overlay *overlay, const struct store_mark *mark);
/* True while the thread writes. */
bool store_flush_busy(struct store *store);
void store_flush_wait(struct store *store);
/* How long a generation may be that changes pages as one of so many bytes and pages did. */
size_t store_flush_bytes(size_t bytes, uint64_t pages);
/* The work that was done is taken note of. */
void store_flush_forget(struct store *store);
/* Writes overlay and mark in one transaction, on the calling thread; tells how many pages it changed. 0 or -errno. */
int store_flush_write(const struct store_env *env, const struct store_overlay *overlay, const struct store_mark *mark,
                      uint64_t *ret_pages);
/* scrub.c */
void store_scrub_deinit(struct store *store);
