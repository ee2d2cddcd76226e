/*
 * Keys of records from their JSON: the table's number, then its key fields, each ended by NUL; a dispatch's N as four
 * bytes, so that REQUEST/10 comes after REQUEST/9 (fine print 62).
 */
#include "client/cli/record_key.h"
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

bool cli_record_key(struct relief_buf *key, const struct canon *canon, uint32_t node, int *ret_table)
{
    struct relief_str name = canon_word(canon, node, "t");
    int number = name.data ? relief_table_find(name) : -1;
    if (number < 0)
        return false;
    const struct relief_table_info *table = &relief_tables[number];
    relief_buf_add_char(key, (char)number);
    for (unsigned i = 0; i < table->key_fields; i++) {
        struct relief_buf scratch = RELIEF_BUF_INIT;
        uint32_t member = canon_get(canon, node, table->shape->fields[i].name);
        struct relief_str part = member ? canon_str(canon, member, &scratch) : RELIEF_STR_NONE;
        if (part.data)
            add_part(key, &table->shape->fields[i], part);
        relief_buf_deinit(&scratch);
        if (!part.data)
            return false;
    }
    if (ret_table)
        *ret_table = number;
    return !key->failed;
}

void cli_record_name(struct relief_buf *name, struct relief_str key)
{
    const struct relief_table_info *table = &relief_tables[(unsigned char)key.data[0]];
    const char *at = key.data + 1, *end = key.data + key.len;
    relief_buf_add_text(name, table->name);
    for (unsigned i = 0; i < table->key_fields && at < end; i++) {
        size_t len = strnlen(at, (size_t)(end - at));
        relief_buf_add_char(name, ' ');
        relief_buf_add(name, at, len);
        at += len + 1;
    }
    if (relief_tables[(unsigned char)key.data[0]].shape->fields[0].kind == RELIEF_F_DID && end - at == 4) {
        const unsigned char *n = (const unsigned char *)at;
        relief_buf_printf(name, "/%u", (unsigned)n[0] << 24 | (unsigned)n[1] << 16 | (unsigned)n[2] << 8 | n[3]);
    }
    relief_buf_add_char(name, '\0');
}
