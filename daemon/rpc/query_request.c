/*
 * Reads of requests and their legs, and the matcher's two read-only uses: what a request would find, and why an open
 * one finds no more. Filters are looked at record by record; a list of one request's legs is a scan below its key.
 */
#include "rpc/session.h"
#include "core/key.h"

static bool same_or_any(struct relief_str filter, struct relief_str value)
{
    return !filter.data || relief_str_eq(filter, value);
}

static void look_through(struct rpc_call *call, struct sight *sight)
{
    relief_arena_reset(&call->rpc->record);
    sight_start(sight, call->rpc, &call->session->identity);
    call->sight = sight;
}

static void hide_candidates(struct sight *sight, const struct relief_list *list)
{
    struct relief_candidate *items = list->items;
    for (uint32_t i = 0; i < list->count; i++)
        sight_candidate(sight, &items[i]);
}

/* What others could give a city, and why not, is told to those who see something of that city. */
static int deny_match(struct rpc_call *call, struct relief_str city)
{
    return relief_refuse(&call->refusal, RELIEF_DENIED, "%.*s shares nothing with %.100s", (int)city.len, city.data,
                         call->session->identity.name);
}

static bool request_wanted(struct rpc_call *call, void *item)
{
    const struct relief_request_list_params *params = call->params;
    struct relief_request *record = item;
    return same_or_any(params->city, record->city) && same_or_any(params->kind, record->kind) &&
           same_or_any(params->incident, record->incident) &&
           (params->state == RELIEF_NIL || params->state == record->state) &&
           sight_record(call->sight, RELIEF_TABLE_request, record) == SIGHT_SHOWN;
}

int rpc_request_list(struct rpc_call *call)
{
    const struct relief_request_list_params *params = call->params;
    struct sight sight;
    look_through(call, &sight);
    return rpc_list_table(call, RELIEF_TABLE_request, NULL, params->after, params->limit, request_wanted);
}

int rpc_request_explain(struct rpc_call *call)
{
    const struct relief_request_explain_params *params = call->params;
    struct engine *engine = call->rpc->engine;
    struct relief_request request = {.id = params->id};
    struct relief_explanation explanation;
    struct sight sight;
    look_through(call, &sight);
    if (!core_find(engine_view(engine), RELIEF_TABLE_request, &call->rpc->arena, &request) ||
        sight_record(&sight, RELIEF_TABLE_request, &request) != SIGHT_SHOWN)
        return rpc_not_found(&call->refusal, "id", "request", params->id);
    if (sight_of(&sight, request.city) == RELIEF_shares_nothing)
        return deny_match(call, request.city);
    int result = core_explain(engine_core(engine), engine_now(engine), params->id, &call->rpc->arena, &explanation,
                              &call->refusal);
    if (result)
        return result;
    hide_candidates(&sight, &explanation.candidates);
    relief_pack_record(call->out, &relief_shape_explanation, &explanation, 0);
    return 0;
}

int rpc_match_preview(struct rpc_call *call)
{
    struct engine *engine = call->rpc->engine;
    const struct relief_match_preview_params *params = call->params;
    struct core_identity who = rpc_identity_core(&call->session->identity);
    struct relief_preview preview;
    struct sight sight;
    look_through(call, &sight);
    int result = core_preview(engine_core(engine), engine_now(engine), &who, params, &call->rpc->arena, &preview,
                              &call->refusal);
    if (result >= 0 && result != RELIEF_NOT_FOUND && sight_of(&sight, params->city) == RELIEF_shares_nothing)
        return deny_match(call, params->city); /* comes before the state of an incident and the time (fine print 3) */
    if (result)
        return result;
    hide_candidates(&sight, &preview.candidates);
    struct relief_preview_leg *legs = preview.legs.items;
    for (uint32_t i = 0; i < preview.legs.count; i++)
        sight_preview_leg(&sight, &legs[i]);
    relief_pack_record(call->out, &relief_shape_preview, &preview, 0);
    return 0;
}

static bool dispatch_wanted(struct rpc_call *call, void *item)
{
    const struct relief_dispatch_list_params *params = call->params;
    struct relief_dispatch *record = item;
    bool donor = relief_str_eq(record->donor, params->city), requester = relief_str_eq(record->requester, params->city);
    if (params->side == RELIEF_side_donor)
        requester = false;
    if (params->side == RELIEF_side_requester)
        donor = false;
    return (!params->city.data || donor || requester) && same_or_any(params->request, record->request) &&
           (params->state == RELIEF_NIL || params->state == record->state) &&
           sight_record(call->sight, RELIEF_TABLE_dispatch, record) == SIGHT_SHOWN;
}

int rpc_dispatch_list(struct rpc_call *call)
{
    const struct relief_dispatch_list_params *params = call->params;
    struct core_key prefix;
    struct sight sight;
    if (params->side != RELIEF_NIL && !params->city.data)
        return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "side",
                                   "a side is that of a city: name the city");
    core_key_table(&prefix, RELIEF_TABLE_dispatch);
    if (params->request.data)
        core_key_str(&prefix, params->request);
    look_through(call, &sight);
    return rpc_list_table(call, RELIEF_TABLE_dispatch, &prefix, params->after, params->limit, dispatch_wanted);
}
