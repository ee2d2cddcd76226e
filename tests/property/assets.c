/*
 * The model's assets: teams and equipment with their homes, what legs do to them, and who can go at a moment (fine
 * print 49 to 51). An asset's use is set by hand at each event of its leg; check.c adds it up anew from the legs.
 */
#include "model.h"
#include <assert.h>
#include <stdlib.h>

#define PICK_MAX 512u

static bool same_home(const struct relief_asset *asset, struct relief_str city, struct relief_str kind)
{
    return model_same(asset->city, city) && model_same(asset->kind, kind);
}

bool model_asset_usable(const struct relief_asset *asset, int64_t time)
{
    return asset->condition == RELIEF_condition_ready && (asset->rest_until == RELIEF_NIL || asset->rest_until <= time);
}

void model_asset_stock(struct model *m, int64_t time, struct relief_str city, struct relief_str kind,
                       struct relief_stock *stock)
{
    for (unsigned i = 0; i < m->asset_count; i++) {
        const struct relief_asset *asset = &m->asset[i];
        if (!same_home(asset, city, kind) || asset->use == RELIEF_asset_use_away)
            continue;
        stock->on_hand++;
        stock->unusable += !model_asset_usable(asset, time);
        stock->held += asset->use == RELIEF_asset_use_held;
        stock->reserved += asset->use == RELIEF_asset_use_reserved;
    }
}

/* What is left for others after the floor. */
static int64_t left_of(struct model *m, int64_t time, struct relief_city *city, struct relief_str kind)
{
    struct relief_stock stock = {0};
    model_asset_stock(m, time, city->code, kind, &stock);
    return stock.on_hand - stock.unusable - stock.held - stock.reserved - model_floor_now(m, city, kind);
}

/* Fine print 49: the weakest first, then id. */
static int asset_order(const void *x, const void *y)
{
    const struct relief_asset *a = *(struct relief_asset *const *)x, *b = *(struct relief_asset *const *)y;
    if (a->level != b->level)
        return a->level > b->level ? -1 : 1;
    return relief_str_cmp(a->id, b->id);
}

static unsigned assets_in(struct model *m, struct relief_str city, struct relief_str kind, struct relief_asset **ret)
{
    unsigned count = 0;
    for (unsigned i = 0; i < m->asset_count; i++) {
        if (same_home(&m->asset[i], city, kind) && m->asset[i].use == RELIEF_asset_use_free) {
            assert(count < PICK_MAX);
            ret[count++] = &m->asset[i];
        }
    }
    qsort(ret, count, sizeof *ret, asset_order);
    return count;
}

static bool certified(const struct relief_asset *asset, int64_t arrival)
{
    const struct relief_certificate *items = asset->certificates.items;
    for (uint32_t i = 0; i < asset->certificates.count; i++) {
        if (items[i].until < arrival)
            return false;
    }
    return true;
}

struct relief_str model_operator_of(const struct relief_asset *piece, const struct relief_kind *kind)
{
    return piece->operator_.data ? piece->operator_ : kind->operator_;
}

/* A free team of this kind that may go, besides those that the crew has; NULL when the floor or the teams end. */
static struct relief_asset *operator_for(struct model *m, int64_t time, int64_t arrival, struct relief_city *city,
                                         struct relief_str kind, bool ordered, const struct model_crew *crew)
{
    struct relief_asset *teams[PICK_MAX];
    unsigned count = assets_in(m, city->code, kind, teams);
    int64_t taken = 0;
    for (unsigned i = 0; i < crew->count; i++)
        taken += crew->operators[i] && model_same(crew->operators[i]->kind, kind);
    if (!model_kind(m, kind) || (!ordered && taken >= left_of(m, time, city, kind)))
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        bool used = false;
        for (unsigned j = 0; j < crew->count; j++)
            used |= crew->operators[j] == teams[i] || crew->pieces[j] == teams[i];
        if (!used && model_asset_usable(teams[i], time) && certified(teams[i], arrival))
            return teams[i];
    }
    return NULL;
}

