/*
 * What a plan relies on, as hashes (fine print 61): equal before and after means that planning again would look at the
 * same; anything else is STALE. The plan takes them from its snapshot, its application from the state. There are four,
 * cut short, so that a refusal can say what kind of thing changed; that somebody could find two worlds with the same
 * ones does no harm, because legs are made by the rules whatever a plan says.
 *
 * In it: the requests with their legs' states, and for each of their kinds, substitutes and operator kinds every
 * holder's available units, floor and mode, its agreements in force; the links into the cities that get something,
 * the tree of regions, the estimate of travel, the incidents. Lots and assets are in it only by what is available: that
 * a team's certificate ends or a lot is renamed does not matter until a leg can't be made, and then it is STALE too.
 * Names, reasons, people do not matter.
 */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include "core/plan_inside.h"

struct relies {
    struct core_work *work; /* what stays: kinds, and places in scans */
    const struct core_plan_scope *scope;
    crypto_generichash_state *state[PLAN_RELIES_PARTS];
    enum plan_relies_part part; /* what goes in now */
    struct plan_kinds kinds;
};

/* ---- what goes in: numbers of 8 bytes, texts with their length ---- */

static void add_number(struct relies *relies, int64_t number)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    (void)crypto_generichash_update(relies->state[relies->part], bytes, sizeof bytes);
}

static void add_text(struct relies *relies, struct relief_str text)
{
    add_number(relies, text.data ? (int64_t)text.len : -1);
    if (text.len)
        (void)crypto_generichash_update(relies->state[relies->part], (const unsigned char *)text.data, text.len);
}

static void add_ids(struct relies *relies, struct relief_list ids)
{
    const struct relief_str *items = ids.items;
    add_number(relies, ids.present ? (int64_t)ids.count : -1);
    for (uint32_t i = 0; i < ids.count; i++)
        add_text(relies, items[i]);
}

/* ---- the parts ---- */

static void add_regions(struct relies *relies)
{
    struct core_work work = plan_glance(relies->work);
    struct relief_travel travel = {.id = RELIEF_STR("travel")};
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    if (work_find(&work, RELIEF_TABLE_travel, &travel)) {
        add_number(relies, travel.permille);
        add_number(relies, travel.km_per_hour);
    }
    core_key_table(&prefix, RELIEF_TABLE_region);
    work.view->ops->scan(work.view, &cursor, &prefix, NULL);
    while (work.view->ops->next(work.view, &cursor, &key, &value)) {
        struct relief_region region;
        work = plan_glance(relies->work);
        work_decode(&work, RELIEF_TABLE_region, value, &region);
        add_text(relies, region.id);
        add_text(relies, region.parent);
        add_number(relies, region.neighbour_minutes);
        add_number(relies, region.agreement);
    }
}

static void add_taker(struct relies *relies, const struct core_plan_taker *taker)
{
    struct core_work work = plan_glance(relies->work);
    const struct relief_request *request = &taker->request;
    const struct relief_dispatch *legs = request_legs(&work, request);
    struct relief_incident incident = {.id = request->incident};
    add_text(relies, request->id);
    add_text(relies, request->city);
    add_text(relies, request->kind);
    add_number(relies, taker->want);
    add_number(relies, taker->coming);
    add_number(relies, request->priority);
    add_number(relies, request->needed_by);
    add_number(relies, request->open);
    add_number(relies, request->state);
    add_number(relies, request->own_first);
    add_number(relies, request->substitutes);
    add_number(relies, request->min_level);
    add_ids(relies, request->excluded);
    for (uint32_t i = 0; i < request->dispatches.count; i++) {
        add_number(relies, legs[i].state);
        add_number(relies, legs[i].quantity);
    }
    if (request->incident.data && work_find(&work, RELIEF_TABLE_incident, &incident)) {
        add_text(relies, incident.origin);
        add_ids(relies, incident.affected);
        add_ids(relies, incident.donating);
    }
}

static void add_links(struct relies *relies, struct relief_str city)
{
    struct core_work work = plan_glance(relies->work);
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_link link = {.to = city};
    struct relief_city record;
    if (work_city(&work, city, &record)) {
        add_text(relies, record.region);
        add_number(relies, record.lat);
        add_number(relies, record.lon);
        add_number(relies, record.mode);
    }
    work_scan(&work, &cursor, &prefix, CORE_KEY_LINK_IN, city, RELIEF_STR_NONE);
    while (work_scan_next(&work, &cursor, &prefix, &link.from)) {
        link.to = city; /* what is found overwrites all of it */
        if (!work_find(&work, RELIEF_TABLE_link, &link))
            continue;
        add_text(relies, link.from);
        add_number(relies, link.open ? link.minutes : -1);
    }
}

static void add_agreements(struct relies *relies, struct core_work *work, struct relief_str donor)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_agreement agreement;
    work_scan(work, &cursor, &prefix, CORE_KEY_BY_DONOR, donor, RELIEF_STR_NONE);
    while (work_scan_next(work, &cursor, &prefix, &agreement.id)) {
        if (!work_find(work, RELIEF_TABLE_agreement, &agreement) || agreement.ended != RELIEF_NIL ||
            (agreement.from != RELIEF_NIL && agreement.from > work->now) ||
            (agreement.until != RELIEF_NIL && agreement.until <= work->now))
            continue;
        add_text(relies, agreement.id);
        add_text(relies, agreement.requester);
        add_text(relies, agreement.region);
        add_ids(relies, agreement.kinds);
        add_number(relies, agreement.share_percent);
        add_number(relies, agreement.commit);
    }
}

