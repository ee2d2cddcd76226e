/*
 * A read cache in front of overlays and LMDB: the newest value under a key, absence included. It outlives flushes,
 * because a flush changes no content. A put of a key that is there is written through; a key that comes into being or
 * goes is forgotten, so records that are written once and hardly read again (requests, legs) don't fill it.
 */
#pragma once
#include "schema/str.h"

#define STORE_CACHE_WAYS      4u
#define STORE_CACHE_SETS      65536u      /* with ways: the lots, sums, floors and marks of 60,000 pairs of city and kind */
#define STORE_CACHE_BYTES_MAX (32u << 20) /* of keys and values with their heads; the sets take 4 MiB more */
#define STORE_CACHE_VALUE_MAX 2048u       /* longer ones are read where they are */

struct store_cached;
struct store_cache_set;

struct store_cache {
    struct store_cache_set *sets; /* by hash */
    void *memory;                 /* in which they lie */
    size_t bytes;
    uint64_t epoch; /* of puts: what was read since the last one must stay where it is */
    uint32_t turn;  /* whose turn it is to go */
};

void store_cache_init(struct store_cache *cache);
void store_cache_deinit(struct store_cache *cache);
void store_cache_clear(struct store_cache *cache);
/* True when the cache knows; *ret_value is NONE for absent, else valid until the next store_cache_put or _clear. */
bool store_cache_find(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str *ret_value);
/* Notes what was read. May decline. */
void store_cache_note(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str value);
/* The key has that value from now on, NONE: it is gone. The value must not lie in the cache. */
void store_cache_put(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str value);
