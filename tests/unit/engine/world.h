/*
 * An engine in a temporary folder with virtual clocks, a gate before every sync, and a small world in it: the region "r", the
 * kind "K", and as many cities as a test wants.
 */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include "base/file.h"
#include "engine/engine.h"

#define WORLD_START INT64_C(1700000000000)

struct world {
    char dir[64];
    struct engine *engine;
    struct engine_report report;
    struct engine_answer answer;
    struct core_identity who;
    int64_t wall, boot;
    size_t segment_bytes;
    uint32_t turn_looks_max;
    sem_t woken;
    struct file_io io;
    const struct file_io *evidence_io; /* NULL: the system's */
    /* syncs of data: they wait while the gate is closed, fail with sync_error when that is set */
    pthread_mutex_t lock;
    pthread_cond_t gate;
    bool gate_closed;
    int sync_error;
    unsigned syncs;
};

/* cmocka setup and teardown: a folder without an engine, and one with it. */
int world_setup(void **state);
int world_setup_open(void **state);
int world_teardown(void **state);

int world_open(struct world *w);
/* world_open that must succeed. */
void world_start(struct world *w);
void world_stop(struct world *w);
void world_gate(struct world *w, bool closed);
void world_sync_error(struct world *w, int error);
unsigned world_syncs(struct world *w);
/* Both clocks go on, and a turn begins. */
void world_advance(struct world *w, int64_t ms);

/* Fills params with what is absent, so that a test sets only what it means. */
#define WORLD_PARAMS(method, name)                                                                                     \
    struct relief_##method##_params name;                                                                              \
    relief_shape_clear(&relief_shape_##method##_params, &name)
/* Checks params, fills in defaults, and carries the command out. */
int world_command(struct world *w, unsigned method, void *params);
/* Seals, and settles until everything applied is durable, or the log has failed: returns what engine_settle did. */
int world_durable(struct world *w);

void world_city(struct world *w, const char *code, int64_t lat);
/* Region, kind and the cities A and B, 0.1 degrees apart. */
void world_found(struct world *w);
void world_receive(struct world *w, const char *city, int64_t quantity);
/* The parameters of a submit: city A, kind K. The id must outlive them. */
struct relief_request_submit_params world_asked(const char *id, int64_t quantity);
int world_submit(struct world *w, const char *id, int64_t quantity);
/* Reads the request into static memory; false when there is none. */
bool world_request(struct world *w, const char *id, struct relief_request *ret);
/* The answer as a client gets it: JSON of record, candidates and seq. Valid until the next but one call. */
const char *world_answer(struct world *w);
/* Copies a folder with everything in it. */
void world_copy(const char *from, const char *to);
void world_remove(const char *dir);
/* Removes the log, and the evidence that there ever was one. */
void world_forget(struct world *w);
/* A new temporary folder that does not exist yet. */
void world_folder(char ret_dir[64]);
