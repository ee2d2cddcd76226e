/* clang-format off: bytes stay in one piece, message by message */
#include "test.h"
#include "sample.h"
#include "schema/commands.h"
#include "schema/scan.h"
#include <errno.h>

/* Messages are written as strings of bytes; the formatter would put every piece of them on a line of its own. */
/* clang-format off */

static struct relief_arena arena;
static struct relief_refusal refusal;
static _Alignas(8) char decoded[SAMPLE_BYTES];

static int setup(void **state)
{
    (void)state;
    return relief_arena_init(&arena, 16 << 20);
}

static int teardown(void **state)
{
    (void)state;
    relief_arena_deinit(&arena);
    return 0;
}

/* Strings of the decoded struct point into the last message. */
static msgpack_unpacked message;

static int decode(const struct relief_shape *shape, const void *bytes, size_t len)
{
    struct scan scan;
    scan_init(&scan, RELIEF_FRAME_BYTES_MAX);
    assert_int_equal(scan_feed(&scan, bytes, len), SCAN_DONE);
    assert_int_equal(scan.pos, len);
    msgpack_unpacked_destroy(&message);
    msgpack_unpacked_init(&message);
    size_t used = 0;
    assert_int_equal(msgpack_unpack_next(&message, bytes, len, &used), MSGPACK_UNPACK_SUCCESS);
    relief_arena_reset(&arena);
    memset(&refusal, 0, sizeof refusal);
    memset(decoded, 0x55, sizeof decoded);
    return relief_params_decode(shape, &message.data, &arena, decoded, &refusal);
}

/* What is packed is decoded as the same, for every method and many values; a default stands where nothing was said. */
static void test_round_trip(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    struct relief_arena mine;
    assert_int_equal(relief_arena_init(&mine, 16 << 20), 0);
    for (unsigned m = 0; m < relief_method_count; m++) {
        const struct relief_shape *shape = relief_methods[m].params;
        for (unsigned seed = 0; seed < 50; seed++) {
            _Alignas(8) char params[SAMPLE_BYTES];
            relief_arena_reset(&mine);
            relief_buf_clear(&buf);
            sample_fill(shape, params, seed, &mine);
            for (uint32_t i = 0; i < shape->count; i++) {
                /* Sample times and numbers without a range would be out of the kind's own bound. */
                const struct relief_field *field = &shape->fields[i];
                if (field->kind == RELIEF_F_TEXT && relief_field_str(field, params)->len > 200)
                    fail();
            }
            relief_pack_params(&buf, shape, params);
            int result = decode(shape, buf.data, buf.len);
            if (result)
                print_message("%s: %s\n", relief_methods[m].wire, refusal.message);
            assert_int_equal(result, 0);
            assert_int_equal(relief_params_check(shape, params, &refusal), 0);
            assert_true(sample_equal(shape, params, decoded));
        }
    }
    relief_arena_deinit(&mine);
    relief_buf_deinit(&buf);
}

static void refused(const struct relief_shape *shape, const void *bytes, size_t len, const char *field,
                    const char *message_part)
{
    int result = decode(shape, bytes, len);
    assert_int_equal(result, RELIEF_BAD_PARAMS);
    assert_int_equal(refusal.code, RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, field);
    if (!strstr(refusal.message, message_part))
        fail_msg("'%s' doesn't say '%s'", refusal.message, message_part);
}

