/* The tree against the definition of RFC 6962 section 2.1, every proof up to a size, and proofs that were bent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "tools/audit/sha256.h"
#include "tools/audit/tree.h"

#define SIZE 70

static uint8_t leaves[SIZE][AUDIT_HASH];

/* MTH, PATH, PROOF and SUBPROOF, word by word. */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static void mth(uint64_t from, uint64_t n, uint8_t ret[AUDIT_HASH])
{
    uint8_t left[AUDIT_HASH], right[AUDIT_HASH];
    if (n == 0) {
        audit_sha256("", 0, ret);
    } else if (n == 1) {
        memcpy(ret, leaves[from], AUDIT_HASH);
    } else {
        mth(from, split(n), left);
        mth(from + split(n), n - split(n), right);
        audit_tree_node(left, right, ret);
    }
}

static void path_to(uint64_t m, uint64_t from, uint64_t n, struct audit_path *path)
{
    if (n == 1)
        return;
    uint64_t k = split(n);
    if (m < k) {
        path_to(m, from, k, path);
        mth(from + k, n - k, path->hashes[path->count++]);
    } else {
        path_to(m - k, from + k, n - k, path);
        mth(from, k, path->hashes[path->count++]);
    }
}

static void subproof(uint64_t m, uint64_t from, uint64_t n, bool whole, struct audit_path *path)
{
    if (m == n) {
        if (!whole)
            mth(from, n, path->hashes[path->count++]);
        return;
    }
    uint64_t k = split(n);
    if (m <= k) {
        subproof(m, from, k, whole, path);
        mth(from + k, n - k, path->hashes[path->count++]);
    } else {
        subproof(m - k, from + k, n - k, false, path);
        mth(from, k, path->hashes[path->count++]);
    }
}

static void test_roots(void **state)
{
    struct audit_tree tree = {0};
    uint8_t root[AUDIT_HASH], expected[AUDIT_HASH];
    char hex[AUDIT_HASH_HEX];
    (void)state;
    audit_tree_root(&tree, root);
    audit_hex_write(root, AUDIT_HASH, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    audit_tree_leaf("", 0, root);
    audit_hex_write(root, AUDIT_HASH, hex);
    assert_string_equal(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    for (uint64_t n = 1; n <= SIZE; n++) {
        audit_tree_add(&tree, leaves[n - 1]);
        audit_tree_root(&tree, root);
        mth(0, n, expected);
        assert_memory_equal(root, expected, AUDIT_HASH);
        assert_int_equal(tree.size, n);
    }
}

static void test_inclusion(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= SIZE; n++) {
        uint8_t root[AUDIT_HASH];
        mth(0, n, root);
        for (uint64_t m = 0; m < n; m++) {
            struct audit_path path = {.count = 0};
            path_to(m, 0, n, &path);
            assert_true(audit_tree_included(leaves[m], m, n, &path, root));
            assert_false(audit_tree_included(leaves[(m + 1) % SIZE], m, n, &path, root));
            assert_false(audit_tree_included(leaves[m], n, n, &path, root));
            if (n > 1)
                assert_false(audit_tree_included(leaves[m], (m + 1) % n, n, &path, root));
            path.count++;
            memset(path.hashes[path.count - 1], 0, AUDIT_HASH);
            assert_false(audit_tree_included(leaves[m], m, n, &path, root));
            path.count--;
            for (unsigned i = 0; i < path.count; i++) {
                path.hashes[i][i] ^= 1;
                assert_false(audit_tree_included(leaves[m], m, n, &path, root));
                path.hashes[i][i] ^= 1;
            }
            if (path.count) {
                path.count--;
                assert_false(audit_tree_included(leaves[m], m, n, &path, root));
            }
        }
    }
}

static void test_consistency(void **state)
{
    (void)state;
    for (uint64_t n = 0; n <= SIZE; n++) {
        uint8_t root[AUDIT_HASH], old[AUDIT_HASH];
        mth(0, n, root);
        for (uint64_t m = 0; m <= n; m++) {
            struct audit_path path = {.count = 0};
            mth(0, m, old);
            if (m > 0 && m < n)
                subproof(m, 0, n, true, &path);
            assert_true(audit_tree_consistent(m, old, n, root, &path));
            assert_false(audit_tree_consistent(n + 1, old, n, root, &path));
            old[0] ^= 1;
            assert_false(audit_tree_consistent(m, old, n, root, &path));
            old[0] ^= 1;
            if (m > 0) { /* from nothing, every tree is consistent */
                root[0] ^= 1;
                assert_false(audit_tree_consistent(m, old, n, root, &path));
                root[0] ^= 1;
            }
            for (unsigned i = 0; i < path.count; i++) {
                path.hashes[i][i] ^= 1;
                assert_false(audit_tree_consistent(m, old, n, root, &path));
                path.hashes[i][i] ^= 1;
            }
            path.count++;
            memset(path.hashes[path.count - 1], 0, AUDIT_HASH);
            assert_false(audit_tree_consistent(m, old, n, root, &path));
            path.count--;
            if (path.count) {
                path.count--;
                assert_false(audit_tree_consistent(m, old, n, root, &path));
            }
        }
    }
}

static void test_fast_hash(void **state)
{
    uint8_t data[300], fast[AUDIT_HASH], plain[AUDIT_HASH];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + 7);
    for (size_t len = 0; len < sizeof data; len++) {
        audit_sha256_fast(true);
        audit_sha256_with(1, data, len, fast);
        audit_sha256_fast(false);
        audit_sha256_with(1, data, len, plain);
        assert_memory_equal(fast, plain, AUDIT_HASH);
    }
    audit_sha256_fast(true);
}

static int set_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZE; i++)
        audit_tree_leaf(&i, sizeof i, leaves[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_roots), cmocka_unit_test(test_inclusion),
                                       cmocka_unit_test(test_consistency), cmocka_unit_test(test_fast_hash)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
