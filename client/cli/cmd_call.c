/*
 * Any row of the list of methods as a command, and `relief call`, which takes a method's name and JSON.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/page.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

struct shown {
    const struct cli_view *view;
    struct cli_list list;
};

static int show_page(void *context, const struct cli_page *page)
{
    struct shown *shown = context;
    shown->view->page(&shown->list, page);
    return ferror(stdout) ? CLI_REFUSED : CLI_DONE;
}

static int show_list(struct cli *cli, struct cli_params *params)
{
    struct shown shown = {.view = cli->view};
    cli_list_init(&shown.list, stdout, params->method->result, NULL);
    int code = cli_pages(cli, params->method, params->record, cli_params_has(params, "limit"), show_page, &shown);
    if (code == 0 || shown.list.started)
        cli->view->end(&shown.list);
    return code;
}

static int show_record(struct cli *cli, struct cli_params *params)
{
    struct relief_answer *answer = NULL;
    int result = relief_call(cli->client, (enum relief_method)params->method->number, params->record, &answer);
    int code = cli_result(cli, result, answer, NULL);
    if (code == 0 && relief_answer_record(answer))
        cli->view->record(stdout, params->method->result, relief_answer_record(answer), client_answer_object(answer));
    relief_answer_free(answer);
    return code;
}

int cli_run_method(struct cli *cli, const struct relief_method_info *method, int argc, char **argv)
{
    struct cli_params params;
    int code = cli_params_ready(cli, &params, method, NULL, argc, argv);
    if (code == 0 && cli->help)
        code = cli_help_method(method, stdout);
    else if (code == 0)
        code = cli_flush(stdout, method->kind == RELIEF_LIST ? show_list(cli, &params) : show_record(cli, &params));
    cli_params_deinit(&params);
    return code;
}

/* Rows and events of a streaming method, one line of JSON each, before its answer. */
static void show_notification(void *context, const char *topic, const void *data, size_t len)
{
    struct relief_buf line = RELIEF_BUF_INIT;
    msgpack_unpacked value;
    size_t used = 0;
    (void)context;
    (void)topic;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, data, len, &used) == MSGPACK_UNPACK_SUCCESS)
        relief_json_msgpack(&line, &value.data);
    fwrite(line.data, 1, line.len, stdout);
    fputc('\n', stdout);
    msgpack_unpacked_destroy(&value);
    relief_buf_deinit(&line);
}

static int show_raw(struct cli *cli, const char *wire, const struct relief_answer *answer)
{
    const struct relief_method_info *method = relief_method_find(relief_str_of(wire));
    const msgpack_object *object = client_answer_object(answer);
    struct relief_buf line = RELIEF_BUF_INIT;
    if (cli->view == &cli_view_csv && method && method->kind == RELIEF_LIST && relief_answer_items(answer, NULL)) {
        struct cli_list list;
        cli_list_init(&list, stdout, method->result, NULL);
        cli->view->page(&list, &(struct cli_page){relief_answer_items(answer, NULL), NULL});
        return CLI_DONE;
    }
    if (cli->view == &cli_view_csv && method && relief_answer_record(answer)) {
        cli->view->record(stdout, method->result, relief_answer_record(answer), object);
        return CLI_DONE;
    }
    if (object)
        relief_json_msgpack(&line, object);
    else
        relief_buf_add_text(&line, "null");
    fwrite(line.data, 1, line.len, stdout);
    fputc('\n', stdout);
    relief_buf_deinit(&line);
    return CLI_DONE;
}

static int run_call(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct relief_buf map = RELIEF_BUF_INIT;
    struct relief_answer *answer = NULL;
    char error[200] = "";
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_call, stdout);
    if (words.count < 1 || words.count > 2)
        return cli_bad("usage: relief call METHOD [JSON]");
    if (words.count == 2) {
        if (!cli_json_pack_text(&map, relief_str_of(words.word[1]), error, sizeof error))
            code = cli_bad("%s", error);
        else if (!map.len || ((unsigned char)map.data[0] & 0xf0) != 0x80)
            code = map.len && (unsigned char)map.data[0] >= 0xde && (unsigned char)map.data[0] <= 0xdf
                       ? CLI_DONE
                       : cli_bad("the parameters are no JSON object");
    }
    if (code == 0)
        code = cli_connect(cli, true);
    if (code == 0) {
        relief_client_on_notification(cli->client, show_notification, NULL);
        int result = relief_call_raw(cli->client, words.word[0], map.data, map.len, &answer);
        code = cli_result(cli, result, answer, NULL);
    }
    if (code == 0)
        code = cli_flush(stdout, show_raw(cli, words.word[0], answer));
    relief_answer_free(answer);
    relief_buf_deinit(&map);
    return code;
}

const struct cli_command cli_command_call = {"call", "METHOD [JSON|@FILE]", "any method, by its name on the wire",
                                             run_call};
