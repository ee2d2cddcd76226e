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

static bool request_wanted(const struct rpc_call *call, const void *item)
{
    const struct relief_request_list_params *params = call->params;
    const struct relief_request *record = item;
    return same_or_any(params->city, record->city) && same_or_any(params->kind, record->kind) &&
           same_or_any(params->incident, record->incident) &&
           (params->state == RELIEF_NIL || params->state == record->state);
}

int rpc_request_list(struct rpc_call *call)
{
    const struct relief_request_list_params *params = call->params;
    return rpc_list_table(call, RELIEF_TABLE_request, NULL, params->after, params->limit, request_wanted);
}

int rpc_request_explain(struct rpc_call *call)
{
    const struct relief_request_explain_params *params = call->params;
    struct engine *engine = call->rpc->engine;
    struct relief_explanation explanation;
    int result = core_explain(engine_core(engine), engine_now(engine), params->id, &call->rpc->arena, &explanation,
                              &call->refusal);
    if (result == 0)
        relief_pack_record(call->out, &relief_shape_explanation, &explanation, 0);
    return result;
}

int rpc_match_preview(struct rpc_call *call)
{
    struct engine *engine = call->rpc->engine;
    struct core_identity who = rpc_identity_core(&call->session->identity);
    struct relief_preview preview;
    int result = core_preview(engine_core(engine), engine_now(engine), &who, call->params, &call->rpc->arena, &preview,
                              &call->refusal);
    if (result == 0)
        relief_pack_record(call->out, &relief_shape_preview, &preview, 0);
    return result;
}

static bool dispatch_wanted(const struct rpc_call *call, const void *item)
{
    const struct relief_dispatch_list_params *params = call->params;
    const struct relief_dispatch *record = item;
    bool donor = relief_str_eq(record->donor, params->city), requester = relief_str_eq(record->requester, params->city);
    if (params->side == RELIEF_side_donor)
        requester = false;
    if (params->side == RELIEF_side_requester)
        donor = false;
    return (!params->city.data || donor || requester) && same_or_any(params->request, record->request) &&
           (params->state == RELIEF_NIL || params->state == record->state);
}

int rpc_dispatch_list(struct rpc_call *call)
{
    const struct relief_dispatch_list_params *params = call->params;
    struct core_key prefix;
    if (params->side != RELIEF_NIL && !params->city.data)
        return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "side",
                                   "a side is that of a city: name the city");
    core_key_table(&prefix, RELIEF_TABLE_dispatch);
    if (params->request.data)
        core_key_str(&prefix, params->request);
    return rpc_list_table(call, RELIEF_TABLE_dispatch, &prefix, params->after, params->limit, dispatch_wanted);
}
