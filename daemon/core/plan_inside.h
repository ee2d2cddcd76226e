/* What the files of plans share; nobody else includes this. */
#pragma once
#include "core/plan.h"
#include "core/work.h"

/* Is there room for one step more? Otherwise the plan is full from now on. */
bool plan_has_room(struct core_plan *plan);
/* RELIEF_TOO_MANY, said. */
int plan_too_large(struct relief_refusal *refusal);

/* plan_load.c: into the plan's empty state; kinds are those of the takers, or of the rebalancing. */
int plan_load_world(struct core_plan *plan, struct core_view *from);
int plan_load_kinds(struct core_plan *plan, struct core_view *from, struct relief_list kinds);
int plan_load_request(struct core_plan *plan, struct core_view *from, struct relief_str id);

/* plan_need.c: the takers and kinds of a scope, in the state of `work`. Both the plan and its application ask. */
struct plan_needs {
    struct core_plan_taker *takers;
    uint32_t count, cap;
    struct relief_list kinds; /* in order */
};
int plan_needs_allocate(struct core_work *work, const struct core_plan_scope *scope, struct plan_needs *ret,
                        struct relief_refusal *refusal);
int plan_needs_rebalance(struct core_work *work, const struct core_plan_scope *scope, struct plan_needs *ret,
                         struct relief_refusal *refusal);
/* Rebalancing: what the city could give away and still stand at the goal. */
int64_t plan_spare(struct core_work *work, const struct core_plan_scope *scope, struct relief_str city,
                   const struct relief_kind *kind);

/* Kinds, each once, in the order in which they were first named. False: no memory. */
struct plan_kinds {
    struct relief_str *items;
    uint32_t count, cap;
};
bool plan_kinds_add(struct plan_kinds *kinds, struct relief_arena *arena, struct relief_str kind);

/*
 * plan_relies.c: over everything that a plan of this scope looks at (fine print 61), a hash of 16 digits a part. 0 or
 * RELIEF_TOO_MANY.
 */
enum plan_relies_part {
    PLAN_RELIES_REQUESTS,
    PLAN_RELIES_WAYS,
    PLAN_RELIES_STOCK,
    PLAN_RELIES_AGREEMENTS,
    PLAN_RELIES_PARTS
};
#define PLAN_RELIES_DIGITS 16
int plan_relies(struct core_work *work, const struct core_plan_scope *scope, const struct plan_needs *needs,
                char ret_hex[65], struct relief_refusal *refusal);
/* BLAKE2b-256 as 64 hex digits. */
void plan_hash_hex(const uint8_t hash[32], char ret_hex[65]);

/* count items: NULL, and the plan is full, past the arena's bound. Counts and sizes are below 2^32. */
static inline void *plan_alloc(struct core_plan *plan, struct relief_arena *arena, uint32_t count, uint32_t bytes)
{
    void *items = relief_arena_alloc(arena, (size_t)count * bytes + 1);
    plan->full = plan->full || !items;
    return items;
}

/*
 * A work beside another one, for what is only looked at: what it reads is gone with the next one. In the scratch, so
 * that looking at ever so many takes the room of one.
 */
static inline struct core_work plan_glance(struct core_work *work)
{
    struct core *core = work->core;
    relief_arena_reset(&core->scratch);
    return (struct core_work){.core = core,
                              .view = work->view,
                              .arena = &core->scratch,
                              .now = work->now,
                              .reader = work->reader ? ++core->memo.readers : 0};
}

static inline struct core_work plan_work(struct core_plan *plan, struct relief_arena *arena)
{
    return (struct core_work){.core = plan->core,
                              .view = plan->core->view,
                              .arena = arena,
                              .now = plan->now,
                              .reader = ++plan->core->memo.readers};
}

/* plan_body.c */
void plan_measure(struct core_plan *plan, const char *of, struct relief_plan_measures *ret);
void plan_note_leg(struct core_plan *plan, const struct core_plan_taker *taker, const struct plan_leg *leg);
