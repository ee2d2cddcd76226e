/* Whether a record of a dump has the fields of its table, all of them and no others, each of its kind. */
#pragma once
#include "client/cli/canon.h"
#include "schema/tables.h"

/* NULL: it has; else the field that is wrong, missing or unknown. `node` is an object with `t`. */
const char *cli_record_form(const struct canon *canon, uint32_t node, const struct relief_table_info *table);
