/*
 * A read cache in front of LMDB's point reads: what LMDB holds under a key, absence included. It outlives flushes,
 * because a flush changes no content; a put forgets its key.
 */
#pragma once
#include "schema/str.h"

#define STORE_CACHE_SLOTS     32768u /* 8 MiB with values of 250 bytes */
#define STORE_CACHE_VALUE_MAX 2048u  /* so the cache stays below 80 MiB whatever the values are */

struct store_cached;

struct store_cache {
    struct store_cached **slots; /* direct-mapped by hash */
    uint64_t epoch;              /* of puts: what was read since the last one must stay where it is */
};

void store_cache_init(struct store_cache *cache);
void store_cache_deinit(struct store_cache *cache);
void store_cache_clear(struct store_cache *cache);
/* True when the cache knows; *ret_value is NONE for absent, else valid until store_cache_forget of any key. */
bool store_cache_find(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str *ret_value);
/* Notes what LMDB holds. May decline. */
void store_cache_note(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str value);
/* The key is put: everything that was read before may be replaced from now on. */
void store_cache_forget(struct store_cache *cache, uint64_t hash, struct relief_str key);
