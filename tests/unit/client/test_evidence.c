/*
 * The reader's side of evidence: every proof of every small tree leads to its root and to no other; notes are taken in
 * one form only. Trees and paths are made here as RFC 6962 section 2.1 defines them, by recursion over the leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "client/cli/evidence_note.h"
#include "client/cli/evidence_tree.h"

#define LEAVES 40u

static uint8_t leaves[LEAVES][TREE_HASH_BYTES];

static void make_leaf(unsigned i)
{
    char line[20];
    int len = snprintf(line + 1, sizeof line - 1, "entry %u", i);
    line[0] = 0;
    crypto_hash_sha256(leaves[i], (const uint8_t *)line, (size_t)len + 1);
}

static unsigned split(unsigned size)
{
    unsigned k = 1;
    while (k * 2 < size)
        k *= 2;
    return k;
}

static void root_of(unsigned from, unsigned size, uint8_t ret[TREE_HASH_BYTES])
{
    uint8_t bytes[1 + 2 * TREE_HASH_BYTES] = {1};
    if (size == 0)
        crypto_hash_sha256(ret, bytes, 0);
    else if (size == 1)
        memcpy(ret, leaves[from], TREE_HASH_BYTES);
    if (size < 2)
        return;
    unsigned k = split(size);
    root_of(from, k, bytes + 1);
    root_of(from + k, size - k, bytes + 1 + TREE_HASH_BYTES);
    crypto_hash_sha256(ret, bytes, sizeof bytes);
}

struct path {
    uint8_t hashes[TREE_PATH_MAX][TREE_HASH_BYTES];
    unsigned count;
};

static void path_of(unsigned index, unsigned from, unsigned size, struct path *path)
{
    if (size == 1)
        return;
    unsigned k = split(size);
    if (index < k) {
        path_of(index, from, k, path);
        root_of(from + k, size - k, path->hashes[path->count++]);
    } else {
        path_of(index - k, from + k, size - k, path);
        root_of(from, k, path->hashes[path->count++]);
    }
}

static void consistency_of(unsigned m, unsigned from, unsigned size, bool whole, struct path *path)
{
    if (m == size) {
        if (!whole)
            root_of(from, size, path->hashes[path->count++]);
        return;
    }
    unsigned k = split(size);
    if (m <= k) {
        consistency_of(m, from, k, whole, path);
        root_of(from + k, size - k, path->hashes[path->count++]);
    } else {
        consistency_of(m - k, from + k, size - k, false, path);
        root_of(from, k, path->hashes[path->count++]);
    }
}

static void test_roots(void **state)
{
    (void)state;
    struct tree tree;
    uint8_t root[TREE_HASH_BYTES], wanted[TREE_HASH_BYTES];
    char line[20];
    assert_true(tree_open(&tree));
    for (unsigned size = 0; size < LEAVES; size++) {
        tree_root(&tree, root);
        root_of(0, size, wanted);
        assert_memory_equal(root, wanted, sizeof root);
        int len = snprintf(line, sizeof line, "entry %u", size);
        tree_add_line(&tree, line, (size_t)len);
    }
    tree_close(&tree);
}

static void test_inclusion(void **state)
{
    (void)state;
    uint8_t root[TREE_HASH_BYTES];
    for (unsigned size = 1; size <= LEAVES; size++) {
        root_of(0, size, root);
        for (unsigned i = 0; i < size; i++) {
            struct path path = {.count = 0};
            path_of(i, 0, size, &path);
            assert_true(tree_proves_inclusion(leaves[i], i + 1, size, path.hashes[0], path.count, root));
            assert_false(
                tree_proves_inclusion(leaves[(i + 1) % LEAVES], i + 1, size, path.hashes[0], path.count, root));
            assert_false(tree_proves_inclusion(leaves[i], i + 1, size, path.hashes[0], path.count + 1, root));
            assert_false(path.count > 0 &&
                         tree_proves_inclusion(leaves[i], i + 1, size, path.hashes[0], path.count - 1, root));
            for (unsigned other = 1; other <= size; other++)
                assert_true(other == i + 1 ||
                            !tree_proves_inclusion(leaves[i], other, size, path.hashes[0], path.count, root));
        }
    }
    assert_false(tree_proves_inclusion(leaves[0], 0, 1, NULL, 0, leaves[0]));
    assert_false(tree_proves_inclusion(leaves[0], 2, 1, NULL, 0, leaves[0]));
}

static void test_consistency(void **state)
{
    (void)state;
    uint8_t old[TREE_HASH_BYTES], root[TREE_HASH_BYTES];
    for (unsigned size = 0; size <= LEAVES; size++) {
        for (unsigned from = 0; from <= size; from++) {
            struct path path = {.count = 0};
            root_of(0, from, old);
            root_of(0, size, root);
            if (from > 0 && from < size)
                consistency_of(from, 0, size, true, &path);
            assert_true(tree_proves_consistency(from, old, size, root, path.hashes[0], path.count));
            old[5] ^= 1;
            assert_false(tree_proves_consistency(from, old, size, root, path.hashes[0], path.count));
            old[5] ^= 1;
            root[5] ^= 1;
            assert_true(tree_proves_consistency(from, old, size, root, path.hashes[0], path.count) ==
                        (from == 0 && size > 0)); /* everything goes on from nothing */
            root[5] ^= 1;
            assert_false(tree_proves_consistency(from, old, size, root, path.hashes[0], path.count + 1));
            for (unsigned i = 0; i < path.count; i++) {
                path.hashes[i][0] ^= 1;
                assert_false(tree_proves_consistency(from, old, size, root, path.hashes[0], path.count));
                path.hashes[i][0] ^= 1;
            }
        }
    }
    assert_false(tree_proves_consistency(2, old, 1, root, NULL, 0));
}

