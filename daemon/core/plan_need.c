/*
 * What a plan is made for: the requests that are re-planned, or what cities lack to their goal (fine print 59, 60).
 * Read only, from whatever state `work` has: the plan asks a snapshot, its application the state itself, and both must
 * come to the same.
 */
#include "core/plan_inside.h"

static struct core_plan_taker *add_taker(struct core_work *work, struct plan_needs *needs)
{
    if (needs->count == needs->cap) {
        uint32_t cap = needs->cap ? 2 * needs->cap : 64;
        struct core_plan_taker *takers = work_alloc(work, cap * sizeof *takers);
        if (needs->count)
            memcpy(takers, needs->takers, needs->count * sizeof *takers);
        needs->takers = takers;
        needs->cap = cap;
    }
    struct core_plan_taker *taker = &needs->takers[needs->count++];
    memset(taker, 0, sizeof *taker);
    return taker;
}

int plan_too_large(struct relief_refusal *refusal)
{
    return relief_refuse(refusal, RELIEF_TOO_MANY,
                         "the plan would be too large: name a region, kinds or fewer requests");
}

/*
 * Is there room for one more? An arena that is spent would end the daemon. Half of an entry's is left to what comes
 * after, and a plan takes no more than the entry that is to apply it can.
 */
static bool has_room(const struct core_work *work, const struct plan_needs *needs)
{
    const size_t bound = work->arena->bound < CORE_ARENA_BYTES ? work->arena->bound : CORE_ARENA_BYTES;
    return needs->count < CORE_PLAN_REQUESTS_MAX && work->arena->used < bound / 2;
}

bool plan_kinds_add(struct plan_kinds *kinds, struct relief_arena *arena, struct relief_str kind)
{
    for (uint32_t i = 0; i < kinds->count; i++)
        if (relief_str_eq(kinds->items[i], kind))
            return true;
    if (kinds->count == kinds->cap) {
        uint32_t cap = kinds->cap ? 2 * kinds->cap : 64;
        struct relief_str *items = relief_arena_alloc(arena, cap * sizeof *items);
        if (!items)
            return false;
        if (kinds->count)
            memcpy(items, kinds->items, kinds->count * sizeof *items);
        kinds->items = items;
        kinds->cap = cap;
    }
    kinds->items[kinds->count] = relief_arena_str(arena, kind);
    return kinds->items[kinds->count++].data != NULL;
}

static bool kind_before(const void *a, const void *b)
{
    return relief_str_cmp(*(const struct relief_str *)a, *(const struct relief_str *)b) < 0;
}

/* The kinds of the takers, each once, in order. */
static void note_kinds(struct core_work *work, struct plan_needs *needs)
{
    struct relief_str *kinds = work_alloc(work, (needs->count + 1) * sizeof *kinds);
    uint32_t count = 0;
    for (uint32_t i = 0; i < needs->count; i++)
        kinds[i] = needs->takers[i].request.kind;
    kinds = work_sort(work, kinds, needs->count, sizeof *kinds, kind_before);
    for (uint32_t i = 0; i < needs->count; i++)
        if (!count || !relief_str_eq(kinds[count - 1], kinds[i]))
            kinds[count++] = kinds[i];
    needs->kinds = (struct relief_list){kinds, count, 1};
}

/* ---- allocate ---- */

static bool taker_before(const void *left, const void *right)
{
    const struct relief_request *a = &((const struct core_plan_taker *)left)->request,
                                *b = &((const struct core_plan_taker *)right)->request;
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->submitted != b->submitted ? a->submitted < b->submitted : relief_str_cmp(a->id, b->id) < 0;
}

static bool may_plan(struct core_work *work, const struct core_plan_scope *scope, struct relief_str code)
{
    struct relief_city city;
    return !scope->within.data || (work_city(work, code, &city) && region_within(work, city.region, scope->within));
}

static int add_request(struct core_work *work, const struct core_plan_scope *scope, struct relief_str id,
                       struct plan_needs *needs, struct relief_refusal *refusal)
{
    struct relief_request request;
    const struct relief_dispatch *legs;
    struct core_work glance;
    if (!work_request(work, id, &request)) {
        relief_refuse_field(refusal, RELIEF_NOT_FOUND, "requests", "no request %.*s", (int)id.len, id.data);
        return RELIEF_NOT_FOUND;
    }
    if (!may_plan(work, scope, request.city))
        return relief_refuse_field(refusal, RELIEF_DENIED, "requests", "request %.*s is of a city outside your region",
                                   (int)id.len, id.data);
    if (!request_live(&request))
        return relief_refuse_field(refusal, RELIEF_BAD_STATE, "requests", "request %.*s is closed", (int)id.len,
                                   id.data);
    if (!has_room(work, needs))
        return plan_too_large(refusal);
    struct core_plan_taker *taker = add_taker(work, needs);
    taker->request = request;
    taker->weight = 6 - request.priority;
    glance = plan_glance(work);
    legs = request_legs(&glance, &request);
    for (uint32_t i = 0; i < request.dispatches.count; i++)
        if (leg_waits(&legs[i]))
            taker->covered += legs[i].covers;
    taker->want = request.open + taker->covered;
    return 0;
}

