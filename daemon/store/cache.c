/*
 * The read cache: sets of four ways by hash, a block a key. The upper half of the hash stands beside the pointers, so a
 * search meets a block only when it is most likely the right one. A search costs what memory far away costs, hardly any
 * instructions: so a set is one line of the processor's cache, and the sets ask for large pages.
 *
 * The core may hold values until its next put, so a block that was read since then is neither replaced nor freed: its
 * epoch tells. A miss in a set of such blocks is simply not noted.
 */
#include "store/cache.h"
#include "store/value.h"
#include <stdlib.h>
#include <sys/mman.h>

struct store_cached {
    uint64_t epoch;
    uint32_t value_len, room; /* room: bytes of data */
    uint16_t key_len;
    bool present;
    char data[]; /* key, value */
};

#define LINE_BYTES       64u
#define LARGE_PAGE_BYTES ((size_t)2 << 20)

struct store_cache_set {
    _Alignas(LINE_BYTES) uint32_t tags[STORE_CACHE_WAYS];
    struct store_cached *ways[STORE_CACHE_WAYS]; /* NULL: free */
};

void store_cache_init(struct store_cache *cache)
{
    *cache = (struct store_cache){.epoch = 1};
    size_t bytes = STORE_CACHE_SETS * sizeof(*cache->sets);
    cache->memory = store_alloc(bytes + LARGE_PAGE_BYTES);
    size_t past = (uintptr_t)cache->memory % LARGE_PAGE_BYTES;
    cache->sets = (struct store_cache_set *)(void *)((char *)cache->memory + (LARGE_PAGE_BYTES - past));
    (void)madvise(cache->sets, bytes, MADV_HUGEPAGE); /* a wish */
    memset(cache->sets, 0, bytes);
}

static size_t block_bytes(size_t room)
{
    return sizeof(struct store_cached) + room;
}

static void drop(struct store_cache *cache, struct store_cached **way)
{
    if (*way) {
        cache->bytes -= block_bytes((*way)->room);
        free(*way);
        *way = NULL;
    }
}

void store_cache_clear(struct store_cache *cache)
{
    for (uint32_t i = 0; cache->sets && i < STORE_CACHE_SETS; i++) {
        for (unsigned way = 0; way < STORE_CACHE_WAYS; way++) {
            drop(cache, &cache->sets[i].ways[way]);
        }
    }
}

void store_cache_deinit(struct store_cache *cache)
{
    store_cache_clear(cache);
    free(cache->memory);
    cache->sets = NULL;
    cache->memory = NULL;
}

static struct store_cache_set *set_of(struct store_cache *cache, uint64_t hash)
{
    return &cache->sets[hash & (STORE_CACHE_SETS - 1)];
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static struct store_cached **find(struct store_cache *cache, uint64_t hash, struct relief_str key)
{
    struct store_cache_set *set = set_of(cache, hash);
    for (unsigned way = 0; way < STORE_CACHE_WAYS; way++) {
        struct store_cached *cached = set->ways[way];
        if (set->tags[way] == tag_of(hash) && cached && cached->key_len == key.len &&
            memcmp(cached->data, key.data, key.len) == 0) {
            return &set->ways[way];
        }
    }
    return NULL;
}

bool store_cache_find(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str *ret_value)
{
    struct store_cached **way = find(cache, hash, key);
    if (!way) {
        return false;
    }
    struct store_cached *cached = *way;
    cached->epoch = cache->epoch;
    *ret_value = RELIEF_STR_NONE;
    if (cached->present) {
        *ret_value = (struct relief_str){cached->data + cached->key_len, cached->value_len};
    }
    return true;
}

/* A way of the set for a new block: a free one, else in turn one that nobody holds a value of. NULL: there is none. */
static struct store_cached **make_room(struct store_cache *cache, struct store_cache_set *set, size_t bytes)
{
    bool full = cache->bytes + bytes > STORE_CACHE_BYTES_MAX;
    for (unsigned way = 0; !full && way < STORE_CACHE_WAYS; way++) {
        if (!set->ways[way]) {
            return &set->ways[way];
        }
    }
    for (unsigned i = 0; i < STORE_CACHE_WAYS; i++) {
        struct store_cached **way = &set->ways[cache->turn++ % STORE_CACHE_WAYS];
        if (*way && (*way)->epoch != cache->epoch) {
            drop(cache, way);
            return cache->bytes + bytes <= STORE_CACHE_BYTES_MAX ? way : NULL;
        }
    }
    return NULL;
}

static void set_value(struct store_cached *cached, struct relief_str value)
{
    cached->epoch = 0; /* nobody was given a pointer to this value yet */
    cached->value_len = value.len;
    cached->present = value.data != NULL;
    if (value.data) {
        memcpy(cached->data + cached->key_len, value.data, value.len);
    }
}

void store_cache_note(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str value)
{
    struct store_cache_set *set = set_of(cache, hash);
    uint32_t room = key.len + value.len + value.len / 8; /* counters grow by a digit, and then still fit */
    if (value.len > STORE_CACHE_VALUE_MAX) {
        return;
    }
    struct store_cached **way = make_room(cache, set, block_bytes(room));
    if (!way) {
        return;
    }
    *way = store_alloc(block_bytes(room));
    cache->bytes += block_bytes(room);
    set->tags[way - set->ways] = tag_of(hash);
    (*way)->room = room;
    (*way)->key_len = (uint16_t)key.len;
    memcpy((*way)->data, key.data, key.len);
    set_value(*way, value);
}

void store_cache_put(struct store_cache *cache, uint64_t hash, struct relief_str key, struct relief_str value)
{
    cache->epoch++;
    struct store_cached **way = find(cache, hash, key);
    if (!way) {
        return;
    }
    if ((*way)->present && value.data && key.len + value.len <= (*way)->room) {
        set_value(*way, value);
    } else {
        drop(cache, way);
    }
}
