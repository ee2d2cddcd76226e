/*
 * The scanner, on bytes as a peer may send them. The first byte says in what pieces they arrive, the second how large a
 * frame may be. However they arrive the answer is the same, and msgpack-c judges alike what is whole, what is not yet,
 * and what is no MessagePack.
 */
#include "schema/scan.h"
#include <msgpack.h>
#include "fuzz.h"

/*
 * The decoder judges alike: whole values, values of which more has to come, and bytes that are none. It has no part in
 * the size of a frame, and its own bound of the depth, which is higher.
 */
static void check_decoder(const struct scan *scan, enum scan_status status, const uint8_t *data, size_t len)
{
    msgpack_unpacked value;
    size_t used = 0;
    if (status == SCAN_TOO_LARGE)
        return;
    msgpack_unpacked_init(&value);
    msgpack_unpack_return result = msgpack_unpack_next(&value, (const char *)data, len, &used);
    if (scan->fault && result == MSGPACK_UNPACK_NOMEM_ERROR)
        return; /* too deep for it; the scanner has the first fault only */
    FUZZ_CHECK(result == (status == SCAN_MORE  ? MSGPACK_UNPACK_CONTINUE
                          : status == SCAN_BAD ? MSGPACK_UNPACK_PARSE_ERROR
                                               : MSGPACK_UNPACK_SUCCESS));
    FUZZ_CHECK(result != MSGPACK_UNPACK_SUCCESS || used == scan->pos);
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
    FUZZ_CHECK(whole.pos <= size && whole.pos <= max);
    FUZZ_CHECK((whole.fault != SCAN_FAULT_NONE) == (status == SCAN_LIMIT) || status == SCAN_MORE ||
               status == SCAN_BAD || status == SCAN_TOO_LARGE);

    scan_init(&pieces, max);
    enum scan_status step = SCAN_MORE;
    for (size_t have = 0; step == SCAN_MORE && have < size;) {
        have = size - have < piece ? size : have + piece;
        step = scan_feed(&pieces, data, have);
    }
    FUZZ_CHECK(size == 0 || step == status);
    FUZZ_CHECK(size == 0 || (pieces.pos == whole.pos && pieces.fault == whole.fault));

    check_decoder(&whole, status, data, size);
    return 0;
}
