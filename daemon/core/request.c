/*
 * The life of a request: submit, amend, cancel, close, expire (fine print 33 to 44). Repeated ids never get here; the
 * engine answers them from the log.
 */
#include "core/sight.h"
#include "core/work.h"
#include <assert.h>

/* ---- submit ---- */

static int check_submit(struct core_work *work, const struct relief_request_submit_params *params,
                        struct relief_city *ret_city)
{
    struct relief_kind kind;
    struct relief_incident incident = {.id = params->incident};
    int error;
    if (!work_city(work, params->city, ret_city))
        return work_not_found(work, "city", params->city);
    if (!work_kind(work, params->kind, &kind))
        return work_not_found(work, "kind", params->kind);
    if (params->incident.data && !work_find(work, RELIEF_TABLE_incident, &incident))
        return work_not_found(work, "incident", params->incident);
    error = rights_place(work, ret_city);
    if (!error && work->entry->who.role == RELIEF_role_city && params->max_level == 3 &&
        match_level_max(RELIEF_NIL, params->priority, ret_city->mode) < 3)
        error = work_denied(work, "level 3 takes emergency mode, priority 1 or a coordinator");
    if (!error && params->incident.data && incident.state == RELIEF_incident_state_closed)
        error = work_bad_state(work, "closed", "the incident is closed");
    if (!error && params->needed_by != RELIEF_NIL && params->needed_by <= work->now)
        error = work_bad_params(work, "needed_by", "that moment has passed");
    return error;
}

static void fill_request(struct core_work *work, const struct relief_request_submit_params *params,
                         struct relief_request *ret)
{
    struct relief_list none = {work_alloc(work, 1), 0, 1};
    *ret = (struct relief_request){.id = params->id,
                                   .city = params->city,
                                   .kind = params->kind,
                                   .quantity = params->quantity,
                                   .priority = params->priority,
                                   .needed_by = params->needed_by,
                                   .incident = params->incident,
                                   .state = RELIEF_request_state_open,
                                   .open = params->quantity,
                                   .submitted = work->now,
                                   .dispatches = none,
                                   .own_first = params->own_first,
                                   .max_level = params->max_level,
                                   .substitutes = params->substitutes,
                                   .min_level = params->min_level,
                                   .all_or_nothing = params->all_or_nothing,
                                   .purpose = params->purpose,
                                   .excluded = none,
                                   .identity = work->entry->who.name,
                                   .entry = (int64_t)work->entry->seq};
}

/* What the submitter may see of them: the log keeps the answer as it was given, whatever is shared when it is repeated.
 */
static void answer_candidates(struct core_work *work, const struct match *match)
{
    struct core_sight sight;
    core_sight_start(&sight, work->view, work->arena, &work->entry->who);
    for (uint32_t i = 0; i < match->candidate_count; i++)
        core_sight_candidate(&sight, &match->candidates[i]);
    work->fx->candidates = (struct relief_list){match->candidates ? (void *)match->candidates : work_alloc(work, 1),
                                                match->candidate_count, 1};
}

int core_apply_request_submit(struct core_work *work, const struct relief_request_submit_params *params)
{
    struct relief_city city;
    struct relief_request request;
    struct need need;
    struct match match = {.explain = params->explain == 1};
    int error = check_submit(work, params, &city);
    if (error)
        return error;
    fill_request(work, params, &request);
    match_need(work, &request, &need);
    match_plan(work, &need, &match);
    if (request.all_or_nothing && match.open > 0) {
        error = relief_refuse(&work->fx->refusal, RELIEF_UNFILLABLE, "only a part could be covered now");
        work->fx->refusal.available = request.quantity - match.open;
        return error;
    }
    for (uint32_t i = 0; i < match.count; i++)
        leg_make(work, &request, &match.legs[i]);
    leg_request_put(work, &request);
    if (params->explain == 1)
        answer_candidates(work, &match);
    work_answer_record(work, RELIEF_TABLE_request, &request);
    work->wake.request = RELIEF_STR_NONE;
    return 0;
}

/* ---- what the others share ---- */

static int find_own(struct core_work *work, struct relief_str id, struct relief_request *ret)
{
    if (!work_request(work, id, ret))
        return work_not_found(work, "id", id);
    return rights_city(work, ret->city);
}

static int check_live(struct core_work *work, const struct relief_request *request)
{
    if (request_live(request))
        return 0;
    return work_bad_state(work, relief_enum_request_state.names[request->state], "the request is closed");
}

/* Ends all legs in that state; the request may be live or closed already. */
static void withdraw_all(struct core_work *work, struct relief_request *request, int64_t from, int64_t to,
                         struct relief_str reason)
{
    struct relief_dispatch *legs = request_legs(work, request);
    for (uint32_t i = 0; i < request->dispatches.count; i++)
        if (legs[i].state == from)
            leg_withdraw(work, request, &legs[i], to, reason, to == RELIEF_dispatch_state_lapsed);
}

