/*
 * Reads of places: regions, cities, links, the travel estimate, kinds, incidents, agreements. Each list is a page of
 * its table, some below a prefix of the key.
 */
#include "rpc/session.h"
#include "core/key.h"

int rpc_region_list(struct rpc_call *call)
{
    const struct relief_region_list_params *params = call->params;
    return rpc_list_table(call, RELIEF_TABLE_region, NULL, params->after, params->limit, NULL);
}

int rpc_city_list(struct rpc_call *call)
{
    const struct relief_city_list_params *params = call->params;
    return rpc_list_table(call, RELIEF_TABLE_city, NULL, params->after, params->limit, NULL);
}

int rpc_link_list(struct rpc_call *call)
{
    const struct relief_link_list_params *params = call->params;
    struct core_key prefix;
    core_key_table(&prefix, RELIEF_TABLE_link);
    if (params->from.data)
        core_key_str(&prefix, params->from);
    return rpc_list_table(call, RELIEF_TABLE_link, &prefix, params->after, params->limit, NULL);
}

int rpc_travel_get(struct rpc_call *call)
{
    struct relief_travel record = {.id = RELIEF_STR("travel")};
    if (!core_find(engine_view(call->rpc->engine), RELIEF_TABLE_travel, &call->rpc->arena, &record))
        record = (struct relief_travel){
            .id = RELIEF_STR("travel"), .permille = RELIEF_ROAD_PERMILLE, .km_per_hour = RELIEF_ROAD_KM_PER_HOUR};
    relief_pack_record(call->out, &relief_shape_travel, &record, 0);
    return 0;
}

int rpc_kind_list(struct rpc_call *call)
{
    const struct relief_kind_list_params *params = call->params;
    return rpc_list_table(call, RELIEF_TABLE_kind, NULL, params->after, params->limit, NULL);
}

int rpc_incident_list(struct rpc_call *call)
{
    const struct relief_incident_list_params *params = call->params;
    return rpc_list_table(call, RELIEF_TABLE_incident, NULL, params->after, params->limit, NULL);
}

static bool of_donor(struct rpc_call *call, void *record)
{
    const struct relief_agreement_list_params *params = call->params;
    return !params->donor.data || relief_str_eq(((const struct relief_agreement *)record)->donor, params->donor);
}

int rpc_agreement_list(struct rpc_call *call)
{
    const struct relief_agreement_list_params *params = call->params;
    return rpc_list_table(call, RELIEF_TABLE_agreement, NULL, params->after, params->limit, of_donor);
}
