/*
 * Reading the log from a mark to its end with every promise of the chain proved on the way. Start, rebuild and check
 * all read through here, so none of them can believe what another would refuse.
 */
#include "engine/state.h"

#include <errno.h>
#include <string.h>

static int check_link(const struct log_record *record, const struct store_mark *mark, struct engine_report *report)
{
    if (record->seq != mark->seq + 1)
        return engine_say(report, -EUCLEAN, "log damaged: entry %llu follows entry %llu",
                          (unsigned long long)record->seq, (unsigned long long)mark->seq);
    if (memcmp(record->prev, mark->hash, LOG_HASH_BYTES) != 0)
        return engine_say(report, -EUCLEAN, "entry %llu of the log does not continue the hash of the entry before it",
                          (unsigned long long)record->seq);
    return 0;
}

/* Up to `until`. The entry behind it must name the hash that was reached, so what stands before is proved by what
 * follows. */
static int walk(struct log_cursor *cursor, uint64_t until, struct engine_entry_hasher *hasher, struct store_mark *mark,
                engine_walk_entry *each, void *context, struct engine_report *report)
{
    struct log_record record;
    int rc;
    while ((rc = log_cursor_next(cursor, &record)) == 1) {
        rc = check_link(&record, mark, report);
        if (rc || mark->seq == until)
            return rc;
        struct store_mark next = {.seq = record.seq};
        engine_entry_hash(hasher, &record, next.hash);
        if (hasher->error == -ENOTSUP)
            return engine_say_newer(report, hasher->newer);
        if (hasher->error)
            return engine_say(report, hasher->error == -ENOMEM ? -ENOMEM : -EUCLEAN,
                              "entry %llu of the log can't be decoded: %s", (unsigned long long)record.seq,
                              strerror(-hasher->error));
        next.time = hasher->entry.time;
        if (next.time < mark->time)
            return engine_say(report, -EUCLEAN, "entry %llu of the log is older than the entry before it",
                              (unsigned long long)record.seq);
        *mark = next;
        rc = each ? each(context, &hasher->entry, &record, mark) : 0;
        if (rc)
            return rc;
    }
    if (rc == -EUCLEAN) {
        struct log_damage damage = {0};
        log_cursor_damage(cursor, &damage);
        return engine_say(report, rc, "log damaged: %s at offset %llu, entry %llu: %s", damage.segment,
                          (unsigned long long)damage.offset, (unsigned long long)damage.seq, damage.what);
    }
    if (rc)
        return engine_say(report, rc, "reading the log behind entry %llu: %s", (unsigned long long)mark->seq,
                          strerror(-rc));
    return 0;
}

int engine_walk(struct log *log, struct store_mark *mark, engine_walk_entry *each, void *context,
                struct engine_report *report)
{
    return engine_walk_to(log, UINT64_MAX, mark, each, context, report);
}

int engine_walk_to(struct log *log, uint64_t until, struct store_mark *mark, engine_walk_entry *each, void *context,
                   struct engine_report *report)
{
    struct log_head head = log_durable(log);
    struct engine_entry_hasher hasher;
    struct log_cursor *cursor = NULL;

    int rc = engine_entry_hasher_init(&hasher);
    if (rc)
        return engine_say(report, rc, "%s", strerror(-rc));
    rc = engine_entry_hasher_tree(&hasher, NULL);
    if (rc) {
        engine_entry_hasher_deinit(&hasher);
        return engine_say(report, rc, "%s", strerror(-rc));
    }
    if (mark->seq < head.seq) {
        rc = log_cursor_open(&cursor, log, mark->seq + 1);
        if (rc == -ENOENT)
            rc = engine_say(report, -EUCLEAN,
                            "log damaged: it begins with entry %llu, but entry %llu is needed: a segment is missing",
                            (unsigned long long)log_first(log), (unsigned long long)mark->seq + 1);
        else if (rc)
            engine_say(report, rc, "reading the log from entry %llu: %s", (unsigned long long)mark->seq + 1,
                       strerror(-rc));
        else
            rc = walk(cursor, until, &hasher, mark, each, context, report);
    }
    bool short_of = mark->seq < head.seq && mark->seq != until;
    if (rc == 0 && (short_of || mark->seq > head.seq ||
                    (mark->seq == head.seq && memcmp(mark->hash, head.hash, LOG_HASH_BYTES) != 0)))
        rc =
            engine_say(report, -EUCLEAN, "the log ends with entry %llu, but entry %llu was reached or its hash differs",
                       (unsigned long long)head.seq, (unsigned long long)mark->seq);
    log_cursor_close(cursor);
    engine_entry_hasher_deinit(&hasher);
    return rc;
}
