/*
 * Inside of evidence: the struct behind notary.h and the files of the folder. Nothing else includes this.
 */
#pragma once
#include <pthread.h>
#include "evidence/notary.h"

#define EVIDENCE_STATE_BYTES 72u /* size 8 big-endian, root 32, BLAKE2b-256 of these 40 */
#define EVIDENCE_FILE_MAX (EVIDENCE_NOTE_BYTES_MAX + 1u)

/* What a file of the folder says about the log. */
struct evidence_claim {
    bool there;
    uint64_t size;
    uint8_t root[EVIDENCE_HASH_BYTES];
};

struct evidence {
    const struct file_io *io;
    int dir_fd, hashes_fd;
    struct evidence_signer signer;
    struct evidence_key witnesses[EVIDENCE_WITNESSES_MAX];
    unsigned witness_count;
    struct evidence_claim state, checkpoint, witnessed_claim; /* as found at the start */
    uint64_t pruned;            /* entries that the log has no longer */
    bool made_key, made_hashes; /* by this start */
    bool started;               /* it was not refused */

    /* of the thread that adds */
    struct evidence_hasher *hasher;
    struct evidence_tree tree;
    struct relief_buf nodes; /* not written yet */
    struct relief_buf next;  /* the note that is being made */
    uint64_t written;        /* nodes in the file */
    int error;               /* the first; sticks */

    pthread_mutex_t lock; /* for what follows */
    struct evidence_checkpoint newest;
    struct relief_buf note;
    uint64_t wanted, synced;
    bool ever_synced; /* the files of the folder are all there */
    struct evidence_witnessed witnessed;
    struct relief_buf witnessed_note;
    bool witnessed_synced;
    bool behind; /* entries up to behind_size wait for a witness since behind_since */
    uint64_t behind_size;
    int64_t behind_since;
    bool told; /* that the head is unwitnessed */

    pthread_mutex_t reading; /* for what follows */
    struct evidence_hasher *reader_hasher;
    struct relief_buf merged;
};

/* ---- files.c ---- */
/* A file of at most EVIDENCE_FILE_MAX bytes. 0; -ENOENT; -EFBIG; other -errno. */
int evidence_file_read(const struct file_io *io, int dir_fd, const char *name, struct relief_buf *ret);
/* NAME.tmp, synced, renamed. The folder is not synced. */
int evidence_file_replace(const struct file_io *io, int dir_fd, const char *name, const void *data, size_t len);
/* NAME becomes NAME.damaged. */
int evidence_file_aside(const struct file_io *io, int dir_fd, const char *name);
int evidence_hashes_bytes(int fd, uint64_t *ret_bytes);
/* An evidence_read_node; context points to a struct evidence_hashes. */
struct evidence_hashes {
    const struct file_io *io;
    int fd;
};
int evidence_hashes_read(void *hashes, uint64_t number, uint8_t ret_hash[EVIDENCE_HASH_BYTES]);
void evidence_state_write(uint8_t ret_bytes[EVIDENCE_STATE_BYTES], uint64_t size, const uint8_t root[EVIDENCE_HASH_BYTES]);
bool evidence_state_parse(struct evidence_claim *ret_claim, const struct relief_buf *bytes);
/* A note of this key: its checkpoint and its parts, which point into bytes. */
bool evidence_own_note(struct evidence_note *ret_note, struct evidence_checkpoint *ret_checkpoint, struct relief_str bytes,
                       const struct evidence_key *key);

/* ---- notary.c ---- */
int evidence_write_nodes(struct evidence *evidence);

/* ---- witness.c ---- */
/* Takes in the cosigned checkpoint of the folder. */
void evidence_witnessed_load(struct evidence *evidence, const struct evidence_note *note, const struct evidence_checkpoint *checkpoint);
