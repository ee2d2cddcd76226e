/*
 * Continuous matching: what an entry made possible is matched in the same entry, so that afterwards matching the open
 * requests once more would change nothing (DESIGN 4).
 *
 * Before the entry the open requests were at that fixed point. So a request can only gain from a donor that may give
 * more than before, to it: stock that grew, a floor that fell, a link, an agreement. Such a donor is a try: the wake
 * looks at this donor alone, for the requests that it concerns. Where what a request itself may do has changed (its
 * city's mode, its region, its incident), it is matched in full; so is everything when the travel estimate changes.
 * Either way in the order of (priority, submitted, id), and one pass suffices: a request that takes units makes nothing
 * possible for another one.
 *
 * An entry makes at most RELIEF_WAKE_LEGS_MAX legs, and looks at about RELIEF_WAKE_LOOKS_MAX donors and requests, so
 * that one that finds nothing is bounded too. What is left is a record of the table wake: what was woken, and the place
 * that was reached. time.wake entries take up the oldest one, until none is owed; so every machine goes on at the same
 * place, after a restart too. Several may be owed: deadlines don't wait for a wake to end (engine/timer.c), and have
 * their own.
 */
#include "core/work.h"
#include <assert.h>
#include <stdio.h>

/* ---- what is woken ---- */

void wake_kind(struct core_work *work, struct relief_str kind)
{
    if (!ids_have(work->wake.kinds, kind))
        work->wake.kinds = work_ids_with(work, work->wake.kinds, kind);
}

void wake_donor(struct core_work *work, const struct wake_try *one)
{
    struct core_wake *wake = &work->wake;
    assert(wake->try_count < WORK_TRIES_MAX); /* no command has more than two */
    wake->tries[wake->try_count++] = *one;
}

void wake_pair(struct core_work *work, struct relief_str donor, struct relief_str kind)
{
    struct core_wake *wake = &work->wake;
    for (unsigned i = 0; i < wake->try_count; i++)
        if (relief_str_eq(wake->tries[i].donor, donor) && relief_str_eq(wake->tries[i].kind, kind))
            return;
    if (wake->kinds.count || wake->try_count == WORK_TRIES_MAX) {
        for (unsigned i = 0; i < wake->try_count; i++)
            wake_kind(work, wake->tries[i].kind);
        wake->try_count = 0;
        wake_kind(work, kind);
    } else {
        wake->tries[wake->try_count++] = (struct wake_try){.donor = donor, .kind = kind};
    }
}

static bool wakes_by_place(const struct core_wake *wake)
{
    return wake->all || wake->city.data || wake->region.data || wake->incident.data;
}

static bool wakes_nothing(const struct core_wake *wake)
{
    return !wakes_by_place(wake) && !wake->try_count && !wake->kinds.count && !wake->request.data;
}

/* ---- its record, when it goes on ---- */

static void put_record(struct core_work *work, const struct core_wake *wake)
{
    struct relief_wake_try *tries = work_alloc(work, (wake->try_count + 1) * sizeof *tries);
    struct relief_wake record = {.id = wake->id,
                                 .tries = {tries, wake->try_count, 1},
                                 .prefixes = wake->prefixes,
                                 .everything = wake->all,
                                 .city = wake->city,
                                 .region = wake->region,
                                 .below = wake->below,
                                 .kinds = {wake->kinds.items ? wake->kinds.items : (void *)tries, wake->kinds.count, 1},
                                 .incident = wake->incident,
                                 .request = wake->request,
                                 .priority = wake->after.priority,
                                 .submitted = wake->after.submitted,
                                 .after = wake->after.id};
    for (unsigned i = 0; i < wake->try_count; i++) {
        const struct wake_try *one = &wake->tries[i];
        tries[i] = (struct relief_wake_try){
            .donor = one->donor, .kind = one->kind, .city = one->city, .region = one->region, .floors = one->floors};
    }
    if (!record.id.data) {
        char *id = work_alloc(work, 24);
        int len = snprintf(id, 24, "%020llu", (unsigned long long)work->entry->seq);
        record.id = (struct relief_str){id, (uint32_t)len};
    }
    work_put(work, RELIEF_TABLE_wake, &record);
}

bool wake_take_up(struct core_work *work)
{
    struct core_wake *wake = &work->wake;
    struct relief_wake record;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    const struct relief_wake_try *tries;
    core_key_table(&prefix, RELIEF_TABLE_wake);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    if (!work->view->ops->next(work->view, &cursor, &key, &value))
        return false;
    work_decode(work, RELIEF_TABLE_wake, value, &record);
    tries = record.tries.items;
    assert(record.tries.count <= WORK_TRIES_MAX);
    *wake = (struct core_wake){
        .try_count = record.tries.count,
        .prefixes = record.prefixes,
        .all = record.everything,
        .city = record.city,
        .region = record.region,
        .below = record.below,
        .kinds = record.kinds,
        .incident = record.incident,
        .request = record.request,
        .id = record.id,
        .after = {(uint8_t)record.priority, record.submitted, record.after},
    };
    for (unsigned i = 0; i < wake->try_count; i++)
        wake->tries[i] =
            (struct wake_try){tries[i].donor, tries[i].kind, tries[i].city, tries[i].region, tries[i].floors};
    return true;
}

