/*
 * T, the time of log entries (fine print 12): the wall clock, held against the log and the boot clock. Pure: the caller reads
 * the clocks.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct engine_clock {
    int64_t wall, boot;           /* as last read, ms */
    int64_t last_time, last_boot; /* T of the last entry (at the start: T then), and the boot clock at that moment */
    bool held;                    /* the wall clock jumped ahead: T goes on by the boot clock until clock.confirm */
    int64_t now;                  /* T */
};

enum engine_clock_state {
    ENGINE_CLOCK_RIGHT,
    ENGINE_CLOCK_HELD,   /* see held */
    ENGINE_CLOCK_BEHIND, /* the wall clock went back: T stands where the last entry is until it has come up to that */
};
enum engine_clock_state engine_clock_state(const struct engine_clock *clock);

/* The start: the wall clock as it is, but not before the last entry. True when it is more than a day past that. */
bool engine_clock_start(struct engine_clock *clock, int64_t wall, int64_t boot, int64_t last_entry, bool has_entries);
/* The clocks were read. */
void engine_clock_read(struct engine_clock *clock, int64_t wall, int64_t boot);
/* An entry got the time T = clock->now. */
void engine_clock_entry(struct engine_clock *clock);
/* May an operator confirm this time: is it within RELIEF_CLOCK_JUMP_MS of the wall clock? */
bool engine_clock_confirmable(const struct engine_clock *clock, int64_t time);
/* The wall clock is right: T is the wall clock from here on, but not before the last entry. */
void engine_clock_confirm(struct engine_clock *clock);
