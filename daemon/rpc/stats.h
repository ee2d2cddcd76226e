/*
 * Per-method counters and latencies since start, for server.stats. A latency runs from the turn in which the request was
 * read to the moment its answer was allowed to leave.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define STATS_BUCKETS 128     /* four per power of two of microseconds: an error below a fifth, up to 71 minutes */
#define STATS_METHODS 128     /* method numbers are below it */
#define STATS_WAITING 65536u  /* answers whose entry is not durable yet; beyond, they count as answered at once */

struct stats_method {
    uint64_t count, errors, max_us;
    uint32_t buckets[STATS_BUCKETS];
};

struct stats_wait {
    uint64_t release;
    int64_t since_us;
    unsigned method;
};

struct stats {
    struct stats_method methods[STATS_METHODS];
    struct stats_wait waiting[STATS_WAITING]; /* a ring, oldest first */
    uint32_t first, count;
};

/* An answer was made; it leaves when entry `release` is durable. */
void stats_answered(struct stats *stats, unsigned method, bool refused, uint64_t release, uint64_t durable,
                    int64_t since_us, int64_t now_us);
/* Entries up to `durable` are; answers that waited for them left now. */
void stats_released(struct stats *stats, uint64_t durable, int64_t now_us);
/* Entries beyond `durable` are taken back: what waits for them is not counted. */
void stats_taken_back(struct stats *stats, uint64_t durable);
/* An upper bound of the latency that permille of the answers kept, 0 without any. */
int64_t stats_quantile(const struct stats_method *method, unsigned permille);
unsigned stats_bucket(uint64_t us);
uint64_t stats_bucket_top(unsigned bucket);
int64_t stats_now_us(void);
