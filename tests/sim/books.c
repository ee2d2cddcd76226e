/*
 * How the simulator keeps its own books (books.h). A record that changed is taken out as it was and put in as it is;
 * the sums are numbers in the nodes that it belongs to. Nothing is read from the daemon's derived keys and nothing of
 * its code is used but the bytes of keys and records, so that a wrong sum there has nothing to agree with here.
 */
#include "books.h"
#include <stdlib.h>

#define BOOKS_ARENA_BYTES ((size_t)1 << 32) /* address space; a world of a million entries takes a few hundred MiB */

static void *books_alloc(struct books *books, size_t bytes)
{
    void *memory = relief_arena_alloc(&books->arena, bytes);
    if (!memory)
        abort();
    memset(memory, 0, bytes);
    return memory;
}

/* Room for one more; what was there before stays in the arena until the world ends. */
static void *books_grow(struct books *books, void *list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    uint32_t more = *cap ? *cap * 2 : 4;
    void *memory = books_alloc(books, more * size);
    if (count)
        memcpy(memory, list, count * size);
    *cap = more;
    return memory;
}

static void *heap_grow(void *list, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap ? *cap * 2 : 256;
    list = realloc(list, *cap * size);
    if (!list)
        abort();
    return list;
}

int books_init(struct books *books)
{
    *books = (struct books){0};
    int rc = relief_arena_init(&books->arena, BOOKS_ARENA_BYTES);
    return rc ? rc : relief_arena_init(&books->scratch, CORE_ARENA_BYTES);
}

void books_deinit(struct books *books)
{
    relief_arena_deinit(&books->arena);
    relief_arena_deinit(&books->scratch);
    relief_buf_deinit(&books->bytes);
    free(books->slots);
    free(books->touched);
    free(books->made);
    free(books->written);
    *books = (struct books){0};
}

void books_clear(struct books *books)
{
    relief_arena_reset(&books->arena);
    if (books->cap)
        memset(books->slots, 0, books->cap * sizeof(*books->slots));
    books->count = books->city_count = books->kind_count = 0;
    books->touched_count = books->made_count = books->written_count = 0;
    books->stirred = books->all_stirred = false;
    books->donors_stirred = 0;
    books->moved = NULL;
    books->moved_count = books->moved_cap = 0;
    relief_buf_clear(&books->bytes);
}

void books_begin(struct books *books)
{
    books->entry++;
    books->touched_count = books->made_count = 0;
}

void books_settle(struct books *books)
{
    for (unsigned i = 0; i < books->kind_count; i++)
        books->kinds[i]->stirred = 0;
    for (unsigned i = 0; i < books->city_count; i++) {
        books->cities[i]->stirred = false;
        books->cities[i]->links_stirred = 0;
    }
    for (uint32_t i = 0; i < books->moved_count; i++)
        books->moved[i]->stirred = false;
    books->moved_count = 0;
    books->donors_stirred = 0;
    books->stirred = books->all_stirred = false;
}

void books_written_clear(struct books *books)
{
    for (size_t i = 0; i < books->written_count; i++)
        books->written[i].node->written = 0;
    books->written_count = 0;
    relief_buf_clear(&books->bytes);
}

/* ---- nodes ---- */

static const size_t node_sizes[BOOKS_PLACE + 1] = {
    [RELIEF_TABLE_city] = sizeof(struct book_city),
    [RELIEF_TABLE_kind] = sizeof(struct book_kind),
    [RELIEF_TABLE_lot] = sizeof(struct book_lot),
    [RELIEF_TABLE_asset] = sizeof(struct book_asset),
    [RELIEF_TABLE_incident] = sizeof(struct book_incident),
    [RELIEF_TABLE_request] = sizeof(struct book_request),
    [RELIEF_TABLE_dispatch] = sizeof(struct book_leg),
    [RELIEF_TABLE_agreement] = sizeof(struct book_agreement),
    [BOOKS_PLACE] = sizeof(struct book_place),
};

