/*
 * Legs: making them from a plan, ending them, and what that does to lots and to the request (DESIGN 5, fine print 34 to
 * 40).
 *
 * For every request quantity = covered + open + shortfall. While it is live, units that a leg no longer covers are open
 * again; once it is closed they are given up.
 */
#include "core/work.h"
#include <assert.h>
#include <string.h>

/* ---- the request's side ---- */

void leg_uncover(struct relief_request *request, int64_t units)
{
    assert(units <= request->covered);
    request->covered -= units;
    if (request_live(request))
        request->open += units;
    else
        request->shortfall += units;
}

void leg_exclude(struct core_work *work, struct relief_request *request, struct relief_str donor)
{
    if (!ids_have(request->excluded, donor))
        request->excluded = work_ids_with(work, request->excluded, donor);
}

void leg_request_put(struct core_work *work, struct relief_request *request)
{
    assert(request->quantity == request->covered + request->open + request->shortfall);
    assert(request->covered >= 0 && request->open >= 0 && request->shortfall >= 0 &&
           request->received + request->asked <= request->covered && request->asked >= 0);
    if (request_live(request)) {
        if (request->received == request->quantity)
            request->state = RELIEF_request_state_filled;
        else if (request->covered == 0)
            request->state = RELIEF_request_state_open;
        else
            request->state = request->open ? RELIEF_request_state_partial : RELIEF_request_state_covered;
    }
    work_put(work, RELIEF_TABLE_request, request);
}

struct relief_dispatch *request_legs(struct core_work *work, const struct relief_request *request)
{
    const struct relief_str *ids = request->dispatches.items;
    struct relief_dispatch *legs = work_alloc(work, request->dispatches.count * sizeof *legs);
    for (uint32_t i = 0; i < request->dispatches.count; i++) {
        bool there = work_dispatch(work, ids[i], &legs[i]);
        assert(there);
        (void)there;
    }
    return legs;
}

/* ---- the leg itself ---- */

bool leg_waits(const struct relief_dispatch *leg)
{
    return leg->state == RELIEF_dispatch_state_asked || leg->state == RELIEF_dispatch_state_committed;
}

/* The time of entering a state stands in `times` under the state's name; both lists have the same words (enums.h,
 * tables.h). */
void leg_enter(struct relief_dispatch *leg, int64_t state, int64_t now)
{
    const char *name = relief_enum_dispatch_state.names[state];
    const struct relief_field *field = relief_shape_find(&relief_shape_times, relief_str_of(name));
    assert(field);
    *relief_field_i64(field, &leg->times) = now;
    leg->state = state;
}

static void book_lots(struct core_work *work, const struct relief_dispatch *leg, enum relief_asset_use before,
                      enum relief_asset_use after)
{
    const struct relief_leg_lot *lots = leg->lots.items;
    int away = (after == RELIEF_asset_use_away) - (before == RELIEF_asset_use_away);
    int held = (after == RELIEF_asset_use_held) - (before == RELIEF_asset_use_held);
    int reserved = (after == RELIEF_asset_use_reserved) - (before == RELIEF_asset_use_reserved);
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        struct relief_lot lot;
        bool there = work_lot(work, leg->donor, leg->kind, lots[i].lot, &lot);
        assert(there);
        (void)there;
        lot.quantity -= away * lots[i].quantity;
        lot.held += held * lots[i].quantity;
        lot.reserved += reserved * lots[i].quantity;
        assert(lot.quantity >= 0 && lot.held >= 0 && lot.reserved >= 0 && lot.held + lot.reserved <= lot.quantity);
        work_put(work, RELIEF_TABLE_lot, &lot);
    }
}

void leg_book(struct core_work *work, const struct relief_dispatch *leg, enum relief_asset_use before,
              enum relief_asset_use after)
{
    book_lots(work, leg, before, after);
    crew_book(work, leg, after);
}

/* The first lots are kept, up to units. */
static void keep_lots(struct core_work *work, struct relief_dispatch *leg, int64_t units)
{
    const struct relief_leg_lot *lots = leg->lots.items;
    struct relief_leg_lot *kept = work_alloc(work, leg->lots.count * sizeof *kept);
    uint32_t count = 0;
    for (uint32_t i = 0; i < leg->lots.count && units > 0; i++) {
        kept[count] = lots[i];
        if (kept[count].quantity > units)
            kept[count].quantity = units;
        units -= kept[count++].quantity;
    }
    leg->lots = (struct relief_list){kept, count, 1};
}

