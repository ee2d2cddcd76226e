/*
 * plan.apply (fine print 57 to 61): the whole plan in one entry, or nothing.
 *
 * A plan comes from outside, and may come from anybody who can compute a digest; so nothing in it is believed. Its
 * digest says that it was not changed by accident, `relies` that the state is what it was computed from. Then its legs
 * are made one after the other by the matcher's own rules, and must come out as the plan says; a leg that can't be made
 * any more (a lot that came too close to its end) makes the plan STALE, and what was put so far is taken back
 * (work_undo).
 */
#include <assert.h>
#include <stdio.h>
#include "core/plan_inside.h"

struct apply {
    struct core_work *work;
    struct relief_plan body;
    struct core_plan_scope scope;
    struct plan_needs needs;
    char digest[65];
    size_t bytes; /* of the legs made */
};

static int stale(struct core_work *work, const char *what, struct relief_str which)
{
    return relief_refuse(&work->fx->refusal, RELIEF_STALE, "%s%s%.*s changed since the plan was computed", what,
                         which.len ? " " : "", (int)which.len, which.data ? which.data : "");
}

/* ---- reading ---- */

static int check_digest(struct apply *apply)
{
    struct core_work *work = apply->work;
    if (core_plan_digest(&apply->body, work->arena, apply->digest) != 0)
        return relief_refuse(&work->fx->refusal, RELIEF_BUSY, "no memory");
    if (!relief_str_eq(apply->body.digest, relief_str_of(apply->digest)))
        return work_bad_params(work, "plan.digest", "the plan is not as it was computed");
    return 0;
}

/* The parts without which it is no plan; numbers and names are looked at where they are used. */
static int check_form(struct apply *apply)
{
    struct core_work *work = apply->work;
    const struct relief_plan *body = &apply->body;
    const struct relief_plan_leg *legs = body->legs.items;
    const struct relief_plan_request *requests = body->requests.items;
    if (!body->legs.present || !body->requests.present || !body->digest.data || !body->relies.data ||
        body->policy == RELIEF_NIL)
        return work_bad_params(work, "plan", "that is not the body of a plan");
    if (body->legs.count > RELIEF_PLAN_LEGS_MAX || body->requests.count > CORE_PLAN_REQUESTS_MAX)
        return relief_refuse(&work->fx->refusal, RELIEF_TOO_MANY, "the plan is too large");
    for (uint32_t i = 0; i < body->legs.count; i++)
        if (!legs[i].donor.data || !legs[i].requester.data || !legs[i].kind.data || legs[i].covers <= 0 ||
            legs[i].quantity <= 0 || (body->goal == RELIEF_NIL) != (legs[i].request.data != NULL))
            return work_bad_params(work, "plan.legs", "a leg lacks a part");
    for (uint32_t i = 0; i < body->requests.count; i++)
        if (!requests[i].city.data || !requests[i].kind.data ||
            (body->goal == RELIEF_NIL) != (requests[i].id.data != NULL))
            return work_bad_params(work, "plan.requests", "a request lacks a part");
    return check_digest(apply);
}

static int read_plan(struct apply *apply, struct relief_str raw)
{
    if (relief_answer_decode_bytes(&relief_shape_plan, raw, apply->work->arena, &apply->body) != 0)
        return work_bad_params(apply->work, "plan", "that is not the body of a plan");
    return check_form(apply);
}

/* ---- does it still stand? ---- */

static void scope_of(struct apply *apply)
{
    const struct relief_plan *body = &apply->body;
    const struct relief_plan_request *requests = body->requests.items;
    struct core_plan_scope *scope = &apply->scope;
    *scope = (struct core_plan_scope){.rebalance = body->goal != RELIEF_NIL,
                                      .region = body->region,
                                      .kinds = body->kinds,
                                      .goal = body->goal,
                                      .max_minutes = body->max_minutes,
                                      .policy = body->policy};
    if (scope->rebalance)
        return;
    struct relief_str *ids = work_alloc(apply->work, (body->requests.count + 1) * sizeof *ids);
    for (uint32_t i = 0; i < body->requests.count; i++)
        ids[i] = requests[i].id;
    scope->requests = (struct relief_list){ids, body->requests.count, 1};
}

/* A rebalancing that names no region asks every city to give, of other roots too. */
static int rights_all_regions(struct core_work *work)
{
    const struct core_identity *who = &work->entry->who;
    return who->role == RELIEF_role_local || (who->role == RELIEF_role_coordinator && !who->region.data)
               ? 0
               : work_denied(work, "a plan of all regions is for a coordinator of all of them");
}

static int check_rights(struct apply *apply)
{
    int error = 0;
    for (uint32_t i = 0; !error && i < apply->needs.count; i++) {
        struct relief_city city;
        if (work_city(apply->work, apply->needs.takers[i].request.city, &city))
            error = rights_coordinator(apply->work, city.region);
    }
    if (!error && apply->scope.rebalance)
        error = apply->scope.region.data ? rights_coordinator(apply->work, apply->scope.region)
                                         : rights_all_regions(apply->work);
    return error;
}

