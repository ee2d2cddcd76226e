/*
 * Width on a terminal: East Asian characters take two columns, combining ones none. utf8proc knows in every locale;
 * wcswidth fails in the C locale. Control characters never reach the terminal: a name may come from anybody.
 */
#include <utf8proc.h>
#include "client/cli/view.h"

/* The next code point at *at: its bytes, its width; control characters and broken bytes are shown as one '?'. */
static unsigned step(struct relief_str text, uint32_t at, uint32_t *ret_bytes, bool *ret_plain)
{
    utf8proc_int32_t point = 0;
    utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at, text.len - at, &point);
    *ret_plain = bytes > 0 && point >= 0x20 && !(point >= 0x7f && point < 0xa0) && point != 0x2028 && point != 0x2029 &&
                 !(point >= 0x202a && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069);
    *ret_bytes = bytes > 0 ? (uint32_t)bytes : 1;
    if (!*ret_plain)
        return 1;
    int width = utf8proc_charwidth(point);
    return width > 0 ? (unsigned)width : 0;
}

unsigned cli_width(struct relief_str text)
{
    unsigned width = 0;
    uint32_t bytes = 0;
    bool plain = false;
    for (uint32_t at = 0; at < text.len; at += bytes)
        width += step(text, at, &bytes, &plain);
    return width;
}

void cli_print_padded(FILE *out, struct relief_str text, unsigned width, bool right)
{
    unsigned own = cli_width(text);
    uint32_t bytes = 0;
    bool plain = false;
    for (unsigned i = own; right && i < width; i++)
        fputc(' ', out);
    for (uint32_t at = 0; at < text.len; at += bytes) {
        step(text, at, &bytes, &plain);
        if (plain)
            fwrite(text.data + at, 1, bytes, out);
        else
            fputc('?', out);
    }
    for (unsigned i = own; !right && i < width; i++)
        fputc(' ', out);
}
