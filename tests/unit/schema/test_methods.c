#include "test.h"
#include "schema/commands.h"

static void test_find(void **state)
{
    (void)state;
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *row = &relief_methods[i];
        assert_ptr_equal(relief_method_find(relief_str_of(row->wire)), row);
        assert_ptr_equal(relief_method_by_number(row->number), row);
        char expected[64];
        snprintf(expected, sizeof expected, "%s.%s", row->noun, row->verb);
        assert_string_equal(row->wire, expected);
        assert_non_null(row->params);
        assert_non_null(row->result);
        /* Prefixes and longer names are other names. */
        struct relief_str less = relief_str_of(row->wire);
        less.len--;
        assert_null(relief_method_find(less));
        snprintf(expected, sizeof expected, "%s ", row->wire);
        assert_null(relief_method_find(relief_str_of(expected)));
    }
    assert_null(relief_method_find(RELIEF_STR("")));
    assert_null(relief_method_find(RELIEF_STR_NONE));
    assert_null(relief_method_find(RELIEF_STR("no.such")));
    char huge[5000];
    memset(huge, 'a', sizeof huge);
    assert_null(relief_method_find((struct relief_str){huge, sizeof huge}));
    assert_null(relief_method_by_number(0));
    assert_null(relief_method_by_number(255));
    assert_null(relief_method_by_number(4000000000u));
}

static void test_row(void **state)
{
    (void)state;
    const struct relief_method_info *submit = relief_method_find(RELIEF_STR("request.submit"));
    assert_int_equal(submit->number, RELIEF_METHOD_request_submit);
    assert_int_equal(submit->kind, RELIEF_CHANGE);
    assert_int_equal(submit->state, RELIEF_BUILT);
    assert_ptr_equal(submit->params, &relief_shape_request_submit_params);
    assert_ptr_equal(submit->result, &relief_shape_request);
    assert_true(submit->roles & RELIEF_R_COORD);
    assert_false(submit->roles & RELIEF_R_AUDIT);
}

static void test_commands(void **state)
{
    (void)state;
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *row = &relief_methods[i];
        const struct relief_command_info *command = relief_command_by_number(row->number);
        assert_ptr_equal(relief_command_find(relief_str_of(row->wire)), command);
        if (row->kind != RELIEF_CHANGE) {
            assert_null(command);
            continue;
        }
        assert_int_equal(command->number, row->number);
        assert_string_equal(command->wire, row->wire);
        assert_ptr_equal(command->params, row->params);
        assert_ptr_equal(command->answer, row->result);
    }
#define C(num, name, text, summary)                                                                                    \
    assert_ptr_equal(relief_command_by_number(num)->params, &relief_shape_##name##_params);                            \
    assert_null(relief_command_by_number(num)->answer);                                                                \
    assert_int_equal(relief_command_find(RELIEF_STR(text))->number, num);                                              \
    assert_null(relief_method_find(RELIEF_STR(text)));
    RELIEF_COMMANDS(C)
#undef C
    assert_null(relief_command_by_number(999));
    assert_null(relief_command_by_number(2000));
    assert_null(relief_command_find(RELIEF_STR("time.machine")));
}

/* Every changing method takes an op; no other does. */
static void test_every_change_takes_an_op(void **state)
{
    (void)state;
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *row = &relief_methods[i];
        bool has = relief_shape_find(row->params, RELIEF_STR("op")) != NULL;
        assert_int_equal(has, row->kind == RELIEF_CHANGE);
        bool pages = relief_shape_find(row->params, RELIEF_STR("limit")) != NULL;
        assert_int_equal(pages, row->kind == RELIEF_LIST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_every_change_takes_an_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
