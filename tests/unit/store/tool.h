/* What the tests of the store share: a folder of their own, a store in it, random numbers, waiting for a flush. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "store/store.h"

struct tool {
    char dir[64];
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t change;
    unsigned flushed; /* calls of options.flushed */
    unsigned noted;   /* those that tool_settle saw */
    int error;        /* of the last one */
    uint64_t seq;
};

uint64_t tool_random(uint64_t *state);
static inline uint32_t tool_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(tool_random(state) >> 33) % bound;
}

/* A store in memory, or in a new folder. */
void tool_open(struct tool *tool, bool memory);
void tool_reopen(struct tool *tool);
/* Closes, removes the folder. */
void tool_close(struct tool *tool);
/* Ends a batch; returns its mark, whose hash is made from the sequence. */
struct store_mark tool_batch(struct tool *tool);
/* Waits for a call of options.flushed that was not seen yet, then lets the store take note. */
void tool_settle(struct tool *tool);
unsigned tool_flushed(struct tool *tool);
/* Ends a batch and has all of it written to LMDB. */
void tool_flush(struct tool *tool);

struct core_key tool_key(unsigned space, const char *text);
void tool_put(struct core_view *view, const struct core_key *key, const void *data, size_t len);
/* The value of the key of this text in a table of its own; value NULL removes it. */
struct relief_str tool_get(struct core_view *view, const char *text);
void tool_set(struct core_view *view, const char *text, const char *value);
void tool_assert_value(struct relief_str value, const char *text);
