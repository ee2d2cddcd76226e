/*
 * A dump as MessagePack: the same records as a row of maps. The digest is made over the JSON lines, and many bytes of
 * MessagePack say the same; so each map must also be the very bytes that a dump has, of this generation of the schema
 * or an older one, or somebody wrote it again.
 */
#include <msgpack.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/reader_form.h"
#include "client/client.h"
#include "schema/codec.h"
#include "schema/scan.h"

#define RECORD_ARENA_BYTES ((size_t)256 << 20) /* address space; a record is at most a frame */

static bool packs_to(struct cli_reader *reader, const struct relief_table_info *table, const void *record,
                     unsigned generation, struct relief_str bytes)
{
    struct relief_buf *text = &reader->text;
    relief_buf_clear(text);
    relief_pack_record_of(text, table->shape, record, 1, generation);
    relief_pack_text(text, "t");
    relief_pack_text(text, table->name);
    return text->len == bytes.len && memcmp(text->data, bytes.data, bytes.len) == 0;
}

/* Of a record: its line into reader->text, true when the bytes are those that the same record has in a dump. */
static bool take_record(struct cli_reader *reader, const msgpack_object *map, struct relief_str bytes)
{
    const msgpack_object *name = client_map_find(map, "t");
    union relief_any_record record;
    int number = name && name->type == MSGPACK_OBJECT_STR
                     ? relief_table_find((struct relief_str){name->via.str.ptr, name->via.str.size})
                     : -1;
    if (number < 0 || (!reader->arena.base && relief_arena_init(&reader->arena, RECORD_ARENA_BYTES) != 0))
        return false;
    const struct relief_table_info *table = &relief_tables[number];
    relief_arena_reset(&reader->arena);
    if (relief_answer_decode(table->shape, map, &reader->arena, &record) != 0)
        return false;
    unsigned generation = RELIEF_GENERATION;
    while (generation > 0 && !packs_to(reader, table, &record, generation, bytes))
        generation--;
    relief_buf_clear(&reader->text);
    relief_json_record_of(&reader->text, table->shape, &record, table->name,
                          generation > 0 ? generation : RELIEF_GENERATION);
    return generation > 0;
}

/* First and last line: packed from their JSON. */
static bool take_edge(struct cli_reader *reader, const msgpack_object *map, struct relief_str bytes)
{
    struct relief_buf packed = RELIEF_BUF_INIT;
    char error[100];
    relief_json_msgpack(&reader->text, map);
    bool same = cli_json_pack_text(&packed, (struct relief_str){reader->text.data, (uint32_t)reader->text.len}, error,
                                   sizeof error) &&
                packed.len == bytes.len && memcmp(packed.data, bytes.data, bytes.len) == 0;
    relief_buf_deinit(&packed);
    return same;
}

static int take(struct cli_reader *reader, struct relief_str bytes, struct relief_str *ret)
{
    msgpack_unpacked value;
    size_t used = 0;
    relief_buf_clear(&reader->text);
    msgpack_unpacked_init(&value);
    bool good = msgpack_unpack_next(&value, bytes.data, bytes.len, &used) == MSGPACK_UNPACK_SUCCESS &&
                value.data.type == MSGPACK_OBJECT_MAP;
    if (good) {
        bool record = client_map_find(&value.data, "t") != NULL;
        bool same = record ? take_record(reader, &value.data, bytes) : take_edge(reader, &value.data, bytes);
        if (reader->text.len == 0)
            relief_json_msgpack(&reader->text, &value.data);
        if (!same)
            cli_reader_broken(reader, "these are not the bytes that a dump has for it");
    }
    msgpack_unpacked_destroy(&value);
    *ret = (struct relief_str){reader->text.data, (uint32_t)reader->text.len};
    if (reader->text.failed)
        return reader_unreadable(reader, CLI_REFUSED, "no memory");
    return good ? 1 : reader_unreadable(reader, CLI_USAGE, "not MessagePack, or no map");
}

int reader_packed(struct cli_reader *reader, struct relief_str *ret)
{
    struct scan scan;
    scan_init(&scan, CLI_LINE_BYTES_MAX);
    reader->line++;
    for (;;) {
        const char *data = reader->bytes.data + reader->used;
        size_t left = reader->bytes.len - reader->used;
        enum scan_status status = left ? scan_feed(&scan, (const uint8_t *)data, left) : SCAN_MORE;
        if (status == SCAN_DONE || status == SCAN_LIMIT) {
            reader->used += scan.pos;
            return take(reader, (struct relief_str){data, (uint32_t)scan.pos}, ret);
        }
        if (status != SCAN_MORE)
            return reader_unreadable(reader, CLI_USAGE, "not MessagePack");
        if (reader_more(reader))
            continue;
        if (reader->code)
            return -1;
        return left ? reader_unreadable(reader, CLI_USAGE, "the file ends in the middle of a record") : 0;
    }
}
