/*
 * The fields of the records of each table: what a record must hold, the order of keys in MessagePack, and CSV.
 */
#pragma once
#include "tools/audit/record.h"

enum audit_field_kind {
    AUDIT_F_TEXT, /* ids and words of enums too */
    AUDIT_F_INT,
    AUDIT_F_BOOL,
    AUDIT_F_TIME,
    AUDIT_F_LIST,        /* of ids; may be absent */
    AUDIT_F_LIST_ALWAYS, /* of ids */
    AUDIT_F_PARTS,       /* a list of maps */
    AUDIT_F_SPREAD,      /* a map; in CSV each of its fields is a column */
};
struct audit_field {
    const char *name; /* NULL ends a list */
    enum audit_field_kind kind;
    const struct audit_field *part;
    const char *const *words; /* of an enum, NULL behind the last */
    bool needed;              /* never null */
};
extern const struct audit_field *const audit_forms[AUDIT_TABLES];

/* Whether these are the very bytes that a dump has for this map: shortest heads, keys in the order of the fields. */
bool audit_packed_form(const uint8_t *data, size_t len);
/* NULL, or the first field that is missing or is not as its row says; "unknown" when there are more than the rows. */
const char *audit_form_fault(const struct audit_record *record);
