/*
 * shortfall.list: per kind, what a region has, has promised and still needs (fine print 70), and the list of assets. A
 * row walks the holders of its kind, its open requests and the accounts that tell of use; nothing of it is stored.
 *
 * A sum must not tell what the city itself would not show: over one holder it is that holder's number. So it is made of
 * what this reader may see of each city: all of one seen exactly, `available` of one that shares that (it counts as
 * on hand too), nothing of the others. A row of sums that need not be whole is `partial`, and gives no days of cover,
 * as they would set the stock of some cities against the use of others. Requests are every city's, so the need is
 * whole.
 */
#include "rpc/session.h"
#include <stdlib.h>
#include "core/key.h"

#define SOON_DAYS 30 /* expiry and use are looked at over this time */

static bool of_place(struct rpc_call *call, void *record)
{
    const struct relief_asset_list_params *params = call->params;
    struct relief_asset *asset = record;
    return (!params->city.data || relief_str_eq(asset->city, params->city)) &&
           (!params->kind.data || relief_str_eq(asset->kind, params->kind)) &&
           sight_record(call->sight, RELIEF_TABLE_asset, asset) == SIGHT_SHOWN;
}

int rpc_asset_list(struct rpc_call *call)
{
    const struct relief_asset_list_params *params = call->params;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    sight_start(&sight, call->rpc, &call->session->identity);
    call->sight = &sight;
    return rpc_list_table(call, RELIEF_TABLE_asset, NULL, params->after, params->limit, of_place);
}

/* Cities or requests of one kind: keys of a space below the kind. */
struct below {
    struct core_cursor cursor;
    struct core_key prefix;
};

static void below_start(struct below *below, struct rpc_call *call, enum core_key_space space, struct relief_str kind)
{
    struct core_view *view = engine_view(call->rpc->engine);
    core_key_start(&below->prefix, space);
    core_key_str(&below->prefix, kind);
    view->ops->scan(view, &below->cursor, &below->prefix, NULL);
}

static bool below_next(struct below *below, struct rpc_call *call, struct relief_str *ret_key)
{
    struct core_view *view = engine_view(call->rpc->engine);
    struct relief_str value;
    relief_arena_reset(&call->rpc->record);
    return view->ops->next(view, &below->cursor, ret_key, &value);
}

static bool counts(struct rpc_call *call, struct relief_str city)
{
    const struct relief_shortfall_list_params *params = call->params;
    return !params->region.data || rpc_in_region(call, city, params->region);
}

/* Everything of a city that is seen exactly. */
static void add_exact(struct relief_shortfall *row, const struct relief_stock *stock, int64_t now)
{
    const struct relief_stock_lot *lots = stock->lots.items;
    row->on_hand += stock->on_hand;
    row->promised += stock->held + stock->reserved + stock->in_transit_out;
    for (uint32_t i = 0; i < stock->lots.count; i++)
        if (lots[i].expires != RELIEF_NIL && lots[i].expires > now &&
            lots[i].expires <= now + SOON_DAYS * RELIEF_DAY_MS)
            row->expiring_30_days += lots[i].quantity;
}

static void add_holders(struct rpc_call *call, struct relief_shortfall *row)
{
    struct engine *engine = call->rpc->engine;
    int64_t now = engine_now(engine), donors = 0;
    struct below below;
    struct relief_str key;
    below_start(&below, call, CORE_KEY_HOLDER, row->kind);
    while (below_next(&below, call, &key)) {
        uint32_t at = below.prefix.len;
        struct relief_str city = relief_arena_str(&call->rpc->record, core_key_take_str(key, &at));
        struct relief_stock stock;
        enum relief_shares shares;
        if (!counts(call, city) || (shares = sight_of(call->sight, city)) == RELIEF_shares_nothing)
            continue;
        core_stock(engine_core(engine), now, city, row->kind, &call->rpc->record, &stock);
        row->available += stock.available;
        donors += stock.available > 0;
        if (shares == RELIEF_shares_exact)
            add_exact(row, &stock, now);
        else
            row->on_hand += stock.available;
    }
    row->single_donor = donors == 1;
}

struct need {
    struct relief_str city;
    int64_t open;
};

static int compare_needs(const void *a, const void *b)
{
    return relief_str_cmp(((const struct need *)a)->city, ((const struct need *)b)->city);
}

/* The city with the greatest open need over its requests; by code where two are equal. */
static struct relief_str worst_of(struct need *needs, size_t count)
{
    struct relief_str worst = RELIEF_STR_NONE;
    int64_t most = 0, sum = 0;
    qsort(needs, count, sizeof *needs, compare_needs);
    for (size_t i = 0; i < count; i++) {
        sum = i && relief_str_eq(needs[i].city, needs[i - 1].city) ? sum + needs[i].open : needs[i].open;
        if (sum > most) {
            most = sum;
            worst = needs[i].city;
        }
    }
    return worst;
}

