/*
 * DESIGN 6 on one moment, written from the text: 1 (nothing appears or vanishes), 2 (held and reserved are what live
 * legs say), 4 (a request adds up), 5 (an asset is in one live leg). 3 is about moments that a dump does not hold; 6
 * and 7 are the log's. A dump of some tables only is held to what these tables say of each other. Sums may be anything
 * in a file that somebody made up, so they wrap and are then unequal.
 */
#include "tools/audit/dump.h"

struct kind {
    uint64_t received, on_hand, elsewhere, gone;
};
struct lot {
    uint64_t held, reserved, legs_held, legs_reserved, there;
};
struct request {
    uint64_t covered, asked, legs_cover, legs_ask, named, legs, there;
};
struct asset {
    uint8_t dispatch[AUDIT_HASH]; /* of the id of the leg that it names; zeros: none */
    uint64_t use, legs, there;
};
enum { FREE, HELD, RESERVED, AWAY };

void audit_state_init(struct audit_state *state)
{
    *state = (struct audit_state){0};
    audit_map_init(&state->kinds, sizeof(struct kind));
    audit_map_init(&state->lots, sizeof(struct lot));
    audit_map_init(&state->requests, sizeof(struct request));
    audit_map_init(&state->dispatches, 0);
    audit_map_init(&state->assets, sizeof(struct asset));
}

/* The value of up to three ids as a key. */
static void *value_of(struct audit_state *state, struct audit_map *map, struct audit_text a, struct audit_text b,
                      struct audit_text c)
{
    static uint64_t none[16];
    char key[3 * 256];
    size_t len = 0;
    const struct audit_text parts[3] = {a, b, c};
    for (unsigned i = 0; i < 3 && parts[i].data; i++) {
        size_t take = parts[i].len < 255 ? parts[i].len : 255;
        memcpy(key + len, parts[i].data, take);
        len += take;
        key[len++] = '\0';
    }
    struct audit_item *item = audit_map_get(map, (struct audit_text){key, len});
    if (item)
        return audit_item_value(item);
    state->failed = true;
    memset(none, 0, sizeof none);
    return none;
}

#define NONE ((struct audit_text){NULL, 0})

static uint64_t number(const struct audit_record *record, const char *field)
{
    return (uint64_t)audit_record_int(record, field);
}

static bool any_negative(const struct audit_record *record, const char *const *fields)
{
    for (; *fields; fields++)
        if (audit_record_int(record, *fields) < 0)
            return true;
    return false;
}

static void see_lot(struct audit_state *state, const struct audit_record *record, const struct audit_source *source,
                    struct audit_faults *faults)
{
    static const char *const counts[] = {"quantity", "held", "reserved", NULL};
    struct audit_text kind = audit_record_text(record, "kind");
    struct lot *lot =
        value_of(state, &state->lots, audit_record_text(record, "city"), kind, audit_record_text(record, "lot"));
    struct kind *sums = value_of(state, &state->kinds, kind, NONE, NONE);
    uint64_t quantity = number(record, "quantity");
    lot->held = number(record, "held");
    lot->reserved = number(record, "reserved");
    lot->there = 1;
    sums->on_hand += quantity;
    if (any_negative(record, counts) || lot->held > quantity || lot->reserved > quantity - lot->held)
        audit_fault(faults, source->path, source->line, "invariant 2: %lld held and %lld reserved of %lld on hand",
                    (long long)lot->held, (long long)lot->reserved, (long long)quantity);
}

static void hash_id(struct audit_text id, uint8_t ret[AUDIT_HASH])
{
    audit_blake(id.data, id.len, ret);
}

