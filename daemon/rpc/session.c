/*
 * The sessions, and what happens once per turn of the loop: clocks are read at its start, the batch that formed is
 * handed to the log at its end, and when something became durable, answers leave, waiting reads are made and
 * subscriptions go on.
 *
 * Turns matter: everything that waits when a turn starts is applied in it and shares one sync (group commit).
 */
#include "rpc/session.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/notice.h"

/* ---- sessions ---- */

static void *opened(void *context, struct net_conn *conn, const struct net_peer *peer)
{
    struct rpc *rpc = context;
    struct rpc_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->rpc = rpc;
    session->conn = conn;
    rpc_admit(session, peer);
    session->next = rpc->sessions.next;
    session->prev = &rpc->sessions;
    session->next->prev = session;
    rpc->sessions.next = session;
    rpc->session_count++;
    return session;
}

static void closed(void *context)
{
    struct rpc_session *session = context;
    rpc_subscription_free(session);
    rpc_dump_free(session);
    rpc_report_free(session);
    session->rpc->yielded_count -= session->yielded;
    session->rpc->held_count -= session->held;
    if (session->rpc->waker.session == session)
        session->rpc->waker.session = NULL;
    rpc_receipt_free(session);
    if (session->waiting.method)
        session->rpc->waiting_count--;
    session->prev->next = session->next;
    session->next->prev = session->prev;
    session->rpc->session_count--;
    free(session);
}

static void drained(void *context)
{
    struct rpc_session *session = context;
    if (session->subscription)
        rpc_subscription_pump(session);
    if (session->dump)
        rpc_dump_step(session);
}

/* ---- turns ---- */

static void fail(struct rpc *rpc, int error)
{
    if (rpc->failure)
        return;
    rpc->failure = error;
    notice(engine_store_failed(rpc->engine)      ? RELIEF_MESSAGE_STORE_FAILED
           : engine_evidence_failed(rpc->engine) ? RELIEF_MESSAGE_EVIDENCE_FAILED
                                                 : RELIEF_MESSAGE_LOG_FAILED,
           "seq=%llu error=%s", (unsigned long long)engine_durable(rpc->engine), notice_quote(strerror(-error)).text);
    net_fail(rpc->net);
}

/* Answers leave, waiting reads are made, streams go on. */
static void go_on(struct rpc *rpc)
{
    uint64_t durable = engine_durable(rpc->engine);
    net_release(rpc->net, durable);
    stats_released(&rpc->stats, durable, stats_now_us());
    rpc->streams_due = false;
    rpc_reports_go_on(rpc);
    if (!engine_waking(rpc->engine))
        rpc_dispatch_woken(rpc);
    if (!rpc->waiting_count && !rpc->subscription_count && !rpc->dump_count && !rpc->receipt_count &&
        !rpc->yielded_count)
        return;
    uint64_t published = evidence_published(engine_evidence(rpc->engine), 0);
    for (struct rpc_session *session = rpc->sessions.next, *next; session != &rpc->sessions; session = next) {
        next = session->next; /* nothing below frees a session: net calls `closed` from its own turn */
        if (session->yielded) {
            session->yielded = false;
            rpc->yielded_count--;
            net_conn_resume(session->conn);
        }
        if (session->pending)
            rpc_receipt_pump(session, published);
        if (session->waiting.method && session->waiting.until <= (session->waiting.published ? published : durable))
            rpc_dispatch_waiting(session);
        if (session->subscription)
            rpc_subscription_pump(session);
        if (session->dump)
            rpc_dump_step(session);
    }
}

/* What was applied beyond the last durable entry has not happened: nobody is told of it. */
static void take_back(struct rpc *rpc)
{
    uint64_t durable = engine_durable(rpc->engine);
    rpc->undone = engine_undone(rpc->engine);
    net_release(rpc->net, durable);
    net_take_back(rpc->net);
    for (struct rpc_session *session = rpc->sessions.next; session != &rpc->sessions; session = session->next)
        if (session->release > durable || (session->waiting.method && session->waiting.until > durable) ||
            session == rpc->waker.session || rpc_receipt_beyond(session, durable) ||
            rpc_dump_beyond(session, durable) || rpc_report_beyond(session, durable))
            net_conn_finish(session->conn);
    rpc->waker.session = NULL;
    stats_taken_back(&rpc->stats, durable);
}

