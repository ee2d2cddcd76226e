/* An entry's bytes come back as they were, and its line is what an auditor was promised, byte for byte. */
#include "engine/entry.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define PREV_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const uint8_t prev[LOG_HASH_BYTES] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                             16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/* A region.put with op: two records, the first is the answer. */
struct sample {
    struct relief_region_put_params params;
    struct relief_region region;
    struct relief_op op;
    struct core_change changes[2];
    struct core_entry entry;
    struct core_effects effects;
};

static void sample_init(struct sample *s)
{
    *s = (struct sample){0};
    relief_shape_clear(&relief_shape_region_put_params, &s->params);
    s->params.id = RELIEF_STR("east");
    s->params.name = RELIEF_STR("Ost \"1\"\n\xe4\xb8\x9c");
    s->params.op = RELIEF_STR("op-1");
    relief_shape_clear(&relief_shape_region, &s->region);
    s->region.id = s->params.id;
    s->region.name = s->params.name;
    s->op = (struct relief_op){.op = s->params.op, .identity = RELIEF_STR("coordinator:east"), .seq = 7};
    s->changes[0] = (struct core_change){.table = RELIEF_TABLE_region, .record = &s->region};
    s->changes[1] = (struct core_change){.table = RELIEF_TABLE_op, .record = &s->op};
    s->entry = (struct core_entry){.seq = 7,
                                   .time = 1700000000123,
                                   .who = {.name = RELIEF_STR("coordinator:east"), .role = RELIEF_role_coordinator},
                                   .command = RELIEF_METHOD_region_put,
                                   .params = &s->params};
    s->effects = (struct core_effects){.changes = s->changes,
                                       .count = 2,
                                       .answer_shape = &relief_shape_region,
                                       .answer = &s->region,
                                       .answer_change = 0};
}

struct fixture {
    struct relief_buf bytes, json;
    struct relief_arena arena;
    struct engine_entry entry;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f && sodium_init() >= 0 ? relief_arena_init(&f->arena, (size_t)1 << 24) : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    relief_buf_deinit(&f->bytes);
    relief_buf_deinit(&f->json);
    relief_arena_deinit(&f->arena);
    free(f);
    return 0;
}

static struct log_record record_of(const struct fixture *f, uint64_t seq)
{
    struct log_record record = {.seq = seq, .payload = (const uint8_t *)f->bytes.data, .len = (uint32_t)f->bytes.len};
    memcpy(record.prev, prev, sizeof prev);
    return record;
}

static void encode(struct fixture *f, const struct sample *s)
{
    relief_buf_clear(&f->bytes);
    engine_entry_encode(&f->bytes, &s->entry, &s->effects);
    assert_false(f->bytes.failed);
}

/* Encodes, decodes, and compares the line. */
static void expect_line(struct fixture *f, const struct sample *s, const char *line)
{
    encode(f, s);
    struct log_record record = record_of(f, s->entry.seq);
    assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), 0);
    relief_buf_clear(&f->json);
    engine_entry_json(&f->json, &f->entry, prev, NULL);
    relief_buf_add_char(&f->json, '\0');
    assert_string_equal(f->json.data, line);
}

#define PARAMS                                                                                                         \
    "\"params\":{\"agreement\":null,\"id\":\"east\",\"name\":\"Ost \\\"1\\\"\\n\xe4\xb8\x9c\","                        \
    "\"neighbour_minutes\":null,\"op\":\"op-1\",\"parent\":null,\"shares\":null}"
#define REGION                                                                                                         \
    "\"agreement\":null,\"id\":\"east\",\"name\":\"Ost \\\"1\\\"\\n\xe4\xb8\x9c\",\"neighbour_minutes\":null,"         \
    "\"parent\":null,\"shares\":null"
#define TAIL ",\"prev\":\"" PREV_HEX "\",\"seq\":7,\"time\":1700000000123}"
#define LINE                                                                                                           \
    "\"identity\":\"coordinator:east\",\"method\":\"region.put\",\"outcome\":{\"records\":[{" REGION                   \
    ",\"t\":\"region\"},{\"identity\":\"coordinator:east\",\"op\":\"op-1\",\"seq\":7,\"t\":\"op\"}]}," PARAMS TAIL

static void line_of_records(void **state)
{
    struct sample s;
    sample_init(&s);
    expect_line(*state, &s, "{" LINE);
}