#define REFUSED(shape, bytes, field, part)                                                                             \
    refused(&relief_shape_##shape##_params, bytes, sizeof(bytes) - 1, field, part)
#define ACCEPTED(shape, bytes) assert_int_equal(decode(&relief_shape_##shape##_params, bytes, sizeof(bytes) - 1), 0)
/* stock.get {city: "a", kind: ...} and one more pair */
#define CITY "\xa4" "city\xa1" "a"
#define KIND "\xa4" "kind\xa1" "k"

static void test_keys(void **state)
{
    (void)state;
    ACCEPTED(stock_get, "\x82" CITY KIND);
    ACCEPTED(stock_get, "\x82" KIND CITY);
    REFUSED(stock_get, "\x83" CITY KIND "\xa1" "x\x01", "x", "unknown");
    REFUSED(stock_get, "\x83" CITY KIND "\xa1" "x\xc0", "x", "unknown");
    REFUSED(stock_get, "\x83" CITY KIND "\xa3" "cit\x01", "cit", "unknown");
    REFUSED(stock_get, "\x83" CITY KIND "\xa0\x01", "?", "unknown");
    REFUSED(stock_get, "\x81" CITY, "kind", "required");
    REFUSED(stock_get, "\x82" CITY "\xa4" "kind\xc0", "kind", "required");
    REFUSED(stock_get, "\x83" CITY KIND CITY, "city", "twice");
    REFUSED(stock_get, "\x83" "\xa4" "city\xc0" CITY KIND, "city", "twice");
    REFUSED(stock_get, "\x83" CITY KIND "\x05\x01", "?", "string");
    REFUSED(stock_get, "\x83" CITY KIND "\xc4\x01x\x01", "?", "string");
    REFUSED(stock_get, "\x90", "", "map");
    REFUSED(stock_get, "\xa1x", "", "map");
    REFUSED(stock_get, "\x01", "", "map");
    /* No parameters at all: a missing one is named, a method without any is content. */
    assert_int_equal(relief_params_decode(&relief_shape_stock_get_params, NULL, &arena, decoded, &refusal),
                     RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "city");
    assert_int_equal(relief_params_decode(&relief_shape_server_ping_params, NULL, &arena, decoded, &refusal), 0);
    ACCEPTED(server_ping, "\xc0");
    ACCEPTED(server_ping, "\x80");
    REFUSED(server_ping, "\x81\xa1x\xc0", "x", "unknown");
}

static void test_types(void **state)
{
    (void)state;
    REFUSED(stock_get, "\x82" KIND "\xa4" "city\x01", "city", "string");
    REFUSED(stock_get, "\x82" KIND "\xa4" "city\xc4\x01" "a", "city", "string");
    REFUSED(stock_get, "\x82" KIND "\xa4" "city\xd4\x01" "a", "city", "string");
    REFUSED(stock_get, "\x82" KIND "\xa4" "city\x90", "city", "string");
    REFUSED(clock_confirm, "\x81\xa4time\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "time", "integer");
    REFUSED(clock_confirm, "\x81\xa4time\xca\x3f\x80\x00\x00", "time", "integer");
    REFUSED(clock_confirm, "\x81\xa4time\xa1" "1", "time", "integer");
    REFUSED(clock_confirm, "\x81\xa4time\xc3", "time", "integer");
    REFUSED(link_put, "\x84\xa4" "from\xa1" "a\xa2to\xa1" "b\xa7minutes\x01\xa4open\x01", "open", "true or false");
    REFUSED(city_mode, "\x83\xa4" "code\xa1" "a\xa4mode\x01\xa6reason\xa1r", "mode", "string");
    REFUSED(city_mode, "\x83\xa4" "code\xa1" "a\xa4mode\xa3" "bad\xa6reason\xa1r", "mode", "normal, emergency");
    REFUSED(snapshot_dump, "\x81\xa6tables\xa4" "city", "tables", "array");
    REFUSED(snapshot_dump, "\x81\xa6tables\x92\xa4" "city\x01", "tables.1", "string");
    REFUSED(snapshot_dump, "\x81\xa6tables\x92\xa4" "city\xc0", "tables.1", "string");
    REFUSED(snapshot_dump, "\x81\xa6tables\x91\xa3" "a b", "tables.0", "id");
    ACCEPTED(snapshot_dump, "\x81\xa6tables\x90");
    assert_int_equal(((struct relief_snapshot_dump_params *)(void *)decoded)->tables.present, 1);
    ACCEPTED(snapshot_dump, "\x81\xa6tables\xc0");
    assert_int_equal(((struct relief_snapshot_dump_params *)(void *)decoded)->tables.present, 0);
}

static void test_defaults(void **state)
{
    (void)state;
    ACCEPTED(request_submit, "\x84\xa2id\xa1r" CITY KIND "\xa8quantity\x05");
    const struct relief_request_submit_params *submit = (const void *)decoded;
    assert_int_equal(submit->priority, 3);
    assert_int_equal(submit->own_first, 1);
    assert_int_equal(submit->substitutes, 0);
    assert_int_equal(submit->purpose, RELIEF_purpose_use);
    assert_int_equal(submit->min_level, 4);
    assert_true(submit->max_level == RELIEF_NIL);
    assert_true(submit->needed_by == RELIEF_NIL);
    assert_null(submit->op.data);
    ACCEPTED(request_submit, "\x86\xa2id\xa1r" CITY KIND "\xa8quantity\x05\xa8priority\x01\xa9own_first\xc2");
    assert_int_equal(submit->priority, 1);
    assert_int_equal(submit->own_first, 0);
    ACCEPTED(city_list, "\x81\xa5limit\xc0");
    assert_int_equal(((struct relief_city_list_params *)(void *)decoded)->limit, RELIEF_PAGE_DEFAULT);
}

static int set_int(const struct relief_shape *shape, const struct relief_field *field, int64_t value, void *params)
{
    sample_fill(shape, params, SAMPLE_PLAIN, &arena);
    *relief_field_i64(field, params) = value;
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_pack_params(&buf, shape, params);
    int result = decode(shape, buf.data, buf.len);
    relief_buf_deinit(&buf);
    return result;
}

/* Both ends of every range of every method, and one beyond. */
static void test_ranges(void **state)
{
    (void)state;
    _Alignas(8) char params[SAMPLE_BYTES];
    for (unsigned m = 0; m < relief_method_count; m++) {
        const struct relief_shape *shape = relief_methods[m].params;
        for (uint32_t i = 0; i < shape->count; i++) {
            const struct relief_field *field = &shape->fields[i];
            if (field->kind != RELIEF_F_INT && field->kind != RELIEF_F_TIME)
                continue;
            assert_true(field->min != 0 || field->max != 0); /* no parameter is without a range */
            relief_arena_reset(&arena);
            assert_int_equal(set_int(shape, field, field->min, params), 0);
            assert_int_equal(set_int(shape, field, field->max, params), 0);
            assert_int_equal(set_int(shape, field, field->min - 1, params), RELIEF_BAD_PARAMS);
            assert_string_equal(refusal.field, field->name);
            if (field->max < INT64_MAX) {
                assert_int_equal(set_int(shape, field, field->max + 1, params), RELIEF_BAD_PARAMS);
                assert_string_equal(refusal.field, field->name);
            }
        }
    }
    REFUSED(clock_confirm, "\x81\xa4time\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "time", "range");
    REFUSED(clock_confirm, "\x81\xa4time\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "time", "range");
    REFUSED(clock_confirm, "\x81\xa4time\xff", "time", "0 to");
}

static void test_text(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    char reason[1100];
    memset(reason, 'r', sizeof reason);
    for (uint32_t len = 0; len <= 1025; len += len == 1 ? 1023 : 1) {
        struct relief_request_cancel_params params = {.id = RELIEF_STR("r"), .reason = {reason, len}};
        relief_buf_clear(&buf);
        relief_pack_params(&buf, &relief_shape_request_cancel_params, &params);
        int result = decode(&relief_shape_request_cancel_params, buf.data, buf.len);
        assert_int_equal(result, len >= 1 && len <= 1024 ? 0 : RELIEF_BAD_PARAMS);
    }
    relief_buf_deinit(&buf);
    REFUSED(request_cancel, "\x82\xa2id\xa1r\xa6reason\xa3" "a\0b", "reason", "NUL");
    REFUSED(request_cancel, "\x82\xa2id\xa0\xa6reason\xa1" "a", "id", "id");
    REFUSED(request_cancel, "\x82\xa2id\xa3" "r/1\xa6reason\xa1" "a", "id", "id");
    REFUSED(dispatch_decline, "\x82\xa2id\xa1r\xa6reason\xa1" "a", "id", "REQUEST/N");
    REFUSED(dispatch_decline, "\x82\xa2id\xa3r/0\xa6reason\xa1" "a", "id", "REQUEST/N");
    ACCEPTED(dispatch_decline, "\x82\xa2id\xa3r/1\xa6reason\xa1" "a");
    /* A name that was cut off in the refusal stays text. */
    char key[] = "\x81\xd9\x78"
                 "\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4"
                 "\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4"
                 "\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4"
                 "\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4"
                 "\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\xe6\xb0\xb4\x01";
    assert_int_equal(decode(&relief_shape_server_ping_params, key, sizeof key - 1), RELIEF_BAD_PARAMS);
    assert_true(scan_utf8(refusal.field, strlen(refusal.field)));
    assert_int_equal(strlen(refusal.field), 93);
    assert_true(scan_utf8(refusal.message, strlen(refusal.message)));
    assert_non_null(strstr(refusal.message, "unknown"));
}

#define KIND_PUT "\xa4" "code\xa1k\xa4name\xa1n\xa5" "class\xa6supply\xa4unit\xa1u"

static void test_nested(void **state)
{
    (void)state;
    ACCEPTED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x83\xa4kind\xa1x\xa4give\x01\xa3" "for\x02");
    const struct relief_kind_put_params *kind = (const void *)decoded;
    assert_int_equal(kind->substitutes.count, 1);
    const struct relief_substitute *first = kind->substitutes.items;
    assert_text(first->kind, "x");
    assert_int_equal(first->for_, 2);
    assert_int_equal(kind->min_life_days, 0);
    assert_true(kind->returnable == RELIEF_NIL);
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x83\xa4kind\xa1x\xa4give\x00\xa3" "for\x02",
            "substitutes.0.give", "1 to");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x83\xa4kind\xa1x\xa4give\xa1y\xa3" "for\x02",
            "substitutes.0.give", "integer");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x82\xa4kind\xa1x\xa4give\x01", "substitutes.0.for",
            "required");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x81\xa1z\x01", "substitutes.0.z", "unknown");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x82\xa4kind\xa1x\xa4kind\xa1x", "substitutes.0.kind",
            "twice");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\x81\x01\x01", "substitutes.0", "string");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\xa1x", "substitutes.0", "map");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x91\xc0", "substitutes.0", "map");
    REFUSED(kind_put, "\x85" KIND_PUT "\xabsubstitutes\x80", "substitutes", "array");
}

