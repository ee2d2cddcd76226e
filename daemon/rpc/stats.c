/*
 * Latency histograms with fixed buckets: a power of two cut in four, so that a record costs two shifts and a quantile
 * is right to a fifth whatever the load. Answers wait for their log entry in a ring; entries only grow, so what becomes
 * free is always at its front (a replay waits for an older entry and leaves with the next one, which is right to one
 * turn).
 */
#include "rpc/stats.h"
#include <time.h>

unsigned stats_bucket(uint64_t us)
{
    if (us < 4)
        return (unsigned)us;
    unsigned power = 63u - (unsigned)__builtin_clzll(us);
    unsigned bucket = (power - 1) * 4 + (unsigned)(us >> (power - 2) & 3);
    return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

uint64_t stats_bucket_top(unsigned bucket)
{
    if (bucket < 4)
        return bucket;
    unsigned power = bucket / 4 + 1;
    return ((UINT64_C(4) + bucket % 4 + 1) << (power - 2)) - 1;
}

static void record(struct stats *stats, unsigned method, int64_t us)
{
    struct stats_method *of = &stats->methods[method];
    uint64_t took = us < 0 ? 0 : (uint64_t)us;
    of->buckets[stats_bucket(took)]++;
    if (took > of->max_us)
        of->max_us = took;
}

void stats_answered(struct stats *stats, unsigned method, bool refused, uint64_t release, uint64_t durable,
                    int64_t since_us, int64_t now_us)
{
    if (method >= STATS_METHODS)
        return;
    stats->methods[method].count++;
    stats->methods[method].errors += refused;
    if (release <= durable || stats->count == STATS_WAITING) {
        record(stats, method, now_us - since_us);
        return;
    }
    stats->waiting[(stats->first + stats->count++) % STATS_WAITING] =
        (struct stats_wait){.release = release, .since_us = since_us, .method = method};
}

void stats_taken_back(struct stats *stats, uint64_t durable)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stats->count; i++) {
        struct stats_wait wait = stats->waiting[(stats->first + i) % STATS_WAITING];
        if (wait.release <= durable)
            stats->waiting[(stats->first + kept++) % STATS_WAITING] = wait;
    }
    stats->count = kept;
}

void stats_released(struct stats *stats, uint64_t durable, int64_t now_us)
{
    while (stats->count && stats->waiting[stats->first].release <= durable) {
        const struct stats_wait *wait = &stats->waiting[stats->first];
        record(stats, wait->method, now_us - wait->since_us);
        stats->first = (stats->first + 1) % STATS_WAITING;
        stats->count--;
    }
}

int64_t stats_quantile(const struct stats_method *method, unsigned permille)
{
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < STATS_BUCKETS; i++)
        total += method->buckets[i];
    if (!total)
        return 0;
    uint64_t rank = (total * permille + 999) / 1000;
    for (unsigned i = 0; i < STATS_BUCKETS; i++) {
        seen += method->buckets[i];
        if (seen >= rank) {
            uint64_t top = stats_bucket_top(i);
            return (int64_t)(top < method->max_us ? top : method->max_us);
        }
    }
    return (int64_t)method->max_us;
}

int64_t stats_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
