/*
 * Reads a dump (JSON Lines, MessagePack or a folder of CSV) or a log export (JSON Lines) from its first to its last line, and
 * proves digest and count on the way. Every record comes as its JSON line, the form over which the digest is made. It trusts
 * nothing: a file may come from anybody, cut short or edited.
 */
#pragma once
#include <stdio.h>
#include "client/cli/canon.h"
#include "client/cli/digest.h"
#include "client/cli/progress.h"
#include "schema/arena.h"
#include "schema/tables.h"

#define CLI_LINE_BYTES_MAX                                                                                             \
    ((size_t)256 * 1024 * 1024) /* an entry of 8 MiB in the log's own form is several times that as JSON */

enum cli_form { CLI_FORM_JSONL, CLI_FORM_MSGPACK, CLI_FORM_CSV };

/* What the manifest of a folder says of a table. */
struct cli_table_claim {
    char digest[CLI_HASH_TEXT];
    int64_t records;
};

struct cli_reader {
    const char *path;
    FILE *file;
    enum cli_form form;
    bool log;          /* a log export, else a dump */
    int64_t from;      /* log: first entry */
    int64_t seq, time; /* dump */
    char head[CLI_HASH_TEXT];
    uint64_t line; /* number of the line that was read last, from 1; 0: of none */
    uint64_t records;
    bool ended;
    int code;        /* why cli_reader_next gave up: an exit code */
    unsigned broken; /* proofs that failed; each was said */
    struct cli_digest digest;
    struct canon canon; /* for whoever reads the line */
    struct cli_progress progress;
    uint64_t bytes_read;
    struct relief_buf bytes, text; /* what was read and not yet used; a line that was made here */
    size_t used;
    bool file_over, no_line_feed;
    struct relief_arena arena; /* of one record; MessagePack and CSV */
    /* CSV: where it is */
    int table;
    unsigned generation; /* of the schema, that its first line has */
    uint64_t table_records;
    struct cli_digest file_digest;
    struct cli_table_claim claims[RELIEF_TABLE_COUNT];
    char claimed_digest[CLI_HASH_TEXT];
    int64_t claimed_records;
};

/* 0; CLI_USAGE when it can't be read or is neither. timeout_ms 0: no limit. */
int cli_reader_open(struct cli_reader *reader, const char *path, int timeout_ms);
/*
 * 1 and the line (without line feed, valid until the next call); 0 behind the last line, with digest and count compared
 * (see broken); -1 when it can't be read on: said, reader->code is the exit code.
 */
int cli_reader_next(struct cli_reader *reader, struct relief_str *ret_line);
void cli_reader_close(struct cli_reader *reader);
/* Says that something is broken, with file and line, on standard output, and counts it. */
void cli_reader_broken(struct cli_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
