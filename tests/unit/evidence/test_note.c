/* Keys and notes: the vector of the Go implementation of the format, what we write, and that no changed byte passes. */
#include "evidence/note.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* golang.org/x/mod/sumdb/note. */
#define NEUMANN_PRIVATE "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define NEUMANN_PUBLIC  "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define NEUMANN_TEXT                                                                                                   \
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
#define NEUMANN_NOTE                                                                                                   \
    NEUMANN_TEXT "\n\xe2\x80\x94 PeterNeumann "                                                                        \
                 "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBw"             \
                 "JnAM=\n"

static struct evidence_signer log_key, witness_key;
static struct relief_buf note_text;

static struct relief_str text_of(const struct relief_buf *buf)
{
    return (struct relief_str){buf->data, (uint32_t)buf->len};
}

static int setup(void **state)
{
    struct evidence_checkpoint checkpoint = {.origin = "relief.example/3f1c9a2b", .size = 1204, .time = 1695000000123};
    struct relief_buf body = RELIEF_BUF_INIT;
    (void)state;
    if (evidence_signer_make(&log_key, "relief.example/3f1c9a2b", EVIDENCE_ED25519) ||
        evidence_signer_make(&witness_key, "witness.example/w1", EVIDENCE_COSIGNATURE))
        return -1;
    for (unsigned i = 0; i < sizeof checkpoint.root; i++)
        checkpoint.root[i] = (uint8_t)(i * 7);
    evidence_checkpoint_write(&body, &checkpoint);
    relief_buf_clear(&note_text);
    relief_buf_add_str(&note_text, text_of(&body));
    relief_buf_add_char(&note_text, '\n');
    evidence_note_sign(&note_text, text_of(&body), &log_key, 0);
    evidence_note_sign(&note_text, text_of(&body), &witness_key, 1695000007);
    relief_buf_deinit(&body);
    return note_text.failed;
}

static int teardown(void **state)
{
    (void)state;
    relief_buf_deinit(&note_text);
    return 0;
}

static void vector(void **state)
{
    struct evidence_signer signer;
    struct evidence_key key;
    struct evidence_note note;
    struct relief_buf buf = RELIEF_BUF_INIT;
    char public[EVIDENCE_VERIFIER_TEXT], private[EVIDENCE_PRIVATE_TEXT];
    (void)state;
    assert_true(evidence_signer_parse(&signer, RELIEF_STR(NEUMANN_PRIVATE)));
    assert_true(evidence_key_parse(&key, RELIEF_STR(NEUMANN_PUBLIC)));
    assert_memory_equal(&signer.key, &key, sizeof key);
    evidence_key_text(&signer.key, public);
    assert_string_equal(public, NEUMANN_PUBLIC);
    evidence_signer_text(&signer, private);
    assert_string_equal(private, NEUMANN_PRIVATE);
    relief_buf_add_text(&buf, NEUMANN_TEXT "\n");
    evidence_note_sign(&buf, RELIEF_STR(NEUMANN_TEXT), &signer, 0);
    relief_buf_add_char(&buf, '\0');
    assert_string_equal(buf.data, NEUMANN_NOTE);
    assert_true(evidence_note_parse(&note, RELIEF_STR(NEUMANN_NOTE)));
    assert_true(evidence_note_verify(&note, &key, NULL, NULL));
    relief_buf_deinit(&buf);
}

