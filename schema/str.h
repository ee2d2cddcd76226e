/*
 * A slice of bytes that somebody else owns. data == NULL is "absent"; an empty string has data != NULL and len 0.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct relief_str {
    const char *data;
    uint32_t len;
};

#define RELIEF_STR(literal) ((struct relief_str){(literal), sizeof(literal) - 1})
#define RELIEF_STR_NONE ((struct relief_str){NULL, 0})

static inline struct relief_str relief_str_of(const char *text)
{
    struct relief_str str = {text, text ? (uint32_t)strlen(text) : 0}; /* no compound literal: C++ callers read this header */
    return str;
}

static inline bool relief_str_eq(struct relief_str a, struct relief_str b)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what has a length has data */
    return a.len == b.len && (!a.data) == (!b.data) && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Order of bytes, the order of every list and tie in the product; absent comes first. */
static inline int relief_str_cmp(struct relief_str a, struct relief_str b)
{
    uint32_t len = a.len < b.len ? a.len : b.len;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what has a length has data */
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool relief_str_starts(struct relief_str text, struct relief_str prefix)
{
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}
