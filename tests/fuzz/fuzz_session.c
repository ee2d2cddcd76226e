/*
 * The daemon whole, in one process and on a clock of ours: net, rpc, engine, log, store and evidence over a folder in
 * memory, with four peers at socket pairs. The input is a row of steps: requests made from bytes (session_params.c),
 * raw bytes, pieces of frames, peers that come, go and do not listen, and time that passes.
 *
 * Held: what a peer may expect (session_peer.c); the daemon comes to rest after each step, with everything answered and
 * durable; at the end the invariants hold (core/check.h), and with a bit of the first byte the folder is proved as
 * `relief check` does it, opened again and found the same.
 *
 * The log's thread and those of dumps are real. The loop is turned by hand, and between two turns waits for them.
 */
#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>
#include "core/check.h"
#include "engine/state.h"
#include "rpc/session.h"
#include "session.h"

#define PEERS     4u
#define STEPS_MAX 64u
#define WALL      INT64_C(1767225600000) /* 2026-01-01 */
#define REST_S    200                    /* of real time; a dump takes milliseconds, on a busy machine more */

static int64_t now; /* virtual, ms */
static struct rpc *rpc;
static struct net *net;
static struct engine *engine;
static struct session_peer peers[PEERS];
static void (*rpc_turn_end)(void *context);

/* ---- clocks and turns ---- */

static int64_t now_ms(void *context)
{
    (void)context;
    return now;
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return WALL + now;
}

/* net_run ends with this turn. */
static void turn_end(void *context)
{
    rpc_turn_end(context);
    net->done = true;
}

static bool turn(void)
{
    bool any = false;
    now++;
    net_wake(net);
    FUZZ_CHECK(net_run(net) == 0);
    FUZZ_CHECK(rpc_failure(rpc) == 0);
    for (unsigned i = 0; i < PEERS; i++)
        any |= peer_turn(&peers[i]);
    return any;
}

static bool is_busy(void)
{
    bool listening = true;
    for (unsigned i = 0; i < PEERS; i++)
        listening &= peers[i].fd < 0 || !peers[i].deaf;
    if (engine_durable(engine) < engine_applied(engine) || engine_waking(engine) || rpc->held_count ||
        evidence_published(engine_evidence(engine), 0) < engine_durable(engine) || rpc->report_count ||
        rpc->waiting_count || rpc->yielded_count || rpc->streams_due)
        return true;
    /* These wait for a peer that does not read. */
    return listening && (rpc->dump_count || !TAILQ_EMPTY(&net->ready) || !TAILQ_EMPTY(&net->dirty));
}

/* Turns until nothing happens any more. A daemon that never comes to rest has a loop in it. */
static void rest(void)
{
    time_t since = time(NULL);
    for (unsigned quiet = 0; quiet < 2;) {
        bool any = turn();
        if (engine->handed)
            engine_writer_wait(engine->writer);
        else if (is_busy())
            sched_yield();
        quiet = any || is_busy() || engine->handed ? 0 : quiet + 1;
        FUZZ_CHECK(time(NULL) - since < REST_S);
    }
    for (unsigned i = 0; i < PEERS && !rpc->dump_count; i++) /* one that is left is that of a peer that does not read */
        FUZZ_CHECK(peers[i].fd < 0 || peers[i].wild || peers[i].deaf || peers[i].owed_count == 0);
}

/* ---- up and down ---- */

static struct rpc_identity identity(const char *text)
{
    struct rpc_identity parsed;
    FUZZ_CHECK(rpc_identity_parse(&parsed, text) == 0);
    return parsed;
}

static void open_engine(void)
{
    struct engine_report report;
    const struct engine_options options = {.dir = fuzz_path("data"),
                                           .segment_bytes = 64u << 10,
                                           .origin = "fuzz",
                                           .wake = rpc_wake,
                                           .context = rpc,
                                           .wall_ms = wall_ms,
                                           .boot_ms = now_ms,
                                           .turn_looks_max = 64};
    FUZZ_CHECK(engine_open(&engine, &options, &report) == 0);
    FUZZ_CHECK(report.cut == 0 && !report.evidence[0]);
}

