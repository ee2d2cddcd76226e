/*
 * What a plan says of itself: its legs, per request what it gets and why not more, the measures that practitioners
 * compare plans by, and the digest by which apply knows that nobody changed it.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include "core/plan_inside.h"

#define SOON_DAYS 30

__extension__ typedef __int128 wide;

static int64_t clamp(wide value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* ---- legs ---- */

void plan_note_leg(struct core_plan *plan, const struct core_plan_taker *taker, const struct plan_leg *leg)
{
    if (plan->leg_count == plan->leg_cap) {
        uint32_t cap = plan->leg_cap ? 2 * plan->leg_cap : 256;
        struct relief_plan_leg *legs = plan_alloc(plan, &plan->arena, cap, sizeof *legs);
        if (!legs)
            return; /* the plan is full: core_plan_body says so */
        if (plan->leg_count)
            memcpy(legs, plan->legs, plan->leg_count * sizeof *legs);
        plan->legs = legs;
        plan->leg_cap = cap;
    }
    plan->legs[plan->leg_count++] = (struct relief_plan_leg){.request = taker->request.id,
                                                             .donor = relief_arena_str(&plan->arena, leg->donor),
                                                             .requester = taker->request.city,
                                                             .kind = relief_arena_str(&plan->arena, leg->kind),
                                                             .quantity = leg->quantity,
                                                             .covers = leg->covers,
                                                             .minutes = leg->minutes};
}

/* ---- measures ---- */

struct measure {
    struct relief_plan_measures *ret;
    wide unit_minutes, covered;
    struct relief_str *donors; /* of every leg */
    uint32_t donor_count, donor_cap;
};

static bool str_before(const void *a, const void *b)
{
    return relief_str_cmp(*(const struct relief_str *)a, *(const struct relief_str *)b) < 0;
}

static bool rate_before(const void *a, const void *b)
{
    return *(const int64_t *)a < *(const int64_t *)b;
}

static void note_donor(struct core_work *keep, struct measure *measure, struct relief_str donor)
{
    if (measure->donor_count == measure->donor_cap) {
        uint32_t cap = measure->donor_cap ? 2 * measure->donor_cap : 256;
        struct relief_str *donors = work_alloc(keep, cap * sizeof *donors);
        if (measure->donor_count)
            memcpy(donors, measure->donors, measure->donor_count * sizeof *donors);
        measure->donors = donors;
        measure->donor_cap = cap;
    }
    measure->donors[measure->donor_count++] = work_str(keep, donor);
}

/* The request's legs that have not left, as they stand in the plan's state. Returns units covered. */
static int64_t measure_legs(struct core_work *keep, const struct core_plan_taker *taker, struct measure *measure)
{
    struct core_work glance = plan_glance(keep);
    struct relief_request request;
    const struct relief_dispatch *legs;
    int64_t covered = 0;
    if (!taker->request.id.data || !work_request(&glance, taker->request.id, &request))
        return 0;
    legs = request_legs(&glance, &request);
    for (uint32_t i = 0; i < request.dispatches.count; i++) {
        if (!leg_waits(&legs[i]))
            continue;
        covered += legs[i].covers;
        measure->unit_minutes += (wide)legs[i].quantity * legs[i].minutes;
        measure->ret->legs++;
        note_donor(keep, measure, legs[i].donor);
    }
    return covered;
}

/* Free units that will expire soon, with whoever holds the kinds of the plan. */
static int64_t expiring(struct core_plan *plan)
{
    int64_t sum = 0, soon = plan->now + SOON_DAYS * RELIEF_DAY_MS;
    for (uint32_t i = 0; i < plan->kind_count; i++) {
        struct core_cursor cursor;
        struct core_key prefix;
        struct relief_str code;
        struct core_work scan = plan_work(plan, &plan->arena);
        work_scan(&scan, &cursor, &prefix, CORE_KEY_HOLDER, plan->kinds[i], RELIEF_STR_NONE);
        while (work_scan_next(&scan, &cursor, &prefix, &code)) {
            relief_arena_reset(&plan->core->scratch);
            struct core_work work = plan_work(plan, &plan->core->scratch);
            struct relief_city city;
            struct relief_kind kind;
            struct holding holding;
            if (!work_city(&work, code, &city) || !work_kind(&work, plan->kinds[i], &kind))
                continue;
            stock_holding(&work, &city, &kind, &holding);
            for (uint32_t j = 0; j < holding.count; j++) {
                const struct relief_lot *lot = &holding.lots[j];
                if (stock_lot_usable(lot, plan->now) && lot->expires != RELIEF_NIL && lot->expires <= soon)
                    sum += lot->quantity - lot->held - lot->reserved;
            }
        }
    }
    return sum;
}

