/*
 * The state of a plan: what concerns it, copied from a view into an empty state, so that legs can be taken back and
 * made there with the rules of matching while the daemon goes on. Records are put through core_restore, which makes
 * everything derived from them. Two derived sums tell of legs that are not copied, so they are copied as they stand:
 * the score of a donor, and what an agreement has lent.
 *
 * Regions, cities, links, kinds, agreements and incidents come whole; stock only of the kinds of the plan, of their
 * substitutes and of the teams that equipment needs.
 */
#include <errno.h>
#include "core/plan_inside.h"

#define LOOK_EVERY 64u /* records between two questions whether to stop */

struct load {
    struct core_plan *plan;
    struct core_view *from;
    struct relief_arena record; /* of one record */
    struct core_work reading;   /* of `from`, into record */
    uint32_t looked;
    struct plan_kinds kinds; /* to be loaded, and loaded already */
    int result;
};

static bool goes_on(struct load *load)
{
    const struct core_plan *plan = load->plan;
    if (load->result == 0 && load->looked++ % LOOK_EVERY == LOOK_EVERY - 1 && plan->stop && plan->stop(plan->context))
        load->result = -ETIME;
    return load->result == 0;
}

static void put(struct load *load, enum relief_table table, const void *record)
{
    struct core_change change = {.table = table, .record = record};
    core_restore(load->plan->core, &change, 1);
}

static void put_value(struct load *load, enum relief_table table, struct relief_str value)
{
    const struct relief_shape *shape = relief_tables[table].shape;
    char *copy = relief_arena_alloc(&load->record, value.len + 1);
    void *record = relief_arena_alloc(&load->record, shape->size);
    if (!copy || !record) {
        load->result = -ENOMEM;
        return;
    }
    memcpy(copy, value.data, value.len);
    if (relief_record_decode(shape, (struct relief_str){copy, value.len}, &load->record, record) < 0)
        load->result = -EUCLEAN;
    else
        put(load, table, record);
}

/* All records whose keys begin so. */
static void copy_below(struct load *load, enum relief_table table, const struct core_key *prefix)
{
    struct core_cursor cursor;
    struct relief_str key, value;
    load->from->ops->scan(load->from, &cursor, prefix, NULL);
    while (goes_on(load) && load->from->ops->next(load->from, &cursor, &key, &value)) {
        relief_arena_reset(&load->record);
        put_value(load, table, value);
    }
}

/* The record of these key fields, if there is one. */
static bool copy_one(struct load *load, enum relief_table table, const void *record)
{
    struct core_key key;
    struct relief_str value;
    core_key_record(&key, table, record);
    value = load->from->ops->get(load->from, &key);
    if (value.data)
        put_value(load, table, value);
    return value.data != NULL;
}

static void copy_key(struct load *load, const struct core_key *key)
{
    struct relief_str value = load->from->ops->get(load->from, key);
    struct core_view *to = load->plan->core->view;
    if (value.data)
        to->ops->put(to, key, relief_arena_str(&load->record, value));
}

static int begin(struct load *load, struct core_plan *plan, struct core_view *from)
{
    *load = (struct load){.plan = plan, .from = from};
    load->reading = (struct core_work){.core = plan->core, .view = from, .arena = &load->record, .now = plan->now};
    return relief_arena_init(&load->record, CORE_ARENA_BYTES);
}

int plan_load_world(struct core_plan *plan, struct core_view *from)
{
    static const enum relief_table whole[] = {RELIEF_TABLE_region,  RELIEF_TABLE_travel, RELIEF_TABLE_kind,
                                              RELIEF_TABLE_city,    RELIEF_TABLE_link,   RELIEF_TABLE_agreement,
                                              RELIEF_TABLE_incident};
    struct load load;
    int result = begin(&load, plan, from);
    if (result)
        return result;
    for (unsigned i = 0; i < sizeof whole / sizeof *whole; i++) {
        struct core_key prefix;
        core_key_table(&prefix, whole[i]);
        copy_below(&load, whole[i], &prefix);
    }
    relief_arena_deinit(&load.record);
    return load.result;
}

/* ---- stock ---- */

static void want_kind(struct load *load, struct relief_str kind)
{
    if (!plan_kinds_add(&load->kinds, &load->plan->arena, kind))
        load->result = -ENOMEM;
}

