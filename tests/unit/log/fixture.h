/* What the tests of the log share: folders, entries whose bytes follow from their number, a hash, faults. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/file.h"
#include "log/log.h"
#include "log/segment.h"

#define FIXTURE_PAYLOAD_MAX 4096u
#define FAULT_KEPT_MAX 128

struct fixture {
    char dir[128];
    struct log_options options;
    struct log *log;
    struct log_damage damage;
    uint64_t cut;
};

/* A call that changes something on the disk is counted; the fail_at-th (from 1) fails with `error`, and all after it too. */
struct fault {
    struct file_io io;
    uint64_t calls, fail_at;
    int error;
    bool keep_failing;
    bool no_sync;        /* syncs answer at once: for tests that open a log thousands of times */
    unsigned short_seed; /* not 0: transfers are short and interrupted now and then */
    bool track;          /* remembers what a write has overwritten until the file is synced */
    struct undo {
        struct undo *next;
        int fd;
        uint64_t inode;
        uint64_t offset;
        size_t len;
        uint8_t old[];
    } *undo;
    int kept[FAULT_KEPT_MAX]; /* descriptors of closed files that were not synced */
    unsigned kept_count;
};

void fault_init(struct fault *fault);
void fault_deinit(struct fault *fault);
/* Power fails: of what was written and not synced, each sector of 512 bytes is there or isn't. */
void fault_power_off(struct fault *fault, uint64_t *seed);

uint64_t fixture_random(uint64_t *seed);
void fixture_init(struct fixture *fixture, size_t segment_bytes);
void fixture_deinit(struct fixture *fixture);
int fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* BLAKE2b-256 of prev, seq and payload. */
int fixture_hash(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES]);
/* Length and bytes of entry seq. */
uint32_t fixture_payload(uint64_t seq, uint8_t ret_bytes[FIXTURE_PAYLOAD_MAX]);
/* Appends entries [log_durable + 1 ...] as one batch; flags are LOG_MORE for all but the last when more is set. */
int fixture_append(struct fixture *fixture, size_t count, bool more);
/* Reads [first, last] with a cursor and compares bytes and chain; last is what is durable. */
void fixture_verify(struct fixture *fixture, uint64_t last);
/* The same without assertions, for a fork: 0 or a line number. */
int fixture_check(struct log *log, uint64_t last, uint64_t *ret_bad);

void fixture_path(const struct fixture *fixture, const char *name, char ret_path[256]);
/* Reads and writes a segment's bytes behind the log's back. */
size_t fixture_load(const struct fixture *fixture, uint64_t first, uint8_t **ret_bytes);
void fixture_store(const struct fixture *fixture, uint64_t first, const uint8_t *bytes, size_t len);
/* Where record seq lies in its segment, and how many bytes it has there. */
uint64_t fixture_offset(const uint8_t *bytes, uint64_t first, uint64_t seq, size_t *ret_len);
unsigned fixture_segments(const struct fixture *fixture, uint64_t *ret_firsts, unsigned max);
