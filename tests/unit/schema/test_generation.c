/*
 * What an older generation of the schema wrote stays what it was. Fields of real shapes are given a later `since` for a
 * test, as if they had been appended after the log began: in a record, in its list of parts, in its embedded part, and
 * in parameters.
 */
#include "test.h"
#include "sample.h"
#include "schema/commands.h"

static struct relief_arena arena;
static struct relief_buf one, two;

static int setup(void **state)
{
    (void)state;
    return relief_arena_init(&arena, 64 << 20);
}

static int teardown(void **state)
{
    (void)state;
    relief_arena_deinit(&arena);
    relief_buf_deinit(&one);
    relief_buf_deinit(&two);
    return 0;
}

static void set_since(const struct relief_shape *shape, const char *name, uint8_t since)
{
    const struct relief_field *field = relief_shape_find(shape, relief_str_of(name));
    assert_non_null(field);
    ((struct relief_field *)(uintptr_t)field)->since = since;
}

static const struct {
    const struct relief_shape *shape;
    const char *name;
} later[] = {
    {&relief_shape_dispatch, "ordered_by"},
    {&relief_shape_leg_lot, "quantity"},
    {&relief_shape_times, "lost"},
    {&relief_shape_kind, "operator"},
    {&relief_shape_substitute, "for"},
    {&relief_shape_kind_put_params, "operator"},
    {&relief_shape_request_submit_params, "purpose"},
};

static int append_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        set_since(later[i].shape, later[i].name, 2);
    return 0;
}

static int take_fields_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        set_since(later[i].shape, later[i].name, 1);
    return 0;
}

static const char *line_of(const struct relief_shape *shape, const void *record, const char *table, unsigned generation)
{
    relief_buf_clear(&one);
    relief_json_record_of(&one, shape, record, table, generation);
    relief_buf_add_char(&one, '\0');
    assert_false(one.failed);
    return one.data;
}

static void test_row(void **state)
{
    (void)state;
    static const struct relief_field row = {.name = "x", RELIEF_X_SINCE(2, RELIEF_X_RANGE(1, 9, 4))};
    assert_int_equal(row.since, 2);
    assert_int_equal(row.min, 1);
    assert_int_equal(row.max, 9);
    assert_int_equal(row.fallback, 4);
}

/* What the lists promise: no field of the future, younger ones behind older ones, keys and needed ones from the start.
 */
static void test_lists(void **state)
{
    (void)state;
    for (unsigned s = 0; sample_shape(s); s++) {
        const struct relief_shape *shape = sample_shape(s);
        for (uint32_t i = 0; i < shape->count; i++) {
            assert_in_range(shape->fields[i].since, i ? shape->fields[i - 1].since : 1, RELIEF_GENERATION);
            assert_false(shape->fields[i].since > 1 && shape->fields[i].required);
        }
    }
    for (unsigned t = 0; t < RELIEF_TABLE_COUNT; t++)
        for (unsigned i = 0; i < relief_tables[t].key_fields; i++)
            assert_int_equal(relief_tables[t].shape->fields[i].since, 1);
}

static void test_lines(void **state)
{
    (void)state;
    struct relief_substitute part = {.kind = RELIEF_STR("B"), .give = 2, .for_ = 3};
    struct relief_kind kind;
    struct relief_kind_put_params put;
    relief_shape_clear(&relief_shape_kind, &kind);
    relief_shape_clear(&relief_shape_kind_put_params, &put);
    kind.code = put.code = RELIEF_STR("A");
    kind.substitutes = put.substitutes = (struct relief_list){&part, 1, 1};
    kind.operator_ = put.operator_ = RELIEF_STR("C");
    assert_string_equal(
        line_of(&relief_shape_kind, &kind, "kind", 1),
        "{\"category\":null,\"class\":null,\"code\":\"A\",\"min_life_days\":null,\"name\":null,\"name_en\":null,"
        "\"returnable\":null,\"substitutes\":[{\"give\":2,\"kind\":\"B\"}],\"t\":\"kind\",\"unit\":null}");
    assert_string_equal(
        line_of(&relief_shape_kind, &kind, "kind", 2),
        "{\"category\":null,\"class\":null,\"code\":\"A\",\"min_life_days\":null,\"name\":null,\"name_en\":null,"
        "\"operator\":\"C\",\"returnable\":null,\"substitutes\":[{\"for\":3,\"give\":2,\"kind\":\"B\"}],"
        "\"t\":\"kind\",\"unit\":null}");
    assert_string_equal(
        line_of(&relief_shape_kind_put_params, &put, NULL, 1),
        "{\"category\":null,\"class\":null,\"code\":\"A\",\"min_life_days\":null,\"name\":null,\"name_en\":null,"
        "\"op\":null,\"returnable\":null,\"substitutes\":[{\"give\":2,\"kind\":\"B\"}],\"unit\":null}");
}

