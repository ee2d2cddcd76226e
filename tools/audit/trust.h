/*
 * Whose word counts: the log's key, the witnesses', and how many of them must have signed.
 */
#pragma once
#include "tools/audit/note.h"
#include "tools/audit/say.h"

#define AUDIT_TRUST_MAX 16

struct audit_trust {
    struct audit_key logs[AUDIT_TRUST_MAX], witnesses[AUDIT_TRUST_MAX];
    unsigned log_count, witness_count, witnesses_min;
};

/* Whether a trusted key of the note's origin signed it, and none wrongly. */
bool audit_trust_signed(const struct audit_trust *trust, const char *path, uint64_t line, const struct audit_note *note,
                        struct audit_faults *faults);
/* How many different keys they have. */
unsigned audit_trust_witnesses(const struct audit_trust *trust);
/* Whether enough witnesses did. Says who, and how long ago. */
bool audit_trust_witnessed(const struct audit_trust *trust, const char *path, const struct audit_note *note,
                           int64_t now, struct audit_faults *faults);
/* Two checkpoints of one log that can't both be true: a fork, or time that runs backwards. */
void audit_trust_pair(const char *path, const struct audit_note *note, const char *other_path,
                      const struct audit_note *other, struct audit_faults *faults);
