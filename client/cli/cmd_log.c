/*
 * relief log export: the log as JSON Lines, by pages, up to the entry that is the last when it begins. `relief log
 * list` and `relief log head` are plain methods.
 *
 * With --data the lines come from the log of a folder instead, a daemon's or an archive, by what made them: the engine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/cli/digest.h"
#include "client/cli/outfile.h"
#include "client/cli/page.h"
#include "client/cli/progress.h"
#include "engine/lines.h"
#include "schema/codec.h"

struct export
{
    FILE *file;
    struct cli_digest digest;
    struct relief_buf line;
    int64_t next, last, entries;
    int error; /* errno of the first write that failed */
    struct cli_progress progress;
};

static void put_line(struct export *export, bool digested)
{
    struct relief_str line = {export->line.data, (uint32_t) export->line.len};
    if (digested)
        cli_digest_line(&export->digest, line);
    if ((fwrite(line.data, 1, line.len, export->file) < line.len || fputc('\n', export->file) == EOF) && !export->error)
        export->error = errno;
    relief_buf_clear(&export->line);
}

static int unwritten(const struct export *export)
{
    if (!export->error)
        return CLI_DONE;
    cli_say("cannot write: %s", strerror(export->error));
    return CLI_REFUSED;
}

static int on_page(void *context, const struct cli_page *page)
{
    struct export *export = context;
    const struct relief_entry *entries = page->items->items;
    for (uint32_t i = 0; i < page->items->count; i++) {
        if (entries[i].seq > export->last)
            return -1;
        if (entries[i].seq != export->next) {
            cli_say("the daemon sent entry %lld where %lld should stand", (long long)entries[i].seq,
                    (long long)export->next);
            return CLI_DIFFERENT;
        }
        export->next++;
        relief_json_msgpack(&export->line, &page->raw->via.array.ptr[i]);
        put_line(export, true);
        export->entries++;
        if (!cli_progress_at(&export->progress, (uint64_t) export->entries))
            return CLI_UNREACHABLE;
    }
    return export->error ? unwritten(export) : export->next > export->last ? -1 : CLI_DONE;
}

static int last_entry(struct cli *cli, int64_t *ret)
{
    struct relief_log_head_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    int result = relief_log_head(cli->client, &params, &answer);
    int code = cli_result(cli, result, answer, NULL);
    const struct relief_head *head = code == 0 ? relief_answer_record(answer) : NULL;
    *ret = head && head->seq > 0 ? head->seq : 0;
    relief_answer_free(answer);
    return code;
}

/* Whether entry `seq` can be read: CLI_DONE and the answer, or an exit code, said. */
static int is_there(struct cli *cli, int64_t seq, bool *ret)
{
    struct relief_log_list_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_log_list, &params);
    params.from = seq;
    params.limit = 1;
    int result = relief_log_list(cli->client, &params, &answer);
    const struct relief_refusal *refusal = relief_answer_refusal(answer);
    bool gone = refusal && refusal->code == RELIEF_NOT_FOUND;
    int code = gone ? CLI_DONE : cli_result(cli, result, answer, NULL);
    *ret = !gone;
    relief_answer_free(answer);
    return code;
}

/* A pruned log has a first entry, which no method names: it is searched for, the last one is always there. */
static int check_first(struct cli *cli, int64_t from, int64_t last)
{
    bool there = true;
    int code = from < last ? is_there(cli, from, &there) : CLI_DONE;
    if (code || there)
        return code;
    int64_t gone = from, found = last;
    while (code == 0 && gone + 1 < found) {
        int64_t middle = gone + (found - gone) / 2;
        code = is_there(cli, middle, &there);
        if (there)
            found = middle;
        else
            gone = middle;
    }
    if (code)
        return code;
    cli_say("entry %lld was pruned: the log begins with entry %lld (--from %lld; what came before is in an archive, "
            "--data)",
            (long long)from, (long long)found, (long long)found);
    return CLI_REFUSED;
}

static void begin(struct cli *cli, struct export *export, int64_t from)
{
    cli_digest_init(&export->digest);
    cli_log_header(&export->line, from);
    put_line(export, true);
    export->next = from;
    cli_progress_start(&export->progress, "entries", from <= export->last ? (uint64_t)(export->last - from + 1) : 0,
                       cli->timeout_ms);
}

static void finish(struct export *export)
{
    char digest[CLI_HASH_TEXT];
    cli_digest_final(&export->digest, digest);
    cli_trailer(&export->line, export->entries, digest);
    put_line(export, false);
}

static int write_log(struct cli *cli, struct export *export, int64_t from)
{
    const struct relief_method_info *method = relief_method_by_number(RELIEF_METHOD_log_list);
    struct relief_log_list_params params;
    begin(cli, export, from);
    relief_params_init(RELIEF_METHOD_log_list, &params);
    params.from = from;
    params.limit = RELIEF_PAGE_MAX;
    int code = from <= export->last ? cli_pages(cli, method, &params, false, on_page, export) : CLI_DONE;
    cli_progress_end(&export->progress);
    if (code > 0)
        return code;
    if (export->next <= export->last) {
        cli_say("the daemon's log ended at entry %lld, it has %lld", (long long)export->next - 1,
                (long long)export->last);
        return CLI_DIFFERENT;
    }
    finish(export);
    return CLI_DONE;
}

