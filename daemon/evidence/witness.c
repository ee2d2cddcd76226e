/*
 * What witnesses sign. A cosignature comes back over log.cosign in the checkpoint that this log signed; nothing of it
 * is believed that does not verify: the log's own signature, the root against the tree, the witness's signature by a
 * configured key. The newest such checkpoint is kept with all of its cosignatures.
 *
 * The daemon never waits for a witness. That the head is unwitnessed for long is told once, and once that it no longer
 * is.
 */
#include "evidence/inside.h"

#include <errno.h>
#include <string.h>

/* ---- collecting ---- */

/* The cosignatures of configured keys: line per witness, NULL data where there is none. Returns how many. */
static unsigned find_cosignatures(const struct evidence *evidence, const struct evidence_note *note,
                                  struct relief_str ret_lines[EVIDENCE_WITNESSES_MAX],
                                  int64_t ret_times[EVIDENCE_WITNESSES_MAX])
{
    unsigned count = 0, line;
    for (unsigned i = 0; i < evidence->witness_count; i++) {
        ret_lines[i] = RELIEF_STR_NONE;
        if (!evidence_note_verify(note, &evidence->witnesses[i], &ret_times[i], &line))
            continue;
        ret_lines[i] = note->lines[line];
        count++;
    }
    return count;
}

/* Into evidence->merged: body, the log's signature, the witnesses' in the order of the configuration. */
static void write_merged(struct evidence *evidence, const struct evidence_note *note,
                         const struct relief_str lines[EVIDENCE_WITNESSES_MAX])
{
    struct relief_buf *merged = &evidence->merged;
    unsigned own = 0;
    relief_buf_clear(merged);
    evidence_note_verify(note, &evidence->signer.key, NULL, &own);
    relief_buf_add_str(merged, note->body);
    relief_buf_add_char(merged, '\n');
    relief_buf_add_str(merged, note->lines[own]);
    for (unsigned i = 0; i < evidence->witness_count; i++)
        if (lines[i].data)
            relief_buf_add_str(merged, lines[i]);
}

static void describe(const struct evidence *evidence, uint64_t size,
                     const struct relief_str lines[EVIDENCE_WITNESSES_MAX], const int64_t times[EVIDENCE_WITNESSES_MAX],
                     struct evidence_witnessed *ret)
{
    *ret = (struct evidence_witnessed){.size = size};
    for (unsigned i = 0; i < evidence->witness_count; i++) {
        if (!lines[i].data)
            continue;
        memcpy(ret->by[ret->count].name, evidence->witnesses[i].name, sizeof ret->by[ret->count].name);
        ret->by[ret->count].time = times[i] * 1000;
        if (ret->count == 0 || times[i] * 1000 > ret->time)
            ret->time = times[i] * 1000;
        ret->count++;
    }
}

/* Of the same checkpoint others may have signed before: a witness's newer time counts. */
static void merge_kept(const struct evidence *evidence, struct relief_str lines[EVIDENCE_WITNESSES_MAX],
                       int64_t times[EVIDENCE_WITNESSES_MAX])
{
    struct relief_str kept_lines[EVIDENCE_WITNESSES_MAX];
    int64_t kept_times[EVIDENCE_WITNESSES_MAX] = {0};
    struct evidence_note kept;
    if (!evidence_note_parse(
            &kept, (struct relief_str){evidence->witnessed_note.data, (uint32_t)evidence->witnessed_note.len}))
        return;
    find_cosignatures(evidence, &kept, kept_lines, kept_times);
    for (unsigned i = 0; i < evidence->witness_count; i++)
        if (kept_lines[i].data && (!lines[i].data || kept_times[i] > times[i])) {
            lines[i] = kept_lines[i];
            times[i] = kept_times[i];
        }
}

