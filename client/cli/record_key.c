/*
 * Keys of records from their JSON: the table's number, then its key fields, each ended by NUL; a dispatch's N as four
 * bytes, so that REQUEST/10 comes after REQUEST/9 (fine print 62).
 */
#include "client/cli/record_key.h"
#include "client/cli/json_in.h"
#include "schema/codec.h"

static void add_part(struct relief_buf *key, const struct relief_field *field, struct relief_str text)
{
    struct relief_str request = text;
    uint32_t n = 0;
    bool leg = field->kind == RELIEF_F_DID && relief_dispatch_id_ok(text);
    if (leg)
        relief_dispatch_id_split(text, &request, &n);
    relief_buf_add_str(key, request);
    relief_buf_add_char(key, '\0');
    for (int shift = 24; leg && shift >= 0; shift -= 8)
        relief_buf_add_char(key, (char)(n >> shift & 0xff));
}

bool cli_record_key(struct relief_buf *key, const json_t *record, int *ret_table)
{
    struct relief_str name = cli_json_str(record, "t");
    int number = name.data ? relief_table_find(name) : -1;
    if (number < 0)
        return false;
    const struct relief_table_info *table = &relief_tables[number];
    relief_buf_add_char(key, (char)number);
    for (unsigned i = 0; i < table->key_fields; i++) {
        struct relief_str part = cli_json_str(record, table->shape->fields[i].name);
        if (!part.data)
            return false;
        add_part(key, &table->shape->fields[i], part);
    }
    if (ret_table)
        *ret_table = number;
    return !key->failed;
}

void cli_record_name(struct relief_buf *name, const json_t *record)
{
    struct relief_str table = cli_json_str(record, "t");
    int number = table.data ? relief_table_find(table) : -1;
    relief_buf_add_str(name, table);
    for (unsigned i = 0; number >= 0 && i < relief_tables[number].key_fields; i++) {
        relief_buf_add_char(name, ' ');
        relief_buf_add_str(name, cli_json_str(record, relief_tables[number].shape->fields[i].name));
    }
    relief_buf_add_char(name, '\0');
}
