/* How far a long command is, on a terminal; and its time limit (--timeout). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_progress {
    const char *unit; /* what is counted: "bytes", "entries"; NULL: nothing is shown */
    uint64_t total;   /* 0: not known */
    int64_t deadline_ms, shown_ms;
    bool shown;
    uint32_t calls;
    char stage[32];
};

/* timeout_ms 0: no limit. The bar is drawn on standard error when that is a terminal. */
void cli_progress_start(struct cli_progress *progress, const char *unit, uint64_t total, int timeout_ms);
/* Cheap enough for every line. False: the time is over; said. */
bool cli_progress_at(struct cli_progress *progress, uint64_t done);
/* The same for work that another does, which says itself how far it is: a new stage is drawn at once. */
void cli_progress_stage(struct cli_progress *progress, const char *stage, size_t len, uint64_t done, uint64_t total);
/* Ends the line of the bar, so that messages begin on one of their own. */
void cli_progress_end(struct cli_progress *progress);
