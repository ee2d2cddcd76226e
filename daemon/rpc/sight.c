/*
 * What a reader sees of a city. The reader's own regions are read once, when first asked for; then a city costs its
 * record and its regions up to the root, at most RELIEF_REGION_DEPTH_MAX. Everything is copied out, and the arena given
 * back, so a list that looks at thousands of cities or legs holds no more memory than one of them.
 */
#include "rpc/sight.h"
#include "rpc/session.h"

/* Reads a record whose key fields are set; what it points to lives until the next reset or rewind of rpc->record. */
static bool find(struct rpc *rpc, enum relief_table table, void *record)
{
    return core_find(engine_view(rpc->engine), table, &rpc->record, record);
}

static void copy_id(char ret[RELIEF_ID_BYTES_MAX + 1], struct relief_str id)
{
    memcpy(ret, id.data, id.len);
    ret[id.len] = 0;
}

static void chain_from(struct rpc *rpc, const char *region, struct sight_chain *ret)
{
    struct relief_region record;
    size_t mark = rpc->record.used;
    struct relief_str at = relief_str_of(region);
    for (ret->count = 0; at.data && ret->count <= RELIEF_REGION_DEPTH_MAX; ret->count++) {
        relief_shape_clear(&relief_shape_region, &record);
        record.id = at;
        if (!find(rpc, RELIEF_TABLE_region, &record))
            break;
        copy_id(ret->at[ret->count].id, record.id);
        ret->at[ret->count].shares = record.shares;
        at = record.parent;
    }
    rpc->record.used = mark;
}

static bool chain_has(const struct sight_chain *chain, const char *region)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (strcmp(chain->at[i].id, region) == 0)
            return true;
    return false;
}

/* The regions that hold a city; none when there is no such city. */
static void chain_of(struct rpc *rpc, struct relief_str code, struct sight_chain *ret)
{
    struct relief_city city;
    char region[RELIEF_ID_BYTES_MAX + 1];
    size_t mark = rpc->record.used;
    relief_shape_clear(&relief_shape_city, &city);
    city.code = code;
    ret->count = 0;
    if (!find(rpc, RELIEF_TABLE_city, &city))
        return;
    copy_id(region, city.region);
    rpc->record.used = mark;
    chain_from(rpc, region, ret);
}

void sight_start(struct sight *sight, struct rpc *rpc, const struct rpc_identity *who)
{
    sight->rpc = rpc;
    sight->who = who;
    sight->all = who->role == RELIEF_role_local || who->role == RELIEF_role_auditor ||
                 (who->role == RELIEF_role_coordinator && !who->region[0]);
    sight->ours_read = false;
    sight->ours.count = 0;
    sight->city[0] = 0;
    sight->looked = 0;
}

/* Most calls of a city are about itself and never ask. */
static const struct sight_chain *ours(struct sight *sight)
{
    if (!sight->ours_read && sight->who->role == RELIEF_role_city)
        chain_of(sight->rpc, relief_str_of(sight->who->city), &sight->ours);
    else if (!sight->ours_read && sight->who->role == RELIEF_role_coordinator)
        chain_from(sight->rpc, sight->who->region, &sight->ours);
    sight->ours_read = true;
    return &sight->ours;
}

static bool is_region_coordinator(const struct sight *sight)
{
    return !sight->all && sight->who->role == RELIEF_role_coordinator;
}

static enum relief_shares look(struct sight *sight, struct relief_str city)
{
    const struct sight_chain *chain;
    struct sight_chain theirs;
    bool common = false;
    if (sight->who->role == RELIEF_role_city && relief_str_eq(relief_str_of(sight->who->city), city))
        return RELIEF_shares_exact;
    chain_of(sight->rpc, city, &theirs);
    if (is_region_coordinator(sight) && chain_has(&theirs, sight->who->region))
        return RELIEF_shares_exact;
    chain = ours(sight);
    for (unsigned i = 0; i < chain->count; i++) {
        if (!chain_has(&theirs, chain->at[i].id))
            continue;
        common = true;
        if (chain->at[i].shares != RELIEF_NIL)
            return (enum relief_shares)chain->at[i].shares;
    }
    return common ? RELIEF_shares_available : RELIEF_shares_nothing;
}

enum relief_shares sight_of(struct sight *sight, struct relief_str city)
{
    if (sight->all)
        return RELIEF_shares_exact;
    if (!sight->city[0] || !relief_str_eq(relief_str_of(sight->city), city)) {
        sight->shares = look(sight, city);
        copy_id(sight->city, city);
    }
    return sight->shares;
}

bool sight_sums(struct sight *sight, struct relief_str region)
{
    struct sight_chain above;
    char id[RELIEF_ID_BYTES_MAX + 1];
    if (sight->all)
        return true;
    if (!region.data)
        return false;
    copy_id(id, region);
    if (!is_region_coordinator(sight))
        return chain_has(ours(sight), id);
    chain_from(sight->rpc, id, &above);
    return chain_has(&above, sight->who->region);
}

/* ---- requests and legs: a region's coordinator sees those of which one side lies in the region ---- */

static bool inside(struct sight *sight, struct relief_str city)
{
    struct sight_chain regions;
    chain_of(sight->rpc, city, &regions);
    return chain_has(&regions, sight->who->region);
}

static bool shows_dispatch(struct sight *sight, const struct relief_dispatch *leg)
{
    return !is_region_coordinator(sight) || inside(sight, leg->donor) || inside(sight, leg->requester);
}

static bool shows_request(struct sight *sight, const struct relief_request *request)
{
    const struct relief_str *ids = request->dispatches.items;
    if (!is_region_coordinator(sight) || inside(sight, request->city))
        return true;
    for (uint32_t i = 0; i < request->dispatches.count; i++) {
        struct relief_dispatch leg;
        size_t mark = sight->rpc->record.used;
        relief_shape_clear(&relief_shape_dispatch, &leg);
        leg.id = ids[i];
        bool there = find(sight->rpc, RELIEF_TABLE_dispatch, &leg) && inside(sight, leg.donor);
        sight->rpc->record.used = mark;
        sight->looked++;
        if (there)
            return true;
    }
    return false;
}

/* ---- assets ---- */

/* What is available: a free piece, without what belongs to its owner's plans. */
static bool shows_asset(struct sight *sight, struct relief_asset *asset)
{
    enum relief_shares shares = sight_of(sight, asset->city);
    if (shares == RELIEF_shares_exact)
        return true;
    if (shares == RELIEF_shares_nothing || asset->use != RELIEF_asset_use_free)
        return false;
    asset->capacity = asset->rest_until = RELIEF_NIL;
    asset->operator_ = RELIEF_STR_NONE;
    asset->certificates.count = 0;
    return true;
}

enum sight_answer sight_record(struct sight *sight, enum relief_table table, void *record)
{
    switch (table) {
    case RELIEF_TABLE_asset:
        return shows_asset(sight, record) ? SIGHT_SHOWN : SIGHT_DENIED;
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
    enum relief_shares shares = sight_of(sight, candidate->city);
    if (shares != RELIEF_shares_exact)
        candidate->floor = candidate->held = candidate->reserved = RELIEF_NIL;
    if (shares == RELIEF_shares_nothing)
        candidate->available = RELIEF_NIL;
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
    if (sight->all)
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
        return relief_str_eq(record->op.identity, relief_str_of(sight->who->name));
    default:
        return true;
    }
}
