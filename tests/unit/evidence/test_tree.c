/*
 * Roots and proofs against the definitions of RFC 6962, written down once more as they stand there, with libsodium's
 * SHA-256; and against the vectors that certificate transparency has used since 2013.
 */
#include "evidence/tree.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "schema/codec.h"
#include "schema/methods.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SIZES 70u
#define HASH  EVIDENCE_HASH_BYTES

/* ---- the definitions ---- */

struct reference {
    uint8_t leaves[SIZES][HASH];
};

static void mth(const struct reference *r, unsigned start, unsigned n, uint8_t ret[HASH])
{
    uint8_t both[1 + 2 * HASH] = {1};
    unsigned k = 1;
    if (n == 0) {
        crypto_hash_sha256(ret, NULL, 0);
        return;
    }
    if (n == 1) {
        memcpy(ret, r->leaves[start], HASH);
        return;
    }
    while (k * 2 < n)
        k *= 2;
    mth(r, start, k, both + 1);
    mth(r, start + k, n - k, both + 1 + HASH);
    crypto_hash_sha256(ret, both, sizeof both);
}

/* PATH(m, D[start:start+n]). */
static void path_of(const struct reference *r, unsigned m, unsigned start, unsigned n, struct evidence_path *path)
{
    unsigned k = 1;
    if (n == 1)
        return;
    while (k * 2 < n)
        k *= 2;
    if (m < k) {
        path_of(r, m, start, k, path);
        mth(r, start + k, n - k, path->hashes[path->count++]);
    } else {
        path_of(r, m - k, start + k, n - k, path);
        mth(r, start, k, path->hashes[path->count++]);
    }
}

/* SUBPROOF(m, D[start:start+n], whole). */
static void subproof(const struct reference *r, unsigned m, unsigned start, unsigned n, bool whole,
                     struct evidence_path *path)
{
    unsigned k = 1;
    if (m == n) {
        if (!whole)
            mth(r, start, n, path->hashes[path->count++]);
        return;
    }
    while (k * 2 < n)
        k *= 2;
    if (m <= k) {
        subproof(r, m, start, k, whole, path);
        mth(r, start + k, n - k, path->hashes[path->count++]);
    } else {
        subproof(r, m - k, start + k, n - k, false, path);
        mth(r, start, k, path->hashes[path->count++]);
    }
}

/* ---- a tree in memory ---- */

struct fixture {
    struct evidence_hasher *hasher;
    struct evidence_reader reader;
    struct reference reference;
    struct relief_buf nodes;
    uint64_t missing; /* a node that can't be read */
};

static int read_node(void *context, uint64_t number, uint8_t ret_hash[HASH])
{
    const struct fixture *f = context;
    if (number == f->missing || (number + 1) * HASH > f->nodes.len)
        return -EIO;
    memcpy(ret_hash, f->nodes.data + number * HASH, HASH);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!f || sodium_init() < 0 || !(f->hasher = evidence_hasher_new()))
        return -1;
    f->reader = (struct evidence_reader){.read = read_node, .context = f, .hasher = f->hasher};
    f->missing = UINT64_MAX;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evidence_hasher_free(f->hasher);
    relief_buf_deinit(&f->nodes);
    free(f);
    return 0;
}

static void add(struct fixture *f, struct evidence_tree *tree, const void *line, size_t len)
{
    uint8_t nodes[EVIDENCE_PATH_MAX][HASH], prefixed[64] = {0};
    uint64_t before = EVIDENCE_NODES(tree->size);
    uint64_t n = tree->size;
    memcpy(prefixed + 1, line, len);
    crypto_hash_sha256(f->reference.leaves[n], prefixed, len + 1);
    evidence_hash_leaf(f->hasher, line, len, nodes[0]);
    assert_memory_equal(nodes[0], f->reference.leaves[n], HASH);
    unsigned count = evidence_tree_add(tree, f->hasher, f->reference.leaves[n], nodes);
    assert_int_equal(before * HASH, f->nodes.len);
    relief_buf_add(&f->nodes, nodes, (size_t)count * HASH);
    assert_int_equal(EVIDENCE_NODES(tree->size) * HASH, f->nodes.len);
}

static void fill(struct fixture *f, struct evidence_tree *tree)
{
    for (unsigned i = 0; i < SIZES; i++) {
        char line[16];
        int len = snprintf(line, sizeof line, "{\"seq\":%u}", i + 1);
        add(f, tree, line, (size_t)len);
    }
}

static const char *hex(const uint8_t hash[HASH])
{
    static char text[2 * HASH + 1];
    return sodium_bin2hex(text, sizeof text, hash, HASH);
}

/* ---- tests ---- */

