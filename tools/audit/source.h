/*
 * A file of lines, or of MessagePack maps that are given out as the lines they stand for. Any length of file in a
 * bounded room.
 */
#pragma once
#include <sodium.h>
#include "tools/audit/bytes.h"

#define AUDIT_LINE_MAX ((size_t)64 << 20) /* a log entry is at most 8 MiB packed; as JSON a few times that */

enum audit_got {
    AUDIT_GOT_LINE,
    AUDIT_GOT_END,
    AUDIT_GOT_BROKEN, /* what stands there is no line; *ret_line says why */
    AUDIT_GOT_NOTHING /* the file can't be read; that was said */
};

struct audit_source {
    const char *path;
    int fd;
    bool packed, ended;
    bool loose; /* a last line may stand without its line feed */
    char *data;
    size_t cap, len, at;
    uint64_t line; /* number of the last one that was given out */
    struct audit_buf text;
    crypto_generichash_blake2b_state digest;
    /* NULL: a file. Else where lines come from (a folder of CSV), and its own. */
    enum audit_got (*next)(struct audit_source *source, struct audit_text *ret_line);
    void *context;
};

/* 0, or AUDIT_USAGE, said. "-" is standard input. */
int audit_source_open(struct audit_source *source, const char *path);
/* What the file begins with, up to `want` bytes; nothing is taken. */
struct audit_text audit_source_peek(struct audit_source *source, size_t want);
/* A line is good until the next call. */
enum audit_got audit_source_next(struct audit_source *source, struct audit_text *ret_line);
/* Adds a line and its line feed to the digest over lines (fine print 63). */
void audit_source_digest(struct audit_source *source, struct audit_text line);
void audit_source_close(struct audit_source *source);
/* All bytes of a small file; 0, or AUDIT_USAGE, said. */
int audit_file_read(const char *path, size_t max, struct audit_buf *ret);