static void line_with_hash(void **state)
{
    struct fixture *f = *state;
    struct sample s;
    sample_init(&s);
    encode(f, &s);
    struct log_record record = record_of(f, 7);
    assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), 0);
    engine_entry_json(&f->json, &f->entry, prev, prev);
    relief_buf_add_char(&f->json, '\0');
    assert_string_equal(f->json.data, "{\"hash\":\"" PREV_HEX "\"," LINE);
}

/* What an outsider computes from the line, without anything of ours but the promise. */
static void hash_of_prev_and_line(void **state)
{
    static const char promise[] = PREV_HEX "{" LINE;
    struct fixture *f = *state;
    struct engine_entry_hasher hasher;
    uint8_t expected[LOG_HASH_BYTES], hash[LOG_HASH_BYTES];
    struct sample s;

    sample_init(&s);
    encode(f, &s);
    struct log_record record = record_of(f, 7);
    crypto_generichash(expected, sizeof expected, (const unsigned char *)promise, sizeof promise - 1, NULL, 0);
    assert_int_equal(engine_entry_hasher_init(&hasher), 0);
    engine_entry_hash(&hasher, &record, hash);
    assert_int_equal(hasher.error, 0);
    assert_memory_equal(hash, expected, sizeof hash);
    /* Twice with the same hasher: nothing is left over from the first. */
    engine_entry_hash(&hasher, &record, hash);
    assert_memory_equal(hash, expected, sizeof hash);
    engine_entry_hasher_deinit(&hasher);
}

static void line_of_gone(void **state)
{
    struct sample s;
    sample_init(&s);
    s.op.seq = 99; /* not a key field: must not show */
    s.changes[1].gone = true;
    expect_line(
        *state, &s,
        "{\"identity\":\"coordinator:east\",\"method\":\"region.put\",\"outcome\":{\"records\":[{" REGION
        ",\"t\":\"region\"},{\"gone\":true,\"identity\":\"coordinator:east\",\"op\":\"op-1\",\"t\":\"op\"}]}," PARAMS
            TAIL);
}

static void line_of_answer_that_is_no_record(void **state)
{
    struct sample s;
    sample_init(&s);
    s.effects.count = 0;
    s.effects.answer_change = -1;
    expect_line(*state, &s,
                "{\"identity\":\"coordinator:east\",\"method\":\"region.put\",\"outcome\":{\"answer\":{" REGION
                "},\"records\":[]}," PARAMS TAIL);
}

static void line_of_candidates(void **state)
{
    struct fixture *f = *state;
    struct relief_candidate candidates[2] = {
        {.city = RELIEF_STR("B"),
         .level = 1,
         .minutes = 30,
         .kind = RELIEF_STR("K"),
         .gives = 5,
         .reason = RELIEF_NIL,
         .available = 5,
         .floor = 0,
         .held = 0,
         .reserved = 0},
        {.city = RELIEF_STR("C"),
         .level = 2,
         .minutes = RELIEF_NIL,
         .kind = RELIEF_STR("K"),
         .gives = 0,
         .reason = RELIEF_why_no_link,
         .available = 9,
         .floor = 1,
         .held = 2,
         .reserved = 3},
    };
    struct sample s;
    sample_init(&s);
    s.effects.count = 1;
    s.effects.candidates = (struct relief_list){candidates, 2, 1};
    expect_line(f, &s,
                "{\"identity\":\"coordinator:east\",\"method\":\"region.put\",\"outcome\":{\"answer\":{\"candidates\":["
                "{\"available\":5,\"city\":\"B\",\"floor\":0,\"gives\":5,\"held\":0,\"kind\":\"K\",\"level\":1,"
                "\"minutes\":30,\"reason\":null,\"reserved\":0},"
                "{\"available\":9,\"city\":\"C\",\"floor\":1,\"gives\":0,\"held\":2,\"kind\":\"K\",\"level\":2,"
                "\"minutes\":null,\"reason\":\"no_link\",\"reserved\":3}]},\"records\":[{" REGION
                ",\"t\":\"region\"}]}," PARAMS TAIL);
    assert_int_equal(f->entry.answer_change, 0);
    assert_int_equal(f->entry.candidates.count, 2);
    s.effects.candidates.count = 0; /* asked for, and there are none: still an answer */
    encode(f, &s);
    struct log_record record = record_of(f, 7);
    assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), 0);
    assert_true(f->entry.candidates.present);
}

