/*
 * Layers read from the top: an active overlay, a frozen one, LMDB through a read transaction; any of them may be
 * missing. The store has all three, a snapshot only the last. A scan merges them.
 */
#pragma once
#include <lmdb.h>
#include "core/view.h"
#include "store/overlay.h"

#define STORE_MERGES_MAX 16u /* scans that keep their place; one more starts over from its last key */
#define STORE_RUNS_MAX   8u  /* prefixes whose scan begins with many removed keys */
#define STORE_RUN_MIN    16u /* removed keys that are worth remembering */

/* The place of one scan in each layer. */
struct store_merge {
    uint64_t stamp;   /* which scan it serves; 0: free */
    uint64_t version; /* of the layers when it was placed */
    uint64_t overlay; /* of the active overlay when it was placed */
    struct store_pos active, frozen;
    MDB_cursor *lmdb;
    uint64_t bound;    /* to which version of the layers the LMDB cursor belongs */
    MDB_val key, data; /* where the LMDB cursor stands */
    bool in_lmdb;      /* it stands on a key of the prefix */
    uint8_t used;      /* layers whose entry was given out: step them first */
};

/* A prefix and its first key that is not removed: what lies before is known to be tombstones. */
struct store_run {
    struct core_key prefix, first;
    bool empty; /* no key at all */
    bool set;
};

struct store_layers {
    const struct store_overlay *active, *frozen;
    MDB_txn *txn;
    MDB_dbi dbi;
    uint64_t version; /* changes with any of the above */
    uint64_t stamps;
    MDB_cursor *look;    /* of single reads */
    uint64_t look_bound; /* to which version it belongs; 0: new */
    struct store_merge merges[STORE_MERGES_MAX];
    struct store_run runs[STORE_RUNS_MAX];
    uint32_t next_run, run_count;
    uint64_t run_spaces[4]; /* a bit for each first byte of a prefix in runs: most puts concern none of them */
};

static inline struct relief_str store_key(const struct core_key *key)
{
    return (struct relief_str){(const char *)key->data, key->len};
}

void store_layers_init(struct store_layers *layers, MDB_txn *txn, MDB_dbi dbi);
/* Closes the LMDB cursors; before the transaction ends. */
void store_layers_deinit(struct store_layers *layers);
void store_layers_scan(struct store_layers *layers, struct core_cursor *cursor, const struct core_key *prefix,
                       const struct core_key *after);
bool store_layers_next(struct store_layers *layers, struct core_cursor *cursor, struct relief_str *ret_key,
                       struct relief_str *ret_value);
/* What LMDB holds under key, checked; RELIEF_STR_NONE: nothing. */
struct relief_str store_layers_lmdb(struct store_layers *layers, struct relief_str key);
bool store_layers_in_lmdb(struct store_layers *layers, struct relief_str key);
/* The last key that LMDB holds of a space (its first byte), its value checked; ret_key->len 0: there is none. */
void store_layers_lmdb_last(struct store_layers *layers, uint8_t space, struct core_key *ret_key);
/* A value came under key: runs of removed keys may end there. */
void store_layers_note(struct store_layers *layers, struct relief_str key);
void store_layers_forget_runs(struct store_layers *layers);
