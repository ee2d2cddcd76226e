/*
 * Parameters of a method, from the bytes of a peer: the first byte is the number of the method, the rest one
 * MessagePack value. What is accepted passes the checks by hand, is packed and decoded again as the same, and is stored
 * and read back the same; what is refused is refused in words that can be sent. The same bytes as an answer must do no
 * harm either.
 */
#include "schema/commands.h"
#include "schema/codec.h"
#include "schema/scan.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STRUCT_BYTES = 2048 };

static struct relief_arena arena;
static struct relief_buf first, second;

/* The value of scanned bytes; false when the scanner refuses them. */
static bool unpack(const void *data, size_t size, msgpack_unpacked *ret)
{
    struct scan scan;
    scan_init(&scan, RELIEF_FRAME_BYTES_MAX);
    if (scan_feed(&scan, data, size) != SCAN_DONE)
        return false;
    size_t used = 0;
    msgpack_unpack_return result = msgpack_unpack_next(ret, data, scan.pos, &used);
    assert(result == MSGPACK_UNPACK_SUCCESS);
    return true;
}

static void check_accepted(const struct relief_shape *shape, void *params)
{
    _Alignas(8) char again[STRUCT_BYTES];
    struct relief_refusal refusal;
    assert(relief_params_check(shape, params, &refusal) == 0);
    relief_buf_clear(&first);
    relief_pack_params(&first, shape, params);
    msgpack_unpacked value;
    msgpack_unpacked_init(&value);
    bool fits = first.len <= RELIEF_FRAME_BYTES_MAX; /* defaults may make a full frame longer */
    if (fits) {
        bool good = unpack(first.data, first.len, &value);
        assert(good);
        int result = relief_params_decode(shape, &value.data, &arena, again, &refusal);
        assert(result == 0 || result == RELIEF_TOO_MANY);
        relief_buf_clear(&second);
        if (result == 0)
            relief_pack_params(&second, shape, again);
        assert(result || (second.len == first.len && memcmp(first.data, second.data, first.len) == 0));
    }
    msgpack_unpacked_destroy(&value);

    relief_buf_clear(&first);
    relief_record_encode(&first, shape, params);
    struct relief_str stored = {first.data, (uint32_t)first.len};
    int64_t used = relief_record_decode(shape, stored, &arena, again);
    assert(used == (int64_t)first.len || arena.spent);
    relief_buf_clear(&second);
    if (used >= 0)
        relief_record_encode(&second, shape, again);
    assert(used < 0 || (second.len == first.len && memcmp(first.data, second.data, first.len) == 0));
    relief_buf_clear(&second);
    relief_json_record(&second, shape, params, NULL);
    assert(scan_utf8(second.data, second.len));
}

static void check_refused(const struct relief_refusal *refusal, int code)
{
    assert(code == RELIEF_BAD_PARAMS || code == RELIEF_TOO_MANY);
    assert((int)refusal->code == code);
    relief_buf_clear(&first);
    relief_pack_refusal(&first, refusal);
    msgpack_unpacked value;
    msgpack_unpacked_init(&value);
    bool good = unpack(first.data, first.len, &value);
    assert(good);
    msgpack_unpacked_destroy(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!arena.base) {
        int error = relief_arena_init(&arena, 64u << 20);
        assert(error == 0);
    }
    const struct relief_method_info *method = size ? relief_method_by_number(data[0]) : NULL;
    msgpack_unpacked value;
    msgpack_unpacked_init(&value);
    if (method && unpack(data + 1, size - 1, &value)) {
        _Alignas(8) char params[STRUCT_BYTES];
        assert(method->params->size <= STRUCT_BYTES && method->result->size <= STRUCT_BYTES);
        struct relief_refusal refusal;
        relief_arena_reset(&arena);
        int result = relief_params_decode(method->params, &value.data, &arena, params, &refusal);
        if (result == 0)
            check_accepted(method->params, params);
        else
            check_refused(&refusal, result);
        (void)relief_answer_decode(method->result, &value.data, &arena, params);
        relief_buf_clear(&first);
        relief_json_msgpack(&first, &value.data);
    }
    msgpack_unpacked_destroy(&value);
    return 0;
}
