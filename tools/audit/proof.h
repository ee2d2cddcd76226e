/*
 * Files of proofs and receipts (daemon/evidence/FORMAT.md, Files), and the keys that a reader trusts.
 */
#pragma once
#include "tools/audit/note.h"
#include "tools/audit/tree.h"

#define AUDIT_PROOF_MAX 65536 /* two notes of 8 KiB with their escapes, a path of 64 hashes, and room */

enum audit_proof_kind { AUDIT_INCLUSION, AUDIT_CONSISTENCY, AUDIT_RECEIPT };

struct audit_proof {
    enum audit_proof_kind kind;
    uint64_t seq, from, size;
    uint8_t leaf[AUDIT_HASH];
    struct audit_path path;
    struct audit_note note;
    struct audit_note from_note; /* of a consistency proof */
};

/* NULL, or what is wrong with the form. */
const char *audit_proof_read(struct audit_text text, struct audit_proof *ret);
/* NULL, or why the path does not prove it. Signatures are looked at elsewhere. */
const char *audit_proof_check(const struct audit_proof *proof);
