/*
 * The ordered log: a folder of append-only segments. Each segment is preallocated and zero-filled ahead of time, so that one
 * fdatasync of data alone makes a batch durable (it halves the sync, research: 136 against 249 microseconds).
 *
 * File NNNNNNNNNNNNNNNNNNNN.seg (20 digits: first sequence number). Header 64 bytes, then records of 8-byte alignment:
 *   magic 4, length of the payload 4, sequence 8, batch 8, flags 1, place in the batch 3, check of these 4, check 8, hash of the
 *   entry before 32, payload
 * check is SipHash-2-4 (libsodium, random key of the segment) over everything of the record but itself. batch counts the syncs.
 * FORMAT.md has it byte by byte, with what a crash can leave.
 *
 * Batch N+1 is written only after the sync of batch N. So on opening, a bad record in the last batch cuts the log there,
 * nothing of it was acknowledged; a bad record that a later batch follows is damage: refused with segment and offset (-EUCLEAN).
 * A record with LOG_MORE asks for the next one: the cut goes back to the last record without it. A batch holds whole commands.
 *
 * The first failed sync sticks, and so does a write that failed otherwise than for want of space (file_is_shortage): every later
 * append returns it, nothing is retried on a file that lied. A shortage leaves the log as it was: the batch is not taken.
 * One thread appends; others may read what log_durable() says, each with its own cursor.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_HASH_BYTES 32
#define LOG_SEGMENT_BYTES (64u * 1024u * 1024u) /* default size of a segment: 0.1 s of zero-filling, a million small entries */
#define LOG_MORE 1u                             /* flag: the next record belongs to the same command */

struct log;
struct file_io; /* base/file.h */

struct log_record {
    uint64_t seq;
    uint64_t batch;
    uint32_t flags;
    uint8_t prev[LOG_HASH_BYTES]; /* hash of the entry before; zeros for the first */
    const uint8_t *payload;
    uint32_t len;
};

/* The hash of an entry (fine print 64), from prev, seq and payload: given by the engine, which knows how an entry reads as JSON. */
/* 0 or -errno: then the log takes nothing. */
typedef int log_hash(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES]);

struct log_options {
    const char *dir;        /* made when it does not exist */
    size_t segment_bytes;   /* 0: LOG_SEGMENT_BYTES; at least 64 KiB */
    bool read_only;         /* relief check beside a running daemon: nothing is cut or made */
    log_hash *hash;         /* NULL: no chain. Called in log_open and log_append only, on their thread */
    void *context;
    const struct file_io *io; /* NULL: the system's calls; tests put faults here */
};

struct log_head {
    uint64_t seq;                 /* last entry, 0: none */
    uint8_t hash[LOG_HASH_BYTES]; /* its hash, zeros when none */
};

struct log_damage {
    char segment[64]; /* file name */
    uint64_t offset;
    uint64_t seq;     /* expected there */
    char what[128];
};

/*
 * Opens and recovers. 0; -errno; -EUCLEAN with *ret_damage filled in; -EBUSY: another writer has the folder. `cut` tells how many
 * records of the last batch were dropped, at least 1 if there was anything of one. Both ret_ may be NULL.
 */
int log_open(struct log **ret_log, const struct log_options *options, struct log_damage *ret_damage, uint64_t *ret_cut);
void log_close(struct log *log);

/*
 * One batch in: payloads with seq and flags set (batch and prev are filled in here). Returns after the sync: 0 or -errno.
 * -EINVAL (a number that doesn't follow, LOG_MORE on the last), -E2BIG (a payload above RELIEF_ENTRY_BYTES_MAX, a batch above
 * 256 MiB), an error of the hash and what file_is_shortage names leave the log as it was; any other error sticks.
 */
int log_append(struct log *log, struct log_record *records, size_t count);
/* The last durable entry; any thread. */
struct log_head log_durable(struct log *log);
/*
 * Makes the next segment ready when the current one is more than half full; called by the appending thread when it is idle. Does
 * a piece of at most 8 MiB a call. A shortage does not stick: nothing is lost until the current segment is full.
 */
int log_prepare(struct log *log);
/*
 * After a shortage, on the appending thread: does what the next batch may need, so that 0 means that the cause is gone. Makes zeros
 * of what a batch that was not taken has left, and the next segment as a whole.
 */
int log_make_room(struct log *log);
/* First sequence number that is still there (1 unless pruned); 0 when empty. Any thread. */
uint64_t log_first(struct log *log);

/* The files that hold what is durable, in their order, for copying; any thread. */
struct log_segment_info {
    char name[32];
    uint64_t first; /* number of its first record */
    uint64_t bytes; /* of the file */
    uint64_t end;   /* of what is durable in it; what stands behind may be half written, and counts as zeros */
};
/* 0 and a list to be freed, and the head at which it ends; -ENOMEM. */
int log_segments(struct log *log, struct log_segment_info **ret_segments, size_t *ret_count, struct log_head *ret_head);

/* Reading in order, on any thread, never past log_durable(). Each record is checked again. */
struct log_cursor;
/* from 0: the first that is there. -ENOENT: pruned. A number that is not there yet is waited for. Close it before the log. */
int log_cursor_open(struct log_cursor **ret, struct log *log, uint64_t from);
/* 1 and the record (valid until the next call), 0 at the durable end (more may come later), -errno, -EUCLEAN. */
int log_cursor_next(struct log_cursor *cursor, struct log_record *ret);
/* Where and what, after -EUCLEAN. */
void log_cursor_damage(const struct log_cursor *cursor, struct log_damage *ret);
void log_cursor_close(struct log_cursor *cursor);
