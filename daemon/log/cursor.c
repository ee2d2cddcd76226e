/*
 * Reading in order, from any thread. A cursor has its own descriptor and window and asks the log, under its lock, for
 * two things only: how far is durable, and in which segment near which offset a number lies.
 *
 * What lies behind the durable end may be half written, and a window read earlier may hold zeros where a record stands
 * now: the window is dropped whenever the durable end has moved. The marks are sparse; from the nearest one the cursor
 * steps over the headers of the records in between, and leaves marks where there were none.
 *
 * Each record's check, number and place in the file are tested again. The hash chain is not: whoever wants it computes
 * it from what the cursor gives (relief check, relief verify), the callback of the log belongs to the appending thread.
 */
#include "log/local.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct log_cursor {
    struct log *log;
    uint64_t seq;     /* the next one to give */
    uint64_t durable; /* as last asked */
    uint64_t first;   /* of the segment that is open; 0: none is */
    uint64_t limit;   /* first number of the segment behind it, as last asked */
    uint64_t offset;  /* where seq lies in the open segment */
    uint64_t marked;  /* offset of the last mark that was left or used */
    uint8_t key[LOG_KEY_BYTES];
    int fd;
    struct log_reader reader;
    struct log_damage damage;
};

int log_cursor_open(struct log_cursor **ret, struct log *log, uint64_t from)
{
    uint64_t first = log_first(log);
    struct log_cursor *cursor;

    if (from == 0)
        from = first ? first : 1;
    if (first ? from < first : from < log_durable(log).seq)
        return -ENOENT;
    cursor = calloc(1, sizeof(*cursor));
    if (!cursor)
        return -ENOMEM;
    cursor->log = log;
    cursor->seq = from;
    cursor->fd = -1;
    cursor->reader = LOG_READER_INIT;
    *ret = cursor;
    return 0;
}

void log_cursor_close(struct log_cursor *cursor)
{
    if (!cursor)
        return;
    file_close(cursor->log->io, cursor->fd);
    log_reader_deinit(&cursor->reader);
    free(cursor);
}

void log_cursor_damage(const struct log_cursor *cursor, struct log_damage *ret)
{
    *ret = cursor->damage;
}

/* Asks how far is durable, and whether the open segment has got one behind it. */
static void cursor_refresh(struct log_cursor *cursor)
{
    struct log *log = cursor->log;
    uint64_t limit = 0;

    pthread_mutex_lock(&log->lock);
    if (cursor->durable != log->head.seq)
        cursor->reader.len = 0;
    cursor->durable = log->head.seq;
    if (cursor->first && log_segment_of(log, cursor->first, &limit))
        cursor->limit = limit;
    pthread_mutex_unlock(&log->lock);
}

static void cursor_mark(struct log_cursor *cursor, uint64_t seq)
{
    struct log_segment *segment;
    uint64_t limit;

    if (cursor->offset - cursor->marked < LOG_MARK_STEP)
        return;
    cursor->marked = cursor->offset;
    pthread_mutex_lock(&cursor->log->lock);
    segment = log_segment_of(cursor->log, seq, &limit);
    if (segment && segment->first == cursor->first)
        log_mark_add(segment, seq, cursor->offset);
    pthread_mutex_unlock(&cursor->log->lock);
}

static int cursor_broken(struct log_cursor *cursor, uint64_t seq, const char *what)
{
    return log_damaged(&cursor->damage, cursor->first, cursor->offset, seq, "%s", what);
}

/* From the record `seq` at cursor->offset over the headers to the record cursor->seq. */
static int cursor_skip(struct log_cursor *cursor, uint64_t seq)
{
    while (seq < cursor->seq) {
        struct log_frame frame;
        uint8_t *bytes;
        size_t len;
        int r = log_reader_get(&cursor->reader, cursor->offset, LOG_FRAME_HEADER, &bytes);

        if (r == -EUCLEAN)
            return cursor_broken(cursor, seq, "the segment ends before this record");
        if (r < 0)
            return r;
        len = log_frame_announced(cursor->key, bytes);
        if (len == 0)
            return cursor_broken(cursor, seq, "not a record");
        log_frame_decode(bytes, &frame);
        if (frame.record.seq != seq)
            return cursor_broken(cursor, seq, "another number than follows");
        cursor->offset += len;
        seq++;
        cursor_mark(cursor, seq);
    }
    return 0;
}

/* Opens the segment of cursor->seq, which is durable, and goes there. */
static int cursor_seek(struct log_cursor *cursor)
{
    struct log *log = cursor->log;
    struct log_segment_header header;
    struct log_segment *segment;
    char name[LOG_SEGMENT_NAME];
    uint64_t seq = 0, offset = 0, limit = 0, first = 0;
    int r;

    pthread_mutex_lock(&log->lock);
    segment = log_segment_of(log, cursor->seq, &limit);
    if (segment) {
        first = segment->first;
        log_mark_find(segment, cursor->seq, &seq, &offset);
    }
    pthread_mutex_unlock(&log->lock);
    if (!segment)
        return -ENOENT;

    file_close(log->io, cursor->fd);
    cursor->fd = -1;
    cursor->first = 0;
    log_segment_name(first, name);
    r = file_open(log->io, log->dir_fd, name, O_RDONLY, &cursor->fd);
    if (r < 0)
        return r;
    r = log_segment_header_read(log->io, cursor->fd, first, &header);
    if (r == -EUCLEAN)
        return log_damaged(&cursor->damage, first, 0, first, "bad header");
    if (r < 0)
        return r;
    memcpy(cursor->key, header.key, sizeof(cursor->key));
    log_reader_aim(&cursor->reader, log->io, cursor->fd, header.bytes);
    cursor->first = first;
    cursor->limit = limit;
    cursor->offset = offset;
    cursor->marked = offset;
    r = cursor_skip(cursor, seq);
    if (r < 0)
        cursor->first = 0;
    return r;
}

int log_cursor_next(struct log_cursor *cursor, struct log_record *ret)
{
    enum log_found found;
    struct log_frame frame;
    int r;

    if (cursor->seq > cursor->durable)
        cursor_refresh(cursor);
    if (cursor->seq > cursor->durable)
        return 0;
    if (cursor->first == 0 || cursor->seq >= cursor->limit) {
        r = cursor_seek(cursor);
        if (r < 0)
            return r;
    }
    r = log_reader_frame(&cursor->reader, cursor->key, cursor->offset, &found, &frame);
    if (r == -EUCLEAN)
        return cursor_broken(cursor, cursor->seq, "the file has become shorter");
    if (r < 0)
        return r;
    if (found != LOG_FOUND_RECORD)
        return cursor_broken(cursor, cursor->seq, found == LOG_FOUND_BAD ? "bad record" : "no record");
    if (frame.record.seq != cursor->seq)
        return cursor_broken(cursor, cursor->seq, "another number than follows");
    *ret = frame.record;
    cursor->offset += frame.bytes;
    cursor->seq++;
    cursor_mark(cursor, cursor->seq);
    return 1;
}
