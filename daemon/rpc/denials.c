/*
 * A line is made when its window ends, so a repeat costs a look at the table and no write. The number of a line is one
 * more than that of the line before, across files and starts, so that a reader can go on behind the last one it has.
 * Lines stand in the order of their numbers; where to go on is found by halving.
 */
#include "rpc/denials.h"
#include "schema/codec.h"
#include "schema/errors.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES_MAX 4096u /* one has below 1,300: every text at its bound, each byte escaped */
#define FILE_NAME      "denials.jsonl"
#define OLD_NAME       "denials.old.jsonl"

struct row {
    int64_t since_ms, time;
    uint64_t count;
    enum relief_error code;
    char address[DENIAL_ADDRESS_BYTES], identity[RELIEF_IDENTITY_BYTES_MAX + 1], method[RELIEF_METHOD_BYTES_MAX + 1];
    char reason[sizeof((struct relief_refusal *)0)->message];
};

struct denials {
    int dir, fd; /* fd -1: not to be had */
    uint64_t bytes;
    int64_t last; /* number of the last line */
    uint64_t total, dropped;
    bool failed;
    struct row rows[DENIALS_ROWS_MAX];
    unsigned count;
    struct relief_buf line;
};

/* ---- lines ---- */

static void copy_plain(char *ret, size_t size, const char *text)
{
    size_t i = 0;
    for (; text && text[i] && i + 1 < size; i++)
        ret[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    ret[i] = '\0';
}

void denial_address(char ret[DENIAL_ADDRESS_BYTES], const char *peer)
{
    bool is_unix = strncmp(peer, "unix:", 5) == 0;
    const char *end = is_unix ? strchr(peer, ',') : strrchr(peer, ':');
    copy_plain(ret, DENIAL_ADDRESS_BYTES, peer);
    if (end && (size_t)(end - peer) < DENIAL_ADDRESS_BYTES)
        ret[end - peer] = '\0';
}

/* One JSON line. False: it is none, or not ours. The strings are the object's. */
static bool parse(const char *line, size_t len, json_t **ret_object, struct relief_denial *ret)
{
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    relief_shape_clear(&relief_shape_denial, ret);
    for (uint32_t i = 0; object && i < relief_shape_denial.count; i++) {
        const struct relief_field *field = &relief_shape_denial.fields[i];
        const json_t *value = json_object_get(object, field->name);
        if (field->kind == RELIEF_F_TEXT && json_is_string(value))
            *relief_field_str(field, ret) =
                (struct relief_str){json_string_value(value), (uint32_t)json_string_length(value)};
        else if (field->kind != RELIEF_F_TEXT && json_is_integer(value))
            *relief_field_i64(field, ret) = json_integer_value(value);
        else if (field->required)
            ret->n = -1;
    }
    if (object && ret->n > 0) {
        *ret_object = object;
        return true;
    }
    json_decref(object);
    return false;
}

/* ---- reading ---- */

struct window {
    int fd;
    uint64_t at, end; /* of what is in bytes */
    char bytes[16 * LINE_BYTES_MAX];
};

/* The first whole line from `from` on that begins behind a line feed (or at 0): its place and length; 0 bytes: none. */
static size_t line_at(struct window *window, uint64_t from, const char **ret_line)
{
    for (;;) {
        size_t have = from >= window->at && from < window->end ? (size_t)(window->end - from) : 0;
        const char *start = have ? window->bytes + (from - window->at) : NULL;
        const char *feed = have ? memchr(start, '\n', have) : NULL;
        if (feed) {
            *ret_line = start;
            return (size_t)(feed - start) + 1;
        }
        if (have > LINE_BYTES_MAX)
            return 0; /* no line of ours */
        ssize_t got = pread(window->fd, window->bytes, sizeof window->bytes, (off_t)from);
        if (got <= (ssize_t)have)
            return 0;
        window->at = from;
        window->end = from + (uint64_t)got;
    }
}

/* The place of the first line behind number `after`. */
static uint64_t place_behind(struct window *window, uint64_t bytes, int64_t after)
{
    uint64_t low = 0,
             high = bytes; /* a line boundary before which all are up to `after`; one from which all are behind */
    while (high - low > LINE_BYTES_MAX) {
        uint64_t middle = low + (high - low) / 2;
        const char *line;
        struct relief_denial denial;
        json_t *object = NULL;
        size_t skip = line_at(window, middle, &line), len = skip ? line_at(window, middle + skip, &line) : 0;
        if (!len || middle + skip >= high)
            break; /* what is left is few lines: one after the other */
        bool good = parse(line, len, &object, &denial);
        bool behind = good && denial.n > after;
        json_decref(object);
        if (!good)
            break;
        if (behind)
            high = middle + skip;
        else
            low = middle + skip;
    }
    return low;
}

static int read_file(int fd, int64_t after, int (*each)(void *context, const struct relief_denial *denial),
                     void *context, int64_t last)
{
    struct window *window = malloc(sizeof *window);
    struct stat st;
    int rc = 0;
    if (!window)
        return -ENOMEM;
    window->fd = fd;
    window->at = window->end = 0;
    uint64_t at = fstat(fd, &st) == 0 ? place_behind(window, (uint64_t)st.st_size, after) : 0;
    const char *line;
    for (size_t len; rc == 0 && (len = line_at(window, at, &line)); at += len) {
        struct relief_denial denial;
        json_t *object = NULL;
        if (parse(line, len, &object, &denial) && denial.n > after && denial.n <= last)
            rc = each(context, &denial);
        json_decref(object);
    }
    free(window);
    return rc;
}

/* ---- files ---- */

/* The number of the last line; a last line without an end is cut off. 0: there is none. */
static int64_t last_number(int fd, uint64_t *bytes)
{
    char tail[LINE_BYTES_MAX + 1];
    size_t want = *bytes < LINE_BYTES_MAX ? (size_t)*bytes : LINE_BYTES_MAX;
    ssize_t got = pread(fd, tail, want, (off_t)(*bytes - want));
    if (got < 0 || (size_t)got != want)
        return 0;
    size_t end = want;
    while (end > 0 && tail[end - 1] != '\n')
        end--;
    *bytes -= want - end;
    size_t start = end ? end - 1 : 0;
    while (start > 0 && tail[start - 1] != '\n')
        start--;
    struct relief_denial denial;
    json_t *object = NULL;
    if (!end || !parse(tail + start, end - start, &object, &denial))
        return 0;
    int64_t number = denial.n;
    json_decref(object);
    return number;
}

static int note_number(void *context, const struct relief_denial *denial)
{
    int64_t *last = context;
    if (denial->n > *last)
        *last = denial->n;
    return 0;
}

/* The file to append to, and the number of its last line; bytes that are no lines (a power cut) end it. */
static void open_file(struct denials *denials)
{
    struct stat st;
    int old;
    denials->fd = openat(denials->dir, FILE_NAME, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (denials->fd < 0)
        return;
    uint64_t bytes = fstat(denials->fd, &st) == 0 ? (uint64_t)st.st_size : 0, whole = bytes;
    int64_t number = last_number(denials->fd, &whole);
    denials->bytes = whole;
    if ((bytes && !number) || (whole != bytes && ftruncate(denials->fd, (off_t)whole) != 0)) {
        read_file(denials->fd, 0, note_number, &denials->last, INT64_MAX);
        denials->bytes = DENIALS_FILE_BYTES_MAX; /* the next line goes into a new file */
    }
    if (!number && !denials->last && (old = openat(denials->dir, OLD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) >= 0) {
        read_file(old, 0, note_number, &denials->last, INT64_MAX);
        close(old);
    }
    if (number > denials->last)
        denials->last = number;
}

/* The file is full: it becomes the old one. */
static void turn_over(struct denials *denials)
{
    if (denials->fd >= 0)
        close(denials->fd);
    denials->fd = -1;
    if (renameat(denials->dir, FILE_NAME, denials->dir, OLD_NAME) == 0)
        open_file(denials);
}

static bool write_row(struct denials *denials, const struct row *row)
{
    struct relief_buf *line = &denials->line;
    if (denials->fd < 0)
        open_file(denials);
    struct relief_denial denial = {
        .n = denials->last + 1,
        .time = row->time,
        .address = relief_str_of(row->address),
        .identity = row->identity[0] ? relief_str_of(row->identity) : RELIEF_STR_NONE,
        .method = row->method[0] ? relief_str_of(row->method) : RELIEF_STR_NONE,
        .code = relief_str_of(relief_error_name(row->code)),
        .reason = relief_str_of(row->reason),
        .count = (int64_t)row->count,
    };
    relief_buf_clear(line);
    relief_json_record(line, &relief_shape_denial, &denial, NULL);
    relief_buf_add_char(line, '\n');
    if (line->failed || line->len > LINE_BYTES_MAX)
        return false;
    if (denials->fd >= 0 && denials->bytes + line->len > DENIALS_FILE_BYTES_MAX)
        turn_over(denials);
    if (denials->fd < 0)
        return false;
    ssize_t gone = write(denials->fd, line->data, line->len);
    if (gone == (ssize_t)line->len) {
        denials->bytes += line->len;
        denials->last++;
        return true;
    }
    /* A part of a line is taken back; if that fails too, the next one goes into a new file. */
    if (gone > 0 && ftruncate(denials->fd, (off_t)denials->bytes) != 0)
        denials->bytes = DENIALS_FILE_BYTES_MAX;
    return false;
}

bool denials_flush(struct denials *denials, int64_t now_ms)
{
    unsigned kept = 0;
    bool before = denials->failed;
    for (unsigned i = 0; i < denials->count; i++) {
        struct row *row = &denials->rows[i];
        if (now_ms - DENIALS_WINDOW_MS < row->since_ms) {
            if (kept != i)
                denials->rows[kept] = *row;
            kept++;
            continue;
        }
        denials->failed = !write_row(denials, row);
        if (denials->failed)
            denials->dropped += row->count;
    }
    denials->count = kept;
    return denials->failed && !before;
}

/* ---- what comes ---- */

static bool is_same(const struct row *a, const struct row *b)
{
    return a->code == b->code && strcmp(a->address, b->address) == 0 && strcmp(a->method, b->method) == 0 &&
           strcmp(a->identity, b->identity) == 0 && strcmp(a->reason, b->reason) == 0;
}

void denials_add(struct denials *denials, int64_t now_ms, int64_t time, const char *address, const char *identity,
                 const char *method, enum relief_error code, const char *reason)
{
    struct row row = {.since_ms = now_ms, .time = time, .count = 1, .code = code};
    unsigned of_address = 0, of_strangers = 0;
    copy_plain(row.address, sizeof row.address, address);
    copy_plain(row.identity, sizeof row.identity, identity);
    copy_plain(row.method, sizeof row.method, method);
    copy_plain(row.reason, sizeof row.reason, reason);
    denials->total++;
    for (unsigned i = 0; i < denials->count; i++) {
        if (is_same(&denials->rows[i], &row)) {
            denials->rows[i].count++;
            return;
        }
        of_address += strcmp(denials->rows[i].address, row.address) == 0;
        of_strangers += !denials->rows[i].identity[0];
    }
    if (denials->count == DENIALS_ROWS_MAX || of_address >= DENIALS_ADDRESS_MAX ||
        (!row.identity[0] && of_strangers >= DENIALS_STRANGERS_MAX)) {
        denials->dropped++;
        return;
    }
    denials->rows[denials->count++] = row;
}

uint64_t denials_count(const struct denials *denials, uint64_t *ret_dropped)
{
    *ret_dropped = denials->dropped;
    return denials->total;
}

int denials_read(struct denials *denials, int64_t after, int (*each)(void *context, const struct relief_denial *denial),
                 void *context)
{
    int rc = 0, old = openat(denials->dir, OLD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (old >= 0) {
        rc = read_file(old, after, each, context, denials->last);
        close(old);
    }
    if (rc == 0 && denials->fd >= 0)
        rc = read_file(denials->fd, after, each, context, denials->last);
    return rc > 0 ? 0 : rc;
}

/* ---- life ---- */

int denials_open(struct denials **ret, const char *dir)
{
    struct denials *denials = calloc(1, sizeof *denials);
    if (!denials)
        return -ENOMEM;
    denials->fd = -1;
    denials->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (denials->dir >= 0)
        open_file(denials);
    *ret = denials;
    return 0;
}

void denials_close(struct denials *denials)
{
    if (!denials)
        return;
    denials_flush(denials, INT64_MAX);
    if (denials->fd >= 0)
        close(denials->fd);
    if (denials->dir >= 0)
        close(denials->dir);
    relief_buf_deinit(&denials->line);
    free(denials);
}
