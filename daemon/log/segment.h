/*
 * What a segment looks like in bytes, and how one is made. Inside of the log only; FORMAT.md says the same for people.
 */
#pragma once
#include "base/file.h"
#include "log/log.h"

#define LOG_SEGMENT_HEADER 64u
#define LOG_SEGMENT_NAME 32u                      /* room for 20 digits, ".seg" and the end */
#define LOG_SEGMENT_MIN (64u * 1024u)
#define LOG_SEGMENT_MAX (UINT64_C(1) << 32)       /* marks hold offset / 8 in 32 bits, with room to spare */
#define LOG_SEGMENT_STEP (1024u * 1024u)          /* zeros are written in pieces of this size */
#define LOG_KEY_BYTES 16
#define LOG_NEXT_NAME "next.seg"                  /* zeros, synced, waiting for its first sequence number */
#define LOG_NEXT_TMP "next.tmp"                   /* the same, not finished */
#define LOG_LARGE_TMP "large.tmp"                 /* a segment for one batch that is larger than a segment, not finished */

#define LOG_FRAME_HEADER 72u
#define LOG_FRAME_MAGIC 0x46524C52u /* "RLRF" */
#define LOG_PLACE_MAX 0xFFFFFFu     /* 24 bits */

struct log_segment_header {
    uint64_t first;  /* sequence number of the first record, as in the file's name */
    uint64_t before; /* the same of the segment before, 0: this is the first one */
    uint64_t bytes;  /* size of the file */
    uint8_t key[LOG_KEY_BYTES]; /* of its records' checks; random, so that no payload can hold something that passes for a record */
};

void log_segment_header_encode(const struct log_segment_header *header, uint8_t ret_bytes[LOG_SEGMENT_HEADER]);
/* false: magic, version or check is wrong. */
bool log_segment_header_decode(const uint8_t bytes[LOG_SEGMENT_HEADER], struct log_segment_header *ret);
/* Reads and checks the header against the name and the size of the file. 0, -errno, -EUCLEAN. */
int log_segment_header_read(const struct file_io *io, int fd, uint64_t first, struct log_segment_header *ret);

void log_segment_name(uint64_t first, char ret_name[LOG_SEGMENT_NAME]);
bool log_segment_name_parse(const char *name, uint64_t *ret_first);

/* Writes zeros over [from, to) of the file. 0, -errno. */
int log_segment_zero(const struct file_io *io, int fd, uint64_t from, uint64_t to);

/* A record as it lies in the file: what log.h shows and its place in its batch. */
struct log_frame {
    struct log_record record; /* payload points into the bytes given */
    uint32_t place;           /* 0 for the first of its batch */
    size_t bytes;             /* of the whole frame, padding too */
};

/* Bytes that a payload of that length takes, header and padding too. */
static inline size_t log_frame_bytes(uint32_t len) { return LOG_FRAME_HEADER + (((size_t)len + 7u) & ~(size_t)7u); }

/* Puts the frame at `to`, which has room for log_frame_bytes(record->len). */
void log_frame_encode(const uint8_t key[LOG_KEY_BYTES], const struct log_record *record, uint32_t place, uint8_t *to);
/* Length of the frame that the header announces, 0 when it is none (magic, length, the header's own check). */
size_t log_frame_announced(const uint8_t key[LOG_KEY_BYTES], const uint8_t header[LOG_FRAME_HEADER]);
/* Fields of a frame whose header was announced; does not look at the check. */
void log_frame_decode(const uint8_t *bytes, struct log_frame *ret);
/* Whether the check holds. The bytes are changed and put back. */
bool log_frame_check(const uint8_t key[LOG_KEY_BYTES], uint8_t *bytes, size_t len);
