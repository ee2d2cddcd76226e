/*
 * The core is one function: core_apply(core, entry) reads and changes the state behind a view, and says what it did.
 * No clock, I/O, randomness or allocation: time and identity come with the entry, memory from arenas that the caller
 * reserved. Everything is checked before the first change, so a refusal leaves the state as it was.
 */
#pragma once
#include "core/memo.h"
#include "core/view.h"
#include "schema/arena.h"
#include "schema/buf.h"
#include "schema/codec.h"
#include "schema/commands.h"

/* Who gives a command. Strings are the caller's. */
struct core_identity {
    struct relief_str name;   /* as logged: local, ROLE, ROLE:CITY, ROLE:REGION, or a certificate's URI */
    enum relief_role role;
    struct relief_str city;   /* role city */
    struct relief_str region; /* role coordinator: of this region and below; absent: all */
};

struct core_entry {
    uint64_t seq;
    int64_t time; /* T, ms since the epoch, never before the entry before */
    struct core_identity who;
    unsigned command;   /* enum relief_method or enum relief_command */
    const void *params; /* struct relief_..._params, defaults filled in */
};

/* One record that the entry changed, in its final form. Lives in the effects' arena. */
struct core_change {
    enum relief_table table;
    bool gone;          /* removed; record then holds its key fields */
    const void *record; /* struct relief_TABLE */
    struct relief_str bytes; /* relief_record_encode of it, where that was made already */
};

struct core_effects {
    struct relief_arena arena;
    struct core_change *changes; /* in the order of (table, key) */
    uint32_t count, cap;
    const struct relief_shape *answer_shape; /* NULL for timers */
    const void *answer;                      /* struct of that shape */
    int answer_change;                       /* index of the change that is the answer, or -1 */
    struct relief_list candidates;           /* of relief_candidate: submit with explain */
    bool more;                               /* a wake is owed (core_wake_owed): a time.wake has to follow */
    uint32_t looks;                          /* the work of matching: donors and requests looked at, and a few for each leg */
    struct relief_refusal refusal;           /* when core_apply returned a positive error */
};

struct core {
    struct core_view *view;
    struct relief_buf buf;       /* a record being encoded */
    struct relief_arena scratch; /* of core_restore and core_check */
    uint32_t looks_max;          /* RELIEF_WAKE_LOOKS_MAX; tests set less. The log depends on it */
    struct core_memo memo;       /* records read before: what is written past this core is not seen by it */
};

#define CORE_ARENA_BYTES ((size_t)1 << 30) /* address space, not memory: 1,024 legs with 65,536 lots each would need half of it */

int core_init(struct core *core, struct core_view *view);
void core_deinit(struct core *core);
int core_effects_init(struct core_effects *effects);
void core_effects_deinit(struct core_effects *effects);

/*
 * Carries out one command. 0: effects say what changed and what to answer. Positive (enum relief_error): refused, nothing
 * changed, effects->refusal is filled in. Replay of ops and ids is the engine's, before this call (fine print 3); the op
 * record is written here.
 */
int core_apply(struct core *core, const struct core_entry *entry, struct core_effects *effects);

/*
 * Applies the outcome of a logged entry: puts its changes as they are, with everything derived from them.
 * This is all that recovery and replay need; no rule is looked at.
 */
void core_restore(struct core *core, const struct core_change *changes, uint32_t count);

/* match.preview and request.explain: read-only uses of the matcher at time T. Results live in the arena. */
int core_preview(struct core *core, int64_t time, const struct core_identity *who,
                 const struct relief_match_preview_params *params, struct relief_arena *arena,
                 struct relief_preview *ret, struct relief_refusal *refusal);
int core_explain(struct core *core, int64_t time, struct relief_str request, struct relief_arena *arena,
                 struct relief_explanation *ret, struct relief_refusal *refusal);

/* stock.get at time T. The city and kind must exist. */
void core_stock(struct core *core, int64_t time, struct relief_str city, struct relief_str kind,
                struct relief_arena *arena, struct relief_stock *ret);

/* Reads one record by the key fields set in *record; false when there is none. Lists go to the arena. */
bool core_find(struct core_view *view, enum relief_table table, struct relief_arena *arena, void *record);
/* Records in a table, or (table RELIEF_TABLE_COUNT) requests with something open. */
int64_t core_count(struct core_view *view, int table);

/* The earliest deadline at or before `until`: what the timer has to do next. False when there is none. */
struct core_due {
    int64_t time;
    unsigned command; /* enum relief_command */
    union {
        struct relief_time_lapse_params lapse;
        struct relief_time_expire_params expire;
        struct relief_time_wake_params wake;
    } params;
    char id[RELIEF_DISPATCH_ID_BYTES_MAX + 1]; /* what the params point to */
};
bool core_next_due(struct core_view *view, int64_t until, struct core_due *ret);
/* Wakes were cut at their bound: a time.wake takes up the oldest. Until none is owed, matching is not at its fixed point. */
bool core_wake_owed(struct core_view *view);
