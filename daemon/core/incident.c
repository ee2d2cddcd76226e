/*
 * Incidents and agreements: who is affected, who donates all the same, and what cities have promised each other.
 */
#include "core/work.h"

/* ---- incidents ---- */

static int check_cities(struct core_work *work, const char *field, struct relief_list list)
{
    const struct relief_str *items = list.items;
    struct relief_city city;
    for (uint32_t i = 0; i < list.count; i++)
        if (!work_city(work, items[i], &city))
            return work_not_found(work, field, items[i]);
    return 0;
}

static int check_donating(struct core_work *work, const struct relief_incident *incident)
{
    const struct relief_str *items = incident->donating.items;
    for (uint32_t i = 0; i < incident->donating.count; i++)
        if (!relief_str_eq(items[i], incident->origin) && !ids_have(incident->affected, items[i]))
            return work_bad_params(work, "donating", "%.*s is not affected", (int)items[i].len, items[i].data);
    return 0;
}

static bool same_ids(struct relief_list a, struct relief_list b)
{
    const struct relief_str *left = a.items, *right = b.items;
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++)
        if (!relief_str_eq(left[i], right[i]))
            return false;
    return true;
}

static bool same_incident(const struct relief_incident *a, const struct relief_incident *b)
{
    return a->category == b->category && a->level == b->level && relief_str_eq(a->origin, b->origin) &&
           same_ids(a->affected, b->affected) && same_ids(a->donating, b->donating) &&
           relief_str_eq(a->title, b->title);
}

int core_apply_incident_open(struct core_work *work, const struct relief_incident_open_params *params)
{
    struct relief_incident old = {.id = params->id};
    struct relief_incident incident = {.id = params->id,
                                       .category = params->category,
                                       .level = params->level,
                                       .origin = params->origin,
                                       .affected = params->affected,
                                       .donating = params->donating,
                                       .title = params->title,
                                       .state = RELIEF_incident_state_open,
                                       .opened = work->now,
                                       .closed = RELIEF_NIL};
    struct relief_city origin;
    int error;
    incident.affected.present = incident.donating.present = 1;
    if (!work_city(work, params->origin, &origin))
        return work_not_found(work, "origin", params->origin);
    error = check_cities(work, "affected", params->affected);
    if (!error)
        error = check_cities(work, "donating", params->donating);
    if (!error)
        error = rights_coordinator(work, origin.region);
    if (!error)
        error = check_donating(work, &incident);
    if (error)
        return error;
    if (work_find(work, RELIEF_TABLE_incident, &old)) {
        if (!same_incident(&old, &incident))
            return relief_refuse_field(&work->fx->refusal, RELIEF_EXISTS, "id",
                                       "incident %.*s exists with other content", (int)params->id.len, params->id.data);
        work_answer_record(work, RELIEF_TABLE_incident, &old);
        return 0;
    }
    work_put(work, RELIEF_TABLE_incident, &incident);
    work_answer_record(work, RELIEF_TABLE_incident, &incident);
    return 0;
}

/* An affected city may change its own entry in `donating`, nothing else. */
static int check_own_donating(struct core_work *work, const struct relief_incident *old,
                              const struct relief_incident_update_params *params)
{
    struct relief_str city = work->entry->who.city;
    struct relief_list lists[2] = {old->donating, params->donating};
    bool other = params->category != RELIEF_NIL || params->level != RELIEF_NIL || params->origin.data ||
                 params->affected.present || params->title.data || !params->donating.present ||
                 (!relief_str_eq(old->origin, city) && !ids_have(old->affected, city));
    for (int side = 0; side < 2 && !other; side++) {
        const struct relief_str *items = lists[side].items;
        for (uint32_t i = 0; i < lists[side].count; i++)
            if (!relief_str_eq(items[i], city) && !ids_have(lists[!side], items[i]))
                other = true;
    }
    return other ? work_denied(work, "a city changes only its own entry in donating") : 0;
}

/* Cities that are no longer affected leave `donating`. */
static void prune_donating(struct core_work *work, struct relief_incident *incident)
{
    const struct relief_str *items = incident->donating.items;
    struct relief_list kept = {work_alloc(work, 1), 0, 1};
    for (uint32_t i = 0; i < incident->donating.count; i++)
        if (relief_str_eq(items[i], incident->origin) || ids_have(incident->affected, items[i]))
            kept = work_ids_with(work, kept, items[i]);
    incident->donating = kept;
}

