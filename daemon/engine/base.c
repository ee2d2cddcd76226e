/*
 * Writing and reading a base.
 *
 * It is written as one stream: a backup sends it over the wire while it is made, so nothing in it says beforehand how
 * long it is, and the digest stands at the end. Who reads it looks at the digest of the whole file first: the core
 * believes the records that it is given. Lengths are looked at all the same before memory is asked for, keys have to be
 * keys, and to rise, so that no record can stand there twice, and fields keep to the ranges of the schema.
 *
 * Beside the records there are marks, the few keys that tell of the past: a kind that was used once stays so (its key
 * says that, and no record need say it any more).
 */
#include "engine/base.h"
#include "engine/number.h"

#include "base/file.h"
#include "core/key.h"
#include "schema/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const uint8_t MAGIC[8] = {'R', 'E', 'L', 'I', 'E', 'F', 'B', 'S'};
#define VERSION            1u
#define HEAD_BYTES         144u /* without the note and the digest behind it */
#define KIND_MARK          0xfeu
#define KIND_END           0xffu
#define WINDOW_BYTES       (256u * 1024u)
#define RECORD_ARENA_BYTES ((size_t)64 << 20)

/* ---- writing ---- */

struct writer {
    struct core_view *view;
    engine_base_sink *sink;
    void *context;
    struct engine_digest digest;
    struct relief_buf buf;
    uint64_t records;
};

static int pass_on(struct writer *out)
{
    if (out->buf.failed)
        return -ENOMEM;
    engine_digest_add(&out->digest, out->buf.data, out->buf.len);
    int rc = out->sink(out->context, out->buf.data, out->buf.len);
    relief_buf_clear(&out->buf);
    return rc;
}

static void encode_head(struct relief_buf *buf, const struct engine_base_head *head)
{
    uint8_t bytes[HEAD_BYTES] = {0}, hash[ENGINE_DIGEST_BYTES];
    struct engine_digest digest;
    memcpy(bytes, MAGIC, 8);
    put_number(bytes + 8, VERSION, 4);
    put_number(bytes + 12, head->note_len, 4);
    put_number(bytes + 16, head->mark.seq, 8);
    put_number(bytes + 24, (uint64_t)head->mark.time, 8);
    memcpy(bytes + 32, head->mark.hash, 32);
    put_number(bytes + 64, head->tree_size, 8);
    memcpy(bytes + 72, head->tree_root, 32);
    memcpy(bytes + 104, head->answers, 32);
    put_number(bytes + 136, RELIEF_TABLE_COUNT, 4);
    relief_buf_add(buf, bytes, sizeof bytes);
    relief_buf_add(buf, head->note, head->note_len);
    engine_digest_init(&digest);
    engine_digest_add(&digest, bytes, sizeof bytes);
    engine_digest_add(&digest, head->note, head->note_len);
    engine_digest_end(&digest, hash);
    relief_buf_add(buf, hash, sizeof hash);
}

/* Length 4, what 1, bytes. A mark's bytes are the length of its key 2, its key, its value. */
static void add_part(struct writer *out, unsigned what, struct relief_str key, struct relief_str value)
{
    uint8_t front[7];
    size_t len = value.len + (what == KIND_MARK ? 2 + key.len : 0);
    put_number(front, len, 4);
    front[4] = (uint8_t)what;
    put_number(front + 5, key.len, 2);
    relief_buf_add(&out->buf, front, what == KIND_MARK ? 7 : 5);
    if (what == KIND_MARK)
        relief_buf_add_str(&out->buf, key);
    relief_buf_add_str(&out->buf, value);
}

static int write_space(struct writer *out, unsigned what, unsigned space)
{
    const struct core_key none = {.len = 0};
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    int rc = 0;
    core_key_start(&prefix, space);
    out->view->ops->scan(out->view, &cursor, &prefix, &none);
    while (rc == 0 && out->view->ops->next(out->view, &cursor, &key, &value)) {
        add_part(out, what, key, value);
        out->records += what != KIND_MARK;
        if (out->buf.failed || out->buf.len >= WINDOW_BYTES)
            rc = pass_on(out);
    }
    return rc;
}

