/*
 * The growing byte buffer that every encoder appends to. Capacity doubles, so a run of appends costs amortised constant
 * time. A failure (no memory) is kept in `failed` instead of being returned by each append: callers check once, at the
 * end.
 */
#include "schema/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 256u /* most records and answers fit without growing twice */

void relief_buf_deinit(struct relief_buf *buf)
{
    if (!buf)
        return;
    free(buf->data);
    *buf = RELIEF_BUF_INIT;
}

bool relief_buf_reserve(struct relief_buf *buf, size_t bytes)
{
    if (buf->failed)
        return false;
    if (buf->cap - buf->len >= bytes)
        return true;
    size_t cap = buf->cap ? buf->cap : FIRST_CAP;
    while (cap - buf->len < bytes) {
        if (cap > SIZE_MAX / 2)
            goto fail;
        cap *= 2;
    }
    char *data = realloc(buf->data, cap);
    if (!data)
        goto fail;
    buf->data = data;
    buf->cap = cap;
    return true;
fail:
    buf->failed = true;
    return false;
}

void relief_buf_add_i64(struct relief_buf *buf, int64_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
        "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
        "9899";
    char digits[20]; /* 19 digits of 2^63 and a sign */
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    while (rest >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (rest % 100), 2);
        rest /= 100;
    }
    if (rest || at == sizeof digits)
        digits[--at] = (char)('0' + rest);
    if (value < 0)
        digits[--at] = '-';
    relief_buf_add(buf, digits + at, sizeof digits - at);
}

void relief_buf_printf(struct relief_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        buf->failed = true;
    else if (relief_buf_reserve(buf, (size_t)len + 1)) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}
