/*
 * Deadlines become entries here. The core says which is next; nothing changes because time passes, only because an
 * entry says that it did. Old ops go the same way: what a replay may still answer is decided by the log, not by who
 * restarted when.
 *
 * A wake that outgrew its turn goes on here. Deadlines come first: they keep to their two seconds (fine print 47)
 * however long it is, and what they free is matched by wakes of their own. Commands wait for all of them (DESIGN 4).
 */
#include "engine/state.h"

#include "core/key.h"

#include <assert.h>
#include <errno.h>

#define TICK_MS_MAX      1000  /* fine print 47: timers run at least once a second */
#define BUSY_MS          10    /* until a flush or sync may have made room */
#define SHORTAGE_MS      250   /* the store tries again at this pace; what is due is met when there is space */
#define TICK_ENTRIES_MAX 1024u /* in one turn: about 10 ms, then peers have their turn */
#define OPS_LOOK_MS      INT64_C(3600000) /* T between two looks for old ops: they are kept a day longer than promised */

const struct core_identity engine_timer = {
    .name = {"timer", sizeof "timer" - 1},
    .role = RELIEF_role_local,
};

/* A timer that the core refuses would come back for ever; the core offers only what it accepts. */
static int enter(struct engine *engine, unsigned command, const void *params)
{
    int rc = engine_enter(engine, &engine_timer, command, params);
    assert(rc <= 0);
    return rc;
}

/* The entry of the oldest op that is kept; 0: there is none. */
static uint64_t oldest_op(struct core_view *view)
{
    const struct core_key none = {.len = 0};
    struct core_key prefix;
    struct core_cursor cursor = {0};
    struct relief_str key, value;
    uint32_t at = 1;

    core_key_start(&prefix, CORE_KEY_OP_AGE);
    view->ops->scan(view, &cursor, &prefix, &none);
    return view->ops->next(view, &cursor, &key, &value) ? core_key_take_u64(key, &at) : 0;
}

/*
 * Times never fall along the log, so the first entry after `limit` is found by halving. It lies behind `seq`. Where the
 * log was pruned the next entry that was kept stands for one that was not: no op led to that.
 */
static int first_after(struct engine *engine, uint64_t seq, int64_t limit, uint64_t *ret_seq)
{
    uint64_t low = seq, high = engine->applied + 1;
    while (high - low > 1) {
        struct engine_entry entry;
        uint64_t middle = low + (high - low) / 2;
        int rc = engine_read_kept(engine, middle, &entry);
        if (rc)
            return rc;
        if (entry.time > limit)
            high = middle;
        else
            low = middle;
    }
    *ret_seq = high;
    return 0;
}

/* Drops ops that are older than what was promised. 1: more are left. */
static int drop_ops(struct engine *engine, unsigned *entries)
{
    struct core_view *view = store_view(engine->store);
    int64_t limit = engine->clock.now - RELIEF_OP_KEEP_MS;
    uint64_t oldest = oldest_op(view), cut = 0;
    struct engine_entry entry;

    if (!oldest)
        return 0;
    int rc = engine_read_kept(engine, oldest, &entry);
    if (rc == 0 && entry.time <= limit)
        rc = first_after(engine, oldest, limit, &cut);
    while (rc == 0 && oldest && oldest < cut) {
        if (++*entries > TICK_ENTRIES_MAX || engine_busy(engine))
            return 1;
        struct relief_time_expire_params params = {.ops_before = (int64_t)cut};
        rc = enter(engine, RELIEF_COMMAND_time_expire, &params);
        uint64_t next = rc ? 0 : oldest_op(view);
        assert(rc || next != oldest || oldest >= cut);
        oldest = next;
    }
    return rc;
}

static int64_t until_next(struct core_view *view, int64_t now)
{
    struct core_due due;
    if (!core_next_due(view, now + TICK_MS_MAX, &due))
        return TICK_MS_MAX;
    return due.time > now ? due.time - now : 1; /* at its very time a leg may still be answered: it lapses after it */
}

static int64_t tick(struct engine *engine)
{
    struct core_view *view = store_view(engine->store);
    int64_t now = engine->clock.now;
    unsigned entries = 0;
    int rc = 0;

    for (; rc == 0; entries++) {
        struct core_due due;
        if (engine->error)
            return TICK_MS_MAX;
        if (engine->shortage)
            return SHORTAGE_MS;
        if (engine_busy(engine))
            return BUSY_MS;
        if (entries == TICK_ENTRIES_MAX || engine_turn_spent(engine))
            return 0;
        if (core_next_due(view, now, &due))
            rc = enter(engine, due.command, &due.params);
        else if (engine->waking)
            rc = engine_go_on(engine);
        else
            break;
    }
    if (rc)
        return BUSY_MS;
    if (engine->ops_looked && now - engine->ops_looked < OPS_LOOK_MS)
        return until_next(view, now);
    /* An entry that can't be read for once keeps its ops for another hour: that breaks no promise. */
    if (drop_ops(engine, &entries) == 1)
        return engine_busy(engine) ? BUSY_MS : 0;
    engine->ops_looked = now;
    return until_next(view, now);
}

/* Timers and what peers send have a turn's measure each: however much is due, peers are heard in every turn. */
int64_t engine_tick(struct engine *engine)
{
    engine->turn_looks = 0;
    store_retry(engine->store, engine->clock.boot);
    int64_t next = tick(engine);
    engine->turn_looks = 0;
    return next;
}
