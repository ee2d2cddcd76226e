/* Notes and keys: the page's own example of form, signatures of both kinds, and every bit of a note that is bent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include "tools/audit/note.h"

#define DASH "\xe2\x80\x94 "

/* The verifier key of the public checksum database of Go, written down by others. */
#define SUMDB "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

static struct audit_secret log_key, witness_key;
static struct audit_note note;

static void make(const char *body, const char *lines, struct audit_buf *ret)
{
    char line[AUDIT_SIG_LINE_MAX];
    audit_buf_text(ret, body);
    audit_buf_text(ret, "\n" DASH "nobody AAAAAAA=\n");
    assert_null(audit_note_read(audit_buf_view(ret), &note));
    audit_note_sign(&note, &log_key, 0, line);
    ret->len = strlen(body);
    audit_buf_text(ret, "\n");
    audit_buf_text(ret, line);
    audit_note_sign(&note, &witness_key, 1700000000, line);
    audit_buf_text(ret, line);
    audit_buf_text(ret, lines);
    assert_null(audit_note_read(audit_buf_view(ret), &note));
}

#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define BODY "relief.example/1\n12\n" ROOT "\ntime 1695000000123\n"

static void test_signed(void **state)
{
    struct audit_buf text = AUDIT_BUF_INIT, kept = AUDIT_BUF_INIT;
    struct audit_secret other;
    int64_t seconds = 0;
    (void)state;
    make(BODY, "", &text);
    assert_int_equal(note.size, 12);
    assert_true(note.timed);
    assert_int_equal(note.time, INT64_C(1695000000123));
    assert_int_equal(note.count, 2);
    assert_true(audit_text_eq(note.origin, AUDIT_TEXT("relief.example/1")));
    assert_int_equal(audit_note_signed(&note, &log_key.key, NULL), AUDIT_SIGNED_WELL);
    assert_int_equal(audit_note_signed(&note, &witness_key.key, &seconds), AUDIT_SIGNED_WELL);
    assert_int_equal(seconds, 1700000000);
    assert_true(audit_secret_make(&other, "relief.example/1", AUDIT_KEY_LOG));
    assert_int_equal(audit_note_signed(&note, &other.key, NULL), AUDIT_SIGNED_NOT);
    /* the log's line alone */
    audit_note_with(&note, &log_key.key, "", &kept);
    assert_null(audit_note_read(audit_buf_view(&kept), &note));
    assert_int_equal(note.count, 1);
    assert_int_equal(audit_note_signed(&note, &log_key.key, NULL), AUDIT_SIGNED_WELL);
    assert_int_equal(audit_note_signed(&note, &witness_key.key, NULL), AUDIT_SIGNED_NOT);
    audit_buf_deinit(&kept);
    audit_buf_deinit(&text);
}

