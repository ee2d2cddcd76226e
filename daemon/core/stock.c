/*
 * What a city has: lots in the order in which they leave, the numbers of stock.get, and the commands that book units in
 * and out (fine print 26 to 32). Units never appear or vanish outside of the account: each command books both sides.
 */
#include "core/work.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool stock_lot_usable(const struct relief_lot *lot, int64_t now)
{
    return lot->state == RELIEF_lot_state_usable && (lot->expires == RELIEF_NIL || lot->expires > now);
}

int64_t stock_floor_in_force(struct core_work *work, const struct relief_city *city, struct relief_str kind)
{
    struct relief_floor floor = {.city = city->code, .kind = kind};
    if (!work_find(work, RELIEF_TABLE_floor, &floor))
        return 0;
    return city->mode == RELIEF_mode_emergency && floor.emergency_floor != RELIEF_NIL ? floor.emergency_floor
                                                                                      : floor.floor;
}

/* First expired first, lots without a date last, then lot id. */
static bool leaves_before(const void *left, const void *right)
{
    const struct relief_lot *a = left, *b = right;
    int64_t date_a = a->expires == RELIEF_NIL ? INT64_MAX : a->expires;
    int64_t date_b = b->expires == RELIEF_NIL ? INT64_MAX : b->expires;
    return date_a != date_b ? date_a < date_b : relief_str_cmp(a->lot, b->lot) < 0;
}

void stock_lots_prefix(struct core_key *ret, struct relief_str city, struct relief_str kind)
{
    core_key_table(ret, RELIEF_TABLE_lot);
    core_key_str(ret, city);
    core_key_str(ret, kind);
}

static struct relief_lot *add_lot(struct core_work *work, struct holding *holding, uint32_t *cap)
{
    if (holding->count == *cap) {
        *cap = *cap ? *cap * 2 : 4;
        struct relief_lot *lots = work_alloc(work, *cap * sizeof *lots);
        if (holding->count)
            memcpy(lots, holding->lots, holding->count * sizeof *lots);
        holding->lots = lots;
    }
    return &holding->lots[holding->count++];
}

static void scan_lots(struct core_work *work, const struct core_key *prefix, struct holding *ret)
{
    struct core_cursor cursor;
    struct relief_str key, value;
    char ids[CORE_LIST_BYTES];
    uint32_t cap = 0, len = 0;
    work->view->ops->scan(work->view, &cursor, prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t more = key.len - prefix->len;
        if (len + more <= sizeof ids)
            memcpy(ids + len, key.data + prefix->len, more);
        len += more;
        work_decode(work, RELIEF_TABLE_lot, value, add_lot(work, ret, &cap));
    }
    if (work->reader && len <= sizeof ids)
        core_lists_note(&work->core->memo.lists, prefix, (struct relief_str){ids, len});
}

static void read_lots(struct core_work *work, struct relief_str city, struct relief_str kind, struct holding *ret)
{
    struct core_key prefix;
    struct relief_str ids;
    uint32_t cap = 0, at = 0;
    stock_lots_prefix(&prefix, city, kind);
    if (work->reader && core_lists_find(&work->core->memo.lists, &prefix, &ids)) {
        for (ids = work_str(work, ids); at < ids.len;) {
            struct relief_str id = core_key_take_str(ids, &at);
            bool there = work_lot(work, city, kind, id, add_lot(work, ret, &cap));
            assert(there); /* the list is forgotten when one of them goes */
            (void)there;
        }
    } else {
        scan_lots(work, &prefix, ret);
    }
    ret->lots = work_sort(work, ret->lots, ret->count, sizeof *ret->lots, leaves_before);
}

void stock_holding(struct core_work *work, const struct relief_city *city, const struct relief_kind *kind,
                   struct holding *ret)
{
    *ret = (struct holding){0};
    if (kind->class_ == RELIEF_class_supply)
        read_lots(work, city->code, kind->code, ret);
    else
        asset_holding(work, city->code, kind->code, ret);
    for (uint32_t i = 0; i < ret->count; i++) {
        const struct relief_lot *lot = &ret->lots[i];
        ret->on_hand += lot->quantity;
        ret->held += lot->held;
        ret->reserved += lot->reserved;
        if (!stock_lot_usable(lot, work->now))
            ret->unusable += lot->quantity;
    }
    ret->floor = stock_floor_in_force(work, city, kind->code);
    ret->available = ret->on_hand - ret->unusable - ret->held - ret->reserved - ret->floor;
    if (ret->available < 0)
        ret->available = 0;
}

