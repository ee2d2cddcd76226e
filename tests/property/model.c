/*
 * The model's arrays, lookups and derived numbers: places, travel, floors, stock. Everything is looked up by walking an
 * array, and every derived number is added up anew, so that nothing here can be wrong in the way that an index can.
 */
#include "model.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES       65536u /* slots of the table of interned strings; a world has a few thousand */
#define CHUNK_BYTES ((size_t)1 << 20)

struct model_chunk {
    struct model_chunk *next;
    size_t used, cap;
    char data[];
};

struct model_name {
    struct model_name *next;
    uint32_t len;
    char text[];
};

void model_init(struct model *m)
{
    *m = (struct model){0};
#define T(table, cap)                                                                                                  \
    m->table = calloc(cap, sizeof *m->table);                                                                          \
    assert(m->table);
    MODEL_TABLES(T)
#undef T
    m->names = calloc(NAMES, sizeof *m->names);
    assert(m->names);
}

void model_reset(struct model *m)
{
#define T(table, cap) m->table##_count = 0;
    MODEL_TABLES(T)
#undef T
    while (m->chunks) {
        struct model_chunk *next = m->chunks->next;
        free(m->chunks);
        m->chunks = next;
    }
    memset(m->names, 0, NAMES * sizeof *m->names);
}

void model_deinit(struct model *m)
{
    model_reset(m);
#define T(table, cap) free(m->table);
    MODEL_TABLES(T)
#undef T
    free(m->names);
    *m = (struct model){0};
}

void *model_alloc(struct model *m, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (!m->chunks || m->chunks->cap - m->chunks->used < bytes) {
        size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        struct model_chunk *chunk = malloc(sizeof *chunk + cap);
        assert(chunk);
        *chunk = (struct model_chunk){.next = m->chunks, .cap = cap};
        m->chunks = chunk;
    }
    void *at = m->chunks->data + m->chunks->used;
    m->chunks->used += bytes;
    return at;
}

struct relief_str model_name(struct model *m, const char *text, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    struct model_name **slot = &m->names[hash % NAMES];
    for (struct model_name *name = *slot; name; name = name->next) {
        if (name->len == len && memcmp(name->text, text, len) == 0)
            return (struct relief_str){name->text, name->len};
    }
    struct model_name *name = model_alloc(m, sizeof *name + len + 1);
    name->next = *slot;
    name->len = (uint32_t)len;
    memcpy(name->text, text, len);
    name->text[len] = 0;
    *slot = name;
    return (struct relief_str){name->text, name->len};
}

struct relief_str model_printf(struct model *m, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof text);
    return model_name(m, text, (size_t)len);
}

#define FIND_ONE(table, field)                                                                                         \
    struct relief_##table *model_##table(struct model *m, struct relief_str field)                                     \
    {                                                                                                                  \
        for (unsigned i = 0; i < m->table##_count; i++) {                                                              \
            if (model_same(m->table[i].field, field))                                                                  \
                return &m->table[i];                                                                                   \
        }                                                                                                              \
        return NULL;                                                                                                   \
    }
FIND_ONE(region, id)
FIND_ONE(city, code)
FIND_ONE(kind, code)
FIND_ONE(asset, id)
FIND_ONE(incident, id)
FIND_ONE(agreement, id)
FIND_ONE(request, id)
FIND_ONE(dispatch, id)

#define FIND_TWO(table, one, two)                                                                                      \
    struct relief_##table *model_##table(struct model *m, struct relief_str one, struct relief_str two)                \
    {                                                                                                                  \
        for (unsigned i = 0; i < m->table##_count; i++) {                                                              \
            if (model_same(m->table[i].one, one) && model_same(m->table[i].two, two))                                  \
                return &m->table[i];                                                                                   \
        }                                                                                                              \
        return NULL;                                                                                                   \
    }
FIND_TWO(link, from, to)
FIND_TWO(floor, city, kind)

