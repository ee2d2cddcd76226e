/*
 * Text for people: a table with its columns aligned, numbers to the right; a single record as one line a field, its
 * parts as tables below. Columns in which no row of a page has anything are left out; when a later page has something
 * in one of them, a new table begins, so that nothing is hidden.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/view.h"
#include "client/client.h"

static bool to_the_right(const struct cli_column *column)
{
    return (column->part ? column->part : column->field)->kind == RELIEF_F_INT;
}

static const void *item(const struct cli_list *list, const struct relief_list *items, uint32_t i)
{
    return (const char *)items->items + (size_t)i * list->shape->size;
}

/* Widths from the names and the first page; empty columns go. */
static void lay_out(struct cli_list *list, const struct relief_list *items)
{
    struct relief_buf cell = RELIEF_BUF_INIT;
    unsigned kept = 0;
    for (unsigned c = 0; c < list->column_count; c++) {
        unsigned width = cli_width(relief_str_of(list->columns[c].name));
        bool any = false;
        for (uint32_t i = 0; i < items->count; i++) {
            relief_buf_clear(&cell);
            cli_cell(&cell, &list->columns[c], item(list, items, i), false);
            unsigned own = cli_width((struct relief_str){cell.data, (uint32_t)cell.len});
            any |= cell.len > 0;
            width = own > width ? own : width;
        }
        /* The times of a dispatch are shown with the single record. */
        if (!list->chosen && (!any || list->columns[c].part))
            continue;
        list->columns[kept] = list->columns[c];
        list->widths[kept++] = width;
    }
    list->column_count = kept;
    relief_buf_deinit(&cell);
}

static void print_row(struct cli_list *list, const void *record)
{
    struct relief_buf cell = RELIEF_BUF_INIT;
    for (unsigned c = 0; c < list->column_count; c++) {
        bool last = c + 1 == list->column_count, right = to_the_right(&list->columns[c]);
        relief_buf_clear(&cell);
        if (record)
            cli_cell(&cell, &list->columns[c], record, false);
        else
            relief_buf_add_text(&cell, list->columns[c].name);
        cli_print_padded(list->out, (struct relief_str){cell.data, (uint32_t)cell.len},
                         last && !right ? 0 : list->widths[c], right);
        fputs(last ? "\n" : "  ", list->out);
    }
    relief_buf_deinit(&cell);
}

static bool is_shown(const struct cli_list *list, const struct cli_column *column)
{
    for (unsigned c = 0; c < list->column_count; c++) {
        if (list->columns[c].field == column->field && list->columns[c].part == column->part)
            return true;
    }
    return false;
}

/* A row has something where its table has no column. */
static bool is_wider(const struct cli_list *list, const struct relief_list *items)
{
    struct cli_column all[CLI_COLUMNS_MAX];
    unsigned count = cli_columns(list->shape, all, CLI_COLUMNS_MAX);
    struct relief_buf cell = RELIEF_BUF_INIT;
    for (unsigned c = 0; c < count && cell.len == 0; c++) {
        if (all[c].part || is_shown(list, &all[c]))
            continue;
        for (uint32_t i = 0; i < items->count && cell.len == 0; i++)
            cli_cell(&cell, &all[c], item(list, items, i), false);
    }
    bool wider = cell.len > 0;
    relief_buf_deinit(&cell);
    return wider;
}

static void text_page(struct cli_list *list, const struct cli_page *page)
{
    if (page->items->count == 0)
        return;
    if (list->started && !list->chosen && is_wider(list, page->items)) {
        list->column_count = cli_columns(list->shape, list->columns, CLI_COLUMNS_MAX);
        list->started = false;
        fputc('\n', list->out);
    }
    if (!list->started) {
        lay_out(list, page->items);
        print_row(list, NULL);
        list->started = true;
    }
    for (uint32_t i = 0; i < page->items->count; i++)
        print_row(list, item(list, page->items, i));
    list->rows += page->items->count;
}

/* No rows are a table with its header alone. */
static void text_end(struct cli_list *list)
{
    if (list->started)
        return;
    list->chosen = true;
    lay_out(list, &(struct relief_list){NULL, 0, 1});
    print_row(list, NULL);
}

static void print_field(FILE *out, const char *name, unsigned width, struct relief_str value)
{
    cli_print_padded(out, relief_str_of(name), width + 2, false);
    cli_print_padded(out, value, 0, false);
    fputc('\n', out);
}

static void text_record(FILE *out, const struct relief_shape *shape, const void *record, const msgpack_object *raw)
{
    struct cli_column columns[CLI_COLUMNS_MAX];
    unsigned count = cli_columns(shape, columns, CLI_COLUMNS_MAX), width = 0;
    struct relief_buf cell = RELIEF_BUF_INIT;
    for (unsigned c = 0; c < count; c++)
        width = strlen(columns[c].name) > width ? (unsigned)strlen(columns[c].name) : width;
    for (unsigned c = 0; c < count; c++) {
        relief_buf_clear(&cell);
        if (columns[c].field->kind != RELIEF_F_OBJS)
            cli_cell(&cell, &columns[c], record, false);
        if (cell.len > 0)
            print_field(out, columns[c].name, width, (struct relief_str){cell.data, (uint32_t)cell.len});
    }
    if (count == 0)
        fputs("done\n", out);
    /* The log entry of a change stands beside the record. */
    const msgpack_object *seq = client_map_find(raw, "seq");
    if (seq && seq->type == MSGPACK_OBJECT_POSITIVE_INTEGER && !relief_shape_find(shape, RELIEF_STR("seq"))) {
        relief_buf_clear(&cell);
        relief_buf_add_i64(&cell, seq->via.i64);
        print_field(out, "seq", width, (struct relief_str){cell.data, (uint32_t)cell.len});
    }
    for (uint32_t f = 0; f < shape->count; f++) {
        const struct relief_field *field = &shape->fields[f];
        const struct relief_list *parts = relief_field_list(field, record);
        struct cli_list list;
        if (field->kind != RELIEF_F_OBJS || parts->count == 0)
            continue;
        fprintf(out, "\n%s:\n", field->name);
        cli_list_init(&list, out, field->sub, NULL);
        text_page(&list, &(struct cli_page){parts, NULL});
    }
    relief_buf_deinit(&cell);
}

const struct cli_view cli_view_text = {"text", text_record, text_page, text_end};