static int write_end(struct writer *out)
{
    uint8_t end[5 + 8 + ENGINE_DIGEST_BYTES];
    put_number(end, 8 + ENGINE_DIGEST_BYTES, 4);
    end[4] = KIND_END;
    put_number(end + 5, out->records, 8);
    relief_buf_add(&out->buf, end, 13);
    int rc = pass_on(out);
    engine_digest_end(&out->digest, end + 13);
    return rc ? rc : out->sink(out->context, end + 13, ENGINE_DIGEST_BYTES);
}

int engine_base_write(struct core_view *view, const struct engine_base_head *head, engine_base_sink *sink,
                      void *context)
{
    struct writer out = {.view = view, .sink = sink, .context = context, .buf = RELIEF_BUF_INIT};
    int rc = 0;
    if (head->note_len > ENGINE_BASE_NOTE_MAX)
        return -EINVAL;
    engine_digest_init(&out.digest);
    encode_head(&out.buf, head);
    for (unsigned table = 0; rc == 0 && table < RELIEF_TABLE_COUNT; table++)
        rc = write_space(&out, table, CORE_KEY_RECORD + table);
    if (rc == 0)
        rc = write_space(&out, KIND_MARK, CORE_KEY_KIND_USED);
    if (rc == 0)
        rc = write_space(&out, KIND_MARK, CORE_KEY_META);
    if (rc == 0)
        rc = write_end(&out);
    relief_buf_deinit(&out.buf);
    return rc;
}

/* ---- reading ---- */

struct engine_base {
    int fd;
    uint64_t offset, end; /* of what comes next from the file; of the digest */
    uint8_t *window;
    size_t at, len, space; /* in the window */
    struct engine_base_head head;
    struct relief_arena arena;
    struct core_key last;
    uint64_t records, begin; /* begin: where the first part stands */
    bool proving, proved;    /* proved: the digest was right */
    struct engine_digest digest;
};

/* `len` bytes in one piece, valid until the next call. -EUCLEAN where the file ends before. */
static int take(struct engine_base *base, size_t len, const uint8_t **ret_bytes)
{
    size_t left = base->len - base->at;
    if (left < len) {
        size_t want = len > WINDOW_BYTES ? len : WINDOW_BYTES;
        if (base->end - base->offset < len - left)
            return -EUCLEAN;
        if (want > base->space) {
            uint8_t *grown = malloc(want);
            if (!grown)
                return -ENOMEM;
            if (left)
                memcpy(grown, base->window + base->at, left);
            free(base->window);
            base->window = grown;
            base->space = want;
        } else if (left) {
            memmove(base->window, base->window + base->at, left);
        }
        base->at = 0;
        base->len = left;
        want = base->space - left;
        if (want > base->end - base->offset)
            want = (size_t)(base->end - base->offset);
        ssize_t got = file_read(&file_io_system, base->fd, base->window + left, want, base->offset);
        if (got < 0)
            return (int)got;
        base->offset += (size_t)got;
        base->len += (size_t)got;
        if (base->len < len)
            return -EUCLEAN;
    }
    *ret_bytes = base->window + base->at;
    base->at += len;
    return 0;
}

static void move_to(struct engine_base *base, uint64_t offset)
{
    base->offset = offset;
    base->at = base->len = 0;
}

static int read_size(struct engine_base *base)
{
    struct stat info;
    if (fstat(base->fd, &info))
        return -errno;
    if (!S_ISREG(info.st_mode) || info.st_size < (off_t)(HEAD_BYTES + 2 * ENGINE_DIGEST_BYTES))
        return -EUCLEAN;
    base->end = (uint64_t)info.st_size - ENGINE_DIGEST_BYTES;
    return 0;
}

