/*
 * The generator: who gives commands, and those about places, the catalogue, stock, incidents and agreements. It looks
 * at the model to find commands that can succeed. Where the contract leaves a choice open it keeps out of the way: each
 * such place says so.
 */
#include "generate_inner.h"
#include <assert.h>

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
        return model_printf(g->m, "T1");
    struct relief_str code;
    do
        code = g->m->kind[generator_random(g, g->m->kind_count)].code;
    while (code.data[0] == 'T');
    return code;
}

struct relief_str gen_reason(struct generator *g)
{
    return model_printf(g->m, "reason %d", (int)generator_random(g, 5));
}

static void gen_who(struct generator *g, enum relief_role role, struct relief_str place)
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
    struct relief_str region = g->m->region[generator_random(g, g->m->region_count)].id;
    unsigned inside = 0, known = 0;
    for (unsigned i = 0; i < count; i++) {
        struct relief_city *city = model_city(g->m, cities[i]);
        known += city != NULL;
        inside += city && model_in_region(g->m, city->region, region);
    }
    if (known == count && (inside == 0 || inside == count))
        gen_who(g, RELIEF_role_coordinator, region);
}

void *gen_begin(struct generator *g, unsigned command)
{
    g->command = command;
    memset(&g->params, 0, sizeof g->params);
    relief_shape_clear(relief_command_by_number(command)->params, &g->params);
    return &g->params;
}

/* ---- places ---- */

static struct relief_str name_of(struct generator *g, const char *what, int64_t n)
{
    return model_printf(g->m, "%s%02d", what, (int)n);
}

static struct relief_str any_region(struct generator *g)
{
    if (!g->m->region_count || gen_chance(g, 2))
        return model_printf(g->m, "NOREGION");
    return g->m->region[generator_random(g, g->m->region_count)].id;
}

static unsigned depth_of(struct generator *g, struct relief_str region)
{
    unsigned depth = 0;
    for (struct relief_region *r = model_region(g->m, region); r; r = model_region(g->m, r->parent))
        depth++;
    return depth;
}

static void region_put(struct generator *g, int64_t n)
{
    struct relief_region_put_params *p = gen_begin(g, RELIEF_METHOD_region_put);
    p->id = name_of(g, "R", n);
    p->name = model_printf(g->m, "region %d", (int)n);
    if (g->m->region_count && gen_chance(g, 75))
        p->parent = any_region(g);
    if (p->parent.data && depth_of(g, p->parent) > 3)
        p->parent = RELIEF_STR_NONE;
    if (gen_chance(g, 50))
        p->neighbour_minutes = gen_between(g, 0, 300);
    if (gen_chance(g, 60))
        p->agreement = gen_chance(g, g->ask_percent) ? RELIEF_commit_ask : RELIEF_commit_auto;
    gen_who(g, gen_chance(g, 50) ? RELIEF_role_local : RELIEF_role_coordinator, RELIEF_STR_NONE);
    if (g->step >= g->setup && gen_chance(g, 30))
        gen_who(g, RELIEF_role_coordinator, any_region(g));
}

/* No two cities whose distance is near a rounding tie: there the last digit of the arithmetic would decide. */
static bool near_tie(struct generator *g, const struct relief_city_put_params *p)
{
    for (unsigned i = 0; i < g->m->city_count; i++) {
        const struct relief_city *city = &g->m->city[i];
        bool tie;
        model_metres(city->lat, city->lon, p->lat, p->lon, &tie);
        if (tie && !model_same(city->code, p->code))
            return true;
    }
    return false;
}

static void city_put(struct generator *g, int64_t n)
{
    struct relief_city_put_params *p = gen_begin(g, RELIEF_METHOD_city_put);
    p->code = name_of(g, "C", n);
    p->name = model_printf(g->m, "city %d", (int)n);
    p->region = any_region(g);
    do {
        p->lat = g->lat + gen_between(g, -g->spread, g->spread);
        p->lon = g->lon + gen_between(g, -g->spread, g->spread);
        if (p->lon > 180000000)
            p->lon -= 360000000;
        if (p->lat > 90000000)
            p->lat = 90000000;
    } while (near_tie(g, p));
    if (gen_chance(g, 30))
        p->population = gen_between(g, 0, 1000000);
    if (gen_chance(g, 20))
        p->mode = gen_between(g, 0, 1);
    gen_who(g, gen_chance(g, 50) ? RELIEF_role_local : RELIEF_role_coordinator, RELIEF_STR_NONE);
    if (g->step >= g->setup && gen_chance(g, 30))
        gen_who(g, RELIEF_role_coordinator, any_region(g));
}

