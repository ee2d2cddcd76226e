/*
 * The log's thread: takes a batch, makes it durable, says so. One batch at a time, so the next one is written only after the
 * sync of the one before (DESIGN 3.6).
 */
#pragma once
#include "engine/batch.h"
#include "engine/entry.h"

struct engine_writer;

struct engine_writer_options {
    struct log *log;
    struct engine_entry_hasher *hasher; /* that of the log: used by this thread only from here on */
    struct evidence *evidence;          /* NULL: none is kept. Of this thread what evidence/notary.h says */
    void (*wake)(void *context);        /* on the writer's thread: a batch ended */
    void *context;
};

int engine_writer_open(struct engine_writer **ret_writer, const struct engine_writer_options *options);
/* Waits for the batch that is under way; engine_writer_collect still tells how it ended. */
void engine_writer_stop(struct engine_writer *writer);
void engine_writer_close(struct engine_writer *writer);
/* No batch is with the thread, or waits to be collected. Loop thread. */
bool engine_writer_idle(const struct engine_writer *writer);
/* Hands a batch over; the writer must be idle. Only engine_batch_find may touch it until it was collected. */
void engine_writer_hand(struct engine_writer *writer, struct engine_batch *batch);
/*
 * A batch ended: NULL when none did. *ret_error is 0, the log's first error, or what it lacked (file_is_shortage): then nothing of the
 * batch is in the log, and the next one may be taken.
 */
struct engine_batch *engine_writer_collect(struct engine_writer *writer, int *ret_error);
/* What the last try lacked, of a batch, of the next segment or of the evidence: -errno. 0: nothing; the loop is woken when that changes. */
int engine_writer_shortage(struct engine_writer *writer);
/* The evidence's first error, or 0. */
int engine_writer_evidence_error(struct engine_writer *writer);
/* Something of the evidence is to be synced that no batch brought. */
void engine_writer_poke(struct engine_writer *writer);
/* Sleeps until a batch that is under way has ended; returns at once when none is. */
void engine_writer_wait(struct engine_writer *writer);
