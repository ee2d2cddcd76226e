/*
 * relief request submit: as the plain method, but it makes an id that is ordered by time where none is given, says it
 * before anything is sent (so that a lost answer can be asked for), and shows the legs that were found.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/page.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

static const char *const leg_columns[] = {"id",      "donor",     "kind", "quantity",  "covers", "state", "level",
                                          "minutes", "depart_by", "eta",  "answer_by", "lots",   NULL};
static const char *const candidate_columns[] = {"city",      "level", "minutes", "kind",     "gives", "reason",
                                                "available", "floor", "held",    "reserved", NULL};

struct legs {
    const struct cli_view *view;
    struct cli_list list;
};

static int show_legs(void *context, const struct cli_page *page)
{
    struct legs *legs = context;
    legs->view->page(&legs->list, page);
    return CLI_DONE;
}

/* The candidates that `explain` added to the answer; the request's own shape does not know them. */
static void show_candidates(const msgpack_object *answer)
{
    const msgpack_object *rows = client_map_find(answer, "candidates");
    const struct relief_shape *shape = &relief_shape_candidate;
    struct relief_arena arena = RELIEF_ARENA_INIT;
    struct cli_list list;
    if (!rows || rows->type != MSGPACK_OBJECT_ARRAY || relief_arena_init(&arena, 64u << 20) != 0)
        return;
    uint32_t count = rows->via.array.size;
    char *items = relief_arena_alloc(&arena, count ? (size_t)count * shape->size : 1);
    bool good = items != NULL;
    for (uint32_t i = 0; good && i < count; i++)
        good = relief_answer_decode(shape, &rows->via.array.ptr[i], &arena, items + (size_t)i * shape->size) == 0;
    if (good) {
        struct relief_list decoded = {items, count, 1};
        cli_list_init(&list, stdout, shape, candidate_columns);
        puts("\ncandidates:");
        cli_view_text.page(&list, &(struct cli_page){&decoded, NULL});
    }
    relief_arena_deinit(&arena);
}

static int show(struct cli *cli, const struct relief_answer *answer)
{
    const struct relief_request *request = relief_answer_record(answer);
    const struct relief_method_info *method = relief_method_by_number(RELIEF_METHOD_dispatch_list);
    struct relief_dispatch_list_params of_request;
    struct legs legs = {.view = cli->view};
    if (cli->view == &cli_view_json || !request) {
        cli->view->record(stdout, &relief_shape_request, request, client_answer_object(answer));
        return CLI_DONE;
    }
    bool csv = cli->view == &cli_view_csv;
    relief_params_init(RELIEF_METHOD_dispatch_list, &of_request);
    of_request.request = request->id;
    if (!csv)
        printf("%s: %lld of %lld, %lld open\n", relief_enum_request_state.names[request->state],
               (long long)request->covered, (long long)request->quantity, (long long)request->open);
    cli_list_init(&legs.list, stdout, method->result, csv ? NULL : leg_columns);
    int code = request->dispatches.count > 0 ? cli_pages(cli, method, &of_request, false, show_legs, &legs) : CLI_DONE;
    if (csv)
        cli->view->end(&legs.list);
    else
        show_candidates(client_answer_object(answer));
    return code;
}

static int run_submit(struct cli *cli, int argc, char **argv)
{
    const struct relief_method_info *method = relief_method_by_number(RELIEF_METHOD_request_submit);
    struct cli_params params;
    struct relief_answer *answer = NULL;
    char id[27];
    if (cli_params_init(&params, method) != 0)
        return cli_bad("no memory");
    struct relief_request_submit_params *request = params.record;
    int code = cli_params_parse(cli, &params, NULL, true, argc, argv);
    if (code == 0 && cli->help) {
        code = cli_help_method(method, stdout);
        goto out;
    }
    bool made = code == 0 && !cli_params_has(&params, "id");
    if (made) {
        relief_make_id(id);
        request->id = relief_str_of(id);
        params.set[relief_shape_find(method->params, RELIEF_STR("id")) - method->params->fields] = true;
    }
    if (code == 0)
        code = cli_params_verify(&params);
    if (code == 0)
        code = cli_connect(cli, true);
    if (code)
        goto out;
    if (made) {
        FILE *where = cli->view == &cli_view_text ? stdout : stderr;
        fprintf(where, "%s\n", id);
        fflush(where);
    }
    int result = relief_request_submit(cli->client, request, &answer);
    code = cli_result(cli, result, answer, NULL);
    if (code == 0)
        code = cli_flush(stdout, show(cli, answer));
out:
    relief_answer_free(answer);
    cli_params_deinit(&params);
    return code;
}

const struct cli_command cli_command_submit = {
    "request submit", "[--id ID] --city C --kind K --quantity N [--FLAG VALUE]...",
    "asks for help; makes an id where none is given, prints it first, then the legs as a table", run_submit};
