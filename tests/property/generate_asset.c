/*
 * The generator's teams and equipment: their kinds, the assets themselves, loans on their way back, a superior's
 * orders.
 */
#include "generate_inner.h"

struct relief_str gen_gear_code(struct generator *g, int64_t n)
{
    static const char *const codes[] = {"T1", "E1", "E2", "T2"};
    return gen_id(g, codes[n]);
}

static bool is_team(struct relief_str code)
{
    return code.data[0] == 'T';
}

bool gen_is_gear(struct relief_str code)
{
    return is_team(code) || code.data[0] == 'E';
}

/* A team's kind for what needs operators; now and then one that may come later, or never. */
static struct relief_str operator_kind(struct generator *g)
{
    return gen_chance(g, 4) ? gen_id(g, "T9") : gen_gear_code(g, gen_chance(g, 70) ? 0 : 3);
}

void gen_gear_put(struct generator *g, int64_t n)
{
    struct relief_kind_put_params *p = gen_begin(g, RELIEF_METHOD_kind_put);
    gen_coordinator(g, NULL, 0);
    p->code = gen_gear_code(g, n);
    p->name = model_printf(g->m, "gear %d", (int)n);
    p->unit = model_printf(g->m, gen_chance(g, 5) ? "crew" : "piece");
    p->class_ = is_team(p->code) ? RELIEF_class_team : RELIEF_class_equipment;
    if (gen_chance(g, 15))
        p->returnable = gen_between(g, 0, 1);
    /*
     * What operators a leg of several pieces keeps when its donor accepts a part is only clear as long as the need for
     * them is that of the match: a kind's doesn't change once there are assets of it.
     */
    const struct relief_kind *old = model_kind(g->m, p->code);
    if (old)
        p->operator_ = old->operator_;
    else if (!is_team(p->code) && gen_chance(g, g->fleet ? 80 : 50))
        p->operator_ = operator_kind(g);
    if (!gen_chance(g, g->fleet ? 80 : 60))
        return;
    /* often machines with their operators, in packs that don't always come out even */
    struct relief_substitute *items = model_alloc(g->m, sizeof *items);
    struct relief_str other = gen_gear_code(g, gen_chance(g, 50) ? gen_between(g, 1, 2) : gen_between(g, 0, 3));
    *items = (struct relief_substitute){.kind = other, .give = gen_between(g, 1, 3), .for_ = gen_between(g, 1, 2)};
    p->substitutes = (struct relief_list){.items = items, .count = 1, .present = 1};
}

struct relief_str gen_gear(struct generator *g)
{
    uint64_t dice = generator_random(g, 60);
    return g->gear && dice ? gen_gear_code(g, gen_between(g, 0, (int64_t)g->gear - 1)) : gen_kind(g);
}

/* Never at the time of another deadline: which of two entries at one time comes first is open. */
static int64_t rest(struct generator *g)
{
    return (g->now / 10 + gen_between(g, gen_chance(g, 10) ? -50 : 1, gen_chance(g, 80) ? 30000 : 3000000)) * 10 + 7;
}

static struct relief_list certificates(struct generator *g, struct relief_str city)
{
    struct relief_certificate *items = model_alloc(g->m, 2 * sizeof *items);
    struct relief_list list = {.items = items, .present = 1};
    for (list.count = 0; list.count < 2 && (!list.count || gen_chance(g, 30)); list.count++) {
        int64_t until = g->now + gen_between(g, -60, 900) * 60000;
        if (gen_chance(g, 20))
            until = g->now + gen_way(g, city); /* just valid on arrival somewhere */
        items[list.count] = (struct relief_certificate){.name = model_printf(g->m, "diver"), .until = until};
    }
    return list;
}

static const struct relief_asset *any_asset(struct generator *g)
{
    return g->m->asset_count ? &g->m->asset[generator_random(g, g->m->asset_count)] : NULL;
}

static int64_t condition(struct generator *g)
{
    return gen_chance(g, 80) ? (int64_t)RELIEF_condition_ready : gen_between(g, 0, RELIEF_condition_COUNT - 1);
}