static void city_mode(struct generator *g)
{
    struct relief_city_mode_params *p = gen_begin(g, RELIEF_METHOD_city_mode);
    p->code = gen_city(g);
    p->mode = gen_between(g, 0, 1);
    p->reason = gen_reason(g);
    if (gen_chance(g, 50))
        gen_for_city(g, p->code);
    else
        gen_coordinator(g, &p->code, 1);
}

static void link_put(struct generator *g)
{
    struct relief_link_put_params *p = gen_begin(g, RELIEF_METHOD_link_put);
    p->from = gen_city(g);
    do
        p->to = gen_city(g);
    while (model_same(p->from, p->to) && generator_random(g, 40));
    if (gen_chance(g, 40) && g->m->link_count) {
        const struct relief_link *link = &g->m->link[generator_random(g, g->m->link_count)];
        p->from = link->from;
        p->to = link->to;
    }
    p->minutes = gen_chance(g, 10) ? 0 : gen_between(g, 1, gen_chance(g, 20) ? 2000 : 300);
    p->open = gen_chance(g, 65);
    p->both = gen_chance(g, 40);
    gen_coordinator(g, (struct relief_str[]){p->from, p->to}, 2);
}

static void travel_put(struct generator *g)
{
    struct relief_travel_put_params *p = gen_begin(g, RELIEF_METHOD_travel_put);
    p->permille = gen_between(g, 1000, 2000);
    p->km_per_hour = gen_between(g, 20, 120);
    gen_who(g, gen_chance(g, 50) ? RELIEF_role_local : RELIEF_role_coordinator, RELIEF_STR_NONE);
    /* With several roots it is open whether the coordinator of one may set what holds for all. */
    struct relief_str region = any_region(g);
    struct relief_region *found = model_region(g->m, region);
    if (gen_chance(g, 30) && found && found->parent.data)
        gen_who(g, RELIEF_role_coordinator, region);
}

/* ---- catalogue ---- */

static struct relief_str kind_code(struct generator *g, int64_t n)
{
    static const char *const codes[] = {"1001", "1002", "1101", "2001", "2002", "21", "2", "3001"};
    return model_printf(g->m, "%s", codes[n]);
}

static bool kind_used(struct generator *g, struct relief_str kind)
{
    for (unsigned i = 0; i < g->m->request_count; i++) {
        if (model_same(g->m->request[i].kind, kind))
            return true;
    }
    for (unsigned i = 0; i < g->m->lot_count; i++) {
        if (model_same(g->m->lot[i].kind, kind) && g->m->lot[i].quantity)
            return true;
    }
    return false;
}

static int64_t pack(struct generator *g)
{
    return g->unit > 1 && gen_chance(g, 40) ? gen_units(g, 1, 10) : gen_between(g, 1, 4);
}

static void kind_put(struct generator *g, int64_t n)
{
    struct relief_kind_put_params *p = gen_begin(g, RELIEF_METHOD_kind_put);
    gen_coordinator(g, NULL, 0);
    p->name = model_printf(g->m, "kind %d", (int)n);
    p->unit = model_printf(g->m, "piece");
    p->class_ = RELIEF_class_supply;
    if (n == (int64_t)g->kinds) {
        p->code = model_printf(g->m, "T1");
        p->class_ = RELIEF_class_team;
        return;
    }
    p->code = kind_code(g, n);
    /* Whether a kind whose last unit is gone may change its unit is open: only where there is some, or never was any.
     */
    if (gen_chance(g, 5) && kind_used(g, p->code))
        p->unit = model_printf(g->m, "box");
    if (gen_chance(g, 40))
        p->min_life_days = gen_between(g, 0, 3);
    if (gen_chance(g, 20))
        p->category = model_printf(g->m, "water");
    unsigned count = gen_chance(g, 60) ? (unsigned)gen_between(g, 1, 3) : 0;
    struct relief_substitute *items = model_alloc(g->m, 4 * sizeof *items);
    for (unsigned i = 0; i < count; i++) {
        struct relief_str code = kind_code(g, gen_between(g, 0, g->kinds - 1)); /* may come later, or never */
        bool twice = model_same(code, p->code); /* itself, or one twice: the contract is silent */
        for (uint32_t j = 0; j < p->substitutes.count; j++)
            twice |= model_same(items[j].kind, code);
        if (twice)
            continue;
        items[p->substitutes.count++] = (struct relief_substitute){.kind = code, .give = pack(g), .for_ = pack(g)};
    }
    if (p->substitutes.count || gen_chance(g, 20))
        p->substitutes.items = items, p->substitutes.present = 1;
}

