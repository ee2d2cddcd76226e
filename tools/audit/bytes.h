/*
 * Pieces of text, growing buffers, hexadecimal and base64, each in the one form that evidence is written in.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AUDIT_HASH     32 /* bytes of SHA-256 and of BLAKE2b-256 */
#define AUDIT_HASH_HEX 65 /* the same as text, with NUL */
#define AUDIT_HASH_B64 45

/* A piece of bytes that somebody else owns. */
struct audit_text {
    const char *data;
    size_t len;
};
#define AUDIT_TEXT(literal) ((struct audit_text){(literal), sizeof(literal) - 1})

static inline struct audit_text audit_text_of(const char *text)
{
    return (struct audit_text){text, strlen(text)};
}
static inline bool audit_text_eq(struct audit_text a, struct audit_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
/* In the order of the bytes; a beginning comes before the whole. */
int audit_text_cmp(struct audit_text a, struct audit_text b);
bool audit_text_starts(struct audit_text text, struct audit_text with);
/* Cuts the first line off, without its line feed; false when no line feed is left. */
bool audit_text_line(struct audit_text *text, struct audit_text *ret_line);

/* A buffer that grows; after a failed allocation it stays as it was and `failed` is set. */
struct audit_buf {
    char *data;
    size_t len, cap;
    bool failed;
};
#define AUDIT_BUF_INIT ((struct audit_buf){0})
bool audit_buf_reserve(struct audit_buf *buf, size_t more);
void audit_buf_add(struct audit_buf *buf, const void *data, size_t len);
void audit_buf_text(struct audit_buf *buf, const char *text);
void audit_buf_format(struct audit_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct audit_text audit_buf_view(const struct audit_buf *buf);
void audit_buf_deinit(struct audit_buf *buf);

/* Lower case only, exactly `len` bytes. */
bool audit_hex_read(struct audit_text text, uint8_t *ret, size_t len);
void audit_hex_write(const uint8_t *data, size_t len, char *ret);
/* RFC 4648 section 4, padded, no free bits: one text for the same bytes. Returns the bytes, or -1. */
long audit_base64_read(struct audit_text text, uint8_t *ret, size_t max);
/* Writes 4 * ceil(len / 3) characters and NUL. */
void audit_base64_write(const uint8_t *data, size_t len, char *ret);
/* Decimal without sign and leading zeros, below 2^62, so that sums of two can't overflow. */
bool audit_decimal_read(struct audit_text text, uint64_t *ret);
bool audit_utf8_ok(const char *data, size_t len);
/* BLAKE2b-256 without key, as the chain and the digests have it. */
void audit_blake(const void *data, size_t len, uint8_t ret[AUDIT_HASH]);
