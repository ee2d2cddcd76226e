/*
 * Random commands that mostly mean something: cities that exist, legs in the state that the step needs, now and then
 * not.
 */
#include "sim.h"

#define CITIES 8u
#define KINDS  3u

static struct relief_str city(struct sim *sim)
{
    return sim_text(sim, "C%u", (unsigned)sim_random(sim, sim->cities));
}

static struct relief_str kind(struct sim *sim)
{
    return sim_text(sim, "K%u", (unsigned)sim_random(sim, sim->kinds));
}

static struct relief_str some_request(struct sim *sim)
{
    unsigned recent = sim->requests > 40 ? 40 : sim->requests;
    return sim_text(sim, "q%u", sim->requests - 1 - (unsigned)sim_random(sim, recent ? recent : 1));
}

static int64_t quantity(struct sim *sim)
{
    return 1 + (int64_t)sim_random(sim, sim_chance(sim, 10) ? 500 : 40);
}

#define BEGIN(ret, method_)                                                                                            \
    ((ret)->method = RELIEF_METHOD_##method_, relief_shape_clear(&relief_shape_##method_##_params, &(ret)->params),    \
     &(ret)->params.method_)

/* ---- founding ---- */

static void found_kind(struct sim *sim, unsigned number, struct command *ret)
{
    struct relief_kind_put_params *p = BEGIN(ret, kind_put);
    p->code = p->name = sim_text(sim, "K%u", number);
    p->unit = RELIEF_STR("box");
    p->class_ = RELIEF_class_supply;
    if (number == 0) { /* two of K1 stand in for three of K0 */
        struct relief_substitute *substitute = relief_arena_alloc(&sim->strings, sizeof *substitute);
        *substitute = (struct relief_substitute){.kind = RELIEF_STR("K1"), .give = 2, .for_ = 3};
        p->substitutes = (struct relief_list){substitute, 1, 1};
    }
    sim->kinds = number + 1;
}

static void found_city(struct sim *sim, unsigned number, struct command *ret)
{
    struct relief_city_put_params *p = BEGIN(ret, city_put);
    p->code = p->name = sim_text(sim, "C%u", number);
    p->region = number % 3 == 2 ? RELIEF_STR("root") : number % 3 == 1 ? RELIEF_STR("west") : RELIEF_STR("east");
    p->lat = 30000000 + (int64_t)sim_random(sim, 3000000);
    p->lon = 120000000 + (int64_t)sim_random(sim, 3000000);
    sim->cities = number + 1;
}

bool traffic_found(struct sim *sim, unsigned number, struct command *ret)
{
    static const char *const regions[] = {"root", "east", "west"};
    ret->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    if (number < 3) {
        struct relief_region_put_params *p = BEGIN(ret, region_put);
        p->id = p->name = relief_str_of(regions[number]);
        p->parent = number ? RELIEF_STR("root") : RELIEF_STR_NONE;
        p->agreement = number == 1 ? RELIEF_commit_ask : RELIEF_commit_auto;
        return true;
    }
    number -= 3;
    if (number < CITIES)
        found_city(sim, number, ret);
    else if (number < CITIES + KINDS)
        found_kind(sim, number - CITIES, ret);
    else
        return false;
    return true;
}

/* ---- what happens in it ---- */

static void stock(struct sim *sim, struct command *ret)
{
    int64_t now = engine_now(sim->engine);
    if (sim_chance(sim, 55)) {
        struct relief_stock_receive_params *p = BEGIN(ret, stock_receive);
        p->city = city(sim), p->kind = kind(sim), p->quantity = quantity(sim);
        if (sim_chance(sim, 40))
            p->expires = (now / RELIEF_DAY_MS + 1 + (int64_t)sim_random(sim, 3)) * RELIEF_DAY_MS;
    } else if (sim_chance(sim, 30)) {
        struct relief_stock_issue_params *p = BEGIN(ret, stock_issue);
        p->city = city(sim), p->kind = kind(sim), p->quantity = quantity(sim), p->reason = RELIEF_STR("used");
    } else if (sim_chance(sim, 30)) {
        struct relief_stock_floor_params *p = BEGIN(ret, stock_floor);
        p->city = city(sim), p->kind = kind(sim), p->floor = (int64_t)sim_random(sim, 30);
    } else if (sim_chance(sim, 35)) {
        struct relief_stock_hold_params *p = BEGIN(ret, stock_hold);
        p->city = city(sim), p->kind = kind(sim), p->lot = RELIEF_STR("0");
        p->state = sim_chance(sim, 60) ? RELIEF_lot_state_usable : RELIEF_lot_state_quarantine;
    } else if (sim_chance(sim, 50)) {
        struct relief_stock_writeoff_params *p = BEGIN(ret, stock_writeoff);
        p->city = city(sim), p->kind = kind(sim), p->quantity = quantity(sim), p->reason = RELIEF_writeoff_expired;
    } else {
        struct relief_stock_count_params *p = BEGIN(ret, stock_count);
        p->city = city(sim), p->kind = kind(sim), p->quantity = quantity(sim), p->reason = RELIEF_STR("counted");
        p->lot = RELIEF_STR("0");
    }
}

