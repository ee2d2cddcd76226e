/*
 * The life of a dispatch after the match (DESIGN 5): one table says which step leaves which state for which, and who
 * may take it; each command checks against its row first, so a step that is not in the table can't happen.
 */
#include "core/work.h"
#include <assert.h>
#include <stdio.h>

static const struct {
    int64_t from;
    enum mover mover;
} steps[] = {
#define S(step, from, mover) {RELIEF_dispatch_state_##from, mover},
    STEPS(S)
#undef S
};

int step_begin(struct core_work *work, struct relief_str id, enum step step, struct leg_of *ret)
{
    const struct core_identity *who = &work->entry->who;
    bool may = who->role == RELIEF_role_local;
    if (!work_dispatch(work, id, &ret->leg))
        return work_not_found(work, "id", id);
    if (who->role == RELIEF_role_city)
        may = ((steps[step].mover & MOVER_DONOR) && relief_str_eq(who->city, ret->leg.donor)) ||
              ((steps[step].mover & MOVER_REQUESTER) && relief_str_eq(who->city, ret->leg.requester));
    if (!may)
        return work_denied(work, "this step is the other side's");
    if (ret->leg.state != steps[step].from && !(step == STEP_cancel && ret->leg.state == steps[STEP_cancel_asked].from))
        return work_bad_state(work, relief_enum_dispatch_state.names[ret->leg.state],
                              "the leg is past, or not yet at, this step");
    may = work_request(work, ret->leg.request, &ret->request);
    assert(may);
    return 0;
}

int step_end(struct core_work *work, struct leg_of *of, bool wake)
{
    leg_request_put(work, &of->request);
    if (wake) {
        crew_wake(work, of->leg.donor, of->leg.kind);
        work->wake.request = of->request.id;
    }
    work_answer_record(work, RELIEF_TABLE_dispatch, &of->leg);
    return 0;
}

/* ---- asked ---- */

int core_apply_dispatch_accept(struct core_work *work, const struct relief_dispatch_accept_params *params)
{
    struct leg_of of;
    int64_t units, covers;
    bool part;
    int error = step_begin(work, params->id, STEP_accept, &of);
    if (!error && of.leg.answer_by != RELIEF_NIL && work->now > of.leg.answer_by)
        error = work_bad_state(work, "asked", "the time to answer has passed");
    if (error)
        return error;
    units = params->quantity == RELIEF_NIL ? of.leg.quantity : params->quantity;
    if (units > of.leg.quantity)
        return work_bad_params(work, "quantity", "more than was asked");
    if (units % of.leg.give)
        return work_bad_params(work, "quantity", "a part is a multiple of %lld", (long long)of.leg.give);
    part = units < of.leg.quantity;
    leg_book(work, &of.leg, RELIEF_asset_use_held, RELIEF_asset_use_free);
    of.request.asked -= of.leg.covers;
    if (part) {
        leg_keep(work, &of.leg, units);
        covers = units / of.leg.give * of.leg.for_;
        leg_uncover(&of.request, of.leg.covers - covers);
        of.leg.covers = covers;
        leg_exclude(work, &of.request, of.leg.donor);
    }
    leg_book(work, &of.leg, RELIEF_asset_use_free, RELIEF_asset_use_reserved);
    leg_enter(&of.leg, RELIEF_dispatch_state_committed, work->now);
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, part);
}

static int withdraw(struct core_work *work, struct relief_str id, enum step step, int64_t state,
                    struct relief_str reason)
{
    struct leg_of of;
    int error = step_begin(work, id, step, &of);
    if (error)
        return error;
    leg_withdraw(work, &of.request, &of.leg, state, reason, true);
    return step_end(work, &of, true);
}

int core_apply_dispatch_decline(struct core_work *work, const struct relief_dispatch_decline_params *params)
{
    return withdraw(work, params->id, STEP_decline, RELIEF_dispatch_state_declined, params->reason);
}

int core_apply_dispatch_cancel(struct core_work *work, const struct relief_dispatch_cancel_params *params)
{
    return withdraw(work, params->id, STEP_cancel, RELIEF_dispatch_state_cancelled, params->reason);
}

int core_apply_dispatch_renege(struct core_work *work, const struct relief_dispatch_renege_params *params)
{
    return withdraw(work, params->id, STEP_renege, RELIEF_dispatch_state_reneged, params->reason);
}

