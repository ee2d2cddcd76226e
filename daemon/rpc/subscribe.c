/*
 * event.subscribe: every change, in log order, none lost, none twice. Events are read from the log itself, with a
 * cursor per subscription: that is the one place where everything stands in order, whether it happened an hour or a
 * second ago, and the cursor never sees what is not durable. So a subscriber that is behind, or that names an old
 * entry, needs no buffer here.
 *
 * It is pulled by the connection: events are made while less than the mark is queued, and go on when the peer has read
 * (`drained`), when something became durable, or in the next turn when the bound of work for one turn was met.
 */
#include "rpc/session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/notice.h"
#include "engine/entry.h"

#define CITIES_MAX 64u /* named by one record: an incident with more lists the first; the city filter sees all */

struct rpc_subscription {
    bool topics[RELIEF_TABLE_COUNT];
    char city[RELIEF_ID_BYTES_MAX + 1];
    uint64_t next;             /* entry to be looked at */
    struct log_cursor *cursor; /* NULL until that entry is durable */
    struct log_record record;  /* being sent, when held */
    bool held;
    uint32_t change; /* the next of its changes */
};

/* ---- what an event says ---- */

static void name_city(struct relief_list *cities, struct relief_str city)
{
    struct relief_str *items = cities->items;
    for (uint32_t i = 0; i < cities->count; i++)
        if (relief_str_eq(items[i], city))
            return;
    if (city.data && cities->count < CITIES_MAX)
        items[cities->count++] = city;
}

static bool has_city(const struct relief_list *list, struct relief_str city)
{
    const struct relief_str *items = list->items;
    for (uint32_t i = 0; i < list->count; i++)
        if (relief_str_eq(items[i], city))
            return true;
    return false;
}

static void name_incident(struct relief_list *cities, const struct relief_incident *incident)
{
    const struct relief_str *affected = incident->affected.items;
    name_city(cities, incident->origin);
    for (uint32_t i = 0; i < incident->affected.count; i++)
        name_city(cities, affected[i]);
}

/* The cities that a record names. Of a record that is gone only the key is known. */
static void cities_of(const struct core_change *change, struct relief_list *cities)
{
    const union relief_any_record *record = change->record;
    switch (change->table) {
    case RELIEF_TABLE_city:
        name_city(cities, record->city.code);
        break;
    case RELIEF_TABLE_link:
        name_city(cities, record->link.from);
        name_city(cities, record->link.to);
        break;
    case RELIEF_TABLE_floor:
    case RELIEF_TABLE_lot:
    case RELIEF_TABLE_account: /* their first field is the city */
        name_city(cities, record->floor.city);
        break;
    case RELIEF_TABLE_asset:
        name_city(cities, change->gone ? RELIEF_STR_NONE : record->asset.city);
        break;
    case RELIEF_TABLE_incident:
        if (!change->gone)
            name_incident(cities, &record->incident);
        break;
    case RELIEF_TABLE_agreement:
        name_city(cities, change->gone ? RELIEF_STR_NONE : record->agreement.donor);
        name_city(cities, change->gone ? RELIEF_STR_NONE : record->agreement.requester);
        break;
    case RELIEF_TABLE_request:
        name_city(cities, change->gone ? RELIEF_STR_NONE : record->request.city);
        break;
    case RELIEF_TABLE_dispatch:
        name_city(cities, change->gone ? RELIEF_STR_NONE : record->dispatch.donor);
        name_city(cities, change->gone ? RELIEF_STR_NONE : record->dispatch.requester);
        break;
    default: /* region, kind, op, travel name none */
        break;
    }
}

static bool names(const struct core_change *change, const struct relief_list *cities, struct relief_str city)
{
    return has_city(cities, city) || (change->table == RELIEF_TABLE_incident && !change->gone &&
                                      has_city(&((const struct relief_incident *)change->record)->affected, city));
}

static bool concerns(const struct rpc_subscription *subscription, const struct core_change *change,
                     const struct relief_list *cities)
{
    struct relief_str city = relief_str_of(subscription->city);
    return subscription->topics[change->table] && (!city.len || names(change, cities, city));
}

static void pack_record(struct relief_buf *buf, const struct core_change *change, const void *seen, unsigned generation)
{
    const struct relief_table_info *table = &relief_tables[change->table];
    if (!change->gone) {
        relief_pack_record_of(buf, table->shape, seen, 0, generation);
        return;
    }
    relief_pack_map(buf, table->key_fields + 1);
    for (unsigned i = 0; i < table->key_fields; i++) {
        relief_pack_text(buf, table->shape->fields[i].name);
        relief_pack_str(buf, *relief_field_str(&table->shape->fields[i], change->record));
    }
    relief_pack_text(buf, "gone");
    relief_pack_bool(buf, true);
}

/* seen: the record as this reader may see it; who: the same of the identity. */
static void pack_event(struct relief_buf *buf, const struct engine_entry *entry, const struct core_change *change,
                       const struct relief_list *cities, const void *seen, struct relief_str who)
{
    const struct relief_str *items = cities->items;
    relief_buf_clear(buf);
    relief_pack_array(buf, 3);
    relief_pack_int(buf, 2);
    relief_pack_text(buf, "event");
    relief_pack_array(buf, 1);
    relief_pack_map(buf, 7);
    relief_pack_text(buf, "seq");
    relief_pack_int(buf, (int64_t)entry->seq);
    relief_pack_text(buf, "time");
    relief_pack_int(buf, entry->time);
    relief_pack_text(buf, "topic");
    relief_pack_text(buf, relief_tables[change->table].name);
    relief_pack_text(buf, "method");
    relief_pack_text(buf, relief_command_by_number(entry->command)->wire);
    relief_pack_text(buf, "identity");
    relief_pack_str(buf, who);
    relief_pack_text(buf, "cities");
    relief_pack_array(buf, cities->count);
    for (uint32_t i = 0; i < cities->count; i++)
        relief_pack_str(buf, items[i]);
    relief_pack_text(buf, "record");
    pack_record(buf, change, seen, entry->generation);
}

