/*
 * The engine's middle: a command gets its sequence number and time, the core applies it, and what it did goes into the
 * forming batch. From there on the order is fixed; the rest is waiting for the disk.
 *
 * What must not come apart: state, batch and sequence number move together. So memory is reserved before the core runs,
 * and should that not be enough, nothing of the command is ever handed to the log and the engine takes no more
 * commands: the state in memory is then ahead of the log by something that nobody was told, and a start makes it right.
 *
 * Everything here runs on the loop thread. The other threads are the writer's (writer.c) and the store's; both only
 * signal.
 */
#include "engine/state.h"
#include "base/file.h"
#include "store/value.h"
#include "store/wild.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- clocks ---- */

static int64_t system_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void engine_read_clocks(const struct engine_options *options, int64_t *ret_wall, int64_t *ret_boot)
{
    *ret_wall = options->wall_ms ? options->wall_ms(options->context) : system_ms(CLOCK_REALTIME);
    *ret_boot = options->boot_ms ? options->boot_ms(options->context) : system_ms(CLOCK_BOOTTIME);
}

void engine_turn(struct engine *engine)
{
    int64_t wall, boot;
    engine_read_clocks(&engine->options, &wall, &boot);
    engine_clock_read(&engine->clock, wall, boot);
}

int64_t engine_now(struct engine *engine)
{
    return engine->clock.now;
}

enum engine_clock_state engine_clock_says(struct engine *engine, int64_t *ret_off_ms)
{
    *ret_off_ms = engine->clock.wall - engine->clock.now;
    return engine_clock_state(&engine->clock);
}

/* ---- commands ---- */

/* One entry: state, batch and sequence number move together, or none of them. */
static int enter_one(struct engine *engine, const struct core_identity *who, unsigned command, const void *params,
                     struct core_effects *effects)
{
    const struct core_entry entry = {
        .seq = engine->applied + 1, .time = engine->clock.now, .who = *who, .command = command, .params = params};
    int rc = engine_batch_reserve(engine->forming);
    if (rc)
        return -EAGAIN; /* no memory now; nothing has happened */
    rc = core_apply(&engine->core, &entry, effects);
    if (rc)
        return rc;
    rc = engine_batch_add(engine->forming, &entry, effects);
    if (rc) {
        engine->error = rc;
        return -EROFS;
    }
    engine->applied = entry.seq;
    engine->waking = effects->more;
    engine->turn_looks += effects->looks;
    engine_clock_entry(&engine->clock);
    return 0;
}

bool engine_waking(struct engine *engine)
{
    return engine->waking;
}

bool engine_turn_spent(struct engine *engine)
{
    uint32_t most = engine->options.turn_looks_max;
    return engine->turn_looks >= (most ? most : ENGINE_TURN_LOOKS);
}

/*
 * The wake that goes on, entry by entry, each LOG_MORE for the one before: recovery takes all of them or none. What the
 * turn has no time for is owed, and the state says so: it goes on from engine_tick, or after a start.
 */
int engine_go_on(struct engine *engine)
{
    const struct relief_time_wake_params wake = {0};
    while (engine->waking && !engine_turn_spent(engine)) {
        int rc = enter_one(engine, &engine_timer, RELIEF_COMMAND_time_wake, &wake, &engine->wake_effects);
        assert(rc <= 0); /* a wake that is owed can't be refused */
        if (rc)
            return rc;
    }
    if (engine->waking)
        engine_batch_end_chain(engine->forming);
    return 0;
}

int engine_enter(struct engine *engine, const struct core_identity *who, unsigned command, const void *params)
{
    const struct engine_batch_mark mark = engine_batch_mark(engine->forming);
    uint64_t applied = engine->applied;

    int rc = enter_one(engine, who, command, params, &engine->effects);
    if (rc == 0)
        rc = engine_go_on(engine);
    if (rc >= 0 || (engine->applied == applied && !engine->error))
        return rc;
    /* A part of the chain is in the state and can't be written down. */
    engine_batch_rewind(engine->forming, &mark);
    engine->applied = applied;
    if (!engine->error)
        engine->error = -ENOMEM;
    return -EROFS;
}