/* The requests as the plan has them, one by one. A plan whose list differs was not computed from this state. */
static int check_requests(struct apply *apply)
{
    const struct relief_plan_request *requests = apply->body.requests.items;
    for (uint32_t i = 0; i < apply->needs.count && i < apply->body.requests.count; i++) {
        const struct core_plan_taker *taker = &apply->needs.takers[i];
        if (!apply->scope.rebalance && !relief_str_eq(taker->request.id, requests[i].id))
            return stale(apply->work, "the priority of a request",
                         RELIEF_STR_NONE); /* they are the same, by their ids */
        if (!relief_str_eq(taker->request.city, requests[i].city) ||
            !relief_str_eq(taker->request.kind, requests[i].kind) ||
            taker->want + taker->coming != requests[i].quantity)
            return apply->scope.rebalance ? stale(apply->work, "the stock of", requests[i].city)
                                          : stale(apply->work, "request", requests[i].id);
    }
    return apply->needs.count == apply->body.requests.count ? 0 : stale(apply->work, "what is needed", RELIEF_STR_NONE);
}

static int check_relies(struct core_work *work, struct relief_str planned, const char *now)
{
    static const char *const parts[PLAN_RELIES_PARTS] = {
        [PLAN_RELIES_REQUESTS] = "a request, its incident or one of its legs",
        [PLAN_RELIES_WAYS] = "a link, a region, a place or mode of a city that asks, or the estimate of travel",
        [PLAN_RELIES_STOCK] = "what a city can give, its floor or mode",
        [PLAN_RELIES_AGREEMENTS] = "an agreement of a city that can give",
    };
    if (planned.len != PLAN_RELIES_PARTS * PLAN_RELIES_DIGITS)
        return work_bad_params(work, "plan.relies", "64 hex digits");
    for (unsigned i = 0; i < PLAN_RELIES_PARTS; i++)
        if (memcmp(planned.data + (size_t)i * PLAN_RELIES_DIGITS, now + (size_t)i * PLAN_RELIES_DIGITS,
                   PLAN_RELIES_DIGITS) != 0)
            return stale(work, parts[i], RELIEF_STR_NONE);
    return 0;
}

static int check_stands(struct apply *apply)
{
    struct core_work *work = apply->work;
    struct relief_refusal *refusal = &work->fx->refusal;
    char relies[65];
    int error;
    scope_of(apply);
    struct relief_region region = {.id = apply->scope.region};
    if (region.id.data && !work_find(work, RELIEF_TABLE_region, &region))
        return work_not_found(work, "region", apply->scope.region);
    error = apply->scope.rebalance ? plan_needs_rebalance(work, &apply->scope, &apply->needs, refusal)
                                   : plan_needs_allocate(work, &apply->scope, &apply->needs, refusal);
    if (error == RELIEF_BAD_STATE)
        return stale(work, "a request", RELIEF_STR_NONE);
    if (!error)
        error = check_rights(apply);
    if (!error)
        error = check_requests(apply);
    if (error)
        return error;
    error = plan_relies(work, &apply->scope, &apply->needs, relies, refusal);
    return error ? error : check_relies(work, apply->body.relies, relies);
}

/* ---- carrying it out ---- */

/* Half of an entry's memory is left to what is matched behind the plan, or to taking it back. */
static int check_room(const struct apply *apply)
{
    const struct relief_arena *arena = apply->work->arena;
    return apply->bytes < RELIEF_PLAN_OUTCOME_BYTES_MAX && arena->used <= arena->bound / 2
               ? 0
               : relief_refuse(&apply->work->fx->refusal, RELIEF_TOO_MANY,
                               "the plan is too large for one entry: name a region or kinds");
}

static int take_back(struct apply *apply, struct relief_request *request)
{
    struct core_work *work = apply->work;
    struct relief_dispatch *legs = request_legs(work, request);
    int error = check_room(apply);
    for (uint32_t i = 0; !error && i < request->dispatches.count; i++) {
        if (!leg_waits(&legs[i]))
            continue;
        leg_withdraw(work, request, &legs[i], RELIEF_dispatch_state_cancelled, RELIEF_STR("planned again"), false);
        error = check_room(apply);
    }
    return error;
}

/* Of a rebalancing: a request for what the plan covers, so that nothing of it stays open (its purpose is the goal). */
static int make_request(struct apply *apply, uint32_t index, int64_t units)
{
    struct core_work *work = apply->work;
    struct relief_request *request = &apply->needs.takers[index].request;
    char *id = work_alloc(work, 48);
    request->id = (struct relief_str){id, (uint32_t)snprintf(id, 48, "plan.%.16s.%u", apply->digest, index + 1)};
    request->quantity = request->open = units;
    request->submitted = work->now;
    request->identity = work->entry->who.name;
    request->entry = (int64_t)work->entry->seq;
    ((struct relief_plan_request *)apply->body.requests.items)[index].id = request->id;
    return check_room(apply);
}

/* Requests by what a leg names them by: their id, or city and kind. */
struct name {
    struct relief_str first, second;
    uint32_t index;
};