static int read_head(struct engine_base *base)
{
    struct engine_base_head *head = &base->head;
    struct engine_digest digest;
    uint8_t hash[ENGINE_DIGEST_BYTES];
    const uint8_t *bytes;
    engine_digest_init(&digest);
    int rc = take(base, HEAD_BYTES, &bytes);
    if (rc)
        return rc;
    engine_digest_add(&digest, bytes, HEAD_BYTES);
    head->note_len = (uint32_t)get_number(bytes + 12, 4);
    if (memcmp(bytes, MAGIC, 8) != 0 || get_number(bytes + 8, 4) != VERSION || head->note_len > ENGINE_BASE_NOTE_MAX ||
        get_number(bytes + 136, 4) > RELIEF_TABLE_COUNT || get_number(bytes + 140, 4) != 0)
        return -EUCLEAN;
    head->mark.seq = get_number(bytes + 16, 8);
    head->mark.time = (int64_t)get_number(bytes + 24, 8);
    memcpy(head->mark.hash, bytes + 32, 32);
    head->tree_size = get_number(bytes + 64, 8);
    memcpy(head->tree_root, bytes + 72, 32);
    memcpy(head->answers, bytes + 104, 32);
    rc = take(base, head->note_len, &bytes);
    if (rc)
        return rc;
    if (head->note_len)
        memcpy(head->note, bytes, head->note_len);
    engine_digest_add(&digest, bytes, head->note_len);
    engine_digest_end(&digest, hash);
    rc = take(base, sizeof hash, &bytes);
    if (rc)
        return rc;
    base->begin = HEAD_BYTES + head->note_len + sizeof hash;
    return memcmp(bytes, hash, sizeof hash) == 0 ? 0 : -EUCLEAN;
}

/* A piece of the digest of the whole file; at its end reading begins with the first part. */
static int prove(struct engine_base *base)
{
    uint8_t hash[ENGINE_DIGEST_BYTES], stored[ENGINE_DIGEST_BYTES];
    const uint8_t *bytes;
    if (!base->proving) {
        base->proving = true;
        engine_digest_init(&base->digest);
        move_to(base, 0);
    }
    uint64_t left = base->end - (base->offset - (base->len - base->at));
    size_t len = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
    if (len > 0) {
        int rc = take(base, len, &bytes);
        if (rc == 0)
            engine_digest_add(&base->digest, bytes, len);
        return rc ? rc : 1;
    }
    engine_digest_end(&base->digest, hash);
    ssize_t got = file_read(&file_io_system, base->fd, stored, sizeof stored, base->end);
    if (got < 0)
        return (int)got;
    base->proved = got == (ssize_t)sizeof stored && memcmp(hash, stored, sizeof hash) == 0;
    move_to(base, base->begin);
    return base->proved ? 1 : -EUCLEAN;
}

int engine_base_open(struct engine_base **ret_base, const char *path)
{
    if (sodium_init() < 0)
        return -ENOSYS;
    struct engine_base *base = calloc(1, sizeof *base);
    if (!base)
        return -ENOMEM;
    base->fd = -1;
    int rc = relief_arena_init(&base->arena, RECORD_ARENA_BYTES);
    if (rc == 0)
        rc = file_open(&file_io_system, AT_FDCWD, path, O_RDONLY, &base->fd);
    if (rc == 0)
        rc = read_size(base);
    if (rc == 0)
        rc = read_head(base);
    if (rc) {
        engine_base_close(base);
        return rc;
    }
    *ret_base = base;
    return 0;
}

const struct engine_base_head *engine_base_head(const struct engine_base *base)
{
    return &base->head;
}

uint64_t engine_base_records(const struct engine_base *base)
{
    return base->records;
}

