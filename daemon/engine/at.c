/*
 * The state at an entry of the past: a base at or below it, and the outcomes of the log up to it, in a store of its own
 * on disk. It is written without a sync and thrown away after use; a store that grows past its bound of memory goes to
 * the disk like any other, so ten million records cost the daemon no more memory than a flush does.
 */
#include "engine/state.h"

#include "core/key.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_EVERY          256u               /* entries */
#define RECORD_ARENA_BYTES ((size_t)64 << 20) /* address space: a request with a million legs fits */

struct engine_at {
    struct engine_at_options options;
    struct log *own_log;
    struct engine_entry_hasher hasher; /* of that log */
    bool hasher_ready, core_ready, flush_ready;
    char path[PATH_MAX]; /* "": not made */
    struct engine_flush_signal flush;
    struct store *store;
    struct core core;
    uint64_t applied;
};

static int restore_entry(void *context, const struct engine_entry *entry, const struct log_record *record,
                         const struct store_mark *mark)
{
    struct engine_at *at = context;
    core_restore(&at->core, entry->changes, entry->change_count);
    at->applied++;
    if (at->options.over && at->applied % ASK_EVERY == 0) {
        int rc = at->options.over(at->options.context, mark->seq, at->options.seq);
        if (rc)
            return rc;
    }
    if ((record->flags & LOG_MORE) && mark->seq != at->options.seq)
        return 0;
    store_batch_end(at->store, mark->seq, mark->time);
    store_durable(at->store, mark, 0);
    return engine_flush_wait(&at->flush, at->store);
}

static int make_folder(struct engine_at *at)
{
    char parent[PATH_MAX];
    if (at->options.scratch) {
        if (!engine_folder_path(at->path, sizeof at->path, at->options.scratch, "relief-at-XXXXXX"))
            goto long_path;
    } else {
        if (!engine_folder_path(parent, sizeof parent, at->options.dir, "tmp") ||
            !engine_folder_path(at->path, sizeof at->path, parent, "at-XXXXXX"))
            goto long_path;
        if (mkdir(parent, 0700) && errno != EEXIST)
            goto failed;
    }
    if (mkdtemp(at->path))
        return 0;
failed:
    at->path[0] = '\0';
    return -errno;
long_path:
    at->path[0] = '\0';
    return -ENAMETOOLONG;
}

static int open_store(struct engine_at *at, struct engine_report *report)
{
    int rc = make_folder(at);
    if (rc)
        return engine_say(report, rc, "no place for the state of the past: %s", strerror(-rc));
    engine_flush_init(&at->flush, NULL, NULL);
    at->flush_ready = true;
    rc = store_open(&at->store,
                    &(struct store_options){
                        .dir = at->path, .temporary = true, .flushed = engine_flush_ended, .context = &at->flush});
    if (rc == 0)
        rc = core_init(&at->core, store_view(at->store));
    at->core_ready = rc == 0;
    return rc ? engine_say(report, rc, "%s: %s", at->path, strerror(-rc)) : 0;
}

static int load(struct engine_at *at, struct log *log, struct engine_report *report)
{
    struct engine_base *base = NULL;
    uint64_t first = log_first(log), seq = 0;
    int rc = engine_bases_find(at->options.dir, first ? first - 1 : 0, at->options.seq, &seq);
    if (rc || seq == 0)
        return rc ? engine_say(report, rc, "%s/base: %s", at->options.dir, strerror(-rc)) : 0;
    rc = engine_bases_open(&base, at->options.dir, seq);
    if (rc == 0)
        rc = engine_load_base(base, at->store, &at->core, &at->flush, at->options.over, at->options.context);
    engine_base_close(base);
    report->base = seq;
    if (rc == -EUCLEAN)
        return engine_say(report, rc, "the base at entry %llu is damaged", (unsigned long long)seq);
    return rc ? engine_say(report, rc, "loading the base at entry %llu: %s", (unsigned long long)seq, strerror(-rc))
              : 0;
}

int engine_at_lowest(const char *dir, struct log *log, uint64_t *ret_seq)
{
    int rc = engine_bases_lowest(dir, log_first(log), ret_seq);
    return rc ? rc : *ret_seq == UINT64_MAX ? -EUCLEAN : 0;
}