/* ---- stock ---- */

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

static void stock_receive(struct generator *g)
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
        p->lot = name_of(g, "L", gen_between(g, 0, 5));
        struct relief_lot *lot = model_lot(g->m, p->city, p->kind, p->lot);
        if (lot && gen_chance(g, 80))
            p->expires = lot->expires;
    }
    gen_for_city(g, p->city);
}

static void stock_issue(struct generator *g)
{
    struct relief_stock_issue_params *p = gen_begin(g, RELIEF_METHOD_stock_issue);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    p->quantity = gen_units(g, 1, 30);
    p->reason = gen_reason(g);
    gen_for_city(g, p->city);
}

static void stock_writeoff(struct generator *g)
{
    struct relief_stock_writeoff_params *p = gen_begin(g, RELIEF_METHOD_stock_writeoff);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    p->quantity = gen_units(g, 1, 30);
    p->reason = gen_between(g, 0, 3);
    gen_for_city(g, p->city);
}

static void stock_count(struct generator *g)
{
    struct relief_stock_count_params *p = gen_begin(g, RELIEF_METHOD_stock_count);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    p->quantity = gen_units(g, 0, 80);
    p->reason = gen_reason(g);
    gen_for_city(g, p->city);
    /* Without a lot: whether one that is empty makes two is open. */
    struct relief_lot *lots[512];
    unsigned count = model_lots(g->m, p->city, p->kind, lots, 512), empty = 0;
    for (unsigned i = 0; i < count; i++)
        empty += lots[i]->quantity == 0;
    if (!p->lot.data && count && empty)
        p->lot = lots[0]->lot;
}

static void stock_hold(struct generator *g)
{
    struct relief_stock_hold_params *p = gen_begin(g, RELIEF_METHOD_stock_hold);
    place_of_stock(g, &p->city, &p->kind, &p->lot);
    if (!p->lot.data)
        p->lot = model_printf(g->m, "0");
    p->state = gen_chance(g, 60) ? RELIEF_lot_state_usable : gen_between(g, 0, 3);
    gen_for_city(g, p->city);
}

static void stock_floor(struct generator *g)
{
    struct relief_stock_floor_params *p = gen_begin(g, RELIEF_METHOD_stock_floor);
    place_of_stock(g, &p->city, &p->kind, NULL);
    p->floor = gen_chance(g, 30) ? 0 : gen_units(g, 0, 30);
    if (gen_chance(g, 50))
        p->emergency_floor = gen_units(g, 0, 40);
    if (gen_chance(g, 20))
        p->target = gen_units(g, 0, 40);
    gen_for_city(g, p->city);
}

/* ---- incidents ---- */

static struct relief_list some_cities(struct generator *g, unsigned most, struct relief_str but)
{
    struct relief_list list = {.present = 1};
    for (unsigned i = (unsigned)gen_between(g, 0, most); i > 0; i--) {
        struct relief_str city = gen_city(g);
        if (!model_same(city, but) && !model_listed(&list, city))
            model_list_add(g->m, &list, city);
    }
    return list;
}

static void gen_coordinator_of(struct generator *g, struct relief_str origin, const struct relief_list *a,
                               const struct relief_list *b)
{
    struct relief_list all = {0};
    const struct relief_list *lists[2] = {a, b};
    model_list_add(g->m, &all, origin);
    for (unsigned side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < lists[side]->count; i++)
            model_list_add(g->m, &all, ((const struct relief_str *)lists[side]->items)[i]);
    }
    gen_coordinator(g, all.items, all.count);
}

static struct relief_incident *any_incident(struct generator *g)
{
    return g->m->incident_count ? &g->m->incident[generator_random(g, g->m->incident_count)] : NULL;
}