void leg_keep(struct core_work *work, struct relief_dispatch *leg, int64_t units)
{
    leg->quantity = units;
    keep_lots(work, leg, units);
    crew_keep(work, leg, units);
}

void leg_books(struct core_work *work, const struct relief_dispatch *leg, struct books change)
{
    struct relief_account account;
    work_account(work, leg->donor, leg->kind, &account);
    account.in_transit += change.in_transit;
    account.on_loan += change.on_loan;
    account.lost += change.lost;
    account.written_off += change.written_off;
    work_put(work, RELIEF_TABLE_account, &account);
}

static int64_t earlier(int64_t time, int64_t other)
{
    return other == RELIEF_NIL || time <= other ? time : other;
}

static struct relief_str leg_id(struct core_work *work, struct relief_str request, uint32_t n)
{
    char digits[10], *text = work_alloc(work, request.len + 1 + sizeof digits + 1);
    uint32_t count = 0, len = request.len;
    do
        digits[count++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    memcpy(text, request.data, len);
    text[len++] = '/';
    while (count)
        text[len++] = digits[--count];
    text[len] = 0;
    return (struct relief_str){text, len};
}

void leg_make(struct core_work *work, struct relief_request *request, const struct plan_leg *plan)
{
    struct relief_dispatch leg;
    int64_t way = plan->minutes * RELIEF_MINUTE_MS;
    bool asked = plan->commit == RELIEF_commit_ask;
    relief_shape_clear(&relief_shape_dispatch, &leg);
    leg.id = leg_id(work, request->id, request->dispatches.count + 1);
    leg.request = request->id;
    leg.donor = plan->donor;
    leg.requester = request->city;
    leg.kind = plan->kind;
    leg.quantity = plan->quantity;
    leg.lots = plan->lots;
    leg.assets = plan->assets;
    leg.operators = plan->operators;
    leg.lots.present = leg.assets.present = leg.operators.present = 1;
    leg.level = plan->level;
    leg.minutes = plan->minutes;
    leg.depart_by = request->needed_by == RELIEF_NIL ? RELIEF_NIL : request->needed_by - way;
    leg.eta = work->now + way;
    leg.answer_by = asked ? earlier(work->now + plan->answer_minutes * RELIEF_MINUTE_MS, leg.depart_by) : RELIEF_NIL;
    leg.covers = plan->covers;
    leg.give = plan->give;
    leg.for_ = plan->for_;
    leg.agreement = plan->agreement;
    leg.ordered = plan->ordered;
    leg.reason = plan->reason;
    if (plan->ordered)
        leg.ordered_by = work->entry->who.name;
    leg_enter(&leg, asked ? RELIEF_dispatch_state_asked : RELIEF_dispatch_state_committed, work->now);
    leg_book(work, &leg, RELIEF_asset_use_free, asked ? RELIEF_asset_use_held : RELIEF_asset_use_reserved);
    work_put_new(work, RELIEF_TABLE_dispatch, &leg); /* numbered behind all that the request ever had */

    request->dispatches = work_ids_with(work, request->dispatches, leg.id);
    request->covered += plan->covers;
    request->open -= plan->covers;
    request->asked += asked ? plan->covers : 0;
    if (request->level < plan->level)
        request->level = plan->level;
    work->legs_made++;
}

void leg_withdraw(struct core_work *work, struct relief_request *request, struct relief_dispatch *leg, int64_t state,
                  struct relief_str reason, bool exclude)
{
    bool asked = leg->state == RELIEF_dispatch_state_asked;
    leg_book(work, leg, asked ? RELIEF_asset_use_held : RELIEF_asset_use_reserved, RELIEF_asset_use_free);
    leg_uncover(request, leg->covers);
    request->asked -= asked ? leg->covers : 0;
    leg->covers = 0;
    if (reason.data)
        leg->reason = reason;
    leg_enter(leg, state, work->now);
    work_put(work, RELIEF_TABLE_dispatch, leg);
    if (exclude)
        leg_exclude(work, request, leg->donor);
    crew_wake(work, leg->donor, leg->kind);
}
