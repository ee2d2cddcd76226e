/*
 * Readers here accept one form only (lower-case hex, base64 with its padding and no stray bits, decimals without zeros
 * in front): what was signed or hashed has one text, so any other text of the same value is an edit.
 */
#include "tools/audit/bytes.h"
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int audit_text_cmp(struct audit_text a, struct audit_text b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool audit_text_starts(struct audit_text text, struct audit_text with)
{
    return text.len >= with.len && memcmp(text.data, with.data, with.len) == 0;
}

bool audit_text_line(struct audit_text *text, struct audit_text *ret_line)
{
    const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    if (!end)
        return false;
    *ret_line = (struct audit_text){text->data, (size_t)(end - text->data)};
    text->len -= ret_line->len + 1;
    text->data = end + 1;
    return true;
}

bool audit_buf_reserve(struct audit_buf *buf, size_t more)
{
    if (buf->cap - buf->len >= more)
        return true;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap - buf->len < more && cap <= SIZE_MAX / 4)
        cap *= 2;
    char *data = cap - buf->len >= more ? realloc(buf->data, cap) : NULL;
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void audit_buf_add(struct audit_buf *buf, const void *data, size_t len)
{
    if (len == 0 || !audit_buf_reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

void audit_buf_text(struct audit_buf *buf, const char *text)
{
    audit_buf_add(buf, text, strlen(text));
}

void audit_buf_format(struct audit_buf *buf, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        buf->failed = true;
    else
        audit_buf_add(buf, text, (size_t)len);
}

struct audit_text audit_buf_view(const struct audit_buf *buf)
{
    return (struct audit_text){buf->data, buf->len};
}

void audit_buf_deinit(struct audit_buf *buf)
{
    free(buf->data);
    *buf = AUDIT_BUF_INIT;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool audit_hex_read(struct audit_text text, uint8_t *ret, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void audit_hex_write(const uint8_t *data, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[data[i] >> 4];
        ret[2 * i + 1] = digits[data[i] & 15];
    }
    ret[2 * len] = '\0';
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long audit_base64_read(struct audit_text text, uint8_t *ret, size_t max)
{
    size_t pad = 0, len;
    if (text.len % 4)
        return -1;
    while (pad < 2 && pad < text.len && text.data[text.len - 1 - pad] == '=')
        pad++;
    len = text.len / 4 * 3 - pad;
    if (len > max)
        return -1;
    for (size_t in = 0, out = 0; in < text.len; in += 4) {
        uint32_t bits = 0;
        for (size_t i = 0; i < 4; i++) {
            int digit = in + i >= text.len - pad ? 0 : base64_digit(text.data[in + i]);
            if (digit < 0)
                return -1;
            bits = bits << 6 | (uint32_t)digit;
        }
        for (int shift = 16; shift >= 0; shift -= 8) {
            if (out < len)
                ret[out++] = (uint8_t)(bits >> shift);
            else if (bits >> shift & 0xff)
                return -1; /* bits that stand for nothing */
        }
    }
    return (long)len;
}

void audit_base64_write(const uint8_t *data, size_t len, char *ret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t out = 0;
    for (size_t in = 0; in < len; in += 3) {
        size_t left = len - in;
        uint32_t bits = (uint32_t)data[in] << 16 | (left > 1 ? (uint32_t)data[in + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)data[in + 2] : 0);
        ret[out++] = digits[bits >> 18];
        ret[out++] = digits[bits >> 12 & 63];
        ret[out++] = '=';
        ret[out++] = '=';
        if (left > 1)
            ret[out - 2] = digits[bits >> 6 & 63];
        if (left > 2)
            ret[out - 1] = digits[bits & 63];
    }
    ret[out] = '\0';
}

bool audit_decimal_read(struct audit_text text, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (value >= UINT64_C(1) << 62)
        return false;
    *ret = value;
    return true;
}

/* The ranges of RFC 3629: no surrogates, nothing longer than it need be, nothing above U+10FFFF. */
bool audit_utf8_ok(const char *data, size_t len)
{
    const unsigned char *at = (const unsigned char *)data, *end = at + len;
    while (at < end) {
        unsigned more, low = 0x80, high = 0xbf;
        unsigned char c = *at++;
        if (c < 0x80)
            continue;
        if (c < 0xc2 || c > 0xf4)
            return false;
        more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c == 0xe0)
            low = 0xa0;
        else if (c == 0xed)
            high = 0x9f;
        else if (c == 0xf0)
            low = 0x90;
        else if (c == 0xf4)
            high = 0x8f;
        if ((size_t)(end - at) < more)
            return false;
        for (; more > 0; more--, low = 0x80, high = 0xbf) {
            if (*at < low || *at > high)
                return false;
            at++;
        }
    }
    return true;
}

void audit_blake(const void *data, size_t len, uint8_t ret[AUDIT_HASH])
{
    crypto_generichash_blake2b(ret, AUDIT_HASH, data, len, NULL, 0);
}
