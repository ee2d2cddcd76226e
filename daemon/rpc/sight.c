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

/* What exactly a leg takes is its sides' business; their coordinators see the leg for the same reason. */
static void hide_pieces(struct sight *sight, struct relief_dispatch *leg)
{
    struct relief_str city = sight->core.who.city;
    if (sight->core.all || is_regional(sight) || relief_str_eq(leg->donor, city) ||
        relief_str_eq(leg->requester, city) || sight_of(sight, leg->donor) == RELIEF_shares_exact)
        return;
    leg->lots.count = leg->assets.count = leg->operators.count = 0;
}

static enum sight_answer dispatch_seen(struct sight *sight, struct relief_dispatch *leg)
{
    if (!shows_dispatch(sight, leg))
        return SIGHT_NOT_FOUND;
    hide_pieces(sight, leg);
    return SIGHT_SHOWN;
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
        return dispatch_seen(sight, record);
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
        leg->lots.count = leg->assets.count = leg->operators.count = 0;
}

/* ---- events ---- */

const void *sight_change(struct sight *sight, const struct core_change *change, struct relief_dispatch *room)
{
    const union relief_any_record *record = change->record;
    bool seen = true;
    if (sight->core.all)
        return record;
    switch (change->table) {
    case RELIEF_TABLE_floor:
    case RELIEF_TABLE_lot:
    case RELIEF_TABLE_account: /* their first field is the city */
        seen = sight_of(sight, record->floor.city) == RELIEF_shares_exact;
        break;
    case RELIEF_TABLE_asset: /* of one that is gone only the id is known */
        seen = !change->gone && sight_of(sight, record->asset.city) == RELIEF_shares_exact;
        break;
    case RELIEF_TABLE_request:
        seen = !change->gone && shows_request(sight, &record->request);
        break;
    case RELIEF_TABLE_dispatch:
        if (change->gone)
            return NULL;
        *room = record->dispatch;
        return dispatch_seen(sight, room) == SIGHT_SHOWN ? room : NULL;
    case RELIEF_TABLE_op: /* retry ids of others tell nothing and help only to guess */
        seen = relief_str_eq(record->op.identity, sight->core.who.name);
        break;
    case RELIEF_TABLE_region:
    case RELIEF_TABLE_city:
    case RELIEF_TABLE_link:
    case RELIEF_TABLE_kind:
    case RELIEF_TABLE_incident:
    case RELIEF_TABLE_agreement:
    case RELIEF_TABLE_travel:
        break;
    default: /* the daemon's own notes */
        seen = false;
        break;
    }
    return seen ? record : NULL;
}

/* The role in front of the colon; a certificate's URI has none that is known. */
static struct relief_str role_of(struct relief_str identity)
{
    const char *colon = identity.data ? memchr(identity.data, ':', identity.len) : NULL;
    struct relief_str word = {identity.data, colon ? (uint32_t)(colon - identity.data) : identity.len};
    bool known = relief_enum_find(&relief_enum_role, word) >= 0 || relief_str_eq(word, RELIEF_STR("timer"));
    return known ? word : RELIEF_STR_NONE;
}

struct relief_str sight_identity(struct sight *sight, struct relief_str identity, bool named)
{
    if (sight->core.all || is_regional(sight) || named || relief_str_eq(identity, sight->core.who.name))
        return identity;
    return role_of(identity);
}
