/*
 * The strict reader of the one form of JSON. Every line of a log of a million entries goes through here, so strings are
 * looked at eight bytes at a time. Nesting is bounded, so the recursion is.
 */
#include "client/cli/canon.h"
#include <stdlib.h>
#include <string.h>
#include "schema/scan.h"

struct parse {
    struct canon *canon;
    const char *at, *end;
};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

void canon_deinit(struct canon *canon)
{
    free(canon->nodes);
    *canon = CANON_INIT;
}

static bool wrong(struct parse *parse, const char *what)
{
    if (!parse->canon->error)
        parse->canon->error = what;
    return false;
}

static inline bool starts(const struct parse *parse, const char *word, size_t len)
{
    return (size_t)(parse->end - parse->at) >= len && memcmp(parse->at, word, len) == 0;
}

/* Whether one of eight bytes is below 0x20, a quote, a backslash or not ASCII. */
static inline uint64_t special(uint64_t eight)
{
    uint64_t quote = eight ^ EACH('"'), backslash = eight ^ EACH('\\');
    return (((eight - EACH(0x20)) & ~eight) | ((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash) |
            eight) &
           EACH(0x80);
}

/* Behind the backslash: only what has to be escaped, in its shortest form, in lower case. */
static bool take_escape(struct parse *parse)
{
    static const char shorts[] = "\"\\bfnrt";
    if (parse->at < parse->end && *parse->at && strchr(shorts, *parse->at)) {
        parse->at++;
        return true;
    }
    if (!starts(parse, "u00", 3) || parse->end - parse->at < 5)
        return wrong(parse, "an escape that need not be");
    char high = parse->at[3], low = parse->at[4];
    bool hex = (low >= '0' && low <= '9') || (low >= 'a' && low <= 'f');
    if (!hex || high < '0' || high > '1' || (high == '0' && strchr("89acd", low)))
        return wrong(parse, "an escape that need not be");
    parse->at += 5;
    return true;
}

/* At the opening quote. ret_wide: there are bytes beyond ASCII; ret_escaped: there are escapes. */
static bool take_string(struct parse *parse, bool *ret_escaped)
{
    const char *start = ++parse->at;
    bool wide = false;
    for (;;) {
        uint64_t eight;
        while (parse->end - parse->at >= 8) {
            memcpy(&eight, parse->at, 8);
            uint64_t found = special(eight);
            if (found) {
                /* The lowest mark is exact: carries only run upwards (little-endian). */
                parse->at += __builtin_ctzll(found) / 8;
                break;
            }
            parse->at += 8;
        }
        if (parse->at >= parse->end)
            return wrong(parse, "text that does not end");
        unsigned char c = (unsigned char)*parse->at++;
        if (c == '"')
            break;
        if (c == '\\') {
            *ret_escaped = true;
            if (!take_escape(parse))
                return false;
        } else if (c < 0x20) {
            parse->at--;
            return wrong(parse, c ? "a control character in text" : "a NUL byte");
        } else {
            wide = true;
            while (parse->at < parse->end && (unsigned char)*parse->at >= 0x80)
                parse->at++;
        }
    }
    if (wide && !scan_utf8(start, (size_t)(parse->at - start - 1)))
        return wrong(parse, "text that is not UTF-8");
    return true;
}

/* 19 digits and more: does the number fit into 64 bits? */
static bool fits(const char *at, const char *end, bool negative)
{
    int64_t value = 0;
    for (; at < end; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *at - '0', &value)) /* downwards: it has one more value */
            return false;
    }
    return negative || value != INT64_MIN;
}

static bool take_int(struct parse *parse)
{
    bool negative = *parse->at == '-';
    const char *at = parse->at + negative, *digits = at, *end = parse->end;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    size_t len = (size_t)(at - digits);
    bool other = at < end && (*at == '.' || *at == 'e' || *at == 'E');
    parse->at = at;
    if (len == 0 || other || (digits[0] == '0' && (len > 1 || negative)))
        return wrong(parse, len ? "a number that is no whole number in plain decimal" : "no JSON value");
    return len < 19 || fits(digits, at, negative) || wrong(parse, "a number beyond 64 bits");
}

static bool take_value(struct parse *parse, uint32_t number, unsigned depth);

static inline bool new_node(struct parse *parse, const char *key, size_t key_len, uint32_t *ret)
{
    struct canon *canon = parse->canon;
    if (canon->count == canon->cap) {
        uint32_t cap = canon->cap ? canon->cap * 2 : 256;
        struct canon_node *nodes = cap > canon->cap ? realloc(canon->nodes, cap * sizeof *nodes) : NULL;
        if (!nodes)
            return wrong(parse, "no memory");
        canon->nodes = nodes;
        canon->cap = cap;
    }
    *ret = canon->count++;
    canon->nodes[*ret].key = key;
    canon->nodes[*ret].key_len = (uint32_t)key_len;
    return true;
}

static bool take_key(struct parse *parse, struct relief_str *last, struct relief_str *ret)
{
    bool escaped = false;
    const char *start = parse->at + 1;
    if (parse->at >= parse->end || *parse->at != '"')
        return wrong(parse, "a key is missing");
    if (!take_string(parse, &escaped))
        return false;
    *ret = (struct relief_str){start, (uint32_t)(parse->at - start - 1)};
    if (escaped)
        return wrong(parse, "a key with an escape");
    /* Most keys differ in their first byte. */
    if (last->data && (ret->len == 0 || (unsigned char)*last->data >= (unsigned char)*start) &&
        relief_str_cmp(*last, *ret) >= 0)
        return wrong(parse, "keys that are not in order, or twice");
    *last = *ret;
    if (parse->at >= parse->end || *parse->at != ':')
        return wrong(parse, "a colon is missing");
    parse->at++;
    return true;
}

