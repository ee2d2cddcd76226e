/*
 * The checks after each step (watch.h). Only what an entry touched is looked at, so a step costs what it changed; the
 * rest is as the step before left it, which core_check proves at every checkpoint.
 *
 * The fixed point costs most. A request is left to the matcher only when, by the books, some city that it doesn't
 * exclude has something to give at all; that is a fact about the state as it stands, not about what changed, so a wake
 * that was forgotten is found.
 */
#include "watch.h"

#include "books.h"
#include "engine/entry.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct watch {
    struct books books;
    core_check_report *report;
    void *context;
    uint64_t seq, steps;
    int64_t time;
    struct watch_count count;
    struct { /* the chain: as far as it was followed, and where */
        struct log_cursor *cursor;
        struct log *log;
        uint64_t seq;
        uint8_t hash[LOG_HASH_BYTES];
        struct relief_arena arena;
        struct relief_buf line;
    } chain;
};

struct watch *watch_new(core_check_report *report, void *context)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch || books_init(&watch->books) || relief_arena_init(&watch->chain.arena, ENGINE_ENTRY_ARENA_BYTES))
        abort();
    watch->report = report;
    watch->context = context;
    return watch;
}

void watch_free(struct watch *watch)
{
    watch_log_close(watch);
    relief_arena_deinit(&watch->chain.arena);
    relief_buf_deinit(&watch->chain.line);
    books_deinit(&watch->books);
    free(watch);
}

struct watch_count watch_counted(const struct watch *watch)
{
    return watch->count;
}

