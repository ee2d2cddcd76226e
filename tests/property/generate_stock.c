/*
 * The generator's goods: the catalogue, and what cities report of their stock.
 */
#include "generate_inner.h"

static struct relief_str kind_code(struct generator *g, int64_t n)
{
    static const char *const codes[] = {"1001", "1002", "1101", "2001", "2002", "21", "2", "3001"};
    return gen_id(g, codes[n]);
}

static int64_t pack(struct generator *g)
{
    return g->unit > 1 && gen_chance(g, 40) ? gen_units(g, 1, 10) : gen_between(g, 1, 4);
}

void gen_kind_put(struct generator *g, int64_t n)
{
    struct relief_kind_put_params *p = gen_begin(g, RELIEF_METHOD_kind_put);
    gen_coordinator(g, NULL, 0);
    p->name = model_printf(g->m, "kind %d", (int)n);
    p->unit = model_printf(g->m, "piece");
    p->class_ = RELIEF_class_supply;
    p->code = kind_code(g, n);
    if (gen_chance(g, 5))
        p->unit = model_printf(g->m, "box");
    if (gen_chance(g, 40))
        p->min_life_days = gen_between(g, 0, 3);
    if (gen_chance(g, 40))
        p->returnable = gen_between(g, 0, 1);
    if (gen_chance(g, 20))
        p->category = model_printf(g->m, "water");
    unsigned count = gen_chance(g, 60) ? (unsigned)gen_between(g, 1, 3) : 0;
    struct relief_substitute *items = model_alloc(g->m, 4 * sizeof *items);
    for (unsigned i = 0; i < count; i++) {
        struct relief_str code = kind_code(g, gen_between(g, 0, g->kinds - 1)); /* may come later, or never */
        items[p->substitutes.count++] = (struct relief_substitute){.kind = code, .give = pack(g), .for_ = pack(g)};
    }
    if (p->substitutes.count || gen_chance(g, 20))
        p->substitutes.items = items, p->substitutes.present = 1;
}

/* City, kind, perhaps a lot that is there. */
static void place_of_stock(struct generator *g, struct relief_str *city, struct relief_str *kind,
                           struct relief_str *lot)
{
    *city = gen_city(g);
    *kind = gen_kind(g);
    if (!g->m->lot_count || gen_chance(g, 15))
        return;
    const struct relief_lot *at = &g->m->lot[generator_random(g, g->m->lot_count)];
    *city = at->city;
    *kind = at->kind;
    if (lot && gen_chance(g, 60))
        *lot = gen_chance(g, 4) ? model_printf(g->m, "NOLOT") : at->lot;
}

void gen_stock_receive(struct generator *g)
{
    struct relief_stock_receive_params *p = gen_begin(g, RELIEF_METHOD_stock_receive);
    p->city = gen_city(g);
    p->kind = gen_kind(g);
    p->quantity = gen_chance(g, 5) ? gen_units(g, 1, 2000) : gen_units(g, 1, 60);
    if (gen_chance(g, 65))
        p->expires = g->dates[generator_random(g, 8)];
    struct relief_kind *kind = model_kind(g->m, p->kind);
    if (kind && gen_chance(g, 10))
        p->expires =
            g->now + gen_way(g, gen_city(g)) + kind->min_life_days * RELIEF_DAY_MS; /* just lives long enough */
    if (gen_chance(g, 40)) {
        p->lot = gen_name(g, "L", gen_between(g, 0, 5));
        if (gen_chance(g, 10)) /* the default id of a lot with another date */
            p->lot = gen_chance(g, 50) ? model_printf(g->m, "0")
                                       : model_printf(g->m, "%lld", (long long)g->dates[generator_random(g, 8)]);
        struct relief_lot *lot = model_lot(g->m, p->city, p->kind, p->lot);
        if (lot && gen_chance(g, 80))
            p->expires = lot->expires;
    }
    gen_for_city(g, p->city);
}

void gen_stock_issue(struct generator *g)
{
    struct relief_stock_issue_params *p = gen_begin(g, RELIEF_METHOD_stock_issue);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    p->quantity = gen_units(g, 1, 30);
    p->reason = gen_reason(g);
    gen_for_city(g, p->city);
}

void gen_stock_writeoff(struct generator *g)
{
    struct relief_stock_writeoff_params *p = gen_begin(g, RELIEF_METHOD_stock_writeoff);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    p->quantity = gen_units(g, 1, 30);
    p->reason = gen_between(g, 0, 3);
    gen_for_city(g, p->city);
}

void gen_stock_count(struct generator *g)
{
    struct relief_stock_count_params *p = gen_begin(g, RELIEF_METHOD_stock_count);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    p->quantity = gen_units(g, 0, 80);
    p->reason = gen_reason(g);
    gen_for_city(g, p->city);
}

void gen_stock_hold(struct generator *g)
{
    struct relief_stock_hold_params *p = gen_begin(g, RELIEF_METHOD_stock_hold);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    if (!p->lot.data)
        p->lot = model_printf(g->m, "0");
    p->state = gen_chance(g, 60) ? RELIEF_lot_state_usable : gen_between(g, 0, 3);
    gen_for_city(g, p->city);
}

void gen_stock_floor(struct generator *g)
{
    struct relief_stock_floor_params *p = gen_begin(g, RELIEF_METHOD_stock_floor);
    place_of_stock(g, &p->city, &p->kind, NULL);
    p->floor = gen_chance(g, 30) ? 0 : gen_units(g, 0, 30);
    if (gen_chance(g, 25)) {
        p->kind = gen_gear(g);
        p->floor = gen_between(g, 0, 3);
        if (gen_chance(g, 50))
            p->emergency_floor = gen_between(g, 0, 3);
    } else if (gen_chance(g, 50))
        p->emergency_floor = gen_units(g, 0, 40);
    if (gen_chance(g, 20))
        p->target = gen_units(g, 0, 40);
    gen_for_city(g, p->city);
}
