/*
 * Log exports (fine print 64): header, entries, chain, tree, trailer. Several that follow each other are one log.
 */
#pragma once
#include "tools/audit/fold.h"
#include "tools/audit/say.h"
#include "tools/audit/source.h"
#include "tools/audit/tree.h"

enum audit_claim_of { AUDIT_OF_CHECKPOINT, AUDIT_OF_PROOF, AUDIT_OF_RECEIPT, AUDIT_OF_LEAF };

/* Something signed that the log must agree with. */
struct audit_claim {
    const char *path;
    uint64_t line; /* 0: the file is all of it */
    enum audit_claim_of of;
    unsigned log; /* index of the first trusted key of its origin */
    uint64_t seq;
    uint8_t hash[AUDIT_HASH]; /* of the leaf of entry seq, or the root of the tree of seq entries */
    int64_t time;             /* of entry seq, as a checkpoint says it; -1: it says none */
    bool met;
};

/* The entries of an export, by their hashes, to compare another one that has some of them too. */
struct audit_export {
    const char *path;
    uint64_t from;
    size_t count, cap;
    uint8_t (*hashes)[AUDIT_HASH];
    bool differs; /* said */
};

struct audit_log {
    struct audit_claim *claims; /* sorted by seq */
    size_t claim_count, claim_next;
    struct audit_fold *folds; /* of the dumps that it is held against */
    size_t fold_count;
    struct audit_export *exports; /* what was read before, when several are given */
    size_t export_count;
    bool keep;   /* hashes are kept for what comes later */
    bool failed; /* no memory for them */
    /* after the last entry */
    struct audit_tree tree;
    bool whole; /* the tree has all entries from 1 on */
    uint64_t seq;
    int64_t time;
    char head[AUDIT_HASH_HEX]; /* empty: no entry was read */
};

void audit_claims_sort(struct audit_claim *claims, size_t count);
/* Proves one file. 0, or AUDIT_USAGE when it can't be read; faults are counted. */
int audit_log_file(struct audit_log *log, struct audit_source *source, struct audit_faults *faults);
void audit_log_deinit(struct audit_log *log);
/* Claims about entries that the log doesn't have. */
void audit_log_end(struct audit_log *log, struct audit_faults *faults);

/* The last line of exports and dumps: its digest and count against what was read. Then nothing may follow. */
int audit_trailer(struct audit_source *source, struct audit_text line, uint64_t records, struct audit_faults *faults);
bool audit_is_trailer(struct audit_text line);
/* A first line with just these members, in order; NULL ends the list. */
bool audit_header(struct audit_text line, const char *format, const char *const *names, struct audit_json_map *ret);
