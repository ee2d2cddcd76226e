/*
 * Inside the engine: what its files share. Nothing else includes this.
 */
#pragma once
#include <pthread.h>
#include "engine/answers.h"
#include "engine/base.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/entry.h"
#include "engine/writer.h"

#define ENGINE_TURN_LOOKS 16384u /* matching in one turn: 60 ms, so that timers keep their two seconds many times over */
#define ENGINE_BATCH_BYTES_MAX (8u * 1024u * 1024u) /* a forming batch beyond it makes the engine busy: 0.1 s of a slow disk */

/* The store's thread says that a flush ended; the loop thread looks, or sleeps for it while it starts. */
struct engine_flush_signal {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool set;
    void (*wake)(void *context);
    void *context;
};

struct engine {
    struct engine_options options;
    int lock_fd;
    struct log *log;
    struct store *store;
    struct engine_writer *writer;
    struct engine_entry_hasher hasher; /* of the log: this thread's until the writer runs, then the writer's */
    struct core core;
    struct core_effects effects;       /* of the command */
    struct core_effects wake_effects;  /* of the entries that follow it: the answer stays readable meanwhile */
    struct engine_clock clock;
    struct engine_batch batches[2];
    struct engine_batch *forming;
    struct engine_batch *handed; /* with the writer; NULL: none */
    struct engine_flush_signal flush;
    uint64_t applied;
    bool waking;           /* a wake is owed */
    uint64_t turn_looks;   /* matching since the turn began */
    struct store_mark head; /* last durable entry */
    int error;              /* the first failure; no command is taken any more */
    int shortage;           /* the machine has none left for the moment: no change is taken; 0: it has */
    uint64_t undone;        /* how many batches were taken back */
    bool store_failed;      /* it was the store's */
    bool evidence_failed;   /* it was the evidence's */
    struct evidence *evidence;
    int64_t ops_looked;     /* T when old ops were looked for */

    struct engine_answers *answers; /* of entries that were pruned; NULL: none were */
    struct relief_arena replay_arena;
    struct relief_buf replay_bytes, replay_first, replay_now;
};

/* ---- engine.c ---- */
/* Applies a command and what has to follow it, into the forming batch. As engine_command, without replay. */
int engine_enter(struct engine *engine, const struct core_identity *who, unsigned command, const void *params);
/* Goes on with the wakes that are owed, as far as this turn's work allows. 0 or negative. */
int engine_go_on(struct engine *engine);
extern const struct core_identity engine_timer;
void engine_read_clocks(const struct engine_options *options, int64_t *ret_wall, int64_t *ret_boot);

/* ---- flush.c ---- */
void engine_flush_init(struct engine_flush_signal *flush, void (*wake)(void *context), void *context);
void engine_flush_deinit(struct engine_flush_signal *flush);
/* The store's options.flushed. */
void engine_flush_ended(void *flush, int error);
/* Takes note of a flush that ended, if one did. 0 or the store's error. */
int engine_flush_settle(struct engine_flush_signal *flush, struct store *store);
/* Sleeps until the store can take more. 0, the store's error or store_shortage: there is nobody to wait for space here. */
int engine_flush_wait(struct engine_flush_signal *flush, struct store *store);
/* Has the store flushed up to entry seq, which is durable, and sleeps until it is. The same. */
int engine_flush_all(struct engine_flush_signal *flush, struct store *store, uint64_t seq);

/* ---- folder.c ---- */
/* Makes the folder when it does not exist. */
int engine_folder_make(const char *path);
/* Locks it; -EBUSY when another process has. */
int engine_folder_lock(const char *dir, int *ret_fd);
/* 0; -EUCLEAN with a message: a restore into it was interrupted. */
int engine_folder_whole(const char *dir, struct engine_report *report);
/* "DIR/NAME", or false when it is too long. */
bool engine_folder_path(char *ret_path, size_t size, const char *dir, const char *name);
int engine_open_log(struct log **ret_log, const char *dir, const struct engine_options *options, bool read_only,
                    struct engine_entry_hasher *hasher, struct engine_report *report);
