/*
 * A reader of CSV (RFC 4180): quoted cells with commas, quotes and line breaks, a byte order mark, CRLF or LF. Every
 * cell knows its line. A row at a time from memory; a malformed row ends the reading with the place where it went
 * wrong.
 */
#pragma once
#include "schema/buf.h"

#define CLI_CSV_COLUMNS_MAX    256u
#define CLI_CSV_CELL_BYTES_MAX 65536u /* a list of a thousand ids */

struct cli_csv_cell {
    struct relief_str text;
    uint32_t line;
    size_t at; /* in scratch while the row is read */
};

struct cli_csv {
    struct relief_str input;
    size_t pos;
    uint32_t line;     /* where the next row begins, from 1 */
    uint32_t row_line; /* where the row just read began */
    struct cli_csv_cell cells[CLI_CSV_COLUMNS_MAX];
    unsigned count;
    struct relief_buf scratch; /* the cells' text; valid until the next row */
    char error[96];
    uint32_t error_line;
    unsigned error_column;
};

void cli_csv_open(struct cli_csv *csv, const char *data, size_t len);
void cli_csv_close(struct cli_csv *csv);
/* 1 and a row; 0 at the end; -1 with error, error_line, error_column. Empty lines are skipped. */
int cli_csv_next(struct cli_csv *csv);
