/*
 * relief dump: one consistent snapshot, written as it comes. The digest is made here over the lines as they would stand
 * in a file, and compared with the one that the daemon made over its own: what arrived is what was sent.
 */
#include <errno.h>
#include <msgpack/fbuffer.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/dump_folder.h"
#include "client/cli/json_in.h"
#include "client/cli/outfile.h"
#include "client/client.h"
#include "schema/codec.h"

enum form { JSONL, CSV, MSGPACK };

struct dump {
    enum form form;
    struct cli_outfile out;
    struct cli_dump_folder folder;
    struct cli_digest digest;
    struct relief_buf header, line;
    int64_t records;
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
                             *head = client_map_find(map, "head");
        if (head && head->type == MSGPACK_OBJECT_STR)
            start(dump, int_of(map, "seq"), (struct relief_str){head->via.str.ptr, head->via.str.size},
                  int_of(map, "time"));
        for (uint32_t i = 0; rows && rows->type == MSGPACK_OBJECT_ARRAY && i < rows->via.array.size; i++)
            add_row(dump, &rows->via.array.ptr[i]);
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

static int take_dump(struct cli *cli, struct dump *dump, const void *params)
{
    char digest[CLI_HASH_TEXT];
    cli_digest_init(&dump->digest);
    relief_client_on_notification(cli->client, on_rows, dump);
    int error = relief_send(cli->client, RELIEF_METHOD_snapshot_dump, params, on_done, dump);
    if (error == 0)
        error = relief_client_drain(cli->client);
    if (!dump->over)
        return cli_result(cli, error ? error : -ECONNRESET, NULL, NULL);
    if (dump->result)
        return cli_result(cli, dump->result, dump->answer, NULL);
    cli_digest_final(&dump->digest, digest);
    int code = dump->code ? dump->code : compare(dump, digest);
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

static int run_dump(struct cli *cli, int argc, char **argv)
{
    struct cli_params params;
    struct dump dump = {.header = RELIEF_BUF_INIT};
    const char *output = NULL, *format = cli->view == &cli_view_csv ? "csv" : "jsonl";
    const struct cli_option options[] = {
        {"output", 'o', &output, NULL, NULL}, {"format", 0, &format, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
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
    if (code == 0)
        code = cli_connect(cli, false);
    if (code == 0)
        code = dump.form == CSV ? cli_dump_folder_open(&dump.folder, output) : cli_outfile_open(&dump.out, output);
    if (code == 0)
        code = take_dump(cli, &dump, params.record);
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

const struct cli_command cli_command_dump = {"dump", "[-o FILE|DIR] [--format jsonl|csv|msgpack] [--tables T,...]",
                                             "one consistent snapshot of everything", run_dump};
const struct cli_command cli_command_snapshot_dump = {"snapshot dump",
                                                      "[-o FILE|DIR] [--format jsonl|csv|msgpack] [--tables T,...]",
                                                      "the same as relief dump", run_dump};
