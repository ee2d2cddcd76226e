/* Where a record of a dump stands: the order of dumps as bytes that memcmp compares. */
#pragma once
#include "client/cli/canon.h"

/*
 * Appends table number and key parts of the record at a node (an object with `t`). False: no table, or a key field is
 * missing. ret_table may be NULL.
 */
bool cli_record_key(struct relief_buf *key, const struct canon *canon, uint32_t node, int *ret_table);
/* The same for people: `lot 420100 01020304 1`, NUL-ended. Of any key that cli_record_key made. */
void cli_record_name(struct relief_buf *name, struct relief_str key);
