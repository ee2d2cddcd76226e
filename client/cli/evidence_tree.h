/* The Merkle tree of RFC 6962 and 9162 from the reader's side: hashes, the root of lines, proofs that lead to a root. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_HASH_BYTES 32u
#define TREE_PATH_MAX   64u /* a proof has at most one hash a level */

/* A tree that grows by leaves. */
struct tree {
    uint64_t size;
    uint8_t peaks[64][TREE_HASH_BYTES]; /* of its complete subtrees, the largest first */
    struct tree_hasher *hasher;
};

/* False: no memory. */
bool tree_open(struct tree *tree);
void tree_close(struct tree *tree);
/* The line as an export has it, without its line feed. */
void tree_add_line(struct tree *tree, const char *line, size_t len);
void tree_root(struct tree *tree, uint8_t ret[TREE_HASH_BYTES]);

/* A path is `count` hashes, one behind the other. Does it lead from the leaf of entry seq (from 1) to the root? */
bool tree_proves_inclusion(const uint8_t leaf[TREE_HASH_BYTES], uint64_t seq, uint64_t size,
                           const uint8_t *path, unsigned count, const uint8_t root[TREE_HASH_BYTES]);
/* Is the tree of size `from` the beginning of the other? */
bool tree_proves_consistency(uint64_t from, const uint8_t from_root[TREE_HASH_BYTES], uint64_t size,
                             const uint8_t root[TREE_HASH_BYTES], const uint8_t *path,
                             unsigned count);
