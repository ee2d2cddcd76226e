/*
 * Opening and closing, the table of segments, and what may be asked on any thread. The work is in segment.c (bytes),
 * recover.c (opening what a crash has left), append.c (writing) and cursor.c (reading).
 *
 * A folder has one writer: flock on the folder itself, which ends with the process however that ends. Readers beside it
 * (read_only) take no lock; recover.c says how they get along.
 */
#include "log/local.h"
#include "base/plant.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

int log_damaged(struct log_damage *ret_damage, uint64_t first, uint64_t offset, uint64_t seq, const char *format, ...)
{
    struct log_damage damage = {.offset = offset, .seq = seq};
    char name[LOG_SEGMENT_NAME];
    va_list args;

    log_segment_name(first, name);
    memcpy(damage.segment, name, sizeof(name));
    va_start(args, format);
    (void)vsnprintf(damage.what, sizeof(damage.what), format, args);
    va_end(args);
    *ret_damage = damage;
    return -EUCLEAN;
}

int log_segment_reserve(struct log *log)
{
    int r = 0;

    pthread_mutex_lock(&log->lock);
    if (log->segments_count == log->segments_space) {
        size_t space = log->segments_space ? 2 * log->segments_space : 16;
        struct log_segment **segments = realloc(log->segments, space * sizeof(struct log_segment *));

        if (!segments) {
            r = -ENOMEM;
            goto out;
        }
        log->segments = segments;
        log->segments_space = space;
    }
    if (!log->spare)
        log->spare = calloc(1, sizeof(*log->spare));
    if (!log->spare)
        r = -ENOMEM;
out:
    pthread_mutex_unlock(&log->lock);
    return r;
}

void log_segment_add(struct log *log, uint64_t first, uint64_t bytes)
{
    struct log_segment *segment;

    pthread_mutex_lock(&log->lock);
    if (log->segments_count > 0 && log->segments[log->segments_count - 1]->first == first) {
        /* It held no record, so nobody has read it and it has no marks. */
        segment = log->segments[log->segments_count - 1];
    } else {
        assert(log->spare && log->segments_count < log->segments_space);
        segment = log->segments[log->segments_count++] = log->spare;
        log->spare = NULL;
    }
    segment->first = first;
    segment->bytes = bytes;
    pthread_mutex_unlock(&log->lock);
}

