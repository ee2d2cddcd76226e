/*
 * relief request show: the life of one request, one line an event, from its submission to the last check-in.
 *
 * It is read from the events of requests and legs, which every role that reads may have; log.list is the auditor's.
 * The subscription begins at the request's own entry and names its city, so that little else is sent. Events say what a
 * record became, not what happened: each is compared with what was last seen of that record, and the command's name
 * tells the rest; who did it is the identity of the log, which the event has, and never guessed from the record. A line
 * of the request itself that is a consequence stands behind the legs of the same entry.
 *
 * Where to stop: the records are fetched first; the story is whole when each was seen as it was fetched. An amendment
 * may have brought a request back to what it was once before, so the daemon is then pinged until it has looked at the
 * entries up to the head: it looks at SHOW_ENTRIES_A_TURN at least between two pings.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "client/cli/page.h"
#include "client/cli/show.h"
#include "client/client.h"
#include "schema/codec.h"

#define SHOW_ENTRIES_A_TURN 256 /* a quarter of what the daemon does, so that it may do less one day */
#define SHOW_PINGS_MAX      4096

static const msgpack_object *find(const msgpack_object *map, const char *key, msgpack_object_type type)
{
    const msgpack_object *value = client_map_find(map, key);
    return value && value->type == type ? value : NULL;
}

static struct relief_str str_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = find(map, key, MSGPACK_OBJECT_STR);
    return value ? (struct relief_str){value->via.str.ptr, value->via.str.size} : RELIEF_STR_NONE;
}

static int64_t int_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = find(map, key, MSGPACK_OBJECT_POSITIVE_INTEGER);
    return value ? (int64_t)value->via.u64 : 0;
}

/* ---- the stream ---- */

/* Seen as it was fetched? */
static void tick_off(struct show *show, struct cli_map_item *item, const msgpack_object *record)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    if (!item->n[LEG_WAITED])
        return;
    relief_json_msgpack(&text, record);
    if (text.len == item->text_len && memcmp(text.data, item->text, text.len) == 0) {
        item->n[LEG_WAITED] = 0;
        show->missing--;
    }
    relief_buf_deinit(&text);
}

static void look_at(struct show *show, const msgpack_object *event)
{
    const msgpack_object *record = client_map_find(event, "record");
    struct relief_str topic = str_of(event, "topic");
    bool is_request = relief_str_eq(topic, RELIEF_STR("request"));
    struct happening happening = {.seq = int_of(event, "seq"),
                                  .time = int_of(event, "time"),
                                  .method = str_of(event, "method"),
                                  .id = str_of(record, "id"),
                                  .who = str_of(event, "identity"),
                                  .text = RELIEF_BUF_INIT,
                                  .record = record};
    if (!relief_str_eq(str_of(record, is_request ? "id" : "request"), relief_str_of(show->id)))
        return;
    struct cli_map_item *item = cli_map_get(&show->waited, happening.id);
    if (!item) {
        show->failed = -ENOMEM;
        return;
    }
    if (happening.seq != show->seq)
        show_print_entry(show);
    show->seq = happening.seq;
    relief_arena_reset(&show->arena);
    if (is_request)
        show_request(show, &happening);
    else
        show_leg(show, &happening, item);
    tick_off(show, item, record);
    if (happening.text.failed)
        show->failed = -ENOMEM;
    relief_buf_deinit(&happening.text);
}

static void on_event(void *context, const char *topic, const void *data, size_t len)
{
    msgpack_unpacked value;
    size_t used = 0;
    if (strcmp(topic, "event") != 0)
        return;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, data, len, &used) == MSGPACK_UNPACK_SUCCESS)
        look_at(context, &value.data);
    msgpack_unpacked_destroy(&value);
}

/* ---- what there is to be told ---- */

static int wait_for(struct show *show, struct relief_str id, const msgpack_object *record)
{
    struct relief_buf text = RELIEF_BUF_INIT;
    struct cli_map_item *item = cli_map_get(&show->waited, id);
    relief_json_msgpack(&text, record);
    if (!item || text.failed) {
        relief_buf_deinit(&text);
        cli_say("no memory");
        return CLI_REFUSED;
    }
    show->missing += !item->n[LEG_WAITED];
    item->n[LEG_WAITED] = 1;
    item->text = text.data; /* the map frees it */
    item->text_len = (uint32_t)text.len;
    return CLI_DONE;
}

static int on_legs(void *context, const struct cli_page *page)
{
    const struct relief_dispatch *legs = page->items->items;
    int code = CLI_DONE;
    for (uint32_t i = 0; i < page->items->count && code == CLI_DONE; i++)
        code = wait_for(context, legs[i].id, &page->raw->via.array.ptr[i]);
    return code;
}