static void line_of_timer(void **state)
{
    struct relief_time_expire_params params = {.request = RELIEF_STR("R1"), .ops_before = RELIEF_NIL};
    struct sample s;
    sample_init(&s);
    s.entry.command = RELIEF_COMMAND_time_expire;
    s.entry.params = &params;
    s.entry.who = (struct core_identity){.name = RELIEF_STR("timer")};
    s.effects = (struct core_effects){.changes = s.changes, .count = 1, .answer_change = -1};
    expect_line(*state, &s,
                "{\"identity\":\"timer\",\"method\":\"time.expire\",\"outcome\":{\"records\":[{" REGION
                ",\"t\":\"region\"}]},\"params\":{\"ops_before\":null,\"request\":\"R1\"}" TAIL);
}

static void decoded_fields(void **state)
{
    struct fixture *f = *state;
    struct sample s;
    sample_init(&s);
    encode(f, &s);
    struct log_record record = record_of(f, 7);
    assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), 0);
    const struct engine_entry *e = &f->entry;
    assert_int_equal(e->seq, 7);
    assert_int_equal(e->time, 1700000000123);
    assert_int_equal(e->command, RELIEF_METHOD_region_put);
    assert_int_equal(e->change_count, 2);
    assert_int_equal(e->answer_change, 0);
    assert_null(e->answer);
    assert_false(e->candidates.present);
    const struct relief_region *region = e->changes[0].record;
    assert_true(relief_str_eq(region->name, s.region.name));
    assert_null(region->parent.data);
    assert_int_equal(region->neighbour_minutes, RELIEF_NIL);
}

/* Whatever is cut off, and whatever byte is wrong: an error or an entry, never a read past the end. */
static void damaged_bytes(void **state)
{
    struct fixture *f = *state;
    struct sample s;
    sample_init(&s);
    encode(f, &s);
    size_t len = f->bytes.len;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, f->bytes.data, cut);
        struct log_record record = {.seq = 7, .payload = copy, .len = (uint32_t)cut};
        relief_arena_reset(&f->arena);
        assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), -EBADMSG);
        free(copy);
    }
    uint8_t *copy = malloc(len);
    for (size_t at = 0; at < len; at++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(copy, f->bytes.data, len);
            copy[at] = (uint8_t)value;
            struct log_record record = {.seq = 7, .payload = copy, .len = (uint32_t)len};
            relief_arena_reset(&f->arena);
            int rc = engine_entry_decode(&record, &f->arena, &f->entry);
            assert_true(rc == 0 || rc == -EBADMSG || rc == -ENOMEM || (rc == -ENOTSUP && at < 2));
        }
    }
    free(copy);
    relief_buf_add_char(&f->bytes, '\0'); /* and what follows the end is damage too */
    struct log_record record = record_of(f, 7);
    assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), -EBADMSG);
}

static void hash_of_damage_is_an_error(void **state)
{
    (void)state;
    static const uint8_t zeros[LOG_HASH_BYTES], bad[] = {0, 9, 9};
    struct log_record record = {.seq = 1, .payload = bad, .len = sizeof bad};
    struct engine_entry_hasher hasher;
    uint8_t hash[LOG_HASH_BYTES];
    assert_int_equal(engine_entry_hasher_init(&hasher), 0);
    engine_entry_hash(&hasher, &record, hash);
    assert_int_equal(hasher.error, -EBADMSG);
    assert_memory_equal(hash, zeros, sizeof hash);
    engine_entry_hasher_deinit(&hasher);
}

/* ---- generations ---- */

/* A field as if a later generation had brought it, until it is put back. */
static void set_since(const struct relief_shape *shape, const char *name, uint8_t since)
{
    const struct relief_field *field = relief_shape_find(shape, relief_str_of(name));
    assert_non_null(field);
    ((struct relief_field *)(uintptr_t)field)->since = since;
}

