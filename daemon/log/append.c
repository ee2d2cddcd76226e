/*
 * Writing: a batch is laid out in one buffer, written with one pwrite and made durable with one fdatasync. The place it
 * goes to is zeros already, blocks and size of the file are settled, so the sync has data to write and no journal of
 * the file system.
 *
 * A segment is made under a name of its own (next.tmp), filled with zeros and synced, renamed to next.seg and the
 * folder synced: next.seg is always whole. When it is its turn it gets its header, is synced, and renamed to its
 * number, and the folder synced, all before the first batch is written to it: a file with a number always has a good
 * header. log_prepare does the long part ahead of time; a batch that comes sooner than that waits for the rest of it.
 *
 * A batch is never split over two segments, so what a crash can tear lies in one file.
 *
 * A full disk is no failure of what is written. The log stays as it was and says so; what a batch has left behind the
 * end is made zeros again before anything else goes there, so that its records can't be taken for a part of the next.
 */
#include "log/local.h"
#include "base/plant.h"
#include "schema/limits.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(LOG_BATCH_BYTES_MAX / LOG_FRAME_HEADER <= LOG_PLACE_MAX, "each record of a batch has a place in it");

#define SEGMENT_BLOCK 4096u /* the size of a segment made for one batch is rounded up to this */

void log_next_drop(struct log *log)
{
    if (log->next.fd >= 0 && !log->next.ready)
        (void)file_unlink(log->io, log->dir_fd, LOG_NEXT_TMP);
    file_close(log->io, log->next.fd);
    log->next = (struct log_next){.fd = -1};
}

/* Fills a bit of next.tmp; when it is full its zeros are durable, the name isn't. */
static int next_fill(struct log *log, uint64_t step)
{
    struct log_next *next = &log->next;
    uint64_t left;
    int r;

    if (next->fd < 0) {
        r = file_open(log->io, log->dir_fd, LOG_NEXT_TMP, O_RDWR | O_CREAT | O_TRUNC, &next->fd);
        if (r < 0)
            return r;
        next->done = 0;
        r = file_allocate(log->io, next->fd, log->segment_bytes);
        if (r < 0)
            return r;
    }
    left = log->segment_bytes - next->done;
    step = step < left ? step : left;
    r = log_segment_zero(log->io, next->fd, next->done, next->done + step);
    if (r < 0)
        return r;
    next->done += step;
    return next->done < log->segment_bytes ? 0 : file_sync(log->io, next->fd);
}

/* What can't be got over sticks, and never looks like a shortage. */
static int stick(struct log *log, int r)
{
    log->failed = file_is_shortage(r) ? -EIO : r;
    return log->failed;
}

static int next_make(struct log *log, uint64_t step)
{
    int r = next_fill(log, step);

    if (r == 0 && log->next.done < log->segment_bytes)
        return 0;
    if (r == 0)
        r = file_rename(log->io, log->dir_fd, LOG_NEXT_TMP, LOG_NEXT_NAME);
    if (r == 0) {
        log->next.ready = true;
        r = file_sync(log->io, log->dir_fd);
    }
    if (r < 0) {
        /* A full disk harms nothing that is written; any other error means that the disk can't be relied on. */
        if (!file_is_shortage(r))
            stick(log, r);
        log_next_drop(log);
    }
    return r;
}

int log_prepare(struct log *log)
{
    struct log_segment *segment = log->segments_count ? log->segments[log->segments_count - 1] : NULL;

    if (log->read_only)
        return -EROFS;
    if (log->failed < 0)
        return log->failed;
    if (log->next.ready || (segment && log->end <= segment->bytes / 2))
        return 0;
    return next_make(log, LOG_PREPARE_STEP);
}

