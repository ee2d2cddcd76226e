/* A CSV file as calls of one method: what its columns mean, and each row as parameters. */
#pragma once
#include "client/cli/cli.h"
#include "client/cli/csv.h"
#include "client/cli/map.h"

struct import_table {
    const char *name, *plural;
    enum relief_method method;
    int table; /* whose key fields name a row; -1: rows have no id of their own */
};

struct import {
    const char *file;  /* for messages */
    const char *batch; /* of ops */
    const struct import_table *table;
    const struct relief_method_info *method;
    char *data;
    size_t len;
    struct cli_csv csv;
    const struct relief_field *fields[CLI_CSV_COLUMNS_MAX]; /* of each column; NULL: ignored */
    unsigned columns;
    struct cli_words maps;
    struct {
        const struct relief_field *field;
        const char *value;
    } fixed[CLI_FIELDS_MAX];
    unsigned fixed_count;
    struct relief_arena arena; /* of one row */
    void *record;
    struct cli_map seen; /* keys, or rows by content: n[0] is the first line, n[1] how often */
    int64_t now_ms;
    uint64_t rows, bad;
};

const struct import_table *import_table_find(const char *name);
void import_table_list(FILE *out);
/* Reads the header and resolves columns. 0 or CLI_USAGE. */
int import_begin(struct import *import);
/* Goes back to the first row, with nothing seen. */
int import_rewind(struct import *import);
/* The next row into import->record, checked. 1 a good row, 0 the end, -1 a bad one (named; the next may be read, unless
 * *ret_stop). */
int import_next(struct import *import, bool *ret_stop);
void import_deinit(struct import *import);
