/*
 * The descriptors behind the lists: enum names, the shapes of records, parameters and answers, and the table of tables.
 *
 * Most is known to the compiler and stands in static tables. Offsets need the name of the struct, which a field row
 * doesn't carry, and the order of names needs sorting; both are filled in by a constructor, before main and thus before
 * any thread, and never change after. The offsets come from offsetof, inside a function where S is the struct.
 */
#include "schema/shape.h"
#include "schema/commands.h"
#include <assert.h>

/* ---- enums ---- */

#define V(word) #word,
#define L(list)                                                                                                        \
    static const char *const words_##list[] = {RELIEF_ENUM_##list(V) NULL};                                            \
    const struct relief_enum relief_enum_##list = {#list, words_##list, RELIEF_##list##_COUNT};
RELIEF_ENUMS(L)
#undef L
#undef V

/* ---- shapes ---- */

enum { NEED_OPT = 0, NEED_REQ = 1, NEED_HID = 2 };

#define F_ROW(kind_, cname, wire, need, extra, help_)                                                                  \
    {.name = wire,                                                                                                     \
     .kind = RELIEF_F_##kind_,                                                                                         \
     .required = NEED_##need == NEED_REQ,                                                                              \
     .hidden = NEED_##need == NEED_HID,                                                                                \
     extra,                                                                                                            \
     .help = help_},
#define F_HIDDEN(kind, cname, wire, need, extra, help) +(NEED_##need == NEED_HID)
#define F_OFFSET(kind, cname, wire, need, extra, help) offsetof(S, cname),

/* The extra element makes room for shapes without fields, which C can't say otherwise. */
#define DEFINE(shape, title, LIST)                                                                                     \
    static struct relief_field fields_##shape[] = {LIST(F_ROW){.name = NULL}};                                         \
    enum { COUNT_##shape = sizeof fields_##shape / sizeof fields_##shape[0] - 1, HIDDEN_##shape = 0 LIST(F_HIDDEN) };  \
    static uint8_t by_name_##shape[COUNT_##shape + 1];                                                                 \
    const struct relief_shape relief_shape_##shape = {                                                                 \
        title, fields_##shape, COUNT_##shape, sizeof(struct relief_##shape), by_name_##shape, HIDDEN_##shape};         \
    static void place_##shape(void)                                                                                    \
    {                                                                                                                  \
        typedef struct relief_##shape S;                                                                               \
        static const size_t offsets[] = {LIST(F_OFFSET) sizeof(S)};                                                    \
        place(fields_##shape, by_name_##shape, offsets, COUNT_##shape);                                                \
    }

static void name_keys(struct relief_field *field)
{
    size_t len = strlen(field->name);
    assert(len + 3 <= RELIEF_KEY_BYTES);
    field->name_len = (uint8_t)len;
    field->packed_key[0] = (char)(0xa0 | len); /* fixstr: up to 31 bytes */
    memcpy(field->packed_key + 1, field->name, len);
    field->json_key[0] = '"';
    memcpy(field->json_key + 1, field->name, len);
    memcpy(field->json_key + 1 + len, "\":", 2);
}

static void place(struct relief_field *fields, uint8_t *by_name, const size_t *offsets, uint32_t count)
{
    assert(count <= UINT8_MAX);
    for (uint32_t i = 0; i < count; i++) {
        fields[i].offset = (uint32_t)offsets[i];
        if (!fields[i].since)
            fields[i].since = 1;
        name_keys(&fields[i]);
        for (uint32_t n = 0; fields[i].names && n < fields[i].names->count; n++)
            assert(strlen(fields[i].names->names[n]) <= RELIEF_NAME_BYTES);
        uint32_t at = i;
        for (; at > 0 && strcmp(fields[by_name[at - 1]].name, fields[i].name) > 0; at--)
            by_name[at] = by_name[at - 1];
        by_name[at] = (uint8_t)i;
    }
}

#define P(part)        DEFINE(part, #part, RELIEF_FIELDS_##part)
#define T(table, keys) DEFINE(table, #table, RELIEF_FIELDS_##table)
#define M(number, noun, verb, kind, roles, result, state, summary)                                                     \
    DEFINE(noun##_##verb##_params, #noun "." #verb, RELIEF_PARAMS_##noun##_##verb)
#define C(number, name, wire, summary) DEFINE(name##_params, wire, RELIEF_PARAMS_##name)
/* clang-format off */
RELIEF_PARTS(P)
RELIEF_TABLES(T)
RELIEF_RESULTS(P)
RELIEF_METHODS(M)
RELIEF_COMMANDS(C)
/* clang-format on */
#undef P
#undef T
#undef M
#undef C

static void __attribute__((constructor)) place_all(void)
{
#define P(part)                                                    place_##part();
#define T(table, keys)                                             place_##table();
#define M(number, noun, verb, kind, roles, result, state, summary) place_##noun##_##verb##_params();
#define C(number, name, wire, summary)                             place_##name##_params();
    /* clang-format off */
    RELIEF_PARTS(P)
    RELIEF_TABLES(T)
    RELIEF_RESULTS(P)
    RELIEF_METHODS(M)
    RELIEF_COMMANDS(C)
    /* clang-format on */
#undef P
#undef T
#undef M
#undef C
}

const struct relief_table_info relief_tables[RELIEF_TABLE_COUNT] = {
#define T(table, keys) {#table, &relief_shape_##table, keys},
    RELIEF_TABLES(T)
#undef T
};

int relief_table_find(struct relief_str name)
{
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++)
        if (relief_str_eq(name, relief_str_of(relief_tables[i].name)))
            return i;
    return -1;
}

/* ---- walking ---- */

void relief_shape_clear(const struct relief_shape *shape, void *record)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            *relief_field_i64(field, record) = RELIEF_NIL;
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            *relief_field_str(field, record) = RELIEF_STR_NONE;
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            *relief_field_list(field, record) = (struct relief_list){0};
            break;
        case RELIEF_F_OBJ:
            relief_shape_clear(field->sub, (char *)record + field->offset);
            break;
        }
    }
}

const struct relief_field *relief_shape_find(const struct relief_shape *shape, struct relief_str name)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->name_len == name.len && memcmp(field->name, name.data ? name.data : "", name.len) == 0)
            return field;
    }
    return NULL;
}

int64_t relief_enum_find(const struct relief_enum *names, struct relief_str name)
{
    for (int64_t i = 0; names->names[i]; i++)
        if (relief_str_eq(name, relief_str_of(names->names[i])))
            return i;
    return -1;
}
