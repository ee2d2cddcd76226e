/*
 * A dump: every record at one moment, on a thread of its own. The store's snapshot gives the moment, so it does not matter how
 * long the reading takes or what is written meanwhile (DESIGN 3.4).
 *
 * The worker makes whole `rows` notifications and puts them into a queue of VIEWS_STREAM_CHUNKS (stream.h); the loop takes them out
 * as fast as the peer reads. So a dump holds a megabyte, whatever the size of the database.
 *
 * A dump of the past has its state made first, by the same worker, from base and log (engine_at).
 */
#pragma once
#include "schema/buf.h"
#include "engine/engine.h"
#include "store/store.h"

#define VIEWS_DUMP_CHUNK_BYTES (256u * 1024u)
#define VIEWS_DUMP_MS_MAX INT64_C(600000) /* a read transaction pins the pages that it sees; ten minutes of writes fit any disk */

struct views_dump;

struct views_dump_options {
    struct store *store;                /* has been flushed as far as the dump must reach */
    uint32_t msgid;                     /* of the request, for the notifications */
    bool tables[RELIEF_TABLE_COUNT];    /* which to show */
    bool lines;                         /* records as the text of their JSON lines, else as maps */
    const char *past_dir;               /* the data folder: of the state at entry past_seq, not of what the store holds; NULL: no */
    struct log *past_log;               /* its log */
    uint64_t past_seq;
    int64_t ms_max;                     /* 0: VIEWS_DUMP_MS_MAX */
    void (*wake)(void *context);        /* any thread: views_dump_take has something */
    void *context;
};

struct views_dump_end {
    uint64_t seq;
    char head[65];      /* hash of entry seq */
    uint64_t records;
    char digest[65];    /* fine print 63 */
};

int views_dump_start(struct views_dump **ret, const struct views_dump_options *options);
/*
 * 1: *ret is the next notification, the caller's to free. 0: nothing yet. Otherwise the dump is over: -ENODATA and *ret_end
 * is filled in; -ETIME past the limit; other -errno.
 */
int views_dump_take(struct views_dump *dump, struct relief_buf *ret, struct views_dump_end *ret_end);
/* The worker has ended; what it made may still have to be taken. */
bool views_dump_over(struct views_dump *dump);
/* Stops the worker, waits for it (one record at most, or 256 entries of the past), frees. */
void views_dump_free(struct views_dump *dump);
