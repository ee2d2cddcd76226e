/*
 * A growing byte buffer. The first failure sticks (`failed`), later appends are ignored, so a run of appends is checked once.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "schema/str.h"

struct relief_buf {
    char *data;
    size_t len, cap;
    bool failed;
};

#define RELIEF_BUF_INIT ((struct relief_buf){0})

void relief_buf_deinit(struct relief_buf *buf);
static inline void relief_buf_clear(struct relief_buf *buf) { buf->len = 0, buf->failed = false; }
/* Room for bytes more at data + len; false (and failed) when there is none. */
bool relief_buf_reserve(struct relief_buf *buf, size_t bytes);
/* The same without a call when there is room, which is nearly always. */
static inline bool relief_buf_room(struct relief_buf *buf, size_t bytes)
{
    return (!buf->failed && buf->cap - buf->len >= bytes) || relief_buf_reserve(buf, bytes);
}
static inline void relief_buf_add(struct relief_buf *buf, const void *data, size_t bytes)
{
    if (bytes && relief_buf_room(buf, bytes)) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what has a length has data */
        memcpy(buf->data + buf->len, data, bytes);
        buf->len += bytes;
    }
}
static inline void relief_buf_add_str(struct relief_buf *buf, struct relief_str text)
{
    relief_buf_add(buf, text.data, text.len);
}
static inline void relief_buf_add_text(struct relief_buf *buf, const char *text)
{
    relief_buf_add(buf, text, strlen(text));
}
static inline void relief_buf_add_char(struct relief_buf *buf, char c)
{
    if (relief_buf_room(buf, 1))
        buf->data[buf->len++] = c;
}
#define RELIEF_I64_BYTES 20u /* 19 digits of 2^63 and a sign */
/* Decimal, to where RELIEF_I64_BYTES have room; returns the end. */
char *relief_i64_write(char *at, int64_t value);
void relief_buf_add_i64(struct relief_buf *buf, int64_t value); /* decimal */
void relief_buf_printf(struct relief_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