/* The furthest that any piece came, in the order of fine print 46. */
static void came_to(struct model_crew *crew, int64_t why)
{
    if (crew->why == RELIEF_why_nothing_available || why > crew->why)
        crew->why = why;
}

void model_pick(struct model *m, int64_t time, int64_t arrival, struct relief_city *city,
                const struct relief_kind *kind, int64_t min_level, bool ordered, struct model_crew *ret)
{
    struct relief_asset *pieces[PICK_MAX];
    unsigned count = assets_in(m, city->code, kind->code, pieces);
    bool passed = false;
    ret->count = 0;
    ret->why = RELIEF_why_nothing_available;
    for (unsigned i = 0; i < count; i++) {
        struct relief_str need = model_operator_of(pieces[i], kind);
        struct relief_asset *with = NULL;
        if (pieces[i]->level > min_level)
            came_to(ret, RELIEF_why_level);
        else if (pieces[i]->condition != RELIEF_condition_ready)
            came_to(ret, RELIEF_why_condition);
        else if (!model_asset_usable(pieces[i], time))
            came_to(ret, RELIEF_why_rest);
        else if (!certified(pieces[i], arrival))
            came_to(ret, RELIEF_why_certificate);
        else if (need.data && !(with = operator_for(m, time, arrival, city, need, ordered, ret)))
            came_to(ret, RELIEF_why_operator);
        else {
            ret->pieces[ret->count] = pieces[i];
            ret->operators[ret->count++] = with;
            passed = true;
        }
    }
    if (passed)
        ret->why = RELIEF_why_nothing_available;
    ret->left = left_of(m, time, city, kind->code);
}

static void book_one(struct model *m, struct relief_str id, int64_t use, struct relief_str leg)
{
    struct relief_asset *asset = model_asset(m, id);
    asset->use = use;
    asset->dispatch = use == RELIEF_asset_use_free ? RELIEF_STR_NONE : leg;
}

void model_crew_book(struct model *m, const struct relief_dispatch *leg, int64_t use)
{
    const struct relief_str *assets = leg->assets.items, *operators = leg->operators.items;
    for (uint32_t i = 0; i < leg->assets.count; i++)
        book_one(m, assets[i], use, leg->id);
    for (uint32_t i = 0; i < leg->operators.count; i++)
        book_one(m, operators[i], use, leg->id);
}

void model_crew_home(struct model *m, const struct relief_list *assets, int64_t first, int64_t count, int64_t condition,
                     struct relief_str city)
{
    const struct relief_str *items = assets->items;
    for (int64_t i = first; i < first + count; i++) {
        struct relief_asset *asset = model_asset(m, items[i]);
        book_one(m, items[i], RELIEF_asset_use_free, RELIEF_STR_NONE);
        if (condition != RELIEF_NIL)
            asset->condition = condition;
        if (city.data)
            asset->city = city;
    }
}

void model_crew_cut(struct model *m, struct relief_dispatch *leg, int64_t units)
{
    const struct relief_kind *kind = model_kind(m, leg->kind);
    const struct relief_str *assets = leg->assets.items;
    uint32_t with = 0;
    for (int64_t i = 0; i < units; i++)
        with += model_operator_of(model_asset(m, assets[i]), kind).data != NULL;
    with = with < leg->operators.count ? with : leg->operators.count;
    model_crew_home(m, &leg->assets, units, leg->assets.count - units, RELIEF_NIL, RELIEF_STR_NONE);
    model_crew_home(m, &leg->operators, with, leg->operators.count - with, RELIEF_NIL, RELIEF_STR_NONE);
    leg->assets.count = (uint32_t)units;
    leg->operators.count = with;
}

static bool may_leave(const struct relief_asset *asset, int64_t time, int64_t arrival)
{
    return model_asset_usable(asset, time) && certified(asset, arrival);
}

