/*
 * The members are fixed, one and all: a document with more or fewer is not one of ours.
 */
#include "tools/audit/proof.h"
#include "tools/audit/json.h"

static const char *const members[3][10] = {
    [AUDIT_INCLUSION] = {"checkpoint", "format", "kind", "leaf", "path", "seq", "size", "version"},
    [AUDIT_CONSISTENCY] = {"checkpoint", "format", "from", "from_checkpoint", "kind", "path", "size", "version"},
    [AUDIT_RECEIPT] = {"checkpoint", "format", "leaf", "path", "seq", "size", "version"},
};

static bool is_word(const struct audit_json_map *map, const char *name, const char *word)
{
    struct audit_text text;
    return audit_json_plain(audit_json_find(map, name), &text) && audit_text_eq(text, audit_text_of(word));
}

static bool kind_of(const struct audit_json_map *map, enum audit_proof_kind *ret)
{
    if (is_word(map, "format", "relief-receipt"))
        *ret = AUDIT_RECEIPT;
    else if (is_word(map, "format", "relief-proof") && is_word(map, "kind", "inclusion"))
        *ret = AUDIT_INCLUSION;
    else if (is_word(map, "format", "relief-proof") && is_word(map, "kind", "consistency"))
        *ret = AUDIT_CONSISTENCY;
    else
        return false;
    unsigned count = 0;
    while (count < map->count && members[*ret][count] &&
           audit_text_eq(map->members[count].name, audit_text_of(members[*ret][count])))
        count++;
    return !members[*ret][count] && count == map->count;
}

static const char *read_note(const struct audit_json_map *map, const char *name, struct audit_note *ret)
{
    char text[AUDIT_NOTE_MAX + 2];
    size_t len;
    if (!audit_json_string(audit_json_find(map, name), text, sizeof text, &len))
        return "a checkpoint that is no text, or too long";
    return audit_note_read((struct audit_text){text, len}, ret);
}

const char *audit_proof_read(struct audit_text text, struct audit_proof *ret)
{
    struct audit_json_map map;
    struct audit_text path, leaf = {NULL, 0};
    if (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    const char *fault = audit_json_open(text, &map);
    if (fault)
        return fault;
    if (!kind_of(&map, &ret->kind) || !audit_text_eq(audit_json_find(&map, "version"), AUDIT_TEXT("1")))
        return "neither a proof nor a receipt of version 1";
    ret->seq = ret->from = 0;
    bool consistency = ret->kind == AUDIT_CONSISTENCY;
    if (!audit_json_size(audit_json_find(&map, "size"), &ret->size) ||
        !audit_json_size(audit_json_find(&map, consistency ? "from" : "seq"), consistency ? &ret->from : &ret->seq))
        return "a number is missing";
    if (!audit_json_plain(audit_json_find(&map, "path"), &path) || !audit_path_read(path, &ret->path))
        return "a path that is none";
    if (!consistency &&
        (!audit_json_plain(audit_json_find(&map, "leaf"), &leaf) || !audit_hex_read(leaf, ret->leaf, AUDIT_HASH)))
        return "a leaf that is none";
    fault = read_note(&map, "checkpoint", &ret->note);
    if (!fault && consistency)
        fault = read_note(&map, "from_checkpoint", &ret->from_note);
    return fault;
}

const char *audit_proof_check(const struct audit_proof *proof)
{
    if (proof->note.size != proof->size)
        return "the checkpoint is of another size";
    if (proof->kind == AUDIT_CONSISTENCY) {
        if (proof->from_note.size != proof->from)
            return "the checkpoint at the beginning is of another size";
        if (!audit_text_eq(proof->from_note.origin, proof->note.origin))
            return "the checkpoints are of different logs";
        return audit_tree_consistent(proof->from, proof->from_note.root, proof->size, proof->note.root, &proof->path)
                   ? NULL
                   : "the path does not lead from the older root to the newer one";
    }
    return proof->seq > 0 &&
                   audit_tree_included(proof->leaf, proof->seq - 1, proof->size, &proof->path, proof->note.root)
               ? NULL
               : "the path does not lead from the leaf to the root";
}
