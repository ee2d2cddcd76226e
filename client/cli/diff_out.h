/* What relief diff says, in each form. */
#pragma once
#include <stdint.h>
#include "client/cli/canon.h"
#include "client/cli/reader.h"

struct diff_out {
    FILE *out;
    enum { DIFF_TEXT, DIFF_JSON, DIFF_CSV } form;
    bool summary; /* numbers for each table only */
    uint64_t differences;
    struct {
        uint64_t only_a, only_b, changed;
    } tables[RELIEF_TABLE_COUNT];
    struct relief_buf line, name;
};

enum diff_kind { DIFF_ONLY_A, DIFF_ONLY_B, DIFF_CHANGED };

void diff_start(struct diff_out *out);
/* a, b: the record on each side, read from its line; NULL where there is none. key: cli_record_key's. */
void diff_record(struct diff_out *out, struct relief_str key, const struct canon *a, const struct canon *b);
/* The same sequence, and another history: two daemons, or a past that was changed. */
void diff_fork(struct diff_out *out, const struct cli_reader *a, const struct cli_reader *b);
void diff_end(struct diff_out *out);
