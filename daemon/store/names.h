/*
 * A table of codes: each gets a number, from 0 on, that stays. The bytes of a code never move.
 */
#pragma once
#include "schema/str.h"

#define STORE_NAME_NONE UINT32_MAX

struct store_names {
    struct relief_str *items;
    uint64_t *hashes;
    uint32_t *slots; /* number + 1; power of two */
    uint32_t count, cap, slot_count;
    uint64_t seed;
};

void store_names_init(struct store_names *names, uint64_t seed);
void store_names_deinit(struct store_names *names);
uint32_t store_names_find(const struct store_names *names, struct relief_str code);
uint32_t store_names_add(struct store_names *names, struct relief_str code);
