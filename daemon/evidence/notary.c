/*
 * The tree that grows, its checkpoints, and proofs from it.
 *
 * The thread that adds owns tree, pending nodes and file; what is published (newest checkpoint, its note) is behind a
 * lock that is held for a copy of some hundred bytes. Readers read nodes from the file by number, only below a
 * published size, and those never change: so reading needs no lock against adding.
 *
 * The tree's file is not the truth, the log is. What is in doubt is put aside and made anew. Damage inside of it is met
 * when a proof is made: each one is verified up to the root in memory before it is handed out.
 *
 * On a full disk nodes wait in memory, as many as there are entries that the log still took, and nothing is published;
 * the same call later goes on where it stopped.
 */
#include "evidence/inside.h"

#include <errno.h>
#include <string.h>

#define WRITE_BYTES                                                                                                    \
    (1024u * 1024u) /* pending nodes while a log is read from its start; batches write theirs at once                  \
                     */

uint64_t evidence_size(const struct evidence *evidence)
{
    return evidence->tree.size;
}

const struct evidence_key *evidence_log_key(const struct evidence *evidence)
{
    return &evidence->signer.key;
}

static struct evidence_hashes hashes_of(const struct evidence *evidence)
{
    return (struct evidence_hashes){.io = evidence->io, .fd = evidence->hashes_fd};
}

int evidence_leaf(struct evidence *evidence, uint64_t seq, uint8_t ret_leaf[EVIDENCE_HASH_BYTES])
{
    struct evidence_hashes hashes = hashes_of(evidence);
    const struct evidence_reader reader = {.read = evidence_hashes_read, .context = &hashes};
    if (seq == 0 || seq > evidence->tree.size)
        return -ENOENT;
    return evidence_read_leaf(&reader, seq - 1, ret_leaf);
}

/* ---- adding ---- */

int evidence_write_nodes(struct evidence *evidence)
{
    struct relief_buf *nodes = &evidence->nodes;
    if (evidence->error || nodes->len == 0)
        return evidence->error;
    int rc =
        file_write(evidence->io, evidence->hashes_fd, nodes->data, nodes->len, evidence->written * EVIDENCE_HASH_BYTES);
    if (file_is_shortage(rc))
        return rc; /* they wait for the next time; nothing is published meanwhile */
    evidence->error = rc;
    if (rc == 0)
        evidence->written += nodes->len / EVIDENCE_HASH_BYTES;
    relief_buf_clear(nodes);
    return rc;
}

int evidence_add(struct evidence *evidence, const uint8_t leaf[EVIDENCE_HASH_BYTES])
{
    uint8_t nodes[EVIDENCE_PATH_MAX][EVIDENCE_HASH_BYTES];
    if (evidence->error)
        return evidence->error;
    unsigned count = evidence_tree_add(&evidence->tree, evidence->hasher, leaf, nodes);
    relief_buf_add(&evidence->nodes, nodes, (size_t)count * EVIDENCE_HASH_BYTES);
    if (evidence->nodes.failed)
        evidence->error = -ENOBUFS; /* nodes are lost: not to be taken for a shortage that passes */
    else if (evidence->nodes.len >= WRITE_BYTES)
        evidence_write_nodes(evidence);
    return evidence->error;
}

int evidence_publish(struct evidence *evidence, int64_t time, bool *ret_wanted)
{
    struct evidence_checkpoint checkpoint = {.size = evidence->tree.size, .time = time};
    struct relief_buf *next = &evidence->next;
    int rc = evidence_write_nodes(evidence);
    if (rc)
        return rc;
    memcpy(checkpoint.origin, evidence->signer.key.name, sizeof checkpoint.origin);
    evidence_tree_root(&evidence->tree, evidence->hasher, checkpoint.root);
    relief_buf_clear(next);
    evidence_checkpoint_write(next, &checkpoint);
    struct relief_str body = {next->data, (uint32_t)next->len};
    relief_buf_reserve(next, EVIDENCE_NOTE_BYTES_MAX); /* the body stays where it is */
    body.data = next->data;
    relief_buf_add_char(next, '\n');
    evidence_note_sign(next, body, &evidence->signer, 0);
    if (next->failed)
        return -ENOMEM;

    pthread_mutex_lock(&evidence->lock);
    *ret_wanted = evidence->wanted > evidence->newest.size;
    evidence->newest = checkpoint;
    struct relief_buf old = evidence->note;
    evidence->note = *next;
    *next = old;
    pthread_mutex_unlock(&evidence->lock);
    return 0;
}

