/*
 * From a MessagePack map to a struct, by its shape: parameters from a peer, and answers from a daemon.
 *
 * Parameters are read in two steps. Here every key is found, and its value must have the type of its field; what is
 * unknown, repeated or of another type is refused. Then check.c fills in defaults and looks at ranges and ids, exactly
 * as it does for parameters that came from a command line, so that there is one truth about what is allowed.
 *
 * Relies on the scanner: the map is well-formed, nested at most RELIEF_DEPTH_MAX deep, and its text is UTF-8.
 */
#include "schema/codec.h"
#include "schema/check.h"
#include <errno.h>
#include <stdlib.h>

struct decoder {
    struct relief_arena *arena;
    struct relief_refusal *refusal; /* NULL: an answer; what is unknown is passed over, a wrong type is -EBADMSG */
};

#define BAD(decoder, path, ...)                                                                                        \
    ((decoder)->refusal ? check_refuse((decoder)->refusal, path, RELIEF_BAD_PARAMS, __VA_ARGS__) : -EBADMSG)

static int no_room(const struct decoder *decoder)
{
    return decoder->refusal
               ? relief_refuse(decoder->refusal, RELIEF_TOO_MANY, "the parameters take more memory than a request may")
               : -ENOMEM;
}

/* Its map is named; the outermost one has no name, and a fault is never without a field. */
static int bad_key(const struct decoder *decoder, const struct check_path *path)
{
    const struct check_path unnamed = {NULL, RELIEF_STR("?"), 0};
    return BAD(decoder, path ? path : &unnamed, "every key must be a string");
}

static inline struct relief_str text_of(const msgpack_object *value)
{
    /* An empty string may come without a pointer; it is present all the same. */
    return (struct relief_str){value->via.str.ptr ? value->via.str.ptr : "", value->via.str.size};
}

/* ---- RAW: passed through as bytes, but nothing in it may be of a type that the wire doesn't have ---- */

static int compare_keys(const void *a, const void *b)
{
    return relief_str_cmp(text_of(*(const msgpack_object *const *)a), text_of(*(const msgpack_object *const *)b));
}

static int check_raw(const struct decoder *decoder, const msgpack_object *value, const struct check_path *path,
                     unsigned depth);

