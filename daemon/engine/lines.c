/*
 * The log of a folder as its lines, for the export of what no daemon serves any more: the folder of a daemon that is
 * gone, or an archive of what was pruned. A line is what the hash chain is made over, so it is written here by what
 * writes it everywhere, and the chain is proved on the way.
 */
#include "engine/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"

struct engine_lines {
    struct log *log;
    struct engine_entry_hasher hasher; /* of the log */
    struct relief_buf line;
    engine_lines_each *each; /* of the reading under way */
    void *context;
    uint64_t until;
};

int engine_lines_open(struct engine_lines **ret_lines, const char *dir, uint64_t *ret_first, uint64_t *ret_last,
                      struct engine_report *report)
{
    struct engine_lines *lines = calloc(1, sizeof *lines);
    *report = (struct engine_report){0};
    *ret_lines = NULL;
    if (!lines)
        return engine_say(report, -ENOMEM, "no memory");
    lines->line = RELIEF_BUF_INIT;
    int rc = engine_entry_hasher_init(&lines->hasher);
    if (rc) {
        free(lines);
        return engine_say(report, rc, "%s", strerror(-rc));
    }
    rc = engine_open_log(&lines->log, dir, &(struct engine_options){0}, true, &lines->hasher, report);
    if (rc) {
        engine_lines_close(lines);
        return rc;
    }
    *ret_first = log_first(lines->log);
    *ret_last = log_durable(lines->log).seq;
    *ret_lines = lines;
    return 0;
}

static int each_entry(void *context, const struct engine_entry *entry, const struct log_record *record,
                      const struct store_mark *mark)
{
    struct engine_lines *lines = context;
    if (mark->seq > lines->until)
        return 0; /* a log of a running daemon goes on */
    relief_buf_clear(&lines->line);
    engine_entry_json(&lines->line, entry, record->prev, mark->hash);
    if (lines->line.failed)
        return -ENOMEM;
    return lines->each(lines->context, mark->seq, (struct relief_str){lines->line.data, (uint32_t)lines->line.len});
}

int engine_lines_read(struct engine_lines *lines, uint64_t from, uint64_t to, engine_lines_each *each, void *context,
                      struct engine_report *report)
{
    struct log_cursor *cursor = NULL;
    struct log_record record;
    struct store_mark mark = {.seq = from - 1};
    lines->each = each;
    lines->context = context;
    lines->until = to;
    int rc = log_cursor_open(&cursor, lines->log, from);
    if (rc == 0) { /* what stands before the first one is not read: the chain begins with the hash that it names */
        rc = log_cursor_next(cursor, &record);
        if (rc == 1)
            memcpy(mark.hash, record.prev, sizeof mark.hash);
        rc = rc < 0 ? rc : 0;
    }
    log_cursor_close(cursor);
    if (rc)
        return engine_say(report, rc, "reading the log from entry %llu: %s", (unsigned long long)from,
                          rc == -EUCLEAN ? "it is damaged" : strerror(-rc));
    return engine_walk_to(lines->log, to, &mark, each_entry, lines, report);
}

void engine_lines_close(struct engine_lines *lines)
{
    if (!lines)
        return;
    log_close(lines->log);
    engine_entry_hasher_deinit(&lines->hasher);
    relief_buf_deinit(&lines->line);
    free(lines);
}
