/*
 * The order makes it safe to be interrupted anywhere. Answers and base are there, whole and synced, before the first
 * segment goes; every segment is in the archive, compared with its original, and written down, before that; and they go
 * one by one from the first, each made durable, so that what is left is always a log with an end, and a base at or
 * behind its beginning. Who runs it again after an interruption goes on with what is left.
 *
 * What is pruned lies at or below a signed checkpoint: the folder is brought to its head first, evidence included,
 * which signs one.
 */
#include "engine/prune.h"
#include "engine/state.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (1u << 20)

struct prune {
    const struct engine_prune_options *options;
    struct engine_pruned *result;
    struct engine_report *report;
    struct engine_base_head head; /* of the base that is made */
    uint64_t tree_size;           /* of the checkpoint in it */
    struct evidence_path path;    /* of the last leaf: the root follows */
    struct log *log;
    struct log_segment_info *segments;
    size_t count, going; /* all; those that go */
    struct log_head log_head;
    struct engine_archived *archived;
};

static void step(const struct prune *prune)
{
    if (prune->options->step)
        prune->options->step(prune->options->context);
}

/* ---- where ---- */

/* The last entry before `below` that ends a segment which is not the last one. */
static void choose(struct prune *prune)
{
    prune->going = 0;
    for (size_t i = 1; i < prune->count; i++) {
        uint64_t last = prune->segments[i].first - 1;
        if (last < prune->options->below && last <= prune->tree_size &&
            prune->segments[i].first <= prune->log_head.seq) {
            prune->going = i;
            prune->head.mark.seq = last;
        }
    }
}

/* What goes is at the end of a batch, so its leaf is the last one of a tree, and all that stands beside its way up is
 * on its left. */
static int take_root(struct prune *prune, struct evidence *evidence)
{
    struct evidence_hasher *hasher = evidence_hasher_new();
    uint8_t root[EVIDENCE_HASH_BYTES];
    uint64_t size = prune->head.mark.seq;
    if (!hasher)
        return -ENOMEM;
    int rc = evidence_inclusion(evidence, size, size, root, &prune->path);
    for (unsigned i = 0; rc == 0 && i < prune->path.count; i++)
        evidence_hash_node(hasher, prune->path.hashes[i], root, root);
    evidence_hasher_free(hasher);
    if (rc)
        return rc;
    prune->head.tree_size = size;
    memcpy(prune->head.tree_root, root, sizeof prune->head.tree_root);
    return 0;
}

static int take_checkpoint(struct prune *prune, struct engine *engine)
{
    struct evidence_checkpoint checkpoint;
    struct relief_buf note = RELIEF_BUF_INIT;
    evidence_newest(engine_evidence(engine), &checkpoint, &note);
    int rc = note.failed || note.len > ENGINE_BASE_NOTE_MAX ? -ENOMEM : 0;
    if (rc == 0 && note.len > 0) {
        memcpy(prune->head.note, note.data, note.len);
        prune->head.note_len = (uint32_t)note.len;
        prune->tree_size = checkpoint.size;
    }
    relief_buf_deinit(&note);
    return rc;
}

/* The folder at its head, with everything synced; and what of the evidence goes into the base. */
static int settle(struct prune *prune)
{
    const struct engine_options options = {.dir = prune->options->dir};
    struct engine *engine = NULL;
    int rc = engine_open(&engine, &options, prune->report);
    if (rc)
        return rc;
    rc = take_checkpoint(prune, engine);
    if (rc == 0)
        rc = log_segments(engine_log(engine), &prune->segments, &prune->count, &prune->log_head);
    if (rc == 0)
        choose(prune);
    if (rc == 0 && prune->going > 0)
        rc = take_root(prune, engine_evidence(engine));
    int closed = engine_close(engine);
    rc = rc ? rc : closed;
    return rc ? engine_say(prune->report, rc, "%s: %s", prune->options->dir, strerror(-rc)) : 0;
}

/* ---- base ---- */