/* ---- the stream ---- */

/* The next durable entry. 1, 0 when there is none yet, or -errno. */
static int hold_next(struct rpc_subscription *subscription, struct log *log)
{
    if (subscription->next > log_durable(log).seq)
        return 0;
    int result = subscription->cursor ? 0 : log_cursor_open(&subscription->cursor, log, subscription->next);
    if (result == 0)
        result = log_cursor_next(subscription->cursor, &subscription->record);
    if (result == 1) {
        subscription->held = true;
        subscription->change = 0;
        subscription->next = subscription->record.seq + 1;
    }
    return result;
}

/* Sends what is left of the entry at hand, as far as the peer reads. 0 or -errno. */
static int send_entry(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    struct rpc_subscription *subscription = session->subscription;
    struct engine_entry entry;
    struct sight sight;
    relief_arena_reset(&rpc->record);
    int result = engine_entry_decode(&subscription->record, &rpc->record, &entry);
    if (result)
        return result;
    sight_start(&sight, rpc, &session->identity);
    while (subscription->change < entry.change_count && net_conn_queued(session->conn) < RELIEF_UNREAD_BYTES_MAX) {
        const struct core_change *change = &entry.changes[subscription->change++];
        struct relief_str items[CITIES_MAX];
        struct relief_list cities = {items, 0, 1};
        struct relief_dispatch room;
        const void *seen;
        cities_of(change, &cities);
        if (!concerns(subscription, change, &cities) || !(seen = sight_change(&sight, change, &room)))
            continue;
        bool named = sight.core.who.role == RELIEF_role_city && names(change, &cities, sight.core.who.city);
        pack_event(&rpc->out, &entry, change, &cities, seen, sight_identity(&sight, entry.identity, named));
        if (rpc->out.failed)
            return -ENOMEM;
        net_conn_send(session->conn, rpc->out.data, rpc->out.len, session->release, false);
        rpc->events_sent++;
    }
    if (subscription->change == entry.change_count)
        subscription->held = false;
    return 0;
}

void rpc_subscription_pump(struct rpc_session *session)
{
    struct rpc *rpc = session->rpc;
    struct rpc_subscription *subscription = session->subscription;
    int result = 1;
    if (session->pending)
        return; /* the subscription's own answer may still stand there; when it has left, this is called again */
    for (unsigned entries = 0; result > 0; entries++) {
        if (net_conn_queued(session->conn) >= RELIEF_UNREAD_BYTES_MAX)
            return; /* `drained` goes on */
        if (entries == RPC_EVENT_ENTRIES_MAX) {
            rpc->streams_due = true;
            return;
        }
        result = subscription->held ? 1 : hold_next(subscription, engine_log(rpc->engine));
        if (result == 1 && (result = send_entry(session)) == 0)
            result = 1;
    }
    if (result < 0) { /* a gap must never look like silence: the connection ends */
        notice(RELIEF_MESSAGE_EVENTS_FAILED, "seq=%llu error=%s", (unsigned long long)subscription->next,
               notice_quote(strerror(-result)).text);
        net_conn_finish(session->conn);
        rpc_subscription_free(session);
    }
}

void rpc_subscription_free(struct rpc_session *session)
{
    if (!session->subscription)
        return;
    log_cursor_close(session->subscription->cursor);
    free(session->subscription);
    session->subscription = NULL;
    session->rpc->subscription_count--;
}

static int choose_topics(struct rpc_call *call, const struct relief_list *topics, bool ret_chosen[])
{
    const struct relief_str *items = topics->items;
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++)
        ret_chosen[i] = !topics->present;
    for (uint32_t i = 0; i < topics->count; i++) {
        int table = relief_table_find(items[i]);
        char field[32];
        snprintf(field, sizeof field, "topics.%u", i);
        if (table < 0)
            return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, field, "there is no such table");
        ret_chosen[table] = true;
    }
    return 0;
}

int rpc_event_subscribe(struct rpc_call *call)
{
    const struct relief_event_subscribe_params *params = call->params;
    struct rpc_session *session = call->session;
    uint64_t applied = engine_applied(call->rpc->engine);
    uint64_t next = params->from_seq == RELIEF_NIL ? applied + 1 : (uint64_t)params->from_seq;
    struct rpc_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return -EAGAIN;
    int result = choose_topics(call, &params->topics, subscription->topics);
    if (result == 0 && session->subscription)
        result = relief_refuse(&call->refusal, RELIEF_TOO_MANY, "a connection has one subscription: open another one");
    if (result == 0 && next > applied + 1)
        result = relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "from_seq",
                                     "the log ends at entry %llu; who has read later ones read another database, or "
                                     "a copy that was replaced",
                                     (unsigned long long)applied);
    if (result == 0 && next < log_first(engine_log(call->rpc->engine))) { /* pruned, fine print 71 */
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)next);
        result = rpc_not_found(&call->refusal, "from", "entry any more", relief_str_of(text));
    }
    if (result) {
        free(subscription);
        return result;
    }
    if (params->city.data)
        memcpy(subscription->city, params->city.data, params->city.len);
    subscription->next = next;
    session->subscription = subscription;
    call->rpc->subscription_count++;
    struct relief_subscription answer = {.seq = (int64_t)(next - 1)};
    relief_pack_record(call->out, &relief_shape_subscription, &answer, 0);
    return 0;
}
