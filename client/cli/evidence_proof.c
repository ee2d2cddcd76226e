/*
 * Proofs and receipts, read and written. The document is taken in its one form only (canon.h), so a file of another
 * form was written by nobody who follows the page.
 */
#include "client/cli/evidence_proof.h"
#include <sodium.h>
#include <string.h>
#include "schema/codec.h"

static bool take_hex(struct relief_str text, uint8_t ret[TREE_HASH_BYTES])
{
    size_t len = 0;
    if (!text.data || text.len != 2 * TREE_HASH_BYTES)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 'A' && text.data[i] <= 'F')
            return false;
    }
    return sodium_hex2bin(ret, TREE_HASH_BYTES, text.data, text.len, NULL, &len, NULL) == 0 && len == TREE_HASH_BYTES;
}

static bool take_path(struct evidence_proof *proof, struct relief_str text)
{
    char again[sodium_base64_ENCODED_LEN(TREE_PATH_MAX * TREE_HASH_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    size_t len = 0;
    const char *end = NULL;
    if (!text.data ||
        sodium_base642bin((uint8_t *)proof->path, sizeof proof->path, text.data, text.len, NULL, &len, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.data + text.len || len % TREE_HASH_BYTES)
        return false;
    proof->count = (unsigned)(len / TREE_HASH_BYTES);
    sodium_bin2base64(again, sizeof again, (const uint8_t *)proof->path, len, sodium_base64_VARIANT_ORIGINAL);
    return strlen(again) == text.len && memcmp(again, text.data, text.len) == 0;
}

static const char *take_note(struct evidence_note *ret, const struct canon *canon, const char *key,
                             const struct evidence_trust *trust)
{
    struct relief_buf scratch = RELIEF_BUF_INIT;
    uint32_t node = canon_get(canon, 0, key);
    struct relief_str text = node ? canon_str(canon, node, &scratch) : RELIEF_STR_NONE;
    const char *wrong = text.data ? evidence_note_read(ret, text, trust) : "no checkpoint in it";
    relief_buf_deinit(&scratch);
    return wrong;
}

static bool member_size(const struct canon *canon, const char *key, uint64_t *ret)
{
    uint32_t node = canon_get(canon, 0, key);
    int64_t value = node ? canon_int(canon, node) : 0;
    *ret = (uint64_t)value;
    return node && canon->nodes[node].type == CANON_INT && value >= 0;
}

static bool is_word(const struct canon *canon, const char *key, struct relief_str word)
{
    struct relief_str value = canon_word(canon, 0, key);
    return value.data && relief_str_eq(value, word);
}

/* The kind of the document, when it has the members of that kind and no others. */
static bool take_kind(struct evidence_proof *proof, const struct canon *canon)
{
    bool made = is_word(canon, "format", RELIEF_STR("relief-proof"));
    unsigned members;
    if (is_word(canon, "format", RELIEF_STR("relief-receipt")))
        proof->kind = EVIDENCE_RECEIPT, members = 7;
    else if (made && is_word(canon, "kind", RELIEF_STR("inclusion")))
        proof->kind = EVIDENCE_INCLUSION, members = 8;
    else if (made && is_word(canon, "kind", RELIEF_STR("consistency")))
        proof->kind = EVIDENCE_CONSISTENCY, members = 8;
    else
        return false;
    return canon->count == members + 1 && canon_member_int(canon, 0, "version") == 1;
}

static const char *prove(const struct evidence_proof *proof)
{
    const struct evidence_note *note = &proof->note, *from = &proof->from_note;
    if (note->size != proof->size)
        return "its size is not that of its checkpoint";
    if (proof->kind != EVIDENCE_CONSISTENCY)
        return tree_proves_inclusion(proof->leaf, proof->seq, proof->size, proof->path[0], proof->count, note->root)
                   ? NULL
                   : "the path does not lead from the leaf to the root of the checkpoint";
    if (from->size != proof->seq)
        return "from is not the size of the older checkpoint";
    if (strcmp(from->origin, note->origin) != 0)
        return "its checkpoints are of two logs";
    if (from->time > note->time)
        return "its older checkpoint is of a later time";
    return tree_proves_consistency(proof->seq, from->root, proof->size, note->root, proof->path[0], proof->count)
               ? NULL
               : "the older tree is not the beginning of the newer one: a fork, or a changed past";
}

static const char *read_document(struct evidence_proof *proof, const struct canon *canon,
                                 const struct evidence_trust *trust)
{
    bool consistency;
    if (!take_kind(proof, canon))
        return "neither a proof nor a receipt of version 1";
    consistency = proof->kind == EVIDENCE_CONSISTENCY;
    if (!member_size(canon, consistency ? "from" : "seq", &proof->seq) || !member_size(canon, "size", &proof->size) ||
        !take_path(proof, canon_word(canon, 0, "path")))
        return "its numbers or its path are none";
    if (!consistency && !take_hex(canon_word(canon, 0, "leaf"), proof->leaf))
        return "its leaf is no hash";
    const char *wrong = take_note(&proof->note, canon, "checkpoint", trust);
    if (!wrong && consistency)
        wrong = take_note(&proof->from_note, canon, "from_checkpoint", trust);
    return wrong ? wrong : prove(proof);
}

const char *evidence_proof_read(struct evidence_proof *ret, struct relief_str line, const struct evidence_trust *trust)
{
    struct canon canon = CANON_INIT;
    *ret = (struct evidence_proof){.count = 0};
    const char *wrong = canon_parse(&canon, line) && canon.nodes[0].type == CANON_OBJECT
                            ? read_document(ret, &canon, trust)
                        : canon.error ? canon.error
                                      : "not a JSON object";
    canon_deinit(&canon);
    return wrong;
}

void evidence_proof_write(struct relief_buf *buf, enum evidence_kind kind, int64_t seq, int64_t size,
                          struct relief_str leaf, struct relief_str path, struct relief_str note,
                          struct relief_str from_note)
{
    bool consistency = kind == EVIDENCE_CONSISTENCY, receipt = kind == EVIDENCE_RECEIPT;
    relief_buf_add_text(buf, "{\"checkpoint\":");
    relief_json_str(buf, note);
    relief_buf_printf(buf, ",\"format\":\"%s\"", receipt ? "relief-receipt" : "relief-proof");
    if (consistency) {
        relief_buf_printf(buf, ",\"from\":%lld,\"from_checkpoint\":", (long long)seq);
        relief_json_str(buf, from_note);
    }
    if (!receipt)
        relief_buf_printf(buf, ",\"kind\":\"%s\"", consistency ? "consistency" : "inclusion");
    if (!consistency) {
        relief_buf_add_text(buf, ",\"leaf\":");
        relief_json_str(buf, leaf);
    }
    relief_buf_add_text(buf, ",\"path\":\"");
    relief_base64(buf, path);
    relief_buf_add_char(buf, '"');
    if (!consistency)
        relief_buf_printf(buf, ",\"seq\":%lld", (long long)seq);
    relief_buf_printf(buf, ",\"size\":%lld,\"version\":1}", (long long)size);
}
