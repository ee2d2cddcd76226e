/*
 * Open addressing with linear steps over pointers; keys are hashed with SipHash under a key of the process, because
 * they come from files that anybody may have written. Items are never removed: what is gone is marked by the user of
 * the map.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/map.h"

void cli_map_deinit(struct cli_map *map)
{
    for (size_t i = 0; i < map->size; i++) {
        if (!map->slots[i])
            continue;
        free(map->slots[i]->key);
        free(map->slots[i]->text);
        free(map->slots[i]);
    }
    free(map->slots);
    *map = CLI_MAP_INIT;
}

/* Files don't know the addresses of this process, so an address-dependent key is enough against crafted collisions. */
static uint64_t hash(const struct cli_map *map, struct relief_str key)
{
    unsigned char secret[crypto_shorthash_KEYBYTES] = {0}, out[crypto_shorthash_BYTES];
    const void *self = map;
    uint64_t value = 0;
    memcpy(secret, &self, sizeof self);
    crypto_shorthash(out, (const unsigned char *)key.data, key.len, secret);
    memcpy(&value, out, sizeof value);
    return value;
}

static struct cli_map_item **slot_of(const struct cli_map *map, struct relief_str key)
{
    size_t at = hash(map, key) & (map->size - 1);
    while (map->slots[at] &&
           !(map->slots[at]->key_len == key.len && memcmp(map->slots[at]->key, key.data, key.len) == 0))
        at = (at + 1) & (map->size - 1);
    return &map->slots[at];
}

static bool grow(struct cli_map *map)
{
    struct cli_map larger = *map;
    larger.size = map->size ? map->size * 2 : 64;
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    struct cli_map_item **old = map->slots;
    size_t size = map->size;
    *map = larger;
    for (size_t i = 0; i < size; i++) {
        if (old[i])
            *slot_of(map, (struct relief_str){old[i]->key, old[i]->key_len}) = old[i];
    }
    free(old);
    return true;
}

struct cli_map_item *cli_map_find(const struct cli_map *map, struct relief_str key)
{
    return map->size ? *slot_of(map, key) : NULL;
}

struct cli_map_item *cli_map_get(struct cli_map *map, struct relief_str key)
{
    if (map->count * 4 >= map->size * 3 && !grow(map))
        return NULL;
    struct cli_map_item **slot = slot_of(map, key);
    if (*slot)
        return *slot; /* cppcheck-suppress identicalInnerCondition; the item, not whether there is one */
    struct cli_map_item *item = calloc(1, sizeof *item);
    if (!item || !(item->key = malloc(key.len ? key.len : 1))) {
        free(item);
        return NULL;
    }
    memcpy(item->key, key.data, key.len);
    item->key_len = key.len;
    *slot = item;
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
        if (map->slots[i])
            items[count++] = map->slots[i];
    }
    qsort(items, count, sizeof *items, by_key);
    return items;
}
