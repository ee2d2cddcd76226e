/*
 * Records as compact bytes, as they stand in LMDB and in the log (the format is in codec.h): the values in the order of
 * the fields, no names, variable-length integers. Every value starts with a number that is 0 for nil, so a nil costs
 * one byte.
 *
 * A request reads and writes some twenty records, so both directions go over the bytes once, keep the one-byte number
 * in line, and allocate only for lists. Decoding trusts nothing: every length is compared with the bytes that are left
 * before it is used, and a list may not announce more items than bytes, so hostile bytes cost no more than they weigh.
 * Recursion follows the sub-shapes of the schema, which nest three deep at most, never the data.
 */
#include "schema/codec.h"
#include <errno.h>

#define VARINT_BYTES_MAX 10u /* 64 bits in groups of 7 */

/* ---- encoding ---- */

/* Writes at most VARINT_BYTES_MAX bytes; returns the end. */
static inline char *put_varint(char *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (char)value;
    return at;
}

/* zigzag(2^63-1) + 1 is 2^64-1; the one value that would not fit, -2^63, is nil */
static inline uint64_t number_of(int64_t value)
{
    return value == RELIEF_NIL ? 0 : (((uint64_t)value << 1) ^ (uint64_t)(value >> 63)) + 1;
}

static void put_str(struct relief_buf *buf, struct relief_str text)
{
    if (!relief_buf_room(buf, VARINT_BYTES_MAX + (size_t)text.len))
        return;
    char *at = put_varint(buf->data + buf->len, text.data ? (uint64_t)text.len + 1 : 0);
    if (text.data && text.len)
        at = (char *)memcpy(at, text.data, text.len) + text.len;
    buf->len = (size_t)(at - buf->data);
}

static bool is_nil(const struct relief_field *field, const void *record);

/* Number of fields up to the last that isn't nil. */
static uint32_t used_fields(const struct relief_shape *shape, const void *record)
{
    uint32_t count = shape->count;
    while (count > 0 && is_nil(&shape->fields[count - 1], record))
        count--;
    return count;
}

static bool is_nil(const struct relief_field *field, const void *record)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_BOOL:
    case RELIEF_F_ENUM:
    case RELIEF_F_TIME:
        return *relief_field_i64(field, record) == RELIEF_NIL;
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
    case RELIEF_F_RAW:
    case RELIEF_F_BYTES:
        return !relief_field_str(field, record)->data;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return !relief_field_list(field, record)->present;
    case RELIEF_F_OBJ:
        return used_fields(field->sub, (const char *)record + field->offset) == 0;
    }
    return true;
}

static void put_fields(struct relief_buf *buf, const struct relief_shape *shape, uint32_t count, const void *record);

/* Of all items together, for they all have the same number. */
static uint32_t used_by_items(const struct relief_shape *shape, const struct relief_list *list)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < list->count && most < shape->count; i++) {
        uint32_t used = used_fields(shape, (const char *)list->items + (size_t)i * shape->size);
        most = used > most ? used : most;
    }
    return most;
}

static void put_list(struct relief_buf *buf, const struct relief_field *field, const struct relief_list *list)
{
    if (!relief_buf_room(buf, 2 * (size_t)VARINT_BYTES_MAX))
        return;
    uint32_t fields = 0;
    char *at = put_varint(buf->data + buf->len, list->present ? (uint64_t)list->count + 1 : 0);
    if (field->kind == RELIEF_F_OBJS && list->present && list->count) {
        fields = used_by_items(field->sub, list);
        at = put_varint(at, fields);
    }
    buf->len = (size_t)(at - buf->data);
    if (!list->present)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->kind == RELIEF_F_IDS)
            put_str(buf, ((const struct relief_str *)list->items)[i]);
        else
            put_fields(buf, field->sub, fields, (const char *)list->items + (size_t)i * field->sub->size);
    }
}

static void put_part(struct relief_buf *buf, const struct relief_shape *shape, const void *part)
{
    if (!relief_buf_room(buf, VARINT_BYTES_MAX))
        return;
    uint32_t used = used_fields(shape, part);
    buf->len = (size_t)(put_varint(buf->data + buf->len, used) - buf->data);
    put_fields(buf, shape, used, part);
}

/* The end of what is written stays in a local while numbers are written: through buf, each byte would make it be read
 * again. */
