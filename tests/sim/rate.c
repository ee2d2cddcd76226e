/*
 * How fast the core decides: the same random commands as in the worlds, on a store in memory, without log, disk,
 * replicas or threads. What is measured is the matching, the rules and the derived keys; making a command up is part of
 * it, a few hundredths.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct rate {
    struct sim sim;
    struct core core;
    struct core_effects effects;
    uint64_t seq;
    unsigned done, refused, timers;
};

/* Over all worlds. */
struct rate_sum {
    double wall, cpu;
    unsigned long done, refused, timers;
};

static void apply(struct rate *rate, const struct core_identity *who, unsigned command, const void *params)
{
    struct relief_time_wake_params again;
    struct core_entry entry = {
        .seq = rate->seq + 1, .time = rate->sim.now, .who = *who, .command = command, .params = params};
    int rc = core_apply(&rate->core, &entry, &rate->effects);
    if (rc < 0 || rc == RELIEF_INTERNAL)
        abort();
    rate->seq += rc == 0;
    rate->done += rc == 0;
    rate->refused += rc > 0;
    relief_shape_clear(&relief_shape_time_wake_params, &again);
    while (rc == 0 && rate->effects.more) { /* what one entry could not finish */
        entry.seq = ++rate->seq;
        entry.command = RELIEF_COMMAND_time_wake;
        entry.params = &again;
        rc = core_apply(&rate->core, &entry, &rate->effects);
    }
}

static void due(struct rate *rate)
{
    const struct core_identity local = {.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    struct core_due due;
    while (core_next_due(rate->sim.view, rate->sim.now, &due)) {
        apply(rate, &local, due.command, &due.params);
        rate->timers++;
    }
}

static void give(struct rate *rate, struct command *command)
{
    struct relief_refusal refusal;
    const struct relief_command_info *info = relief_command_by_number(command->method);
    if (relief_params_check(info->params, &command->params, &refusal))
        rate->refused++;
    else
        apply(rate, &command->who, command->method, &command->params);
    relief_arena_reset(&rate->sim.strings); /* the state has its own copies */
}

/* One world; adds what it took. */
static void world(uint64_t seed, unsigned steps, struct rate_sum *sum)
{
    struct rate *rate = calloc(1, sizeof *rate);
    struct command command;
    struct store *store;
    if (!rate || relief_arena_init(&rate->sim.strings, (size_t)1 << 24) ||
        store_open(&store, &(struct store_options){0}) || core_init(&rate->core, store_view(store)) ||
        core_effects_init(&rate->effects))
        abort();
    rate->sim.view = store_view(store);
    rate->sim.seed = rate->sim.random = seed;
    rate->sim.now = INT64_C(1700000000000);
    for (unsigned i = 0; traffic_found(&rate->sim, i, &command); i++)
        give(rate, &command);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < steps; i++) {
        rate->sim.now += (int64_t)sim_random(&rate->sim, 10000);
        due(rate);
        traffic_next(&rate->sim, &command);
        give(rate, &command);
    }
    sum->wall += seconds(CLOCK_MONOTONIC) - wall;
    sum->cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    sum->done += rate->done;
    sum->refused += rate->refused;
    sum->timers += rate->timers;
    core_effects_deinit(&rate->effects);
    core_deinit(&rate->core);
    store_close(store);
    relief_arena_deinit(&rate->sim.strings);
    free(rate);
}

void rate_run(uint64_t seed, unsigned worlds, unsigned steps)
{
    struct rate_sum sum = {0};
    for (unsigned i = 0; i < worlds; i++)
        world(seed + i, steps, &sum);
    double commands = (double)worlds * steps;
    printf("%.0f commands and %lu timers (%lu done, %lu refused) in %.2f s, %.2f s of processor time\n", commands,
           sum.timers, sum.done, sum.refused, sum.wall, sum.cpu);
    printf("%.0f commands a minute, %.0f a minute of processor time\n", commands / sum.wall * 60,
           commands / sum.cpu * 60);
}