static void give_up_open(struct relief_request *request, int64_t state)
{
    request->state = state;
    request->shortfall += request->open;
    request->open = 0;
}

static int finish(struct core_work *work, struct relief_request *request)
{
    leg_request_put(work, request);
    work_answer_record(work, RELIEF_TABLE_request, request);
    return 0;
}

/* ---- cancel, close ---- */

int core_apply_request_cancel(struct core_work *work, const struct relief_request_cancel_params *params)
{
    struct relief_request request;
    int error = find_own(work, params->id, &request);
    if (!error)
        error = check_live(work, &request);
    if (error)
        return error;
    give_up_open(&request, RELIEF_request_state_cancelled);
    request.reason = params->reason;
    withdraw_all(work, &request, RELIEF_dispatch_state_asked, RELIEF_dispatch_state_cancelled, params->reason);
    withdraw_all(work, &request, RELIEF_dispatch_state_committed, RELIEF_dispatch_state_cancelled, params->reason);
    return finish(work, &request);
}

int core_apply_request_close(struct core_work *work, const struct relief_request_close_params *params)
{
    struct relief_request request;
    int error = find_own(work, params->id, &request);
    if (!error)
        error = check_live(work, &request);
    if (!error && request.open == 0 && request.asked == 0)
        error = work_bad_state(work, relief_enum_request_state.names[request.state], "nothing is open or asked");
    if (error)
        return error;
    give_up_open(&request, RELIEF_request_state_closed_short);
    request.reason = params->reason;
    withdraw_all(work, &request, RELIEF_dispatch_state_asked, RELIEF_dispatch_state_cancelled, params->reason);
    return finish(work, &request);
}

/* ---- amend ---- */

/* A coordinator over the city changes level and priority only; a city reaches level 3 only where submit would let it.
 */
static int check_amend_rights(struct core_work *work, const struct relief_request *request,
                              const struct relief_request_amend_params *params)
{
    struct relief_city city;
    int64_t priority = params->priority == RELIEF_NIL ? request->priority : params->priority;
    int error;
    bool there = work_city(work, request->city, &city);
    assert(there);
    (void)there;
    error = rights_place(work, &city);
    if (error)
        return error;
    if (work->entry->who.role == RELIEF_role_coordinator &&
        (params->quantity != RELIEF_NIL || params->needed_by != RELIEF_NIL))
        return work_denied(work, "a coordinator amends max_level and priority only");
    if (work->entry->who.role == RELIEF_role_city && params->max_level == 3 &&
        match_level_max(RELIEF_NIL, priority, city.mode) < 3)
        return work_denied(work, "level 3 takes emergency mode, priority 1 or a coordinator");
    return 0;
}

/* What can't be taken back: committed, moving and received. */
static int64_t bound_units(struct core_work *work, const struct relief_request *request)
{
    const struct relief_dispatch *legs = request_legs(work, request);
    int64_t sum = 0;
    for (uint32_t i = 0; i < request->dispatches.count; i++)
        if (legs[i].state != RELIEF_dispatch_state_asked)
            sum += legs[i].covers;
    return sum;
}

/* Gives back the last units of an asked leg: whole packs. */
static void cut_leg(struct core_work *work, struct relief_request *request, struct relief_dispatch *leg, int64_t packs)
{
    leg_book(work, leg, RELIEF_asset_use_held, RELIEF_asset_use_free);
    leg_keep(work, leg, leg->quantity - packs * leg->give);
    leg_book(work, leg, RELIEF_asset_use_free, RELIEF_asset_use_held);
    leg->covers -= packs * leg->for_;
    leg_uncover(request, packs * leg->for_);
    request->asked -= packs * leg->for_;
    work_put(work, RELIEF_TABLE_dispatch, leg);
    wake_pair(work, leg->donor, leg->kind);
}

/* Takes asked legs back, from the last one, until the request covers no more than quantity. */
static void cut_asked(struct core_work *work, struct relief_request *request, int64_t quantity)
{
    struct relief_dispatch *legs = request_legs(work, request);
    for (uint32_t i = request->dispatches.count; i-- > 0 && request->covered > quantity;) {
        struct relief_dispatch *leg = &legs[i];
        int64_t over = request->covered - quantity, packs;
        if (leg->state != RELIEF_dispatch_state_asked)
            continue;
        packs = (over + leg->for_ - 1) / leg->for_;
        if (packs * leg->for_ >= leg->covers)
            leg_withdraw(work, request, leg, RELIEF_dispatch_state_cancelled, RELIEF_STR("the request was lowered"),
                         false);
        else
            cut_leg(work, request, leg, packs);
    }
}

