/*
 * RFC 9162 2.1.3.2 and 2.1.4.2, step by step. The lines of a whole log go through libcrypto, whose SHA-256 uses the
 * processor's own instructions; everything else is a few hashes.
 */
#include "client/cli/evidence_tree.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct tree_hasher {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

static void node_with(struct tree_hasher *hasher, const uint8_t left[TREE_HASH_BYTES],
                      const uint8_t right[TREE_HASH_BYTES], uint8_t ret[TREE_HASH_BYTES])
{
    uint8_t bytes[1 + 2 * TREE_HASH_BYTES];
    bytes[0] = 1;
    memcpy(bytes + 1, left, TREE_HASH_BYTES);
    memcpy(bytes + 1 + TREE_HASH_BYTES, right, TREE_HASH_BYTES);
    EVP_DigestInit_ex2(hasher->ctx, hasher->md, NULL);
    EVP_DigestUpdate(hasher->ctx, bytes, sizeof bytes);
    EVP_DigestFinal_ex(hasher->ctx, ret, NULL);
}

bool tree_open(struct tree *tree)
{
    *tree = (struct tree){.hasher = calloc(1, sizeof *tree->hasher)};
    if (!tree->hasher)
        return false;
    tree->hasher->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    tree->hasher->ctx = EVP_MD_CTX_new();
    if (tree->hasher->md && tree->hasher->ctx)
        return true;
    tree_close(tree);
    return false;
}

void tree_close(struct tree *tree)
{
    if (tree->hasher) {
        EVP_MD_CTX_free(tree->hasher->ctx);
        EVP_MD_free(tree->hasher->md);
    }
    free(tree->hasher);
    *tree = (struct tree){.size = 0};
}

void tree_add_line(struct tree *tree, const char *line, size_t len)
{
    struct tree_hasher *hasher = tree->hasher;
    uint8_t hash[TREE_HASH_BYTES];
    unsigned peaks = (unsigned)__builtin_popcountll(tree->size);
    EVP_DigestInit_ex2(hasher->ctx, hasher->md, NULL);
    EVP_DigestUpdate(hasher->ctx, "", 1);
    EVP_DigestUpdate(hasher->ctx, line, len);
    EVP_DigestFinal_ex(hasher->ctx, hash, NULL);
    for (uint64_t rest = tree->size; rest & 1; rest >>= 1)
        node_with(hasher, tree->peaks[--peaks], hash, hash);
    memcpy(tree->peaks[peaks], hash, sizeof hash);
    tree->size++;
}

void tree_root(struct tree *tree, uint8_t ret[TREE_HASH_BYTES])
{
    unsigned peaks = (unsigned)__builtin_popcountll(tree->size);
    if (peaks == 0) {
        EVP_DigestInit_ex2(tree->hasher->ctx, tree->hasher->md, NULL);
        EVP_DigestFinal_ex(tree->hasher->ctx, ret, NULL);
        return;
    }
    memcpy(ret, tree->peaks[peaks - 1], TREE_HASH_BYTES);
    while (--peaks > 0)
        node_with(tree->hasher, tree->peaks[peaks - 1], ret, ret);
}

bool tree_proves_inclusion(const uint8_t leaf[TREE_HASH_BYTES], uint64_t seq, uint64_t size, const uint8_t *path,
                           unsigned count, const uint8_t root[TREE_HASH_BYTES])
{
    struct tree tree;
    uint64_t fn = seq - 1, sn = size - 1;
    uint8_t r[TREE_HASH_BYTES];
    bool good = seq >= 1 && seq <= size && tree_open(&tree);
    if (!good)
        return false;
    memcpy(r, leaf, sizeof r);
    for (unsigned i = 0; i < count && good; i++) {
        good = sn != 0;
        if ((fn & 1) || fn == sn) {
            node_with(tree.hasher, path + (size_t)i * TREE_HASH_BYTES, r, r);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            node_with(tree.hasher, r, path + (size_t)i * TREE_HASH_BYTES, r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    tree_close(&tree);
    return good && sn == 0 && memcmp(r, root, sizeof r) == 0;
}

static bool consistent(struct tree_hasher *hasher, uint64_t from, const uint8_t from_root[TREE_HASH_BYTES],
                       uint64_t size, const uint8_t root[TREE_HASH_BYTES], const uint8_t *path, unsigned count)
{
    uint64_t fn = from - 1, sn = size - 1;
    uint8_t fr[TREE_HASH_BYTES], sr[TREE_HASH_BYTES];
    unsigned i = 0;
    bool whole = (from & (from - 1)) == 0; /* then the old root is the first node itself, and not in the path */
    if (count == 0)
        return false;
    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    memcpy(fr, whole ? from_root : path, sizeof fr);
    memcpy(sr, fr, sizeof sr);
    for (i += !whole; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            node_with(hasher, path + (size_t)i * TREE_HASH_BYTES, fr, fr);
            node_with(hasher, path + (size_t)i * TREE_HASH_BYTES, sr, sr);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            node_with(hasher, sr, path + (size_t)i * TREE_HASH_BYTES, sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(fr, from_root, sizeof fr) == 0 && memcmp(sr, root, sizeof sr) == 0;
}

bool tree_proves_consistency(uint64_t from, const uint8_t from_root[TREE_HASH_BYTES], uint64_t size,
                             const uint8_t root[TREE_HASH_BYTES], const uint8_t *path, unsigned count)
{
    struct tree tree;
    uint8_t empty[TREE_HASH_BYTES];
    if (from > size || !tree_open(&tree))
        return false;
    tree_root(&tree, empty);
    bool good;
    if (from == size)
        good = count == 0 && memcmp(from_root, root, TREE_HASH_BYTES) == 0;
    else if (from == 0)
        good = count == 0 && memcmp(from_root, empty, TREE_HASH_BYTES) == 0;
    else
        good = consistent(tree.hasher, from, from_root, size, root, path, count);
    tree_close(&tree);
    return good;
}
