/*
 * The read cache: one block a slot, replaced when another key of the same slot is read.
 *
 * The core may hold values until its next put, so a slot that was read since then is not replaced: its epoch tells. A
 * miss in such a slot is simply not noted.
 */
#include "store/cache.h"
#include "store/value.h"
#include <stdlib.h>

struct store_cached {
    uint64_t hash, epoch;
    uint32_t value_len, room; /* room: bytes of data */
    uint16_t key_len;
    bool present;
    char data[]; /* key, value */
};

void store_cache_init(struct store_cache *cache)
{
    cache->epoch = 1;
    cache->slots = store_alloc(STORE_CACHE_SLOTS * sizeof(*cache->slots));
    memset(cache->slots, 0, STORE_CACHE_SLOTS * sizeof(*cache->slots));
}

void store_cache_clear(struct store_cache *cache)
{
    for (uint32_t i = 0; cache->slots && i < STORE_CACHE_SLOTS; i++) {
        free(cache->slots[i]);
        cache->slots[i] = NULL;
    }
}

void store_cache_deinit(struct store_cache *cache)
{
    store_cache_clear(cache);
    free(cache->slots);
    cache->slots = NULL;
}

static struct store_cached **slot_of(struct store_cache *cache, uint64_t hash)
{
    return &cache->slots[(hash >> 17) & (STORE_CACHE_SLOTS - 1)];
}

static bool holds(const struct store_cached *cached, uint64_t hash, struct relief_str key)
{
    return cached && cached->hash == hash && cached->key_len == key.len && memcmp(cached->data, key.data, key.len) == 0;
}

bool store_cache_find(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str *ret_value)
{
    struct store_cached *cached = *slot_of(cache, hash);
    if (!holds(cached, hash, key)) {
        return false;
    }
    cached->epoch = cache->epoch;
    *ret_value = RELIEF_STR_NONE;
    if (cached->present) {
        *ret_value = (struct relief_str){cached->data + cached->key_len, cached->value_len};
    }
    return true;
}

void store_cache_note(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str value)
{
    struct store_cached **slot = slot_of(cache, hash), *cached = *slot;
    uint32_t room = key.len + value.len;
    if (value.len > STORE_CACHE_VALUE_MAX || (cached && cached->epoch == cache->epoch)) {
        return;
    }
    if (!cached || cached->room < room || cached->room > 4 * room + 256) {
        free(cached);
        *slot = cached = store_alloc(sizeof(*cached) + room);
        cached->room = room;
    }
    cached->hash = hash;
    cached->epoch = 0; /* nobody was given a pointer into it yet */
    cached->key_len = (uint16_t)key.len;
    cached->value_len = value.len;
    cached->present = value.data != NULL;
    memcpy(cached->data, key.data, key.len);
    if (value.data) {
        memcpy(cached->data + key.len, value.data, value.len);
    }
}

void store_cache_forget(struct store_cache *cache, uint64_t hash, struct relief_str key)
{
    cache->epoch++;
    struct store_cached **slot = slot_of(cache, hash);
    if (holds(*slot, hash, key)) {
        free(*slot);
        *slot = NULL;
    }
}
