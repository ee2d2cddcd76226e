/*
 * relief dump: one consistent snapshot, written as it comes. The digest is made here over the lines as they would stand
 * in a file, and compared with the one that the daemon made over its own: what arrived is what was sent.
 *
 * With --data the records come from base and log of a folder instead, by what wrote them: the engine. Their way from
 * there on is the same, so the bytes are.
 */
#include <errno.h>
#include <msgpack/fbuffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "client/cli/cli.h"
#include "client/cli/dump_folder.h"
#include "client/cli/json_in.h"
#include "client/cli/outfile.h"
#include "client/cli/progress.h"
#include "client/client.h"
#include "engine/engine.h"
#include "schema/codec.h"

enum form { JSONL, CSV, MSGPACK };

struct dump {
    enum form form;
    struct cli_outfile out;
    struct cli_dump_folder folder;
    struct cli_digest digest;
    struct relief_buf header, line;
    int64_t records;
    struct cli_progress progress;
    int code; /* the first failure of writing; rows behind it are thrown away */
    bool over;
    int result;
    struct relief_answer *answer;
};

static void put_line(struct dump *dump, const struct relief_buf *line, const msgpack_object *object)
{
    FILE *file = dump->out.file;
    if (dump->code || dump->form == CSV)
        return;
    if (dump->form == JSONL) {
        fwrite(line->data, 1, line->len, file);
        fputc('\n', file);
    } else if (object) {
        msgpack_packer packer;
        msgpack_packer_init(&packer, file, msgpack_fbuffer_write);
        msgpack_pack_object(&packer, *object);
    } else { /* first and last line: made here, so packed from their JSON's members */
        struct relief_buf packed = RELIEF_BUF_INIT;
        char error[100];
        if (cli_json_pack_text(&packed, (struct relief_str){line->data, (uint32_t)line->len}, error, sizeof error))
            fwrite(packed.data, 1, packed.len, file);
        relief_buf_deinit(&packed);
    }
    if (ferror(file)) {
        cli_say("cannot write: %s", strerror(errno));
        dump->code = CLI_REFUSED;
    }
}

static void start(struct dump *dump, int64_t seq, struct relief_str head, int64_t time)
{
    if (dump->header.len > 0)
        return;
    cli_dump_header(&dump->header, seq, head, time);
    cli_digest_line(&dump->digest, (struct relief_str){dump->header.data, (uint32_t)dump->header.len});
    put_line(dump, &dump->header, NULL);
}

static void add_row(struct dump *dump, const msgpack_object *row)
{
    relief_buf_clear(&dump->line);
    relief_json_msgpack(&dump->line, row);
    cli_digest_line(&dump->digest, (struct relief_str){dump->line.data, (uint32_t)dump->line.len});
    dump->records++;
    if (dump->form == CSV && dump->code == 0)
        dump->code = cli_dump_folder_add(&dump->folder, row);
    put_line(dump, &dump->line, row);
}

/* The daemon's own lines, whole, each with its line feed: written and hashed as they come. */
static void add_lines(struct dump *dump, struct relief_str lines)
{
    cli_digest_bytes(&dump->digest, lines.data, lines.len);
    for (const char *at = lines.data, *end = at + lines.len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        dump->records++;
    if (dump->code || fwrite(lines.data, 1, lines.len, dump->out.file) == lines.len)
        return;
    cli_say("cannot write: %s", strerror(errno));
    dump->code = CLI_REFUSED;
}

static int64_t int_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = client_map_find(map, key);
    return value && value->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? (int64_t)value->via.u64 : 0;
}

static void on_rows(void *context, const char *topic, const void *data, size_t len)
{
    struct dump *dump = context;
    msgpack_unpacked value;
    size_t used = 0;
    if (strcmp(topic, "rows") != 0)
        return;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, data, len, &used) == MSGPACK_UNPACK_SUCCESS) {
        const msgpack_object *map = &value.data, *rows = client_map_find(map, "rows"),
                             *lines = client_map_find(map, "lines"), *head = client_map_find(map, "head");
        if (head && head->type == MSGPACK_OBJECT_STR)
            start(dump, int_of(map, "seq"), (struct relief_str){head->via.str.ptr, head->via.str.size},
                  int_of(map, "time"));
        for (uint32_t i = 0; rows && rows->type == MSGPACK_OBJECT_ARRAY && i < rows->via.array.size; i++)
            add_row(dump, &rows->via.array.ptr[i]);
        if (lines && lines->type == MSGPACK_OBJECT_STR && dump->form == JSONL)
            add_lines(dump, (struct relief_str){lines->via.str.ptr, lines->via.str.size});
        cli_progress_at(&dump->progress, (uint64_t)dump->records);
    }
    msgpack_unpacked_destroy(&value);
}