/* ---- to disk ---- */

bool evidence_unsynced(struct evidence *evidence, uint64_t *ret_entries)
{
    pthread_mutex_lock(&evidence->lock);
    uint64_t entries = evidence->newest.size - evidence->synced;
    bool unsynced = entries > 0 || !evidence->ever_synced || !evidence->witnessed_synced;
    pthread_mutex_unlock(&evidence->lock);
    if (ret_entries)
        *ret_entries = entries;
    return unsynced;
}

uint64_t evidence_synced(struct evidence *evidence)
{
    pthread_mutex_lock(&evidence->lock);
    uint64_t synced = evidence->synced;
    pthread_mutex_unlock(&evidence->lock);
    return synced;
}

/* State after the hashes that it vouches for, the checkpoint last: none of them says more than is there. */
static int sync_tree(struct evidence *evidence, const struct evidence_checkpoint *newest, const struct relief_buf *note)
{
    uint8_t state[EVIDENCE_STATE_BYTES];
    int rc = file_datasync(evidence->io, evidence->hashes_fd);
    if (rc == 0) {
        evidence_state_write(state, newest->size, newest->root);
        rc = evidence_file_replace(evidence->io, evidence->dir_fd, "state", state, sizeof state);
    }
    if (rc == 0)
        rc = evidence_file_replace(evidence->io, evidence->dir_fd, "checkpoint", note->data, note->len);
    return rc;
}

int evidence_sync(struct evidence *evidence)
{
    struct evidence_checkpoint newest;
    struct relief_buf note = RELIEF_BUF_INIT, witnessed = RELIEF_BUF_INIT;
    int rc = evidence->error;
    if (rc)
        return rc;
    pthread_mutex_lock(&evidence->lock);
    bool tree = evidence->newest.size != evidence->synced || !evidence->ever_synced;
    bool cosigned = !evidence->witnessed_synced;
    newest = evidence->newest;
    relief_buf_add(&note, evidence->note.data, evidence->note.len);
    relief_buf_add(&witnessed, evidence->witnessed_note.data, evidence->witnessed_note.len);
    evidence->witnessed_synced = true; /* unless it changes again meanwhile */
    pthread_mutex_unlock(&evidence->lock);
    if (note.failed || witnessed.failed)
        rc = -ENOMEM;
    if (rc == 0 && tree)
        rc = sync_tree(evidence, &newest, &note);
    if (rc == 0 && cosigned)
        rc = evidence_file_replace(evidence->io, evidence->dir_fd, "witnessed", witnessed.data, witnessed.len);
    if (rc == 0 && (tree || cosigned))
        rc = file_sync(evidence->io, evidence->dir_fd);
    relief_buf_deinit(&note);
    relief_buf_deinit(&witnessed);
    evidence->error = file_is_shortage(rc) ? 0 : rc;
    pthread_mutex_lock(&evidence->lock);
    if (rc && cosigned)
        evidence->witnessed_synced = false;
    if (rc == 0 && tree) {
        evidence->synced = newest.size;
        evidence->ever_synced = true;
    }
    pthread_mutex_unlock(&evidence->lock);
    return rc;
}

/* ---- reading ---- */

void evidence_newest(struct evidence *evidence, struct evidence_checkpoint *ret_checkpoint, struct relief_buf *note)
{
    pthread_mutex_lock(&evidence->lock);
    *ret_checkpoint = evidence->newest;
    if (note)
        relief_buf_add(note, evidence->note.data, evidence->note.len);
    pthread_mutex_unlock(&evidence->lock);
}

uint64_t evidence_published(struct evidence *evidence, uint64_t wanted)
{
    pthread_mutex_lock(&evidence->lock);
    uint64_t size = evidence->newest.size;
    if (wanted > evidence->wanted)
        evidence->wanted = wanted;
    pthread_mutex_unlock(&evidence->lock);
    return size;
}

