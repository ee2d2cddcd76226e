/*
 * relief log export: the log as JSON Lines, by pages, up to the entry that is the last when it begins. `relief log
 * list` and `relief log head` are plain methods.
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/digest.h"
#include "client/cli/outfile.h"
#include "client/cli/page.h"
#include "client/cli/progress.h"
#include "schema/codec.h"

struct export
{
    FILE *file;
    struct cli_digest digest;
    struct relief_buf line;
    int64_t next, last, entries;
    struct cli_progress progress;
};

static void put_line(struct export *export, bool digested)
{
    struct relief_str line = {export->line.data, (uint32_t) export->line.len};
    if (digested)
        cli_digest_line(&export->digest, line);
    fwrite(line.data, 1, line.len, export->file);
    fputc('\n', export->file);
    relief_buf_clear(&export->line);
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
    return ferror(export->file) ? CLI_REFUSED : export->next > export->last ? -1 : CLI_DONE;
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

static int write_log(struct cli *cli, struct export *export, int64_t from)
{
    const struct relief_method_info *method = relief_method_by_number(RELIEF_METHOD_log_list);
    struct relief_log_list_params params;
    char digest[CLI_HASH_TEXT];
    cli_digest_init(&export->digest);
    cli_log_header(&export->line, from);
    put_line(export, true);
    export->next = from;
    relief_params_init(RELIEF_METHOD_log_list, &params);
    params.from = from;
    params.limit = RELIEF_PAGE_MAX;
    cli_progress_start(&export->progress, "entries", from <= export->last ? (uint64_t)(export->last - from + 1) : 0,
                       cli->timeout_ms);
    int code = from <= export->last ? cli_pages(cli, method, &params, false, on_page, export) : CLI_DONE;
    cli_progress_end(&export->progress);
    if (code > 0)
        return code;
    if (export->next <= export->last) {
        cli_say("the daemon's log ended at entry %lld, it has %lld", (long long)export->next - 1,
                (long long)export->last);
        return CLI_DIFFERENT;
    }
    cli_digest_final(&export->digest, digest);
    cli_trailer(&export->line, export->entries, digest);
    put_line(export, false);
    return CLI_DONE;
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
    struct cli_outfile out = {0};
    struct export export = {.line = RELIEF_BUF_INIT};
    const char *output = NULL, *from_text = "1", *to_text = NULL;
    int64_t from = 1, to = INT64_MAX;
    const struct cli_option options[] = {{"output", 'o', &output, NULL, NULL},
                                         {"from", 0, &from_text, NULL, NULL},
                                         {"to", 0, &to_text, NULL, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_log_export, stdout);
    if (words.count > 0)
        return cli_bad("usage: relief log export [-o FILE] [--from N] [--to N]");
    if (!number_of(from_text, &from))
        return cli_bad("--from %s: a sequence number, from 1", from_text);
    if (to_text && (!number_of(to_text, &to) || to < from))
        return cli_bad("--to %s: a sequence number, from %lld", to_text, (long long)from);
    code = cli_connect(cli, true);
    if (code == 0)
        code = last_entry(cli, &export.last);
    if (code == 0 && to_text && to > export.last)
        code = cli_bad("--to %s: the log ends with entry %lld", to_text, (long long)export.last);
    if (to_text)
        export.last = to;
    if (code == 0)
        code = cli_outfile_open(&out, output);
    export.file = out.file;
    if (code == 0)
        code = write_log(cli, &export, from);
    if (code == 0)
        code = cli_outfile_commit(&out);
    cli_outfile_abort(&out);
    relief_buf_deinit(&export.line);
    return code;
}

const struct cli_command cli_command_log_export = {"log export", "[-o FILE] [--from N] [--to N]",
                                                   "the log as JSON Lines, with header and trailer like a dump",
                                                   run_export};
