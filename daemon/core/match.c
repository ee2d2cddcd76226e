/*
 * The matcher (DESIGN 4): for what a request still looks for, which donor gives how much from which lots, in which
 * order, and why each of the others gives nothing. It plans without changing anything; leg.c carries the plan out.
 *
 * Order: the exact kind over all levels, then each substitute over all levels. Inside a level by earliest arrival, then
 * kept-promise score, then city code. The view hands over holders by (minutes, code), so only holders that arrive in
 * the same minute are compared by score. Holders that have nothing above their floor are not even seen, unless an
 * explanation is wanted; so the cost grows with the donors looked at.
 */
#include "core/work.h"
#include <assert.h>
#include "core/geo.h"

/* 1000 x units needs 73 bits. */
__extension__ typedef __int128 wide;

#define CANDIDATES_MAX 1000u /* of an explanation: keeps the answer well below a frame */

/* One kind that is looked for: the exact one, or a substitute with its ratio. */
struct want {
    struct relief_kind kind;
    int64_t give, for_;
};

int64_t match_level_max(int64_t max_level, int64_t priority, int64_t mode)
{
    if (max_level != RELIEF_NIL)
        return max_level;
    return priority == 1 || mode == RELIEF_mode_emergency ? 3 : 2;
}

void match_need(struct core_work *work, const struct relief_request *request, struct need *ret)
{
    struct relief_region region;
    bool there = work_city(work, request->city, &ret->city) && work_kind(work, request->kind, &ret->kind);
    assert(there); /* neither cities nor kinds are ever removed */
    (void)there;
    ret->request = request;
    ret->level_max = match_level_max(request->max_level, request->priority, ret->city.mode);
    region.id = ret->city.region;
    ret->neighbour_minutes = RELIEF_NEIGHBOUR_MINUTES;
    ret->unlinked = false;
    if (work_find(work, RELIEF_TABLE_region, &region) && region.neighbour_minutes != RELIEF_NIL)
        ret->neighbour_minutes = region.neighbour_minutes;
    ret->incident.id = request->incident;
    if (request->incident.data && !work_find(work, RELIEF_TABLE_incident, &ret->incident))
        ret->incident.id = RELIEF_STR_NONE;
}

/* ---- one donor ---- */

struct look {
    struct relief_city donor;
    int64_t level, minutes; /* minutes RELIEF_NIL: no open link */
    bool own;
    const struct match_donor *read; /* what is known of the donor already, or NULL */
};

static bool affected(const struct need *need, struct relief_str donor)
{
    const struct relief_incident *incident = &need->incident;
    if (!incident->id.data)
        return false;
    return (relief_str_eq(donor, incident->origin) || ids_have(incident->affected, donor)) &&
           !ids_have(incident->donating, donor);
}

static bool outlives(const struct relief_lot *lot, const struct relief_kind *kind, int64_t arrival)
{
    return lot->expires == RELIEF_NIL || lot->expires >= arrival + kind->min_life_days * RELIEF_DAY_MS;
}

static int64_t lot_free(const struct relief_lot *lot)
{
    return lot->quantity - lot->held - lot->reserved;
}

/* Units of the lots that may travel; *ret_any tells of usable units that are free at all. */
static int64_t free_that_lives(const struct holding *holding, const struct relief_kind *kind, int64_t now,
                               int64_t arrival, bool *ret_any)
{
    int64_t sum = 0;
    *ret_any = false;
    for (uint32_t i = 0; i < holding->count; i++) {
        const struct relief_lot *lot = &holding->lots[i];
        if (!stock_lot_usable(lot, now) || lot_free(lot) <= 0)
            continue;
        *ret_any = true;
        if (outlives(lot, kind, arrival))
            sum += lot_free(lot);
    }
    return sum;
}

