/*
 * Base64 as RFC 4648 section 4 has it, padded: how bytes stand in JSON and in a cell of the command line. It is no
 * secret that goes through here, so a table does.
 */
#include "schema/codec.h"

void relief_base64(struct relief_buf *buf, struct relief_str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = (const uint8_t *)bytes.data;
    for (uint32_t left = bytes.len; left > 0; left -= left < 3 ? left : 3, at += 3) {
        uint32_t three = (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        const char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                              (char)(left > 1 ? digits[three >> 6 & 63] : '='),
                              (char)(left > 2 ? digits[three & 63] : '=')};
        relief_buf_add(buf, four, sizeof four);
    }
}
