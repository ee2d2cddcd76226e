/*
 * The model's commands about places and the catalogue (fine print 9 to 25), and the way of every command: role first,
 * then the command, then everything open is matched again.
 */
#include "model.h"

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

void model_short(struct model_answer *answer, int64_t available)
{
    answer->code = RELIEF_INSUFFICIENT;
    answer->available = available;
}

void model_done(struct model_answer *answer, int table, const void *record)
{
    answer->table = table;
    answer->record = record;
}

bool model_may_region(struct model *m, const struct core_identity *who, struct relief_str region)
{
    if (who->role == RELIEF_role_local || (who->role == RELIEF_role_coordinator && !who->region.data))
        return true;
    return who->role == RELIEF_role_coordinator && model_in_region(m, region, who->region);
}

bool model_may(struct model *m, const struct core_identity *who, struct relief_str city)
{
    if (who->role == RELIEF_role_city)
        return model_same(who->city, city);
    return model_may_region(m, who, model_city(m, city)->region);
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
    bool stays = region && model_same(region->parent, p->parent);
    if (!whole && ((region && !model_may_region(m, &entry->who, p->id)) ||
                   (!stays && (!p->parent.data || !model_may_region(m, &entry->who, p->parent))))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    if (p->parent.data && (myself || (region && model_in_region(m, p->parent, p->id)))) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "parent");
        return;
    }
    region = MODEL_PLACE(m, region, region);
    *region = (struct relief_region){.id = p->id,
                                     .name = p->name,
                                     .parent = p->parent,
                                     .neighbour_minutes = p->neighbour_minutes,
                                     .agreement = p->agreement,
                                     .shares = p->shares};
    model_done(answer, RELIEF_TABLE_region, region);
}

static void city_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_city_put_params *p = entry->params;
    struct relief_city *city = model_city(m, p->code);
    if (!model_region(m, p->region)) {
        model_not_found(answer, "region", p->region);
        return;
    }
    if (!model_may_region(m, &entry->who, p->region) || (city && !model_may_region(m, &entry->who, city->region))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    int64_t mode = p->mode != RELIEF_NIL ? p->mode : city ? city->mode : RELIEF_mode_normal;
    city = MODEL_PLACE(m, city, city);
    *city = (struct relief_city){.code = p->code,
                                 .name = p->name,
                                 .name_en = p->name_en,
                                 .region = p->region,
                                 .lat = p->lat,
                                 .lon = p->lon,
                                 .population = p->population,
                                 .mode = mode};
    model_done(answer, RELIEF_TABLE_city, city);
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
        model_done(answer, RELIEF_TABLE_city, city);
    }
}

static struct relief_link *put_link(struct model *m, struct relief_str from, struct relief_str to, int64_t minutes,
                                    int64_t open)
{
    struct relief_link *link = MODEL_PLACE(m, link, model_link(m, from, to));
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
        model_done(answer, RELIEF_TABLE_link, put_link(m, p->from, p->to, p->minutes, p->open));
    }
}

/* What is one for all regions is a root's. */
static bool may_everywhere(struct model *m, const struct core_identity *who)
{
    struct relief_region *region = who->region.data ? model_region(m, who->region) : NULL;
    return who->role == RELIEF_role_local || !who->region.data || (region && !region->parent.data);
}

static void travel_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_travel_put_params *p = entry->params;
    if (!may_everywhere(m, &entry->who)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    m->travel_count = 1;
    m->travel[0] =
        (struct relief_travel){.id = model_printf(m, "travel"), .permille = p->permille, .km_per_hour = p->km_per_hour};
    model_done(answer, RELIEF_TABLE_travel, &m->travel[0]);
}

static void kind_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_kind_put_params *p = entry->params;
    struct relief_kind *kind = model_kind(m, p->code);
    if (kind && !may_everywhere(m, &entry->who)) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    if (kind && (kind->class_ != p->class_ || !model_same(kind->unit, p->unit))) {
        bool used = false;
        for (unsigned i = 0; i < m->lot_count; i++)
            used |= model_same(m->lot[i].kind, p->code);
        for (unsigned i = 0; i < m->asset_count; i++)
            used |= model_same(m->asset[i].kind, p->code);
        for (unsigned i = 0; i < m->request_count; i++)
            used |= model_same(m->request[i].kind, p->code);
        if (used) {
            model_bad_state(answer, NULL, 0);
            return;
        }
    }
    kind = MODEL_PLACE(m, kind, kind);
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
    model_done(answer, RELIEF_TABLE_kind, kind);
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
        ROW(link_put)
        ROW(travel_put)
        ROW(kind_put)
#undef ROW
    case RELIEF_METHOD_incident_open:
    case RELIEF_METHOD_incident_update:
    case RELIEF_METHOD_incident_close:
    case RELIEF_METHOD_agreement_put:
    case RELIEF_METHOD_agreement_end:
        model_apply_rule(m, entry, answer);
        break;
    case RELIEF_METHOD_stock_receive:
    case RELIEF_METHOD_stock_issue:
    case RELIEF_METHOD_stock_writeoff:
    case RELIEF_METHOD_stock_count:
    case RELIEF_METHOD_stock_hold:
    case RELIEF_METHOD_stock_floor:
        model_apply_stock(m, entry, answer);
        break;
    case RELIEF_METHOD_asset_put:
    case RELIEF_METHOD_asset_status:
        model_apply_asset(m, entry, answer);
        break;
    case RELIEF_METHOD_dispatch_order:
        model_apply_order(m, entry, answer);
        break;
    default:
        if (entry->command >= RELIEF_METHOD_dispatch_accept && entry->command <= RELIEF_METHOD_dispatch_extend)
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
