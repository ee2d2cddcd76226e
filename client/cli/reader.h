/*
 * Reads a dump (JSON Lines or msgpack) or a log export (JSON Lines) from its first to its last line, and proves digest
 * and count on the way. Every record comes as its JSON line, the form over which the digest is made.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include "client/cli/digest.h"
#include "schema/scan.h"

#define CLI_LINE_BYTES_MAX                                                                                             \
    ((size_t)256 * 1024 * 1024) /* an entry of 8 MiB in the log's own form is several times that as JSON */

struct cli_reader {
    const char *path;
    FILE *file;
    bool log;          /* a log export, else a dump */
    bool packed;       /* msgpack */
    int64_t from;      /* log: first entry */
    int64_t seq, time; /* dump */
    char head[CLI_HASH_TEXT];
    uint64_t line; /* number of the line that was read last */
    uint64_t records;
    bool ended;
    struct cli_digest digest;
    struct relief_buf text, bytes; /* the line; msgpack bytes not yet used */
    size_t used;
    unsigned broken; /* proofs that failed; each was said */
};

/* 0; CLI_USAGE when it can't be read or is neither. */
int cli_reader_open(struct cli_reader *reader, const char *path);
/*
 * 1 and the line (without line feed, valid until the next call); 0 behind the last line, with digest and count compared
 * (see broken); -1 when it can't be read on: said.
 */
int cli_reader_next(struct cli_reader *reader, struct relief_str *ret_line);
void cli_reader_close(struct cli_reader *reader);
/* Says that something is broken, with file and line, on standard output, and counts it. */
void cli_reader_broken(struct cli_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