static void put_fields(struct relief_buf *buf, const struct relief_shape *shape, uint32_t count, const void *record)
{
    /* For nothing there may be no buffer yet. */
    if (count == 0 || !relief_buf_room(buf, (size_t)count * VARINT_BYTES_MAX))
        return;
    char *at = buf->data + buf->len;
    for (uint32_t i = 0; i < count; i++) {
        const struct relief_field *field = &shape->fields[i];
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            at = put_varint(at, number_of(*relief_field_i64(field, record)));
            continue;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            buf->len = (size_t)(at - buf->data);
            put_str(buf, *relief_field_str(field, record));
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            buf->len = (size_t)(at - buf->data);
            put_list(buf, field, relief_field_list(field, record));
            break;
        case RELIEF_F_OBJ:
            buf->len = (size_t)(at - buf->data);
            put_part(buf, field->sub, (const char *)record + field->offset);
            break;
        }
        if (!relief_buf_room(buf, (size_t)(count - i) * VARINT_BYTES_MAX))
            return;
        at = buf->data + buf->len;
    }
    buf->len = (size_t)(at - buf->data);
}

void relief_record_encode(struct relief_buf *buf, const struct relief_shape *shape, const void *record)
{
    put_fields(buf, shape, used_fields(shape, record), record);
}

/* ---- decoding ---- */

/* What is being read. Functions take the place in the bytes and return where they ended; NULL says that they failed. */
struct reader {
    const uint8_t *end;
    struct relief_arena *arena;
    int error; /* -errno once something failed */
};

static const uint8_t *fail(struct reader *reader, int error)
{
    reader->error = error;
    return NULL;
}

static const uint8_t *get_long_varint(struct reader *reader, const uint8_t *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at < reader->end; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift)
                break; /* not the shortest form */
            *ret_value = value;
            return at;
        }
    }
    *ret_value = 0;
    return fail(reader, -EBADMSG);
}

static inline const uint8_t *get_varint(struct reader *reader, const uint8_t *at, uint64_t *ret_value)
{
    if (at < reader->end && *at < 0x80) {
        *ret_value = *at;
        return at + 1;
    }
    return get_long_varint(reader, at, ret_value);
}

static inline const uint8_t *get_int(struct reader *reader, const uint8_t *at, int64_t *ret_value)
{
    uint64_t number;
    at = get_varint(reader, at, &number);
    *ret_value = number == 0 ? RELIEF_NIL : (int64_t)(((number - 1) >> 1) ^ (0 - ((number - 1) & 1)));
    return at;
}

static inline const uint8_t *get_str(struct reader *reader, const uint8_t *at, struct relief_str *ret_text)
{
    uint64_t size;
    *ret_text = RELIEF_STR_NONE;
    at = get_varint(reader, at, &size);
    if (!at || size == 0)
        return at;
    size--;
    if (size > (uint64_t)(reader->end - at) || size > UINT32_MAX)
        return fail(reader, -EBADMSG);
    *ret_text = (struct relief_str){(const char *)at, (uint32_t)size};
    return at + size;
}

static const uint8_t *get_fields(struct reader *reader, const uint8_t *at, const struct relief_shape *shape,
                                 uint64_t count, void *record);

static const uint8_t *get_list(struct reader *reader, const uint8_t *at, const struct relief_field *field,
                               struct relief_list *ret_list)
{
    uint64_t size, fields = 1;
    *ret_list = (struct relief_list){0};
    at = get_varint(reader, at, &size);
    if (!at || size == 0)
        return at;
    uint64_t count = size - 1;
    bool ids = field->kind == RELIEF_F_IDS;
    if (!ids && count) {
        at = get_varint(reader, at, &fields);
        if (!at || fields == 0 || fields > field->sub->count)
            return fail(reader, -EBADMSG);
    }
    /* Every value takes at least one byte, so this bounds the allocation by the bytes that are there. */
    if (count > (uint64_t)(reader->end - at) / fields || count > UINT32_MAX)
        return fail(reader, -EBADMSG);
    size_t item = ids ? sizeof(struct relief_str) : field->sub->size;
    char *items = relief_arena_alloc(reader->arena, (size_t)count * item);
    if (!items)
        return fail(reader, -ENOMEM);
    for (uint64_t i = 0; i < count && at; i++)
        at = ids ? get_str(reader, at, (struct relief_str *)(void *)items + i)
                 : get_fields(reader, at, field->sub, fields, items + i * item);
    if (at)
        *ret_list = (struct relief_list){.items = items, .count = (uint32_t)count, .present = 1};
    return at;
}