int engine_open_store(struct store **ret_store, const char *dir, bool read_only, struct engine_flush_signal *flush,
                      struct engine_report *report);
/* Fills in the message. Returns rc. */
int engine_say(struct engine_report *report, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The message that a newer program wrote the log, with what hasher->newer says. Returns -ENOTSUP. */
int engine_say_newer(struct engine_report *report, unsigned generation);

/* ---- walk.c ---- */
/* Called for each entry of a walk; mark is its sequence number, time and hash. 0 goes on. */
typedef int engine_walk_entry(void *context, const struct engine_entry *entry, const struct log_record *record,
                              const struct store_mark *mark);
/*
 * Reads the log behind `mark` (seq 0: from the start) to its durable end and proves the chain on the way: sequence, hash of
 * the entry before, head. Each entry has its leaf of the tree. 0 and the last mark; -EUCLEAN with a message; what `each` returned.
 */
int engine_walk(struct log *log, struct store_mark *mark, engine_walk_entry *each, void *context,
                struct engine_report *report);
/* The same up to entry `until`, if the log is that long. */
int engine_walk_to(struct log *log, uint64_t until, struct store_mark *mark, engine_walk_entry *each, void *context,
                   struct engine_report *report);

/* ---- load.c ---- */
/* Asked now and then while a store is made: anything but 0 ends it, and is the result. total 0: not known. */
typedef int engine_over(void *context, uint64_t done, uint64_t total);
/* Fills an empty store; it stands at the base's entry then, on disk if it has a folder. 0; -EUCLEAN; -errno; what `over` said. */
int engine_load_base(struct engine_base *base, struct store *store, struct core *core, struct engine_flush_signal *flush,
                     engine_over *over, void *context);
enum engine_from {
    ENGINE_FROM_STORE,  /* what the store holds, if the log goes on from it; else the newest base */
    ENGINE_FROM_NEWEST, /* the newest base */
    ENGINE_FROM_FIRST,  /* the first entry of the log, or the base below it */
};
/*
 * What comes before the tail of the log: proves that the log has a beginning, and makes the store anew from a base when it has to.
 * *store is open, and may be another one afterwards; NULL when this failed.
 */
int engine_begin(const char *dir, struct log *log, enum engine_from from, struct store **store,
                 struct engine_flush_signal *flush, struct engine_report *report);
/* Removes what an interrupted load, or a state of the past, has left. */
void engine_sweep(const char *dir);
/* The folder of a store that is closed. */
int engine_remove_store(const char *dir);

/* ---- recover.c ---- */
/* Brings the store from its mark to the head of the log. flush NULL: without waiting for the store, however much it holds. */
int engine_recover(struct log *log, struct store *store, struct core *core, struct engine_flush_signal *flush,
                   struct evidence *evidence, const struct engine_options *clocks, struct engine_report *report,
                   struct store_mark *ret_head);

/* ---- undo.c ---- */
/* Back to the last durable entry: what is applied beyond it has not happened. 0; negative: the state can't be had again. */
int engine_undo(struct engine *engine);

/* ---- evidence.c ---- */
/* Opens it, proves that it belongs to this log, and brings it to where the store stands at least. */
int engine_evidence_open(struct engine *engine, struct engine_report *report);
/* Everything of the log is in: engine->head is its end. */
int engine_evidence_started(struct engine *engine, struct engine_report *report);

/* ---- replay.c ---- */
/* As engine_read_entry; of entries that were pruned the first at or behind seq of which something was kept. */
int engine_read_kept(struct engine *engine, uint64_t seq, struct engine_entry *ret);
/*
 * Is this a command that was carried out before? 0 with *ret_done: *ret is its first answer. 0 without: it is new. Positive:
 * refused, see ret->refusal; negative: the first entry could not be read.
 */
int engine_replay(struct engine *engine, const struct core_identity *who, const struct relief_command_info *command,
                  const void *params, struct engine_answer *ret, bool *ret_done);
