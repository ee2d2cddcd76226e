/*
 * asset.list. What of a city's assets is shown: rpc/sight.c.
 */
#include "rpc/session.h"

static bool of_place(struct rpc_call *call, void *record)
{
    const struct relief_asset_list_params *params = call->params;
    struct relief_asset *asset = record;
    return (!params->city.data || relief_str_eq(asset->city, params->city)) &&
           (!params->kind.data || relief_str_eq(asset->kind, params->kind)) &&
           sight_record(call->sight, RELIEF_TABLE_asset, asset) == SIGHT_SHOWN;
}

int rpc_asset_list(struct rpc_call *call)
{
    const struct relief_asset_list_params *params = call->params;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    sight_start(&sight, call->rpc, &call->session->identity);
    call->sight = &sight;
    return rpc_list_table(call, RELIEF_TABLE_asset, NULL, params->after, params->limit, of_place);
}
