/*
 * The keys of a canonical object and those of a shape are both in order, so they are walked side by side.
 */
#include "client/cli/record_form.h"
#include <string.h>

static bool members_fit(const struct canon *canon, uint32_t node, const struct relief_shape *shape, bool with_table,
                        const char **ret_field);

static bool list_fits(const struct canon *canon, uint32_t node, const struct relief_field *field)
{
    const char *inside = NULL;
    for (uint32_t i = node + 1; i < canon->nodes[node].next; i = canon->nodes[i].next) {
        if (field->kind == RELIEF_F_IDS ? canon->nodes[i].type != CANON_TEXT
                                        : !members_fit(canon, i, field->sub, false, &inside))
            return false;
    }
    return true;
}

static bool value_fits(const struct canon *canon, uint32_t number, const struct relief_field *field)
{
    const struct canon_node *node = &canon->nodes[number];
    const char *inside = NULL;
    if (node->type == CANON_NULL)
        return !field->required;
    switch (field->kind) {
    case RELIEF_F_INT:
    case RELIEF_F_TIME:
        return node->type == CANON_INT;
    case RELIEF_F_BOOL:
        return node->type == CANON_TRUE || node->type == CANON_FALSE;
    case RELIEF_F_ENUM:
        return node->type == CANON_TEXT && !node->escaped &&
               relief_enum_find(field->names, canon_str(canon, number, NULL)) >= 0;
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
        return node->type == CANON_TEXT;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return node->type == CANON_ARRAY && list_fits(canon, number, field);
    case RELIEF_F_OBJ:
        return members_fit(canon, number, field->sub, false, &inside);
    case RELIEF_F_RAW: /* in no table */
    case RELIEF_F_BYTES:
        return true;
    }
    return false;
}

static bool has_name(const struct canon_node *node, const struct relief_field *field)
{
    return node->key_len == field->name_len && memcmp(node->key, field->name, field->name_len) == 0;
}

/* The table's name stands at its place among the keys; who asks has looked at it. */
static bool is_table(const struct canon *canon, uint32_t node)
{
    return canon->nodes[node].key_len == 1 && canon->nodes[node].key[0] == 't';
}

static bool members_fit(const struct canon *canon, uint32_t node, const struct relief_shape *shape, bool with_table,
                        const char **ret_field)
{
    uint32_t i = node + 1, end = canon->nodes[node].next;
    *ret_field = "t";
    if (canon->nodes[node].type != CANON_OBJECT)
        return false;
    for (uint32_t f = 0; f < shape->count; f++) {
        const struct relief_field *field = &shape->fields[shape->by_name[f]];
        if (field->hidden)
            continue;
        *ret_field = field->name;
        if (with_table && i < end && is_table(canon, i))
            i = canon->nodes[i].next;
        bool has = i < end && has_name(&canon->nodes[i], field);
        if (!has && field->since > 1)
            continue;
        if (!has || !value_fits(canon, i, field))
            return false;
        i = canon->nodes[i].next;
    }
    if (with_table && i < end && is_table(canon, i))
        i = canon->nodes[i].next;
    *ret_field = "unknown";
    return i == end;
}

const char *cli_record_form(const struct canon *canon, uint32_t node, const struct relief_table_info *table)
{
    const char *field = NULL;
    return members_fit(canon, node, table->shape, true, &field) ? NULL : field;
}

/* ---- older records ---- */

static bool has_younger(const struct relief_shape *shape)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->since > 1 || (field->sub && has_younger(field->sub)))
            return true;
    }
    return false;
}

static void add_key(struct relief_buf *buf, struct relief_str key, char *before)
{
    relief_buf_add_char(buf, *before);
    *before = ',';
    relief_buf_add_char(buf, '"');
    relief_buf_add_str(buf, key);
    relief_buf_add(buf, "\":", 2);
}

