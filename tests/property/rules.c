/*
 * The model's rules between cities: incidents and agreements (fine print 9, 11, 20 to 25).
 */
#include "model.h"

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

/* An incident is its origin's: the coordinator of that city's region opens it, whoever else is affected. */
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
            model_done(answer, RELIEF_TABLE_incident, incident);
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
    model_done(answer, RELIEF_TABLE_incident, incident);
}

/* A city changes nothing but its own entry in `donating`. */
static bool only_own_entry(const struct relief_incident_update_params *p, const struct relief_incident *incident,
                           struct relief_str city)
{
    if (p->category != RELIEF_NIL || p->level != RELIEF_NIL || p->origin.data || p->affected.present || p->title.data ||
        !p->donating.present || (!model_same(city, incident->origin) && !model_listed(&incident->affected, city)))
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
                                            : !model_may(m, &entry->who, incident->origin) ||
                                                  (p->origin.data && !model_may(m, &entry->who, p->origin))) {
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
    model_done(answer, RELIEF_TABLE_incident, incident);
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
        model_done(answer, RELIEF_TABLE_incident, incident);
    }
}

/* Both sides are the coordinator's: the donor, and who receives. */
static bool may_agree(struct model *m, const struct core_identity *who, struct relief_str donor,
                      struct relief_str requester, struct relief_str region)
{
    return model_may(m, who, donor) &&
           (requester.data ? model_may(m, who, requester) : model_may_region(m, who, region));
}

static void agreement_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_agreement_put_params *p = entry->params;
    const struct relief_agreement *old = model_agreement(m, p->id);
    if (!p->requester.data == !p->region.data) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "requester");
        answer->open_field = true; /* or region */
    } else if (!model_city(m, p->donor)) {
        model_not_found(answer, "donor", p->donor);
    } else if (p->requester.data && !model_city(m, p->requester)) {
        model_not_found(answer, "requester", p->requester);
    } else if (p->region.data && !model_region(m, p->region)) {
        model_not_found(answer, "region", p->region);
    } else if (!may_agree(m, &entry->who, p->donor, p->requester, p->region) ||
               (old && !may_agree(m, &entry->who, old->donor, old->requester, old->region))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
    } else {
        struct relief_agreement *agreement = MODEL_PLACE(m, agreement, model_agreement(m, p->id));
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
        model_done(answer, RELIEF_TABLE_agreement, agreement);
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
    } else if (agreement->ended != RELIEF_NIL || (agreement->until != RELIEF_NIL && agreement->until <= entry->time)) {
        model_bad_state(answer, NULL, 0);
    } else {
        agreement->ended = entry->time;
        model_done(answer, RELIEF_TABLE_agreement, agreement);
    }
}

void model_apply_rule(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    switch (entry->command) {
    case RELIEF_METHOD_incident_open:
        incident_open(m, entry, answer);
        break;
    case RELIEF_METHOD_incident_update:
        incident_update(m, entry, answer);
        break;
    case RELIEF_METHOD_incident_close:
        incident_close(m, entry, answer);
        break;
    case RELIEF_METHOD_agreement_put:
        agreement_put(m, entry, answer);
        break;
    default:
        agreement_end(m, entry, answer);
    }
}
