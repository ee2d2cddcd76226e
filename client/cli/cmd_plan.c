/*
 * relief allocate, relief rebalance, relief plan apply, relief plan compare: plans for command scripts. A plan is
 * computed and shown, and saved where that is asked for; it is applied only when told to, and then exactly the plan
 * that was shown. As JSON a plan is what the daemon sent, so what one command writes another one applies.
 *
 * Measures are shown before and after: a plan that moves much for little shows there.
 */
#include <errno.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/outfile.h"
#include "client/cli/progress.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

struct wanted {
    bool apply;
    const char *save;
};

/* ---- the call: it may take minutes, in which the daemon says how far it is ---- */

struct planning {
    struct cli_progress progress;
    bool over;
    int result;
    struct relief_answer *answer;
};

static void on_done(void *context, int result, struct relief_answer *answer)
{
    struct planning *planning = context;
    planning->over = true;
    planning->result = result;
    planning->answer = answer;
    if (answer)
        answer->kept = true;
}

static void on_progress(void *context, const char *topic, const void *data, size_t len)
{
    struct planning *planning = context;
    msgpack_unpacked value;
    size_t used = 0;
    if (strcmp(topic, "progress") != 0)
        return;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, data, len, &used) == MSGPACK_UNPACK_SUCCESS &&
        value.data.type == MSGPACK_OBJECT_MAP) {
        const msgpack_object *stage = client_map_find(&value.data, "stage"),
                             *done = client_map_find(&value.data, "done"), *of = client_map_find(&value.data, "total");
        if (stage && stage->type == MSGPACK_OBJECT_STR && done && done->type == MSGPACK_OBJECT_POSITIVE_INTEGER && of &&
            of->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
            cli_progress_stage(&planning->progress, stage->via.str.ptr, stage->via.str.size, done->via.u64,
                               of->via.u64);
    }
    msgpack_unpacked_destroy(&value);
}

/* An exit code, said. The time limit is for silence: a plan may take as long as the daemon goes on saying something. */
static int plan_call(struct cli *cli, enum relief_method method, const void *params, const char *where,
                     struct relief_answer **ret)
{
    struct planning planning = {.over = false};
    cli_progress_start(&planning.progress, "plan", 0, 0);
    relief_client_on_notification(cli->client, on_progress, &planning);
    int error = relief_send(cli->client, method, params, on_done, &planning);
    if (error == 0)
        error = relief_client_drain(cli->client);
    relief_client_on_notification(cli->client, NULL, NULL);
    cli_progress_end(&planning.progress);
    *ret = planning.answer;
    return planning.over ? cli_result(cli, planning.result, planning.answer, where)
                         : cli_result(cli, error ? error : -ECONNRESET, NULL, where);
}

/* ---- showing and saving ---- */

static void show_rows(const struct relief_shape *shape, const struct relief_list *rows, const char *const *columns,
                      const char *none)
{
    struct cli_list list;
    if (!rows->count) {
        puts(none);
        return;
    }
    cli_list_init(&list, stdout, shape, columns);
    cli_view_text.page(&list, &(struct cli_page){rows, NULL});
    cli_view_text.end(&list);
}

/* Of what gap_permille is. */
static const char *gap_of(const struct relief_plan *plan)
{
    return plan->policy == RELIEF_policy_effective ? "by weighted units, or by unit-minutes if all those are there"
                                                   : "by units or by the lowest fill rate, or by unit-minutes if "
                                                     "nothing of those is missing";
}

static void show_plan(const struct relief_plan *plan)
{
    static const char *const legs[] = {"donor", "requester", "kind", "quantity", "minutes", "request", NULL};
    static const char *const made[] = {"donor", "requester", "kind", "quantity", "minutes", "dispatch", NULL};
    static const char *const requests[] = {"id", "city", "kind", "quantity", "covered", "reasons", NULL};
    const struct relief_plan_leg *first = plan->legs.items;
    bool applied = plan->legs.count && first->dispatch.data;
    show_rows(&relief_shape_plan_leg, &plan->legs, applied ? made : legs, "nothing to move");
    if (plan->requests.count) {
        putchar('\n');
        show_rows(&relief_shape_plan_request, &plan->requests, requests, "");
    }
    putchar('\n');
    show_rows(&relief_shape_plan_measures, &plan->measures, NULL, "");
    if (plan->gap_permille > 0)
        printf("the time was up: this plan may be up to %lld permille from the best, %s\n",
               (long long)plan->gap_permille, gap_of(plan));
}

