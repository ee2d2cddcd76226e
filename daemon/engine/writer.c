/*
 * One thread, one slot. The loop hands a batch over and goes on; the thread appends it, which hashes, writes and syncs,
 * and wakes the loop. What passes between the two is the slot and its state, under one lock.
 *
 * When no batch follows within IDLE_MS, the thread makes the next segment ready, in pieces: each takes longer than a
 * sync, so none is made while a batch is about to come. Under a load without any such gap one is made every few batches
 * all the same: many short stops are better than a long one when the segment is full.
 */
#include "engine/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_MS 2 /* a loop that has something hands it over within microseconds of the wake */
#define PIECES                                                                                                         \
    9u /* calls of log_prepare after which the next segment is ready: 64 MiB in pieces of 8, and to spare              \
        */
#define PREPARE_EVERY 4u /* batches: half a segment holds many more than PIECES times as many */

enum slot { SLOT_EMPTY, SLOT_HANDED, SLOT_DONE };

struct engine_writer {
    struct engine_writer_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t handed, ended;
    enum slot slot;
    struct engine_batch *batch;
    int error; /* the log's first; sticks */
    bool stop, stopped;
    bool idle; /* the loop thread's own view: no lock for asking */
};

/* Waits for a batch or the end; true: a batch. With `prepare` it is not waited longer than IDLE_MS. */
static bool wait_handed(struct engine_writer *writer, bool prepare)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += IDLE_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (writer->slot != SLOT_HANDED && !writer->stop) {
        if (!prepare)
            pthread_cond_wait(&writer->handed, &writer->lock);
        else if (pthread_cond_timedwait(&writer->handed, &writer->lock, &until) == ETIMEDOUT)
            break;
    }
    return writer->slot == SLOT_HANDED;
}

static int append(struct engine_writer *writer, struct engine_batch *batch)
{
    int rc = log_append(writer->options.log, engine_batch_records(batch), batch->count);
    /* An entry without a hash would break the chain: nothing of this batch may be acknowledged. */
    return rc ? rc : writer->options.hasher->error;
}

/* Makes one batch durable and tells the loop. Called and left with the lock held. */
static void carry_out(struct engine_writer *writer)
{
    struct engine_batch *batch = writer->batch;
    int rc = writer->error;
    pthread_mutex_unlock(&writer->lock);
    if (!rc)
        rc = append(writer, batch);
    pthread_mutex_lock(&writer->lock);
    writer->error = rc;
    writer->slot = SLOT_DONE;
    pthread_cond_signal(&writer->ended);
    pthread_mutex_unlock(&writer->lock);
    if (writer->options.wake)
        writer->options.wake(writer->options.context);
    pthread_mutex_lock(&writer->lock);
}

/* An error here is no news about any batch; the append that needs the segment meets it again and reports it. */
static void make_piece(struct engine_writer *writer)
{
    pthread_mutex_unlock(&writer->lock);
    (void)log_prepare(writer->options.log);
    pthread_mutex_lock(&writer->lock);
}

static void *run(void *context)
{
    struct engine_writer *writer = context;
    unsigned owed = PIECES, batches = 0; /* since the last piece */

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        if (batches < PREPARE_EVERY && wait_handed(writer, owed > 0)) {
            carry_out(writer);
            owed = PIECES;
            batches++;
        } else if (writer->stop && writer->slot != SLOT_HANDED) {
            break;
        } else {
            make_piece(writer);
            owed--;
            batches = 0;
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
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->handed, &attributes);
    pthread_cond_init(&writer->ended, NULL);
    pthread_condattr_destroy(&attributes);
    int rc = -pthread_create(&writer->thread, NULL, run, writer);
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
        *ret_error = writer->error;
        writer->batch = NULL;
        writer->slot = SLOT_EMPTY;
        writer->idle = true;
    }
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

void engine_writer_wait(struct engine_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->slot == SLOT_HANDED)
        pthread_cond_wait(&writer->ended, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
}
