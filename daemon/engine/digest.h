/*
 * BLAKE2b-256 over a stream: of bases, of answers, of the files of a backup. libsodium's state wants to stand on a multiple of 64,
 * which malloc does not give: it finds its place in the room.
 */
#pragma once
#include <sodium.h>
#include <stdint.h>

#define ENGINE_DIGEST_BYTES 32u

struct engine_digest {
    unsigned char room[sizeof(crypto_generichash_state) + 63];
};

static inline crypto_generichash_state *engine_digest_state(struct engine_digest *digest)
{
    return (crypto_generichash_state *)(((uintptr_t)digest->room + 63) & ~(uintptr_t)63);
}

static inline void engine_digest_init(struct engine_digest *digest)
{
    (void)crypto_generichash_init(engine_digest_state(digest), NULL, 0, ENGINE_DIGEST_BYTES);
}

static inline void engine_digest_add(struct engine_digest *digest, const void *data, size_t len)
{
    (void)crypto_generichash_update(engine_digest_state(digest), data, len);
}

static inline void engine_digest_end(struct engine_digest *digest, uint8_t ret_hash[ENGINE_DIGEST_BYTES])
{
    (void)crypto_generichash_final(engine_digest_state(digest), ret_hash, ENGINE_DIGEST_BYTES);
}
