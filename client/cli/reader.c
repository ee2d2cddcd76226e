/*
 * The reader of dumps and log exports. It trusts nothing: a file may come from anybody, cut short or edited.
 */
#include <errno.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/reader.h"
#include "schema/codec.h"

void cli_reader_broken(struct cli_reader *reader, const char *format, ...)
{
    va_list args;
    printf("%s:%llu: ", reader->path, (unsigned long long)reader->line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    reader->broken++;
}

static int unreadable(const struct cli_reader *reader, const char *what)
{
    cli_say("%s:%llu: %s", reader->path, (unsigned long long)reader->line, what);
    return -1;
}

/* A line of text into reader->text. 1, 0 at the end of the file, -1. */
static int read_line(struct cli_reader *reader)
{
    reader->line++;
    relief_buf_clear(&reader->text);
    for (;;) {
        if (!relief_buf_reserve(&reader->text, 65536) || reader->text.len > CLI_LINE_BYTES_MAX)
            return unreadable(reader, "the line is too long");
        char *at = reader->text.data + reader->text.len;
        /* fgets stops at NUL bytes for us to see: they can't stand in JSON */
        if (!fgets(at, 65536, reader->file)) {
            if (ferror(reader->file))
                return unreadable(reader, strerror(errno));
            return reader->text.len > 0;
        }
        reader->text.len += strlen(at);
        if (reader->text.len > 0 && reader->text.data[reader->text.len - 1] == '\n') {
            reader->text.len--;
            return 1;
        }
    }
}

/* The next map of a msgpack file as a line of JSON. */
static int read_packed(struct cli_reader *reader)
{
    struct scan scan;
    scan_init(&scan, CLI_LINE_BYTES_MAX);
    reader->line++;
    relief_buf_clear(&reader->text);
    for (;;) {
        const char *data = reader->bytes.data + reader->used;
        size_t left = reader->bytes.len - reader->used;
        enum scan_status status = left ? scan_feed(&scan, (const uint8_t *)data, left) : SCAN_MORE;
        if (status == SCAN_DONE || status == SCAN_LIMIT) {
            msgpack_unpacked value;
            size_t used = 0;
            msgpack_unpacked_init(&value);
            bool good = msgpack_unpack_next(&value, data, scan.pos, &used) == MSGPACK_UNPACK_SUCCESS;
            if (good)
                relief_json_msgpack(&reader->text, &value.data);
            msgpack_unpacked_destroy(&value);
            reader->used += scan.pos;
            return good ? 1 : unreadable(reader, "not MessagePack");
        }
        if (status != SCAN_MORE)
            return unreadable(reader, "not MessagePack");
        if (reader->used > 0) {
            memmove(reader->bytes.data, data, left);
            reader->bytes.len = left;
            reader->used = 0;
        }
        if (!relief_buf_reserve(&reader->bytes, 65536))
            return unreadable(reader, "no memory");
        size_t got = fread(reader->bytes.data + reader->bytes.len, 1, 65536, reader->file);
        reader->bytes.len += got;
        if (got == 0)
            return left ? unreadable(reader, "the file ends in the middle of a record") : 0;
    }
}

static int read_any(struct cli_reader *reader)
{
    return reader->packed ? read_packed(reader) : read_line(reader);
}

static struct relief_str text_of(const struct cli_reader *reader)
{
    return (struct relief_str){reader->text.data, (uint32_t)reader->text.len};
}

static bool read_header(struct cli_reader *reader)
{
    json_t *header = json_loadb(reader->text.data, reader->text.len, JSON_REJECT_DUPLICATES, NULL);
    struct relief_str format = cli_json_str(header, "format"), head = cli_json_str(header, "head");
    bool dump = format.data && relief_str_eq(format, RELIEF_STR("relief-dump"));
    reader->log = format.data && relief_str_eq(format, RELIEF_STR("relief-log"));
    bool good = (dump || reader->log) && cli_json_int(header, "version") == 1;
    reader->from = cli_json_int(header, "from");
    reader->seq = cli_json_int(header, "seq");
    reader->time = cli_json_int(header, "time");
    if (head.data && head.len < sizeof reader->head)
        memcpy(reader->head, head.data, head.len);
    json_decref(header);
    return good;
}

int cli_reader_open(struct cli_reader *reader, const char *path)
{
    *reader = (struct cli_reader){.path = path, .text = RELIEF_BUF_INIT, .bytes = RELIEF_BUF_INIT};
    cli_digest_init(&reader->digest);
    reader->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!reader->file)
        return cli_bad("%s: %s", path, strerror(errno));
    int first = getc(reader->file);
    if (first != EOF)
        ungetc(first, reader->file);
    reader->packed = first != EOF && first != '{';
    if (read_any(reader) == 1 && read_header(reader)) {
        cli_digest_line(&reader->digest, text_of(reader));
        return CLI_DONE;
    }
    cli_reader_close(reader);
    return cli_bad("%s is neither a dump nor a log export of version 1", path);
}

/* The last line: it has a digest, which no record has at its top. */
static bool is_trailer(struct relief_str line)
{
    return relief_str_starts(line, RELIEF_STR("{\"digest\":")) || relief_str_starts(line, RELIEF_STR("{\"records\":"));
}

static int read_trailer(struct cli_reader *reader)
{
    char digest[CLI_HASH_TEXT];
    cli_digest_final(&reader->digest, digest);
    json_t *trailer = json_loadb(reader->text.data, reader->text.len, JSON_REJECT_DUPLICATES, NULL);
    struct relief_str claimed = cli_json_str(trailer, "digest");
    int64_t records = cli_json_int(trailer, "records");
    if (!claimed.data || !relief_str_eq(claimed, relief_str_of(digest)))
        cli_reader_broken(reader, "digest: the lines give %s, the last line says %.*s", digest, (int)claimed.len,
                          claimed.data ? claimed.data : "");
    if (records != (int64_t)reader->records)
        cli_reader_broken(reader, "records: there are %llu, the last line says %lld",
                          (unsigned long long)reader->records, (long long)records);
    json_decref(trailer);
    reader->ended = true;
    int more = read_any(reader);
    if (more == 1)
        cli_reader_broken(reader, "something stands behind the last line");
    return more < 0 ? -1 : 0;
}

int cli_reader_next(struct cli_reader *reader, struct relief_str *ret_line)
{
    if (reader->ended)
        return 0;
    int got = read_any(reader);
    if (got < 0)
        return -1;
    if (got == 0) {
        reader->ended = true;
        cli_reader_broken(reader, "the last line, with the digest, is missing");
        return 0;
    }
    *ret_line = text_of(reader);
    if (is_trailer(*ret_line))
        return read_trailer(reader);
    cli_digest_line(&reader->digest, *ret_line);
    reader->records++;
    return 1;
}

void cli_reader_close(struct cli_reader *reader)
{
    if (reader->file && reader->file != stdin)
        fclose(reader->file);
    reader->file = NULL;
    relief_buf_deinit(&reader->text);
    relief_buf_deinit(&reader->bytes);
}