/* ---- notes ---- */

struct signer {
    char name[40], text[200];
    uint8_t type, id[4], public_key[32], secret[64];
};

static void make_signer(struct signer *signer, const char *name, uint8_t type)
{
    uint8_t bytes[200], hash[32], typed[33];
    char base64[64];
    *signer = (struct signer){.type = type};
    snprintf(signer->name, sizeof signer->name, "%s", name);
    crypto_sign_keypair(signer->public_key, signer->secret);
    size_t len = strlen(name);
    memcpy(bytes, name, len);
    bytes[len] = '\n';
    bytes[len + 1] = type;
    memcpy(bytes + len + 2, signer->public_key, 32);
    crypto_hash_sha256(hash, bytes, len + 34);
    memcpy(signer->id, hash, 4);
    typed[0] = type;
    memcpy(typed + 1, signer->public_key, 32);
    sodium_bin2base64(base64, sizeof base64, typed, 33, sodium_base64_VARIANT_ORIGINAL);
    snprintf(signer->text, sizeof signer->text, "%s+%02x%02x%02x%02x+%s", name, hash[0], hash[1], hash[2], hash[3],
             base64);
}

static void sign(struct relief_buf *note, const char *body, const struct signer *signer, uint64_t seconds)
{
    uint8_t bytes[76];
    char base64[128], message[1000];
    size_t len = 4;
    memcpy(bytes, signer->id, 4);
    snprintf(message, sizeof message, "%s", body);
    if (signer->type == 4) {
        snprintf(message, sizeof message, "cosignature/v1\ntime %llu\n%s", (unsigned long long)seconds, body);
        for (int shift = 56; shift >= 0; shift -= 8)
            bytes[len++] = (uint8_t)(seconds >> shift);
    }
    crypto_sign_detached(bytes + len, NULL, (const uint8_t *)message, strlen(message), signer->secret);
    sodium_bin2base64(base64, sizeof base64, bytes, len + 64, sodium_base64_VARIANT_ORIGINAL);
    relief_buf_printf(note, "\xe2\x80\x94 %s %s\n", signer->name, base64);
}

#define BODY "log.example/1\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 1695000000123\n"

/* A signature of another algorithm is longer than ours, as long as a note may be. */
static void test_long_signatures(void **state)
{
    static struct evidence_note note;
    struct evidence_trust trust = {.has_log = false};
    struct signer log;
    struct relief_buf text = RELIEF_BUF_INIT;
    char letters[7001];
    (void)state;
    make_signer(&log, "log.example/1", 1);
    assert_int_equal(evidence_key_add(&trust, log.text, false), 0);
    for (size_t len = 8; len < sizeof letters; len = len * 3 / 2 / 4 * 4) {
        memset(letters, 'L', len);
        letters[len] = '\0';
        relief_buf_clear(&text);
        relief_buf_add_text(&text, BODY "\n");
        relief_buf_printf(&text, "\xe2\x80\x94 x %s\n", letters);
        sign(&text, BODY, &log, 0);
        assert_null(evidence_note_read(&note, (struct relief_str){text.data, (uint32_t)text.len}, &trust));
        assert_string_equal(note.unknown[0], "x");
    }
    relief_buf_deinit(&text);
}