/* A quarter of the arena is left to what comes after. Kinds and the codes of their holders hardly ever take that much.
 */
static bool has_room(const struct relies *relies)
{
    const struct relief_arena *arena = relies->work->arena;
    return arena->used <= arena->bound / 4 * 3;
}

/* ---- kinds: those of the takers, and what can stand in for them or must come along ---- */

static void want_kind(struct relies *relies, struct relief_str kind)
{
    bool kept = plan_kinds_add(&relies->kinds, relies->work->arena, kind);
    assert(kept); /* has_room was asked */
    (void)kept;
}

static void add_holder(struct relies *relies, struct core_work *work, const struct relief_kind *kind,
                       const struct relief_city *city)
{
    struct holding holding;
    if (relies->scope->rebalance && relies->scope->region.data &&
        !region_within(work, city->region, relies->scope->region))
        return; /* it is not asked */
    stock_holding(work, city, kind, &holding);
    if (relies->scope->rebalance)
        add_number(relies, plan_spare(work, relies->scope, city->code, kind));
    add_text(relies, city->code);
    add_text(relies, city->region);
    add_number(relies, city->lat);
    add_number(relies, city->lon);
    add_number(relies, city->mode);
    add_number(relies, holding.available);
    add_number(relies, holding.floor);
    for (uint32_t i = 0; i < holding.asset_count; i++)
        if (holding.assets[i].operator_.data)
            want_kind(relies, holding.assets[i].operator_);
    relies->part = PLAN_RELIES_AGREEMENTS;
    add_agreements(relies, work, city->code);
    relies->part = PLAN_RELIES_STOCK;
}

static void add_kind(struct relies *relies, struct relief_str code)
{
    struct core_work *work = relies->work;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str holder;
    struct relief_kind kind;
    const struct relief_substitute *substitutes;
    add_text(relies, code);
    if (!work_kind(work, code, &kind))
        return;
    substitutes = kind.substitutes.items;
    add_number(relies, kind.min_life_days);
    for (uint32_t i = 0; i < kind.substitutes.count; i++) {
        want_kind(relies, substitutes[i].kind);
        add_number(relies, substitutes[i].give);
        add_number(relies, substitutes[i].for_);
    }
    if (kind.operator_.data)
        want_kind(relies, kind.operator_);
    work_scan(work, &cursor, &prefix, CORE_KEY_HOLDER, code, RELIEF_STR_NONE);
    while (work_scan_next(work, &cursor, &prefix, &holder)) {
        struct core_work glance = plan_glance(work);
        struct relief_city city;
        if (work_city(&glance, holder, &city))
            add_holder(relies, &glance, &kind, &city);
        if (!has_room(relies))
            return;
    }
}

void plan_hash_hex(const uint8_t hash[32], char ret_hex[65])
{
    for (unsigned i = 0; i < 32; i++)
        snprintf(ret_hex + (size_t)2 * i, 3, "%02x", hash[i]);
}

int plan_relies(struct core_work *work, const struct core_plan_scope *scope, const struct plan_needs *needs,
                char ret_hex[65], struct relief_refusal *refusal)
{
    /* libsodium's states want to stand on multiples of 64. */
    enum { STATE = (sizeof(crypto_generichash_state) + 63) / 64 * 64 };
    unsigned char room[PLAN_RELIES_PARTS * STATE + 63];
    unsigned char *states = (unsigned char *)(((uintptr_t)room + 63) & ~(uintptr_t)63);
    struct relies relies = {.work = work, .scope = scope};
    const struct relief_str *kinds = needs->kinds.items;
    for (unsigned i = 0; i < PLAN_RELIES_PARTS; i++) {
        relies.state[i] = (crypto_generichash_state *)(void *)(states + (size_t)i * STATE);
        (void)crypto_generichash_init(relies.state[i], NULL, 0, 32);
    }
    relies.part = PLAN_RELIES_WAYS;
    add_regions(&relies);
    for (uint32_t i = 0; i < needs->count; i++) {
        relies.part = PLAN_RELIES_REQUESTS;
        add_taker(&relies, &needs->takers[i]);
        relies.part = PLAN_RELIES_WAYS;
        if (i == 0 || !relief_str_eq(needs->takers[i - 1].request.city, needs->takers[i].request.city))
            add_links(&relies, needs->takers[i].request.city);
    }
    relies.part = PLAN_RELIES_STOCK;
    add_number(&relies, scope->rebalance);
    for (uint32_t i = 0; i < needs->kinds.count; i++)
        want_kind(&relies, kinds[i]);
    for (uint32_t i = 0; i < relies.kinds.count && has_room(&relies); i++) /* grows on the way */
        add_kind(&relies, relies.kinds.items[i]);
    for (unsigned i = 0; i < PLAN_RELIES_PARTS; i++) {
        uint8_t hash[32];
        char hex[65];
        (void)crypto_generichash_final(relies.state[i], hash, sizeof hash);
        plan_hash_hex(hash, hex);
        memcpy(ret_hex + (size_t)i * PLAN_RELIES_DIGITS, hex, PLAN_RELIES_DIGITS);
    }
    ret_hex[PLAN_RELIES_PARTS * PLAN_RELIES_DIGITS] = '\0';
    return has_room(&relies) ? 0 : plan_too_large(refusal);
}