static void incident_open(struct generator *g)
{
    struct relief_incident_open_params *p = gen_begin(g, RELIEF_METHOD_incident_open);
    const struct relief_incident *old = any_incident(g);
    if (old && old->state == RELIEF_incident_state_open && gen_chance(g, 15)) {
        /* the same again, or with another level */
        p->id = old->id;
        p->category = old->category;
        p->level = gen_chance(g, 50) ? old->level : old->level % 4 + 1;
        p->origin = old->origin;
        p->affected = old->affected;
        p->donating = old->donating;
        p->title = old->title;
        gen_local(g);
        return;
    }
    p->id = name_of(g, "I", g->incident_next++);
    p->category = gen_between(g, 0, 3);
    p->level = gen_between(g, 1, 4);
    p->origin = gen_city(g);
    p->affected = some_cities(g, 4, p->origin);
    if (gen_chance(g, 30)) {
        p->donating = (struct relief_list){.present = 1};
        struct relief_list none = {0};
        const struct relief_str *items = p->affected.items;
        if (p->affected.count && gen_chance(g, 90))
            model_list_add(g->m, &p->donating, items[generator_random(g, p->affected.count)]);
        else
            p->donating = some_cities(g, 1, none.items ? p->origin : p->origin);
    }
    if (gen_chance(g, 30))
        p->title = model_printf(g->m, "flood %u", g->incident_next);
    gen_coordinator_of(g, p->origin, &p->affected, &p->donating);
}

static struct relief_list without(struct generator *g, const struct relief_list *list, struct relief_str city)
{
    struct relief_list kept = {.present = 1};
    const struct relief_str *items = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!model_same(items[i], city))
            model_list_add(g->m, &kept, items[i]);
    }
    return kept;
}

static void incident_update(struct generator *g)
{
    struct relief_incident_update_params *p = gen_begin(g, RELIEF_METHOD_incident_update);
    const struct relief_incident *incident = any_incident(g);
    gen_local(g);
    if (!incident || gen_chance(g, 3)) {
        p->id = model_printf(g->m, "NOINCIDENT");
        return;
    }
    p->id = incident->id;
    const struct relief_str *affected = incident->affected.items;
    struct relief_str city = incident->affected.count && gen_chance(g, 80)
                                 ? affected[generator_random(g, incident->affected.count)]
                                 : incident->origin;
    if (gen_chance(g, 50)) {
        /* one entry of `donating` set or taken away, by that city, another one or a coordinator */
        p->donating = without(g, &incident->donating, city);
        if (!model_listed(&incident->donating, city))
            model_list_add(g->m, &p->donating, city);
        if (gen_chance(g, 60))
            gen_who(g, RELIEF_role_city, gen_chance(g, 85) ? city : gen_city(g));
        return;
    }
    if (gen_chance(g, 60))
        p->affected = some_cities(g, 4, incident->origin);
    if (gen_chance(g, 20))
        p->level = gen_between(g, 1, 4);
    if (gen_chance(g, 10)) {
        struct relief_str origin = gen_city(g);
        if (!model_listed(&incident->affected, origin) && !model_listed(&p->affected, origin))
            p->origin = origin;
    }
    if (gen_chance(g, 15))
        p->donating = some_cities(g, 2, RELIEF_STR_NONE);
}

static void incident_close(struct generator *g)
{
    struct relief_incident_close_params *p = gen_begin(g, RELIEF_METHOD_incident_close);
    const struct relief_incident *incident = any_incident(g);
    p->id = incident ? incident->id : model_printf(g->m, "NOINCIDENT");
    gen_local(g);
    if (incident)
        gen_coordinator_of(g, incident->origin, &incident->affected, &incident->donating);
}

/* ---- agreements ---- */

static void agreement_dates(struct generator *g, struct relief_agreement_put_params *p)
{
    /* Never at the time of another deadline: which of two entries at one time comes first is open. */
    if (gen_chance(g, 25))
        p->from = g->now + gen_between(g, -100, 300) * 60000 + gen_between(g, 0, 5999) * 10 + 5;
    if (gen_chance(g, 20))
        p->until = (p->from == RELIEF_NIL ? g->now + 5 : p->from) + gen_between(g, 1, 500) * 60000 +
                   gen_between(g, 0, 5999) * 10;
}