/* Gini of sorted rates: sum over i of (2 i - n - 1) rate_i / (n sum of rates), i from 1. */
static int64_t gini(const int64_t *rates, uint32_t count)
{
    wide weighted = 0, sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        weighted += (2 * (wide)(i + 1) - count - 1) * rates[i];
        sum += rates[i];
    }
    return sum ? (int64_t)(weighted * 1000 / (sum * count)) : 0;
}

void plan_measure(struct core_plan *plan, const char *of, struct relief_plan_measures *ret)
{
    struct core_work keep = plan_work(plan, &plan->arena);
    struct measure measure = {.ret = ret};
    int64_t *rates = work_alloc(&keep, (plan->taker_count + 1) * sizeof *rates), sum = 0;
    struct relief_str *donors;
    relief_shape_clear(&relief_shape_plan_measures, ret);
    ret->of = relief_str_of(of);
    ret->worst_permille = 1000;
    ret->legs = ret->at_zero = ret->donors = 0;
    for (uint32_t i = 0; i < plan->taker_count && plan_has_room(plan); i++) {
        int64_t covered = measure_legs(&keep, &plan->takers[i], &measure);
        rates[i] = plan->takers[i].want ? (int64_t)((wide)covered * 1000 / plan->takers[i].want) : 1000;
        sum += rates[i];
        measure.covered += covered;
        ret->at_zero += covered == 0 && plan->takers[i].want > 0;
        if (rates[i] < ret->worst_permille)
            ret->worst_permille = rates[i];
    }
    if (plan->full)
        return;
    rates = work_sort(&keep, rates, plan->taker_count, sizeof *rates, rate_before);
    donors = work_sort(&keep, measure.donors, measure.donor_count, sizeof *donors, str_before);
    for (uint32_t i = 0; i < measure.donor_count; i++)
        ret->donors += i == 0 || !relief_str_eq(donors[i - 1], donors[i]);
    ret->mean_permille = plan->taker_count ? sum / plan->taker_count : 1000;
    ret->gini_permille = gini(rates, plan->taker_count);
    ret->unit_minutes = clamp(measure.unit_minutes);
    ret->covered = clamp(measure.covered);
    ret->expiring = expiring(plan);
}

/* ---- why not more ---- */

static const char *const why_texts[RELIEF_why_COUNT] = {
    [RELIEF_why_excluded] = "declined, reneged or let the question lapse before",
    [RELIEF_why_affected] = "affected by the same incident",
    [RELIEF_why_no_link] = "no open way, or beyond all regions above the requester",
    [RELIEF_why_too_late] = "can't arrive in time",
    [RELIEF_why_no_agreement] = "no agreement in force",
    [RELIEF_why_level] = "too weak a level",
    [RELIEF_why_condition] = "not ready",
    [RELIEF_why_rest] = "resting",
    [RELIEF_why_certificate] = "a certificate ends before the arrival",
    [RELIEF_why_operator] = "no operator free",
    [RELIEF_why_life] = "would not live long enough",
    [RELIEF_why_nothing_available] = "nothing above floor and share",
};

static void add_reason(struct core_work *work, struct relief_list *reasons, const char *text)
{
    *reasons = work_ids_with(work, *reasons, work_str(work, relief_str_of(text)));
}

/* What those who can give do with it. */
static void add_could(struct core_plan *plan, struct core_work *work, uint32_t could, struct relief_list *reasons)
{
    char text[160];
    snprintf(text, sizeof text, "%u %s can give: %s", could, could == 1 ? "city" : "cities",
             plan->scope.policy == RELIEF_policy_equal
                 ? "more would be more than the common rate, or goes to others or is used up"
                 : "what may reach it goes to others or is used up");
    add_reason(work, reasons, text);
}

