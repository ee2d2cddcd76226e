/*
 * A bar of 40 characters, drawn at most ten times a second; the clock is looked at once in 256 calls.
 */
#include "client/cli/progress.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "client/cli/cli.h"

#define CALLS_A_LOOK 256u

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cli_progress_start(struct cli_progress *progress, const char *unit, uint64_t total, int timeout_ms)
{
    *progress = (struct cli_progress){.unit = isatty(STDERR_FILENO) ? unit : NULL, .total = total};
    if (timeout_ms > 0)
        progress->deadline_ms = monotonic_ms() + timeout_ms;
}

static void draw(struct cli_progress *progress, uint64_t done)
{
    char bar[41] = "........................................";
    if (progress->total == 0) {
        fprintf(stderr, "\r%llu %s", (unsigned long long)done, progress->unit);
    } else {
        uint64_t part = done < progress->total ? done : progress->total;
        memset(bar, '#', (size_t)((double)part / (double)progress->total * 40));
        fprintf(stderr, "\r[%s] %3u%% %llu/%llu %s", bar, (unsigned)((double)part / (double)progress->total * 100),
                (unsigned long long)done, (unsigned long long)progress->total, progress->unit);
    }
    fflush(stderr);
    progress->shown = true;
}

bool cli_progress_at(struct cli_progress *progress, uint64_t done)
{
    if ((!progress->unit && !progress->deadline_ms) || progress->calls++ % CALLS_A_LOOK)
        return true;
    int64_t now = monotonic_ms();
    if (progress->unit && now - progress->shown_ms >= 100) {
        progress->shown_ms = now;
        draw(progress, done);
    }
    if (!progress->deadline_ms || now < progress->deadline_ms)
        return true;
    cli_progress_end(progress);
    cli_say("the time limit is over");
    return false;
}

void cli_progress_stage(struct cli_progress *progress, const char *stage, size_t len, uint64_t done, uint64_t total)
{
    int64_t now = monotonic_ms();
    if (!progress->unit)
        return;
    len = len < sizeof progress->stage ? len : sizeof progress->stage - 1;
    for (size_t i = 0; i < len; i++) /* what comes from elsewhere must not steer the terminal */
        if ((unsigned char)stage[i] < 0x20 || stage[i] == 0x7f)
            return;
    bool same = progress->total == total && strlen(progress->stage) == len && memcmp(progress->stage, stage, len) == 0;
    if (same && now - progress->shown_ms < 100)
        return;
    memcpy(progress->stage, stage, len);
    progress->stage[len] = '\0';
    progress->unit = progress->stage;
    progress->total = total;
    progress->shown_ms = now;
    draw(progress, done);
    fputs("\033[K", stderr); /* a longer stage before */
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown)
        fputc('\n', stderr);
    progress->shown = false;
}