static int check_raw_map(const struct decoder *decoder, const msgpack_object_map *map, const struct check_path *path,
                         unsigned depth)
{
    const msgpack_object **keys = relief_arena_alloc(decoder->arena, map->size * sizeof *keys);
    if (!keys)
        return no_room(decoder);
    for (uint32_t i = 0; i < map->size; i++) {
        if (map->ptr[i].key.type != MSGPACK_OBJECT_STR)
            return bad_key(decoder, path);
        struct relief_str name = text_of(&map->ptr[i].key);
        int error = check_raw(decoder, &map->ptr[i].val, &(struct check_path){path, name, 0}, depth + 1);
        if (error)
            return error;
        keys[i] = &map->ptr[i].key;
    }
    /* Sorted, because comparing each with each would take minutes for 65,536 keys. */
    if (map->size > 1)
        qsort(keys, map->size, sizeof *keys, compare_keys);
    for (uint32_t i = 1; i < map->size; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            return BAD(decoder, (&(struct check_path){path, text_of(keys[i]), 0}), "given twice");
    return 0;
}

static int check_raw(const struct decoder *decoder, const msgpack_object *value, const struct check_path *path,
                     unsigned depth)
{
    if (depth > RELIEF_DEPTH_MAX)
        return BAD(decoder, path, "nested too deeply");
    switch (value->type) {
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_BIN:
    case MSGPACK_OBJECT_EXT:
        return BAD(decoder, path, "floats, bin and ext are not used here");
    case MSGPACK_OBJECT_ARRAY:
        for (uint32_t i = 0; i < value->via.array.size; i++) {
            int error =
                check_raw(decoder, &value->via.array.ptr[i], &(struct check_path){path, RELIEF_STR_NONE, i}, depth + 1);
            if (error)
                return error;
        }
        return 0;
    case MSGPACK_OBJECT_MAP:
        return check_raw_map(decoder, &value->via.map, path, depth);
    default:
        return 0;
    }
}

/* msgpack-c allocates the strings, maps and arrays of a value in its own zone; here they become bytes again, in the
 * arena. */
static int pack_raw(const struct decoder *decoder, const msgpack_object *value, struct relief_str *ret_raw)
{
    msgpack_sbuffer bytes;
    msgpack_sbuffer_init(&bytes);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
    int error = 0;
    if (msgpack_pack_object(&packer, *value) || bytes.size > UINT32_MAX)
        error = no_room(decoder);
    else
        *ret_raw = relief_arena_str(decoder->arena, (struct relief_str){bytes.data, (uint32_t)bytes.size});
    if (!error && !ret_raw->data)
        error = no_room(decoder);
    msgpack_sbuffer_destroy(&bytes);
    return error;
}

/* ---- values ---- */

static int decode_map(const struct decoder *decoder, const struct relief_shape *shape, const msgpack_object *map,
                      const struct check_path *path, void *ret);

static int decode_list(const struct decoder *decoder, const struct relief_field *field, const msgpack_object *value,
                       const struct check_path *path, struct relief_list *ret_list)
{
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return BAD(decoder, path, "must be an array");
    bool ids = field->kind == RELIEF_F_IDS;
    uint32_t count = value->via.array.size;
    size_t item = ids ? sizeof(struct relief_str) : field->sub->size;
    char *items = relief_arena_alloc(decoder->arena, count * item);
    if (!items)
        return no_room(decoder);
    for (uint32_t i = 0; i < count; i++) {
        const msgpack_object *element = &value->via.array.ptr[i];
        const struct check_path at = {path, RELIEF_STR_NONE, i};
        if (ids) {
            if (element->type != MSGPACK_OBJECT_STR)
                return BAD(decoder, &at, "must be a string");
            ((struct relief_str *)(void *)items)[i] = text_of(element);
        } else {
            int error = decode_map(decoder, field->sub, element, &at, items + i * item);
            if (error)
                return error;
        }
    }
    *ret_list = (struct relief_list){.items = items, .count = count, .present = 1};
    return 0;
}

static int decode_int(const struct decoder *decoder, const msgpack_object *value, const struct check_path *path,
                      int64_t *ret)
{
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER && value->via.u64 <= INT64_MAX)
        *ret = (int64_t)value->via.u64;
    else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER && value->via.i64 != RELIEF_NIL)
        *ret = value->via.i64;
    else if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER || value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return BAD(decoder, path, "out of range");
    else
        return BAD(decoder, path, "must be an integer");
    return 0;
}

static int decode_enum(const struct decoder *decoder, const struct relief_enum *names, const msgpack_object *value,
                       const struct check_path *path, int64_t *ret)
{
    if (value->type != MSGPACK_OBJECT_STR)
        return BAD(decoder, path, "must be a string");
    int64_t word = relief_enum_find(names, text_of(value));
    if (word >= 0)
        *ret = word;
    else if (decoder->refusal) /* in an answer it is a word of a newer daemon, which stays nil */
        return check_refuse_enum(decoder->refusal, path, names);
    return 0;
}

