/*
 * An object is measured before it is read, without recursion: a count of what is still to come is enough. The
 * conversion goes down at most AUDIT_PACK_DEPTH levels. Keys of a map may come in any order and go out sorted.
 */
#include "tools/audit/pack.h"
#include <stdio.h>
#include <stdlib.h>

enum kind { NIL, TRUE, FALSE, UINT, INT, TEXT, BIN, ARRAY, MAP, OTHER };

struct head {
    enum kind kind;
    size_t len;     /* of the head itself */
    uint64_t count; /* bytes of text and bin, items of arrays and maps, or the number */
};

static uint64_t big_endian(const uint8_t *data, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | data[i];
    return value;
}

/* 1, 0 when bytes are missing, -1 */
static int read_head(const uint8_t *data, size_t len, struct head *ret)
{
    uint8_t c;
    unsigned more = 0;
    if (len == 0)
        return 0;
    c = data[0];
    *ret = (struct head){OTHER, 1, 0};
    if (c < 0x80 || c >= 0xe0) {
        ret->kind = c < 0x80 ? UINT : INT;
        ret->count = c < 0x80 ? c : (uint64_t)(int64_t)(int8_t)c;
    } else if (c < 0x90 || c == 0xde || c == 0xdf) {
        ret->kind = MAP;
        ret->count = c & 0x0f;
        more = c < 0x90 ? 0 : c == 0xde ? 2 : 4;
    } else if (c < 0xa0 || c == 0xdc || c == 0xdd) {
        ret->kind = ARRAY;
        ret->count = c & 0x0f;
        more = c < 0xa0 ? 0 : c == 0xdc ? 2 : 4;
    } else if (c < 0xc0 || (c >= 0xd9 && c <= 0xdb)) {
        ret->kind = TEXT;
        ret->count = c & 0x1f;
        more = c < 0xc0 ? 0 : 1u << (c - 0xd9);
    } else if (c >= 0xc4 && c <= 0xc6) {
        ret->kind = BIN;
        more = 1u << (c - 0xc4);
    } else if (c >= 0xcc && c <= 0xd3) {
        ret->kind = c < 0xd0 ? UINT : INT;
        more = 1u << (c & 3);
    } else if (c == 0xc0 || c == 0xc2 || c == 0xc3) {
        ret->kind = c == 0xc0 ? NIL : c == 0xc2 ? FALSE : TRUE;
    } else {
        return -1; /* float, ext, and what is not in use */
    }
    if (len < 1 + more)
        return 0;
    if (more) {
        ret->count = big_endian(data + 1, more);
        if (ret->kind == INT && more < 8 && ret->count >> (8 * more - 1))
            ret->count |= ~UINT64_C(0) << (8 * more);
    }
    ret->len += more;
    return 1;
}

long audit_pack_measure(const uint8_t *data, size_t len)
{
    size_t at = 0;
    uint64_t left = 1;
    while (left > 0) {
        struct head head;
        int result = read_head(data + at, len - at, &head);
        if (result != 1)
            return result;
        at += head.len;
        left--;
        if (head.kind == TEXT || head.kind == BIN) {
            if (head.count > len - at)
                return 0;
            at += head.count;
        } else if (head.kind == ARRAY || head.kind == MAP) {
            left += head.kind == MAP ? 2 * head.count : head.count;
        }
    }
    return (long)at;
}

/* ---- to JSON ---- */

struct reader {
    const uint8_t *at, *end;
    struct audit_buf *buf;
};

static bool convert(struct reader *reader, unsigned depth);

void audit_pack_quote(struct audit_buf *buf, struct audit_text text)
{
    static const char controls[] = "\b\f\n\r\t", letters[] = "bfnrt";
    audit_buf_add(buf, "\"", 1);
    for (size_t i = 0, from = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.data[i] : '"';
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        audit_buf_add(buf, text.data + from, i - from);
        from = i + 1;
        if (i == text.len)
            break;
        const char *control = c ? strchr(controls, c) : NULL;
        if (c == '"' || c == '\\' || control) {
            char escape[2] = {'\\', control ? letters[control - controls] : (char)c};
            audit_buf_add(buf, escape, 2);
        } else {
            audit_buf_format(buf, "\\u%04x", c);
        }
    }
    audit_buf_add(buf, "\"", 1);
}

static bool take_text(struct reader *reader, struct audit_text *ret)
{
    struct head head;
    if (read_head(reader->at, (size_t)(reader->end - reader->at), &head) != 1 || head.kind != TEXT ||
        head.count > (size_t)(reader->end - reader->at) - head.len)
        return false;
    *ret = (struct audit_text){(const char *)reader->at + head.len, head.count};
    reader->at += head.len + head.count;
    return audit_utf8_ok(ret->data, ret->len);
}