/* The one token that there is: SESSION_TOKEN, city b until the second day. */
static void give_token(void)
{
    struct tokens tokens = {.rows = calloc(1, sizeof *tokens.rows), .count = 1};
    FUZZ_CHECK(tokens.rows);
    *tokens.rows = (struct token){.identity = identity("city:b"), .name = "one", .until = WALL + RELIEF_DAY_MS};
    crypto_generichash(tokens.rows->hash, TOKEN_HASH_BYTES, (const uint8_t *)SESSION_TOKEN, sizeof SESSION_TOKEN - 1,
                       NULL, 0);
    rpc_use_tokens(rpc, &tokens);
}

static void open_all(void)
{
    const struct rpc_identity listeners[] = {{.known = false},          identity("local"),      identity("city:a"),
                                             identity("city:b"),        identity("auditor"),    identity("operator"),
                                             identity("coordinator:b"), identity("coordinator")};
    const struct rpc_options options = {.listeners = listeners, .listener_count = 8};
    const struct net_options net_options = {.now_ms = now_ms};
    now = 1000;
    fuzz_folder_clear();
    FUZZ_CHECK(rpc_open(&rpc, &options) == 0);
    struct net_handlers handlers = *rpc_handlers(rpc);
    rpc_turn_end = handlers.turn_end;
    handlers.turn_end = turn_end;
    FUZZ_CHECK(net_open(&net, &net_options, &handlers) == 0);
    open_engine();
    FUZZ_CHECK(rpc_attach(rpc, engine, net) == 0);
    give_token();
}

static void broken(void *context, int invariant, const char *what)
{
    (void)context;
    dprintf(2, "invariant %d: %s\n", invariant, what);
}