int core_apply_time_lapse(struct core_work *work, const struct relief_time_lapse_params *params)
{
    struct leg_of of;
    bool there = work_dispatch(work, params->dispatch, &of.leg) && of.leg.state == RELIEF_dispatch_state_asked &&
                 of.leg.answer_by != RELIEF_NIL && of.leg.answer_by < work->now &&
                 work_request(work, of.leg.request, &of.request);
    if (!there)
        return 0;
    leg_withdraw(work, &of.request, &of.leg, RELIEF_dispatch_state_lapsed, RELIEF_STR_NONE, true);
    leg_request_put(work, &of.request);
    work->wake.request = of.request.id;
    return 0;
}

/* ---- on the road ---- */

static int check_usable(struct core_work *work, const struct relief_dispatch *leg)
{
    const struct relief_leg_lot *lots = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        struct relief_lot lot;
        bool there = work_lot(work, leg->donor, leg->kind, lots[i].lot, &lot);
        assert(there);
        (void)there;
        if (!stock_lot_usable(&lot, work->now))
            return work_bad_state(work, "committed", "lot %.*s is no longer usable; renege", (int)lot.lot.len,
                                  lot.lot.data);
    }
    return crew_check_ready(work, leg);
}

int core_apply_dispatch_depart(struct core_work *work, const struct relief_dispatch_depart_params *params)
{
    struct leg_of of;
    int error = step_begin(work, params->id, STEP_depart, &of);
    if (!error)
        error = check_usable(work, &of.leg);
    if (error)
        return error;
    leg_book(work, &of.leg, RELIEF_asset_use_reserved, RELIEF_asset_use_away);
    leg_books(work, &of.leg, (struct books){.in_transit = of.leg.quantity});
    crew_books(work, &of.leg, 1, 0);
    of.leg.sent = of.leg.quantity;
    of.leg.carrier = params->carrier;
    of.leg.eta = params->eta == RELIEF_NIL ? work->now + of.leg.minutes * RELIEF_MINUTE_MS : params->eta;
    leg_enter(&of.leg, RELIEF_dispatch_state_in_transit, work->now);
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, false);
}

/* ---- arrival ---- */

/*
 * The lot of the requester that takes the donor's units, found or made in *ret: the donor's id, or the default one
 * where that has another date (fine print 39), or the default one with .2, .3, ... where somebody gave that to another
 * date too. Ends: each number that is taken is a lot that is there.
 */
static void find_lot(struct core_work *work, const struct relief_dispatch *leg, const struct relief_lot *from,
                     struct relief_lot *ret)
{
    struct relief_str id = from->lot, standard = stock_default_lot(work, from->expires);
    for (unsigned n = 1;; n++) {
        if (!work_lot(work, leg->requester, leg->kind, id, ret)) {
            *ret = (struct relief_lot){.city = leg->requester,
                                       .kind = leg->kind,
                                       .lot = id,
                                       .expires = from->expires,
                                       .state = RELIEF_lot_state_usable,
                                       .source = from->source};
            return;
        }
        if (ret->expires == from->expires)
            return;
        id = standard;
        if (n > 1) {
            char *text = work_alloc(work, RELIEF_ID_BYTES_MAX);
            id = (struct relief_str){
                text, (uint32_t)snprintf(text, RELIEF_ID_BYTES_MAX, "%.*s.%u", (int)standard.len, standard.data, n)};
        }
    }
}

static void enter_lot(struct core_work *work, const struct relief_dispatch *leg, const struct relief_lot *from,
                      int64_t units)
{
    struct relief_lot lot;
    find_lot(work, leg, from, &lot);
    lot.quantity += units;
    work_put(work, RELIEF_TABLE_lot, &lot);
}

static void enter_stock(struct core_work *work, const struct relief_dispatch *leg, int64_t units)
{
    const struct relief_leg_lot *lots = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count && units > 0; i++) {
        int64_t part = lots[i].quantity < units ? lots[i].quantity : units;
        struct relief_lot from;
        bool there = work_lot(work, leg->donor, leg->kind, lots[i].lot, &from);
        assert(there);
        (void)there;
        enter_lot(work, leg, &from, part);
        units -= part;
    }
    wake_pair(work, leg->requester, leg->kind);
}

