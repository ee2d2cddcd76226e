/*
 * One thread, one slot. The loop hands a batch over and goes on; the thread appends it, which hashes, writes and syncs,
 * and wakes the loop. What passes between the two is the slot and its state, under one lock.
 *
 * When no batch follows within IDLE_MS, the thread makes the next segment ready, in pieces: each takes longer than a
 * sync, so none is made while a batch is about to come. Under a load without any such gap one is made every few batches
 * all the same: many short stops are better than a long one when the segment is full.
 *
 * The evidence comes last. The loop is told that a batch is durable before its nodes are written and its checkpoint is
 * signed, so neither makes an acknowledgement later, and what never became durable never reaches the tree. It is synced
 * when no batch came for EVIDENCE_IDLE_MS, or when a start would have too much to make anew.
 *
 * For want of space nothing ends here. It is told to the loop, which takes no more changes, and every PROBE_MS the
 * thread does what the next batch will need: when all of that succeeds, the want is over.
 */
#include "engine/writer.h"

#include "base/file.h"
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_MS 2 /* a loop that has something hands it over within microseconds of the wake */
#define PIECES                                                                                                         \
    9u /* calls of log_prepare after which the next segment is ready: 64 MiB in pieces of 8, and to spare              \
        */
#define PREPARE_EVERY 4u /* batches: half a segment holds many more than PIECES times as many */

#define EVIDENCE_IDLE_MS    1000 /* four syncs of small files; a request now and then shall not bring that each time */
#define EVIDENCE_SYNC_EVERY 65536u /* entries: half a second of reading the log at the next start */
#define FOREVER             (-1)
#define PROBE_MS            500 /* between two tries on a full disk */

enum slot { SLOT_EMPTY, SLOT_HANDED, SLOT_DONE };

struct engine_writer {
    struct engine_writer_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t handed, ended;
    enum slot slot;
    struct engine_batch *batch;
    int error;       /* the log's first; sticks */
    int batch_error; /* of the batch that is done: this, or a shortage */
    int evidence_error;
    int shortage;             /* what the last try lacked, 0: nothing */
    bool evidence_owed;       /* what was added could not be published for want of space; only this thread's */
    int64_t evidence_time;    /* of the last batch that was added */
    struct relief_buf leaves; /* of the batch; only this thread's */
    bool poked;
    bool stop, stopped;
    bool idle; /* the loop thread's own view: no lock for asking */
};

