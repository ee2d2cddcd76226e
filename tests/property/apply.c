/*
 * The model's other commands: places, links, the catalogue, stock, incidents, agreements (fine print 9 to 31). After
 * each one that is carried out, everything open is matched again.
 */
#include "model.h"
#include <assert.h>

void model_refuse(struct model_answer *answer, int code, const char *field)
{
    answer->code = code;
    answer->field = field;
}

void model_not_found(struct model_answer *answer, const char *field, struct relief_str id)
{
    if (answer->code)
        return;
    answer->code = RELIEF_NOT_FOUND;
    answer->field = field;
    answer->id = id;
}

void model_bad_state(struct model_answer *answer, const struct relief_enum *names, int64_t state)
{
    answer->code = RELIEF_BAD_STATE;
    answer->state = names ? names->names[state] : NULL;
    answer->open_state = !names;
}

static void short_of(struct model_answer *answer, int64_t available)
{
    answer->code = RELIEF_INSUFFICIENT;
    answer->available = available;
}

static bool may_region(struct model *m, const struct core_identity *who, struct relief_str region)
{
    if (who->role == RELIEF_role_local || (who->role == RELIEF_role_coordinator && !who->region.data))
        return true;
    return who->role == RELIEF_role_coordinator && model_in_region(m, region, who->region);
}

bool model_may(struct model *m, const struct core_identity *who, struct relief_str city)
{
    if (who->role == RELIEF_role_city)
        return model_same(who->city, city);
    return may_region(m, who, model_city(m, city)->region);
}

/* The record's place: that of the one with the same key, or a new one at the end. */
#define PLACE(m, t, found) ((found) ? (found) : &(m)->t[(m)->t##_count++])

static void done(struct model_answer *answer, int table, const void *record)
{
    answer->table = table;
    answer->record = record;
}

static void region_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_region_put_params *p = entry->params;
    struct relief_region *region = model_region(m, p->id);
    bool myself = model_same(p->parent, p->id);
    if (p->parent.data && !myself && !model_region(m, p->parent)) {
        model_not_found(answer, "parent", p->parent);
        return;
    }
    bool whole = entry->who.role == RELIEF_role_local || !entry->who.region.data;
    if (!whole &&
        ((region && !may_region(m, &entry->who, p->id)) || !p->parent.data || !may_region(m, &entry->who, p->parent))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    if (p->parent.data && (myself || (region && model_in_region(m, p->parent, p->id)))) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "parent");
        return;
    }
    region = PLACE(m, region, region);
    *region = (struct relief_region){.id = p->id,
                                     .name = p->name,
                                     .parent = p->parent,
                                     .neighbour_minutes = p->neighbour_minutes,
                                     .agreement = p->agreement};
    done(answer, RELIEF_TABLE_region, region);
}

static void city_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_city_put_params *p = entry->params;
    struct relief_city *city = model_city(m, p->code);
    if (!model_region(m, p->region)) {
        model_not_found(answer, "region", p->region);
        return;
    }
    if (!may_region(m, &entry->who, p->region) || (city && !may_region(m, &entry->who, city->region))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    int64_t mode = p->mode != RELIEF_NIL ? p->mode : city ? city->mode : RELIEF_mode_normal;
    city = PLACE(m, city, city);
    *city = (struct relief_city){.code = p->code,
                                 .name = p->name,
                                 .name_en = p->name_en,
                                 .region = p->region,
                                 .lat = p->lat,
                                 .lon = p->lon,
                                 .population = p->population,
                                 .mode = mode};
    done(answer, RELIEF_TABLE_city, city);
}

static void city_mode(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_city_mode_params *p = entry->params;
    struct relief_city *city = model_city(m, p->code);
    if (!city) {
        model_not_found(answer, "code", p->code);
    } else if (!model_may(m, &entry->who, p->code)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
    } else {
        city->mode = p->mode;
        done(answer, RELIEF_TABLE_city, city);
    }
}

static struct relief_link *put_link(struct model *m, struct relief_str from, struct relief_str to, int64_t minutes,
                                    int64_t open)
{
    struct relief_link *link = PLACE(m, link, model_link(m, from, to));
    *link = (struct relief_link){.from = from, .to = to, .minutes = minutes, .open = open};
    return link;
}