bool core_wake_owed(struct core_view *view)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    core_key_table(&prefix, RELIEF_TABLE_wake);
    view->ops->scan(view, &cursor, &prefix, NULL);
    return view->ops->next(view, &cursor, &key, &value);
}

/* ---- what a donor is tried for ---- */

static bool holds_free(struct core_work *work, struct relief_str donor, struct relief_str kind)
{
    struct core_key key;
    struct relief_str value;
    core_key_start(&key, CORE_KEY_HOLDER);
    core_key_str(&key, kind);
    core_key_str(&key, donor);
    value = work->view->ops->get(work->view, &key);
    return value.data && !*value.data;
}

/* Is the floor in force lower than that of the other mode? A machine's crew has floors of its own. */
static bool floor_fell(struct core_work *work, struct relief_str donor, const struct relief_kind *kind)
{
    struct relief_city city;
    int64_t floor, other;
    if (kind->class_ == RELIEF_class_equipment)
        return true;
    if (!work_city(work, donor, &city))
        return false;
    floor = stock_floor_in_force(work, &city, kind->code);
    city.mode = city.mode == RELIEF_mode_normal ? RELIEF_mode_emergency : RELIEF_mode_normal;
    other = stock_floor_in_force(work, &city, kind->code);
    return floor < other;
}

static bool prefixed(const struct core_wake *wake, struct relief_str kind)
{
    const struct relief_str *prefixes = wake->prefixes.items;
    for (uint32_t i = 0; i < wake->prefixes.count; i++)
        if (relief_str_starts(kind, prefixes[i]))
            return true;
    return !wake->prefixes.present;
}

bool wake_tries(struct core_work *work, const struct core_wake *wake, const struct wake_try *one,
                const struct relief_kind *kind)
{
    return (!one->kind.data || relief_str_eq(one->kind, kind->code)) && prefixed(wake, kind->code) &&
           holds_free(work, one->donor, kind->code) && (!one->floors || floor_fell(work, one->donor, kind));
}

/* ---- which requests ---- */

#define SERVED_MAX                                                                                                     \
    256u /* kinds that a few kinds stand in for, and themselves; with more, all open kinds are looked at */

struct served {
    struct relief_str kind;
    bool full;
};

struct picking {
    struct served *kinds;
    unsigned count;
};

static bool pick(struct picking *picking, struct relief_str kind, bool full)
{
    for (unsigned i = 0; i < picking->count; i++)
        if (relief_str_eq(picking->kinds[i].kind, kind)) {
            picking->kinds[i].full |= full;
            return true;
        }
    if (picking->count == SERVED_MAX)
        return false;
    picking->kinds[picking->count++] = (struct served){kind, full};
    return true;
}

/* The kind and those that list it as a substitute. */
static bool pick_served(struct core_work *work, struct picking *picking, struct relief_str kind, bool full)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    if (!pick(picking, kind, full))
        return false;
    core_key_start(&prefix, CORE_KEY_SUBSTITUTE);
    core_key_str(&prefix, kind);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        if (!pick(picking, work_str(work, core_key_take_str(key, &at)), full))
            return false;
    }
    return true;
}

/* By the index of substitutes: when all that is woken names its kind, and these are few. */
static bool add_served(struct core_work *work, struct waiting *waiting)
{
    const struct core_wake *wake = &work->wake;
    const struct relief_str *kinds = wake->kinds.items;
    struct picking picking = {0};
    if (wakes_by_place(wake))
        return false;
    picking.kinds = work_alloc(work, SERVED_MAX * sizeof *picking.kinds);
    for (unsigned i = 0; i < wake->try_count; i++)
        if (!wake->tries[i].kind.data || !pick_served(work, &picking, wake->tries[i].kind, false))
            return false;
    for (uint32_t i = 0; i < wake->kinds.count; i++)
        if (!pick_served(work, &picking, kinds[i], true))
            return false;
    for (unsigned i = 0; i < picking.count; i++)
        waiting_add(work, waiting, picking.kinds[i].kind, picking.kinds[i].full);
    return true;
}