/* Waits for a batch, the end, a poke or so long; true: a batch. */
static bool wait_handed(struct engine_writer *writer, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (ms > 0 && until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (writer->slot != SLOT_HANDED && !writer->stop && !writer->poked) {
        if (ms == FOREVER)
            pthread_cond_wait(&writer->handed, &writer->lock);
        else if (pthread_cond_timedwait(&writer->handed, &writer->lock, &until) == ETIMEDOUT)
            break;
    }
    writer->poked = false;
    return writer->slot == SLOT_HANDED;
}

static int append(struct engine_writer *writer, struct engine_batch *batch)
{
    relief_buf_clear(&writer->leaves);
    int rc = log_append(writer->options.log, engine_batch_records(batch), batch->count);
    if (rc == -ENOMEM) /* nothing was taken: the entry may find its memory the next time */
        writer->options.hasher->error = 0;
    return rc;
}

/* Notes what a try lacked, or that it lacked nothing. True: the loop should know. Under the lock. */
static bool note_shortage(struct engine_writer *writer, int rc)
{
    bool changed = writer->shortage != rc;
    writer->shortage = rc;
    return changed;
}

static void wake(struct engine_writer *writer)
{
    if (writer->options.wake)
        writer->options.wake(writer->options.context);
}

/* The loop gets an error, or the news that a checkpoint is there for which it waits. Called without the lock. */
static void evidence_done(struct engine_writer *writer, int rc, bool wanted)
{
    pthread_mutex_lock(&writer->lock);
    if (file_is_shortage(rc))
        note_shortage(writer, rc);
    else if (!writer->evidence_error)
        writer->evidence_error = rc;
    pthread_mutex_unlock(&writer->lock);
    if (rc || wanted)
        wake(writer);
}

/* The entries of a durable batch, whose leaves were computed with their hashes. Called without the lock. */
static void give_evidence(struct engine_writer *writer, size_t count, int64_t time)
{
    struct evidence *evidence = writer->options.evidence;
    bool wanted = false;
    uint64_t entries = 0;
    int rc = 0;
    assert(writer->leaves.len == count * EVIDENCE_HASH_BYTES);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = evidence_add(evidence, (const uint8_t *)writer->leaves.data + i * EVIDENCE_HASH_BYTES);
    writer->evidence_time = time;
    if (rc == 0)
        rc = evidence_publish(evidence, time, &wanted);
    writer->evidence_owed = file_is_shortage(rc);
    evidence_done(writer, rc, wanted);
    if (rc == 0 && evidence_unsynced(evidence, &entries) && entries >= EVIDENCE_SYNC_EVERY)
        evidence_done(writer, evidence_sync(evidence), false);
}

/* Makes one batch durable and tells the loop. Called and left with the lock held. */
static void carry_out(struct engine_writer *writer)
{
    struct engine_batch *batch = writer->batch;
    size_t count = batch->count; /* the batch is the loop's again as soon as it is told */
    int64_t time = batch->time;
    int rc = writer->error, evidence_error = writer->evidence_error;
    pthread_mutex_unlock(&writer->lock);
    if (!rc)
        rc = append(writer, batch);
    pthread_mutex_lock(&writer->lock);
    writer->batch_error = rc;
    if (file_is_shortage(rc))
        note_shortage(writer, rc);
    else
        writer->error = rc;
    writer->slot = SLOT_DONE;
    pthread_cond_signal(&writer->ended);
    pthread_mutex_unlock(&writer->lock);
    wake(writer);
    if (!rc && !evidence_error && writer->options.evidence)
        give_evidence(writer, count, time);
    pthread_mutex_lock(&writer->lock);
}

/* An error here is no news about any batch, and the next append meets it again; a shortage is told while there is still
 * room. */
static void make_piece(struct engine_writer *writer)
{
    pthread_mutex_unlock(&writer->lock);
    int rc = log_prepare(writer->options.log);
    pthread_mutex_lock(&writer->lock);
    if (file_is_shortage(rc) && note_shortage(writer, rc))
        wake(writer);
}

static bool evidence_waits(const struct engine_writer *writer)
{
    return writer->options.evidence && !writer->evidence_error && evidence_unsynced(writer->options.evidence, NULL);
}

static void sync_evidence(struct engine_writer *writer)
{
    pthread_mutex_unlock(&writer->lock);
    evidence_done(writer, evidence_sync(writer->options.evidence), false);
    pthread_mutex_lock(&writer->lock);
}

/* Is there enough again? Then everything that was left undone for want of it is done here. */
static void probe(struct engine_writer *writer)
{
    struct evidence *evidence = writer->evidence_error ? NULL : writer->options.evidence;
    bool wanted = false;
    pthread_mutex_unlock(&writer->lock);
    int rc = log_make_room(writer->options.log), failed = 0;
    if (rc == 0 && evidence && writer->evidence_owed)
        failed = evidence_publish(evidence, writer->evidence_time, &wanted);
    writer->evidence_owed = writer->evidence_owed && (rc || failed);
    if (rc == 0 && failed == 0 && evidence && evidence_unsynced(evidence, NULL))
        failed = evidence_sync(evidence);
    if (failed && !file_is_shortage(failed))
        evidence_done(writer, failed, false);
    rc = rc ? rc : failed;
    pthread_mutex_lock(&writer->lock);
    if (note_shortage(writer, file_is_shortage(rc) ? rc : 0) || wanted) /* what else failed the next batch meets */
        wake(writer);
}

/* Nothing to do for as long as it takes to be called idle: what there is to do then. FOREVER: nothing. */
static int idle_ms(const struct engine_writer *writer, unsigned owed)
{
    return owed > 0 ? IDLE_MS : evidence_waits(writer) ? EVIDENCE_IDLE_MS : FOREVER;
}

static void *run(void *context)
{
    struct engine_writer *writer = context;
    unsigned owed = PIECES, batches = 0; /* since the last piece */

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        if (writer->shortage && !writer->stop) {
            if (wait_handed(writer, PROBE_MS))
                carry_out(writer);
            else if (!writer->stop)
                probe(writer);
        } else if (batches < PREPARE_EVERY && wait_handed(writer, idle_ms(writer, owed))) {
            carry_out(writer);
            owed = PIECES;
            batches++;
        } else if (writer->stop && writer->slot != SLOT_HANDED) {
            break;
        } else if (owed > 0) {
            make_piece(writer);
            owed--;
            batches = 0;
        } else if (evidence_waits(writer)) {
            sync_evidence(writer);
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

int engine_writer_open(struct engine_writer **ret_writer, const struct engine_writer_options *options)
{
    struct engine_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return -ENOMEM;
    writer->options = *options;
    writer->idle = true;
    if (options->evidence) {
        int failed = engine_entry_hasher_tree(options->hasher, &writer->leaves);
        if (failed) {
            free(writer);
            return failed;
        }
    }
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->handed, &attributes);
    pthread_cond_init(&writer->ended, NULL);
    pthread_condattr_destroy(&attributes);
    int rc = thread_start(&writer->thread, run, writer);
    if (rc) {
        writer->stopped = true;
        engine_writer_close(writer);
        return rc;
    }
    *ret_writer = writer;
    return 0;
}

void engine_writer_stop(struct engine_writer *writer)
{
    if (!writer || writer->stopped)
        return;
    engine_writer_wait(writer);
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->handed);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer->stopped = true;
}

void engine_writer_close(struct engine_writer *writer)
{
    if (!writer)
        return;
    engine_writer_stop(writer);
    pthread_cond_destroy(&writer->handed);
    pthread_cond_destroy(&writer->ended);
    pthread_mutex_destroy(&writer->lock);
    writer->options.hasher->leaves = NULL;
    relief_buf_deinit(&writer->leaves);
    free(writer);
}

bool engine_writer_idle(const struct engine_writer *writer)
{
    return writer->idle;
}

void engine_writer_hand(struct engine_writer *writer, struct engine_batch *batch)
{
    writer->idle = false;
    pthread_mutex_lock(&writer->lock);
    writer->batch = batch;
    writer->slot = SLOT_HANDED;
    pthread_cond_signal(&writer->handed);
    pthread_mutex_unlock(&writer->lock);
}

struct engine_batch *engine_writer_collect(struct engine_writer *writer, int *ret_error)
{
    struct engine_batch *batch = NULL;
    if (writer->idle)
        return NULL;
    pthread_mutex_lock(&writer->lock);
    if (writer->slot == SLOT_DONE) {
        batch = writer->batch;
        *ret_error = writer->batch_error;
        writer->batch = NULL;
        writer->slot = SLOT_EMPTY;
        writer->idle = true;
    }
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

int engine_writer_shortage(struct engine_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    int rc = writer->shortage;
    pthread_mutex_unlock(&writer->lock);
    return rc;
}

int engine_writer_evidence_error(struct engine_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    int rc = writer->evidence_error;
    pthread_mutex_unlock(&writer->lock);
    return rc;
}

void engine_writer_poke(struct engine_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->poked = true;
    pthread_cond_signal(&writer->handed);
    pthread_mutex_unlock(&writer->lock);
}

void engine_writer_wait(struct engine_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->slot == SLOT_HANDED)
        pthread_cond_wait(&writer->ended, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
}
