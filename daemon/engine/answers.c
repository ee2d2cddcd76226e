/*
 * A file of payloads with a sorted index at its end, written once and then only read: a look-up halves the index with
 * one small read a step, so it holds no memory, however many requests there were.
 *
 * Each payload has a check over its number and itself, looked at with every read; the digest of the whole file stands
 * in the base and is looked at by `relief check`, backup and restore.
 */
#include "engine/answers.h"
#include "engine/base.h"
#include "engine/entry.h"
#include "engine/number.h"
#include "engine/state.h"

#include "base/file.h"
#include "core/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const uint8_t MAGIC[8] = {'R', 'E', 'L', 'I', 'E', 'F', 'A', 'N'};
#define VERSION     1u
#define HEAD_BYTES  24u
#define ROW_BYTES   32u                         /* of the index: seq 8, offset 8, length 4, zeros 4, check 8 */
#define END_BYTES   (16u + ENGINE_DIGEST_BYTES) /* offset of the index 8, rows 8, digest */
#define FLUSH_BYTES (256u * 1024u)

_Static_assert(crypto_shorthash_BYTES == 8 && crypto_shorthash_KEYBYTES == 16, "SipHash-2-4");

/* The key is the number, so that a payload under another number does not pass. It is no secret. */
static void check_of(uint64_t seq, const void *payload, size_t len, uint8_t ret[8])
{
    uint8_t key[16] = {0};
    put_number(key, seq, 8);
    (void)crypto_shorthash(ret, payload, len, key);
}

/* ---- reading ---- */

struct engine_answers {
    int fd;
    uint64_t seq, index, count, bytes;
};

static int read_all(int fd, void *to, size_t len, uint64_t offset)
{
    ssize_t got = file_read(&file_io_system, fd, to, len, offset);
    return got < 0 ? (int)got : (size_t)got == len ? 0 : -EUCLEAN;
}

static int read_frame(struct engine_answers *answers, uint64_t seq)
{
    uint8_t head[HEAD_BYTES], end[16];
    struct stat info;
    if (fstat(answers->fd, &info))
        return -errno;
    if (info.st_size < (off_t)(HEAD_BYTES + END_BYTES))
        return -EUCLEAN;
    answers->bytes = (uint64_t)info.st_size;
    int rc = read_all(answers->fd, head, sizeof head, 0);
    if (rc == 0)
        rc = read_all(answers->fd, end, sizeof end, answers->bytes - END_BYTES);
    if (rc)
        return rc;
    answers->seq = get_number(head + 16, 8);
    answers->index = get_number(end, 8);
    answers->count = get_number(end + 8, 8);
    if (memcmp(head, MAGIC, 8) != 0 || get_number(head + 8, 4) != VERSION || answers->seq != seq ||
        answers->index < HEAD_BYTES || answers->index > answers->bytes - END_BYTES ||
        answers->count != (answers->bytes - END_BYTES - answers->index) / ROW_BYTES ||
        answers->count * ROW_BYTES != answers->bytes - END_BYTES - answers->index)
        return -EUCLEAN;
    return 0;
}

int engine_answers_open(struct engine_answers **ret_answers, const char *dir)
{
    char folder[PATH_MAX], path[PATH_MAX], name[64];
    uint64_t seq;
    *ret_answers = NULL;
    int rc = engine_answers_find(dir, &seq);
    if (rc || seq == 0)
        return rc;
    engine_base_name(name, sizeof name, seq, ".answers");
    if (!engine_folder_path(folder, sizeof folder, dir, "base") || !engine_folder_path(path, sizeof path, folder, name))
        return -ENAMETOOLONG;
    struct engine_answers *answers = calloc(1, sizeof *answers);
    if (!answers)
        return -ENOMEM;
    answers->fd = -1;
    rc = file_open(&file_io_system, AT_FDCWD, path, O_RDONLY, &answers->fd);
    if (rc == 0)
        rc = read_frame(answers, seq);
    if (rc) {
        engine_answers_close(answers);
        return rc;
    }
    *ret_answers = answers;
    return 0;
}

