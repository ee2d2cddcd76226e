/*
 * Reads of stock. Totals depend on the reader's clock (a lot expires without an entry, fine print 32), so they are
 * computed for each row and never stored.
 *
 * stock.list walks the pairs of city and kind that have a lot. Given a kind alone, it walks the holders of that kind,
 * which come in the same order of cities, instead of looking at every pair; given a region, a city outside of it is
 * stepped over whole. A row reads several records, so it counts as ROW_RECORDS and its lots towards the bound of a
 * page.
 */
#include "rpc/session.h"
#include "core/key.h"

#define ROW_RECORDS 4u /* city, kind, floor, account; each as dear as a record of another list */

static void fill_total(struct relief_stock_total *ret, const struct relief_stock *stock)
{
    *ret = (struct relief_stock_total){
        .city = stock->city,
        .kind = stock->kind,
        .on_hand = stock->on_hand,
        .unusable = stock->unusable,
        .held = stock->held,
        .reserved = stock->reserved,
        .in_transit_in = stock->in_transit_in,
        .in_transit_out = stock->in_transit_out,
        .floor = stock->floor,
        .available = stock->available,
        .as_of = stock->as_of,
    };
}

static bool exists(struct rpc_call *call, enum relief_table table, struct relief_str id)
{
    union relief_any_record record;
    relief_shape_clear(relief_tables[table].shape, &record);
    *relief_field_str(&relief_tables[table].shape->fields[0], &record) = id;
    return core_find(engine_view(call->rpc->engine), table, &call->rpc->record, &record);
}

int rpc_stock_get(struct rpc_call *call)
{
    const struct relief_stock_get_params *params = call->params;
    struct engine *engine = call->rpc->engine;
    struct relief_stock stock;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    if (!exists(call, RELIEF_TABLE_city, params->city))
        return rpc_not_found(&call->refusal, "city", "city", params->city);
    if (!exists(call, RELIEF_TABLE_kind, params->kind))
        return rpc_not_found(&call->refusal, "kind", "kind", params->kind);
    core_stock(engine_core(engine), engine_now(engine), params->city, params->kind, &call->rpc->record, &stock);
    sight_start(&sight, call->rpc, &call->session->identity);
    if (!sight_stock(&sight, &stock))
        return relief_refuse(&call->refusal, RELIEF_DENIED, "%.*s shares nothing with %.100s", (int)params->city.len,
                             params->city.data, call->session->identity.name);
    relief_pack_record(call->out, &relief_shape_stock, &stock, 0);
    return 0;
}

/* Which pairs a list walks: keys below prefix, whose two parts are city and kind, or kind and city. */
struct walk {
    struct core_key prefix, from;
    bool kind_first;
    struct relief_str city, kind;              /* of the key at hand */
    char region_city[RELIEF_ID_BYTES_MAX + 1]; /* the city whose region was looked at last */
    bool region_fits;
};

static void pair_key(struct core_key *key, bool kind_first, struct relief_str city, struct relief_str kind)
{
    core_key_start(key, kind_first ? CORE_KEY_HOLDER : CORE_KEY_SUM);
    if (kind_first ? kind.data != NULL : city.data != NULL)
        core_key_str(key, kind_first ? kind : city);
    if (city.data && kind.data)
        core_key_str(key, kind_first ? city : kind);
}

static int walk_start(struct walk *walk, struct rpc_call *call, const struct relief_stock_list_params *params)
{
    struct relief_str parts[2];
    *walk = (struct walk){.kind_first = params->kind.data && !params->city.data};
    pair_key(&walk->prefix, walk->kind_first, params->city, params->kind);
    if (!params->after.data)
        return 0;
    int result = rpc_after_parts(call, params->after, 2, parts);
    if (result)
        return result;
    /* by holders the kind is fixed, so only the cities are compared: (city, another kind) before or after ours */
    if (walk->kind_first) {
        pair_key(&walk->from, true, parts[0], params->kind);
        if (relief_str_cmp(parts[1], params->kind) < 0)
            walk->from.len--; /* that city itself is still to come: a key just before its end mark */
    } else {
        pair_key(&walk->from, false, parts[0], parts[1]);
    }
    return 0;
}

static void walk_key(struct walk *walk, struct relief_str key)
{
    uint32_t at = 1;
    struct relief_str first = core_key_take_str(key, &at);
    struct relief_str second = core_key_take_str(key, &at);
    walk->city = walk->kind_first ? second : first;
    walk->kind = walk->kind_first ? first : second;
}

