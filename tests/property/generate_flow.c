/*
 * The generator's other half: requests and the life of legs.
 */
#include "generate_inner.h"
#include <stdio.h>

#define HOUR INT64_C(3600000)

struct relief_str gen_request_id(struct generator *g)
{
    char id[32];
    snprintf(id, sizeof id, "Q%u", g->request_next++);
    return gen_id(g, id);
}

void gen_request_submit(struct generator *g)
{
    struct relief_request_submit_params *p = gen_begin(g, RELIEF_METHOD_request_submit);
    struct model *m = g->m;
    p->id = gen_request_id(g);
    p->city = gen_city(g);
    do
        p->kind = gen_kind(g);
    while (gen_is_gear(p->kind) && generator_random(g, 2)); /* teams are asked for in another way */
    p->quantity = gen_chance(g, 5) ? gen_units(g, 1, 500) : gen_units(g, 1, 60);
    if (gen_chance(g, g->gear_percent)) {
        p->kind = gen_gear(g);
        p->quantity = gen_between(g, 1, 5);
        if (gen_chance(g, 40))
            p->min_level = gen_between(g, 1, 4);
    }
    if (gen_chance(g, 60))
        p->priority = gen_between(g, 1, 5);
    if (gen_chance(g, g->needed_percent))
        p->needed_by =
            g->now + (gen_chance(g, 3) ? gen_between(g, -10, 0) * 10 : gen_between(g, 1, 12 * HOUR / 10) * 10);
    if (gen_chance(g, 15))
        p->needed_by = g->now + gen_way(g, p->city); /* just in time, just late, or too late already */
    if (gen_chance(g, 35) && m->incident_count)
        p->incident = m->incident[generator_random(g, m->incident_count)].id;
    else if (gen_chance(g, 1))
        p->incident = model_printf(m, "NOINCIDENT");
    if (gen_chance(g, 30))
        p->own_first = 0;
    if (gen_chance(g, 40))
        p->max_level = gen_between(g, 0, 3);
    if (gen_chance(g, 50))
        p->substitutes = 1;
    if (gen_chance(g, 10))
        p->all_or_nothing = 1;
    if (gen_chance(g, 25))
        p->purpose = RELIEF_purpose_stock;
    if (gen_chance(g, 15))
        gen_coordinator(g, &p->city, 1);
    else
        gen_for_city(g, p->city);
}

/* A request: mostly one that lives. */
static struct relief_request *any_request(struct generator *g)
{
    struct model *m = g->m;
    struct relief_request *request = NULL;
    for (unsigned tries = 0; m->request_count && tries < 8; tries++) {
        request = &m->request[generator_random(g, m->request_count)];
        if (model_live(request))
            break;
    }
    return request;
}

static void request_amend(struct generator *g, struct relief_request *request)
{
    struct relief_request_amend_params *p = gen_begin(g, RELIEF_METHOD_request_amend);
    p->id = request ? request->id : model_printf(g->m, "NOREQUEST");
    if (gen_chance(g, 60) && request)
        p->quantity = gen_chance(g, 50) ? gen_units(g, 1, 80) : gen_between(g, 1, request->quantity);
    if (gen_chance(g, 20))
        p->priority = gen_between(g, 1, 5);
    if (gen_chance(g, 20))
        p->needed_by = g->now + (gen_chance(g, 4) ? 0 : gen_between(g, 1, 12 * HOUR / 10) * 10);
    if (gen_chance(g, 25))
        p->max_level = gen_between(g, 0, 3);
    if (!request)
        gen_local(g);
    else if (gen_chance(g, 20))
        gen_coordinator(g, &request->city, 1);
    else
        gen_for_city(g, request->city);
}

void gen_request_change(struct generator *g)
{
    struct relief_request *request = gen_chance(g, 2) ? NULL : any_request(g);
    if (gen_chance(g, 60)) {
        request_amend(g, request);
        return;
    }
    if (gen_chance(g, 50)) {
        struct relief_request_cancel_params *p = gen_begin(g, RELIEF_METHOD_request_cancel);
        p->id = request ? request->id : model_printf(g->m, "NOREQUEST");
        p->reason = gen_reason(g);
    } else {
        struct relief_request_close_params *p = gen_begin(g, RELIEF_METHOD_request_close);
        p->id = request ? request->id : model_printf(g->m, "NOREQUEST");
        p->reason = gen_reason(g);
    }
    if (request)
        gen_for_city(g, request->city);
    else
        gen_local(g);
}

