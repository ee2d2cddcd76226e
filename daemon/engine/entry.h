/*
 * An entry of the log: its bytes in the segment and its JSON line (fine print 64), from which the hash chain is computed.
 * The bytes hold no names: time, identity, command number, params, changed records, answer, each as relief_record_encode has it.
 */
#pragma once
#include "engine/engine.h"

/*
 * Payload and line are of a generation of the schema (schema/shape.h): the one whose program applied the entry. A line has the
 * fields of that generation only, so that it and its hash stay what they were when later programs know more fields.
 */

/* Appends the payload of an entry from what was applied, of the present generation. */
void engine_entry_encode(struct relief_buf *buf, const struct core_entry *entry, const struct core_effects *effects);
/* The same of an entry that was decoded, under its own generation. */
void engine_entry_encode_again(struct relief_buf *buf, unsigned generation, const struct core_entry *entry,
                               const struct core_effects *effects);
/*
 * 0, -EBADMSG, -ENOMEM; -ENOTSUP: written by a newer program, ret->generation says of which generation (0: of another form).
 * Strings point into payload. Params have the defaults of fields that they are too old for.
 */
int engine_entry_decode(const struct log_record *record, struct relief_arena *arena, struct engine_entry *ret);
/* {"answer":..,"records":[..]} of the entry. */
void engine_entry_json_outcome(struct relief_buf *buf, const struct engine_entry *entry);
void engine_entry_json_params(struct relief_buf *buf, const struct engine_entry *entry);
/* The line, without line feed: keys sorted; hash NULL leaves the key "hash" out (what is hashed). */
void engine_entry_json(struct relief_buf *buf, const struct engine_entry *entry, const uint8_t prev[LOG_HASH_BYTES],
                       const uint8_t *hash);
/* A log_hash for log_open; its context is a struct engine_entry_hasher. */
struct engine_entry_hasher {
    struct relief_arena arena;
    struct relief_buf buf;
    struct engine_entry entry; /* the last one hashed, until the next */
    struct evidence_hasher *tree; /* NULL: the leaf is not computed */
    struct relief_buf *leaves;    /* of each entry hashed, appended; NULL: only entry.leaf */
    unsigned newer; /* error is -ENOTSUP: the generation of that entry, 0: of another form */
    int error; /* the first entry that could not be read or written as a line; its hash is zeros */
};
#define ENGINE_ENTRY_ARENA_BYTES ((size_t)1 << 30) /* address space: what CORE_ARENA_BYTES holds comes back decoded */
int engine_entry_hasher_init(struct engine_entry_hasher *hasher);
/* From here on with leaves of the tree. 0 or -ENOMEM. */
int engine_entry_hasher_tree(struct engine_entry_hasher *hasher, struct relief_buf *leaves);
void engine_entry_hasher_deinit(struct engine_entry_hasher *hasher);
/* Returns the error of this entry. */
int engine_entry_hash(void *hasher, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES]);
