/*
 * Teams and equipment as the matcher and the legs see them (fine print 49, 50): which pieces of a city may go, each
 * with the operator that it needs, and what a leg makes of them.
 */
#include "core/work.h"
#include <assert.h>

bool asset_rested(const struct relief_asset *asset, int64_t now)
{
    return asset->rest_until == RELIEF_NIL || asset->rest_until <= now;
}

/* Weakest first (4 before 1), then id. */
static bool goes_before(const void *left, const void *right)
{
    const struct relief_asset *a = left, *b = right;
    return a->level != b->level ? a->level > b->level : relief_str_cmp(a->id, b->id) < 0;
}

static void read_assets(struct core_work *work, struct relief_str city, struct relief_str kind, struct holding *ret)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    uint32_t cap = 0;
    core_key_start(&prefix, CORE_KEY_ASSET_OF);
    core_key_str(&prefix, city);
    core_key_str(&prefix, kind);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        bool there;
        if (ret->asset_count == cap) {
            struct relief_asset *assets = work_alloc(work, (cap ? cap * 2 : 8) * sizeof *assets);
            if (ret->asset_count)
                memcpy(assets, ret->assets, ret->asset_count * sizeof *assets);
            ret->assets = assets;
            cap = cap ? cap * 2 : 8;
        }
        ret->assets[ret->asset_count].id = core_key_take_str(key, &at);
        there = work_find(work, RELIEF_TABLE_asset, &ret->assets[ret->asset_count]);
        assert(there);
        ret->asset_count += there;
    }
    ret->assets = work_sort(work, ret->assets, ret->asset_count, sizeof *ret->assets, goes_before);
}

void asset_holding(struct core_work *work, struct relief_str city, struct relief_str kind, struct holding *ret)
{
    read_assets(work, city, kind, ret);
    for (uint32_t i = 0; i < ret->asset_count; i++) {
        const struct relief_asset *asset = &ret->assets[i];
        ret->on_hand += asset->use != RELIEF_asset_use_away;
        ret->held += asset->use == RELIEF_asset_use_held;
        ret->reserved += asset->use == RELIEF_asset_use_reserved;
        ret->unusable += asset->use != RELIEF_asset_use_away &&
                         (asset->condition != RELIEF_condition_ready || !asset_rested(asset, work->now));
    }
}

/* ---- picking ---- */

static bool certified(const struct relief_asset *asset, int64_t arrival)
{
    const struct relief_certificate *certificates = asset->certificates.items;
    for (uint32_t i = 0; i < asset->certificates.count; i++)
        if (certificates[i].until < arrival)
            return false;
    return true;
}

#define ANY_LEVEL 4 /* the weakest */

/* The first reason that keeps a free asset from going; -1 for none. */
static int kept_home(const struct relief_asset *asset, int64_t min_level, int64_t now, int64_t arrival)
{
    if (asset->level > min_level)
        return RELIEF_why_level;
    if (asset->condition != RELIEF_condition_ready)
        return RELIEF_why_condition;
    if (!asset_rested(asset, now))
        return RELIEF_why_rest;
    return certified(asset, arrival) ? -1 : RELIEF_why_certificate;
}

/* A plan changes nothing, so a machine and its substitute could count on the same team: the earlier leg has it. */
void crew_leave_planned(const struct match *match, struct relief_str donor, struct holding *holding)
{
    for (uint32_t leg = 0; match && leg < match->count; leg++) {
        if (!relief_str_eq(match->legs[leg].donor, donor))
            continue;
        for (uint32_t i = 0; i < holding->asset_count; i++) {
            struct relief_asset *asset = &holding->assets[i];
            if (asset->use != RELIEF_asset_use_free ||
                (!ids_have(match->legs[leg].assets, asset->id) && !ids_have(match->legs[leg].operators, asset->id)))
                continue;
            asset->use = RELIEF_asset_use_reserved;
            holding->reserved++;
            holding->available -= holding->available > 0;
        }
    }
}

/* Operators of one kind in the donor's city, handed out one by one. A list in the arena: as many as the pieces that are
 * looked at name kinds, or the next match would find more. */
struct pool {
    struct pool *next_kind;
    struct relief_str kind;
    struct holding holding;
    uint32_t next;
    int64_t left;
};

