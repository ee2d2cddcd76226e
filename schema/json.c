/*
 * JSON as dumps, log lines and hashes have it (fine print 62): the same record is the same bytes on every machine. Keys
 * in the order of their bytes, no spaces, no key left out (of the generation that is asked for), text as it is but for
 * what JSON must escape, integers in plain decimal. The order of a record's keys comes from its shape, so only maps of
 * unknown content are sorted here.
 */
#include "schema/codec.h"
#include "schema/scan.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define NEST_MAX 40 /* deeper values than msgpack-c decodes (32) can't come in */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether one of eight bytes is below 0x20, a quote or a backslash: a byte that goes below zero sets its high bit. */
static inline bool needs_escape(uint64_t eight)
{
    uint64_t quote = eight ^ EACH_BYTE('"'), backslash = eight ^ EACH_BYTE('\\');
    uint64_t found = ((eight - EACH_BYTE(0x20)) & ~eight) | ((quote - EACH_BYTE(1)) & ~quote) |
                     ((backslash - EACH_BYTE(1)) & ~backslash);
    return found & EACH_BYTE(0x80);
}

/* Length of the beginning that stands in JSON as it is. */
static uint32_t plain_bytes(const char *text, uint32_t len)
{
    uint32_t i = 0;
    while (i < len && (unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

/* Whether all of it does: most ids and words are shorter than two of the words that are looked at here. */
static inline bool is_plain(const char *text, uint32_t len)
{
    uint64_t eight;
    uint32_t low, high;
    if (len >= 8) {
        for (uint32_t i = 0; i + 8 < len; i += 8) {
            memcpy(&eight, text + i, sizeof eight);
            if (needs_escape(eight))
                return false;
        }
        memcpy(&eight, text + len - 8, sizeof eight);
    } else if (len >= 4) {
        memcpy(&low, text, sizeof low);
        memcpy(&high, text + len - 4, sizeof high);
        eight = (uint64_t)high << 32 | low;
    } else if (len > 0) {
        eight = EACH_BYTE('x') << 24 | (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[len / 2] << 8 |
                (uint64_t)(uint8_t)text[len - 1] << 16;
    } else {
        return true;
    }
    return !needs_escape(eight);
}

static void add_escaped(struct relief_buf *buf, struct relief_str text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        uint32_t plain = plain_bytes(text.data + i, text.len - i);
        relief_buf_add(buf, text.data + i, plain);
        i += plain;
        if (i == text.len)
            break;
        unsigned char c = (unsigned char)text.data[i];
        static const char hex[] = "0123456789abcdef";
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        size_t len = 2;
        switch (c) {
        case '"':
        case '\\':
            escape[1] = (char)c;
            break;
        case '\b':
            escape[1] = 'b';
            break;
        case '\f':
            escape[1] = 'f';
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default:
            len = 6;
        }
        relief_buf_add(buf, escape, len);
    }
}

/* A word of at most eight bytes; eight are written. */
static inline char *write_word(char *at, const char word[8], unsigned len)
{
    memcpy(at, word, 8);
    return at + len;
}

static inline char *write_null(char *at)
{
    return write_word(at, "null\0\0\0", 4);
}

void relief_json_str(struct relief_buf *buf, struct relief_str text)
{
    if (!text.data) {
        relief_buf_add(buf, "null", 4);
        return;
    }
    /* Most text needs no escape and is copied at once. */
    if (!relief_buf_room(buf, (size_t)text.len + 2))
        return;
    buf->data[buf->len++] = '"';
    if (is_plain(text.data, text.len)) {
        memcpy(buf->data + buf->len, text.data, text.len);
        buf->len += text.len;
    } else {
        add_escaped(buf, text);
    }
    relief_buf_add_char(buf, '"');
}

void relief_json_int(struct relief_buf *buf, int64_t value)
{
    if (value == RELIEF_NIL)
        relief_buf_add(buf, "null", 4);
    else
        relief_buf_add_i64(buf, value);
}

/* ---- records ---- */

static void add_bytes(struct relief_buf *buf, struct relief_str bytes)
{
    if (!bytes.data) {
        relief_buf_add(buf, "null", 4);
        return;
    }
    relief_buf_add_char(buf, '"');
    relief_base64(buf, bytes);
    relief_buf_add_char(buf, '"');
}

static void add_raw(struct relief_buf *buf, struct relief_str raw)
{
    struct scan scan;
    scan_init(&scan, raw.len);
    msgpack_unpacked value;
    msgpack_unpacked_init(&value);
    size_t used = 0;
    /* Scanned first, because the decoder reserves memory for what a header announces (scan.h). */
    if (raw.data && scan_feed(&scan, (const uint8_t *)raw.data, raw.len) == SCAN_DONE && scan.pos == raw.len &&
        msgpack_unpack_next(&value, raw.data, raw.len, &used) == MSGPACK_UNPACK_SUCCESS)
        relief_json_msgpack(buf, &value.data);
    else
        relief_buf_add(buf, "null", 4);
    msgpack_unpacked_destroy(&value);
}

static void add_list(struct relief_buf *buf, const struct relief_field *field, const struct relief_list *list,
                     unsigned generation)
{
    if (!list->present) {
        relief_buf_add(buf, "null", 4);
        return;
    }
    relief_buf_add_char(buf, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i)
            relief_buf_add_char(buf, ',');
        if (field->kind == RELIEF_F_IDS)
            relief_json_str(buf, ((const struct relief_str *)list->items)[i]);
        else
            relief_json_record_of(buf, field->sub, (const char *)list->items + (size_t)i * field->sub->size, NULL,
                                  generation);
    }
    relief_buf_add_char(buf, ']');
}

/* What has no bound of its own length but that of a buffer. */
static void add_long(struct relief_buf *buf, const struct relief_field *field, const void *record, unsigned generation)
{
    switch (field->kind) {
    case RELIEF_F_RAW:
        add_raw(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_BYTES:
        add_bytes(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        add_list(buf, field, relief_field_list(field, record), generation);
        break;
    case RELIEF_F_OBJ:
        relief_json_record_of(buf, field->sub, (const char *)record + field->offset, NULL, generation);
        break;
    default:
        relief_json_str(buf, *relief_field_str(field, record));
        break;
    }
}

/* A comma, a key, and a value that is no text and no container: at most a number, or a word in quotes. */
#define SHORT_BYTES (1u + RELIEF_KEY_BYTES + RELIEF_NAME_BYTES + 2u)
static_assert(RELIEF_NAME_BYTES >= RELIEF_I64_BYTES, "a number fits too");

static inline char *write_bool(char *at, int64_t value)
{
    if (value == RELIEF_NIL)
        return write_null(at);
    return value ? write_word(at, "true\0\0\0", 4) : write_word(at, "false\0\0", 5);
}

static inline char *write_name(char *at, const struct relief_enum *names, int64_t value)
{
    if (value < 0 || value >= (int64_t)names->count)
        return write_null(at);
    size_t len = strlen(names->names[value]);
    *at = '"';
    memcpy(at + 1, names->names[value], len);
    at[1 + len] = '"';
    return at + len + 2;
}

/*
 * The value at buf's end, where SHORT_BYTES have room, or a text that fits too. The end goes by value: bytes written
 * through a pointer may change anything, so a length in memory would be read again for each. NULL: it is a long one.
 */
static inline char *write_value(char *at, const char *end, const struct relief_field *field, const void *record)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME: {
        int64_t value = *relief_field_i64(field, record);
        return value == RELIEF_NIL ? write_null(at) : relief_i64_write(at, value);
    }
    case RELIEF_F_BOOL:
        return write_bool(at, *relief_field_i64(field, record));
    case RELIEF_F_ENUM:
        return write_name(at, field->names, *relief_field_i64(field, record));
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT: {
        struct relief_str text = *relief_field_str(field, record);
        if (!text.data)
            return write_null(at);
        if ((size_t)(end - at) < (size_t)text.len + 2 || !is_plain(text.data, text.len))
            return NULL;
        *at = '"';
        memcpy(at + 1, text.data, text.len);
        at[1 + text.len] = '"';
        return at + text.len + 2;
    }
    default:
        return NULL;
    }
}

/* What stands in a record beside its fields, each at its place in the order of keys. */
struct extra {
    const char *key, *pair; /* pair: "key":value */
};

static inline bool comes_before(const char *a, const char *b)
{
    return a[0] != b[0] ? a[0] < b[0] : strcmp(a, b) < 0; /* names are ASCII, and mostly differ at once */
}

/* The fields before `fields` up to the generation, and the extras, which are in order and end with a NULL key. */
static void add_record(struct relief_buf *buf, const struct relief_shape *shape, unsigned fields, const void *record,
                       const struct extra *extra, unsigned generation)
{
    char before = '{'; /* then a comma */
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[shape->by_name[i]];
        if (shape->by_name[i] >= fields || field->hidden || field->since > generation)
            continue;
        for (; extra->key && comes_before(extra->key, field->name); extra++, before = ',') {
            relief_buf_add_char(buf, before);
            relief_buf_add_text(buf, extra->pair);
        }
        if (!relief_buf_room(buf, SHORT_BYTES))
            return;
        char *at = buf->data + buf->len;
        *at = before;
        memcpy(at + 1, field->json_key, RELIEF_KEY_BYTES);
        before = ',';
        at += 1u + field->name_len + 3u;
        const char *behind = write_value(at, buf->data + buf->cap, field, record);
        buf->len = (size_t)((behind ? behind : at) - buf->data);
        if (!behind)
            add_long(buf, field, record, generation);
    }
    for (; extra->key; extra++, before = ',') {
        relief_buf_add_char(buf, before);
        relief_buf_add_text(buf, extra->pair);
    }
    relief_buf_add_text(buf, before == '{' ? "{}" : "}");
}

enum { PAIR_BYTES = 40 }; /* table names are short words */

/* "t":"request" */
static void table_pair(char pair[PAIR_BYTES], const char *table)
{
    size_t len = strlen(table);
    assert(len + 7 <= PAIR_BYTES);
    /* NOLINTBEGIN(bugprone-not-null-terminated-result): the last one brings the NUL */
    memcpy(pair, "\"t\":\"", 5);
    memcpy(pair + 5, table, len);
    memcpy(pair + 5 + len, "\"", 2);
    /* NOLINTEND(bugprone-not-null-terminated-result) */
}

void relief_json_record(struct relief_buf *buf, const struct relief_shape *shape, const void *record, const char *table)
{
    relief_json_record_of(buf, shape, record, table, RELIEF_EVERY_GENERATION);
}

void relief_json_record_of(struct relief_buf *buf, const struct relief_shape *shape, const void *record,
                           const char *table, unsigned generation)
{
    char pair[PAIR_BYTES];
    struct extra extra[] = {{NULL, NULL}, {NULL, NULL}};
    if (table) {
        table_pair(pair, table);
        extra[0] = (struct extra){"t", pair};
    }
    add_record(buf, shape, shape->count, record, extra, generation);
}

void relief_json_gone(struct relief_buf *buf, const struct relief_table_info *table, const void *record)
{
    char pair[PAIR_BYTES];
    table_pair(pair, table->name);
    const struct extra extra[] = {{"gone", "\"gone\":true"}, {"t", pair}, {NULL, NULL}};
    add_record(buf, table->shape, table->key_fields, record, extra, RELIEF_EVERY_GENERATION); /* keys never grow */
}

/* ---- any MessagePack value ---- */

static void add_object(struct relief_buf *buf, const msgpack_object *value, unsigned depth);

/* The text of a key: JSON has only strings there. */
static struct relief_str key_text(const msgpack_object *key)
{
    switch (key->type) {
    case MSGPACK_OBJECT_STR:
        return (struct relief_str){key->via.str.ptr ? key->via.str.ptr : "", key->via.str.size};
    case MSGPACK_OBJECT_NIL:
        return RELIEF_STR("null");
    case MSGPACK_OBJECT_BOOLEAN:
        return key->via.boolean ? RELIEF_STR("true") : RELIEF_STR("false");
    default:
        return RELIEF_STR("");
    }
}

static int compare_keys(const void *a, const void *b)
{
    const msgpack_object_kv *const *x = a, *const *y = b;
    int order = relief_str_cmp(key_text(&(*x)->key), key_text(&(*y)->key));
    /* Pairs of one map lie in one array: equal keys keep their order. */
    return order ? order : (*x > *y) - (*x < *y);
}

#define FEW 32 /* every record has fewer fields */

/* The first eight bytes as a number that sorts as they do. */
static uint64_t key_prefix(const msgpack_object *key)
{
    struct relief_str text = key_text(key);
    unsigned char first[8] = {0};
    uint64_t prefix = 0;
    memcpy(first, text.data, text.len < sizeof first ? text.len : sizeof first);
    for (unsigned i = 0; i < sizeof first; i++)
        prefix = prefix << 8 | first[i];
    return prefix;
}

/* By insertion: the keys of a record are few and differ in their first bytes, where qsort with its calls takes a fifth
 * of an export. */
static void sort_few(const msgpack_object_map *map, const msgpack_object_kv *pairs[FEW])
{
    uint64_t prefixes[FEW];
    for (uint32_t n = 0; n < map->size; n++) {
        const msgpack_object_kv *pair = &map->ptr[n];
        uint64_t prefix = key_prefix(&pair->key);
        uint32_t i = n;
        for (; i > 0 &&
               (prefix < prefixes[i - 1] || (prefix == prefixes[i - 1] && compare_keys(&pair, &pairs[i - 1]) < 0));
             i--) {
            prefixes[i] = prefixes[i - 1];
            pairs[i] = pairs[i - 1];
        }
        prefixes[i] = prefix;
        pairs[i] = pair;
    }
}

static void add_map(struct relief_buf *buf, const msgpack_object_map *map, unsigned depth)
{
    const msgpack_object_kv *few[FEW], **pairs = few;
    if (map->size <= FEW) {
        sort_few(map, pairs);
    } else {
        pairs = malloc(map->size * sizeof *pairs);
        if (!pairs) {
            buf->failed = true;
            return;
        }
        for (uint32_t i = 0; i < map->size; i++)
            pairs[i] = &map->ptr[i];
        qsort(pairs, map->size, sizeof *pairs, compare_keys);
    }
    relief_buf_add_char(buf, '{');
    for (uint32_t i = 0; i < map->size; i++) {
        if (i)
            relief_buf_add_char(buf, ',');
        const msgpack_object *key = &pairs[i]->key;
        if (key->type == MSGPACK_OBJECT_POSITIVE_INTEGER || key->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
            relief_buf_add_char(buf, '"');
            add_object(buf, key, depth + 1);
            relief_buf_add_char(buf, '"');
        } else {
            relief_json_str(buf, key_text(key));
        }
        relief_buf_add_char(buf, ':');
        add_object(buf, &pairs[i]->val, depth + 1);
    }
    relief_buf_add_char(buf, '}');
    if (pairs != few)
        free(pairs);
}

static void add_object(struct relief_buf *buf, const msgpack_object *value, unsigned depth)
{
    if (depth > NEST_MAX) {
        relief_buf_add(buf, "null", 4);
        return;
    }
    switch (value->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        relief_buf_add_text(buf, value->via.boolean ? "true" : "false");
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (value->via.u64 > INT64_MAX)
            relief_buf_printf(buf, "%llu", (unsigned long long)value->via.u64);
        else
            relief_buf_add_i64(buf, (int64_t)value->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        relief_buf_add_i64(buf, value->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        /* No message of ours has one; a foreign one is shown as far as JSON can. */
        if (isfinite(value->via.f64))
            relief_buf_printf(buf, "%.17g", value->via.f64);
        else
            relief_buf_add(buf, "null", 4);
        break;
    case MSGPACK_OBJECT_STR:
        relief_json_str(buf, (struct relief_str){value->via.str.ptr ? value->via.str.ptr : "", value->via.str.size});
        break;
    case MSGPACK_OBJECT_ARRAY:
        relief_buf_add_char(buf, '[');
        for (uint32_t i = 0; i < value->via.array.size; i++) {
            if (i)
                relief_buf_add_char(buf, ',');
            add_object(buf, &value->via.array.ptr[i], depth + 1);
        }
        relief_buf_add_char(buf, ']');
        break;
    case MSGPACK_OBJECT_MAP:
        add_map(buf, &value->via.map, depth);
        break;
    case MSGPACK_OBJECT_BIN:
        add_bytes(buf, (struct relief_str){value->via.bin.ptr ? value->via.bin.ptr : "", value->via.bin.size});
        break;
    default: /* nil; ext has no JSON form and is never stored */
        relief_buf_add(buf, "null", 4);
    }
}

void relief_json_msgpack(struct relief_buf *buf, const msgpack_object *value)
{
    add_object(buf, value, 0);
}