struct relief_lot *model_lot(struct model *m, struct relief_str city, struct relief_str kind, struct relief_str lot)
{
    for (unsigned i = 0; i < m->lot_count; i++) {
        if (model_same(m->lot[i].lot, lot) && model_same(m->lot[i].city, city) && model_same(m->lot[i].kind, kind))
            return &m->lot[i];
    }
    return NULL;
}

/* The account of a city and kind; made, with zeros, when there is none. */
struct relief_account *model_account(struct model *m, struct relief_str city, struct relief_str kind)
{
    for (unsigned i = 0; i < m->account_count; i++) {
        if (model_same(m->account[i].city, city) && model_same(m->account[i].kind, kind))
            return &m->account[i];
    }
    assert(m->account_count < 2048);
    struct relief_account *account = &m->account[m->account_count++];
    *account = (struct relief_account){.city = city, .kind = kind, .as_of = RELIEF_NIL};
    account->issued_days.present = 1;
    return account;
}

void model_issued(struct model *m, int64_t time, struct relief_str city, struct relief_str kind, int64_t units)
{
    struct relief_account *account = model_account(m, city, kind);
    const struct relief_issued_day *days = account->issued_days.items;
    int64_t today = time / RELIEF_DAY_MS;
    struct relief_issued_day *kept = model_alloc(m, (account->issued_days.count + 1) * sizeof *kept);
    uint32_t count = 0;
    account->issued += units;
    for (uint32_t i = 0; i < account->issued_days.count; i++) {
        if (days[i].day >= today - 30)
            kept[count++] = days[i];
    }
    if (count && kept[count - 1].day == today)
        kept[count - 1].units += units;
    else
        kept[count++] = (struct relief_issued_day){.day = today, .units = units};
    account->issued_days = (struct relief_list){.items = kept, .count = count, .present = 1};
}

bool model_in_region(struct model *m, struct relief_str region, struct relief_str top)
{
    for (unsigned depth = 0; region.data && depth < 64; depth++) {
        if (model_same(region, top))
            return true;
        struct relief_region *r = model_region(m, region);
        region = r ? r->parent : RELIEF_STR_NONE;
    }
    return false;
}

bool model_listed(const struct relief_list *list, struct relief_str id)
{
    const struct relief_str *items = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (model_same(items[i], id))
            return true;
    }
    return false;
}

void model_list_add(struct model *m, struct relief_list *list, struct relief_str id)
{
    struct relief_str *items = model_alloc(m, (list->count + 1) * sizeof *items);
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = id;
    *list = (struct relief_list){.items = items, .count = list->count + 1, .present = 1};
}

int64_t model_metres(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b, bool *ret_tie)
{
    const long double degree = acosl(-1.0L) / 180.0L / 1000000.0L;
    long double a = (long double)lat_a * degree, b = (long double)lat_b * degree;
    long double half_lat = sinl((a - b) / 2), half_lon = sinl((long double)(lon_a - lon_b) * degree / 2);
    long double h = half_lat * half_lat + cosl(a) * cosl(b) * half_lon * half_lon;
    long double metres = 2 * 6371000.0L * asinl(sqrtl(h > 1 ? 1 : h));
    long double above = metres - floorl(metres);
    /* Near the antipode the arcsine loses half of its digits on doubles. */
    long double margin = h > 0.9L ? 0.4L : 1e-6L;
    *ret_tie = fabsl(above - 0.5L) < margin;
    return (int64_t)floorl(metres + 0.5L);
}

int64_t model_minutes(struct model *m, const struct relief_city *from, const struct relief_city *to)
{
    if (from == to)
        return 0;
    struct relief_link *link = model_link(m, from->code, to->code);
    if (link)
        return link->open ? link->minutes : RELIEF_NIL;
    bool tie;
    model_wide permille = m->travel_count ? m->travel[0].permille : 1400;
    model_wide speed = m->travel_count ? m->travel[0].km_per_hour : 60;
    model_wide metres = model_metres(from->lat, from->lon, to->lat, to->lon, &tie);
    model_wide minutes = (metres * permille * 60 + 1000000 * speed - 1) / (1000000 * speed);
    return minutes < 1 ? 1 : (int64_t)minutes;
}