static void show(struct cli *cli, const struct relief_answer *answer)
{
    if (cli->view == &cli_view_text)
        show_plan(relief_answer_record(answer));
    else if (cli->view == &cli_view_csv) {
        const struct relief_plan *plan = relief_answer_record(answer);
        struct cli_list list;
        cli_list_init(&list, stdout, &relief_shape_plan_leg, NULL);
        cli_view_csv.page(&list, &(struct cli_page){&plan->legs, NULL});
        cli_view_csv.end(&list);
    } else {
        cli->view->record(stdout, &relief_shape_plan, relief_answer_record(answer), client_answer_object(answer));
    }
}

/* The whole body as one line of JSON. */
static int save(const char *path, const struct relief_answer *answer)
{
    struct cli_outfile out;
    struct relief_buf line = RELIEF_BUF_INIT;
    int code = cli_outfile_open(&out, path);
    if (code)
        return code;
    relief_json_msgpack(&line, client_answer_object(answer));
    relief_buf_add_char(&line, '\n');
    fwrite(line.data, 1, line.len, out.file);
    code = line.failed ? cli_bad("no memory") : cli_outfile_commit(&out);
    relief_buf_deinit(&line);
    cli_outfile_abort(&out);
    return code;
}

/* `shown`: the plan stands on the screen already. Otherwise the plan as it was applied is shown, with its dispatches.
 */
static int apply_bytes(struct cli *cli, struct relief_str body, bool shown)
{
    struct relief_plan_apply_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_plan_apply, &params);
    params.plan = body;
    int result = relief_plan_apply(cli->client, &params, &answer);
    int code = cli_result(cli, result, answer, NULL);
    if (code == 0) {
        if (!shown)
            show(cli, answer);
        if (cli->view == &cli_view_text)
            cli_say("applied: %u legs", ((const struct relief_plan *)relief_answer_record(answer))->legs.count);
    }
    relief_answer_free(answer);
    return code;
}

static int apply_answer(struct cli *cli, const struct relief_answer *plan, bool shown)
{
    msgpack_sbuffer body;
    msgpack_packer packer;
    msgpack_sbuffer_init(&body);
    msgpack_packer_init(&packer, &body, msgpack_sbuffer_write);
    int code = msgpack_pack_object(&packer, *client_answer_object(plan)) == 0
                   ? apply_bytes(cli, (struct relief_str){body.data, (uint32_t)body.size}, shown)
                   : cli_bad("no memory");
    msgpack_sbuffer_destroy(&body);
    return code;
}

/* A rebalancing without legs changes nothing: no entry of the log for each quiet night. (An allocation takes legs
 * back.) */
static bool moves_nothing(const struct relief_plan *plan)
{
    return plan->goal != RELIEF_NIL && plan->legs.count == 0;
}

static int skip_apply(struct cli *cli, const struct relief_answer *plan, bool shown)
{
    if (!shown)
        show(cli, plan);
    if (cli->view == &cli_view_text)
        cli_say("there is nothing to apply");
    return CLI_DONE;
}

/*
 * A plan of either method: shown, saved, applied as wanted. For a program there is one document: the plan as it ended,
 * or the one that is saved to standard output.
 */