static void add_reasons(struct core_plan *plan, struct core_work *work, const struct core_plan_taker *taker,
                        struct relief_list *reasons)
{
    char text[160];
    bool any = false;
    if (taker->coming) {
        snprintf(text, sizeof text, "%lld %s: legs that were made before and have not left bring them",
                 (long long)taker->coming, taker->coming == 1 ? "unit" : "units");
        add_reason(work, reasons, text);
    }
    if (taker->got == taker->want)
        return;
    for (unsigned i = 0; i < RELIEF_why_COUNT; i++) {
        if (!taker->reasons[i])
            continue;
        snprintf(text, sizeof text, "%u %s: %s", taker->reasons[i], taker->reasons[i] == 1 ? "city" : "cities",
                 why_texts[i]);
        add_reason(work, reasons, text);
        any = true;
    }
    if (taker->could)
        add_could(plan, work, taker->could, reasons);
    else if (!taker->looked)
        add_reason(work, reasons, "what may reach it goes to others or is used up");
    else if (!any)
        add_reason(work, reasons, "no other city has any");
}

/* ---- the whole ---- */

static void fill_requests(struct core_plan *plan, struct core_work *work, struct relief_plan *ret)
{
    struct relief_plan_request *requests = work_alloc(work, (plan->taker_count + 1) * sizeof *requests);
    wide covered = 0;
    for (uint32_t i = 0; i < plan->taker_count && plan_has_room(plan); i++) {
        const struct core_plan_taker *taker = &plan->takers[i];
        requests[i] = (struct relief_plan_request){.id = plan->scope.rebalance ? RELIEF_STR_NONE : taker->request.id,
                                                   .city = taker->request.city,
                                                   .kind = taker->request.kind,
                                                   .quantity = taker->want + taker->coming,
                                                   .covered = taker->got,
                                                   .reasons = {work_alloc(work, 1), 0, 1}};
        add_reasons(plan, work, taker, &requests[i].reasons);
        covered += taker->got;
    }
    ret->requests = (struct relief_list){requests, plan->taker_count, 1};
    ret->covered = clamp(covered);
}

int core_plan_body(struct core_plan *plan, struct relief_plan *ret, struct relief_refusal *refusal)
{
    struct core_work work = plan_work(plan, &plan->arena);
    struct relief_plan_measures *measures;
    if (!plan_has_room(plan))
        return plan_too_large(refusal);
    if (plan->leg_count > RELIEF_PLAN_LEGS_MAX)
        return relief_refuse(refusal, RELIEF_TOO_MANY, "the plan has more than %u legs: name a region or kinds",
                             RELIEF_PLAN_LEGS_MAX);
    relief_shape_clear(&relief_shape_plan, ret);
    ret->policy = plan->scope.policy;
    ret->time = plan->now;
    ret->goal = plan->scope.rebalance ? plan->scope.goal : RELIEF_NIL;
    if (plan->scope.rebalance) {
        ret->region = plan->scope.region;
        ret->kinds = plan->scope.kinds;
        ret->max_minutes = plan->scope.max_minutes;
        for (uint32_t i = 0; i < plan->leg_count; i++)
            plan->legs[i].request = RELIEF_STR_NONE;
    }
    ret->legs = (struct relief_list){plan->legs ? (void *)plan->legs : work_alloc(&work, 1), plan->leg_count, 1};
    fill_requests(plan, &work, ret);
    measures = work_alloc(&work, 2 * sizeof *measures);
    measures[0] = plan->before;
    plan_measure(plan, "after", &measures[1]);
    ret->measures = (struct relief_list){measures, 2, 1};
    ret->unit_minutes = measures[1].unit_minutes;
    ret->relies = relief_str_of(plan->relies);
    return plan_has_room(plan) ? 0 : plan_too_large(refusal);
}

int core_plan_digest(struct relief_plan *body, struct relief_arena *arena, char ret_hex[65])
{
    struct relief_plan plain = *body;
    const struct relief_plan_leg *legs = body->legs.items;
    struct relief_plan_leg *bare = relief_arena_alloc(arena, body->legs.count * sizeof *bare + 1);
    struct relief_buf buf = RELIEF_BUF_INIT;
    uint8_t hash[32];
    if (!bare)
        return -ENOMEM;
    for (uint32_t i = 0; i < body->legs.count; i++) {
        bare[i] = legs[i];
        bare[i].dispatch = RELIEF_STR_NONE;
    }
    plain.legs.items = bare;
    plain.digest = RELIEF_STR_NONE;
    relief_record_encode(&buf, &relief_shape_plan, &plain);
    bool failed = buf.failed;
    if (!failed)
        (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)buf.data, buf.len, NULL, 0);
    relief_buf_deinit(&buf);
    if (failed)
        return -ENOMEM;
    plan_hash_hex(hash, ret_hex);
    return 0;
}