struct relief_list match_pick_lots(struct core_work *work, const struct holding *holding,
                                   const struct relief_kind *kind, int64_t arrival, int64_t units)
{
    struct relief_leg_lot *picked = work_alloc(work, holding->count * sizeof *picked);
    uint32_t count = 0;
    for (uint32_t i = 0; units; i++) {
        const struct relief_lot *lot = &holding->lots[i];
        int64_t part;
        assert(i < holding->count);
        if (!stock_lot_usable(lot, work->now) || !outlives(lot, kind, arrival) || lot_free(lot) <= 0)
            continue;
        part = lot_free(lot) < units ? lot_free(lot) : units;
        picked[count++] = (struct relief_leg_lot){lot->lot, part};
        units -= part;
    }
    return (struct relief_list){picked, count, 1};
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What keeps the donor out before its stock is looked at; -1 for nothing. Fills in the terms. */
static int kept_out(struct core_work *work, const struct need *need, const struct want *want, const struct look *look,
                    struct terms *ret_terms)
{
    const struct relief_request *request = need->request;
    *ret_terms = (struct terms){RELIEF_STR_NONE, RELIEF_commit_auto, 100, 0};
    if (ids_have(request->excluded, look->donor.code))
        return RELIEF_why_excluded;
    if (!look->own && affected(need, look->donor.code))
        return RELIEF_why_affected;
    if (look->minutes == RELIEF_NIL)
        return RELIEF_why_no_link;
    if (request->needed_by != RELIEF_NIL && work->now + look->minutes * RELIEF_MINUTE_MS > request->needed_by)
        return RELIEF_why_too_late;
    if (!look->own &&
        !(look->read && !look->read->signs ? agree_default(work, &look->donor, &need->city, ret_terms)
                                           : agree_find(work, &look->donor, &need->city, want->kind.code, ret_terms)))
        return RELIEF_why_no_agreement;
    return -1;
}

static void note_candidate(struct core_work *work, struct match *match, const struct want *want,
                           const struct look *look, const struct holding *holding, int64_t gives, int why)
{
    if (match->candidate_count == CANDIDATES_MAX)
        return;
    if (!match->candidates)
        match->candidates = work_alloc(work, CANDIDATES_MAX * sizeof *match->candidates);
    match->candidates[match->candidate_count++] = (struct relief_candidate){.city = look->donor.code,
                                                                            .level = look->level,
                                                                            .minutes = look->minutes,
                                                                            .kind = want->kind.code,
                                                                            .gives = gives,
                                                                            .reason = why < 0 ? RELIEF_NIL : why,
                                                                            .available = holding->available,
                                                                            .floor = holding->floor,
                                                                            .held = holding->held,
                                                                            .reserved = holding->reserved};
}

static void add_leg(struct core_work *work, struct match *match, const struct plan_leg *leg)
{
    if (match->count == match->cap) {
        uint32_t cap = match->cap ? match->cap * 2 : 4;
        struct plan_leg *legs = work_alloc(work, cap * sizeof *legs);
        if (match->count)
            memcpy(legs, match->legs, match->count * sizeof *legs);
        match->legs = legs;
        match->cap = cap;
    }
    match->legs[match->count++] = *leg;
}

/* Looks at one donor: adds its leg to the plan, or notes why there is none. */
static void look_at(struct core_work *work, const struct need *need, const struct want *want, const struct look *look,
                    struct match *match)
{
    struct terms terms;
    struct holding holding = {0}, there; /* there: as it stands, for the explanation */
    struct crew crew = {.why = -1};
    int64_t packs, units = 0, arrival = 0, lives = 0;
    bool any = false;
    int why = kept_out(work, need, want, look, &terms);
    work->looks++;
    if (why >= 0 && !match->explain)
        return;
    if (look->read)
        holding = look->read->holding;
    else
        stock_holding(work, &look->donor, &want->kind, &holding);
    there = holding;
    crew_leave_planned(match, look->donor.code, &holding);
    if (why < 0) {
        arrival = work->now + look->minutes * RELIEF_MINUTE_MS;
        units =
            least(holding.available, agree_limit(work, &terms, look->donor.code, want->kind.code, holding.available));
        if (want->kind.class_ == RELIEF_class_supply) {
            lives = free_that_lives(&holding, &want->kind, work->now, arrival, &any);
            units = least(units, lives);
        }
        packs = least(units / want->give, match->open / want->for_);
        units = packs * want->give;
        if (want->kind.class_ != RELIEF_class_supply && (units || match->explain)) {
            const struct crew_want pieces = {
                .units = units, .give = want->give, .min_level = need->request->min_level, .arrival = arrival};
            crew_pick(work, match, &look->donor, &want->kind, &holding, &pieces, &crew);
            units = crew.assets.count;
        }
        if (!units)
            why = any && !lives ? RELIEF_why_life : crew.why >= 0 ? crew.why : RELIEF_why_nothing_available;
    }
    if (match->explain && (holding.count || holding.asset_count)) /* cities that hold none of the kind are left out */
        note_candidate(work, match, want, look, &there, units, why);
    if (!units)
        return;
    struct plan_leg leg = {.donor = look->donor.code,
                           .kind = want->kind.code,
                           .agreement = terms.agreement,
                           .quantity = units,
                           .covers = units / want->give * want->for_,
                           .give = want->give,
                           .for_ = want->for_,
                           .level = look->level,
                           .minutes = look->minutes,
                           .commit = terms.commit,
                           .answer_minutes = terms.answer_minutes,
                           .lots = {NULL, 0, 1},
                           .assets = crew.assets,
                           .operators = crew.operators};
    if (want->kind.class_ == RELIEF_class_supply)
        leg.lots = match_pick_lots(work, &holding, &want->kind, arrival, units);
    add_leg(work, match, &leg);
    match->open -= leg.covers;
}

/* ---- order of donors ---- */

/* Fine print 45; 1000 when nothing is known. */
static int64_t score(struct core_work *work, struct relief_str donor)
{
    struct core_key key;
    struct relief_str value;
    int64_t numbers[2];
    core_key_start(&key, CORE_KEY_SCORE);
    core_key_str(&key, donor);
    value = work->view->ops->get(work->view, &key);
    if (!value.data)
        return 1000;
    memcpy(numbers, value.data, sizeof numbers);
    if (!numbers[0])
        return 1000;
    return (int64_t)((wide)1000 * numbers[1] / numbers[0]);
}

struct tied {
    struct relief_str city;
    int64_t score;
};

static bool tied_before(const struct tied *a, const struct tied *b)
{
    return a->score != b->score ? a->score > b->score : relief_str_cmp(a->city, b->city) < 0;
}

/* Holders of the same minute, sorted by insertion: they come in order of their codes, and scores mostly agree. */
struct group {
    struct tied *items;
    uint32_t count, cap;
    int64_t minutes;
};

static void group_add(struct core_work *work, struct group *group, struct relief_str city)
{
    struct tied item = {work_str(work, city), 0};
    uint32_t at;
    if (group->count == 1)
        group->items[0].score = score(work, group->items[0].city);
    if (group->count) /* the scores matter to several only, and mostly there is one */
        item.score = score(work, city);
    if (group->count == group->cap) {
        uint32_t cap = group->cap ? group->cap * 2 : 4;
        struct tied *items = work_alloc(work, cap * sizeof *items);
        if (group->count)
            memcpy(items, group->items, group->count * sizeof *items);
        group->items = items;
        group->cap = cap;
    }
    for (at = group->count; at > 0 && tied_before(&item, &group->items[at - 1]); at--)
        group->items[at] = group->items[at - 1];
    group->items[at] = item;
    group->count++;
}

static void group_look(struct core_work *work, const struct need *need, const struct want *want, struct group *group,
                       int64_t level, struct match *match)
{
    for (uint32_t i = 0; i < group->count && match->open > 0; i++) {
        struct look look = {.level = level, .minutes = group->minutes, .own = false};
        if (work_city(work, group->items[i].city, &look.donor))
            look_at(work, need, want, &look, match);
    }
    group->count = 0;
}

/* All holders that the query finds, up to minutes_max, until the need is covered. */
static void look_at_level(struct core_work *work, const struct need *need, const struct want *want,
                          const struct core_near_query *query, int64_t minutes_max, int64_t level, struct match *match)
{
    struct core_near *near = work->view->ops->near_begin(work->view, query);
    struct core_holder holder;
    struct group group = {0};
    while (match->open > 0 && work->view->ops->near_next(work->view, near, &holder)) {
        if (minutes_max >= 0 && (holder.minutes == RELIEF_NIL || holder.minutes > minutes_max))
            break;
        if (group.count && holder.minutes != group.minutes) {
            group_look(work, need, want, &group, level, match);
            if (match->open == 0)
                break;
        }
        group.minutes = holder.minutes;
        group_add(work, &group, holder.city);
    }
    work->view->ops->near_end(work->view, near);
    group_look(work, need, want, &group, level, match);
}

static void look_around(struct core_work *work, const struct need *need, const struct want *want, struct match *match)
{
    struct core_near_query query = {
        .kind = want->kind.code, .to = need->city.code, .over_minutes = -1, .idle_too = match->explain};
    struct relief_str below;
    if (need->request->own_first && match->open > 0) {
        struct look own = {.donor = need->city, .own = true};
        look_at(work, need, want, &own, match);
    }
    if (need->level_max >= 1 && match->open > 0)
        look_at_level(work, need, want, &query, need->neighbour_minutes, 1, match);
    query.over_minutes = need->neighbour_minutes;
    query.region = need->city.region;
    if (need->level_max >= 2 && match->open > 0)
        look_at_level(work, need, want, &query, -1, 2, match);
    below = need->city.region;
    for (int depth = 0; need->level_max >= 3 && match->open > 0 && depth < RELIEF_REGION_DEPTH_MAX; depth++) {
        query.region = region_parent(work, below);
        query.but_region = below;
        if (!query.region.data)
            break;
        look_at_level(work, need, want, &query, -1, 3, match);
        below = query.region;
    }
}

/* ---- the kinds that are looked for ---- */

/* The i-th: 0 the exact kind, then the substitutes. False past the last; *ret_known tells whether the kind exists. */
static bool want_at(struct core_work *work, const struct need *need, uint32_t i, struct want *ret, bool *ret_known)
{
    const struct relief_substitute *substitutes = need->kind.substitutes.items;
    *ret_known = true;
    if (i == 0) {
        *ret = (struct want){need->kind, 1, 1};
        return true;
    }
    if (!need->request->substitutes || i > need->kind.substitutes.count)
        return false;
    ret->give = substitutes[i - 1].give;
    ret->for_ = substitutes[i - 1].for_;
    *ret_known = !relief_str_eq(substitutes[i - 1].kind, need->kind.code) &&
                 work_kind(work, substitutes[i - 1].kind, &ret->kind);
    for (uint32_t j = 0; j + 1 < i; j++) /* a kind listed twice counts where it stands first */
        if (relief_str_eq(substitutes[j].kind, substitutes[i - 1].kind))
            *ret_known = false;
    return true;
}

void match_plan_from(struct core_work *work, const struct need *need, uint32_t first, struct match *match)
{
    struct want want;
    bool known;
    for (uint32_t i = first; match->open > 0 && want_at(work, need, i, &want, &known); i++)
        if (known)
            look_around(work, need, &want, match);
}

void match_plan(struct core_work *work, const struct need *need, struct match *match)
{
    match->open = need->request->open;
    match_plan_from(work, need, 0, match);
}

/* ---- single donors, for wakes ---- */

struct single {
    struct look look;
    int64_t ring, score;
};

static int64_t travel_minutes(struct core_work *work, const struct relief_city *from, const struct need *need)
{
    const struct relief_city *to = &need->city;
    struct relief_link link = {.from = from->code, .to = to->code};
    struct relief_travel travel = {.id = RELIEF_STR("travel")};
    if (!need->unlinked && work_find(work, RELIEF_TABLE_link, &link))
        return link.open ? link.minutes : RELIEF_NIL;
    if (!work_find(work, RELIEF_TABLE_travel, &travel))
        travel = (struct relief_travel){.permille = RELIEF_ROAD_PERMILLE, .km_per_hour = RELIEF_ROAD_KM_PER_HOUR};
    return core_geo_minutes(core_geo_metres(from->lat, from->lon, to->lat, to->lon), travel.permille,
                            travel.km_per_hour);
}

/* The level and ring at which the matcher looks at ret->look.donor; false: at none that is allowed. */
static bool place(struct core_work *work, const struct need *need, struct single *ret)
{
    struct relief_str ring;
    if (relief_str_eq(ret->look.donor.code, need->city.code)) {
        ret->look.own = true;
        return need->request->own_first;
    }
    ret->look.minutes = travel_minutes(work, &ret->look.donor, need);
    if (ret->look.minutes == RELIEF_NIL)
        return false;
    if (ret->look.minutes <= need->neighbour_minutes) {
        ret->look.level = 1;
        return need->level_max >= 1;
    }
    ring = need->city.region;
    for (int depth = 0; ring.data && depth <= RELIEF_REGION_DEPTH_MAX; depth++, ring = region_parent(work, ring)) {
        ret->look.level = depth ? 3 : 2;
        ret->ring = depth;
        if (need->level_max < ret->look.level)
            return false;
        if (region_within(work, ret->look.donor.region, ring))
            return true;
    }
    return false;
}

static bool place_single(struct core_work *work, const struct need *need, struct relief_str donor, struct single *ret)
{
    *ret = (struct single){0};
    return work_city(work, donor, &ret->look.donor) && place(work, need, ret);
}

static bool single_before(const struct single *a, const struct single *b)
{
    if (a->look.level != b->look.level)
        return a->look.level < b->look.level;
    if (a->ring != b->ring)
        return a->ring < b->ring;
    if (a->look.minutes != b->look.minutes)
        return a->look.minutes < b->look.minutes;
    if (a->score != b->score)
        return a->score > b->score;
    return relief_str_cmp(a->look.donor.code, b->look.donor.code) < 0;
}

int64_t match_free(struct core_work *work, const struct holding *holding, const struct relief_kind *kind,
                   int64_t arrival)
{
    bool any;
    return free_that_lives(holding, kind, work->now, arrival, &any);
}

bool match_place(struct core_work *work, const struct need *need, struct relief_str donor, int64_t *ret_level,
                 int64_t *ret_minutes)
{
    struct need everywhere = *need;
    struct single single;
    everywhere.level_max = 3;
    if (!place_single(work, &everywhere, donor, &single)) {
        if (!single.look.own && single.look.minutes == RELIEF_NIL)
            return false;
        single.look.level = single.look.own ? 0 : 3;
    }
    *ret_level = single.look.level;
    *ret_minutes = single.look.minutes;
    return true;
}

bool match_one(struct core_work *work, const struct need *need, struct relief_str donor, struct relief_str kind,
               struct match *match, int64_t *ret_minutes)
{
    struct single single;
    struct want want;
    bool known;
    if (!place_single(work, need, donor, &single))
        return false;
    *ret_minutes = single.look.minutes;
    for (uint32_t i = 0; want_at(work, need, i, &want, &known); i++) {
        if (known && relief_str_eq(want.kind.code, kind)) {
            look_at(work, need, &want, &single.look, match);
            return true;
        }
    }
    return false;
}

bool match_pair(struct core_work *work, const struct need *need, uint32_t which, const struct match_donor *donor,
                struct match *match, int64_t *ret_minutes)
{
    struct single single = {.look = {.donor = donor->city, .read = donor}};
    struct want want;
    bool known;
    if (!want_at(work, need, which, &want, &known) || !known || !place(work, need, &single))
        return false;
    *ret_minutes = single.look.minutes;
    look_at(work, need, &want, &single.look, match);
    return true;
}

static bool tried_for(struct core_work *work, const struct wake_try *one, const struct need *need)
{
    return (!one->city.data || relief_str_eq(one->city, need->city.code)) &&
           (!one->region.data || region_within(work, need->city.region, one->region));
}

/* Puts the donor in its place; a donor that two tries name is looked at once. */
static unsigned add_single(const struct single *single, struct single *singles, unsigned count)
{
    unsigned at;
    for (at = 0; at < count; at++)
        if (relief_str_eq(singles[at].look.donor.code, single->look.donor.code))
            return count;
    for (at = count; at > 0 && single_before(single, &singles[at - 1]); at--)
        singles[at] = singles[at - 1];
    singles[at] = *single;
    return count + 1;
}

void match_plan_tries(struct core_work *work, const struct need *need, const struct core_wake *wake,
                      struct match *match)
{
    struct want want;
    bool known;
    match->open = need->request->open;
    for (uint32_t i = 0; match->open > 0 && want_at(work, need, i, &want, &known); i++) {
        struct single singles[WORK_TRIES_MAX], single;
        unsigned found = 0;
        for (unsigned j = 0; known && j < wake->try_count; j++)
            if (tried_for(work, &wake->tries[j], need) && wake_tries(work, wake, &wake->tries[j], &want.kind) &&
                place_single(work, need, wake->tries[j].donor, &single)) {
                single.score = score(work, wake->tries[j].donor);
                found = add_single(&single, singles, found);
            }
        for (unsigned j = 0; j < found && match->open > 0; j++)
            look_at(work, need, &want, &singles[j].look, match);
    }
}
