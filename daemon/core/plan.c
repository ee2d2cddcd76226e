/*
 * A plan in its own state: what could go from whom to whom, and the legs that are made of what a policy says. Who may
 * give what is asked of the matcher itself (match_pair), pair by pair; so links, agreements, shares, floors, life,
 * levels, rest, certificates and operators count here as they do there, and a reason here is a reason there.
 */
#include "core/plan.h"
#include <errno.h>
#include <stdio.h>
#include "core/plan_inside.h"

#define LOOK_EVERY 64u

static bool stopped(const struct core_plan *plan, uint32_t looked)
{
    return looked % LOOK_EVERY == 0 && plan->stop && plan->stop(plan->context);
}

bool plan_has_room(struct core_plan *plan)
{
    const struct relief_arena *arenas[] = {&plan->arena, &plan->round};
    for (unsigned i = 0; i < 2; i++)
        plan->full = plan->full || arenas[i]->spent || arenas[i]->used > arenas[i]->bound / 4 * 3;
    return !plan->full;
}

/* ---- opening ---- */

/* Scratch work: what it reads is gone with the next one. */
static struct core_work passing_work(struct core_plan *plan)
{
    relief_arena_reset(&plan->core->scratch);
    return plan_work(plan, &plan->core->scratch);
}

static int find_needs(struct core_plan *plan, struct core_view *from, struct plan_needs *ret,
                      struct relief_refusal *refusal)
{
    struct core_work work = {.core = plan->core, .view = from, .arena = &plan->arena, .now = plan->now};
    int result = plan->scope.rebalance ? plan_needs_rebalance(&work, &plan->scope, ret, refusal)
                                       : plan_needs_allocate(&work, &plan->scope, ret, refusal);
    if (result == 0)
        result = plan_relies(&work, &plan->scope, ret, plan->relies, refusal);
    return result;
}

/* The requests' own legs that have not left are free again, in the plan's state. */
static void take_back(struct core_plan *plan)
{
    for (uint32_t i = 0; i < plan->taker_count && plan_has_room(plan); i++) {
        struct core_plan_taker *taker = &plan->takers[i];
        struct core_work work = plan_work(plan, &plan->arena), passing; /* the request stays with the plan */
        struct relief_dispatch *legs;
        if (plan->scope.rebalance) { /* the request that apply would make stands in for it here */
            char *id = work_alloc(&work, 24);
            taker->request.id = (struct relief_str){id, (uint32_t)snprintf(id, 24, "plan.%u", i + 1)};
            leg_request_put(&work, &taker->request);
            continue;
        }
        if (!work_request(&work, taker->request.id, &taker->request))
            continue;
        passing = passing_work(plan);
        legs = request_legs(&passing, &taker->request);
        for (uint32_t j = 0; j < taker->request.dispatches.count; j++)
            if (leg_waits(&legs[j]))
                leg_withdraw(&passing, &taker->request, &legs[j], RELIEF_dispatch_state_cancelled, RELIEF_STR_NONE,
                             false);
        leg_request_put(&work, &taker->request);
    }
}

static int load(struct core_plan *plan, struct core_view *from, struct relief_list kinds)
{
    int result = plan_load_world(plan, from);
    for (uint32_t i = 0; result == 0 && !plan->scope.rebalance && i < plan->taker_count; i++)
        result = plan_load_request(plan, from, plan->takers[i].request.id);
    return result ? result : plan_load_kinds(plan, from, kinds);
}

int core_plan_open(struct core_plan *plan, struct core *core, struct core_view *from, int64_t now,
                   const struct core_plan_scope *scope, struct relief_refusal *refusal)
{
    const size_t bytes = plan->arena_bytes ? plan->arena_bytes : CORE_PLAN_ARENA_BYTES;
    struct plan_needs needs;
    *plan = (struct core_plan){
        .core = core, .scope = *scope, .now = now, .stop = plan->stop, .tell = plan->tell, .context = plan->context};
    int result = relief_arena_init(&plan->arena, bytes);
    if (result == 0)
        result = relief_arena_init(&plan->round, bytes);
    if (result == 0)
        result = find_needs(plan, from, &needs, refusal);
    if (result == 0) {
        plan->takers = needs.takers;
        plan->taker_count = needs.count;
        plan->kinds = needs.kinds.items;
        plan->kind_count = needs.kinds.count;
        result = load(plan, from, needs.kinds);
    }
    if (result == 0) {
        plan_measure(plan, "before", &plan->before);
        take_back(plan);
        result = plan_has_room(plan) ? 0 : plan_too_large(refusal);
    }
    if (result)
        core_plan_close(plan);
    return result;
}