static void keys(void **state)
{
    static const char *const bad[] = {
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", /* hash */
        "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", /* name */
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX", /* key */
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        NEUMANN_PRIVATE,
    };
    struct evidence_key key;
    struct evidence_signer signer;
    char text[EVIDENCE_VERIFIER_TEXT], longest[EVIDENCE_NAME_BYTES_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(evidence_key_parse(&key, relief_str_of(bad[i])));
    assert_false(evidence_signer_parse(&signer, RELIEF_STR(NEUMANN_PUBLIC)));
    assert_false(evidence_signer_parse(&signer, RELIEF_STR("PRIVATE+KEY+")));
    assert_false(evidence_key_parse(&key, RELIEF_STR_NONE));
    evidence_key_text(&witness_key.key, text);
    assert_true(evidence_key_parse(&key, relief_str_of(text)));
    assert_memory_equal(&key, &witness_key.key, sizeof key);
    memset(longest, 'n', sizeof longest);
    assert_true(evidence_name_ok((struct relief_str){longest, EVIDENCE_NAME_BYTES_MAX}));
    assert_false(evidence_name_ok((struct relief_str){longest, EVIDENCE_NAME_BYTES_MAX + 1}));
    assert_false(evidence_name_ok(RELIEF_STR("")));
    assert_false(evidence_name_ok(RELIEF_STR("a+b")));
    assert_false(evidence_name_ok(RELIEF_STR("\xe6\xb0\xb4")));
    longest[EVIDENCE_NAME_BYTES_MAX] = '\0';
    assert_int_equal(evidence_signer_make(&signer, longest, EVIDENCE_ED25519), 0);
    evidence_key_text(&signer.key, text);
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_true(evidence_key_parse(&key, relief_str_of(text)));
}

static void checkpoint_and_cosignature(void **state)
{
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    struct evidence_key other;
    int64_t time = 0;
    unsigned line = 9;
    (void)state;
    assert_true(evidence_note_parse(&note, text_of(&note_text)));
    assert_int_equal(note.count, 2);
    assert_true(evidence_checkpoint_parse(&checkpoint, note.body));
    assert_string_equal(checkpoint.origin, "relief.example/3f1c9a2b");
    assert_int_equal(checkpoint.size, 1204);
    assert_int_equal(checkpoint.time, 1695000000123);
    assert_int_equal(checkpoint.root[3], 21);
    assert_true(evidence_note_verify(&note, &log_key.key, NULL, &line));
    assert_int_equal(line, 0);
    assert_true(evidence_note_verify(&note, &witness_key.key, &time, &line));
    assert_int_equal(line, 1);
    assert_int_equal(time, 1695000007);
    other = witness_key.key; /* the same name and id, another key */
    other.bytes[0] ^= 1;
    assert_false(evidence_note_verify(&note, &other, NULL, NULL));
    other = witness_key.key;
    other.type = EVIDENCE_ED25519; /* a cosignature is no signature of a log */
    assert_false(evidence_note_verify(&note, &other, NULL, NULL));
}

/* Bytes past ASCII that libsodium takes for digits: one form for each root, or a body is not as it was written. */
static void root_in_one_form(void **state)
{
    struct evidence_checkpoint checkpoint;
    (void)state;
#define BODY(two) "relief.example/a\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" two "AAAA=\ntime 1767225600000\n"
    assert_true(evidence_checkpoint_parse(&checkpoint, RELIEF_STR(BODY("AA"))));
    assert_false(evidence_checkpoint_parse(&checkpoint, RELIEF_STR(BODY("\xc6\xbe"))));
    assert_false(evidence_checkpoint_parse(&checkpoint, RELIEF_STR(BODY("\xc3\xbe"))));
#undef BODY
}

/* A further line in the name of a key must hold too. */
static void second_signature(void **state)
{
    struct evidence_note note;
    struct relief_buf twice = RELIEF_BUF_INIT;
    (void)state;
    assert_true(evidence_note_parse(&note, text_of(&note_text)));
    relief_buf_add_str(&twice, text_of(&note_text));
    relief_buf_add_str(&twice, note.lines[0]);
    assert_true(evidence_note_parse(&note, text_of(&twice)));
    assert_true(evidence_note_verify(&note, &log_key.key, NULL, NULL));
    twice.data[twice.len - 6] ^= 1;
    if (evidence_note_parse(&note, text_of(&twice)))
        assert_false(evidence_note_verify(&note, &log_key.key, NULL, NULL));
    /* Signatures of algorithms that nobody here knows are passed over. */
    relief_buf_clear(&twice);
    relief_buf_add_str(&twice, text_of(&note_text));
    relief_buf_add_text(&twice, "\xe2\x80\x94 other.example AAAAAAAA\n");
    assert_true(evidence_note_parse(&note, text_of(&twice)));
    assert_int_equal(note.count, 3);
    assert_true(evidence_note_verify(&note, &log_key.key, NULL, NULL));
    for (unsigned i = 0; i < EVIDENCE_SIGNATURES_MAX; i++)
        relief_buf_add_text(&twice, "\xe2\x80\x94 other.example AAAAAAAA\n");
    assert_false(evidence_note_parse(&note, text_of(&twice)));
    relief_buf_deinit(&twice);
}

static bool good(struct relief_str text)
{
    struct evidence_note note;
    struct evidence_checkpoint checkpoint;
    return evidence_note_parse(&note, text) && evidence_checkpoint_parse(&checkpoint, note.body) &&
           evidence_note_verify(&note, &log_key.key, NULL, NULL) &&
           evidence_note_verify(&note, &witness_key.key, NULL, NULL);
}

/* Each bit flipped, each byte taken out or doubled, each cut: none is the note that was signed, and each is read
 * without a fault. */
static void every_change_is_noticed(void **state)
{
    char changed[1024];
    (void)state;
    const size_t len = note_text.len;
    assert_true(len + 1 < sizeof changed && good(text_of(&note_text)));
    for (size_t i = 0; i < len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(changed, note_text.data, len);
            changed[i] ^= (char)(1 << bit);
            assert_false(good((struct relief_str){changed, (uint32_t)len}));
        }
        memmove(changed + i, note_text.data + i + 1, len - i - 1);
        memcpy(changed, note_text.data, i);
        assert_false(good((struct relief_str){changed, (uint32_t)len - 1}));
        memcpy(changed, note_text.data, i + 1);
        memcpy(changed + i + 1, note_text.data + i, len - i);
        assert_false(good((struct relief_str){changed, (uint32_t)len + 1}));
        assert_false(good((struct relief_str){note_text.data, (uint32_t)i}));
    }
}

