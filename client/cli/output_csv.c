/*
 * CSV as RFC 4180 has it, but with line feeds alone at the ends of lines, as every Unix tool wants them: a header, then
 * one row a record; times in UTC; a list in one cell, joined with `|`.
 */
#include <string.h>
#include "client/cli/view.h"

void cli_csv_cell(FILE *out, struct relief_str text)
{
    bool quote = text.len > 0 && (text.data[0] == ' ' || text.data[text.len - 1] == ' ');
    for (uint32_t i = 0; i < text.len && !quote; i++)
        quote = strchr(",\"\r\n", text.data[i]) && text.data[i];
    if (!quote) {
        if (text.len)
            fwrite(text.data, 1, text.len, out);
        return;
    }
    fputc('"', out);
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            fputc('"', out);
        fputc(text.data[i], out);
    }
    fputc('"', out);
}

void cli_csv_header(FILE *out, const struct cli_column *columns, unsigned count)
{
    for (unsigned c = 0; c < count; c++)
        fprintf(out, "%s%s", columns[c].name, c + 1 == count ? "\n" : ",");
}

void cli_csv_row(FILE *out, const struct cli_column *columns, unsigned count, const void *record)
{
    struct relief_buf cell = RELIEF_BUF_INIT;
    for (unsigned c = 0; c < count; c++) {
        relief_buf_clear(&cell);
        cli_cell(&cell, &columns[c], record, true);
        cli_csv_cell(out, (struct relief_str){cell.data, (uint32_t)cell.len});
        fputc(c + 1 == count ? '\n' : ',', out);
    }
    relief_buf_deinit(&cell);
}

static void begin(struct cli_list *list)
{
    if (!list->started)
        cli_csv_header(list->out, list->columns, list->column_count);
    list->started = true;
}

static void csv_page(struct cli_list *list, const struct cli_page *page)
{
    begin(list);
    for (uint32_t i = 0; i < page->items->count; i++)
        cli_csv_row(list->out, list->columns, list->column_count,
                    (const char *)page->items->items + (size_t)i * list->shape->size);
    list->rows += page->items->count;
}

static void csv_record(FILE *out, const struct relief_shape *shape, const void *record, const msgpack_object *raw)
{
    struct cli_column columns[CLI_COLUMNS_MAX];
    unsigned count = cli_columns(shape, columns, CLI_COLUMNS_MAX);
    (void)raw;
    cli_csv_header(out, columns, count);
    cli_csv_row(out, columns, count, record);
}

const struct cli_view cli_view_csv = {"csv", csv_record, csv_page, begin};
const struct cli_view *const cli_views[3] = {&cli_view_text, &cli_view_json, &cli_view_csv};
