/*
 * Whether a record of a dump has the fields of its table, all of them and no others, each of its kind. A field that came with a
 * later generation of the schema (schema/shape.h) may be missing: the dump or log may be older.
 */
#pragma once
#include "client/cli/canon.h"
#include "schema/tables.h"

/* NULL: it has; else the field that is wrong, missing or unknown. `node` is an object with `t`. */
const char *cli_record_form(const struct canon *canon, uint32_t node, const struct relief_table_info *table);
/* Appends the record as a dump of today has it: younger fields that are missing stand there as null, the rest as it is. */
void cli_record_grow(struct relief_buf *buf, const struct canon *canon, uint32_t node,
                     const struct relief_table_info *table);
