/*
 * The worker of shortfall.list (fine print 70). A row walks the holders of its kind, its open requests and the accounts
 * that tell of use; nothing of it is stored.
 *
 * A sum must not tell what the city itself would not show: over one holder it is that holder's number. So it is made of
 * what this reader may see of each city: all of one seen exactly, `available` of one that shares that (it counts as
 * on hand too), nothing of the others. A row of sums that need not be whole is `partial`, and gives no days of cover,
 * as they would set the stock of some cities against the use of others. Requests are every city's, so the need is
 * whole.
 */
#include "views/shortfall.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "core/key.h"
#include "core/sight.h"
#include "views/stream.h"

#define SOON_DAYS   30                  /* expiry and use are looked at over this time */
#define ARENA_BYTES ((size_t)256 << 20) /* address space: the open requests of one kind, some millions */
#define NICE        10
#define LOOK_EVERY  64u /* records between two looks at the time */

struct views_shortfall {
    struct views_shortfall_options options;
    char name[RELIEF_IDENTITY_BYTES_MAX + 1];
    char texts[5][RELIEF_ID_BYTES_MAX + 1];
    struct views_stream *stream;
    /* the worker's own */
    struct core core;
    struct core_sight sight;
    struct relief_arena arena;  /* of a row */
    struct relief_arena record; /* of a record */
    struct relief_buf items;
    uint32_t count, looked;
    int result; /* the first that ended it */
};

/* ---- what is walked: keys of a space below the kind, whose next part is a city or a request ---- */

struct below {
    struct core_cursor cursor;
    struct core_key prefix;
};

static void below_start(struct below *below, struct views_shortfall *work, enum core_key_space space,
                        struct relief_str kind)
{
    core_key_start(&below->prefix, space);
    core_key_str(&below->prefix, kind);
    work->core.view->ops->scan(work->core.view, &below->cursor, &below->prefix, NULL);
}

/* False at the end, and when there is no more time. */
static bool below_next(struct below *below, struct views_shortfall *work, struct relief_str *ret_key)
{
    struct relief_str value;
    relief_arena_reset(&work->record);
    if (work->result == 0 && work->looked++ % LOOK_EVERY == LOOK_EVERY - 1)
        work->result = views_stream_over(work->stream);
    return work->result == 0 && work->core.view->ops->next(work->core.view, &below->cursor, ret_key, &value);
}

static bool counts(struct views_shortfall *work, struct relief_str city)
{
    struct core_chain regions;
    if (!work->options.region.data)
        return true;
    core_chain_of(&work->sight, city, &regions);
    return core_chain_has(&regions, work->options.region);
}

/* ---- what there is ---- */

