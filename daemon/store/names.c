/*
 * Codes to numbers. Cities, regions and kinds are thousands, so nothing is ever taken out: the table is bounded by the
 * catalogues of the product. Open addressing, at most half full.
 */
#include "store/names.h"
#include "store/hash.h"
#include "store/value.h"
#include <stdlib.h>

void store_names_init(struct store_names *names, uint64_t seed)
{
    *names = (struct store_names){.seed = seed};
}

void store_names_deinit(struct store_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        free((void *)(uintptr_t)names->items[i].data);
    }
    free(names->items);
    free(names->hashes);
    free(names->slots);
    *names = (struct store_names){.seed = names->seed};
}

static uint32_t *slot_of(const struct store_names *names, uint64_t hash, struct relief_str code)
{
    uint32_t mask = names->slot_count - 1;
    for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t number = names->slots[at];
        if (number == 0 || (names->hashes[number - 1] == hash && relief_str_eq(names->items[number - 1], code))) {
            return &names->slots[at];
        }
    }
}

uint32_t store_names_find(const struct store_names *names, struct relief_str code)
{
    if (names->count == 0) {
        return STORE_NAME_NONE;
    }
    return *slot_of(names, store_hash(names->seed, code.data, code.len), code) - 1; /* 0 becomes NONE */
}

static void grow(struct store_names *names)
{
    names->cap = names->cap ? names->cap * 2 : 64;
    names->items = store_realloc(names->items, names->cap * sizeof(*names->items));
    names->hashes = store_realloc(names->hashes, names->cap * sizeof(*names->hashes));
    names->slot_count = names->cap * 2;
    names->slots = store_realloc(names->slots, names->slot_count * sizeof(*names->slots));
    memset(names->slots, 0, names->slot_count * sizeof(*names->slots));
    for (uint32_t i = 0; i < names->count; i++) {
        *slot_of(names, names->hashes[i], names->items[i]) = i + 1;
    }
}

uint32_t store_names_add(struct store_names *names, struct relief_str code)
{
    if (names->count == names->cap) {
        grow(names);
    }
    uint64_t hash = store_hash(names->seed, code.data, code.len);
    uint32_t *slot = slot_of(names, hash, code);
    if (*slot == 0) {
        char *copy = store_alloc((size_t)code.len + 1);
        memcpy(copy, code.data, code.len);
        copy[code.len] = '\0';
        names->items[names->count] = (struct relief_str){copy, code.len};
        names->hashes[names->count] = hash;
        *slot = ++names->count;
    }
    return *slot - 1;
}