/* The note becomes the newest witnessed one, unless a newer one is. Only who holds `reading` changes it. */
static int keep(struct evidence *evidence, const struct evidence_note *note, uint64_t size,
                struct relief_str lines[EVIDENCE_WITNESSES_MAX], int64_t times[EVIDENCE_WITNESSES_MAX])
{
    struct evidence_witnessed witnessed;
    if (size < evidence->witnessed.size)
        return 0;
    if (size == evidence->witnessed.size && evidence->witnessed.count)
        merge_kept(evidence, lines, times);
    write_merged(evidence, note, lines);
    if (evidence->merged.failed)
        return -ENOMEM;
    describe(evidence, size, lines, times, &witnessed);
    pthread_mutex_lock(&evidence->lock);
    struct relief_buf old = evidence->witnessed_note;
    evidence->witnessed_note = evidence->merged;
    evidence->merged = old;
    evidence->witnessed = witnessed;
    evidence->witnessed_synced = false;
    if (evidence->behind && size >= evidence->behind_size)
        evidence->behind = false;
    pthread_mutex_unlock(&evidence->lock);
    return 0;
}

int evidence_cosign(struct evidence *evidence, struct relief_str text)
{
    struct relief_str lines[EVIDENCE_WITNESSES_MAX] = {{0}};
    int64_t times[EVIDENCE_WITNESSES_MAX] = {0};
    struct evidence_checkpoint checkpoint;
    struct evidence_note note;
    uint8_t root[EVIDENCE_HASH_BYTES];
    if (!evidence_note_parse(&note, text) || !evidence_checkpoint_parse(&checkpoint, note.body))
        return EVIDENCE_NO_NOTE;
    if (strcmp(checkpoint.origin, evidence->signer.key.name) != 0 ||
        !evidence_note_verify(&note, &evidence->signer.key, NULL, NULL))
        return EVIDENCE_NOT_OURS;
    int rc = evidence_root(evidence, checkpoint.size, root);
    if (rc && rc != -ENOENT)
        return rc;
    if (rc || memcmp(root, checkpoint.root, sizeof root) != 0)
        return EVIDENCE_NOT_THIS;
    if (find_cosignatures(evidence, &note, lines, times) == 0)
        return EVIDENCE_NO_WITNESS;
    pthread_mutex_lock(&evidence->reading);
    rc = keep(evidence, &note, checkpoint.size, lines, times);
    pthread_mutex_unlock(&evidence->reading);
    return rc ? rc : EVIDENCE_TAKEN;
}

/* A key that is no longer configured does not count any more; the note itself stays on disk until a newer one comes. */
void evidence_witnessed_load(struct evidence *evidence, const struct evidence_note *note,
                             const struct evidence_checkpoint *checkpoint)
{
    struct relief_str lines[EVIDENCE_WITNESSES_MAX] = {{0}};
    int64_t times[EVIDENCE_WITNESSES_MAX] = {0};
    if (find_cosignatures(evidence, note, lines, times) == 0)
        return;
    write_merged(evidence, note, lines);
    relief_buf_add(&evidence->witnessed_note, evidence->merged.data, evidence->merged.len);
    describe(evidence, checkpoint->size, lines, times, &evidence->witnessed);
}

/* ---- asking ---- */

void evidence_witnessed(struct evidence *evidence, struct evidence_witnessed *ret_witnessed, struct relief_buf *note)
{
    pthread_mutex_lock(&evidence->lock);
    *ret_witnessed = evidence->witnessed;
    if (note)
        relief_buf_add(note, evidence->witnessed_note.data, evidence->witnessed_note.len);
    pthread_mutex_unlock(&evidence->lock);
}

/*
 * The head moves all the time, so what is watched is one size at a time: the head as it was when nothing was behind.
 * Once a witness reaches it, the head of that moment is next.
 */
enum evidence_watch evidence_watch(struct evidence *evidence, int64_t now_ms)
{
    enum evidence_watch event = EVIDENCE_AS_BEFORE;
    if (evidence->witness_count == 0)
        return event;
    pthread_mutex_lock(&evidence->lock);
    if (!evidence->behind && evidence->told) {
        evidence->told = false;
        event = EVIDENCE_WITNESSED;
    }
    if (!evidence->behind && evidence->newest.size > evidence->witnessed.size) {
        evidence->behind = true;
        evidence->behind_size = evidence->newest.size;
        evidence->behind_since = now_ms;
    } else if (evidence->behind && !evidence->told && now_ms - evidence->behind_since > EVIDENCE_UNWITNESSED_MS) {
        evidence->told = true;
        event = EVIDENCE_UNWITNESSED;
    }
    pthread_mutex_unlock(&evidence->lock);
    return event;
}
