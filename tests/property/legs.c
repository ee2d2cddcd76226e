/*
 * The model's legs: DESIGN 5 as straight code. Each event says who may give it, from which state, and what it does to
 * the lots, the accounts and the request; the request's numbers are then added up anew from all of its legs.
 */
#include "model.h"
#include <assert.h>

/* Gives back what an asked leg holds or a committed leg reserves; the leg keeps its list of lots. */
void model_leg_release(struct model *m, struct relief_dispatch *leg)
{
    const struct relief_leg_lot *taken = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        struct relief_lot *lot = model_lot(m, leg->donor, leg->kind, taken[i].lot);
        if (leg->state == RELIEF_dispatch_state_asked)
            lot->held -= taken[i].quantity;
        else if (leg->state == RELIEF_dispatch_state_committed)
            lot->reserved -= taken[i].quantity;
    }
    model_crew_book(m, leg, RELIEF_asset_use_free);
}

static void set_state(struct relief_dispatch *leg, int state, int64_t time)
{
    leg->state = state;
    switch (state) {
#define S(name)                                                                                                        \
    case RELIEF_dispatch_state_##name:                                                                                 \
        leg->times.name = time;                                                                                        \
        break;
        S(asked)
        S(committed)
        S(in_transit)
        S(received)
        S(in_use)
        S(returning)
        S(closed)
        S(returned)
        S(declined)
        S(lapsed)
        S(cancelled)
        S(reneged)
        S(lost)
#undef S
    default:
        assert(!"state");
    }
}

/* Ends a leg that covers nothing any more. */
void model_leg_end(struct model *m, struct relief_dispatch *leg, int state, int64_t time, struct relief_str reason)
{
    model_leg_release(m, leg);
    set_state(leg, state, time);
    leg->covers = 0;
    if (reason.data)
        leg->reason = reason;
}

/* Keeps the first units of an asked leg, whole packs (fine print 35, 53). */
void model_leg_cut(struct model *m, struct relief_dispatch *leg, int64_t quantity)
{
    if (leg->assets.count) {
        model_crew_cut(m, leg, quantity);
        leg->quantity = quantity;
        leg->covers = quantity / leg->give * leg->for_;
        return;
    }
    const struct relief_leg_lot *taken = leg->lots.items;
    struct relief_leg_lot *kept = model_alloc(m, (leg->lots.count + 1) * sizeof *kept);
    uint32_t count = 0;
    int64_t left = quantity;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        int64_t units = taken[i].quantity < left ? taken[i].quantity : left;
        model_lot(m, leg->donor, leg->kind, taken[i].lot)->held -= taken[i].quantity - units;
        if (units)
            kept[count++] = (struct relief_leg_lot){.lot = taken[i].lot, .quantity = units};
        left -= units;
    }
    assert(left == 0);
    leg->lots = (struct relief_list){.items = kept, .count = count, .present = 1};
    leg->quantity = quantity;
    leg->covers = quantity / leg->give * leg->for_;
}

void model_exclude(struct model *m, struct relief_request *request, struct relief_str donor)
{
    if (!model_listed(&request->excluded, donor))
        model_list_add(m, &request->excluded, donor);
}

/* The default id of fine print 26; from the second try on with ".2", ".3": a lot is one date of expiry. */
static struct relief_str default_lot(struct model *m, int64_t expires, int try)
{
    struct relief_str id = expires == RELIEF_NIL ? model_printf(m, "0") : model_printf(m, "%lld", (long long)expires);
    return try > 1 ? model_printf(m, "%s.%d", id.data, try) : id;
}

/* Fine print 39: accepted units enter the requester's lots, the first ones of the leg. */
static void into_stock(struct model *m, const struct relief_dispatch *leg, int64_t accepted)
{
    const struct relief_leg_lot *taken = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count && accepted; i++) {
        int64_t units = taken[i].quantity < accepted ? taken[i].quantity : accepted;
        accepted -= units;
        int64_t expires = model_lot(m, leg->donor, leg->kind, taken[i].lot)->expires;
        struct relief_str id = taken[i].lot;
        struct relief_lot *lot = model_lot(m, leg->requester, leg->kind, id);
        for (int try = 1; lot && lot->expires != expires; try++) {
            id = default_lot(m, expires, try);
            lot = model_lot(m, leg->requester, leg->kind, id);
        }
        if (!lot) {
            assert(m->lot_count < 16384);
            lot = &m->lot[m->lot_count++];
            *lot = (struct relief_lot){.city = leg->requester, .kind = leg->kind, .lot = id, .expires = expires};
        }
        lot->quantity += units;
    }
}

