/*
 * What signed things say, gathered from files of checkpoints, proofs and receipts: each is proved by itself as it is
 * read, then all are held against each other, and at last against the log.
 */
#pragma once
#include "tools/audit/log.h"
#include "tools/audit/trust.h"

/* A consistency proof that held: from the tree of `from` entries to that of `size`. */
struct audit_link {
    unsigned log;
    uint64_t from, size;
};

struct audit_book {
    const struct audit_trust *trust;
    int64_t now; /* seconds, for ages */
    struct audit_claim *claims;
    size_t count, cap;
    struct audit_link *links;
    size_t link_count, link_cap;
};

/* A file with a checkpoint. 0, or AUDIT_USAGE, said. */
int audit_book_note(struct audit_book *book, const char *path, struct audit_faults *faults);
/* A file of proofs and receipts, one a line. */
int audit_book_proofs(struct audit_book *book, const char *path, struct audit_faults *faults);
/* Checkpoints that can't all be true: forks, and time that runs backwards. Sorts the claims. */
void audit_book_compare(struct audit_book *book, struct audit_faults *faults);
/* Without the log: proofs must lead from checkpoint to checkpoint, and from receipts beside them to one. After audit_book_compare. */
void audit_book_lead(const struct audit_book *book, struct audit_faults *faults);
void audit_book_deinit(struct audit_book *book);
