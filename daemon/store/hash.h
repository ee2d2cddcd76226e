/*
 * The hash of the tables in memory (overlay, cache, names): 64-bit multiply and fold over 16 bytes a step, seeded at
 * random when the store is opened so that nobody can choose ids that collide. It never leaves the process; what is
 * stored is guarded by SipHash (value.h).
 */
#pragma once
#include <stdint.h>
#include <string.h>

static inline uint64_t store_hash_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t store_hash_load(const char *data)
{
    uint64_t word;
    memcpy(&word, data, 8);
    return word;
}

static inline uint64_t store_hash(uint64_t seed, const void *bytes, uint32_t len)
{
    const char *data = bytes;
    uint64_t state = seed ^ UINT64_C(0x9e3779b97f4a7c15);
    uint32_t left = len;
    while (left >= 16) {
        state =
            store_hash_fold(store_hash_load(data) ^ UINT64_C(0xa0761d6478bd642f), store_hash_load(data + 8) ^ state);
        data += 16;
        left -= 16;
    }
    uint64_t a = 0, b = 0;
    if (left >= 8) {
        a = store_hash_load(data);
        memcpy(&b, data + 8, left - 8);
    } else if (left > 0) {
        memcpy(&a, data, left);
    }
    state = store_hash_fold(a ^ UINT64_C(0xe7037ed1a0b428db), b ^ state);
    return store_hash_fold(state ^ seed, UINT64_C(0x8ebc6af09c88c6e3) ^ len);
}
