/*
 * Tokens: who has one is taken for the city or role that stands beside its hash in a file, where certificates can't be had.
 *
 * A token is text of TOKEN_BYTES: "relief_" and 32 random bytes as base64 for URLs. The file has one line each,
 *   HASH IDENTITY NAME [UNTIL]
 * HASH the BLAKE2b-256 of the token's text in hex, IDENTITY as in the configuration but not `local`, NAME an id that is there once, UNTIL a
 * date (to its end, UTC) or YYYY-MM-DDTHH:MM:SSZ. Empty lines and those that begin with # are left aside. `relief token new` writes such lines.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "rpc/identity.h"

#define TOKEN_HASH_BYTES 32u
#define TOKENS_MAX 4096u           /* each look compares with all of them: some 100 us */
#define TOKENS_WHY_BYTES 200u
#define TOKENS_FILE_BYTES_MAX (2u << 20)

struct token {
    uint8_t hash[TOKEN_HASH_BYTES];
    struct rpc_identity identity;
    char name[RELIEF_ID_BYTES_MAX + 1];
    int64_t until; /* ms since the epoch; RELIEF_TIME_MAX: for ever */
};

struct tokens {
    struct token *rows;
    unsigned count;
};

/*
 * Reads the file, whole or not at all: 0, or -errno with a sentence that never holds a part of a line. -EPERM: others than its owner may
 * read it, or the owner is neither root nor the daemon; -EINVAL: a line is wrong. ret is replaced when it is 0.
 */
int tokens_load(struct tokens *ret, const char *path, char *ret_why, size_t why_size);
void tokens_clear(struct tokens *tokens);
/* The row of this token, whatever its date, or NULL. Takes the same time for every text. */
const struct token *tokens_find(const struct tokens *tokens, struct relief_str text);
/* The row with this hash, or NULL: the one that tokens_find gave before the file was read again. */
const struct token *tokens_get(const struct tokens *tokens, const uint8_t hash[TOKEN_HASH_BYTES]);