/* Zeros where a batch that was not taken may stand. */
static int clean(struct log *log)
{
    int r;

    if (log->dirty_end == 0)
        return 0;
    r = log_segment_zero(log->io, log->fd, log->end, log->dirty_end);
    if (r == 0)
        r = file_datasync(log->io, log->fd);
    if (r == 0)
        log->dirty_end = 0;
    else if (!file_is_shortage(r))
        stick(log, r);
    return r;
}

int log_make_room(struct log *log)
{
    int r;

    if (log->failed < 0)
        return log->failed;
    r = clean(log);
    return r < 0 || log->next.ready ? r : next_make(log, log->segment_bytes);
}

/* A segment for one batch that is larger than a segment, zero-filled and synced under large.tmp. */
static int large_make(struct log *log, uint64_t bytes, int *ret_fd)
{
    int fd, r;

    r = file_open(log->io, log->dir_fd, LOG_LARGE_TMP, O_RDWR | O_CREAT | O_TRUNC, &fd);
    if (r < 0)
        return r;
    r = file_allocate(log->io, fd, bytes);
    if (r == 0)
        r = log_segment_zero(log->io, fd, 0, bytes);
    if (r == 0)
        r = file_sync(log->io, fd);
    if (r < 0) {
        (void)file_unlink(log->io, log->dir_fd, LOG_LARGE_TMP);
        file_close(log->io, fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* First number of the segment that will stand before one that begins at first; an empty one of the same number gives
 * way. */
static uint64_t segment_before(const struct log *log, uint64_t first)
{
    size_t n = log->segments_count;

    if (n > 0 && log->segments[n - 1]->first == first)
        n--;
    return n > 0 ? log->segments[n - 1]->first : 0;
}

/* Goes over to a new segment with room for a batch of that size. */
static int segment_roll(struct log *log, uint64_t batch_bytes)
{
    struct log_segment_header header = {.first = log->head.seq + 1, .bytes = log->segment_bytes};
    bool large = LOG_SEGMENT_HEADER + batch_bytes > log->segment_bytes;
    const char *from = large ? LOG_LARGE_TMP : log->next.ready ? LOG_NEXT_NAME : LOG_NEXT_TMP;
    uint8_t bytes[LOG_SEGMENT_HEADER];
    char name[LOG_SEGMENT_NAME];
    bool named = false;
    int fd = -1, r = 0;

    r = log_segment_reserve(log);
    if (r < 0)
        return r;
    if (large) {
        header.bytes = (LOG_SEGMENT_HEADER + batch_bytes + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
        r = large_make(log, header.bytes, &fd);
    } else {
        if (!log->next.ready)
            r = next_fill(log, log->segment_bytes);
        if (r < 0)
            log_next_drop(log);
        fd = log->next.fd;
    }
    if (r < 0)
        return file_is_shortage(r) ? r : stick(log, r);
    header.before = segment_before(log, header.first);
    randombytes_buf(header.key, sizeof(header.key));
    log_segment_header_encode(&header, bytes);
    log_segment_name(header.first, name);
    r = file_write(log->io, fd, bytes, sizeof(bytes), 0);
    if (r == 0)
        r = file_datasync(log->io, fd);
    if (r == 0)
        r = file_rename(log->io, log->dir_fd, from, name);
    named = r == 0;
    if (r == 0)
        r = file_sync(log->io, log->dir_fd);
    if (r < 0) {
        if (large)
            file_close(log->io, fd);
        /* A next segment that has no name yet is used when there is space again. */
        return named || !file_is_shortage(r) ? stick(log, r) : r;
    }
    log_segment_add(log, header.first, header.bytes);
    if (!large)
        log->next = (struct log_next){.fd = -1};
    file_close(log->io, log->fd);
    log->fd = fd;
    log->end = LOG_SEGMENT_HEADER;
    memcpy(log->key, header.key, sizeof(log->key));
    return 0;
}

/* What the caller owes us: numbers without a gap, known flags, commands that are whole, sizes within their bounds. */
static int batch_measure(const struct log *log, const struct log_record *records, size_t count, size_t *ret_bytes)
{
    size_t bytes = 0;

    if (records[count - 1].flags & LOG_MORE)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (records[i].seq != log->head.seq + 1 + i || (records[i].flags & ~LOG_MORE) != 0)
            return -EINVAL;
        if (records[i].len > RELIEF_ENTRY_BYTES_MAX)
            return -E2BIG;
        bytes += log_frame_bytes(records[i].len);
        if (bytes > LOG_BATCH_BYTES_MAX)
            return -E2BIG;
    }
    *ret_bytes = bytes;
    return 0;
}

static int buffer_reserve(struct log *log, size_t bytes)
{
    size_t space = log->buffer_space ? log->buffer_space : LOG_SEGMENT_MIN;
    uint8_t *buffer;

    if (bytes <= log->buffer_space)
        return 0;
    while (space < bytes)
        space *= 2;
    buffer = malloc(space);
    if (!buffer)
        return -ENOMEM;
    free(log->buffer);
    log->buffer = buffer;
    log->buffer_space = space;
    return 0;
}

static void buffer_relax(struct log *log)
{
    if (log->buffer_space <= LOG_BUFFER_KEEP)
        return;
    free(log->buffer);
    log->buffer = NULL;
    log->buffer_space = 0;
}

/* Fills in batch and prev of each record and lays them out in the buffer; *head moves on to the last one. */
static int batch_encode(struct log *log, struct log_record *records, size_t count, struct log_head *head)
{
    uint8_t *at = log->buffer;

    for (size_t i = 0; i < count; i++) {
        struct log_record *record = &records[i];

        record->batch = log->batch + 1;
        memcpy(record->prev, head->hash, LOG_HASH_BYTES);
        log_frame_encode(log->key, record, (uint32_t)i, at);
        at += log_frame_bytes(record->len);
        head->seq = record->seq;
        int r = log->hash ? log->hash(log->context, record, head->hash) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Written and synced; a shortage leaves something to be cleaned. */
static int batch_write(struct log *log, size_t bytes)
{
    int r = PLANT("late-sync") ? file_datasync(log->io, log->fd) : 0; /* of the batch before */

    if (r == 0)
        r = file_write(log->io, log->fd, log->buffer, bytes, log->end);
    if (file_is_shortage(r)) {
        log->dirty_end = log->end + bytes;
        return r;
    }
    if (r == 0 && !PLANT("late-sync") && !PLANT("no-sync"))
        r = file_datasync(log->io, log->fd);
    return r < 0 ? stick(log, r) : 0;
}

static void batch_publish(struct log *log, const struct log_record *records, size_t count, const struct log_head *head)
{
    struct log_segment *segment = log->segments[log->segments_count - 1];
    uint64_t offset = log->end;

    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < count; i++) {
        log_mark_add(segment, records[i].seq, offset);
        offset += log_frame_bytes(records[i].len);
    }
    log->head = *head;
    log->head_end = offset;
    pthread_mutex_unlock(&log->lock);
}

int log_append(struct log *log, struct log_record *records, size_t count)
{
    struct log_head head = log->head;
    size_t bytes = 0;
    int r;

    if (log->read_only)
        return -EROFS;
    if (log->failed < 0)
        return log->failed;
    if (count == 0)
        return 0;
    r = batch_measure(log, records, count, &bytes);
    if (r == 0)
        r = buffer_reserve(log, bytes);
    if (r == 0)
        r = clean(log);
    if (r < 0)
        return r;

    if (log->fd < 0 || log->segments[log->segments_count - 1]->bytes - log->end < bytes)
        r = segment_roll(log, bytes);
    if (r == 0)
        r = batch_encode(log, records, count, &head);
    if (r == 0)
        r = batch_write(log, bytes);
    if (r == 0) {
        batch_publish(log, records, count, &head);
        log->end += bytes;
        log->batch++;
    }
    buffer_relax(log);
    return r;
}
