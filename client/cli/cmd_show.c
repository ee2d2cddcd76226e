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
#include "client/cli/cli.h"
#include "client/cli/map.h"
#include "client/cli/page.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "schema/codec.h"

#define SHOW_ENTRIES_A_TURN 256 /* a quarter of what the daemon does, so that it may do less one day */
#define SHOW_PINGS_MAX      4096

/* What is kept of a record: n[] of its item in the map; the item's text is the record as fetched, until it is seen. */
enum leg_number { LEG_STATE, LEG_QUANTITY, LEG_REASON, LEG_SEEN, LEG_WAITED };

struct show {
    struct cli *cli;
    struct relief_arena arena; /* of one event */
    char id[RELIEF_ID_BYTES_MAX + 1];
    char city[RELIEF_ID_BYTES_MAX + 1];
    int64_t entry;         /* of the submission */
    struct cli_map waited; /* the request and its legs */
    size_t missing;        /* of them not seen as they were fetched */
    /* the request as last seen */
    bool submitted;
    struct relief_request was;
    /* the entry at hand: its lines before the legs, the legs', and behind them */
    int64_t seq;
    struct relief_buf lines[3];
    bool header;
    int failed;
};

enum place { PLACE_CAUSE, PLACE_LEG, PLACE_EFFECT };

/* One event as it happened. who: the identity that the log has, or as much of it as this reader is told; of a
 * consequence none. */
struct happening {
    int64_t seq, time;
    struct relief_str method, id, who;
    const char *what;
    struct relief_buf text; /* what there is to say beyond `what` */
    const msgpack_object *record;
};

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

static bool method_is(const struct happening *happening, const char *wire)
{
    return relief_str_eq(happening->method, relief_str_of(wire));
}

/* ---- how a line looks ---- */

static void put_json(struct relief_buf *out, const struct happening *happening)
{
    const struct {
        const char *key;
        struct relief_str value;
    } texts[] = {{"method", happening->method},
                 {"id", happening->id},
                 {"event", relief_str_of(happening->what)},
                 {"who", happening->who},
                 {"text", {happening->text.data, (uint32_t)happening->text.len}}};
    relief_buf_printf(out, "{\"seq\":%lld,\"time\":%lld", (long long)happening->seq, (long long)happening->time);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        relief_buf_printf(out, ",\"%s\":", texts[i].key);
        relief_json_str(out, texts[i].value.len ? texts[i].value : RELIEF_STR_NONE);
    }
    relief_buf_add_text(out, ",\"record\":");
    relief_json_msgpack(out, happening->record);
    relief_buf_add_text(out, "}\n");
}

static void put_csv_cell(struct relief_buf *out, struct relief_str text)
{
    relief_buf_add_text(out, ",\"");
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            relief_buf_add_char(out, '"');
        relief_buf_add_char(out, text.data[i]);
    }
    relief_buf_add_char(out, '"');
}

static void put_csv(struct relief_buf *out, const struct happening *happening)
{
    char time[40];
    cli_time_text(time, happening->time, true);
    relief_buf_printf(out, "%lld,%s", (long long)happening->seq, time);
    put_csv_cell(out, happening->method);
    put_csv_cell(out, happening->id);
    put_csv_cell(out, relief_str_of(happening->what));
    put_csv_cell(out, happening->who);
    put_csv_cell(out, (struct relief_str){happening->text.data, (uint32_t)happening->text.len});
    relief_buf_add_char(out, '\n');
}

static void put_text(struct relief_buf *out, const struct happening *happening)
{
    char time[40];
    cli_time_text(time, happening->time, false);
    relief_buf_printf(out, "%s  ", time);
    relief_buf_add_str(out, happening->id);
    if (happening->who.len) {
        relief_buf_add_text(out, "  ");
        relief_buf_add_str(out, happening->who);
    }
    relief_buf_printf(out, "  %s", happening->what);
    if (happening->text.len) {
        relief_buf_add_text(out, ": ");
        for (size_t i = 0; i < happening->text.len; i++) /* a reason may hold what disturbs a line */
            relief_buf_add_char(out, happening->text.data[i] == '\n' ? ' ' : happening->text.data[i]);
    }
    relief_buf_add_char(out, '\n');
}

static void say(struct show *show, enum place place, struct happening *happening)
{
    struct relief_buf *out = &show->lines[place];
    if (show->cli->view == &cli_view_json)
        put_json(out, happening);
    else if (show->cli->view == &cli_view_csv)
        put_csv(out, happening);
    else
        put_text(out, happening);
    relief_buf_clear(&happening->text);
}

/* The lines of an entry that is over; those for a terminal go through the printer that knows what a terminal may get.
 */