bool model_lot_usable(const struct relief_lot *lot, int64_t time)
{
    return lot->state == RELIEF_lot_state_usable && (lot->expires == RELIEF_NIL || lot->expires > time);
}

int64_t model_floor_now(struct model *m, const struct relief_city *city, struct relief_str kind)
{
    struct relief_floor *floor = model_floor(m, city->code, kind);
    if (!floor)
        return 0;
    if (city->mode == RELIEF_mode_emergency && floor->emergency_floor != RELIEF_NIL)
        return floor->emergency_floor;
    return floor->floor;
}

static int lot_order(const void *x, const void *y)
{
    const struct relief_lot *a = *(struct relief_lot *const *)x, *b = *(struct relief_lot *const *)y;
    int64_t one = a->expires == RELIEF_NIL ? INT64_MAX : a->expires;
    int64_t two = b->expires == RELIEF_NIL ? INT64_MAX : b->expires;
    if (one != two)
        return one < two ? -1 : 1;
    return relief_str_cmp(a->lot, b->lot);
}

unsigned model_lots(struct model *m, struct relief_str city, struct relief_str kind, struct relief_lot **ret,
                    unsigned cap)
{
    unsigned count = 0;
    for (unsigned i = 0; i < m->lot_count; i++) {
        if (model_same(m->lot[i].city, city) && model_same(m->lot[i].kind, kind)) {
            assert(count < cap);
            ret[count++] = &m->lot[i];
        }
    }
    qsort(ret, count, sizeof *ret, lot_order);
    return count;
}

void model_stock(struct model *m, int64_t time, struct relief_str city, struct relief_str kind,
                 struct relief_stock *ret)
{
    *ret = (struct relief_stock){.city = city, .kind = kind};
    struct relief_lot *lots[512];
    unsigned count = model_lots(m, city, kind, lots, 512), shown = 0;
    struct relief_stock_lot *items = model_alloc(m, (count + 1) * sizeof *items);
    for (unsigned i = 0; i < count; i++) {
        ret->on_hand += lots[i]->quantity;
        ret->held += lots[i]->held;
        ret->reserved += lots[i]->reserved;
        if (!model_lot_usable(lots[i], time))
            ret->unusable += lots[i]->quantity;
        if (lots[i]->quantity)
            items[shown++] = (struct relief_stock_lot){.lot = lots[i]->lot,
                                                       .quantity = lots[i]->quantity,
                                                       .expires = lots[i]->expires,
                                                       .state = lots[i]->state,
                                                       .held = lots[i]->held,
                                                       .reserved = lots[i]->reserved};
    }
    for (unsigned i = 0; i < m->dispatch_count; i++) {
        const struct relief_dispatch *leg = &m->dispatch[i];
        bool back = leg->state == RELIEF_dispatch_state_returning;
        if ((leg->state != RELIEF_dispatch_state_in_transit && !back) || !model_same(leg->kind, kind))
            continue;
        if (model_same(back ? leg->requester : leg->donor, city))
            ret->in_transit_out += back ? leg->returned : leg->sent;
        if (model_same(back ? leg->donor : leg->requester, city))
            ret->in_transit_in += back ? leg->returned : leg->sent;
    }
    model_asset_stock(m, time, city, kind, ret);
    ret->floor = model_floor_now(m, model_city(m, city), kind);
    int64_t left = ret->on_hand - ret->unusable - ret->held - ret->reserved - ret->floor;
    ret->available = left > 0 ? left : 0;
    ret->lots = (struct relief_list){.items = items, .count = shown, .present = 1};
    ret->as_of = RELIEF_NIL;
    for (unsigned i = 0; i < m->account_count; i++) /* looked for only: a read makes no account */
        if (model_same(m->account[i].city, city) && model_same(m->account[i].kind, kind))
            ret->as_of = m->account[i].as_of;
}