static uint64_t hash_of(const struct core_key *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < key->len; i++)
        hash = (hash ^ key->data[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static void rehash(struct books *books)
{
    size_t cap = books->cap ? books->cap * 2 : 1024;
    struct book_node **slots = calloc(cap, sizeof(*slots));
    if (!slots)
        abort();
    for (size_t i = 0; i < books->cap; i++) {
        struct book_node *node = books->slots[i];
        size_t at = node ? node->hash & (cap - 1) : 0;
        while (node && slots[at])
            at = (at + 1) & (cap - 1);
        if (node)
            slots[at] = node;
    }
    free(books->slots);
    books->slots = slots;
    books->cap = cap;
}

static struct book_node *node_at(struct books *books, unsigned table, const struct core_key *key, bool *ret_new)
{
    if (books->count * 2 >= books->cap)
        rehash(books);
    uint64_t hash = hash_of(key);
    size_t at = hash & (books->cap - 1);
    *ret_new = false;
    for (; books->slots[at]; at = (at + 1) & (books->cap - 1)) {
        struct book_node *node = books->slots[at];
        if (node->hash == hash && node->key.len == key->len && memcmp(node->key.data, key->data, key->len) == 0)
            return node;
    }
    struct book_node *node = books_alloc(books, node_sizes[table] ? node_sizes[table] : sizeof(struct book_node));
    *node = (struct book_node){
        .key = relief_arena_str(&books->arena, (struct relief_str){(const char *)key->data, key->len}),
        .hash = hash,
        .table = (uint8_t)table,
    };
    books->slots[at] = node;
    books->count++;
    *ret_new = true;
    return node;
}

static void *record_at(struct books *books, enum relief_table table, const void *record, bool *ret_new)
{
    struct core_key key;
    core_key_record(&key, table, record);
    return node_at(books, table, &key, ret_new);
}

static void touch(struct books *books, void *any)
{
    struct book_node *node = any;
    if (!node || node->touched == books->entry)
        return;
    node->touched = books->entry;
    books->touched = heap_grow(books->touched, books->touched_count, &books->touched_cap, sizeof(*books->touched));
    books->touched[books->touched_count++] = node;
}

static struct book_city *city_at(struct books *books, struct relief_str code)
{
    const struct relief_city record = {.code = code};
    bool is_new;
    struct book_city *city = record_at(books, RELIEF_TABLE_city, &record, &is_new);
    if (is_new) {
        if (books->city_count == BOOKS_CITIES_MAX)
            abort();
        city->code = relief_arena_str(&books->arena, code);
        city->number = books->city_count;
        books->cities[books->city_count++] = city;
    }
    return city;
}

static struct book_kind *kind_at(struct books *books, struct relief_str code)
{
    const struct relief_kind record = {.code = code};
    bool is_new;
    struct book_kind *kind = record_at(books, RELIEF_TABLE_kind, &record, &is_new);
    if (is_new) {
        if (books->kind_count == BOOKS_KINDS_MAX)
            abort();
        kind->code = relief_arena_str(&books->arena, code);
        books->kinds[books->kind_count++] = kind;
    }
    return kind;
}

static struct book_place *place_at(struct books *books, struct relief_str city, struct relief_str kind)
{
    struct core_key key;
    bool is_new;
    core_key_start(&key, UINT8_MAX);
    core_key_str(&key, city);
    core_key_str(&key, kind);
    struct book_place *place = (struct book_place *)node_at(books, BOOKS_PLACE, &key, &is_new);
    if (is_new) {
        place->city = city_at(books, city);
        place->kind = kind_at(books, kind);
        place->emergency_floor = RELIEF_NIL;
        place->next = place->kind->places;
        place->kind->places = place;
    }
    return place;
}

static struct book_lot *lot_at(struct books *books, struct relief_str city, struct relief_str kind,
                               struct relief_str id)
{
    const struct relief_lot record = {.city = city, .kind = kind, .lot = id};
    bool is_new;
    struct book_lot *lot = record_at(books, RELIEF_TABLE_lot, &record, &is_new);
    if (is_new) {
        lot->place = place_at(books, city, kind);
        lot->next = lot->place->lots;
        lot->place->lots = lot;
    }
    return lot;
}

static struct book_asset *asset_at(struct books *books, struct relief_str id)
{
    const struct relief_asset record = {.id = id};
    bool is_new;
    struct book_asset *asset = record_at(books, RELIEF_TABLE_asset, &record, &is_new);
    if (is_new)
        asset->id = relief_arena_str(&books->arena, id);
    return asset;
}

static struct book_request *request_at(struct books *books, struct relief_str id)
{
    const struct relief_request record = {.id = id};
    bool is_new;
    struct book_request *request = record_at(books, RELIEF_TABLE_request, &record, &is_new);
    if (is_new)
        request->id = relief_arena_str(&books->arena, id);
    return request;
}

static struct book_leg *leg_at(struct books *books, struct relief_str id)
{
    const struct relief_dispatch record = {.id = id};
    bool is_new;
    struct book_leg *leg = record_at(books, RELIEF_TABLE_dispatch, &record, &is_new);
    if (is_new)
        leg->id = relief_arena_str(&books->arena, id);
    return leg;
}

static uint64_t mask_of(struct books *books, struct relief_list cities)
{
    const struct relief_str *codes = cities.items;
    uint64_t mask = 0;
    for (uint32_t i = 0; i < cities.count; i++)
        mask |= UINT64_C(1) << city_at(books, codes[i])->number;
    return mask;
}

/* ---- records, table by table ---- */

static uint64_t bit(const struct book_city *city)
{
    return UINT64_C(1) << city->number;
}

static void stir(struct books *books, struct book_place *place)
{
    place->kind->stirred |= bit(place->city);
    books->stirred = true;
}

static void take_city(struct books *books, const struct relief_city *record)
{
    struct book_city *city = city_at(books, record->code);
    city->mode = record->mode;
    city->stirred = books->stirred = true;
}

static void take_link(struct books *books, const struct relief_link *record)
{
    city_at(books, record->to)->links_stirred |= bit(city_at(books, record->from));
    books->stirred = true;
}

static void take_agreement(struct books *books, struct book_agreement *agreement, const struct relief_agreement *record)
{
    if (agreement->donor)
        books->donors_stirred |= bit(agreement->donor);
    agreement->donor = city_at(books, record->donor);
    books->donors_stirred |= bit(agreement->donor);
    books->stirred = true;
}

static void take_kind(struct books *books, const struct relief_kind *record)
{
    struct book_kind *kind = kind_at(books, record->code);
    const struct relief_substitute *substitutes = record->substitutes.items;
    kind->class_ = record->class_;
    kind->stand_in_count = record->substitutes.count;
    kind->stand_ins = books_alloc(books, record->substitutes.count * sizeof(struct book_kind *));
    for (uint32_t i = 0; i < record->substitutes.count; i++)
        kind->stand_ins[i] = kind_at(books, substitutes[i].kind);
}

static void take_floor(struct books *books, const struct relief_floor *record)
{
    struct book_place *place = place_at(books, record->city, record->kind);
    place->floor = record->floor;
    place->emergency_floor = record->emergency_floor;
    stir(books, place);
}

static void take_lot(struct books *books, struct book_lot *lot, const struct relief_lot *record)
{
    struct book_place *place = lot->place;
    place->kind->sums[BOOK_ON_HAND] += record->quantity - lot->quantity;
    lot->quantity = record->quantity;
    lot->held = record->held;
    lot->reserved = record->reserved;
    lot->expires = record->expires;
    lot->state = record->state;
    stir(books, place);
    touch(books, place);
    touch(books, place->kind);
}

static void leave_place(struct book_asset *asset)
{
    struct book_asset **at = &asset->place->assets;
    while (*at != asset)
        at = &(*at)->next;
    *at = asset->next;
}

static void take_asset(struct books *books, struct book_asset *asset, const struct relief_asset *record)
{
    struct book_place *place = place_at(books, record->city, record->kind);
    if (asset->place) {
        asset->place->kind->sums[BOOK_ON_HAND] -= asset->use != RELIEF_asset_use_away;
        stir(books, asset->place);
        touch(books, asset->place->kind);
    }
    if (asset->place != place) {
        if (asset->place)
            leave_place(asset);
        asset->next = place->assets;
        place->assets = asset;
        asset->place = place;
    }
    asset->use = record->use;
    asset->condition = record->condition;
    asset->rest_until = record->rest_until;
    if (!relief_str_eq(asset->dispatch, record->dispatch))
        asset->dispatch = relief_arena_str(&books->arena, record->dispatch);
    place->kind->sums[BOOK_ON_HAND] += asset->use != RELIEF_asset_use_away;
    stir(books, place);
    touch(books, place);
    touch(books, place->kind);
}

static void take_account(struct books *books, const struct relief_account *record)
{
    struct book_place *place = place_at(books, record->city, record->kind);
    const int64_t numbers[BOOK_SUMS] = {
        record->received, 0, record->in_transit, record->on_loan, record->issued, record->lost, record->written_off};
    for (unsigned i = 0; i < BOOK_SUMS; i++) {
        place->kind->sums[i] += numbers[i] - place->account[i];
        place->account[i] = numbers[i];
    }
    touch(books, place);
    touch(books, place->kind);
}

static void take_incident(struct books *books, struct book_incident *incident, const struct relief_incident *record)
{
    incident->affected = mask_of(books, record->affected) | UINT64_C(1) << city_at(books, record->origin)->number;
    incident->affected &= ~mask_of(books, record->donating);
    if (incident->stirred)
        return;
    books->moved =
        books_grow(books, books->moved, books->moved_count, &books->moved_cap, sizeof(struct book_incident *));
    books->moved[books->moved_count++] = incident;
    incident->stirred = books->stirred = true;
}

static void list_open(struct books *books, struct book_request *request, bool open)
{
    struct book_kind *kind = request->kind;
    if (open == (request->open_at != 0))
        return;
    if (open) {
        kind->open = books_grow(books, kind->open, kind->open_count, &kind->open_cap, sizeof(struct book_request *));
        kind->open[kind->open_count] = request;
        request->open_at = ++kind->open_count;
    } else {
        kind->open[request->open_at - 1] = kind->open[--kind->open_count];
        kind->open[request->open_at - 1]->open_at = request->open_at;
        request->open_at = 0;
    }
}

static void take_request(struct books *books, struct book_request *request, const struct relief_request *record)
{
    const struct relief_str *ids = record->dispatches.items;
    const struct relief_incident incident = {.id = record->incident};
    bool is_new;
    request->kind = kind_at(books, record->kind);
    request->city = city_at(books, record->city);
    request->incident = record->incident.data ? record_at(books, RELIEF_TABLE_incident, &incident, &is_new) : NULL;
    request->quantity = record->quantity;
    request->covered = record->covered;
    request->open = record->open;
    request->shortfall = record->shortfall;
    request->received = record->received;
    request->asked = record->asked;
    request->own_first = record->own_first == 1;
    request->substitutes = record->substitutes == 1;
    request->excluded = mask_of(books, record->excluded);
    request->live = record->state == RELIEF_request_state_open || record->state == RELIEF_request_state_partial ||
                    record->state == RELIEF_request_state_covered;
    request->named_count = 0;
    for (uint32_t i = 0; i < record->dispatches.count; i++) {
        request->named = books_grow(books, request->named, i, &request->named_cap, sizeof(struct book_leg *));
        request->named[request->named_count++] = leg_at(books, ids[i]);
    }
    request->stirred = books->stirred = true;
    list_open(books, request, request->live && request->open > 0);
}

/* ---- legs ---- */

static bool leg_moves(int64_t state)
{
    return state == RELIEF_dispatch_state_in_transit || state == RELIEF_dispatch_state_returning;
}

static bool leg_lives(int64_t state)
{
    return state == RELIEF_dispatch_state_asked || state == RELIEF_dispatch_state_committed || leg_moves(state) ||
           state == RELIEF_dispatch_state_in_use;
}

/* Adds what the leg says to what it names (sign 1), or takes it back (-1). */
static void leg_count(struct books *books, struct book_leg *leg, int sign)
{
    bool asked = leg->state == RELIEF_dispatch_state_asked, committed = leg->state == RELIEF_dispatch_state_committed;
    for (uint32_t i = 0; i < leg->portion_count; i++) {
        struct book_portion *portion = &leg->portions[i];
        portion->lot->asked += asked ? sign * portion->units : 0;
        portion->lot->committed += committed ? sign * portion->units : 0;
        if (asked || committed)
            touch(books, portion->lot);
    }
    for (uint32_t i = 0; i < leg->piece_count; i++) {
        struct book_piece *piece = &leg->pieces[i];
        if (!piece->live)
            continue;
        piece->asset->live += (unsigned)sign;
        if (sign > 0)
            piece->asset->leg = leg;
        touch(books, piece->asset);
        if (piece->operators) {
            piece->operators->moving += leg_moves(leg->state) ? sign : 0;
            piece->operators->lent += leg->state == RELIEF_dispatch_state_in_use ? sign : 0;
            touch(books, piece->operators);
        }
    }
    leg->place->moving += sign * leg->moving;
    leg->place->lent += sign * leg->lent;
    leg->request->legs += sign;
    leg->request->legs_cover += sign * leg->covers_due;
    leg->request->legs_asked += asked ? sign * leg->covers_due : 0;
    touch(books, leg->place);
    touch(books, leg->request);
}

/* Fine print 38: what a leg covers by its state. */
static int64_t covers_due(const struct relief_dispatch *record)
{
    switch (record->state) {
    case RELIEF_dispatch_state_asked:
    case RELIEF_dispatch_state_committed:
    case RELIEF_dispatch_state_in_transit:
        return record->quantity / record->give * record->for_;
    case RELIEF_dispatch_state_received:
    case RELIEF_dispatch_state_in_use:
    case RELIEF_dispatch_state_returning:
    case RELIEF_dispatch_state_returned:
    case RELIEF_dispatch_state_closed:
        return record->accepted / record->give * record->for_;
    default:
        return 0;
    }
}

static void take_pieces(struct books *books, struct book_leg *leg, const struct relief_dispatch *record)
{
    const struct relief_list lists[2] = {record->assets, record->operators};
    leg->assets = record->assets.count;
    leg->piece_count = 0;
    for (unsigned which = 0; which < 2; which++) {
        const struct relief_str *ids = lists[which].items;
        for (uint32_t i = 0; i < lists[which].count; i++) {
            struct book_asset *asset = asset_at(books, ids[i]);
            bool stayed = record->state == RELIEF_dispatch_state_returning && !which && i >= record->returned;
            leg->pieces = books_grow(books, leg->pieces, leg->piece_count, &leg->piece_cap, sizeof(struct book_piece));
            leg->pieces[leg->piece_count++] = (struct book_piece){
                .asset = asset,
                .operators = which && asset->place ? place_at(books, record->donor, asset->place->kind->code) : NULL,
                .live = leg_lives(record->state) && !stayed, /* what a requester didn't send back is lost */
            };
        }
    }
}

static void take_leg(struct books *books, struct book_leg *leg, const struct relief_dispatch *record, bool made)
{
    const struct relief_leg_lot *lots = record->lots.items;
    if (!made)
        leg_count(books, leg, -1);
    leg->request = request_at(books, record->request);
    leg->place = place_at(books, record->donor, record->kind);
    leg->state = record->state;
    leg->quantity = record->quantity;
    leg->covers = record->covers;
    leg->covers_due = covers_due(record);
    leg->ordered = record->ordered == 1;
    leg->moving = record->state == RELIEF_dispatch_state_in_transit  ? record->sent
                  : record->state == RELIEF_dispatch_state_returning ? record->returned
                                                                     : 0;
    leg->lent = record->state == RELIEF_dispatch_state_in_use ? record->accepted : 0;
    leg->sum = record->assets.count;
    leg->portion_count = 0;
    for (uint32_t i = 0; i < record->lots.count; i++) {
        leg->portions =
            books_grow(books, leg->portions, leg->portion_count, &leg->portion_cap, sizeof(struct book_portion));
        leg->portions[leg->portion_count++] =
            (struct book_portion){lot_at(books, record->donor, record->kind, lots[i].lot), lots[i].quantity};
        leg->sum += lots[i].quantity;
    }
    take_pieces(books, leg, record);
    leg_count(books, leg, 1);
    stir(books, leg->place);
    touch(books, leg->place->kind);
    if (made) {
        books->made = heap_grow(books->made, books->made_count, &books->made_cap, sizeof(*books->made));
        books->made[books->made_count++] = leg;
    }
}

/* ---- one change ---- */

static void note_written(struct books *books, struct book_node *node, const struct core_change *change)
{
    size_t at = books->bytes.len;
    if (!change->gone)
        relief_record_encode(&books->bytes, relief_tables[change->table].shape, change->record);
    if (books->bytes.failed)
        abort();
    if (!node->written) {
        books->written = heap_grow(books->written, books->written_count, &books->written_cap, sizeof(*books->written));
        node->written = (uint32_t)++books->written_count;
    }
    books->written[node->written - 1] = (struct books_written){node, at, books->bytes.len - at};
}

void books_take(struct books *books, const struct core_change *change)
{
    const void *record = change->record;
    bool was;
    struct book_node *node;
    switch (change->table) { /* those that others may have named are made with all that belongs to them */
    case RELIEF_TABLE_city:
        node = &city_at(books, ((const struct relief_city *)record)->code)->node;
        break;
    case RELIEF_TABLE_kind:
        node = &kind_at(books, ((const struct relief_kind *)record)->code)->node;
        break;
    case RELIEF_TABLE_lot: {
        const struct relief_lot *lot = record;
        node = &lot_at(books, lot->city, lot->kind, lot->lot)->node;
        break;
    }
    case RELIEF_TABLE_asset:
        node = &asset_at(books, ((const struct relief_asset *)record)->id)->node;
        break;
    case RELIEF_TABLE_request:
        node = &request_at(books, ((const struct relief_request *)record)->id)->node;
        break;
    case RELIEF_TABLE_dispatch:
        node = &leg_at(books, ((const struct relief_dispatch *)record)->id)->node;
        break;
    default:
        node = record_at(books, change->table, record, &was);
        break;
    }
    was = node->there;
    node->there = !change->gone;
    note_written(books, node, change);
    touch(books, node);
    if (change->gone)
        return; /* ops only: watch.c says so of anything else */
    switch (change->table) {
    case RELIEF_TABLE_city:
        take_city(books, record);
        break;
    case RELIEF_TABLE_kind:
        take_kind(books, record);
        break;
    case RELIEF_TABLE_link:
        take_link(books, record);
        break;
    case RELIEF_TABLE_agreement:
        take_agreement(books, (struct book_agreement *)node, record);
        break;
    case RELIEF_TABLE_floor:
        take_floor(books, record);
        break;
    case RELIEF_TABLE_lot:
        take_lot(books, (struct book_lot *)node, record);
        break;
    case RELIEF_TABLE_asset:
        take_asset(books, (struct book_asset *)node, record);
        break;
    case RELIEF_TABLE_incident:
        take_incident(books, (struct book_incident *)node, record);
        break;
    case RELIEF_TABLE_request:
        take_request(books, (struct book_request *)node, record);
        break;
    case RELIEF_TABLE_dispatch:
        take_leg(books, (struct book_leg *)node, record, !was);
        break;
    case RELIEF_TABLE_account:
        take_account(books, record);
        break;
    default:
        break;
    }
    if (change->table == RELIEF_TABLE_region || change->table == RELIEF_TABLE_kind ||
        change->table == RELIEF_TABLE_travel)
        books->stirred = books->all_stirred = true;
}

/* ---- what there is to give ---- */

int64_t books_spare(const struct book_place *place, int64_t time)
{
    bool emergency = place->city->mode == RELIEF_mode_emergency && place->emergency_floor != RELIEF_NIL;
    int64_t spare = -(emergency ? place->emergency_floor : place->floor);
    for (const struct book_lot *lot = place->lots; lot; lot = lot->next) {
        bool usable = lot->state == RELIEF_lot_state_usable && (lot->expires == RELIEF_NIL || lot->expires > time);
        spare += (usable ? lot->quantity : 0) - lot->held - lot->reserved;
    }
    for (const struct book_asset *asset = place->assets; asset; asset = asset->next) {
        bool usable = asset->condition == RELIEF_condition_ready &&
                      (asset->rest_until == RELIEF_NIL || asset->rest_until <= time);
        if (asset->use != RELIEF_asset_use_away)
            spare +=
                (usable ? 1 : 0) - (asset->use == RELIEF_asset_use_held) - (asset->use == RELIEF_asset_use_reserved);
    }
    return spare;
}

uint64_t books_givers(struct book_kind *kind, int64_t time, uint64_t as_of)
{
    if (kind->givers_as_of != as_of) {
        kind->givers = 0;
        for (const struct book_place *place = kind->places; place; place = place->next)
            if (books_spare(place, time) > 0)
                kind->givers |= UINT64_C(1) << place->city->number;
        kind->givers_as_of = as_of;
    }
    return kind->givers;
}