/* Without the peers: what waited for them is gone, and the state alone is looked at. */
static void close_all(bool prove)
{
    struct engine_report report;
    uint64_t seq;
    for (unsigned i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
    rest();
    seq = engine_applied(engine);
    FUZZ_CHECK(rpc->session_count == 0 && net_stats(net).open == 0);
    FUZZ_CHECK(core_check(engine_core(engine), engine_now(engine), true, broken, NULL) == 0);
    rpc_detach(rpc);
    net_close(net);
    FUZZ_CHECK(engine_close(engine) == 0);
    if (prove) {
        FUZZ_CHECK(engine_check(fuzz_path("data"), broken, NULL, &report) == 0);
        open_engine();
        FUZZ_CHECK(engine_applied(engine) >= seq && engine_close(engine) == 0);
    }
    rpc_close(rpc);
}

/* ---- a small world ---- */

static void put(unsigned method, void *params)
{
    static const struct core_identity local = {.name = {"local", 5}, .role = RELIEF_role_local};
    const struct relief_method_info *info = relief_method_by_number(method);
    struct relief_refusal refusal;
    struct engine_answer answer;
    FUZZ_CHECK(relief_params_check(info->params, params, &refusal) == 0);
    FUZZ_CHECK(engine_command(engine, &local, method, params, &answer) == 0);
}

#define PUT(noun_verb, ...)                                                                                            \
    do {                                                                                                               \
        struct relief_##noun_verb##_params params, *p = &params;                                                       \
        relief_shape_clear(relief_method_by_number(RELIEF_METHOD_##noun_verb)->params, p);                             \
        __VA_ARGS__;                                                                                                   \
        put(RELIEF_METHOD_##noun_verb, p);                                                                             \
    } while (0)
#define TEXT(literal) ((struct relief_str)RELIEF_STR(literal))

/* Regions a and b in it; cities a, b, c within hours; kinds a (supplies), b (a team), c (lent, with b); some of each.
 */
static void make_world(void)
{
    static const struct relief_str ids[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    engine_turn(engine);
    PUT(region_put, p->id = p->name = ids[0], p->agreement = RELIEF_commit_auto);
    PUT(region_put, p->id = p->name = ids[1], p->parent = ids[0], p->agreement = RELIEF_commit_ask);
    for (int i = 0; i < 3; i++) {
        PUT(city_put, p->code = p->name = ids[i], p->region = ids[i > 0], p->lat = 30000000 + i * 200000,
            p->lon = 114000000);
        PUT(kind_put, p->code = p->name = p->unit = ids[i],
            p->class_ = i == 0   ? RELIEF_class_supply
                        : i == 1 ? RELIEF_class_team
                                 : RELIEF_class_equipment);
    }
    for (int i = 0; i < 3; i++)
        PUT(stock_receive, p->city = ids[i], p->kind = ids[0], p->quantity = 20 << i);
    PUT(stock_floor, p->city = ids[1], p->kind = ids[0], p->floor = 5);
    PUT(asset_put, p->id = ids[0], p->kind = ids[1], p->city = ids[1]);
    PUT(asset_put, p->id = ids[1], p->kind = ids[2], p->city = ids[2]);
    PUT(link_put, p->from = ids[0], p->to = ids[1], p->minutes = 30, p->both = 1);
}

/* ---- steps ---- */

static void request(struct session_peer *peer, struct fuzz_input *input)
{
    static struct relief_buf params;
    const struct relief_method_info *method = &relief_methods[fuzz_byte(input) % relief_method_count];
    relief_buf_clear(&params);
    session_params(&params, method->params, input, WALL + now);
    peer_request(peer, method, (struct relief_str){params.data, (uint32_t)params.len});
    if (method->number == RELIEF_METHOD_snapshot_backup || method->number == RELIEF_METHOD_snapshot_dump)
        peer->deaf = false; /* else its thread holds a transaction until time has passed that is not ours */
}

/* The frame arrives in two pieces, with a turn between them. */
static void pieces(struct session_peer *peer, struct fuzz_input *input)
{
    size_t whole, some = fuzz_byte(input);
    request(peer, input);
    whole = peer->out.len;
    peer->out.len = peer->out_at + (some < whole - peer->out_at ? some : whole - peer->out_at);
    some = peer->out.len;
    if (some == peer->out_at || some == whole) {
        peer->out.len = whole;
        return;
    }
    /* peer_turn clears a buffer that is wholly written: the rest is put behind it again. */
    struct relief_buf rest_of = RELIEF_BUF_INIT;
    relief_buf_add(&rest_of, peer->out.data + some, whole - some);
    turn();
    relief_buf_add(&peer->out, rest_of.data, rest_of.len);
    relief_buf_deinit(&rest_of);
}

static void pass_time(struct fuzz_input *input)
{
    static const int64_t spans[] = {1,
                                    1000,
                                    RELIEF_FRAME_INCOMPLETE_MS,
                                    RELIEF_PEER_STUCK_MS + 1000,
                                    10 * RELIEF_MINUTE_MS,
                                    RELIEF_ANSWER_MINUTES * RELIEF_MINUTE_MS,
                                    RELIEF_DAY_MS,
                                    9 * RELIEF_DAY_MS};
    unsigned span = fuzz_byte(input) & 7;
    for (unsigned i = 0; i < PEERS && span > 1; i++) {
        if (peers[i].deaf || peers[i].wild)
            peers[i].may_end = true; /* it may be stuck, or in the middle of a frame */
    }
    now += spans[span];
}

static void step(uint8_t what, struct fuzz_input *input)
{
    unsigned number = what >> 3 & 3;
    struct session_peer *peer = &peers[number];
    if (peer->fd < 0)
        peer_open(peer, net, engine, fuzz_byte(input) & 7);
    peer->deaf = false;
    switch (what & 7) {
    case 0:
        if (!peer->shut)
            peer_bytes(peer, fuzz_take(input, fuzz_byte(input)));
        break;
    case 1:
        if (!peer->shut)
            pieces(peer, input);
        break;
    case 2:
        pass_time(input);
        break;
    case 3:
        if (what & 0x40)
            peer->shut = true;
        else
            peer_close(peer);
        break;
    default:
        if (!peer->shut)
            request(peer, input);
        break;
    }
    peer->deaf = what & 0x40 && peer->fd >= 0 && !rpc->dump_count;
    if (!(what & 0x20))
        rest();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    uint8_t first = fuzz_byte(&input);
    if (size > 4096)
        return 0;
    for (unsigned i = 0; i < PEERS; i++)
        peers[i].fd = -1;
    open_all();
    if (!(first & 1))
        make_world();
    for (unsigned i = 0; i < STEPS_MAX && input.at < input.end; i++)
        step(fuzz_byte(&input), &input);
    for (unsigned i = 0; i < PEERS; i++)
        peers[i].deaf = false;
    rest();
    close_all(first & 2);
    return 0;
}
