/*
 * What the events of a request and its legs tell, in the words of relief request show: each record is compared with
 * what was last seen of it, and the command's name tells the rest.
 */
#include <errno.h>
#include "client/cli/show.h"
#include "client/cli/view.h"
#include "client/client.h"

static bool method_is(const struct happening *happening, const char *wire)
{
    return relief_str_eq(happening->method, relief_str_of(wire));
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
    show_say(show, PLACE_CAUSE, &then);
    happening->text = then.text;
}

static void say_ended(struct show *show, struct happening *happening, const struct relief_request *request,
                      const char *what)
{
    add_reason(&happening->text, request->reason);
    if (request->shortfall)
        add_number(&happening->text, "given up", request->shortfall);
    happening->what = what;
    show_say(show, PLACE_CAUSE, happening);
}

static void say_amended(struct show *show, struct happening *happening, const struct relief_request *request)
{
    add_change(&happening->text, "quantity", show->was.quantity, request->quantity);
    add_change(&happening->text, "priority", show->was.priority, request->priority);
    add_change(&happening->text, "max_level", show->was.max_level, request->max_level);
    if (show->was.needed_by != request->needed_by)
        add_time(&happening->text, "needed by", request->needed_by);
    happening->what = "amended";
    show_say(show, PLACE_CAUSE, happening);
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
    show_say(show, PLACE_EFFECT, happening);
}

void show_request(struct show *show, struct happening *happening)
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

void show_leg(struct show *show, struct happening *happening, struct cli_map_item *item)
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
        show_say(show, PLACE_LEG, happening);
    item->n[LEG_STATE] = leg.state;
    item->n[LEG_QUANTITY] = leg.quantity;
    item->n[LEG_REASON] = mark_of(leg.reason);
    item->n[LEG_SEEN] = 1;
}
