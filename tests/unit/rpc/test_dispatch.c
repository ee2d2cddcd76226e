/* Every row of the list of methods is served in exactly one way. */
#include "rpc/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void every_read_has_a_handler_and_no_change_has(void **state)
{
    (void)state;
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *method = &relief_methods[i];
        bool handled = method->state == RELIEF_BUILT && method->kind != RELIEF_CHANGE;
        if ((rpc_handler_of(method->number) != NULL) != handled)
            fail_msg("%s", method->wire);
        assert_true(method->number < STATS_METHODS);
        assert_true(strlen(method->wire) <= RELIEF_METHOD_BYTES_MAX);
    }
    assert_null(rpc_handler_of(0));
    assert_null(rpc_handler_of(STATS_METHODS));
}

/* What get answers is a table whose noun and first field are those of the method: rpc_get_record relies on it. */
static void generic_gets_fit_their_tables(void **state)
{
    (void)state;
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *method = &relief_methods[i];
        if (rpc_handler_of(method->number) != rpc_get_record)
            continue;
        int table = relief_table_find(relief_str_of(method->noun));
        assert_true(table >= 0);
        assert_ptr_equal(relief_tables[table].shape, method->result);
        assert_int_equal(relief_tables[table].key_fields, 1);
        assert_string_equal(method->params->fields[0].name, relief_tables[table].shape->fields[0].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_read_has_a_handler_and_no_change_has),
        cmocka_unit_test(generic_gets_fit_their_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
