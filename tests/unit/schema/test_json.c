/* clang-format off: bytes stay in one piece, message by message */
#include "test.h"
#include "sample.h"
#include "schema/commands.h"

/* Messages are written as strings of bytes; the formatter would put every piece of them on a line of its own. */
/* clang-format off */

static struct relief_buf buf;

static void assert_json(const char *expected)
{
    relief_buf_add_char(&buf, '\0');
    assert_string_equal(buf.data, expected);
    relief_buf_clear(&buf);
}

static void test_strings(void **state)
{
    (void)state;
    relief_json_str(&buf, RELIEF_STR_NONE);
    assert_json("null");
    relief_json_str(&buf, RELIEF_STR(""));
    assert_json("\"\"");
    relief_json_str(&buf, RELIEF_STR("\xe6\xad\xa6\xe6\xb1\x89 /\x7f"));
    assert_json("\"\xe6\xad\xa6\xe6\xb1\x89 /\x7f\"");
    relief_json_str(&buf, RELIEF_STR("a\"b\\c"));
    assert_json("\"a\\\"b\\\\c\"");
    relief_json_str(&buf, RELIEF_STR("\b\f\n\r\t\0\x01\x0b\x1f end"));
    assert_json("\"\\b\\f\\n\\r\\t\\u0000\\u0001\\u000b\\u001f end\"");
}

/* One byte of each value at each place of texts of each length up to two and a half words of eight bytes. */
static void test_escapes_anywhere(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (uint32_t len = 1; len <= 20; len++) {
            for (uint32_t at = 0; at < len; at++) {
                char text[20];
                memset(text, 'x', sizeof text);
                text[at] = (char)c;
                relief_json_str(&buf, (struct relief_str){text, len});
                bool two = c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t';
                assert_int_equal(buf.len, 2 + len - 1 + (two ? 2 : c < 0x20 ? 6 : 1));
                assert_int_equal(buf.data[1 + at] == '\\', two || c < 0x20);
                relief_buf_clear(&buf);
            }
        }
    }
}

static void test_record(void **state)
{
    (void)state;
    struct relief_city city;
    relief_shape_clear(&relief_shape_city, &city);
    city.code = RELIEF_STR("420100");
    city.name = RELIEF_STR("Wuhan");
    city.region = RELIEF_STR("hubei");
    city.lat = 30592800;
    city.lon = -114305500;
    city.mode = RELIEF_mode_emergency;
    relief_json_record(&buf, &relief_shape_city, &city, "city");
    assert_json("{\"code\":\"420100\",\"lat\":30592800,\"lon\":-114305500,\"mode\":\"emergency\",\"name\":\"Wuhan\","
                "\"name_en\":null,\"population\":null,\"region\":\"hubei\",\"t\":\"city\"}");
    struct relief_link link = {.from = RELIEF_STR("a"), .to = RELIEF_STR("b"), .minutes = 5, .open = 0};
    relief_json_record(&buf, &relief_shape_link, &link, "link");
    assert_json("{\"from\":\"a\",\"minutes\":5,\"open\":false,\"t\":\"link\",\"to\":\"b\"}");
    relief_json_record(&buf, &relief_shape_link, &link, NULL);
    assert_json("{\"from\":\"a\",\"minutes\":5,\"open\":false,\"to\":\"b\"}");
    link.open = RELIEF_NIL;
    link.minutes = RELIEF_NIL;
    relief_json_record(&buf, &relief_shape_link, &link, NULL);
    assert_json("{\"from\":\"a\",\"minutes\":null,\"open\":null,\"to\":\"b\"}");
    relief_json_gone(&buf, &relief_tables[RELIEF_TABLE_link], &link);
    assert_json("{\"from\":\"a\",\"gone\":true,\"t\":\"link\",\"to\":\"b\"}");
    struct relief_nothing nothing = {0};
    relief_json_record(&buf, &relief_shape_nothing, &nothing, NULL);
    assert_json("{}");
}