struct log_segment *log_segment_of(struct log *log, uint64_t seq, uint64_t *ret_limit)
{
    size_t low = 0, high = log->segments_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (log->segments[middle]->first <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *ret_limit = low < log->segments_count ? log->segments[low]->first : UINT64_MAX;
    return log->segments[low - 1];
}

void log_mark_add(struct log_segment *segment, uint64_t seq, uint64_t offset)
{
    struct log_mark mark = {.seq = (uint32_t)(seq - segment->first), .offset8 = (uint32_t)(offset / 8)};
    uint64_t last = segment->marks_count ? (uint64_t)segment->marks[segment->marks_count - 1].offset8 * 8 : 0;

    if (offset < last + LOG_MARK_STEP)
        return;
    assert(seq >= segment->first && offset % 8 == 0 && offset <= segment->bytes);
    if (segment->marks_count == segment->marks_space) {
        uint32_t space = segment->marks_space ? 2 * segment->marks_space : 16;
        struct log_mark *marks = realloc(segment->marks, space * sizeof(*marks));

        if (!marks)
            return;
        segment->marks = marks;
        segment->marks_space = space;
    }
    segment->marks[segment->marks_count++] = mark;
}

void log_mark_find(const struct log_segment *segment, uint64_t seq, uint64_t *ret_seq, uint64_t *ret_offset)
{
    uint32_t low = 0, high = segment->marks_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (segment->first + segment->marks[middle].seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_seq = low ? segment->first + segment->marks[low - 1].seq : segment->first;
    *ret_offset = low ? (uint64_t)segment->marks[low - 1].offset8 * 8 : LOG_SEGMENT_HEADER;
}

struct log_head log_durable(struct log *log)
{
    struct log_head head;

    pthread_mutex_lock(&log->lock);
    head = log->head;
    pthread_mutex_unlock(&log->lock);
    return head;
}

uint64_t log_first(struct log *log)
{
    uint64_t first = 0;

    pthread_mutex_lock(&log->lock);
    if (log->segments_count > 0 && log->segments[0]->first <= log->head.seq)
        first = log->segments[0]->first;
    pthread_mutex_unlock(&log->lock);
    return first;
}

int log_segments(struct log *log, struct log_segment_info **ret_segments, size_t *ret_count, struct log_head *ret_head)
{
    struct log_segment_info *infos;
    size_t count = 0;

    pthread_mutex_lock(&log->lock);
    infos = calloc(log->segments_count + 1, sizeof(*infos));
    for (size_t i = 0; infos && i < log->segments_count && log->segments[i]->first <= log->head.seq; i++) {
        const struct log_segment *segment = log->segments[i];
        bool last = i + 1 == log->segments_count;

        infos[count] = (struct log_segment_info){
            .first = segment->first, .bytes = segment->bytes, .end = last ? log->head_end : segment->bytes};
        log_segment_name(segment->first, infos[count].name);
        count++;
    }
    *ret_head = log->head;
    pthread_mutex_unlock(&log->lock);
    if (!infos)
        return -ENOMEM;
    *ret_segments = infos;
    *ret_count = count;
    return 0;
}

static int options_check(const struct log_options *options)
{
    if (!options->dir)
        return -EINVAL;
    if (options->segment_bytes != 0 &&
        (options->segment_bytes < LOG_SEGMENT_MIN || options->segment_bytes > LOG_SEGMENT_MAX / 2))
        return -EINVAL;
    return sodium_init() < 0 ? -ENOSYS : 0;
}

/* Opens the folder, and takes it when this is the writer. */
static int dir_take(struct log *log, const char *dir)
{
    int r = file_open_dir(log->io, dir, !log->read_only, &log->dir_fd);

    if (r < 0)
        return r;
    if (!log->read_only && flock(log->dir_fd, LOCK_EX | LOCK_NB) < 0 && !PLANT("no-lock"))
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return 0;
}

static int log_open_once(struct log **ret_log, const struct log_options *options, struct log_damage *ret_damage,
                         uint64_t *ret_cut)
{
    struct log *log = calloc(1, sizeof(*log));
    int r;

    if (!log)
        return -ENOMEM;
    log->io = options->io ? options->io : &file_io_system;
    log->hash = options->hash;
    log->context = options->context;
    log->read_only = options->read_only;
    log->segment_bytes = (options->segment_bytes ? options->segment_bytes : LOG_SEGMENT_BYTES) & ~(size_t)7;
    log->dir_fd = log->fd = log->next.fd = -1;
    r = -pthread_mutex_init(&log->lock, NULL);
    if (r < 0) {
        free(log);
        return r;
    }
    r = dir_take(log, options->dir);
    if (r == 0)
        r = log_recover(log, ret_damage, ret_cut);
    if (r < 0) {
        log_close(log);
        return r;
    }
    *ret_log = log;
    return 0;
}

int log_open(struct log **ret_log, const struct log_options *options, struct log_damage *ret_damage, uint64_t *ret_cut)
{
    struct log_damage damage = {.offset = 0};
    uint64_t cut = 0;
    int r = options_check(options);

    if (r < 0)
        return r;
    /* Beside a running daemon the folder may be read just when a segment gets its name; that is over at the next look.
     */
    for (int tries = options->read_only ? 3 : 1; tries > 0; tries--) {
        r = log_open_once(ret_log, options, &damage, &cut);
        if (r != -EUCLEAN)
            break;
    }
    if (r == -EUCLEAN && ret_damage)
        *ret_damage = damage;
    if (r == 0 && ret_cut)
        *ret_cut = cut;
    return r;
}

void log_close(struct log *log)
{
    if (!log)
        return;
    if (!log->read_only)
        log_next_drop(log);
    file_close(log->io, log->fd);
    file_close(log->io, log->dir_fd);
    for (size_t i = 0; i < log->segments_count; i++) {
        free(log->segments[i]->marks);
        free(log->segments[i]);
    }
    free(log->segments);
    free(log->spare);
    free(log->buffer);
    pthread_mutex_destroy(&log->lock);
    free(log);
}
