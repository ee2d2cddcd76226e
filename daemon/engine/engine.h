/*
 * Order, batch, answer. The engine owns the log and the store; on the loop thread it gives each command its sequence number
 * and time, lets the core apply it, and puts entry and outcome into the batch that is forming. While the log's thread makes
 * one batch durable, the next one forms. What was answered is released when log and sequence say so, never before.
 *
 * Timers: engine_tick applies the deadlines that have passed, as commands. A wake that was cut at its bound is continued by
 * time.wake entries directly behind, before any other command; in the same batch as far as the turn's measure of work goes,
 * and from engine_tick after that.
 */
#pragma once
#include "core/apply.h"
#include "core/check.h"
#include "engine/clock.h"
#include "evidence/notary.h"
#include "log/log.h"
#include "store/store.h"

struct engine;

struct engine_options {
    const char *dir;          /* data folder: lock file, log/, store/; made when it does not exist */
    size_t segment_bytes;     /* 0: default */
    const struct file_io *io; /* of the log; NULL: the system's calls; tests put faults here */
    const struct file_io *evidence_io;    /* of the evidence, the same */
    const char *origin;                   /* of the evidence; NULL or empty: as its key says */
    const struct evidence_key *witnesses; /* copied */
    unsigned witness_count;
    /* Called on the log's thread when a batch is durable, or failed (error -errno): wake the loop, then call engine_settle there. */
    void (*wake)(void *context);
    void *context;
    /*
     * The state can't be read, on whatever thread met it: the process is aborted after this. damaged: the store is, and it has
     * been put aside (engine_store_aside), so the next start is good again. NULL: a line on standard error.
     */
    void (*fatal)(const char *what, bool damaged);
    /* The clocks, ms: wall clock since the epoch, and boot clock. NULL: the system's. Tests give virtual ones. */
    int64_t (*wall_ms)(void *context);
    int64_t (*boot_ms)(void *context);
    uint32_t turn_looks_max; /* matching in one turn of the loop (core_effects.looks); 0: default */
};

/* What log_list, events and replays read: an entry decoded. Everything lives in the arena it was decoded into. */
struct engine_entry {
    uint64_t seq;
    int64_t time;
    struct relief_str identity;
    unsigned generation;            /* of the schema that wrote it; its line has the fields of that one (entry.h) */
    unsigned command;
    const void *params;             /* shape: relief_command_by_number(command)->params */
    const struct core_change *changes;
    uint32_t change_count;
    int answer_change;              /* or -1 */
    const void *answer;             /* when it is none of the changes; shape: ...->answer */
    struct relief_list candidates;
    uint8_t leaf[EVIDENCE_HASH_BYTES]; /* of the tree, where a hasher with a tree read it (entry.h) */
};

enum engine_start { ENGINE_NEW, ENGINE_CLEAN, ENGINE_RECOVERED };

struct engine_report {
    enum engine_start start;
    uint64_t seq, applied, cut;   /* head; entries applied from the log's tail; records cut from the last batch */
    uint8_t hash[LOG_HASH_BYTES]; /* of the head, after a rebuild */
    uint64_t base, records;       /* entry of the base that the store was made from, 0: none; and its records */
    char message[320];            /* why it did not start, or a warning (clock) */
    bool evidence_anew;           /* the evidence was missing or damaged and was made from the log */
    char evidence[320];           /* what of it was damaged, and put aside */
};

/* 0; -EBUSY: another daemon has the folder; -EUCLEAN: damage; other -errno. report->message says it in a sentence. */
int engine_open(struct engine **ret_engine, const struct engine_options *options, struct engine_report *report);
/* Makes durable what is applied, flushes the store, closes. */
int engine_close(struct engine *engine);

struct core_view *engine_view(struct engine *engine);
struct core *engine_core(struct engine *engine);
struct log *engine_log(struct engine *engine);
struct store *engine_store(struct engine *engine);
const char *engine_dir(struct engine *engine);
/* Tree, checkpoints and proofs of what is durable. */
struct evidence *engine_evidence(struct engine *engine);
/* evidence_cosign, and it is written to disk soon. */
int engine_cosign(struct engine *engine, struct relief_str note);

/* T for reads and the next entry (fine print 12); reads the clocks once per call of engine_turn. */
int64_t engine_now(struct engine *engine);
/* Start of a loop turn: reads the clocks. */
void engine_turn(struct engine *engine);
/* What T is made of now; *ret_off_ms: how far the wall clock is past T, negative when it is behind. */
enum engine_clock_state engine_clock_says(struct engine *engine, int64_t *ret_off_ms);

/*
 * Carries out one command. 0: *ret is the answer, to be released when engine_durable() >= ret->seq. Positive: refused, see
 * ret->refusal. -EAGAIN: the machine can't take it now (BUSY); -ENOSPC, -EROFS: it has no space, or takes no writes, for the moment
 * (engine_shortage); -EROFS too: the log failed, nothing is taken any more.
 * A replay of an op or a request id answers with what the log says, byte for byte (ret->replay).
 * Everything in *ret stays valid until the next call.
 */