int64_t stock_moving(struct core_work *work, struct relief_str city, struct relief_str kind, uint8_t side)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    int64_t sum = 0, units;
    core_key_start(&prefix, CORE_KEY_MOVING);
    core_key_str(&prefix, city);
    core_key_str(&prefix, kind);
    core_key_u8(&prefix, side);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        memcpy(&units, value.data, sizeof units);
        sum += units;
    }
    return sum;
}

static void show(struct core_work *work, const struct relief_city *city, const struct relief_kind *kind,
                 struct relief_stock *ret)
{
    struct holding holding;
    struct relief_account account;
    struct relief_stock_lot *lots;
    uint32_t shown = 0;
    stock_holding(work, city, kind, &holding);
    work_account(work, city->code, kind->code, &account);
    lots = work_alloc(work, holding.count * sizeof *lots);
    for (uint32_t i = 0; i < holding.count; i++) {
        const struct relief_lot *lot = &holding.lots[i];
        if (lot->quantity)
            lots[shown++] =
                (struct relief_stock_lot){lot->lot, lot->quantity, lot->expires, lot->state, lot->held, lot->reserved};
    }
    *ret = (struct relief_stock){.city = city->code,
                                 .kind = kind->code,
                                 .on_hand = holding.on_hand,
                                 .unusable = holding.unusable,
                                 .held = holding.held,
                                 .reserved = holding.reserved,
                                 .in_transit_in = stock_moving(work, city->code, kind->code, 1),
                                 .in_transit_out = stock_moving(work, city->code, kind->code, 0),
                                 .floor = holding.floor,
                                 .available = holding.available,
                                 .lots = {lots, shown, 1},
                                 .as_of = account.as_of};
}

void core_stock(struct core *core, int64_t time, struct relief_str city_code, struct relief_str kind,
                struct relief_arena *arena, struct relief_stock *ret)
{
    struct core_work work = {.core = core, .view = core->view, .arena = arena, .now = time};
    struct relief_city city;
    struct relief_kind record;
    if (!work_city(&work, city_code, &city))
        city = (struct relief_city){.code = city_code};
    if (!work_kind(&work, kind, &record))
        record = (struct relief_kind){.code = kind};
    show(&work, &city, &record, ret);
}

void stock_answer_later(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_str lot)
{
    work->stock_answer.wanted = true;
    work->stock_answer.city = city;
    work->stock_answer.kind = kind;
    work->stock_answer.lot = lot;
}

void stock_answer_now(struct core_work *work)
{
    struct relief_stock *answer = work_alloc(work, sizeof *answer);
    struct relief_city city;
    struct relief_kind kind;
    if (!work_city(work, work->stock_answer.city, &city) || !work_kind(work, work->stock_answer.kind, &kind))
        return;
    show(work, &city, &kind, answer);
    answer->lot = work->stock_answer.lot;
    work_answer(work, &relief_shape_stock, answer);
}

/* ---- checks that the commands share: NOT_FOUND in the order of the parameters, then DENIED, then the kind's class
 * ---- */

struct place {
    struct relief_city city;
    struct relief_kind kind;
};

static int check_place(struct core_work *work, struct relief_str city, struct relief_str kind, struct place *ret)
{
    if (!work_city(work, city, &ret->city))
        return work_not_found(work, "city", city);
    if (!work_kind(work, kind, &ret->kind))
        return work_not_found(work, "kind", kind);
    return 0;
}

static int check_rest(struct core_work *work, const struct place *place)
{
    int error = rights_city(work, place->city.code);
    if (!error && place->kind.class_ != RELIEF_class_supply)
        error = work_bad_params(work, "kind", "%.*s is no supply; its assets are put, not booked",
                                (int)place->kind.code.len, place->kind.code.data);
    return error;
}

static int check_all(struct core_work *work, struct relief_str city, struct relief_str kind, struct relief_str lot,
                     struct place *ret_place, struct relief_lot *ret_lot)
{
    int error = check_place(work, city, kind, ret_place);
    /* assets have no lots: with such a kind the lot that is named isn't what is wrong */
    if (!error && lot.data && ret_place->kind.class_ == RELIEF_class_supply &&
        !work_lot(work, city, kind, lot, ret_lot))
        error = work_not_found(work, "lot", lot);
    return error ? error : check_rest(work, ret_place);
}

struct relief_str stock_default_lot(struct core_work *work, int64_t expires)
{
    char *text = work_alloc(work, 24);
    if (expires == RELIEF_NIL)
        return RELIEF_STR("0");
    return (struct relief_str){text, (uint32_t)snprintf(text, 24, "%" PRId64, expires)};
}

/*
 * Somebody in the city looked at the shelf, as opposed to units that legs book by themselves: from now on a reader can
 * tell how old the figures are. Only receive, issue, writeoff and count say a number.
 */
