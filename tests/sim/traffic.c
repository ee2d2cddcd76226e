/*
 * Random commands that mostly mean something: cities that exist, legs in the state that the step needs, now and then
 * not.
 */
#include "sim.h"

#define CITIES 8u
#define KINDS  3u  /* of supplies */
#define ASSETS 48u /* teams under even numbers, pumps under odd ones */

static struct relief_str city(struct sim *sim)
{
    return sim_text(sim, "C%u", (unsigned)sim_random(sim, sim->cities));
}

static struct relief_str kind(struct sim *sim)
{
    return sim_text(sim, "K%u", (unsigned)sim_random(sim, sim->kinds));
}

/* A kind to ask for. */
static struct relief_str kind_or_gear(struct sim *sim)
{
    return sim_chance(sim, 75) ? kind(sim) : sim_chance(sim, 50) ? RELIEF_STR("T") : RELIEF_STR("E");
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
    if (number == KINDS - 1) /* tents come back */
        p->returnable = 1;
    if (number == 0) { /* two of K1 stand in for three of K0 */
        struct relief_substitute *substitute = relief_arena_alloc(&sim->strings, sizeof *substitute);
        *substitute = (struct relief_substitute){.kind = RELIEF_STR("K1"), .give = 2, .for_ = 3};
        p->substitutes = (struct relief_list){substitute, 1, 1};
    }
    sim->kinds = number + 1;
}

/* Teams, and pumps that need one of them. */
static void found_gear(unsigned number, struct command *ret)
{
    struct relief_kind_put_params *p = BEGIN(ret, kind_put);
    p->code = p->name = number ? RELIEF_STR("E") : RELIEF_STR("T");
    p->unit = RELIEF_STR("piece");
    p->class_ = number ? RELIEF_class_equipment : RELIEF_class_team;
    if (number)
        p->operator_ = RELIEF_STR("T");
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
    else if (number < CITIES + KINDS + 2)
        found_gear(number - CITIES - KINDS, ret);
    else
        return false;
    return true;
}

/* ---- what happens in it ---- */

