/*
 * Dumps and log exports from their first to their last line, whatever their form: header, records, count and digest.
 */
#include "client/cli/reader.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/cli/reader_form.h"

/* PATH, or PATH/TABLE.csv */
static void say_place(const struct cli_reader *reader, char *ret, size_t size)
{
    bool table = reader->form == CLI_FORM_CSV && reader->table >= 0 && reader->table < RELIEF_TABLE_COUNT;
    size_t at = (size_t)snprintf(ret, size, "%s%s%s%s", reader->path, table ? "/" : "",
                                 table ? relief_tables[reader->table].name : "", table ? ".csv" : "");
    if (reader->line > 0 && at < size)
        snprintf(ret + at, size - at, ":%llu", (unsigned long long)reader->line);
}

void cli_reader_broken(struct cli_reader *reader, const char *format, ...)
{
    char place[512];
    va_list args;
    cli_progress_end(&reader->progress);
    say_place(reader, place, sizeof place);
    printf("%s: ", place);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    reader->broken++;
}

int reader_unreadable(struct cli_reader *reader, int code, const char *what)
{
    char place[512];
    cli_progress_end(&reader->progress);
    say_place(reader, place, sizeof place);
    cli_say("%s: %s", place, what);
    reader->code = code;
    return -1;
}

/* The next line, its line feed included in what digested bytes say of it. */
static int read_any(struct cli_reader *reader, struct relief_str *ret)
{
    switch (reader->form) {
    case CLI_FORM_MSGPACK:
        return reader_packed(reader, ret);
    case CLI_FORM_CSV:
        return reader_folder(reader, ret);
    default:
        return reader_line(reader, ret);
    }
}