static void print_entry(struct show *show)
{
    if (show->cli->view == &cli_view_csv && !show->header)
        puts("seq,time,method,id,event,who,text");
    show->header = true;
    for (unsigned i = 0; i < 3; i++) {
        const char *at = show->lines[i].data, *end = at + show->lines[i].len;
        while (at < end) {
            const char *line_end = memchr(at, '\n', (size_t)(end - at));
            struct relief_str line = {at, (uint32_t)(line_end - at)};
            if (show->cli->view == &cli_view_text)
                cli_print_padded(stdout, line, 0, false);
            else
                fwrite(line.data, 1, line.len, stdout);
            putchar('\n');
            at = line_end + 1;
        }
        if (show->lines[i].failed)
            show->failed = -ENOMEM;
        relief_buf_clear(&show->lines[i]);
    }
    if (ferror(stdout))
        show->failed = -EPIPE;
}

/* ---- words ---- */

static void comma(struct relief_buf *text)
{
    if (text->len)
        relief_buf_add_text(text, ", ");
}

static void add_number(struct relief_buf *text, const char *format, int64_t number)
{
    comma(text);
    relief_buf_printf(text, "%lld %s", (long long)number, format);
}

static void add_time(struct relief_buf *text, const char *what, int64_t time)
{
    char when[40];
    if (time == RELIEF_NIL)
        return;
    cli_time_text(when, time, false);
    comma(text);
    relief_buf_printf(text, "%s %s", what, when);
}

static void add_reason(struct relief_buf *text, struct relief_str reason)
{
    if (!reason.data)
        return;
    comma(text);
    relief_buf_add_str(text, reason);
}

/* ids[from] to before ids[to]. */
static void add_some_ids(struct relief_buf *text, const struct relief_list *ids, int64_t from, int64_t to)
{
    const struct relief_str *items = ids->items;
    for (int64_t i = from; i < to && i < ids->count; i++) {
        relief_buf_add_char(text, i > from ? '+' : ' ');
        relief_buf_add_str(text, items[i]);
    }
}

/* A reason by which another one is told from it (FNV-1a); 0: none. */
static int64_t mark_of(struct relief_str reason)
{
    uint64_t hash = reason.data ? 14695981039346656037u : 0;
    for (uint32_t i = 0; reason.data && i < reason.len; i++)
        hash = (hash ^ (uint8_t)reason.data[i]) * 1099511628211u;
    return (int64_t)hash;
}

static void add_ids(struct relief_buf *text, const char *what, const struct relief_list *ids)
{
    if (!ids->count)
        return;
    comma(text);
    relief_buf_add_text(text, what);
    add_some_ids(text, ids, 0, ids->count);
}

/* Units of a leg with what became of them, and which pieces they are: those from `from` on. */
static void add_units(struct relief_buf *text, int64_t units, const char *what, const struct relief_dispatch *leg,
                      int64_t from)
{
    if (units == RELIEF_NIL || units == 0)
        return;
    add_number(text, what, units);
    add_some_ids(text, &leg->assets, from, from + units);
}

static void add_change(struct relief_buf *text, const char *what, int64_t was, int64_t is)
{
    if (was == is)
        return;
    comma(text);
    relief_buf_printf(text, "%s ", what);
    if (was == RELIEF_NIL)
        relief_buf_add_text(text, "none");
    else
        relief_buf_add_i64(text, was);
    relief_buf_printf(text, " -> %lld", (long long)is);
}

/* ---- the request ---- */

static void say_submitted(struct show *show, struct happening *happening, const struct relief_request *request)
{
    struct relief_buf *text = &happening->text;
    relief_buf_printf(text, "%lld of %.*s for %.*s, priority %lld", (long long)request->quantity,
                      (int)request->kind.len, request->kind.data, (int)request->city.len, request->city.data,
                      (long long)request->priority);
    add_time(text, "needed by", request->needed_by);
    if (request->incident.data) {
        comma(text);
        relief_buf_printf(text, "incident %.*s", (int)request->incident.len, request->incident.data);
    }
    happening->what = "submitted";
    struct happening then = *happening; /* a coordinator may see a request only from its first leg on */
    then.who = request->identity;
    then.seq = request->entry;
    then.time = request->submitted;
    say(show, PLACE_CAUSE, &then);
    happening->text = then.text;
}

static void say_ended(struct show *show, struct happening *happening, const struct relief_request *request,
                      const char *what)
{
    add_reason(&happening->text, request->reason);
    if (request->shortfall)
        add_number(&happening->text, "given up", request->shortfall);
    happening->what = what;
    say(show, PLACE_CAUSE, happening);
}

