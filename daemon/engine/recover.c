/*
 * The start: the log is the truth, so what the store does not hold yet is applied from the log's outcomes. Only
 * outcomes are read; no rule of the core runs, so entries of an older program come back as they were.
 *
 * Everything in the log at this point is durable, so each command's end is a place where the store may be flushed; a
 * long tail therefore needs no more memory than service does.
 */
#include "engine/state.h"

#include <errno.h>
#include <string.h>

struct recovery {
    struct store *store;
    struct core *core;
    struct engine_flush_signal *flush;
    struct evidence *evidence; /* NULL: a rebuild, which leaves it alone */
    const struct engine_options *clocks;
    uint64_t applied;
};

static int restore_entry(void *context, const struct engine_entry *entry, const struct log_record *record,
                         const struct store_mark *mark)
{
    struct recovery *recovery = context;
    core_restore(recovery->core, entry->changes, entry->change_count);
    recovery->applied++;
    if (recovery->evidence && mark->seq > evidence_size(recovery->evidence)) {
        int rc = evidence_add(recovery->evidence, entry->leaf);
        if (rc)
            return rc;
    }
    if (record->flags & LOG_MORE)
        return 0;
    int64_t wall, boot;
    engine_read_clocks(recovery->clocks, &wall, &boot);
    store_batch_end(recovery->store, mark->seq, mark->time);
    store_durable(recovery->store, mark, boot);
    return recovery->flush ? engine_flush_wait(recovery->flush, recovery->store) : 0;
}

int engine_recover(struct log *log, struct store *store, struct core *core, struct engine_flush_signal *flush,
                   struct evidence *evidence, const struct engine_options *clocks, struct engine_report *report,
                   struct store_mark *ret_head)
{
    struct log_head head = log_durable(log);
    const struct store_mark start = store_mark(store);
    struct store_mark mark = start;
    struct recovery recovery = {.store = store, .core = core, .flush = flush, .evidence = evidence, .clocks = clocks};

    if (start.seq > head.seq)
        return engine_say(
            report, -EUCLEAN,
            "the store stands at entry %llu, but the log ends with entry %llu: put the log back, or rebuild "
            "the store from this log",
            (unsigned long long)start.seq, (unsigned long long)head.seq);
    if (start.seq == head.seq && memcmp(start.hash, head.hash, LOG_HASH_BYTES) != 0)
        return engine_say(report, -EUCLEAN, "store and log disagree about entry %llu: rebuild the store from the log",
                          (unsigned long long)start.seq);
    int rc = engine_walk(log, &mark, restore_entry, &recovery, report);
    static const char damaged[] = "log damaged"; /* what engine_walk says when it isn't the store's */
    if (rc == -EUCLEAN && mark.seq == start.seq && start.seq > 0 &&
        strncmp(report->message, damaged, sizeof damaged - 1) != 0)
        engine_say(report, rc, "store and log disagree behind entry %llu: rebuild the store from the log",
                   (unsigned long long)start.seq);
    else if (rc && !report->message[0])
        engine_say(report, rc, "writing the store or the evidence: %s", strerror(-rc));
    report->applied = recovery.applied;
    report->seq = head.seq;
    *ret_head = mark;
    return rc;
}