static struct pool *pool_of(struct core_work *work, const struct match *match, const struct relief_city *donor,
                            struct relief_str kind, bool past_floor, struct pool **pools)
{
    struct relief_kind record;
    struct pool *pool;
    for (pool = *pools; pool; pool = pool->next_kind)
        if (relief_str_eq(pool->kind, kind))
            return pool;
    if (!work_kind(work, kind, &record) || record.class_ != RELIEF_class_team)
        return NULL;
    pool = work_alloc(work, sizeof *pool);
    *pool = (struct pool){.next_kind = *pools, .kind = kind};
    *pools = pool;
    stock_holding(work, donor, &record, &pool->holding);
    crew_leave_planned(match, donor->code, &pool->holding);
    pool->left = past_floor ? pool->holding.asset_count : pool->holding.available; /* the team kind's own floor holds */
    return pool;
}

/* The next team that may go; false when there is none. */
static bool pool_take(struct pool *pool, int64_t now, int64_t arrival, struct relief_str *ret)
{
    while (pool->left > 0 && pool->next < pool->holding.asset_count) {
        const struct relief_asset *team = &pool->holding.assets[pool->next++];
        if (team->use != RELIEF_asset_use_free || kept_home(team, ANY_LEVEL, now, arrival) >= 0)
            continue;
        pool->left--;
        *ret = team->id;
        return true;
    }
    return false;
}

void crew_pick(struct core_work *work, const struct match *match, const struct relief_city *donor,
               const struct relief_kind *kind, const struct holding *holding, const struct crew_want *want,
               struct crew *ret)
{
    struct pool *pools = NULL;
    uint32_t room = want->units < holding->asset_count ? (uint32_t)want->units : holding->asset_count;
    uint32_t pieces = 0, teams = 0; /* those of whole packs */
    struct relief_str *assets = work_alloc(work, room * sizeof *assets);
    struct relief_str *operators = work_alloc(work, (room + 1) * sizeof *operators);
    int furthest = -1; /* the latest of the reasons met: what the best piece lacked */
    bool any = false;  /* a piece could go, were it not for floor or share */
    *ret = (struct crew){{assets, 0, 1}, {operators, 0, 1}, -1};
    for (uint32_t i = 0; i < holding->asset_count && (ret->assets.count < room || !want->units); i++) {
        const struct relief_asset *asset = &holding->assets[i];
        struct relief_str needs = asset->operator_.data ? asset->operator_ : kind->operator_, team = RELIEF_STR_NONE;
        int why;
        if (asset->use != RELIEF_asset_use_free)
            continue;
        why = kept_home(asset, want->min_level, work->now, want->arrival);
        if (why < 0 && kind->class_ == RELIEF_class_equipment && needs.data) {
            struct pool *pool = pool_of(work, match, donor, needs, want->past_floor, &pools);
            if (!pool || !pool_take(pool, work->now, want->arrival, &team))
                why = RELIEF_why_operator;
        }
        if (why > furthest)
            furthest = why;
        any = any || why < 0;
        if (why >= 0 || !want->units)
            continue;
        assets[ret->assets.count++] = asset->id;
        if (team.data)
            operators[ret->operators.count++] = team;
        if (ret->assets.count % want->give == 0) {
            pieces = ret->assets.count;
            teams = ret->operators.count;
        }
    }
    ret->assets.count = pieces; /* what makes no whole pack stays home, its operators too */
    ret->operators.count = teams;
    if (!any)
        ret->why = furthest;
}

/* ---- what a leg makes of them ---- */

enum relief_asset_use crew_use(const struct relief_dispatch *leg)
{
    switch (leg->state) {
    case RELIEF_dispatch_state_asked:
        return RELIEF_asset_use_held;
    case RELIEF_dispatch_state_committed:
        return RELIEF_asset_use_reserved;
    case RELIEF_dispatch_state_in_transit:
    case RELIEF_dispatch_state_in_use:
    case RELIEF_dispatch_state_returning:
        return RELIEF_asset_use_away;
    default:
        return RELIEF_asset_use_free;
    }
}