static void say_amended(struct show *show, struct happening *happening, const struct relief_request *request)
{
    add_change(&happening->text, "quantity", show->was.quantity, request->quantity);
    add_change(&happening->text, "priority", show->was.priority, request->priority);
    add_change(&happening->text, "max_level", show->was.max_level, request->max_level);
    if (show->was.needed_by != request->needed_by)
        add_time(&happening->text, "needed by", request->needed_by);
    happening->what = "amended";
    say(show, PLACE_CAUSE, happening);
}

/* What became of the request: its state and its sums. */
static void say_sums(struct show *show, struct happening *happening, const struct relief_request *request)
{
    const struct relief_request *was = &show->was;
    struct relief_buf *text = &happening->text;
    if (show->submitted && was->state == request->state && was->covered == request->covered &&
        was->open == request->open && was->received == request->received && was->shortfall == request->shortfall &&
        was->asked == request->asked)
        return;
    relief_buf_printf(text, "%lld of %lld covered", (long long)request->covered, (long long)request->quantity);
    if (request->asked)
        add_number(text, "of them only asked for", request->asked);
    if (request->received)
        add_number(text, "received", request->received);
    if (request->open)
        add_number(text, "open", request->open);
    if (request->shortfall)
        add_number(text, "given up", request->shortfall);
    happening->what = relief_enum_request_state.names[request->state];
    happening->who = RELIEF_STR_NONE;
    say(show, PLACE_EFFECT, happening);
}

static void on_request(struct show *show, struct happening *happening)
{
    struct relief_request request;
    if (relief_answer_decode(&relief_shape_request, happening->record, &show->arena, &request) != 0) {
        show->failed = -EPROTO;
        return;
    }
    if (!show->submitted)
        say_submitted(show, happening, &request);
    else if (method_is(happening, "request.amend"))
        say_amended(show, happening, &request);
    else if (method_is(happening, "request.cancel") && request.state != show->was.state)
        say_ended(show, happening, &request, "cancelled");
    else if (method_is(happening, "request.close") && request.state != show->was.state)
        say_ended(show, happening, &request, "closed");
    say_sums(show, happening, &request);
    show->submitted = true;
    show->was = request; /* only its numbers are looked at again: its texts go with the arena */
}

/* ---- the legs ---- */

static void add_what_goes(struct relief_buf *text, const struct relief_dispatch *leg)
{
    relief_buf_printf(text, "%lld of %.*s", (long long)leg->quantity, (int)leg->kind.len, leg->kind.data);
    if (leg->covers != leg->quantity)
        add_number(text, "covered by them", leg->covers);
    add_ids(text, "namely", &leg->assets);
    add_ids(text, "with", &leg->operators);
}

/* A leg that matching or an order made. A leg that was not made with the request says what set matching off. */
static const char *say_made(struct happening *happening, const struct relief_dispatch *leg)
{
    struct relief_buf *text = &happening->text;
    add_what_goes(text, leg);
    comma(text);
    relief_buf_add_text(text, "from ");
    relief_buf_add_str(text, leg->donor);
    add_number(text, "minutes away", leg->minutes);
    if (leg->state == RELIEF_dispatch_state_asked)
        add_time(text, "answer by", leg->answer_by);
    else
        add_time(text, "depart by", leg->depart_by);
    if (!method_is(happening, "request.submit") && !leg->ordered) {
        relief_buf_add_text(text, ", matched again after ");
        relief_buf_add_str(text, happening->method);
    }
    if (leg->ordered) {
        add_reason(text, leg->reason);
        return "ordered";
    }
    return leg->state == RELIEF_dispatch_state_asked ? "asked" : "committed";
}

/* Pieces that are not accepted are rejected first, then missing, in the leg's order. */
static const char *say_arrived(struct happening *happening, const struct relief_dispatch *leg,
                               const struct cli_map_item *was)
{
    struct relief_buf *text = &happening->text;
    bool in_use = leg->state == RELIEF_dispatch_state_in_use, whole = leg->accepted == leg->sent;
    relief_buf_printf(text, "%lld of %lld accepted", (long long)leg->accepted, (long long)leg->sent);
    add_units(text, leg->rejected, "rejected", leg, 0);
    add_units(text, leg->missing, "missing", leg, leg->rejected == RELIEF_NIL ? 0 : leg->rejected);
    if (in_use) {
        comma(text);
        relief_buf_add_text(text, "in use");
    }
    if (!whole || mark_of(leg->reason) != was->n[LEG_REASON]) /* else it is that of an order */
        add_reason(text, leg->reason);
    return "received";
}

/* What is not sent back is lost: the last pieces. */
static const char *say_sent_back(struct happening *happening, const struct relief_dispatch *leg)
{
    relief_buf_printf(&happening->text, "%lld of %lld", (long long)leg->returned, (long long)leg->accepted);
    add_units(&happening->text, leg->accepted - leg->returned, "lost", leg, leg->returned);
    return "on the way back";
}