/* A leg: mostly one in this state. */
static struct relief_dispatch *any_leg(struct generator *g, unsigned states)
{
    struct model *m = g->m;
    if (!m->dispatch_count || gen_chance(g, 2))
        return NULL;
    uint64_t first = generator_random(g, m->dispatch_count);
    if (gen_chance(g, 8))
        return &m->dispatch[first];
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        struct relief_dispatch *leg = &m->dispatch[(first + i) % m->dispatch_count];
        if (states & (1u << leg->state))
            return leg;
    }
    return &m->dispatch[first];
}

static void receive(struct generator *g, struct relief_dispatch_receive_params *p, const struct relief_dispatch *leg)
{
    int64_t sent = leg && leg->sent != RELIEF_NIL ? leg->sent : 5;
    uint64_t dice = generator_random(g, 100);
    p->accepted = sent;
    if (dice < 35) {
        p->accepted = gen_between(g, 0, sent);
        if (leg && leg->assets.count && gen_chance(g, 80))
            p->accepted = 0; /* all or none */
        p->rejected = gen_between(g, 0, sent - p->accepted);
        p->missing = sent - p->accepted - p->rejected;
        if (p->rejected + p->missing && !gen_chance(g, 8))
            p->reason = gen_reason(g);
    } else if (dice < 40) {
        p->accepted = sent + gen_between(g, 1, 3); /* a sum that doesn't add up */
    }
}

void gen_leg(struct generator *g, unsigned command)
{
    unsigned asked = 1u << RELIEF_dispatch_state_asked, committed = 1u << RELIEF_dispatch_state_committed;
    unsigned moving = 1u << RELIEF_dispatch_state_in_transit;
    unsigned states = command == RELIEF_METHOD_dispatch_accept || command == RELIEF_METHOD_dispatch_decline ? asked
                      : command == RELIEF_METHOD_dispatch_cancel ? asked | committed
                      : command == RELIEF_METHOD_dispatch_renege || command == RELIEF_METHOD_dispatch_depart ? committed
                      : command == RELIEF_METHOD_dispatch_checkin ? 1u << RELIEF_dispatch_state_returning
                      : command == RELIEF_METHOD_dispatch_return || command == RELIEF_METHOD_dispatch_recall ||
                              command == RELIEF_METHOD_dispatch_extend
                          ? 1u << RELIEF_dispatch_state_in_use
                          : moving;
    struct relief_dispatch *leg = any_leg(g, states);
    if (leg && !(states & (1u << leg->state)) && gen_chance(g, 70)) {
        gen_request_submit(g); /* nothing to do for legs */
        return;
    }
    bool by_donor = command != RELIEF_METHOD_dispatch_cancel && command != RELIEF_METHOD_dispatch_receive &&
                    command != RELIEF_METHOD_dispatch_return &&
                    (command != RELIEF_METHOD_dispatch_lost || gen_chance(g, 50));
    gen_begin(g, command);
    /* The id is the first parameter of all of them, where there is a reason it is the second. */
    g->params.dispatch_decline.id = leg ? leg->id : model_printf(g->m, "Q1/999");
    if (command == RELIEF_METHOD_dispatch_accept) {
        if (leg && gen_chance(g, 40))
            g->params.dispatch_accept.quantity = gen_between(g, 1, leg->quantity + (gen_chance(g, 10) ? 2 : 0));
    } else if (command == RELIEF_METHOD_dispatch_depart) {
        if (gen_chance(g, 20))
            g->params.dispatch_depart.carrier = model_printf(g->m, "truck %d", (int)gen_between(g, 1, 9));
        if (gen_chance(g, 20))
            g->params.dispatch_depart.eta = g->now + gen_between(g, gen_chance(g, 10) ? -50 : 1, 500) * 60000;
    } else if (command == RELIEF_METHOD_dispatch_receive) {
        receive(g, &g->params.dispatch_receive, leg);
    } else if (command >= RELIEF_METHOD_dispatch_return) {
        gen_loan(g, command, leg);
    } else {
        g->params.dispatch_decline.reason = gen_reason(g);
    }
    if (leg)
        gen_for_city(g, by_donor ? leg->donor : leg->requester);
    else
        gen_local(g);
}
