/*
 * The nodes of the simulator's own books (books.h), found by the bytes of their keys. Nothing is read from the daemon's
 * derived keys and nothing of its code is used but the bytes of keys and records, so that a wrong sum there has nothing
 * to agree with here.
 */
#include "books.h"
#include <stdlib.h>

#define BOOKS_ARENA_BYTES ((size_t)1 << 32) /* address space; a world of a million entries takes a few hundred MiB */

void *books_alloc(struct books *books, size_t bytes)
{
    void *memory = relief_arena_alloc(&books->arena, bytes);
    if (!memory)
        abort();
    memset(memory, 0, bytes);
    return memory;
}

/* Room for one more; what was there before stays in the arena until the world ends. */
void *books_grow(struct books *books, void *list, uint32_t count, uint32_t *cap, size_t size)
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

void *books_heap_grow(void *list, size_t count, size_t *cap, size_t size)
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

void *books_record_at(struct books *books, enum relief_table table, const void *record, bool *ret_new)
{
    struct core_key key;
    core_key_record(&key, table, record);
    return node_at(books, table, &key, ret_new);
}

void books_touch(struct books *books, void *any)
{
    struct book_node *node = any;
    if (!node || node->touched == books->entry)
        return;
    node->touched = books->entry;
    books->touched =
        books_heap_grow(books->touched, books->touched_count, &books->touched_cap, sizeof(*books->touched));
    books->touched[books->touched_count++] = node;
}

struct book_city *books_city_at(struct books *books, struct relief_str code)
{
    const struct relief_city record = {.code = code};
    bool is_new;
    struct book_city *city = books_record_at(books, RELIEF_TABLE_city, &record, &is_new);
    if (is_new) {
        if (books->city_count == BOOKS_CITIES_MAX)
            abort();
        city->code = relief_arena_str(&books->arena, code);
        city->number = books->city_count;
        books->cities[books->city_count++] = city;
    }
    return city;
}

struct book_kind *books_kind_at(struct books *books, struct relief_str code)
{
    const struct relief_kind record = {.code = code};
    bool is_new;
    struct book_kind *kind = books_record_at(books, RELIEF_TABLE_kind, &record, &is_new);
    if (is_new) {
        if (books->kind_count == BOOKS_KINDS_MAX)
            abort();
        kind->code = relief_arena_str(&books->arena, code);
        books->kinds[books->kind_count++] = kind;
    }
    return kind;
}

struct book_place *books_place_at(struct books *books, struct relief_str city, struct relief_str kind)
{
    struct core_key key;
    bool is_new;
    core_key_start(&key, UINT8_MAX);
    core_key_str(&key, city);
    core_key_str(&key, kind);
    struct book_place *place = (struct book_place *)node_at(books, BOOKS_PLACE, &key, &is_new);
    if (is_new) {
        place->city = books_city_at(books, city);
        place->kind = books_kind_at(books, kind);
        place->emergency_floor = RELIEF_NIL;
        place->next = place->kind->places;
        place->kind->places = place;
    }
    return place;
}

struct book_lot *books_lot_at(struct books *books, struct relief_str city, struct relief_str kind, struct relief_str id)
{
    const struct relief_lot record = {.city = city, .kind = kind, .lot = id};
    bool is_new;
    struct book_lot *lot = books_record_at(books, RELIEF_TABLE_lot, &record, &is_new);
    if (is_new) {
        lot->place = books_place_at(books, city, kind);
        lot->next = lot->place->lots;
        lot->place->lots = lot;
    }
    return lot;
}

struct book_asset *books_asset_at(struct books *books, struct relief_str id)
{
    const struct relief_asset record = {.id = id};
    bool is_new;
    struct book_asset *asset = books_record_at(books, RELIEF_TABLE_asset, &record, &is_new);
    if (is_new)
        asset->id = relief_arena_str(&books->arena, id);
    return asset;
}

struct book_request *books_request_at(struct books *books, struct relief_str id)
{
    const struct relief_request record = {.id = id};
    bool is_new;
    struct book_request *request = books_record_at(books, RELIEF_TABLE_request, &record, &is_new);
    if (is_new)
        request->id = relief_arena_str(&books->arena, id);
    return request;
}

struct book_leg *books_leg_at(struct books *books, struct relief_str id)
{
    const struct relief_dispatch record = {.id = id};
    bool is_new;
    struct book_leg *leg = books_record_at(books, RELIEF_TABLE_dispatch, &record, &is_new);
    if (is_new)
        leg->id = relief_arena_str(&books->arena, id);
    return leg;
}

uint64_t books_mask_of(struct books *books, struct relief_list cities)
{
    const struct relief_str *codes = cities.items;
    uint64_t mask = 0;
    for (uint32_t i = 0; i < cities.count; i++)
        mask |= UINT64_C(1) << books_city_at(books, codes[i])->number;
    return mask;
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