/* Fine print 23, counted from when the leg was asked; never less time than it has, but for needed_by itself. */
static int64_t answer_by(struct core_work *work, const struct relief_dispatch *leg)
{
    struct relief_agreement agreement = {.id = leg->agreement};
    int64_t minutes = RELIEF_ANSWER_MINUTES, by;
    if (leg->agreement.data && work_find(work, RELIEF_TABLE_agreement, &agreement))
        minutes = agreement.answer_minutes;
    by = leg->times.asked + minutes * RELIEF_MINUTE_MS;
    if (by < leg->answer_by)
        by = leg->answer_by;
    return by < leg->depart_by ? by : leg->depart_by;
}

/*
 * Another needed_by moves the times of legs that haven't left. An asked leg that can no longer arrive lapses at once;
 * its donor did nothing wrong, so it isn't excluded. A committed one stays: the goods are promised, and late goods may
 * be better than none. Its depart_by in the past says so, and the requester may cancel it.
 */
static void retime_legs(struct core_work *work, struct relief_request *request)
{
    struct relief_dispatch *legs = request_legs(work, request);
    for (uint32_t i = 0; i < request->dispatches.count; i++) {
        struct relief_dispatch *leg = &legs[i];
        bool asked = leg->state == RELIEF_dispatch_state_asked;
        if (!asked && leg->state != RELIEF_dispatch_state_committed)
            continue;
        leg->depart_by = request->needed_by - leg->minutes * RELIEF_MINUTE_MS;
        if (asked && leg->depart_by < work->now) {
            leg_withdraw(work, request, leg, RELIEF_dispatch_state_lapsed, RELIEF_STR_NONE, false);
            continue;
        }
        if (asked)
            leg->answer_by = answer_by(work, leg);
        work_put(work, RELIEF_TABLE_dispatch, leg);
    }
}

int core_apply_request_amend(struct core_work *work, const struct relief_request_amend_params *params)
{
    struct relief_request request;
    int error;
    if (!work_request(work, params->id, &request))
        return work_not_found(work, "id", params->id);
    error = check_amend_rights(work, &request, params);
    if (!error)
        error = check_live(work, &request);
    if (!error && params->quantity != RELIEF_NIL && params->quantity < bound_units(work, &request))
        error = work_bad_state(work, relief_enum_request_state.names[request.state],
                               "more than that is committed, moving and received; cancel legs first");
    if (!error && params->needed_by != RELIEF_NIL && params->needed_by <= work->now)
        error = work_bad_params(work, "needed_by", "that moment has passed");
    if (error)
        return error;
    if (params->needed_by != RELIEF_NIL) { /* before the cut: legs that can't arrive go first */
        request.needed_by = params->needed_by;
        retime_legs(work, &request);
    }
    if (params->quantity != RELIEF_NIL) {
        cut_asked(work, &request, params->quantity);
        request.quantity = params->quantity;
        request.open = params->quantity - request.covered;
    }
    if (params->priority != RELIEF_NIL)
        request.priority = params->priority;
    if (params->max_level != RELIEF_NIL)
        request.max_level = params->max_level;
    work->wake.request = request.id;
    return finish(work, &request);
}

/* ---- timers ---- */

/* At most 1,024 ops an entry, the oldest first. */
static void drop_ops(struct core_work *work, int64_t before)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    struct relief_op *ops = work_alloc(work, 1024 * sizeof *ops);
    unsigned count = 0;
    core_key_start(&prefix, CORE_KEY_OP_AGE);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (count < 1024 && work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t at = 1;
        int64_t seq = (int64_t)core_key_take_u64(key, &at);
        if (seq >= before)
            break;
        ops[count].seq = seq;
        ops[count].op = work_str(work, core_key_take_str(key, &at));
        ops[count++].identity = work_str(work, core_key_take_str(key, &at));
    }
    for (unsigned i = 0; i < count; i++)
        work_remove(work, RELIEF_TABLE_op, &ops[i]);
}

int core_apply_time_expire(struct core_work *work, const struct relief_time_expire_params *params)
{
    struct relief_request request;
    if (params->ops_before != RELIEF_NIL)
        drop_ops(work, params->ops_before);
    if (!params->request.data || !work_request(work, params->request, &request) || !request_live(&request) ||
        request.needed_by == RELIEF_NIL || request.needed_by > work->now)
        return 0;
    withdraw_all(work, &request, RELIEF_dispatch_state_asked, RELIEF_dispatch_state_lapsed, RELIEF_STR_NONE);
    if (request.open > 0)
        give_up_open(&request, RELIEF_request_state_expired);
    leg_request_put(work, &request);
    return 0;
}
