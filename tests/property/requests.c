/*
 * The model's requests: submit, amend, cancel, close, and the timer that expires them (fine print 33 to 45).
 */
#include "model.h"
#include <assert.h>
#include <stdlib.h>

/* The next leg of a request at or after *at, in the order of N. */
static struct relief_dispatch *next_leg(struct model *m, struct relief_str request, unsigned *at)
{
    while (*at < m->dispatch_count) {
        struct relief_dispatch *leg = &m->dispatch[(*at)++];
        if (model_same(leg->request, request))
            return leg;
    }
    return NULL;
}

/* Fine print 33: a city asks for level 3 only in emergency or for saving lives. */
static bool may_level(struct model *m, const struct core_identity *who, struct relief_str city, int64_t priority,
                      int64_t max_level)
{
    return max_level != 3 || who->role != RELIEF_role_city || priority == 1 ||
           model_city(m, city)->mode == RELIEF_mode_emergency;
}

static struct relief_request *draft(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_request_submit_params *p = entry->params;
    struct relief_incident *incident = p->incident.data ? model_incident(m, p->incident) : NULL;
    if (!model_city(m, p->city))
        model_not_found(answer, "city", p->city);
    else if (!model_kind(m, p->kind))
        model_not_found(answer, "kind", p->kind);
    else if (p->incident.data && !incident)
        model_not_found(answer, "incident", p->incident);
    else if (!model_may(m, &entry->who, p->city) || !may_level(m, &entry->who, p->city, p->priority, p->max_level))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (incident && incident->state != RELIEF_incident_state_open)
        model_bad_state(answer, &relief_enum_incident_state, incident->state);
    else if (p->needed_by != RELIEF_NIL && p->needed_by <= entry->time)
        model_refuse(answer, RELIEF_BAD_PARAMS, "needed_by");
    if (answer->code)
        return NULL;
    assert(m->request_count < 16384);
    struct relief_request *request = &m->request[m->request_count++];
    relief_shape_clear(&relief_shape_request, request);
    request->id = p->id;
    request->city = p->city;
    request->kind = p->kind;
    request->quantity = request->open = p->quantity;
    request->priority = p->priority;
    request->needed_by = p->needed_by;
    request->incident = p->incident;
    request->state = RELIEF_request_state_open;
    request->covered = request->received = request->level = request->shortfall = request->asked = 0;
    request->submitted = entry->time;
    request->dispatches = request->excluded = (struct relief_list){.present = 1};
    request->own_first = p->own_first;
    request->max_level = p->max_level;
    request->substitutes = p->substitutes;
    request->min_level = p->min_level;
    request->all_or_nothing = p->all_or_nothing;
    request->purpose = p->purpose;
    request->identity = entry->who.name;
    request->entry = (int64_t)entry->seq;
    return request;
}

struct relief_request *model_draft(struct model *m, const struct core_entry *entry)
{
    struct model_answer answer = {0};
    return draft(m, entry, &answer);
}

void model_bound_save(struct model *m, struct model_bound *ret)
{
    ret->lots = malloc((m->lot_count + 1) * sizeof *ret->lots);
    ret->assets = malloc((m->asset_count + 1) * sizeof *ret->assets);
    assert(ret->lots && ret->assets);
    memcpy(ret->lots, m->lot, m->lot_count * sizeof *ret->lots);
    memcpy(ret->assets, m->asset, m->asset_count * sizeof *ret->assets);
}

void model_bound_restore(struct model *m, const struct model_bound *bound)
{
    memcpy(m->lot, bound->lots, m->lot_count * sizeof *bound->lots);
    memcpy(m->asset, bound->assets, m->asset_count * sizeof *bound->assets);
}

void model_bound_drop(struct model_bound *bound)
{
    free(bound->lots);
    free(bound->assets);
}

static void submit(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    struct relief_request *request = draft(m, entry, answer);
    if (!request)
        return;
    answer->table = RELIEF_TABLE_request;
    answer->record = request;
    if (!request->all_or_nothing)
        return;
    /* Tried on the state itself, taken back when it is not enough. */
    struct model_bound before;
    model_bound_save(m, &before);
    unsigned legs = m->dispatch_count;
    model_scores(m);
    model_match(m, entry->time, request);
    if (request->open) {
        model_bound_restore(m, &before);
        m->dispatch_count = legs;
        m->request_count--;
        model_refuse(answer, RELIEF_UNFILLABLE, NULL);
    }
    model_bound_drop(&before);
}

/* Fine print 43. */
static void cut(struct model *m, int64_t time, struct relief_request *request, int64_t excess)
{
    for (unsigned i = m->dispatch_count; i-- > 0 && excess > 0;) {
        struct relief_dispatch *leg = &m->dispatch[i];
        if (!model_same(leg->request, request->id) || leg->state != RELIEF_dispatch_state_asked)
            continue;
        int64_t packs = leg->quantity / leg->give, away = (excess + leg->for_ - 1) / leg->for_;
        if (away >= packs) {
            excess -= leg->covers;
            model_leg_end(m, leg, RELIEF_dispatch_state_cancelled, time, model_printf(m, "the request was lowered"));
        } else {
            excess -= away * leg->for_;
            model_leg_cut(m, leg, (packs - away) * leg->give);
        }
    }
}

