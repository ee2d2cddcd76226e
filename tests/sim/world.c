/*
 * Random worlds on a disk that dies: see README.md. Batches become durable, or not, when the simulator says so, so that
 * a seed gives the same entries each time however the threads run.
 */
#include "sim.h"

#include "engine/entry.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define START        INT64_C(1700000000000)
#define STRING_BYTES ((size_t)1 << 30) /* address space for all texts of one world */
#define CHECK_EVERY  250u              /* steps between checkpoints */

/* ---- chance, and the story so far ---- */

uint64_t sim_random(struct sim *sim, uint64_t below)
{
    uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return below ? (z ^ z >> 31) % below : 0;
}

bool sim_chance(struct sim *sim, unsigned percent)
{
    return sim_random(sim, 100) < percent;
}

struct relief_str sim_text(struct sim *sim, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return relief_arena_str(&sim->strings, relief_str_of(text));
}

static void tell(const struct told *told)
{
    const struct relief_command_info *info = relief_command_by_number(told->command.method);
    struct relief_buf buf = RELIEF_BUF_INIT;
    if (!info)
        return; /* fewer than TRACE_MAX were given */
    relief_json_record(&buf, info->params, &told->command.params, NULL);
    fprintf(stderr, "  %u seq %llu %.*s %s %.*s: %s\n", told->step, (unsigned long long)told->seq,
            (int)told->command.who.name.len, told->command.who.name.data, info->wire, (int)buf.len, buf.data,
            told->rc       ? told->rc < 0 ? strerror(-told->rc) : told->message
            : told->replay ? "replayed"
                           : "done");
    relief_buf_deinit(&buf);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "\nseed %llu, step %u: ", (unsigned long long)sim->seed, sim->step);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    for (unsigned i = 0; i < TRACE_MAX; i++)
        tell(&sim->trace[(sim->traced + i) % TRACE_MAX]);
    fprintf(stderr, "data is left in %s\n", sim->dir);
    exit(1);
}

static void trace(struct sim *sim, const struct command *command, int rc, const struct engine_answer *answer)
{
    struct told *told = &sim->trace[sim->traced++ % TRACE_MAX];
    *told = (struct told){
        .command = *command, .step = sim->step, .seq = answer->seq, .rc = rc, .replay = rc == 0 && answer->replay};
    if (rc > 0)
        snprintf(told->message, sizeof told->message, "%s", answer->refusal.message);
    sim->sum.roles[command->who.role]++;
}

struct core_view *sim_view(struct sim *sim)
{
    return engine_view(sim->engine);
}

int64_t sim_now(struct sim *sim)
{
    return engine_now(sim->engine);
}

/* ---- the machine ---- */

static int64_t wall_ms(void *context)
{
    return ((struct sim *)context)->wall;
}

static int64_t boot_ms(void *context)
{
    return ((struct sim *)context)->boot;
}

static void wake(void *context)
{
    sem_post(&((struct sim *)context)->woken);
}

static void report_broken(void *context, int invariant, const char *what)
{
    sim_fail(context, "invariant %d: %s", invariant, what);
}

/* After each step: what its entries touched (watch.h). */
static void observe(struct sim *sim)
{
    struct engine_entry entry;
    for (; sim->watched < engine_applied(sim->engine); sim->watched++) {
        if (engine_read_entry(sim->engine, sim->watched + 1, &entry))
            sim_fail(sim, "entry %llu was applied and can't be read", (unsigned long long)sim->watched + 1);
        watch_entry(sim->watch, entry.seq, entry.time, entry.changes, entry.change_count);
    }
    watch_step(sim->watch, engine_core(sim->engine), engine_now(sim->engine));
    watch_log(sim->watch, engine_log(sim->engine));
}

static void start(struct sim *sim)
{
    struct engine_report report;
    int rc = engine_open(&sim->engine,
                         &(struct engine_options){.dir = sim->dir,
                                                  .segment_bytes = 64 * 1024,
                                                  .io = &sim->disk.io,
                                                  .wake = wake,
                                                  .context = sim,
                                                  .wall_ms = wall_ms,
                                                  .boot_ms = boot_ms},
                         &report);
    if (rc)
        sim_fail(sim, "does not start: %s", report.message);
    sim->handed = 0;
    sim->watched = engine_applied(sim->engine);
    watch_open(sim->watch, engine_core(sim->engine), sim->watched, engine_head(sim->engine).time,
               engine_now(sim->engine));
    watch_log(sim->watch, engine_log(sim->engine));
}