static void test_lists_and_parts(void **state)
{
    (void)state;
    struct relief_substitute pair[2] = {{RELIEF_STR("x"), 1, 2}, {RELIEF_STR("y"), 3, RELIEF_NIL}};
    struct relief_kind kind;
    relief_shape_clear(&relief_shape_kind, &kind);
    kind.class_ = RELIEF_class_team;
    kind.substitutes = (struct relief_list){pair, 2, 1};
    relief_json_record(&buf, &relief_shape_kind, &kind, NULL);
    assert_json("{\"category\":null,\"class\":\"team\",\"code\":null,\"min_life_days\":null,\"name\":null,\"name_en\":null,"
                "\"operator\":null,\"returnable\":null,\"substitutes\":[{\"for\":2,\"give\":1,\"kind\":\"x\"},"
                "{\"for\":null,\"give\":3,\"kind\":\"y\"}],\"unit\":null}");
    struct relief_event_subscribe_params params;
    relief_shape_clear(&relief_shape_event_subscribe_params, &params);
    relief_json_record(&buf, &relief_shape_event_subscribe_params, &params, NULL);
    assert_json("{\"city\":null,\"from_seq\":null,\"topics\":null}");
    params.topics.present = 1;
    relief_json_record(&buf, &relief_shape_event_subscribe_params, &params, NULL);
    assert_json("{\"city\":null,\"from_seq\":null,\"topics\":[]}");
    struct relief_str ids[] = {RELIEF_STR("b"), RELIEF_STR("a")};
    params.topics = (struct relief_list){ids, 2, 1};
    relief_json_record(&buf, &relief_shape_event_subscribe_params, &params, NULL);
    assert_json("{\"city\":null,\"from_seq\":null,\"topics\":[\"b\",\"a\"]}");
}

/* What a command changed is passed through as it came. */
static void assert_outcome(struct relief_str outcome, const char *json)
{
    struct relief_entry entry = {.outcome = outcome};
    relief_json_record(&buf, &relief_shape_entry, &entry, NULL);
    relief_buf_add_char(&buf, '\0');
    assert_non_null(strstr(buf.data, json));
    relief_buf_clear(&buf);
}

