/*
 * The generator's places: regions, cities, links, the estimate of travel.
 */
#include "generate_inner.h"
#include <stdio.h>

struct relief_str gen_id(struct generator *g, const char *text)
{
    char id[RELIEF_ID_BYTES_MAX + 1] = "";
    int len = snprintf(id, sizeof id, "%s", text);
    if (g->lengthy) {
        memset(id + len, '.', RELIEF_ID_BYTES_MAX - (size_t)len);
        len = RELIEF_ID_BYTES_MAX;
    }
    return model_name(g->m, id, (size_t)len);
}

struct relief_str gen_name(struct generator *g, const char *what, int64_t n)
{
    char id[32];
    snprintf(id, sizeof id, "%s%02d", what, (int)n);
    return gen_id(g, id);
}

struct relief_str gen_region(struct generator *g)
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

void gen_region_put(struct generator *g, int64_t n)
{
    struct relief_region_put_params *p = gen_begin(g, RELIEF_METHOD_region_put);
    p->id = gen_name(g, "R", n);
    p->name = model_printf(g->m, "region %d", (int)n);
    if (g->m->region_count && gen_chance(g, 75))
        p->parent = gen_region(g);
    if (p->parent.data && depth_of(g, p->parent) > 3)
        p->parent = RELIEF_STR_NONE;
    if (gen_chance(g, 50))
        p->neighbour_minutes = gen_between(g, 0, 300);
    if (gen_chance(g, 60))
        p->agreement = gen_chance(g, g->ask_percent) ? RELIEF_commit_ask : RELIEF_commit_auto;
    if (gen_chance(g, 30))
        p->shares = gen_between(g, 0, RELIEF_shares_COUNT - 1);
    if (g->deep) {
        p->neighbour_minutes = gen_between(g, 0, 40);
        p->parent = RELIEF_STR_NONE;
        if (n > 0 && g->step < g->setup)
            p->parent = gen_name(g, "R", n > 3 ? gen_between(g, 0, 2) : n - 1);
        else if (n == 0)
            p->agreement = RELIEF_commit_auto;
    }
    gen_who(g, gen_chance(g, 50) ? RELIEF_role_local : RELIEF_role_coordinator, RELIEF_STR_NONE);
    if (g->step >= g->setup && gen_chance(g, 30))
        gen_who(g, RELIEF_role_coordinator, gen_region(g));
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

void gen_city_put(struct generator *g, int64_t n)
{
    struct relief_city_put_params *p = gen_begin(g, RELIEF_METHOD_city_put);
    p->code = gen_name(g, "C", n);
    p->name = model_printf(g->m, "city %d", (int)n);
    p->region = gen_region(g);
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
        gen_who(g, RELIEF_role_coordinator, gen_region(g));
}

void gen_city_mode(struct generator *g)
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

void gen_link_put(struct generator *g)
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

void gen_travel_put(struct generator *g)
{
    struct relief_travel_put_params *p = gen_begin(g, RELIEF_METHOD_travel_put);
    p->permille = gen_between(g, 1000, 2000);
    p->km_per_hour = gen_between(g, 20, 120);
    gen_who(g, gen_chance(g, 50) ? RELIEF_role_local : RELIEF_role_coordinator, RELIEF_STR_NONE);
    /* With several roots it is open whether the coordinator of one may set what holds for all. */
    struct relief_str region = gen_region(g);
    struct relief_region *found = model_region(g->m, region);
    if (gen_chance(g, 30) && found && found->parent.data)
        gen_who(g, RELIEF_role_coordinator, region);
}