/* Hands over what formed, when nothing is with the log. */
static void seal(struct sim *sim)
{
    if (sim->handed || engine_applied(sim->engine) == engine_durable(sim->engine))
        return;
    sim->handed = engine_applied(sim->engine);
    sim->sum.batches++;
    engine_seal(sim->engine);
}

/* The batch that is with the log ends as it is told. 0, or the engine's error. */
static int finish(struct sim *sim, enum fate fate)
{
    uint64_t before = engine_applied(sim->engine);
    int rc;
    disk_tell(&sim->disk, fate, (unsigned)sim_random(sim, 101));
    while ((rc = engine_settle(sim->engine)) == 0 && engine_durable(sim->engine) < sim->handed)
        sem_wait(&sim->woken);
    if (rc == 0) {
        sim->released = engine_durable(sim->engine);
        sim->handed = before > sim->released ? before : 0; /* settling hands over the next one at once */
    }
    return rc;
}

static void make_durable(struct sim *sim)
{
    seal(sim);
    while (sim->handed)
        if (finish(sim, FATE_DURABLE))
            sim_fail(sim, "a good disk fails");
}

/* ---- what must hold ---- */

static void checkpoint(struct sim *sim)
{
    while (engine_tick(sim->engine) == 0)
        ; /* what T has passed is matched first, a confirmed clock may have jumped over it */
    make_durable(sim);
    observe(sim);
    struct log *log = engine_log(sim->engine);
    const char *wrong = replica_restore(&sim->outcomes, log);
    if (!wrong)
        wrong = replica_execute(&sim->commands, log);
    if (!wrong)
        wrong = replica_compare(&sim->outcomes, engine_view(sim->engine));
    if (!wrong)
        wrong = replica_compare(&sim->commands, engine_view(sim->engine));
    if (wrong)
        sim_fail(sim, "%s", wrong);
    core_check(engine_core(sim->engine), engine_head(sim->engine).time, true, report_broken, sim);
}

/* ---- commands ---- */

static void answer_text(const struct engine_answer *answer, char text[ANSWER_BYTES])
{
    struct relief_buf buf = RELIEF_BUF_INIT;
    const struct relief_candidate *candidates = answer->candidates.items;
    relief_json_record(&buf, answer->shape, answer->record, NULL);
    for (uint32_t i = 0; answer->candidates.present && i < answer->candidates.count; i++)
        relief_json_record(&buf, &relief_shape_candidate, &candidates[i], NULL);
    snprintf(text, ANSWER_BYTES, "%llu %.*s", (unsigned long long)answer->seq, (int)buf.len, buf.data);
    relief_buf_deinit(&buf);
}

static bool repeatable(const struct command *command)
{
    const struct relief_command_info *info = relief_command_by_number(command->method);
    const struct relief_field *op = relief_shape_find(info->params, RELIEF_STR("op"));
    return command->method == RELIEF_METHOD_request_submit || (op && relief_field_str(op, &command->params)->data);
}

static void remember(struct sim *sim, const struct command *command, const struct engine_answer *answer)
{
    unsigned slot = sim->past_count < PAST_MAX ? sim->past_count++ : (unsigned)sim_random(sim, PAST_MAX);
    struct past *past = &sim->past[slot];
    past->command = *command;
    past->seq = answer->seq;
    past->release = answer->release;
    answer_text(answer, past->answer);
}

/* Ops are kept for days; a world lives for hours, but clocks jump, so only what is young must answer again. */
static bool must_be_known(struct sim *sim, const struct past *past)
{
    struct engine_entry entry;
    return past->command.method == RELIEF_METHOD_request_submit ||
           (engine_read_entry(sim->engine, past->seq, &entry) == 0 &&
            engine_now(sim->engine) - entry.time < 7 * RELIEF_DAY_MS);
}

static void retry(struct sim *sim)
{
    struct engine_answer answer;
    char text[ANSWER_BYTES];
    if (!sim->past_count)
        return;
    const struct past *past = &sim->past[sim_random(sim, sim->past_count)];
    if (!must_be_known(sim, past))
        return;
    int rc = engine_command(sim->engine, &past->command.who, past->command.method, &past->command.params, &answer);
    trace(sim, &past->command, rc, &answer);
    if (rc || !answer.replay)
        sim_fail(sim, "a retry of entry %llu is not answered again", (unsigned long long)past->seq);
    answer_text(&answer, text);
    if (strcmp(text, past->answer) != 0)
        sim_fail(sim, "a retry answers otherwise\n  first %s\n  now   %s", past->answer, text);
    sim->sum.replayed++;
}