static void add_need(struct rpc_call *call, struct relief_shortfall *row)
{
    struct below below;
    struct relief_str key;
    struct need *needs = NULL;
    size_t count = 0, cap = 0;
    below_start(&below, call, CORE_KEY_OPEN, row->kind);
    while (below_next(&below, call, &key)) {
        uint32_t at = below.prefix.len + 1 + 8; /* behind priority and time */
        struct relief_request request;
        relief_shape_clear(&relief_shape_request, &request);
        request.id = relief_arena_str(&call->rpc->record, core_key_take_str(key, &at));
        if (!core_find(engine_view(call->rpc->engine), RELIEF_TABLE_request, &call->rpc->record, &request) ||
            !counts(call, request.city))
            continue;
        if (count == cap) {
            struct need *more = relief_arena_alloc(&call->rpc->arena, (cap ? cap * 2 : 64) * sizeof *more);
            if (!more)
                break; /* the arena holds some millions: more open requests of one kind than the product is made for */
            if (count)
                memcpy(more, needs, count * sizeof *needs);
            needs = more;
            cap = cap ? cap * 2 : 64;
        }
        row->open += request.open;
        needs[count++] = (struct need){relief_arena_str(&call->rpc->arena, request.city), request.open};
    }
    if (count)
        row->worst_city = worst_of(needs, count);
}

static int64_t issued_lately(struct rpc_call *call, struct relief_str kind)
{
    int64_t today = engine_now(call->rpc->engine) / RELIEF_DAY_MS, sum = 0;
    struct below below;
    struct relief_str key;
    below_start(&below, call, CORE_KEY_ISSUED, kind);
    while (below_next(&below, call, &key)) {
        uint32_t at = below.prefix.len;
        struct relief_account account;
        const struct relief_issued_day *days;
        relief_shape_clear(&relief_shape_account, &account);
        account.city = relief_arena_str(&call->rpc->record, core_key_take_str(key, &at));
        account.kind = kind;
        if (!counts(call, account.city) ||
            !core_find(engine_view(call->rpc->engine), RELIEF_TABLE_account, &call->rpc->record, &account))
            continue;
        days = account.issued_days.items;
        for (uint32_t i = 0; i < account.issued_days.count; i++)
            sum += days[i].day > today - SOON_DAYS ? days[i].units : 0;
    }
    return sum;
}

static bool add_row(struct rpc_page *page, struct relief_str kind)
{
    struct rpc_call *call = page->call;
    const struct relief_shortfall_list_params *params = call->params;
    struct relief_shortfall row = {.kind = kind,
                                   .region = params->region,
                                   .days_of_cover = RELIEF_NIL,
                                   .partial = !sight_sums_whole(call->sight, params->region)};
    int64_t issued;
    add_holders(call, &row);
    add_need(call, &row);
    if (!row.on_hand && !row.promised && !row.open)
        return true; /* nobody has it and nobody asks for it */
    issued = row.partial ? 0 : issued_lately(call, kind);
    if (issued > 0) {
        __extension__ typedef __int128 wide;
        row.days_of_cover = (int64_t)((wide)row.available * SOON_DAYS / issued);
    }
    return rpc_page_add(page, &relief_shape_shortfall, &row);
}

int rpc_shortfall_list(struct rpc_call *call)
{
    const struct relief_shortfall_list_params *params = call->params;
    struct core_view *view = engine_view(call->rpc->engine);
    struct relief_region region = {.id = params->region};
    struct relief_kind kind = {.code = params->kind};
    struct core_cursor cursor;
    struct core_key prefix, after = {.len = 0};
    struct relief_str key, value, last = params->after;
    struct rpc_page page;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    if (params->region.data && !core_find(view, RELIEF_TABLE_region, &call->rpc->arena, &region))
        return rpc_not_found(&call->refusal, "region", "region", params->region);
    if (params->kind.data && !core_find(view, RELIEF_TABLE_kind, &call->rpc->arena, &kind))
        return rpc_not_found(&call->refusal, "kind", "kind", params->kind);
    sight_start(&sight, call->rpc, &call->session->identity);
    if (!sight_sums(&sight, params->region))
        return relief_refuse_field(&call->refusal, RELIEF_DENIED, "region", "name a region that you belong to");
    call->sight = &sight;
    rpc_page_start(&page, call, params->limit);
    if (params->kind.data) {
        add_row(&page, params->kind);
        rpc_page_end(&page, RELIEF_STR_NONE);
        return 0;
    }
    core_key_table(&prefix, RELIEF_TABLE_kind);
    if (params->after.data) {
        struct relief_str part;
        int result = rpc_after_parts(call, params->after, 1, &part);
        if (result)
            return result;
        core_key_table(&after, RELIEF_TABLE_kind);
        core_key_str(&after, part);
    }
    view->ops->scan(view, &cursor, &prefix, &after);
    while (view->ops->next(view, &cursor, &key, &value)) {
        uint32_t at = 1;
        struct relief_str code = relief_arena_str(&call->rpc->arena, core_key_take_str(key, &at));
        if (page.count == page.limit || page.looked++ == RELIEF_SCAN_RECORDS_MAX || !add_row(&page, code)) {
            rpc_page_end(&page, last);
            return 0;
        }
        last = code;
    }
    rpc_page_end(&page, RELIEF_STR_NONE);
    return 0;
}
