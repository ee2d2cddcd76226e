/*
 * A superior's order (fine print 48): in an emergency, with a reason, a coordinator over both cities makes a donor
 * give. It is committed at once and ignores agreement, share and floor, the operators' floor too; not holds, life or
 * links, and for assets not rest, condition, level or certificates: what can't go can't be ordered.
 *
 * How the fine print is read where it is silent: the emergency is the requester's mode, whether or not the request
 * names an incident; a donor that the request excludes, or that is affected itself, may be ordered, since an order is
 * what is left when a city has said no, and the superior sees more than the pair.
 */
#include "core/work.h"

struct order {
    struct relief_request request;
    struct relief_city donor;
    struct need need;
    struct plan_leg leg;
};

/* Somebody stands above both. A coordinator of one region has both below it, or no right; one of all regions may look
 * at two trees that nobody joins. */
static int check_superior(struct core_work *work, const struct relief_city *requester, const struct relief_city *donor)
{
    struct relief_str top = requester->region, above;
    int error = rights_coordinator(work, requester->region);
    if (!error)
        error = rights_coordinator(work, donor->region);
    if (error || work->entry->who.role != RELIEF_role_coordinator)
        return error;
    for (int depth = 0; depth < RELIEF_REGION_DEPTH_MAX && (above = region_parent(work, top)).data; depth++)
        top = above;
    return region_within(work, donor->region, top) ? 0 : work_denied(work, "no region holds both cities");
}

static int check_order(struct core_work *work, const struct relief_dispatch_order_params *params, struct order *ret)
{
    int error;
    if (!work_request(work, params->request, &ret->request))
        return work_not_found(work, "request", params->request);
    if (!work_city(work, params->donor, &ret->donor))
        return work_not_found(work, "donor", params->donor);
    match_need(work, &ret->request, &ret->need);
    error = check_superior(work, &ret->need.city, &ret->donor);
    if (!error && !request_live(&ret->request))
        error = work_bad_state(work, relief_enum_request_state.names[ret->request.state], "the request is closed");
    if (!error && ret->need.city.mode != RELIEF_mode_emergency)
        error = work_bad_state(work, "normal", "an order takes a requester in emergency mode");
    if (!error && params->quantity > ret->request.open)
        error = work_bad_params(work, "quantity", "%lld are open", (long long)ret->request.open);
    return error;
}

/* Names lots or assets for the whole quantity, or says how much there is. */
static int pick(struct core_work *work, struct order *order, int64_t quantity)
{
    struct plan_leg *leg = &order->leg;
    const struct relief_kind *kind = &order->need.kind;
    struct holding holding;
    struct crew crew;
    int64_t arrival, there;
    if (!match_place(work, &order->need, order->donor.code, &leg->level, &leg->minutes))
        return work_insufficient(work, 0, "the way from there is closed");
    arrival = work->now + leg->minutes * RELIEF_MINUTE_MS;
    stock_holding(work, &order->donor, kind, &holding);
    if (kind->class_ == RELIEF_class_supply) {
        there = match_free(work, &holding, kind, arrival);
        if (there >= quantity)
            leg->lots = match_pick_lots(work, &holding, kind, arrival, quantity);
    } else {
        const struct crew_want want = {.units = quantity,
                                       .give = 1,
                                       .min_level = order->request.min_level,
                                       .arrival = arrival,
                                       .past_floor = true}; /* the crew's as well as the machine's */
        crew_pick(work, NULL, &order->donor, kind, &holding, &want, &crew);
        there = crew.assets.count;
        leg->assets = crew.assets;
        leg->operators = crew.operators;
    }
    return there < quantity ? work_insufficient(work, there, "not so much is free there") : 0;
}

int core_apply_dispatch_order(struct core_work *work, const struct relief_dispatch_order_params *params)
{
    struct order order = {0};
    struct relief_dispatch leg;
    const struct relief_str *ids;
    int error = check_order(work, params, &order);
    if (!error)
        error = pick(work, &order, params->quantity);
    if (error)
        return error;
    order.leg.donor = params->donor;
    order.leg.kind = order.request.kind;
    order.leg.quantity = order.leg.covers = params->quantity;
    order.leg.give = order.leg.for_ = 1;
    order.leg.commit = RELIEF_commit_auto;
    order.leg.ordered = true;
    order.leg.reason = params->reason;
    leg_make(work, &order.request, &order.leg);
    leg_request_put(work, &order.request);
    ids = order.request.dispatches.items;
    if (work_dispatch(work, ids[order.request.dispatches.count - 1], &leg))
        work_answer_record(work, RELIEF_TABLE_dispatch, &leg);
    return 0;
}