static void link_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_link_put_params *p = entry->params;
    if (model_same(p->from, p->to)) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "to");
        answer->open_field = true;
    } else if (!model_city(m, p->from)) {
        model_not_found(answer, "from", p->from);
    } else if (!model_city(m, p->to)) {
        model_not_found(answer, "to", p->to);
    } else if (!model_may(m, &entry->who, p->from) || !model_may(m, &entry->who, p->to)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
    } else {
        if (p->both)
            put_link(m, p->to, p->from, p->minutes, p->open);
        done(answer, RELIEF_TABLE_link, put_link(m, p->from, p->to, p->minutes, p->open));
    }
}

static void travel_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_travel_put_params *p = entry->params;
    if (entry->who.role == RELIEF_role_coordinator && entry->who.region.data) {
        struct relief_region *region = model_region(m, entry->who.region);
        if (!region || region->parent.data) {
            model_refuse(answer, RELIEF_DENIED, NULL);
            return;
        }
    }
    m->travel_count = 1;
    m->travel[0] =
        (struct relief_travel){.id = model_printf(m, "travel"), .permille = p->permille, .km_per_hour = p->km_per_hour};
    done(answer, RELIEF_TABLE_travel, &m->travel[0]);
}

static void kind_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_kind_put_params *p = entry->params;
    struct relief_kind *kind = model_kind(m, p->code);
    if (kind && (kind->class_ != p->class_ || !model_same(kind->unit, p->unit))) {
        bool used = false;
        for (unsigned i = 0; i < m->lot_count; i++)
            used |= model_same(m->lot[i].kind, p->code);
        for (unsigned i = 0; i < m->request_count; i++)
            used |= model_same(m->request[i].kind, p->code);
        if (used) {
            model_bad_state(answer, NULL, 0);
            return;
        }
    }
    kind = PLACE(m, kind, kind);
    *kind = (struct relief_kind){.code = p->code,
                                 .name = p->name,
                                 .name_en = p->name_en,
                                 .class_ = p->class_,
                                 .unit = p->unit,
                                 .category = p->category,
                                 .returnable =
                                     p->returnable != RELIEF_NIL ? p->returnable : p->class_ != RELIEF_class_supply,
                                 .min_life_days = p->min_life_days,
                                 .substitutes = p->substitutes,
                                 .operator_ = p->operator_};
    kind->substitutes.present = 1;
    done(answer, RELIEF_TABLE_kind, kind);
}

/* ---- stock ---- */

static void stock_receive(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_receive_params *p = entry->params;
    struct relief_str id = p->lot;
    if (!id.data)
        id = p->expires == RELIEF_NIL ? model_printf(m, "0") : model_printf(m, "%lld", (long long)p->expires);
    struct relief_lot *lot = model_lot(m, p->city, p->kind, id);
    if (lot && lot->expires != p->expires) {
        model_refuse(answer, RELIEF_CONFLICT, "expires");
        return;
    }
    if (!lot) {
        assert(m->lot_count < 16384);
        lot = &m->lot[m->lot_count++];
        *lot = (struct relief_lot){.city = p->city, .kind = p->kind, .lot = id, .expires = p->expires};
        lot->source = p->source;
    } else if (p->source.data) {
        lot->source = p->source;
    }
    lot->quantity += p->quantity;
    model_account(m, p->city, p->kind)->received += p->quantity;
    answer->stock.lot = id;
}

/* Takes units from lots in order: only from usable ones, or from any. Returns what can be had; takes only when it is
 * enough. */
static int64_t take_out(struct model *m, struct relief_str city, struct relief_str kind, struct relief_str only,
                        bool usable_only, int64_t time, int64_t quantity)
{
    struct relief_lot *lots[512];
    unsigned count = model_lots(m, city, kind, lots, 512);
    int64_t free_units = 0, left = quantity;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && free_units < quantity)
            break;
        for (unsigned i = 0; i < count; i++) {
            if ((only.data && !model_same(lots[i]->lot, only)) || (usable_only && !model_lot_usable(lots[i], time)))
                continue;
            int64_t here = lots[i]->quantity - lots[i]->held - lots[i]->reserved;
            if (pass == 0) {
                free_units += here;
            } else {
                here = here < left ? here : left;
                lots[i]->quantity -= here;
                left -= here;
            }
        }
    }
    return free_units;
}

