#include "test.h"
#include "sample.h"
#include "schema/commands.h"

static void test_offsets(void **state)
{
    (void)state;
#define AT(table, member)                                                                                              \
    assert_int_equal(relief_shape_find(&relief_shape_##table, RELIEF_STR(#member))->offset,                            \
                     offsetof(struct relief_##table, member))
    AT(request, id);
    AT(request, reason);
    AT(dispatch, times);
    AT(dispatch, returned);
    AT(city, mode);
#undef AT
    assert_int_equal(relief_shape_find(&relief_shape_kind, RELIEF_STR("class"))->offset,
                     offsetof(struct relief_kind, class_));
    assert_int_equal(relief_shape_request.size, sizeof(struct relief_request));
    assert_int_equal(relief_shape_nothing.count, 0);
}

static void test_shapes(void **state)
{
    (void)state;
    for (unsigned s = 0; sample_shape(s); s++) {
        const struct relief_shape *shape = sample_shape(s);
        assert_true(shape->size <= SAMPLE_BYTES);
        for (uint32_t i = 0; i < shape->count; i++) {
            const struct relief_field *field = &shape->fields[i];
            assert_int_equal(strlen(field->name), field->name_len);
            assert_true(field->offset < shape->size);
            assert_ptr_equal(relief_shape_find(shape, relief_str_of(field->name)), field);
            assert_int_equal(field->kind == RELIEF_F_ENUM, field->names != NULL);
            assert_int_equal(field->kind == RELIEF_F_OBJ || field->kind == RELIEF_F_OBJS, field->sub != NULL);
            if (i > 0)
                assert_true(strcmp(shape->fields[shape->by_name[i - 1]].name, shape->fields[shape->by_name[i]].name) <
                            0);
        }
        assert_null(relief_shape_find(shape, RELIEF_STR("no_such")));
        assert_null(relief_shape_find(shape, RELIEF_STR("id\0x")));
        assert_null(relief_shape_find(shape, RELIEF_STR_NONE));
        assert_null(relief_shape_find(shape, RELIEF_STR("")));
    }
}

static void test_clear(void **state)
{
    (void)state;
    struct relief_dispatch leg;
    memset(&leg, 0x77, sizeof leg);
    relief_shape_clear(&relief_shape_dispatch, &leg);
    assert_null(leg.id.data);
    assert_true(leg.quantity == RELIEF_NIL);
    assert_true(leg.ordered == RELIEF_NIL);
    assert_true(leg.state == RELIEF_NIL);
    assert_true(leg.times.asked == RELIEF_NIL);
    assert_true(leg.times.lost == RELIEF_NIL);
    assert_int_equal(leg.lots.present, 0);
    assert_int_equal(leg.lots.count, 0);
}

static void test_enums(void **state)
{
    (void)state;
#define L(list)                                                                                                        \
    assert_int_equal(relief_enum_##list.count, RELIEF_##list##_COUNT);                                                 \
    assert_null(relief_enum_##list.names[RELIEF_##list##_COUNT]);                                                      \
    for (int i = 0; i < RELIEF_##list##_COUNT; i++)                                                                    \
        assert_int_equal(relief_enum_find(&relief_enum_##list, relief_str_of(relief_enum_##list.names[i])), i);
    RELIEF_ENUMS(L)
#undef L
    assert_int_equal(relief_enum_find(&relief_enum_dispatch_state, RELIEF_STR("in_transit")),
                     RELIEF_dispatch_state_in_transit);
    assert_int_equal(relief_enum_find(&relief_enum_mode, RELIEF_STR("norma")), -1);
    assert_int_equal(relief_enum_find(&relief_enum_mode, RELIEF_STR("normal\0")), -1);
    assert_int_equal(relief_enum_find(&relief_enum_mode, RELIEF_STR_NONE), -1);
}

static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++) {
        assert_int_equal(relief_table_find(relief_str_of(relief_tables[i].name)), i);
        assert_true(relief_tables[i].key_fields >= 1 && relief_tables[i].key_fields < relief_tables[i].shape->count);
        for (unsigned k = 0; k < relief_tables[i].key_fields; k++)
            assert_true(relief_tables[i].shape->fields[k].required);
    }
    assert_ptr_equal(relief_tables[RELIEF_TABLE_lot].shape, &relief_shape_lot);
    assert_int_equal(relief_table_find(RELIEF_STR("stock")), -1);
}

static void test_ids(void **state)
{
    (void)state;
    assert_true(relief_id_ok(RELIEF_STR("420100")));
    assert_true(relief_id_ok(RELIEF_STR("aZ09._:-")));
    assert_false(relief_id_ok(RELIEF_STR_NONE));
    assert_false(relief_id_ok(RELIEF_STR("")));
    assert_false(relief_id_ok(RELIEF_STR("a b")));
    assert_false(relief_id_ok(RELIEF_STR("a/1")));
    assert_false(relief_id_ok(RELIEF_STR("a\0b")));
    assert_false(relief_id_ok(RELIEF_STR("\xc3\xa9")));
    char longest[66];
    memset(longest, 'x', sizeof longest);
    assert_true(relief_id_ok((struct relief_str){longest, 64}));
    assert_false(relief_id_ok((struct relief_str){longest, 65}));
    unsigned allowed = 0;
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        allowed += relief_id_ok((struct relief_str){&one, 1});
    }
    assert_int_equal(allowed, 26 + 26 + 10 + 4);
}

static void test_dispatch_ids(void **state)
{
    (void)state;
    static const char *const good[] = {"R/1", "R/10", "a.b:c-d_e/999999999"};
    static const char *const bad[] = {"",     "R",    "R/",    "/1",   "R/0", "R/01", "R/1000000000",
                                      "R/1x", "R/-1", "R/1/2", "R /1", "R//1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(relief_dispatch_id_ok(relief_str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(relief_dispatch_id_ok(relief_str_of(bad[i])));
    assert_false(relief_dispatch_id_ok(RELIEF_STR_NONE));
    struct relief_str request;
    uint32_t n;
    relief_dispatch_id_split(RELIEF_STR("req-1/999999999"), &request, &n);
    assert_text(request, "req-1");
    assert_int_equal(n, 999999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),      cmocka_unit_test(test_shapes), cmocka_unit_test(test_clear),
        cmocka_unit_test(test_enums),        cmocka_unit_test(test_tables), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_dispatch_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