static void see_asset(struct audit_state *state, const struct audit_record *record)
{
    static const char *const uses[] = {"free", "held", "reserved", "away"};
    struct asset *asset = value_of(state, &state->assets, audit_record_text(record, "id"), NONE, NONE);
    struct kind *sums = value_of(state, &state->kinds, audit_record_text(record, "kind"), NONE, NONE);
    struct audit_text use = audit_record_text(record, "use"), dispatch = audit_record_text(record, "dispatch");
    asset->there = 1;
    asset->use = FREE;
    while (asset->use < AWAY && !audit_text_eq(use, audit_text_of(uses[asset->use])))
        asset->use++;
    if (dispatch.len)
        hash_id(dispatch, asset->dispatch);
    sums->on_hand += asset->use != AWAY;
}

static void see_request(struct audit_state *state, const struct audit_record *record, const struct audit_source *source,
                        struct audit_faults *faults)
{
    static const char *const counts[] = {"quantity", "covered", "open", "shortfall", "received", NULL};
    struct request *request = value_of(state, &state->requests, audit_record_text(record, "id"), NONE, NONE);
    struct audit_text legs = audit_json_find(&record->map, "dispatches"), leg,
                      word = audit_record_text(record, "state");
    const char *at = NULL;
    bool live = audit_text_eq(word, AUDIT_TEXT("open")) || audit_text_eq(word, AUDIT_TEXT("partial")) ||
                audit_text_eq(word, AUDIT_TEXT("covered"));
    uint64_t quantity = number(record, "quantity"), open = number(record, "open"),
             shortfall = number(record, "shortfall");
    request->there = 1;
    request->covered = number(record, "covered");
    request->asked = number(record, "asked");
    while (audit_json_next(legs, &at, &leg)) {
        struct audit_text id;
        if (audit_json_plain(leg, &id) && !audit_map_get(&state->dispatches, id))
            state->failed = true;
        request->named++;
    }
    state->named += request->named;
    if (any_negative(record, counts) || quantity != request->covered + open + shortfall)
        audit_fault(faults, source->path, source->line,
                    "invariant 4: %lld is not %lld covered + %lld open + %lld given up", (long long)quantity,
                    (long long)request->covered, (long long)open, (long long)shortfall);
    if (!live && open)
        audit_fault(faults, source->path, source->line, "invariant 4: the request is closed and still looks for units");
}

static unsigned use_of(struct audit_text state)
{
    if (audit_text_eq(state, AUDIT_TEXT("asked")))
        return HELD;
    if (audit_text_eq(state, AUDIT_TEXT("committed")))
        return RESERVED;
    return audit_text_eq(state, AUDIT_TEXT("in_transit")) || audit_text_eq(state, AUDIT_TEXT("in_use")) ||
                   audit_text_eq(state, AUDIT_TEXT("returning"))
               ? AWAY
               : FREE;
}

/* The assets or operators of a live leg. `count`: those beyond it were lost on the way back. */
static void see_crew(struct audit_state *state, const struct audit_record *record, const char *field, unsigned use,
                     uint64_t count, const struct audit_source *source, struct audit_faults *faults)
{
    struct audit_text list = audit_json_find(&record->map, field), item, id;
    uint8_t hash[AUDIT_HASH];
    const char *at = NULL;
    hash_id(audit_record_text(record, "id"), hash);
    for (uint64_t i = 0; i < count && audit_json_next(list, &at, &item); i++) {
        if (!audit_json_plain(item, &id))
            continue;
        struct asset *asset = value_of(state, &state->assets, id, NONE, NONE);
        if (++asset->legs == 2)
            audit_fault(faults, source->path, source->line, "invariant 5: asset %.*s is in two live legs", (int)id.len,
                        id.data);
        else if (state->seen[AUDIT_ASSET] &&
                 (!asset->there || asset->use != use || memcmp(asset->dispatch, hash, sizeof hash) != 0))
            audit_fault(faults, source->path, source->line,
                        "invariant 5: asset %.*s does not say that it is in this leg", (int)id.len, id.data);
    }
}

