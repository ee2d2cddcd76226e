/*
 * Open addressing over pointers; items lie in blocks and go with the map. The hash has a secret, so that nobody can
 * write a file whose keys all meet in one slot.
 */
#include "tools/audit/map.h"
#include <sodium.h>
#include <stdlib.h>

#define BLOCK ((size_t)1 << 20)

struct audit_block {
    struct audit_block *before;
    char bytes[];
};

void audit_map_init(struct audit_map *map, size_t value_size)
{
    *map = (struct audit_map){.value_size = (value_size + 7) / 8 * 8};
    randombytes_buf(map->secret, sizeof map->secret);
}

static uint64_t hash_of(const struct audit_map *map, struct audit_text key)
{
    uint64_t hash;
    _Static_assert(crypto_shorthash_BYTES == sizeof hash && crypto_shorthash_KEYBYTES == sizeof map->secret, "SipHash");
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)key.data, key.len, map->secret);
    return hash;
}

struct audit_text audit_item_key(const struct audit_map *map, const struct audit_item *item)
{
    return (struct audit_text){(const char *)item->bytes + map->value_size, item->key_len};
}

static struct audit_item **slot_of(const struct audit_map *map, uint64_t hash, struct audit_text key)
{
    size_t at = hash & (map->size - 1);
    for (;; at = (at + 1) & (map->size - 1)) {
        struct audit_item *item = map->slots[at];
        if (!item || (item->hash == hash && audit_text_eq(audit_item_key(map, item), key)))
            return &map->slots[at];
    }
}

static bool grow(struct audit_map *map)
{
    size_t size = map->size ? map->size * 2 : 1024;
    struct audit_item **slots = calloc(size, sizeof(struct audit_item *));
    if (!slots)
        return false;
    for (size_t i = 0; i < map->size; i++) {
        size_t at;
        if (!map->slots[i])
            continue;
        for (at = map->slots[i]->hash & (size - 1); slots[at]; at = (at + 1) & (size - 1))
            ;
        slots[at] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->size = size;
    return true;
}

static void *take(struct audit_map *map, size_t len)
{
    len = (len + 7) / 8 * 8;
    if (map->room - map->used < len) {
        size_t room = len > BLOCK ? len : BLOCK;
        struct audit_block *block = malloc(sizeof *block + room);
        if (!block)
            return NULL;
        block->before = map->block;
        map->block = block;
        map->used = 0;
        map->room = room;
    }
    map->used += len;
    return map->block->bytes + map->used - len;
}

struct audit_item *audit_map_get(struct audit_map *map, struct audit_text key)
{
    uint64_t hash = hash_of(map, key);
    struct audit_item **slot, *item;
    if (map->count * 2 >= map->size && !grow(map))
        return NULL;
    slot = slot_of(map, hash, key);
    item = *slot;
    if (item)
        return item;
    if (key.len > UINT32_MAX || !(item = take(map, sizeof *item + map->value_size + key.len)))
        return NULL;
    *item = (struct audit_item){.hash = hash, .key_len = (uint32_t)key.len};
    memset(item->bytes, 0, map->value_size);
    memcpy(item->bytes + map->value_size, key.data, key.len);
    map->count++;
    *slot = item;
    return item;
}

struct audit_item *audit_map_find(const struct audit_map *map, struct audit_text key)
{
    return map->size ? *slot_of(map, hash_of(map, key), key) : NULL;
}

struct audit_item *audit_map_next(const struct audit_map *map, size_t *at)
{
    while (*at < map->size) {
        struct audit_item *item = map->slots[(*at)++];
        if (item)
            return item;
    }
    return NULL;
}

void audit_map_deinit(struct audit_map *map)
{
    while (map->block) {
        struct audit_block *before = map->block->before;
        free(map->block);
        map->block = before;
    }
    free(map->slots);
    *map = (struct audit_map){0};
}
