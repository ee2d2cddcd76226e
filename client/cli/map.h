/*
 * A table in memory from bytes to a few numbers and a text: ids that a file repeats, sums per kind, records of a
 * replay.
 */
#pragma once
#include "schema/buf.h"

struct cli_map_item {
    char *key; /* behind the item */
    uint32_t key_len;
    uint32_t text_len;
    char *text;
    int64_t n[5];
};

struct cli_map {
    struct cli_map_slot {
        uint64_t hash;
        struct cli_map_item *item; /* NULL: free */
    } *slots;
    size_t size, count;
};

#define CLI_MAP_INIT ((struct cli_map){0})

void cli_map_deinit(struct cli_map *map);
/* The item under key; made when it isn't there (n all 0, no text). NULL: no memory. */
struct cli_map_item *cli_map_get(struct cli_map *map, struct relief_str key);
/* In two steps: the first asks the memory for the key's place, so that several keys wait for it at once. */
uint64_t cli_map_ask(const struct cli_map *map, struct relief_str key);
struct cli_map_item *cli_map_get_asked(struct cli_map *map, struct relief_str key, uint64_t hash);
/* The same as cli_map_get, but NULL when it isn't there. */
struct cli_map_item *cli_map_find(const struct cli_map *map, struct relief_str key);
/* All items in the order of their keys' bytes: a block to be freed, map->count long. */
struct cli_map_item **cli_map_sorted(const struct cli_map *map);
