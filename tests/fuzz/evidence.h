/*
 * Two of the readers of evidence have structs of the same names, so each has a file of its own: fuzz_evidence.c that of
 * the command line and relief-audit's, evidence_daemon.c the daemon's.
 */
#pragma once
#include "fuzz.h"

/* The keys that sign here, always the same ones: verifier keys as text. */
const char *daemon_log_key(void);
const char *daemon_witness_key(void);
/* Appends signature lines over the body to `note`. */
struct relief_buf;
void daemon_sign(struct relief_buf *note, struct relief_str body, bool witness, int64_t seconds);
/* Is this a checkpoint that the log has signed, and no line of the witness's key is wrong? */
bool daemon_note_holds(struct relief_str text, uint64_t *ret_size);
/* Verifier keys and private keys; a key that is taken is printed to `ret` again. */
bool daemon_key_reads(struct relief_str text, char ret[512]);
bool daemon_secret_reads(struct relief_str text, char ret[512]);