static void stock_issue(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_issue_params *p = entry->params;
    int64_t had = take_out(m, p->city, p->kind, p->lot, true, entry->time, p->quantity);
    if (had < p->quantity)
        short_of(answer, had);
    else
        model_account(m, p->city, p->kind)->issued += p->quantity;
}

static void stock_writeoff(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_writeoff_params *p = entry->params;
    int64_t had = take_out(m, p->city, p->kind, p->lot, false, entry->time, p->quantity);
    if (had < p->quantity)
        short_of(answer, had);
    else if (p->reason == RELIEF_writeoff_lost)
        model_account(m, p->city, p->kind)->lost += p->quantity;
    else
        model_account(m, p->city, p->kind)->written_off += p->quantity;
}

static void stock_count(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_stock_count_params *p = entry->params;
    struct relief_lot *lots[512], *lot = NULL;
    unsigned count = model_lots(m, p->city, p->kind, lots, 512);
    if (p->lot.data)
        lot = model_lot(m, p->city, p->kind, p->lot);
    else if (count == 1)
        lot = lots[0];
    if (!lot) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "lot");
        return;
    }
    if (p->quantity < lot->held + lot->reserved) {
        short_of(answer, 0);
        answer->open_available = true;
        return;
    }
    int64_t more = p->quantity - lot->quantity;
    if (more > 0)
        model_account(m, p->city, p->kind)->received += more;
    else if (more < 0)
        model_account(m, p->city, p->kind)->written_off -= more;
    lot->quantity = p->quantity;
    answer->stock.lot = lot->lot;
}

static void stock_floor(struct model *m, const struct core_entry *entry)
{
    const struct relief_stock_floor_params *p = entry->params;
    struct relief_floor *floor = PLACE(m, floor, model_floor(m, p->city, p->kind));
    *floor = (struct relief_floor){.city = p->city,
                                   .kind = p->kind,
                                   .floor = p->floor,
                                   .emergency_floor = p->emergency_floor == RELIEF_NIL ? p->floor : p->emergency_floor,
                                   .target = p->target == RELIEF_NIL ? p->floor : p->target};
}