static void stock(struct sim *sim, struct command *ret)
{
    int64_t now = sim_now(sim);
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
        p->city = city(sim), p->kind = kind_or_gear(sim);
        p->floor = (int64_t)sim_random(sim, p->kind.data[0] == 'K' ? 30 : 3);
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

static int64_t condition(struct sim *sim)
{
    return sim_chance(sim, 85) ? (int64_t)RELIEF_condition_ready : (int64_t)sim_random(sim, RELIEF_condition_COUNT);
}

static int64_t rest(struct sim *sim)
{
    return sim_now(sim) + (int64_t)sim_random(sim, 3600000);
}

static void asset(struct sim *sim, struct command *ret)
{
    unsigned number = (unsigned)sim_random(sim, ASSETS);
    struct relief_str id = sim_text(sim, "p%u", number);
    if (sim_chance(sim, 60)) {
        struct relief_asset_put_params *p = BEGIN(ret, asset_put);
        p->id = id, p->kind = number % 2 ? RELIEF_STR("E") : RELIEF_STR("T");
        p->city = city(sim);
        p->level = 1 + (int64_t)sim_random(sim, 4);
        p->condition = condition(sim);
        if (sim_chance(sim, 15))
            p->rest_until = rest(sim);
        if (sim_chance(sim, 20)) {
            struct relief_certificate *paper = relief_arena_alloc(&sim->strings, sizeof *paper);
            *paper = (struct relief_certificate){.name = RELIEF_STR("diver"),
                                                 .until = sim_now(sim) + (int64_t)sim_random(sim, 36000000)};
            p->certificates = (struct relief_list){paper, 1, 1};
        }
    } else {
        struct relief_asset_status_params *p = BEGIN(ret, asset_status);
        p->id = id, p->condition = condition(sim);
        if (sim_chance(sim, 30))
            p->rest_until = rest(sim);
        if (sim_chance(sim, 20))
            p->city = city(sim);
    }
}

/* A superior's order: rather for something that is open where there is an emergency. */
static void order(struct sim *sim, struct command *ret)
{
    struct relief_dispatch_order_params *p = BEGIN(ret, dispatch_order);
    p->donor = city(sim), p->reason = RELIEF_STR("the dam");
    for (unsigned tries = 0; tries < 12; tries++) {
        struct relief_request request;
        struct relief_city to;
        relief_shape_clear(&relief_shape_request, &request);
        relief_shape_clear(&relief_shape_city, &to);
        request.id = p->request = some_request(sim);
        p->quantity = 1;
        if (!core_find(sim_view(sim), RELIEF_TABLE_request, &sim->strings, &request) || !request.open)
            continue;
        p->quantity = 1 + (int64_t)sim_random(sim, (uint64_t)(request.open < 20 ? request.open : 20));
        to.code = request.city;
        if (core_find(sim_view(sim), RELIEF_TABLE_city, &sim->strings, &to) && to.mode == RELIEF_mode_emergency)
            break;
    }
}

static void submit(struct sim *sim, struct command *ret)
{
    struct relief_request_submit_params *p = BEGIN(ret, request_submit);
    p->id = sim_text(sim, "q%u", sim->requests++);
    p->city = city(sim), p->kind = kind_or_gear(sim), p->quantity = quantity(sim);
    if (p->kind.data[0] != 'K') {
        p->quantity = 1 + (int64_t)sim_random(sim, 4);
        p->min_level = 1 + (int64_t)sim_random(sim, 4);
    }
    p->priority = 1 + (int64_t)sim_random(sim, 5);
    if (sim_chance(sim, 50))
        p->needed_by = sim_now(sim) + 1 + (int64_t)sim_random(sim, 12 * 3600000);
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
    if (leg->assets.count) { /* all or none */
        bool all = sim_chance(sim, 85);
        p->accepted = all ? leg->quantity : 0;
        p->rejected = all ? 0 : (int64_t)sim_random(sim, (uint64_t)leg->quantity + 1);
        p->missing = leg->quantity - p->accepted - p->rejected;
        p->reason = all ? RELIEF_STR_NONE : RELIEF_STR("broken");
        return;
    }
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

/* A loan goes on, home, or has come home. */
static void loan(struct sim *sim, const struct relief_dispatch *leg, struct command *ret)
{
    bool coming = leg->state == RELIEF_dispatch_state_returning;
    int64_t had = coming ? leg->returned : leg->accepted;
    if (coming) {
        struct relief_dispatch_checkin_params *p = BEGIN(ret, dispatch_checkin);
        p->id = leg->id, p->condition = condition(sim);
        p->quantity = sim_chance(sim, 75) ? had : (int64_t)sim_random(sim, (uint64_t)had + 2);
    } else if (sim_chance(sim, 70)) {
        struct relief_dispatch_return_params *p = BEGIN(ret, dispatch_return);
        p->id = leg->id;
        p->quantity = sim_chance(sim, 75) ? had : 1 + (int64_t)sim_random(sim, (uint64_t)had + 1);
    } else if (sim_chance(sim, 50)) {
        struct relief_dispatch_recall_params *p = BEGIN(ret, dispatch_recall);
        p->id = leg->id, p->by = rest(sim), p->reason = RELIEF_STR("needed at home");
    } else {
        struct relief_dispatch_extend_params *p = BEGIN(ret, dispatch_extend);
        p->id = leg->id, p->by = rest(sim);
    }
}

/* Who may take the step. */
static struct relief_str mover(const struct relief_dispatch *leg, unsigned method)
{
    switch (method) {
    case RELIEF_METHOD_dispatch_cancel:
    case RELIEF_METHOD_dispatch_receive:
    case RELIEF_METHOD_dispatch_return:
    case RELIEF_METHOD_dispatch_lost:
        return leg->requester;
    default:
        return leg->donor;
    }
}

/* Rather a leg that lives: another try for each that doesn't. */
static bool some_leg(struct sim *sim, struct relief_dispatch *ret)
{
    bool found = false;
    for (unsigned tries = 0; tries < 12; tries++) {
        struct relief_dispatch leg;
        relief_shape_clear(&relief_shape_dispatch, &leg);
        struct relief_str request = some_request(sim);
        struct relief_str id =
            sim_text(sim, "%.*s/%u", (int)request.len, request.data, 1 + (unsigned)sim_random(sim, 3));
        leg.id = id;
        if (!core_find(sim_view(sim), RELIEF_TABLE_dispatch, &sim->strings, &leg))
            continue;
        *ret = leg;
        ret->id = id;
        found = true;
        if (leg.state < RELIEF_dispatch_state_closed)
            break;
    }
    return found;
}

/* A step that the leg's state allows, most often by the side that may take it. */
static void leg_step(struct sim *sim, struct command *ret)
{
    struct relief_dispatch leg;
    if (!some_leg(sim, &leg)) {
        submit(sim, ret);
        return;
    }
    if (leg.state == RELIEF_dispatch_state_asked) {
        asked_leg(sim, &leg, ret);
    } else if (leg.state == RELIEF_dispatch_state_in_transit && sim_chance(sim, 90)) {
        receive(sim, &leg, ret);
    } else if (leg.state == RELIEF_dispatch_state_in_transit) {
        struct relief_dispatch_lost_params *p = BEGIN(ret, dispatch_lost);
        p->id = leg.id, p->reason = RELIEF_STR("flood");
    } else if (leg.state == RELIEF_dispatch_state_in_use || leg.state == RELIEF_dispatch_state_returning) {
        loan(sim, &leg, ret);
    } else {
        committed_leg(sim, &leg, ret); /* of a leg that has ended: refused */
    }
    struct relief_str side = mover(&leg, ret->method);
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
    int64_t now = sim_now(sim);
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

/* The city whose business a command is, where it says so; now and then another one. */
static struct relief_str own_city(struct sim *sim, const struct relief_command_info *command, struct command *given)
{
    const struct relief_field *field = relief_shape_find(command->params, RELIEF_STR("city"));
    struct relief_request request;
    if (given->method == RELIEF_METHOD_city_mode)
        field = relief_shape_find(command->params, RELIEF_STR("code"));
    if (sim_chance(sim, 4))
        return city(sim);
    if (field && relief_field_str(field, &given->params)->data)
        return *relief_field_str(field, &given->params);
    relief_shape_clear(&relief_shape_request, &request);
    field = relief_shape_find(command->params, RELIEF_STR("id"));
    if (field && field->kind == RELIEF_F_ID) {
        request.id = *relief_field_str(field, &given->params);
        if (core_find(sim_view(sim), RELIEF_TABLE_request, &sim->strings, &request))
            return request.city;
    }
    return city(sim);
}

static bool given_by_a_side(unsigned method)
{
    return method >= RELIEF_METHOD_dispatch_accept && method <= RELIEF_METHOD_dispatch_extend;
}

/* Somebody who may give the command by the role's column, most often; now and then somebody who may not. */
static void someone(struct sim *sim, const struct relief_command_info *command, struct command *ret)
{
    static const char *const regions[] = {"root", "east", "west"};
    const struct relief_method_info *method = relief_method_by_number(ret->method);
    enum relief_role role = (enum relief_role)sim_random(sim, RELIEF_role_COUNT);
    bool step = given_by_a_side(ret->method);
    if (ret->who.role != RELIEF_role_local || sim_chance(sim, step ? 90 : 30))
        return; /* a side of a leg, chosen before; or the daemon's own user */
    for (unsigned tries = 0; tries < 8 && !(method->roles & 1u << role) && !sim_chance(sim, 3); tries++)
        role = (enum relief_role)sim_random(sim, RELIEF_role_COUNT);
    ret->who.role = role;
    const char *name = relief_enum_role.names[role];
    if (role == RELIEF_role_city) {
        ret->who.city = own_city(sim, command, ret);
        ret->who.name = sim_text(sim, "%s:%.*s", name, (int)ret->who.city.len, ret->who.city.data);
    } else if (role == RELIEF_role_coordinator && sim_chance(sim, 60)) {
        ret->who.region = relief_str_of(regions[sim_chance(sim, 50) ? 0 : 1 + sim_random(sim, 2)]);
        ret->who.name = sim_text(sim, "%s:%s", name, ret->who.region.data);
    } else {
        ret->who.name = relief_str_of(name);
    }
}

void traffic_next(struct sim *sim, struct command *ret)
{
    ret->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    uint64_t dice = sim_random(sim, 100);
    if (dice < 22)
        stock(sim, ret);
    else if (dice < 28)
        asset(sim, ret);
    else if (dice < 46)
        submit(sim, ret);
    else if (dice < 50)
        order(sim, ret);
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
    if (sim->roles)
        someone(sim, command, ret);
}
