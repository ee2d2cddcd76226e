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

struct sim {
    uint64_t seed, random;
    unsigned step;
    char dir[64];
    struct disk disk;
    struct engine *engine;    /* NULL: the core alone, at this time (rate.c) */
    struct core_view *view;
    int64_t now;
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
    char trace[TRACE_MAX][512];
    unsigned traced;
    /* what happened, for the summary */
    unsigned done, refused, replayed, crashes, lost, timers;
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

/* rate.c: the core alone on a store in memory; prints how many commands it carries out in a minute. */
void rate_run(uint64_t seed, unsigned worlds, unsigned steps);

/* traffic.c: the commands that make the world, by number from 0; false when it stands. Then random ones. */
bool traffic_found(struct sim *sim, unsigned number, struct command *ret);
void traffic_next(struct sim *sim, struct command *ret);