#define PLAN "\x81\xa4plan"

static void test_raw(void **state)
{
    (void)state;
    ACCEPTED(plan_apply, PLAN "\x82\xa1" "a\x93\x01\xc0\xc3\xa1" "b\xa2xy");
    const struct relief_plan_apply_params *apply = (const void *)decoded;
    assert_text(apply->plan, "\x82\xa1" "a\x93\x01\xc0\xc3\xa1" "b\xa2xy");
    REFUSED(plan_apply, "\x80", "plan", "required");
    REFUSED(plan_apply, PLAN "\x81\xa1" "a\xca\x00\x00\x00\x00", "plan.a", "floats");
    REFUSED(plan_apply, PLAN "\x81\xa1" "a\x92\x01\xc4\x01x", "plan.a.1", "bin");
    REFUSED(plan_apply, PLAN "\x81\xa1" "a\xd4\x01x", "plan.a", "ext");
    REFUSED(plan_apply, PLAN "\x82\xa1" "a\x01\xa1" "a\x02", "plan.a", "twice");
    REFUSED(plan_apply, PLAN "\x81\xa1" "a\x81\x01\x02", "plan.a", "string");
    /* Many keys are compared in time. */
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_buf_add_text(&buf, PLAN);
    relief_pack_map(&buf, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        char key[8];
        snprintf(key, sizeof key, "%u", i);
        relief_pack_text(&buf, key);
        relief_pack_nil(&buf);
    }
    assert_int_equal(decode(&relief_shape_plan_apply_params, buf.data, buf.len), 0);
    buf.data[buf.len - 2]--; /* 65534 twice */
    assert_int_equal(decode(&relief_shape_plan_apply_params, buf.data, buf.len), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "plan.65534");
    relief_buf_deinit(&buf);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct relief_arena small;
    assert_int_equal(relief_arena_init(&small, 4096), 0);
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_buf_add_text(&buf, "\x81\xa6tables");
    relief_pack_array(&buf, 1000);
    for (unsigned i = 0; i < 1000; i++)
        relief_pack_text(&buf, "a");
    assert_int_equal(decode(&relief_shape_snapshot_dump_params, buf.data, buf.len), 0);
    assert_int_equal(relief_params_decode(&relief_shape_snapshot_dump_params, &message.data, &small, decoded, &refusal),
                     RELIEF_TOO_MANY);
    assert_int_equal(refusal.code, RELIEF_TOO_MANY);
    assert_int_equal(relief_answer_decode(&relief_shape_snapshot_dump_params, &message.data, &small, decoded), -ENOMEM);
    relief_buf_deinit(&buf);
    relief_arena_deinit(&small);
}

