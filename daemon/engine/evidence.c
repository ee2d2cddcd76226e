/*
 * The start of the evidence. What its files vouch for is tied to the log at one entry: the leaf of the last entry that
 * they know is computed from the log once more. That line holds the hash of the entry, and with it all of the chain
 * before, so one entry compared is all of them compared. What the files do not have is added while the store's tail is
 * read, and before that where the store is ahead of them.
 */
#include "engine/state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/*
 * The entry at seq: its mark, and its leaf. 1; 0: it is the last one that was pruned, so there is its mark only, whose
 * hash the entry behind it names; negative with a message.
 */
static int read_mark(struct engine *engine, uint64_t seq, struct store_mark *ret_mark,
                     uint8_t leaf[EVIDENCE_HASH_BYTES], struct engine_report *report)
{
    const bool pruned = seq + 1 == log_first(engine->log);
    const uint64_t read = pruned ? seq + 1 : seq;
    const struct log_head head = log_durable(engine->log);
    struct engine_entry_hasher hasher;
    struct log_cursor *cursor = NULL;
    struct log_record record = {0};
    if (pruned && head.seq == seq) { /* nothing is behind it yet */
        *ret_mark = (struct store_mark){.seq = seq};
        memcpy(ret_mark->hash, head.hash, sizeof ret_mark->hash);
        return 0;
    }
    int rc = engine_entry_hasher_init(&hasher);
    if (rc == 0)
        rc = engine_entry_hasher_tree(&hasher, NULL);
    if (rc == 0)
        rc = log_cursor_open(&cursor, engine->log, read);
    if (rc == 0)
        rc = log_cursor_next(cursor, &record);
    if (rc == 1 && record.seq != read)
        rc = -ENOENT;
    if (rc == 1) {
        *ret_mark = (struct store_mark){.seq = seq};
        if (pruned) {
            memcpy(ret_mark->hash, record.prev, sizeof ret_mark->hash);
        } else {
            engine_entry_hash(&hasher, &record, ret_mark->hash);
            ret_mark->time = hasher.entry.time;
            memcpy(leaf, hasher.entry.leaf, EVIDENCE_HASH_BYTES);
        }
        rc = hasher.error ? hasher.error : !pruned;
    } else if (rc >= 0) {
        rc = -ENOENT;
    }
    log_cursor_close(cursor);
    engine_entry_hasher_deinit(&hasher);
    return rc < 0 ? engine_say(report, rc, "reading entry %llu of the log: %s", (unsigned long long)read, strerror(-rc))
                  : rc;
}

static int add_entry(void *context, const struct engine_entry *entry, const struct log_record *record,
                     const struct store_mark *mark)
{
    (void)record;
    (void)mark;
    return evidence_add(context, entry->leaf);
}

/* What the store has and the evidence has not. */
static int catch_up(struct engine *engine, struct store_mark *mark, struct engine_report *report)
{
    const struct store_mark store = store_mark(engine->store);
    if (mark->seq >= store.seq)
        return 0;
    int rc = engine_walk_to(engine->log, store.seq, mark, add_entry, engine->evidence, report);
    if (rc && !report->message[0])
        return engine_say(report, rc, "evidence/hashes: %s", strerror(-rc));
    return rc;
}

int engine_evidence_open(struct engine *engine, struct engine_report *report)
{
    const struct engine_options *options = &engine->options;
    const uint64_t first = log_first(engine->log), pruned = first ? first - 1 : 0;
    struct evidence_report found;
    struct store_mark mark = {0};
    uint8_t leaf[EVIDENCE_HASH_BYTES], known[EVIDENCE_HASH_BYTES];
    char path[PATH_MAX];
    if (!engine_folder_path(path, sizeof path, options->dir, "evidence"))
        return engine_say(report, -ENAMETOOLONG, "%s: the path is too long", options->dir);
    int rc = evidence_open(&engine->evidence,
                           &(struct evidence_options){.dir = path,
                                                      .origin = options->origin,
                                                      .witnesses = options->witnesses,
                                                      .witness_count = options->witness_count,
                                                      .pruned = pruned,
                                                      .io = options->evidence_io},
                           log_durable(engine->log).seq, &found);
    if (rc)
        return engine_say(report, rc, "%s", found.message);
    memcpy(report->evidence, found.message, sizeof report->evidence);
    report->evidence_anew = found.anew;
    const uint64_t size = evidence_size(engine->evidence);
    if (size > 0) {
        rc = read_mark(engine, size, &mark, leaf, report);
        if (rc < 0)
            return rc;
        if (rc == 1 &&
            ((rc = evidence_leaf(engine->evidence, size, known)) != 0 || memcmp(leaf, known, sizeof leaf) != 0))
            return engine_say(report, rc ? rc : -EUCLEAN,
                              "entry %llu of the log is not the one that evidence/ knows: this is another log, or its "
                              "past was changed; "
                              "put the log back, or restore folder and evidence together from a backup",
                              (unsigned long long)size);
    }
    return catch_up(engine, &mark, report);
}

int engine_evidence_started(struct engine *engine, struct engine_report *report)
{
    struct evidence_report found = {0};
    bool wanted;
    int rc = evidence_started(engine->evidence, &found);
    if (rc)
        return engine_say(report, rc, "%s", found.message);
    rc = evidence_publish(engine->evidence, engine->head.time, &wanted);
    if (rc == 0 && evidence_unsynced(engine->evidence, NULL))
        rc = evidence_sync(engine->evidence);
    return rc ? engine_say(report, rc, "writing evidence/: %s", strerror(-rc)) : 0;
}

struct evidence *engine_evidence(struct engine *engine)
{
    return engine->evidence;
}

int engine_cosign(struct engine *engine, struct relief_str note)
{
    int rc = evidence_cosign(engine->evidence, note);
    if (rc == EVIDENCE_TAKEN)
        engine_writer_poke(engine->writer);
    return rc;
}

bool engine_evidence_failed(const struct engine *engine)
{
    return engine->evidence_failed;
}