struct engine_answer {
    uint64_t seq;         /* log entry of the answer */
    uint64_t release;     /* the answer may leave when this entry is durable */
    bool replay;
    unsigned generation; /* of a replay: the first answer had the fields of this one */
    const struct relief_shape *shape;
    const void *record;
    struct relief_list candidates; /* present: to be added to the answer */
    struct relief_refusal refusal;
};
int engine_command(struct engine *engine, const struct core_identity *who, unsigned method, const void *params,
                   struct engine_answer *ret);

/* Applies deadlines that have passed; returns ms until the next one is due, at most 1,000. Call at least once a second. */
int64_t engine_tick(struct engine *engine);
/* End of a loop turn: hands the batch that formed to the log's thread, if that is idle. */
void engine_seal(struct engine *engine);
/*
 * A wake was too much for one turn and goes on in engine_tick, a turn's work at a time. Until it has ended no command is taken
 * (-EAGAIN), and the answer to the one that woke waits; reads and deadlines don't.
 */
bool engine_waking(struct engine *engine);
/* So much was matched since engine_seal that nothing more should be taken before the next turn. */
bool engine_turn_spent(struct engine *engine);
/* On the loop thread after options.wake: takes note of what became durable. 0, or the log's first error (negative): stop. */
int engine_settle(struct engine *engine);
/*
 * Something lacks (file_is_shortage), in the log, the store or the evidence: no change is taken and no deadline passes, reads go on.
 * The engine tries again by itself, twice a second, and takes changes when there is enough again. 0, -ENOSPC, -EROFS, -EAGAIN.
 */
int engine_shortage(const struct engine *engine);
/* What lacks, as the system says it; 0: nothing. */
int engine_lacks(const struct engine *engine);
/*
 * How often it had to go back to the last durable entry, because a batch could not be written for want of space. Whatever was answered
 * or read beyond engine_durable() has not happened then, and must not leave.
 */
uint64_t engine_undone(const struct engine *engine);
/* After an error of engine_settle: was it the store that could not be written, not the log? */
bool engine_store_failed(const struct engine *engine);
/* The same of the evidence. */
bool engine_evidence_failed(const struct engine *engine);
/* Last entry applied, last entry durable. A read answered now may leave when engine_durable() reaches engine_applied(). */
uint64_t engine_applied(struct engine *engine);
uint64_t engine_durable(struct engine *engine);
/* Hash and time of the last durable entry. */
struct store_mark engine_head(struct engine *engine);
/* True when no command can be taken for the moment (the store's bound): stop reading from peers until engine_settle. */
bool engine_busy(struct engine *engine);

/* An entry that was applied, durable or not, as replays read it. 0; -ENOENT; other negative. Valid until the next engine call. */
int engine_read_entry(struct engine *engine, uint64_t seq, struct engine_entry *ret);

/* ---- a folder that no daemon serves ---- */

/*
 * Makes the store anew from the log, and where that was pruned from the base below it. restoring: from the newest base, also in a folder
 * that says itself to be incomplete (ENGINE_INCOMPLETE; a start and a plain rebuild refuse that). 0 or as
 * engine_open, with report->applied the entries of the log that came behind the base.
 */
#define ENGINE_INCOMPLETE "incomplete" /* a file in a data folder that is being restored */
int engine_rebuild(const char *dir, bool restoring, struct engine_report *report);
/*
 * Puts a damaged store out of the way: store/data.mdb becomes store/data.damaged, and the next start makes it anew from the log.
 * For the process that has the folder; its store may be open, it is only to be closed after that. 0 or -errno.
 */
int engine_store_aside(const char *dir);

/*
 * The state at an entry of the past, made from base and log in a store of its own on disk, on any thread and beside the daemon:
 * its size is no memory. over: asked now and then, anything but 0 ends it and is the result.
 */
struct engine_at;
struct engine_at_options {
    const char *dir;     /* the data folder */
    struct log *log;     /* the daemon's own; NULL: opened read-only */
    const char *scratch; /* a folder of it is made in here; NULL: in the data folder */
    uint64_t seq;        /* UINT64_MAX: the last entry */
    int (*over)(void *context, uint64_t done, uint64_t total);
    void *context;
};
/* 0; -ENOENT: pruned; -ERANGE: the log isn't that long; -EUCLEAN; -errno; each with report->message. */
int engine_at_open(struct engine_at **ret_at, const struct engine_at_options *options, struct engine_report *report);
/* To take a snapshot from. */
struct store *engine_at_store(struct engine_at *at);
/* Every record, by table and key; each returns 0 to go on. */
int engine_at_walk(struct engine_at *at, int (*each)(void *context, enum relief_table table, const void *record), void *context);
/* Removes the folder. */
void engine_at_close(struct engine_at *at);
/* The lowest entry whose state can be made of a folder with this log: 0 unless pruned. 0, -errno; -EUCLEAN: its beginning is missing. */
int engine_at_lowest(const char *dir, struct log *log, uint64_t *ret_seq);

/*
 * Proves what DESIGN 6 promises, from the log alone and by comparing it with the store; beside a running daemon too, nothing is
 * written. Returns how many things are broken, each reported; negative when the folder can't be read (ret->message).
 */
int engine_check(const char *dir, core_check_report *report, void *context, struct engine_report *ret);
/* The same from the first entry of the archives on, folders of what was pruned, in their order. */
int engine_check_archived(const char *dir, const char *const *archives, unsigned archive_count,
                          core_check_report *report, void *context, struct engine_report *ret);