static int choose(struct engine_at *at, struct log *log, struct engine_report *report)
{
    uint64_t head = log_durable(log).seq, lowest;
    if (at->options.seq == UINT64_MAX)
        at->options.seq = head;
    if (at->options.seq > head)
        return engine_say(report, -ERANGE, "the log ends with entry %llu", (unsigned long long)head);
    int rc = engine_at_lowest(at->options.dir, log, &lowest);
    if (rc)
        return engine_say(report, rc, "log damaged: its beginning is missing, and there is no base");
    if (at->options.seq < lowest)
        return engine_say(report, -ENOENT, "the log was pruned; the first state that can be made is that at entry %llu",
                          (unsigned long long)lowest);
    return 0;
}

static int make(struct engine_at *at, struct log *log, struct engine_report *report)
{
    int rc = choose(at, log, report);
    if (rc == 0)
        rc = open_store(at, report);
    if (rc == 0)
        rc = load(at, log, report);
    if (rc)
        return rc;
    struct store_mark mark = store_mark(at->store);
    rc = engine_walk_to(log, at->options.seq, &mark, restore_entry, at, report);
    if (rc == 0)
        rc = engine_flush_all(&at->flush, at->store, at->options.seq);
    report->seq = at->options.seq;
    report->applied = at->applied;
    return rc && !report->message[0] ? engine_say(report, rc, "making the state of entry %llu: %s",
                                                  (unsigned long long)at->options.seq, strerror(-rc))
                                     : rc;
}

int engine_at_open(struct engine_at **ret_at, const struct engine_at_options *options, struct engine_report *report)
{
    *report = (struct engine_report){0};
    struct engine_at *at = calloc(1, sizeof *at);
    if (!at)
        return engine_say(report, -ENOMEM, "%s", strerror(ENOMEM));
    at->options = *options;
    int rc = 0;
    if (!options->log) {
        rc = engine_entry_hasher_init(&at->hasher);
        at->hasher_ready = rc == 0;
        if (rc == 0)
            rc = engine_open_log(&at->own_log, options->dir, &(struct engine_options){0}, true, &at->hasher, report);
    }
    if (rc == 0)
        rc = make(at, options->log ? options->log : at->own_log, report);
    if (rc) {
        engine_at_close(at);
        return rc;
    }
    *ret_at = at;
    return 0;
}

struct store *engine_at_store(struct engine_at *at)
{
    return at->store;
}

static int walk_table(struct core_view *view, enum relief_table table, struct relief_arena *arena,
                      int (*each)(void *context, enum relief_table table, const void *record), void *context)
{
    const struct core_key none = {.len = 0};
    union relief_any_record record;
    struct core_key prefix;
    struct core_cursor cursor;
    struct relief_str key, value;
    int rc = 0;
    core_key_table(&prefix, table);
    view->ops->scan(view, &cursor, &prefix, &none);
    while (rc == 0 && view->ops->next(view, &cursor, &key, &value)) {
        relief_arena_reset(arena);
        int64_t used = relief_record_decode(relief_tables[table].shape, value, arena, &record);
        rc = used < 0 ? (int)used : each(context, table, &record);
    }
    return rc;
}

int engine_at_walk(struct engine_at *at, int (*each)(void *context, enum relief_table table, const void *record),
                   void *context)
{
    struct relief_arena arena = RELIEF_ARENA_INIT;
    int rc = relief_arena_init(&arena, RECORD_ARENA_BYTES);
    for (int table = 0; rc == 0 && table < RELIEF_TABLE_COUNT; table++)
        rc = walk_table(store_view(at->store), (enum relief_table)table, &arena, each, context);
    relief_arena_deinit(&arena);
    return rc;
}

void engine_at_close(struct engine_at *at)
{
    if (!at)
        return;
    if (at->core_ready)
        core_deinit(&at->core);
    store_close(at->store);
    if (at->flush_ready)
        engine_flush_deinit(&at->flush);
    if (at->path[0])
        (void)engine_remove_store(at->path);
    log_close(at->own_log);
    if (at->hasher_ready)
        engine_entry_hasher_deinit(&at->hasher);
    free(at);
}
