/*
 * The daemon about itself: who it is and whom it takes the peer for, that it lives, what it holds, how it is doing.
 */
#include "rpc/session.h"
#include <sodium.h>

#define PROTOCOL_VERSION 1

int rpc_server_hello(struct rpc_call *call)
{
    struct rpc_session *session = call->session;
    const struct rpc_identity *identity = &session->identity;
    const struct relief_server_hello_params *params = call->params;
    int result = rpc_admit_hello(call, params);
    if (result)
        return result;
    if (params->receipts != RELIEF_NIL)
        session->receipts = params->receipts != 0;
    struct relief_hello hello = {
        .server = RELIEF_STR("relief"),
        .version = RELIEF_STR(RELIEF_VERSION),
        .protocol = PROTOCOL_VERSION,
        .identity = identity->known ? relief_str_of(identity->name) : RELIEF_STR_NONE,
        .role = identity->known ? (int64_t)identity->role : RELIEF_NIL,
        .city = identity->city[0] ? relief_str_of(identity->city) : RELIEF_STR_NONE,
    };
    relief_pack_record(call->out, &relief_shape_hello, &hello, 0);
    return 0;
}

int rpc_server_ping(struct rpc_call *call)
{
    relief_pack_map(call->out, 0);
    return 0;
}

int rpc_server_info(struct rpc_call *call)
{
    struct engine *engine = call->rpc->engine;
    struct core_view *view = engine_view(engine);
    int result = rpc_wait_durable(call);
    if (result)
        return result;
    struct store_mark mark = engine_head(engine);
    struct evidence_witnessed witnessed;
    evidence_witnessed(engine_evidence(engine), &witnessed, NULL);
    char head[2 * LOG_HASH_BYTES + 1];
    sodium_bin2hex(head, sizeof head, mark.hash, LOG_HASH_BYTES);
    int64_t off_ms;
    enum engine_clock_state clock = engine_clock_says(engine, &off_ms);
    struct relief_info info = {
        .version = RELIEF_STR(RELIEF_VERSION),
        .seq = (int64_t)mark.seq,
        .head = relief_str_of(head),
        .time = mark.time,
        .cities = core_count(view, RELIEF_TABLE_city),
        .kinds = core_count(view, RELIEF_TABLE_kind),
        .lots = core_count(view, RELIEF_TABLE_lot),
        .assets = core_count(view, RELIEF_TABLE_asset),
        .requests_open = core_count(view, RELIEF_TABLE_COUNT),
        .mode = call->rpc->failure || engine_shortage(engine) ? RELIEF_STR("read_only") : RELIEF_STR("serving"),
        .clock = clock == ENGINE_CLOCK_HELD     ? RELIEF_STR("held")
                 : clock == ENGINE_CLOCK_BEHIND ? RELIEF_STR("behind")
                                                : RELIEF_STR("right"),
        .clock_off_ms = clock == ENGINE_CLOCK_RIGHT ? RELIEF_NIL : off_ms,
        .witnessed_size = witnessed.count ? (int64_t)witnessed.size : RELIEF_NIL,
        .witnessed_time = witnessed.count ? witnessed.time : RELIEF_NIL,
    };
    relief_pack_record(call->out, &relief_shape_info, &info, 0);
    return 0;
}

static void add_counter(struct relief_list *list, const char *name, uint64_t value)
{
    struct relief_counter *counter = (struct relief_counter *)list->items + list->count++;
    *counter = (struct relief_counter){.name = relief_str_of(name), .value = (int64_t)value};
}

#define COUNTERS_MAX 40u

static void fill_counters(struct rpc *rpc, struct relief_list *list)
{
    struct net_stats net = net_stats(rpc->net);
    add_counter(list, "uptime_ms", (uint64_t)(rpc->turn_us - rpc->started_us) / 1000);
    add_counter(list, "log_applied", engine_applied(rpc->engine));
    add_counter(list, "log_durable", engine_durable(rpc->engine));
    add_counter(list, "store_seq", store_mark(engine_store(rpc->engine)).seq);
    add_counter(list, "store_overlay_bytes", store_overlay_bytes(engine_store(rpc->engine)));
    add_counter(list, "connections_open", net.open);
    add_counter(list, "connections_accepted", net.accepted);
    add_counter(list, "connections_refused", net.refused);
    add_counter(list, "connections_refused_address", net.refused_address);
    add_counter(list, "connections_refused_city", rpc->city_refused);
    add_counter(list, "connections_refused_full", net.refused_full);
    add_counter(list, "connections_evicted", net.evicted);
    add_counter(list, "connections_timed_out", net.timed_out);
    add_counter(list, "handshakes_failed", net.handshakes_failed);
    add_counter(list, "messages", net.messages);
    add_counter(list, "frame_faults", net.faults);
    add_counter(list, "bytes_in", net.bytes_in);
    add_counter(list, "bytes_out", net.bytes_out);
    add_counter(list, "notifications_ignored", rpc->notifications_ignored);
    add_counter(list, "subscriptions_open", rpc->subscription_count);
    add_counter(list, "events_sent", rpc->events_sent);
    add_counter(list, "evidence_size", evidence_published(engine_evidence(rpc->engine), 0));
    add_counter(list, "receipts_waiting", rpc->receipt_count);
    add_counter(list, "dumps_open", rpc->dump_count);
    add_counter(list, "dumps_done", rpc->dumps_done);
    add_counter(list, "reports_open", rpc->report_count);
    add_counter(list, "reports_done", rpc->reports_done);
    add_counter(list, "tokens", rpc->tokens.count);
    add_counter(list, "tokens_refused", rpc->tokens_refused);
    add_counter(list, "tokens_ended", rpc->tokens_ended);
    uint64_t dropped, denials = denials_count(rpc->denials, &dropped);
    add_counter(list, "denials", denials);
    add_counter(list, "denials_dropped", dropped);
}

static void fill_latencies(const struct stats *stats, struct relief_list *list)
{
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct stats_method *of = &stats->methods[relief_methods[i].number];
        if (!of->count)
            continue;
        struct relief_latency *latency = (struct relief_latency *)list->items + list->count++;
        *latency = (struct relief_latency){
            .method = relief_str_of(relief_methods[i].wire),
            .count = (int64_t)of->count,
            .errors = (int64_t)of->errors,
            .p50_us = stats_quantile(of, 500),
            .p99_us = stats_quantile(of, 990),
            .max_us = (int64_t)of->max_us,
        };
    }
}

int rpc_server_stats(struct rpc_call *call)
{
    struct rpc *rpc = call->rpc;
    struct relief_stats stats = {
        .counters = {relief_arena_alloc(&rpc->arena, COUNTERS_MAX * sizeof(struct relief_counter)), 0, 1},
        .latencies = {relief_arena_alloc(&rpc->arena, relief_method_count * sizeof(struct relief_latency)), 0, 1},
    };
    fill_counters(rpc, &stats.counters);
    fill_latencies(&rpc->stats, &stats.latencies);
    relief_pack_record(call->out, &relief_shape_stats, &stats, 0);
    return 0;
}
