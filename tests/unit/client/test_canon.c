/*
 * The strict reader of JSON: what it takes is what the writer makes, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/canon.h"
#include "schema/codec.h"

static bool taken(struct canon *canon, const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1); /* its very bytes, so that a sanitizer sees a step beyond them */
    memcpy(copy, text, len);
    bool good = canon_parse(canon, (struct relief_str){copy, (uint32_t)len});
    assert_true(good == !canon->error);
    assert_true(canon->error_at <= len);
    free(copy);
    return good;
}

static void test_takes_what_the_writer_makes(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",
                                       "[]",
                                       "null",
                                       "true",
                                       "false",
                                       "0",
                                       "-1",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "\"\"",
                                       "{\"a\":1,\"b\":[{\"c\":null},\"x\"],\"ba\":{}}",
                                       "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\x7f/\"",
                                       "\"武汉 \xf0\x9f\x9a\x92\"",
                                       "[[[[[[[[[[1]]]]]]]]]]"};
    struct canon canon = CANON_INIT;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!taken(&canon, good[i], strlen(good[i])))
            fail_msg("%s: %s", good[i], canon.error);
        for (size_t len = 0; len < strlen(good[i]); len++) { /* no beginning of it, numbers aside */
            if (good[i][0] != '9' && good[i][0] != '-' && taken(&canon, good[i], len))
                fail_msg("%.*s was taken", (int)len, good[i]);
        }
    }
    canon_deinit(&canon);
}

static void test_takes_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " {}",
                                      "{} ",
                                      "{ }",
                                      "{\"a\": 1}",
                                      "{\"a\":1 }",
                                      "{\"a\":1,}",
                                      "[1,]",
                                      "[,1]",
                                      "{\"b\":1,\"a\":2}",
                                      "{\"a\":1,\"a\":1}",
                                      "{\"\\u0061\":1}",
                                      "{a:1}",
                                      "{1:1}",
                                      "01",
                                      "-0",
                                      "+1",
                                      "1.0",
                                      "1e3",
                                      "1E3",
                                      ".5",
                                      "-",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "12345678901234567890123",
                                      "nul",
                                      "True",
                                      "NaN",
                                      "\"",
                                      "\"\\/\"",
                                      "\"\\u0041\"",
                                      "\"\\u001F\"",
                                      "\"\\u000a\"",
                                      "\"\\u0022\"",
                                      "\"\\ud83d\\ude92\"",
                                      "\"\\x\"",
                                      "\"\t\"",
                                      "\"\n\"",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xe6\xad\"",
                                      "[1 2]",
                                      "[1}",
                                      "{\"a\":1]",
                                      "{\"a\"}",
                                      "{\"a\",1}",
                                      "//",
                                      "[1]x",
                                      "{\"!\":1,\"\":2}"};
    struct canon canon = CANON_INIT;
    char deep[200];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (taken(&canon, bad[i], strlen(bad[i])))
            fail_msg("%s was taken", bad[i]);
    }
    assert_false(taken(&canon, "\"a\0b\"", 5));
    memset(deep, '[', sizeof deep);
    assert_false(taken(&canon, deep, sizeof deep));
    assert_string_equal(canon.error, "nested too deep");
    canon_deinit(&canon);
}

static void test_members(void **state)
{
    (void)state;
    struct canon canon = CANON_INIT;
    struct relief_buf scratch = RELIEF_BUF_INIT;
    const char *line = "{\"a\":-7,\"b\":[\"x\",{\"c\":1}],\"bb\":\"q\\\"\\u0001\\n\",\"t\":\"lot\"}";
    assert_true(canon_parse(&canon, relief_str_of(line)));
    assert_int_equal(canon_member_int(&canon, 0, "a"), -7);
    assert_true(relief_str_eq(canon_word(&canon, 0, "t"), RELIEF_STR("lot")));
    assert_null(canon_word(&canon, 0, "bb").data); /* it has escapes */
    assert_null(canon_word(&canon, 0, "c").data);  /* a member of a member is none */
    struct relief_str text = canon_str(&canon, canon_get(&canon, 0, "bb"), &scratch);
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.data, "q\"\x01\n", 4);
    uint32_t list = canon_get(&canon, 0, "b");
    assert_true(relief_str_eq(canon_raw(&canon, list), RELIEF_STR("[\"x\",{\"c\":1}]")));
    assert_int_equal(canon_member_int(&canon, canon.nodes[list + 1].next, "c"), 1);
    relief_buf_deinit(&scratch);
    canon_deinit(&canon);
}

/* Whatever bytes a text has, the writer's form is taken and gives them back. */
static void test_every_byte_comes_back(void **state)
{
    (void)state;
    struct canon canon = CANON_INIT;
    for (unsigned c = 0; c < 0x80; c++) {
        for (unsigned pad = 0; pad < 17; pad++) {
            char text[40];
            struct relief_buf line = RELIEF_BUF_INIT, scratch = RELIEF_BUF_INIT;
            memset(text, 'x', sizeof text);
            text[pad] = (char)c;
            relief_json_str(&line, (struct relief_str){text, pad + 9});
            assert_true(taken(&canon, line.data, line.len));
            assert_true(canon_parse(&canon, (struct relief_str){line.data, (uint32_t)line.len}));
            struct relief_str back = canon_str(&canon, 0, &scratch);
            assert_int_equal(back.len, pad + 9);
            assert_memory_equal(back.data, text, back.len);
            relief_buf_deinit(&line);
            relief_buf_deinit(&scratch);
        }
    }
    canon_deinit(&canon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_the_writer_makes),
        cmocka_unit_test(test_takes_nothing_else),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_every_byte_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
