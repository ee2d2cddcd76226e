/*
 * A CSV file for `relief import`. The first byte says which table, the second what --map does. A row that is taken is
 * one that the daemon's own reader of parameters takes as the same; a file that is taken whole gives the same rows when
 * it is read for sending.
 */
#include "client/cli/import.h"
#include <stdlib.h>
#include "fuzz.h"
#include "schema/codec.h"
#include "schema/scan.h"

static const char *const tables[] = {"region", "city",  "link",     "kind",      "stock",
                                     "floor",  "asset", "incident", "agreement", "request"};
static struct relief_buf sent, own, again;
static struct relief_arena arena;

/* Parameters as they would go out, and as the daemon gets them. */
static void check_row(const struct import *import)
{
    const struct relief_shape *shape = import->method->params;
    _Alignas(8) char params[2048];
    struct relief_refusal refusal;
    msgpack_unpacked value;
    struct scan scan;
    size_t used = 0;
    FUZZ_CHECK(shape->size <= sizeof params);
    relief_buf_clear(&sent);
    relief_pack_params(&sent, shape, import->record);
    if (sent.len > RELIEF_FRAME_BYTES_MAX - 64)
        return;
    scan_init(&scan, RELIEF_FRAME_BYTES_MAX);
    FUZZ_CHECK(scan_feed(&scan, (const uint8_t *)sent.data, sent.len) == SCAN_DONE && scan.pos == sent.len);
    msgpack_unpacked_init(&value);
    FUZZ_CHECK(msgpack_unpack_next(&value, sent.data, sent.len, &used) == MSGPACK_UNPACK_SUCCESS);
    relief_arena_reset(&arena);
    FUZZ_CHECK(relief_params_decode(shape, &value.data, &arena, params, &refusal) == 0);
    FUZZ_CHECK(relief_params_check(shape, import->record, &refusal) <= 0);
    relief_buf_clear(&own);
    relief_pack_params(&own, shape, import->record); /* with defaults, as the daemon has it */
    relief_buf_clear(&again);
    relief_pack_params(&again, shape, params); /* its strings point into what was sent */
    FUZZ_CHECK(own.len == again.len && memcmp(own.data, again.data, own.len) == 0);
    msgpack_unpacked_destroy(&value);
}

/* All rows; how many were good, and what stood in them. */
static uint64_t read_rows(struct import *import, uint64_t *ret_sum)
{
    uint64_t good = 0;
    bool stop = false;
    *ret_sum = 0;
    while (!stop) {
        int got = import_next(import, &stop);
        if (got == 0)
            break;
        if (got < 0)
            continue;
        good++;
        check_row(import);
        for (size_t i = 0; i < again.len; i++)
            *ret_sum = *ret_sum * 31 + (uint8_t)again.data[i];
    }
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const maps[] = {"x=", "Name=name", "=note:a", "=op:b", "=priority:1", "a=city"};
    static struct import import;
    struct fuzz_input input = {data, data + size};
    uint64_t sum, sum_again;
    fuzz_quiet();
    FUZZ_CHECK(arena.base || relief_arena_init(&arena, 64u << 20) == 0);
    memset(&import, 0, sizeof import);
    import.file = import.batch = "file";
    import.table = import_table_find(tables[fuzz_byte(&input) % (sizeof tables / sizeof *tables)]);
    FUZZ_CHECK(import.table);
    uint8_t how = fuzz_byte(&input);
    for (unsigned i = 0; i < sizeof maps / sizeof *maps; i++) {
        if (how & 1u << i)
            import.maps.word[import.maps.count++] = maps[i];
    }
    struct relief_str text = fuzz_rest(&input);
    import.len = text.len;
    import.data = malloc(text.len + 1);
    FUZZ_CHECK(import.data);
    if (text.len)
        memcpy(import.data, text.data, text.len);
    if (import_begin(&import) == 0) {
        uint64_t good = read_rows(&import, &sum);
        FUZZ_CHECK(good == import.rows || import.bad);
        if (import.bad == 0) {
            FUZZ_CHECK(import_rewind(&import) == 0);
            FUZZ_CHECK(read_rows(&import, &sum_again) == good && sum == sum_again && import.bad == 0);
        }
    }
    import_deinit(&import);
    return 0;
}
