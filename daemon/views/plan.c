/*
 * The worker of plan.allocate and plan.rebalance. It copies what concerns the plan out of a snapshot into a state of
 * its own (core/plan.h), solves kind by kind (plan_solve.h), makes the legs there by the matcher's rules, and packs the
 * body. A solved unit for which no leg can be made (a share that two pairs of a donor have in common, a certificate)
 * is looked for again in the next round among what is left; so a plan never has a leg that can't be made.
 */
#include "views/plan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "views/plan_solve.h"
#include "views/stream.h"

/* A plan being made, in a state of its own. */
struct making {
    const struct views_plan_make *make;
    struct core core;
    struct core_plan plan;
    int64_t solve_from_ms, solve_until_ms, solving_until_ms; /* of this kind, of all */
    int64_t told_ms;
    int told;     /* what `tell` said */
    bool stopped; /* the time of this kind was up */
    int64_t gap_permille;
    struct relief_refusal *refusal;
};

struct views_plan {
    struct views_plan_options options;
    struct relief_arena texts; /* the scope's */
    struct views_stream *stream;
    struct relief_refusal refusal; /* the worker's own, until it has ended */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_over(void *context)
{
    const struct making *work = context;
    return work->make->over && work->make->over(work->make->context);
}

static int tell(struct making *work, const char *stage, uint32_t done, uint32_t of)
{
    work->told_ms = now_ms();
    if (work->told == 0 && work->make->tell)
        work->told = work->make->tell(work->make->context, stage, done, of);
    return work->told;
}

/* Within a kind, not too often. */
static int tell_requests(void *context, uint32_t done, uint32_t of)
{
    struct making *work = context;
    return now_ms() - work->told_ms >= work->make->tell_ms ? tell(work, "requests", done, of) : 0;
}

/* The solvers ask this all the time. */
static bool is_enough(void *context)
{
    struct making *work = context;
    const int64_t now = now_ms();
    if (now - work->told_ms >= work->make->tell_ms)
        (void)tell(work, "solving", (uint32_t)((now - work->solve_from_ms) / 1000),
                   (uint32_t)((work->solve_until_ms - work->solve_from_ms + 999) / 1000));
    return now >= work->solve_until_ms || work->told || is_over(context);
}

/* A kind has its part of the time that is left for all; what it does not take is the others'. */
static void set_time(struct making *work, uint32_t kinds)
{
    work->solve_from_ms = now_ms();
    int64_t part = (work->solving_until_ms - work->solve_from_ms) / kinds;
    part = part > 0 ? part : 0; /* the time of all is up */
    work->solve_until_ms = work->solve_from_ms + (part < work->make->solve_ms ? part : work->make->solve_ms);
}

/* ---- one kind ---- */

/* Makes the legs. *ret_short: some are shorter than they were solved. */
static void give(struct making *work, const struct core_plan_kind *kind, const int64_t *units, bool *ret_short)
{
    *ret_short = false;
    for (uint32_t i = 0; i < kind->pair_count; i++)
        if (units[i] > 0 && core_plan_give(&work->plan, kind, &kind->pairs[i], units[i]) < units[i])
            *ret_short = true;
}

static int solve_once(struct making *work, uint32_t index, uint32_t which, int64_t policy, bool *ret_again)
{
    struct core_plan_kind kind;
    int result = core_plan_kind(&work->plan, index, which, &kind, work->refusal);
    if (result || kind.pair_count == 0) {
        *ret_again = false;
        return result;
    }
    int64_t *lives = calloc(kind.pair_count, sizeof *lives), *units = calloc(kind.pair_count, sizeof *units);
    struct views_solve solve = {.kind = &kind,
                                .takers = work->plan.takers,
                                .lives = lives,
                                .policy = policy,
                                .rebalance = work->plan.scope.rebalance,
                                .stop = is_enough,
                                .over = is_over,
                                .context = work,
                                .ret_units = units};
    result = lives && units ? 0 : -ENOMEM;
    for (uint32_t i = 0; result == 0 && i < kind.pair_count; i++) {
        lives[i] = core_plan_lives(&work->plan, &kind, &kind.pairs[i]);
        result = i % 256 == 0 && is_over(work) ? -ETIME : 0;
    }
    if (result == 0)
        result = views_plan_solve(&solve);
    if (result == 0)
        result = work->told;
    if (result == 0) {
        give(work, &kind, units, ret_again);
        work->stopped = solve.ret_gap_permille > 0;
        if (solve.ret_gap_permille > work->gap_permille)
            work->gap_permille = solve.ret_gap_permille;
    }
    free(lives);
    free(units);
    return result;
}

static int solve_kind(struct making *work, uint32_t index, uint32_t which)
{
    const int64_t policy = work->plan.scope.policy;
    bool again = true;
    int result = 0;
    set_time(work, work->plan.kind_count - index);
    for (unsigned round = 0; result == 0 && again && round < VIEWS_PLAN_ROUNDS && !work->stopped; round++)
        result = solve_once(work, index, which, policy, &again);
    if (result == 0 && work->stopped) /* what the best so far leaves with the donors is better given than kept */
        result = solve_once(work, index, which, RELIEF_policy_nearest, &again);
    work->stopped = false;
    if (result == -EINVAL)
        result = relief_refuse(work->refusal, RELIEF_TOO_MANY,
                               "the quantities are too large to be planned exactly: name fewer requests");
    return result;
}

/* The matcher itself does not say who else was looked at. Of too many pairs nobody does. */
static int find_reasons(struct making *work, uint32_t index)
{
    struct core_plan_kind kind;
    struct relief_refusal refusal;
    int result = core_plan_kind(&work->plan, index, 0, &kind, &refusal);
    return result == RELIEF_TOO_MANY ? 0 : result;
}

/* ---- the whole ---- */

static int match_all(struct making *work)
{
    struct core_plan *plan = &work->plan;
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < plan->kind_count; i++) {
        result = tell(work, "kinds", i, plan->kind_count);
        if (result == 0)
            result = find_reasons(work, i);
    }
    for (uint32_t i = 0; result == 0 && i < plan->taker_count; i++) {
        core_plan_match(plan, i);
        result = i % 64 == 0 && is_over(work) ? -ETIME : 0;
    }
    return result;
}