struct pair {
    struct audit_text key;
    size_t from, len; /* of `"key":value` in the buffer */
};

static int compare_pairs(const void *a, const void *b)
{
    return audit_text_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* Puts the pairs that stand in the buffer from `start` on into the order of their keys. */
static bool sort_pairs(struct audit_buf *buf, size_t start, struct pair *pairs, size_t count)
{
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = compare_pairs(&pairs[i - 1], &pairs[i]) < 0;
    if (sorted)
        return true;
    struct audit_buf copy = AUDIT_BUF_INIT;
    audit_buf_add(&copy, buf->data + start, buf->len - start);
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    buf->len = start;
    for (size_t i = 0; i < count && !copy.failed; i++) {
        if (i > 0)
            audit_buf_add(buf, ",", 1);
        audit_buf_add(buf, copy.data + (pairs[i].from - start), pairs[i].len);
        if (i > 0 && compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
            copy.failed = true; /* a key that stands twice */
    }
    bool good = !copy.failed;
    audit_buf_deinit(&copy);
    return good;
}

/* Keys are words of the schema; the JSON check takes no others. */
static bool is_word(struct audit_text key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] < ' ' || key.data[i] > '~' || key.data[i] == '"' || key.data[i] == '\\')
            return false;
    return true;
}

static bool convert_map(struct reader *reader, uint64_t count, unsigned depth)
{
    struct audit_buf *buf = reader->buf;
    struct pair *pairs;
    bool good = true;
    if (count > (uint64_t)(reader->end - reader->at) / 2 || !(pairs = calloc((size_t)count + 1, sizeof *pairs)))
        return false;
    audit_buf_add(buf, "{", 1);
    size_t start = buf->len;
    for (uint64_t i = 0; good && i < count; i++) {
        if (i > 0)
            audit_buf_add(buf, ",", 1);
        pairs[i].from = buf->len;
        good = take_text(reader, &pairs[i].key) && is_word(pairs[i].key);
        if (good) {
            audit_pack_quote(buf, pairs[i].key);
            audit_buf_add(buf, ":", 1);
            good = convert(reader, depth + 1);
        }
        pairs[i].len = buf->len - pairs[i].from;
    }
    good = good && !buf->failed && sort_pairs(buf, start, pairs, (size_t)count);
    audit_buf_add(buf, "}", 1);
    free(pairs);
    return good;
}

static bool convert_array(struct reader *reader, uint64_t count, unsigned depth)
{
    audit_buf_add(reader->buf, "[", 1);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            audit_buf_add(reader->buf, ",", 1);
        if (!convert(reader, depth + 1))
            return false;
    }
    audit_buf_add(reader->buf, "]", 1);
    return true;
}

static bool convert_bin(struct reader *reader, uint64_t len)
{
    size_t room = (size_t)(len + 2) / 3 * 4 + 3;
    if (!audit_buf_reserve(reader->buf, room))
        return false;
    char *at = reader->buf->data + reader->buf->len;
    *at = '"';
    audit_base64_write(reader->at, (size_t)len, at + 1);
    at[room - 2] = '"';
    reader->buf->len += room - 1;
    reader->at += len;
    return true;
}

static bool convert(struct reader *reader, unsigned depth)
{
    struct head head;
    struct audit_text text;
    size_t left = (size_t)(reader->end - reader->at);
    if (depth > AUDIT_PACK_DEPTH || reader->buf->failed || read_head(reader->at, left, &head) != 1)
        return false;
    if (head.kind == TEXT) {
        if (!take_text(reader, &text))
            return false;
        audit_pack_quote(reader->buf, text);
        return true;
    }
    reader->at += head.len;
    switch (head.kind) {
    case NIL:
        audit_buf_text(reader->buf, "null");
        return true;
    case TRUE:
        audit_buf_text(reader->buf, "true");
        return true;
    case FALSE:
        audit_buf_text(reader->buf, "false");
        return true;
    case UINT: /* integers have 64 bits with their sign, in every form */
        audit_buf_format(reader->buf, "%llu", (unsigned long long)head.count);
        return head.count <= INT64_MAX;
    case INT:
        audit_buf_format(reader->buf, "%lld", (long long)head.count);
        return true;
    case BIN:
        return head.count <= left - head.len && convert_bin(reader, head.count);
    case ARRAY:
        return convert_array(reader, head.count, depth);
    case MAP:
        return convert_map(reader, head.count, depth);
    default:
        return false;
    }
}

