/*
 * Keys of the ordered map (key.h). Strings hold no NUL (ids by their alphabet, identities by the decoder's check), so a
 * NUL ends them and keeps the order of the parts; numbers are big-endian for the same reason.
 */
#include "core/key.h"
#include <assert.h>
#include "schema/codec.h"

void core_key_start(struct core_key *key, unsigned space)
{
    key->data[0] = (uint8_t)space;
    key->len = 1;
}

void core_key_str(struct core_key *key, struct relief_str part)
{
    assert(key->len + part.len + 1 <= CORE_KEY_BYTES_MAX);
    if (part.len)
        memcpy(key->data + key->len, part.data, part.len);
    key->len += part.len;
    key->data[key->len++] = 0;
}

void core_key_u8(struct core_key *key, uint8_t part)
{
    assert(key->len + 1 <= CORE_KEY_BYTES_MAX);
    key->data[key->len++] = part;
}

static void put_big_endian(struct core_key *key, uint64_t part, unsigned bytes)
{
    assert(key->len + bytes <= CORE_KEY_BYTES_MAX);
    for (unsigned i = 0; i < bytes; i++)
        key->data[key->len + i] = (uint8_t)(part >> (8 * (bytes - 1 - i)));
    key->len += bytes;
}

void core_key_u32(struct core_key *key, uint32_t part)
{
    put_big_endian(key, part, 4);
}
void core_key_u64(struct core_key *key, uint64_t part)
{
    put_big_endian(key, part, 8);
}

void core_key_table(struct core_key *key, enum relief_table table)
{
    core_key_start(key, CORE_KEY_RECORD + table);
}

void core_key_record(struct core_key *key, enum relief_table table, const void *record)
{
    const struct relief_table_info *info = &relief_tables[table];
    core_key_table(key, table);
    if (table == RELIEF_TABLE_dispatch) {
        struct relief_str request;
        uint32_t n;
        relief_dispatch_id_split(((const struct relief_dispatch *)record)->id, &request, &n);
        core_key_str(key, request);
        core_key_u32(key, n);
        return;
    }
    for (unsigned i = 0; i < info->key_fields; i++)
        core_key_str(key, *relief_field_str(&info->shape->fields[i], record));
}

struct relief_str core_key_take_str(struct relief_str key, uint32_t *at)
{
    const char *from = key.data + *at;
    const char *end = memchr(from, 0, key.len - *at);
    assert(end);
    *at += (uint32_t)(end - from) + 1;
    return (struct relief_str){from, (uint32_t)(end - from)};
}

uint64_t core_key_take_u64(struct relief_str key, uint32_t *at)
{
    uint64_t value = 0;
    assert(*at + 8 <= key.len);
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | (uint8_t)key.data[*at + i];
    *at += 8;
    return value;
}
