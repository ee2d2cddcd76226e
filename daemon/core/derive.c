/*
 * What follows from the records: indexes and sums, kept in the same batch as what they derive from (DESIGN 3.5). Each
 * record change is turned into changes of derived keys by looking at the record before and after, so recovery, replay
 * and ordinary commands keep them in the same way, and core_check can prove them.
 *
 * Idle holders: CORE_KEY_HOLDER marks every city with a lot of a kind; its value says whether all that is free there
 * (usable or not) is at or below the floor in force. Then the city has nothing to give at any time, and the matcher
 * need not look at it.
 */
#include "core/work.h"
#include <assert.h>

/* ---- small values ---- */

static void put_mark(struct core_work *work, const struct core_key *key, bool present)
{
    work->view->ops->put(work->view, key, present ? RELIEF_STR("") : RELIEF_STR_NONE);
}

static void get_numbers(struct core_work *work, const struct core_key *key, int64_t *ret_numbers, unsigned count)
{
    struct relief_str value = work->view->ops->get(work->view, key);
    memset(ret_numbers, 0, count * sizeof *ret_numbers);
    if (value.data) {
        assert(value.len == count * sizeof *ret_numbers);
        memcpy(ret_numbers, value.data, value.len);
    }
}

/*
 * Sums wrap: of what the core has taken none passes 2^63 (stock.c looks), and those of a forged base (engine/base.h)
 * are wrong and no more; core_check tells.
 */
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* All zeros is no key at all. */
static void put_numbers(struct core_work *work, const struct core_key *key, const int64_t *numbers, unsigned count)
{
    bool any = false;
    for (unsigned i = 0; i < count; i++)
        any = any || numbers[i];
    work->view->ops->put(work->view, key,
                         any ? (struct relief_str){(const char *)numbers, (uint32_t)(count * sizeof *numbers)}
                             : RELIEF_STR_NONE);
}

static void add_numbers(struct core_work *work, const struct core_key *key, const int64_t *deltas, unsigned count)
{
    int64_t numbers[4] = {0};
    bool any = false;
    assert(count <= 4);
    for (unsigned i = 0; i < count; i++)
        any = any || deltas[i];
    if (!any)
        return;
    get_numbers(work, key, numbers, count);
    for (unsigned i = 0; i < count; i++)
        numbers[i] = plus(numbers[i], deltas[i]);
    put_numbers(work, key, numbers, count);
}

static void mark_pair(struct core_work *work, enum core_key_space space, struct relief_str first,
                      struct relief_str second, bool present)
{
    struct core_key key;
    core_key_start(&key, space);
    core_key_str(&key, first);
    core_key_str(&key, second);
    put_mark(work, &key, present);
}

static void count_records(struct core_work *work, uint8_t what, const void *old, const void *new)
{
    struct core_key key;
    int64_t delta = (new != NULL) - (old != NULL);
    core_key_start(&key, CORE_KEY_COUNT);
    core_key_u8(&key, what);
    add_numbers(work, &key, &delta, 1);
}

static void deadline_key(struct core_key *key, int64_t time, enum core_deadline type, struct relief_str id)
{
    core_key_start(key, CORE_KEY_DEADLINE);
    core_key_u64(key, (uint64_t)time);
    core_key_u8(key, (uint8_t)type);
    core_key_str(key, id);
}

/* ---- holders ---- */

static void holder_update(struct core_work *work, struct relief_str city_code, struct relief_str kind,
                          int64_t free_units, int64_t floor)
{
    struct core_key key;
    struct relief_str value;
    char idle = free_units <= floor;
    core_key_start(&key, CORE_KEY_HOLDER);
    core_key_str(&key, kind);
    core_key_str(&key, city_code);
    value = work->view->ops->get(work->view, &key);
    if (!value.data || *value.data != idle)
        work->view->ops->put(work->view, &key, (struct relief_str){&idle, 1});
}

static void sum_key(struct core_key *key, struct relief_str city, struct relief_str kind)
{
    core_key_start(key, CORE_KEY_SUM);
    core_key_str(key, city);
    core_key_str(key, kind);
}

/* What a record adds to the sums of its city and kind. */
struct share_of_sum {
    int64_t on_hand, held, reserved;
};

static void kind_is_used(struct core_work *work, struct relief_str kind)
{
    struct core_key key;
    core_key_start(&key, CORE_KEY_KIND_USED);
    core_key_str(&key, kind);
    put_mark(work, &key, true);
}

