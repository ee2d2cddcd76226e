/*
 * A value of a record as one piece of text: for a cell of a table, in text and in CSV. Lists are joined with `|` and
 * parts with
 * `:`, the forms that import and flags read.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/view.h"
#include "schema/codec.h"

unsigned cli_columns(const struct relief_shape *shape, struct cli_column *ret, unsigned max)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->hidden)
            continue;
        uint32_t parts = field->kind == RELIEF_F_OBJ ? field->sub->count : 1;
        for (uint32_t p = 0; p < parts && count < max; p++, count++) {
            const struct relief_field *part = field->kind == RELIEF_F_OBJ ? &field->sub->fields[p] : NULL;
            ret[count].field = field;
            ret[count].part = part;
            snprintf(ret[count].name, sizeof ret[count].name, "%s%s%s", field->name, part ? "." : "",
                     part ? part->name : "");
        }
    }
    return count;
}

void cli_list_init(struct cli_list *list, FILE *out, const struct relief_shape *shape, const char *const *names)
{
    *list = (struct cli_list){.out = out, .shape = shape, .chosen = names != NULL};
    if (!names) {
        list->column_count = cli_columns(shape, list->columns, CLI_COLUMNS_MAX);
        return;
    }
    for (; *names; names++) {
        const struct relief_field *field = relief_shape_find(shape, relief_str_of(*names));
        if (!field || list->column_count == CLI_COLUMNS_MAX)
            continue;
        struct cli_column *column = &list->columns[list->column_count++];
        column->field = field;
        snprintf(column->name, sizeof column->name, "%s", field->name);
    }
}

static void add_value(struct relief_buf *buf, const struct relief_field *field, const void *record, bool utc);

/* Text in a list: `|` would end it, so a backslash stands before it, and before a backslash. */
static void add_escaped(struct relief_buf *buf, struct relief_str text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '|' || text.data[i] == '\\')
            relief_buf_add_char(buf, '\\');
        relief_buf_add_char(buf, text.data[i]);
    }
}

static void add_list(struct relief_buf *buf, const struct relief_field *field, const struct relief_list *list, bool utc)
{
    if (list->present && list->count == 0 && !field->required)
        relief_buf_add_text(buf, "[]"); /* an empty cell is "not given", which means something else */
    for (uint32_t i = 0; i < list->count; i++) {
        if (i)
            relief_buf_add_char(buf, '|');
        if (field->kind == RELIEF_F_IDS) {
            relief_buf_add_str(buf, ((const struct relief_str *)list->items)[i]);
            continue;
        }
        const char *part = (const char *)list->items + (size_t)i * field->sub->size;
        for (uint32_t f = 0; f < field->sub->count; f++) {
            const struct relief_field *of = &field->sub->fields[f];
            if (f)
                relief_buf_add_char(buf, ':');
            if (of->kind == RELIEF_F_TEXT)
                add_escaped(buf, *relief_field_str(of, part));
            else
                add_value(buf, of, part, utc);
        }
    }
}

static void add_raw(struct relief_buf *buf, struct relief_str raw)
{
    msgpack_unpacked value;
    size_t used = 0;
    msgpack_unpacked_init(&value);
    if (raw.data && msgpack_unpack_next(&value, raw.data, raw.len, &used) == MSGPACK_UNPACK_SUCCESS)
        relief_json_msgpack(buf, &value.data);
    msgpack_unpacked_destroy(&value);
}

static void add_number(struct relief_buf *buf, const struct relief_field *field, int64_t value, bool utc)
{
    char time[40];
    if (value == RELIEF_NIL)
        return;
    switch (field->kind) {
    case RELIEF_F_BOOL:
        relief_buf_add_text(buf, value ? "true" : "false");
        break;
    case RELIEF_F_TIME:
        cli_time_text(time, value, utc);
        relief_buf_add_text(buf, time);
        break;
    case RELIEF_F_ENUM:
        if (value >= 0 && value < (int64_t)field->names->count)
            relief_buf_add_text(buf, field->names->names[value]);
        break;
    default:
        relief_buf_add_i64(buf, value);
    }
}

static void add_value(struct relief_buf *buf, const struct relief_field *field, const void *record, bool utc)
{
    switch (field->kind) {
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
        relief_buf_add_str(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_BYTES:
        relief_base64(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_RAW:
        add_raw(buf, *relief_field_str(field, record));
        break;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        add_list(buf, field, relief_field_list(field, record), utc);
        break;
    case RELIEF_F_OBJ:
        break; /* spread out by cli_columns */
    default:
        add_number(buf, field, *relief_field_i64(field, record), utc);
    }
}

void cli_cell(struct relief_buf *buf, const struct cli_column *column, const void *record, bool utc)
{
    if (column->part)
        add_value(buf, column->part, (const char *)record + column->field->offset, utc);
    else
        add_value(buf, column->field, record, utc);
}