static void test_notes(void **state)
{
    (void)state;
    static struct evidence_note note;
    struct evidence_trust trust = {.has_log = false};
    struct signer log, witness, stranger;
    struct relief_buf text = RELIEF_BUF_INIT;
    make_signer(&log, "log.example/1", 1);
    make_signer(&witness, "city.example/w", 4);
    make_signer(&stranger, "else.example/w", 4);
    assert_int_equal(evidence_key_add(&trust, log.text, false), 0);
    assert_int_equal(evidence_key_add(&trust, witness.text, true), 0);
    assert_int_equal(evidence_key_add(&trust, witness.text, false), 2); /* a witness's key is no log's */
    relief_buf_add_text(&text, BODY "\n");
    struct relief_str bare = {text.data, (uint32_t)text.len};
    assert_string_equal(evidence_note_read(&note, bare, &trust), "the log's key did not sign it");
    sign(&text, BODY, &log, 0);
    sign(&text, BODY, &witness, 1700000000);
    sign(&text, BODY, &stranger, 1700000001);
    struct relief_str whole = {text.data, (uint32_t)text.len};
    assert_null(evidence_note_read(&note, whole, &trust));
    assert_string_equal(note.origin, "log.example/1");
    assert_int_equal(note.size, 12);
    assert_int_equal(note.time, 1695000000123);
    assert_int_equal(note.witness_count, 1);
    assert_int_equal(note.witnesses[0].time, 1700000000000);
    assert_int_equal(note.unknown_count, 1);
    assert_string_equal(note.unknown[0], "else.example/w");
    /* A byte that changes before the stranger's line is found, or the witness is no longer known by it; in that line
     * nobody can tell. */
    size_t known =
        text.len - strlen(strstr(text.data, "\xe2\x80\x94 else") ? strstr(text.data, "\xe2\x80\x94 else") : "");
    for (size_t i = 0; i < known; i++) {
        text.data[i] ^= 1;
        assert_true(evidence_note_read(&note, whole, &trust) || note.witness_count == 0);
        text.data[i] ^= 1;
    }
    for (uint32_t len = 0; len < whole.len; len++) {
        const char *wrong = evidence_note_read(&note, (struct relief_str){text.data, len}, &trust);
        bool line_end = len > 0 && text.data[len - 1] == '\n';
        assert_true(wrong || line_end); /* cut behind a signature it is still a note */
    }
    sign(&text, BODY, &witness, 1700000002);
    assert_string_equal(evidence_note_read(&note, (struct relief_str){text.data, (uint32_t)text.len}, &trust),
                        "a witness's signature stands there twice");
    relief_buf_deinit(&text);
}

static void test_bodies_of_another_form(void **state)
{
    (void)state;
    static struct evidence_note note;
    static const char *const bodies[] = {
        "log.example/1\n012\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 1\n",
        "log.example/1\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 1\n",
        "log.example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\ntime 1\n",
        "log.example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\ntime 1\n",
        "log.example/1\n1\nAAAA\ntime 1\n",
        "log.example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "log.example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 1\nmore\n",
        "log.example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 01\n",
        "log example/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 1\n",
        "other.example\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 1\n"};
    struct evidence_trust trust = {.has_log = false};
    struct signer log;
    make_signer(&log, "log.example/1", 1);
    assert_int_equal(evidence_key_add(&trust, log.text, false), 0);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct relief_buf text = RELIEF_BUF_INIT;
        relief_buf_printf(&text, "%s\n", bodies[i]);
        sign(&text, bodies[i], &log, 0); /* signed, and still refused */
        assert_non_null(evidence_note_read(&note, (struct relief_str){text.data, (uint32_t)text.len}, &trust));
        relief_buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),       cmocka_unit_test(test_inclusion),
        cmocka_unit_test(test_consistency), cmocka_unit_test(test_long_signatures),
        cmocka_unit_test(test_notes),       cmocka_unit_test(test_bodies_of_another_form),
    };
    if (sodium_init() < 0)
        return 1;
    for (unsigned i = 0; i < LEAVES; i++)
        make_leaf(i);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