static void on_done(void *context, int result, struct relief_answer *answer)
{
    struct dump *dump = context;
    dump->over = true;
    dump->result = result;
    dump->answer = answer;
    if (answer)
        answer->kept = true;
}

/* ---- of a folder ---- */

struct folder_walk {
    struct dump *dump;
    bool tables[RELIEF_TABLE_COUNT];
    struct relief_buf packed;
    int64_t deadline_ms; /* 0: none */
};

static int add_record(void *context, enum relief_table table, const void *record)
{
    struct folder_walk *walk = context;
    const struct relief_table_info *info = &relief_tables[table];
    msgpack_unpacked row;
    size_t used = 0;
    if (!walk->tables[table])
        return 0;
    relief_buf_clear(&walk->packed);
    relief_pack_record(&walk->packed, info->shape, record, 1);
    relief_pack_text(&walk->packed, "t");
    relief_pack_text(&walk->packed, info->name);
    if (walk->packed.failed)
        return -ENOMEM;
    msgpack_unpacked_init(&row);
    int result = -EBADMSG;
    if (msgpack_unpack_next(&row, walk->packed.data, walk->packed.len, &used) == MSGPACK_UNPACK_SUCCESS) {
        add_row(walk->dump, &row.data);
        result = 0;
    }
    msgpack_unpacked_destroy(&row);
    return result ? result : walk->deadline_ms && cli_now_ms() > walk->deadline_ms ? -ETIME : 0;
}

static int folder_over(void *context, uint64_t done, uint64_t total)
{
    const struct folder_walk *walk = context;
    (void)done, (void)total;
    return walk->deadline_ms && cli_now_ms() > walk->deadline_ms ? -ETIME : 0;
}

static int choose_tables(struct folder_walk *walk, const struct relief_list *tables)
{
    const struct relief_str *names = tables->items;
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++)
        walk->tables[i] = !tables->present;
    for (uint32_t i = 0; i < tables->count; i++) {
        int table = relief_table_find(names[i]);
        if (table < 0)
            return cli_bad("--tables %.*s: there is no such table", (int)names[i].len, names[i].data);
        walk->tables[table] = true;
    }
    return CLI_DONE;
}

/* A state is made from base and log of a data folder, beside a running daemon too; nothing is written there. */
static int read_folder(struct cli *cli, struct dump *dump, const char *dir,
                       const struct relief_snapshot_dump_params *params)
{
    struct folder_walk walk = {.dump = dump, .packed = RELIEF_BUF_INIT};
    const char *scratch = getenv("TMPDIR");
    struct engine_at *at = NULL;
    struct engine_report report = {0};
    char head[CLI_HASH_TEXT];
    int code = choose_tables(&walk, &params->tables);
    if (code)
        return code;
    if (cli->timeout_ms > 0)
        walk.deadline_ms = cli_now_ms() + cli->timeout_ms;
    int result =
        engine_at_open(&at,
                       &(struct engine_at_options){.dir = dir,
                                                   .scratch = scratch && *scratch ? scratch : "/var/tmp",
                                                   .seq = params->at == RELIEF_NIL ? UINT64_MAX : (uint64_t)params->at,
                                                   .over = folder_over,
                                                   .context = &walk},
                       &report);
    if (result == 0) {
        struct store_mark mark = store_mark(engine_at_store(at));
        sodium_bin2hex(head, sizeof head, mark.hash, sizeof mark.hash);
        start(dump, (int64_t)mark.seq, relief_str_of(head), mark.time);
        result = engine_at_walk(at, add_record, &walk);
    }
    engine_at_close(at);
    relief_buf_deinit(&walk.packed);
    if (result == 0)
        return CLI_DONE;
    cli_say("%s: %s", dir,
            result == -ETIME    ? "the time is over"
            : report.message[0] ? report.message
                                : strerror(-result));
    return result == -EUCLEAN ? CLI_DIFFERENT : CLI_REFUSED;
}

/* ---- of a daemon ---- */

/* The daemon's numbers against ours. */
static int compare(struct dump *dump, const char *digest)
{
    const struct relief_dump_end *end = relief_answer_record(dump->answer);
    if (!end || dump->header.len == 0) {
        cli_say("the daemon's answer holds no dump");
        return CLI_UNREACHABLE;
    }
    if (end->records == dump->records && relief_str_eq(end->digest, relief_str_of(digest)))
        return CLI_DONE;
    cli_say("the dump did not arrive as it was sent: %lld records with digest %s, the daemon says %lld with %.*s",
            (long long)dump->records, digest, (long long)end->records, (int)end->digest.len, end->digest.data);
    return CLI_DIFFERENT;
}