static int write_base(struct prune *prune)
{
    const char *dir = prune->options->dir;
    struct engine_answers *answers = NULL;
    struct engine_at *at = NULL;
    uint64_t seq = prune->head.mark.seq;
    int rc = engine_at_open(&at, &(struct engine_at_options){.dir = dir, .log = prune->log, .seq = seq}, prune->report);
    if (rc)
        return rc;
    prune->head.mark = store_mark(engine_at_store(at));
    rc = engine_answers_write(dir, seq, store_view(engine_at_store(at)), prune->log, prune->head.answers);
    if (rc == 0)
        rc = engine_answers_open(&answers, dir);
    if (rc == 0 && answers)
        prune->result->answers = engine_answers_count(answers);
    engine_answers_close(answers);
    if (rc == 0)
        step(prune);
    if (rc == 0)
        rc = engine_bases_write(dir, store_view(engine_at_store(at)), &prune->head);
    if (rc == 0)
        step(prune);
    engine_at_close(at);
    if (rc == -EUCLEAN)
        return engine_say(prune->report, rc, "an entry that a request or an op leads to is missing");
    return rc ? engine_say(prune->report, rc, "%s/base: %s", dir, strerror(-rc)) : 0;
}

/* ---- archive ---- */

/* Digest of a file, and its bytes into `to` (negative: nowhere). */
static int read_file(int from, int to, uint64_t bytes, uint8_t ret_digest[ENGINE_DIGEST_BYTES])
{
    uint8_t *window = malloc(WINDOW_BYTES);
    struct engine_digest digest;
    int rc = window ? 0 : -ENOMEM;
    engine_digest_init(&digest);
    for (uint64_t at = 0; rc == 0 && at < bytes; at += WINDOW_BYTES) {
        size_t len = bytes - at < WINDOW_BYTES ? (size_t)(bytes - at) : WINDOW_BYTES;
        ssize_t got = file_read(&file_io_system, from, window, len, at);
        rc = got < 0 ? (int)got : (size_t)got < len ? -EUCLEAN : 0;
        if (rc == 0 && to >= 0)
            rc = file_write(&file_io_system, to, window, len, at);
        engine_digest_add(&digest, window, len);
    }
    free(window);
    engine_digest_end(&digest, ret_digest);
    return rc;
}

/* Copied under another name, synced, read again, and renamed. One that is there already must be the same. */
static int copy_segment(int from_dir, int to_dir, const struct log_segment_info *segment, struct engine_archived *ret)
{
    const struct file_io *io = &file_io_system;
    uint8_t again[ENGINE_DIGEST_BYTES];
    int from = -1, to = -1;
    bool there = faccessat(to_dir, segment->name, F_OK, 0) == 0;
    int rc = file_open(io, from_dir, segment->name, O_RDONLY, &from);
    if (rc == 0)
        rc = there ? file_open(io, to_dir, segment->name, O_RDONLY, &to)
                   : file_open(io, to_dir, "segment.tmp", O_RDWR | O_CREAT | O_TRUNC, &to);
    if (rc == 0)
        rc = read_file(from, there ? -1 : to, segment->bytes, ret->digest);
    if (rc == 0 && !there)
        rc = file_sync(io, to);
    if (rc == 0) {
        rc = read_file(to, -1, segment->bytes, again);
        rc = rc == -EUCLEAN && there ? -EEXIST : rc;
    }
    if (rc == 0 && memcmp(again, ret->digest, sizeof again) != 0)
        rc = there ? -EEXIST : -EIO;
    if (rc == 0 && !there)
        rc = file_rename(io, to_dir, "segment.tmp", segment->name);
    if (rc == 0)
        rc = file_sync(io, to_dir);
    file_close(io, from);
    file_close(io, to);
    ret->bytes = segment->bytes;
    (void)snprintf(ret->name, sizeof ret->name, "log/%s", segment->name);
    return rc;
}

static int archive(struct prune *prune, int log_fd)
{
    char path[PATH_MAX];
    int fd = -1;
    if (!engine_folder_path(path, sizeof path, prune->options->archive, "log"))
        return engine_say(prune->report, -ENAMETOOLONG, "%s: the path is too long", prune->options->archive);
    int rc = engine_folder_make(prune->options->archive);
    if (rc == 0)
        rc = file_open_dir(&file_io_system, path, 1, &fd);
    if (rc)
        return engine_say(prune->report, rc, "%s: %s", path, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < prune->going; i++) {
        rc = copy_segment(log_fd, fd, &prune->segments[i], &prune->archived[i]);
        if (rc)
            engine_say(prune->report, rc, "%s/%s: %s", path, prune->segments[i].name,
                       rc == -EEXIST ? "there is another segment of that name" : strerror(-rc));
        else
            step(prune);
    }
    file_close(&file_io_system, fd);
    if (rc == 0)
        rc = prune->options->archived(prune->options->context, prune->archived, prune->going, &prune->head.mark);
    if (rc == 0)
        step(prune);
    return rc;
}