static void submit(struct sim *sim, struct command *ret)
{
    struct relief_request_submit_params *p = BEGIN(ret, request_submit);
    p->id = sim_text(sim, "q%u", sim->requests++);
    p->city = city(sim), p->kind = kind(sim), p->quantity = quantity(sim);
    p->priority = 1 + (int64_t)sim_random(sim, 5);
    if (sim_chance(sim, 50))
        p->needed_by = engine_now(sim->engine) + 1 + (int64_t)sim_random(sim, 12 * 3600000);
    p->own_first = sim_chance(sim, 60);
    p->substitutes = sim_chance(sim, 40);
    p->explain = sim_chance(sim, 30);
    p->all_or_nothing = sim_chance(sim, 10);
    p->purpose = sim_chance(sim, 25) ? RELIEF_purpose_stock : RELIEF_purpose_use;
    if (sim->incidents && sim_chance(sim, 30))
        p->incident = sim_text(sim, "i%u", (unsigned)sim_random(sim, sim->incidents));
}

static void request_change(struct sim *sim, struct command *ret)
{
    if (sim_chance(sim, 50)) {
        struct relief_request_amend_params *p = BEGIN(ret, request_amend);
        p->id = some_request(sim);
        if (sim_chance(sim, 60))
            p->quantity = quantity(sim);
        if (sim_chance(sim, 40))
            p->priority = 1 + (int64_t)sim_random(sim, 5);
    } else if (sim_chance(sim, 50)) {
        struct relief_request_cancel_params *p = BEGIN(ret, request_cancel);
        p->id = some_request(sim), p->reason = RELIEF_STR("over");
    } else {
        struct relief_request_close_params *p = BEGIN(ret, request_close);
        p->id = some_request(sim), p->reason = RELIEF_STR("enough");
    }
}

/* All parts of a receipt add up to what was sent; now and then they don't. */
static void receive(struct sim *sim, const struct relief_dispatch *leg, struct command *ret)
{
    struct relief_dispatch_receive_params *p = BEGIN(ret, dispatch_receive);
    p->id = leg->id;
    p->rejected = sim_chance(sim, 20) ? (int64_t)sim_random(sim, (uint64_t)leg->quantity + 1) : 0;
    p->missing = sim_chance(sim, 20) ? (int64_t)sim_random(sim, (uint64_t)(leg->quantity - p->rejected) + 1) : 0;
    p->accepted = leg->quantity - p->rejected - p->missing + (sim_chance(sim, 3) ? 1 : 0);
    p->reason = p->rejected || p->missing ? RELIEF_STR("wet") : RELIEF_STR_NONE;
}

static void asked_leg(struct sim *sim, const struct relief_dispatch *leg, struct command *ret)
{
    if (sim_chance(sim, 65)) {
        struct relief_dispatch_accept_params *p = BEGIN(ret, dispatch_accept);
        p->id = leg->id;
        if (sim_chance(sim, 25))
            p->quantity = 1 + (int64_t)sim_random(sim, (uint64_t)leg->quantity);
    } else {
        struct relief_dispatch_decline_params *p = BEGIN(ret, dispatch_decline);
        p->id = leg->id, p->reason = RELIEF_STR("needed here");
    }
}

static void committed_leg(struct sim *sim, const struct relief_dispatch *leg, struct command *ret)
{
    if (sim_chance(sim, 70)) {
        struct relief_dispatch_depart_params *p = BEGIN(ret, dispatch_depart);
        p->id = leg->id;
    } else if (sim_chance(sim, 50)) {
        struct relief_dispatch_renege_params *p = BEGIN(ret, dispatch_renege);
        p->id = leg->id, p->reason = RELIEF_STR("road gone");
    } else {
        struct relief_dispatch_cancel_params *p = BEGIN(ret, dispatch_cancel);
        p->id = leg->id, p->reason = RELIEF_STR("not needed");
    }
}

