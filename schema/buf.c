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

/* Digits of value; each bit is worth 1233/4096 = 0.301 of one, log10(2) rounded down, so at most one is missing. */
static unsigned digits_of(uint64_t value)
{
    static const uint64_t tens[] = {
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000),
    };
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1), low = (bits * 1233u) >> 12;
    return low + (low == 0 || value >= tens[low - 1]);
}

char *relief_i64_write(char *at, int64_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
        "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
        "9899";
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *at = '-';
    at += value < 0;
    char *end = at + digits_of(rest);
    for (at = end; rest >= 10; rest /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (rest % 100), 2);
    }
    if (at > end - 1 || rest) /* the first digit of an odd number of them, or zero itself */
        at[-1] = (char)('0' + rest);
    return end;
}

void relief_buf_add_i64(struct relief_buf *buf, int64_t value)
{
    if (relief_buf_room(buf, RELIEF_I64_BYTES))
        buf->len = (size_t)(relief_i64_write(buf->data + buf->len, value) - buf->data);
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
