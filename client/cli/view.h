/*
 * How results look: one view a format, each with the same slots. A list arrives in pages; a record alone.
 */
#pragma once
#include <msgpack.h>
#include <stdio.h>
#include "relief/relief.h"
#include "schema/buf.h"

#define CLI_COLUMNS_MAX 64

/* A column: a field, or a field of an embedded object (then named object.field). */
struct cli_column {
    const struct relief_field *field, *part;
    char name[64];
};

struct cli_list {
    FILE *out;
    const struct relief_shape *shape;
    struct cli_column columns[CLI_COLUMNS_MAX];
    unsigned column_count;
    bool chosen;                      /* by the command: none is left out */
    unsigned widths[CLI_COLUMNS_MAX]; /* text: of the first page; a later page may be ragged, not wrong */
    bool started;
    uint64_t rows;
};

struct cli_page {
    const struct relief_list *items;
    const msgpack_object *raw; /* the same items as they came; NULL: made here */
};

struct cli_view {
    const char *name;
    /* raw: the answer as it came, with what the shape does not know; may be NULL. */
    void (*record)(FILE *out, const struct relief_shape *shape, const void *record, const msgpack_object *raw);
    void (*page)(struct cli_list *list, const struct cli_page *page);
    void (*end)(struct cli_list *list);
};
extern const struct cli_view cli_view_text, cli_view_json, cli_view_csv;
extern const struct cli_view *const cli_views[3];

/* names: NULL-terminated choice of columns, or NULL for all. */
void cli_list_init(struct cli_list *list, FILE *out, const struct relief_shape *shape, const char *const *names);
/* All columns of a shape, embedded objects spread out. Returns how many. */
unsigned cli_columns(const struct relief_shape *shape, struct cli_column *ret, unsigned max);
/* Appends the value of a column as text; nothing when it is absent. */
void cli_cell(struct relief_buf *buf, const struct cli_column *column, const void *record, bool utc);
/* CSV: a quoted cell where need be. */
void cli_csv_cell(FILE *out, struct relief_str text);
void cli_csv_header(FILE *out, const struct cli_column *columns, unsigned count);
void cli_csv_row(FILE *out, const struct cli_column *columns, unsigned count, const void *record);

/* ---- width.c ---- */
/* Columns of a terminal that the text takes. */
unsigned cli_width(struct relief_str text);
/* The text with what could disturb a terminal replaced, padded with spaces to width. */
void cli_print_padded(FILE *out, struct relief_str text, unsigned width, bool right);