static void grow_value(struct relief_buf *buf, const struct canon *canon, uint32_t number,
                       const struct relief_field *field);

/* The member at `i`, which no field of today has if field is NULL. */
static uint32_t take_member(struct relief_buf *buf, const struct canon *canon, uint32_t i,
                            const struct relief_field *field, char *before)
{
    const struct canon_node *node = &canon->nodes[i];
    add_key(buf, (struct relief_str){node->key, node->key_len}, before);
    if (field)
        grow_value(buf, canon, i, field);
    else
        relief_buf_add_str(buf, canon_raw(canon, i));
    return node->next;
}

static void add_nulls(struct relief_buf *buf, const struct relief_shape *shape);

/* A part that is new as a whole has its fields, each null; all other kinds are null themselves. */
static void add_missing(struct relief_buf *buf, const struct relief_field *field)
{
    if (field->kind == RELIEF_F_OBJ)
        add_nulls(buf, field->sub);
    else
        relief_buf_add_text(buf, "null");
}

static void add_nulls(struct relief_buf *buf, const struct relief_shape *shape)
{
    char before = '{';
    for (uint32_t f = 0; f < shape->count; f++) {
        const struct relief_field *field = &shape->fields[shape->by_name[f]];
        if (field->hidden)
            continue;
        add_key(buf, (struct relief_str){field->name, field->name_len}, &before);
        add_missing(buf, field);
    }
    relief_buf_add_text(buf, before == '{' ? "{}" : "}");
}

/* Members and fields are both in the order of their names. What fits no field is kept, so that who proves it finds it.
 */
static void grow_members(struct relief_buf *buf, const struct canon *canon, uint32_t number,
                         const struct relief_shape *shape)
{
    uint32_t i = number + 1, end = canon->nodes[number].next;
    char before = '{';
    for (uint32_t f = 0; f < shape->count; f++) {
        const struct relief_field *field = &shape->fields[shape->by_name[f]];
        const struct relief_str name = {field->name, field->name_len};
        if (field->hidden)
            continue;
        while (i < end && relief_str_cmp((struct relief_str){canon->nodes[i].key, canon->nodes[i].key_len}, name) < 0)
            i = take_member(buf, canon, i, NULL, &before);
        if (i < end && has_name(&canon->nodes[i], field)) {
            i = take_member(buf, canon, i, field, &before);
        } else if (field->since > 1) {
            add_key(buf, name, &before);
            add_missing(buf, field);
        }
    }
    while (i < end)
        i = take_member(buf, canon, i, NULL, &before);
    relief_buf_add_text(buf, before == '{' ? "{}" : "}");
}

static void grow_value(struct relief_buf *buf, const struct canon *canon, uint32_t number,
                       const struct relief_field *field)
{
    const struct canon_node *node = &canon->nodes[number];
    if (field->kind == RELIEF_F_OBJ && node->type == CANON_OBJECT) {
        grow_members(buf, canon, number, field->sub);
    } else if (field->kind == RELIEF_F_OBJS && node->type == CANON_ARRAY) {
        char before = '[';
        for (uint32_t i = number + 1; i < node->next; i = canon->nodes[i].next, before = ',') {
            relief_buf_add_char(buf, before);
            if (canon->nodes[i].type == CANON_OBJECT)
                grow_members(buf, canon, i, field->sub);
            else
                relief_buf_add_str(buf, canon_raw(canon, i));
        }
        relief_buf_add_text(buf, before == '[' ? "[]" : "]");
    } else {
        relief_buf_add_str(buf, canon_raw(canon, number));
    }
}

void cli_record_grow(struct relief_buf *buf, const struct canon *canon, uint32_t node,
                     const struct relief_table_info *table)
{
    if (canon->nodes[node].type == CANON_OBJECT && has_younger(table->shape))
        grow_members(buf, canon, node, table->shape);
    else
        relief_buf_add_str(buf, canon_raw(canon, node));
}
