/*
 * Filling in a refusal. Its text goes to a peer as MessagePack str, which must be UTF-8: where a bound cuts a text, it
 * is cut before the character that doesn't fit, never inside it.
 */
#include "schema/refusal.h"
#include "schema/shape.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Drops the character that the end of a full buffer has cut. */
static void trim(char *text, size_t size)
{
    size_t len = strlen(text), start = len;
    if (len + 1 < size)
        return;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (len - (start - 1) < want)
        text[start - 1] = '\0';
}

static void fill(struct relief_refusal *refusal, enum relief_error code, const char *field, const char *format,
                 va_list args) __attribute__((format(printf, 4, 0)));

static void fill(struct relief_refusal *refusal, enum relief_error code, const char *field, const char *format,
                 va_list args)
{
    /* Built aside, since an argument may point into the refusal that is being replaced. */
    struct relief_refusal next = {.code = code, .available = RELIEF_NIL};
    snprintf(next.field, sizeof next.field, "%s", field ? field : "");
    trim(next.field, sizeof next.field);
    vsnprintf(next.message, sizeof next.message, format, args);
    trim(next.message, sizeof next.message);
    *refusal = next;
}

int relief_refuse(struct relief_refusal *refusal, enum relief_error code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(refusal, code, "", format, args);
    va_end(args);
    return (int)code;
}

int relief_refuse_field(struct relief_refusal *refusal, enum relief_error code, const char *field, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    fill(refusal, code, field, format, args);
    va_end(args);
    return (int)code;
}