static void carry_out(struct sim *sim, struct command *command)
{
    const struct relief_command_info *info = relief_command_by_number(command->method);
    struct relief_refusal refusal;
    struct engine_answer answer;
    if (relief_params_check(info->params, &command->params, &refusal)) {
        sim->sum.refused++;
        return;
    }
    uint64_t applied = engine_applied(sim->engine);
    int rc = engine_command(sim->engine, &command->who, command->method, &command->params, &answer);
    trace(sim, command, rc, &answer);
    if (rc < 0 || rc == RELIEF_INTERNAL)
        sim_fail(sim, "%s: %s", info->wire, rc < 0 ? strerror(-rc) : answer.refusal.message);
    if (rc > 0) {
        if (engine_applied(sim->engine) != applied)
            sim_fail(sim, "%s was refused and left an entry", info->wire);
        sim->sum.refused++;
        return;
    }
    if (answer.seq != applied + 1 || answer.release != engine_applied(sim->engine))
        sim_fail(sim, "%s: entry %llu, release %llu", info->wire, (unsigned long long)answer.seq,
                 (unsigned long long)answer.release);
    sim->sum.done++;
    if (repeatable(command))
        remember(sim, command, &answer);
}

/* ---- time and crashes ---- */

static void pass_time(struct sim *sim)
{
    int64_t ms = (int64_t)sim_random(sim, sim_chance(sim, 5) ? 7200000 : 20000);
    sim->wall += ms;
    sim->boot += ms;
    if (sim_chance(sim, 1))
        sim->wall += (int64_t)sim_random(sim, 7200000) - 3600000;
    engine_turn(sim->engine);
    uint64_t applied = engine_applied(sim->engine);
    while (engine_tick(sim->engine) == 0)
        ;
    sim->sum.timers += (unsigned)(engine_applied(sim->engine) - applied);
}

/* What was not released may be gone: whoever sent it got no answer and would send it anew. */
static void forget_lost(struct sim *sim)
{
    uint64_t head = engine_durable(sim->engine);
    unsigned kept = 0;
    if (head < sim->released)
        sim_fail(sim, "entry %llu was acknowledged, the log ends with %llu", (unsigned long long)sim->released,
                 (unsigned long long)head);
    for (unsigned i = 0; i < sim->past_count; i++) {
        if (sim->past[i].release > head)
            sim->lost++;
        else if (kept++ != i)
            sim->past[kept - 1] = sim->past[i];
    }
    sim->past_count = kept;
    sim->released = head;
}

static void crash(struct sim *sim)
{
    seal(sim);
    if (!sim->handed)
        return;
    enum fate fate = FATE_LOST + (enum fate)sim_random(sim, 3);
    if (finish(sim, fate) != -EIO)
        sim_fail(sim, "the disk is dead and nobody noticed");
    struct command command;
    struct engine_answer answer;
    traffic_next(sim, &command);
    if (engine_command(sim->engine, &command.who, command.method, &command.params, &answer) != -EROFS)
        sim_fail(sim, "a command is taken on a dead disk");
    watch_log_close(sim->watch);
    if (engine_close(sim->engine) != -EIO)
        sim_fail(sim, "a dead disk closes well");
    disk_revive(&sim->disk);
    sim->boot += 60000;
    sim->wall += 60000;
    start(sim);
    forget_lost(sim);
    sim->sum.crashes++;
    checkpoint(sim);
}

/* The mix of --rate: of a thousand steps 900 commands, 60 retries, one crash; README.md has it in words. */
static void step_fast(struct sim *sim)
{
    struct command command;
    uint64_t dice = sim_random(sim, 1000);
    if (dice < 900) {
        traffic_next(sim, &command);
        carry_out(sim, &command);
    } else if (dice < 960) {
        retry(sim);
    } else if (dice < 980) {
        pass_time(sim);
    } else if (dice < 989) {
        seal(sim);
    } else if (dice < 999) {
        if (sim->handed && finish(sim, FATE_DURABLE))
            sim_fail(sim, "a good disk fails");
    } else {
        crash(sim);
    }
    observe(sim);
}