/* By hand: the same rules, and text must be UTF-8, since no scanner has seen it. */
static void test_check(void **state)
{
    (void)state;
    struct relief_request_cancel_params cancel;
    relief_shape_clear(&relief_shape_request_cancel_params, &cancel);
    assert_int_equal(relief_params_check(&relief_shape_request_cancel_params, &cancel, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "id");
    cancel.id = RELIEF_STR("r");
    cancel.reason = RELIEF_STR("\xff");
    assert_int_equal(relief_params_check(&relief_shape_request_cancel_params, &cancel, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "reason");
    cancel.reason = RELIEF_STR("why");
    assert_int_equal(relief_params_check(&relief_shape_request_cancel_params, &cancel, &refusal), 0);
    struct relief_city_mode_params mode;
    relief_shape_clear(&relief_shape_city_mode_params, &mode);
    mode.code = RELIEF_STR("c");
    mode.reason = RELIEF_STR("why");
    mode.mode = RELIEF_mode_COUNT;
    assert_int_equal(relief_params_check(&relief_shape_city_mode_params, &mode, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "mode");
    struct relief_link_put_params link;
    relief_shape_clear(&relief_shape_link_put_params, &link);
    link.from = RELIEF_STR("a"), link.to = RELIEF_STR("b"), link.minutes = 1, link.both = 2;
    assert_int_equal(relief_params_check(&relief_shape_link_put_params, &link, &refusal), RELIEF_BAD_PARAMS);
    assert_string_equal(refusal.field, "both");
    link.both = RELIEF_NIL;
    assert_int_equal(relief_params_check(&relief_shape_link_put_params, &link, &refusal), 0);
    assert_int_equal(link.open, 1);
    assert_int_equal(link.both, 0);
}

static int answer(const struct relief_shape *shape, const char *bytes, size_t len, void *ret)
{
    msgpack_unpacked_destroy(&message);
    msgpack_unpacked_init(&message);
    size_t used = 0;
    assert_int_equal(msgpack_unpack_next(&message, bytes, len, &used), MSGPACK_UNPACK_SUCCESS);
    return relief_answer_decode(shape, &message.data, &arena, ret);
}

static void test_answers(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    for (unsigned s = 0; sample_shape(s); s++) {
        for (unsigned seed = 0; seed < 20 && !sample_shape(s)->hidden; seed++) { /* what is hidden does not travel */
            _Alignas(8) char record[SAMPLE_BYTES];
            relief_arena_reset(&arena);
            relief_buf_clear(&buf);
            sample_fill(sample_shape(s), record, seed, &arena);
            relief_pack_record(&buf, sample_shape(s), record, 1);
            relief_pack_text(&buf, "of_a_newer_daemon");
            relief_pack_int(&buf, 1);
            assert_int_equal(answer(sample_shape(s), buf.data, buf.len, decoded), 0);
            assert_true(sample_equal(sample_shape(s), record, decoded));
        }
    }
    relief_buf_deinit(&buf);
    struct relief_link link;
#define ANSWER(bytes) answer(&relief_shape_link, bytes, sizeof(bytes) - 1, &link)
    assert_int_equal(ANSWER("\x81\xa7minutes\xd0\x80"), 0); /* ranges are not checked */
    assert_int_equal(link.minutes, -128);
    assert_int_equal(ANSWER("\x81\xa7minutes\xa1x"), -EBADMSG);
    assert_int_equal(ANSWER("\x91\x01"), -EBADMSG);
    assert_int_equal(ANSWER("\x82\x01\x02\xa7minutes\x03"), 0);
    assert_int_equal(link.minutes, 3);
    assert_int_equal(relief_answer_decode(&relief_shape_link, NULL, &arena, &link), -EBADMSG);
    struct relief_city city;
    assert_int_equal(answer(&relief_shape_city, "\x81\xa4mode\xa5" "siege", 12, &city), 0);
    assert_true(city.mode == RELIEF_NIL);
#undef ANSWER
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_keys),   cmocka_unit_test(test_types),
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_ranges), cmocka_unit_test(test_text),
        cmocka_unit_test(test_nested),     cmocka_unit_test(test_raw),    cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_check),      cmocka_unit_test(test_answers),
    };
    int result = cmocka_run_group_tests(tests, setup, teardown);
    msgpack_unpacked_destroy(&message);
    return result;
}
