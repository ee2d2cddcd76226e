/*
 * Encoders and decoders when memory runs out, at each allocation that they make: a buffer says so and stays as it was,
 * a decoder answers that there is no room, and none of them reads or writes past what it has.
 */
#include "test.h"
#include "sample.h"
#include "starve.h"
#include "schema/commands.h"
#include <errno.h>

static struct relief_arena arena;
static _Alignas(8) char record[SAMPLE_BYTES], back[SAMPLE_BYTES];

static int setup(void **state)
{
    (void)state;
    return relief_arena_init(&arena, 64 << 20);
}

static int teardown(void **state)
{
    (void)state;
    relief_arena_deinit(&arena);
    return 0;
}

/* With a long text and a long list, so that buffers grow in the middle, too. */
static void fill(const struct relief_shape *shape, unsigned seed)
{
    static char text[3000];
    static struct relief_str ids[200];
    memset(text, 't', sizeof text);
    for (size_t i = 0; i < 200; i++)
        ids[i] = RELIEF_STR("an-id-of-some-length");
    relief_arena_reset(&arena);
    sample_fill(shape, record, seed, &arena);
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->kind == RELIEF_F_TEXT || field->kind == RELIEF_F_BYTES)
            *relief_field_str(field, record) = (struct relief_str){text, sizeof text};
        else if (field->kind == RELIEF_F_IDS)
            *relief_field_list(field, record) = (struct relief_list){ids, 200, 1};
    }
}

enum encoder { RECORD, MESSAGE, PARAMS, JSON, ENCODERS };

static void encode(enum encoder encoder, struct relief_buf *buf, const struct relief_shape *shape)
{
    switch (encoder) {
    case RECORD:
        relief_record_encode(buf, shape, record);
        break;
    case MESSAGE:
        relief_pack_record(buf, shape, record, 0);
        break;
    case PARAMS:
        relief_pack_params(buf, shape, record);
        break;
    default:
        relief_json_record(buf, shape, record, "table");
        break;
    }
}

static void test_every_encoder_and_shape(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (unsigned s = 0; sample_shape(s); s++) {
        for (int encoder = RECORD; encoder < ENCODERS; encoder++) {
            for (unsigned seed = 0; seed < 3; seed++) {
                struct relief_buf buf, whole = RELIEF_BUF_INIT;
                fill(sample_shape(s), seed);
                encode((enum encoder)encoder, &whole, sample_shape(s));
                STARVE_EACH(starved, buf = RELIEF_BUF_INIT; encode((enum encoder)encoder, &buf, sample_shape(s)), {
                    assert_int_equal(buf.failed, starved);
                    assert_true(buf.len <= whole.len);
                    if (!starved)
                        assert_memory_equal(buf.data, whole.data, whole.len);
                    refused += starved;
                    relief_buf_deinit(&buf);
                });
                relief_buf_deinit(&whole);
            }
        }
    }
    assert_true(refused > 500);
}

/* What failed stays failed until it is cleared, whatever is appended. */
static void test_failed_buffers(void **state)
{
    (void)state;
    struct relief_buf buf = RELIEF_BUF_INIT;
    struct relief_arena none;
    starve_after(0);
    assert_false(relief_buf_reserve(&buf, 1));
    relief_buf_printf(&buf, "%d", 1);
    assert_int_equal(relief_arena_init(&none, 4096), -ENOMEM);
    assert_true(starve_end());
    assert_true(buf.failed);
    relief_buf_printf(&buf, "%d", 1);
    relief_buf_add_text(&buf, "x");
    relief_buf_add_char(&buf, 'x');
    relief_buf_add_i64(&buf, 1);
    relief_base64(&buf, RELIEF_STR("abc"));
    relief_pack_bytes(&buf, RELIEF_STR("abc"));
    relief_pack_int(&buf, 1000);
    relief_pack_str(&buf, RELIEF_STR("abc"));
    relief_pack_array(&buf, 70000);
    relief_json_str(&buf, RELIEF_STR("\n"));
    assert_int_equal(buf.len, 0);
    relief_buf_clear(&buf);
    assert_true(relief_buf_reserve(&buf, 1));
    relief_buf_deinit(&buf);
    relief_buf_deinit(NULL);
    relief_arena_deinit(NULL);
    assert_int_equal(relief_arena_init(&none, 0), -EINVAL);
    assert_int_equal(relief_arena_init(&none, SIZE_MAX), -EINVAL);
}