static bool is_hash(struct relief_str text)
{
    bool good = text.len == CLI_HASH_TEXT - 1;
    for (uint32_t i = 0; i < text.len && good; i++)
        good = (text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f');
    return good;
}

/* The first line is the one that is written for what it says, and there is no other for the same. */
static bool is_header(const struct cli_reader *reader, struct relief_str line)
{
    struct relief_buf again = RELIEF_BUF_INIT;
    if (reader->log)
        cli_log_header(&again, reader->from);
    else
        cli_dump_header(&again, reader->seq, relief_str_of(reader->head), reader->time);
    bool same = !again.failed && relief_str_eq(line, (struct relief_str){again.data, (uint32_t)again.len});
    relief_buf_deinit(&again);
    return same && (reader->log ? reader->from > 0 : reader->seq >= 0 && reader->head[0]);
}

static bool read_header(struct cli_reader *reader, struct relief_str line)
{
    const struct canon *canon = &reader->canon;
    if (!canon_parse(&reader->canon, line))
        return false;
    struct relief_str format = canon_word(canon, 0, "format"), head = canon_word(canon, 0, "head");
    reader->log = format.data && relief_str_eq(format, RELIEF_STR("relief-log"));
    reader->from = canon_member_int(canon, 0, "from");
    reader->seq = canon_member_int(canon, 0, "seq");
    reader->time = canon_member_int(canon, 0, "time");
    if (head.data && is_hash(head))
        memcpy(reader->head, head.data, head.len);
    return is_header(reader, line);
}

/* Where it comes from, and in which form: a dump as MessagePack begins with a map, as JSON Lines with a brace. */
static int open_file(struct cli_reader *reader, uint64_t *ret_total)
{
    struct stat status;
    bool named = strcmp(reader->path, "-") != 0;
    if (named && stat(reader->path, &status) == 0 && S_ISDIR(status.st_mode)) {
        reader->form = CLI_FORM_CSV;
        return CLI_DONE;
    }
    reader->file = named ? fopen(reader->path, "re") : stdin;
    if (!reader->file)
        return cli_bad("%s: %s", reader->path, strerror(errno));
    *ret_total =
        named && fstat(fileno(reader->file), &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    reader_more(reader);
    unsigned char first = reader->bytes.len > 0 ? (unsigned char)reader->bytes.data[0] : 0;
    reader->form = first >> 4 == 0x8 || first == 0xde || first == 0xdf ? CLI_FORM_MSGPACK : CLI_FORM_JSONL;
    return CLI_DONE;
}

int cli_reader_open(struct cli_reader *reader, const char *path, int timeout_ms)
{
    struct relief_str header = RELIEF_STR_NONE;
    uint64_t total = 0;
    *reader = (struct cli_reader){.path = path, .table = -1};
    cli_digest_init(&reader->digest);
    int code = open_file(reader, &total);
    if (code)
        return code;
    cli_progress_start(&reader->progress, "bytes", total, timeout_ms);
    if (reader->form == CLI_FORM_CSV) {
        code = reader_folder_open(reader, &header);
        if (code == 0)
            cli_digest_line(&reader->digest, header);
    } else if (read_any(reader, &header) == 1 && read_header(reader, header)) {
        cli_digest_line(&reader->digest, header);
    } else {
        code =
            reader->code ? reader->code : cli_bad("%s is neither a dump nor a log export of version 1", reader->path);
    }
    if (code)
        cli_reader_close(reader);
    return code;
}

/* The last line: it has a digest, which no record has at its top. */
static bool is_trailer(struct relief_str line)
{
    return relief_str_starts(line, RELIEF_STR("{\"digest\":")) || relief_str_starts(line, RELIEF_STR("{\"records\":"));
}

static void compare_end(struct cli_reader *reader, struct relief_str claimed, int64_t records)
{
    char digest[CLI_HASH_TEXT];
    cli_digest_final(&reader->digest, digest);
    if (!claimed.data || !relief_str_eq(claimed, relief_str_of(digest)))
        cli_reader_broken(reader, "digest: the lines give %s, the last line says %.*s", digest, (int)claimed.len,
                          claimed.data ? claimed.data : "");
    if (records != (int64_t)reader->records)
        cli_reader_broken(reader, "records: there are %llu, the last line says %lld",
                          (unsigned long long)reader->records, (long long)records);
}

static int read_trailer(struct cli_reader *reader, struct relief_str line)
{
    struct relief_str more;
    const struct canon *canon = &reader->canon;
    bool good = canon_parse(&reader->canon, line) && canon->count == 3 && canon_get(canon, 0, "records");
    if (!good || (reader->form == CLI_FORM_JSONL && reader->no_line_feed))
        cli_reader_broken(reader, "the last line is not as a dump ends: %s",
                          reader->canon.error ? reader->canon.error
                          : good              ? "its line feed is missing"
                                              : "other keys");
    compare_end(reader, good ? canon_word(canon, 0, "digest") : RELIEF_STR_NONE,
                good ? canon_member_int(canon, 0, "records") : -1);
    reader->ended = true;
    int got = read_any(reader, &more);
    if (got == 1)
        cli_reader_broken(reader, "something stands behind the last line");
    cli_progress_end(&reader->progress);
    return got < 0 ? -1 : 0;
}

static int read_end(struct cli_reader *reader)
{
    reader->ended = true;
    if (reader->form == CLI_FORM_CSV) {
        reader->table = -1;
        reader->line = 0;
        compare_end(reader, relief_str_of(reader->claimed_digest), reader->claimed_records);
    } else {
        cli_reader_broken(reader, "the last line, with the digest, is missing");
    }
    cli_progress_end(&reader->progress);
    return 0;
}

int cli_reader_next(struct cli_reader *reader, struct relief_str *ret_line)
{
    if (reader->ended)
        return 0;
    if (!cli_progress_at(&reader->progress, reader->bytes_read)) {
        reader->code = CLI_UNREACHABLE;
        return -1;
    }
    int got = read_any(reader, ret_line);
    if (got <= 0)
        return got < 0 ? -1 : read_end(reader);
    if (reader->form != CLI_FORM_CSV && is_trailer(*ret_line))
        return read_trailer(reader, *ret_line);
    if (reader->form == CLI_FORM_JSONL && !reader->no_line_feed)
        cli_digest_bytes(&reader->digest, ret_line->data, ret_line->len + 1u); /* the line feed stands behind it */
    else
        cli_digest_line(&reader->digest, *ret_line);
    reader->records++;
    return 1;
}

void cli_reader_close(struct cli_reader *reader)
{
    cli_progress_end(&reader->progress);
    if (reader->file && reader->file != stdin)
        fclose(reader->file);
    reader->file = NULL;
    relief_buf_deinit(&reader->text);
    relief_buf_deinit(&reader->bytes);
    relief_arena_deinit(&reader->arena);
    canon_deinit(&reader->canon);
}
