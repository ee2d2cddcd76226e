/*
 * The worker of a backup. What it reads fits together because of the order in which it is looked at: the evidence
 * first, then the store, then the log. Each knows at most what the next one has, and the log never takes back what is
 * durable. Segments before the last do not change any more; of the last one everything up to the durable end does not.
 */
#include "views/backup.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "engine/answers.h"
#include "engine/base.h"
#include "schema/codec.h"
#include "views/dump.h"
#include "views/stream.h"

#define CHUNK_BYTES    (256u * 1024u)
#define SMALL_BYTES    65536u                  /* files of the evidence but hashes */
#define COPY_MS        (INT64_C(24) * 3600000) /* a peer that does not read is closed long before */
#define EVIDENCE_NAMES 4u

static const char *const evidence_names[EVIDENCE_NAMES] = {"evidence/state", "evidence/checkpoint",
                                                           "evidence/witnessed", "evidence/key"};

struct small {
    bool there;
    size_t len;
    char data[SMALL_BYTES];
};

struct views_backup {
    struct views_backup_options options;
    struct views_stream *stream;
    struct views_backup_end end;
    /* the worker's own */
    struct small *evidence; /* EVIDENCE_NAMES of them, as they were at the beginning */
    bool hashes_there;
    uint64_t hashes_bytes;
    struct engine_digest digest; /* of the file that is being sent */
    const char *name;
    uint64_t offset, sent; /* in that file: looked at, and sent or left out */
    struct relief_buf chunk;
};

/* ---- messages ---- */

static void start_message(const struct views_backup *backup, struct relief_buf *message)
{
    relief_pack_array(message, 3);
    relief_pack_int(message, 2);
    relief_pack_text(message, "file");
    relief_pack_array(message, 1);
    relief_pack_map(message, 4);
    relief_pack_text(message, "msgid");
    relief_pack_int(message, backup->options.msgid);
    relief_pack_text(message, "name");
    relief_pack_text(message, backup->name);
}

static int put_message(struct views_backup *backup, struct relief_buf *message)
{
    int result = message->failed ? -ENOMEM : views_stream_put(backup->stream, message);
    if (result)
        relief_buf_deinit(message);
    return result;
}

