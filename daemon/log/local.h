/*
 * The log as it stands in memory. Inside of the log only.
 *
 * Who may touch what: `lock` guards head, segments and their marks; everything else belongs to the appending thread after
 * log_open, or never changes. Segments are only ever added, and stay where they are until log_close, so that a cursor needs the
 * lock for looking one up only.
 */
#pragma once
#include "log/segment.h"
#include <pthread.h>

#define LOG_BATCH_BYTES_MAX (256u * 1024u * 1024u) /* one batch; 16 times what the engine keeps in memory for the store */
#define LOG_MARK_STEP (64u * 1024u)                /* a mark per so many bytes: a random read looks at that much, twice at most */
#define LOG_BUFFER_KEEP (16u * 1024u * 1024u)      /* a buffer that a rare huge batch has grown beyond this is given back */
#define LOG_READ_AHEAD (256u * 1024u)
#define LOG_PREPARE_STEP (8u * 1024u * 1024u)      /* log_prepare's work per call, about 10 ms */

/* Where a sequence number lies in its segment; `seq` counts from the segment's first. */
struct log_mark {
    uint32_t seq;
    uint32_t offset8; /* in units of 8 bytes */
};

struct log_segment {
    uint64_t first;
    uint64_t bytes;
    /* Sparse, in order, at least LOG_MARK_STEP apart: at most bytes / LOG_MARK_STEP. Under the lock. */
    struct log_mark *marks;
    uint32_t marks_count, marks_space;
};

struct log_next {
    int fd;        /* -1: nothing made yet */
    uint64_t done; /* zeros written so far */
    bool ready;    /* synced, under LOG_NEXT_NAME */
};

struct log {
    const struct file_io *io;
    log_hash *hash;
    void *context;
    bool read_only;
    size_t segment_bytes;
    int dir_fd;

    /* The current segment, the last of `segments`; fd -1: none yet. */
    int fd;
    uint64_t end; /* where the next record goes */
    uint64_t batch;
    uint8_t key[LOG_KEY_BYTES];
    struct log_next next;
    uint64_t dirty_end; /* of what a batch that was not taken may have left behind `end`; 0: nothing */
    int failed; /* the first failed write or sync, -errno, never a shortage */
    uint8_t *buffer;
    size_t buffer_space;

    pthread_mutex_t lock;
    struct log_head head;
    uint64_t head_end; /* where the head's record ends in its segment */
    struct log_segment **segments;
    size_t segments_count, segments_space;
    struct log_segment *spare; /* what log_segment_reserve has set aside */
};

/* log.c */
/* Room for one more segment: before its file gets its number, since afterwards nothing may lack any more. 0, -ENOMEM. */
int log_segment_reserve(struct log *log);
/* Adds a segment behind the others, in the room that was reserved, or in the place of an empty one of the same first number. */
void log_segment_add(struct log *log, uint64_t first, uint64_t bytes);
/* The segment that holds seq; NULL when all begin later. Under the lock. */
struct log_segment *log_segment_of(struct log *log, uint64_t seq, uint64_t *ret_limit);
/* Remembers where seq lies, if that is far enough behind the last mark. Under the lock; a mark that finds no memory is left out. */
void log_mark_add(struct log_segment *segment, uint64_t seq, uint64_t offset);
/* The nearest mark at or before seq, or the segment's beginning. Under the lock. */
void log_mark_find(const struct log_segment *segment, uint64_t seq, uint64_t *ret_seq, uint64_t *ret_offset);
__attribute__((format(printf, 5, 6))) int log_damaged(struct log_damage *ret_damage, uint64_t first, uint64_t offset,
                                                     uint64_t seq, const char *format, ...);

/* recover.c */
int log_recover(struct log *log, struct log_damage *ret_damage, uint64_t *ret_cut);

/* append.c: gives back the next segment's descriptor, and its file when that isn't finished. */
void log_next_drop(struct log *log);

/* reader.c: a window of a segment in memory. */
struct log_reader {
    const struct file_io *io;
    int fd;
    uint64_t limit; /* size of the segment */
    uint8_t *bytes;
    size_t space, len;
    uint64_t offset; /* of bytes[0] in the file */
};
#define LOG_READER_INIT ((struct log_reader){.fd = -1})

void log_reader_deinit(struct log_reader *reader);
/* Forgets what was read: the file has grown, or is another one. */
void log_reader_aim(struct log_reader *reader, const struct file_io *io, int fd, uint64_t limit);
/* Makes [offset, offset + len) stand in memory: 0 and *ret_bytes, -errno, -EUCLEAN when the file ends before. */
int log_reader_get(struct log_reader *reader, uint64_t offset, size_t len, uint8_t **ret_bytes);

enum log_found { LOG_FOUND_RECORD, LOG_FOUND_ZEROS, LOG_FOUND_BAD, LOG_FOUND_END };
/* What lies at offset: a record with a valid check, zeros where a header would be, something else, or no room for a header. */
int log_reader_frame(struct log_reader *reader, const uint8_t key[LOG_KEY_BYTES], uint64_t offset, enum log_found *ret_found,
                     struct log_frame *ret);

/* walk.c: one segment walked. */
struct log_walk {
    struct log *log;
    struct log_reader reader;
    struct log_segment *segment;
    struct log_damage *damage;
    uint8_t key[LOG_KEY_BYTES];
    bool strict; /* another segment follows: it must reach up to that */
    /* What the next record must continue; before the first record of a walk in the middle of the log only seq is known.
     */
    uint64_t seq;
    bool batch_known;
    uint64_t batch;
    uint32_t place;
    uint32_t flags;
    uint64_t offset;
    /* The last record that ends a command: what is kept. */
    struct log_head kept;
    uint64_t kept_batch, kept_end;
    /* What stands behind it. */
    uint64_t dirty_end; /* behind the last byte that isn't zero; 0: all zeros */
    uint64_t dropped;   /* valid records among it, at least 1 if there is anything */
};

/* Walks from walk->offset to the end of what is good. 0: kept, dirty_end and dropped are filled in; -errno, -EUCLEAN. */
int log_walk_segment(struct log_walk *walk);
/* Then the hash chain of the last records kept, and the head's hash. */
int log_walk_chain(struct log_walk *walk);
int log_walk_damaged(struct log_walk *walk, const char *what);