void core_plan_close(struct core_plan *plan)
{
    relief_arena_deinit(&plan->arena);
    relief_arena_deinit(&plan->round);
}

/* ---- donors and pairs ---- */

/* A donor and what it has, read once for all requests of the round. */
static void add_donor(struct core_plan *plan, struct core_plan_kind *kind, const struct relief_city *city,
                      const struct relief_kind *record, uint32_t *cap)
{
    struct core_work work = plan_work(plan, &plan->round);
    struct match_donor *read = work_alloc(&work, sizeof *read);
    if (kind->donor_count == *cap) {
        *cap = *cap ? 2 * *cap : 64;
        struct core_plan_donor *donors = plan_alloc(plan, &plan->round, *cap, sizeof *donors);
        if (!donors)
            return;
        if (kind->donor_count)
            memcpy(donors, kind->donors, kind->donor_count * sizeof *donors);
        kind->donors = donors;
    }
    if (!work_city(&work, work_str(&work, city->code), &read->city))
        return;
    stock_holding(&work, &read->city, record, &read->holding);
    read->signs = agree_signs(&work, read->city.code);
    int64_t give =
        plan->scope.rebalance ? plan_spare(&work, &plan->scope, read->city.code, record) : read->holding.available;
    kind->donors[kind->donor_count++] =
        (struct core_plan_donor){.city = read->city.code, .give = give / kind->give, .read = read};
}

static int find_donors(struct core_plan *plan, struct core_plan_kind *kind)
{
    struct core_work work = plan_work(plan, &plan->round);
    struct relief_kind record;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str code;
    uint32_t cap = 0, looked = 0;
    if (!work_kind(&work, kind->kind, &record))
        return 0;
    kind->min_life_days = record.min_life_days == RELIEF_NIL ? 0 : record.min_life_days;
    work_scan(&work, &cursor, &prefix, CORE_KEY_HOLDER, kind->kind, RELIEF_STR_NONE);
    while (plan_has_room(plan) && work_scan_next(&work, &cursor, &prefix, &code)) {
        struct core_work passing = passing_work(plan);
        struct relief_city city;
        if (stopped(plan, ++looked))
            return -ETIME;
        if (work_city(&passing, code, &city) && (!plan->scope.rebalance || !plan->scope.region.data ||
                                                 region_within(&passing, city.region, plan->scope.region)))
            add_donor(plan, kind, &city, &record, &cap);
    }
    return 0;
}

static int64_t strictness(const struct core_plan *plan, const struct core_plan_kind *kind, const struct need *need,
                          int64_t minutes)
{
    if (need->kind.class_ != RELIEF_class_supply)
        return -need->request->min_level;
    return plan->now + minutes * RELIEF_MINUTE_MS + kind->min_life_days * RELIEF_DAY_MS;
}

/* What matching would look at, for all levels: of an allocation max_level does not bind, a rebalancing asks all. */
static void need_of(struct core_work *work, const struct relief_request *request, struct need *ret)
{
    match_need(work, request, ret);
    ret->level_max = 3;
}

/* One request while all donors are looked at. What it reads stays for so many of them. */
#define LOOKS_KEPT 256u

struct looking {
    struct core_work work;
    struct need need;
    struct relief_request request; /* need.request */
    struct relief_candidate candidate;
    const struct core_plan_taker *taker;
    bool unlinked;
};

static void look_anew(struct core_plan *plan, struct looking *looking)
{
    looking->work = passing_work(plan);
    looking->request = looking->taker->request;
    need_of(&looking->work, &looking->request, &looking->need);
    looking->need.unlinked = looking->unlinked;
}

static bool has_links(struct core_plan *plan, struct relief_str city)
{
    struct core_work work = passing_work(plan);
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str from;
    work_scan(&work, &cursor, &prefix, CORE_KEY_LINK_IN, city, RELIEF_STR_NONE);
    return work_scan_next(&work, &cursor, &prefix, &from);
}