static bool all_zeros(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* What has been gathered of the file goes out, unless it is zeros. */
static int flush_chunk(struct views_backup *backup)
{
    struct relief_buf message = RELIEF_BUF_INIT, *chunk = &backup->chunk;
    uint64_t at = backup->sent;
    if (chunk->failed)
        return -ENOMEM;
    backup->sent += chunk->len;
    if (all_zeros(chunk->data, chunk->len)) {
        relief_buf_clear(chunk);
        return views_stream_over(backup->stream);
    }
    relief_buf_reserve(&message, chunk->len + 256);
    start_message(backup, &message);
    relief_pack_text(&message, "offset");
    relief_pack_int(&message, (int64_t)at);
    relief_pack_text(&message, "data");
    relief_pack_bytes(&message, (struct relief_str){chunk->data, (uint32_t)chunk->len});
    relief_buf_clear(chunk);
    return put_message(backup, &message);
}

static void start_file(struct views_backup *backup, const char *name)
{
    backup->name = name;
    backup->offset = backup->sent = 0;
    engine_digest_init(&backup->digest);
    relief_buf_clear(&backup->chunk);
}

/* engine_base_sink too. */
static int add_bytes(void *context, const void *data, size_t len)
{
    struct views_backup *backup = context;
    const char *from = data;
    engine_digest_add(&backup->digest, data, len);
    backup->offset += len;
    while (len > 0) {
        size_t room = CHUNK_BYTES - backup->chunk.len, step = len < room ? len : room;
        relief_buf_add(&backup->chunk, from, step);
        from += step;
        len -= step;
        int result = backup->chunk.failed ? -ENOMEM : backup->chunk.len == CHUNK_BYTES ? flush_chunk(backup) : 0;
        if (result)
            return result;
    }
    return 0;
}

static int end_file(struct views_backup *backup)
{
    struct relief_buf message = RELIEF_BUF_INIT;
    uint8_t hash[ENGINE_DIGEST_BYTES];
    char hex[2 * ENGINE_DIGEST_BYTES + 1];
    int result = flush_chunk(backup);
    if (result)
        return result;
    engine_digest_end(&backup->digest, hash);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    start_message(backup, &message);
    relief_pack_text(&message, "size");
    relief_pack_int(&message, (int64_t)backup->offset);
    relief_pack_text(&message, "digest");
    relief_pack_text(&message, hex);
    backup->end.files++;
    backup->end.bytes += backup->offset;
    return put_message(backup, &message);
}

/* ---- files ---- */

static bool path_of(const struct views_backup *backup, const char *name, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", engine_dir(backup->options.engine), name) < PATH_MAX;
}

static int open_file(const struct views_backup *backup, const char *name, int *ret_fd, uint64_t *ret_bytes)
{
    char path[PATH_MAX];
    struct stat info;
    if (!path_of(backup, name, path))
        return -ENAMETOOLONG;
    int result = file_open(&file_io_system, AT_FDCWD, path, O_RDONLY, ret_fd);
    if (result == 0 && fstat(*ret_fd, &info))
        result = -errno;
    if (result == 0)
        *ret_bytes = (uint64_t)info.st_size;
    return result;
}

static int add_zeros(struct views_backup *backup, uint64_t len)
{
    static const char zeros[65536];
    int result = 0;
    while (result == 0 && len > 0) {
        size_t step = len < sizeof zeros ? (size_t)len : sizeof zeros;
        result = add_bytes(backup, zeros, step);
        len -= step;
    }
    return result;
}

/* The file up to `end`, then zeros up to `bytes`. */
static int send_file(struct views_backup *backup, const char *name, uint64_t end, uint64_t bytes)
{
    char *window = malloc(CHUNK_BYTES);
    uint64_t have = 0;
    int fd = -1, result = window ? open_file(backup, name, &fd, &have) : -ENOMEM;
    start_file(backup, name);
    for (uint64_t at = 0; result == 0 && at < end;) {
        size_t step = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
        ssize_t got = file_read(&file_io_system, fd, window, step, at);
        result = got < 0 ? (int)got : (size_t)got < step ? -EUCLEAN : add_bytes(backup, window, step);
        at += step;
    }
    file_close(&file_io_system, fd);
    free(window);
    if (result == 0)
        result = add_zeros(backup, bytes - end);
    return result ? result : end_file(backup);
}

static int send_whole(struct views_backup *backup, const char *name)
{
    uint64_t bytes = 0;
    int fd = -1;
    int result = open_file(backup, name, &fd, &bytes);
    file_close(&file_io_system, fd);
    return result ? result : send_file(backup, name, bytes, bytes);
}

/* ---- the parts ---- */

static int read_small(const struct views_backup *backup, const char *name, struct small *ret)
{
    int fd = -1;
    uint64_t bytes;
    ret->there = false;
    int result = open_file(backup, name, &fd, &bytes);
    if (result == -ENOENT)
        return 0;
    ssize_t got = result ? result : file_read(&file_io_system, fd, ret->data, sizeof ret->data, 0);
    file_close(&file_io_system, fd);
    if (got < 0 || got == (ssize_t)sizeof ret->data)
        return got < 0 ? (int)got : -EUCLEAN;
    ret->there = true;
    ret->len = (size_t)got;
    return 0;
}

/* Before the log is looked at: it may know no more entries than that. */
static int read_evidence(struct views_backup *backup)
{
    int result = 0, fd = -1;
    backup->evidence = calloc(EVIDENCE_NAMES, sizeof *backup->evidence);
    if (!backup->evidence)
        return -ENOMEM;
    for (unsigned i = 0; result == 0 && i < EVIDENCE_NAMES - (backup->options.with_key ? 0 : 1); i++)
        result = read_small(backup, evidence_names[i], &backup->evidence[i]);
    if (result == 0)
        result = open_file(backup, "evidence/hashes", &fd, &backup->hashes_bytes);
    file_close(&file_io_system, fd);
    backup->hashes_there = result == 0;
    backup->hashes_bytes -= backup->hashes_bytes % 32; /* the last may be half written */
    return result == -ENOENT ? 0 : result;
}

static int send_evidence(struct views_backup *backup)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < EVIDENCE_NAMES; i++) {
        if (!backup->evidence[i].there)
            continue;
        start_file(backup, evidence_names[i]);
        result = add_bytes(backup, backup->evidence[i].data, backup->evidence[i].len);
        if (result == 0)
            result = end_file(backup);
    }
    if (result || !backup->hashes_there)
        return result;
    return send_file(backup, "evidence/hashes", backup->hashes_bytes, backup->hashes_bytes);
}