/* ---- away ---- */

static int remove_segments(struct prune *prune, int log_fd)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < prune->going; i++) {
        rc = file_unlink(&file_io_system, log_fd, prune->segments[i].name);
        if (rc == 0)
            rc = file_sync(&file_io_system, log_fd);
        if (rc == 0)
            step(prune);
    }
    if (rc == 0)
        rc = engine_bases_remove_below(prune->options->dir, prune->head.mark.seq);
    return rc ? engine_say(prune->report, rc, "%s/log: %s", prune->options->dir, strerror(-rc)) : 0;
}

static int carry_out(struct prune *prune)
{
    char path[PATH_MAX];
    int log_fd = -1;
    prune->archived = calloc(prune->going, sizeof *prune->archived);
    if (!prune->archived)
        return engine_say(prune->report, -ENOMEM, "%s", strerror(ENOMEM));
    if (!engine_folder_path(path, sizeof path, prune->options->dir, "log"))
        return engine_say(prune->report, -ENAMETOOLONG, "%s: the path is too long", prune->options->dir);
    int rc = write_base(prune);
    if (rc)
        return rc;
    rc = file_open_dir(&file_io_system, path, 0, &log_fd);
    if (rc)
        return engine_say(prune->report, rc, "%s: %s", path, strerror(-rc));
    rc = archive(prune, log_fd);
    if (rc == 0)
        rc = remove_segments(prune, log_fd);
    file_close(&file_io_system, log_fd);
    return rc;
}

int engine_prune(const struct engine_prune_options *options, struct engine_pruned *ret_pruned,
                 struct engine_report *report)
{
    struct prune *prune = calloc(1, sizeof *prune);
    struct engine_entry_hasher hasher;
    int lock_fd = -1;
    *ret_pruned = (struct engine_pruned){0};
    *report = (struct engine_report){0};
    if (!prune)
        return engine_say(report, -ENOMEM, "%s", strerror(ENOMEM));
    *prune = (struct prune){.options = options, .result = ret_pruned, .report = report};
    int rc = engine_entry_hasher_init(&hasher);
    if (rc) {
        engine_say(report, rc, "%s", strerror(-rc));
        goto out;
    }
    rc = settle(prune);
    if (rc || prune->going == 0)
        goto out;
    rc = engine_folder_lock(options->dir, &lock_fd);
    if (rc) {
        engine_say(report, rc, "%s: %s", options->dir, rc == -EBUSY ? "another daemon has it" : strerror(-rc));
        goto out;
    }
    rc = engine_open_log(&prune->log, options->dir, &(struct engine_options){0}, true, &hasher, report);
    if (rc == 0)
        rc = carry_out(prune);
    if (rc == 0)
        *ret_pruned = (struct engine_pruned){.seq = prune->head.mark.seq,
                                             .first = prune->head.mark.seq + 1,
                                             .segments = prune->going,
                                             .answers = ret_pruned->answers};
out:
    log_close(prune->log);
    engine_entry_hasher_deinit(&hasher);
    if (lock_fd >= 0)
        close(lock_fd);
    free(prune->segments);
    free(prune->archived);
    free(prune);
    return rc;
}

/* ---- an archive by itself ---- */

int engine_archive_check(const char *dir, uint64_t *ret_first, struct engine_report *report)
{
    struct engine_entry_hasher hasher;
    struct log_cursor *cursor = NULL;
    struct log *log = NULL;
    struct log_record record;
    struct store_mark mark = {0};
    *report = (struct engine_report){0};
    int rc = engine_entry_hasher_init(&hasher);
    if (rc)
        return engine_say(report, rc, "%s", strerror(-rc));
    rc = engine_open_log(&log, dir, &(struct engine_options){0}, true, &hasher, report);
    if (rc == 0)
        rc = log_cursor_open(&cursor, log, 0);
    if (rc == 0 && log_cursor_next(cursor, &record) == 1) {
        mark.seq = record.seq - 1;
        memcpy(mark.hash, record.prev, sizeof mark.hash);
    }
    *ret_first = mark.seq + 1;
    if (rc == 0)
        rc = engine_walk(log, &mark, NULL, NULL, report);
    report->seq = mark.seq;
    memcpy(report->hash, mark.hash, sizeof report->hash);
    log_cursor_close(cursor);
    log_close(log);
    engine_entry_hasher_deinit(&hasher);
    return rc && !report->message[0] ? engine_say(report, rc, "%s: %s", dir, strerror(-rc)) : rc;
}
