/*
 * A long read on a thread of its own, whose messages the loop passes on as fast as the peer reads: the queue between the two holds
 * VIEWS_STREAM_CHUNKS of them, so that a stream holds a megabyte, whatever it reads.
 */
#pragma once
#include "schema/buf.h"

#define VIEWS_STREAM_CHUNKS 4u
#define VIEWS_STREAM_NICE   10 /* a tenth of the weight of a thread with nice 0 */

struct views_stream;

/* The worker. 0: everything was put; or -errno, among them what the calls below said. */
typedef int views_stream_work(struct views_stream *stream, void *context);

struct views_stream_options {
    views_stream_work *work;
    void *context;
    int64_t ms_max;
    void (*wake)(void *context); /* any thread: views_stream_take has something */
    void *wake_context;
};

int views_stream_start(struct views_stream **ret, const struct views_stream_options *options);

/* ---- the worker's ---- */
/* Takes the message over, waits for room. 0; -ECANCELED, -ETIME: the message stays the caller's. */
int views_stream_put(struct views_stream *stream, const struct relief_buf *message);
/* 0, -ECANCELED or -ETIME. */
int views_stream_over(struct views_stream *stream);
/* From now on the time limit is that many ms away. */
void views_stream_extend(struct views_stream *stream, int64_t ms);

/* ---- the loop's ---- */
/* 1: *ret is the next message, the caller's to free. 0: nothing yet. Otherwise it is over: -ENODATA after everything, or the worker's error. */
int views_stream_take(struct views_stream *stream, struct relief_buf *ret);
/* The worker has ended; what it made may still have to be taken. */
bool views_stream_finished(struct views_stream *stream);
/* Stops the worker, waits for it, frees. */
void views_stream_free(struct views_stream *stream);