static void merge(struct relief_incident *incident, const struct relief_incident_update_params *params)
{
    if (params->category != RELIEF_NIL)
        incident->category = params->category;
    if (params->level != RELIEF_NIL)
        incident->level = params->level;
    if (params->origin.data)
        incident->origin = params->origin;
    if (params->affected.present)
        incident->affected = params->affected;
    if (params->donating.present)
        incident->donating = params->donating;
    if (params->title.data)
        incident->title = params->title;
}

int core_apply_incident_update(struct core_work *work, const struct relief_incident_update_params *params)
{
    struct relief_incident incident = {.id = params->id};
    struct relief_city origin, origin_now;
    int error;
    if (!work_find(work, RELIEF_TABLE_incident, &incident))
        return work_not_found(work, "id", params->id);
    if (params->origin.data && !work_city(work, params->origin, &origin))
        return work_not_found(work, "origin", params->origin);
    error = check_cities(work, "affected", params->affected);
    if (!error)
        error = check_cities(work, "donating", params->donating);
    if (!error && work->entry->who.role == RELIEF_role_city) {
        error = check_own_donating(work, &incident, params);
    } else if (!error && work_city(work, incident.origin, &origin_now)) {
        error = rights_coordinator(work, origin_now.region);
        if (!error && params->origin.data) /* nobody moves an incident to where it could not open one */
            error = rights_coordinator(work, origin.region);
    }
    if (!error && incident.state == RELIEF_incident_state_closed)
        error = work_bad_state(work, "closed", "the incident is closed");
    if (error)
        return error;
    merge(&incident, params);
    if (!params->donating.present)
        prune_donating(work, &incident);
    error = check_donating(work, &incident);
    if (error)
        return error;
    work_put(work, RELIEF_TABLE_incident, &incident);
    work_answer_record(work, RELIEF_TABLE_incident, &incident);
    work->wake.incident = params->id;
    return 0;
}

int core_apply_incident_close(struct core_work *work, const struct relief_incident_close_params *params)
{
    struct relief_incident incident = {.id = params->id};
    struct relief_city origin;
    int error = 0;
    if (!work_find(work, RELIEF_TABLE_incident, &incident))
        return work_not_found(work, "id", params->id);
    if (work_city(work, incident.origin, &origin))
        error = rights_coordinator(work, origin.region);
    if (!error && incident.state == RELIEF_incident_state_closed)
        error = work_bad_state(work, "closed", "the incident is closed");
    if (error)
        return error;
    incident.state = RELIEF_incident_state_closed;
    incident.closed = work->now;
    work_put(work, RELIEF_TABLE_incident, &incident);
    work_answer_record(work, RELIEF_TABLE_incident, &incident);
    return 0;
}

/* ---- agreements ---- */

/* A coordinator over the donor, and over the city or region that receives. */
static int check_parties(struct core_work *work, struct relief_str donor, struct relief_str requester)
{
    int error = rights_coordinator(work, donor);
    return error ? error : rights_coordinator(work, requester);
}

static int check_agreement(struct core_work *work, const struct relief_agreement_put_params *params)
{
    struct relief_city donor, requester;
    struct relief_region region = {.id = params->region};
    struct relief_agreement old = {.id = params->id};
    int error;
    if (!params->requester.data == !params->region.data)
        return work_bad_params(work, "requester", "give exactly one of requester and region");
    if (!work_city(work, params->donor, &donor))
        return work_not_found(work, "donor", params->donor);
    if (params->requester.data && !work_city(work, params->requester, &requester))
        return work_not_found(work, "requester", params->requester);
    if (params->region.data && !work_find(work, RELIEF_TABLE_region, &region))
        return work_not_found(work, "region", params->region);
    error = check_parties(work, donor.region, params->region.data ? params->region : requester.region);
    /* an id that is taken: what would be replaced has to be the coordinator's too */
    if (!error && work_find(work, RELIEF_TABLE_agreement, &old) && work_city(work, old.donor, &donor) &&
        (old.region.data || work_city(work, old.requester, &requester)))
        error = check_parties(work, donor.region, old.region.data ? old.region : requester.region);
    return error;
}

/*
 * An agreement begins, changes or ends (then another, or the default, may allow more): its donor may give more of the
 * kinds that it covers to its requesters, and so may the one that it had before.
 */
