/*
 * The state at a sequence: LMDB below an in-memory overlay of what is newer (DESIGN 3.2).
 *
 * Three layers, read from the top: the active overlay (written by the loop thread only), the frozen overlay (immutable, being
 * written to LMDB by the store's thread), and LMDB through a read transaction that is renewed after each flush. An overlay
 * is frozen only at the end of a batch, and flushed only once the log says that this batch is durable, so LMDB never holds
 * what the log might lose. Every LMDB value carries 8 bytes of SipHash over key and value; a mismatch ends the process with
 * a message naming the key (the state can be rebuilt from the log). Without a folder the overlay alone is the whole state: that
 * is the in-memory view of tests and replays.
 *
 * All calls are for the loop thread, unless said otherwise.
 */
#pragma once
#include "core/view.h"
#include "core/apply.h"

#define STORE_GENERATION_BYTES_MAX (16u * 1024u * 1024u) /* DESIGN 3.2 */
/*
 * Freeze from here on when nothing is being flushed. A flush writes each page that it changes once, so the longer a
 * generation, the fewer pages a request; but LMDB holds them all in memory until its commit. So a generation is as long
 * as the first bound allows, and shorter when the one before changed more pages than the third.
 */
#define STORE_FREEZE_BYTES_MAX (12u * 1024u * 1024u) /* the rest up to 16 MiB is for what comes during a flush */
#define STORE_FREEZE_BYTES_MIN (4u * 1024u * 1024u)
#define STORE_FREEZE_PAGES     16384u /* 64 MiB: requests with random ids change two pages each */
#define STORE_FREEZE_MS        1000   /* or when the oldest change is this old */
#define STORE_RETRY_MS 500                               /* between two tries on a full disk */

struct store;

/* What LMDB stands for. */
struct store_mark {
    uint64_t seq;     /* 0: empty */
    int64_t time;     /* of entry seq */
    uint8_t hash[32]; /* of entry seq */
};

struct store_options {
    const char *dir;       /* folder with data.mdb; NULL: memory only */
    bool read_only;        /* relief check: beside a running daemon too */
    bool temporary;        /* nothing is synced: a store that is thrown away after use */
    size_t map_bytes;      /* address space of LMDB, 0: 64 GiB (sparse) */
    /* Called on the store's thread when a flush ended: error 0 or -errno. May be NULL. */
    void (*flushed)(void *context, int error);
    void *context;
};

/* 0; -errno; -EUCLEAN when LMDB's content fails its checksum or was written by a newer version. */
int store_open(struct store **ret_store, const struct store_options *options);
/* Waits for a running flush, writes what ended in a batch and is marked durable, closes. */
void store_close(struct store *store);
struct core_view *store_view(struct store *store);
struct store_mark store_mark(struct store *store);      /* of LMDB itself */

/* The entry `mark` has been applied; a batch ends here, so the overlay may be frozen at this point. */
void store_batch_end(struct store *store, uint64_t seq, int64_t time);
/*
 * The log is durable up to mark (with its hash): frozen overlays up to there may be flushed; starts a flush when one is due.
 * Call it for each batch end, recovery included: an overlay frozen at a batch end whose own mark never came is written
 * with a hash of zeros.
 */
void store_durable(struct store *store, const struct store_mark *mark, int64_t now_ms);
/* True when the active overlay is at its bound and the frozen one is still being written: the engine takes no commands then. */
bool store_full(struct store *store);
/* Freezes what there is and calls back through options.flushed when LMDB stands at seq or later (at once when it does). */
void store_flush_to(struct store *store, uint64_t seq);
/*
 * Call on the loop thread after options.flushed: drops the frozen overlay and renews the read transaction. 0, or the first error
 * of a flush: it sticks, nothing is written any more; reads stay right. A shortage is no error here: see store_shortage.
 */
int store_flush_done(struct store *store);
/* The last flush failed for want of something (file_is_shortage; LMDB's map is full: -ENOSPC) and is tried again: -errno, else 0. */
int store_shortage(const struct store *store);
/* Time has passed: what failed for want of space is written again, at most every STORE_RETRY_MS. */
void store_retry(struct store *store, int64_t now_ms);
/*
 * Drops what is newer than LMDB: the store stands at store_mark, and what follows is to be restored from the log. Waits for a
 * flush that is under way. `seq`: what the log has, no flush beyond it is wanted any more. 0 or as store_flush_done.
 */
int store_rewind(struct store *store, uint64_t seq);
/* Bytes in overlays, for server.stats. */
size_t store_overlay_bytes(struct store *store);
/*
 * LMDB's pages are proved, which have no checksums: a bit that turned in them can hide records from every reader (store/pages.h).
 * A file of at most STORE_SCRUB_NOW_BYTES is looked at by store_scrub_now, before anything was believed; a larger one, later and
 * beside service, by a thread that store_scrub_start begins and store_close ends. Damage ends the process as any other does.
 */
#define STORE_SCRUB_NOW_BYTES (8u * 1024u * 1024u) /* takes some 20 ms */
void store_scrub_now(struct store *store);
/* The next slice on the calling thread, for who only reads. 1: there is more; 0: that was all; -EAGAIN: LMDB gives no read
 * transaction. Damage ends in store_fatal. */
int store_scrub_slice(struct store *store);
/* 0, or -errno: no thread. Nothing when all was looked at, and in memory. */
int store_scrub_start(struct store *store);
/* Drops every record (a rebuild from the log starts like this). */
int store_wipe(struct store *store);

/*
 * A read transaction of its own for a long reader, on any thread: LMDB as it stands at *ret_mark. `view` is read-only
 * (put and near are not available; a put ends the process). -ENOTSUP without a folder. End it within the time limit so that
 * it pins no old pages.
 */
struct store_snapshot;
int store_snapshot_open(struct store_snapshot **ret, struct store *store, struct store_mark *ret_mark);
struct core_view *store_snapshot_view(struct store_snapshot *snapshot);
void store_snapshot_close(struct store_snapshot *snapshot);
