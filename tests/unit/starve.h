/*
 * Memory that runs out when a test says so. Link with relief_starve(TARGET) of CMakeLists.txt: the linker then leads every
 * malloc, calloc, realloc and mmap of the program and of the static libraries through here; those of shared libraries stay
 * as they are.
 */
#pragma once
#include <stdbool.h>

/* The next `allocations` succeed, all behind them fail, until starve_end(). Of this thread only. */
void starve_after(unsigned allocations);
/* Memory is there again. True when something was refused since starve_after(). */
bool starve_end(void);
/* What can't fail by its contract is spared: off() in front of it, with what that returned to on() behind it. */
bool starve_off(void);
void starve_on(bool was_on);

/* Runs the statement with room for 0, 1, 2, ... allocations until nothing is refused any more; `starved` is true in all
 * rounds but the last. The bound is there to end a test whose code never gets by. */
#define STARVE_MAX 100000u
#define STARVE_EACH(starved, statement, then)                                                                          \
    do {                                                                                                               \
        bool starved = true;                                                                                           \
        for (unsigned starve_i = 0; starved; starve_i++) {                                                             \
            assert_true(starve_i < STARVE_MAX);                                                                        \
            starve_after(starve_i);                                                                                    \
            statement;                                                                                                 \
            starved = starve_end();                                                                                    \
            then;                                                                                                      \
        }                                                                                                              \
    } while (0)