/* An operator says that the wall clock is right: from this entry on T follows it again. */
static int confirm_clock(struct engine *engine, const struct relief_clock_confirm_params *params,
                         struct relief_refusal *refusal)
{
    if (!engine_clock_confirmable(&engine->clock, params->time))
        return relief_refuse_field(refusal, RELIEF_BAD_PARAMS, "time",
                                   "this is more than 60 s from the daemon's wall clock, which reads %lld",
                                   (long long)engine->clock.wall);
    engine_clock_confirm(&engine->clock);
    return 0;
}

static void take_answer(struct engine *engine, uint64_t seq, struct engine_answer *ret)
{
    const struct core_effects *effects = &engine->effects;
    ret->seq = seq;
    ret->release = engine->applied;
    ret->shape = effects->answer_shape;
    ret->record = effects->answer_change < 0 ? effects->answer : effects->changes[effects->answer_change].record;
    ret->candidates = effects->candidates;
}

int engine_command(struct engine *engine, const struct core_identity *who, unsigned method, const void *params,
                   struct engine_answer *ret)
{
    const struct relief_command_info *command = relief_command_by_number(method);
    const struct engine_clock clock = engine->clock;
    uint64_t seq = engine->applied + 1;
    bool done;

    assert(command && command->answer && who->name.len <= RELIEF_IDENTITY_BYTES_MAX);
    ret->seq = ret->release = 0;
    ret->replay = false;
    ret->shape = NULL;
    ret->record = NULL;
    ret->candidates = (struct relief_list){0};
    ret->refusal.code = RELIEF_DONE;
    if (engine->error)
        return -EROFS;
    int rc = engine_replay(engine, who, command, params, ret, &done);
    if (rc || done)
        return rc;
    if (engine->shortage)
        return engine_shortage(engine);
    if (engine_busy(engine) || engine->waking)
        return -EAGAIN;
    if (method == RELIEF_METHOD_clock_confirm)
        rc = confirm_clock(engine, params, &ret->refusal);
    if (rc)
        return rc;
    rc = engine_enter(engine, who, method, params);
    if (rc == 0) {
        take_answer(engine, seq, ret);
        return 0;
    }
    if (engine->applied < seq)
        engine->clock = clock; /* nothing was confirmed */
    if (rc > 0)
        ret->refusal = engine->effects.refusal;
    return rc;
}

/* ---- batches ---- */

void engine_seal(struct engine *engine)
{
    struct engine_batch *batch = engine->forming;
    engine->turn_looks = 0;
    if (engine->error || batch->count == 0 || !engine_writer_idle(engine->writer))
        return;
    assert(batch->first + batch->count - 1 == engine->applied);
    store_batch_end(engine->store, engine->applied, batch->time);
    engine->handed = batch;
    engine->forming = batch == &engine->batches[0] ? &engine->batches[1] : &engine->batches[0];
    engine_writer_hand(engine->writer, batch);
}

static void note_durable(struct engine *engine, const struct engine_batch *batch)
{
    struct log_head head = log_durable(engine->log);
    assert(head.seq == batch->first + batch->count - 1);
    engine->head = (struct store_mark){.seq = head.seq, .time = batch->time};
    memcpy(engine->head.hash, head.hash, sizeof engine->head.hash);
    store_durable(engine->store, &engine->head, engine->clock.boot);
}

int engine_settle(struct engine *engine)
{
    int error = 0;
    int rc = engine_flush_settle(&engine->flush, engine->store);
    struct engine_batch *batch = engine_writer_collect(engine->writer, &error);
    if (batch) {
        engine->handed = NULL;
        if (!error)
            note_durable(engine, batch);
        engine_batch_clear(batch);
        if (file_is_shortage(error) && !engine->error) {
            error = engine_undo(engine);
            error = file_is_shortage(error) ? -EIO : error; /* no state: there is nothing to go on with */
        }
    }
    engine->shortage = engine_writer_shortage(engine->writer);
    if (!engine->shortage)
        engine->shortage = store_shortage(engine->store);
    if (!engine->error) {
        engine->error = error ? error : rc;
        engine->store_failed = rc && !error;
    }
    rc = engine_writer_evidence_error(engine->writer);
    if (rc && !engine->error) {
        engine->error = rc;
        engine->evidence_failed = true;
    }
    engine_seal(engine);
    return engine->error;
}

