/*
 * Roots and proofs. Everything here is a walk along one edge of the tree, so at most one step for each of its levels
 * and no recursion.
 *
 * SHA-256 is OpenSSL's: it uses the CPU's instructions for it (1.6 us for a line of 1,500 bytes, libsodium's portable
 * one takes 9.2). It is called by its own functions, which OpenSSL 3 would rather have called through EVP: there each
 * hash asks for memory, and one that finds none would have to fail in the middle of the log's chain.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "evidence/tree.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashes ---- */

struct evidence_hasher {
    SHA256_CTX state;
};

struct evidence_hasher *evidence_hasher_new(void)
{
    return calloc(1, sizeof(struct evidence_hasher));
}

void evidence_hasher_free(struct evidence_hasher *hasher)
{
    free(hasher);
}

static void hash_two(struct evidence_hasher *hasher, const void *first, size_t first_len, const void *second,
                     size_t second_len, uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    SHA256_Init(&hasher->state);
    SHA256_Update(&hasher->state, first, first_len);
    if (second_len)
        SHA256_Update(&hasher->state, second, second_len);
    SHA256_Final(ret_hash, &hasher->state);
}

void evidence_hash(struct evidence_hasher *hasher, const void *data, size_t len, uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    hash_two(hasher, data, len, NULL, 0, ret_hash);
}

void evidence_hash_leaf(struct evidence_hasher *hasher, const void *line, size_t len,
                        uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    hash_two(hasher, "\x00", 1, line, len, ret_hash);
}

void evidence_hash_node(struct evidence_hasher *hasher, const uint8_t left[EVIDENCE_HASH_BYTES],
                        const uint8_t right[EVIDENCE_HASH_BYTES], uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    uint8_t bytes[1 + 2 * EVIDENCE_HASH_BYTES];
    bytes[0] = 1;
    memcpy(bytes + 1, left, EVIDENCE_HASH_BYTES);
    memcpy(bytes + 1 + EVIDENCE_HASH_BYTES, right, EVIDENCE_HASH_BYTES);
    hash_two(hasher, bytes, sizeof bytes, NULL, 0, ret_hash);
}

/* ---- a tree that grows ---- */

unsigned evidence_tree_add(struct evidence_tree *tree, struct evidence_hasher *hasher,
                           const uint8_t leaf[EVIDENCE_HASH_BYTES],
                           uint8_t ret_nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES])
{
    unsigned peaks = (unsigned)__builtin_popcountll(tree->size), count = 0;
    memcpy(ret_nodes[count++], leaf, EVIDENCE_HASH_BYTES);
    for (uint64_t left = tree->size; left & 1; left >>= 1, count++)
        evidence_hash_node(hasher, tree->peaks[--peaks], ret_nodes[count - 1], ret_nodes[count]);
    memcpy(tree->peaks[peaks], ret_nodes[count - 1], EVIDENCE_HASH_BYTES);
    tree->size++;
    return count;
}

/* The hash over subtrees of falling size, as they stand behind each other. */
static void fold(struct evidence_hasher *hasher, const uint8_t *peaks, unsigned count,
                 uint8_t ret_root[EVIDENCE_HASH_BYTES])
{
    uint8_t root[EVIDENCE_HASH_BYTES];
    assert(count > 0);
    memcpy(root, peaks + (size_t)(count - 1) * sizeof root, sizeof root);
    for (unsigned i = count - 1; i > 0; i--)
        evidence_hash_node(hasher, peaks + (size_t)(i - 1) * sizeof root, root, root);
    memcpy(ret_root, root, sizeof root);
}

void evidence_tree_root(const struct evidence_tree *tree, struct evidence_hasher *hasher,
                        uint8_t ret_root[EVIDENCE_HASH_BYTES])
{
    if (tree->size == 0)
        evidence_hash(hasher, "", 0, ret_root);
    else
        fold(hasher, tree->peaks[0], (unsigned)__builtin_popcountll(tree->size), ret_root);
}

/* ---- a tree that is read ---- */

static unsigned level_of(uint64_t width)
{
    return 63u - (unsigned)__builtin_clzll(width);
}

/* The largest power of two below width, which is above 1. */
static uint64_t split_of(uint64_t width)
{
    return UINT64_C(1) << level_of(width - 1);
}

/* A complete subtree: `width` leaves, a power of two that divides start. It was written with its last leaf, level by
 * level. */
static int read_complete(const struct evidence_reader *reader, uint64_t start, uint64_t width,
                         uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    return reader->read(reader->context, EVIDENCE_NODES(start + width - 1) + level_of(width), ret_hash);
}

/* The complete subtrees of the leaves from start on, start being where subtrees of that size begin. */
static int read_peaks(const struct evidence_reader *reader, uint64_t start, uint64_t width,
                      uint8_t ret_peaks[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES], unsigned *ret_count)
{
    unsigned count = 0;
    while (width > 0) {
        uint64_t part = UINT64_C(1) << level_of(width);
        int rc = read_complete(reader, start, part, ret_peaks[count++]);
        if (rc)
            return rc;
        start += part;
        width -= part;
    }
    *ret_count = count;
    return 0;
}

/* MTH of any subtree of the RFC: `width` leaves from start. */
static int read_subtree(const struct evidence_reader *reader, uint64_t start, uint64_t width,
                        uint8_t ret_hash[EVIDENCE_HASH_BYTES])
{
    uint8_t peaks[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES];
    unsigned count;
    int rc = read_peaks(reader, start, width, peaks, &count);
    if (rc == 0)
        fold(reader->hasher, peaks[0], count, ret_hash);
    return rc;
}

