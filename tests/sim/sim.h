/*
 * One simulated world: an engine, its clocks and disk, the replicas it is compared with, and what its clients remember.
 */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "base/file.h"
#include "engine/engine.h"
#include "watch.h"

/* ---- the disk (disk.c) ---- */

/* How the next batch fares: it waits at its write until this is said. */
enum fate {
    FATE_NONE,
    FATE_DURABLE,
    FATE_LOST,     /* the disk dies before a byte is written */
    FATE_TORN,     /* in the middle of the write */
    FATE_UNSYNCED, /* written, and the sync fails */
};

struct disk {
    struct file_io io;
    pthread_mutex_t lock;
    pthread_cond_t told;
    enum fate fate;
    unsigned torn_percent;
    bool sync_fails, dead;
};

void disk_init(struct disk *disk);
void disk_deinit(struct disk *disk);
/* What happens to the batch that is being written, or to the next one. */
void disk_tell(struct disk *disk, enum fate fate, unsigned torn_percent);
/* A new machine with the same bytes on it. */
void disk_revive(struct disk *disk);

/* ---- the replicas (replica.c) ---- */

struct replica {
    struct store *store; /* memory only */
    struct core core;
    struct core_effects effects;
    uint64_t seq;
};

void replica_init(struct replica *replica);
void replica_deinit(struct replica *replica);
/* Applies outcomes, or carries out commands and compares the outcome with the log's. NULL, or what is wrong. */
const char *replica_restore(struct replica *replica, struct log *log);
const char *replica_execute(struct replica *replica, struct log *log);
/* NULL when both views hold the same keys and values. */
const char *replica_compare(struct replica *replica, struct core_view *view);

/* ---- the world ---- */

#define PAST_MAX 64u
#define TRACE_MAX 24u
#define ANSWER_BYTES 8192u

union sim_params {
#define SIM_PARAMS(X)                                                                                                  \
    X(region_put) X(city_put) X(city_mode) X(link_put) X(kind_put) X(stock_receive) X(stock_issue) X(stock_writeoff)   \
    X(stock_count) X(stock_hold) X(stock_floor) X(incident_open) X(incident_update) X(incident_close)                  \
    X(agreement_put) X(agreement_end) X(request_submit) X(request_amend) X(request_cancel) X(request_close)            \
    X(dispatch_accept) X(dispatch_decline) X(dispatch_cancel) X(dispatch_renege) X(dispatch_lost) X(dispatch_depart)   \
    X(dispatch_receive) X(dispatch_return) X(dispatch_checkin) X(dispatch_recall) X(dispatch_extend)                   \
    X(dispatch_order) X(asset_put) X(asset_status) X(clock_confirm)
#define X(method) struct relief_##method##_params method;
    SIM_PARAMS(X)
#undef X
};

struct command {
    unsigned method;
    struct core_identity who;
    union sim_params params;
};

/* A command that may be sent again, and what was answered. */
struct past {
    struct command command;
    uint64_t seq, release;
    char answer[ANSWER_BYTES];
};

/* For the story that a failure tells; made text of then. Params and strings live as long as the world. */
struct told {
    struct command command;
    unsigned step;
    uint64_t seq;
    int rc;
    bool replay;
    char message[sizeof ((struct relief_refusal *)NULL)->message];
};

/* What happened in a world, or in several. */
struct sim_sum {
    uint64_t done, refused, replayed, timers, crashes, batches;
    uint64_t roles[RELIEF_role_COUNT]; /* commands given by each */
    struct watch_count watched;
};
void sim_sum_add(struct sim_sum *to, const struct sim_sum *more);

struct world_options {
    uint64_t seed;
    unsigned steps;
    const char *expected; /* hash that the log has to end with, or NULL */
    bool rate;            /* the mix of --rate, and nothing printed */
    bool roles;           /* commands of all roles, not only of the daemon's own user and of cities */
};
/* world.c: from the founding to the last checkpoint. Ends the program when something doesn't hold. */
void world_run(const struct world_options *options, struct sim_sum *sum);

struct sim {
    uint64_t seed, random;
    unsigned step;
    char dir[64];
    struct disk disk;
    struct engine *engine;
    bool roles;
    int64_t wall, boot;
    sem_t woken;
    uint64_t handed;   /* last entry of the batch that is with the log, 0: none */
    uint64_t released; /* last entry whose answer left */
    struct replica outcomes, commands;
    struct watch *watch;
    uint64_t watched; /* last entry that it was told */
    struct relief_arena strings; /* all ids and texts of this world */
    unsigned cities, kinds, requests, agreements, incidents, ops;
    struct past past[PAST_MAX];
    unsigned past_count;
    struct told trace[TRACE_MAX];
    unsigned traced, lost;
    struct sim_sum sum;
};

uint64_t sim_random(struct sim *sim, uint64_t below);
bool sim_chance(struct sim *sim, unsigned percent);
/* Text that lives as long as the world. */
struct relief_str sim_text(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints seed, step and the last commands, and ends the program. */
_Noreturn void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The state, and T as far as it is known. */
struct core_view *sim_view(struct sim *sim);
int64_t sim_now(struct sim *sim);

/* rate.c: prints how many commands a minute the simulator gets through. 0, or 1 when a world failed. */
struct rate_options {
    unsigned worlds, steps, jobs;
};
int rate_run(uint64_t seed, const struct rate_options *options);

/* traffic.c: the commands that make the world, by number from 0; false when it stands. Then random ones. */
bool traffic_found(struct sim *sim, unsigned number, struct command *ret);
void traffic_next(struct sim *sim, struct command *ret);