bool engine_store_failed(const struct engine *engine)
{
    return engine->store_failed;
}

/* What a client is told: no space, no writing, or that it may try again. */
int engine_shortage(const struct engine *engine)
{
    switch (-engine->shortage) {
    case 0:
        return 0;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return -ENOSPC;
    case EROFS:
        return -EROFS;
    default:
        return -EAGAIN;
    }
}

int engine_lacks(const struct engine *engine)
{
    return engine->shortage;
}

uint64_t engine_undone(const struct engine *engine)
{
    return engine->undone;
}

uint64_t engine_applied(struct engine *engine)
{
    return engine->applied;
}

uint64_t engine_durable(struct engine *engine)
{
    return engine->head.seq;
}

struct store_mark engine_head(struct engine *engine)
{
    return engine->head;
}

bool engine_busy(struct engine *engine)
{
    if (engine->shortage)
        return false; /* changes are refused, and reads go on */
    return engine->forming->bytes.len >= ENGINE_BATCH_BYTES_MAX || store_full(engine->store);
}

struct core_view *engine_view(struct engine *engine)
{
    return store_view(engine->store);
}

struct core *engine_core(struct engine *engine)
{
    return &engine->core;
}

struct log *engine_log(struct engine *engine)
{
    return engine->log;
}

struct store *engine_store(struct engine *engine)
{
    return engine->store;
}

const char *engine_dir(struct engine *engine)
{
    return engine->options.dir;
}

/* ---- open and close ---- */

/* In the order in which things lean on each other; each part may be missing after a failed start. */
static void close_parts(struct engine *engine)
{
    engine_writer_close(engine->writer);
    core_effects_deinit(&engine->effects);
    core_effects_deinit(&engine->wake_effects);
    core_deinit(&engine->core);
    store_close(engine->store);
    log_close(engine->log);
    evidence_close(engine->evidence);
    engine_entry_hasher_deinit(&engine->hasher);
    engine_batch_deinit(&engine->batches[0]);
    engine_batch_deinit(&engine->batches[1]);
    engine_answers_close(engine->answers);
    relief_arena_deinit(&engine->replay_arena);
    relief_buf_deinit(&engine->replay_bytes);
    relief_buf_deinit(&engine->replay_first);
    relief_buf_deinit(&engine->replay_now);
    engine_flush_deinit(&engine->flush);
    if (engine->lock_fd >= 0)
        close(engine->lock_fd);
    if (engine->options.fatal)
        store_fatal_handler(NULL, NULL);
    free(engine);
}

/* Damage in the store ends service at once. It holds nothing that the log does not, so the next start does without it.
 */
static void on_store_fatal(void *context, const char *message)
{
    static const char damage[] = "damage: ";
    const struct engine *engine = context;
    bool damaged = strncmp(message, damage, sizeof damage - 1) == 0;
    if (damaged)
        engine_store_aside(engine->options.dir);
    engine->options.fatal(damaged ? message + sizeof damage - 1 : message, damaged);
}

static int open_memory(struct engine *engine)
{
    int rc = core_effects_init(&engine->effects);
    if (rc == 0)
        rc = core_effects_init(&engine->wake_effects);
    if (rc == 0)
        rc = relief_arena_init(&engine->replay_arena, ENGINE_ENTRY_ARENA_BYTES);
    if (rc == 0)
        rc = engine_entry_hasher_init(&engine->hasher);
    return rc;
}

/* First answers of what was pruned; without them a retry would be carried out twice. */
static int open_answers(struct engine *engine, const char *dir, struct engine_report *report)
{
    int rc = engine_answers_open(&engine->answers, dir);
    if (rc == 0 && (!engine->answers || engine_answers_seq(engine->answers) + 1 < log_first(engine->log)))
        rc = -EUCLEAN;
    if (rc == -EUCLEAN)
        return engine_say(report, rc,
                          "the log was pruned, and the first answers of its entries are missing or damaged");
    return rc ? engine_say(report, rc, "%s/base: %s", dir, strerror(-rc)) : 0;
}

