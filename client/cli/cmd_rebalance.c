/*
 * relief rebalance: a plan as a table; applied only when told to, and then exactly the plan that was shown.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

/* A plan's body is its answer, or stands in it under `body`. */
static const msgpack_object *body_of(const struct relief_answer *answer)
{
    const msgpack_object *object = client_answer_object(answer), *body = client_map_find(object, "body");
    return body ? body : object;
}

static void print_value(const msgpack_object *value)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    if (value && value->type == MSGPACK_OBJECT_STR)
        relief_buf_add(&text, value->via.str.ptr, value->via.str.size);
    else if (value)
        relief_json_msgpack(&text, value);
    cli_print_padded(stdout, (struct relief_str){text.data, (uint32_t)text.len}, 20,
                     value && value->type != MSGPACK_OBJECT_STR);
    relief_buf_deinit(&text);
}

static void show_plan(const msgpack_object *body)
{
    static const char *const columns[] = {"donor", "requester", "kind", "quantity", "minutes", NULL};
    const msgpack_object *legs = client_map_find(body, "legs");
    if (!legs || legs->type != MSGPACK_OBJECT_ARRAY || legs->via.array.size == 0) {
        puts("nothing to move");
        return;
    }
    for (const char *const *name = columns; *name; name++)
        cli_print_padded(stdout, relief_str_of(*name), 20, name - columns >= 3);
    putchar('\n');
    for (uint32_t i = 0; i < legs->via.array.size; i++) {
        for (const char *const *name = columns; *name; name++)
            print_value(client_map_find(&legs->via.array.ptr[i], *name));
        putchar('\n');
    }
}

static int apply(struct cli *cli, const msgpack_object *body)
{
    struct relief_plan_apply_params params;
    struct relief_answer *answer = NULL;
    msgpack_sbuffer plan;
    msgpack_packer packer;
    msgpack_sbuffer_init(&plan);
    msgpack_packer_init(&packer, &plan, msgpack_sbuffer_write);
    msgpack_pack_object(&packer, *body);
    relief_params_init(RELIEF_METHOD_plan_apply, &params);
    params.plan = (struct relief_str){plan.data, (uint32_t)plan.size};
    int result = relief_plan_apply(cli->client, &params, &answer);
    int code = cli_result(cli, result, answer, NULL);
    if (code == 0)
        cli_say("applied");
    relief_answer_free(answer);
    msgpack_sbuffer_destroy(&plan);
    return code;
}

static int run_rebalance(struct cli *cli, int argc, char **argv)
{
    const struct relief_method_info *method = relief_method_by_number(RELIEF_METHOD_plan_rebalance);
    struct cli_params params;
    struct relief_answer *answer = NULL;
    bool wanted = false;
    const struct cli_option options[] = {{"apply", 0, NULL, &wanted, NULL}, {NULL, 0, NULL, NULL, NULL}};
    if (cli_params_init(&params, method) != 0)
        return cli_bad("no memory");
    int code = cli_params_parse(cli, &params, options, false, argc, argv);
    if (code == 0 && cli->help) {
        code = cli_help_command(&cli_command_rebalance, stdout);
        goto out;
    }
    if (code == 0)
        code = cli_params_verify(&params);
    if (code == 0)
        code = cli_connect(cli, true);
    if (code == 0) {
        int result = relief_plan_rebalance(cli->client, params.record, &answer);
        code = cli_result(cli, result, answer, NULL);
    }
    if (code)
        goto out;
    if (cli->view == &cli_view_text)
        show_plan(body_of(answer));
    else
        cli_view_json.record(stdout, method->result, NULL, body_of(answer));
    code = cli_flush(stdout, CLI_DONE);
    if (code == 0 && wanted)
        code = apply(cli, body_of(answer));
out:
    relief_answer_free(answer);
    cli_params_deinit(&params);
    return code;
}

const struct cli_command cli_command_rebalance = {
    "rebalance", "[--FLAG VALUE]... [--apply]",
    "a plan that brings every city to its floor or target; applied only with --apply", run_rebalance};