bool audit_pack_json(const uint8_t *data, size_t len, struct audit_buf *buf)
{
    struct reader reader = {data, data + len, buf};
    return convert(&reader, 0) && reader.at == reader.end && !buf->failed;
}

/* ---- the one form ---- */

static bool is_shortest(const uint8_t *data, const struct head *head)
{
    unsigned more = (unsigned)head->len - 1;
    int64_t value = (int64_t)head->count;
    uint64_t least[] = {0, 0x80, 0x100, 0, 0x10000, 0, 0, 0, UINT64_C(1) << 32};
    switch (head->kind) {
    case UINT:
        return head->count >= least[more];
    case INT:
        return value < (more == 0 ? 0 : more == 1 ? -32 : more == 2 ? INT8_MIN : more == 4 ? INT16_MIN : INT32_MIN);
    case TEXT:
        least[1] = 32;
        return head->count >= least[more];
    case BIN:
        least[1] = 0;
        return head->count >= least[more];
    case ARRAY:
    case MAP:
        least[2] = 16;
        return head->count >= least[more];
    default:
        return data != NULL;
    }
}

bool audit_pack_shortest(const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        struct head head;
        if (read_head(data + at, len - at, &head) != 1 || !is_shortest(data + at, &head))
            return false;
        at += head.len;
        if (head.kind == TEXT || head.kind == BIN) {
            if (head.count > len - at)
                return false;
            at += head.count;
        }
    }
    return true;
}

bool audit_pack_item(struct audit_text *rest, struct audit_text *ret_item)
{
    long len = audit_pack_measure((const uint8_t *)rest->data, rest->len);
    if (len <= 0)
        return false;
    *ret_item = (struct audit_text){rest->data, (size_t)len};
    *rest = (struct audit_text){rest->data + len, rest->len - (size_t)len};
    return true;
}

static bool open_kind(struct audit_text value, enum kind kind, struct audit_text *ret_rest, uint64_t *ret_count)
{
    struct head head;
    if (read_head((const uint8_t *)value.data, value.len, &head) != 1 || head.kind != kind)
        return false;
    *ret_rest = (struct audit_text){value.data + head.len, value.len - head.len};
    *ret_count = head.count;
    return true;
}

bool audit_pack_array_open(struct audit_text array, struct audit_text *ret_items)
{
    uint64_t count;
    return open_kind(array, ARRAY, ret_items, &count);
}

bool audit_pack_string(struct audit_text value, struct audit_text *ret)
{
    uint64_t count;
    return open_kind(value, TEXT, ret, &count) && ret->len == count;
}

long audit_pack_members(struct audit_text map, struct audit_text *ret_names, struct audit_text *ret_values, long max)
{
    struct audit_text rest, key;
    uint64_t count;
    if (!open_kind(map, MAP, &rest, &count) || count > (uint64_t)max)
        return -1;
    for (uint64_t i = 0; i < count; i++)
        if (!audit_pack_item(&rest, &key) || !audit_pack_string(key, &ret_names[i]) ||
            !audit_pack_item(&rest, &ret_values[i]))
            return -1;
    return (long)count;
}

/* ---- writing ---- */

static void add_sized(struct audit_buf *buf, uint8_t type, uint64_t value, unsigned bytes)
{
    uint8_t data[9] = {type};
    for (unsigned i = 0; i < bytes; i++)
        data[1 + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    audit_buf_add(buf, data, 1 + bytes);
}

void audit_pack_array(struct audit_buf *buf, uint8_t count)
{
    add_sized(buf, (uint8_t)(0x90 | (count & 15)), 0, 0);
}

void audit_pack_map(struct audit_buf *buf, uint8_t count)
{
    add_sized(buf, (uint8_t)(0x80 | (count & 15)), 0, 0);
}

void audit_pack_uint(struct audit_buf *buf, uint64_t value)
{
    if (value < 0x80)
        add_sized(buf, (uint8_t)value, 0, 0);
    else if (value <= UINT32_MAX)
        add_sized(buf, 0xce, value, 4);
    else
        add_sized(buf, 0xcf, value, 8);
}

void audit_pack_text(struct audit_buf *buf, struct audit_text text)
{
    if (text.len < 32)
        add_sized(buf, (uint8_t)(0xa0 | text.len), 0, 0);
    else
        add_sized(buf, 0xda, text.len, 2);
    audit_buf_add(buf, text.data, text.len <= UINT16_MAX ? text.len : UINT16_MAX);
}
