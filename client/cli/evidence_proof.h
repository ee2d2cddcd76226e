/* Files of proofs and receipts: a JSON document a line (daemon/evidence/FORMAT.md, Files). */
#pragma once
#include "client/cli/canon.h"
#include "client/cli/evidence_note.h"
#include "client/cli/evidence_tree.h"

enum evidence_kind { EVIDENCE_INCLUSION, EVIDENCE_CONSISTENCY, EVIDENCE_RECEIPT };

struct evidence_proof {
    enum evidence_kind kind;
    uint64_t seq; /* the entry; consistency: size of the older tree */
    uint64_t size;
    uint8_t leaf[TREE_HASH_BYTES];
    uint8_t path[TREE_PATH_MAX][TREE_HASH_BYTES];
    unsigned count;
    struct evidence_note note, from_note;
};

/* Reads one document and proves it: form, signatures, path. NULL: it holds; else what is wrong. */
const char *evidence_proof_read(struct evidence_proof *ret, struct relief_str line, const struct evidence_trust *trust);

/* The document, without line feed. path: hashes one behind the other; from_note: of a consistency proof only. */
void evidence_proof_write(struct relief_buf *buf, enum evidence_kind kind, int64_t seq, int64_t size, struct relief_str leaf,
                          struct relief_str path, struct relief_str note, struct relief_str from_note);
