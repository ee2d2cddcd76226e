/*
 * From a struct to MessagePack, by its shape: answers, notifications, and what a client sends.
 *
 * The forms are few (nil, bool, int, str, array, map, each in its shortest form), so they are written here straight
 * into the caller's buffer: msgpack-c's packer goes through a callback for every head and body, which made a request
 * record cost four times as much. The tests hold the bytes against msgpack-c's.
 */
#include "schema/codec.h"
#include "schema/scan.h"

#define HEAD_BYTES_MAX 9u /* of any value */

/* ---- values ---- */

/* Big-endian, at the end of the buffer; needs room. */
static inline void put(struct relief_buf *buf, uint8_t head, uint64_t value, unsigned bytes)
{
    char *at = buf->data + buf->len;
    *at++ = (char)head;
    for (unsigned i = bytes; i-- > 0;)
        *at++ = (char)(value >> (8 * i));
    buf->len += 1 + bytes;
}

static inline void put_unsigned(struct relief_buf *buf, uint64_t value)
{
    if (value < 0x80)
        put(buf, (uint8_t)value, 0, 0);
    else if (value <= UINT8_MAX)
        put(buf, 0xcc, value, 1);
    else if (value <= UINT16_MAX)
        put(buf, 0xcd, value, 2);
    else if (value <= UINT32_MAX)
        put(buf, 0xce, value, 4);
    else
        put(buf, 0xcf, value, 8);
}

static inline void put_negative(struct relief_buf *buf, int64_t value)
{
    if (value >= -32)
        put(buf, (uint8_t)value, 0, 0);
    else if (value >= INT8_MIN)
        put(buf, 0xd0, (uint64_t)value, 1);
    else if (value >= INT16_MIN)
        put(buf, 0xd1, (uint64_t)value, 2);
    else if (value >= INT32_MIN)
        put(buf, 0xd2, (uint64_t)value, 4);
    else
        put(buf, 0xd3, (uint64_t)value, 8);
}

/* Heads of arrays and maps, which have no 8-bit form. */
static inline void put_count(struct relief_buf *buf, uint8_t fixed, uint8_t wide, uint32_t count)
{
    if (!relief_buf_room(buf, HEAD_BYTES_MAX))
        return;
    if (count < 16)
        put(buf, (uint8_t)(fixed | count), 0, 0);
    else if (count <= UINT16_MAX)
        put(buf, wide, count, 2);
    else
        put(buf, wide + 1, count, 4);
}

static inline void put_str(struct relief_buf *buf, const char *data, uint32_t len)
{
    if (!relief_buf_room(buf, HEAD_BYTES_MAX + (size_t)len))
        return;
    if (len < 32)
        put(buf, (uint8_t)(0xa0 | len), 0, 0);
    else if (len <= UINT8_MAX)
        put(buf, 0xd9, len, 1);
    else if (len <= UINT16_MAX)
        put(buf, 0xda, len, 2);
    else
        put(buf, 0xdb, len, 4);
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

void relief_pack_array(struct relief_buf *buf, uint32_t count)
{
    put_count(buf, 0x90, 0xdc, count);
}

void relief_pack_map(struct relief_buf *buf, uint32_t count)
{
    put_count(buf, 0x80, 0xde, count);
}

void relief_pack_int(struct relief_buf *buf, int64_t value)
{
    if (!relief_buf_room(buf, HEAD_BYTES_MAX))
        return;
    if (value >= 0)
        put_unsigned(buf, (uint64_t)value);
    else if (value == RELIEF_NIL)
        put(buf, 0xc0, 0, 0);
    else
        put_negative(buf, value);
}

void relief_pack_bool(struct relief_buf *buf, bool value)
{
    relief_buf_add_char(buf, (char)(value ? 0xc3 : 0xc2));
}

void relief_pack_nil(struct relief_buf *buf)
{
    relief_buf_add_char(buf, (char)0xc0);
}

void relief_pack_str(struct relief_buf *buf, struct relief_str text)
{
    if (text.data)
        put_str(buf, text.data, text.len);
    else
        relief_pack_nil(buf);
}

void relief_pack_bytes(struct relief_buf *buf, struct relief_str bytes)
{
    if (!bytes.data) {
        relief_pack_nil(buf);
        return;
    }
    if (!relief_buf_room(buf, HEAD_BYTES_MAX + (size_t)bytes.len))
        return;
    if (bytes.len <= UINT8_MAX)
        put(buf, 0xc4, bytes.len, 1);
    else if (bytes.len <= UINT16_MAX)
        put(buf, 0xc5, bytes.len, 2);
    else
        put(buf, 0xc6, bytes.len, 4);
    memcpy(buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
}

void relief_pack_text(struct relief_buf *buf, const char *text)
{
    relief_pack_str(buf, relief_str_of(text));
}

/* ---- records ---- */

static bool is_present(const struct relief_field *field, const void *record);

static uint32_t present_fields(const struct relief_shape *shape, const void *record)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shape->count; i++)
        count += !shape->fields[i].hidden && is_present(&shape->fields[i], record);
    return count;
}

static bool is_present(const struct relief_field *field, const void *record)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_BOOL:
    case RELIEF_F_ENUM:
    case RELIEF_F_TIME:
        return *relief_field_i64(field, record) != RELIEF_NIL;
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
    case RELIEF_F_RAW:
    case RELIEF_F_BYTES:
        return relief_field_str(field, record)->data != NULL;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return relief_field_list(field, record)->present;
    case RELIEF_F_OBJ:
        return present_fields(field->sub, (const char *)record + field->offset) > 0;
    }
    return false;
}

