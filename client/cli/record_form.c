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
        if (i >= end || canon->nodes[i].key_len != field->name_len ||
            memcmp(canon->nodes[i].key, field->name, field->name_len) != 0 || !value_fits(canon, i, field))
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