static void receive(struct model *m, int64_t time, const struct relief_dispatch_receive_params *p,
                    struct relief_dispatch *leg, struct relief_request *request, struct model_answer *answer)
{
    if (p->accepted + p->rejected + p->missing != leg->sent) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "accepted");
        return;
    }
    if ((p->rejected || p->missing) && !p->reason.data) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "reason");
        return;
    }
    bool assets = leg->assets.count > 0;
    if (assets && p->accepted && p->accepted != leg->sent) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "accepted");
        return;
    }
    leg->accepted = p->accepted;
    leg->rejected = p->rejected;
    leg->missing = p->missing;
    if (p->reason.data)
        leg->reason = p->reason;
    struct relief_account *account = model_account(m, leg->donor, leg->kind);
    account->in_transit -= leg->sent;
    model_crew_account(m, leg, -1, 0);
    if (assets) {
        model_crew_home(m, &leg->assets, p->accepted, p->rejected, RELIEF_condition_damaged, RELIEF_STR_NONE);
        model_crew_home(m, &leg->assets, p->accepted + p->rejected, p->missing, RELIEF_condition_lost, RELIEF_STR_NONE);
    } else {
        account->written_off += p->rejected;
        account->lost += p->missing;
    }
    set_state(leg, RELIEF_dispatch_state_received, time);
    leg->covers = p->accepted / leg->give * leg->for_;
    if (request->purpose == RELIEF_purpose_stock) {
        into_stock(m, leg, p->accepted);
        if (assets)
            model_crew_home(m, &leg->assets, 0, p->accepted, RELIEF_NIL, leg->requester);
        set_state(leg, RELIEF_dispatch_state_closed, time);
    } else if ((assets || model_kind(m, leg->kind)->returnable) && p->accepted) {
        account->on_loan += p->accepted;
        model_crew_account(m, leg, 0, 1);
        set_state(leg, RELIEF_dispatch_state_in_use, time);
    } else {
        if (p->accepted)
            model_issued(m, time, leg->requester, leg->kind, p->accepted);
        set_state(leg, RELIEF_dispatch_state_closed, time);
    }
    if (leg->state == RELIEF_dispatch_state_closed)
        model_crew_home(m, &leg->operators, 0, leg->operators.count, RELIEF_NIL, RELIEF_STR_NONE);
}

static void depart(struct model *m, int64_t time, const struct relief_dispatch_depart_params *p,
                   struct relief_dispatch *leg, struct model_answer *answer)
{
    const struct relief_leg_lot *taken = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        if (!model_lot_usable(model_lot(m, leg->donor, leg->kind, taken[i].lot), time)) {
            model_bad_state(answer, &relief_enum_dispatch_state, leg->state);
            answer->open_state = true; /* the leg's, or the lot's */
            return;
        }
    }
    if (!model_crew_ready(m, time, leg)) {
        model_bad_state(answer, &relief_enum_dispatch_state, leg->state);
        return;
    }
    model_leg_release(m, leg);
    model_crew_book(m, leg, RELIEF_asset_use_away);
    model_crew_account(m, leg, 1, 0);
    for (uint32_t i = 0; i < leg->lots.count; i++)
        model_lot(m, leg->donor, leg->kind, taken[i].lot)->quantity -= taken[i].quantity;
    model_account(m, leg->donor, leg->kind)->in_transit += leg->quantity;
    leg->sent = leg->quantity;
    leg->carrier = p->carrier;
    leg->eta = p->eta != RELIEF_NIL ? p->eta : time + leg->minutes * 60000;
    set_state(leg, RELIEF_dispatch_state_in_transit, time);
}

static void accept_leg(struct model *m, int64_t time, const struct relief_dispatch_accept_params *p,
                       struct relief_dispatch *leg, struct relief_request *request, struct model_answer *answer)
{
    int64_t quantity = p->quantity == RELIEF_NIL ? leg->quantity : p->quantity;
    if (quantity > leg->quantity || quantity % leg->give) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "quantity");
        return;
    }
    (void)time;
    if (quantity < leg->quantity) {
        model_leg_cut(m, leg, quantity);
        model_exclude(m, request, leg->donor);
    }
    const struct relief_leg_lot *taken = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        struct relief_lot *lot = model_lot(m, leg->donor, leg->kind, taken[i].lot);
        lot->held -= taken[i].quantity;
        lot->reserved += taken[i].quantity;
    }
    model_crew_book(m, leg, RELIEF_asset_use_reserved);
    set_state(leg, RELIEF_dispatch_state_committed, time);
}