static void see_dispatch(struct audit_state *state, const struct audit_record *record,
                         const struct audit_source *source, struct audit_faults *faults)
{
    static const char *const counts[] = {"quantity", "covers", NULL};
    struct audit_text word = audit_record_text(record, "state"), lots = audit_json_find(&record->map, "lots"), item;
    struct request *request = value_of(state, &state->requests, audit_record_text(record, "request"), NONE, NONE);
    unsigned use = use_of(word);
    uint64_t sum = 0, covers = number(record, "covers");
    const char *at = NULL;
    request->legs++;
    request->legs_cover += covers;
    request->legs_ask += use == HELD ? covers : 0;
    if (state->seen[AUDIT_REQUEST] && !audit_map_find(&state->dispatches, audit_record_text(record, "id")))
        audit_fault(faults, source->path, source->line, "invariant 4: no request names this leg");
    if (any_negative(record, counts))
        audit_fault(faults, source->path, source->line, "invariant 4: a number is negative");
    while ((use == HELD || use == RESERVED) && audit_json_next(lots, &at, &item)) {
        struct audit_json_map map;
        struct audit_text id;
        int64_t units;
        if (!audit_json_map(item, &map) || !audit_json_plain(audit_json_find(&map, "lot"), &id) ||
            !audit_json_int(audit_json_find(&map, "quantity"), &units))
            continue;
        struct lot *lot =
            value_of(state, &state->lots, audit_record_text(record, "donor"), audit_record_text(record, "kind"), id);
        *(use == HELD ? &lot->legs_held : &lot->legs_reserved) += (uint64_t)units;
        sum += (uint64_t)units;
    }
    if (use == FREE)
        return;
    bool returning = audit_text_eq(word, AUDIT_TEXT("returning"));
    struct audit_text assets = audit_json_find(&record->map, "assets");
    for (at = NULL; audit_json_next(assets, &at, &item);)
        sum++;
    if (use != AWAY && sum != number(record, "quantity"))
        audit_fault(faults, source->path, source->line, "invariant 2: its lots and assets make %lld of %lld",
                    (long long)sum, (long long)number(record, "quantity"));
    see_crew(state, record, "assets", use, returning ? number(record, "returned") : UINT64_MAX, source, faults);
    see_crew(state, record, "operators", use, UINT64_MAX, source, faults);
}

static void see_account(struct audit_state *state, const struct audit_record *record, const struct audit_source *source,
                        struct audit_faults *faults)
{
    static const char *const counts[] = {"received", "issued", "lost", "written_off", "on_loan", "in_transit", NULL};
    struct kind *kind = value_of(state, &state->kinds, audit_record_text(record, "kind"), NONE, NONE);
    kind->received += number(record, "received");
    kind->elsewhere += number(record, "on_loan") + number(record, "in_transit");
    kind->gone += number(record, "issued") + number(record, "lost") + number(record, "written_off");
    if (any_negative(record, counts))
        audit_fault(faults, source->path, source->line, "invariant 1: a number is negative");
}

void audit_state_see(struct audit_state *state, const struct audit_record *record, const struct audit_source *source,
                     struct audit_faults *faults)
{
    state->seen[record->table] = true;
    switch (record->table) {
    case AUDIT_LOT:
        see_lot(state, record, source, faults);
        break;
    case AUDIT_ASSET:
        see_asset(state, record);
        break;
    case AUDIT_REQUEST:
        see_request(state, record, source, faults);
        break;
    case AUDIT_DISPATCH:
        see_dispatch(state, record, source, faults);
        break;
    case AUDIT_ACCOUNT:
        see_account(state, record, source, faults);
        break;
    default:
        break;
    }
}

/* ---- what the walk gathered ---- */

/* The parts of a key of this file, with spaces between them. */
static const char *name_of(const struct audit_map *map, const struct audit_item *item, char ret[256])
{
    struct audit_text key = audit_item_key(map, item);
    size_t len = key.len < 256 ? key.len : 256;
    for (size_t i = 0; i < len; i++)
        ret[i] = key.data[i] ? key.data[i] : ' ';
    ret[len ? len - 1 : 0] = '\0';
    return ret;
}