static void test_embedded(void **state)
{
    (void)state;
    struct relief_leg_lot lot = {.lot = RELIEF_STR("L"), .quantity = 5};
    struct relief_dispatch leg;
    relief_shape_clear(&relief_shape_dispatch, &leg);
    leg.lots = (struct relief_list){&lot, 1, 1};
    leg.times.asked = 7;
    leg.times.lost = 8;
    leg.ordered_by = RELIEF_STR("coordinator");
    const char *old = line_of(&relief_shape_dispatch, &leg, "dispatch", 1);
    assert_non_null(strstr(old, "\"lots\":[{\"lot\":\"L\"}]"));
    assert_non_null(strstr(old, "\"times\":{\"asked\":7,"));
    assert_null(strstr(old, "\"lost\":"));
    assert_null(strstr(old, "ordered_by"));
    assert_non_null(strstr(old, "\"ordered\":null"));
    const char *now = line_of(&relief_shape_dispatch, &leg, "dispatch", 2);
    assert_non_null(strstr(now, "\"lots\":[{\"lot\":\"L\","));
    assert_non_null(strstr(now, "\"quantity\":5"));
    assert_non_null(strstr(now, "\"lost\":8"));
    assert_non_null(strstr(now, "\"ordered_by\":\"coordinator\""));
}

/* A client makes the line from MessagePack: it has to be the one that was hashed, whatever the generation. */
static void test_packed_is_the_line(void **state)
{
    (void)state;
    _Alignas(8) char record[SAMPLE_BYTES];
    for (unsigned s = 0; sample_shape(s); s++) {
        for (unsigned seed = 0; seed < 20; seed++) {
            for (unsigned generation = 1; generation <= 3; generation++) {
                relief_arena_reset(&arena);
                sample_fill(sample_shape(s), record, seed, &arena);
                relief_buf_clear(&two);
                relief_pack_record_of(&two, sample_shape(s), record, 0, generation);
                msgpack_unpacked value;
                size_t used = 0;
                msgpack_unpacked_init(&value);
                assert_int_equal(msgpack_unpack_next(&value, two.data, two.len, &used), MSGPACK_UNPACK_SUCCESS);
                assert_int_equal(used, two.len);
                struct relief_buf again = RELIEF_BUF_INIT;
                relief_json_msgpack(&again, &value.data);
                relief_buf_add_char(&again, '\0');
                assert_string_equal(again.data, line_of(sample_shape(s), record, NULL, generation));
                msgpack_unpacked_destroy(&value);
                relief_buf_deinit(&again);
            }
        }
    }
}

/* As long as a new field is nil, a record is the very bytes that it was before there was the field. */
static void test_stored_bytes(void **state)
{
    (void)state;
    struct relief_kind kind, back;
    struct relief_substitute parts[2] = {{.kind = RELIEF_STR("B"), .give = 2, .for_ = RELIEF_NIL},
                                         {.kind = RELIEF_STR("C"), .give = 4, .for_ = RELIEF_NIL}};
    relief_shape_clear(&relief_shape_kind, &kind);
    kind.code = RELIEF_STR("A");
    kind.substitutes = (struct relief_list){parts, 2, 1};
    struct relief_shape before = relief_shape_kind, part_before = relief_shape_substitute;
    struct relief_field fields[16];
    assert_true(relief_shape_kind.count <= 16);
    memcpy(fields, relief_shape_kind.fields, relief_shape_kind.count * sizeof fields[0]);
    before.fields = fields;
    before.count--;      /* without operator */
    part_before.count--; /* without for */
    for (uint32_t i = 0; i < before.count; i++)
        if (fields[i].sub)
            fields[i].sub = &part_before;
    relief_buf_clear(&one);
    relief_buf_clear(&two);
    relief_record_encode(&one, &before, &kind);
    relief_record_encode(&two, &relief_shape_kind, &kind);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, two.len);
    struct relief_str bytes = {one.data, (uint32_t)one.len};
    assert_int_equal(relief_record_decode(&relief_shape_kind, bytes, &arena, &back), one.len);
    assert_true(sample_equal(&relief_shape_kind, &kind, &back));
    /* One item that has it is enough: all get room for it. */
    parts[1].for_ = 9;
    relief_buf_clear(&two);
    relief_record_encode(&two, &relief_shape_kind, &kind);
    bytes = (struct relief_str){two.data, (uint32_t)two.len};
    assert_int_equal(relief_record_decode(&relief_shape_kind, bytes, &arena, &back), two.len);
    assert_true(sample_equal(&relief_shape_kind, &kind, &back));
}

/* What an older caller could not say has its default, so that a repeat of today is the same command. */
static void test_older_params(void **state)
{
    (void)state;
    struct relief_request_submit_params params;
    relief_shape_clear(&relief_shape_request_submit_params, &params);
    relief_params_grow(&relief_shape_request_submit_params, &params, 2);
    assert_true(params.purpose == RELIEF_NIL);
    relief_params_grow(&relief_shape_request_submit_params, &params, 1);
    assert_int_equal(params.purpose, RELIEF_purpose_use);
    assert_true(params.own_first == RELIEF_NIL); /* as old as the entry: what stands there is what was said */
    params.purpose = RELIEF_purpose_stock;
    relief_params_grow(&relief_shape_request_submit_params, &params, 1);
    assert_int_equal(params.purpose, RELIEF_purpose_stock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_lists),
        cmocka_unit_test_setup_teardown(test_lines, append_fields, take_fields_back),
        cmocka_unit_test_setup_teardown(test_embedded, append_fields, take_fields_back),
        cmocka_unit_test_setup_teardown(test_packed_is_the_line, append_fields, take_fields_back),
        cmocka_unit_test(test_stored_bytes),
        cmocka_unit_test_setup_teardown(test_older_params, append_fields, take_fields_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