int rpc_store_lacks(struct rpc *rpc)
{
    return store_shortage(engine_store(rpc->engine)) ? engine_shortage(rpc->engine) : 0;
}

static void watch_shortage(struct rpc *rpc)
{
    int shortage = engine_shortage(rpc->engine);
    if (shortage == rpc->shortage)
        return;
    rpc->shortage = shortage;
    if (shortage)
        notice(RELIEF_MESSAGE_SHORTAGE, "seq=%llu error=%s", (unsigned long long)engine_durable(rpc->engine),
               notice_quote(strerror(-engine_lacks(rpc->engine))).text);
    else
        notice(RELIEF_MESSAGE_SHORTAGE_OVER, "seq=%llu", (unsigned long long)engine_durable(rpc->engine));
}

static void turn_begin(void *context)
{
    struct rpc *rpc = context;
    rpc->turn_us = stats_now_us();
    engine_turn(rpc->engine);
}

static void turn_end(void *context)
{
    struct rpc *rpc = context;
    engine_seal(rpc->engine);
    if (rpc->streams_due || rpc->yielded_count ||
        (!engine_waking(rpc->engine) && (rpc->held_count || rpc->waker.session)))
        net_wake(rpc->net);
}

static void woken(void *context)
{
    struct rpc *rpc = context;
    int error = engine_settle(rpc->engine);
    if (engine_undone(rpc->engine) != rpc->undone)
        take_back(rpc);
    if (error < 0)
        fail(rpc, error);
    watch_shortage(rpc);
    go_on(rpc);
}

static void watch_witnesses(struct rpc *rpc)
{
    struct evidence *evidence = engine_evidence(rpc->engine);
    struct evidence_checkpoint newest;
    struct evidence_witnessed witnessed;
    enum evidence_watch event = evidence_watch(evidence, stats_now_us() / 1000);
    if (event == EVIDENCE_AS_BEFORE)
        return;
    evidence_newest(evidence, &newest, NULL);
    evidence_witnessed(evidence, &witnessed, NULL);
    notice(event == EVIDENCE_WITNESSED ? RELIEF_MESSAGE_WITNESSED : RELIEF_MESSAGE_UNWITNESSED,
           "size=%llu witnessed=%llu", (unsigned long long)newest.size, (unsigned long long)witnessed.size);
}

static void watch_clock(struct rpc *rpc)
{
    static const int messages[] = {[ENGINE_CLOCK_RIGHT] = RELIEF_MESSAGE_CLOCK_RIGHT,
                                   [ENGINE_CLOCK_HELD] = RELIEF_MESSAGE_CLOCK_HELD,
                                   [ENGINE_CLOCK_BEHIND] = RELIEF_MESSAGE_CLOCK_BEHIND};
    int64_t off_ms;
    enum engine_clock_state clock = engine_clock_says(rpc->engine, &off_ms);
    if (clock == rpc->clock)
        return;
    rpc->clock = clock;
    notice((enum relief_message)messages[clock], "off_ms=%lld time=%lld", (long long)off_ms,
           (long long)engine_now(rpc->engine));
}

static int64_t tick(void *context)
{
    struct rpc *rpc = context;
    if (rpc->options.alive)
        rpc->options.alive();
    watch_clock(rpc);
    watch_witnesses(rpc);
    rpc_admit_tick(rpc, engine_now(rpc->engine));
    if (denials_flush(rpc->denials, rpc->turn_us / 1000))
        notice(RELIEF_MESSAGE_DENIALS_FAILED, "data=%s", notice_quote(engine_dir(rpc->engine)).text);
    watch_shortage(rpc);
    return engine_tick(rpc->engine);
}

static bool busy(void *context)
{
    struct rpc *rpc = context;
    return engine_busy(rpc->engine) || engine_turn_spent(rpc->engine);
}

/* ---- life ---- */