/* Units on their way to requesters; what goes home from a loan moves too, and is promised to nobody. */
static int64_t sent_by(struct views_shortfall *work, struct relief_str city, struct relief_str kind)
{
    struct core_view *view = work->core.view;
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    int64_t sent = 0;
    core_key_start(&prefix, CORE_KEY_MOVING);
    core_key_str(&prefix, city);
    core_key_str(&prefix, kind);
    core_key_u8(&prefix, 0);
    view->ops->scan(view, &cursor, &prefix, NULL);
    while (view->ops->next(view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        struct relief_dispatch leg;
        relief_shape_clear(&relief_shape_dispatch, &leg);
        leg.id = relief_arena_str(&work->record, core_key_take_str(key, &at));
        work->looked++;
        if (core_find(view, RELIEF_TABLE_dispatch, &work->record, &leg) &&
            leg.state == RELIEF_dispatch_state_in_transit)
            sent += leg.sent;
    }
    return sent;
}

/* Everything of a city that is seen exactly. */
static void add_exact(struct views_shortfall *work, struct relief_shortfall *row, const struct relief_stock *stock)
{
    const struct relief_stock_lot *lots = stock->lots.items;
    int64_t now = work->options.now;
    row->on_hand += stock->on_hand;
    row->promised += stock->held + stock->reserved;
    if (stock->in_transit_out)
        row->promised += sent_by(work, stock->city, stock->kind);
    for (uint32_t i = 0; i < stock->lots.count; i++)
        if (lots[i].expires != RELIEF_NIL && lots[i].expires > now &&
            lots[i].expires <= now + SOON_DAYS * RELIEF_DAY_MS)
            row->expiring_30_days += lots[i].quantity;
}

static void add_holders(struct views_shortfall *work, struct relief_shortfall *row)
{
    int64_t donors = 0;
    struct below below;
    struct relief_str key;
    below_start(&below, work, CORE_KEY_HOLDER, row->kind);
    while (below_next(&below, work, &key)) {
        uint32_t at = below.prefix.len;
        struct relief_str city = relief_arena_str(&work->record, core_key_take_str(key, &at));
        struct relief_stock stock;
        enum relief_shares shares;
        if (!counts(work, city) || (shares = core_sight_of(&work->sight, city)) == RELIEF_shares_nothing)
            continue;
        core_stock(&work->core, work->options.now, city, row->kind, &work->record, &stock);
        work->looked += stock.lots.count;
        row->available += stock.available;
        donors += stock.available > 0;
        if (shares == RELIEF_shares_exact)
            add_exact(work, row, &stock);
        else
            row->on_hand += stock.available;
    }
    row->single_donor = donors == 1;
}

/* ---- what is needed ---- */

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

/* Room for twice as many; NULL when the arena is spent, then work->result says so. */
static struct need *more_room(struct views_shortfall *work, const struct need *needs, size_t count)
{
    struct need *more = relief_arena_alloc(&work->arena, (count ? count * 2 : 64) * sizeof *more);
    if (!more)
        work->result = -ENOMEM;
    else if (count)
        memcpy(more, needs, count * sizeof *needs);
    return more;
}

static void add_need(struct views_shortfall *work, struct relief_shortfall *row)
{
    struct below below;
    struct relief_str key;
    struct need *needs = NULL;
    size_t count = 0, cap = 0;
    below_start(&below, work, CORE_KEY_OPEN, row->kind);
    while (below_next(&below, work, &key)) {
        uint32_t at = below.prefix.len + 1 + 8; /* behind priority and time */
        struct relief_request request;
        relief_shape_clear(&relief_shape_request, &request);
        request.id = relief_arena_str(&work->record, core_key_take_str(key, &at));
        if (!core_find(work->core.view, RELIEF_TABLE_request, &work->record, &request) || !counts(work, request.city))
            continue;
        if (count == cap) {
            needs = more_room(work, needs, count);
            cap = cap ? cap * 2 : 64;
        }
        if (!needs)
            return;
        row->open += request.open;
        needs[count++] = (struct need){relief_arena_str(&work->arena, request.city), request.open};
    }
    if (count)
        row->worst_city = worst_of(needs, count);
}

/* Use is kept per day, UTC: the day on which the 30 times 24 hours began counts whole, so up to 31 days are looked at.
 */
static int64_t issued_lately(struct views_shortfall *work, struct relief_str kind)
{
    int64_t since = work->options.now / RELIEF_DAY_MS - SOON_DAYS, sum = 0;
    struct below below;
    struct relief_str key;
    below_start(&below, work, CORE_KEY_ISSUED, kind);
    while (below_next(&below, work, &key)) {
        uint32_t at = below.prefix.len;
        struct relief_account account;
        const struct relief_issued_day *days;
        relief_shape_clear(&relief_shape_account, &account);
        account.city = relief_arena_str(&work->record, core_key_take_str(key, &at));
        account.kind = kind;
        if (!counts(work, account.city) || !core_find(work->core.view, RELIEF_TABLE_account, &work->record, &account))
            continue;
        days = account.issued_days.items;
        for (uint32_t i = 0; i < account.issued_days.count; i++)
            sum += days[i].day >= since ? days[i].units : 0;
    }
    return sum;
}

/* ---- rows ---- */

/* True: the row is in, or there is none to be shown. False: the page ends before it. */
static bool add_row(struct views_shortfall *work, struct relief_str kind)
{
    size_t before = work->items.len;
    struct relief_shortfall row = {.kind = kind,
                                   .region = work->options.region,
                                   .days_of_cover = RELIEF_NIL,
                                   .partial = !core_sight_sums_whole(&work->sight, work->options.region)};
    int64_t issued;
    add_holders(work, &row);
    add_need(work, &row);
    if (!row.on_hand && !row.promised && !row.open)
        return work->result == 0; /* nobody has it and nobody asks for it */
    issued = row.partial ? 0 : issued_lately(work, kind);
    if (issued > 0) {
        __extension__ typedef __int128 wide;
        row.days_of_cover = (int64_t)((wide)row.available * SOON_DAYS / issued);
    }
    if (work->result)
        return false;
    relief_pack_record(&work->items, &relief_shape_shortfall, &row, 0);
    if (work->items.len > work->options.bytes_max && work->count > 0) {
        work->items.len = before;
        return false;
    }
    work->count++;
    return true;
}

/* *ret_next: the last kind looked at when the page ends before the last one. Lives in ret_text. */
static void walk_kinds(struct views_shortfall *work, char ret_text[RELIEF_ID_BYTES_MAX + 1],
                       struct relief_str *ret_next)
{
    struct core_view *view = work->core.view;
    struct core_cursor cursor;
    struct core_key prefix, after = {.len = 0};
    struct relief_str key, value;
    bool any = work->options.after.data != NULL;
    core_key_table(&prefix, RELIEF_TABLE_kind);
    if (any) {
        core_key_table(&after, RELIEF_TABLE_kind);
        core_key_str(&after, work->options.after);
        memcpy(ret_text, work->options.after.data, work->options.after.len + 1);
    }
    view->ops->scan(view, &cursor, &prefix, &after);
    while (view->ops->next(view, &cursor, &key, &value)) {
        uint32_t at = 1;
        relief_arena_reset(&work->arena);
        struct relief_str code = relief_arena_str(&work->arena, core_key_take_str(key, &at));
        if (work->count == work->options.limit || work->looked++ >= VIEWS_SHORTFALL_RECORDS_MAX ||
            !add_row(work, code)) {
            *ret_next = any ? relief_str_of(ret_text) : RELIEF_STR_NONE;
            return;
        }
        memcpy(ret_text, code.data, code.len + 1);
        any = true;
    }
}

static int send_page(struct views_shortfall *work, struct relief_str next)
{
    struct relief_buf page = RELIEF_BUF_INIT;
    relief_buf_reserve(&page, work->items.len + 128);
    relief_pack_map(&page, 2);
    relief_pack_text(&page, "items");
    relief_pack_array(&page, work->count);
    relief_buf_add(&page, work->items.data, work->items.len);
    relief_pack_text(&page, "next");
    relief_pack_str(&page, next);
    int result = page.failed || work->items.failed ? -ENOMEM : views_stream_put(work->stream, &page);
    if (result)
        relief_buf_deinit(&page);
    return result;
}

static int report(struct views_stream *stream, void *context)
{
    struct views_shortfall *work = context;
    struct store_snapshot *snapshot = NULL;
    struct store_mark mark;
    char text[RELIEF_ID_BYTES_MAX + 1];
    struct relief_str next = RELIEF_STR_NONE;
    bool has_core = false;
    (void)stream; /* work->stream: set before this thread was there */
    setpriority(PRIO_PROCESS, 0,
                NICE); /* of this thread: Linux keeps it by thread; without it the report is only less polite */
    int result = relief_arena_init(&work->arena, ARENA_BYTES);
    if (result == 0)
        result = relief_arena_init(&work->record, ARENA_BYTES);
    if (result == 0)
        result = store_snapshot_open(&snapshot, work->options.store, &mark);
    if (result == 0) {
        result = core_init(&work->core, store_snapshot_view(snapshot));
        has_core = result == 0;
    }
    if (result)
        goto out;
    core_sight_start(&work->sight, work->core.view, &work->record, &work->options.who);
    if (work->options.kind.data)
        add_row(work, work->options.kind);
    else
        walk_kinds(work, text, &next);
    result = work->result ? work->result : send_page(work, next);
out:
    if (has_core)
        core_deinit(&work->core);
    store_snapshot_close(snapshot);
    relief_arena_deinit(&work->arena);
    relief_arena_deinit(&work->record);
    return result;
}

/* ---- the loop's ---- */

static struct relief_str keep(char *room, size_t bytes, struct relief_str text)
{
    if (!text.data || text.len >= bytes)
        return RELIEF_STR_NONE;
    memcpy(room, text.data, text.len);
    room[text.len] = 0;
    return (struct relief_str){room, text.len};
}

int views_shortfall_start(struct views_shortfall **ret, const struct views_shortfall_options *options)
{
    struct views_shortfall *work = calloc(1, sizeof *work);
    if (!work)
        return -ENOMEM;
    work->options = *options;
    struct relief_str *const texts[] = {&work->options.region, &work->options.kind, &work->options.after,
                                        &work->options.who.city, &work->options.who.region};
    work->options.who.name = keep(work->name, sizeof work->name, options->who.name);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = keep(work->texts[i], sizeof work->texts[i], *texts[i]);
    int result = views_stream_start(&work->stream, &(struct views_stream_options){
                                                       .work = report,
                                                       .context = work,
                                                       .ms_max = VIEWS_SHORTFALL_MS_MAX,
                                                       .wake = options->wake,
                                                       .wake_context = options->context,
                                                   });
    if (result) {
        free(work);
        return result;
    }
    *ret = work;
    return 0;
}

int views_shortfall_take(struct views_shortfall *work, struct relief_buf *ret)
{
    return views_stream_take(work->stream, ret);
}

void views_shortfall_free(struct views_shortfall *work)
{
    if (!work)
        return;
    views_stream_free(work->stream);
    relief_buf_deinit(&work->items);
    free(work);
}