/* ---- of a folder ---- */

static int on_line(void *context, uint64_t seq, struct relief_str line)
{
    struct export *export = context;
    (void)seq; /* the engine proved that it follows */
    relief_buf_add(&export->line, line.data, line.len);
    put_line(export, true);
    export->entries++;
    if (!cli_progress_at(&export->progress, (uint64_t) export->entries))
        return CLI_UNREACHABLE;
    return unwritten(export);
}

static int said(const char *dir, int rc, const struct engine_report *report)
{
    if (rc > 0) /* an exit code of on_line's */
        return rc;
    cli_say("%s: %s", dir, report->message[0] ? report->message : strerror(-rc));
    return rc == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED;
}

struct span {
    int64_t from, to;
    bool from_given, to_given;
};

/* What is wanted against what is there. */
static int settle_span(struct span *span, const char *where, int64_t first, int64_t last)
{
    if (!span->from_given && first > 0)
        span->from = first;
    if (span->from < first) {
        cli_say("%s: entry %lld is not here: the log begins with entry %lld", where, (long long)span->from,
                (long long)first);
        return CLI_REFUSED;
    }
    if (span->to_given && span->to > last)
        return cli_bad("--to %lld: the log ends with entry %lld", (long long)span->to, (long long)last);
    if (span->to_given && span->to < span->from)
        return cli_bad("--to %lld: a sequence number, from %lld", (long long)span->to, (long long)span->from);
    if (!span->to_given)
        span->to = last;
    return CLI_DONE;
}

static int export_folder(struct cli *cli, struct export *export, struct span *span, const char *dir, const char *output)
{
    struct engine_lines *lines = NULL;
    struct engine_report report = {0};
    struct cli_outfile out = {0};
    struct stat status;
    uint64_t first = 0, last = 0;
    if (stat(dir, &status) != 0 || !S_ISDIR(status.st_mode))
        return cli_bad("%s: no folder", dir);
    int rc = engine_lines_open(&lines, dir, &first, &last, &report);
    int code = rc ? said(dir, rc, &report) : settle_span(span, dir, (int64_t)first, (int64_t)last);
    if (code == 0)
        code = cli_outfile_open(&out, output);
    if (code == 0) {
        export->file = out.file;
        export->last = span->to;
        begin(cli, export, span->from);
        if (span->from <= span->to)
            rc = engine_lines_read(lines, (uint64_t)span->from, (uint64_t)span->to, on_line, export, &report);
        cli_progress_end(&export->progress);
        code = rc ? said(dir, rc, &report) : CLI_DONE;
    }
    if (code == 0) {
        finish(export);
        code = cli_outfile_commit(&out);
    }
    cli_outfile_abort(&out);
    engine_lines_close(lines);
    return code;
}

/* ---- of a daemon ---- */

static int export_daemon(struct cli *cli, struct export *export, struct span *span, const char *output)
{
    struct cli_outfile out = {0};
    int code = cli_connect(cli, true);
    if (code == 0)
        code = last_entry(cli, &export->last);
    if (code == 0 && span->to_given && span->to > export->last)
        code = cli_bad("--to %lld: the log ends with entry %lld", (long long)span->to, (long long)export->last);
    if (code == 0)
        code = check_first(cli, span->from, export->last);
    if (span->to_given)
        export->last = span->to;
    if (code == 0)
        code = cli_outfile_open(&out, output);
    export->file = out.file;
    if (code == 0)
        code = write_log(cli, export, span->from);
    if (code == 0)
        code = cli_outfile_commit(&out);
    cli_outfile_abort(&out);
    return code;
}

static bool number_of(const char *text, int64_t *ret)
{
    char *end = NULL;
    *ret = strtoll(text, &end, 10);
    return *ret >= 1 && *text && !*end;
}

static int run_export(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct export export = {.line = RELIEF_BUF_INIT};
    struct span span = {.from = 1, .to = INT64_MAX};
    const char *output = NULL, *from_text = NULL, *to_text = NULL, *dir = NULL;
    const struct cli_option options[] = {{"output", 'o', &output, NULL, NULL},
                                         {"from", 0, &from_text, NULL, NULL},
                                         {"to", 0, &to_text, NULL, NULL},
                                         {"data", 0, &dir, NULL, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_log_export, stdout);
    if (words.count > 0)
        return cli_bad("usage: relief log export [-o FILE] [--from N] [--to N] [--data DIR]");
    if (from_text && !number_of(from_text, &span.from))
        return cli_bad("--from %s: a sequence number, from 1", from_text);
    if (to_text && (!number_of(to_text, &span.to) || span.to < span.from))
        return cli_bad("--to %s: a sequence number, from %lld", to_text, (long long)span.from);
    span.from_given = from_text != NULL;
    span.to_given = to_text != NULL;
    code = dir ? export_folder(cli, &export, &span, dir, output) : export_daemon(cli, &export, &span, output);
    relief_buf_deinit(&export.line);
    return code;
}

const struct cli_command cli_command_log_export = {
    "log export", "[-o FILE] [--from N] [--to N] [--data DIR]",
    "the log as JSON Lines, with header and trailer like a dump; --data: of a folder or an archive, without the daemon",
    run_export};
