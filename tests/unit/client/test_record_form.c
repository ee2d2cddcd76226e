/* Records of an older generation of the schema are taken, and come out as today's dump has them; wrong ones stay wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "client/cli/record_form.h"

static void set_since(const struct relief_shape *shape, const char *name, uint8_t since)
{
    const struct relief_field *field = relief_shape_find(shape, relief_str_of(name));
    assert_non_null(field);
    ((struct relief_field *)(uintptr_t)field)->since = since;
}

static int append_fields(void **state)
{
    (void)state;
    set_since(&relief_shape_kind, "unit", 2);
    set_since(&relief_shape_substitute, "for", 2);
    set_since(&relief_shape_dispatch, "times", 2);
    return 0;
}

static int take_fields_back(void **state)
{
    (void)state;
    set_since(&relief_shape_kind, "unit", 1);
    set_since(&relief_shape_substitute, "for", 1);
    set_since(&relief_shape_dispatch, "times", 1);
    return 0;
}

#define HEAD                                                                                                           \
    "{\"category\":null,\"class\":\"supply\",\"code\":\"A\",\"min_life_days\":0,\"name\":\"a\",\"name_en\":null,"      \
    "\"operator\":null,\"returnable\":false,\"substitutes\":[{"
#define OLD HEAD "\"give\":2,\"kind\":\"B\"}],\"t\":\"kind\"}"

static void expect(int table, const char *line, const char *wrong, const char *grown)
{
    struct canon canon = CANON_INIT;
    struct relief_buf buf = RELIEF_BUF_INIT;
    assert_true(canon_parse(&canon, relief_str_of(line)));
    const char *field = cli_record_form(&canon, 0, &relief_tables[table]);
    if (wrong) {
        assert_non_null(field);
        assert_string_equal(field, wrong);
    } else {
        assert_null(field);
    }
    cli_record_grow(&buf, &canon, 0, &relief_tables[table]);
    relief_buf_add_char(&buf, '\0');
    assert_string_equal(buf.data, grown);
    relief_buf_deinit(&buf);
    canon_deinit(&canon);
}

static void test_older(void **state)
{
    (void)state;
    static const char now[] = HEAD "\"for\":3,\"give\":2,\"kind\":\"B\"}],\"t\":\"kind\",\"unit\":\"u\"}";
    expect(RELIEF_TABLE_kind, OLD, NULL, HEAD "\"for\":null,\"give\":2,\"kind\":\"B\"}],\"t\":\"kind\",\"unit\":null}");
    expect(RELIEF_TABLE_kind, now, NULL, now);
}

/* What was there from the start has to be there, and nothing is made up for it. */
static void test_wrong(void **state)
{
    (void)state;
    expect(RELIEF_TABLE_kind, "{\"code\":\"A\",\"t\":\"kind\",\"zebra\":1}", "category",
           "{\"code\":\"A\",\"t\":\"kind\",\"unit\":null,\"zebra\":1}");
    expect(RELIEF_TABLE_dispatch, "{\"id\":\"q/1\",\"t\":\"dispatch\"}", "accepted",
           "{\"id\":\"q/1\",\"t\":\"dispatch\",\"times\":{\"asked\":null,\"cancelled\":null,\"closed\":null,"
           "\"committed\":null,\"declined\":null,\"in_transit\":null,\"in_use\":null,\"lapsed\":null,\"lost\":null,"
           "\"received\":null,\"reneged\":null,\"returned\":null,\"returning\":null}}");
}

static void test_present(void **state)
{
    (void)state;
    expect(RELIEF_TABLE_kind, OLD, "substitutes", OLD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_older, append_fields, take_fields_back),
        cmocka_unit_test_setup_teardown(test_wrong, append_fields, take_fields_back),
        cmocka_unit_test(test_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
