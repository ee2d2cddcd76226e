/*
 * The Merkle tree over the log's entries: SHA-256, leaves and nodes as RFC 6962 and RFC 9162 have them (FORMAT.md).
 *
 * Nodes have numbers in post-order: entry n (from 0) brings its leaf and then the nodes that are complete with it, so the numbers
 * below EVIDENCE_NODES(size) are the tree of that size, and a node never changes. A complete subtree is read by its number; what
 * spans several of them is computed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_HASH_BYTES 32u
#define EVIDENCE_PATH_MAX 64u /* hashes of a proof: one for each level, and sizes have 63 bits */

/* Nodes of the complete subtrees of a tree of this size. */
#define EVIDENCE_NODES(size) (2 * (uint64_t)(size) - (uint64_t)__builtin_popcountll(size))

/* A SHA-256 state that is used again and again. Of one thread at a time. */
struct evidence_hasher;
/* NULL: no memory. */
struct evidence_hasher *evidence_hasher_new(void);
void evidence_hasher_free(struct evidence_hasher *hasher);
void evidence_hash(struct evidence_hasher *hasher, const void *data, size_t len, uint8_t ret_hash[EVIDENCE_HASH_BYTES]);
void evidence_hash_leaf(struct evidence_hasher *hasher, const void *line, size_t len, uint8_t ret_hash[EVIDENCE_HASH_BYTES]);
void evidence_hash_node(struct evidence_hasher *hasher, const uint8_t left[EVIDENCE_HASH_BYTES],
                        const uint8_t right[EVIDENCE_HASH_BYTES], uint8_t ret_hash[EVIDENCE_HASH_BYTES]);

/* ---- a tree that grows ---- */

/* What has to be known of a tree in order to go on: its complete subtrees, the largest first. */
struct evidence_tree {
    uint64_t size;
    uint8_t peaks[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES]; /* as many as bits are set in size */
};

/* Adds a leaf; ret_nodes gets what it completes, in post-order: the leaf first. Returns how many. */
unsigned evidence_tree_add(struct evidence_tree *tree, struct evidence_hasher *hasher, const uint8_t leaf[EVIDENCE_HASH_BYTES],
                           uint8_t ret_nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES]);
void evidence_tree_root(const struct evidence_tree *tree, struct evidence_hasher *hasher, uint8_t ret_root[EVIDENCE_HASH_BYTES]);

/* ---- a tree that is read ---- */

/* Reads a node by its number: 0 or -errno. */
typedef int evidence_read_node(void *context, uint64_t number, uint8_t ret_hash[EVIDENCE_HASH_BYTES]);

struct evidence_reader {
    evidence_read_node *read;
    void *context;
    struct evidence_hasher *hasher;
};

struct evidence_path {
    unsigned count;
    uint8_t hashes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES];
};

/* All 0 or what the reader returned. */
int evidence_read_tree(const struct evidence_reader *reader, uint64_t size, struct evidence_tree *ret_tree);
int evidence_read_root(const struct evidence_reader *reader, uint64_t size, uint8_t ret_root[EVIDENCE_HASH_BYTES]);
/* index below size. */
int evidence_read_leaf(const struct evidence_reader *reader, uint64_t index, uint8_t ret_leaf[EVIDENCE_HASH_BYTES]);
int evidence_read_inclusion(const struct evidence_reader *reader, uint64_t index, uint64_t size, struct evidence_path *ret_path);
/* from at most size; from 0, and equal sizes: an empty path. */
int evidence_read_consistency(const struct evidence_reader *reader, uint64_t from, uint64_t size, struct evidence_path *ret_path);

/* ---- verifying ---- */

bool evidence_verify_inclusion(struct evidence_hasher *hasher, uint64_t index, uint64_t size, const uint8_t leaf[EVIDENCE_HASH_BYTES],
                               const struct evidence_path *path, const uint8_t root[EVIDENCE_HASH_BYTES]);
bool evidence_verify_consistency(struct evidence_hasher *hasher, uint64_t from, uint64_t size,
                                 const uint8_t from_root[EVIDENCE_HASH_BYTES], const struct evidence_path *path,
                                 const uint8_t root[EVIDENCE_HASH_BYTES]);