/* Units of a loan leave for home; what doesn't is lost, the last ones (fine print 54). */
static void send_back(struct model *m, int64_t time, const struct relief_dispatch_return_params *p,
                      struct relief_dispatch *leg, struct model_answer *answer)
{
    if (p->quantity > leg->accepted) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "quantity");
        return;
    }
    struct relief_account *account = model_account(m, leg->donor, leg->kind);
    account->on_loan -= leg->accepted;
    account->in_transit += p->quantity;
    model_crew_account(m, leg, 1, -1);
    if (leg->assets.count)
        model_crew_home(m, &leg->assets, p->quantity, leg->accepted - p->quantity, RELIEF_condition_lost,
                        RELIEF_STR_NONE);
    else
        account->lost += leg->accepted - p->quantity;
    leg->returned = p->quantity;
    set_state(leg, RELIEF_dispatch_state_returning, time);
}

static void into_lots(struct model *m, const struct relief_dispatch *leg, int64_t units)
{
    const struct relief_leg_lot *taken = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        int64_t here = taken[i].quantity < units ? taken[i].quantity : units;
        model_lot(m, leg->donor, leg->kind, taken[i].lot)->quantity += here;
        units -= here;
    }
    assert(units == 0);
}

static void check_in(struct model *m, int64_t time, const struct relief_dispatch_checkin_params *p,
                     struct relief_dispatch *leg, struct model_answer *answer)
{
    if (p->quantity > leg->returned) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "quantity");
        return;
    }
    if (p->rest_until != RELIEF_NIL && !leg->assets.count) {
        model_refuse(answer, RELIEF_BAD_PARAMS, "rest_until");
        return;
    }
    struct relief_account *account = model_account(m, leg->donor, leg->kind);
    account->in_transit -= leg->returned;
    model_crew_account(m, leg, -1, 0);
    model_crew_home(m, &leg->operators, 0, leg->operators.count, RELIEF_NIL, RELIEF_STR_NONE);
    if (leg->assets.count) {
        model_crew_home(m, &leg->assets, 0, p->quantity, p->condition, RELIEF_STR_NONE);
        model_crew_home(m, &leg->assets, p->quantity, leg->returned - p->quantity, RELIEF_condition_lost,
                        RELIEF_STR_NONE);
        const struct relief_str *pieces = leg->assets.items, *crew = leg->operators.items;
        for (int64_t i = 0; i < p->quantity && p->rest_until != RELIEF_NIL; i++)
            model_asset(m, pieces[i])->rest_until = p->rest_until;
        for (uint32_t i = 0; i < leg->operators.count && p->rest_until != RELIEF_NIL; i++)
            model_asset(m, crew[i])->rest_until = p->rest_until;
    } else {
        account->lost += leg->returned - p->quantity;
        if (p->condition == RELIEF_condition_damaged)
            account->written_off += p->quantity;
        else if (p->condition == RELIEF_condition_lost)
            account->lost += p->quantity;
        else
            into_lots(m, leg, p->quantity);
    }
    leg->checked_in = p->quantity;
    leg->condition = p->condition;
    if (p->condition == RELIEF_NIL && !leg->assets.count)
        leg->condition = RELIEF_condition_ready;
    set_state(leg, RELIEF_dispatch_state_returned, time);
}

enum side { DONOR = 1, REQUESTER = 2 };

/* Who may give the event, and from which states. */
static unsigned sides_of(unsigned command, unsigned *ret_states)
{
    unsigned asked = 1u << RELIEF_dispatch_state_asked, committed = 1u << RELIEF_dispatch_state_committed;
    unsigned moving = 1u << RELIEF_dispatch_state_in_transit;
    switch (command) {
    case RELIEF_METHOD_dispatch_return:
        *ret_states = 1u << RELIEF_dispatch_state_in_use;
        return REQUESTER;
    case RELIEF_METHOD_dispatch_recall:
    case RELIEF_METHOD_dispatch_extend:
        *ret_states = 1u << RELIEF_dispatch_state_in_use;
        return DONOR;
    case RELIEF_METHOD_dispatch_checkin:
        *ret_states = 1u << RELIEF_dispatch_state_returning;
        return DONOR;
    case RELIEF_METHOD_dispatch_accept:
    case RELIEF_METHOD_dispatch_decline:
        *ret_states = asked;
        return DONOR;
    case RELIEF_METHOD_dispatch_cancel:
        *ret_states = asked | committed;
        return REQUESTER;
    case RELIEF_METHOD_dispatch_renege:
    case RELIEF_METHOD_dispatch_depart:
        *ret_states = committed;
        return DONOR;
    case RELIEF_METHOD_dispatch_lost:
        *ret_states = moving;
        return DONOR | REQUESTER;
    default:
        *ret_states = moving;
        return REQUESTER;
    }
}

