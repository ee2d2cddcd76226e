/*
 * Stored records, damaged in any way: the first byte says of which table, or with its high bit of which command's
 * parameters; the rest are the bytes. They decode to a record or not at all; a record can be copied, shown, and written
 * and read again.
 */
#include "schema/codec.h"
#include "schema/commands.h"
#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STRUCT_BYTES = 2048 };

static struct relief_arena arena;
static struct relief_buf first, second;

static const struct relief_shape *shape_of(uint8_t byte)
{
    if (byte < 0x80)
        return byte < RELIEF_TABLE_COUNT ? relief_tables[byte].shape : NULL;
    const struct relief_command_info *command = relief_command_by_number(byte - 0x80u);
    return command ? command->params : NULL;
}

static void check_record(const struct relief_shape *shape, const void *record)
{
    _Alignas(8) char again[STRUCT_BYTES];
    relief_buf_clear(&first);
    relief_record_encode(&first, shape, record);
    int64_t used = relief_record_decode(shape, (struct relief_str){first.data, (uint32_t)first.len}, &arena, again);
    assert(used == (int64_t)first.len || arena.spent);
    if (used < 0 || relief_record_copy(shape, again, &arena, again) != 0)
        return;
    relief_buf_clear(&second);
    relief_record_encode(&second, shape, again);
    assert(second.len == first.len && (first.len == 0 || memcmp(first.data, second.data, first.len) == 0));
    relief_buf_clear(&second);
    relief_json_record(&second, shape, record, "table");
    relief_buf_clear(&second);
    relief_pack_record(&second, shape, record, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!arena.base) {
        int error = relief_arena_init(&arena, 64u << 20);
        assert(error == 0);
    }
    const struct relief_shape *shape = size ? shape_of(data[0]) : NULL;
    if (!shape)
        return 0;
    _Alignas(8) char record[STRUCT_BYTES];
    assert(shape->size <= STRUCT_BYTES);
    relief_arena_reset(&arena);
    struct relief_str bytes = {(const char *)data + 1, (uint32_t)(size - 1)};
    int64_t used = relief_record_decode(shape, bytes, &arena, record);
    assert((used >= 0 && used <= (int64_t)bytes.len) || used == -EBADMSG || used == -ENOMEM);
    if (used >= 0)
        check_record(shape, record);
    return 0;
}
