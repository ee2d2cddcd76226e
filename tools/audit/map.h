/*
 * A table from bytes to a value of fixed size, for what a dump or a log says about many things.
 */
#pragma once
#include "tools/audit/bytes.h"

struct audit_item {
    uint64_t hash;
    uint32_t key_len;
    bool seen; /* for the user */
    /* the value, then the key */
    _Alignas(8) unsigned char bytes[];
};

struct audit_block;

struct audit_map {
    size_t value_size;
    struct audit_item **slots;
    size_t size, count;
    struct audit_block *block; /* items stand one behind the other in blocks; the newest */
    size_t used, room;         /* of it */
    uint8_t secret[16];
};

void audit_map_init(struct audit_map *map, size_t value_size);
/* The item of a key, new ones with a value of zeros; NULL: no memory. */
struct audit_item *audit_map_get(struct audit_map *map, struct audit_text key);
struct audit_item *audit_map_find(const struct audit_map *map, struct audit_text key);
static inline void *audit_item_value(struct audit_item *item)
{
    return item->bytes;
}
struct audit_text audit_item_key(const struct audit_map *map, const struct audit_item *item);
/* The next item behind *at, which begins as 0; NULL at the end. */
struct audit_item *audit_map_next(const struct audit_map *map, size_t *at);
void audit_map_deinit(struct audit_map *map);