static void agreement_put(struct generator *g)
{
    struct relief_agreement_put_params *p = gen_begin(g, RELIEF_METHOD_agreement_put);
    bool again = g->m->agreement_count && gen_chance(g, 25);
    p->id =
        again ? g->m->agreement[generator_random(g, g->m->agreement_count)].id : name_of(g, "A", g->agreement_next++);
    p->donor = gen_city(g);
    p->commit = gen_chance(g, g->ask_percent) ? RELIEF_commit_ask : RELIEF_commit_auto;
    if (gen_chance(g, 50))
        p->region = any_region(g);
    if (p->region.data ? gen_chance(g, 2) : gen_chance(g, 98)) {
        do
            p->requester = gen_city(g);
        while (model_same(p->requester, p->donor) && g->m->city_count > 1);
    }
    p->share_percent = gen_chance(g, 50) ? 100 : gen_between(g, 1, 99);
    if (gen_chance(g, 40)) {
        static const char *const prefixes[] = {"1", "10", "1001", "2", "200", "9"};
        p->kinds = (struct relief_list){.present = 1};
        for (int64_t i = gen_between(g, 0, 2); i > 0; i--)
            model_list_add(g->m, &p->kinds, model_printf(g->m, "%s", prefixes[generator_random(g, 6)]));
    }
    if (gen_chance(g, 60))
        p->answer_minutes = gen_chance(g, 10) ? 0 : gen_between(g, 1, 300);
    agreement_dates(g, p);
    gen_local(g);
    if (again)
        return;
    if (p->requester.data && !p->region.data)
        gen_coordinator(g, (struct relief_str[]){p->donor, p->requester}, 2);
    else
        gen_coordinator(g, NULL, 0), g->who.region = RELIEF_STR_NONE;
    if (!g->who.region.data)
        gen_who(g, g->who.role, RELIEF_STR_NONE);
}

static void agreement_end(struct generator *g)
{
    struct relief_agreement_end_params *p = gen_begin(g, RELIEF_METHOD_agreement_end);
    gen_local(g);
    p->id = model_printf(g->m, "NOAGREEMENT");
    if (!g->m->agreement_count)
        return;
    const struct relief_agreement *agreement = &g->m->agreement[generator_random(g, g->m->agreement_count)];
    /* One whose `until` has passed: whether that is "ended" is open. */
    if (agreement->until == RELIEF_NIL || agreement->until > g->now)
        p->id = agreement->id;
}

/* ---- a world ---- */

void generator_start(struct generator *g, struct model *m, uint64_t seed, unsigned flood)
{
    *g = (struct generator){.m = m, .state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1};
    g->now = INT64_C(1700000000000) + gen_between(g, 0, 1000000) * 10;
    g->cities = (unsigned)gen_between(g, 3, gen_chance(g, 20) ? 25 : 10);
    g->regions = (unsigned)gen_between(g, 1, 8);
    g->kinds = (unsigned)gen_between(g, 2, gen_chance(g, 30) ? 8 : 4);
    g->unit = 1;
    if (gen_chance(g, 10))
        g->unit = gen_chance(g, 50) ? gen_between(g, 2, 100) : gen_between(g, 1, 100) * INT64_C(1000000000000);
    if (flood)
        g->cities = 3, g->kinds = 2, g->flood = flood, g->unit = 1;
    g->setup = g->regions + g->cities + g->kinds + 1;
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

static void setup_next(struct generator *g)
{
    unsigned n = g->step;
    if (n < g->regions) {
        region_put(g, n);
        return;
    }
    n -= g->regions;
    if (n < g->cities)
        city_put(g, n);
    else
        kind_put(g, n - g->cities);
}

/* Many small requests, then more than all of them need. */
static void flood_next(struct generator *g)
{
    if (g->step + 1 < g->setup + g->flood) {
        struct relief_request_submit_params *p = gen_begin(g, RELIEF_METHOD_request_submit);
        p->id = model_printf(g->m, "Q%u", g->request_next++);
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
        {2, RELIEF_METHOD_kind_put},         {1, RELIEF_METHOD_travel_put},
    };
    unsigned sum = 0, i = 0;
    for (unsigned j = 0; j < sizeof mix / sizeof *mix; j++)
        sum += mix[j].weight;
    for (uint64_t dice = generator_random(g, sum); dice >= mix[i].weight; i++)
        dice -= mix[i].weight;
    switch (mix[i].command) {
#define ROW(name)                                                                                                      \
    case RELIEF_METHOD_##name:                                                                                         \
        name(g);                                                                                                       \
        break;
        ROW(stock_receive)
        ROW(stock_issue)
        ROW(stock_writeoff)
        ROW(stock_count) ROW(stock_hold) ROW(stock_floor) ROW(city_mode) ROW(link_put) ROW(agreement_put)
            ROW(agreement_end) ROW(incident_open) ROW(incident_update) ROW(incident_close) ROW(travel_put)
#undef ROW
                case RELIEF_METHOD_region_put : region_put(g, gen_between(g, 0, g->regions));
        break;
    case RELIEF_METHOD_city_put:
        city_put(g, gen_between(g, 0, g->cities));
        break;
    case RELIEF_METHOD_kind_put:
        kind_put(g, gen_between(g, 0, g->kinds - 1));
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