static void test_raw(void **state)
{
    (void)state;
    assert_outcome(RELIEF_STR("\x82\xa1" "b\x93\x01\xc0\xc3\xa1" "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                   "\"outcome\":{\"a\":18446744073709551615,\"b\":[1,null,true]},");
    assert_outcome(RELIEF_STR("\x82\xa1"), "\"outcome\":null,"); /* cut: never handed to the decoder */
    assert_outcome(RELIEF_STR("\xdd\x7f\xff\xff\xff"), "\"outcome\":null,");
    assert_outcome(RELIEF_STR_NONE, "\"outcome\":null,");
}

static void show(const char *bytes, size_t len)
{
    msgpack_unpacked value;
    msgpack_unpacked_init(&value);
    size_t used = 0;
    assert_int_equal(msgpack_unpack_next(&value, bytes, len, &used), MSGPACK_UNPACK_SUCCESS);
    relief_json_msgpack(&buf, &value.data);
    msgpack_unpacked_destroy(&value);
}

static void test_msgpack(void **state)
{
    (void)state;
#define SHOW(bytes, json) show(bytes, sizeof(bytes) - 1), assert_json(json)
    SHOW("\xc0", "null");
    SHOW("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    SHOW("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5");
    SHOW("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null");
    SHOW("\xc4\x01x", "\"eA==\"");
    SHOW("\xc4\x00", "\"\"");
    SHOW("\xc4\x05\x00\xff\x10\x83z", "\"AP8Qg3o=\"");
    SHOW("\x83\x02\x01\xa1" "z\x90\xa1" "A\x80", "{\"2\":1,\"A\":{},\"z\":[]}");
    SHOW("\x82\xa2" "ab\x01\xa1" "a\x02", "{\"a\":2,\"ab\":1}");
    /* More keys than are sorted on the stack. */
    struct relief_buf map = RELIEF_BUF_INIT;
    relief_pack_map(&map, 100);
    for (int i = 99; i >= 0; i--) {
        char key[16];
        snprintf(key, sizeof key, "k%02d", i);
        relief_pack_text(&map, key);
        relief_pack_int(&map, i);
    }
    show(map.data, map.len);
    relief_buf_deinit(&map);
    char expected[1024];
    int len = 0;
    for (int i = 0; i < 100; i++)
        len += snprintf(expected + len, sizeof expected - (size_t)len, "%s\"k%02d\":%d", i ? "," : "{", i, i);
    snprintf(expected + len, sizeof expected - (size_t)len, "}");
    assert_json(expected);
}

/* Values of other senders: keys of every type, what has no form in JSON, and text and bytes that come without a pointer. */
static void test_foreign_values(void **state)
{
    (void)state;
    SHOW("\x86\xc0\x01\xc3\x02\xc2\x03\x05\x04\xff\x05\x90\x06",
         "{\"5\":4,\"-1\":5,\"\":6,\"false\":3,\"null\":1,\"true\":2}");
    SHOW("\xd4\x01x", "null");
    SHOW("\xc4\x02\x01\x02", "\"AQI=\"");
    const msgpack_object text = {.type = MSGPACK_OBJECT_STR}, bytes = {.type = MSGPACK_OBJECT_BIN};
    msgpack_object_kv pair = {.key = {.type = MSGPACK_OBJECT_STR}, .val = {.type = MSGPACK_OBJECT_NIL}};
    const msgpack_object map = {.type = MSGPACK_OBJECT_MAP, .via.map = {1, &pair}};
    relief_json_msgpack(&buf, &text);
    assert_json("\"\"");
    relief_json_msgpack(&buf, &bytes);
    assert_json("\"\"");
    relief_json_msgpack(&buf, &map);
    assert_json("{\"\":null}");
}

/* Deeper than any decoder of ours gives: the end is cut, the stack is not. */
static void test_too_deep(void **state)
{
    (void)state;
    static msgpack_object nest[60];
    for (size_t i = 0; i + 1 < sizeof nest / sizeof *nest; i++)
        nest[i] = (msgpack_object){.type = MSGPACK_OBJECT_ARRAY, .via.array = {1, &nest[i + 1]}};
    nest[59] = (msgpack_object){.type = MSGPACK_OBJECT_BOOLEAN, .via.boolean = true};
    relief_json_msgpack(&buf, &nest[0]);
    relief_buf_add_char(&buf, '\0');
    assert_non_null(strstr(buf.data, "[[[null]]]"));
    assert_null(strstr(buf.data, "true"));
    relief_buf_clear(&buf);
}

/* Keys come in strict order in every shape, with and without the table's name. */
static void test_key_order(void **state)
{
    (void)state;
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++) {
        _Alignas(8) char record[SAMPLE_BYTES];
        relief_shape_clear(relief_tables[i].shape, record);
        relief_json_record(&buf, relief_tables[i].shape, record, relief_tables[i].name);
        relief_buf_add_char(&buf, '\0');
        /* All values are null but t's and times', so the keys are what stands before `":`. */
        char last[64] = "";
        unsigned depth = 0, keys = 0;
        for (const char *at = buf.data; *at; at++) {
            depth += *at == '{';
            depth -= *at == '}';
            if (depth != 1 || (at[0] != '{' && at[0] != ',') || at[1] != '"')
                continue;
            char key[64];
            assert_int_equal(sscanf(at + 2, "%63[a-z0-9_]\":", key), 1);
            assert_true(strcmp(last, key) < 0);
            memcpy(last, key, sizeof last);
            keys++;
        }
        assert_int_equal(keys, relief_tables[i].shape->count - relief_tables[i].shape->hidden + 1);
        relief_buf_clear(&buf);
    }
}

static int teardown(void **state)
{
    (void)state;
    relief_buf_deinit(&buf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings), cmocka_unit_test(test_escapes_anywhere), cmocka_unit_test(test_record),  cmocka_unit_test(test_lists_and_parts),
        cmocka_unit_test(test_raw),     cmocka_unit_test(test_msgpack), cmocka_unit_test(test_key_order), cmocka_unit_test(test_foreign_values), cmocka_unit_test(test_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