static int read_row(struct engine_answers *answers, uint64_t row, uint8_t bytes[ROW_BYTES])
{
    return read_all(answers->fd, bytes, ROW_BYTES, answers->index + row * ROW_BYTES);
}

static int read_payload(struct engine_answers *answers, const uint8_t row[ROW_BYTES], struct relief_buf *buf)
{
    uint64_t seq = get_number(row, 8), offset = get_number(row + 8, 8);
    size_t len = get_number(row + 16, 4);
    uint8_t check[8];
    if (len > RELIEF_ENTRY_BYTES_MAX || offset < HEAD_BYTES || offset > answers->index || answers->index - offset < len)
        return -EUCLEAN;
    relief_buf_clear(buf);
    if (!relief_buf_reserve(buf, len + 1))
        return -ENOMEM;
    int rc = read_all(answers->fd, buf->data, len, offset);
    if (rc)
        return rc;
    buf->len = len;
    check_of(seq, buf->data, len, check);
    return memcmp(check, row + 24, sizeof check) == 0 ? 0 : -EUCLEAN;
}

int engine_answers_read(struct engine_answers *answers, uint64_t seq, struct relief_buf *buf, uint64_t *ret_seq)
{
    uint8_t row[ROW_BYTES];
    uint64_t low = 0, high = answers->count;
    int rc;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        rc = read_row(answers, middle, row);
        if (rc)
            return rc;
        if (get_number(row, 8) < seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == answers->count)
        return -ENOENT;
    rc = read_row(answers, low, row);
    *ret_seq = get_number(row, 8);
    return rc ? rc : *ret_seq < seq ? -EUCLEAN : read_payload(answers, row, buf);
}

int engine_answers_prove(struct engine_answers *answers, uint8_t ret_digest[ENGINE_DIGEST_BYTES])
{
    uint8_t stored[ENGINE_DIGEST_BYTES], *window = malloc(FLUSH_BYTES);
    struct engine_digest digest;
    uint64_t end = answers->bytes - ENGINE_DIGEST_BYTES;
    int rc = window ? 0 : -ENOMEM;
    engine_digest_init(&digest);
    for (uint64_t at = 0; rc == 0 && at < end; at += FLUSH_BYTES) {
        size_t len = end - at < FLUSH_BYTES ? (size_t)(end - at) : FLUSH_BYTES;
        rc = read_all(answers->fd, window, len, at);
        engine_digest_add(&digest, window, len);
    }
    free(window);
    engine_digest_end(&digest, ret_digest);
    if (rc == 0)
        rc = read_all(answers->fd, stored, sizeof stored, end);
    return rc ? rc : memcmp(stored, ret_digest, sizeof stored) == 0 ? 0 : -EUCLEAN;
}

uint64_t engine_answers_seq(const struct engine_answers *answers)
{
    return answers->seq;
}

uint64_t engine_answers_count(const struct engine_answers *answers)
{
    return answers->count;
}

void engine_answers_close(struct engine_answers *answers)
{
    if (!answers)
        return;
    file_close(&file_io_system, answers->fd);
    free(answers);
}

/* ---- which entries ---- */

struct wanted {
    uint64_t *seqs;
    size_t count, space;
};

static int want(struct wanted *wanted, int64_t seq, uint64_t until)
{
    if (seq <= 0 || (uint64_t)seq > until)
        return -EUCLEAN;
    if (wanted->count == wanted->space) {
        size_t space = wanted->space ? 2 * wanted->space : 1024;
        uint64_t *seqs = realloc(wanted->seqs, space * sizeof *seqs);
        if (!seqs)
            return -ENOMEM;
        wanted->seqs = seqs;
        wanted->space = space;
    }
    wanted->seqs[wanted->count++] = (uint64_t)seq;
    return 0;
}

