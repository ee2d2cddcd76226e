/*
 * Regions, cities, links, the travel estimate and the catalogue of kinds: put replaces the whole record (fine print
 * 11).
 */
#include "core/work.h"

/* ---- regions ---- */

/* Regions below, this one included, in levels; stops counting past the bound. */
static int height(struct core_work *work, struct relief_str root)
{
    struct relief_str level[64]; /* a path of the walk: one entry per depth */
    struct core_cursor cursors[RELIEF_REGION_DEPTH_MAX + 2];
    struct core_key prefix;
    struct relief_str key, value;
    int depth = 0, deepest = 1;
    level[0] = root;
    core_key_start(&prefix, CORE_KEY_CHILD);
    core_key_str(&prefix, root);
    work->view->ops->scan(work->view, &cursors[0], &prefix, NULL);
    while (depth >= 0) {
        uint32_t at = 1;
        if (!work->view->ops->next(work->view, &cursors[depth], &key, &value)) {
            depth--;
            continue;
        }
        core_key_take_str(key, &at);
        level[depth + 1] = work_str(work, core_key_take_str(key, &at));
        if (depth + 2 > deepest)
            deepest = depth + 2;
        if (depth + 1 > RELIEF_REGION_DEPTH_MAX)
            return deepest;
        core_key_start(&prefix, CORE_KEY_CHILD);
        core_key_str(&prefix, level[depth + 1]);
        work->view->ops->scan(work->view, &cursors[++depth], &prefix, NULL);
    }
    return deepest;
}

static int check_parent(struct core_work *work, const struct relief_region_put_params *params)
{
    struct relief_str at = params->parent;
    int above = 0;
    for (; at.data; at = region_parent(work, at)) {
        if (relief_str_eq(at, params->id))
            return work_bad_params(work, "parent", "a region can't stand above itself");
        if (++above > RELIEF_REGION_DEPTH_MAX)
            break;
    }
    if (above + height(work, params->id) > RELIEF_REGION_DEPTH_MAX)
        return work_bad_params(work, "parent", "regions go at most %d deep", RELIEF_REGION_DEPTH_MAX);
    return 0;
}

/* A coordinator puts its own region and those below: the region as it is, and the parent that it gets, if it gets
 * another. */
static int check_region_rights(struct core_work *work, const struct relief_region_put_params *params,
                               const struct relief_region *old)
{
    int error = old ? rights_coordinator(work, params->id) : 0;
    if (error || (old && relief_str_eq(old->parent, params->parent)))
        return error;
    if (params->parent.data)
        return rights_coordinator(work, params->parent);
    return work->entry->who.region.data ? work_denied(work, "only a coordinator of all regions may make a root") : 0;
}

static int64_t neighbour_minutes(const struct relief_region *region)
{
    return region->neighbour_minutes == RELIEF_NIL ? RELIEF_NEIGHBOUR_MINUTES : region->neighbour_minutes;
}

/*
 * Another parent moves the rings of everybody below, and whom they can reach. A default that wasn't there covers pairs
 * of cities in here; more minutes of neighbourhood count for the region's own cities.
 */
static void wake_region(struct core_work *work, const struct relief_region *old, const struct relief_region *region)
{
    if (!relief_str_eq(old->parent, region->parent)) {
        work->wake.all = true;
    } else if (old->agreement == RELIEF_NIL && region->agreement != RELIEF_NIL) {
        work->wake.region = region->id;
        work->wake.below = true;
    } else if (neighbour_minutes(old) < neighbour_minutes(region)) {
        work->wake.region = region->id;
    }
}

int core_apply_region_put(struct core_work *work, const struct relief_region_put_params *params)
{
    struct relief_region old = {.id = params->id}, parent = {.id = params->parent};
    struct relief_region region = {params->id,        params->name,  params->parent, params->neighbour_minutes,
                                   params->agreement, params->shares};
    bool exists = work_find(work, RELIEF_TABLE_region, &old);
    int error;
    if (params->parent.data && !work_find(work, RELIEF_TABLE_region, &parent))
        return relief_str_eq(params->parent, params->id)
                   ? work_bad_params(work, "parent", "a region can't stand above itself")
                   : work_not_found(work, "parent", params->parent);
    error = check_region_rights(work, params, exists ? &old : NULL);
    if (!error)
        error = check_parent(work, params);
    if (error)
        return error;
    work_put(work, RELIEF_TABLE_region, &region);
    work_answer_record(work, RELIEF_TABLE_region, &region);
    if (exists)
        wake_region(work, &old, &region);
    return 0;
}

/* ---- cities ---- */

/* How far its requests may look, and where it has given up floor as a donor. */
static void wake_mode(struct core_work *work, const struct relief_city *city)
{
    if (city->mode == RELIEF_mode_emergency)
        work->wake.city = city->code;
    wake_donor(work, &(struct wake_try){.donor = city->code, .floors = true});
}

