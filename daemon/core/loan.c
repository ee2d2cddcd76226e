/*
 * Loans: returnable supplies and assets go in_use -> returning -> returned (fine print 52, 54, 55). A loan stays the
 * donor's: its account says on loan, then in transit, then the units are home again.
 */
#include "core/work.h"

int core_apply_dispatch_return(struct core_work *work, const struct relief_dispatch_return_params *params)
{
    struct leg_of of;
    int64_t gone;
    int error = step_begin(work, params->id, STEP_return, &of);
    if (!error && params->quantity > of.leg.accepted)
        error = work_bad_params(work, "quantity", "the loan is %lld", (long long)of.leg.accepted);
    if (error)
        return error;
    gone = of.leg.accepted - params->quantity; /* all of it, when nothing is left to send */
    leg_books(work, &of.leg,
              (struct books){
                  .in_transit = params->quantity, .on_loan = -of.leg.accepted, .lost = of.leg.assets.count ? 0 : gone});
    if (of.leg.assets.count) /* the last pieces are lost */
        crew_home(work, of.leg.assets, (uint32_t)params->quantity, (uint32_t)gone, RELIEF_condition_lost,
                  RELIEF_STR_NONE);
    crew_books(work, &of.leg, 1, -1);
    of.leg.returned = params->quantity;
    leg_enter(&of.leg, RELIEF_dispatch_state_returning, work->now);
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, false);
}

/* Units go back into the leg's lots in order. */
static void into_lots(struct core_work *work, const struct relief_dispatch *leg, int64_t units)
{
    const struct relief_leg_lot *lots = leg->lots.items;
    for (uint32_t i = 0; i < leg->lots.count && units > 0; i++) {
        int64_t part = lots[i].quantity < units ? lots[i].quantity : units;
        struct relief_lot lot;
        if (!work_lot(work, leg->donor, leg->kind, lots[i].lot, &lot))
            continue; /* lots are never removed */
        lot.quantity += part;
        units -= part;
        work_put(work, RELIEF_TABLE_lot, &lot);
    }
}

static void supplies_home(struct core_work *work, const struct relief_dispatch *leg,
                          const struct relief_dispatch_checkin_params *params)
{
    struct books books = {.in_transit = -leg->returned, .lost = leg->returned - params->quantity};
    if (params->condition == RELIEF_condition_damaged)
        books.written_off = params->quantity;
    else if (params->condition == RELIEF_condition_lost)
        books.lost = leg->returned;
    else
        into_lots(work, leg, params->quantity);
    leg_books(work, leg, books);
}

/* They rest after their mission: booked here, so that nobody is sent out again in this very entry. */
static void rest(struct core_work *work, struct relief_list assets, uint32_t count, int64_t until)
{
    const struct relief_str *ids = assets.items;
    for (uint32_t i = 0; i < count && until != RELIEF_NIL; i++) {
        struct relief_asset asset = {.id = ids[i]};
        if (!work_find(work, RELIEF_TABLE_asset, &asset))
            continue; /* assets are never removed */
        asset.rest_until = until;
        work_put(work, RELIEF_TABLE_asset, &asset);
    }
}

static void assets_home(struct core_work *work, const struct relief_dispatch *leg,
                        const struct relief_dispatch_checkin_params *params)
{
    uint32_t came = (uint32_t)params->quantity, missing = (uint32_t)(leg->returned - params->quantity);
    leg_books(work, leg, (struct books){.in_transit = -leg->returned});
    crew_books(work, leg, -1, 0);
    crew_home(work, leg->assets, 0, came, params->condition, RELIEF_STR_NONE);
    crew_home(work, leg->assets, came, missing, RELIEF_condition_lost, RELIEF_STR_NONE);
    crew_home(work, leg->operators, 0, leg->operators.count, RELIEF_NIL, RELIEF_STR_NONE);
    rest(work, leg->assets, came, params->rest_until);
    rest(work, leg->operators, leg->operators.count, params->rest_until);
}

int core_apply_dispatch_checkin(struct core_work *work, const struct relief_dispatch_checkin_params *params)
{
    struct leg_of of;
    int error = step_begin(work, params->id, STEP_checkin, &of);
    if (!error && params->quantity > of.leg.returned)
        error = work_bad_params(work, "quantity", "%lld were returned", (long long)of.leg.returned);
    if (!error && params->rest_until != RELIEF_NIL && !of.leg.assets.count)
        error = work_bad_params(work, "rest_until", "supplies do not rest");
    if (error)
        return error;
    if (of.leg.assets.count)
        assets_home(work, &of.leg, params);
    else
        supplies_home(work, &of.leg, params);
    of.leg.checked_in = params->quantity; /* `returned` goes on telling what the requester sent */
    of.leg.condition = params->condition;
    if (params->condition == RELIEF_NIL && !of.leg.assets.count)
        of.leg.condition = RELIEF_condition_ready; /* assets have one of their own, supplies are usable again */
    leg_enter(&of.leg, RELIEF_dispatch_state_returned, work->now);
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, true);
}

/* A date lies ahead; an extension also doesn't bring it nearer, which is a recall's to do. */
static int set_due(struct core_work *work, struct relief_str id, enum step step, int64_t by, struct relief_str reason)
{
    struct leg_of of;
    int error = step_begin(work, id, step, &of);
    if (!error && by <= work->now)
        error = work_bad_params(work, "by", "that time has passed");
    if (!error && step == STEP_extend && of.leg.due != RELIEF_NIL && by < of.leg.due)
        error = work_bad_params(work, "by", "that is before the date that is set; recall it");
    if (error)
        return error;
    of.leg.due = by;
    if (reason.data)
        of.leg.reason = reason;
    work_put(work, RELIEF_TABLE_dispatch, &of.leg);
    return step_end(work, &of, false);
}

int core_apply_dispatch_recall(struct core_work *work, const struct relief_dispatch_recall_params *params)
{
    return set_due(work, params->id, STEP_recall, params->by, params->reason);
}

int core_apply_dispatch_extend(struct core_work *work, const struct relief_dispatch_extend_params *params)
{
    return set_due(work, params->id, STEP_extend, params->by, params->reason);
}