/* Of a request whose help has all left there is nothing to plan any more. */
static bool to_plan(struct core_work *work, const struct relief_request *request)
{
    struct core_work glance = plan_glance(work);
    const struct relief_dispatch *legs = request_legs(&glance, request);
    if (request->open > 0)
        return true;
    for (uint32_t i = 0; i < request->dispatches.count; i++)
        if (leg_waits(&legs[i]))
            return true;
    return false;
}

static int add_incident(struct core_work *work, const struct core_plan_scope *scope, struct plan_needs *needs,
                        struct relief_refusal *refusal)
{
    const struct relief_str incident = scope->incident;
    struct relief_incident record = {.id = incident};
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str id;
    int error = 0;
    if (!work_find(work, RELIEF_TABLE_incident, &record)) {
        relief_refuse_field(refusal, RELIEF_NOT_FOUND, "incident", "no incident %.*s", (int)incident.len,
                            incident.data);
        return RELIEF_NOT_FOUND;
    }
    work_scan(work, &cursor, &prefix, CORE_KEY_OF_INCIDENT, incident, RELIEF_STR_NONE);
    while (!error && work_scan_next(work, &cursor, &prefix, &id)) {
        struct relief_request request;
        if (work_request(work, id, &request) && may_plan(work, scope, request.city) && to_plan(work, &request))
            error = add_request(work, scope, id, needs, refusal);
    }
    return error;
}

int plan_needs_allocate(struct core_work *work, const struct core_plan_scope *scope, struct plan_needs *ret,
                        struct relief_refusal *refusal)
{
    const struct relief_str *ids = scope->requests.items;
    int error = 0;
    *ret = (struct plan_needs){0};
    if (scope->incident.data)
        error = add_incident(work, scope, ret, refusal);
    for (uint32_t i = 0; !error && i < scope->requests.count; i++)
        error = add_request(work, scope, ids[i], ret, refusal);
    if (error)
        return error;
    ret->takers = work_sort(work, ret->takers, ret->count, sizeof *ret->takers, taker_before);
    for (uint32_t i = 1; i < ret->count; i++) {
        struct relief_str id = ret->takers[i].request.id;
        if (relief_str_eq(ret->takers[i - 1].request.id, id))
            return relief_refuse_field(refusal, RELIEF_BAD_PARAMS, "requests", "request %.*s is named twice",
                                       (int)id.len, id.data);
    }
    note_kinds(work, ret);
    return 0;
}

/* ---- rebalance ---- */

static int64_t goal_of(struct core_work *work, const struct core_plan_scope *scope, const struct relief_city *city,
                       struct relief_str kind)
{
    struct relief_floor floor = {.city = city->code, .kind = kind};
    if (scope->goal == RELIEF_goal_target && work_find(work, RELIEF_TABLE_floor, &floor) && floor.target != RELIEF_NIL)
        return floor.target;
    return stock_floor_in_force(work, city, kind);
}

static int64_t free_units(const struct holding *holding)
{
    return holding->on_hand - holding->unusable - holding->held - holding->reserved;
}

int64_t plan_spare(struct core_work *work, const struct core_plan_scope *scope, struct relief_str code,
                   const struct relief_kind *kind)
{
    struct relief_city city;
    struct holding holding;
    int64_t goal, kept, spare;
    if (!work_city(work, code, &city))
        return 0;
    stock_holding(work, &city, kind, &holding);
    goal = goal_of(work, scope, &city, kind->code);
    kept = goal > holding.floor ? goal : holding.floor;
    spare = free_units(&holding) - kept;
    return spare > 0 ? spare : 0;
}

/* What legs that have not left will bring into the stock of a city, of each kind. */
struct coming {
    struct relief_str kind;
    int64_t units;
};

struct city_needs {
    const struct relief_city *city;
    struct coming *coming;
    uint32_t count, cap;
};