bool model_crew_ready(struct model *m, int64_t time, const struct relief_dispatch *leg)
{
    const struct relief_str *assets = leg->assets.items, *operators = leg->operators.items;
    int64_t arrival = time + leg->minutes * 60000;
    bool ready = true;
    for (uint32_t i = 0; i < leg->assets.count; i++)
        ready &= may_leave(model_asset(m, assets[i]), time, arrival);
    for (uint32_t i = 0; i < leg->operators.count; i++)
        ready &= may_leave(model_asset(m, operators[i]), time, arrival);
    return ready;
}

void model_crew_account(struct model *m, const struct relief_dispatch *leg, int64_t in_transit, int64_t on_loan)
{
    const struct relief_str *operators = leg->operators.items;
    for (uint32_t i = 0; i < leg->operators.count; i++) {
        struct relief_account *account = model_account(m, leg->donor, model_asset(m, operators[i])->kind);
        account->in_transit += in_transit;
        account->on_loan += on_loan;
    }
}

/* ---- commands ---- */

static void asset_put(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_asset_put_params *p = entry->params;
    struct relief_asset *asset = model_asset(m, p->id);
    struct relief_kind *kind = model_kind(m, p->kind);
    if (!kind)
        model_not_found(answer, "kind", p->kind);
    else if (!model_city(m, p->city))
        model_not_found(answer, "city", p->city);
    else if (!model_may(m, &entry->who, p->city) || (asset && !model_may(m, &entry->who, asset->city)))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (asset && asset->dispatch.data && !same_home(asset, p->city, p->kind))
        model_bad_state(answer, &relief_enum_asset_use, asset->use);
    else if (kind->class_ == RELIEF_class_supply)
        model_refuse(answer, RELIEF_BAD_PARAMS, "kind");
    if (answer->code)
        return;
    struct relief_str dispatch = asset ? asset->dispatch : RELIEF_STR_NONE;
    int64_t use = asset ? asset->use : RELIEF_asset_use_free;
    if (asset && !model_same(asset->kind, p->kind))
        model_account(m, asset->city, asset->kind)->written_off++; /* as the one, received as the other */
    if (!asset || !model_same(asset->kind, p->kind))
        model_account(m, p->city, p->kind)->received++;
    assert(asset || m->asset_count < 4096);
    asset = MODEL_PLACE(m, asset, asset);
    *asset = (struct relief_asset){.id = p->id,
                                   .kind = p->kind,
                                   .city = p->city,
                                   .level = p->level,
                                   .capacity = p->capacity,
                                   .condition = p->condition,
                                   .operator_ = p->operator_,
                                   .certificates = p->certificates,
                                   .rest_until = p->rest_until,
                                   .dispatch = dispatch,
                                   .use = use};
    asset->certificates.present = 1;
    model_done(answer, RELIEF_TABLE_asset, asset);
}

static void asset_status(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    const struct relief_asset_status_params *p = entry->params;
    struct relief_asset *asset = model_asset(m, p->id);
    if (!asset)
        model_not_found(answer, "id", p->id);
    else if (p->city.data && !model_city(m, p->city))
        model_not_found(answer, "city", p->city);
    else if (!model_may(m, &entry->who, asset->city) || (p->city.data && !model_may(m, &entry->who, p->city)))
        model_refuse(answer, RELIEF_DENIED, NULL);
    else if (p->city.data && asset->dispatch.data && !model_same(asset->city, p->city))
        model_bad_state(answer, &relief_enum_asset_use, asset->use);
    if (answer->code)
        return;
    if (p->condition != RELIEF_NIL)
        asset->condition = p->condition;
    if (p->rest_until != RELIEF_NIL)
        asset->rest_until = p->rest_until;
    if (p->city.data)
        asset->city = p->city;
    model_done(answer, RELIEF_TABLE_asset, asset);
}

void model_apply_asset(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    if (entry->command == RELIEF_METHOD_asset_put)
        asset_put(m, entry, answer);
    else
        asset_status(m, entry, answer);
}
