/*
 * test_sim: random worlds on a disk that dies, or how many commands a minute they come to. README.md says what must
 * hold.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct arguments {
    uint64_t seed, worlds, steps, jobs;
    const char *expected;
    bool rate, roles;
};

static bool read_arguments(int argc, char **argv, struct arguments *ret)
{
    bool worlds_given = false;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--rate") == 0) {
            ret->rate = true;
            continue;
        }
        if (strcmp(name, "--roles") == 0) {
            ret->roles = true;
            continue;
        }
        if (++i == argc)
            return false;
        uint64_t value = strtoull(argv[i], NULL, 10);
        if (strcmp(name, "--seed") == 0)
            ret->seed = value;
        else if (strcmp(name, "--worlds") == 0)
            ret->worlds = value, worlds_given = true;
        else if (strcmp(name, "--steps") == 0)
            ret->steps = value;
        else if (strcmp(name, "--jobs") == 0)
            ret->jobs = value;
        else if (strcmp(name, "--hash") == 0)
            ret->expected = argv[i];
        else
            return false;
    }
    if (ret->rate && !worlds_given)
        ret->worlds = 50;
    return ret->jobs >= 1 && ret->jobs <= 64 && (!ret->expected || (ret->worlds == 1 && !ret->rate));
}

int main(int argc, char **argv)
{
    struct sim_sum sum = {0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments given = {.seed = 1, .worlds = 4, .steps = 1000, .jobs = processors < 1 ? 1 : (uint64_t)processors};
    if (!read_arguments(argc, argv, &given)) {
        fprintf(stderr, "test_sim [--seed S] [--worlds N] [--steps N] [--roles] [--hash HEX, with --worlds 1]\n"
                        "test_sim --rate [--seed S] [--worlds N] [--steps N] [--jobs N]\n");
        return 2;
    }
    if (given.rate) {
        const struct rate_options rate = {
            .worlds = (unsigned)given.worlds, .steps = (unsigned)given.steps, .jobs = (unsigned)given.jobs};
        return rate_run(given.seed, &rate);
    }
    for (uint64_t i = 0; i < given.worlds; i++) {
        const struct world_options world = {
            .seed = given.seed + i, .steps = (unsigned)given.steps, .expected = given.expected, .roles = given.roles};
        world_run(&world, &sum);
    }
    return 0;
}
