/*
 * The evidence of a log: its tree on disk (evidence/hashes), its signed checkpoints, and what witnesses cosigned. FORMAT.md has
 * the files.
 *
 * One thread adds (the start's, then the log's); any thread reads what is published. What was added becomes visible all at once,
 * by evidence_publish. Nothing is synced per batch: evidence_sync makes durable what is published, and a start makes the rest
 * anew from the log.
 */
#pragma once
#include "base/file.h"
#include "evidence/note.h"

struct evidence;

struct evidence_options {
    const char *dir;          /* the folder evidence/; made when it does not exist */
    const char *origin;       /* NULL or empty: the key's, or relief/ and 16 hex digits where one is made */
    const struct evidence_key *witnesses; /* copied */
    unsigned witness_count;   /* at most EVIDENCE_WITNESSES_MAX */
    uint64_t pruned;          /* entries that the log has no longer: of them nothing can be made anew */
    const struct file_io *io; /* NULL: the system's calls; tests put faults here */
};

struct evidence_report {
    bool anew;         /* the folder, or hashes or state in it, was missing or damaged: everything is made from the log */
    char message[320]; /* why it did not open; or, after a good start, what was put aside */
};

/*
 * Opens and looks at what is there, for a log that ends with entry `head`. 0; -EINVAL: another origin is configured; -EUCLEAN: the folder
 * claims what this log has not, or its key is missing or damaged; other -errno. report->message says it in a sentence.
 */
int evidence_open(struct evidence **ret_evidence, const struct evidence_options *options, uint64_t head, struct evidence_report *report);
/* Nothing is written; before evidence_started was 0, key and hashes that evidence_open made are removed again. */
void evidence_close(struct evidence *evidence);

/* ---- the thread that adds ---- */

/* Entries added so far; after evidence_open those up to which the files are trusted. */
uint64_t evidence_size(const struct evidence *evidence);
/* The leaf of an entry at or below that. 0 or -errno. */
int evidence_leaf(struct evidence *evidence, uint64_t seq, uint8_t ret_leaf[EVIDENCE_HASH_BYTES]);
/* Adds the leaf of the next entry. 0 or -errno of a write; sticks, unless it is a shortage (file_is_shortage): then it is not lost. */
int evidence_add(struct evidence *evidence, const uint8_t leaf[EVIDENCE_HASH_BYTES]);
/*
 * Everything of the log that was there at the start is added: are state, checkpoint and witnessed checkpoint of the past the beginning of this tree? 0;
 * -EUCLEAN with a message (a rollback or a fork); -errno.
 */
int evidence_started(struct evidence *evidence, struct evidence_report *report);
/* Writes the nodes, signs the checkpoint of what was added, makes it the newest. time: of the last entry. *ret_wanted: somebody waits for it.
 * After a shortage the same call goes on. */
int evidence_publish(struct evidence *evidence, int64_t time, bool *ret_wanted);
/* Is anything published, or witnessed, that evidence_sync would make durable? ret_entries: how many entries (may be NULL). */
bool evidence_unsynced(struct evidence *evidence, uint64_t *ret_entries);
int evidence_sync(struct evidence *evidence);
/* Entries up to which that was done; any thread. The log may be pruned below them. */
uint64_t evidence_synced(struct evidence *evidence);

/* ---- any thread ---- */

/* The newest published checkpoint, its note appended to buf (NULL: not). */
void evidence_newest(struct evidence *evidence, struct evidence_checkpoint *ret_checkpoint, struct relief_buf *note);
/* Size of the newest checkpoint. wanted: who publishes one of at least that size is to say so. */
uint64_t evidence_published(struct evidence *evidence, uint64_t wanted);
const struct evidence_key *evidence_log_key(const struct evidence *evidence);

/*
 * Proofs, from what is published, each verified before it is handed out. 0; -ENOENT: size is beyond that; -EUCLEAN: evidence/hashes is
 * damaged, it has been put aside and the next start makes it anew; -errno.
 */
int evidence_inclusion(struct evidence *evidence, uint64_t seq, uint64_t size, uint8_t ret_leaf[EVIDENCE_HASH_BYTES],
                       struct evidence_path *ret_path);
int evidence_consistency(struct evidence *evidence, uint64_t from, uint64_t size, struct evidence_path *ret_path);
/* The root of the tree of that size, as the proofs. */
int evidence_root(struct evidence *evidence, uint64_t size, uint8_t ret_root[EVIDENCE_HASH_BYTES]);

/* ---- witnesses ---- */

struct evidence_witnessed {
    uint64_t size; /* 0: none */
    int64_t time;  /* ms, of the newest cosignature */
    unsigned count;
    struct {
        char name[EVIDENCE_NAME_BYTES_MAX + 1];
        int64_t time; /* ms */
    } by[EVIDENCE_WITNESSES_MAX];
};

enum evidence_cosigned {
    EVIDENCE_TAKEN,
    EVIDENCE_NO_NOTE,    /* not a note, or not a checkpoint's */
    EVIDENCE_NOT_OURS,   /* another log's, or its signature does not hold */
    EVIDENCE_NOT_THIS,   /* a size or root that this log has not */
    EVIDENCE_NO_WITNESS, /* no cosignature of a key that the configuration names holds */
};

/* The newest cosigned checkpoint, its note appended to buf (NULL: not). */
void evidence_witnessed(struct evidence *evidence, struct evidence_witnessed *ret_witnessed, struct relief_buf *note);
/* Takes the cosignatures of a note. enum evidence_cosigned, or -errno. */
int evidence_cosign(struct evidence *evidence, struct relief_str note);

enum evidence_watch { EVIDENCE_AS_BEFORE, EVIDENCE_UNWITNESSED, EVIDENCE_WITNESSED };
#define EVIDENCE_UNWITNESSED_MS 60000 /* an unwitnessed head is told after that */

/* Called about once a second with a monotonic clock: says once when the head has been unwitnessed for too long, and once when it is witnessed again. */
enum evidence_watch evidence_watch(struct evidence *evidence, int64_t now_ms);

/* ---- a folder that is only read ---- */

/* What stands in the folder, and how it compares with the log: for relief check. */
struct evidence_check;
typedef void evidence_broken(void *context, const char *what);
/* Reads key, state and notes; what is wrong with them is reported. Before the log is opened. NULL and -errno: can't be read at all. */
int evidence_check_open(struct evidence_check **ret_check, const char *dir, evidence_broken *broken, void *context);
/* The log begins behind this entry: what stands before it is taken from evidence/hashes, and proved by the roots that follow. */
int evidence_check_begin(struct evidence_check *check, uint64_t pruned);
/* The leaf of each entry of the log, in order from the first. 0 or -errno of a read. */
int evidence_check_add(struct evidence_check *check, const uint8_t leaf[EVIDENCE_HASH_BYTES]);
/* The log ends here: reports what claims more than that. */
void evidence_check_end(struct evidence_check *check);
void evidence_check_close(struct evidence_check *check);