static bool take_members(struct parse *parse, bool object, unsigned depth)
{
    char close = object ? '}' : ']';
    struct relief_str last = RELIEF_STR_NONE, key = RELIEF_STR_NONE;
    uint32_t number = 0;
    parse->at++;
    if (parse->at < parse->end && *parse->at == close) {
        parse->at++;
        return true;
    }
    for (;;) {
        if (object && !take_key(parse, &last, &key))
            return false;
        if (!new_node(parse, key.data, key.len, &number) || !take_value(parse, number, depth + 1))
            return false;
        if (parse->at >= parse->end)
            return wrong(parse, "the line ends too early");
        char c = *parse->at++;
        if (c == close)
            return true;
        if (c != ',') {
            parse->at--;
            return wrong(parse, "a comma is missing, or a space stands there");
        }
    }
}

static inline bool take_word(struct parse *parse, const char *word, size_t len)
{
    if (!starts(parse, word, len))
        return wrong(parse, "no JSON value");
    parse->at += len;
    return true;
}

static bool take_value(struct parse *parse, uint32_t number, unsigned depth)
{
    const char *start = parse->at;
    enum canon_type type = CANON_NULL;
    bool good = false, escaped = false;
    if (parse->at >= parse->end)
        return wrong(parse, "the line ends too early");
    if (depth > CANON_DEPTH_MAX)
        return wrong(parse, "nested too deep");
    switch (*parse->at) {
    case '{':
    case '[':
        type = *parse->at == '{' ? CANON_OBJECT : CANON_ARRAY;
        good = take_members(parse, type == CANON_OBJECT, depth);
        break;
    case '"':
        type = CANON_TEXT;
        good = take_string(parse, &escaped);
        break;
    case 'n':
        good = take_word(parse, "null", 4);
        break;
    case 't':
        type = CANON_TRUE;
        good = take_word(parse, "true", 4);
        break;
    case 'f':
        type = CANON_FALSE;
        good = take_word(parse, "false", 5);
        break;
    default:
        type = CANON_INT;
        good = take_int(parse);
    }
    struct canon_node *node = &parse->canon->nodes[number]; /* the row may have moved */
    node->at = start;
    node->len = (uint32_t)(parse->at - start);
    node->type = (uint8_t)type;
    node->escaped = escaped;
    node->next = parse->canon->count;
    return good;
}

bool canon_parse(struct canon *canon, struct relief_str line)
{
    struct parse parse = {canon, line.data, line.data + line.len};
    uint32_t number = 0;
    canon->count = 0;
    canon->error = NULL;
    bool good = new_node(&parse, NULL, 0, &number) && take_value(&parse, number, 0);
    if (good && parse.at != parse.end)
        good = wrong(&parse, "something behind the value");
    canon->error_at = (size_t)(parse.at - line.data);
    return good;
}

uint32_t canon_get(const struct canon *canon, uint32_t of, const char *key)
{
    const struct canon_node *nodes = canon->nodes;
    size_t len = strlen(key);
    if (nodes[of].type != CANON_OBJECT)
        return 0;
    for (uint32_t i = of + 1, end = nodes[of].next; i < end; i = nodes[i].next) {
        if (nodes[i].key_len == len && nodes[i].key[0] == key[0] && memcmp(nodes[i].key, key, len) == 0)
            return i;
    }
    return 0;
}

static void unescape(struct relief_buf *buf, const char *at, const char *end)
{
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        relief_buf_add(buf, at, (size_t)((slash ? slash : end) - at));
        if (!slash)
            return;
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *found = slash[1] == 'u' ? NULL : strchr(from, slash[1]);
        char low = slash[1] == 'u' ? slash[5] : '0';
        if (slash[1] == 'u')
            relief_buf_add_char(buf, (char)((slash[4] - '0') * 16 + (low <= '9' ? low - '0' : low - 'a' + 10)));
        else
            relief_buf_add_char(buf, found ? to[found - from] : slash[1]);
        at = slash + (slash[1] == 'u' ? 6 : 2);
    }
}

struct relief_str canon_str(const struct canon *canon, uint32_t number, struct relief_buf *scratch)
{
    const struct canon_node *node = &canon->nodes[number];
    if (node->type != CANON_TEXT)
        return RELIEF_STR_NONE;
    if (!node->escaped)
        return (struct relief_str){node->at + 1, node->len - 2};
    size_t start = scratch->len;
    unescape(scratch, node->at + 1, node->at + node->len - 1);
    return scratch->failed ? RELIEF_STR_NONE
                           : (struct relief_str){scratch->data + start, (uint32_t)(scratch->len - start)};
}

int64_t canon_int(const struct canon *canon, uint32_t number)
{
    const struct canon_node *node = &canon->nodes[number];
    const char *at = node->at, *end = node->at + node->len;
    int64_t value = 0;
    if (node->type != CANON_INT)
        return 0;
    bool negative = *at == '-';
    for (at += negative; at < end; at++)
        value = value * 10 - (*at - '0'); /* in range: take_int looked */
    return negative ? value : -value;
}

struct relief_str canon_word(const struct canon *canon, uint32_t of, const char *key)
{
    struct relief_buf unused = RELIEF_BUF_INIT; /* what has no escapes needs no room */
    uint32_t node = canon_get(canon, of, key);
    return node && !canon->nodes[node].escaped ? canon_str(canon, node, &unused) : RELIEF_STR_NONE;
}

int64_t canon_member_int(const struct canon *canon, uint32_t of, const char *key)
{
    uint32_t node = canon_get(canon, of, key);
    return node ? canon_int(canon, node) : 0;
}
