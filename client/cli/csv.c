/*
 * The CSV reader: one pass over memory, a small machine per cell. Own, because errors have to name line and column, and
 * limits have to hold.
 */
#include <stdio.h>
#include <string.h>
#include "client/cli/csv.h"

void cli_csv_open(struct cli_csv *csv, const char *data, size_t len)
{
    memset(csv, 0, sizeof *csv);
    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        data += 3, len -= 3;
    /* A relief_str holds 4 GiB; cmd_import takes files of 1 GiB at most. */
    csv->input = (struct relief_str){data, (uint32_t)len};
    csv->line = 1;
}

void cli_csv_close(struct cli_csv *csv)
{
    relief_buf_deinit(&csv->scratch);
}

static int wrong(struct cli_csv *csv, const char *what)
{
    snprintf(csv->error, sizeof csv->error, "%s", what);
    csv->error_line = csv->line;
    csv->error_column = csv->count + 1;
    return -1;
}

static int peek(const struct cli_csv *csv)
{
    return csv->pos < csv->input.len ? (unsigned char)csv->input.data[csv->pos] : -1;
}

/* True at a line's end, which is then behind us. */
static bool take_line_end(struct cli_csv *csv)
{
    int c = peek(csv);
    if (c == '\r' && csv->pos + 1 < csv->input.len && csv->input.data[csv->pos + 1] == '\n')
        csv->pos++, c = '\n';
    if (c != '\n')
        return false;
    csv->pos++;
    csv->line++;
    return true;
}

static int read_quoted(struct cli_csv *csv, size_t start)
{
    csv->pos++;
    for (;;) {
        int c = peek(csv);
        if (c < 0)
            return wrong(csv, "a quoted cell that does not end");
        if (csv->scratch.len - start > CLI_CSV_CELL_BYTES_MAX)
            return wrong(csv, "a cell of more than 64 KiB");
        csv->pos++;
        if (c == '"') {
            if (peek(csv) != '"')
                break;
            csv->pos++;
        }
        csv->line += c == '\n';
        relief_buf_add_char(&csv->scratch, (char)c);
    }
    int c = peek(csv);
    if (c >= 0 && c != ',' && c != '\n' && c != '\r')
        return wrong(csv, "text behind a closing quote");
    return 0;
}

static int read_plain(struct cli_csv *csv, size_t start)
{
    for (int c = peek(csv); c >= 0 && c != ',' && c != '\n'; c = peek(csv)) {
        if (c == '\r' && (csv->pos + 1 == csv->input.len || csv->input.data[csv->pos + 1] == '\n'))
            break;
        if (c == '"')
            return wrong(csv, "a quote in a cell that is not quoted");
        if (csv->scratch.len - start > CLI_CSV_CELL_BYTES_MAX)
            return wrong(csv, "a cell of more than 64 KiB");
        relief_buf_add_char(&csv->scratch, (char)c);
        csv->pos++;
    }
    return 0;
}

static int read_cell(struct cli_csv *csv)
{
    if (csv->count == CLI_CSV_COLUMNS_MAX)
        return wrong(csv, "more than 256 columns");
    struct cli_csv_cell *cell = &csv->cells[csv->count];
    cell->line = csv->line;
    cell->at = csv->scratch.len;
    if ((peek(csv) == '"' ? read_quoted(csv, cell->at) : read_plain(csv, cell->at)) != 0)
        return -1;
    cell->text.len = (uint32_t)(csv->scratch.len - cell->at);
    if (cell->text.len && memchr(csv->scratch.data + cell->at, '\0', cell->text.len))
        return wrong(csv, "a NUL byte");
    csv->count++;
    return 0;
}

int cli_csv_next(struct cli_csv *csv)
{
    while (csv->pos < csv->input.len && take_line_end(csv))
        continue;
    if (csv->pos >= csv->input.len)
        return 0;
    csv->count = 0;
    csv->row_line = csv->line;
    relief_buf_clear(&csv->scratch);
    for (;;) {
        if (read_cell(csv) != 0)
            return -1;
        if (peek(csv) == ',') {
            csv->pos++;
            continue;
        }
        if (peek(csv) == '\r' && csv->pos + 1 == csv->input.len)
            csv->pos++; /* a last line that was cut between CR and LF */
        take_line_end(csv);
        break;
    }
    if (!relief_buf_reserve(&csv->scratch, 1)) /* so that an empty row has an address too */
        return wrong(csv, "no memory");
    for (unsigned i = 0; i < csv->count; i++)
        csv->cells[i].text.data = csv->scratch.data + csv->cells[i].at;
    return 1;
}