/* What of a record is packed: the fields of a generation, nil where they are absent; or all that are present. */
enum { PRESENT_ONLY = 0 };

/* A map of the fields that stand in it and `extra` more. */
static void pack_map_of(struct relief_buf *buf, const struct relief_shape *shape, const void *record, unsigned extra,
                        unsigned generation)
{
    uint32_t count = shape->count - shape->hidden;
    if (generation == PRESENT_ONLY)
        count = present_fields(shape, record);
    else if (generation != RELIEF_EVERY_GENERATION)
        for (uint32_t i = 0; i < shape->count; i++)
            count -= !shape->fields[i].hidden && shape->fields[i].since > generation;
    relief_pack_map(buf, count + extra);
}

static void pack_fields(struct relief_buf *buf, const struct relief_shape *shape, const void *record,
                        unsigned generation);

static void pack_list(struct relief_buf *buf, const struct relief_field *field, const struct relief_list *list,
                      unsigned generation)
{
    if (!list->present) {
        relief_pack_nil(buf);
        return;
    }
    relief_pack_array(buf, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (field->kind == RELIEF_F_IDS) {
            relief_pack_str(buf, ((const struct relief_str *)list->items)[i]);
            continue;
        }
        const void *item = (const char *)list->items + (size_t)i * field->sub->size;
        pack_map_of(buf, field->sub, item, 0, generation);
        pack_fields(buf, field->sub, item, generation);
    }
}

static void pack_value(struct relief_buf *buf, const struct relief_field *field, const void *record,
                       unsigned generation)
{
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME:
        relief_pack_int(buf, *relief_field_i64(field, record));
        break;
    case RELIEF_F_BOOL: {
        int64_t value = *relief_field_i64(field, record);
        if (value == RELIEF_NIL)
            relief_pack_nil(buf);
        else
            relief_pack_bool(buf, value != 0);
        break;
    }
    case RELIEF_F_ENUM: {
        int64_t value = *relief_field_i64(field, record);
        bool known = value >= 0 && value < (int64_t)field->names->count;
        relief_pack_text(buf, known ? field->names->names[value] : NULL);
        break;
    }
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
        relief_pack_str(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_RAW: {
        struct relief_str raw = *relief_field_str(field, record);
        if (raw.len)
            relief_buf_add_str(buf, raw);
        else
            relief_pack_nil(buf);
        break;
    }
    case RELIEF_F_BYTES:
        relief_pack_bytes(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        pack_list(buf, field, relief_field_list(field, record), generation);
        break;
    case RELIEF_F_OBJ: {
        const void *part = (const char *)record + field->offset;
        pack_map_of(buf, field->sub, part, 0, generation);
        pack_fields(buf, field->sub, part, generation);
        break;
    }
    }
}

static void pack_fields(struct relief_buf *buf, const struct relief_shape *shape, const void *record,
                        unsigned generation)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->hidden || (generation == PRESENT_ONLY ? !is_present(field, record) : field->since > generation))
            continue;
        if (relief_buf_room(buf, RELIEF_KEY_BYTES)) {
            memcpy(buf->data + buf->len, field->packed_key, RELIEF_KEY_BYTES);
            buf->len += 1u + field->name_len;
        }
        pack_value(buf, field, record, generation);
    }
}

void relief_pack_record(struct relief_buf *buf, const struct relief_shape *shape, const void *record, unsigned extra)
{
    relief_pack_record_of(buf, shape, record, extra, RELIEF_EVERY_GENERATION);
}

void relief_pack_record_of(struct relief_buf *buf, const struct relief_shape *shape, const void *record, unsigned extra,
                           unsigned generation)
{
    pack_map_of(buf, shape, record, extra, generation);
    pack_fields(buf, shape, record, generation);
}

void relief_pack_params(struct relief_buf *buf, const struct relief_shape *shape, const void *params)
{
    pack_map_of(buf, shape, params, 0, PRESENT_ONLY);
    pack_fields(buf, shape, params, PRESENT_ONLY);
}

/* ---- refusals ---- */

/* The longest beginning that is UTF-8: a bound may have cut the text inside a character. */
static void pack_cut_text(struct relief_buf *buf, const char *key, const char *text)
{
    size_t len = strlen(text);
    for (unsigned cut = 0; cut < 4 && len > 0 && !scan_utf8(text, len); cut++)
        len--;
    if (!scan_utf8(text, len))
        len = 0;
    relief_pack_text(buf, key);
    relief_pack_str(buf, (struct relief_str){text, (uint32_t)len});
}

void relief_pack_refusal(struct relief_buf *buf, const struct relief_refusal *refusal)
{
    bool field = refusal->field[0], id = refusal->id[0], state = refusal->state[0];
    bool available = refusal->available != RELIEF_NIL;
    relief_pack_map(buf, 2u + field + id + state + available);
    relief_pack_text(buf, "code");
    relief_pack_text(buf, relief_error_name(refusal->code));
    pack_cut_text(buf, "message", refusal->message[0] ? refusal->message : relief_error_advice(refusal->code));
    if (field)
        pack_cut_text(buf, "field", refusal->field);
    if (id)
        pack_cut_text(buf, "id", refusal->id);
    if (state)
        pack_cut_text(buf, "state", refusal->state);
    if (available) {
        relief_pack_text(buf, "available");
        relief_pack_int(buf, refusal->available);
    }
}
