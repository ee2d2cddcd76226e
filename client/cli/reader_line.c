/*
 * Bytes of a file, and its lines. A line is handed out where it was read, without a copy.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/reader_form.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

bool reader_more(struct cli_reader *reader)
{
    struct relief_buf *bytes = &reader->bytes;
    if (reader->file_over)
        return false;
    if (reader->used > 0) {
        assert(bytes->data); /* what was used was read */
        memmove(bytes->data, bytes->data + reader->used, bytes->len - reader->used);
        bytes->len -= reader->used;
        reader->used = 0;
    }
    if (bytes->len > CLI_LINE_BYTES_MAX) {
        reader_unreadable(reader, CLI_USAGE, "the line is too long");
        return false;
    }
    if (!relief_buf_reserve(bytes, CHUNK_BYTES)) {
        reader_unreadable(reader, CLI_REFUSED, "no memory");
        return false;
    }
    size_t got = fread(bytes->data + bytes->len, 1, CHUNK_BYTES, reader->file);
    bytes->len += got;
    reader->bytes_read += got;
    if (got == 0 && ferror(reader->file))
        reader_unreadable(reader, CLI_USAGE, strerror(errno));
    reader->file_over = got == 0;
    return got > 0;
}

int reader_line(struct cli_reader *reader, struct relief_str *ret)
{
    size_t looked = 0;
    reader->line++;
    for (;;) {
        const struct relief_buf *bytes = &reader->bytes;
        const char *start = bytes->data ? bytes->data + reader->used : ""; /* none where nothing could be read */
        size_t left = bytes->len - reader->used;
        const char *end = left > looked ? memchr(start + looked, '\n', left - looked) : NULL;
        if (end) {
            *ret = (struct relief_str){start, (uint32_t)(end - start)};
            reader->used += ret->len + 1;
            return 1;
        }
        looked = left;
        if (reader_more(reader))
            continue;
        if (reader->code)
            return -1;
        if (left == 0)
            return 0;
        *ret = (struct relief_str){reader->bytes.data + reader->used, (uint32_t)left};
        reader->used += left;
        reader->no_line_feed = true;
        return 1;
    }
}
