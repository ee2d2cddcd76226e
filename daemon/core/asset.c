/*
 * The commands that put teams and pieces of equipment and report their condition (fine print 50, 51). Units of an asset
 * kind are its assets: a new one is received into the system where it is put.
 */
#include "core/work.h"

/* A new asset is received where it is put. One that becomes another kind is written off as the one and received as the
 * other; a move to another city takes nothing in or out of the system. */
static void book_kind(struct core_work *work, const struct relief_asset *old, const struct relief_asset *asset)
{
    struct relief_account account;
    if (old && relief_str_eq(old->kind, asset->kind))
        return;
    if (old) {
        work_account(work, old->city, old->kind, &account);
        account.written_off++;
        work_put(work, RELIEF_TABLE_account, &account);
    }
    work_account(work, asset->city, asset->kind, &account);
    account.received++;
    work_put(work, RELIEF_TABLE_account, &account);
}

static void store_asset(struct core_work *work, const struct relief_asset *old, const struct relief_asset *asset)
{
    book_kind(work, old, asset);
    work_put(work, RELIEF_TABLE_asset, asset);
    work_answer_record(work, RELIEF_TABLE_asset, asset);
    crew_wake(work, asset->city, asset->kind);
}

int core_apply_asset_put(struct core_work *work, const struct relief_asset_put_params *params)
{
    struct relief_asset old = {.id = params->id};
    struct relief_asset asset = {.id = params->id,
                                 .kind = params->kind,
                                 .city = params->city,
                                 .level = params->level,
                                 .capacity = params->capacity,
                                 .condition = params->condition,
                                 .operator_ = params->operator_,
                                 .certificates = params->certificates,
                                 .rest_until = params->rest_until,
                                 .dispatch = RELIEF_STR_NONE,
                                 .use = RELIEF_asset_use_free};
    struct relief_kind kind;
    struct relief_city city;
    bool exists = work_find(work, RELIEF_TABLE_asset, &old);
    int error;
    if (!work_kind(work, params->kind, &kind))
        return work_not_found(work, "kind", params->kind);
    if (!work_city(work, params->city, &city))
        return work_not_found(work, "city", params->city);
    error = rights_city(work, params->city);
    if (!error && exists)
        error = rights_city(work, old.city);
    if (!error && exists && old.dispatch.data &&
        (!relief_str_eq(old.kind, asset.kind) || !relief_str_eq(old.city, asset.city)))
        error = work_bad_state(work, relief_enum_asset_use.names[old.use], "it is in dispatch %.*s",
                               (int)old.dispatch.len, old.dispatch.data);
    if (!error && kind.class_ == RELIEF_class_supply)
        error = work_bad_params(work, "kind", "%.*s is a supply; its units are received, not put",
                                (int)params->kind.len, params->kind.data);
    if (error)
        return error;
    asset.certificates.present = 1;
    if (exists) {
        asset.dispatch = old.dispatch;
        asset.use = old.use;
    }
    store_asset(work, exists ? &old : NULL, &asset);
    return 0;
}

int core_apply_asset_status(struct core_work *work, const struct relief_asset_status_params *params)
{
    struct relief_asset old = {.id = params->id}, asset;
    struct relief_city city;
    int error;
    if (!work_find(work, RELIEF_TABLE_asset, &old))
        return work_not_found(work, "id", params->id);
    if (params->city.data && !work_city(work, params->city, &city))
        return work_not_found(work, "city", params->city);
    error = rights_city(work, old.city);
    if (!error && params->city.data) /* nobody gives another city a piece unasked: `purpose` `stock` hands it over */
        error = rights_city(work, params->city);
    if (!error && params->city.data && old.dispatch.data && !relief_str_eq(old.city, params->city))
        error = work_bad_state(work, relief_enum_asset_use.names[old.use], "it is in dispatch %.*s",
                               (int)old.dispatch.len, old.dispatch.data);
    if (error)
        return error;
    asset = old;
    if (params->condition != RELIEF_NIL)
        asset.condition = params->condition;
    if (params->rest_until != RELIEF_NIL)
        asset.rest_until = params->rest_until;
    if (params->city.data)
        asset.city = params->city;
    store_asset(work, &old, &asset);
    return 0;
}