static void wake_parties(struct core_work *work, const struct relief_agreement *agreement,
                         const struct relief_agreement *old)
{
    const struct relief_agreement *sides[2] = {agreement, old};
    struct relief_list prefixes = agreement->kinds;
    for (int i = 0; i < 2 && sides[i]; i++) {
        const struct relief_str *kinds = sides[i]->kinds.items;
        wake_donor(work, &(struct wake_try){
                             .donor = sides[i]->donor, .city = sides[i]->requester, .region = sides[i]->region});
        if (!sides[i]->kinds.present)
            prefixes = sides[i]->kinds;
        for (uint32_t k = 0; i && prefixes.present && k < sides[i]->kinds.count; k++)
            if (!ids_have(prefixes, kinds[k]))
                prefixes = work_ids_with(work, prefixes, kinds[k]);
    }
    work->wake.prefixes = prefixes;
}

int core_apply_agreement_put(struct core_work *work, const struct relief_agreement_put_params *params)
{
    struct relief_agreement agreement = {.id = params->id,
                                         .donor = params->donor,
                                         .requester = params->requester,
                                         .region = params->region,
                                         .kinds = params->kinds,
                                         .share_percent = params->share_percent,
                                         .commit = params->commit,
                                         .answer_minutes = params->answer_minutes,
                                         .price = params->price,
                                         .from = params->from,
                                         .until = params->until,
                                         .ended = RELIEF_NIL,
                                         .started = params->from == RELIEF_NIL || params->from <= work->now};
    struct relief_agreement old = {.id = params->id};
    bool exists = work_find(work, RELIEF_TABLE_agreement, &old);
    int error = check_agreement(work, params);
    if (error)
        return error;
    work_put(work, RELIEF_TABLE_agreement, &agreement);
    work_answer_record(work, RELIEF_TABLE_agreement, &agreement);
    wake_parties(work, &agreement, exists ? &old : NULL);
    return 0;
}

int core_apply_agreement_end(struct core_work *work, const struct relief_agreement_end_params *params)
{
    struct relief_agreement agreement = {.id = params->id};
    struct relief_city donor;
    int error = 0;
    if (!work_find(work, RELIEF_TABLE_agreement, &agreement))
        return work_not_found(work, "id", params->id);
    if (work_city(work, agreement.donor, &donor))
        error = rights_coordinator(work, donor.region);
    if (!error && (agreement.ended != RELIEF_NIL || (agreement.until != RELIEF_NIL && agreement.until <= work->now)))
        error = work_bad_state(work, "ended", "the agreement has ended");
    if (error)
        return error;
    agreement.ended = work->now;
    work_put(work, RELIEF_TABLE_agreement, &agreement);
    work_answer_record(work, RELIEF_TABLE_agreement, &agreement);
    wake_parties(work, &agreement, NULL);
    return 0;
}

/* An agreement's `from` or `until` came, an asset's rest is over, or a wake that was cut at its bound goes on. */
static void wake_agreement(struct core_work *work, struct relief_str id)
{
    struct relief_agreement agreement = {.id = id};
    if (!work_find(work, RELIEF_TABLE_agreement, &agreement))
        return;
    if (agreement.ended == RELIEF_NIL && agreement.until != RELIEF_NIL && agreement.until <= work->now)
        agreement.ended = agreement.until;
    if (agreement.from == RELIEF_NIL || agreement.from <= work->now)
        agreement.started = 1;
    work_put(work, RELIEF_TABLE_agreement, &agreement);
    wake_parties(work, &agreement, NULL);
}

static void wake_asset(struct core_work *work, struct relief_str id)
{
    struct relief_asset asset = {.id = id};
    if (!work_find(work, RELIEF_TABLE_asset, &asset) || !asset_rested(&asset, work->now))
        return;
    asset.rest_until = RELIEF_NIL;
    work_put(work, RELIEF_TABLE_asset, &asset);
    crew_wake(work, asset.city, asset.kind);
}

int core_apply_time_wake(struct core_work *work, const struct relief_time_wake_params *params)
{
    if (params->agreement.data)
        wake_agreement(work, params->agreement);
    else if (params->asset.data)
        wake_asset(work, params->asset);
    else if (!wake_take_up(work))
        work->wake.all = true; /* nothing is owed: everything is looked at once more */
    return 0;
}