static void checkpoints_in_other_forms(void **state)
{
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const char *const bad[] = {
        "",
        "o\n",
        "o\n1\n",
        "o\n1\n" ROOT "\n",
        "o\n1\n" ROOT "\ntime 5",
        "o\n01\n" ROOT "\ntime 5\n",
        "o\n+1\n" ROOT "\ntime 5\n",
        "o\n-1\n" ROOT "\ntime 5\n",
        "o\n\n" ROOT "\ntime 5\n",
        "o\n9223372036854775808\n" ROOT "\ntime 5\n",
        "o\n99999999999999999999\n" ROOT "\ntime 5\n",
        "o\n1\n" ROOT "\ntime 05\n",
        "o\n1\n" ROOT "\ntime -5\n",
        "o\n1\n" ROOT "\ntime\n",
        "o\n1\n" ROOT "\ntimes 5\n",
        "o\n1\n" ROOT "\ntime 5\nmore\n",
        "o p\n1\n" ROOT "\ntime 5\n",
        "\n1\n" ROOT "\ntime 5\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\ntime 5\n", /* bits that no byte has */
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\ntime 5\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\ntime 5\n",
    };
    struct evidence_checkpoint checkpoint;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(evidence_checkpoint_parse(&checkpoint, relief_str_of(bad[i])));
    assert_true(evidence_checkpoint_parse(&checkpoint, RELIEF_STR("o\n9223372036854775807\n" ROOT "\ntime 0\n")));
    assert_int_equal(checkpoint.size, INT64_MAX);
    assert_true(evidence_checkpoint_parse(&checkpoint, RELIEF_STR("o\n0\n" ROOT "\ntime 5\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector),
        cmocka_unit_test(keys),
        cmocka_unit_test(checkpoint_and_cosignature),
        cmocka_unit_test(root_in_one_form),
        cmocka_unit_test(second_signature),
        cmocka_unit_test(every_change_is_noticed),
        cmocka_unit_test(checkpoints_in_other_forms),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
