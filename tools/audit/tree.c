/*
 * A tree of any size is a row of complete subtrees, one for each set bit of the size; that row is all that a reader of
 * the leaves must keep. Proofs are followed as RFC 9162 writes it down, bit by bit from the leaf.
 */
#include "tools/audit/tree.h"
#include "tools/audit/sha256.h"

void audit_tree_leaf(const void *line, size_t len, uint8_t ret[AUDIT_HASH])
{
    audit_sha256_with(0x00, line, len, ret);
}

void audit_tree_node(const uint8_t left[AUDIT_HASH], const uint8_t right[AUDIT_HASH], uint8_t ret[AUDIT_HASH])
{
    uint8_t both[2 * AUDIT_HASH];
    memcpy(both, left, AUDIT_HASH);
    memcpy(both + AUDIT_HASH, right, AUDIT_HASH);
    audit_sha256_with(0x01, both, sizeof both, ret);
}

void audit_tree_add(struct audit_tree *tree, const uint8_t leaf[AUDIT_HASH])
{
    uint8_t hash[AUDIT_HASH];
    memcpy(hash, leaf, AUDIT_HASH);
    for (uint64_t bits = tree->size; bits & 1; bits >>= 1)
        audit_tree_node(tree->nodes[--tree->count], hash, hash);
    memcpy(tree->nodes[tree->count++], hash, AUDIT_HASH);
    tree->size++;
}

void audit_tree_root(const struct audit_tree *tree, uint8_t ret[AUDIT_HASH])
{
    if (tree->count == 0) {
        audit_sha256("", 0, ret);
        return;
    }
    memcpy(ret, tree->nodes[tree->count - 1], AUDIT_HASH);
    for (unsigned i = tree->count - 1; i > 0; i--)
        audit_tree_node(tree->nodes[i - 1], ret, ret);
}

bool audit_tree_included(const uint8_t leaf[AUDIT_HASH], uint64_t index, uint64_t size, const struct audit_path *path,
                         const uint8_t root[AUDIT_HASH])
{
    uint8_t hash[AUDIT_HASH];
    if (index >= size)
        return false;
    uint64_t at = index, last = size - 1;
    memcpy(hash, leaf, AUDIT_HASH);
    for (unsigned i = 0; i < path->count; i++) {
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            audit_tree_node(path->hashes[i], hash, hash);
            while (!(at & 1) && at) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            audit_tree_node(hash, path->hashes[i], hash);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(hash, root, AUDIT_HASH) == 0;
}

/* 0 < from < size */
static bool follow(uint64_t from, const uint8_t from_root[AUDIT_HASH], uint64_t size, const uint8_t root[AUDIT_HASH],
                   const struct audit_path *path)
{
    uint8_t old[AUDIT_HASH], new[AUDIT_HASH];
    uint64_t at = from - 1, last = size - 1;
    unsigned next = 0;
    /* A complete tree is its own first node, and the path leaves it out. */
    const uint8_t *first = (from & (from - 1)) == 0 ? from_root : path->count ? path->hashes[next++] : NULL;
    if (!first)
        return false;
    while (at & 1) {
        at >>= 1;
        last >>= 1;
    }
    memcpy(old, first, AUDIT_HASH);
    memcpy(new, first, AUDIT_HASH);
    for (; next < path->count; next++) {
        const uint8_t *hash = path->hashes[next];
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            audit_tree_node(hash, old, old);
            audit_tree_node(hash, new, new);
            while (!(at & 1) && at) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            audit_tree_node(new, hash, new);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(old, from_root, AUDIT_HASH) == 0 && memcmp(new, root, AUDIT_HASH) == 0;
}

bool audit_tree_consistent(uint64_t from, const uint8_t from_root[AUDIT_HASH], uint64_t size,
                           const uint8_t root[AUDIT_HASH], const struct audit_path *path)
{
    uint8_t empty[AUDIT_HASH];
    audit_sha256("", 0, empty);
    if (from > size || (from == 0 && memcmp(from_root, empty, AUDIT_HASH) != 0))
        return false;
    if (from == size)
        return path->count == 0 && memcmp(from_root, root, AUDIT_HASH) == 0;
    if (from == 0)
        return path->count == 0;
    return follow(from, from_root, size, root, path);
}

bool audit_path_read(struct audit_text base64, struct audit_path *ret)
{
    long len = audit_base64_read(base64, ret->hashes[0], sizeof ret->hashes);
    ret->count = len > 0 ? (unsigned)len / AUDIT_HASH : 0;
    return len >= 0 && len % AUDIT_HASH == 0;
}
