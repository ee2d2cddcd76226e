/*
 * Records as dumps and outcomes hold them: which table, which key, in which order (fine print 62).
 */
#pragma once
#include "tools/audit/json.h"

enum audit_table {
    AUDIT_REGION,
    AUDIT_CITY,
    AUDIT_LINK,
    AUDIT_KIND,
    AUDIT_FLOOR,
    AUDIT_LOT,
    AUDIT_ASSET,
    AUDIT_INCIDENT,
    AUDIT_AGREEMENT,
    AUDIT_REQUEST,
    AUDIT_DISPATCH,
    AUDIT_ACCOUNT,
    AUDIT_OP,
    AUDIT_TRAVEL,
    AUDIT_WAKE,
    AUDIT_TABLES,
};

#define AUDIT_RECORD_KEY_MAX 512 /* three ids, or an id and an identity of 255 bytes */

struct audit_record {
    enum audit_table table;
    bool gone;
    struct audit_json_map map;
    /* The table, then the key's parts, each with NUL behind it; a dispatch's number as four bytes. */
    unsigned char key[AUDIT_RECORD_KEY_MAX];
    size_t key_len;
};

extern const char *const audit_table_names[AUDIT_TABLES];
/* `value` has passed the check of json.h. */
bool audit_record_read(struct audit_text value, struct audit_record *ret);
/* The same when ret->map is filled already. */
bool audit_record_take(struct audit_record *ret);
static inline struct audit_text audit_record_key(const struct audit_record *record)
{
    return (struct audit_text){(const char *)record->key, record->key_len};
}
/* A key as people write it: table and parts. */
void audit_record_name(struct audit_text key, char *ret, size_t size);
/* The text of a field, without escapes; empty when there is none. */
struct audit_text audit_record_text(const struct audit_record *record, const char *field);
/* The number of a field; 0 when there is none. */
int64_t audit_record_int(const struct audit_record *record, const char *field);
