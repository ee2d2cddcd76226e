#include "test.h"
#include "schema/buf.h"
#include <inttypes.h>
#include <stdio.h>

static void test_appends(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_buf_add(&buf, "", 0);
    relief_buf_add_text(&buf, "a");
    relief_buf_add_str(&buf, RELIEF_STR("bc"));
    relief_buf_add_str(&buf, RELIEF_STR_NONE);
    relief_buf_add_char(&buf, 'd');
    relief_buf_printf(&buf, "%s-%d", "e", 5);
    assert_text(buf, "abcde-5");
    relief_buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    for (int i = 0; i < 100000; i++)
        relief_buf_add_char(&buf, (char)i);
    assert_int_equal(buf.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (char)i);
    relief_buf_deinit(&buf);
    relief_buf_deinit(&buf);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        {0, "0"}, {-1, "-1"}, {10, "10"}, {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"}};
    struct relief_buf buf = RELIEF_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        relief_buf_clear(&buf);
        relief_buf_add_i64(&buf, cases[i].value);
        relief_buf_add_char(&buf, '\0');
        assert_string_equal(buf.data, cases[i].text);
    }
    relief_buf_deinit(&buf);
}

static void check_number(int64_t value)
{
    char here[RELIEF_I64_BYTES + 1], there[32];
    snprintf(there, sizeof there, "%" PRId64, value);
    *relief_i64_write(here, value) = '\0';
    assert_string_equal(here, there);
}

/* Around each number at which a digit or a bit is added. */
static void test_every_length(void **state)
{
    (void)state;
    uint64_t ten = 1;
    for (unsigned i = 0; i < 64; i++, ten *= i < 19 ? 10 : 1) {
        for (int64_t off = -2; off <= 2; off++) {
            check_number((int64_t)((UINT64_C(1) << i) + (uint64_t)off));
            check_number((int64_t)(0 - (UINT64_C(1) << i) + (uint64_t)off));
            check_number((int64_t)(ten + (uint64_t)off));
            check_number((int64_t)(0 - ten + (uint64_t)off));
        }
    }
    for (int64_t i = -2000; i <= 2000; i++)
        check_number(i);
}

/* The first failure sticks until the buffer is cleared. */
static void test_failure_sticks(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_buf_add_text(&buf, "kept");
    assert_false(relief_buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    relief_buf_add_text(&buf, "lost");
    relief_buf_printf(&buf, "%d", 1);
    assert_text(buf, "kept");
    relief_buf_clear(&buf);
    relief_buf_add_text(&buf, "again");
    assert_text(buf, "again");
    relief_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
