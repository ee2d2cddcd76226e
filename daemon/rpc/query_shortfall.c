/*
 * shortfall.list: who may ask for which sums; the rest is a report's (report.c, views/shortfall.c).
 */
#include "rpc/report.h"
#include "views/shortfall.h"

struct asked {
    struct relief_str region, kind, after;
    uint32_t limit;
};

static int start(struct rpc_session *session, void **ret_view)
{
    struct rpc *rpc = session->rpc;
    const struct asked *asked = session->report->asked;
    const struct views_shortfall_options options = {
        .store = engine_store(rpc->engine),
        .who = rpc_identity_core(&session->identity),
        .region = asked->region,
        .kind = asked->kind,
        .after = asked->after,
        .limit = asked->limit,
        .bytes_max = RPC_PAGE_BYTES_MAX,
        .now = session->report->now,
        .wake = rpc_wake,
        .context = rpc,
    };
    return views_shortfall_start((struct views_shortfall **)ret_view, &options);
}

static int take(void *view, struct relief_buf *ret, struct relief_refusal *refusal)
{
    int result = views_shortfall_take(view, ret);
    (void)refusal;
    return result == 1 ? RPC_REPORT_DONE : result;
}

static void end(void *view)
{
    views_shortfall_free(view);
}

static const struct rpc_report_kind shortfall = {
    .method = RELIEF_METHOD_shortfall_list,
    .late = "the report took longer than it may; name a region or a kind",
    .start = start,
    .take = take,
    .free = end,
};

int rpc_shortfall_list(struct rpc_call *call)
{
    const struct relief_shortfall_list_params *params = call->params;
    struct core_view *view = engine_view(call->rpc->engine);
    struct relief_region region = {.id = params->region};
    struct relief_kind kind = {.code = params->kind};
    struct relief_str after = RELIEF_STR_NONE;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    if (params->region.data && !core_find(view, RELIEF_TABLE_region, &call->rpc->arena, &region))
        return rpc_not_found(&call->refusal, "region", "region", params->region);
    if (params->kind.data && !core_find(view, RELIEF_TABLE_kind, &call->rpc->arena, &kind))
        return rpc_not_found(&call->refusal, "kind", "kind", params->kind);
    sight_start(&sight, call->rpc, &call->session->identity);
    if (!core_sight_sums(&sight.core, params->region))
        return relief_refuse_field(&call->refusal, RELIEF_DENIED, "region", "name a region that you belong to");
    if (params->after.data && !params->kind.data) {
        int error = rpc_after_parts(call, params->after, 1, &after);
        if (error)
            return error;
    }
    struct asked *asked;
    int result = rpc_report_begin(call, &shortfall, sizeof *asked, (void **)&asked);
    if (result == RPC_LATER) {
        struct relief_arena *arena = &call->session->report->arena;
        *asked = (struct asked){relief_arena_str(arena, params->region), relief_arena_str(arena, params->kind),
                                relief_arena_str(arena, after), (uint32_t)params->limit};
    }
    return result;
}
