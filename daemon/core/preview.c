/*
 * The matcher without consequences: match.preview for a request that does not exist, request.explain for one that does.
 */
#include "core/work.h"

static int refuse_missing(struct relief_refusal *refusal, const char *field, struct relief_str id)
{
    relief_refuse_field(refusal, RELIEF_NOT_FOUND, field, "no %s %.*s", field, (int)id.len, id.data);
    memcpy(refusal->id, id.data, id.len);
    refusal->id[id.len] = 0;
    return RELIEF_NOT_FOUND;
}

static int check_preview(struct core_work *work, const struct relief_match_preview_params *params,
                         struct relief_refusal *refusal)
{
    struct relief_city city;
    struct relief_kind kind;
    struct relief_incident incident = {.id = params->incident};
    if (!work_city(work, params->city, &city))
        return refuse_missing(refusal, "city", params->city);
    if (!work_kind(work, params->kind, &kind))
        return refuse_missing(refusal, "kind", params->kind);
    if (params->incident.data && !work_find(work, RELIEF_TABLE_incident, &incident))
        return refuse_missing(refusal, "incident", params->incident);
    if (params->incident.data && incident.state == RELIEF_incident_state_closed) {
        relief_refuse(refusal, RELIEF_BAD_STATE, "the incident is closed");
        memcpy(refusal->state, "closed", sizeof "closed");
        return RELIEF_BAD_STATE;
    }
    if (params->needed_by != RELIEF_NIL && params->needed_by <= work->now)
        return relief_refuse_field(refusal, RELIEF_BAD_PARAMS, "needed_by", "that moment has passed");
    return 0;
}

static void fill_preview(struct core_work *work, const struct match *match, int64_t quantity, bool explain,
                         struct relief_preview *ret)
{
    struct relief_preview_leg *legs = work_alloc(work, match->count * sizeof *legs);
    for (uint32_t i = 0; i < match->count; i++) {
        const struct plan_leg *leg = &match->legs[i];
        legs[i] = (struct relief_preview_leg){.donor = leg->donor,
                                              .kind = leg->kind,
                                              .quantity = leg->quantity,
                                              .covers = leg->covers,
                                              .level = leg->level,
                                              .minutes = leg->minutes,
                                              .commit = leg->commit,
                                              .lots = leg->lots,
                                              .assets = leg->assets,
                                              .operators = leg->operators};
        legs[i].assets.present = legs[i].operators.present = 1;
    }
    *ret = (struct relief_preview){.quantity = quantity,
                                   .covered = quantity - match->open,
                                   .open = match->open,
                                   .legs = {legs, match->count, 1},
                                   .candidates = {match->candidates, match->candidate_count, explain}};
}

int core_preview(struct core *core, int64_t time, const struct core_identity *who,
                 const struct relief_match_preview_params *params, struct relief_arena *arena,
                 struct relief_preview *ret, struct relief_refusal *refusal)
{
    struct core_work work = {.core = core, .view = core->view, .arena = arena, .now = time};
    struct relief_request request = {.id = params->id,
                                     .city = params->city,
                                     .kind = params->kind,
                                     .quantity = params->quantity,
                                     .priority = params->priority,
                                     .needed_by = params->needed_by,
                                     .incident = params->incident,
                                     .open = params->quantity,
                                     .own_first = params->own_first,
                                     .max_level = params->max_level,
                                     .substitutes = params->substitutes,
                                     .min_level = params->min_level,
                                     .purpose = params->purpose};
    struct need need;
    struct match match = {.explain = params->explain == 1};
    int error = check_preview(&work, params, refusal);
    (void)who; /* a read: what is shown of it is the reader's business (rpc/sight.h) */
    if (error)
        return error;
    match_need(&work, &request, &need);
    match_plan(&work, &need, &match);
    fill_preview(&work, &match, params->quantity, match.explain, ret);
    return 0;
}

int core_explain(struct core *core, int64_t time, struct relief_str id, struct relief_arena *arena,
                 struct relief_explanation *ret, struct relief_refusal *refusal)
{
    struct core_work work = {.core = core, .view = core->view, .arena = arena, .now = time};
    struct relief_request request;
    struct need need;
    struct match match = {.explain = true};
    if (!work_request(&work, id, &request))
        return refuse_missing(refusal, "id", id);
    if (request_live(&request)) {
        match_need(&work, &request, &need);
        match_plan(&work, &need, &match);
    }
    *ret = (struct relief_explanation){.id = request.id, .candidates = {match.candidates, match.candidate_count, 1}};
    return 0;
}
