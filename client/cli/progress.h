/* How far a long command is, on a terminal; and its time limit (--timeout). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cli_progress {
    const char *unit; /* what is counted: "bytes", "entries"; NULL: nothing is shown */
    uint64_t total;   /* 0: not known */
    int64_t deadline_ms, shown_ms;
    bool shown;
    uint32_t calls;
};

/* timeout_ms 0: no limit. The bar is drawn on standard error when that is a terminal. */
void cli_progress_start(struct cli_progress *progress, const char *unit, uint64_t total, int timeout_ms);
/* Cheap enough for every line. False: the time is over; said. */
bool cli_progress_at(struct cli_progress *progress, uint64_t done);
/* Ends the line of the bar, so that messages begin on one of their own. */
void cli_progress_end(struct cli_progress *progress);
