/*
 * Small texts as people write them, before each of their readers. The first byte: 'a' an address, of the daemon and of
 * the client; 'i' an identity; 'l' what stands behind --listen; 't' a time; 'v' the value of a parameter (two bytes say
 * which); 'c' a cell of a dump's CSV (three bytes: table, column, generation); 'j' JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/addr.h"
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/uncell.h"
#include "client/client.h"
#include "conf/conf.h"
#include "fuzz.h"
#include "rpc/identity.h"
#include "schema/codec.h"
#include "schema/scan.h"

static struct relief_arena arena;
static struct relief_buf first, second;

static void try_address(const char *text)
{
    struct addr addr;
    struct client_address address;
    const char *why = NULL;
    int error = addr_parse(text, &addr, &why), client_error = client_address_parse(&address, text);
    FUZZ_CHECK(error == 0 || (error == -EINVAL && why && why[0]));
    if (error || client_error)
        return;
    if (addr.scheme == ADDR_UNIX) {
        FUZZ_CHECK(address.family == CLIENT_UNIX && strcmp(addr.path, address.host) == 0);
        return;
    }
    FUZZ_CHECK(strcmp(addr.host, address.host) == 0 && strtol(address.port, NULL, 10) == addr.port);
}

static void try_listen(const char *text)
{
    struct conf_listen listen;
    struct addr addr;
    const char *why = NULL;
    if (conf_listen_parse(text, &listen, &why) != 0) {
        FUZZ_CHECK(why && why[0]);
        return;
    }
    FUZZ_CHECK(addr_parse(listen.address, &addr, NULL) == 0);
    FUZZ_CHECK(!listen.has_identity || addr_is_loopback(&addr));
}

static void try_identity(const char *text)
{
    struct conf_identity identity, again;
    struct rpc_identity known;
    char written[CONF_IDENTITY_BYTES];
    if (conf_identity_parse(text, &identity, NULL) != 0)
        return;
    conf_identity_text(&identity, written);
    FUZZ_CHECK(strcmp(written, text) == 0);
    FUZZ_CHECK(conf_identity_parse(written, &again, NULL) == 0 && memcmp(&again, &identity, sizeof again) == 0);
    FUZZ_CHECK(rpc_identity_parse(&known, text) == 0 && known.known && strcmp(known.name, text) == 0);
}

static void try_time(struct relief_str text)
{
    int64_t ms, again;
    char written[40];
    for (int end_of_day = 0; end_of_day < 2; end_of_day++) {
        if (!cli_time_parse(text, INT64_C(1767225600000), end_of_day, &ms))
            continue;
        if (ms < 0 || ms > RELIEF_TIME_MAX)
            continue; /* refused as a value */
        cli_time_text(written, ms, true);
        FUZZ_CHECK(cli_time_parse(relief_str_of(written), 0, false, &again) && again == ms);
    }
}

static void try_value(struct fuzz_input *input)
{
    const struct relief_method_info *method = &relief_methods[fuzz_byte(input) % relief_method_count];
    const struct relief_shape *shape = method->params;
    struct cli_parse parse = {.arena = &arena, .now_ms = INT64_C(1767225600000)};
    _Alignas(8) char params[2048];
    struct relief_refusal refusal;
    if (shape->count == 0)
        return;
    const struct relief_field *field = &shape->fields[fuzz_byte(input) % shape->count];
    relief_shape_clear(shape, params);
    if (!cli_value_set(&parse, field, params, fuzz_rest(input))) {
        FUZZ_CHECK(parse.error[0]);
        return;
    }
    (void)relief_params_check(shape, params, &refusal);
    relief_buf_clear(&first);
    relief_pack_params(&first, shape, params);
    FUZZ_CHECK(!first.failed && first.len > 0);
}

/* One text for a value and no other: what is read is written as it was. */
static void try_cell(struct fuzz_input *input)
{
    const struct relief_table_info *table = &relief_tables[fuzz_byte(input) % RELIEF_TABLE_COUNT];
    struct cli_column columns[CLI_COLUMNS_MAX];
    _Alignas(8) char record[2048];
    unsigned count = cli_columns(table->shape, columns, CLI_COLUMNS_MAX);
    const struct cli_column *column = &columns[fuzz_byte(input) % count];
    unsigned generation = 1 + fuzz_byte(input) % RELIEF_GENERATION;
    struct relief_str text = fuzz_rest(input);
    FUZZ_CHECK(table->shape->size <= sizeof record);
    relief_shape_clear(table->shape, record);
    if (!scan_utf8(text.data, text.len) || !cli_uncell(column, &arena, record, text, generation))
        return;
    relief_buf_clear(&first);
    cli_cell(&first, column, record, true);
    if (generation == RELIEF_GENERATION)
        FUZZ_CHECK(first.len == text.len && (text.len == 0 || memcmp(first.data, text.data, text.len) == 0));
}

static bool unpack(const struct relief_buf *bytes, msgpack_unpacked *ret)
{
    size_t used = 0;
    return msgpack_unpack_next(ret, bytes->data, bytes->len, &used) == MSGPACK_UNPACK_SUCCESS && used == bytes->len;
}

static void try_json(struct relief_str text)
{
    char error[200];
    struct scan scan;
    msgpack_unpacked value;
    relief_buf_clear(&first);
    if (text.len && text.data[0] == '@')
        return; /* names a file */
    if (!cli_json_pack_text(&first, text, error, sizeof error))
        return;
    scan_init(&scan, 64u << 20);
    enum scan_status status = scan_feed(&scan, (const uint8_t *)first.data, first.len);
    FUZZ_CHECK((status == SCAN_DONE || status == SCAN_LIMIT) && scan.pos == first.len);
    if (status != SCAN_DONE)
        return;
    msgpack_unpacked_init(&value);
    FUZZ_CHECK(unpack(&first, &value));
    relief_buf_clear(&second);
    relief_json_msgpack(&second, &value.data);
    struct relief_buf once = second, packed = RELIEF_BUF_INIT;
    second = RELIEF_BUF_INIT;
    FUZZ_CHECK(cli_json_pack_text(&packed, (struct relief_str){once.data, (uint32_t)once.len}, error, sizeof error));
    msgpack_unpacked_destroy(&value);
    msgpack_unpacked_init(&value);
    FUZZ_CHECK(unpack(&packed, &value));
    relief_json_msgpack(&second, &value.data);
    FUZZ_CHECK(once.len == second.len && memcmp(once.data, second.data, once.len) == 0);
    msgpack_unpacked_destroy(&value);
    relief_buf_deinit(&packed);
    relief_buf_deinit(&once);
}

static void try_text(uint8_t what, struct fuzz_input *input)
{
    char text[1024];
    struct relief_str rest = fuzz_rest(input);
    if (what == 't' || what == 'j') {
        (what == 't' ? try_time : try_json)(rest);
        return;
    }
    if (rest.len >= sizeof text)
        return;
    if (rest.len)
        memcpy(text, rest.data, rest.len);
    text[rest.len] = '\0';
    if (what == 'a')
        try_address(text);
    else if (what == 'l')
        try_listen(text);
    else if (what == 'i')
        try_identity(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    uint8_t what = fuzz_byte(&input);
    fuzz_quiet();
    FUZZ_CHECK(arena.base || relief_arena_init(&arena, 64u << 20) == 0);
    relief_arena_reset(&arena);
    if (what == 'v')
        try_value(&input);
    else if (what == 'c')
        try_cell(&input);
    else
        try_text(what, &input);
    return 0;
}
