/*
 * A base: the state at one entry in one file, so that what stands before it in the log need not be there (fine print 71). It holds
 * the records as the store has them, none of the keys that follow from them: who loads it derives those anew. FORMAT.md has the
 * bytes.
 *
 * Bases stand in DIR/base under the number of their entry. A log that begins behind entry 1 needs one; otherwise they are
 * a shortcut for making the store, and nothing is lost with them.
 */
#pragma once
#include "core/apply.h"
#include "engine/digest.h"
#include "store/store.h"

#define ENGINE_BASE_NOTE_MAX 8192u /* a checkpoint has at most that */
#define ENGINE_BASE_NAME 26u       /* 20 digits, ".base", NUL */

struct engine_base_head {
    struct store_mark mark;  /* the entry at which the state stands */
    uint64_t tree_size;      /* of the tree of evidence: mark.seq, or 0: none known */
    uint8_t tree_root[32];
    uint8_t answers[ENGINE_DIGEST_BYTES]; /* digest of the answers that belong to it; zeros: none, the log is whole */
    uint32_t note_len;
    char note[ENGINE_BASE_NOTE_MAX]; /* a signed checkpoint of this log, of size mark.seq or more; may be absent */
};

/* Takes the next bytes of the file. 0, or -errno, which ends the writing. */
typedef int engine_base_sink(void *context, const void *data, size_t len);
/* Everything that the view holds, on any thread that may read the view. 0, what the sink returned, -ENOMEM. */
int engine_base_write(struct core_view *view, const struct engine_base_head *head, engine_base_sink *sink, void *context);

struct engine_base;
/* Opens and checks the head. 0; -errno; -EUCLEAN: not a base, or damaged. */
int engine_base_open(struct engine_base **ret_base, const char *path);
const struct engine_base_head *engine_base_head(const struct engine_base *base);
/*
 * A step: proves the digest of the whole file in pieces, then puts one part of the state after the other into the core's view. 1; 0 at
 * the end, only then what was put may be believed. -errno; -EUCLEAN: damaged. Once only, from the first to the last.
 */
int engine_base_restore(struct engine_base *base, struct core *core);
/* Records so far. */
uint64_t engine_base_records(const struct engine_base *base);
void engine_base_close(struct engine_base *base);

/* ---- bases.c: DIR/base ---- */

/* "NNNNNNNNNNNNNNNNNNNN" + suffix. */
void engine_base_name(char *ret_name, size_t size, uint64_t seq, const char *suffix);
/*
 * The highest base at or below `until`, and not below `from`, by its name alone: its sequence number, 0: there is none. -errno.
 */
int engine_bases_find(const char *dir, uint64_t from, uint64_t until, uint64_t *ret_seq);
/* The lowest base at or above `from`; UINT64_MAX: there is none. */
int engine_bases_next(const char *dir, uint64_t from, uint64_t *ret_seq);
/* The lowest entry whose state can be made: 0 when the log is whole, else that of the lowest base that the log goes on from; UINT64_MAX: none. */
int engine_bases_lowest(const char *dir, uint64_t log_first, uint64_t *ret_seq);
int engine_bases_open(struct engine_base **ret_base, const char *dir, uint64_t seq);
/* Writes DIR/base/SEQ.base, synced, under its name at once or not at all. */
int engine_bases_write(const char *dir, struct core_view *view, const struct engine_base_head *head);
/* Removes bases and answers below seq. */
int engine_bases_remove_below(const char *dir, uint64_t seq);