static int compare_names(const struct name *a, const struct name *b)
{
    int order = relief_str_cmp(a->first, b->first);
    return order || !a->second.data ? order : relief_str_cmp(a->second, b->second);
}

static bool name_before(const void *a, const void *b)
{
    return compare_names(a, b) < 0;
}

/* For each leg the request that it is for, and units covered of each request. Allocated in the entry's arena. */
static int find_takers(struct apply *apply, uint32_t **ret_taker, int64_t **ret_covered)
{
    struct core_work *work = apply->work;
    const struct relief_plan_leg *legs = apply->body.legs.items;
    const uint32_t count = apply->needs.count;
    const bool rebalance = apply->scope.rebalance;
    struct name *names = work_alloc(work, (count + 1) * sizeof *names);
    uint32_t *taker = work_alloc(work, (apply->body.legs.count + 1) * sizeof *taker);
    int64_t *covered = work_alloc(work, (count + 1) * sizeof *covered);
    for (uint32_t i = 0; i < count; i++) {
        const struct relief_request *request = &apply->needs.takers[i].request;
        names[i] =
            rebalance ? (struct name){request->city, request->kind, i} : (struct name){request->id, RELIEF_STR_NONE, i};
        covered[i] = 0;
    }
    names = work_sort(work, names, count, sizeof *names, name_before);
    for (uint32_t i = 0; i < apply->body.legs.count; i++) {
        struct name name = rebalance ? (struct name){legs[i].requester, legs[i].kind, 0}
                                     : (struct name){legs[i].request, RELIEF_STR_NONE, 0};
        uint32_t low = 0, high = count;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (compare_names(&names[mid], &name) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        if (low == count || compare_names(&names[low], &name) != 0)
            return work_bad_params(work, "plan.legs", "a leg is for no request of the plan");
        taker[i] = names[low].index;
        if (__builtin_add_overflow(covered[taker[i]], legs[i].covers, &covered[taker[i]]))
            return work_bad_params(work, "plan.legs", "more than there can be");
    }
    *ret_taker = taker;
    *ret_covered = covered;
    return 0;
}

static int make_leg(struct apply *apply, struct core_plan_taker *taker, struct relief_plan_leg *leg)
{
    struct core_work *work = apply->work;
    struct match match = {.open = leg->covers};
    struct need need;
    int64_t minutes = 0;
    const struct relief_str *ids;
    match_need(work, &taker->request, &need);
    need.level_max = 3;
    if (leg->covers > taker->request.open || !match_one(work, &need, leg->donor, leg->kind, &match, &minutes) ||
        match.count != 1 || match.legs[0].quantity != leg->quantity || match.legs[0].covers != leg->covers)
        return stale(work, "what can come from", leg->donor);
    leg_make(work, &taker->request, &match.legs[0]);
    ids = taker->request.dispatches.items;
    leg->dispatch = ids[taker->request.dispatches.count - 1];
    leg->request = taker->request.id;
    apply->bytes +=
        512 + match.legs[0].lots.count * 96 + (match.legs[0].assets.count + match.legs[0].operators.count) * 160;
    return check_room(apply);
}

/* The legs in the order of the body, which is that in which the plan made them. */
static int carry_out(struct apply *apply)
{
    struct core_work *work = apply->work;
    struct core_plan_taker *takers = apply->needs.takers;
    struct relief_plan_leg *legs = apply->body.legs.items;
    uint32_t *taker = NULL;
    int64_t *covered = NULL;
    int error = find_takers(apply, &taker, &covered);
    if (error)
        return error;
    assert(taker && covered);
    for (uint32_t i = 0; !error && i < apply->needs.count; i++) {
        if (!apply->scope.rebalance)
            error = take_back(apply, &takers[i].request);
        else if (covered[i])
            error = make_request(apply, i, covered[i]);
    }
    for (uint32_t i = 0; !error && i < apply->body.legs.count; i++)
        error = make_leg(apply, &takers[taker[i]], &legs[i]);
    for (uint32_t i = 0; !error && i < apply->needs.count; i++)
        if (!apply->scope.rebalance || covered[i])
            leg_request_put(work, &takers[i].request);
    return error;
}

int core_apply_plan_apply(struct core_work *work, const struct relief_plan_apply_params *params)
{
    struct apply apply = {.work = work};
    int error = read_plan(&apply, params->plan);
    if (!error)
        error = check_stands(&apply);
    if (error)
        return error;
    work->undoable = true;
    error = carry_out(&apply);
    if (error) {
        work_undo(work);
        return error;
    }
    work->undoable = false;
    /* What the plan leaves open is matched as ever: a state in which it could be is none (DESIGN 4). */
    const struct relief_str *kinds = apply.needs.kinds.items;
    for (uint32_t i = 0; !apply.scope.rebalance && i < apply.needs.kinds.count; i++)
        wake_kind(work, kinds[i]);
    struct relief_plan *answer = work_alloc(work, sizeof *answer);
    *answer = apply.body;
    work_answer(work, &relief_shape_plan, answer);
    return 0;
}
