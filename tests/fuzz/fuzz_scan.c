/*
 * The scanner, on bytes as a peer may send them. The first byte says in what pieces they arrive, the second how large a
 * frame may be. However they arrive the answer is the same, and what passes is decoded by msgpack-c from exactly the
 * same bytes.
 */
#include "schema/scan.h"
#include <assert.h>
#include <msgpack.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoder(const uint8_t *data, size_t len)
{
    msgpack_unpacked value;
    msgpack_unpacked_init(&value);
    size_t used = 0;
    msgpack_unpack_return result = msgpack_unpack_next(&value, (const char *)data, len, &used);
    assert(result == MSGPACK_UNPACK_SUCCESS);
    assert(used == len);
    msgpack_unpacked_destroy(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = 1u + data[0], max = data[1] < 0x80 ? RELIEF_FRAME_BYTES_MAX : data[1] - 0x80u;
    data += 2;
    size -= 2;
    struct scan whole, pieces;
    scan_init(&whole, max);
    enum scan_status status = scan_feed(&whole, data, size);
    assert(whole.pos <= size && whole.pos <= max);
    assert((whole.fault != SCAN_FAULT_NONE) == (status == SCAN_LIMIT) || status == SCAN_MORE || status == SCAN_BAD ||
           status == SCAN_TOO_LARGE);

    scan_init(&pieces, max);
    enum scan_status step = SCAN_MORE;
    for (size_t have = 0; step == SCAN_MORE && have < size;) {
        have = size - have < piece ? size : have + piece;
        step = scan_feed(&pieces, data, have);
    }
    assert(size == 0 || step == status);
    assert(size == 0 || (pieces.pos == whole.pos && pieces.fault == whole.fault));

    if (status == SCAN_DONE)
        check_decoder(data, whole.pos);
    return 0;
}