static int copy_options(struct rpc *rpc, const struct rpc_options *options)
{
    rpc->options = *options;
    rpc->listeners = calloc(options->listener_count + 1, sizeof *rpc->listeners);
    rpc->mappings = calloc(options->mapping_count + 1, sizeof *rpc->mappings);
    if (!rpc->listeners || !rpc->mappings)
        return -ENOMEM;
    if (options->listener_count)
        memcpy(rpc->listeners, options->listeners, options->listener_count * sizeof *rpc->listeners);
    if (options->mapping_count)
        memcpy(rpc->mappings, options->mappings, options->mapping_count * sizeof *rpc->mappings);
    return 0;
}

int rpc_open(struct rpc **ret, const struct rpc_options *options)
{
    struct rpc *rpc = calloc(1, sizeof *rpc);
    if (!rpc)
        return -ENOMEM;
    pthread_mutex_init(&rpc->net_lock, NULL);
    rpc->sessions.next = rpc->sessions.prev = &rpc->sessions;
    rpc->started_us = rpc->turn_us = stats_now_us();
    rpc->handlers = (struct net_handlers){.context = rpc,
                                          .opened = opened,
                                          .refused = rpc_admit_refused,
                                          .evicted = rpc_admit_evicted,
                                          .reserved = rpc_admit_reserved,
                                          .message = rpc_request_message,
                                          .fault = rpc_request_fault,
                                          .drained = drained,
                                          .closed = closed,
                                          .turn_begin = turn_begin,
                                          .turn_end = turn_end,
                                          .woken = woken,
                                          .tick = tick,
                                          .busy = busy};
    int result = copy_options(rpc, options);
    if (result == 0 && !msgpack_zone_init(&rpc->zone, MSGPACK_ZONE_CHUNK_SIZE))
        result = -ENOMEM;
    if (result == 0)
        result = relief_arena_init(&rpc->arena, RPC_ARENA_BYTES);
    if (result == 0)
        result = relief_arena_init(&rpc->record, RPC_ARENA_BYTES);
    if (result)
        rpc_close(rpc);
    else
        *ret = rpc;
    return result;
}

void rpc_close(struct rpc *rpc)
{
    if (!rpc)
        return;
    assert(rpc->session_count == 0); /* net is closed before */
    if (rpc->zone.chunk_size)
        msgpack_zone_destroy(&rpc->zone);
    relief_arena_deinit(&rpc->arena);
    relief_arena_deinit(&rpc->record);
    relief_buf_deinit(&rpc->out);
    relief_buf_deinit(&rpc->page);
    relief_buf_deinit(&rpc->note);
    relief_buf_deinit(&rpc->waker.answer);
    relief_buf_deinit(&rpc->farewell);
    denials_close(rpc->denials);
    tokens_clear(&rpc->tokens);
    free(rpc->listeners);
    free(rpc->mappings);
    pthread_mutex_destroy(&rpc->net_lock);
    free(rpc);
}

int rpc_attach(struct rpc *rpc, struct engine *engine, struct net *net)
{
    int result = denials_open(&rpc->denials, engine_dir(engine));
    if (result)
        return result;
    pthread_mutex_lock(&rpc->net_lock);
    rpc->engine = engine;
    rpc->net = net;
    pthread_mutex_unlock(&rpc->net_lock);
    net_release(net, engine_durable(engine));
    net_wake(net); /* what the engine's threads said before is looked at in the first turn */
    return 0;
}

void rpc_detach(struct rpc *rpc)
{
    pthread_mutex_lock(&rpc->net_lock);
    rpc->net = NULL;
    pthread_mutex_unlock(&rpc->net_lock);
}

const struct net_handlers *rpc_handlers(struct rpc *rpc)
{
    return &rpc->handlers;
}

void rpc_wake(void *context)
{
    struct rpc *rpc = context;
    pthread_mutex_lock(&rpc->net_lock);
    if (rpc->net)
        net_wake(rpc->net);
    pthread_mutex_unlock(&rpc->net_lock);
}

int rpc_failure(const struct rpc *rpc)
{
    return rpc->failure;
}