static void sum_change(struct core_work *work, struct relief_str city_code, struct relief_str kind,
                       const struct share_of_sum *old, const struct share_of_sum *new)
{
    struct core_key key;
    struct relief_str value;
    struct relief_city city;
    int64_t sums[3] = {0};
    sum_key(&key, city_code, kind);
    value = work->view->ops->get(work->view, &key);
    if (value.data)
        memcpy(sums, value.data, sizeof sums);
    sums[0] = plus(sums[0], minus(new->on_hand, old->on_hand));
    sums[1] = plus(sums[1], minus(new->held, old->held));
    sums[2] = plus(sums[2], minus(new->reserved, old->reserved));
    work->view->ops->put(work->view, &key,
                         (struct relief_str){(const char *)sums, sizeof sums}); /* kept at zero: something was there */
    if (work_city(work, city_code, &city))
        holder_update(work, city_code, kind, minus(minus(sums[0], sums[1]), sums[2]),
                      stock_floor_in_force(work, &city, kind));
}

static void derive_lot(struct core_work *work, const struct relief_lot *old, const struct relief_lot *new)
{
    const struct relief_lot *any = new ? new : old;
    struct share_of_sum before = {0}, after = {0};
    if (old)
        before = (struct share_of_sum){old->quantity, old->held, old->reserved};
    else
        kind_is_used(work, any->kind);
    if (!old || !new) {
        struct core_key prefix;
        stock_lots_prefix(&prefix, any->city, any->kind);
        core_lists_forget(&work->core->memo.lists, &prefix);
    }
    if (new)
        after = (struct share_of_sum){new->quantity, new->held, new->reserved};
    sum_change(work, any->city, any->kind, &before, &after);
}

static struct share_of_sum asset_share(const struct relief_asset *asset)
{
    return (struct share_of_sum){asset->use != RELIEF_asset_use_away, asset->use == RELIEF_asset_use_held,
                                 asset->use == RELIEF_asset_use_reserved};
}

static void asset_mark(struct core_work *work, const struct relief_asset *asset, bool present)
{
    struct core_key key;
    core_key_start(&key, CORE_KEY_ASSET_OF);
    core_key_str(&key, asset->city);
    core_key_str(&key, asset->kind);
    core_key_str(&key, asset->id);
    put_mark(work, &key, present);
}

static bool any_asset(struct core_work *work, struct relief_str city, struct relief_str kind)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str asset;
    work_scan(work, &cursor, &prefix, CORE_KEY_ASSET_OF, city, kind);
    return work_scan_next(work, &cursor, &prefix, &asset);
}

/* The last asset of a kind left the city: it holds nothing of it any more. */
static void forget_sum(struct core_work *work, struct relief_str city, struct relief_str kind)
{
    struct core_key key;
    sum_key(&key, city, kind);
    put_mark(work, &key, false);
    core_key_start(&key, CORE_KEY_HOLDER);
    core_key_str(&key, kind);
    core_key_str(&key, city);
    put_mark(work, &key, false);
}

static void derive_asset(struct core_work *work, const struct relief_asset *old, const struct relief_asset *new)
{
    struct share_of_sum before = {0}, after = {0};
    struct core_key key;
    bool moved = !old || !new || !relief_str_eq(old->city, new->city) || !relief_str_eq(old->kind, new->kind);
    if (old)
        before = asset_share(old);
    if (new)
        after = asset_share(new);
    if (!moved) {
        if (memcmp(&before, &after, sizeof before) != 0)
            sum_change(work, new->city, new->kind, &before, &after);
    } else {
        if (old) {
            asset_mark(work, old, false);
            if (any_asset(work, old->city, old->kind))
                sum_change(work, old->city, old->kind, &before, &(struct share_of_sum){0});
            else
                forget_sum(work, old->city, old->kind);
        }
        if (new) {
            asset_mark(work, new, true);
            kind_is_used(work, new->kind);
            sum_change(work, new->city, new->kind, &(struct share_of_sum){0}, &after);
        }
    }
    if (old && new && old->rest_until == new->rest_until)
        return;
    if (old && old->rest_until != RELIEF_NIL) {
        deadline_key(&key, old->rest_until, CORE_DEADLINE_REST, old->id);
        put_mark(work, &key, false);
    }
    if (new &&new->rest_until != RELIEF_NIL) {
        deadline_key(&key, new->rest_until, CORE_DEADLINE_REST, new->id);
        put_mark(work, &key, true);
    }
}

static int64_t floor_of(const struct relief_floor *floor, int64_t mode)
{
    if (!floor)
        return 0;
    return mode == RELIEF_mode_emergency && floor->emergency_floor != RELIEF_NIL ? floor->emergency_floor
                                                                                 : floor->floor;
}

