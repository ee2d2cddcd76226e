/*
 * relief watch: events as they happen, in log order, none lost and none twice, also over a lost connection: an entry
 * may make several events, so the subscription begins again with the last entry seen and skips as many of its events as
 * were shown.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include "client/cli/cli.h"
#include "client/cli/map.h"
#include "client/cli/page.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

#define RETRY_MS 200

struct watch {
    struct cli *cli;
    struct relief_event_subscribe_params params;
    struct relief_str incident;
    struct cli_map requests; /* of the incident */
    int64_t next;            /* entry to go on from; RELIEF_NIL: what is new */
    int64_t seq;             /* entry of the last event, and how many of its events were seen */
    uint64_t seen, skip;
    bool header;
    int failed;
};

static struct relief_str str_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = client_map_find(map, key);
    return value && value->type == MSGPACK_OBJECT_STR ? (struct relief_str){value->via.str.ptr, value->via.str.size}
                                                      : RELIEF_STR_NONE;
}

static int64_t int_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = client_map_find(map, key);
    return value && value->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? (int64_t)value->via.u64 : 0;
}

/* The incident itself, its requests, their legs. */
static bool concerns(struct watch *watch, struct relief_str topic, const msgpack_object *record)
{
    if (!watch->incident.data)
        return true;
    if (relief_str_eq(topic, RELIEF_STR("incident")))
        return relief_str_eq(str_of(record, "id"), watch->incident);
    if (relief_str_eq(topic, RELIEF_STR("request"))) {
        bool ours = relief_str_eq(str_of(record, "incident"), watch->incident);
        if (ours)
            cli_map_get(&watch->requests, str_of(record, "id"));
        return ours;
    }
    struct relief_str request = str_of(record, "request");
    return relief_str_eq(topic, RELIEF_STR("dispatch")) && request.data && cli_map_find(&watch->requests, request);
}

static void add_key(struct relief_buf *text, struct relief_str topic, const msgpack_object *record)
{
    int table = relief_table_find(topic);
    for (unsigned i = 0; table >= 0 && i < relief_tables[table].key_fields; i++) {
        if (i)
            relief_buf_add_char(text, ' ');
        relief_buf_add_str(text, str_of(record, relief_tables[table].shape->fields[i].name));
    }
}

static void show_csv(struct watch *watch, const msgpack_object *event, const char *time, struct relief_str key)
{
    const msgpack_object *cities = client_map_find(event, "cities");
    struct relief_buf list = RELIEF_BUF_INIT;
    for (uint32_t i = 0; cities && cities->type == MSGPACK_OBJECT_ARRAY && i < cities->via.array.size; i++) {
        if (i)
            relief_buf_add_char(&list, '|');
        if (cities->via.array.ptr[i].type == MSGPACK_OBJECT_STR)
            relief_buf_add(&list, cities->via.array.ptr[i].via.str.ptr, cities->via.array.ptr[i].via.str.size);
    }
    if (!watch->header)
        puts("seq,time,topic,method,cities,key,identity");
    watch->header = true;
    printf("%lld,%s,", (long long)int_of(event, "seq"), time);
    cli_csv_cell(stdout, str_of(event, "topic"));
    putchar(',');
    cli_csv_cell(stdout, str_of(event, "method"));
    putchar(',');
    cli_csv_cell(stdout, (struct relief_str){list.data, (uint32_t)list.len});
    putchar(',');
    cli_csv_cell(stdout, key);
    putchar(',');
    cli_csv_cell(stdout, str_of(event, "identity"));
    putchar('\n');
    relief_buf_deinit(&list);
}

