/*
 * What a reader sees. Which part of a city's stock and assets that is, core/sight.c says; here it is laid on the
 * records of each read and event.
 */
#include "rpc/sight.h"
#include "rpc/session.h"

void sight_start(struct sight *sight, struct rpc *rpc, const struct rpc_identity *who)
{
    struct core_identity identity = rpc_identity_core(who);
    core_sight_start(&sight->core, engine_view(rpc->engine), &rpc->record, &identity);
    sight->rpc = rpc;
    sight->looked = 0;
}

enum relief_shares sight_of(struct sight *sight, struct relief_str city)
{
    return core_sight_of(&sight->core, city);
}

static bool is_regional(const struct sight *sight)
{
    return core_sight_is_regional(&sight->core);
}

bool sight_sums(struct sight *sight, struct relief_str region)
{
    struct core_chain above;
    if (sight->core.all)
        return true;
    if (!region.data)
        return false;
    if (!is_regional(sight))
        return core_chain_has(core_sight_ours(&sight->core), region);
    core_chain_from(&sight->core, region, &above);
    return core_chain_has(&above, sight->core.who.region);
}

/* From the reader's own region up to that one, what counts for its cities is what the lowest above them says. */
bool sight_sums_whole(struct sight *sight, struct relief_str region)
{
    const struct core_chain *chain;
    unsigned top = 0;
    if (sight->core.all || is_regional(sight))
        return true;
    chain = core_sight_ours(&sight->core);
    while (top < chain->count && !relief_str_eq(relief_str_of(chain->at[top].id), region))
        top++;
    for (unsigned i = 0; i <= top && i < chain->count; i++) {
        unsigned says = i;
        while (says < chain->count && chain->at[says].shares == RELIEF_NIL)
            says++;
        if (says == chain->count || chain->at[says].shares != RELIEF_shares_exact)
            return false;
    }
    return true;
}

/* ---- requests and legs: a region's coordinator sees those of which one side lies in the region ---- */

static bool inside(struct sight *sight, struct relief_str city)
{
    struct core_chain regions;
    core_chain_of(&sight->core, city, &regions);
    return core_chain_has(&regions, sight->core.who.region);
}

static bool shows_dispatch(struct sight *sight, const struct relief_dispatch *leg)
{
    return !is_regional(sight) || inside(sight, leg->donor) || inside(sight, leg->requester);
}

static bool shows_request(struct sight *sight, const struct relief_request *request)
{
    const struct relief_str *ids = request->dispatches.items;
    if (!is_regional(sight) || inside(sight, request->city))
        return true;
    for (uint32_t i = 0; i < request->dispatches.count; i++) {
        struct relief_dispatch leg;
        size_t mark = sight->rpc->record.used;
        relief_shape_clear(&relief_shape_dispatch, &leg);
        leg.id = ids[i];
        bool there =
            core_find(sight->core.view, RELIEF_TABLE_dispatch, sight->core.arena, &leg) && inside(sight, leg.donor);
        sight->rpc->record.used = mark;
        sight->looked++;
        if (there)
            return true;
    }
    return false;
}

/* ---- assets ---- */

/* What a neighbour could count on: ready, rested, at home and free; without what belongs to its owner's plans. */
static enum sight_answer asset_seen(struct sight *sight, struct relief_asset *asset)
{
    enum relief_shares shares = sight_of(sight, asset->city);
    int64_t now = engine_now(sight->rpc->engine);
    if (shares == RELIEF_shares_exact)
        return SIGHT_SHOWN;
    if (shares == RELIEF_shares_nothing)
        return SIGHT_DENIED;
    if (asset->use != RELIEF_asset_use_free || asset->condition != RELIEF_condition_ready ||
        (asset->rest_until != RELIEF_NIL && asset->rest_until > now))
        return SIGHT_NOT_FOUND;
    asset->capacity = asset->rest_until = RELIEF_NIL;
    asset->operator_ = RELIEF_STR_NONE;
    asset->certificates.count = 0;
    return SIGHT_SHOWN;
}

enum sight_answer sight_record(struct sight *sight, enum relief_table table, void *record)
{
    switch (table) {
    case RELIEF_TABLE_asset:
        return asset_seen(sight, record);
    case RELIEF_TABLE_request:
        return shows_request(sight, record) ? SIGHT_SHOWN : SIGHT_NOT_FOUND;
    case RELIEF_TABLE_dispatch:
        return shows_dispatch(sight, record) ? SIGHT_SHOWN : SIGHT_NOT_FOUND;
    default: /* places, agreements, incidents */
        return SIGHT_SHOWN;
    }
}

/* ---- stock ---- */

bool sight_stock(struct sight *sight, struct relief_stock *stock)
{
    struct relief_stock seen;
    enum relief_shares shares = sight_of(sight, stock->city);
    if (shares != RELIEF_shares_available)
        return shares == RELIEF_shares_exact;
    relief_shape_clear(&relief_shape_stock, &seen);
    seen.city = stock->city;
    seen.kind = stock->kind;
    seen.available = stock->available;
    *stock = seen;
    return true;
}

void sight_candidate(struct sight *sight, struct relief_candidate *candidate)
{
    core_sight_candidate(&sight->core, candidate);
}

void sight_preview_leg(struct sight *sight, struct relief_preview_leg *leg)
{
    if (sight_of(sight, leg->donor) != RELIEF_shares_exact)
        leg->lots.count = 0;
}

/* ---- events ---- */

bool sight_change(struct sight *sight, const struct core_change *change)
{
    const union relief_any_record *record = change->record;
    if (sight->core.all)
        return true;
    switch (change->table) {
    case RELIEF_TABLE_floor:
    case RELIEF_TABLE_lot:
    case RELIEF_TABLE_account: /* their first field is the city */
        return sight_of(sight, record->floor.city) == RELIEF_shares_exact;
    case RELIEF_TABLE_asset: /* of one that is gone only the id is known */
        return !change->gone && sight_of(sight, record->asset.city) == RELIEF_shares_exact;
    case RELIEF_TABLE_request:
        return !change->gone && shows_request(sight, &record->request);
    case RELIEF_TABLE_dispatch:
        return !change->gone && shows_dispatch(sight, &record->dispatch);
    case RELIEF_TABLE_op: /* retry ids of others tell nothing and help only to guess */
        return relief_str_eq(record->op.identity, sight->core.who.name);
    default:
        return true;
    }
}
