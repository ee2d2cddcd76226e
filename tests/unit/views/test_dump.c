/* A dump is one moment whatever happens meanwhile, waits for its reader, ends when told to, and its digest is that of
 * its lines. */
#include "views/dump.h"
#include "views/stream.h"
#include "core/key.h"
#include "schema/codec.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void wake(void *context)
{
    sem_post(context);
}

/* LMDB has everything that was applied. */
static void flush(struct world *w)
{
    assert_int_equal(world_durable(w), 0);
    store_flush_to(engine_store(w->engine), engine_applied(w->engine));
    while (store_mark(engine_store(w->engine)).seq < engine_applied(w->engine)) {
        sem_wait(&w->woken);
        assert_int_equal(engine_settle(w->engine), 0);
    }
}

static void many_cities(struct world *w, unsigned count)
{
    char code[16], name[1001];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (unsigned i = 0; i < count; i++) {
        WORLD_PARAMS(city_put, put);
        snprintf(code, sizeof code, "m%06u", i);
        put.code = relief_str_of(code);
        put.name = relief_str_of(name);
        put.region = RELIEF_STR("r");
        put.lat = put.lon = 0;
        assert_int_equal(world_command(w, RELIEF_METHOD_city_put, &put), 0);
        if (i % 1000 == 999)
            assert_int_equal(world_durable(w), 0);
    }
}

static struct views_dump *start(struct world *w, sem_t *due, int64_t ms_max)
{
    struct views_dump *dump = NULL;
    struct views_dump_options options = {
        .store = engine_store(w->engine), .msgid = 7, .ms_max = ms_max, .wake = wake, .context = due};
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++)
        options.tables[i] = true;
    sem_init(due, 0, 0);
    assert_int_equal(views_dump_start(&dump, &options), 0);
    return dump;
}

/* The value under a key of a map. */
static const msgpack_object *value(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (relief_str_eq(
                (struct relief_str){map->via.map.ptr[i].key.via.str.ptr, map->via.map.ptr[i].key.via.str.size},
                relief_str_of(key)))
            return &map->via.map.ptr[i].val;
    return NULL;
}

struct reading {
    struct relief_buf lines; /* the JSON lines, from what was sent */
    unsigned pieces;
    uint64_t records;
};

static void read_piece(struct reading *reading, const struct relief_buf *piece)
{
    msgpack_unpacked unpacked;
    size_t at = 0;
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, piece->data, piece->len, &at), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(at, piece->len);
    assert_int_equal(unpacked.data.via.array.size, 3);
    const msgpack_object *body = &unpacked.data.via.array.ptr[2].via.array.ptr[0];
    assert_int_equal(value(body, "msgid")->via.u64, 7);
    assert_true((value(body, "seq") != NULL) == (reading->pieces == 0));
    if (reading->pieces++ == 0) {
        relief_buf_add_text(&reading->lines, "{\"format\":\"relief-dump\",\"head\":");
        relief_json_msgpack(&reading->lines, value(body, "head"));
        relief_buf_add_text(&reading->lines, ",\"seq\":");
        relief_json_msgpack(&reading->lines, value(body, "seq"));
        relief_buf_add_text(&reading->lines, ",\"time\":");
        relief_json_msgpack(&reading->lines, value(body, "time"));
        relief_buf_add_text(&reading->lines, ",\"version\":1}\n");
    }
    const msgpack_object *rows = value(body, "rows");
    for (uint32_t i = 0; i < rows->via.array.size; i++) {
        relief_json_msgpack(&reading->lines, &rows->via.array.ptr[i]);
        relief_buf_add_char(&reading->lines, '\n');
        reading->records++;
    }
    msgpack_unpacked_destroy(&unpacked);
}

