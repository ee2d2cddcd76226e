/*
 * The outcomes of a log, folded: which records stand after an entry, without asking for anything but the log. A dump of
 * that moment must hold exactly these, byte for byte (DESIGN 6, 7).
 */
#pragma once
#include "tools/audit/map.h"
#include "tools/audit/record.h"
#include "tools/audit/say.h"
#include "tools/audit/source.h"

struct audit_fold {
    uint64_t seq; /* where to stop: that of the dump */
    uint64_t reached; /* entries from 1 on, without a gap, are folded up to here */
    bool met;         /* the log has entry `seq`, and these are its: */
    int64_t time;     /* -1: only its hash is known, from the entry behind it */
    char head[AUDIT_HASH_HEX];
    struct audit_map records; /* key -> struct state */
    uint64_t standing;
};

void audit_fold_init(struct audit_fold *fold, uint64_t seq);
/* The log has entry `seq`; time -1: only its hash is known. */
void audit_fold_meet(struct audit_fold *fold, uint64_t seq, int64_t time, const char *head);
int audit_fold_outcome(struct audit_fold *fold, uint64_t seq, struct audit_text outcome,
                       const struct audit_source *source, struct audit_faults *faults);
/* A record of the dump against the fold. */
void audit_fold_compare(struct audit_fold *fold, const struct audit_record *record, struct audit_text line,
                        const struct audit_source *source, struct audit_faults *faults);
/* What the dump does not have. */
void audit_fold_end(struct audit_fold *fold, const char *path, struct audit_faults *faults);
void audit_fold_deinit(struct audit_fold *fold);
