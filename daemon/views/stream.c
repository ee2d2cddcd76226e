/*
 * The queue between a worker and the loop. The worker waits when it is full, for the peer, for the end of its time, or
 * until nobody wants it any more; the loop never waits.
 */
#include "views/stream.h"
#include "base/thread.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct views_stream {
    struct views_stream_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct relief_buf chunks[VIEWS_STREAM_CHUNKS];
    unsigned first, count;
    bool cancelled, finished;
    int result;
    int64_t deadline_ms; /* monotonic; the worker's own */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int views_stream_put(struct views_stream *stream, const struct relief_buf *message)
{
    struct timespec until = {.tv_sec = (time_t)(stream->deadline_ms / 1000),
                             .tv_nsec = stream->deadline_ms % 1000 * 1000000};
    int result = 0;
    pthread_mutex_lock(&stream->lock);
    while (stream->count == VIEWS_STREAM_CHUNKS && !stream->cancelled && result == 0)
        result = -pthread_cond_timedwait(&stream->room, &stream->lock, &until);
    if (stream->cancelled)
        result = -ECANCELED;
    else if (stream->count < VIEWS_STREAM_CHUNKS)
        result = 0;
    else
        result = -ETIME;
    if (result == 0)
        stream->chunks[(stream->first + stream->count++) % VIEWS_STREAM_CHUNKS] = *message;
    pthread_mutex_unlock(&stream->lock);
    if (result == 0)
        stream->options.wake(stream->options.wake_context);
    return result;
}

int views_stream_over(struct views_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool cancelled = stream->cancelled;
    pthread_mutex_unlock(&stream->lock);
    if (cancelled)
        return -ECANCELED;
    return now_ms() > stream->deadline_ms ? -ETIME : 0;
}

void views_stream_extend(struct views_stream *stream, int64_t ms)
{
    stream->deadline_ms = now_ms() + ms;
}

/* Long reads give way to requests, which somebody waits for: where processors are short the worker gets a tenth of what
 * the others do. On Linux a thread has a nice value of its own; it ends with the thread. */
static void give_way(void)
{
    (void)setpriority(PRIO_PROCESS, 0, VIEWS_STREAM_NICE);
}

static void *worker(void *context)
{
    struct views_stream *stream = context;
    give_way();
    int result = stream->options.work(stream, stream->options.context);
    pthread_mutex_lock(&stream->lock);
    stream->result = result;
    stream->finished = true;
    pthread_mutex_unlock(&stream->lock);
    stream->options.wake(stream->options.wake_context);
    return NULL;
}

int views_stream_start(struct views_stream **ret, const struct views_stream_options *options)
{
    struct views_stream *stream = calloc(1, sizeof *stream);
    pthread_condattr_t attributes;
    if (!stream)
        return -ENOMEM;
    stream->options = *options;
    stream->deadline_ms = now_ms() + options->ms_max;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&stream->room, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret = stream; /* the worker's context may lead to it */
    int result = thread_start(&stream->thread, worker, stream);
    if (result) {
        pthread_cond_destroy(&stream->room);
        pthread_mutex_destroy(&stream->lock);
        free(stream);
        *ret = NULL;
    }
    return result;
}

int views_stream_take(struct views_stream *stream, struct relief_buf *ret)
{
    int result = 0;
    pthread_mutex_lock(&stream->lock);
    if (stream->count > 0) {
        *ret = stream->chunks[stream->first];
        stream->first = (stream->first + 1) % VIEWS_STREAM_CHUNKS;
        stream->count--;
        pthread_cond_signal(&stream->room);
        result = 1;
    } else if (stream->finished) {
        result = stream->result ? stream->result : -ENODATA;
    }
    pthread_mutex_unlock(&stream->lock);
    return result;
}

bool views_stream_finished(struct views_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool finished = stream->finished;
    pthread_mutex_unlock(&stream->lock);
    return finished;
}

void views_stream_free(struct views_stream *stream)
{
    if (!stream)
        return;
    pthread_mutex_lock(&stream->lock);
    stream->cancelled = true;
    pthread_cond_signal(&stream->room);
    pthread_mutex_unlock(&stream->lock);
    pthread_join(stream->thread, NULL);
    for (; stream->count > 0; stream->count--) {
        relief_buf_deinit(&stream->chunks[stream->first]);
        stream->first = (stream->first + 1) % VIEWS_STREAM_CHUNKS;
    }
    pthread_cond_destroy(&stream->room);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}