static void reported(struct core_work *work, struct relief_str city, struct relief_str kind)
{
    struct relief_account account;
    work_account(work, city, kind, &account);
    account.as_of = work->now;
    work_put(work, RELIEF_TABLE_account, &account);
}

/* ---- commands ---- */

int core_apply_stock_receive(struct core_work *work, const struct relief_stock_receive_params *params)
{
    struct place place;
    struct relief_lot lot;
    struct relief_account account;
    struct holding holding;
    int64_t sum;
    bool there;
    int error = check_all(work, params->city, params->kind, RELIEF_STR_NONE, &place, NULL);
    if (error)
        return error;
    struct relief_str id = params->lot.data ? params->lot : stock_default_lot(work, params->expires);
    there = work_lot(work, params->city, params->kind, id, &lot);
    if (there && lot.expires != params->expires)
        return relief_refuse_field(&work->fx->refusal, RELIEF_CONFLICT, "expires",
                                   "lot %.*s has another date of expiry", (int)id.len, id.data);
    stock_holding(work, &place.city, &place.kind, &holding);
    work_account(work, params->city, params->kind, &account);
    if (__builtin_add_overflow(holding.on_hand, params->quantity, &sum) ||
        __builtin_add_overflow(account.received, params->quantity, &account.received))
        return work_bad_params(work, "quantity", "the total would pass 2^63 - 1");
    if (!there)
        lot = (struct relief_lot){.city = params->city,
                                  .kind = params->kind,
                                  .lot = id,
                                  .expires = params->expires,
                                  .state = RELIEF_lot_state_usable,
                                  .source = RELIEF_STR_NONE};
    lot.quantity += params->quantity;
    if (params->source.data)
        lot.source = params->source;
    work_put(work, RELIEF_TABLE_lot, &lot);
    work_put(work, RELIEF_TABLE_account, &account);
    reported(work, params->city, params->kind);
    wake_pair(work, params->city, params->kind);
    stock_answer_later(work, params->city, params->kind, id);
    return 0;
}

/* What can be taken from a lot: what is free there; for an issue only when it is usable. */
static int64_t takeable(const struct relief_lot *lot, bool usable_only, int64_t now)
{
    return usable_only && !stock_lot_usable(lot, now) ? 0 : lot->quantity - lot->held - lot->reserved;
}

/* Takes quantity from the named lot, or from all in their order. 0, or INSUFFICIENT with what could have been taken. */
static int take(struct core_work *work, const struct place *place, const struct relief_lot *named, int64_t quantity,
                bool usable_only)
{
    struct holding holding = {0};
    int64_t there = 0;
    if (named) {
        holding.lots = work_alloc(work, sizeof *holding.lots);
        holding.lots[0] = *named;
        holding.count = 1;
    } else {
        stock_holding(work, &place->city, &place->kind, &holding);
    }
    for (uint32_t i = 0; i < holding.count; i++)
        there += takeable(&holding.lots[i], usable_only, work->now);
    if (there < quantity)
        return work_insufficient(work, there, "not so much is free");
    for (uint32_t i = 0; quantity; i++) {
        int64_t part = takeable(&holding.lots[i], usable_only, work->now);
        if (part > quantity)
            part = quantity;
        if (!part)
            continue;
        holding.lots[i].quantity -= part;
        quantity -= part;
        work_put(work, RELIEF_TABLE_lot, &holding.lots[i]);
    }
    return 0;
}

#define ISSUED_DAYS 31 /* days that 30 times 24 hours may touch: what days of cover look at (fine print 70) */

void stock_issued(struct core_work *work, struct relief_str city, struct relief_str kind, int64_t units)
{
    struct relief_account account;
    int64_t today = work->now / RELIEF_DAY_MS;
    const struct relief_issued_day *old;
    struct relief_issued_day *days = work_alloc(work, (ISSUED_DAYS + 2) * sizeof *days);
    uint32_t count = 0;
    work_account(work, city, kind, &account);
    old = account.issued_days.items;
    for (uint32_t i = 0; i < account.issued_days.count && count <= ISSUED_DAYS; i++)
        if (old[i].day > today - ISSUED_DAYS)
            days[count++] = old[i];
    if (count && days[count - 1].day == today)
        days[count - 1].units += units;
    else
        days[count++] = (struct relief_issued_day){today, units};
    account.issued += units; /* never more than received, which is checked */
    account.issued_days = (struct relief_list){days, count, 1};
    work_put(work, RELIEF_TABLE_account, &account);
}