/* Substitutes come when every request had its chance of the kind that it asked for. */
static int solve(struct making *work)
{
    struct core_plan *plan = &work->plan;
    int result = 0;
    if (!plan->scope.rebalance && plan->scope.policy == RELIEF_policy_nearest)
        return match_all(work);
    for (uint32_t i = 0; result == 0 && i < plan->kind_count; i++) {
        result = tell(work, "kinds", i, plan->kind_count);
        if (result == 0)
            result = solve_kind(work, i, 0);
    }
    for (uint32_t i = 0; result == 0 && !plan->scope.rebalance && i < plan->kind_count; i++) {
        uint32_t substitutes = core_plan_substitutes(plan, i);
        for (uint32_t which = 1; result == 0 && which <= substitutes; which++)
            result = solve_kind(work, i, which);
    }
    return result;
}

static int pack(struct making *work, struct relief_buf *ret)
{
    struct relief_plan body;
    char digest[65];
    int result = core_plan_body(&work->plan, &body, work->refusal);
    if (result)
        return result;
    body.seq = (int64_t)work->make->seq;
    body.gap_permille = work->gap_permille;
    result = core_plan_digest(&body, &work->plan.arena, digest);
    if (result)
        return result;
    body.digest = relief_str_of(digest);
    relief_pack_record(ret, &relief_shape_plan, &body, 0);
    if (ret->failed)
        return -ENOMEM;
    if (ret->len > work->make->bytes_max)
        return relief_refuse(work->refusal, RELIEF_TOO_MANY,
                             "the plan has %u legs and does not fit in a message: name a region or kinds",
                             body.legs.count);
    return 0;
}

int views_plan_make(const struct views_plan_make *make, struct relief_buf *ret, struct relief_refusal *refusal)
{
    struct making work = {.make = make, .refusal = refusal, .solving_until_ms = now_ms() + VIEWS_PLAN_SOLVING_MS};
    struct store *store = NULL;
    int result = store_open(&store, &(struct store_options){.dir = NULL});
    if (result)
        return result;
    result = core_init(&work.core, store_view(store));
    if (result)
        goto out_store;
    result = tell(&work, "reading", 0, 1);
    if (result)
        goto out_core;
    work.plan.stop = is_over;
    work.plan.tell = tell_requests;
    work.plan.context = &work;
    work.plan.arena_bytes = make->arena_bytes;
    result = core_plan_open(&work.plan, &work.core, make->from, make->now, make->scope, refusal);
    if (result)
        goto out_core;
    result = solve(&work);
    if (result == 0)
        result = pack(&work, ret);
    core_plan_close(&work.plan);
out_core:
    core_deinit(&work.core);
out_store:
    store_close(store);
    return result;
}

