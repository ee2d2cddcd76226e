/*
 * The generator: what a world is like, how often each command comes, who gives it. It looks at the model to find
 * commands that can succeed. Where the contract leaves a choice open it keeps out of the way: each such place says so.
 */
#include "generate_inner.h"

#define HOUR INT64_C(3600000)

uint64_t generator_random(struct generator *g, uint64_t below)
{
    uint64_t z = (g->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

bool gen_chance(struct generator *g, unsigned percent)
{
    return generator_random(g, 100) < percent;
}

int64_t gen_between(struct generator *g, int64_t low, int64_t high)
{
    return low + (int64_t)generator_random(g, (uint64_t)(high - low + 1));
}

int64_t gen_units(struct generator *g, int64_t low, int64_t high)
{
    int64_t units = gen_between(g, low, high);
    if (g->unit == 1 || units == 0)
        return units;
    if (units > RELIEF_QUANTITY_MAX / g->unit)
        return RELIEF_QUANTITY_MAX;
    return units * g->unit - gen_between(g, 0, g->unit - 1);
}

int64_t gen_way(struct generator *g, struct relief_str to)
{
    struct relief_city *city = model_city(g->m, to);
    if (!city)
        return 0;
    int64_t minutes = model_minutes(g->m, &g->m->city[generator_random(g, g->m->city_count)], city);
    return minutes == RELIEF_NIL ? 0 : minutes * 60000 + gen_between(g, -1, 1) * 10;
}

struct relief_str gen_city(struct generator *g)
{
    if (!g->m->city_count || generator_random(g, 60) == 0)
        return model_printf(g->m, "NOWHERE");
    return g->m->city[generator_random(g, g->m->city_count)].code;
}

struct relief_str gen_kind(struct generator *g)
{
    uint64_t dice = generator_random(g, 60);
    if (!g->m->kind_count || dice == 0)
        return model_printf(g->m, "NOTHING");
    if (dice == 1)
        return gen_gear_code(g, 0);
    struct relief_str code;
    do
        code = g->m->kind[generator_random(g, g->m->kind_count)].code;
    while (gen_is_gear(code));
    return code;
}

struct relief_str gen_reason(struct generator *g)
{
    return model_printf(g->m, "reason %d", (int)generator_random(g, 5));
}

void gen_who(struct generator *g, enum relief_role role, struct relief_str place)
{
    const char *name = relief_enum_role.names[role];
    g->who = (struct core_identity){.role = role};
    g->who.name = place.data ? model_printf(g->m, "%s:%s", name, place.data) : model_printf(g->m, "%s", name);
    if (role == RELIEF_role_city)
        g->who.city = place;
    else
        g->who.region = place;
}

void gen_local(struct generator *g)
{
    gen_who(g, RELIEF_role_local, RELIEF_STR_NONE);
}

void gen_for_city(struct generator *g, struct relief_str city)
{
    uint64_t dice = generator_random(g, 100);
    if (dice < 75)
        gen_who(g, RELIEF_role_city, city);
    else if (dice < 94 || !g->m->city_count)
        gen_local(g);
    else if (dice < 98)
        gen_who(g, RELIEF_role_city, g->m->city[generator_random(g, g->m->city_count)].code);
    else
        gen_who(g, dice == 98 ? RELIEF_role_coordinator : RELIEF_role_auditor, RELIEF_STR_NONE);
}

/* Where only some of the cities of a command are the coordinator's, the contract doesn't say whose it is. */
void gen_coordinator(struct generator *g, const struct relief_str *cities, unsigned count)
{
    gen_who(g, gen_chance(g, 50) ? RELIEF_role_local : RELIEF_role_coordinator, RELIEF_STR_NONE);
    if (!g->m->region_count || gen_chance(g, 50))
        return;
    /* Of any region: where only some of the cities of a command are its own it is denied. */
    (void)cities, (void)count;
    gen_who(g, RELIEF_role_coordinator, g->m->region[generator_random(g, g->m->region_count)].id);
}

void *gen_begin(struct generator *g, unsigned command)
{
    g->command = command;
    memset(&g->params, 0, sizeof g->params);
    relief_shape_clear(relief_command_by_number(command)->params, &g->params);
    return &g->params;
}

/* ---- a world ---- */

void generator_start(struct generator *g, struct model *m, uint64_t seed, unsigned flood)
{
    *g = (struct generator){.m = m, .state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1};
    g->now = INT64_C(1700000000000) + gen_between(g, 0, 1000000) * 10;
    g->cities = (unsigned)gen_between(g, 3, gen_chance(g, 20) ? 25 : 10);
    g->regions = (unsigned)gen_between(g, 1, 8);
    g->kinds = (unsigned)gen_between(g, 2, gen_chance(g, 30) ? 8 : 4);
    g->deep = gen_chance(g, 25);
    if (g->deep)
        g->regions = (unsigned)gen_between(g, 4, 6), g->cities = (unsigned)gen_between(g, 8, 14);
    g->lengthy = gen_chance(g, 6);
    g->unit = 1;
    if (gen_chance(g, 10))
        g->unit = gen_chance(g, 50) ? gen_between(g, 2, 100) : gen_between(g, 1, 100) * INT64_C(1000000000000);
    if (flood)
        g->cities = 3, g->kinds = 2, g->flood = flood, g->unit = 1;
    g->gear = (unsigned)gen_between(g, 1, 4);
    g->gear_percent = gen_chance(g, 20) ? 0 : (unsigned)gen_between(g, 10, 70);
    g->fleet = !flood && gen_chance(g, 15);
    if (g->fleet)
        g->gear = 4, g->gear_percent = 70;
    if (flood)
        g->gear = 1, g->gear_percent = 0;
    g->setup = g->regions + g->cities + g->kinds + g->gear;
    g->ask_percent = (unsigned)gen_between(g, 0, 90);
    g->agreement_percent = (unsigned)gen_between(g, 0, 100);
    g->needed_percent = (unsigned)gen_between(g, 0, 100);
    g->lat = gen_between(g, -60, 60) * 1000000;
    g->lon = gen_between(g, -170, 170) * 1000000;
    g->spread = gen_chance(g, 15) ? 200000 : gen_between(g, 500000, 4000000);
    if (gen_chance(g, 5))
        g->lon = 179500000;
    if (gen_chance(g, 5))
        g->lat = 89000000;
    static const int64_t hours[8] = {-24, 1, 5, 26, 50, 75, 130, 700};
    for (unsigned i = 0; i < 8; i++)
        g->dates[i] = g->now + hours[i] * HOUR + gen_between(g, 0, 100) * 10;
}

void generator_tick(struct generator *g)
{
    if (g->step < g->setup + g->flood)
        return;
    uint64_t dice = generator_random(g, 100);
    int64_t ms = 0, due = model_next_due(g->m);
    if (dice >= 96 && due > g->now && due < g->now + 3 * HOUR) {
        g->now = due - gen_between(g, 0, 1); /* at a deadline, or just before it */
        return;
    }
    if (dice < 40)
        ms = gen_between(g, 0, 60000);
    else if (dice < 48)
        ms = gen_between(g, 0, HOUR / 2);
    else if (dice < 49)
        ms = gen_between(g, 0, (gen_chance(g, 30) ? 30 : 5) * HOUR);
    g->now = (g->now / 10 + ms / 10) * 10;
}

static void gen_any_kind_put(struct generator *g, int64_t n)
{
    if (n < (int64_t)g->kinds)
        gen_kind_put(g, n);
    else
        gen_gear_put(g, n - g->kinds);
}

static void setup_next(struct generator *g)
{
    unsigned n = g->step;
    if (n < g->regions) {
        gen_region_put(g, n);
        return;
    }
    n -= g->regions;
    if (n < g->cities)
        gen_city_put(g, n);
    else
        gen_any_kind_put(g, n - g->cities);
}

/* Many small requests, then more than all of them need. */
static void flood_next(struct generator *g)
{
    if (g->step + 1 < g->setup + g->flood) {
        struct relief_request_submit_params *p = gen_begin(g, RELIEF_METHOD_request_submit);
        p->id = gen_request_id(g);
        p->city = g->m->city[gen_chance(g, 85) ? 0 : generator_random(g, g->m->city_count)].code;
        p->kind = g->m->kind[0].code;
        p->quantity = gen_between(g, 1, 2);
        p->priority = gen_between(g, 1, 5);
    } else {
        struct relief_stock_receive_params *p = gen_begin(g, RELIEF_METHOD_stock_receive);
        p->city = g->m->city[0].code;
        p->kind = g->m->kind[0].code;
        p->quantity = 4000;
    }
    gen_local(g);
}

/* How often each command comes, out of the sum. */
static void random_next(struct generator *g)
{
    static const struct {
        unsigned weight, command;
    } mix[] = {
        {14, RELIEF_METHOD_stock_receive},   {4, RELIEF_METHOD_stock_issue},      {3, RELIEF_METHOD_stock_writeoff},
        {3, RELIEF_METHOD_stock_count},      {4, RELIEF_METHOD_stock_hold},       {5, RELIEF_METHOD_stock_floor},
        {13, RELIEF_METHOD_request_submit},  {9, RELIEF_METHOD_request_amend},    {7, RELIEF_METHOD_dispatch_accept},
        {3, RELIEF_METHOD_dispatch_decline}, {2, RELIEF_METHOD_dispatch_cancel},  {3, RELIEF_METHOD_dispatch_renege},
        {2, RELIEF_METHOD_dispatch_lost},    {10, RELIEF_METHOD_dispatch_depart}, {8, RELIEF_METHOD_dispatch_receive},
        {3, RELIEF_METHOD_city_mode},        {4, RELIEF_METHOD_link_put},         {4, RELIEF_METHOD_agreement_put},
        {1, RELIEF_METHOD_agreement_end},    {1, RELIEF_METHOD_incident_open},    {2, RELIEF_METHOD_incident_update},
        {1, RELIEF_METHOD_incident_close},   {1, RELIEF_METHOD_region_put},       {1, RELIEF_METHOD_city_put},
        {2, RELIEF_METHOD_kind_put},         {1, RELIEF_METHOD_travel_put},       {14, RELIEF_METHOD_asset_put},
        {4, RELIEF_METHOD_asset_status},     {5, RELIEF_METHOD_dispatch_return},  {4, RELIEF_METHOD_dispatch_checkin},
        {1, RELIEF_METHOD_dispatch_recall},  {1, RELIEF_METHOD_dispatch_extend},  {4, RELIEF_METHOD_dispatch_order},
    };
    unsigned sum = 0, i = 0;
    for (unsigned j = 0; j < sizeof mix / sizeof *mix; j++)
        sum += mix[j].weight;
    for (uint64_t dice = generator_random(g, sum); dice >= mix[i].weight; i++)
        dice -= mix[i].weight;
    switch (mix[i].command) {
#define ROW(name)                                                                                                      \
    case RELIEF_METHOD_##name:                                                                                         \
        gen_##name(g);                                                                                                 \
        break;
        /* clang-format off */
        ROW(stock_receive)
        ROW(stock_issue) ROW(stock_writeoff) ROW(stock_count) ROW(stock_hold) ROW(stock_floor) ROW(city_mode)
            ROW(link_put) ROW(agreement_put) ROW(agreement_end) ROW(incident_open) ROW(incident_update)
                ROW(incident_close) ROW(travel_put) ROW(asset_put) ROW(asset_status) ROW(dispatch_order)
        /* clang-format on */
#undef ROW
                    case RELIEF_METHOD_region_put : gen_region_put(g, gen_between(g, 0, g->regions));
        break;
    case RELIEF_METHOD_city_put:
        gen_city_put(g, gen_between(g, 0, g->cities));
        break;
    case RELIEF_METHOD_kind_put:
        gen_any_kind_put(g, gen_between(g, 0, g->kinds + g->gear - 1));
        break;
    case RELIEF_METHOD_request_submit:
        gen_request_submit(g);
        break;
    case RELIEF_METHOD_request_amend:
        gen_request_change(g);
        break;
    default:
        gen_leg(g, mix[i].command);
    }
}

void generator_next(struct generator *g)
{
    struct relief_refusal refusal;
    const struct relief_shape *shape;
    do {
        if (g->step < g->setup)
            setup_next(g);
        else if (g->step < g->setup + g->flood)
            flood_next(g);
        else if (g->fleet && gen_chance(g, 25))
            gen_asset_put(g);
        else
            random_next(g);
        shape = relief_command_by_number(g->command)->params;
        /* Shapes and ranges are the codec's: what it refuses never comes to the core. */
    } while (relief_params_check(shape, &g->params, &refusal));
    if (gen_chance(g, 2)) {
        const struct relief_field *field = relief_shape_find(shape, RELIEF_STR("op"));
        *relief_field_str(field, &g->params) = model_printf(g->m, "op%u", g->op_next++);
    }
    g->step++;
}