/* Is anything that a request for this kind may get woken? */
static bool kind_woken(struct core_work *work, const struct relief_kind *kind, bool *ret_full)
{
    const struct core_wake *wake = &work->wake;
    const struct relief_substitute *substitutes = kind->substitutes.items;
    bool tried = false;
    *ret_full = false;
    for (uint32_t i = 0; i <= kind->substitutes.count && !*ret_full; i++) {
        struct relief_kind want = *kind;
        if (i && !work_kind(work, substitutes[i - 1].kind, &want))
            continue;
        *ret_full = ids_have(wake->kinds, want.code);
        for (unsigned j = 0; j < wake->try_count && !tried; j++)
            tried = wake_tries(work, wake, &wake->tries[j], &want);
    }
    return tried || *ret_full;
}

/* By looking at every kind of which something is open. */
static void add_all(struct core_work *work, struct waiting *waiting)
{
    struct relief_str code = RELIEF_STR_NONE;
    struct relief_kind kind;
    while (waiting_kind_after(work, code, &code)) {
        bool full = false, there = work_kind(work, code, &kind);
        assert(there);
        (void)there;
        if (kind_woken(work, &kind, &full) || wakes_by_place(&work->wake))
            waiting_add(work, waiting, code, full);
    }
}

static bool woken_in_full(struct core_work *work, const struct relief_request *request)
{
    const struct core_wake *wake = &work->wake;
    struct relief_city city;
    if (wake->all || (wake->city.data && relief_str_eq(wake->city, request->city)) ||
        (wake->incident.data && relief_str_eq(wake->incident, request->incident)) ||
        (wake->request.data && relief_str_eq(wake->request, request->id)))
        return true;
    if (!wake->region.data || !work_city(work, request->city, &city))
        return false;
    return wake->below ? region_within(work, city.region, wake->region) : relief_str_eq(city.region, wake->region);
}

/* ---- matching ---- */

bool wake_request(struct core_work *work, struct relief_request *request, const struct core_wake *tries)
{
    struct need need;
    struct match match = {0};
    match_need(work, request, &need);
    if (tries)
        match_plan_tries(work, &need, tries, &match);
    else
        match_plan(work, &need, &match);
    for (uint32_t i = 0; i < match.count; i++)
        leg_make(work, request, &match.legs[i]);
    if (match.count)
        leg_request_put(work, request);
    return match.count > 0;
}

/* The donors of all tries have nothing left of the kinds that they were tried for. */
static bool tries_spent(struct core_work *work)
{
    const struct core_wake *wake = &work->wake;
    for (unsigned i = 0; i < wake->try_count; i++)
        if (!wake->tries[i].kind.data || holds_free(work, wake->tries[i].donor, wake->tries[i].kind))
            return false;
    return true;
}

static void wake_one(struct core_work *work, struct relief_str id, bool full)
{
    struct relief_request request;
    work->looks++;
    if (!work_request(work, id, &request) || !request_live(&request) || request.open <= 0)
        return;
    if (full || woken_in_full(work, &request))
        wake_request(work, &request, NULL);
    else if (work->wake.try_count)
        wake_request(work, &request, &work->wake);
}

static bool bound_reached(const struct core_work *work)
{
    return work->legs_made >= RELIEF_WAKE_LEGS_MAX || work->looks >= work->core->looks_max;
}

/* False when a bound was reached and more is waiting. */
static bool serve(struct core_work *work, struct waiting *waiting)
{
    struct core_wake *wake = &work->wake;
    bool full, own_served = false, only_tries = !wake->kinds.count && !wakes_by_place(wake);
    while (waiting_next(work, waiting, &wake->after, &full)) {
        bool own = relief_str_eq(wake->after.id, wake->request);
        if (!full && only_tries && tries_spent(work)) {
            waiting_keep_full(waiting);
            continue;
        }
        if (own && own_served)
            continue; /* it waits among those of its kind, too */
        own_served |= own;
        wake_one(work, wake->after.id, full);
        if (bound_reached(work) && !waiting_over(waiting))
            return false;
    }
    return true;
}

static void run(struct core_work *work)
{
    struct core_wake *wake = &work->wake;
    struct waiting *waiting = waiting_new(work, &wake->after);
    struct relief_request request;
    if (!add_served(work, waiting)) {
        waiting = waiting_new(work, &wake->after);
        add_all(work, waiting);
    }
    if (wake->request.data && work_request(work, wake->request, &request) && request_live(&request) && request.open > 0)
        waiting_add_one(work, waiting, &request);
    else
        wake->request = RELIEF_STR_NONE;
    if (!serve(work, waiting)) {
        put_record(work, wake);
    } else if (wake->id.data) {
        struct relief_wake record = {.id = wake->id};
        work_remove(work, RELIEF_TABLE_wake, &record);
    }
}

#define LOOKS_A_LEG 4u /* making a leg costs about as much as looking at so many donors */

void wake_run(struct core_work *work)
{
    if (!wakes_nothing(&work->wake))
        run(work);
    work->fx->more = core_wake_owed(work->view);
    work->fx->looks = work->looks + LOOKS_A_LEG * work->legs_made;
}
