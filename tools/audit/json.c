/*
 * The check walks the bytes once, without recursion: a stack of AUDIT_JSON_DEPTH levels holds what is open and, for
 * maps, the key before. The pieces are then cut out of text that is known to be good; the cutting relies on it only for
 * its sense, never for its bounds.
 */
#include "tools/audit/json.h"

struct level {
    bool map;
    struct audit_text key; /* data NULL: none yet */
};

/* Which of eight bytes is the first that is below 0x20, a quote, a backslash or not ASCII; 8 when none is. A borrow of
 * the subtractions can mark bytes wrongly, but only behind one that is marked rightly. */
static inline unsigned first_special(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t eight, quote, backslash, found;
    memcpy(&eight, at, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    quote = eight ^ ones * '"';
    backslash = eight ^ ones * '\\';
    found = ((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | eight) & highs;
    return found ? (unsigned)__builtin_ctzll(found) / 8 : 8;
}

static inline const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        unsigned plain = first_special(at);
        at += plain;
        if (plain < 8)
            return at;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Behind the backslash. Only what fine print 62 escapes, in its one form. */
static const char *check_escape(const char **at, const char *end)
{
    const char *p = *at;
    if (p == end)
        return "the text ends in a string";
    if (strchr("\"\\bfnrt", *p) && *p) {
        *at = p + 1;
        return NULL;
    }
    uint8_t code[2];
    if (*p != 'u' || end - p < 5 || !audit_hex_read((struct audit_text){p + 1, 4}, code, 2))
        return "an escape that is none";
    if (code[0] || code[1] >= 0x20 || (code[1] >= 8 && code[1] <= 13 && code[1] != 11))
        return "an escape that need not be one";
    *at = p + 5;
    return NULL;
}

static const char *check_wide(const char **at, const char *end)
{
    const char *from = *at;
    while (*at < end && (unsigned char)**at >= 0x80)
        ++*at;
    return audit_utf8_ok(from, (size_t)(*at - from)) ? NULL : "not UTF-8";
}

/* From a byte inside that is not plain to behind the closing quote. */
static const char *check_rest(const char **at, const char *end)
{
    for (;;) {
        const char *fault = NULL;
        if (*at == end)
            return "the text ends in a string";
        unsigned char c = (unsigned char)**at;
        if (c == '"') {
            ++*at;
            return NULL;
        }
        if (c < 0x20)
            return "a control character in a string";
        if (c >= 0x80) {
            fault = check_wide(at, end);
        } else {
            ++*at;
            if (c == '\\')
                fault = check_escape(at, end);
        }
        if (fault)
            return fault;
        *at = skip_plain(*at, end);
    }
}

/* From behind the opening quote to behind the closing one. */
static inline const char *check_string(const char **at, const char *end)
{
    *at = skip_plain(*at, end);
    if (*at < end && **at == '"') {
        ++*at;
        return NULL;
    }
    return check_rest(at, end);
}

static const char *check_number(const char **at, const char *end)
{
    const char *p = *at, *digits;
    bool negative = *p == '-';
    p += negative;
    digits = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    *at = p;
    if (p == digits)
        return "not JSON";
    if (*digits == '0' && (p - digits > 1 || negative))
        return "a number that is not in its one form";
    if (p < end && (*p == '.' || *p == 'e' || *p == 'E'))
        return "a number that is no integer";
    int64_t value;
    if (p - digits >= 19 &&
        !audit_json_int((struct audit_text){digits - negative, (size_t)(p - digits) + negative}, &value))
        return "a number beyond 64 bits";
    return NULL;
}

static bool take_word(const char **at, const char *end, const char *word, size_t len)
{
    if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

static const char *check_scalar(const char **at, const char *end)
{
    switch (**at) {
    case '"':
        ++*at;
        return check_string(at, end);
    case 'n':
        return take_word(at, end, "null", 4) ? NULL : "not JSON";
    case 't':
        return take_word(at, end, "true", 4) ? NULL : "not JSON";
    case 'f':
        return take_word(at, end, "false", 5) ? NULL : "not JSON";
    default:
        return check_number(at, end);
    }
}

/* Whether a key comes behind the one before; most differ in the first byte. */
static inline const char *check_order(struct audit_text before, struct audit_text key)
{
    if (before.len && key.len && before.data[0] != key.data[0]) {
        if ((unsigned char)before.data[0] < (unsigned char)key.data[0])
            return NULL;
    } else if (audit_text_cmp(before, key) < 0) {
        return NULL;
    } else if (audit_text_eq(before, key)) {
        return "a key that stands twice";
    }
    return "keys that are not in order";
}

/* A key and its colon. Keys are words of the schema, so they are ASCII without escapes. */
static inline const char *check_key(struct level *level, const char **at, const char *end)
{
    const char *fault, *p = *at;
    if (p == end || *p != '"')
        return "a key is missing";
    struct audit_text key = {++p, 0};
    p = skip_plain(p, end);
    key.len = (size_t)(p - key.data);
    if (end - p < 2 || p[0] != '"' || p[1] != ':')
        return "not a key and a colon";
    if (level->key.data && (fault = check_order(level->key, key)))
        return fault;
    level->key = key;
    *at = p + 2;
    return NULL;
}

const char *audit_json_check(const char **at, const char *end)
{
    struct level stack[AUDIT_JSON_DEPTH];
    unsigned depth = 0;
    const char *fault = NULL;
    for (;;) {
        /* a value begins here */
        if (*at == end)
            return "the text ends too early";
        if (**at == '{' || **at == '[') {
            if (depth == AUDIT_JSON_DEPTH)
                return "too deep";
            struct level *level = &stack[depth++];
            *level = (struct level){.map = **at == '{'};
            ++*at;
            if (*at < end && **at == (level->map ? '}' : ']')) {
                ++*at;
                depth--;
            } else {
                if (level->map && (fault = check_key(level, at, end)))
                    return fault;
                continue;
            }
        } else if ((fault = check_scalar(at, end))) {
            return fault;
        }
        /* a value has ended here: what encloses it ends too, or goes on */
        for (;; depth--) {
            if (depth == 0)
                return NULL;
            struct level *level = &stack[depth - 1];
            if (*at == end)
                return "the text ends too early";
            if (**at == ',') {
                ++*at;
                if (level->map && (fault = check_key(level, at, end)))
                    return fault;
                break;
            }
            if (**at != (level->map ? '}' : ']'))
                return "not JSON";
            ++*at;
        }
    }
}

const char *audit_json_whole(struct audit_text text)
{
    const char *at = text.data, *end = text.data + text.len;
    const char *fault = audit_json_check(&at, end);
    if (!fault && at != end)
        fault = "something stands behind it";
    return fault;
}

static const char *open_map(struct audit_text text, struct audit_json_map *ret)
{
    const char *at = text.data, *end = text.data + text.len, *fault;
    struct level level = {.map = true};
    ret->count = 0;
    if (text.len < 2 || *at++ != '{')
        return "not a map";
    if (*at == '}')
        return text.len == 2 ? NULL : "something stands behind it";
    for (;; at++) {
        if (ret->count == AUDIT_JSON_MEMBERS)
            return "too many members";
        struct audit_json_member *member = &ret->members[ret->count++];
        if ((fault = check_key(&level, &at, end)))
            return fault;
        member->name = level.key;
        member->value.data = at;
        if ((fault = audit_json_check(&at, end)))
            return fault;
        member->value.len = (size_t)(at - member->value.data);
        if (at == end)
            return "the text ends too early";
        if (*at == '}')
            return at + 1 == end ? NULL : "something stands behind it";
        if (*at != ',')
            return "not JSON";
    }
}

const char *audit_json_open(struct audit_text text, struct audit_json_map *ret)
{
    const char *fault = open_map(text, ret);
    if (fault)
        ret->count = 0;
    return fault;
}

/* ---- pieces of checked text ---- */

/* Behind the closing quote of a string whose opening quote was taken. */
static const char *pass_string(const char *at, const char *end)
{
    for (;;) {
        const char *quote = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL, *back = quote;
        if (!quote)
            return end;
        while (back > at && back[-1] == '\\')
            back--;
        at = quote + 1;
        if ((quote - back) % 2 == 0)
            return at;
    }
}

static const char *pass_value(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = pass_string(at + 1, end);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            at++;
        } else if (c == ',' && depth == 0) {
            return at;
        } else {
            at++;
            continue;
        }
        if (depth == 0)
            return at;
    }
    return at;
}

static bool cut_map(struct audit_text value, struct audit_json_map *ret)
{
    ret->count = 0;
    if (value.len < 2 || value.data[0] != '{')
        return false;
    const char *at = value.data + 1, *end = value.data + value.len;
    if (*at == '}')
        return true;
    while (at < end && *at == '"') {
        if (ret->count == AUDIT_JSON_MEMBERS)
            return false;
        struct audit_json_member *member = &ret->members[ret->count++];
        const char *name = at + 1;
        at = pass_string(name, end);
        if (at >= end || *at != ':')
            return false;
        member->name = (struct audit_text){name, (size_t)(at - name) - 1};
        member->value.data = ++at;
        at = pass_value(at, end);
        member->value.len = (size_t)(at - member->value.data);
        if (at == end || member->value.len == 0)
            return false;
        if (*at++ == '}')
            return true;
    }
    return false;
}

bool audit_json_map(struct audit_text value, struct audit_json_map *ret)
{
    bool good = cut_map(value, ret);
    if (!good)
        ret->count = 0;
    return good;
}

bool audit_json_next(struct audit_text array, const char **at, struct audit_text *ret_item)
{
    if (array.len < 2 || array.data[0] != '[')
        return false;
    const char *end = array.data + array.len;
    if (!*at)
        *at = array.data + 1;
    else if (*at < end && **at == ',')
        ++*at;
    if (*at >= end || **at == ']')
        return false;
    ret_item->data = *at;
    *at = pass_value(*at, end);
    ret_item->len = (size_t)(*at - ret_item->data);
    return ret_item->len > 0;
}

enum audit_json_type audit_json_type(struct audit_text value)
{
    switch (value.len ? value.data[0] : 'n') {
    case '{':
        return AUDIT_JSON_MAP;
    case '[':
        return AUDIT_JSON_ARRAY;
    case '"':
        return AUDIT_JSON_STRING;
    case 't':
    case 'f':
        return AUDIT_JSON_BOOL;
    case 'n':
        return AUDIT_JSON_NULL;
    default:
        return AUDIT_JSON_INT;
    }
}

struct audit_text audit_json_find(const struct audit_json_map *map, const char *name)
{
    size_t len = strlen(name);
    for (unsigned i = 0; i < map->count; i++)
        if (map->members[i].name.len == len && memcmp(map->members[i].name.data, name, len) == 0)
            return map->members[i].value;
    return (struct audit_text){NULL, 0};
}

bool audit_json_int(struct audit_text value, int64_t *ret)
{
    uint64_t number = 0, limit = INT64_MAX;
    size_t at = 0;
    bool negative = value.len > 0 && value.data[0] == '-';
    if (negative) {
        at = 1;
        limit++;
    }
    if (at == value.len || value.len - at > 19)
        return false;
    for (; at < value.len; at++) {
        if (value.data[at] < '0' || value.data[at] > '9')
            return false;
        number = number * 10 + (uint64_t)(value.data[at] - '0');
    }
    if (number > limit)
        return false;
    *ret = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

bool audit_json_size(struct audit_text value, uint64_t *ret)
{
    return audit_decimal_read(value, ret);
}

bool audit_json_plain(struct audit_text value, struct audit_text *ret)
{
    if (value.len < 2 || value.data[0] != '"' || value.data[value.len - 1] != '"')
        return false;
    *ret = (struct audit_text){value.data + 1, value.len - 2};
    return ret->len == 0 || (!memchr(ret->data, '\\', ret->len) && !memchr(ret->data, '"', ret->len));
}

bool audit_json_string(struct audit_text value, char *ret, size_t size, size_t *ret_len)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    size_t out = 0;
    if (value.len < 2 || value.data[0] != '"' || value.data[value.len - 1] != '"')
        return false;
    for (size_t at = 1; at + 1 < value.len; at++) {
        char c = value.data[at];
        if (c == '\\') {
            c = value.data[++at];
            const char *letter = c ? strchr(letters, c) : NULL;
            uint8_t code[2];
            if (letter) {
                c = controls[letter - letters];
            } else if (c == 'u') {
                if (value.len - at < 6 || !audit_hex_read((struct audit_text){value.data + at + 1, 4}, code, 2))
                    return false;
                c = (char)code[1];
                at += 4;
            }
        }
        if (out + 1 >= size)
            return false;
        ret[out++] = c;
    }
    if (size == 0)
        return false;
    ret[out] = '\0';
    *ret_len = out;
    return true;
}
