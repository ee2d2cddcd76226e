/*
 * Inside of schema/: what is allowed in parameters, shared by those from the wire (decode.c) and those filled in by
 * hand.
 */
#pragma once
#include "schema/codec.h"

/* Where in the parameters: a chain on the stack from the innermost outwards, rendered only when something is refused.
 */
struct check_path {
    const struct check_path *up;
    struct relief_str name; /* absent: an element of a list, by its index */
    uint32_t index;
};

enum check_text { CHECK_SCANNED, CHECK_UTF8 }; /* whether the scanner has looked at the text already */

/* A refusal with code and the path as field: substitutes.0.give. Returns code. */
int check_refuse(struct relief_refusal *refusal, const struct check_path *path, enum relief_error code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* BAD_PARAMS that names the words that would do. */
int check_refuse_enum(struct relief_refusal *refusal, const struct check_path *path, const struct relief_enum *names);
/* Fills in defaults; refuses what is missing, out of range or no id. 0 or a positive relief_error. */
int check_record(const struct relief_shape *shape, void *record, const struct check_path *path, enum check_text text,
                 struct relief_refusal *refusal);
