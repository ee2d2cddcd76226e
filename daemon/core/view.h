/*
 * What the core sees of the state: an ordered map from keys to bytes, and the holders of a kind in the order in which their
 * goods arrive. The core reads and writes nothing else. Implemented by store/view.c (LMDB below an overlay, or the overlay
 * alone for tests and replays); one contract test runs on both.
 *
 * Calls can't fail: damage and a full machine end the process inside the store (DESIGN 3.6); the store reserves what one entry
 * may need before the core runs.
 */
#pragma once
#include "schema/str.h"
#include "schema/tables.h"

#define CORE_KEY_BYTES_MAX 480 /* LMDB's 511 with room for the store's own prefix; the longest is an op with its identity */

struct core_key {
    uint8_t data[CORE_KEY_BYTES_MAX];
    uint32_t len;
};

/* An ordered scan. Opaque to the core; lives on the caller's stack; needs no end call. */
struct core_cursor {
    struct core_key prefix, at;
    bool started;
    void *priv[4];
};

/* Which holders core_view_near looks for. */
struct core_near_query {
    struct relief_str kind;
    struct relief_str to;         /* city that the goods are for; itself is left out */
    struct relief_str region;     /* absent: all cities; else those of this region and below */
    struct relief_str but_region; /* absent: none; else cities of this region and below are left out */
    int64_t over_minutes;         /* only holders further than this (-1: all), and closed ones */
    bool idle_too;                /* also those that have nothing above their floor, for explanations */
};

struct core_holder {
    struct relief_str city; /* valid until the next put */
    int64_t minutes;        /* travel time, RELIEF_NIL when the link is closed (these come last, idle_too only) */
};

struct core_near; /* an iteration in the order of (minutes, code); owned by the view, at most 4 at a time */

struct core_view {
    const struct core_view_ops *ops;
};

struct core_view_ops {
    /* The value under key; absent: data NULL. Valid until the next put. */
    struct relief_str (*get)(struct core_view *view, const struct core_key *key);
    /* Sets key to value; value.data NULL removes it. */
    void (*put)(struct core_view *view, const struct core_key *key, struct relief_str value);
    /*
     * Starts a scan over all keys with this prefix, from the first one > after (after->len 0: from the start).
     * A put during a scan is allowed and may or may not be seen.
     */
    void (*scan)(struct core_view *view, struct core_cursor *cursor, const struct core_key *prefix,
                 const struct core_key *after);
    /* The next pair; false at the end. Both valid until the next put, scan step of the same cursor, or end of the entry. */
    bool (*next)(struct core_view *view, struct core_cursor *cursor, struct relief_str *ret_key,
                 struct relief_str *ret_value);
    /* Holders of a kind: those marked by core_derive (CORE_KEY_HOLDER); the mark's value says whether it is idle. */
    struct core_near *(*near_begin)(struct core_view *view, const struct core_near_query *query);
    bool (*near_next)(struct core_view *view, struct core_near *near, struct core_holder *ret);
    void (*near_end)(struct core_view *view, struct core_near *near);
};