void model_apply_leg(struct model *m, const struct core_entry *entry, struct model_answer *answer)
{
    /* The id is the first parameter of all of them. */
    struct relief_str id = ((const struct relief_dispatch_accept_params *)entry->params)->id;
    struct relief_dispatch *leg = model_dispatch(m, id);
    if (!leg) {
        model_not_found(answer, "id", id);
        return;
    }
    unsigned states, sides = sides_of(entry->command, &states);
    if (entry->who.role != RELIEF_role_local && !((sides & DONOR) && model_same(entry->who.city, leg->donor)) &&
        !((sides & REQUESTER) && model_same(entry->who.city, leg->requester))) {
        model_refuse(answer, RELIEF_DENIED, NULL);
        return;
    }
    bool late =
        entry->command == RELIEF_METHOD_dispatch_accept && leg->answer_by != RELIEF_NIL && entry->time > leg->answer_by;
    if (!(states & (1u << leg->state)) || late) {
        model_bad_state(answer, &relief_enum_dispatch_state, leg->state);
        return;
    }
    struct relief_request *request = model_request(m, leg->request);
    switch (entry->command) {
    case RELIEF_METHOD_dispatch_accept:
        accept_leg(m, entry->time, entry->params, leg, request, answer);
        break;
    case RELIEF_METHOD_dispatch_decline:
        model_leg_end(m, leg, RELIEF_dispatch_state_declined, entry->time,
                      ((const struct relief_dispatch_decline_params *)entry->params)->reason);
        model_exclude(m, request, leg->donor);
        break;
    case RELIEF_METHOD_dispatch_cancel:
        model_leg_end(m, leg, RELIEF_dispatch_state_cancelled, entry->time,
                      ((const struct relief_dispatch_cancel_params *)entry->params)->reason);
        model_exclude(m, request, leg->donor);
        break;
    case RELIEF_METHOD_dispatch_renege:
        model_leg_end(m, leg, RELIEF_dispatch_state_reneged, entry->time,
                      ((const struct relief_dispatch_renege_params *)entry->params)->reason);
        model_exclude(m, request, leg->donor);
        break;
    case RELIEF_METHOD_dispatch_lost: {
        struct relief_account *account = model_account(m, leg->donor, leg->kind);
        account->in_transit -= leg->sent;
        model_crew_account(m, leg, -1, 0);
        if (!leg->assets.count)
            account->lost += leg->sent;
        model_crew_home(m, &leg->assets, 0, leg->assets.count, RELIEF_condition_lost, RELIEF_STR_NONE);
        model_crew_home(m, &leg->operators, 0, leg->operators.count, RELIEF_condition_lost, RELIEF_STR_NONE);
        model_leg_end(m, leg, RELIEF_dispatch_state_lost, entry->time,
                      ((const struct relief_dispatch_lost_params *)entry->params)->reason);
        break;
    }
    case RELIEF_METHOD_dispatch_depart:
        depart(m, entry->time, entry->params, leg, answer);
        break;
    case RELIEF_METHOD_dispatch_receive:
        receive(m, entry->time, entry->params, leg, request, answer);
        break;
    case RELIEF_METHOD_dispatch_return:
        send_back(m, entry->time, entry->params, leg, answer);
        break;
    case RELIEF_METHOD_dispatch_checkin:
        check_in(m, entry->time, entry->params, leg, answer);
        break;
    case RELIEF_METHOD_dispatch_recall:
    case RELIEF_METHOD_dispatch_extend: {
        const struct relief_dispatch_recall_params *p = entry->params; /* the same parameters for both */
        bool nearer = entry->command == RELIEF_METHOD_dispatch_extend && leg->due != RELIEF_NIL && p->by < leg->due;
        if (p->by <= entry->time || nearer) {
            model_refuse(answer, RELIEF_BAD_PARAMS, "by");
            break;
        }
        leg->due = p->by;
        if (p->reason.data)
            leg->reason = p->reason;
        break;
    }
    default:
        assert(!"command");
    }
    if (!answer->code) {
        model_recount(m, request);
        answer->table = RELIEF_TABLE_dispatch;
        answer->record = leg;
    }
}