static int make_plan(struct cli *cli, enum relief_method method, const struct cli_params *params,
                     const struct wanted *wanted)
{
    const bool piped = wanted->save && strcmp(wanted->save, "-") == 0;
    const bool shown = cli->view == &cli_view_text || !wanted->apply || piped;
    struct relief_answer *answer = NULL;
    int code = plan_call(cli, method, params->record, NULL, &answer);
    if (code == 0 && shown && !piped) {
        show(cli, answer);
        code = cli_flush(stdout, CLI_DONE);
    }
    if (code == 0 && wanted->save)
        code = save(wanted->save, answer);
    if (code == 0 && wanted->apply && moves_nothing(relief_answer_record(answer)))
        code = cli_flush(stdout, skip_apply(cli, answer, shown));
    else if (code == 0 && wanted->apply)
        code = cli_flush(stdout, apply_answer(cli, answer, shown));
    else if (code == 0 && cli->view == &cli_view_text)
        cli_say("nothing was applied: --apply does it");
    relief_answer_free(answer);
    return code;
}

static int plan_help(const struct cli_command *command, const struct relief_method_info *method)
{
    (void)cli_help_command(command, stdout);
    cli_help_flags(method, NULL, stdout);
    puts("  --save               the plan goes to this file too, for relief plan apply; - for standard output, and "
         "nothing else goes there; "
         "TEXT\n"
         "  --apply              applies exactly the plan that is shown\n"
         "\n"
         "A kind has a minute at most, all kinds 200 seconds. When the time is up the best plan so far is shown, with "
         "how far\n"
         "it may be from the best (gap_permille): of the weighted units under effective; under fair and equal of the "
         "units or\n"
         "of the lowest fill rate among requests that could have more, whichever is more; where nothing of that is "
         "missing,\n"
         "of the unit-minutes.");
    return cli_flush(stdout, CLI_DONE);
}

static int run_planning(struct cli *cli, enum relief_method number, const struct cli_command *command, int argc,
                        char **argv)
{
    struct cli_params params;
    struct wanted wanted = {0};
    const struct cli_option options[] = {
        {"apply", 0, NULL, &wanted.apply, NULL}, {"save", 0, &wanted.save, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_params_ready(cli, &params, relief_method_by_number(number), options, argc, argv);
    if (code == 0)
        code = cli->help ? plan_help(command, params.method) : make_plan(cli, number, &params, &wanted);
    cli_params_deinit(&params);
    return code;
}

static int run_allocate(struct cli *cli, int argc, char **argv)
{
    return run_planning(cli, RELIEF_METHOD_plan_allocate, &cli_command_allocate, argc, argv);
}

static int run_rebalance(struct cli *cli, int argc, char **argv)
{
    return run_planning(cli, RELIEF_METHOD_plan_rebalance, &cli_command_rebalance, argc, argv);
}

/* ---- plan apply ---- */

static int run_apply(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct relief_buf body = RELIEF_BUF_INIT;
    char error[200] = "", path[4096];
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_plan_apply, stdout);
    if (words.count != 1 || (size_t)snprintf(path, sizeof path, "@%s", words.word[0]) >= sizeof path)
        return cli_bad("usage: relief plan apply FILE|-");
    if (!cli_json_pack_text(&body, relief_str_of(path), error, sizeof error))
        code = cli_bad("%s: %s", words.word[0], error);
    else if (!body.len || !(((uint8_t)body.data[0] & 0xf0) == 0x80 || ((uint8_t)body.data[0] & 0xfe) == 0xde))
        code = cli_bad("%s: that is not a plan", words.word[0]);
    if (code == 0)
        code = cli_connect(cli, true);
    if (code == 0)
        code = cli_flush(stdout, apply_bytes(cli, (struct relief_str){body.data, (uint32_t)body.len}, false));
    relief_buf_deinit(&body);
    return code;
}

/* ---- plan compare ---- */

/* One row a policy: `after` of its plan, and first `before`, which all have in common. */
struct compared {
    struct relief_plan_measures row[RELIEF_policy_COUNT + 1];
    unsigned count;
    char relies[65]; /* the same of all, unless something changed between them */
    bool changed;
};

static int compare_one(struct cli *cli, const struct relief_method_info *method, void *record, int64_t policy,
                       struct compared *compared)
{
    const struct relief_field *field = relief_shape_find(method->params, RELIEF_STR("policy"));
    struct relief_answer *answer = NULL;
    *relief_field_i64(field, record) = policy;
    int code = plan_call(cli, (enum relief_method)method->number, record, relief_enum_policy.names[policy], &answer);
    if (code == 0) {
        const struct relief_plan *plan = relief_answer_record(answer);
        const struct relief_plan_measures *measures = plan->measures.items;
        char relies[65];
        snprintf(relies, sizeof relies, "%.*s", (int)plan->relies.len, plan->relies.data ? plan->relies.data : "");
        compared->changed |= compared->count && strcmp(relies, compared->relies) != 0;
        memcpy(compared->relies, relies, sizeof relies);
        if (plan->measures.count == 2) {
            if (!compared->count) {
                compared->row[compared->count] = measures[0];
                compared->row[compared->count++].of = RELIEF_STR("before");
            }
            compared->row[compared->count] = measures[1];
            compared->row[compared->count++].of = relief_str_of(relief_enum_policy.names[policy]);
        }
    }
    relief_answer_free(answer);
    return code;
}

static int show_compared(struct cli *cli, struct compared *compared)
{
    const struct relief_list rows = {compared->row, compared->count, 1};
    struct cli_list list;
    cli_list_init(&list, stdout, &relief_shape_plan_measures, NULL);
    cli->view->page(&list, &(struct cli_page){&rows, NULL});
    cli->view->end(&list);
    if (compared->changed)
        cli_say("what the plans look at changed between them: compare again");
    return cli_flush(stdout, CLI_DONE);
}

/* Whose words these are: with requests or an incident an allocation, else a rebalancing. */
static bool is_allocation(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "--requests", 10) == 0 || strncmp(argv[i], "--incident", 10) == 0)
            return true;
    return false;
}