/* The floor record itself is put after this, so its new value is given. */
static void derive_floor(struct core_work *work, const struct relief_floor *old, const struct relief_floor *new)
{
    const struct relief_floor *any = new ? new : old;
    struct core_key key;
    struct relief_str value;
    struct relief_city city;
    int64_t sums[3];
    sum_key(&key, any->city, any->kind);
    value = work->view->ops->get(work->view, &key);
    if (!value.data || !work_city(work, any->city, &city))
        return;
    memcpy(sums, value.data, sizeof sums);
    holder_update(work, any->city, any->kind, minus(minus(sums[0], sums[1]), sums[2]), floor_of(new, city.mode));
}

static void derive_city(struct core_work *work, const struct relief_city *old, const struct relief_city *new)
{
    struct core_key key;
    struct core_cursor cursor;
    struct relief_str at_key, value;
    if (!old || !new || !relief_str_eq(old->region, new->region)) {
        for (int side = 0; side < 2; side++) {
            const struct relief_city *city = side ? new : old;
            if (!city)
                continue;
            core_key_start(&key, CORE_KEY_IN_REGION);
            core_key_str(&key, city->region);
            core_key_str(&key, city->code);
            put_mark(work, &key, side == 1);
        }
    }
    if (!old || !new || old->mode == new->mode)
        return;
    core_key_start(&key, CORE_KEY_SUM);
    core_key_str(&key, new->code);
    work->view->ops->scan(work->view, &cursor, &key, NULL);
    while (work->view->ops->next(work->view, &cursor, &at_key, &value)) {
        struct relief_floor floor = {.city = new->code};
        uint32_t at = key.len;
        int64_t sums[3];
        memcpy(sums, value.data, sizeof sums);
        floor.kind = work_str(work, core_key_take_str(at_key, &at));
        struct relief_str kind = floor.kind;
        bool there = work_find(work, RELIEF_TABLE_floor, &floor);
        holder_update(work, new->code, kind, minus(minus(sums[0], sums[1]), sums[2]),
                      floor_of(there ? &floor : NULL, new->mode));
    }
}

/* ---- requests ---- */

bool request_live(const struct relief_request *request)
{
    return request->state == RELIEF_request_state_open || request->state == RELIEF_request_state_partial ||
           request->state == RELIEF_request_state_covered;
}

static bool looks_for_more(const struct relief_request *request)
{
    return request && request_live(request) && request->open > 0;
}

/* When needed_by passes, what is open is given up and what is only asked lapses (fine print 41). */
static bool can_expire(const struct relief_request *request)
{
    return request && request_live(request) && request->needed_by != RELIEF_NIL &&
           (request->open > 0 || request->asked > 0);
}

static void open_key(struct core_key *key, const struct relief_request *request)
{
    core_key_start(key, CORE_KEY_OPEN);
    core_key_str(key, request->kind);
    core_key_u8(key, (uint8_t)request->priority);
    core_key_u64(key, (uint64_t)request->submitted);
    core_key_str(key, request->id);
}

static bool is_of_incident(const struct relief_request *request)
{
    return request && request->incident.data && request_live(request);
}

/* Legs asked, committed or moving; of a request that has ended too, whose last legs go on. */
static bool restocks(const struct relief_request *request)
{
    return request && request->purpose == RELIEF_purpose_stock && request->covered > request->received;
}

static void derive_request(struct core_work *work, const struct relief_request *old, const struct relief_request *new)
{
    bool was = looks_for_more(old), is = looks_for_more(new);
    struct core_key key;
    if (was && (!is || old->priority != new->priority)) {
        open_key(&key, old);
        put_mark(work, &key, false);
    }
    if (is && (!was || old->priority != new->priority)) {
        open_key(&key, new);
        put_mark(work, &key, true);
    }
    if (was != is)
        count_records(work, 0xff, was ? old : NULL, is ? new : NULL);
    was = can_expire(old);
    is = can_expire(new);
    if (was && (!is || old->needed_by != new->needed_by)) {
        deadline_key(&key, old->needed_by, CORE_DEADLINE_EXPIRE, old->id);
        put_mark(work, &key, false);
    }
    if (is && (!was || old->needed_by != new->needed_by)) {
        deadline_key(&key, new->needed_by, CORE_DEADLINE_EXPIRE, new->id);
        put_mark(work, &key, true);
    }
    was = is_of_incident(old);
    is = is_of_incident(new);
    if (was != is)
        mark_pair(work, CORE_KEY_OF_INCIDENT, is ? new->incident : old->incident, is ? new->id : old->id, is);
    was = restocks(old);
    is = restocks(new);
    if (was != is)
        mark_pair(work, CORE_KEY_RESTOCKS, is ? new->city : old->city, is ? new->id : old->id, is);
    if (!old && new)
        kind_is_used(work, new->kind);
}