static void copy_assets(struct load *load, struct relief_str city, struct relief_str kind)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_asset asset;
    work_scan(&load->reading, &cursor, &prefix, CORE_KEY_ASSET_OF, city, kind);
    while (goes_on(load) && work_scan_next(&load->reading, &cursor, &prefix, &asset.id)) {
        if (!work_find(&load->reading, RELIEF_TABLE_asset, &asset))
            continue;
        put(load, RELIEF_TABLE_asset, &asset);
        if (asset.operator_.data)
            want_kind(load, asset.operator_);
    }
}

/* What this donor has lent under each of its agreements, and its score. */
static void copy_sums(struct load *load, struct relief_str city, struct relief_str kind)
{
    struct core_cursor cursor;
    struct core_key prefix, sum;
    struct relief_str agreement;
    core_key_start(&sum, CORE_KEY_SCORE);
    core_key_str(&sum, city);
    copy_key(load, &sum);
    work_scan(&load->reading, &cursor, &prefix, CORE_KEY_BY_DONOR, city, RELIEF_STR_NONE);
    while (goes_on(load) && work_scan_next(&load->reading, &cursor, &prefix, &agreement)) {
        core_key_start(&sum, CORE_KEY_SHARE);
        core_key_str(&sum, agreement);
        core_key_str(&sum, city);
        core_key_str(&sum, kind);
        copy_key(load, &sum);
    }
}

static void copy_holder(struct load *load, struct relief_str city, const struct relief_kind *kind)
{
    struct relief_floor floor = {.city = city, .kind = kind->code};
    struct core_key prefix;
    (void)copy_one(load, RELIEF_TABLE_floor, &floor);
    if (kind->class_ == RELIEF_class_supply) {
        core_key_table(&prefix, RELIEF_TABLE_lot);
        core_key_str(&prefix, city);
        core_key_str(&prefix, kind->code);
        copy_below(load, RELIEF_TABLE_lot, &prefix);
    } else {
        copy_assets(load, city, kind->code);
    }
}

static void copy_kind(struct load *load, struct relief_str code)
{
    struct relief_arena *arena = &load->plan->arena; /* what outlives a record */
    struct relief_kind kind = {.code = code};
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str city;
    const struct relief_substitute *substitutes;
    if (!core_find(load->from, RELIEF_TABLE_kind, arena, &kind))
        return;
    substitutes = kind.substitutes.items;
    for (uint32_t i = 0; i < kind.substitutes.count; i++)
        want_kind(load, substitutes[i].kind);
    if (kind.operator_.data)
        want_kind(load, kind.operator_);
    work_scan(&load->reading, &cursor, &prefix, CORE_KEY_HOLDER, code, RELIEF_STR_NONE);
    while (goes_on(load) && work_scan_next(&load->reading, &cursor, &prefix, &city)) {
        city = relief_arena_str(arena, city);
        relief_arena_reset(&load->record);
        if (!city.data) {
            load->result = -ENOMEM;
            return;
        }
        copy_holder(load, city, &kind);
        relief_arena_reset(&load->record);
        copy_sums(load, city, code);
    }
}

int plan_load_kinds(struct core_plan *plan, struct core_view *from, struct relief_list kinds)
{
    const struct relief_str *items = kinds.items;
    struct load load;
    int result = begin(&load, plan, from);
    if (result)
        return result;
    for (uint32_t i = 0; i < kinds.count; i++)
        want_kind(&load, items[i]);
    for (uint32_t i = 0; load.result == 0 && i < load.kinds.count; i++) /* grows by substitutes and operators */
        copy_kind(&load, load.kinds.items[i]);
    relief_arena_deinit(&load.record);
    return load.result;
}

int plan_load_request(struct core_plan *plan, struct core_view *from, struct relief_str id)
{
    struct relief_request request;
    struct load load;
    int result = begin(&load, plan, from);
    if (result)
        return result;
    relief_shape_clear(&relief_shape_request, &request);
    request.id = id;
    if (core_find(from, RELIEF_TABLE_request, &load.record, &request)) {
        const struct relief_str *ids = request.dispatches.items;
        put(&load, RELIEF_TABLE_request, &request);
        for (uint32_t i = 0; i < request.dispatches.count; i++) {
            struct relief_dispatch leg = {.id = ids[i]};
            (void)copy_one(&load, RELIEF_TABLE_dispatch, &leg);
        }
    }
    relief_arena_deinit(&load.record);
    return load.result;
}