/* Two fields that came later: the line of an older entry is what it was before there were any, and so is its hash. */
static void line_of_an_older_generation(void **state)
{
    struct sample s;
    sample_init(&s);
    set_since(&relief_shape_region, "agreement", 2);
    set_since(&relief_shape_region_put_params, "shares", 2);
    expect_line(*state, &s,
                "{\"identity\":\"coordinator:east\",\"method\":\"region.put\",\"outcome\":{\"records\":[{"
                "\"id\":\"east\",\"name\":\"Ost \\\"1\\\"\\n\xe4\xb8\x9c\",\"neighbour_minutes\":null,"
                "\"parent\":null,\"shares\":null,\"t\":\"region\"},"
                "{\"identity\":\"coordinator:east\",\"op\":\"op-1\",\"seq\":7,\"t\":\"op\"}]},"
                "\"params\":{\"agreement\":null,\"id\":\"east\",\"name\":\"Ost \\\"1\\\"\\n\xe4\xb8\x9c\","
                "\"neighbour_minutes\":null,\"op\":\"op-1\",\"parent\":null}" TAIL);
    set_since(&relief_shape_region, "agreement", 1);
    set_since(&relief_shape_region_put_params, "shares", 1);
}

/* The parts of an entry that are no table: an answer of its own, and candidates. */
static void answer_of_an_older_generation(void **state)
{
    struct fixture *f = *state;
    struct relief_head head = {.seq = 7, .hash = RELIEF_STR("h"), .time = 5};
    struct relief_candidate candidate;
    relief_shape_clear(&relief_shape_candidate, &candidate);
    candidate.city = RELIEF_STR("A");
    struct engine_entry entry = {.generation = 1, .command = RELIEF_METHOD_clock_confirm, .answer = &head};
    set_since(&relief_shape_head, "time", 2);
    engine_entry_json_outcome(&f->json, &entry);
    entry.generation = 2;
    engine_entry_json_outcome(&f->json, &entry);
    set_since(&relief_shape_head, "time", 1);
    relief_buf_add_char(&f->json, '\0');
    assert_string_equal(f->json.data, "{\"answer\":{\"hash\":\"h\",\"seq\":7},\"records\":[]}"
                                      "{\"answer\":{\"hash\":\"h\",\"seq\":7,\"time\":5},\"records\":[]}");
    relief_buf_clear(&f->json);
    set_since(&relief_shape_candidate, "reserved", 2);
    entry = (struct engine_entry){
        .generation = 1, .command = RELIEF_METHOD_request_submit, .candidates = {&candidate, 1, 1}};
    engine_entry_json_outcome(&f->json, &entry);
    set_since(&relief_shape_candidate, "reserved", 1);
    relief_buf_add_char(&f->json, '\0');
    assert_non_null(strstr(f->json.data, "\"city\":\"A\""));
    assert_null(strstr(f->json.data, "reserved"));
}

static void expect_newer(struct fixture *f, unsigned generation)
{
    struct log_record record = record_of(f, 7);
    struct engine_entry_hasher hasher;
    uint8_t hash[LOG_HASH_BYTES];
    assert_int_equal(engine_entry_decode(&record, &f->arena, &f->entry), -ENOTSUP);
    assert_int_equal(f->entry.generation, generation);
    assert_int_equal(engine_entry_hasher_init(&hasher), 0);
    engine_entry_hash(&hasher, &record, hash);
    assert_int_equal(hasher.error, -ENOTSUP);
    assert_int_equal(hasher.newer, generation);
    engine_entry_hasher_deinit(&hasher);
}

static void entry_of_a_newer_program(void **state)
{
    struct fixture *f = *state;
    struct sample s;
    sample_init(&s);
    encode(f, &s);
    assert_int_equal(f->bytes.data[1], RELIEF_GENERATION);
    f->bytes.data[1] = RELIEF_GENERATION + 1;
    expect_newer(f, RELIEF_GENERATION + 1);
    f->bytes.data[0]++; /* another form: nothing behind it means what it meant */
    expect_newer(f, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(line_of_records, setup, teardown),
        cmocka_unit_test_setup_teardown(line_with_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(hash_of_prev_and_line, setup, teardown),
        cmocka_unit_test_setup_teardown(line_of_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(line_of_answer_that_is_no_record, setup, teardown),
        cmocka_unit_test_setup_teardown(line_of_candidates, setup, teardown),
        cmocka_unit_test_setup_teardown(line_of_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(decoded_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_bytes, setup, teardown),
        cmocka_unit_test(hash_of_damage_is_an_error),
        cmocka_unit_test_setup_teardown(line_of_an_older_generation, setup, teardown),
        cmocka_unit_test_setup_teardown(answer_of_an_older_generation, setup, teardown),
        cmocka_unit_test_setup_teardown(entry_of_a_newer_program, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
