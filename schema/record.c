/*
 * Records as compact bytes, as they stand in LMDB and in the log (the format is in codec.h): the values in the order of the
 * fields, no names, variable-length integers. Every value starts with a number that is 0 for nil, so a nil costs one byte.
 *
 * A request reads and writes some twenty records, so both directions go over the bytes once, keep the one-byte number in
 * line, and allocate only for lists. Decoding trusts nothing: every length is compared with the bytes that are left before it
 * is used, and a list may not announce more items than bytes, so hostile bytes cost no more than they weigh.
 * Recursion follows the sub-shapes of the schema, which nest three deep at most, never the data.
 */
#include "schema/codec.h"
#include <errno.h>

#define VARINT_BYTES_MAX 10u /* 64 bits in groups of 7 */

/* ---- encoding ---- */

static inline bool room(struct relief_buf *buf, size_t bytes)
{
    return (!buf->failed && buf->cap - buf->len >= bytes) || relief_buf_reserve(buf, bytes);
}

/* Needs VARINT_BYTES_MAX bytes of room. */
static inline void put_varint(struct relief_buf *buf, uint64_t value)
{
    char *at = buf->data + buf->len;
    while (value >= 0x80) {
        *at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (char)value;
    buf->len = (size_t)(at - buf->data);
}

static inline void put_int(struct relief_buf *buf, int64_t value)
{
    if (!room(buf, VARINT_BYTES_MAX))
        return;
    /* zigzag(2^63-1) + 1 is 2^64-1; the one value that would not fit, -2^63, is nil */
    put_varint(buf, value == RELIEF_NIL ? 0 : (((uint64_t)value << 1) ^ (uint64_t)(value >> 63)) + 1);
}

static inline void put_str(struct relief_buf *buf, struct relief_str text)
{
    if (!room(buf, VARINT_BYTES_MAX + (size_t)text.len))
        return;
    if (!text.data) {
        buf->data[buf->len++] = 0;
        return;
    }
    put_varint(buf, (uint64_t)text.len + 1);
    if (text.len)
        memcpy(buf->data + buf->len, text.data, text.len);
    buf->len += text.len;
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

static void put_list(struct relief_buf *buf, const struct relief_field *field, const struct relief_list *list)
{
    if (!room(buf, 2 * (size_t)VARINT_BYTES_MAX))
        return;
    if (!list->present) {
        buf->data[buf->len++] = 0;
        return;
    }
    put_varint(buf, (uint64_t)list->count + 1);
    if (field->kind == RELIEF_F_IDS) {
        const struct relief_str *ids = list->items;
        for (uint32_t i = 0; i < list->count; i++)
            put_str(buf, ids[i]);
        return;
    }
    if (list->count)
        put_varint(buf, field->sub->count);
    for (uint32_t i = 0; i < list->count; i++)
        put_fields(buf, field->sub, field->sub->count, (const char *)list->items + (size_t)i * field->sub->size);
}

static void put_fields(struct relief_buf *buf, const struct relief_shape *shape, uint32_t count, const void *record)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct relief_field *field = &shape->fields[i];
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            put_int(buf, *relief_field_i64(field, record));
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
            put_str(buf, *relief_field_str(field, record));
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            put_list(buf, field, relief_field_list(field, record));
            break;
        case RELIEF_F_OBJ: {
            const void *part = (const char *)record + field->offset;
            uint32_t used = used_fields(field->sub, part);
            if (room(buf, VARINT_BYTES_MAX))
                put_varint(buf, used);
            put_fields(buf, field->sub, used, part);
            break;
        }
        }
    }
}

void relief_record_encode(struct relief_buf *buf, const struct relief_shape *shape, const void *record)
{
    put_fields(buf, shape, shape->count, record);
}

/* ---- decoding ---- */

struct reader {
    const uint8_t *at, *end;
    struct relief_arena *arena;
    int error; /* the first, 0 or -errno */
};

static int fail(struct reader *reader, int error)
{
    if (!reader->error)
        reader->error = error;
    return reader->error;
}

static uint64_t get_long_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift)
                break; /* not the shortest form */
            return value;
        }
    }
    fail(reader, -EBADMSG);
    return 0;
}

static inline uint64_t get_varint(struct reader *reader)
{
    if (reader->at < reader->end && *reader->at < 0x80)
        return *reader->at++;
    return get_long_varint(reader);
}

