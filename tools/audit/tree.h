/*
 * The Merkle tree of RFC 6962 section 2 over SHA-256, for one who only reads: roots of a growing tree and its proofs.
 */
#pragma once
#include "tools/audit/bytes.h"

#define AUDIT_PATH_MAX 64 /* hashes of a proof: twice the height is never reached, 2^62 entries need 62 */

struct audit_tree {
    uint64_t size;
    uint8_t nodes[64][AUDIT_HASH]; /* the complete subtrees of the size, largest first: one per set bit */
    unsigned count;
};

struct audit_path {
    uint8_t hashes[AUDIT_PATH_MAX][AUDIT_HASH];
    unsigned count;
};

void audit_tree_leaf(const void *line, size_t len, uint8_t ret[AUDIT_HASH]);
void audit_tree_node(const uint8_t left[AUDIT_HASH], const uint8_t right[AUDIT_HASH], uint8_t ret[AUDIT_HASH]);
void audit_tree_add(struct audit_tree *tree, const uint8_t leaf[AUDIT_HASH]);
void audit_tree_root(const struct audit_tree *tree, uint8_t ret[AUDIT_HASH]);

/* RFC 9162 section 2.1.3.2: whether `path` leads from the leaf at `index` to the root of `size`. */
bool audit_tree_included(const uint8_t leaf[AUDIT_HASH], uint64_t index, uint64_t size, const struct audit_path *path,
                         const uint8_t root[AUDIT_HASH]);
/* RFC 9162 section 2.1.4.2. From 0, and between equal sizes, the path is empty. */
bool audit_tree_consistent(uint64_t from, const uint8_t from_root[AUDIT_HASH], uint64_t size,
                           const uint8_t root[AUDIT_HASH], const struct audit_path *path);
/* Hashes one behind the other, as base64. */
bool audit_path_read(struct audit_text base64, struct audit_path *ret);
