/* Where a record of a dump stands: the order of dumps as bytes that memcmp compares. */
#pragma once
#include <jansson.h>
#include "schema/buf.h"

/*
 * Appends table number and key parts of the record (an object with `t`, or of the table given). False: no table, or a
 * key field is missing. ret_table may be NULL.
 */
bool cli_record_key(struct relief_buf *key, const json_t *record, int *ret_table);
/* The key for people: `lot 420100 01020304 1`. */
void cli_record_name(struct relief_buf *name, const json_t *record);