/* A step that the leg's state allows, most often by the side that may take it. */
static void leg_step(struct sim *sim, struct command *ret)
{
    struct relief_dispatch leg;
    relief_shape_clear(&relief_shape_dispatch, &leg);
    struct relief_str request = some_request(sim);
    leg.id = sim_text(sim, "%.*s/%u", (int)request.len, request.data, 1 + (unsigned)sim_random(sim, 3));
    struct relief_str id = leg.id;
    if (!core_find(engine_view(sim->engine), RELIEF_TABLE_dispatch, &sim->strings, &leg)) {
        submit(sim, ret);
        return;
    }
    bool donor = leg.state == RELIEF_dispatch_state_asked || leg.state == RELIEF_dispatch_state_committed;
    struct relief_str side = donor ? leg.donor : leg.requester;
    leg.id = id;
    if (leg.state == RELIEF_dispatch_state_asked) {
        asked_leg(sim, &leg, ret);
    } else if (leg.state == RELIEF_dispatch_state_in_transit && sim_chance(sim, 90)) {
        receive(sim, &leg, ret);
    } else if (leg.state == RELIEF_dispatch_state_in_transit) {
        struct relief_dispatch_lost_params *p = BEGIN(ret, dispatch_lost);
        p->id = leg.id, p->reason = RELIEF_STR("flood");
    } else {
        committed_leg(sim, &leg, ret); /* of a leg that has ended: refused */
    }
    if (ret->method == RELIEF_METHOD_dispatch_cancel)
        side = leg.requester;
    if (sim_chance(sim, 60)) {
        ret->who.name = sim_text(sim, "city:%.*s", (int)side.len, side.data);
        ret->who.role = RELIEF_role_city;
        ret->who.city = side;
    }
}

static void agreement(struct sim *sim, struct command *ret)
{
    if (sim->agreements && sim_chance(sim, 30)) {
        struct relief_agreement_end_params *p = BEGIN(ret, agreement_end);
        p->id = sim_text(sim, "a%u", (unsigned)sim_random(sim, sim->agreements));
        return;
    }
    struct relief_agreement_put_params *p = BEGIN(ret, agreement_put);
    int64_t now = engine_now(sim->engine);
    p->id = sim_text(sim, "a%u", sim->agreements++);
    p->donor = city(sim);
    if (sim_chance(sim, 50))
        p->requester = city(sim);
    else
        p->region = RELIEF_STR("root");
    p->commit = sim_chance(sim, 50) ? RELIEF_commit_auto : RELIEF_commit_ask;
    p->share_percent = 1 + (int64_t)sim_random(sim, 100);
    p->answer_minutes = (int64_t)sim_random(sim, 90);
    if (sim_chance(sim, 40))
        p->from = now + (int64_t)sim_random(sim, 7200000);
    if (sim_chance(sim, 40))
        p->until = now + 7200000 + (int64_t)sim_random(sim, 36000000);
}

static void incident(struct sim *sim, struct command *ret)
{
    struct relief_str *list = relief_arena_alloc(&sim->strings, sizeof *list);
    *list = city(sim);
    if (!sim->incidents || sim_chance(sim, 40)) {
        struct relief_incident_open_params *p = BEGIN(ret, incident_open);
        p->id = sim_text(sim, "i%u", sim->incidents++);
        p->category = RELIEF_category_natural;
        p->level = 2;
        p->origin = city(sim);
        p->affected = (struct relief_list){list, 1, 1};
    } else if (sim_chance(sim, 60)) {
        struct relief_incident_update_params *p = BEGIN(ret, incident_update);
        p->id = sim_text(sim, "i%u", (unsigned)sim_random(sim, sim->incidents));
        p->affected = (struct relief_list){list, 1, 1};
        if (sim_chance(sim, 50))
            p->donating = p->affected;
    } else {
        struct relief_incident_close_params *p = BEGIN(ret, incident_close);
        p->id = sim_text(sim, "i%u", (unsigned)sim_random(sim, sim->incidents));
    }
}

static void place(struct sim *sim, struct command *ret)
{
    if (sim_chance(sim, 60)) {
        struct relief_link_put_params *p = BEGIN(ret, link_put);
        p->from = city(sim), p->to = city(sim);
        p->minutes = 10 + (int64_t)sim_random(sim, 400);
        p->open = sim_chance(sim, 70);
        p->both = sim_chance(sim, 30);
    } else {
        struct relief_city_mode_params *p = BEGIN(ret, city_mode);
        p->code = city(sim);
        p->mode = sim_chance(sim, 50) ? RELIEF_mode_emergency : RELIEF_mode_normal;
        p->reason = RELIEF_STR("water");
    }
}

void traffic_next(struct sim *sim, struct command *ret)
{
    ret->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    uint64_t dice = sim_random(sim, 100);
    if (dice < 28)
        stock(sim, ret);
    else if (dice < 50)
        submit(sim, ret);
    else if (dice < 82)
        leg_step(sim, ret);
    else if (dice < 87)
        request_change(sim, ret);
    else if (dice < 91)
        agreement(sim, ret);
    else if (dice < 94)
        incident(sim, ret);
    else if (dice < 98)
        place(sim, ret);
    else {
        struct relief_clock_confirm_params *p = BEGIN(ret, clock_confirm);
        p->time = sim->wall + (int64_t)sim_random(sim, 50000);
    }
    const struct relief_command_info *command = relief_command_by_number(ret->method);
    const struct relief_field *op = relief_shape_find(command->params, RELIEF_STR("op"));
    if (op && sim_chance(sim, 30))
        *relief_field_str(op, &ret->params) = sim_text(sim, "op%u", sim->ops++);
}
