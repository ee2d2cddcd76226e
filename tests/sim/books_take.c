/*
 * A record that changed is taken out of the simulator's books as it was and put in as it is; the sums are numbers in
 * the nodes that it belongs to (books.h).
 */
#include "books.h"
#include <stdlib.h>

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
    struct book_city *city = books_city_at(books, record->code);
    city->mode = record->mode;
    city->stirred = books->stirred = true;
}

static void take_link(struct books *books, const struct relief_link *record)
{
    books_city_at(books, record->to)->links_stirred |= bit(books_city_at(books, record->from));
    books->stirred = true;
}

static void take_agreement(struct books *books, struct book_agreement *agreement, const struct relief_agreement *record)
{
    if (agreement->donor)
        books->donors_stirred |= bit(agreement->donor);
    agreement->donor = books_city_at(books, record->donor);
    books->donors_stirred |= bit(agreement->donor);
    books->stirred = true;
}

static void take_kind(struct books *books, const struct relief_kind *record)
{
    struct book_kind *kind = books_kind_at(books, record->code);
    const struct relief_substitute *substitutes = record->substitutes.items;
    kind->class_ = record->class_;
    kind->stand_in_count = record->substitutes.count;
    kind->stand_ins = books_alloc(books, record->substitutes.count * sizeof(struct book_kind *));
    for (uint32_t i = 0; i < record->substitutes.count; i++)
        kind->stand_ins[i] = books_kind_at(books, substitutes[i].kind);
}

static void take_floor(struct books *books, const struct relief_floor *record)
{
    struct book_place *place = books_place_at(books, record->city, record->kind);
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
    books_touch(books, place);
    books_touch(books, place->kind);
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
    struct book_place *place = books_place_at(books, record->city, record->kind);
    if (asset->place) {
        asset->place->kind->sums[BOOK_ON_HAND] -= asset->use != RELIEF_asset_use_away;
        stir(books, asset->place);
        books_touch(books, asset->place->kind);
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
    books_touch(books, place);
    books_touch(books, place->kind);
}

static void take_account(struct books *books, const struct relief_account *record)
{
    struct book_place *place = books_place_at(books, record->city, record->kind);
    const int64_t numbers[BOOK_SUMS] = {
        record->received, 0, record->in_transit, record->on_loan, record->issued, record->lost, record->written_off};
    for (unsigned i = 0; i < BOOK_SUMS; i++) {
        place->kind->sums[i] += numbers[i] - place->account[i];
        place->account[i] = numbers[i];
    }
    books_touch(books, place);
    books_touch(books, place->kind);
}

static void take_incident(struct books *books, struct book_incident *incident, const struct relief_incident *record)
{
    incident->affected = books_mask_of(books, record->affected) | UINT64_C(1)
                                                                      << books_city_at(books, record->origin)->number;
    incident->affected &= ~books_mask_of(books, record->donating);
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
    request->kind = books_kind_at(books, record->kind);
    request->city = books_city_at(books, record->city);
    request->incident =
        record->incident.data ? books_record_at(books, RELIEF_TABLE_incident, &incident, &is_new) : NULL;
    request->quantity = record->quantity;
    request->covered = record->covered;
    request->open = record->open;
    request->shortfall = record->shortfall;
    request->received = record->received;
    request->asked = record->asked;
    request->own_first = record->own_first == 1;
    request->substitutes = record->substitutes == 1;
    request->excluded = books_mask_of(books, record->excluded);
    request->live = record->state == RELIEF_request_state_open || record->state == RELIEF_request_state_partial ||
                    record->state == RELIEF_request_state_covered;
    request->named_count = 0;
    for (uint32_t i = 0; i < record->dispatches.count; i++) {
        request->named = books_grow(books, request->named, i, &request->named_cap, sizeof(struct book_leg *));
        request->named[request->named_count++] = books_leg_at(books, ids[i]);
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
            books_touch(books, portion->lot);
    }
    for (uint32_t i = 0; i < leg->piece_count; i++) {
        struct book_piece *piece = &leg->pieces[i];
        if (!piece->live)
            continue;
        piece->asset->live += (unsigned)sign;
        if (sign > 0)
            piece->asset->leg = leg;
        books_touch(books, piece->asset);
        if (piece->operators) {
            piece->operators->moving += leg_moves(leg->state) ? sign : 0;
            piece->operators->lent += leg->state == RELIEF_dispatch_state_in_use ? sign : 0;
            books_touch(books, piece->operators);
        }
    }
    leg->place->moving += sign * leg->moving;
    leg->place->lent += sign * leg->lent;
    leg->request->legs += sign;
    leg->request->legs_cover += sign * leg->covers_due;
    leg->request->legs_asked += asked ? sign * leg->covers_due : 0;
    books_touch(books, leg->place);
    books_touch(books, leg->request);
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
            struct book_asset *asset = books_asset_at(books, ids[i]);
            bool stayed = record->state == RELIEF_dispatch_state_returning && !which && i >= record->returned;
            leg->pieces = books_grow(books, leg->pieces, leg->piece_count, &leg->piece_cap, sizeof(struct book_piece));
            leg->pieces[leg->piece_count++] = (struct book_piece){
                .asset = asset,
                .operators =
                    which && asset->place ? books_place_at(books, record->donor, asset->place->kind->code) : NULL,
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
    leg->request = books_request_at(books, record->request);
    leg->place = books_place_at(books, record->donor, record->kind);
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
            (struct book_portion){books_lot_at(books, record->donor, record->kind, lots[i].lot), lots[i].quantity};
        leg->sum += lots[i].quantity;
    }
    take_pieces(books, leg, record);
    leg_count(books, leg, 1);
    stir(books, leg->place);
    books_touch(books, leg->place->kind);
    if (made) {
        books->made = books_heap_grow(books->made, books->made_count, &books->made_cap, sizeof(*books->made));
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
        books->written =
            books_heap_grow(books->written, books->written_count, &books->written_cap, sizeof(*books->written));
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
        node = &books_city_at(books, ((const struct relief_city *)record)->code)->node;
        break;
    case RELIEF_TABLE_kind:
        node = &books_kind_at(books, ((const struct relief_kind *)record)->code)->node;
        break;
    case RELIEF_TABLE_lot: {
        const struct relief_lot *lot = record;
        node = &books_lot_at(books, lot->city, lot->kind, lot->lot)->node;
        break;
    }
    case RELIEF_TABLE_asset:
        node = &books_asset_at(books, ((const struct relief_asset *)record)->id)->node;
        break;
    case RELIEF_TABLE_request:
        node = &books_request_at(books, ((const struct relief_request *)record)->id)->node;
        break;
    case RELIEF_TABLE_dispatch:
        node = &books_leg_at(books, ((const struct relief_dispatch *)record)->id)->node;
        break;
    default:
        node = books_record_at(books, change->table, record, &was);
        break;
    }
    was = node->there;
    node->there = !change->gone;
    note_written(books, node, change);
    books_touch(books, node);
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