static void stock(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    /* City and kind are the first two parameters of all of them. */
    const struct relief_stock_get_params *at = entry->params;
    struct relief_kind *kind = model_kind(m, at->kind);
    struct relief_str lot = RELIEF_STR_NONE;
    if (entry->command == RELIEF_METHOD_stock_issue)
        lot = ((const struct relief_stock_issue_params *)entry->params)->lot;
    else if (entry->command == RELIEF_METHOD_stock_writeoff)
        lot = ((const struct relief_stock_writeoff_params *)entry->params)->lot;
    else if (entry->command == RELIEF_METHOD_stock_count)
        lot = ((const struct relief_stock_count_params *)entry->params)->lot;
    else if (entry->command == RELIEF_METHOD_stock_hold)
        lot = ((const struct relief_stock_hold_params *)entry->params)->lot;
    if (!model_city(m, at->city))
        model_not_found(answer, "city", at->city);
    else if (!kind)
        model_not_found(answer, "kind", at->kind);
    else if (lot.data && !model_lot(m, at->city, at->kind, lot))
        model_not_found(answer, "lot", lot);
    else if (!model_may(m, &entry->who, at->city))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (kind->class_ != RELIEF_class_supply && entry->command != RELIEF_METHOD_stock_floor)
        model_refuse(answer, RELIEF_BAD_PARAMS, "kind");
    if (answer->code)
        return;
    switch (entry->command) {
    case RELIEF_METHOD_stock_receive:
        stock_receive(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_issue:
        stock_issue(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_writeoff:
        stock_writeoff(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_count:
        stock_count(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_hold:
        model_lot(m, at->city, at->kind, lot)->state = ((const struct relief_stock_hold_params *)entry->params)->state;
        break;
    default:
        stock_floor(m, entry);
    }
    if (!answer->code) {
        answer->table = -1;
        answer->stock.city = at->city;
        answer->stock.kind = at->kind;
        if (lot.data)
            answer->stock.lot = lot;
    }
}

/* ---- incidents ---- */

static bool all_cities(struct model *m, const struct relief_list *list, const char *field, struct model_answer *answer)
{
    const struct relief_str *items = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!model_city(m, items[i])) {
            model_not_found(answer, field, items[i]);
            return false;
        }
    }
    return true;
}

static bool same_list(const struct relief_list *a, const struct relief_list *b)
{
    const struct relief_str *x = a->items, *y = b->items;
    for (uint32_t i = 0; i < a->count && a->count == b->count; i++) {
        if (!model_same(x[i], y[i]))
            return false;
    }
    return a->count == b->count;
}

static bool donors_inside(const struct relief_list *donating, struct relief_str origin,
                          const struct relief_list *affected)
{
    const struct relief_str *items = donating->items;
    for (uint32_t i = 0; i < donating->count; i++) {
        if (!model_same(items[i], origin) && !model_listed(affected, items[i]))
            return false;
    }
    return true;
}

static void incident_open(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_incident_open_params *p = entry->params;
    struct relief_incident *incident = model_incident(m, p->id);
    if (!model_city(m, p->origin)) {
        model_not_found(answer, "origin", p->origin);
        return;
    }
    if (!all_cities(m, &p->affected, "affected", answer) || !all_cities(m, &p->donating, "donating", answer))
        return;
    if (!model_may(m, &entry->who, p->origin)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    if (incident) {
        if (incident->category != p->category || incident->level != p->level ||
            !model_same(incident->origin, p->origin) || !same_list(&incident->affected, &p->affected) ||
            !same_list(&incident->donating, &p->donating) || !model_same(incident->title, p->title))
            model_refuse(answer, RELIEF_EXISTS, NULL);
        else
            done(answer, RELIEF_TABLE_incident, incident);
        return;
    }
    if (!donors_inside(&p->donating, p->origin, &p->affected)) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "donating");
        return;
    }
    incident = &m->incident[m->incident_count++];
    *incident = (struct relief_incident){.id = p->id,
                                         .category = p->category,
                                         .level = p->level,
                                         .origin = p->origin,
                                         .affected = p->affected,
                                         .donating = p->donating,
                                         .title = p->title,
                                         .state = RELIEF_incident_state_open,
                                         .opened = entry->time,
                                         .closed = RELIEF_NIL};
    incident->affected.present = incident->donating.present = 1;
    done(answer, RELIEF_TABLE_incident, incident);
}

/* A city changes nothing but its own entry in `donating`. */
static bool only_own_entry(const struct relief_incident_update_params *p, const struct relief_incident *incident,
                           struct relief_str city)
{
    if (p->category != RELIEF_NIL || p->level != RELIEF_NIL || p->origin.data || p->affected.present || p->title.data ||
        !p->donating.present)
        return false;
    const struct relief_list *lists[2] = {&p->donating, &incident->donating};
    for (int side = 0; side < 2; side++) {
        const struct relief_str *items = lists[side]->items;
        for (uint32_t i = 0; i < lists[side]->count; i++) {
            if (!model_same(items[i], city) && !model_listed(lists[!side], items[i]))
                return false;
        }
    }
    return true;
}

static void incident_update(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_incident_update_params *p = entry->params;
    struct relief_incident *incident = model_incident(m, p->id);
    if (!incident) {
        model_not_found(answer, "id", p->id);
        return;
    }
    if (p->origin.data && !model_city(m, p->origin)) {
        model_not_found(answer, "origin", p->origin);
        return;
    }
    if (!all_cities(m, &p->affected, "affected", answer) || !all_cities(m, &p->donating, "donating", answer))
        return;
    if (entry->who.role == RELIEF_role_city ? !only_own_entry(p, incident, entry->who.city)
                                            : !model_may(m, &entry->who, incident->origin)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    if (incident->state != RELIEF_incident_state_open) {
        model_bad_state(answer, &relief_enum_incident_state, incident->state);
        return;
    }
    struct relief_incident next = *incident;
    if (p->category != RELIEF_NIL)
        next.category = p->category;
    if (p->level != RELIEF_NIL)
        next.level = p->level;
    if (p->origin.data)
        next.origin = p->origin;
    if (p->affected.present)
        next.affected = p->affected;
    if (p->title.data)
        next.title = p->title;
    if (p->donating.present) {
        if (!donors_inside(&p->donating, next.origin, &next.affected)) {
            model_refuse(answer, RELIEF_BAD_PARAMS, "donating");
            return;
        }
        next.donating = p->donating;
    } else {
        /* A city that leaves `affected` leaves `donating`. */
        struct relief_list kept = {.present = 1};
        const struct relief_str *items = next.donating.items;
        for (uint32_t i = 0; i < next.donating.count; i++) {
            if (model_same(items[i], next.origin) || model_listed(&next.affected, items[i]))
                model_list_add(m, &kept, items[i]);
        }
        next.donating = kept;
    }
    *incident = next;
    done(answer, RELIEF_TABLE_incident, incident);
}

static void incident_close(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_incident_close_params *p = entry->params;
    struct relief_incident *incident = model_incident(m, p->id);
    if (!incident) {
        model_not_found(answer, "id", p->id);
    } else if (!model_may(m, &entry->who, incident->origin)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
    } else if (incident->state != RELIEF_incident_state_open) {
        model_bad_state(answer, &relief_enum_incident_state, incident->state);
    } else {
        incident->state = RELIEF_incident_state_closed;
        incident->closed = entry->time;
        done(answer, RELIEF_TABLE_incident, incident);
    }
}

/* ---- agreements ---- */

static void agreement_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_agreement_put_params *p = entry->params;
    if (!p->requester.data == !p->region.data) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "requester");
        answer->open_field = true; /* or region */
    } else if (!model_city(m, p->donor)) {
        model_not_found(answer, "donor", p->donor);
    } else if (p->requester.data && !model_city(m, p->requester)) {
        model_not_found(answer, "requester", p->requester);
    } else if (p->region.data && !model_region(m, p->region)) {
        model_not_found(answer, "region", p->region);
    } else if (!model_may(m, &entry->who, p->donor)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
    } else {
        struct relief_agreement *agreement = PLACE(m, agreement, model_agreement(m, p->id));
        *agreement = (struct relief_agreement){.id = p->id,
                                               .donor = p->donor,
                                               .requester = p->requester,
                                               .region = p->region,
                                               .kinds = p->kinds,
                                               .share_percent = p->share_percent,
                                               .commit = p->commit,
                                               .answer_minutes = p->answer_minutes,
                                               .price = p->price,
                                               .from = p->from,
                                               .until = p->until,
                                               .ended = RELIEF_NIL,
                                               .started = p->from == RELIEF_NIL || p->from <= entry->time};
        done(answer, RELIEF_TABLE_agreement, agreement);
    }
}