/* ---- the worker ---- */

static bool stream_over(void *context)
{
    return views_stream_over(((struct views_plan *)context)->stream) != 0;
}

static int put(struct views_plan *work, struct relief_buf *message)
{
    int result = message->failed ? -ENOMEM : views_stream_put(work->stream, message);
    if (result)
        relief_buf_deinit(message);
    return result;
}

static int stream_tell(void *context, const char *stage, uint32_t done, uint32_t of)
{
    struct relief_buf message = RELIEF_BUF_INIT;
    relief_pack_map(&message, 3);
    relief_pack_text(&message, "stage");
    relief_pack_text(&message, stage);
    relief_pack_text(&message, "done");
    relief_pack_int(&message, done);
    relief_pack_text(&message, "total");
    relief_pack_int(&message, of);
    return put(context, &message);
}

static int compute(struct views_stream *stream, void *context)
{
    struct views_plan *work = context;
    struct store_snapshot *snapshot = NULL;
    struct store_mark mark;
    struct relief_buf body = RELIEF_BUF_INIT;
    (void)stream;                                    /* work->stream: set before this thread was there */
    setpriority(PRIO_PROCESS, 0, VIEWS_STREAM_NICE); /* of this thread; without it the plan is only less polite */
    int result = store_snapshot_open(&snapshot, work->options.store, &mark);
    if (result)
        return result;
    const struct views_plan_make make = {.from = store_snapshot_view(snapshot),
                                         .seq = mark.seq,
                                         .now = work->options.now,
                                         .scope = &work->options.scope,
                                         .bytes_max = work->options.bytes_max,
                                         .solve_ms = VIEWS_PLAN_SOLVE_MS,
                                         .tell_ms = VIEWS_PLAN_TELL_MS,
                                         .over = stream_over,
                                         .tell = stream_tell,
                                         .context = work};
    result = views_plan_make(&make, &body, &work->refusal);
    store_snapshot_close(snapshot);
    if (result == 0)
        return put(work, &body);
    relief_buf_deinit(&body);
    return result > 0 ? -EDOM : result; /* a refusal: work->refusal has it */
}

/* ---- the loop's ---- */

static int copy_ids(struct relief_arena *arena, struct relief_list *ids)
{
    const struct relief_str *from = ids->items;
    struct relief_str *to = relief_arena_alloc(arena, ids->count * sizeof *to + 1);
    for (uint32_t i = 0; to && i < ids->count; i++)
        to[i] = relief_arena_str(arena, from[i]);
    ids->items = to;
    return to ? 0 : -ENOMEM;
}

int views_plan_start(struct views_plan **ret, const struct views_plan_options *options)
{
    struct views_plan *work = calloc(1, sizeof *work);
    int result;
    if (!work)
        return -ENOMEM;
    work->options = *options;
    struct core_plan_scope *scope = &work->options.scope;
    result = relief_arena_init(&work->texts, 16u << 20);
    if (result == 0)
        result = copy_ids(&work->texts, &scope->requests);
    if (result == 0)
        result = copy_ids(&work->texts, &scope->kinds);
    if (result == 0) {
        scope->incident = relief_arena_str(&work->texts, scope->incident);
        scope->region = relief_arena_str(&work->texts, scope->region);
        scope->within = relief_arena_str(&work->texts, scope->within);
        result = work->texts.spent ? -ENOMEM
                                   : views_stream_start(&work->stream, &(struct views_stream_options){
                                                                           .work = compute,
                                                                           .context = work,
                                                                           .ms_max = VIEWS_PLAN_MS_MAX,
                                                                           .wake = options->wake,
                                                                           .wake_context = options->context,
                                                                       });
    }
    if (result) {
        relief_arena_deinit(&work->texts);
        free(work);
        return result;
    }
    *ret = work;
    return 0;
}

int views_plan_take(struct views_plan *work, struct relief_buf *ret, struct relief_refusal *refusal)
{
    int result = views_stream_take(work->stream, ret);
    if (result == 1) /* a body is a map of more than 15 pairs, progress one of 3 */
        return ret->len && (uint8_t)ret->data[0] == 0x83 ? 2 : 1;
    if (result == -EDOM) {
        *refusal = work->refusal;
        return 16 + (int)refusal->code;
    }
    return result;
}

void views_plan_free(struct views_plan *work)
{
    if (!work)
        return;
    views_stream_free(work->stream);
    relief_arena_deinit(&work->texts);
    free(work);
}