static inline int64_t get_int(struct reader *reader)
{
    uint64_t value = get_varint(reader);
    if (value == 0)
        return RELIEF_NIL;
    value--;
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

static inline struct relief_str get_str(struct reader *reader)
{
    uint64_t size = get_varint(reader);
    if (size == 0)
        return RELIEF_STR_NONE;
    if (size - 1 > (uint64_t)(reader->end - reader->at) || size - 1 > UINT32_MAX) {
        fail(reader, -EBADMSG);
        return RELIEF_STR_NONE;
    }
    struct relief_str text = {(const char *)reader->at, (uint32_t)(size - 1)};
    reader->at += text.len;
    return text;
}

static int get_fields(struct reader *reader, const struct relief_shape *shape, uint64_t count, void *record);

static void get_list(struct reader *reader, const struct relief_field *field, struct relief_list *ret_list)
{
    *ret_list = (struct relief_list){0};
    uint64_t size = get_varint(reader);
    if (size == 0)
        return;
    uint64_t count = size - 1, fields = 1;
    if (field->kind == RELIEF_F_OBJS && count) {
        fields = get_varint(reader);
        if (fields == 0 || fields > field->sub->count)
            fail(reader, -EBADMSG);
    }
    /* Every value takes at least one byte, so this bounds the allocation by the bytes that are there. */
    if (reader->error || count > (uint64_t)(reader->end - reader->at) / fields || count > UINT32_MAX) {
        fail(reader, -EBADMSG);
        return;
    }
    size_t item = field->kind == RELIEF_F_IDS ? sizeof(struct relief_str) : field->sub->size;
    char *items = relief_arena_alloc(reader->arena, (size_t)count * item);
    if (!items) {
        fail(reader, -ENOMEM);
        return;
    }
    for (uint64_t i = 0; i < count && !reader->error; i++) {
        if (field->kind == RELIEF_F_IDS)
            ((struct relief_str *)(void *)items)[i] = get_str(reader);
        else
            get_fields(reader, field->sub, fields, items + i * item);
    }
    *ret_list = (struct relief_list){.items = items, .count = (uint32_t)count, .present = 1};
}

static void get_part(struct reader *reader, const struct relief_shape *shape, void *part)
{
    uint64_t used = get_varint(reader);
    if (used > shape->count)
        fail(reader, -EBADMSG);
    else
        get_fields(reader, shape, used, part);
}

static inline void get_field(struct reader *reader, const struct relief_field *field, void *record)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME:
        *relief_field_i64(field, record) = get_int(reader);
        break;
    case RELIEF_F_BOOL:
    case RELIEF_F_ENUM: {
        int64_t value = get_int(reader), bound = field->kind == RELIEF_F_BOOL ? 2 : field->names->count;
        if (value != RELIEF_NIL && (value < 0 || value >= bound))
            fail(reader, -EBADMSG);
        *relief_field_i64(field, record) = value;
        break;
    }
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
    case RELIEF_F_RAW:
        *relief_field_str(field, record) = get_str(reader);
        break;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        get_list(reader, field, relief_field_list(field, record));
        break;
    case RELIEF_F_OBJ:
        get_part(reader, field->sub, (char *)record + field->offset);
        break;
    }
}

/* Reads the first count fields, the others are nil. */
static int get_fields(struct reader *reader, const struct relief_shape *shape, uint64_t count, void *record)
{
    if (count < shape->count)
        relief_shape_clear(shape, record);
    for (uint64_t i = 0; i < count && !reader->error; i++)
        get_field(reader, &shape->fields[i], record);
    return reader->error;
}

int64_t relief_record_decode(const struct relief_shape *shape, struct relief_str bytes, struct relief_arena *arena,
                             void *ret_record)
{
    const uint8_t *start = (const uint8_t *)(bytes.data ? bytes.data : "");
    struct reader reader = {.at = start, .end = start + (bytes.data ? bytes.len : 0), .arena = arena};
    uint32_t i = 0;
    for (; i < shape->count && reader.at < reader.end && !reader.error; i++)
        get_field(&reader, &shape->fields[i], ret_record);
    /* The record may be older than the last fields of the shape. */
    struct relief_shape missing = {.fields = shape->fields + i, .count = shape->count - i};
    relief_shape_clear(&missing, ret_record);
    return reader.error ? reader.error : reader.at - start;
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