/* Why a donor gives nothing, or RELIEF_NIL; then *ret is what it could give. */
static int64_t look(struct core_plan *plan, const struct core_plan_kind *kind, struct looking *looking,
                    const struct core_plan_donor *donor, struct core_plan_pair *ret)
{
    struct match match = {
        .explain = true, .open = looking->taker->want - looking->taker->got, .candidates = &looking->candidate};
    int64_t minutes = 0;
    if (!match_pair(&looking->work, &looking->need, kind->which, donor->read, &match, &minutes))
        return RELIEF_why_no_link;
    if (match.count == 0)
        return match.candidate_count ? looking->candidate.reason : RELIEF_why_nothing_available;
    if (plan->scope.max_minutes != RELIEF_NIL && minutes > plan->scope.max_minutes)
        return RELIEF_why_too_late;
    if (donor->give <= 0)
        return RELIEF_why_nothing_available;
    ret->most = match.legs[0].quantity / kind->give;
    if (ret->most > donor->give)
        ret->most = donor->give;
    ret->minutes = minutes;
    ret->strict = strictness(plan, kind, &looking->need, minutes);
    return RELIEF_NIL;
}

static void add_pair(struct core_plan *plan, struct core_plan_kind *kind, const struct core_plan_pair *pair,
                     uint32_t *cap)
{
    if (kind->pair_count == *cap) {
        *cap = *cap ? 2 * *cap : 1024;
        struct core_plan_pair *pairs = plan_alloc(plan, &plan->round, *cap, sizeof *pairs);
        if (!pairs)
            return;
        if (kind->pair_count)
            memcpy(pairs, kind->pairs, kind->pair_count * sizeof *pairs);
        kind->pairs = pairs;
    }
    kind->pairs[kind->pair_count++] = *pair;
}

/* Reasons are those of the first look at a request: later, what keeps it short is what the plan gave to others. */
static int find_pairs(struct core_plan *plan, struct core_plan_kind *kind)
{
    uint32_t cap = 0, looked = 0;
    for (uint32_t i = 0; i < kind->taker_count; i++) {
        struct core_plan_taker *taker = &plan->takers[kind->takers[i]];
        struct looking looking = {.taker = taker, .unlinked = !has_links(plan, taker->request.city)};
        int result = plan->tell ? plan->tell(plan->context, i, kind->taker_count) : 0;
        for (uint32_t j = 0; result == 0 && !plan->full && j < kind->donor_count; j++) {
            struct core_plan_pair pair = {.donor = j, .taker = kind->takers[i]};
            if (j % LOOKS_KEPT == 0)
                look_anew(plan, &looking);
            if (stopped(plan, ++looked))
                return -ETIME;
            if (!taker->request.own_first && relief_str_eq(kind->donors[j].city, taker->request.city))
                continue;
            int64_t why = look(plan, kind, &looking, &kind->donors[j], &pair);
            if (why == RELIEF_NIL)
                add_pair(plan, kind, &pair, &cap);
            if (!taker->looked)
                ++*(why == RELIEF_NIL ? &taker->could : &taker->reasons[why]);
        }
        taker->looked = true;
        if (result)
            return result;
    }
    return 0;
}

uint32_t core_plan_substitutes(struct core_plan *plan, uint32_t kind)
{
    struct core_work work = passing_work(plan);
    struct relief_kind record;
    return work_kind(&work, plan->kinds[kind], &record) ? record.substitutes.count : 0;
}

/* What travels, in which packs. False: nobody knows it. */
static bool name_kind(struct core_plan *plan, uint32_t index, uint32_t which, struct core_plan_kind *ret)
{
    struct core_work work = plan_work(plan, &plan->round);
    struct relief_kind record;
    *ret = (struct core_plan_kind){.kind = plan->kinds[index], .which = which, .give = 1, .cover = 1};
    if (which == 0)
        return true;
    if (!work_kind(&work, plan->kinds[index], &record) || which > record.substitutes.count)
        return false;
    const struct relief_substitute *substitute = (const struct relief_substitute *)record.substitutes.items + which - 1;
    ret->kind = substitute->kind;
    ret->give = substitute->give;
    ret->cover = substitute->for_;
    return true;
}

