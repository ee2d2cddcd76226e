/*
 * Reads the outside of a message without building a tree: where the parts of [1, msgid, error, result] begin and end.
 * Every function looks at bytes that the scanner has already found to be one whole, well-formed value, and checks all
 * the same.
 */
#include "client/client.h"

bool client_skip(const uint8_t *data, size_t len, size_t *at)
{
    struct scan scan;
    if (*at >= len)
        return false;
    scan_init(&scan, len - *at);
    enum scan_status status = scan_feed(&scan, data + *at, len - *at);
    if (status != SCAN_DONE && status != SCAN_LIMIT)
        return false;
    *at += scan.pos;
    return true;
}

static bool big_endian(const uint8_t *data, size_t len, size_t *at, unsigned bytes, uint64_t *ret)
{
    if (len - *at < 1 + (size_t)bytes)
        return false;
    uint64_t value = 0;
    for (unsigned i = 1; i <= bytes; i++)
        value = value << 8 | data[*at + i];
    *at += 1 + (size_t)bytes;
    *ret = value;
    return true;
}

/* fix: the nibble that carries small counts; wide: the byte before a 16-bit count, the 32-bit one follows it. */
static bool container(const uint8_t *data, size_t len, size_t *at, uint8_t fix, uint8_t wide, uint32_t *ret_count)
{
    uint64_t count = 0;
    if (*at >= len)
        return false;
    if ((data[*at] & 0xf0) == fix) {
        *ret_count = data[(*at)++] & 0x0f;
        return true;
    }
    if (data[*at] != wide && data[*at] != wide + 1)
        return false;
    if (!big_endian(data, len, at, data[*at] == wide ? 2 : 4, &count))
        return false;
    *ret_count = (uint32_t)count;
    return true;
}

bool client_array(const uint8_t *data, size_t len, size_t *at, uint32_t *ret_count)
{
    return container(data, len, at, 0x90, 0xdc, ret_count);
}

bool client_map(const uint8_t *data, size_t len, size_t *at, uint32_t *ret_count)
{
    return container(data, len, at, 0x80, 0xde, ret_count);
}

bool client_uint(const uint8_t *data, size_t len, size_t *at, uint64_t *ret)
{
    if (*at >= len)
        return false;
    if (data[*at] < 0x80) {
        *ret = data[(*at)++];
        return true;
    }
    switch (data[*at]) {
    case 0xcc:
        return big_endian(data, len, at, 1, ret);
    case 0xcd:
        return big_endian(data, len, at, 2, ret);
    case 0xce:
        return big_endian(data, len, at, 4, ret);
    case 0xcf:
        return big_endian(data, len, at, 8, ret);
    default:
        return false;
    }
}

bool client_str(const uint8_t *data, size_t len, size_t *at, struct relief_str *ret)
{
    uint64_t bytes = 0;
    if (*at >= len)
        return false;
    uint8_t first = data[*at];
    if ((first & 0xe0) == 0xa0) {
        bytes = first & 0x1f;
        (*at)++;
    } else if (first < 0xd9 || first > 0xdb ||
               !big_endian(data, len, at,
                           first == 0xd9   ? 1
                           : first == 0xda ? 2
                                           : 4,
                           &bytes)) {
        return false;
    }
    if (bytes > len - *at)
        return false;
    *ret = (struct relief_str){(const char *)data + *at, (uint32_t)bytes};
    *at += bytes;
    return true;
}