/* Fine print 23, 56: what hasn't left gets its times anew; what is only asked and comes too late lapses. */
static void retime(struct model *m, int64_t time, struct relief_request *request, int64_t needed_by)
{
    struct relief_dispatch *leg;
    request->needed_by = needed_by;
    for (unsigned at = 0; (leg = next_leg(m, request->id, &at));) {
        if (leg->state != RELIEF_dispatch_state_asked && leg->state != RELIEF_dispatch_state_committed)
            continue;
        leg->depart_by = needed_by - leg->minutes * 60000;
        if (leg->state == RELIEF_dispatch_state_committed)
            continue;
        if (time + leg->minutes * 60000 > needed_by) {
            model_leg_end(m, leg, RELIEF_dispatch_state_lapsed, time, RELIEF_STR_NONE);
            continue;
        }
        int64_t by = leg->times.asked + 60 * 60000;
        for (unsigned i = 0; i < m->agreement_count; i++) {
            if (model_same(m->agreement[i].id, leg->agreement))
                by = leg->times.asked + m->agreement[i].answer_minutes * 60000;
        }
        by = by < leg->answer_by ? leg->answer_by : by;
        leg->answer_by = by < leg->depart_by ? by : leg->depart_by;
    }
    model_recount(m, request);
}

static void amend(struct model *m, const struct core_entry *entry, struct relief_request *request,
                  struct model_answer *answer)
{
    const struct relief_request_amend_params *p = entry->params;
    int64_t priority = p->priority == RELIEF_NIL ? request->priority : p->priority, firm = 0;
    struct relief_dispatch *leg;
    for (unsigned at = 0; (leg = next_leg(m, request->id, &at));) {
        if (leg->state != RELIEF_dispatch_state_asked)
            firm += leg->covers;
    }
    bool coordinator = entry->who.role == RELIEF_role_coordinator;
    if ((coordinator && (p->quantity != RELIEF_NIL || p->needed_by != RELIEF_NIL)) ||
        !may_level(m, &entry->who, request->city, priority, p->max_level))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (!model_live(request) || (p->quantity != RELIEF_NIL && p->quantity < firm))
        model_bad_state(answer, &relief_enum_request_state, request->state);
    else if (p->needed_by != RELIEF_NIL && p->needed_by <= entry->time)
        model_refuse(answer, RELIEF_BAD_PARAMS, "needed_by");
    if (answer->code)
        return;
    request->priority = priority;
    if (p->needed_by != RELIEF_NIL)
        retime(m, entry->time, request, p->needed_by);
    if (p->max_level != RELIEF_NIL)
        request->max_level = p->max_level;
    if (p->quantity != RELIEF_NIL) {
        cut(m, entry->time, request, request->covered - p->quantity);
        request->quantity = p->quantity;
    }
}

/* cancel, close: legs in the given states are cancelled, what is open is given up. */
static void give_up(struct model *m, int64_t time, struct relief_request *request, bool committed_too, int state,
                    struct relief_str reason)
{
    struct relief_dispatch *leg;
    for (unsigned at = 0; (leg = next_leg(m, request->id, &at));) {
        if (leg->state == RELIEF_dispatch_state_asked ||
            (committed_too && leg->state == RELIEF_dispatch_state_committed))
            model_leg_end(m, leg, RELIEF_dispatch_state_cancelled, time, reason);
    }
    request->state = state;
    request->reason = reason;
}

static bool has_asked(struct model *m, const struct relief_request *request)
{
    struct relief_dispatch *leg;
    for (unsigned at = 0; (leg = next_leg(m, request->id, &at));) {
        if (leg->state == RELIEF_dispatch_state_asked)
            return true;
    }
    return false;
}

static void expire(struct model *m, const struct core_entry *entry)
{
    const struct relief_time_expire_params *p = entry->params;
    struct relief_request *request = p->request.data ? model_request(m, p->request) : NULL;
    if (!request || !model_live(request) || request->needed_by == RELIEF_NIL || request->needed_by > entry->time)
        return;
    struct relief_dispatch *leg;
    for (unsigned at = 0; (leg = next_leg(m, request->id, &at));) {
        if (leg->state == RELIEF_dispatch_state_asked) {
            model_leg_end(m, leg, RELIEF_dispatch_state_lapsed, entry->time, RELIEF_STR_NONE);
            model_exclude(m, request, leg->donor);
        }
    }
    model_recount(m, request);
    if (model_live(request) && request->open) {
        request->state = RELIEF_request_state_expired;
        model_recount(m, request);
    }
}