int core_apply_city_put(struct core_work *work, const struct relief_city_put_params *params)
{
    struct relief_city old, city = {params->code, params->name, params->name_en,    params->region,
                                    params->lat,  params->lon,  params->population, params->mode};
    struct relief_region region = {.id = params->region};
    bool exists = work_city(work, params->code, &old);
    int error;
    if (!work_find(work, RELIEF_TABLE_region, &region))
        return work_not_found(work, "region", params->region);
    error = rights_coordinator(work, params->region);
    if (!error && exists)
        error = rights_coordinator(work, old.region);
    if (error)
        return error;
    if (city.mode == RELIEF_NIL)
        city.mode = exists ? old.mode : RELIEF_mode_normal;
    work_put(work, RELIEF_TABLE_city, &city);
    work_answer_record(work, RELIEF_TABLE_city, &city);
    if (!exists)
        return 0;
    if (!relief_str_eq(old.region, city.region) || old.lat != city.lat || old.lon != city.lon) {
        work->wake.city = city.code; /* who is near to it, and to whom it is near */
        wake_donor(work, &(struct wake_try){.donor = city.code});
    } else if (old.mode != city.mode) {
        wake_mode(work, &city);
    }
    return 0;
}

int core_apply_city_mode(struct core_work *work, const struct relief_city_mode_params *params)
{
    struct relief_city city;
    int error;
    if (!work_city(work, params->code, &city))
        return work_not_found(work, "code", params->code);
    error = rights_place(work, &city);
    if (error)
        return error;
    if (city.mode != params->mode) {
        city.mode = params->mode;
        work_put(work, RELIEF_TABLE_city, &city);
        wake_mode(work, &city);
    }
    work_answer_record(work, RELIEF_TABLE_city, &city);
    return 0;
}

/* ---- links ---- */

int core_apply_link_put(struct core_work *work, const struct relief_link_put_params *params)
{
    struct relief_link link = {params->from, params->to, params->minutes, params->open};
    struct relief_city from, to;
    int error;
    if (relief_str_eq(params->from, params->to))
        return work_bad_params(work, "to", "a link leads from one city to another");
    if (!work_city(work, params->from, &from))
        return work_not_found(work, "from", params->from);
    if (!work_city(work, params->to, &to))
        return work_not_found(work, "to", params->to);
    error = rights_coordinator(work, from.region);
    if (!error)
        error = rights_coordinator(work, to.region);
    if (error)
        return error;
    work_put(work, RELIEF_TABLE_link, &link);
    wake_donor(work, &(struct wake_try){.donor = params->from, .city = params->to});
    if (params->both) {
        struct relief_link back = {params->to, params->from, params->minutes, params->open};
        work_put(work, RELIEF_TABLE_link, &back);
        wake_donor(work, &(struct wake_try){.donor = params->to, .city = params->from});
    }
    work_answer_record(work, RELIEF_TABLE_link, &link);
    return 0;
}

int core_apply_travel_put(struct core_work *work, const struct relief_travel_put_params *params)
{
    struct relief_travel travel = {RELIEF_STR("travel"), params->permille, params->km_per_hour};
    int error = rights_everywhere(work);
    if (error)
        return error;
    work_put(work, RELIEF_TABLE_travel, &travel);
    work_answer_record(work, RELIEF_TABLE_travel, &travel);
    work->wake.all = true;
    return 0;
}

/* ---- kinds ---- */

static bool kind_used(struct core_work *work, struct relief_str kind)
{
    struct core_key key;
    core_key_start(&key, CORE_KEY_KIND_USED);
    core_key_str(&key, kind);
    return work->view->ops->get(work->view, &key).data != NULL;
}

/* Shorter life, other substitutes, another crew; a new kind isn't held by anybody yet. */
static bool matches_otherwise(const struct relief_kind *old, const struct relief_kind *kind)
{
    const struct relief_substitute *was = old->substitutes.items, *is = kind->substitutes.items;
    if (old->class_ != kind->class_ || old->min_life_days > kind->min_life_days ||
        !relief_str_eq(old->operator_, kind->operator_) || old->substitutes.count != kind->substitutes.count)
        return true;
    for (uint32_t i = 0; i < kind->substitutes.count; i++)
        if (!relief_str_eq(was[i].kind, is[i].kind) || was[i].give != is[i].give || was[i].for_ != is[i].for_)
            return true;
    return false;
}

int core_apply_kind_put(struct core_work *work, const struct relief_kind_put_params *params)
{
    struct relief_kind old, kind = {.code = params->code,
                                    .name = params->name,
                                    .name_en = params->name_en,
                                    .class_ = params->class_,
                                    .unit = params->unit,
                                    .category = params->category,
                                    .returnable = params->returnable,
                                    .min_life_days = params->min_life_days,
                                    .substitutes = params->substitutes,
                                    .operator_ = params->operator_};
    bool exists = work_kind(work, params->code, &old);
    int error = exists ? rights_everywhere(work) : 0; /* the catalogue is one for all: any coordinator adds to it */
    if (error)
        return error;
    if (exists && (old.class_ != kind.class_ || !relief_str_eq(old.unit, kind.unit)) && kind_used(work, params->code))
        return work_bad_state(work, "used", "class and unit are fixed: stock or requests of this kind exist");
    if (kind.returnable == RELIEF_NIL)
        kind.returnable = kind.class_ != RELIEF_class_supply;
    kind.substitutes.present = 1;
    work_put(work, RELIEF_TABLE_kind, &kind);
    work_answer_record(work, RELIEF_TABLE_kind, &kind);
    if (exists && matches_otherwise(&old, &kind))
        wake_kind(work, params->code);
    return 0;
}