int evidence_read_tree(const struct evidence_reader *reader, uint64_t size, struct evidence_tree *ret_tree)
{
    unsigned count;
    int rc = read_peaks(reader, 0, size, ret_tree->peaks, &count);
    if (rc == 0)
        ret_tree->size = size;
    return rc;
}

int evidence_read_root(const struct evidence_reader *reader, uint64_t size, uint8_t ret_root[EVIDENCE_HASH_BYTES])
{
    struct evidence_tree tree;
    int rc = evidence_read_tree(reader, size, &tree);
    if (rc == 0)
        evidence_tree_root(&tree, reader->hasher, ret_root);
    return rc;
}

int evidence_read_leaf(const struct evidence_reader *reader, uint64_t index, uint8_t ret_leaf[EVIDENCE_HASH_BYTES])
{
    return reader->read(reader->context, EVIDENCE_NODES(index), ret_leaf);
}

/* What the way down passes by, the subtree nearest to the root first; a path begins at the other end. */
static int add_sibling(const struct evidence_reader *reader, uint64_t start, uint64_t width, struct evidence_path *path)
{
    assert(path->count < EVIDENCE_PATH_MAX);
    return read_subtree(reader, start, width, path->hashes[path->count++]);
}

static void turn_round(struct evidence_path *path)
{
    uint8_t kept[EVIDENCE_HASH_BYTES];
    for (unsigned i = 0, j = path->count; i + 1 < j; i++) {
        j--;
        memcpy(kept, path->hashes[i], sizeof kept);
        memcpy(path->hashes[i], path->hashes[j], sizeof kept);
        memcpy(path->hashes[j], kept, sizeof kept);
    }
}

int evidence_read_inclusion(const struct evidence_reader *reader, uint64_t index, uint64_t size,
                            struct evidence_path *ret_path)
{
    uint64_t start = 0, width = size;
    int rc = 0;
    assert(index < size);
    ret_path->count = 0;
    while (rc == 0 && width > 1) {
        uint64_t left = split_of(width);
        if (index - start < left) {
            rc = add_sibling(reader, start + left, width - left, ret_path);
            width = left;
        } else {
            rc = add_sibling(reader, start, left, ret_path);
            start += left;
            width -= left;
        }
    }
    turn_round(ret_path);
    return rc;
}

/*
 * SUBPROOF of the RFC: down to the subtree with which the older tree ends. `whole` as long as the way began at the
 * first leaf: then that subtree is the older tree itself, whose root the reader of the proof has.
 */
int evidence_read_consistency(const struct evidence_reader *reader, uint64_t from, uint64_t size,
                              struct evidence_path *ret_path)
{
    uint64_t start = 0, width = size;
    bool whole = true;
    int rc = 0;
    assert(from <= size);
    ret_path->count = 0;
    if (from == 0)
        return 0;
    while (rc == 0 && from - start < width) {
        uint64_t left = split_of(width);
        if (from - start <= left) {
            rc = add_sibling(reader, start + left, width - left, ret_path);
            width = left;
        } else {
            rc = add_sibling(reader, start, left, ret_path);
            start += left;
            width -= left;
            whole = false;
        }
    }
    if (rc == 0 && !whole)
        rc = add_sibling(reader, start, width, ret_path);
    turn_round(ret_path);
    return rc;
}

/* ---- verifying ---- */

/* RFC 9162 section 2.1.3.2. */
bool evidence_verify_inclusion(struct evidence_hasher *hasher, uint64_t index, uint64_t size,
                               const uint8_t leaf[EVIDENCE_HASH_BYTES], const struct evidence_path *path,
                               const uint8_t root[EVIDENCE_HASH_BYTES])
{
    uint8_t hash[EVIDENCE_HASH_BYTES];
    uint64_t at = index, last = size - 1;
    if (index >= size)
        return false;
    memcpy(hash, leaf, sizeof hash);
    for (unsigned i = 0; i < path->count; i++) {
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            evidence_hash_node(hasher, path->hashes[i], hash, hash);
            for (; !(at & 1) && at != 0; at >>= 1)
                last >>= 1;
        } else {
            evidence_hash_node(hasher, hash, path->hashes[i], hash);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(hash, root, sizeof hash) == 0;
}

/* RFC 9162 section 2.1.4.2. */
bool evidence_verify_consistency(struct evidence_hasher *hasher, uint64_t from, uint64_t size,
                                 const uint8_t from_root[EVIDENCE_HASH_BYTES], const struct evidence_path *path,
                                 const uint8_t root[EVIDENCE_HASH_BYTES])
{
    uint8_t older[EVIDENCE_HASH_BYTES], newer[EVIDENCE_HASH_BYTES];
    unsigned i = 0;
    if (from == 0 || from >= size)
        return from <= size && path->count == 0 && (from == 0 || memcmp(from_root, root, EVIDENCE_HASH_BYTES) == 0);
    uint64_t at = from - 1, last = size - 1;
    for (; at & 1; at >>= 1)
        last >>= 1;
    if (from & (from - 1)) {
        if (path->count == 0)
            return false;
        memcpy(older, path->hashes[i++], sizeof older);
    } else {
        memcpy(older, from_root, sizeof older); /* the older tree is a complete subtree of the newer one */
    }
    memcpy(newer, older, sizeof newer);
    for (; i < path->count; i++) {
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            evidence_hash_node(hasher, path->hashes[i], older, older);
            evidence_hash_node(hasher, path->hashes[i], newer, newer);
            for (; !(at & 1) && at != 0; at >>= 1)
                last >>= 1;
        } else {
            evidence_hash_node(hasher, newer, path->hashes[i], newer);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(older, from_root, sizeof older) == 0 && memcmp(newer, root, sizeof newer) == 0;
}
