/*
 * plan.allocate and plan.rebalance: what may be planned by whom; the rest is a report's (report.c, views/plan.c).
 * A coordinator plans for the cities of its region. What it reads on the way (who has how much) it may read anyway.
 */
#include "rpc/report.h"
#include "views/plan.h"

static int start(struct rpc_session *session, void **ret_view)
{
    struct rpc *rpc = session->rpc;
    const struct views_plan_options options = {
        .store = engine_store(rpc->engine),
        .scope = *(const struct core_plan_scope *)session->report->asked,
        .now = session->report->now,
        .bytes_max = RPC_PAGE_BYTES_MAX,
        .wake = rpc_wake,
        .context = rpc,
    };
    return views_plan_start((struct views_plan **)ret_view, &options);
}

static int take(void *view, struct relief_buf *ret, struct relief_refusal *refusal)
{
    int result = views_plan_take(view, ret, refusal);
    switch (result) {
    case 1:
        return RPC_REPORT_DONE;
    case 2:
        return RPC_REPORT_PROGRESS;
    default:
        return result >= 16 ? result - 16 : result;
    }
}

static void end(void *view)
{
    views_plan_free(view);
}

#define PLAN_KIND(name)                                                                                                \
    {                                                                                                                  \
        .method = RELIEF_METHOD_plan_##name,                                                                           \
        .late = "the plan took longer than it may; name a region, kinds or fewer requests", .start = start,            \
        .take = take, .free = end                                                                                      \
    }
static const struct rpc_report_kind allocation = PLAN_KIND(allocate), rebalancing = PLAN_KIND(rebalance);

/* Ids of the message, which is gone when the worker starts. */
static struct relief_list keep_ids(struct relief_arena *arena, struct relief_list ids)
{
    const struct relief_str *from = ids.items;
    struct relief_str *to = relief_arena_alloc(arena, ids.count * sizeof *to + 1);
    for (uint32_t i = 0; i < ids.count; i++)
        to[i] = relief_arena_str(arena, from[i]);
    return (struct relief_list){to, ids.count, ids.present};
}

static int begin(struct rpc_call *call, const struct rpc_report_kind *kind, const struct core_plan_scope *scope)
{
    struct core_plan_scope *asked;
    int result = rpc_report_begin(call, kind, sizeof *asked, (void **)&asked);
    if (result == RPC_LATER) {
        struct relief_arena *arena = &call->session->report->arena;
        *asked = *scope;
        asked->requests = keep_ids(arena, scope->requests);
        asked->kinds = keep_ids(arena, scope->kinds);
        asked->incident = relief_arena_str(arena, scope->incident);
        asked->within = relief_arena_str(arena, scope->within);
        asked->region = relief_arena_str(arena, scope->region);
    }
    return result;
}

static struct relief_str own_region(const struct rpc_call *call)
{
    const struct rpc_identity *identity = &call->session->identity;
    return identity->role == RELIEF_role_coordinator && identity->region[0] ? relief_str_of(identity->region)
                                                                            : RELIEF_STR_NONE;
}

int rpc_plan_allocate(struct rpc_call *call)
{
    const struct relief_plan_allocate_params *params = call->params;
    const struct core_plan_scope scope = {.requests = params->requests,
                                          .incident = params->incident,
                                          .within = own_region(call),
                                          .goal = RELIEF_NIL,
                                          .max_minutes = RELIEF_NIL,
                                          .policy = params->policy};
    if ((params->requests.present != 0) == (params->incident.data != NULL))
        return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "requests", "name requests, or an incident");
    return begin(call, &allocation, &scope);
}

int rpc_plan_rebalance(struct rpc_call *call)
{
    const struct relief_plan_rebalance_params *params = call->params;
    struct core_view *view = engine_view(call->rpc->engine);
    const struct relief_str own = own_region(call), *kinds = params->kinds.items;
    struct relief_region region = {.id = params->region};
    struct core_plan_scope scope = {.rebalance = true,
                                    .region = params->region.data ? params->region : own,
                                    .kinds = params->kinds,
                                    .goal = params->goal == RELIEF_NIL ? RELIEF_goal_floor : params->goal,
                                    .max_minutes = params->max_minutes,
                                    .policy = params->policy == RELIEF_NIL ? RELIEF_policy_effective : params->policy};
    if (params->region.data && !core_find(view, RELIEF_TABLE_region, &call->rpc->arena, &region))
        return rpc_not_found(&call->refusal, "region", "region", params->region);
    if (own.data && params->region.data && !rpc_region_below(call, params->region, own))
        return relief_refuse_field(&call->refusal, RELIEF_DENIED, "region", "that region is not below yours");
    for (uint32_t i = 0; i < params->kinds.count; i++) {
        struct relief_kind kind = {.code = kinds[i]};
        if (!core_find(view, RELIEF_TABLE_kind, &call->rpc->arena, &kind))
            return rpc_not_found(&call->refusal, "kinds", "kind", kinds[i]);
    }
    return begin(call, &rebalancing, &scope);
}