static void add_coming(struct core_work *work, struct city_needs *ret, struct relief_str kind, int64_t units)
{
    for (uint32_t i = 0; i < ret->count; i++) {
        if (relief_str_eq(ret->coming[i].kind, kind)) {
            ret->coming[i].units += units;
            return;
        }
    }
    if (ret->count == ret->cap) {
        uint32_t cap = ret->cap ? 2 * ret->cap : 8;
        struct coming *coming = work_alloc(work, cap * sizeof *coming);
        if (ret->count)
            memcpy(coming, ret->coming, ret->count * sizeof *coming);
        ret->coming = coming;
        ret->cap = cap;
    }
    ret->coming[ret->count++] = (struct coming){work_str(work, kind), units};
}

static void find_coming(struct core_work *work, struct city_needs *ret)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str id;
    work_scan(work, &cursor, &prefix, CORE_KEY_RESTOCKS, ret->city->code, RELIEF_STR_NONE);
    while (work_scan_next(work, &cursor, &prefix, &id)) {
        struct core_work glance = plan_glance(work);
        struct relief_request request;
        if (!work_request(&glance, id, &request))
            continue;
        const struct relief_dispatch *legs = request_legs(&glance, &request);
        for (uint32_t i = 0; i < request.dispatches.count; i++)
            if (leg_waits(&legs[i]))
                add_coming(work, ret, legs[i].kind, legs[i].quantity);
    }
}

static int64_t coming_of(const struct city_needs *needs, struct relief_str kind)
{
    for (uint32_t i = 0; i < needs->count; i++)
        if (relief_str_eq(needs->coming[i].kind, kind))
            return needs->coming[i].units;
    return 0;
}

/*
 * The request that apply would make; its id comes with the digest of the plan. Of the need (fine print 60) what earlier
 * legs will bring is not planned for once more.
 */
static void add_lack(struct core_work *work, struct relief_str city, struct relief_str kind, int64_t units,
                     int64_t coming, struct plan_needs *needs)
{
    struct core_plan_taker *taker = add_taker(work, needs);
    taker->coming = coming < units ? coming : units;
    units -= taker->coming;
    relief_shape_clear(&relief_shape_request, &taker->request);
    taker->request.city = city;
    taker->request.kind = kind;
    taker->request.quantity = taker->request.open = taker->want = units;
    taker->request.priority = 5;
    taker->request.own_first = taker->request.substitutes = taker->request.all_or_nothing = 0;
    taker->request.covered = taker->request.received = taker->request.shortfall = taker->request.asked = 0;
    taker->request.level = 0;
    taker->request.min_level = 4; /* any */
    taker->request.max_level = 3;
    taker->request.purpose = RELIEF_purpose_stock;
    taker->request.state = RELIEF_request_state_open;
    taker->request.dispatches = taker->request.excluded = (struct relief_list){work_alloc(work, 1), 0, 1};
    taker->weight = 1;
}

/* Fine print 60's need, or less than nothing. */
static int64_t lack_of(struct core_work *work, const struct core_plan_scope *scope, const struct relief_city *city,
                       struct relief_str code)
{
    struct core_work glance = plan_glance(work);
    struct relief_kind kind;
    struct holding holding;
    if (!work_kind(&glance, code, &kind))
        return 0;
    stock_holding(&glance, city, &kind, &holding);
    return goal_of(&glance, scope, city, code) - free_units(&holding) - stock_moving(&glance, city->code, code, 1);
}

static void look_at_city(struct core_work *work, const struct core_plan_scope *scope, const struct relief_city *city,
                         struct plan_needs *needs)
{
    struct city_needs of_city = {.city = city};
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str code;
    find_coming(work, &of_city);
    work_scan(work, &cursor, &prefix, CORE_KEY_RECORD + RELIEF_TABLE_floor, city->code, RELIEF_STR_NONE);
    while (work_scan_next(work, &cursor, &prefix, &code)) {
        if (scope->kinds.present && !ids_have(scope->kinds, code))
            continue;
        int64_t lack = lack_of(work, scope, city, code);
        if (!has_room(work, needs))
            return;
        if (lack > 0)
            add_lack(work, city->code, code, lack, coming_of(&of_city, code), needs);
    }
}

int plan_needs_rebalance(struct core_work *work, const struct core_plan_scope *scope, struct plan_needs *ret,
                         struct relief_refusal *refusal)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str code;
    *ret = (struct plan_needs){0};
    work_scan(work, &cursor, &prefix, CORE_KEY_RECORD + RELIEF_TABLE_city, RELIEF_STR_NONE, RELIEF_STR_NONE);
    while (work_scan_next(work, &cursor, &prefix, &code)) {
        struct relief_city city;
        if (!work_city(work, code, &city) || (scope->region.data && !region_within(work, city.region, scope->region)))
            continue;
        look_at_city(work, scope, &city, ret);
        if (!has_room(work, ret))
            return plan_too_large(refusal);
    }
    note_kinds(work, ret);
    return 0;
}