/* Reads to the end; returns how the dump ended. */
static int read_all(struct views_dump *dump, sem_t *due, struct reading *reading, struct views_dump_end *end)
{
    for (;;) {
        struct relief_buf piece;
        int result = views_dump_take(dump, &piece, end);
        if (result == 0) {
            sem_wait(due);
        } else if (result < 0) {
            return result;
        } else {
            assert_true(piece.len <= VIEWS_DUMP_CHUNK_BYTES + 256);
            read_piece(reading, &piece);
            relief_buf_deinit(&piece);
        }
    }
}

static void digest_of(const struct reading *reading, char ret_hex[65])
{
    unsigned char hash[32];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)reading->lines.data, reading->lines.len, NULL, 0);
    sodium_bin2hex(ret_hex, 65, hash, sizeof hash);
}

static void one_moment_while_it_is_written(void **state)
{
    struct world *w = *state;
    struct reading reading = {0};
    struct views_dump_end end;
    char digest[65];
    sem_t due;
    world_found(w);
    many_cities(w, 3000);
    flush(w);
    uint64_t seq = engine_applied(w->engine);
    struct views_dump *dump = start(w, &due, 0);
    sem_wait(&due); /* the snapshot is open */
    WORLD_PARAMS(city_put, late);
    late.code = RELIEF_STR("zzz");
    late.name = late.region = RELIEF_STR("r");
    late.lat = late.lon = 0;
    assert_int_equal(world_command(w, RELIEF_METHOD_city_put, &late), 0);
    flush(w);
    sem_post(&due);
    assert_int_equal(read_all(dump, &due, &reading, &end), -ENODATA);
    views_dump_free(dump);
    assert_int_equal(end.seq, seq);
    assert_int_equal(end.records, reading.records);
    assert_true(reading.records >= 3000);
    assert_true(reading.pieces > 10);
    digest_of(&reading, digest);
    assert_string_equal(digest, end.digest);
    assert_null(memmem(reading.lines.data, reading.lines.len, "zzz", 3));
    relief_buf_deinit(&reading.lines);
    sem_destroy(&due);
}

static void an_empty_state_has_a_first_line(void **state)
{
    struct world *w = *state;
    struct reading reading = {0};
    struct views_dump_end end;
    char digest[65];
    sem_t due;
    struct views_dump *dump = start(w, &due, 0);
    assert_int_equal(read_all(dump, &due, &reading, &end), -ENODATA);
    views_dump_free(dump);
    assert_int_equal(reading.pieces, 1);
    assert_int_equal(end.records, 0);
    digest_of(&reading, digest);
    assert_string_equal(digest, end.digest);
    relief_buf_deinit(&reading.lines);
    sem_destroy(&due);
}

/* Nobody reads: the worker stands still with its queue full, and ends at once when it is not wanted any more. */
static void it_ends_when_told_to(void **state)
{
    struct world *w = *state;
    sem_t due;
    world_found(w);
    many_cities(w, 3000);
    flush(w);
    struct views_dump *dump = start(w, &due, 0);
    for (unsigned i = 0; i < VIEWS_STREAM_CHUNKS; i++)
        sem_wait(&due);
    views_dump_free(dump);
    sem_destroy(&due);
    views_dump_free(NULL);
}

static void its_time_is_limited(void **state)
{
    struct world *w = *state;
    struct reading reading = {0};
    struct views_dump_end end;
    sem_t due;
    world_found(w);
    many_cities(w, 3000);
    flush(w);
    struct views_dump *dump = start(w, &due, 1);
    while (!views_dump_over(dump)) /* not reading is what makes it late; its end wakes too */
        sem_wait(&due);
    sem_post(&due);
    assert_int_equal(read_all(dump, &due, &reading, &end), -ETIME);
    views_dump_free(dump);
    relief_buf_deinit(&reading.lines);
    sem_destroy(&due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_state_has_a_first_line, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(one_moment_while_it_is_written, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(it_ends_when_told_to, world_setup_open, world_teardown),
        cmocka_unit_test_setup_teardown(its_time_is_limited, world_setup_open, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