static int compare_seqs(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int want_of_table(struct wanted *wanted, struct core_view *view, enum relief_table table, uint64_t until,
                         struct relief_arena *arena)
{
    const struct core_key none = {.len = 0};
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    int rc = 0;
    core_key_table(&prefix, table);
    view->ops->scan(view, &cursor, &prefix, &none);
    while (rc == 0 && view->ops->next(view, &cursor, &key, &value)) {
        union relief_any_record record;
        relief_arena_reset(arena);
        int64_t used = relief_record_decode(relief_tables[table].shape, value, arena, &record);
        if (used < 0)
            return (int)used;
        rc = want(wanted, table == RELIEF_TABLE_op ? record.op.seq : record.request.entry, until);
    }
    return rc;
}

static int want_all(struct wanted *wanted, struct core_view *view, uint64_t until, struct relief_arena *arena)
{
    int rc = want_of_table(wanted, view, RELIEF_TABLE_request, until, arena);
    if (rc == 0)
        rc = want_of_table(wanted, view, RELIEF_TABLE_op, until, arena);
    if (rc || wanted->count == 0)
        return rc;
    qsort(wanted->seqs, wanted->count, sizeof *wanted->seqs, compare_seqs);
    size_t kept = 1;
    for (size_t i = 1; i < wanted->count; i++) {
        if (wanted->seqs[i] != wanted->seqs[kept - 1])
            wanted->seqs[kept++] = wanted->seqs[i];
    }
    wanted->count = kept;
    return 0;
}

/* ---- writing ---- */

struct writer {
    int fd;
    uint64_t offset;
    struct engine_digest digest;
    struct relief_buf out, index, payload;
    struct relief_arena *arena;
};

static int pass_on(struct writer *writer)
{
    if (writer->out.failed || writer->index.failed)
        return -ENOMEM;
    int rc = file_write(&file_io_system, writer->fd, writer->out.data, writer->out.len, writer->offset);
    engine_digest_add(&writer->digest, writer->out.data, writer->out.len);
    writer->offset += writer->out.len;
    relief_buf_clear(&writer->out);
    return rc;
}

static int add_payload(struct writer *writer, uint64_t seq, const void *payload, size_t len)
{
    uint8_t row[ROW_BYTES] = {0};
    put_number(row, seq, 8);
    put_number(row + 8, writer->offset + writer->out.len, 8);
    put_number(row + 16, len, 4);
    check_of(seq, payload, len, row + 24);
    relief_buf_add(&writer->index, row, sizeof row);
    relief_buf_add(&writer->out, payload, len);
    return writer->out.len >= FLUSH_BYTES || writer->out.failed ? pass_on(writer) : 0;
}

/* Of what the entry changed only the answer is kept. */
static int add_entry(struct writer *writer, const struct log_record *record)
{
    struct engine_entry entry;
    relief_arena_reset(writer->arena);
    int rc = engine_entry_decode(record, writer->arena, &entry);
    if (rc)
        return rc == -EBADMSG ? -EUCLEAN : rc;
    struct core_change answer = {0};
    struct core_effects effects = {
        .answer_change = -1, .answer = entry.answer, .candidates = entry.candidates, .changes = &answer};
    if (entry.answer_change >= 0) {
        answer = entry.changes[entry.answer_change];
        effects.count = 1;
        effects.answer_change = 0;
    }
    const struct core_entry what = {.seq = entry.seq,
                                    .time = entry.time,
                                    .who = {.name = entry.identity},
                                    .command = entry.command,
                                    .params = entry.params};
    relief_buf_clear(&writer->payload);
    engine_entry_encode_again(&writer->payload, entry.generation, &what, &effects);
    return writer->payload.failed ? -ENOMEM : add_payload(writer, entry.seq, writer->payload.data, writer->payload.len);
}

/* From what was kept before: it has that form already. */
static int add_kept(struct writer *writer, struct engine_answers *answers, uint64_t seq)
{
    uint64_t found = 0;
    int rc = answers ? engine_answers_read(answers, seq, &writer->payload, &found) : -EUCLEAN;
    if (rc || found != seq)
        return rc && rc != -ENOENT ? rc : -EUCLEAN;
    return add_payload(writer, seq, writer->payload.data, writer->payload.len);
}

static int add_all(struct writer *writer, const struct wanted *wanted, struct engine_answers *answers, struct log *log)
{
    struct log_cursor *cursor = NULL;
    struct log_record record = {.seq = 0};
    uint64_t first = log_first(log);
    size_t i = 0;
    int rc = 0;
    for (; rc == 0 && i < wanted->count && wanted->seqs[i] < first; i++)
        rc = add_kept(writer, answers, wanted->seqs[i]);
    if (rc == 0 && i < wanted->count)
        rc = log_cursor_open(&cursor, log, wanted->seqs[i]);
    for (; rc == 0 && i < wanted->count; i++) {
        do {
            rc = log_cursor_next(cursor, &record);
            rc = rc == 1 ? 0 : rc == 0 ? -EUCLEAN : rc;
        } while (rc == 0 && record.seq < wanted->seqs[i]);
        if (rc == 0)
            rc = add_entry(writer, &record);
    }
    log_cursor_close(cursor);
    return rc;
}

static int add_end(struct writer *writer, size_t count, uint8_t ret_digest[ENGINE_DIGEST_BYTES])
{
    uint8_t end[16];
    put_number(end, writer->offset + writer->out.len, 8);
    put_number(end + 8, count, 8);
    relief_buf_add(&writer->out, writer->index.data, writer->index.len);
    relief_buf_add(&writer->out, end, sizeof end);
    int rc = pass_on(writer);
    engine_digest_end(&writer->digest, ret_digest);
    return rc ? rc : file_write(&file_io_system, writer->fd, ret_digest, ENGINE_DIGEST_BYTES, writer->offset);
}

static int write_file(struct writer *writer, uint64_t seq, const struct wanted *wanted, struct engine_answers *answers,
                      struct log *log, uint8_t ret_digest[ENGINE_DIGEST_BYTES])
{
    uint8_t head[HEAD_BYTES] = {0};
    memcpy(head, MAGIC, 8);
    put_number(head + 8, VERSION, 4);
    put_number(head + 16, seq, 8);
    engine_digest_init(&writer->digest);
    relief_buf_add(&writer->out, head, sizeof head);
    int rc = add_all(writer, wanted, answers, log);
    return rc ? rc : add_end(writer, wanted->count, ret_digest);
}

int engine_answers_write(const char *dir, uint64_t seq, struct core_view *view, struct log *log,
                         uint8_t ret_digest[ENGINE_DIGEST_BYTES])
{
    const struct file_io *io = &file_io_system;
    char folder[PATH_MAX], name[64];
    struct wanted wanted = {0};
    struct relief_arena arena = RELIEF_ARENA_INIT;
    struct writer writer = {.fd = -1, .arena = &arena};
    struct engine_answers *answers = NULL;
    int dir_fd = -1;
    if (!engine_folder_path(folder, sizeof folder, dir, "base"))
        return -ENAMETOOLONG;
    engine_base_name(name, sizeof name, seq, ".answers");
    int rc = relief_arena_init(&arena, ENGINE_ENTRY_ARENA_BYTES);
    if (rc == 0)
        rc = engine_answers_open(&answers, dir);
    if (rc == 0)
        rc = want_all(&wanted, view, seq, &arena);
    if (rc == 0)
        rc = file_open_dir(io, folder, 1, &dir_fd);
    if (rc == 0)
        rc = file_open(io, dir_fd, "answers.tmp", O_RDWR | O_CREAT | O_TRUNC, &writer.fd);
    if (rc == 0)
        rc = write_file(&writer, seq, &wanted, answers, log, ret_digest);
    if (rc == 0)
        rc = file_sync(io, writer.fd);
    if (rc == 0)
        rc = file_rename(io, dir_fd, "answers.tmp", name);
    if (rc == 0)
        rc = file_sync(io, dir_fd);
    file_close(io, writer.fd);
    file_close(io, dir_fd);
    engine_answers_close(answers);
    relief_buf_deinit(&writer.out);
    relief_buf_deinit(&writer.index);
    relief_buf_deinit(&writer.payload);
    relief_arena_deinit(&arena);
    free(wanted.seqs);
    return rc;
}