/* Keys rise from record to record, and from the records to the marks. */
static int follow(struct engine_base *base, const struct core_key *key)
{
    size_t common = key->len < base->last.len ? key->len : base->last.len;
    int order = memcmp(base->last.data, key->data, common);
    if (order > 0 || (order == 0 && base->last.len >= key->len))
        return -EUCLEAN;
    base->last = *key;
    return 0;
}

/* The key fields are what keys are made of: ids of the length that a key has room for. */
static bool key_fits(const struct relief_table_info *table, const void *record)
{
    for (unsigned i = 0; i < table->key_fields; i++) {
        const struct relief_field *field = &table->shape->fields[i];
        struct relief_str part = *relief_field_str(field, record);
        if (!part.data || part.len > RELIEF_IDENTITY_BYTES_MAX || memchr(part.data, '\0', part.len))
            return false;
        if (field->kind == RELIEF_F_DID && !relief_dispatch_id_ok(part))
            return false;
    }
    return true;
}

static int restore_record(struct engine_base *base, struct core *core, enum relief_table table, struct relief_str bytes)
{
    union relief_any_record record;
    struct core_key key;
    relief_arena_reset(&base->arena);
    int64_t used = relief_record_decode(relief_tables[table].shape, bytes, &base->arena, &record);
    if (used < 0 || used != (int64_t)bytes.len)
        return used == -ENOMEM ? -ENOMEM : -EUCLEAN;
    /* The digest says that the file is whole, not who wrote it. */
    if (!key_fits(&relief_tables[table], &record) || !relief_record_fits(relief_tables[table].shape, &record))
        return -EUCLEAN;
    core_key_record(&key, table, &record);
    int rc = follow(base, &key);
    if (rc)
        return rc;
    core_restore(core, &(struct core_change){.table = table, .record = &record}, 1);
    base->records++;
    return 1;
}

static int restore_mark(struct engine_base *base, struct core *core, struct relief_str bytes)
{
    struct core_key key;
    if (bytes.len < 3)
        return -EUCLEAN;
    key.len = (uint32_t)get_number((const uint8_t *)bytes.data, 2);
    uint8_t space = (uint8_t)bytes.data[2];
    if (key.len == 0 || key.len > CORE_KEY_BYTES_MAX || key.len > bytes.len - 2 ||
        (space != CORE_KEY_KIND_USED && space != CORE_KEY_META))
        return -EUCLEAN;
    memcpy(key.data, bytes.data + 2, key.len);
    int rc = follow(base, &key);
    if (rc)
        return rc;
    core->view->ops->put(core->view, &key, (struct relief_str){bytes.data + 2 + key.len, bytes.len - 2 - key.len});
    return 1;
}

int engine_base_restore(struct engine_base *base, struct core *core)
{
    const uint8_t *bytes;
    if (!base->proved)
        return prove(base);
    int rc = take(base, 5, &bytes);
    if (rc)
        return rc;
    uint64_t len = get_number(bytes, 4);
    unsigned what = bytes[4];
    if (what == KIND_END) {
        rc = len == 8 + ENGINE_DIGEST_BYTES ? take(base, 8, &bytes) : -EUCLEAN;
        if (rc)
            return rc;
        bool whole = get_number(bytes, 8) == base->records && base->at == base->len && base->offset == base->end;
        return whole ? 0 : -EUCLEAN;
    }
    if (len > RELIEF_ENTRY_BYTES_MAX || (what >= RELIEF_TABLE_COUNT && what != KIND_MARK))
        return -EUCLEAN;
    rc = take(base, len, &bytes);
    if (rc)
        return rc;
    struct relief_str part = {(const char *)bytes, (uint32_t)len};
    return what == KIND_MARK ? restore_mark(base, core, part)
                             : restore_record(base, core, (enum relief_table)what, part);
}

void engine_base_close(struct engine_base *base)
{
    if (!base)
        return;
    file_close(&file_io_system, base->fd);
    relief_arena_deinit(&base->arena);
    free(base->window);
    free(base);
}
