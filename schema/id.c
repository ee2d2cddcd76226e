/* What may be an id (DESIGN section 2): the one check for parameters, file rows and command lines. */
#include "schema/codec.h"
#include <assert.h>

#define LEG_DIGITS_MAX 9u /* so that N fits 32 bits whatever the digits */

/* [A-Za-z0-9._:-] */
static const uint8_t is_id_byte[256] = {
    ['-'] = 1, ['.'] = 1, [':'] = 1, ['_'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1,
    ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
    ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
    ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1,
    ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
    ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

bool relief_id_ok(struct relief_str text)
{
    if (!text.data || text.len == 0 || text.len > RELIEF_ID_BYTES_MAX)
        return false;
    for (uint32_t i = 0; i < text.len; i++)
        if (!is_id_byte[(uint8_t)text.data[i]])
            return false;
    return true;
}

bool relief_dispatch_id_ok(struct relief_str text)
{
    if (!text.data || text.len > RELIEF_DISPATCH_ID_BYTES_MAX)
        return false;
    const char *slash = text.len ? memchr(text.data, '/', text.len) : NULL;
    if (!slash)
        return false;
    uint32_t id_len = (uint32_t)(slash - text.data), digits = text.len - id_len - 1;
    if (!relief_id_ok((struct relief_str){text.data, id_len}) || digits == 0 || digits > LEG_DIGITS_MAX ||
        slash[1] == '0')
        return false;
    for (uint32_t i = 1; i <= digits; i++)
        if (slash[i] < '0' || slash[i] > '9')
            return false;
    return true;
}

void relief_dispatch_id_split(struct relief_str text, struct relief_str *ret_request, uint32_t *ret_n)
{
    assert(relief_dispatch_id_ok(text));
    uint32_t at = 0, n = 0;
    while (text.data[at] != '/')
        at++;
    *ret_request = (struct relief_str){text.data, at};
    while (++at < text.len)
        n = n * 10 + (uint32_t)(text.data[at] - '0');
    *ret_n = n;
}