static void vectors(void **state)
{
    static const struct {
        const char *line;
        size_t len;
        const char *root;
    } rows[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct fixture *f = *state;
    struct evidence_tree tree = {.size = 0};
    struct evidence_path path;
    uint8_t root[HASH];
    evidence_tree_root(&tree, f->hasher, root);
    assert_string_equal(hex(root), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add(f, &tree, rows[i].line, rows[i].len);
        evidence_tree_root(&tree, f->hasher, root);
        assert_string_equal(hex(root), rows[i].root);
    }
    assert_int_equal(evidence_read_inclusion(&f->reader, 0, 8, &path), 0);
    assert_int_equal(path.count, 3);
    assert_string_equal(hex(path.hashes[0]), "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
    assert_string_equal(hex(path.hashes[1]), "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e");
    assert_string_equal(hex(path.hashes[2]), "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4");
    assert_int_equal(evidence_read_consistency(&f->reader, 6, 8, &path), 0);
    assert_int_equal(path.count, 3);
    assert_string_equal(hex(path.hashes[0]), "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
    assert_string_equal(hex(path.hashes[1]), "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
    assert_string_equal(hex(path.hashes[2]), "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
}

/* Every size: the root while it grows, and as it is read afterwards from the nodes of the largest tree. */
static void every_root(void **state)
{
    struct fixture *f = *state;
    struct evidence_tree tree = {.size = 0}, part;
    uint8_t expected[HASH], root[HASH];
    fill(f, &tree);
    for (unsigned n = 0; n <= SIZES; n++) {
        mth(&f->reference, 0, n, expected);
        assert_int_equal(evidence_read_root(&f->reader, n, root), 0);
        assert_memory_equal(root, expected, HASH);
        assert_int_equal(evidence_read_tree(&f->reader, n, &part), 0);
        for (unsigned i = n; i < SIZES; i++) { /* and it goes on from there */
            uint8_t nodes[EVIDENCE_PATH_MAX][HASH];
            evidence_tree_add(&part, f->hasher, f->reference.leaves[i], nodes);
        }
        evidence_tree_root(&part, f->hasher, root);
        mth(&f->reference, 0, SIZES, expected);
        assert_memory_equal(root, expected, HASH);
    }
}

/* Any change of a proof is noticed: a bit of each hash, one hash less, one more. */
static void spoil(struct fixture *f, struct evidence_path *path,
                  bool (*holds)(struct fixture *f, const struct evidence_path *path, const void *with),
                  const void *with)
{
    assert_true(holds(f, path, with));
    for (unsigned i = 0; i < path->count; i++) {
        path->hashes[i][i % HASH] ^= (uint8_t)(1 << (i % 8));
        assert_false(holds(f, path, with));
        path->hashes[i][i % HASH] ^= (uint8_t)(1 << (i % 8));
    }
    if (path->count) {
        path->count--;
        assert_false(holds(f, path, with));
        path->count++;
    }
    memset(path->hashes[path->count++], 7, HASH);
    assert_false(holds(f, path, with));
    path->count--;
}

struct claim {
    uint64_t at, size;
    uint8_t first[HASH], root[HASH]; /* leaf or older root */
};

static bool inclusion_holds(struct fixture *f, const struct evidence_path *path, const void *with)
{
    const struct claim *claim = with;
    return evidence_verify_inclusion(f->hasher, claim->at, claim->size, claim->first, path, claim->root);
}

static bool consistency_holds(struct fixture *f, const struct evidence_path *path, const void *with)
{
    const struct claim *claim = with;
    return evidence_verify_consistency(f->hasher, claim->at, claim->size, claim->first, path, claim->root);
}

static void every_inclusion(void **state)
{
    struct fixture *f = *state;
    struct evidence_tree tree = {.size = 0};
    struct evidence_path path, expected;
    fill(f, &tree);
    for (unsigned n = 1; n <= SIZES; n++) {
        struct claim claim = {.size = n};
        mth(&f->reference, 0, n, claim.root);
        for (unsigned i = 0; i < n; i++) {
            expected.count = 0;
            path_of(&f->reference, i, 0, n, &expected);
            assert_int_equal(evidence_read_inclusion(&f->reader, i, n, &path), 0);
            assert_int_equal(path.count, expected.count);
            assert_memory_equal(path.hashes, expected.hashes, (size_t)path.count * HASH);
            claim.at = i;
            assert_int_equal(evidence_read_leaf(&f->reader, i, claim.first), 0);
            assert_memory_equal(claim.first, f->reference.leaves[i], HASH);
            spoil(f, &path, inclusion_holds, &claim);
            claim.at = (i + 1) % n;
            assert_true(n == 1 || !inclusion_holds(f, &path, &claim)); /* of another entry */
            claim.at = n;
            assert_false(inclusion_holds(f, &path, &claim));
        }
    }
}

static void every_consistency(void **state)
{
    struct fixture *f = *state;
    struct evidence_tree tree = {.size = 0};
    struct evidence_path path, expected;
    fill(f, &tree);
    for (unsigned n = 0; n <= SIZES; n++) {
        struct claim claim = {.size = n};
        mth(&f->reference, 0, n, claim.root);
        for (unsigned m = 0; m <= n; m++) {
            expected.count = 0;
            if (m > 0)
                subproof(&f->reference, m, 0, n, true, &expected);
            assert_int_equal(evidence_read_consistency(&f->reader, m, n, &path), 0);
            assert_int_equal(path.count, expected.count);
            assert_memory_equal(path.hashes, expected.hashes, (size_t)path.count * HASH);
            claim.at = m;
            mth(&f->reference, 0, m, claim.first);
            spoil(f, &path, consistency_holds, &claim);
            claim.first[3] ^= 1;
            assert_true(m == 0 || !consistency_holds(f, &path, &claim)); /* another past */
            claim.first[3] ^= 1;
            claim.root[3] ^= 1;
            assert_true(m == 0 || !consistency_holds(f, &path, &claim));
            claim.root[3] ^= 1;
        }
        claim.at = n + 1;
        path.count = 0;
        assert_false(consistency_holds(f, &path, &claim));
    }
}

static void a_node_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    struct evidence_tree tree = {.size = 0};
    struct evidence_path path;
    uint8_t root[HASH];
    fill(f, &tree);
    f->missing = EVIDENCE_NODES(SIZES) - 1;
    assert_int_equal(evidence_read_root(&f->reader, SIZES, root), -EIO);
    assert_int_equal(evidence_read_inclusion(&f->reader, 0, SIZES, &path), -EIO);
    assert_int_equal(evidence_read_consistency(&f->reader, 1, SIZES, &path), -EIO);
    assert_int_equal(evidence_read_inclusion(&f->reader, 0, 64, &path), 0);
}

/* ---- ten million entries ---- */

static int made_up(void *context, uint64_t number, uint8_t ret_hash[HASH])
{
    (void)context;
    assert_true(number < EVIDENCE_NODES(67108864)); /* nothing behind the tree is asked for */
    for (unsigned i = 0; i < HASH; i++)
        ret_hash[i] = (uint8_t)(number >> (8 * (i % 8))) ^ (uint8_t)(i * 37);
    return 0;
}

/* A whole message [1, msgid, nil, answer] stays below 1 KiB. */
static void size_of_answers(void **state)
{
    static const uint64_t sizes[] = {10000000, 9999999, 8388609, 16777215, 67108864, 67108863};
    struct fixture *f = *state;
    const struct evidence_reader reader = {.read = made_up, .hasher = f->hasher};
    struct relief_buf out = RELIEF_BUF_INIT;
    struct evidence_path path;
    size_t largest = 0;
    uint64_t draw = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (unsigned i = 0; i < 2000; i++) {
            draw = draw * UINT64_C(6364136223846793005) + 1442695040888963407;
            uint64_t at = i == 0 ? 0 : i == 1 ? sizes[s] - 1 : (draw >> 20) % sizes[s];
            assert_int_equal(evidence_read_inclusion(&reader, at, sizes[s], &path), 0);
            assert_true(path.count <= 26);
            char leaf[2 * HASH + 1];
            memset(leaf, 'f', 2 * HASH);
            struct relief_str bytes = {(const char *)path.hashes, path.count * HASH};
            struct relief_inclusion inclusion = {
                .seq = (int64_t)at + 1, .size = (int64_t)sizes[s], .leaf = {leaf, 2 * HASH}, .path = bytes};
            relief_buf_clear(&out);
            relief_pack_array(&out, 4);
            relief_pack_int(&out, 1);
            relief_pack_int(&out, UINT32_MAX);
            relief_pack_nil(&out);
            relief_pack_record(&out, &relief_shape_inclusion, &inclusion, 0);
            largest = out.len > largest ? out.len : largest;
            assert_int_equal(evidence_read_consistency(&reader, at + 1, sizes[s], &path), 0);
            assert_true(path.count <= 27);
            struct relief_consistency consistency = {.from = (int64_t)at + 1,
                                                     .size = (int64_t)sizes[s],
                                                     .path = {(const char *)path.hashes, path.count * HASH}};
            relief_buf_clear(&out);
            relief_pack_record(&out, &relief_shape_consistency, &consistency, 0);
            largest = out.len + 8 > largest ? out.len + 8 : largest;
        }
    }
    assert_true(largest > 900 && largest <= 1024);
    relief_buf_deinit(&out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(vectors),         T(every_root), T(every_inclusion), T(every_consistency), T(a_node_that_cannot_be_read),
        T(size_of_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