static int take_dump(struct cli *cli, struct dump *dump, struct relief_snapshot_dump_params *params)
{
    params->lines = dump->form == JSONL;
    cli_progress_start(&dump->progress, "records", 0, 0); /* the client keeps the time limit */
    relief_client_on_notification(cli->client, on_rows, dump);
    int error = relief_send(cli->client, RELIEF_METHOD_snapshot_dump, params, on_done, dump);
    if (error == 0)
        error = relief_client_drain(cli->client);
    cli_progress_end(&dump->progress);
    if (!dump->over)
        return cli_result(cli, error ? error : -ECONNRESET, NULL, NULL);
    return dump->result ? cli_result(cli, dump->result, dump->answer, NULL) : CLI_DONE;
}

static int write_dump(struct cli *cli, struct dump *dump, const char *dir, void *params)
{
    char digest[CLI_HASH_TEXT];
    cli_digest_init(&dump->digest);
    int code = dir ? read_folder(cli, dump, dir, params) : take_dump(cli, dump, params);
    if (code)
        return code;
    cli_digest_final(&dump->digest, digest);
    code = dump->code ? dump->code : dir ? CLI_DONE : compare(dump, digest);
    if (code)
        return code;
    if (dump->form == CSV)
        return cli_dump_folder_commit(&dump->folder, (struct relief_str){dump->header.data, (uint32_t)dump->header.len},
                                      dump->records, digest);
    relief_buf_clear(&dump->line);
    cli_trailer(&dump->line, dump->records, digest);
    put_line(dump, &dump->line, NULL);
    return dump->code ? dump->code : cli_outfile_commit(&dump->out);
}

static bool form_of(const char *name, enum form *ret)
{
    static const char *const names[] = {"jsonl", "csv", "msgpack"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum form)i;
            return true;
        }
    }
    return false;
}

static int is_folder(const char *dir)
{
    struct stat status;
    if (stat(dir, &status) != 0)
        return cli_bad("%s: %s", dir, strerror(errno));
    return S_ISDIR(status.st_mode) ? CLI_DONE : cli_bad("%s: no folder", dir);
}

static int run_dump(struct cli *cli, int argc, char **argv)
{
    struct cli_params params;
    struct dump dump = {.header = RELIEF_BUF_INIT};
    const char *output = NULL, *format = cli->view == &cli_view_csv ? "csv" : "jsonl", *dir = NULL;
    const struct cli_option options[] = {{"output", 'o', &output, NULL, NULL},
                                         {"format", 0, &format, NULL, NULL},
                                         {"data", 0, &dir, NULL, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    if (cli_params_init(&params, relief_method_by_number(RELIEF_METHOD_snapshot_dump)) != 0)
        return cli_bad("no memory");
    int code = cli_params_parse(cli, &params, options, false, argc, argv);
    if (code == 0 && cli->help) {
        code = cli_help_command(&cli_command_dump, stdout);
        goto out;
    }
    if (code == 0)
        code = cli_params_verify(&params);
    if (code == 0 && !form_of(format, &dump.form))
        code = cli_bad("--format %s: jsonl, csv or msgpack", format);
    if (code == 0 && dump.form == CSV && (!output || strcmp(output, "-") == 0))
        code = cli_bad("a dump as CSV is a folder: name it with -o");
    if (code == 0 && dir)
        code = is_folder(dir);
    if (code == 0 && !dir)
        code = cli_connect(cli, false);
    if (code == 0)
        code = dump.form == CSV ? cli_dump_folder_open(&dump.folder, output) : cli_outfile_open(&dump.out, output);
    if (code == 0)
        code = write_dump(cli, &dump, dir, params.record);
    relief_client_close(cli->client); /* before `dump` goes */
    cli->client = NULL;
out:
    relief_answer_free(dump.answer);
    cli_outfile_abort(&dump.out);
    if (dump.folder.path)
        cli_dump_folder_abort(&dump.folder);
    relief_buf_deinit(&dump.header);
    relief_buf_deinit(&dump.line);
    cli_params_deinit(&params);
    return code;
}

const struct cli_command cli_command_dump = {
    "dump", "[-o FILE|DIR] [--format jsonl|csv|msgpack] [--tables T,...] [--at SEQ] [--data DIR]",
    "one consistent snapshot of everything, now or as of a log entry; --data: of a folder, without the daemon",
    run_dump};
const struct cli_command cli_command_snapshot_dump = {
    "snapshot dump", "[-o FILE|DIR] [--format jsonl|csv|msgpack] [--tables T,...] [--at SEQ] [--data DIR]",
    "the same as relief dump", run_dump};
