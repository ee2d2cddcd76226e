/*
 * Open addressing with linear steps; keys are hashed with SipHash under a key of the process, because they come from
 * files that anybody may have written. The hash stands beside the pointer, so that a step touches no item that isn't
 * the one. Items are never removed: what is gone is marked by the user of the map.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/map.h"

void cli_map_deinit(struct cli_map *map)
{
    for (size_t i = 0; i < map->size; i++) {
        if (!map->slots[i].item)
            continue;
        free(map->slots[i].item->text);
        free(map->slots[i].item);
    }
    free(map->slots);
    *map = CLI_MAP_INIT;
}

/* Files don't know the addresses of this process, so an address-dependent key is enough against crafted collisions. */
static uint64_t hash_of(const struct cli_map *map, struct relief_str key)
{
    unsigned char secret[crypto_shorthash_KEYBYTES] = {0}, out[crypto_shorthash_BYTES];
    const void *self = map;
    uint64_t value = 0;
    memcpy(secret, &self, sizeof self);
    crypto_shorthash(out, (const unsigned char *)key.data, key.len, secret);
    memcpy(&value, out, sizeof value);
    return value;
}

static struct cli_map_slot *slot_of(const struct cli_map *map, struct relief_str key, uint64_t hash)
{
    size_t at = hash & (map->size - 1);
    for (;; at = (at + 1) & (map->size - 1)) {
        struct cli_map_slot *slot = &map->slots[at];
        if (!slot->item ||
            (slot->hash == hash && slot->item->key_len == key.len && memcmp(slot->item->key, key.data, key.len) == 0))
            return slot;
    }
}

static bool grow(struct cli_map *map)
{
    size_t size = map->size ? map->size * 2 : 64;
    struct cli_map_slot *slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < map->size; i++) {
        size_t at = map->slots[i].hash & (size - 1);
        if (!map->slots[i].item)
            continue;
        while (slots[at].item)
            at = (at + 1) & (size - 1);
        slots[at] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->size = size;
    return true;
}

struct cli_map_item *cli_map_find(const struct cli_map *map, struct relief_str key)
{
    return map->size ? slot_of(map, key, hash_of(map, key))->item : NULL;
}

uint64_t cli_map_ask(const struct cli_map *map, struct relief_str key)
{
    uint64_t hash = hash_of(map, key);
    if (map->size)
        __builtin_prefetch(&map->slots[hash & (map->size - 1)]);
    return hash;
}

struct cli_map_item *cli_map_get(struct cli_map *map, struct relief_str key)
{
    return cli_map_get_asked(map, key, hash_of(map, key));
}

struct cli_map_item *cli_map_get_asked(struct cli_map *map, struct relief_str key, uint64_t hash)
{
    if (map->count * 4 >= map->size * 3 && !grow(map))
        return NULL;
    struct cli_map_slot *slot = slot_of(map, key, hash);
    if (slot->item)
        return slot->item;
    struct cli_map_item *item = malloc(sizeof *item + key.len);
    if (!item)
        return NULL;
    *item = (struct cli_map_item){.key = (char *)(item + 1), .key_len = key.len};
    memcpy(item->key, key.data, key.len);
    *slot = (struct cli_map_slot){hash, item};
    map->count++;
    return item;
}

static int by_key(const void *a, const void *b)
{
    const struct cli_map_item *x = *(struct cli_map_item *const *)a, *y = *(struct cli_map_item *const *)b;
    return relief_str_cmp((struct relief_str){x->key, x->key_len}, (struct relief_str){y->key, y->key_len});
}

struct cli_map_item **cli_map_sorted(const struct cli_map *map)
{
    struct cli_map_item **items = malloc((map->count ? map->count : 1) * sizeof *items);
    size_t count = 0;
    if (!items)
        return NULL;
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].item)
            items[count++] = map->slots[i].item;
    }
    qsort(items, count, sizeof *items, by_key);
    return items;
}
