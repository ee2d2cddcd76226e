/*
 * The greatest key that LMDB holds of tables whose new keys mostly come behind all others.
 *
 * Each request asks whether its id was used before. Ids that clients make rise with time, so the answer is mostly no, and the most
 * expensive no there is: LMDB is searched down to a leaf, and the key before is looked at too. What comes behind LMDB's greatest key
 * can only be in the overlays, and never was in the cache. Keys that go don't lower a top: it stays a bound.
 */
#pragma once
#include "core/view.h"

#define STORE_TOPS 3u

struct store_tops {
    struct core_key lmdb[STORE_TOPS], all[STORE_TOPS]; /* with what is being flushed; with the active overlay too; len 0: no key yet */
    bool known;                                        /* false: nothing is said */
};

struct store_layers;

/* Reads them from LMDB, while there is nothing above it. A damaged LMDB ends the process. */
void store_tops_open(struct store_tops *tops, struct store_layers *layers);
/* True: LMDB has no such key. */
bool store_tops_behind(const struct store_tops *tops, struct relief_str key);
/* A key got a value. */
void store_tops_put(struct store_tops *tops, struct relief_str key);
/* The active overlay is frozen: from now on LMDB may have its keys. */
void store_tops_freeze(struct store_tops *tops);
