/*
 * T is the wall clock while that moves as the boot clock does. Backwards it is never followed: T stays where the last
 * entry was until the wall clock has come up to it. Forwards it is followed for at most 60 s past what the boot clock
 * has seen since the last entry; a larger jump is not believed, because T can't be taken back: deadlines would pass,
 * goods expire, and every later entry would have to stand at that time. Then T goes on by the boot clock (without the
 * 60 s: they would be added again with every entry, and the jump would be followed in small steps) until the wall clock
 * comes back by itself or an operator confirms it.
 *
 * While the wall clock is behind, T does not go on by the boot clock either: fine print 12 says that it is the wall
 * clock, or the entry before. Deadlines are moments of T, so none passes meanwhile, and 47 holds: what is due by T is
 * done within 2 s. To confirm a clock that is behind changes nothing, as T can't be taken back; whoever sets it right
 * ends it.
 */
#include "engine/clock.h"
#include "base/plant.h"

#include "schema/limits.h"

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What no record can hold is not taken from a clock either. */
static int64_t in_range(int64_t wall)
{
    return wall < 0 ? 0 : wall > RELIEF_TIME_MAX ? RELIEF_TIME_MAX : wall;
}

/* Where the boot clock alone puts T. */
static int64_t by_boot(const struct engine_clock *clock)
{
    int64_t elapsed = max_i64(0, clock->boot - clock->last_boot);
    return clock->last_time > RELIEF_TIME_MAX - elapsed ? RELIEF_TIME_MAX : clock->last_time + elapsed;
}

static void set_now(struct engine_clock *clock)
{
    int64_t expected = by_boot(clock);
    clock->held = clock->wall - expected > RELIEF_CLOCK_JUMP_MS && !PLANT("believe-clock");
    clock->now = clock->held ? expected : max_i64(clock->last_time, clock->wall);
}

enum engine_clock_state engine_clock_state(const struct engine_clock *clock)
{
    if (clock->held)
        return ENGINE_CLOCK_HELD;
    return clock->now - clock->wall > RELIEF_CLOCK_BEHIND_MS ? ENGINE_CLOCK_BEHIND : ENGINE_CLOCK_RIGHT;
}

bool engine_clock_start(struct engine_clock *clock, int64_t wall, int64_t boot, int64_t last_entry, bool has_entries)
{
    wall = in_range(wall);
    int64_t now = has_entries ? max_i64(wall, last_entry) : wall;
    *clock = (struct engine_clock){.wall = wall, .boot = boot, .last_time = now, .last_boot = boot, .now = now};
    return has_entries && wall - last_entry > RELIEF_DAY_MS;
}

void engine_clock_read(struct engine_clock *clock, int64_t wall, int64_t boot)
{
    if (PLANT("count-twice") && boot - clock->boot > 5000)
        clock->last_time = clock->now + 2 * (boot - clock->boot);
    clock->wall = in_range(wall);
    clock->boot = max_i64(clock->boot, boot);
    set_now(clock);
}

void engine_clock_entry(struct engine_clock *clock)
{
    clock->last_time = clock->now;
    clock->last_boot = clock->boot;
}

bool engine_clock_confirmable(const struct engine_clock *clock, int64_t time)
{
    int64_t distance = time > clock->wall ? time - clock->wall : clock->wall - time;
    return distance <= RELIEF_CLOCK_JUMP_MS;
}

void engine_clock_confirm(struct engine_clock *clock)
{
    clock->last_time = max_i64(clock->last_time, clock->wall);
    clock->last_boot = clock->boot;
    set_now(clock);
}
