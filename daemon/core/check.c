/*
 * The invariants of DESIGN 6 over a whole state (check.h).
 *
 * Derived keys are proved by deriving them again: every record goes once more through derive(), as if it were new, into
 * a map of this file's own; then both must agree key by key. Number 3 (no leg took stock below the floor when it was
 * made) can't be seen in a state; the property tests check it when legs are made. Numbers 6 and 7 are the log's
 * (engine), 8 is the retry tests'.
 */
#include "core/check.h"
#include "core/work.h"
#include <stdarg.h>
#include <stdio.h>

#define CHECK_ARENA_BYTES ((size_t)64 << 30) /* address space; a state of 10 million lots needs some gigabytes */

/* ---- a map in an arena: bytes to numbers ---- */

struct item {
    struct relief_str key, value;
};
struct map {
    struct core_view view; /* first: derive() sees the map as a view */
    struct core_view *below;
    struct relief_arena *arena;
    struct item *items;
    size_t count, cap;
};

static uint64_t hash_of(struct relief_str key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.data[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static struct item *map_slot(struct item *items, size_t cap, struct relief_str key)
{
    size_t at = hash_of(key) & (cap - 1);
    while (items[at].key.data && !relief_str_eq(items[at].key, key))
        at = (at + 1) & (cap - 1);
    return &items[at];
}

static bool map_grow(struct map *map)
{
    size_t cap = map->cap ? map->cap * 2 : 1024;
    struct item *items = relief_arena_alloc(map->arena, cap * sizeof *items);
    if (!items)
        return false;
    memset(items, 0, cap * sizeof *items);
    for (size_t i = 0; i < map->cap; i++)
        if (map->items[i].key.data)
            *map_slot(items, cap, map->items[i].key) = map->items[i];
    map->items = items;
    map->cap = cap;
    return true;
}

static struct item *map_at(struct map *map, struct relief_str key)
{
    struct item *item;
    if (map->count * 2 >= map->cap && !map_grow(map))
        return NULL;
    item = map_slot(map->items, map->cap, key);
    if (!item->key.data) {
        item->key = relief_arena_str(map->arena, key);
        map->count++;
    }
    return item;
}

static struct relief_str map_get(struct core_view *view, const struct core_key *key)
{
    struct map *map = (struct map *)view;
    if (key->data[0] < CORE_KEY_HOLDER)
        return map->below->ops->get(map->below, key);
    if (!map->cap)
        return RELIEF_STR_NONE;
    return map_slot(map->items, map->cap, (struct relief_str){(const char *)key->data, key->len})->value;
}

static void map_put(struct core_view *view, const struct core_key *key, struct relief_str value)
{
    struct map *map = (struct map *)view;
    struct item *item = map_at(map, (struct relief_str){(const char *)key->data, key->len});
    if (item)
        item->value = value.data ? relief_arena_str(map->arena, value) : RELIEF_STR_NONE;
}

static const struct core_view_ops map_ops = {.get = map_get, .put = map_put};

/* ---- the walk ---- */

struct checking {
    struct core_work work; /* reads records; its arena is reset as the walk goes */
    struct map derived;    /* what the derived keys should be */
    struct map lots;       /* lot key -> held, reserved as the live legs say */
    struct map kinds;      /* kind -> received, on hand, on the road, on loan, issued, lost, written off */
    core_check_report *report;
    void *context;
    unsigned reports;
};

static void broken(struct checking *checking, int invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void broken(struct checking *checking, int invariant, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    checking->reports++;
    checking->report(checking->context, invariant, text);
}

static void add(struct map *map, struct relief_str key, unsigned which, int64_t units)
{
    struct item *item = map_at(map, key);
    int64_t numbers[7] = {0};
    if (!item)
        return;
    if (!item->value.data)
        item->value = relief_arena_str(map->arena, (struct relief_str){(const char *)numbers, sizeof numbers});
    memcpy(numbers, item->value.data, sizeof numbers);
    numbers[which] += units;
    memcpy((char *)(uintptr_t)item->value.data, numbers, sizeof numbers);
}

static void look_at_lot(struct checking *checking, const struct relief_lot *lot)
{
    if (lot->quantity < 0 || lot->held < 0 || lot->reserved < 0 || lot->held + lot->reserved > lot->quantity)
        broken(checking, 2, "lot %s of %s in %s: held %lld + reserved %lld against %lld on hand", lot->lot.data,
               lot->kind.data, lot->city.data, (long long)lot->held, (long long)lot->reserved,
               (long long)lot->quantity);
    add(&checking->kinds, lot->kind, 1, lot->quantity);
}

/* Number 5: an asset is in the one live leg that it names, or in none. */
static void look_at_asset(struct checking *checking, const struct relief_asset *asset)
{
    struct relief_dispatch leg = {.id = asset->dispatch};
    bool in_leg = asset->dispatch.data && work_find(&checking->work, RELIEF_TABLE_dispatch, &leg) &&
                  (ids_have(leg.assets, asset->id) || ids_have(leg.operators, asset->id));
    if (asset->dispatch.data ? !in_leg || crew_use(&leg) != asset->use : asset->use != RELIEF_asset_use_free)
        broken(checking, 5, "asset %s: %s, but its dispatch says otherwise", asset->id.data,
               relief_enum_asset_use.names[asset->use]);
    if (asset->use != RELIEF_asset_use_away)
        add(&checking->kinds, asset->kind, 1, 1);
}

static void look_at_crew(struct checking *checking, const struct relief_dispatch *leg)
{
    const struct relief_list lists[2] = {leg->assets, leg->operators};
    if (crew_use(leg) == RELIEF_asset_use_free)
        return;
    for (unsigned which = 0; which < 2; which++) {
        const struct relief_str *ids = lists[which].items;
        for (uint32_t i = 0; i < lists[which].count; i++) {
            struct relief_asset asset = {.id = ids[i]};
            bool there = work_find(&checking->work, RELIEF_TABLE_asset, &asset);
            bool lost_on_return =
                there && leg->state == RELIEF_dispatch_state_returning && which == 0 && (int64_t)i >= leg->returned;
            if (!there || (!lost_on_return && !relief_str_eq(asset.dispatch, leg->id)))
                broken(checking, 5, "dispatch %s names asset %.*s, which is not in it", leg->id.data, (int)ids[i].len,
                       ids[i].data);
        }
    }
}

static void look_at_account(struct checking *checking, const struct relief_account *account)
{
    const int64_t numbers[] = {
        account->received,   0, account->in_transit, account->on_loan, account->issued, account->lost,
        account->written_off};
    for (unsigned i = 0; i < 7; i++) {
        if (numbers[i] < 0)
            broken(checking, 1, "account of %s in %s: a number is negative", account->kind.data, account->city.data);
        add(&checking->kinds, account->kind, i, numbers[i]);
    }
}

static void look_at_dispatch(struct checking *checking, const struct relief_dispatch *leg)
{
    const struct relief_leg_lot *lots = leg->lots.items;
    bool asked = leg->state == RELIEF_dispatch_state_asked, committed = leg->state == RELIEF_dispatch_state_committed;
    int64_t sum = leg->assets.count;
    for (uint32_t i = 0; i < leg->lots.count; i++) {
        struct core_key key;
        struct relief_lot lot = {.city = leg->donor, .kind = leg->kind, .lot = lots[i].lot};
        sum += lots[i].quantity;
        core_key_record(&key, RELIEF_TABLE_lot, &lot);
        if (asked || committed)
            add(&checking->lots, (struct relief_str){(const char *)key.data, key.len}, committed, lots[i].quantity);
    }
    if ((asked || committed) && sum != leg->quantity)
        broken(checking, 2, "dispatch %s: its lots and assets make %lld of %lld", leg->id.data, (long long)sum,
               (long long)leg->quantity);
    look_at_crew(checking, leg);
    if (leg->covers < 0 || leg->quantity < 0)
        broken(checking, 4, "dispatch %s: a number is negative", leg->id.data);
}

static void look_at_request(struct checking *checking, const struct relief_request *request)
{
    const struct relief_str *ids = request->dispatches.items;
    int64_t covers = 0, asked = 0;
    if (request->covered < 0 || request->open < 0 || request->shortfall < 0 || request->received < 0 ||
        request->quantity != request->covered + request->open + request->shortfall)
        broken(checking, 4, "request %s: %lld is not %lld covered + %lld open + %lld given up", request->id.data,
               (long long)request->quantity, (long long)request->covered, (long long)request->open,
               (long long)request->shortfall);
    if (!request_live(request) && request->open)
        broken(checking, 4, "request %s is closed and still looks for units", request->id.data);
    for (uint32_t i = 0; i < request->dispatches.count; i++) {
        struct relief_dispatch leg;
        if (work_dispatch(&checking->work, ids[i], &leg)) {
            covers += leg.covers;
            asked += leg.state == RELIEF_dispatch_state_asked ? leg.covers : 0;
        } else {
            broken(checking, 4, "request %s names dispatch %.*s, which is not there", request->id.data, (int)ids[i].len,
                   ids[i].data);
        }
    }
    if (asked != request->asked)
        broken(checking, 4, "request %s: %lld asked, its asked legs cover %lld", request->id.data,
               (long long)request->asked, (long long)asked);
    if (covers != request->covered)
        broken(checking, 4, "request %s: covered %lld, its legs cover %lld", request->id.data,
               (long long)request->covered, (long long)covers);
}

/* Strings of decoded records end where the next one begins; copies end with NUL, for the messages. */
static void look_at(struct checking *checking, enum relief_table table, const void *record)
{
    union relief_any_record any;
    if (relief_record_copy(relief_tables[table].shape, record, checking->work.arena, &any) != 0)
        return;
    switch (table) {
    case RELIEF_TABLE_lot:
        look_at_lot(checking, &any.lot);
        break;
    case RELIEF_TABLE_asset:
        look_at_asset(checking, &any.asset);
        break;
    case RELIEF_TABLE_account:
        look_at_account(checking, &any.account);
        break;
    case RELIEF_TABLE_dispatch:
        look_at_dispatch(checking, &any.dispatch);
        break;
    case RELIEF_TABLE_request:
        look_at_request(checking, &any.request);
        break;
    default:
        break;
    }
}

static void walk_records(struct checking *checking)
{
    struct core_view *view = checking->work.view;
    struct core_work deriving = checking->work;
    deriving.view = &checking->derived.view;
    for (int table = 0; table < RELIEF_TABLE_COUNT; table++) {
        struct core_cursor cursor;
        struct core_key prefix;
        struct relief_str key, value;
        core_key_table(&prefix, (enum relief_table)table);
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (view->ops->next(view, &cursor, &key, &value)) {
            union relief_any_record record;
            relief_arena_reset(checking->work.arena);
            work_decode(&checking->work, (enum relief_table)table, value, &record);
            derive(&deriving, (enum relief_table)table, NULL, &record);
            look_at(checking, (enum relief_table)table, &record);
        }
    }
}

/* ---- what the walk gathered ---- */

static void check_kinds(struct checking *checking)
{
    for (size_t i = 0; i < checking->kinds.cap; i++) {
        int64_t n[7];
        if (!checking->kinds.items[i].key.data)
            continue;
        memcpy(n, checking->kinds.items[i].value.data, sizeof n);
        if (n[0] != n[1] + n[2] + n[3] + n[4] + n[5] + n[6])
            broken(checking, 1,
                   "kind %s: received %lld, but on hand %lld, in transit %lld, on loan %lld, issued %lld, lost %lld, "
                   "written off %lld",
                   checking->kinds.items[i].key.data, (long long)n[0], (long long)n[1], (long long)n[2],
                   (long long)n[3], (long long)n[4], (long long)n[5], (long long)n[6]);
    }
}

static void check_lots(struct checking *checking)
{
    struct core_view *view = checking->work.view;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    size_t met = 0;
    core_key_table(&prefix, RELIEF_TABLE_lot);
    view->ops->scan(view, &cursor, &prefix, NULL);
    while (view->ops->next(view, &cursor, &key, &value)) {
        struct relief_lot lot;
        int64_t legs[7] = {0};
        struct item *item = checking->lots.cap ? map_slot(checking->lots.items, checking->lots.cap, key) : NULL;
        relief_arena_reset(checking->work.arena);
        work_decode(&checking->work, RELIEF_TABLE_lot, value, &lot);
        if (item && item->key.data) {
            memcpy(legs, item->value.data, sizeof legs);
            met++;
        }
        if (lot.held != legs[0] || lot.reserved != legs[1])
            broken(checking, 2,
                   "lot %.*s of %.*s in %.*s: held %lld, its asked legs %lld; reserved %lld, its committed legs %lld",
                   (int)lot.lot.len, lot.lot.data, (int)lot.kind.len, lot.kind.data, (int)lot.city.len, lot.city.data,
                   (long long)lot.held, (long long)legs[0], (long long)lot.reserved, (long long)legs[1]);
    }
    if (met != checking->lots.count)
        broken(checking, 2, "%zu lots are named by live legs but are not there", checking->lots.count - met);
}

static void describe(struct relief_str key, char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "%02x", (uint8_t)key.data[0]);
    for (uint32_t i = 1; i < key.len && len + 4 < size; i++) {
        uint8_t c = (uint8_t)key.data[i];
        len += (size_t)snprintf(text + len, size - len, c > 32 && c < 127 ? "%c" : " %02x", c);
    }
}

static void check_derived(struct checking *checking)
{
    struct core_view *view = checking->work.view;
    char text[256];
    size_t expected = 0, met = 0;
    for (size_t i = 0; i < checking->derived.cap; i++)
        expected += checking->derived.items[i].key.data && checking->derived.items[i].value.data;
    for (unsigned space = CORE_KEY_HOLDER; space < CORE_KEY_META; space++) {
        struct core_cursor cursor;
        struct core_key prefix;
        struct relief_str key, value;
        core_key_start(&prefix, space);
        view->ops->scan(view, &cursor, &prefix, NULL);
        while (view->ops->next(view, &cursor, &key, &value)) {
            struct item *item =
                checking->derived.cap ? map_slot(checking->derived.items, checking->derived.cap, key) : NULL;
            if (space == CORE_KEY_KIND_USED && !(item && item->key.data))
                continue; /* an asset that changed its kind leaves the mark */
            if (item && item->key.data && relief_str_eq(item->value, value)) {
                met++;
                continue;
            }
            describe(key, text, sizeof text);
            broken(checking, 0, "derived key %s does not follow from the records", text);
        }
    }
    if (met < expected && !checking->reports)
        broken(checking, 0, "%zu derived keys are missing", expected - met);
}

/* The request would find nothing more if it were matched now. */
static void check_settled(struct checking *checking, struct relief_str id)
{
    struct relief_request request = {.id = id};
    struct need need;
    struct match match = {0};
    relief_arena_reset(checking->work.arena);
    if (!work_find(&checking->work, RELIEF_TABLE_request, &request))
        return; /* reported as a derived key */
    match_need(&checking->work, &request, &need);
    match_plan(&checking->work, &need, &match);
    if (match.count)
        broken(checking, 4, "request %.*s could be matched further: %.*s gives %lld", (int)request.id.len,
               request.id.data, (int)match.legs[0].donor.len, match.legs[0].donor.data,
               (long long)match.legs[0].quantity);
}

static void check_fixed_point(struct checking *checking)
{
    struct core_view *view = checking->work.view;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    core_key_start(&prefix, CORE_KEY_OPEN);
    view->ops->scan(view, &cursor, &prefix, NULL);
    while (view->ops->next(view, &cursor, &key, &value)) {
        uint32_t at = 1;
        core_key_take_str(key, &at);
        at += 1 + 8;
        check_settled(checking, core_key_take_str(key, &at));
    }
}

unsigned core_check_settled(struct core *core, int64_t time, struct relief_str request, core_check_report *report,
                            void *context)
{
    struct checking checking = {.work = {.core = core, .view = core->view, .arena = &core->scratch, .now = time},
                                .report = report,
                                .context = context};
    check_settled(&checking, request);
    return checking.reports;
}

unsigned core_check(struct core *core, int64_t time, bool fixed_point, core_check_report *report, void *context)
{
    struct relief_arena arena = RELIEF_ARENA_INIT;
    struct checking checking = {.work = {.core = core, .view = core->view, .arena = &core->scratch, .now = time},
                                .derived = {.view = {&map_ops}, .below = core->view, .arena = &arena},
                                .lots = {.arena = &arena},
                                .kinds = {.arena = &arena},
                                .report = report,
                                .context = context};
    if (relief_arena_init(&arena, CHECK_ARENA_BYTES) != 0) {
        broken(&checking, 0, "no memory for the check");
        return checking.reports;
    }
    relief_arena_reset(&core->scratch);
    walk_records(&checking);
    check_kinds(&checking);
    check_lots(&checking);
    check_derived(&checking);
    if (fixed_point && !core_wake_owed(core->view))
        check_fixed_point(&checking);
    if (arena.spent)
        broken(&checking, 0, "the state is too large to be checked in one walk");
    relief_arena_deinit(&arena);
    return checking.reports;
}
