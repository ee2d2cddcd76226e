/*
 * A witness's rules (C2SP tlog-witness) and its memory: for every log the last checkpoint that it signed, on disk
 * before the signature leaves.
 */
#pragma once
#include "tools/audit/note.h"
#include "tools/audit/say.h"
#include "tools/audit/tree.h"

#define AUDIT_ORIGINS_MAX 64

enum audit_verdict { /* the numbers are HTTP's */
                     AUDIT_COSIGNED = 200,
                     AUDIT_BAD = 400,
                     AUDIT_UNSIGNED = 403,
                     AUDIT_UNKNOWN = 404,
                     AUDIT_OTHER_SIZE = 409, /* or, at the same size, another root: a fork */
                     AUDIT_UNPROVED = 422,
                     AUDIT_NOT_SAVED = 500,
};

struct audit_origin {
    struct audit_key keys[4]; /* one log's, the older ones too while they are in use */
    unsigned key_count;
    bool known; /* the state was read, or made with --new */
    char file[48];
    uint64_t size;
    uint64_t saved_at; /* witness->saves when this was signed */
    uint8_t root[AUDIT_HASH];
    /* what was refused last, so that the same is said once: the kind, size and root */
    const char *told;
    uint64_t told_size;
    uint8_t told_root[AUDIT_HASH];
    char *note; /* of that size and root, as it was signed; NULL at size 0 */
    size_t note_len;
};

struct audit_witness_state {
    struct audit_secret secret;
    struct audit_origin origins[AUDIT_ORIGINS_MAX];
    unsigned count;
    int folder;
    int spare; /* a file held open, so that strangers' connections can't use up what a save needs */
    char *path;
    uint64_t saves; /* a clock: one more with each state that is taken over */
    /* Called between the save and the signature, for tests of what a crash there leaves. NULL: nothing. */
    void (*saved)(void);
};
#define AUDIT_WITNESS_INIT ((struct audit_witness_state){.folder = -1, .spare = -1})

/*
 * Opens and locks the folder (made when missing) and reads the state of every log of `keys`. A log without state is an
 * error, unless `fresh` names it: a witness that lost its memory must not sign as if nothing had been. A log that is
 * named so and has state is one too. 0, or AUDIT_USAGE, said.
 */
int audit_witness_open(struct audit_witness_state *witness, const char *path, const struct audit_key *keys,
                       unsigned key_count, const char *const *fresh, unsigned fresh_count);
void audit_witness_close(struct audit_witness_state *witness);
struct audit_origin *audit_witness_find(struct audit_witness_state *witness, struct audit_text origin);

struct audit_answer {
    enum audit_verdict verdict;
    bool fork;     /* two roots of one size; both checkpoints are kept in the folder */
    bool unproved; /* newer than what was signed, and the proof does not hold */
    uint64_t size; /* the last signed one, with AUDIT_OTHER_SIZE */
    char line[AUDIT_SIG_LINE_MAX];
};
/* A checkpoint that is said to be consistent with the tree of `old` entries. ret_answer->line with AUDIT_COSIGNED. */
void audit_witness_add(struct audit_witness_state *witness, uint64_t old, const struct audit_path *path,
                       const struct audit_note *note, struct audit_answer *ret_answer);
/* The log's newest checkpoint is smaller than what was signed: keeps both and says so. */
void audit_witness_rolled_back(struct audit_witness_state *witness, struct audit_origin *origin,
                               const struct audit_note *note);
/* A stranger's newer checkpoint with a proof that does not hold: anybody who has the checkpoint can make that, so few are
 * kept, in places of their own. */
void audit_witness_unproved(struct audit_witness_state *witness, const struct audit_origin *origin,
                            const struct audit_note *note);
/* Asked for it, the log itself gave a proof that does not lead from the signed head to its own. */
void audit_witness_answered_wrong(struct audit_witness_state *witness, struct audit_origin *origin,
                                  const struct audit_note *note);
/* Whether the log's own key signed it. */
bool audit_witness_signed(const struct audit_origin *origin, const struct audit_note *note);
/* The body of a request of tlog-witness: old size, proof, checkpoint. NULL, or what is wrong. */
const char *audit_witness_request(struct audit_text body, uint64_t *ret_old, struct audit_path *ret_path,
                                  struct audit_note *ret_note);