/* What does not come home is lost, the last pieces of those sent back; the rest is in the condition that was told. */
static const char *say_checked_in(struct happening *happening, const struct relief_dispatch *leg)
{
    struct relief_buf *text = &happening->text;
    if (leg->checked_in == RELIEF_NIL) { /* a record from before the field */
        relief_buf_add_i64(text, leg->returned);
        return "checked in";
    }
    relief_buf_printf(text, "%lld of %lld", (long long)leg->checked_in, (long long)leg->returned);
    if (leg->condition != RELIEF_NIL && leg->condition != RELIEF_condition_ready)
        relief_buf_printf(text, " %s", relief_enum_condition.names[leg->condition]);
    add_units(text, leg->returned - leg->checked_in, "lost", leg, leg->checked_in);
    return "checked in";
}

/* A leg that ended without a journey, or on the road. */
static const char *say_fallen(struct happening *happening, const struct relief_dispatch *leg)
{
    if (leg->state == RELIEF_dispatch_state_lapsed)
        relief_buf_printf(&happening->text, "no answer from %.*s to %lld", (int)leg->donor.len, leg->donor.data,
                          (long long)leg->quantity);
    else
        relief_buf_add_i64(&happening->text, leg->quantity);
    if (leg->state == RELIEF_dispatch_state_lost) {
        add_ids(&happening->text, "namely", &leg->assets);
        add_ids(&happening->text, "with", &leg->operators);
    }
    add_reason(&happening->text, leg->reason);
    return relief_enum_dispatch_state.names[leg->state];
}

static const char *say_moved(struct happening *happening, const struct relief_dispatch *leg,
                             const struct cli_map_item *was)
{
    struct relief_buf *text = &happening->text;
    switch (leg->state) {
    case RELIEF_dispatch_state_committed:
        relief_buf_printf(text, "%lld of %lld", (long long)leg->quantity, (long long)was->n[LEG_QUANTITY]);
        add_time(text, "depart by", leg->depart_by);
        return "accepted";
    case RELIEF_dispatch_state_in_transit:
        relief_buf_add_i64(text, leg->sent);
        add_ids(text, "namely", &leg->assets);
        add_reason(text, leg->carrier);
        add_time(text, "expected", leg->eta);
        return "departed";
    case RELIEF_dispatch_state_returning:
        return say_sent_back(happening, leg);
    case RELIEF_dispatch_state_returned:
        return say_checked_in(happening, leg);
    case RELIEF_dispatch_state_received:
    case RELIEF_dispatch_state_in_use:
    case RELIEF_dispatch_state_closed:
        return say_arrived(happening, leg, was);
    default: /* it ended without a journey, or on the road */
        return say_fallen(happening, leg);
    }
}

/* The same state as before: a date was set, or an asked leg was cut. NULL: nothing to tell. */
static const char *say_same(struct happening *happening, const struct relief_dispatch *leg,
                            const struct cli_map_item *was)
{
    bool recall = method_is(happening, "dispatch.recall");
    if (recall || method_is(happening, "dispatch.extend")) {
        add_time(&happening->text, recall ? "wanted back by" : "may stay until", leg->due);
        if (mark_of(leg->reason) != was->n[LEG_REASON]) /* else none was given now */
            add_reason(&happening->text, leg->reason);
        return recall ? "recalled" : "extended";
    }
    if (leg->quantity == was->n[LEG_QUANTITY])
        return NULL;
    add_change(&happening->text, "quantity", was->n[LEG_QUANTITY], leg->quantity);
    return "cut";
}

static void on_leg(struct show *show, struct happening *happening, struct cli_map_item *item)
{
    struct relief_dispatch leg;
    if (relief_answer_decode(&relief_shape_dispatch, happening->record, &show->arena, &leg) != 0) {
        show->failed = -EPROTO;
        return;
    }
    if (!item->n[LEG_SEEN])
        happening->what = say_made(happening, &leg);
    else if (item->n[LEG_STATE] != leg.state)
        happening->what = say_moved(happening, &leg, item);
    else
        happening->what = say_same(happening, &leg, item);
    if (happening->what)
        say(show, PLACE_LEG, happening);
    item->n[LEG_STATE] = leg.state;
    item->n[LEG_QUANTITY] = leg.quantity;
    item->n[LEG_REASON] = mark_of(leg.reason);
    item->n[LEG_SEEN] = 1;
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
        print_entry(show);
    show->seq = happening.seq;
    relief_arena_reset(&show->arena);
    if (is_request)
        on_request(show, &happening);
    else
        on_leg(show, &happening, item);
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
    print_entry(show);
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