static void agreement_end(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_agreement_end_params *p = entry->params;
    struct relief_agreement *agreement = model_agreement(m, p->id);
    if (!agreement) {
        model_not_found(answer, "id", p->id);
    } else if (!model_may(m, &entry->who, agreement->donor)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
    } else if (agreement->ended != RELIEF_NIL) {
        model_bad_state(answer, NULL, 0);
    } else {
        agreement->ended = entry->time;
        done(answer, RELIEF_TABLE_agreement, agreement);
    }
}

void model_apply(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    *answer = (struct model_answer){.table = -2, .available = RELIEF_NIL};
    const struct relief_method_info *method = relief_method_by_number(entry->command);
    if (method && entry->who.role != RELIEF_role_local && !(method->roles & (1u << entry->who.role))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    switch (entry->command) {
#define ROW(name)                                                                                                      \
    case RELIEF_METHOD_##name:                                                                                         \
        name(m, entry, answer);                                                                                        \
        break;
        ROW(region_put)
        ROW(city_put)
        ROW(city_mode)
        ROW(link_put) ROW(travel_put) ROW(kind_put) ROW(incident_open) ROW(incident_update) ROW(incident_close)
            ROW(agreement_put) ROW(agreement_end)
#undef ROW
                case RELIEF_METHOD_stock_receive : case RELIEF_METHOD_stock_issue : case RELIEF_METHOD_stock_writeoff
            : case RELIEF_METHOD_stock_count : case RELIEF_METHOD_stock_hold : case RELIEF_METHOD_stock_floor
            : stock(m, entry, answer);
        break;
    default:
        if (entry->command >= RELIEF_METHOD_dispatch_accept && entry->command <= RELIEF_METHOD_dispatch_receive)
            model_apply_leg(m, entry, answer);
        else
            model_apply_request(m, entry, answer);
    }
    if (answer->code)
        return;
    model_rematch(m, entry->time);
    if (answer->table == -1) {
        struct relief_str lot = answer->stock.lot;
        model_stock(m, entry->time, answer->stock.city, answer->stock.kind, &answer->stock);
        answer->stock.lot = lot;
    }
}