static void lapse(struct model *m, const struct core_entry *entry)
{
    const struct relief_time_lapse_params *p = entry->params;
    struct relief_dispatch *leg = model_dispatch(m, p->dispatch);
    if (!leg || leg->state != RELIEF_dispatch_state_asked || leg->answer_by >= entry->time)
        return;
    struct relief_request *request = model_request(m, leg->request);
    model_leg_end(m, leg, RELIEF_dispatch_state_lapsed, entry->time, RELIEF_STR_NONE);
    model_exclude(m, request, leg->donor);
    model_recount(m, request);
}

/*
 * An agreement begins, or passes its `until`, which can let the next one give more; an asset has rested. Everything is
 * matched after every command anyhow; only the marks on the records are set here.
 */
static void wake(struct model *m, const struct core_entry *entry)
{
    const struct relief_time_wake_params *p = entry->params;
    struct relief_agreement *agreement = p->agreement.data ? model_agreement(m, p->agreement) : NULL;
    struct relief_asset *asset = p->asset.data ? model_asset(m, p->asset) : NULL;
    if (asset && asset->rest_until != RELIEF_NIL && asset->rest_until <= entry->time)
        asset->rest_until = RELIEF_NIL;
    if (!agreement)
        return;
    if (agreement->from != RELIEF_NIL && agreement->from <= entry->time)
        agreement->started = true;
    if (agreement->until != RELIEF_NIL && agreement->until <= entry->time && agreement->ended == RELIEF_NIL)
        agreement->ended = agreement->until;
}

void model_apply_request(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    switch (entry->command) {
    case RELIEF_METHOD_request_submit:
        submit(m, entry, answer);
        return;
    case RELIEF_COMMAND_time_expire:
        expire(m, entry);
        return;
    case RELIEF_COMMAND_time_lapse:
        lapse(m, entry);
        return;
    case RELIEF_COMMAND_time_wake:
        wake(m, entry);
        return;
    default:
        break;
    }
    /* The id is the first parameter of all others. */
    struct relief_str id = ((const struct relief_request_amend_params *)entry->params)->id;
    struct relief_request *request = model_request(m, id);
    if (!request) {
        model_not_found(answer, "id", id);
        return;
    }
    if (!model_may(m, &entry->who, request->city)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    if (entry->command == RELIEF_METHOD_request_amend) {
        amend(m, entry, request, answer);
    } else if (!model_live(request) ||
               (entry->command == RELIEF_METHOD_request_close && !request->open && !has_asked(m, request))) {
        model_bad_state(answer, &relief_enum_request_state, request->state);
    } else if (entry->command == RELIEF_METHOD_request_cancel) {
        give_up(m, entry->time, request, true, RELIEF_request_state_cancelled,
                ((const struct relief_request_cancel_params *)entry->params)->reason);
    } else {
        give_up(m, entry->time, request, false, RELIEF_request_state_closed_short,
                ((const struct relief_request_close_params *)entry->params)->reason);
    }
    if (!answer->code) {
        model_recount(m, request);
        answer->table = RELIEF_TABLE_request;
        answer->record = request;
    }
}

int64_t model_next_due(struct model *m)
{
    int64_t due = INT64_MAX;
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        if (m->dispatch[i].state == RELIEF_dispatch_state_asked && m->dispatch[i].answer_by < due)
            due = m->dispatch[i].answer_by + 1; /* at answer_by itself it may still be accepted (fine print 47) */
    }
    for (unsigned i = 0; i < m->request_count; i++) {
        struct relief_request *request = &m->request[i];
        if (model_live(request) && request->needed_by != RELIEF_NIL && request->needed_by < due &&
            (request->open || has_asked(m, request)))
            due = request->needed_by;
    }
    for (unsigned i = 0; i < m->asset_count; i++) {
        if (m->asset[i].rest_until != RELIEF_NIL && m->asset[i].rest_until < due)
            due = m->asset[i].rest_until;
    }
    return due;
}

bool model_knows_due(struct model *m, const struct core_due *due)
{
    if (due->command == RELIEF_COMMAND_time_lapse) {
        struct relief_str id = due->params.lapse.dispatch;
        struct relief_dispatch *leg = model_dispatch(m, model_name(m, id.data, id.len));
        return leg && leg->state == RELIEF_dispatch_state_asked && leg->answer_by == due->time;
    }
    if (due->command == RELIEF_COMMAND_time_expire) {
        struct relief_str id = due->params.expire.request;
        if (!id.data)
            return due->params.expire.ops_before != RELIEF_NIL;
        struct relief_request *request = model_request(m, model_name(m, id.data, id.len));
        return request && model_live(request) && request->needed_by == due->time;
    }
    struct relief_str resting = due->params.wake.asset;
    if (due->command == RELIEF_COMMAND_time_wake && resting.data) {
        struct relief_asset *asset = model_asset(m, model_name(m, resting.data, resting.len));
        return asset && asset->rest_until == due->time;
    }
    struct relief_str id = due->params.wake.agreement;
    if (due->command != RELIEF_COMMAND_time_wake || !id.data)
        return false;
    struct relief_agreement *agreement = model_agreement(m, model_name(m, id.data, id.len));
    return agreement && (agreement->from == due->time || agreement->until == due->time);
}
