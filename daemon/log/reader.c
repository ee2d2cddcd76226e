/*
 * A window of a segment in memory, moved by pread. Not mmap: a file that someone made shorter would end the daemon with
 * SIGBUS, here it is an answer. The window grows to the largest record (RELIEF_ENTRY_BYTES_MAX) at most.
 */
#include "log/local.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void log_reader_deinit(struct log_reader *reader)
{
    free(reader->bytes);
    *reader = LOG_READER_INIT;
}

void log_reader_aim(struct log_reader *reader, const struct file_io *io, int fd, uint64_t limit)
{
    reader->io = io;
    reader->fd = fd;
    reader->limit = limit;
    reader->len = 0;
    reader->offset = 0;
}

static int reader_grow(struct log_reader *reader, size_t len)
{
    size_t space = len > LOG_READ_AHEAD ? len : LOG_READ_AHEAD;
    uint8_t *bytes;

    if (space <= reader->space)
        return 0;
    bytes = malloc(space);
    if (!bytes)
        return -ENOMEM;
    free(reader->bytes);
    reader->bytes = bytes;
    reader->space = space;
    reader->len = 0;
    return 0;
}

int log_reader_get(struct log_reader *reader, uint64_t offset, size_t len, uint8_t **ret_bytes)
{
    size_t want;
    ssize_t n;
    int r;

    if (offset >= reader->offset && offset - reader->offset <= reader->len &&
        reader->len - (offset - reader->offset) >= len) {
        *ret_bytes = reader->bytes + (offset - reader->offset);
        return 0;
    }
    if (offset > reader->limit || reader->limit - offset < len)
        return -EUCLEAN;
    r = reader_grow(reader, len);
    if (r < 0)
        return r;
    want = reader->limit - offset < reader->space ? (size_t)(reader->limit - offset) : reader->space;
    if (want > LOG_READ_AHEAD && want > len)
        want = len > LOG_READ_AHEAD ? len : LOG_READ_AHEAD;
    reader->len = 0;
    n = file_read(reader->io, reader->fd, reader->bytes, want, offset);
    if (n < 0)
        return (int)n;
    reader->offset = offset;
    reader->len = (size_t)n;
    if ((size_t)n < len)
        return -EUCLEAN;
    *ret_bytes = reader->bytes;
    return 0;
}

int log_reader_frame(struct log_reader *reader, const uint8_t key[LOG_KEY_BYTES], uint64_t offset,
                     enum log_found *ret_found, struct log_frame *ret)
{
    static const uint8_t zeros[LOG_FRAME_HEADER];
    uint8_t *bytes;
    size_t len;
    int r;

    if (offset > reader->limit || reader->limit - offset < LOG_FRAME_HEADER) {
        *ret_found = LOG_FOUND_END;
        return 0;
    }
    r = log_reader_get(reader, offset, LOG_FRAME_HEADER, &bytes);
    if (r < 0)
        return r;
    len = log_frame_announced(key, bytes);
    if (len == 0 || len > reader->limit - offset) {
        *ret_found = memcmp(bytes, zeros, sizeof(zeros)) == 0 ? LOG_FOUND_ZEROS : LOG_FOUND_BAD;
        return 0;
    }
    r = log_reader_get(reader, offset, len, &bytes);
    if (r < 0)
        return r;
    if (!log_frame_check(key, bytes, len)) {
        *ret_found = LOG_FOUND_BAD;
        return 0;
    }
    log_frame_decode(bytes, ret);
    *ret_found = LOG_FOUND_RECORD;
    return 0;
}
