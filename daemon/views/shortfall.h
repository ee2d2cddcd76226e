/*
 * A page of shortfall.list, on a thread of its own: a row walks every holder of its kind, and a kind may have as many as there are
 * cities. It reads a snapshot (DESIGN 3.4) at a lower priority than the loop.
 */
#pragma once
#include "core/apply.h"
#include "schema/buf.h"
#include "store/store.h"

#define VIEWS_SHORTFALL_MS_MAX      60000      /* one row over 50,000 holders takes a second */
#define VIEWS_SHORTFALL_RECORDS_MAX (1u << 18) /* looked at, then the page ends behind its row: about two seconds */

struct views_shortfall;

struct views_shortfall_options {
    struct store *store;       /* has been flushed as far as the report must reach */
    struct core_identity who;  /* what it may see; strings are copied, as those below */
    struct relief_str region;  /* exists, and who may ask for sums over it; absent: all */
    struct relief_str kind;    /* exists; absent: all, from the one behind `after` on */
    struct relief_str after;
    uint32_t limit;
    size_t bytes_max;          /* of the items */
    int64_t now;               /* T */
    void (*wake)(void *context);
    void *context;
};

int views_shortfall_start(struct views_shortfall **ret, const struct views_shortfall_options *options);
/* 1: *ret is {items, next}, the caller's to free. 0: nothing yet. -ETIME past the limit; other -errno. */
int views_shortfall_take(struct views_shortfall *shortfall, struct relief_buf *ret);
/* Stops the worker, waits for it (a few records at most), frees. */
void views_shortfall_free(struct views_shortfall *shortfall);