/* The tree is at most RELIEF_REGION_DEPTH_MAX deep. */
bool rpc_region_below(struct rpc_call *call, struct relief_str region, struct relief_str top)
{
    struct core_view *view = engine_view(call->rpc->engine);
    struct relief_str at = region;
    for (int depth = 0; at.data && depth <= RELIEF_REGION_DEPTH_MAX; depth++) {
        struct relief_region record;
        if (relief_str_eq(at, top))
            return true;
        relief_shape_clear(&relief_shape_region, &record);
        record.id = at;
        if (!core_find(view, RELIEF_TABLE_region, &call->rpc->record, &record))
            return false;
        at = record.parent;
    }
    return false;
}

bool rpc_in_region(struct rpc_call *call, struct relief_str city_code, struct relief_str top)
{
    struct relief_city city;
    relief_shape_clear(&relief_shape_city, &city);
    city.code = city_code;
    return core_find(engine_view(call->rpc->engine), RELIEF_TABLE_city, &call->rpc->record, &city) &&
           rpc_region_below(call, city.region, top);
}

static bool region_fits(struct walk *walk, struct rpc_call *call, struct relief_str region)
{
    if (!region.data)
        return true;
    if (!relief_str_eq(relief_str_of(walk->region_city), walk->city)) {
        walk->region_fits = rpc_in_region(call, walk->city, region);
        memcpy(walk->region_city, walk->city.data, walk->city.len);
        walk->region_city[walk->city.len] = 0;
    }
    return walk->region_fits;
}

/* CITY/KIND, the key of a row; in the call's arena. */
static struct relief_str row_key(struct rpc_call *call, struct relief_str city, struct relief_str kind)
{
    uint32_t len = city.len + 1 + kind.len;
    char *text = relief_arena_alloc(&call->rpc->arena, len);
    if (!text)
        return RELIEF_STR_NONE;
    memcpy(text, city.data, city.len);
    text[city.len] = '/';
    memcpy(text + city.len + 1, kind.data, kind.len);
    return (struct relief_str){text, len};
}

static bool add_row(struct rpc_page *page, struct relief_str city, struct relief_str kind)
{
    struct rpc *rpc = page->call->rpc;
    struct relief_stock stock;
    struct relief_stock_total total;
    core_stock(engine_core(rpc->engine), engine_now(rpc->engine), city, kind, &rpc->record, &stock);
    page->looked += ROW_RECORDS + stock.lots.count;
    if (!sight_stock(page->call->sight, &stock))
        return true; /* not for this reader; the page goes on behind it */
    fill_total(&total, &stock);
    return rpc_page_add(page, &relief_shape_stock_total, &total);
}

int rpc_stock_list(struct rpc_call *call)
{
    const struct relief_stock_list_params *params = call->params;
    struct core_view *view = engine_view(call->rpc->engine);
    struct core_cursor cursor;
    struct relief_str key, value, next = RELIEF_STR_NONE;
    struct rpc_page page;
    struct walk walk;
    struct sight sight;
    int result = walk_start(&walk, call, params);
    if (result)
        return result;
    relief_arena_reset(&call->rpc->record);
    sight_start(&sight, call->rpc, &call->session->identity);
    call->sight = &sight;
    rpc_page_start(&page, call, params->limit);
    if (walk.from.len &&
        memcmp(walk.from.data, walk.prefix.data, walk.from.len < walk.prefix.len ? walk.from.len : walk.prefix.len) > 0)
        goto out; /* `after` lies behind everything that the filter leaves */
    if (walk.from.len && memcmp(walk.from.data, walk.prefix.data, walk.prefix.len) < 0)
        walk.from.len = 0;
    view->ops->scan(view, &cursor, &walk.prefix, &walk.from);
    while (view->ops->next(view, &cursor, &key, &value)) {
        if (page.count == page.limit || page.looked >= RELIEF_SCAN_RECORDS_MAX) {
            rpc_page_end(&page, next);
            return 0;
        }
        walk_key(&walk, key);
        relief_arena_reset(&call->rpc->record);
        struct relief_str city = relief_arena_str(&call->rpc->record, walk.city);
        struct relief_str kind = relief_arena_str(&call->rpc->record, walk.kind);
        struct relief_str row = row_key(call, city, kind);
        page.looked++;
        if (!region_fits(&walk, call, params->region)) {
            if (!walk.kind_first) { /* all kinds of that city are outside: go on behind them */
                pair_key(&walk.from, false, city, RELIEF_STR_NONE);
                walk.from.data[walk.from.len++] = 0xff;
                view->ops->scan(view, &cursor, &walk.prefix, &walk.from);
            }
        } else if (!add_row(&page, city, kind)) {
            rpc_page_end(&page, next);
            return 0;
        }
        next = row;
    }
out:
    rpc_page_end(&page, RELIEF_STR_NONE);
    return 0;
}