static int send_base(struct views_backup *backup, struct store_snapshot *snapshot, const struct store_mark *mark)
{
    struct engine_base_head *head = calloc(1, sizeof *head);
    char name[sizeof "base/" + ENGINE_BASE_NAME];
    if (!head)
        return -ENOMEM;
    head->mark = *mark;
    int at = snprintf(name, sizeof name, "base/");
    engine_base_name(name + at, sizeof name - (size_t)at, mark->seq, ".base");
    start_file(backup, name);
    int result = engine_base_write(store_snapshot_view(snapshot), head, add_bytes, backup);
    free(head);
    if (result == 0)
        result = end_file(backup);
    backup->end.base = mark->seq;
    return result;
}

/* Of a pruned log: what it goes on from, and the first answers. */
static int send_beginning(struct views_backup *backup, uint64_t first, uint64_t made)
{
    const char *dir = engine_dir(backup->options.engine);
    char name[64] = "base/";
    uint64_t base, answers;
    int result = engine_bases_lowest(dir, first, &base);
    if (result || first <= 1 || base == UINT64_MAX)
        return result ? result : first <= 1 ? 0 : -EUCLEAN;
    if (base != made) {
        engine_base_name(name + 5, sizeof name - 5, base, ".base");
        result = send_whole(backup, name);
    }
    if (result == 0)
        result = engine_answers_find(dir, &answers);
    if (result || answers == 0)
        return result;
    engine_base_name(name + 5, sizeof name - 5, answers, ".answers");
    return send_whole(backup, name);
}

static int send_log(struct views_backup *backup, const struct log_segment_info *segments, size_t count)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "log/%s", segments[i].name);
        result = send_file(backup, name, segments[i].end, segments[i].bytes);
    }
    return result;
}

static int work(struct views_stream *stream, void *context)
{
    struct views_backup *backup = context;
    struct engine *engine = backup->options.engine;
    struct store_snapshot *snapshot = NULL;
    struct log_segment_info *segments = NULL;
    struct log_head head = {0};
    struct store_mark mark = {0};
    size_t count = 0;
    int result = read_evidence(backup);
    if (result == 0)
        result = store_snapshot_open(&snapshot, engine_store(engine), &mark);
    if (result == 0)
        result = log_segments(engine_log(engine), &segments, &count, &head);
    if (result == 0 && mark.seq > 0)
        result = send_base(backup, snapshot, &mark);
    store_snapshot_close(snapshot);
    views_stream_extend(stream, COPY_MS);
    if (result == 0)
        result = send_beginning(backup, count ? segments[0].first : 0, mark.seq);
    if (result == 0)
        result = send_log(backup, segments, count);
    if (result == 0)
        result = send_evidence(backup);
    backup->end.seq = head.seq;
    sodium_bin2hex(backup->end.head, sizeof backup->end.head, head.hash, sizeof head.hash);
    free(segments);
    if (backup->evidence)
        sodium_memzero(backup->evidence, EVIDENCE_NAMES * sizeof *backup->evidence);
    free(backup->evidence);
    relief_buf_deinit(&backup->chunk);
    return result;
}

int views_backup_start(struct views_backup **ret, const struct views_backup_options *options)
{
    struct views_backup *backup = calloc(1, sizeof *backup);
    if (!backup)
        return -ENOMEM;
    backup->options = *options;
    int result =
        views_stream_start(&backup->stream, &(struct views_stream_options){
                                                .work = work,
                                                .context = backup,
                                                .ms_max = options->ms_max ? options->ms_max : VIEWS_DUMP_MS_MAX,
                                                .wake = options->wake,
                                                .wake_context = options->context,
                                            });
    if (result) {
        free(backup);
        return result;
    }
    *ret = backup;
    return 0;
}

int views_backup_take(struct views_backup *backup, struct relief_buf *ret, struct views_backup_end *ret_end)
{
    int result = views_stream_take(backup->stream, ret);
    if (result < 0)
        *ret_end = backup->end;
    return result;
}

void views_backup_free(struct views_backup *backup)
{
    if (!backup)
        return;
    views_stream_free(backup->stream);
    free(backup);
}