int core_apply_stock_issue(struct core_work *work, const struct relief_stock_issue_params *params)
{
    struct place place;
    struct relief_lot lot;
    int error = check_all(work, params->city, params->kind, params->lot, &place, &lot);
    if (!error)
        error = take(work, &place, params->lot.data ? &lot : NULL, params->quantity, true);
    if (error)
        return error;
    stock_issued(work, params->city, params->kind, params->quantity);
    reported(work, params->city, params->kind);
    stock_answer_later(work, params->city, params->kind, params->lot);
    return 0;
}

int core_apply_stock_writeoff(struct core_work *work, const struct relief_stock_writeoff_params *params)
{
    struct place place;
    struct relief_lot lot;
    struct relief_account account;
    int error = check_all(work, params->city, params->kind, params->lot, &place, &lot);
    if (!error)
        error = take(work, &place, params->lot.data ? &lot : NULL, params->quantity, false);
    if (error)
        return error;
    work_account(work, params->city, params->kind, &account);
    if (params->reason == RELIEF_writeoff_lost)
        account.lost += params->quantity;
    else
        account.written_off += params->quantity;
    work_put(work, RELIEF_TABLE_account, &account);
    reported(work, params->city, params->kind);
    /* unusable units that were held against available are gone: what is left may be free again */
    wake_pair(work, params->city, params->kind);
    stock_answer_later(work, params->city, params->kind, params->lot);
    return 0;
}

/* The one lot that a count without a name can mean: the only one with units, or the only one at all. */
static bool only_lot(struct core_work *work, const struct place *place, struct relief_lot *ret)
{
    struct holding holding;
    uint32_t with_units = 0, last = 0;
    stock_holding(work, &place->city, &place->kind, &holding);
    for (uint32_t i = 0; i < holding.count; i++)
        if (holding.lots[i].quantity) {
            with_units++;
            last = i;
        }
    if (with_units != 1 && !(with_units == 0 && holding.count == 1))
        return false;
    *ret = holding.lots[last];
    return true;
}

int core_apply_stock_count(struct core_work *work, const struct relief_stock_count_params *params)
{
    struct place place;
    struct relief_lot lot = {0};
    struct relief_account account;
    struct holding holding;
    int64_t change, sum;
    int error = check_all(work, params->city, params->kind, params->lot, &place, &lot);
    if (error)
        return error;
    if (!params->lot.data && !only_lot(work, &place, &lot))
        return work_bad_params(work, "lot", "name the lot: the city does not have exactly one of this kind");
    if (params->quantity < lot.held + lot.reserved)
        return work_insufficient(work, lot.held + lot.reserved, "more than that is held and reserved in the lot");
    change = params->quantity - lot.quantity;
    work_account(work, params->city, params->kind, &account);
    stock_holding(work, &place.city, &place.kind, &holding);
    if (change > 0 && (__builtin_add_overflow(account.received, change, &account.received) ||
                       __builtin_add_overflow(holding.on_hand, change, &sum)))
        return work_bad_params(work, "quantity", "the total would pass 2^63 - 1");
    if (change < 0)
        account.written_off -= change;
    lot.quantity = params->quantity;
    work_put(work, RELIEF_TABLE_lot, &lot);
    work_put(work, RELIEF_TABLE_account, &account);
    reported(work, params->city, params->kind);
    wake_pair(work, params->city, params->kind);
    stock_answer_later(work, params->city, params->kind, lot.lot);
    return 0;
}

int core_apply_stock_hold(struct core_work *work, const struct relief_stock_hold_params *params)
{
    struct place place;
    struct relief_lot lot;
    int error = check_all(work, params->city, params->kind, params->lot, &place, &lot);
    if (error)
        return error;
    lot.state = params->state;
    work_put(work, RELIEF_TABLE_lot, &lot);
    wake_pair(work, params->city, params->kind);
    stock_answer_later(work, params->city, params->kind, params->lot);
    return 0;
}

int core_apply_stock_floor(struct core_work *work, const struct relief_stock_floor_params *params)
{
    struct place place;
    struct relief_floor floor = {params->city, params->kind, params->floor, params->emergency_floor, params->target};
    int error = check_place(work, params->city, params->kind, &place);
    if (!error)
        error = rights_city(work, params->city);
    if (error)
        return error;
    if (floor.emergency_floor == RELIEF_NIL)
        floor.emergency_floor = floor.floor;
    if (floor.target == RELIEF_NIL)
        floor.target = floor.floor;
    work_put(work, RELIEF_TABLE_floor, &floor);
    crew_wake(work, params->city, params->kind);
    stock_answer_later(work, params->city, params->kind, RELIEF_STR_NONE);
    return 0;
}