static int decode_value(const struct decoder *decoder, const struct relief_field *field, const msgpack_object *value,
                        const struct check_path *path, void *record)
{
    if (value->type == MSGPACK_OBJECT_NIL)
        return 0; /* nil means absent, and absent it is already */
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME:
        return decode_int(decoder, value, path, relief_field_i64(field, record));
    case RELIEF_F_BOOL:
        if (value->type != MSGPACK_OBJECT_BOOLEAN)
            return BAD(decoder, path, "must be true or false");
        *relief_field_i64(field, record) = value->via.boolean;
        return 0;
    case RELIEF_F_ENUM:
        return decode_enum(decoder, field->names, value, path, relief_field_i64(field, record));
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
        if (value->type != MSGPACK_OBJECT_STR)
            return BAD(decoder, path, "must be a string");
        *relief_field_str(field, record) = text_of(value);
        return 0;
    case RELIEF_F_BYTES:
        if (value->type != MSGPACK_OBJECT_BIN)
            return BAD(decoder, path, "must be bytes");
        *relief_field_str(field, record) =
            (struct relief_str){value->via.bin.ptr ? value->via.bin.ptr : "", value->via.bin.size};
        return 0;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return decode_list(decoder, field, value, path, relief_field_list(field, record));
    case RELIEF_F_OBJ:
        return decode_map(decoder, field->sub, value, path, (char *)record + field->offset);
    case RELIEF_F_RAW: {
        int error = decoder->refusal ? check_raw(decoder, value, path, 0) : 0;
        return error ? error : pack_raw(decoder, value, relief_field_str(field, record));
    }
    }
    return 0;
}

/* The number of the field with that name, or -1. Senders mostly keep the order of the fields, so `next` is tried first.
 */
static int find_field(const struct relief_shape *shape, struct relief_str name, uint32_t next)
{
    for (uint32_t tried = 0; tried < shape->count; tried++) {
        uint32_t i = next + tried < shape->count ? next + tried : next + tried - shape->count;
        if (shape->fields[i].name_len == name.len && memcmp(shape->fields[i].name, name.data, name.len) == 0)
            return (int)i;
    }
    return -1;
}

static int decode_map(const struct decoder *decoder, const struct relief_shape *shape, const msgpack_object *map,
                      const struct check_path *path, void *ret)
{
    relief_shape_clear(shape, ret);
    if (map->type != MSGPACK_OBJECT_MAP)
        return BAD(decoder, path, "must be a map");
    uint64_t seen[4] = {0}; /* a shape has at most 255 fields */
    uint32_t next = 0;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_STR) {
            if (!decoder->refusal)
                continue;
            return bad_key(decoder, path);
        }
        struct relief_str name = text_of(&pair->key);
        const struct check_path at = {path, name, 0};
        int found = find_field(shape, name, next);
        if (found < 0) {
            if (!decoder->refusal)
                continue;
            return BAD(decoder, &at, "unknown parameter");
        }
        next = (uint32_t)found + 1;
        uint64_t bit = UINT64_C(1) << (found & 63);
        if (seen[found >> 6] & bit)
            return BAD(decoder, &at, "given twice");
        seen[found >> 6] |= bit;
        int error = decode_value(decoder, &shape->fields[found], &pair->val, &at, ret);
        if (error)
            return error;
    }
    return 0;
}

/* ---- entry points ---- */

int relief_params_decode(const struct relief_shape *shape, const msgpack_object *map, struct relief_arena *arena,
                         void *ret_params, struct relief_refusal *refusal)
{
    const struct decoder decoder = {.arena = arena, .refusal = refusal};
    if (!map || map->type == MSGPACK_OBJECT_NIL) {
        relief_shape_clear(shape, ret_params);
    } else {
        int error = decode_map(&decoder, shape, map, NULL, ret_params);
        if (error)
            return error;
    }
    return check_record(shape, ret_params, NULL, CHECK_SCANNED, refusal);
}

int relief_answer_decode_bytes(const struct relief_shape *shape, struct relief_str bytes, struct relief_arena *arena,
                               void *ret_record)
{
    msgpack_unpacked value;
    size_t used = 0;
    int result = -EBADMSG;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, bytes.data, bytes.len, &used) == MSGPACK_UNPACK_SUCCESS)
        result = relief_answer_decode(shape, &value.data, arena, ret_record);
    msgpack_unpacked_destroy(&value); /* strings point into the bytes, lists into the arena */
    return result;
}

int relief_answer_decode(const struct relief_shape *shape, const msgpack_object *map, struct relief_arena *arena,
                         void *ret_record)
{
    const struct decoder decoder = {.arena = arena};
    if (!map)
        return -EBADMSG;
    return decode_map(&decoder, shape, map, NULL, ret_record);
}