static void step(struct sim *sim)
{
    struct command command;
    uint64_t dice = sim_random(sim, 100);
    if (dice < 70) {
        traffic_next(sim, &command);
        carry_out(sim, &command);
    } else if (dice < 78) {
        retry(sim);
    } else if (dice < 88) {
        pass_time(sim);
    } else if (dice < 93) {
        seal(sim);
    } else if (sim->handed && dice < 99) {
        if (finish(sim, FATE_DURABLE))
            sim_fail(sim, "a good disk fails");
    } else if (sim_chance(sim, 30)) {
        crash(sim);
    }
    observe(sim);
    if (sim->step % CHECK_EVERY == 0)
        checkpoint(sim);
}

/* ---- a world ---- */

static void remove_folder(const char *dir)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[400];
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
            remove_folder(path);
        else
            unlink(path);
    }
    closedir(folder);
    rmdir(dir);
}

/* The hash of the last entry stands for all of them: each covers the one before, outcome and all (fine print 64). */
static void show_hash(struct sim *sim, char ret_hash[2 * LOG_HASH_BYTES + 1])
{
    struct log_head head = log_durable(engine_log(sim->engine));
    for (unsigned i = 0; i < LOG_HASH_BYTES; i++)
        snprintf(ret_hash + 2 * i, 3, "%02x", head.hash[i]);
}

static struct sim *world_open(const struct world_options *options)
{
    static const char *const homes[] = {"/dev/shm", "/tmp"}; /* the simulated disk lies in memory where it can */
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim || relief_arena_init(&sim->strings, STRING_BYTES))
        abort();
    sim->seed = sim->random = options->seed;
    sim->roles = options->roles;
    sim->wall = START;
    sim->boot = 1000;
    snprintf(sim->dir, sizeof sim->dir, "%s/relief-sim-XXXXXX", homes[access(homes[0], W_OK) ? 1 : 0]);
    if (!mkdtemp(sim->dir) || sem_init(&sim->woken, 0, 0))
        abort();
    disk_init(&sim->disk);
    replica_init(&sim->outcomes);
    replica_init(&sim->commands);
    sim->watch = watch_new(report_broken, sim);
    start(sim);
    return sim;
}

static void world_close(struct sim *sim)
{
    watch_free(sim->watch);
    if (engine_close(sim->engine))
        sim_fail(sim, "does not close");
    replica_deinit(&sim->outcomes);
    replica_deinit(&sim->commands);
    disk_deinit(&sim->disk);
    sem_destroy(&sim->woken);
    relief_arena_deinit(&sim->strings);
    remove_folder(sim->dir);
    free(sim);
}

static void print_world(const struct sim *sim, const char *hash)
{
    printf(
        "seed %llu: %llu entries, %llu done, %llu refused, %llu replayed, %llu timers, %llu crashes with %u unanswered "
        "lost\nseed %llu: hash %s\n",
        (unsigned long long)sim->seed, (unsigned long long)engine_durable(sim->engine),
        (unsigned long long)sim->sum.done, (unsigned long long)sim->sum.refused, (unsigned long long)sim->sum.replayed,
        (unsigned long long)sim->sum.timers, (unsigned long long)sim->sum.crashes, sim->lost,
        (unsigned long long)sim->seed, hash);
}

void world_run(const struct world_options *options, struct sim_sum *sum)
{
    char hash[2 * LOG_HASH_BYTES + 1];
    struct sim *sim = world_open(options);
    struct command command;
    for (unsigned i = 0; traffic_found(sim, i, &command); i++) {
        carry_out(sim, &command);
        observe(sim);
    }
    make_durable(sim); /* a crash must not take the founding away */
    for (sim->step = 1; sim->step <= options->steps; sim->step++)
        options->rate ? step_fast(sim) : step(sim);
    checkpoint(sim);
    show_hash(sim, hash);
    if (!options->rate)
        print_world(sim, hash);
    if (options->expected && strcmp(hash, options->expected) != 0) {
        fprintf(stderr, "seed %llu: expected %s: this build decides otherwise\n", (unsigned long long)options->seed,
                options->expected);
        exit(1);
    }
    sim->sum.watched = watch_counted(sim->watch);
    sim_sum_add(sum, &sim->sum);
    world_close(sim);
}