static int open_folder(struct engine *engine, const char *dir, struct engine_report *report)
{
    int rc = engine_folder_make(dir);
    if (rc == 0)
        rc = engine_folder_lock(dir, &engine->lock_fd);
    if (rc)
        return engine_say(report, rc, "%s: %s", dir, rc == -EBUSY ? "another daemon has it" : strerror(-rc));
    rc = engine_folder_whole(dir, report);
    if (rc)
        return rc;
    engine_sweep(dir);
    rc = engine_open_store(&engine->store, dir, false, &engine->flush, report);
    if (rc == 0 && engine->options.fatal)
        store_scrub_now(engine->store);
    if (rc == 0)
        rc = engine_open_log(&engine->log, dir, &engine->options, false, &engine->hasher, report);
    if (rc == 0)
        rc = engine_begin(dir, engine->log, ENGINE_FROM_STORE, &engine->store, &engine->flush, report);
    return rc || log_first(engine->log) <= 1 ? rc : open_answers(engine, dir, report);
}

static int start(struct engine *engine, struct engine_report *report)
{
    int64_t wall, boot;
    int rc = core_init(&engine->core, store_view(engine->store));
    if (rc)
        return engine_say(report, rc, "%s", strerror(-rc));
    rc = engine_evidence_open(engine, report);
    if (rc == 0)
        rc = engine_recover(engine->log, engine->store, &engine->core, &engine->flush, engine->evidence,
                            &engine->options, report, &engine->head);
    if (rc == 0)
        rc = engine_evidence_started(engine, report);
    if (rc)
        return rc;
    engine->applied = engine->head.seq;
    engine_read_clocks(&engine->options, &wall, &boot);
    if (engine_clock_start(&engine->clock, wall, boot, engine->head.time, engine->applied > 0))
        engine_say(report, 0, "the wall clock is more than a day past the last entry; it is taken as it is");
    report->start = report->applied || report->cut || report->base ? ENGINE_RECOVERED
                    : engine->applied                              ? ENGINE_CLEAN
                                                                   : ENGINE_NEW;
    rc = engine_writer_open(&engine->writer, &(struct engine_writer_options){.log = engine->log,
                                                                             .hasher = &engine->hasher,
                                                                             .evidence = engine->evidence,
                                                                             .wake = engine->options.wake,
                                                                             .context = engine->options.context});
    if (rc)
        return engine_say(report, rc, "starting the log's thread: %s", strerror(-rc));
    engine->waking = core_wake_owed(store_view(engine->store)); /* what went on over several turns was interrupted */
    rc = engine_go_on(engine);
    if (rc)
        return engine_say(report, rc, "going on with an interrupted wake: %s", strerror(-rc));
    rc = engine->options.fatal ? store_scrub_start(engine->store) : 0;
    return rc ? engine_say(report, rc, "starting the thread that looks at the store: %s", strerror(-rc)) : 0;
}

int engine_open(struct engine **ret_engine, const struct engine_options *options, struct engine_report *report)
{
    *report = (struct engine_report){0};
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return engine_say(report, -ENOMEM, "%s", strerror(ENOMEM));
    engine->options = *options;
    engine->lock_fd = -1;
    engine->forming = &engine->batches[0];
    if (options->fatal) {
        store_fatal_handler(on_store_fatal, engine);
        store_wild_watch();
    }
    engine_flush_init(&engine->flush, options->wake, options->context);
    int rc = open_memory(engine);
    if (rc)
        engine_say(report, rc, "%s", strerror(-rc));
    else
        rc = open_folder(engine, options->dir, report);
    if (rc == 0)
        rc = start(engine, report);
    if (rc) {
        close_parts(engine);
        return rc;
    }
    *ret_engine = engine;
    return 0;
}

int engine_close(struct engine *engine)
{
    if (!engine)
        return 0;
    int rc = engine_settle(engine); /* hands over what waits */
    while (rc == 0 && engine->handed) {
        engine_writer_wait(engine->writer);
        rc = engine_settle(engine);
    }
    if (rc == 0)
        rc = engine_flush_all(&engine->flush, engine->store, engine->head.seq);
    engine_writer_stop(engine->writer); /* with it ends what it may still have to do for the evidence */
    if (rc == 0)
        rc = engine_writer_evidence_error(engine->writer);
    if (rc == 0 && evidence_unsynced(engine->evidence, NULL))
        rc = evidence_sync(engine->evidence);
    close_parts(engine);
    return rc;
}