static void book(struct core_work *work, const struct relief_dispatch *leg, struct relief_list ids,
                 enum relief_asset_use use)
{
    const struct relief_str *items = ids.items;
    for (uint32_t i = 0; i < ids.count; i++) {
        struct relief_asset asset = {.id = items[i]};
        bool there = work_find(work, RELIEF_TABLE_asset, &asset);
        assert(there); /* assets are never removed */
        (void)there;
        asset.use = use;
        asset.dispatch = use == RELIEF_asset_use_free ? RELIEF_STR_NONE : leg->id;
        work_put(work, RELIEF_TABLE_asset, &asset);
        if (use == RELIEF_asset_use_free)
            crew_wake(work, asset.city, asset.kind);
    }
}

void crew_book(struct core_work *work, const struct relief_dispatch *leg, enum relief_asset_use use)
{
    book(work, leg, leg->assets, use);
    book(work, leg, leg->operators, use);
}

void crew_keep(struct core_work *work, struct relief_dispatch *leg, int64_t units)
{
    const struct relief_str *ids = leg->assets.items;
    struct relief_kind kind;
    uint32_t with_operator = 0;
    if (leg->assets.count <= units || !work_kind(work, leg->kind, &kind))
        return;
    leg->assets.count = (uint32_t)units;
    for (uint32_t i = 0; i < leg->assets.count; i++) {
        struct relief_asset asset = {.id = ids[i]};
        if (work_find(work, RELIEF_TABLE_asset, &asset))
            with_operator += kind.class_ == RELIEF_class_equipment && (asset.operator_.data || kind.operator_.data);
    }
    if (leg->operators.count > with_operator) /* they stand in the order of the pieces that need one */
        leg->operators.count = with_operator;
}

void crew_home(struct core_work *work, struct relief_list assets, uint32_t first, uint32_t count, int64_t condition,
               struct relief_str city)
{
    const struct relief_str *ids = assets.items;
    for (uint32_t i = first; i < first + count; i++) {
        struct relief_asset asset = {.id = ids[i]};
        bool there = i < assets.count && work_find(work, RELIEF_TABLE_asset, &asset);
        assert(there);
        (void)there;
        asset.use = RELIEF_asset_use_free;
        asset.dispatch = RELIEF_STR_NONE;
        if (condition != RELIEF_NIL)
            asset.condition = condition;
        if (city.data)
            asset.city = city;
        work_put(work, RELIEF_TABLE_asset, &asset);
        crew_wake(work, asset.city, asset.kind);
    }
}

void crew_books(struct core_work *work, const struct relief_dispatch *leg, int in_transit, int on_loan)
{
    const struct relief_str *ids = leg->operators.items;
    for (uint32_t i = 0; i < leg->operators.count; i++) {
        struct relief_asset team = {.id = ids[i]};
        struct relief_account account;
        if (!work_find(work, RELIEF_TABLE_asset, &team))
            continue;
        work_account(work, leg->donor, team.kind, &account);
        account.in_transit += in_transit;
        account.on_loan += on_loan;
        work_put(work, RELIEF_TABLE_account, &account);
    }
}

int crew_check_ready(struct core_work *work, const struct relief_dispatch *leg)
{
    const struct relief_list lists[2] = {leg->assets, leg->operators};
    const int64_t arrival = work->now + leg->minutes * RELIEF_MINUTE_MS;
    for (unsigned which = 0; which < 2; which++) {
        const struct relief_str *ids = lists[which].items;
        for (uint32_t i = 0; i < lists[which].count; i++) {
            struct relief_asset asset = {.id = ids[i]};
            bool there = work_find(work, RELIEF_TABLE_asset, &asset);
            int why = there ? kept_home(&asset, ANY_LEVEL, work->now, arrival) : -1;
            if (why >= 0)
                return work_bad_state(work, "committed", "%.*s may not leave now (%s); mend that, or renege",
                                      (int)asset.id.len, asset.id.data, relief_enum_why.names[why]);
        }
    }
    return 0;
}

void crew_wake(struct core_work *work, struct relief_str city, struct relief_str kind_code)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    struct relief_kind kind;
    wake_pair(work, city, kind_code);
    if (!work_kind(work, kind_code, &kind) || kind.class_ != RELIEF_class_team)
        return;
    core_key_start(&prefix, CORE_KEY_SUM); /* a team may be what some machine of the city waits for */
    core_key_str(&prefix, city);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        struct relief_kind machine;
        if (work_kind(work, core_key_take_str(key, &at), &machine) && machine.class_ == RELIEF_class_equipment)
            wake_pair(work, city, machine.code);
    }
}