static int run_compare(struct cli *cli, int argc, char **argv)
{
    const struct relief_method_info *method =
        relief_method_by_number(is_allocation(argc, argv) ? RELIEF_METHOD_plan_allocate : RELIEF_METHOD_plan_rebalance);
    const struct relief_field *field = relief_shape_find(method->params, RELIEF_STR("policy"));
    struct compared compared = {.count = 0};
    struct cli_params params;
    if (cli_params_init(&params, method) != 0)
        return cli_bad("no memory");
    int code = cli_params_parse(cli, &params, NULL, true, argc, argv);
    if (code == 0 && cli->help) {
        (void)cli_help_command(&cli_command_plan_compare, stdout);
        cli_help_flags(method, "policy", stdout);
        code = cli_flush(stdout, CLI_DONE);
        goto out;
    }
    if (code == 0 && cli_params_has(&params, "policy"))
        code = cli_bad("compare takes no --policy: it shows them all");
    if (code == 0) {
        *relief_field_i64(field, params.record) = RELIEF_policy_nearest;
        params.set[field - method->params->fields] = true;
        code = cli_params_verify(&params);
    }
    if (code == 0)
        code = cli_connect(cli, true);
    for (int64_t policy = 0; code == 0 && policy < RELIEF_policy_COUNT; policy++)
        code = compare_one(cli, method, params.record, policy, &compared);
    if (code == 0)
        code = show_compared(cli, &compared);
out:
    cli_params_deinit(&params);
    return code;
}

const struct cli_command cli_command_allocate = {
    "allocate", "POLICY --requests ID,... | --incident ID [--save FILE] [--apply]",
    "one plan for many requests, nearest, effective, fair or equal; applied only with --apply", run_allocate};
const struct cli_command cli_command_rebalance = {
    "rebalance", "[--FLAG VALUE]... [--save FILE] [--apply]",
    "a plan that brings every city to its floor or target; applied only with --apply", run_rebalance};
const struct cli_command cli_command_plan_apply = {"plan apply", "FILE|-",
                                                   "applies a plan that was saved, whole or not at all", run_apply};
const struct cli_command cli_command_plan_compare = {
    "plan compare", "--requests ID,... | --incident ID | [--FLAG VALUE]...",
    "the measures of every policy's plan side by side; nothing is applied", run_compare};