int core_plan_kind(struct core_plan *plan, uint32_t index, uint32_t which, struct core_plan_kind *ret,
                   struct relief_refusal *refusal)
{
    int result;
    if (!plan_has_room(plan))
        return plan_too_large(refusal);
    relief_arena_reset(&plan->round);
    if (!name_kind(plan, index, which, ret))
        return 0;
    ret->takers = plan_alloc(plan, &plan->round, plan->taker_count + 1, sizeof *ret->takers);
    if (!ret->takers)
        return plan_too_large(refusal);
    for (uint32_t i = 0; i < plan->taker_count; i++) {
        const struct core_plan_taker *taker = &plan->takers[i];
        if (relief_str_eq(taker->request.kind, plan->kinds[index]) && taker->want - taker->got >= ret->cover &&
            (which == 0 || taker->request.substitutes))
            ret->takers[ret->taker_count++] = i;
    }
    if (!ret->taker_count)
        return 0;
    result = find_donors(plan, ret);
    if (result)
        return result;
    if ((uint64_t)ret->taker_count * ret->donor_count > CORE_PLAN_PAIRS_MAX)
        return relief_refuse(refusal, RELIEF_TOO_MANY,
                             "%u requests for kind %.*s and %u cities that have it: name a region or fewer requests",
                             ret->taker_count, (int)ret->kind.len, ret->kind.data, ret->donor_count);
    result = find_pairs(plan, ret);
    return result == 0 && !plan_has_room(plan) ? plan_too_large(refusal) : result;
}

int64_t core_plan_lives(struct core_plan *plan, const struct core_plan_kind *kind, const struct core_plan_pair *pair)
{
    const struct holding *holding = &kind->donors[pair->donor].read->holding;
    int64_t sum = 0;
    for (uint32_t i = 0; i < holding->count; i++) {
        const struct relief_lot *lot = &holding->lots[i];
        if (stock_lot_usable(lot, plan->now) && (lot->expires == RELIEF_NIL || lot->expires >= pair->strict))
            sum += lot->quantity - lot->held - lot->reserved;
    }
    for (uint32_t i = 0; i < holding->asset_count; i++) {
        const struct relief_asset *asset = &holding->assets[i];
        sum += asset->use == RELIEF_asset_use_free && asset->condition == RELIEF_condition_ready &&
               asset_rested(asset, plan->now) && -asset->level >= pair->strict;
    }
    return sum / kind->give;
}

/* ---- legs ---- */

/* Makes the legs of a match in the plan's state and notes them. */
static void make_legs(struct core_plan *plan, struct core_work *work, struct core_plan_taker *taker,
                      const struct match *match)
{
    for (uint32_t i = 0; i < match->count; i++) {
        const struct plan_leg *leg = &match->legs[i];
        leg_make(work, &taker->request, leg);
        taker->got += leg->covers;
        plan_note_leg(plan, taker, leg);
        if (!plan_has_room(plan))
            break;
    }
    if (match->count)
        leg_request_put(work, &taker->request);
}

int64_t core_plan_give(struct core_plan *plan, const struct core_plan_kind *kind, const struct core_plan_pair *pair,
                       int64_t units)
{
    struct core_work passing, work = plan_work(plan, &plan->arena);
    struct core_plan_taker *taker = &plan->takers[pair->taker];
    struct match match = {.open = units * kind->cover};
    struct need need;
    int64_t minutes, before = taker->got;
    if (!plan_has_room(plan))
        return 0;
    passing = passing_work(plan);
    need_of(&passing, &taker->request, &need);
    if (match_one(&passing, &need, kind->donors[pair->donor].city, kind->kind, &match, &minutes))
        make_legs(plan, &work, taker, &match);
    return (taker->got - before) / kind->cover;
}

void core_plan_match(struct core_plan *plan, uint32_t index)
{
    struct core_work passing, work = plan_work(plan, &plan->arena);
    struct core_plan_taker *taker = &plan->takers[index];
    struct match match = {.open = taker->want - taker->got};
    struct need need;
    if (!plan_has_room(plan))
        return;
    passing = passing_work(plan);
    need_of(&passing, &taker->request, &need);
    match_plan_from(&passing, &need, 0, &match);
    make_legs(plan, &work, taker, &match);
}