static void broken(struct watch *watch, int invariant, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void broken(struct watch *watch, int invariant, const char *format, ...)
{
    char text[512], what[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(what, sizeof what, "after entry %llu: %s", (unsigned long long)watch->seq, text);
    watch->report(watch->context, invariant, what);
}

/* ---- 1: the books balance ---- */

static void check_kind(struct watch *watch, const struct book_kind *kind)
{
    const int64_t *n = kind->sums;
    if (n[BOOK_RECEIVED] !=
        n[BOOK_ON_HAND] + n[BOOK_IN_TRANSIT] + n[BOOK_ON_LOAN] + n[BOOK_ISSUED] + n[BOOK_LOST] + n[BOOK_WRITTEN_OFF])
        broken(watch, 1,
               "kind %s: received %lld, on hand %lld, in transit %lld, on loan %lld, issued %lld, lost %lld, written "
               "off %lld",
               kind->code.data, (long long)n[BOOK_RECEIVED], (long long)n[BOOK_ON_HAND], (long long)n[BOOK_IN_TRANSIT],
               (long long)n[BOOK_ON_LOAN], (long long)n[BOOK_ISSUED], (long long)n[BOOK_LOST],
               (long long)n[BOOK_WRITTEN_OFF]);
}

static void check_place(struct watch *watch, const struct book_place *place)
{
    const int64_t *n = place->account;
    for (unsigned i = 0; i < BOOK_SUMS; i++)
        if (n[i] < 0)
            broken(watch, 1, "account of %s in %s: a number is negative", place->kind->code.data,
                   place->city->code.data);
    if (n[BOOK_IN_TRANSIT] != place->moving || n[BOOK_ON_LOAN] != place->lent)
        broken(watch, 1, "account of %s in %s: %lld in transit and %lld on loan, by the legs %lld and %lld",
               place->kind->code.data, place->city->code.data, (long long)n[BOOK_IN_TRANSIT],
               (long long)n[BOOK_ON_LOAN], (long long)place->moving, (long long)place->lent);
}

/* ---- 2, 3: lots, and what a leg took ---- */

static void check_lot(struct watch *watch, const struct book_lot *lot)
{
    if (!lot->node.there)
        broken(watch, 2, "a live leg names a lot of %s in %s that is not there", lot->place->kind->code.data,
               lot->place->city->code.data);
    else if (lot->held != lot->asked || lot->reserved != lot->committed || lot->held < 0 || lot->reserved < 0 ||
             lot->held + lot->reserved > lot->quantity)
        broken(
            watch, 2,
            "a lot of %s in %s: %lld on hand, held %lld, its asked legs %lld, reserved %lld, its committed legs %lld",
            lot->place->kind->code.data, lot->place->city->code.data, (long long)lot->quantity, (long long)lot->held,
            (long long)lot->asked, (long long)lot->reserved, (long long)lot->committed);
}

static void check_floor(struct watch *watch, const struct book_leg *leg, const struct book_place *place)
{
    int64_t spare = books_spare(place, watch->time);
    if (spare < 0)
        broken(watch, 3, "dispatch %s took %s of %s %lld below the floor", leg->id.data, place->kind->code.data,
               place->city->code.data, (long long)-spare);
}

static void check_made(struct watch *watch, const struct book_leg *leg)
{
    if (leg->ordered)
        return;
    check_floor(watch, leg, leg->place);
    for (uint32_t i = leg->assets; i < leg->piece_count; i++)
        if (leg->pieces[i].asset->place)
            check_floor(watch, leg, leg->pieces[i].asset->place);
}

/* ---- 4: requests and their legs ---- */

static void check_leg(struct watch *watch, const struct book_leg *leg)
{
    bool booked = leg->state == RELIEF_dispatch_state_asked || leg->state == RELIEF_dispatch_state_committed;
    if (leg->quantity < 0 || leg->covers < 0 || leg->covers != leg->covers_due)
        broken(watch, 4, "dispatch %s of %lld covers %lld, by its state %lld", leg->id.data, (long long)leg->quantity,
               (long long)leg->covers, (long long)leg->covers_due);
    if (booked && leg->sum != leg->quantity)
        broken(watch, 2, "dispatch %s: its lots and assets make %lld of %lld", leg->id.data, (long long)leg->sum,
               (long long)leg->quantity);
}

static void check_request(struct watch *watch, const struct book_request *request)
{
    if (request->covered < 0 || request->open < 0 || request->shortfall < 0 || request->received < 0 ||
        request->quantity != request->covered + request->open + request->shortfall)
        broken(watch, 4, "request %s: %lld is not %lld covered + %lld open + %lld given up", request->id.data,
               (long long)request->quantity, (long long)request->covered, (long long)request->open,
               (long long)request->shortfall);
    if (!request->live && request->open)
        broken(watch, 4, "request %s is closed and still looks for units", request->id.data);
    if (request->covered != request->legs_cover || request->asked != request->legs_asked)
        broken(watch, 4, "request %s: covered %lld and asked %lld, by its legs %lld and %lld", request->id.data,
               (long long)request->covered, (long long)request->asked, (long long)request->legs_cover,
               (long long)request->legs_asked);
    if (request->named_count != request->legs)
        broken(watch, 4, "request %s names %u legs and has %lld", request->id.data, request->named_count,
               (long long)request->legs);
    for (uint32_t i = 0; i < request->named_count; i++)
        if (!request->named[i]->node.there || request->named[i]->request != request)
            broken(watch, 4, "request %s names dispatch %s, which is not its own", request->id.data,
                   request->named[i]->id.data);
}

/* ---- 5: assets ---- */

static enum relief_asset_use use_due(const struct book_leg *leg)
{
    if (leg->state == RELIEF_dispatch_state_asked)
        return RELIEF_asset_use_held;
    return leg->state == RELIEF_dispatch_state_committed ? RELIEF_asset_use_reserved : RELIEF_asset_use_away;
}

static void check_asset(struct watch *watch, const struct book_asset *asset)
{
    if (asset->live > 1)
        broken(watch, 5, "asset %s is in %u live legs", asset->id.data, asset->live);
    else if (!asset->node.there)
        broken(watch, 5, "a live leg names asset %s, which is not there", asset->id.data);
    else if (!asset->live && (asset->dispatch.data || asset->use != RELIEF_asset_use_free))
        broken(watch, 5, "asset %s is in no live leg and says otherwise", asset->id.data);
    else if (asset->live &&
             (!relief_str_eq(asset->dispatch, asset->leg->id) || asset->use != (int64_t)use_due(asset->leg)))
        broken(watch, 5, "asset %s doesn't say what dispatch %s says of it", asset->id.data, asset->leg->id.data);
}

static void check_touched(struct watch *watch)
{
    for (size_t i = 0; i < watch->books.touched_count; i++) {
        const struct book_node *node = watch->books.touched[i];
        switch (node->table) {
        case RELIEF_TABLE_kind:
            check_kind(watch, (const struct book_kind *)node);
            break;
        case BOOKS_PLACE:
            check_place(watch, (const struct book_place *)node);
            break;
        case RELIEF_TABLE_lot:
            check_lot(watch, (const struct book_lot *)node);
            break;
        case RELIEF_TABLE_asset:
            check_asset(watch, (const struct book_asset *)node);
            break;
        case RELIEF_TABLE_request:
            check_request(watch, (const struct book_request *)node);
            break;
        case RELIEF_TABLE_dispatch:
            check_leg(watch, (const struct book_leg *)node);
            break;
        default:
            break;
        }
    }
}

void watch_entry(struct watch *watch, uint64_t seq, int64_t time, const struct core_change *changes, uint32_t count)
{
    if (seq != watch->seq + 1 || time < watch->time)
        broken(watch, 6, "entry %llu of %lld follows one of %lld", (unsigned long long)seq, (long long)time,
               (long long)watch->time);
    watch->seq = seq;
    watch->time = time;
    books_begin(&watch->books);
    for (uint32_t i = 0; i < count; i++) {
        if (changes[i].gone && changes[i].table != RELIEF_TABLE_op)
            broken(watch, 7, "a %s was removed: only ops are", relief_tables[changes[i].table].name);
        else
            books_take(&watch->books, &changes[i]);
    }
    check_touched(watch);
    for (size_t i = 0; i < watch->books.made_count; i++)
        check_made(watch, watch->books.made[i]);
    watch->count.entries++;
    watch->count.records += count;
}

/* ---- 7: the state has what the entries say ---- */

static void check_written(struct watch *watch, struct core_view *view)
{
    struct books *books = &watch->books;
    for (size_t i = 0; i < books->written_count; i++) {
        const struct books_written *written = &books->written[i];
        struct core_key key;
        memcpy(key.data, written->node->key.data, written->node->key.len);
        key.len = written->node->key.len;
        struct relief_str value = view->ops->get(view, &key);
        if (written->len
                ? value.len != written->len || memcmp(value.data, books->bytes.data + written->at, value.len) != 0
                : value.data != NULL)
            broken(watch, 7, "a %s stands in the state otherwise than in its entry",
                   relief_tables[written->node->table].name);
    }
    books_written_clear(books);
}

/* ---- 4: the fixed point ---- */

/* Cities that could have something of the kind for the request. */
static uint64_t givers(struct watch *watch, const struct book_request *request, struct book_kind *kind, int64_t now)
{
    uint64_t own = UINT64_C(1) << request->city->number, mask = books_givers(kind, now, watch->steps);
    uint64_t others = mask & ~own & ~request->excluded;
    if (request->incident)
        others &= ~request->incident->affected;
    return others | (request->own_first ? mask & own : 0);
}

/* Cities whose giving of the kind may have changed, for any request. */
static uint64_t stirred_donors(const struct books *books, const struct book_kind *kind)
{
    uint64_t mask = kind->stirred | books->donors_stirred;
    for (unsigned i = 0; i < books->kind_count && kind->class_ == RELIEF_class_equipment; i++)
        if (books->kinds[i]->class_ == RELIEF_class_team)
            mask |= books->kinds[i]->stirred; /* operators */
    for (unsigned i = 0; i < books->city_count; i++)
        mask |= (uint64_t)books->cities[i]->stirred << i;
    return mask;
}

/* Cities with something to give for which the request has to be matched once more. */
static uint64_t to_match(struct watch *watch, const struct book_request *request, int64_t now)
{
    const struct books *books = &watch->books;
    bool anew = books->all_stirred || request->stirred || request->city->stirred ||
                (request->incident && request->incident->stirred);
    uint64_t donors = anew ? UINT64_MAX : request->city->links_stirred, found = 0;
    for (uint32_t i = 0; i <= (request->substitutes ? request->kind->stand_in_count : 0); i++) {
        struct book_kind *kind = i ? request->kind->stand_ins[i - 1] : request->kind;
        uint64_t mask = donors | stirred_donors(books, kind);
        found |= mask ? mask & givers(watch, request, kind, now) : 0;
    }
    return found;
}

static void check_fixed_point(struct watch *watch, struct core *core, int64_t now)
{
    struct books *books = &watch->books;
    for (unsigned i = 0; i < books->kind_count; i++) {
        const struct book_kind *kind = books->kinds[i];
        for (uint32_t at = 0; at < kind->open_count; at++) {
            struct book_request *request = kind->open[at];
            watch->count.requests++;
            if (to_match(watch, request, now)) {
                watch->count.matched++;
                core_check_settled(core, now, request->id, watch->report, watch->context);
            }
            request->stirred = false;
        }
    }
    books_settle(books);
}

void watch_step(struct watch *watch, struct core *core, int64_t now)
{
    struct core_due due;
    if (!watch->books.written_count && !watch->books.stirred)
        return;
    watch->steps++;
    check_written(watch, core->view);
    if (core_wake_owed(core->view) || core_next_due(core->view, now, &due))
        return; /* what is due will match; the kinds stay stirred until then */
    if (watch->books.stirred)
        check_fixed_point(watch, core, now);
}

/* ---- a start ---- */

static void read_table(struct watch *watch, struct core_view *view, enum relief_table table)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    core_key_table(&prefix, table);
    view->ops->scan(view, &cursor, &prefix, NULL);
    while (view->ops->next(view, &cursor, &key, &value)) {
        union relief_any_record record;
        const struct core_change change = {.table = table, .record = &record};
        relief_arena_reset(&watch->books.scratch);
        relief_shape_clear(relief_tables[table].shape, &record);
        if (relief_record_decode(relief_tables[table].shape, value, &watch->books.scratch, &record) < 0) {
            broken(watch, 7, "a %s can't be read", relief_tables[table].name);
            continue;
        }
        books_take(&watch->books, &change);
    }
}

void watch_open(struct watch *watch, struct core *core, uint64_t seq, int64_t time, int64_t now)
{
    watch->seq = seq;
    watch->time = time;
    books_clear(&watch->books);
    books_begin(&watch->books);
    for (int table = 0; table < RELIEF_TABLE_COUNT; table++)
        read_table(watch, core->view, (enum relief_table)table);
    check_touched(watch);
    watch->books.stirred = watch->books.all_stirred = true;
    watch_step(watch, core, now);
}

/* ---- 6: the chain ---- */

void watch_log_close(struct watch *watch)
{
    if (watch->chain.cursor)
        log_cursor_close(watch->chain.cursor);
    watch->chain.cursor = NULL;
}

/* The hash of an entry, from its line as anybody would print it. */
static bool hash_entry(struct watch *watch, const struct log_record *record)
{
    struct engine_entry entry;
    relief_arena_reset(&watch->chain.arena);
    if (engine_entry_decode(record, &watch->chain.arena, &entry))
        return false;
    relief_buf_clear(&watch->chain.line);
    engine_entry_json(&watch->chain.line, &entry, record->prev, NULL);
    char prev[2 * LOG_HASH_BYTES + 1];
    sodium_bin2hex(prev, sizeof prev, record->prev, LOG_HASH_BYTES);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, LOG_HASH_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)prev, 2 * LOG_HASH_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)watch->chain.line.data, watch->chain.line.len);
    crypto_generichash_final(&state, watch->chain.hash, LOG_HASH_BYTES);
    return !watch->chain.line.failed;
}

void watch_log(struct watch *watch, struct log *log)
{
    struct log_head head = log_durable(log);
    struct log_record record;
    int rc = 1;
    if (head.seq == watch->chain.seq)
        return;
    if (!watch->chain.cursor && log_cursor_open(&watch->chain.cursor, log, watch->chain.seq + 1))
        abort();
    while (watch->chain.seq < head.seq && (rc = log_cursor_next(watch->chain.cursor, &record)) == 1) {
        if (record.seq != watch->chain.seq + 1 || memcmp(record.prev, watch->chain.hash, LOG_HASH_BYTES) != 0)
            broken(watch, 6, "entry %llu of the log doesn't hold the hash of the one before",
                   (unsigned long long)record.seq);
        if (!hash_entry(watch, &record))
            broken(watch, 6, "entry %llu of the log can't be read", (unsigned long long)record.seq);
        watch->chain.seq = record.seq;
        watch->count.links++;
    }
    if (rc != 1 || memcmp(head.hash, watch->chain.hash, LOG_HASH_BYTES) != 0)
        broken(watch, 6, "the log's head is not the hash of its last entry");
}
