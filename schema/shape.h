/*
 * Shapes: what a record, a parameter map or an answer consists of. A shape is a row of fields; from the same rows come the C
 * struct and the descriptor that every codec walks (codec.h). So a field is written down once, in tables.h or methods.h.
 *
 * A field row is F(kind, cname, wire, need, extra, help):
 *   kind   INT BOOL ENUM TIME           -> int64_t, RELIEF_NIL when absent (a BOOL is 0 or 1, an ENUM its index)
 *          ID DID TEXT                  -> struct relief_str, data NULL when absent (DID: REQUEST/N)
 *          IDS OBJS                     -> struct relief_list of relief_str, or of the sub-shape's struct
 *          OBJ                          -> the sub-shape's struct, embedded; its fields are nil or not each by itself
 *          RAW                          -> struct relief_str holding MessagePack bytes, passed through
 *          BYTES                        -> struct relief_str of any bytes, in answers only: MessagePack bin, in JSON base64 text
 *   need   REQ, OPT, or HID: stored, but in no answer, dump or log line (what a client has no use for)
 *   extra  one of the RELIEF_X_ macros below: range, names, sub-shape, default; RELIEF_X_SINCE around it for a younger field
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "schema/limits.h"
#include "schema/str.h"

#define RELIEF_NIL INT64_MIN

/*
 * The generation of the schema: raised by one, once per release, when that release gives a field to something that stands in the
 * log already (README.md). Every log entry says the generation that wrote it, and its line has the fields of that generation for
 * ever, because its hash is made from the line. One byte in the log.
 */
#define RELIEF_GENERATION       1u
#define RELIEF_EVERY_GENERATION UINT8_MAX /* all fields there are */

enum relief_kind_of_field {
    RELIEF_F_INT,
    RELIEF_F_BOOL,
    RELIEF_F_ENUM,
    RELIEF_F_TIME,
    RELIEF_F_ID,
    RELIEF_F_DID,
    RELIEF_F_TEXT,
    RELIEF_F_IDS,
    RELIEF_F_OBJS,
    RELIEF_F_OBJ,
    RELIEF_F_RAW,
    RELIEF_F_BYTES,
};

/* items: relief_str[] or sub-struct[]; absent when present is 0 (an empty list is present with count 0). */
struct relief_list {
    void *items;
    uint32_t count;
    uint32_t present;
};

struct relief_enum {
    const char *name;
    const char *const *names; /* NULL-terminated, index = value */
    uint32_t count;
};

struct relief_shape;

#define RELIEF_KEY_BYTES  24u /* names have at most 21 bytes */
#define RELIEF_NAME_BYTES 32u /* so have words of enumerations, without the NUL */

struct relief_field {
    const char *name; /* on the wire, in JSON, as CSV column and as flag (`_` becomes `-`) */
    enum relief_kind_of_field kind;
    uint32_t offset;
    uint8_t required;
    uint8_t hidden;
    uint8_t since; /* the generation that brought it, from 1 */
    uint8_t name_len;
    int64_t min, max;    /* INT, TIME: range; TEXT: length in bytes; 0,0 = the kind's own bound */
    int64_t fallback;    /* INT, BOOL, ENUM, TIME: value when absent, RELIEF_NIL for none */
    const struct relief_enum *names; /* ENUM */
    const struct relief_shape *sub;  /* OBJ, OBJS */
    const char *help;
    /* The name as the codecs write it, filled up to a fixed size, because copying that is much cheaper than copying name_len. */
    char packed_key[RELIEF_KEY_BYTES]; /* MessagePack: name_len + 1 bytes */
    char json_key[RELIEF_KEY_BYTES];   /* "name": with its quotes and colon, name_len + 3 bytes */
};

struct relief_shape {
    const char *name;
    const struct relief_field *fields;
    uint32_t count;
    uint32_t size;           /* of the C struct */
    const uint8_t *by_name;  /* field numbers in order of their names: the order of JSON keys */
    uint32_t hidden;         /* fields of the kind HID */
};

/* what stands in the column "extra" */
#define RELIEF_X_NONE .fallback = RELIEF_NIL
#define RELIEF_X_RANGE(lo, hi, dflt) .min = (lo), .max = (hi), .fallback = (dflt)
#define RELIEF_X_ENUM(which) .names = &relief_enum_##which, .fallback = RELIEF_NIL
#define RELIEF_X_ENUM_D(which, dflt) .names = &relief_enum_##which, .fallback = (dflt)
#define RELIEF_X_BOOL_D(dflt) .fallback = (dflt)
#define RELIEF_X_SUB(which) .sub = &relief_shape_##which, .fallback = RELIEF_NIL
#define RELIEF_X_SINCE(generation, ...) .since = (generation), __VA_ARGS__ /* RELIEF_X_SINCE(2, RELIEF_X_COUNT) */
#define RELIEF_X_QUANTITY RELIEF_X_RANGE(1, RELIEF_QUANTITY_MAX, RELIEF_NIL)
#define RELIEF_X_COUNT RELIEF_X_RANGE(0, RELIEF_QUANTITY_MAX, RELIEF_NIL)
#define RELIEF_X_MINUTES RELIEF_X_RANGE(0, RELIEF_MINUTES_MAX, RELIEF_NIL)
#define RELIEF_X_TIME RELIEF_X_RANGE(0, RELIEF_TIME_MAX, RELIEF_NIL)
#define RELIEF_X_LEVEL(dflt) RELIEF_X_RANGE(1, 4, dflt)
#define RELIEF_X_REASON RELIEF_X_RANGE(1, RELIEF_REASON_BYTES_MAX, RELIEF_NIL)
#define RELIEF_X_NAME RELIEF_X_RANGE(1, RELIEF_NAME_BYTES_MAX, RELIEF_NIL)

/* the C type of each kind; OBJ fields are declared by the row's sub-shape name, see RELIEF_STRUCT_FIELD */
#define RELIEF_C_INT int64_t
#define RELIEF_C_BOOL int64_t
#define RELIEF_C_ENUM int64_t
#define RELIEF_C_TIME int64_t
#define RELIEF_C_ID struct relief_str
#define RELIEF_C_DID struct relief_str
#define RELIEF_C_TEXT struct relief_str
#define RELIEF_C_IDS struct relief_list
#define RELIEF_C_OBJS struct relief_list
#define RELIEF_C_RAW struct relief_str
#define RELIEF_C_BYTES struct relief_str
#define RELIEF_C_OBJ struct relief_times /* the one embedded object of the product */

#define RELIEF_STRUCT_FIELD(kind, cname, wire, need, extra, help) RELIEF_C_##kind cname;

/* Sets every field to absent (not to its default). */
void relief_shape_clear(const struct relief_shape *shape, void *record);
/* The field with that wire name, or NULL. */
const struct relief_field *relief_shape_find(const struct relief_shape *shape, struct relief_str name);
/* The value for a name, or -1. */
int64_t relief_enum_find(const struct relief_enum *names, struct relief_str name);

static inline int64_t *relief_field_i64(const struct relief_field *field, const void *record)
{
    return (int64_t *)((char *)(uintptr_t)record + field->offset);
}
static inline struct relief_str *relief_field_str(const struct relief_field *field, const void *record)
{
    return (struct relief_str *)((char *)(uintptr_t)record + field->offset);
}
static inline struct relief_list *relief_field_list(const struct relief_field *field, const void *record)
{
    return (struct relief_list *)((char *)(uintptr_t)record + field->offset);
}
