/*
 * The generator's rules between cities: incidents and agreements.
 */
#include "generate_inner.h"

static struct relief_list some_cities(struct generator *g, unsigned most, struct relief_str but)
{
    struct relief_list list = {.present = 1};
    for (unsigned i = (unsigned)gen_between(g, 0, most); i > 0; i--) {
        struct relief_str city = gen_city(g);
        if ((!model_same(city, but) && !model_listed(&list, city)) || gen_chance(g, 15))
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

void gen_incident_open(struct generator *g)
{
    struct relief_incident_open_params *p = gen_begin(g, RELIEF_METHOD_incident_open);
    const struct relief_incident *old = any_incident(g);
    if (old && gen_chance(g, 15)) {
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
    p->id = gen_name(g, "I", g->incident_next++);
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

void gen_incident_update(struct generator *g)
{
    struct relief_incident_update_params *p = gen_begin(g, RELIEF_METHOD_incident_update);
    const struct relief_incident *incident = any_incident(g);
    gen_coordinator(g, NULL, 0);
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

void gen_incident_close(struct generator *g)
{
    struct relief_incident_close_params *p = gen_begin(g, RELIEF_METHOD_incident_close);
    const struct relief_incident *incident = any_incident(g);
    p->id = incident ? incident->id : model_printf(g->m, "NOINCIDENT");
    gen_local(g);
    if (incident)
        gen_coordinator_of(g, incident->origin, &incident->affected, &incident->donating);
}

static void agreement_dates(struct generator *g, struct relief_agreement_put_params *p)
{
    /* Never at the time of another deadline: which of two entries at one time comes first is open. */
    if (gen_chance(g, 25))
        p->from = g->now + gen_between(g, -100, 300) * 60000 + gen_between(g, 0, 5999) * 10 + 5;
    if (gen_chance(g, 20))
        p->until = (p->from == RELIEF_NIL ? g->now + 5 : p->from) +
                   gen_between(g, gen_chance(g, 10) ? -50 : 1, 500) * 60000 + gen_between(g, 0, 5999) * 10;
}

void gen_agreement_put(struct generator *g)
{
    struct relief_agreement_put_params *p = gen_begin(g, RELIEF_METHOD_agreement_put);
    bool again = g->m->agreement_count && gen_chance(g, 25);
    p->id =
        again ? g->m->agreement[generator_random(g, g->m->agreement_count)].id : gen_name(g, "A", g->agreement_next++);
    p->donor = gen_city(g);
    p->commit = gen_chance(g, g->ask_percent) ? RELIEF_commit_ask : RELIEF_commit_auto;
    if (gen_chance(g, 50))
        p->region = gen_region(g);
    if (p->region.data ? gen_chance(g, 2) : gen_chance(g, 98)) {
        do
            p->requester = gen_city(g);
        while (model_same(p->requester, p->donor) && generator_random(g, 8));
    }
    p->share_percent = gen_chance(g, 50) ? 100 : gen_between(g, 1, 99);
    if (gen_chance(g, 40)) {
        static const char *const prefixes[] = {"1", "10", "1001", "2", "200", "9", "T", "E", "E1"};
        p->kinds = (struct relief_list){.present = 1};
        for (int64_t i = gen_between(g, 0, 2); i > 0; i--)
            model_list_add(g->m, &p->kinds, model_printf(g->m, "%s", prefixes[generator_random(g, 9)]));
    }
    if (gen_chance(g, 60))
        p->answer_minutes = gen_chance(g, 10) ? 0 : gen_between(g, 1, 300);
    agreement_dates(g, p);
    gen_coordinator(g, NULL, 0);
}

void gen_agreement_end(struct generator *g)
{
    struct relief_agreement_end_params *p = gen_begin(g, RELIEF_METHOD_agreement_end);
    gen_coordinator(g, NULL, 0);
    p->id = model_printf(g->m, "NOAGREEMENT");
    if (!g->m->agreement_count)
        return;
    const struct relief_agreement *agreement = &g->m->agreement[generator_random(g, g->m->agreement_count)];
    p->id = agreement->id;
}
