/*
 * Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature), as FORMAT.md has them: writing, reading,
 * signing, verifying. What is read may come from anybody; nothing here trusts it.
 */
#pragma once
#include "evidence/key.h"
#include "evidence/tree.h"
#include "schema/buf.h"

#define EVIDENCE_NOTE_BYTES_MAX 8192u
#define EVIDENCE_SIGNATURES_MAX 17u
#define EVIDENCE_WITNESSES_MAX 16u

struct evidence_checkpoint {
    char origin[EVIDENCE_NAME_BYTES_MAX + 1];
    uint64_t size;
    uint8_t root[EVIDENCE_HASH_BYTES];
    int64_t time; /* of the last entry, ms */
};

struct evidence_signature {
    struct relief_str name;
    uint8_t id[4];
    uint8_t bytes[72]; /* 64, or 8 of a time and 64 */
    uint8_t len;       /* 0: of another form, which nobody here can verify */
};

/* Points into the text that it was read from. */
struct evidence_note {
    struct relief_str body; /* with its last line feed */
    struct relief_str lines[EVIDENCE_SIGNATURES_MAX]; /* signature lines with their line feed */
    struct evidence_signature signatures[EVIDENCE_SIGNATURES_MAX];
    unsigned count;
};

bool evidence_note_parse(struct evidence_note *ret_note, struct relief_str text);
/* Body of a checkpoint: exactly the four lines of FORMAT.md. */
bool evidence_checkpoint_parse(struct evidence_checkpoint *ret_checkpoint, struct relief_str body);
/* Appends the body. */
void evidence_checkpoint_write(struct relief_buf *buf, const struct evidence_checkpoint *checkpoint);
/* Appends the signature line over a body; time: seconds since the epoch, for a cosignature. */
void evidence_note_sign(struct relief_buf *buf, struct relief_str body, const struct evidence_signer *signer, int64_t time);
/*
 * Is there a signature of this key, and do all lines in its name and id hold? ret_time: of a cosignature, seconds; ret_line: which
 * line. Both may be NULL.
 */
bool evidence_note_verify(const struct evidence_note *note, const struct evidence_key *key, int64_t *ret_time, unsigned *ret_line);