/* A map of more keys than are sorted in place. */
static void test_json_of_a_large_map(void **state)
{
    (void)state;
    struct relief_buf bytes = RELIEF_BUF_INIT, buf;
    msgpack_unpacked message;
    size_t used = 0;
    relief_pack_map(&bytes, 100);
    for (int i = 0; i < 100; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", 99 - i);
        relief_pack_text(&bytes, key);
        relief_pack_int(&bytes, i);
    }
    msgpack_unpacked_init(&message);
    assert_int_equal(msgpack_unpack_next(&message, bytes.data, bytes.len, &used), MSGPACK_UNPACK_SUCCESS);
    STARVE_EACH(starved, buf = RELIEF_BUF_INIT; relief_json_msgpack(&buf, &message.data), {
        assert_int_equal(buf.failed, starved);
        if (!starved)
            assert_memory_equal(buf.data, "{\"k0\":99,\"k1\":98,\"k10\":89", 25);
        relief_buf_deinit(&buf);
    });
    msgpack_unpacked_destroy(&message);
    relief_buf_deinit(&bytes);
}

/* Decoders take memory from an arena that is too small in every way until it is large enough. */
static void test_decoders_without_room(void **state)
{
    (void)state;
    struct relief_buf packed = RELIEF_BUF_INIT, stored = RELIEF_BUF_INIT;
    static char room[1 << 20];
    for (unsigned s = 0; sample_shape(s); s++) {
        const struct relief_shape *shape = sample_shape(s);
        msgpack_unpacked message;
        size_t used = 0;
        int64_t decoded = -ENOMEM;
        int answered = -ENOMEM, copied = -ENOMEM;
        relief_arena_reset(&arena);
        sample_fill(shape, record, 3, &arena);
        relief_buf_clear(&packed);
        relief_buf_clear(&stored);
        relief_pack_record(&packed, shape, record, 0);
        relief_record_encode(&stored, shape, record);
        msgpack_unpacked_init(&message);
        assert_int_equal(msgpack_unpack_next(&message, packed.data, packed.len, &used), MSGPACK_UNPACK_SUCCESS);
        for (size_t bound = 0; decoded < 0 || answered || copied; bound += 8) {
            struct relief_arena small = {.base = room, .bound = bound};
            assert_true(bound <= sizeof room);
            decoded = relief_record_decode(shape, (struct relief_str){stored.data, (uint32_t)stored.len}, &small, back);
            assert_true(decoded == -ENOMEM || decoded == (int64_t)stored.len);
            small = (struct relief_arena){.base = room, .bound = bound};
            answered = relief_answer_decode(shape, &message.data, &small, back);
            assert_true(answered == -ENOMEM || answered == 0);
            small = (struct relief_arena){.base = room, .bound = bound};
            copied = relief_record_copy(shape, record, &small, back);
            assert_true(copied == -ENOMEM || copied == 0);
        }
        assert_true(sample_equal(shape, record, back));
        msgpack_unpacked_destroy(&message);
    }
    relief_buf_deinit(&packed);
    relief_buf_deinit(&stored);
}

/* The same for the one value that is passed through: its keys are sorted in the arena, and it is copied there. */
static void test_a_plan_without_room(void **state)
{
    (void)state;
    static char room[4096];
    const char bytes[] = "\x81\xa4plan\x82\xa1"
                         "b\x01\xa1"
                         "a\x02";
    msgpack_unpacked message;
    struct relief_refusal refusal;
    size_t used = 0, bound = 0;
    int error = RELIEF_TOO_MANY;
    msgpack_unpacked_init(&message);
    assert_int_equal(msgpack_unpack_next(&message, bytes, sizeof bytes - 1, &used), MSGPACK_UNPACK_SUCCESS);
    for (; error == RELIEF_TOO_MANY; bound += 8) {
        struct relief_arena small = {.base = room, .bound = bound};
        assert_true(bound < sizeof room);
        error = relief_params_decode(&relief_shape_plan_apply_params, &message.data, &small, back, &refusal);
    }
    assert_int_equal(error, 0);
    assert_true(bound > 16);
    msgpack_unpacked_destroy(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_encoder_and_shape), cmocka_unit_test(test_failed_buffers),
        cmocka_unit_test(test_json_of_a_large_map),     cmocka_unit_test(test_decoders_without_room),
        cmocka_unit_test(test_a_plan_without_room),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