static int check_receive(struct core_work *work, const struct relief_dispatch *leg,
                         const struct relief_dispatch_receive_params *params)
{
    if (params->accepted + params->rejected + params->missing != leg->sent) /* each at most 10^15 */
        return work_bad_params(work, "accepted", "accepted, rejected and missing do not make up the %lld sent",
                               (long long)leg->sent);
    if ((params->rejected || params->missing) && !params->reason.data)
        return work_bad_params(work, "reason", "say why units were rejected or missing");
    if (leg->assets.count && params->accepted && params->accepted != leg->sent)
        return work_bad_params(work, "accepted", "assets are accepted all or none");
    return 0;
}

/* Assets: on loan with their operators, or the requester's own now, or home again damaged and lost. */
static void crew_receipt(struct core_work *work, const struct leg_of *of, bool loan)
{
    const struct relief_dispatch *leg = &of->leg;
    if (!loan && leg->accepted) {
        crew_home(work, leg->assets, 0, leg->assets.count, RELIEF_NIL, leg->requester);
    } else if (!loan) {
        crew_home(work, leg->assets, 0, (uint32_t)leg->rejected, RELIEF_condition_damaged, RELIEF_STR_NONE);
        crew_home(work, leg->assets, (uint32_t)leg->rejected, (uint32_t)leg->missing, RELIEF_condition_lost,
                  RELIEF_STR_NONE);
    }
    crew_books(work, leg, -1, loan);
    if (!loan)
        crew_home(work, leg->operators, 0, leg->operators.count, RELIEF_NIL, RELIEF_STR_NONE);
    leg_books(work, leg, (struct books){.in_transit = -leg->sent, .on_loan = loan ? leg->accepted : 0});
}

/* The books of both sides: what was on the road is issued, on loan, in the requester's lots, written off or lost. */
static void book_receipt(struct core_work *work, const struct leg_of *of, bool loan)
{
    const struct relief_dispatch *leg = &of->leg;
    if (leg->assets.count) {
        crew_receipt(work, of, loan);
        return;
    }
    leg_books(work, leg,
              (struct books){.in_transit = -leg->sent,
                             .on_loan = loan ? leg->accepted : 0,
                             .lost = leg->missing,
                             .written_off = leg->rejected});
    if (of->request.purpose == RELIEF_purpose_stock)
        enter_stock(work, leg, leg->accepted);
    else if (!loan && leg->accepted)
        stock_issued(work, leg->requester, leg->kind, leg->accepted);
}

int core_apply_dispatch_receive(struct core_work *work, const struct relief_dispatch_receive_params *params)
{
    struct leg_of of;
    struct relief_kind kind;
    int64_t covers;
    bool loan;
    int error = step_begin(work, params->id, STEP_receive, &of);
    if (!error)
        error = check_receive(work, &of.leg, params);
    if (error)
        return error;
    of.leg.accepted = params->accepted;
    of.leg.rejected = params->rejected;
    of.leg.missing = params->missing;
    if (params->reason.data)
        of.leg.reason = params->reason;
    loan = of.request.purpose == RELIEF_purpose_use && params->accepted > 0 && work_kind(work, of.leg.kind, &kind) &&
           (kind.returnable || of.leg.assets.count);
    book_receipt(work, &of, loan);
    covers = params->accepted / of.leg.give * of.leg.for_;
    leg_uncover(&of.request, of.leg.covers - covers);
    of.request.received += covers;
    of.leg.covers = covers;
    leg_enter(&of.leg, RELIEF_dispatch_state_received, work->now);
    leg_enter(&of.leg, loan ? RELIEF_dispatch_state_in_use : RELIEF_dispatch_state_closed, work->now);
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, true);
}

int core_apply_dispatch_lost(struct core_work *work, const struct relief_dispatch_lost_params *params)
{
    struct leg_of of;
    int error = step_begin(work, params->id, STEP_lost, &of);
    if (error)
        return error;
    leg_books(work, &of.leg, (struct books){.in_transit = -of.leg.sent, .lost = of.leg.assets.count ? 0 : of.leg.sent});
    crew_books(work, &of.leg, -1, 0);
    crew_home(work, of.leg.assets, 0, of.leg.assets.count, RELIEF_condition_lost, RELIEF_STR_NONE);
    crew_home(work, of.leg.operators, 0, of.leg.operators.count, RELIEF_condition_lost, RELIEF_STR_NONE);
    leg_uncover(&of.request, of.leg.covers);
    of.leg.covers = 0;
    of.leg.reason = params->reason;
    leg_enter(&of.leg, RELIEF_dispatch_state_lost, work->now);
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, true);
}
