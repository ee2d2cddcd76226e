/* relief verify of checkpoints, proofs and receipts, and of a log against a checkpoint. */
#pragma once
#include "client/cli/evidence_note.h"

enum evidence_file { EVIDENCE_FILE_OTHER, EVIDENCE_FILE_NOTE, EVIDENCE_FILE_PROOFS };

/* What a file looks like from its first bytes; OTHER: a dump or a log export, or nothing of ours. */
enum evidence_file evidence_file_of(const char *path);
/* An exit code; what holds is said on standard output, and so is what does not. */
int evidence_verify_note(const char *path, const struct evidence_trust *trust);
int evidence_verify_proofs(const char *path, const struct evidence_trust *trust);
/*
 * Says whose cosignatures hold, and how old they are. CLI_DIFFERENT when keys of witnesses were given and none of them signed: who
 * gives a key asks for it.
 */
int evidence_say_witnesses(const char *path, const struct evidence_note *note, const struct evidence_trust *trust);
