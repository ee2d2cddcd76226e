/*
 * How many commands a minute the simulator gets through, with everything that its worlds have: engine, log, store,
 * restarts, a disk that dies, deadlines, retries, all roles, and the invariants after each step. What differs is the
 * mix (README.md): crashes and checkpoints are rarer, so that commands are most of the work, and nothing but the sum is
 * printed.
 *
 * Worlds have nothing to do with each other, so each job runs every so-many-th of them in a process of its own.
 */
#include "sim.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct rate_job {
    struct sim_sum sum;
    double cpu;
};

static void run_job(uint64_t seed, const struct rate_options *options, unsigned number, struct rate_job *ret)
{
    /* A daemon opens its buffers of megabytes once; here each start does, and glibc would learn to copy instead of
     * moving pages. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 26);
    for (unsigned i = number; i < options->worlds; i += options->jobs) {
        const struct world_options world = {.seed = seed + i, .steps = options->steps, .rate = true, .roles = true};
        world_run(&world, &ret->sum);
    }
    ret->cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void print(const struct rate_options *options, const struct sim_sum *sum, double wall, double cpu)
{
    double loads[3] = {0};
    if (getloadavg(loads, 3) < 1)
        loads[0] = 0;
    printf("%llu commands (%llu done, %llu refused, %llu retries) and %llu timers in %u worlds, %u jobs: %.2f s, "
           "%.2f s of processor time, load %.1f\n",
           (unsigned long long)(sum->done + sum->refused + sum->replayed), (unsigned long long)sum->done,
           (unsigned long long)sum->refused, (unsigned long long)sum->replayed, (unsigned long long)sum->timers,
           options->worlds, options->jobs, wall, cpu, loads[0]);
    printf("roles:");
    for (unsigned role = 0; role < RELIEF_role_COUNT; role++)
        printf(" %s %llu", relief_enum_role.names[role], (unsigned long long)sum->roles[role]);
    printf("; %llu crashes and restarts, %llu batches\n", (unsigned long long)sum->crashes,
           (unsigned long long)sum->batches);
    printf(
        "looked at after each step: %llu entries, %llu records, %llu links of the chain, %llu open requests (%llu by "
        "the matcher)\n",
        (unsigned long long)sum->watched.entries, (unsigned long long)sum->watched.records,
        (unsigned long long)sum->watched.links, (unsigned long long)sum->watched.requests,
        (unsigned long long)sum->watched.matched);
    double commands = (double)(sum->done + sum->refused + sum->replayed);
    printf("%.0f commands a minute, %.0f a minute of processor time\n", commands / wall * 60, commands / cpu * 60);
}

void sim_sum_add(struct sim_sum *to, const struct sim_sum *more)
{
    to->done += more->done;
    to->refused += more->refused;
    to->replayed += more->replayed;
    to->timers += more->timers;
    to->crashes += more->crashes;
    to->batches += more->batches;
    for (unsigned role = 0; role < RELIEF_role_COUNT; role++)
        to->roles[role] += more->roles[role];
    to->watched.entries += more->watched.entries;
    to->watched.records += more->watched.records;
    to->watched.links += more->watched.links;
    to->watched.requests += more->watched.requests;
    to->watched.matched += more->watched.matched;
}

int rate_run(uint64_t seed, const struct rate_options *options)
{
    struct rate_job *jobs =
        mmap(NULL, options->jobs * sizeof *jobs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sim_sum sum = {0};
    double wall = seconds(CLOCK_MONOTONIC), cpu = 0;
    bool failed = false;
    if (jobs == MAP_FAILED)
        abort();
    fflush(stdout);
    for (unsigned i = 0; i < options->jobs; i++) {
        pid_t pid = fork();
        if (pid < 0)
            abort();
        if (pid == 0) {
            run_job(seed, options, i, &jobs[i]);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < options->jobs; i++) {
        int status;
        failed = wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || failed;
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    for (unsigned i = 0; i < options->jobs; i++) {
        sim_sum_add(&sum, &jobs[i].sum);
        cpu += jobs[i].cpu;
    }
    if (!failed)
        print(options, &sum, wall, cpu);
    munmap(jobs, options->jobs * sizeof *jobs);
    return failed ? 1 : 0;
}
