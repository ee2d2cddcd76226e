/*
 * The invariants of DESIGN 6 on the records, added up by hand. The state has just been compared with that of the core
 * record by record, so what holds here holds there.
 */
#include "check.h"
#include <stdio.h>

static bool broken(const char *what, struct relief_str a, struct relief_str b)
{
    fprintf(stderr, "invariant broken: %s (%s %s)\n", what, a.data ? a.data : "", b.data ? b.data : "");
    return false;
}

/* 1: for every kind, received = on hand + in transit + on loan + issued + lost + written off. */
static bool check_kinds(struct model *m)
{
    for (unsigned k = 0; k < m->kind_count; k++) {
        struct relief_str kind = m->kind[k].code;
        int64_t received = 0, there = 0;
        for (unsigned i = 0; i < m->account_count; i++) {
            const struct relief_account *a = &m->account[i];
            if (!model_same(a->kind, kind))
                continue;
            if (a->received < 0 || a->issued < 0 || a->lost < 0 || a->written_off < 0 || a->on_loan < 0 ||
                a->in_transit < 0)
                return broken("1: an account is negative", a->city, kind);
            received += a->received;
            there += a->in_transit + a->on_loan + a->issued + a->lost + a->written_off;
        }
        for (unsigned i = 0; i < m->asset_count; i++)
            there += model_same(m->asset[i].kind, kind) && m->asset[i].use != RELIEF_asset_use_away;
        for (unsigned i = 0; i < m->lot_count; i++)
            there += model_same(m->lot[i].kind, kind) ? m->lot[i].quantity : 0;
        if (received != there)
            return broken("1: received is not what is there", kind, RELIEF_STR_NONE);
    }
    return true;
}

/* 2: held and reserved of each lot are the sums of its legs, and no more than it has. */
static bool check_lots(struct model *m)
{
    static int64_t held[16384], reserved[16384];
    memset(held, 0, m->lot_count * sizeof *held);
    memset(reserved, 0, m->lot_count * sizeof *reserved);
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[i];
        if (leg->state != RELIEF_dispatch_state_asked && leg->state != RELIEF_dispatch_state_committed)
            continue;
        const struct relief_leg_lot *taken = leg->lots.items;
        int64_t sum = 0;
        for (uint32_t t = 0; t < leg->lots.count; t++) {
            sum += taken[t].quantity;
            struct relief_lot *lot = model_lot(m, leg->donor, leg->kind, taken[t].lot);
            if (!lot)
                return broken("2: a leg's lot is not there", leg->id, taken[t].lot);
            (leg->state == RELIEF_dispatch_state_asked ? held : reserved)[lot - m->lot] += taken[t].quantity;
        }
        if (sum + leg->assets.count != leg->quantity)
            return broken("2: a leg's lots are not its quantity", leg->id, RELIEF_STR_NONE);
    }
    for (unsigned i = 0; i < m->lot_count; i++) {
        const struct relief_lot *lot = &m->lot[i];
        if (lot->held != held[i] || lot->reserved != reserved[i])
            return broken("2: held or reserved is not the sum of legs", lot->city, lot->lot);
        if (lot->held < 0 || lot->reserved < 0 || lot->held + lot->reserved > lot->quantity)
            return broken("2: more bound than there is", lot->city, lot->lot);
    }
    return true;
}

/* 3: matching is the last thing that an entry does, so a leg of this entry leaves the floor as it stands now. */
static bool check_floors(struct model *m, int64_t time, unsigned legs_before)
{
    for (unsigned i = legs_before; i < m->dispatch_count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[i];
        struct relief_stock stock;
        if (leg->ordered) /* by a superior, who may */
            continue;
        model_stock(m, time, leg->donor, leg->kind, &stock);
        if (stock.on_hand - stock.unusable - stock.held - stock.reserved < stock.floor)
            return broken("3: a leg went below the floor", leg->id, leg->donor);
    }
    return true;
}

/* 4: quantity = covered + open + shortfall, none negative; covered is what the legs cover. */
static bool check_requests(struct model *m)
{
    static int64_t covers[16384];
    memset(covers, 0, m->request_count * sizeof *covers);
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        struct relief_request *request = model_request(m, m->dispatch[i].request);
        if (!request)
            return broken("4: a leg without a request", m->dispatch[i].id, RELIEF_STR_NONE);
        covers[request - m->request] += m->dispatch[i].covers;
    }
    for (unsigned i = 0; i < m->request_count; i++) {
        const struct relief_request *r = &m->request[i];
        if (r->covered < 0 || r->open < 0 || r->shortfall < 0 || r->received < 0 || r->received > r->covered)
            return broken("4: a number of a request is negative", r->id, RELIEF_STR_NONE);
        if (r->quantity != r->covered + r->open + r->shortfall)
            return broken("4: quantity is not covered + open + shortfall", r->id, RELIEF_STR_NONE);
        if (r->covered != covers[i])
            return broken("4: covered is not what the legs cover", r->id, RELIEF_STR_NONE);
        if (!model_live(r) && r->open)
            return broken("4: a closed request is open", r->id, RELIEF_STR_NONE);
    }
    return true;
}

/* What a leg in its state makes of its assets. */
static int64_t use_in(const struct relief_dispatch *leg)
{
    switch (leg->state) {
    case RELIEF_dispatch_state_asked:
        return RELIEF_asset_use_held;
    case RELIEF_dispatch_state_committed:
        return RELIEF_asset_use_reserved;
    case RELIEF_dispatch_state_in_transit:
    case RELIEF_dispatch_state_in_use:
    case RELIEF_dispatch_state_returning:
        return RELIEF_asset_use_away;
    default:
        return RELIEF_asset_use_free;
    }
}

static bool check_use(struct model *m, const struct relief_dispatch *leg, const struct relief_list *list, int64_t count,
                      bool *in_leg)
{
    const struct relief_str *items = list->items;
    for (int64_t i = 0; i < count; i++) {
        struct relief_asset *asset = model_asset(m, items[i]);
        if (!asset || in_leg[asset - m->asset])
            return broken("5: an asset is in two legs", leg->id, items[i]);
        in_leg[asset - m->asset] = true;
        if (asset->use != use_in(leg) || !model_same(asset->dispatch, leg->id) || !model_same(asset->city, leg->donor))
            return broken("5: an asset is not where its leg is", leg->id, items[i]);
    }
    return true;
}

/* 5: an asset is in at most one live leg, and says so. */
static bool check_assets(struct model *m)
{
    static bool in_leg[4096];
    memset(in_leg, 0, sizeof in_leg);
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[i];
        int64_t pieces = leg->state == RELIEF_dispatch_state_returning ? leg->returned : leg->assets.count;
        if (use_in(leg) == RELIEF_asset_use_free || !leg->assets.count)
            continue;
        if (!check_use(m, leg, &leg->assets, pieces, in_leg) ||
            !check_use(m, leg, &leg->operators, leg->operators.count, in_leg))
            return false;
    }
    for (unsigned i = 0; i < m->asset_count; i++) {
        if (!in_leg[i] && (m->asset[i].use != RELIEF_asset_use_free || m->asset[i].dispatch.data))
            return broken("5: an asset is in no leg and not free", m->asset[i].id, m->asset[i].dispatch);
    }
    return true;
}

bool check_model(struct model *m, int64_t time, unsigned legs_before)
{
    return check_kinds(m) && check_lots(m) && check_floors(m, time, legs_before) && check_requests(m) &&
           check_assets(m);
}