void gen_asset_put(struct generator *g)
{
    struct relief_asset_put_params *p = gen_begin(g, RELIEF_METHOD_asset_put);
    const struct relief_asset *old = gen_chance(g, 25) ? any_asset(g) : NULL;
    p->id = old ? old->id : gen_name(g, "P", g->asset_next++);
    p->city = old && !gen_chance(g, 10) ? old->city : gen_city(g);
    if (!old && gen_chance(g, 50)) /* several in one city, so that legs have several */
        p->city = g->m->city[g->fleet ? 0 : generator_random(g, 2)].code;
    p->kind = old && !gen_chance(g, 10) ? old->kind : gen_gear(g);
    if (!old && g->fleet && gen_chance(g, 70))
        p->kind = gen_gear_code(g, gen_chance(g, 50) ? 0 : 2);
    p->level = gen_between(g, 1, 4);
    p->condition = condition(g);
    if (gen_chance(g, 10))
        p->capacity = gen_between(g, 0, 40);
    if (old && old->dispatch.data) /* see gen_gear_put */
        p->operator_ = old->operator_;
    else if (p->kind.data[0] == 'E' && gen_chance(g, 15))
        p->operator_ = operator_kind(g);
    if (gen_chance(g, 20))
        p->certificates = certificates(g, p->city);
    if (gen_chance(g, 15))
        p->rest_until = rest(g);
    gen_for_city(g, old && gen_chance(g, 50) ? old->city : p->city);
}

void gen_asset_status(struct generator *g)
{
    struct relief_asset_status_params *p = gen_begin(g, RELIEF_METHOD_asset_status);
    const struct relief_asset *old = gen_chance(g, 2) ? NULL : any_asset(g);
    for (unsigned tries = 0; old && !old->dispatch.data && tries < 4; tries++)
        old = any_asset(g); /* rather one that is in a leg */
    p->id = old ? old->id : model_printf(g->m, "NOASSET");
    if (gen_chance(g, 60))
        p->condition = condition(g);
    if (gen_chance(g, 40))
        p->rest_until = rest(g);
    if (gen_chance(g, 15))
        p->city = gen_city(g);
    if (old && !(p->city.data && gen_chance(g, 70)))
        gen_for_city(g, old->city);
    else
        gen_local(g);
}

void gen_loan(struct generator *g, unsigned command, const struct relief_dispatch *leg)
{
    int64_t had = leg && leg->accepted != RELIEF_NIL ? leg->accepted : 3;
    if (leg && leg->returned != RELIEF_NIL)
        had = leg->returned;
    int64_t units = gen_chance(g, 60) ? had : gen_chance(g, 10) ? 0 : gen_between(g, 0, had);
    if (gen_chance(g, 6))
        units = had + 1;
    if (command == RELIEF_METHOD_dispatch_return) {
        g->params.dispatch_return.quantity = units;
    } else if (command == RELIEF_METHOD_dispatch_checkin) {
        g->params.dispatch_checkin.quantity = units;
        if (gen_chance(g, 60))
            g->params.dispatch_checkin.condition = condition(g);
        if (gen_chance(g, leg && leg->assets.count ? 40 : 3))
            g->params.dispatch_checkin.rest_until = rest(g);
    } else {
        /* extend has the same parameters */
        g->params.dispatch_recall.by = g->now + gen_between(g, -100, 5000) * 60000;
        if (gen_chance(g, 30))
            g->params.dispatch_recall.reason = gen_reason(g);
    }
}

void gen_dispatch_order(struct generator *g)
{
    struct relief_dispatch_order_params *p = gen_begin(g, RELIEF_METHOD_dispatch_order);
    struct model *m = g->m;
    const struct relief_request *request = NULL;
    for (unsigned tries = 0; m->request_count && tries < 12; tries++) {
        request = &m->request[generator_random(g, m->request_count)];
        if (request->open && model_city(m, request->city)->mode == RELIEF_mode_emergency)
            break;
    }
    p->request = request && !gen_chance(g, 2) ? request->id : model_printf(m, "NOREQUEST");
    p->donor = gen_city(g);
    int64_t most = request && request->open ? request->open : 3;
    if (request && gen_chance(g, 60)) {
        /* somebody who has some */
        for (unsigned tries = 0; tries < 12; tries++) {
            struct relief_stock stock;
            p->donor = m->city[generator_random(g, m->city_count)].code;
            model_stock(m, g->now, p->donor, request->kind, &stock);
            int64_t units = stock.on_hand - stock.held - stock.reserved;
            if (units > 0) {
                most = units < most ? units : most;
                break;
            }
        }
    }
    p->quantity = gen_between(g, 1, most) + (gen_chance(g, 5) ? 1 : 0);
    p->reason = gen_reason(g);
    struct relief_str cities[2] = {request ? request->city : RELIEF_STR_NONE, p->donor};
    gen_coordinator(g, cities, 2);
}