static void show_text(const msgpack_object *event, const char *time, struct relief_str key)
{
    static const char *const shown[] = {"state", "quantity", "covered", "open", "donor", "requester", "mode", "name"};
    const msgpack_object *record = client_map_find(event, "record");
    struct relief_buf text = RELIEF_BUF_INIT;
    relief_buf_printf(&text, "%s %lld ", time, (long long)int_of(event, "seq"));
    relief_buf_add_str(&text, str_of(event, "method"));
    relief_buf_add_text(&text, ": ");
    relief_buf_add_str(&text, str_of(event, "topic"));
    relief_buf_add_char(&text, ' ');
    relief_buf_add_str(&text, key);
    const msgpack_object *gone = client_map_find(record, "gone");
    if (gone && gone->type == MSGPACK_OBJECT_BOOLEAN && gone->via.boolean)
        relief_buf_add_text(&text, " gone");
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) {
        const msgpack_object *value = client_map_find(record, shown[i]);
        if (!value || value->type == MSGPACK_OBJECT_NIL)
            continue;
        relief_buf_printf(&text, " %s=", shown[i]);
        if (value->type == MSGPACK_OBJECT_STR)
            relief_buf_add(&text, value->via.str.ptr, value->via.str.size);
        else
            relief_json_msgpack(&text, value);
    }
    if (str_of(event, "identity").len) {
        relief_buf_add_text(&text, " by=");
        relief_buf_add_str(&text, str_of(event, "identity"));
    }
    cli_print_padded(stdout, (struct relief_str){text.data, (uint32_t)text.len}, 0, false);
    putchar('\n');
    relief_buf_deinit(&text);
}

static void show(struct watch *watch, const msgpack_object *event)
{
    struct relief_str topic = str_of(event, "topic");
    const msgpack_object *record = client_map_find(event, "record");
    struct relief_buf key = RELIEF_BUF_INIT;
    char time[40];
    if (!concerns(watch, topic, record))
        return;
    if (watch->cli->view == &cli_view_json) {
        relief_json_msgpack(&key, event);
        fwrite(key.data, 1, key.len, stdout);
        putchar('\n');
    } else {
        cli_time_text(time, int_of(event, "time"), watch->cli->view == &cli_view_csv);
        add_key(&key, topic, record);
        if (watch->cli->view == &cli_view_csv)
            show_csv(watch, event, time, (struct relief_str){key.data, (uint32_t)key.len});
        else
            show_text(event, time, (struct relief_str){key.data, (uint32_t)key.len});
    }
    relief_buf_deinit(&key);
    if (fflush(stdout) != 0)
        watch->failed = -EPIPE;
}

static void on_event(void *context, const char *topic, const void *data, size_t len)
{
    struct watch *watch = context;
    msgpack_unpacked value;
    size_t used = 0;
    if (strcmp(topic, "event") != 0)
        return;
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, data, len, &used) == MSGPACK_UNPACK_SUCCESS) {
        int64_t seq = int_of(&value.data, "seq");
        if (seq != watch->seq)
            watch->seq = seq, watch->seen = watch->skip = 0;
        if (watch->skip > 0) {
            watch->skip--;
        } else {
            watch->seen++;
            show(watch, &value.data);
        }
    }
    msgpack_unpacked_destroy(&value);
}

static int note_request(void *context, const struct cli_page *page)
{
    struct watch *watch = context;
    const struct relief_request *requests = page->items->items;
    for (uint32_t i = 0; i < page->items->count; i++) {
        if (!cli_map_get(&watch->requests, requests[i].id))
            return CLI_REFUSED;
    }
    return CLI_DONE;
}

/*
 * The requests that the incident has: their legs do not name it. The head of the log is taken first and the events
 * begin there, so that a request made in between is seen as an event.
 */
static int find_requests(struct watch *watch)
{
    struct relief_log_head_params none;
    struct relief_request_list_params of_incident;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_log_head, &none);
    int result = relief_log_head(watch->cli->client, &none, &answer);
    int code = cli_result(watch->cli, result, answer, NULL);
    const struct relief_head *head = code == 0 ? relief_answer_record(answer) : NULL;
    if (head && watch->next == RELIEF_NIL)
        watch->next = head->seq + 1;
    relief_answer_free(answer);
    relief_params_init(RELIEF_METHOD_request_list, &of_incident);
    of_incident.incident = watch->incident;
    if (code == 0)
        code = cli_pages(watch->cli, relief_method_by_number(RELIEF_METHOD_request_list), &of_incident, false,
                         note_request, watch);
    return code;
}