static void end_kinds(const struct audit_state *state, const char *path, struct audit_faults *faults)
{
    char name[256];
    size_t at = 0;
    struct audit_item *item;
    while ((item = audit_map_next(&state->kinds, &at))) {
        const struct kind *kind = audit_item_value(item);
        if (kind->received != kind->on_hand + kind->elsewhere + kind->gone)
            audit_fault(
                faults, path, 0,
                "invariant 1: kind %s: received %lld, but on hand %lld + on the road or on loan %lld + gone %lld",
                name_of(&state->kinds, item, name), (long long)kind->received, (long long)kind->on_hand,
                (long long)kind->elsewhere, (long long)kind->gone);
    }
}

static void end_lots(const struct audit_state *state, const char *path, struct audit_faults *faults)
{
    char name[256];
    size_t at = 0;
    struct audit_item *item;
    while ((item = audit_map_next(&state->lots, &at))) {
        const struct lot *lot = audit_item_value(item);
        if (!lot->there || lot->held != lot->legs_held || lot->reserved != lot->legs_reserved)
            audit_fault(faults, path, 0,
                        "invariant 2: lot %s: held %lld, its asked legs %lld; reserved %lld, its committed legs %lld",
                        name_of(&state->lots, item, name), (long long)lot->held, (long long)lot->legs_held,
                        (long long)lot->reserved, (long long)lot->legs_reserved);
    }
}

static void end_requests(const struct audit_state *state, const char *path, struct audit_faults *faults)
{
    char name[256];
    size_t at = 0;
    struct audit_item *item;
    while ((item = audit_map_next(&state->requests, &at))) {
        const struct request *request = audit_item_value(item);
        if (!request->there || request->covered != request->legs_cover || request->asked != request->legs_ask ||
            request->named != request->legs)
            audit_fault(faults, path, 0,
                        "invariant 4: request %s: covered %lld and asked %lld with %llu legs, its legs %lld and %lld "
                        "with %llu",
                        name_of(&state->requests, item, name), (long long)request->covered, (long long)request->asked,
                        (unsigned long long)request->named, (long long)request->legs_cover,
                        (long long)request->legs_ask, (unsigned long long)request->legs);
    }
}

static void end_assets(const struct audit_state *state, const char *path, struct audit_faults *faults)
{
    static const uint8_t none[AUDIT_HASH];
    char name[256];
    size_t at = 0;
    struct audit_item *item;
    while ((item = audit_map_next(&state->assets, &at))) {
        const struct asset *asset = audit_item_value(item);
        bool named = memcmp(asset->dispatch, none, sizeof none) != 0;
        if (asset->there && (named != (asset->legs > 0) || (asset->use != FREE) != named))
            audit_fault(faults, path, 0, "invariant 5: asset %s: what it says of its leg does not hold",
                        name_of(&state->assets, item, name));
    }
}

void audit_state_end(struct audit_state *state, const char *path, struct audit_faults *faults)
{
    const bool *seen = state->seen;
    /* Without any leg among the records, legs may just not have been dumped, unless requests name none either. */
    bool legs = seen[AUDIT_DISPATCH] || state->named == 0;
    if (seen[AUDIT_ACCOUNT] && (seen[AUDIT_LOT] || seen[AUDIT_ASSET]))
        end_kinds(state, path, faults);
    if (seen[AUDIT_LOT] && seen[AUDIT_REQUEST] && legs)
        end_lots(state, path, faults);
    if (seen[AUDIT_REQUEST] && legs)
        end_requests(state, path, faults);
    if (seen[AUDIT_ASSET] && seen[AUDIT_REQUEST] && legs)
        end_assets(state, path, faults);
}

void audit_state_deinit(struct audit_state *state)
{
    audit_map_deinit(&state->kinds);
    audit_map_deinit(&state->lots);
    audit_map_deinit(&state->requests);
    audit_map_deinit(&state->dispatches);
    audit_map_deinit(&state->assets);
}
