/*
 * check.c and decode.c over every shape there is: what is within its bounds passes, and each field refuses by its name
 * what is not of its kind.
 */
#include "test.h"
#include "sample.h"
#include "schema/commands.h"
#include <errno.h>

static struct relief_arena arena;
static struct relief_refusal refusal;
static struct relief_buf buf;
static _Alignas(8) char record[SAMPLE_BYTES];

static int setup(void **state)
{
    (void)state;
    return relief_arena_init(&arena, 64 << 20);
}

static int teardown(void **state)
{
    (void)state;
    relief_arena_deinit(&arena);
    relief_buf_deinit(&buf);
    return 0;
}

static void test_samples_pass(void **state)
{
    (void)state;
    for (unsigned s = 0; sample_shape(s); s++) {
        for (unsigned seed = 0; seed < 20; seed++) {
            relief_arena_reset(&arena);
            sample_fill(sample_shape(s), record, seed, &arena);
            int error = relief_params_check(sample_shape(s), record, &refusal);
            if (error)
                print_error("%s: %s\n", sample_shape(s)->name, refusal.message);
            assert_int_equal(error, 0);
        }
    }
}

/* A part is looked into, and named by its way. */
static void test_parts(void **state)
{
    (void)state;
    struct relief_dispatch *leg = (struct relief_dispatch *)(void *)record;
    sample_fill(&relief_shape_dispatch, record, SAMPLE_PLAIN, &arena);
    leg->times.lost = -1;
    assert_int_equal(relief_params_check(&relief_shape_dispatch, record, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "times.lost");
    leg->times.lost = RELIEF_TIME_MAX + 1;
    assert_int_equal(relief_params_check(&relief_shape_dispatch, record, &refusal), RELIEF_BAD_PARAMS);
    leg->times.lost = RELIEF_TIME_MAX;
    assert_int_equal(relief_params_check(&relief_shape_dispatch, record, &refusal), 0);
    leg->lots.count = RELIEF_ELEMENTS_MAX + 1;
    assert_int_equal(relief_params_check(&relief_shape_dispatch, record, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "lots");
}

/* A number without a range of its own has that of its kind. */
static void test_ranges_of_kinds(void **state)
{
    (void)state;
    static const struct relief_field fields[] = {
        {.name = "when", .name_len = 4, .kind = RELIEF_F_TIME, .offset = 0, .since = 1, .fallback = RELIEF_NIL},
        {.name = "any", .name_len = 3, .kind = RELIEF_F_INT, .offset = 8, .since = 1, .fallback = RELIEF_NIL}};
    const struct relief_shape shape = {.name = "free", .fields = fields, .count = 2, .size = 16};
    int64_t numbers[2] = {0, INT64_MIN + 1};
    assert_int_equal(relief_params_check(&shape, numbers, &refusal), 0);
    numbers[0] = RELIEF_TIME_MAX;
    numbers[1] = INT64_MAX;
    assert_int_equal(relief_params_check(&shape, numbers, &refusal), 0);
    numbers[0] = -1;
    assert_int_equal(relief_params_check(&shape, numbers, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "when");
}

/* A NUL ends a text early for whoever prints it, so none is let in. An empty text has none. */
static void test_texts(void **state)
{
    (void)state;
    static const struct relief_field fields[] = {
        {.name = "said", .name_len = 4, .kind = RELIEF_F_TEXT, .offset = 0, .since = 1, .fallback = RELIEF_NIL}};
    const struct relief_shape shape = {.name = "free", .fields = fields, .count = 1, .size = sizeof(struct relief_str)};
    struct relief_str text = {"a\0b", 3};
    assert_int_equal(relief_params_check(&shape, &text, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.message, "said: must not hold a NUL byte");
    text.len = 1;
    assert_int_equal(relief_params_check(&shape, &text, &refusal), 0);
    text.len = 0;
    assert_int_equal(relief_params_check(&shape, &text, &refusal), 0);
}

/* ---- kinds of values ---- */

/* One of each MessagePack type. */
static const struct {
    const char *bytes;
    size_t len;
    bool number, word, truth, bytes_too, list, map;
} values[] = {
    {"\x07", 1, .number = true},        {"\xff", 1, .number = true},
    {"\xc3", 1, .truth = true},         {"\xa1x", 2, .word = true},
    {"\xa0", 1, .word = true},          {"\xc4\x01x", 3, .bytes_too = true},
    {"\xc4\x00", 2, .bytes_too = true}, {"\xcb\x3f\xf8\0\0\0\0\0\0", 9, .list = false},
    {"\xd4\x01x", 3, .list = false},    {"\x90", 1, .list = true},
    {"\x80", 1, .map = true},
};

static bool right_kind(const struct relief_field *field, size_t v)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME:
        return values[v].number;
    case RELIEF_F_BOOL:
        return values[v].truth;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return values[v].list;
    case RELIEF_F_OBJ:
        return values[v].map;
    case RELIEF_F_BYTES:
        return values[v].bytes_too;
    case RELIEF_F_RAW:
        return true;
    default:
        return values[v].word;
    }
}

/* {"name": value} of the shape, read as parameters and as an answer. */
static int read_pair(const struct relief_shape *shape, const struct relief_field *field, const char *bytes, size_t len,
                     int *ret_answer)
{
    msgpack_unpacked message;
    size_t used = 0;
    int error;
    relief_buf_clear(&buf);
    relief_pack_map(&buf, 1);
    relief_pack_str(&buf, (struct relief_str){field->name, field->name_len});
    relief_buf_add(&buf, bytes, len);
    msgpack_unpacked_init(&message);
    assert_int_equal(msgpack_unpack_next(&message, buf.data, buf.len, &used), MSGPACK_UNPACK_SUCCESS);
    relief_arena_reset(&arena);
    *ret_answer = relief_answer_decode(shape, &message.data, &arena, record);
    memset(&refusal, 0, sizeof refusal);
    error = relief_params_decode(shape, &message.data, &arena, record, &refusal);
    msgpack_unpacked_destroy(&message);
    return error;
}

/* Each field of each shape with each type: what is not of its kind is refused under its name, and breaks an answer. */
static void test_every_field_and_type(void **state)
{
    (void)state;
    for (unsigned s = 0; sample_shape(s); s++) {
        const struct relief_shape *shape = sample_shape(s);
        for (uint32_t f = 0; f < shape->count; f++) {
            const struct relief_field *field = &shape->fields[f];
            for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                int answer, error = read_pair(shape, field, values[v].bytes, values[v].len, &answer);
                if (right_kind(field, v)) {
                    assert_int_equal(answer, 0);
                } else {
                    assert_int_equal(answer, -EBADMSG);
                    assert_int_equal(error, RELIEF_BAD_PARAMS);
                    assert_string_equal(refusal.field, field->name);
                }
            }
        }
    }
}

/* Lists hold words or maps of their own; numbers end at 2^63 - 1; a map has string keys, each once. */
static void test_inside_values(void **state)
{
    static const struct {
        const struct relief_shape *shape;
        const char *name, *bytes;
        size_t len;
        int answer;
        const char *field;
    } cases[] = {
#define CASE(shape, name, bytes, answer, field) {&relief_shape_##shape, name, bytes, sizeof(bytes) - 1, answer, field}
        CASE(incident, "affected",
             "\x92\xa1"
             "a\x01",
             -EBADMSG, "affected.1"),
        CASE(dispatch, "lots", "\x91\x01", -EBADMSG, "lots.0"),
        CASE(dispatch, "lots", "\x91\x81\xa3lot\x01", -EBADMSG, "lots.0.lot"),
        CASE(dispatch, "times", "\x81\xa4lost\xa1x", -EBADMSG, "times.lost"),
        CASE(dispatch, "times", "\x82\xa4lost\x01\xa4lost\x02", -EBADMSG, "times.lost"),
        CASE(dispatch, "times", "\x81\x01\x02", 0, "times"),
        CASE(dispatch, "times", "\x81\xa5where\x02", 0, "times.where"),
        CASE(dispatch, "quantity", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", -EBADMSG, "quantity"),
        CASE(dispatch, "quantity", "\xd3\x80\0\0\0\0\0\0\0", -EBADMSG, "quantity"),
        CASE(city, "mode", "\xa5siege", 0, "mode"),
        CASE(entry, "outcome", "\x81\xa1k\xca\x3f\x80\0\0", 0, "outcome.k"),
        CASE(entry, "outcome", "\x91\xc4\x01x", 0, "outcome.0"),
        CASE(entry, "outcome", "\xd4\x01x", 0, "outcome"),
        CASE(entry, "outcome", "\x81\x01\x02", 0, "outcome"),
        CASE(entry, "outcome", "\x82\xa1k\x01\xa1k\x02", 0, "outcome.k"),
        CASE(entry, "outcome", "\x81\xa1k\x82\xa0\x01\xa0\x02", 0, "outcome.k.?"),
        /* seventeen arrays deep */
        CASE(entry, "outcome", "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01", 0,
             "outcome.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"),
#undef CASE
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct relief_field *field = relief_shape_find(cases[i].shape, relief_str_of(cases[i].name));
        int answer, error = read_pair(cases[i].shape, field, cases[i].bytes, cases[i].len, &answer);
        assert_int_equal(answer, cases[i].answer);
        assert_int_equal(error, RELIEF_BAD_PARAMS);
        assert_string_equal(refusal.field, cases[i].field);
    }
}

/* Parameters of an older generation get the defaults of younger fields at every depth, also in parts and lists. */
static void test_grow(void **state)
{
    (void)state;
    struct inner {
        int64_t since_2, since_1;
    };
    struct outer {
        struct inner part;
        struct relief_list list;
        struct relief_str text;
    };
    static const struct relief_field inner_fields[] = {
        {.name = "a", .name_len = 1, .kind = RELIEF_F_INT, .offset = 0, .since = 2, .fallback = 7},
        {.name = "b", .name_len = 1, .kind = RELIEF_F_INT, .offset = 8, .since = 1, .fallback = 8}};
    static const struct relief_shape inner_shape = {
        .name = "inner", .fields = inner_fields, .count = 2, .size = sizeof(struct inner)};
    static const struct relief_field outer_fields[] = {
        {.name = "p", .name_len = 1, .kind = RELIEF_F_OBJ, .offset = 0, .since = 1, .sub = &inner_shape},
        {.name = "l",
         .name_len = 1,
         .kind = RELIEF_F_OBJS,
         .offset = offsetof(struct outer, list),
         .since = 1,
         .sub = &inner_shape},
        {.name = "t", .name_len = 1, .kind = RELIEF_F_TEXT, .offset = offsetof(struct outer, text), .since = 2}};
    const struct relief_shape shape = {
        .name = "outer", .fields = outer_fields, .count = 3, .size = sizeof(struct outer)};
    struct inner items[2] = {{RELIEF_NIL, RELIEF_NIL}, {3, RELIEF_NIL}};
    struct outer params = {.part = {RELIEF_NIL, RELIEF_NIL}, .list = {items, 2, 1}};
    relief_params_grow(&shape, &params, 2);
    assert_int_equal(params.part.since_2, RELIEF_NIL); /* its writer knew the field and left it out */
    relief_params_grow(&shape, &params, 1);
    assert_int_equal(params.part.since_2, 7);
    assert_int_equal(params.part.since_1, RELIEF_NIL);
    assert_int_equal(items[0].since_2, 7);
    assert_int_equal(items[1].since_2, 3);
    assert_null(params.text.data);
}

/* What a lot of the store must have; only counts may have grown past what a caller may ask for. */
static void test_record_fits(void **state)
{
    (void)state;
    const struct relief_lot good = {.city = RELIEF_STR("a"),
                                    .kind = RELIEF_STR("k"),
                                    .lot = RELIEF_STR("0"),
                                    .quantity = 2 * RELIEF_QUANTITY_MAX,
                                    .expires = RELIEF_NIL,
                                    .state = RELIEF_lot_state_usable,
                                    .held = 0,
                                    .reserved = 1};
    struct relief_lot lot = good;
    assert_true(relief_record_fits(&relief_shape_lot, &lot));
    lot.reserved = RELIEF_NIL;
    assert_false(relief_record_fits(&relief_shape_lot, &lot));
    lot.reserved = -1;
    assert_false(relief_record_fits(&relief_shape_lot, &lot));
    lot = good, lot.state = 99;
    assert_false(relief_record_fits(&relief_shape_lot, &lot));
    lot = good, lot.expires = RELIEF_TIME_MAX + 1;
    assert_false(relief_record_fits(&relief_shape_lot, &lot));
    lot = good, lot.kind = RELIEF_STR_NONE;
    assert_false(relief_record_fits(&relief_shape_lot, &lot));
}

/* Each kind of a stored field, at and past its ends, and with nothing in it. */
static void test_every_kind_fits(void **state)
{
    (void)state;
    static const struct relief_field inner[] = {{.name = "in", .kind = RELIEF_F_BOOL, .required = 1, .since = 1}};
    static const struct relief_shape part = {.name = "part", .fields = inner, .count = 1, .size = 8};
    enum { ROWS = 24 };
    const struct {
        struct relief_field field;
        int64_t value;
        bool fits;
    } rows[ROWS] = {{{.kind = RELIEF_F_BOOL}, -1, false},
                    {{.kind = RELIEF_F_BOOL}, 0, true},
                    {{.kind = RELIEF_F_BOOL}, 1, true},
                    {{.kind = RELIEF_F_BOOL}, 2, false},
                    {{.kind = RELIEF_F_ENUM, .names = &relief_enum_mode}, -1, false},
                    {{.kind = RELIEF_F_ENUM, .names = &relief_enum_mode}, 0, true},
                    {{.kind = RELIEF_F_ENUM, .names = &relief_enum_mode}, relief_enum_mode.count, false},
                    {{.kind = RELIEF_F_TIME}, -1, false},
                    {{.kind = RELIEF_F_TIME}, 0, true},
                    {{.kind = RELIEF_F_TIME}, RELIEF_TIME_MAX, true},
                    {{.kind = RELIEF_F_TIME}, RELIEF_TIME_MAX + 1, false},
                    {{.kind = RELIEF_F_INT}, INT64_MIN + 1, true},
                    {{.kind = RELIEF_F_INT}, INT64_MAX, true},
                    {{.kind = RELIEF_F_INT, .min = 0, .max = 9}, -1, false},
                    {{.kind = RELIEF_F_INT, .min = 0, .max = 9}, 9, true},
                    {{.kind = RELIEF_F_INT, .min = 0, .max = 9}, 10, false},
                    {{.kind = RELIEF_F_INT, .min = -9, .max = 0}, 1, false},
                    {{.kind = RELIEF_F_INT, .min = 0, .max = RELIEF_QUANTITY_MAX}, INT64_MAX, true},
                    {{.kind = RELIEF_F_INT}, RELIEF_NIL, true},
                    {{.kind = RELIEF_F_INT, .required = 1, .since = 1}, RELIEF_NIL, false},
                    {{.kind = RELIEF_F_INT, .required = 1, .since = 2}, RELIEF_NIL, true},
                    {{.kind = RELIEF_F_OBJ, .sub = &part}, 1, true},
                    {{.kind = RELIEF_F_OBJ, .sub = &part}, RELIEF_NIL, false},
                    {{.kind = RELIEF_F_OBJ, .sub = &part}, 2, false}};
    for (unsigned i = 0; i < ROWS; i++) {
        const struct relief_shape shape = {.name = "one", .fields = &rows[i].field, .count = 1, .size = 8};
        if (relief_record_fits(&shape, &rows[i].value) != rows[i].fits)
            fail_msg("row %u", i);
    }
    int64_t items[] = {1, 0, 2};
    for (unsigned required = 0; required < 2; required++) {
        struct relief_list list = {items, 2, 1};
        struct relief_field field = {.kind = RELIEF_F_OBJS, .sub = &part, .required = required ? 1 : 0, .since = 1};
        const struct relief_shape shape = {.name = "list", .fields = &field, .count = 1, .size = sizeof list};
        assert_true(relief_record_fits(&shape, &list));
        list.count = 3; /* the third is none */
        assert_false(relief_record_fits(&shape, &list));
        field.kind = RELIEF_F_IDS;
        assert_true(relief_record_fits(&shape, &list));
        list = (struct relief_list){0};
        assert_int_equal(relief_record_fits(&shape, &list), !required);
        field.since = 2; /* a record from before it has none */
        assert_true(relief_record_fits(&shape, &list));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_pass),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_ranges_of_kinds),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_every_field_and_type),
        cmocka_unit_test(test_inside_values),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_record_fits),
        cmocka_unit_test(test_every_kind_fits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