/* ---- dispatches ---- */

static bool weighs_on_share(const struct relief_dispatch *leg)
{
    return leg && leg->agreement.data &&
           (leg->state == RELIEF_dispatch_state_asked || leg->state == RELIEF_dispatch_state_committed ||
            leg->state == RELIEF_dispatch_state_in_transit);
}

static void derive_share(struct core_work *work, const struct relief_dispatch *old, const struct relief_dispatch *new)
{
    const struct relief_dispatch *any = new ? new : old;
    struct core_key key;
    int64_t delta = (weighs_on_share(new) ? new->quantity : 0) - (weighs_on_share(old) ? old->quantity : 0);
    if (!delta)
        return;
    core_key_start(&key, CORE_KEY_SHARE);
    core_key_str(&key, any->agreement);
    core_key_str(&key, any->donor);
    core_key_str(&key, any->kind);
    add_numbers(work, &key, &delta, 1);
}

/* Fine print 45: ended legs of levels 1 to 3 that were once committed and ended by receive, lost or renege. */
static bool counts_for_score(const struct relief_dispatch *leg)
{
    return leg && leg->level >= 1 && !leg->ordered && leg->times.committed != RELIEF_NIL &&
           (leg->times.received != RELIEF_NIL || leg->state == RELIEF_dispatch_state_lost ||
            leg->state == RELIEF_dispatch_state_reneged);
}

static void derive_score(struct core_work *work, const struct relief_dispatch *old, const struct relief_dispatch *new)
{
    const struct relief_dispatch *any = new ? new : old;
    struct core_key key;
    int64_t delta[2] = {0};
    if (counts_for_score(new)) {
        delta[0] += new->quantity;
        delta[1] += new->accepted == RELIEF_NIL ? 0 : new->accepted;
    }
    if (counts_for_score(old)) {
        delta[0] -= old->quantity;
        delta[1] -= old->accepted == RELIEF_NIL ? 0 : old->accepted;
    }
    core_key_start(&key, CORE_KEY_SCORE);
    core_key_str(&key, any->donor);
    add_numbers(work, &key, delta, 2);
}

static int64_t units_moving(const struct relief_dispatch *leg)
{
    if (!leg)
        return 0;
    if (leg->state == RELIEF_dispatch_state_in_transit)
        return leg->sent;
    return leg->state == RELIEF_dispatch_state_returning ? leg->returned : 0;
}

static void derive_moving(struct core_work *work, const struct relief_dispatch *old, const struct relief_dispatch *new)
{
    const struct relief_dispatch *any = new ? new : old;
    int64_t before = units_moving(old), after = units_moving(new);
    bool back = any->state == RELIEF_dispatch_state_returning ||
                (!after && old && old->state == RELIEF_dispatch_state_returning);
    if (before == after)
        return;
    for (uint8_t side = 0; side < 2; side++) {
        struct core_key key;
        core_key_start(&key, CORE_KEY_MOVING);
        core_key_str(&key, (side == 0) != back ? any->donor : any->requester);
        core_key_str(&key, any->kind);
        core_key_u8(&key, side);
        core_key_str(&key, any->id);
        put_numbers(work, &key, &after, 1);
    }
}

static bool waits_for_answer(const struct relief_dispatch *leg)
{
    return leg && leg->state == RELIEF_dispatch_state_asked && leg->answer_by != RELIEF_NIL;
}

static void derive_dispatch(struct core_work *work, const struct relief_dispatch *old,
                            const struct relief_dispatch *new)
{
    struct core_key key;
    derive_share(work, old, new);
    derive_score(work, old, new);
    derive_moving(work, old, new);
    int64_t before = waits_for_answer(old) ? old->answer_by : RELIEF_NIL;
    int64_t after = waits_for_answer(new) ? new->answer_by : RELIEF_NIL;
    if (before == after)
        return;
    if (before != RELIEF_NIL) {
        deadline_key(&key, before, CORE_DEADLINE_LAPSE, old->id);
        put_mark(work, &key, false);
    }
    if (after != RELIEF_NIL) {
        deadline_key(&key, after, CORE_DEADLINE_LAPSE, new->id);
        put_mark(work, &key, true);
    }
}