/* The tree of `size` leads to the root that is in memory. ret_root: its own. */
static int trusted_root(const struct evidence_reader *reader, const struct evidence_checkpoint *newest, uint64_t size,
                        uint8_t ret_root[EVIDENCE_HASH_BYTES])
{
    struct evidence_path path;
    if (size == newest->size) {
        memcpy(ret_root, newest->root, EVIDENCE_HASH_BYTES);
        return 0;
    }
    int rc = evidence_read_root(reader, size, ret_root);
    if (rc == 0)
        rc = evidence_read_consistency(reader, size, newest->size, &path);
    if (rc == 0 && !evidence_verify_consistency(reader->hasher, size, newest->size, ret_root, &path, newest->root))
        rc = -EUCLEAN;
    return rc;
}

static int read_inclusion(const struct evidence_reader *reader, const struct evidence_checkpoint *newest, uint64_t seq,
                          uint64_t size, uint8_t ret_leaf[EVIDENCE_HASH_BYTES], struct evidence_path *ret_path)
{
    uint8_t root[EVIDENCE_HASH_BYTES];
    int rc = trusted_root(reader, newest, size, root);
    if (rc == 0)
        rc = evidence_read_leaf(reader, seq - 1, ret_leaf);
    if (rc == 0)
        rc = evidence_read_inclusion(reader, seq - 1, size, ret_path);
    if (rc == 0 && !evidence_verify_inclusion(reader->hasher, seq - 1, size, ret_leaf, ret_path, root))
        rc = -EUCLEAN;
    return rc;
}

static int read_consistency(const struct evidence_reader *reader, const struct evidence_checkpoint *newest,
                            uint64_t from, uint64_t size, struct evidence_path *ret_path)
{
    uint8_t older[EVIDENCE_HASH_BYTES], newer[EVIDENCE_HASH_BYTES];
    int rc = trusted_root(reader, newest, size, newer);
    if (rc == 0)
        rc = evidence_read_root(reader, from, older);
    if (rc == 0)
        rc = evidence_read_consistency(reader, from, size, ret_path);
    if (rc == 0 && !evidence_verify_consistency(reader->hasher, from, size, older, ret_path, newer))
        rc = -EUCLEAN;
    return rc;
}

/* The reader's parts, of one thread at a time. */
static struct evidence_reader start_reading(struct evidence *evidence, struct evidence_hashes *hashes,
                                            struct evidence_checkpoint *ret_newest)
{
    *hashes = hashes_of(evidence);
    evidence_newest(evidence, ret_newest, NULL);
    pthread_mutex_lock(&evidence->reading);
    return (struct evidence_reader){.read = evidence_hashes_read, .context = hashes, .hasher = evidence->reader_hasher};
}

static int end_reading(struct evidence *evidence, int rc)
{
    pthread_mutex_unlock(&evidence->reading);
    if (rc == -EUCLEAN)
        evidence_file_aside(evidence->io, evidence->dir_fd, "hashes"); /* gone already after the first time */
    return rc;
}

int evidence_inclusion(struct evidence *evidence, uint64_t seq, uint64_t size, uint8_t ret_leaf[EVIDENCE_HASH_BYTES],
                       struct evidence_path *ret_path)
{
    struct evidence_checkpoint newest;
    struct evidence_hashes hashes;
    const struct evidence_reader reader = start_reading(evidence, &hashes, &newest);
    int rc = seq == 0 || seq > size || size > newest.size
                 ? -ENOENT
                 : read_inclusion(&reader, &newest, seq, size, ret_leaf, ret_path);
    return end_reading(evidence, rc);
}

int evidence_consistency(struct evidence *evidence, uint64_t from, uint64_t size, struct evidence_path *ret_path)
{
    struct evidence_checkpoint newest;
    struct evidence_hashes hashes;
    const struct evidence_reader reader = start_reading(evidence, &hashes, &newest);
    int rc = from > size || size > newest.size ? -ENOENT : read_consistency(&reader, &newest, from, size, ret_path);
    return end_reading(evidence, rc);
}

int evidence_root(struct evidence *evidence, uint64_t size, uint8_t ret_root[EVIDENCE_HASH_BYTES])
{
    struct evidence_checkpoint newest;
    struct evidence_hashes hashes;
    const struct evidence_reader reader = start_reading(evidence, &hashes, &newest);
    int rc = size > newest.size ? -ENOENT : trusted_root(&reader, &newest, size, ret_root);
    return end_reading(evidence, rc);
}