static const uint8_t *get_part(struct reader *reader, const uint8_t *at, const struct relief_shape *shape, void *part)
{
    uint64_t used;
    at = get_varint(reader, at, &used);
    if (!at || used > shape->count)
        return fail(reader, -EBADMSG);
    return get_fields(reader, at, shape, used, part);
}

static inline const uint8_t *get_field(struct reader *reader, const uint8_t *at, const struct relief_field *field,
                                       void *record)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME:
        return get_int(reader, at, relief_field_i64(field, record));
    case RELIEF_F_BOOL:
    case RELIEF_F_ENUM: {
        int64_t value, bound = field->kind == RELIEF_F_BOOL ? 2 : field->names->count;
        at = get_int(reader, at, &value);
        *relief_field_i64(field, record) = value;
        return value == RELIEF_NIL || (value >= 0 && value < bound) ? at : fail(reader, -EBADMSG);
    }
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
    case RELIEF_F_RAW:
    case RELIEF_F_BYTES:
        return get_str(reader, at, relief_field_str(field, record));
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return get_list(reader, at, field, relief_field_list(field, record));
    case RELIEF_F_OBJ:
        return get_part(reader, at, field->sub, (char *)record + field->offset);
    }
    return at;
}

/* Reads the first count fields, the others are nil. */
static const uint8_t *get_fields(struct reader *reader, const uint8_t *at, const struct relief_shape *shape,
                                 uint64_t count, void *record)
{
    if (count < shape->count) {
        struct relief_shape missing = {.fields = shape->fields + count, .count = shape->count - (uint32_t)count};
        relief_shape_clear(&missing, record);
    }
    for (uint64_t i = 0; i < count && at; i++)
        at = get_field(reader, at, &shape->fields[i], record);
    return at;
}

int64_t relief_record_decode(const struct relief_shape *shape, struct relief_str bytes, struct relief_arena *arena,
                             void *ret_record)
{
    const uint8_t *start = (const uint8_t *)(bytes.data ? bytes.data : ""), *at = start;
    struct reader reader = {.end = start + (bytes.data ? bytes.len : 0), .arena = arena};
    uint32_t i = 0;
    for (; i < shape->count && at && at < reader.end; i++)
        at = get_field(&reader, at, &shape->fields[i], ret_record);
    if (!at)
        return reader.error;
    /* The record may be older than the last fields of the shape. */
    if (i < shape->count)
        get_fields(&reader, at, &(struct relief_shape){.fields = shape->fields + i, .count = shape->count - i}, 0,
                   ret_record);
    return at - start;
}

/* ---- copying ---- */

static bool own_str(struct relief_str *text, struct relief_arena *arena)
{
    if (text->data)
        *text = relief_arena_str(arena, *text);
    else
        return true;
    return text->data != NULL;
}

static int own_fields(const struct relief_shape *shape, void *record, struct relief_arena *arena);

static int own_list(const struct relief_field *field, struct relief_list *list, struct relief_arena *arena)
{
    if (!list->present)
        return 0;
    size_t item = field->kind == RELIEF_F_IDS ? sizeof(struct relief_str) : field->sub->size;
    char *items = relief_arena_alloc(arena, list->count * item);
    if (!items)
        return -ENOMEM;
    if (list->count)
        memcpy(items, list->items, list->count * item);
    list->items = items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->kind == RELIEF_F_IDS ? !own_str((struct relief_str *)(void *)items + i, arena)
                                        : own_fields(field->sub, items + i * item, arena) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* Replaces every pointer of a record by one to a copy in the arena. */
static int own_fields(const struct relief_shape *shape, void *record, struct relief_arena *arena)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        int error = 0;
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            error = own_str(relief_field_str(field, record), arena) ? 0 : -ENOMEM;
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            error = own_list(field, relief_field_list(field, record), arena);
            break;
        case RELIEF_F_OBJ:
            error = own_fields(field->sub, (char *)record + field->offset, arena);
            break;
        }
        if (error)
            return error;
    }
    return 0;
}

int relief_record_copy(const struct relief_shape *shape, const void *record, struct relief_arena *arena, void *ret_copy)
{
    if (ret_copy != record)
        memcpy(ret_copy, record, shape->size);
    return own_fields(shape, ret_copy, arena);
}