static void test_every_bit(void **state)
{
    struct audit_buf text = AUDIT_BUF_INIT;
    (void)state;
    make(BODY, "", &text);
    for (size_t i = 0; i < 8 * text.len; i++) {
        text.data[i / 8] ^= (char)(1 << i % 8);
        /* Whatever is bent, one of the two who signed is not there any more. */
        if (!audit_note_read(audit_buf_view(&text), &note) &&
            audit_note_signed(&note, &log_key.key, NULL) == AUDIT_SIGNED_WELL &&
            audit_note_signed(&note, &witness_key.key, NULL) == AUDIT_SIGNED_WELL)
            fail_msg("bit %zu can be changed", i);
        text.data[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t len = 0; len < text.len; len++) {
        if (!audit_note_read((struct audit_text){text.data, len}, &note))
            assert_int_not_equal(audit_note_signed(&note, &witness_key.key, NULL), AUDIT_SIGNED_WELL);
    }
    audit_buf_deinit(&text);
}

static void test_forms(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "a\n1\n" ROOT "\n\n",                      /* no signature */
        "a\n1\n\n" DASH "n AAAAAAA=\n",            /* no root */
        "a\n01\n" ROOT "\n\n" DASH "n AAAAAAA=\n", /* a size in another form */
        "a\n-1\n" ROOT "\n\n" DASH "n AAAAAAA=\n",
        "a\n1\n" ROOT "=\n\n" DASH "n AAAAAAA=\n",
        "\n1\n" ROOT "\n\n" DASH "n AAAAAAA=\n", /* no origin */
        "a\n1\n" ROOT "\n\n- n AAAAAAA=\n",      /* no dash */
        "a\n1\n" ROOT "\n\n" DASH "n AAAAAAA=",  /* no end */
        "a\n1\n" ROOT "\n\n" DASH "n AAAA\n",    /* an id alone, and less */
        "a\n1\n" ROOT "\n\n" DASH "n+ AAAAAAA=\n",
        "a\n1\n" ROOT "\n\n" DASH "nAAAAAAA=\n",
        "a\n1\n" ROOT "\n\nx\n\n" DASH "n AAAAAAA=\n", /* an empty line in the body */
        "a\r\n1\n" ROOT "\n\n" DASH "n AAAAAAA=\n",
        "a\xff\n1\n" ROOT "\n\n" DASH "n AAAAAAA=\n",
        "a\n9223372036854775808\n" ROOT "\n\n" DASH "n AAAAAAA=\n",
    };
    struct audit_buf text = AUDIT_BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!audit_note_read(audit_text_of(bad[i]), &note))
            fail_msg("form %zu passes", i);
    audit_buf_text(&text, "a\n1\n" ROOT "\n\n");
    for (unsigned i = 0; i < AUDIT_SIGNATURES_MAX; i++)
        audit_buf_text(&text, DASH "n AAAAAAA=\n");
    assert_null(audit_note_read(audit_buf_view(&text), &note));
    assert_false(note.timed);
    audit_buf_text(&text, DASH "n AAAAAAA=\n");
    assert_non_null(audit_note_read(audit_buf_view(&text), &note));
    audit_buf_deinit(&text);
}

static void test_keys(void **state)
{
    struct audit_key key;
    struct audit_secret back;
    char text[AUDIT_KEY_TEXT_MAX], again[AUDIT_KEY_TEXT_MAX], name[AUDIT_NAME_MAX + 2];
    (void)state;
    assert_true(audit_key_read(AUDIT_TEXT(SUMDB), &key));
    audit_key_write(&key, text);
    assert_string_equal(text, SUMDB);
    for (size_t i = 0; i < 8 * (sizeof SUMDB - 1); i++) {
        memcpy(text, SUMDB, sizeof SUMDB);
        text[i / 8] ^= (char)(1 << i % 8);
        assert_false(audit_key_read((struct audit_text){text, sizeof SUMDB - 1}, &key));
    }
    audit_secret_write(&witness_key, text);
    assert_true(audit_secret_read(audit_text_of(text), &back));
    assert_memory_equal(back.bytes, witness_key.bytes, sizeof back.bytes);
    audit_secret_write(&back, again);
    assert_string_equal(text, again);
    memset(name, 'n', sizeof name);
    name[AUDIT_NAME_MAX] = '\0';
    assert_true(audit_secret_make(&back, name, AUDIT_KEY_LOG));
    audit_secret_write(&back, text);
    assert_true(audit_secret_read(audit_text_of(text), &back));
    name[AUDIT_NAME_MAX] = 'n';
    name[AUDIT_NAME_MAX + 1] = '\0';
    assert_false(audit_secret_make(&back, name, AUDIT_KEY_LOG));
    assert_false(audit_secret_make(&back, "", AUDIT_KEY_LOG));
    assert_false(audit_secret_make(&back, "a b", AUDIT_KEY_LOG));
    assert_false(audit_secret_make(&back, "a+b", AUDIT_KEY_LOG));
}

static int set_up(void **state)
{
    (void)state;
    return sodium_init() < 0 || !audit_secret_make(&log_key, "relief.example/1", AUDIT_KEY_LOG) ||
           !audit_secret_make(&witness_key, "other.example/w", AUDIT_KEY_WITNESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signed), cmocka_unit_test(test_every_bit),
                                       cmocka_unit_test(test_forms), cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
