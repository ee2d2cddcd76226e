/*
 * The invariants of DESIGN 6 after each step, for what the step's entries touched. Each entry is told to the watch in its order; at the
 * end of the step the watch looks at the state. What it compares with are its own books (books.h), not the daemon's sums.
 *
 *   1  a kind's sums over all cities balance, and a city's account says of the road and of loans what the legs say
 *   2  a lot's held and reserved are those of the legs that name it, within what is on hand
 *   3  a leg that the entry made left its donor at or above the floor, or was ordered
 *   4  a request's numbers add up, and are those of its legs; no request that the entry may concern could be matched further
 *   5  an asset is in one live leg at most, and both say so
 *   6  sequence numbers have no gap, times never fall; the hash of each durable entry covers the one before
 *   7  each record that was changed stands in the state as the entry has it (that nothing else changed: checkpoints)
 * 8 is the traffic's: retries.
 */
#pragma once
#include "core/check.h"
#include "log/log.h"

struct watch;

struct watch *watch_new(core_check_report *report, void *context);
void watch_free(struct watch *watch);

/* A start: the books are opened anew from the records of the state, which stands at entry seq of that time, and all of them are checked. */
void watch_open(struct watch *watch, struct core *core, uint64_t seq, int64_t time, int64_t now);
/* The next entry, with the changes that it carries. */
void watch_entry(struct watch *watch, uint64_t seq, int64_t time, const struct core_change *changes, uint32_t count);
/* The end of a step. Matching is looked at once no deadline is due at this time. */
void watch_step(struct watch *watch, struct core *core, int64_t now);
/* What became durable since. */
void watch_log(struct watch *watch, struct log *log);
/* Before the log is closed. */
void watch_log_close(struct watch *watch);

/* What was looked at, for the summary. */
struct watch_count {
    uint64_t entries, records, links, requests, matched; /* links of the chain; requests looked at; by the matcher itself */
};
struct watch_count watch_counted(const struct watch *watch);
