/*
 * The readers of relief-audit on bytes as anybody may hand them in: JSON and its pieces, notes, proofs, requests to a
 * witness, MessagePack. The first byte says which. What passes a check has the one form: its pieces, put together
 * again, are the same bytes, and a note that was read is read again the same.
 */
#include <assert.h>
#include <stdlib.h>
#include "tools/audit/json.h"
#include "tools/audit/pack.h"
#include "tools/audit/proof.h"
#include "tools/audit/record.h"
#include "tools/audit/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_together(const struct audit_json_map *map, struct audit_text whole)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    audit_buf_text(&buf, "{");
    for (unsigned i = 0; i < map->count; i++) {
        audit_buf_text(&buf, i ? ",\"" : "\"");
        audit_buf_add(&buf, map->members[i].name.data, map->members[i].name.len);
        audit_buf_text(&buf, "\":");
        audit_buf_add(&buf, map->members[i].value.data, map->members[i].value.len);
    }
    audit_buf_text(&buf, "}");
    assert(audit_text_eq(audit_buf_view(&buf), whole));
    audit_buf_deinit(&buf);
}

static void look_into(struct audit_text value)
{
    char text[256];
    size_t len;
    int64_t number;
    struct audit_text item;
    const char *at = NULL;
    audit_json_string(value, text, sizeof text, &len);
    audit_json_int(value, &number);
    while (audit_json_next(value, &at, &item))
        assert(item.data >= value.data && item.data + item.len <= value.data + value.len);
}

static void try_json(struct audit_text text)
{
    static struct audit_json_map map, again;
    static struct audit_record record;
    bool whole = !audit_json_whole(text), open = !audit_json_open(text, &map);
    assert(!open || whole);
    if (open) {
        put_together(&map, text);
        assert(audit_json_map(text, &again) && again.count == map.count);
        for (unsigned i = 0; i < map.count; i++) {
            assert(audit_text_eq(map.members[i].value, again.members[i].value));
            look_into(map.members[i].value);
        }
    }
    audit_json_map(text, &again); /* unchecked text too: pieces of it, or nothing */
    for (unsigned i = 0; i < again.count; i++)
        look_into(again.members[i].value);
    look_into(text);
    if (audit_record_read(text, &record))
        assert(record.key_len > 1 && record.key_len <= sizeof record.key);
}

static void try_note(struct audit_text text)
{
    static struct audit_note note, again;
    static const struct audit_key key = {.name = "a", .type = AUDIT_KEY_WITNESS};
    if (audit_note_read(text, &note))
        return;
    struct audit_buf kept = AUDIT_BUF_INIT;
    audit_note_signed(&note, &key, NULL);
    audit_note_with(&note, &key, "\xe2\x80\x94 b AAAAAAA=\n", &kept);
    assert(!audit_note_read(audit_buf_view(&kept), &again));
    assert(again.size == note.size && memcmp(again.root, note.root, AUDIT_HASH) == 0);
    audit_buf_deinit(&kept);
}

static void try_pack(struct audit_text text)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    long len = audit_pack_measure((const uint8_t *)text.data, text.len);
    assert(len <= (long)text.len);
    if (len > 0 && audit_pack_json((const uint8_t *)text.data, (size_t)len, &buf))
        assert(!audit_json_whole(audit_buf_view(&buf)));
    audit_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct audit_proof proof;
    static struct audit_note note;
    static struct audit_path path;
    struct audit_key key;
    uint64_t old;
    if (size == 0)
        return 0;
    struct audit_text text = {(const char *)data + 1, size - 1};
    switch (data[0]) {
    case 'j':
        try_json(text);
        break;
    case 'n':
        try_note(text);
        break;
    case 'p':
        if (!audit_proof_read(text, &proof))
            audit_proof_check(&proof);
        break;
    case 'w':
        audit_witness_request(text, &old, &path, &note);
        break;
    case 'm':
        try_pack(text);
        break;
    case 'k':
        audit_key_read(text, &key);
        break;
    default:
        break;
    }
    return 0;
}