/* ---- the rest ---- */

/* The next date at which an agreement changes what matches: its `from`, then its `until`; RELIEF_NIL for none. */
static int64_t agreement_date(const struct relief_agreement *agreement)
{
    if (!agreement || agreement->ended != RELIEF_NIL)
        return RELIEF_NIL;
    return agreement->started ? agreement->until : agreement->from;
}

static void derive_agreement(struct core_work *work, const struct relief_agreement *old,
                             const struct relief_agreement *new)
{
    int64_t before = agreement_date(old), after = agreement_date(new);
    struct core_key key;
    for (int side = 0; side < 2; side++) {
        const struct relief_agreement *agreement = side ? new : old;
        if (!agreement || (old && new &&relief_str_eq(old->donor, new->donor)))
            continue;
        core_key_start(&key, CORE_KEY_BY_DONOR);
        core_key_str(&key, agreement->donor);
        core_lists_forget(&work->core->memo.lists, &key);
        core_key_str(&key, agreement->id);
        put_mark(work, &key, side == 1);
    }
    if (before == after)
        return;
    if (before != RELIEF_NIL) {
        deadline_key(&key, before, CORE_DEADLINE_FROM, old->id);
        put_mark(work, &key, false);
    }
    if (after != RELIEF_NIL) {
        deadline_key(&key, after, CORE_DEADLINE_FROM, new->id);
        put_mark(work, &key, true);
    }
}

static void derive_region(struct core_work *work, const struct relief_region *old, const struct relief_region *new)
{
    if (old && old->parent.data)
        mark_pair(work, CORE_KEY_CHILD, old->parent, old->id, false);
    if (new &&new->parent.data)
        mark_pair(work, CORE_KEY_CHILD, new->parent, new->id, true);
}

static void derive_kind(struct core_work *work, const struct relief_kind *old, const struct relief_kind *new)
{
    for (int side = 0; side < 2; side++) {
        const struct relief_kind *kind = side ? new : old;
        const struct relief_substitute *substitutes = kind ? kind->substitutes.items : NULL;
        for (uint32_t i = 0; kind && i < kind->substitutes.count; i++)
            mark_pair(work, CORE_KEY_SUBSTITUTE, substitutes[i].kind, kind->code, side == 1);
    }
}

static void derive_account(struct core_work *work, const struct relief_account *old, const struct relief_account *new)
{
    const struct relief_account *any = new ? new : old;
    bool was = old && old->issued_days.count, is = new &&new->issued_days.count;
    if (was != is)
        mark_pair(work, CORE_KEY_ISSUED, any->kind, any->city, is);
}

static void derive_op(struct core_work *work, const struct relief_op *old, const struct relief_op *new)
{
    for (int side = 0; side < 2; side++) {
        const struct relief_op *op = side ? new : old;
        struct core_key key;
        if (!op)
            continue;
        core_key_start(&key, CORE_KEY_OP_AGE);
        core_key_u64(&key, (uint64_t)op->seq);
        core_key_str(&key, op->op);
        core_key_str(&key, op->identity);
        put_mark(work, &key, side == 1);
    }
}

void derive(struct core_work *work, enum relief_table table, const void *old, const void *new)
{
    const struct relief_link *link = new ? new : old;
    assert(link);
    if ((old != NULL) != (new != NULL))
        count_records(work, (uint8_t)table, old, new);
    switch (table) {
    case RELIEF_TABLE_region:
        derive_region(work, old, new);
        break;
    case RELIEF_TABLE_city:
        derive_city(work, old, new);
        break;
    case RELIEF_TABLE_link:
        if (!old || !new)
            mark_pair(work, CORE_KEY_LINK_IN, link->to, link->from, new != NULL);
        break;
    case RELIEF_TABLE_kind:
        derive_kind(work, old, new);
        break;
    case RELIEF_TABLE_floor:
        derive_floor(work, old, new);
        break;
    case RELIEF_TABLE_lot:
        derive_lot(work, old, new);
        break;
    case RELIEF_TABLE_asset:
        derive_asset(work, old, new);
        break;
    case RELIEF_TABLE_account:
        derive_account(work, old, new);
        break;
    case RELIEF_TABLE_agreement:
        derive_agreement(work, old, new);
        break;
    case RELIEF_TABLE_request:
        derive_request(work, old, new);
        break;
    case RELIEF_TABLE_dispatch:
        derive_dispatch(work, old, new);
        break;
    case RELIEF_TABLE_op:
        derive_op(work, old, new);
        break;
    default: /* incidents and travel derive nothing */
        break;
    }
}