static int fetch(struct show *show, const struct relief_request_get_params *params)
{
    const struct relief_method_info *list = relief_method_by_number(RELIEF_METHOD_dispatch_list);
    struct relief_dispatch_list_params legs;
    struct relief_answer *answer = NULL;
    int result = relief_request_get(show->cli->client, params, &answer);
    int code = cli_result(show->cli, result, answer, NULL);
    if (code == 0) {
        const struct relief_request *request = relief_answer_record(answer);
        memcpy(show->id, request->id.data, request->id.len);
        memcpy(show->city, request->city.data, request->city.len);
        show->entry = request->entry;
        code = wait_for(show, request->id, client_answer_object(answer));
    }
    relief_answer_free(answer);
    relief_params_init(RELIEF_METHOD_dispatch_list, &legs);
    legs.request = relief_str_of(show->id);
    return code ? code : cli_pages(show->cli, list, &legs, false, on_legs, show);
}

static int subscribe(struct show *show)
{
    struct relief_str topics[] = {RELIEF_STR("request"), RELIEF_STR("dispatch")};
    struct relief_event_subscribe_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_event_subscribe, &params);
    params.topics = (struct relief_list){topics, 2, 1};
    params.city = relief_str_of(show->city);
    params.from_seq = show->entry;
    relief_client_on_notification(show->cli->client, on_event, show);
    int result = relief_event_subscribe(show->cli->client, &params, &answer);
    int code = cli_result(show->cli, result, answer, NULL);
    relief_answer_free(answer);
    return code;
}

static int head_of_log(struct show *show, int64_t *ret)
{
    struct relief_log_head_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    int result = relief_log_head(show->cli->client, &params, &answer);
    int code = cli_result(show->cli, result, answer, NULL);
    const struct relief_head *head = code == 0 ? relief_answer_record(answer) : NULL;
    *ret = head ? head->seq : 0;
    relief_answer_free(answer);
    return code;
}

static int ping(struct show *show)
{
    struct relief_server_ping_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_server_ping, &params);
    int result = relief_server_ping(show->cli->client, &params, &answer);
    int code = cli_result(show->cli, result, answer, NULL);
    relief_answer_free(answer);
    return code;
}

/* Until the connection has brought everything that is waited for. */
static int follow(struct show *show)
{
    struct cli *cli = show->cli;
    int timeout = cli->timeout_ms ? cli->timeout_ms : CLIENT_TIMEOUT_MS;
    while (show->missing && !show->failed) {
        struct pollfd wait = {.fd = relief_client_fd(cli->client), .events = relief_client_events(cli->client)};
        int ready = poll(&wait, 1, timeout);
        if (ready < 0 && errno == EINTR)
            continue;
        int error = ready > 0 ? relief_client_process(cli->client, wait.revents) : -ETIMEDOUT;
        if (error) {
            cli_say("the story broke off: %s", strerror(-error));
            return CLI_UNREACHABLE;
        }
    }
    return CLI_DONE;
}

static int run(struct show *show, const struct relief_request_get_params *params)
{
    int64_t head = 0;
    int code = cli_connect(show->cli, false);
    if (code == 0)
        code = fetch(show, params);
    if (code == 0)
        code = head_of_log(show, &head);
    if (code == 0)
        code = subscribe(show);
    if (code == 0)
        code = follow(show);
    for (int pings = 0; code == 0 && !show->failed && pings < SHOW_PINGS_MAX; pings++) {
        if (show->seq >= head || pings > (head - show->seq) / SHOW_ENTRIES_A_TURN + 1)
            break;
        code = ping(show);
    }
    show_print_entry(show);
    if (code == 0 && show->failed) {
        cli_say("%s", strerror(-show->failed));
        code = CLI_REFUSED;
    }
    return cli_flush(stdout, code);
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    struct cli_params params;
    struct show show = {.cli = cli, .waited = CLI_MAP_INIT, .arena = RELIEF_ARENA_INIT};
    if (cli_params_init(&params, relief_method_by_number(RELIEF_METHOD_request_get)) != 0)
        return cli_bad("no memory");
    int code = cli_params_parse(cli, &params, NULL, false, argc, argv);
    if (code == 0 && cli->help) {
        code = cli_help_command(&cli_command_show, stdout);
        goto out;
    }
    if (code == 0)
        code = cli_params_verify(&params);
    if (code == 0 && relief_arena_init(&show.arena, 64u << 20) != 0)
        code = cli_bad("no memory");
    if (code == 0)
        code = run(&show, params.record);
    relief_client_close(cli->client); /* before `show` goes */
    cli->client = NULL;
out:
    for (unsigned i = 0; i < 3; i++)
        relief_buf_deinit(&show.lines[i]);
    cli_map_deinit(&show.waited);
    relief_arena_deinit(&show.arena);
    cli_params_deinit(&params);
    return code;
}

const struct cli_command cli_command_show = {
    "request show", "ID", "the life of one request, one event a line, from submission to check-in", run_show};
