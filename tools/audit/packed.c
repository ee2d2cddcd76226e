/*
 * Many bytes of MessagePack say the same, and the digest is made over the JSON lines; so a packed dump must also be the
 * bytes that are written, or somebody wrote it again. A record: its fields in their order, then `t`. First and last
 * map: keys in order of their bytes.
 */
#include "tools/audit/form.h"
#include "tools/audit/pack.h"

#define KEYS_MAX 64

static bool same_order(struct audit_text map, const struct audit_field *fields, bool record)
{
    struct audit_text names[KEYS_MAX], values[KEYS_MAX];
    long count = audit_pack_members(map, names, values, KEYS_MAX);
    long at = 0;
    for (; fields->name; fields++, at++) {
        struct audit_text items[1], rest;
        if (at >= count || !audit_text_eq(names[at], audit_text_of(fields->name)))
            return false;
        if (fields->kind == AUDIT_F_SPREAD && !same_order(values[at], fields->part, false))
            return false;
        if (fields->kind != AUDIT_F_PARTS)
            continue;
        for (bool more = audit_pack_array_open(values[at], &rest); more && rest.len > 0;) {
            more = audit_pack_item(&rest, &items[0]);
            if (!more || !same_order(items[0], fields->part, false))
                return false;
        }
    }
    return count == at + record;
}

bool audit_packed_form(const uint8_t *data, size_t len)
{
    struct audit_text names[KEYS_MAX], values[KEYS_MAX], map = {(const char *)data, len}, name;
    long count = audit_pack_members(map, names, values, KEYS_MAX);
    if (count <= 0 || !audit_pack_shortest(data, len))
        return false;
    if (!audit_text_eq(names[count - 1], AUDIT_TEXT("t"))) {
        for (long i = 1; i < count; i++)
            if (audit_text_cmp(names[i - 1], names[i]) >= 0)
                return false;
        return true;
    }
    if (!audit_pack_string(values[count - 1], &name))
        return false;
    for (unsigned table = 0; table < AUDIT_TABLES; table++)
        if (audit_text_eq(name, audit_text_of(audit_table_names[table])))
            return same_order(map, audit_forms[table], true);
    return false;
}
