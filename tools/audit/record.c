/*
 * The tables stand here again, as the fine print lists them: an auditor does not ask the program that it audits.
 */
#include "tools/audit/record.h"
#include <stdio.h>

const char *const audit_table_names[AUDIT_TABLES] = {
    "region",    "city",    "link",     "kind",    "floor", "lot",    "asset", "incident",
    "agreement", "request", "dispatch", "account", "op",    "travel", "wake",
};

static const char *const keys[AUDIT_TABLES][3] = {
    {"id"}, {"code"}, {"from", "to"}, {"code"}, {"city", "kind"}, {"city", "kind", "lot"}, {"id"},
    {"id"}, {"id"},   {"id"},         {"id"},   {"city", "kind"}, {"op", "identity"},      {"id"},
    {"id"},
};

/* REQUEST/N, so that 10 comes after 9. */
static bool add_dispatch(struct audit_record *record, char *id, size_t len)
{
    uint64_t number;
    char *slash = memrchr(id, '/', len);
    if (!slash || slash == id ||
        !audit_decimal_read((struct audit_text){slash + 1, len - (size_t)(slash + 1 - id)}, &number) || number == 0 ||
        number > UINT32_MAX)
        return false;
    record->key_len = (size_t)(slash - (char *)record->key);
    record->key[record->key_len++] = '\0';
    for (int shift = 24; shift >= 0; shift -= 8)
        record->key[record->key_len++] = (unsigned char)(number >> shift);
    return true;
}

static bool add_part(struct audit_record *record, struct audit_text value)
{
    char *at = (char *)record->key + record->key_len;
    size_t len, room = sizeof record->key - record->key_len;
    if (!audit_json_string(value, at, room, &len) || len == 0 || room - len < 8 || memchr(at, '\0', len))
        return false;
    if (record->table == AUDIT_DISPATCH)
        return add_dispatch(record, at, len);
    record->key_len += len + 1;
    return true;
}

bool audit_record_read(struct audit_text value, struct audit_record *ret)
{
    return audit_json_map(value, &ret->map) && audit_record_take(ret);
}

bool audit_record_take(struct audit_record *ret)
{
    struct audit_text name, gone;
    if (!audit_json_plain(audit_json_find(&ret->map, "t"), &name))
        return false;
    unsigned table = 0;
    while (table < AUDIT_TABLES && !audit_text_eq(name, audit_text_of(audit_table_names[table])))
        table++;
    if (table == AUDIT_TABLES)
        return false;
    ret->table = (enum audit_table)table;
    ret->key[0] = (unsigned char)table;
    ret->key_len = 1;
    for (unsigned i = 0; i < 3 && keys[table][i]; i++)
        if (!add_part(ret, audit_json_find(&ret->map, keys[table][i])))
            return false;
    gone = audit_json_find(&ret->map, "gone");
    ret->gone = audit_text_eq(gone, AUDIT_TEXT("true"));
    return true;
}

void audit_record_name(struct audit_text key, char *ret, size_t size)
{
    size_t out = 0;
    if (size == 0 || key.len == 0 || (unsigned char)key.data[0] >= AUDIT_TABLES)
        return;
    bool dispatch = (unsigned char)key.data[0] == AUDIT_DISPATCH && key.len > 6;
    size_t end = dispatch ? key.len - 5 : key.len - 1;
    out = (size_t)snprintf(ret, size, "%s ", audit_table_names[(unsigned char)key.data[0]]);
    for (size_t i = 1; i < end && out + 16 < size; i++)
        ret[out++] = (unsigned char)key.data[i] < ' ' ? ' ' : key.data[i];
    ret[out < size ? out : size - 1] = '\0';
    if (dispatch && out + 16 < size) {
        const unsigned char *n = (const unsigned char *)key.data + key.len - 4;
        snprintf(ret + out, size - out, "/%lu",
                 (unsigned long)n[0] << 24 | (unsigned long)n[1] << 16 | (unsigned long)n[2] << 8 | n[3]);
    }
}

struct audit_text audit_record_text(const struct audit_record *record, const char *field)
{
    struct audit_text text;
    return audit_json_plain(audit_json_find(&record->map, field), &text) ? text : (struct audit_text){"", 0};
}

int64_t audit_record_int(const struct audit_record *record, const char *field)
{
    int64_t value;
    return audit_json_int(audit_json_find(&record->map, field), &value) ? value : 0;
}
