/*
 * Bugs planted on purpose, so that the suites under tests/faults and tests/crash can be asked whether they would find
 * them. Only the test program reliefd_planted has them (RELIEF_PLANTS); in every other build PLANT is a constant false
 * and no code is left. RELIEF_PLANT in the environment names the bugs that are switched on, separated by commas.
 */
#pragma once
#include <stdbool.h>

bool plant_is(const char *name); /* of the test program alone */
#ifdef RELIEF_PLANTS
#define PLANT(name) plant_is(name)
#else
#define PLANT(name) false
#endif
