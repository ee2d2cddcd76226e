/*
 * What a reader sees of a city. The reader's own regions are read once, when first asked for; then a city costs its
 * record and its regions up to the root, at most RELIEF_REGION_DEPTH_MAX. Everything is copied out, and the arena given
 * back, so a list that looks at thousands of cities or legs holds no more memory than one of them.
 */
#include "core/sight.h"
#include <string.h>

/* Reads a record whose key fields are set; what it points to lives until the arena's next reset or rewind. */
static bool find(struct core_sight *sight, enum relief_table table, void *record)
{
    return core_find(sight->view, table, sight->arena, record);
}

static void copy_id(char ret[RELIEF_ID_BYTES_MAX + 1], struct relief_str id)
{
    memcpy(ret, id.data, id.len);
    ret[id.len] = 0;
}

void core_chain_from(struct core_sight *sight, struct relief_str region, struct core_chain *ret)
{
    struct relief_region record;
    size_t mark = sight->arena->used;
    struct relief_str at = region;
    for (ret->count = 0; at.data && ret->count <= RELIEF_REGION_DEPTH_MAX; ret->count++) {
        relief_shape_clear(&relief_shape_region, &record);
        record.id = at;
        if (!find(sight, RELIEF_TABLE_region, &record))
            break;
        copy_id(ret->at[ret->count].id, record.id);
        ret->at[ret->count].shares = record.shares;
        at = record.parent;
    }
    sight->arena->used = mark;
}

bool core_chain_has(const struct core_chain *chain, struct relief_str region)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (relief_str_eq(relief_str_of(chain->at[i].id), region))
            return true;
    return false;
}

void core_chain_of(struct core_sight *sight, struct relief_str code, struct core_chain *ret)
{
    struct relief_city city;
    size_t mark = sight->arena->used;
    relief_shape_clear(&relief_shape_city, &city);
    city.code = code;
    ret->count = 0;
    if (find(sight, RELIEF_TABLE_city, &city))
        core_chain_from(sight, city.region, ret);
    sight->arena->used = mark;
}

void core_sight_start(struct core_sight *sight, struct core_view *view, struct relief_arena *arena,
                      const struct core_identity *who)
{
    sight->view = view;
    sight->arena = arena;
    sight->who = *who;
    sight->all = who->role == RELIEF_role_local || who->role == RELIEF_role_auditor ||
                 (who->role == RELIEF_role_coordinator && !who->region.data);
    sight->ours_read = false;
    sight->ours.count = 0;
    sight->city[0] = 0;
}

/* Most calls of a city are about itself and never ask. */
const struct core_chain *core_sight_ours(struct core_sight *sight)
{
    if (sight->ours_read || sight->all)
        return &sight->ours;
    if (sight->who.role == RELIEF_role_city)
        core_chain_of(sight, sight->who.city, &sight->ours);
    else if (sight->who.role == RELIEF_role_coordinator)
        core_chain_from(sight, sight->who.region, &sight->ours);
    sight->ours_read = true;
    return &sight->ours;
}

bool core_sight_is_regional(const struct core_sight *sight)
{
    return !sight->all && sight->who.role == RELIEF_role_coordinator;
}

static enum relief_shares look(struct core_sight *sight, struct relief_str city)
{
    const struct core_chain *chain;
    struct core_chain theirs;
    bool common = false;
    if (sight->who.role == RELIEF_role_city && relief_str_eq(sight->who.city, city))
        return RELIEF_shares_exact;
    core_chain_of(sight, city, &theirs);
    if (core_sight_is_regional(sight) && core_chain_has(&theirs, sight->who.region))
        return RELIEF_shares_exact;
    chain = core_sight_ours(sight);
    for (unsigned i = 0; i < chain->count; i++) {
        if (!core_chain_has(&theirs, relief_str_of(chain->at[i].id)))
            continue;
        common = true;
        if (chain->at[i].shares != RELIEF_NIL)
            return (enum relief_shares)chain->at[i].shares;
    }
    return common ? RELIEF_shares_available : RELIEF_shares_nothing;
}

enum relief_shares core_sight_of(struct core_sight *sight, struct relief_str city)
{
    if (sight->all)
        return RELIEF_shares_exact;
    if (!sight->city[0] || !relief_str_eq(relief_str_of(sight->city), city)) {
        sight->shares = look(sight, city);
        copy_id(sight->city, city);
    }
    return sight->shares;
}

bool core_sight_sums(struct core_sight *sight, struct relief_str region)
{
    struct core_chain above;
    if (sight->all)
        return true;
    if (!region.data)
        return false;
    if (!core_sight_is_regional(sight))
        return core_chain_has(core_sight_ours(sight), region);
    core_chain_from(sight, region, &above);
    return core_chain_has(&above, sight->who.region);
}

/* From the reader's own region up to that one, what counts for its cities is what the lowest above them says. */
bool core_sight_sums_whole(struct core_sight *sight, struct relief_str region)
{
    const struct core_chain *chain;
    unsigned top = 0;
    if (sight->all || core_sight_is_regional(sight))
        return true;
    chain = core_sight_ours(sight);
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

void core_sight_candidate(struct core_sight *sight, struct relief_candidate *candidate)
{
    enum relief_shares shares = core_sight_of(sight, candidate->city);
    if (shares != RELIEF_shares_exact)
        candidate->floor = candidate->held = candidate->reserved = RELIEF_NIL;
    if (shares == RELIEF_shares_nothing)
        candidate->available = RELIEF_NIL;
}
