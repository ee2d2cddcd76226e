/*
 * LMDB's pages, looked at one by one. They have no checksums, and a bit that turned in a branch can hide keys: LMDB and whoever
 * asks it then agree that they are not there. Here a page is right only when nothing in it could have been anything else.
 */
#pragma once
#include <stdatomic.h>
#include "store/env.h"

#define STORE_PAGES_SLICE 4096u /* pages looked at in one read transaction, 16 MiB: some ten milliseconds */

struct store_pages {
    const struct store_env *env;
    size_t page_bytes, page_count; /* of the moment that is looked at */
    uint8_t *taken;                /* a page for each level, then one that is read over */
    uint8_t *free_pages;           /* a bit a page: none of the tree */
    uint8_t *starts;               /* a bit for each place in a page where a node may begin */
    uint8_t *value;                /* one that has pages of its own */
    size_t value_bytes;
    struct core_key after;         /* what comes behind it was not looked at yet */
    uint32_t left;                 /* of the slice */
    uint64_t looked;               /* pages in all */
    const atomic_bool *stop;
    char fault[128];
};

/* What ends a look: STOPPED and AGAIN say nothing of the pages. */
enum store_pages_end { STORE_PAGES_WHOLE, STORE_PAGES_MORE, STORE_PAGES_STOPPED, STORE_PAGES_AGAIN, STORE_PAGES_DAMAGED };

/* stop: looked at between pages, may be NULL. env outlives it. */
void store_pages_init(struct store_pages *pages, const struct store_env *env, const atomic_bool *stop);
void store_pages_deinit(struct store_pages *pages);
/*
 * Goes on behind the last slice, in a read transaction of its own. MORE: there is more to look at. AGAIN: there was no transaction to
 * be had just now. DAMAGED: `fault` says what.
 */
enum store_pages_end store_pages_look(struct store_pages *pages, uint32_t slice);