static int subscribe(struct watch *watch)
{
    struct relief_answer *answer = NULL;
    struct relief_client *client = watch->cli->client;
    bool again = watch->seq > 0;
    watch->params.from_seq = again ? watch->seq : watch->next;
    watch->skip = again ? watch->seen : 0;
    relief_client_on_notification(client, on_event, watch);
    int result = relief_event_subscribe(client, &watch->params, &answer);
    int code = cli_result(watch->cli, result, answer, NULL);
    const struct relief_subscription *subscription = code == 0 ? relief_answer_record(answer) : NULL;
    if (subscription && watch->next == RELIEF_NIL)
        watch->next = subscription->seq + 1;
    relief_answer_free(answer);
    return code;
}

/* Until the connection is gone. */
static void follow(struct watch *watch)
{
    struct relief_client *client = watch->cli->client;
    int error = 0;
    while (error == 0 && watch->failed == 0) {
        struct pollfd wait = {.fd = relief_client_fd(client), .events = relief_client_events(client)};
        if (poll(&wait, 1, relief_client_timeout(client)) < 0 && errno != EINTR)
            return;
        error = relief_client_process(client, wait.revents);
    }
}

static int patience_ms(const struct cli *cli)
{
    return cli->timeout_ms ? cli->timeout_ms : 30000;
}

/* A new connection for as long as the time-out lets us try. */
static int connect_again(struct watch *watch, int64_t until)
{
    struct cli *cli = watch->cli;
    char why[CLIENT_ERROR_BYTES];
    relief_client_close(cli->client);
    cli->client = NULL;
    while (client_now_ms() < until) {
        int error = cli_try_connect(cli, false, why, sizeof why);
        if (error == 0)
            return CLI_DONE;
        if (!cli_may_retry(error))
            break;
        poll(NULL, 0, RETRY_MS);
    }
    return cli_connect(cli, false);
}

static int run(struct watch *watch)
{
    struct cli *cli = watch->cli;
    int64_t until = 0; /* while the connection is lost: when to give up */
    int code = cli_connect(cli, false);
    if (code == 0 && watch->incident.data)
        code = find_requests(watch);
    while (code == 0) {
        code = subscribe(watch);
        if (code == 0) {
            follow(watch);
            if (watch->failed)
                return cli_flush(stdout, CLI_REFUSED);
            until = client_now_ms() + patience_ms(cli);
        } else if (code != CLI_UNREACHABLE || cli->client->broken || client_now_ms() >= until) {
            return code; /* refused; or never subscribed; or a daemon that dies at every attempt */
        }
        cli_say("%s; connecting again", relief_client_error(cli->client));
        code = connect_again(watch, until);
    }
    return code;
}

static int run_watch(struct cli *cli, int argc, char **argv)
{
    struct cli_params params;
    struct watch watch = {.cli = cli, .next = RELIEF_NIL, .requests = CLI_MAP_INIT};
    const char *incident = NULL;
    const struct cli_option options[] = {{"incident", 0, &incident, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    if (cli_params_init(&params, relief_method_by_number(RELIEF_METHOD_event_subscribe)) != 0)
        return cli_bad("no memory");
    int code = cli_params_parse(cli, &params, options, false, argc, argv);
    if (code == 0 && cli->help) {
        code = cli_help_command(&cli_command_watch, stdout);
        goto out;
    }
    if (code == 0)
        code = cli_params_verify(&params);
    if (code == 0) {
        memcpy(&watch.params, params.record, sizeof watch.params);
        watch.incident = relief_str_of(incident);
        watch.next = watch.params.from_seq;
        code = run(&watch);
    }
    relief_client_close(cli->client); /* before `watch` goes */
    cli->client = NULL;
out:
    cli_map_deinit(&watch.requests);
    cli_params_deinit(&params);
    return code;
}

const struct cli_command cli_command_watch = {"watch", "[--city C] [--incident I] [--topics T,...] [--from-seq N]",
                                              "events as they happen, one a line", run_watch};
const struct cli_command cli_command_event_subscribe = {"event subscribe",
                                                        "[--city C] [--incident I] [--topics T,...] [--from-seq N]",
                                                        "the same as relief watch", run_watch};
