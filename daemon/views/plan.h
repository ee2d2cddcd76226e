/*
 * A plan, computed on a thread of its own at a lower priority than the loop, from a snapshot (DESIGN 3.4): nothing
 * waits for it, and what it says is of one moment.
 */
#pragma once
#include "core/plan.h"
#include "store/store.h"

#define VIEWS_PLAN_MS_MAX     300000 /* in all */
#define VIEWS_PLAN_SOLVING_MS 200000 /* of all kinds' solvers; the rest is for reading, legs and reasons */
/* Of one kind's solver, or its part of what is left: then the best so far, with how far it may be from the best. */
#define VIEWS_PLAN_SOLVE_MS 60000
#define VIEWS_PLAN_TELL_MS  200 /* between two messages of progress within a kind */
#define VIEWS_PLAN_ROUNDS                                                                                              \
    4u /* shares and certificates can make legs shorter than solved: what is left is solved again */

/* Makes a plan where it is called. */
struct views_plan_make {
    struct core_view *from;
    uint64_t seq; /* of the entry that `from` stands at */
    int64_t now;
    const struct core_plan_scope *scope;
    size_t bytes_max;
    size_t arena_bytes; /* 0: as core/plan.h has it */
    int64_t solve_ms, tell_ms;                                                 /* the bounds above, or others */
    bool (*over)(void *context);                                               /* give up: -ETIME; or NULL */
    int (*tell)(void *context, const char *stage, uint32_t done, uint32_t of); /* 0 or an error to end with; or NULL */
    void *context;
};
/* Appends the body. 0; positive: refused; -errno. */
int views_plan_make(const struct views_plan_make *make, struct relief_buf *ret, struct relief_refusal *refusal);

struct views_plan;

struct views_plan_options {
    struct store *store;          /* has been flushed as far as the plan must reach */
    struct core_plan_scope scope; /* copied */
    int64_t now;                  /* T */
    size_t bytes_max;             /* of the body */
    void (*wake)(void *context);
    void *context;
};

int views_plan_start(struct views_plan **ret, const struct views_plan_options *options);
/*
 * 1: *ret is the body, the caller's to free. 2: *ret is a message of progress, a map {stage, done, total}:
 * `reading`; `kinds` done; within a kind `requests` looked at and `solving`, seconds of those it may take. 0: nothing yet.
 * Another positive one, from 16 on, is 16 + enum relief_error with *refusal. -ETIME past the limit; other -errno.
 */
int views_plan_take(struct views_plan *plan, struct relief_buf *ret, struct relief_refusal *refusal);
/* Stops the worker, waits for it, frees. */
void views_plan_free(struct views_plan *plan);
