/* The rows of relief-audit against those of the product: the same fields, and what is refused of a record. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "schema/tables.h"
#include "tools/audit/form.h"

static void same_rows(const struct relief_shape *shape, const struct audit_field *rows);

static void same_words(const struct relief_enum *names, const char *const *words)
{
    if (!names) {
        assert_null(words);
        return;
    }
    for (uint32_t i = 0; i < names->count; i++)
        assert_string_equal(names->names[i], words[i]);
    assert_null(words[names->count]);
}

static void same_row(const struct relief_field *field, const struct audit_field *row)
{
    static const enum audit_field_kind kinds[] = {
        [RELIEF_F_INT] = AUDIT_F_INT,   [RELIEF_F_BOOL] = AUDIT_F_BOOL,  [RELIEF_F_ENUM] = AUDIT_F_TEXT,
        [RELIEF_F_TIME] = AUDIT_F_TIME, [RELIEF_F_ID] = AUDIT_F_TEXT,    [RELIEF_F_DID] = AUDIT_F_TEXT,
        [RELIEF_F_TEXT] = AUDIT_F_TEXT, [RELIEF_F_OBJS] = AUDIT_F_PARTS, [RELIEF_F_OBJ] = AUDIT_F_SPREAD,
    };
    assert_string_equal(field->name, row->name);
    if (field->kind == RELIEF_F_IDS)
        assert_int_equal(row->kind, field->required ? AUDIT_F_LIST_ALWAYS : AUDIT_F_LIST);
    else
        assert_int_equal(row->kind, kinds[field->kind]);
    assert_int_equal(field->required, row->needed);
    same_words(field->names, row->words);
    assert_int_equal(field->sub != NULL, row->part != NULL);
    if (field->sub)
        same_rows(field->sub, row->part);
}

static void same_rows(const struct relief_shape *shape, const struct audit_field *rows)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].hidden)
            continue;
        assert_non_null(rows->name);
        same_row(&shape->fields[i], rows++);
    }
    assert_null(rows->name);
}

static void test_rows(void **state)
{
    (void)state;
    assert_int_equal(RELIEF_TABLE_COUNT, AUDIT_TABLES);
    for (unsigned i = 0; i < AUDIT_TABLES; i++) {
        assert_string_equal(relief_tables[i].name, audit_table_names[i]);
        same_rows(relief_tables[i].shape, audit_forms[i]);
    }
}

static const char *fault(const char *text)
{
    struct audit_record record;
    assert_null(audit_json_open(audit_text_of(text), &record.map));
    assert_true(audit_record_take(&record));
    return audit_form_fault(&record);
}

#define REGION(agreement, parent, rest)                                                                                \
    "{\"agreement\":" agreement ",\"id\":\"r\",\"name\":\"r\",\"neighbour_minutes\":300,\"parent\":" parent            \
    ",\"shares\":\"available\",\"t\":\"region\"" rest "}"

static void test_scalars(void **state)
{
    (void)state;
    assert_null(fault(REGION("\"auto\"", "\"top\"", "")));
    assert_null(fault(REGION("null", "null", "")));
    assert_string_equal(fault(REGION("\"au|o\"", "\"top\"", "")), "agreement");
    assert_string_equal(fault(REGION("\"autos\"", "\"top\"", "")), "agreement");
    assert_string_equal(fault(REGION("\"\"", "\"top\"", "")), "agreement");
    assert_string_equal(fault(REGION("1", "\"top\"", "")), "agreement");
    assert_string_equal(fault(REGION("\"auto\"", "7", "")), "parent");
    assert_string_equal(fault(REGION("\"auto\"", "[]", "")), "parent");
    assert_string_equal(fault(REGION("\"auto\"", "\"top\"", ",\"u\":1")), "unknown");
    assert_string_equal(fault("{\"id\":\"r\",\"t\":\"region\"}"), "name");
    assert_string_equal(fault("{\"from\":\"a\",\"minutes\":1,\"open\":\"true\",\"t\":\"link\",\"to\":\"b\"}"), "open");
    assert_string_equal(fault("{\"from\":\"a\",\"minutes\":true,\"open\":true,\"t\":\"link\",\"to\":\"b\"}"),
                        "minutes");
    assert_string_equal(fault("{\"from\":\"a\",\"minutes\":null,\"open\":true,\"t\":\"link\",\"to\":\"b\"}"),
                        "minutes");
}

#define KIND(substitutes)                                                                                              \
    "{\"category\":null,\"class\":\"supply\",\"code\":\"k\",\"min_life_days\":0,\"name\":\"k\",\"name_en\":null,"      \
    "\"operator\":null,\"returnable\":false,\"substitutes\":" substitutes ",\"t\":\"kind\",\"unit\":\"box\"}"
#define INCIDENT(affected)                                                                                             \
    "{\"affected\":" affected ",\"category\":\"health\",\"closed\":null,\"donating\":[],\"id\":\"i\",\"level\":1,"     \
    "\"opened\":1,\"origin\":\"a\",\"state\":\"open\",\"t\":\"incident\",\"title\":null}"

static void test_lists(void **state)
{
    (void)state;
    assert_null(fault(KIND("[]")));
    assert_null(fault(KIND("[{\"for\":1,\"give\":2,\"kind\":\"l\"}]")));
    assert_string_equal(fault(KIND("null")), "substitutes");
    assert_string_equal(fault(KIND("{}")), "substitutes");
    assert_string_equal(fault(KIND("[\"l\"]")), "substitutes");
    assert_string_equal(fault(KIND("[{\"for\":1,\"give\":null,\"kind\":\"l\"}]")), "substitutes");
    assert_string_equal(fault(KIND("[{\"for\":1,\"give\":2,\"kind\":\"l\"},{\"for\":1,\"give\":2}]")), "substitutes");
    assert_null(fault(INCIDENT("[\"b\",\"c\"]")));
    assert_string_equal(fault(INCIDENT("[\"b\",1]")), "affected");
    assert_string_equal(fault(INCIDENT("null")), "affected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
