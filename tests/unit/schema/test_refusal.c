#include "test.h"
#include "schema/refusal.h"
#include "schema/scan.h"
#include "schema/shape.h"
#include <string.h>

static void test_fills_and_clears(void **state)
{
    (void)state;
    struct relief_refusal refusal;
    memset(&refusal, 'x', sizeof refusal);
    assert_int_equal(relief_refuse_field(&refusal, RELIEF_NOT_FOUND, "city", "no city %d", 7), RELIEF_NOT_FOUND);
    assert_int_equal(refusal.code, RELIEF_NOT_FOUND);
    assert_string_equal(refusal.field, "city");
    assert_string_equal(refusal.message, "no city 7");
    assert_string_equal(refusal.id, "");
    assert_string_equal(refusal.state, "");
    assert_true(refusal.available == RELIEF_NIL);
    /* The message may quote the refusal that it replaces. */
    assert_int_equal(relief_refuse(&refusal, RELIEF_BUSY, "after %s", refusal.message), RELIEF_BUSY);
    assert_string_equal(refusal.message, "after no city 7");
    assert_string_equal(refusal.field, "");
}

/* A text that is too long is cut between characters, wherever the bound falls. */
static void test_cuts_between_characters(void **state)
{
    (void)state;
    char text[400];
    for (unsigned shift = 0; shift < 4; shift++) {
        size_t len = shift;
        memset(text, 'a', shift);
        while (len + 4 < sizeof text) {
            memcpy(text + len, "\xf0\x9f\x9a\x91", 4);
            len += 4;
        }
        text[len] = '\0';
        struct relief_refusal refusal;
        relief_refuse_field(&refusal, RELIEF_BAD_PARAMS, text, "%s", text);
        assert_true(scan_utf8(refusal.message, strlen(refusal.message)));
        assert_true(scan_utf8(refusal.field, strlen(refusal.field)));
        assert_true(strlen(refusal.message) > sizeof refusal.message - 5);
        assert_true(strlen(refusal.field) > sizeof refusal.field - 5);
    }
}

/* The same with characters of every length; and what is no text at all is passed on, cut at the bound. */
static void test_cuts_every_length(void **state)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe6\xb0\xb4", "\xf0\x9f\x9a\x91"};
    struct relief_refusal refusal;
    (void)state;
    for (size_t c = 0; c < sizeof characters / sizeof *characters; c++) {
        for (unsigned shift = 0; shift < 4; shift++) {
            char text[400] = "aaa";
            text[shift] = '\0';
            while (strlen(text) + 5 < sizeof text)
                strcat(text, characters[c]);
            assert_int_equal(relief_refuse_field(&refusal, RELIEF_BAD_PARAMS, NULL, "%s", text), RELIEF_BAD_PARAMS);
            assert_string_equal(refusal.field, "");
            assert_true(scan_utf8(refusal.message, strlen(refusal.message)));
            assert_true(strlen(refusal.message) > sizeof refusal.message - 1 - strlen(characters[c]));
        }
    }
    char middles[300];
    memset(middles, 0x80, sizeof middles - 1);
    middles[sizeof middles - 1] = '\0';
    relief_refuse(&refusal, RELIEF_BAD_PARAMS, "%s", middles);
    assert_int_equal(strlen(refusal.message), sizeof refusal.message - 1);
}

static void test_errors(void **state)
{
    (void)state;
    for (int i = RELIEF_DONE + 1; i < RELIEF_ERROR_COUNT; i++) {
        const char *name = relief_error_name(i);
        assert_int_equal(relief_error_from_name(name, (unsigned)strlen(name)), i);
        assert_true(strlen(relief_error_advice(i)) > 0);
    }
    assert_int_equal(relief_error_from_name("BUS", 3), -1);
    assert_int_equal(relief_error_from_name("BUSYX", 5), -1);
    assert_int_equal(relief_error_from_name("", 0), -1);
    assert_int_equal(relief_error_from_name("DONE", 4), -1);
    assert_int_equal(relief_error_retry(RELIEF_BUSY), 1);
    assert_int_equal(relief_error_retry(RELIEF_STALE), 0);
    assert_string_equal(relief_error_name(9999), "INTERNAL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_and_clears),
        cmocka_unit_test(test_cuts_between_characters),
        cmocka_unit_test(test_cuts_every_length),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
