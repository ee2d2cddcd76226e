/*
 * Plans for many requests (DESIGN 4, fine print 57 to 61): what is planned for, who could give how much to whom, the
 * legs of a plan, and the check that a plan still stands on what it was computed from. The policies that share out are
 * not here: they are arithmetic over the arrays of core_plan_kind (daemon/plan, put together by views/plan.c).
 *
 * Planning changes a state of its own: core_plan_load copies what concerns the plan into an empty one, where the legs
 * of the requests are taken back and the plan's are made with the rules that matching has. Nothing of it reaches the
 * daemon's state; plan.apply does the same there, in one entry.
 */
#pragma once
#include "core/apply.h"

#define CORE_PLAN_REQUESTS_MAX 65536u
#define CORE_PLAN_PAIRS_MAX    (4u << 20) /* donors x requests of one kind: about a GiB of arrays and arcs */
/* Address space of a plan, and as much again for the kind that it is at. A quarter is left to the step under way, which
 * takes no more than an entry may; a plan that would need it is too large. */
#define CORE_PLAN_ARENA_BYTES (4 * CORE_ARENA_BYTES)

/* Which plan. Strings are the caller's. */
struct core_plan_scope {
    bool rebalance;
    struct relief_list requests; /* allocate: of relief_str; or */
    struct relief_str incident;  /* the live requests of this incident */
    struct relief_str within;    /* allocate: whose cities may be planned for; absent: all */
    struct relief_str region;    /* rebalance: absent: all */
    struct relief_list kinds;    /* rebalance: absent: all that have a floor in the region */
    int64_t goal, max_minutes;   /* rebalance; max_minutes may be nil */
    int64_t policy;
};

/* One request of the plan; of a rebalancing one that apply would make. */
struct core_plan_taker {
    struct relief_request request;
    int64_t want;                       /* what is planned for: open, asked and committed */
    int64_t covered;                    /* of it, before the plan */
    int64_t coming;                     /* rebalancing: of the need beyond it, by earlier legs that have not left */
    int64_t weight;                     /* fine print 58 */
    int64_t got;                        /* by the legs made so far */
    bool looked;                        /* the next two are known */
    uint32_t could;                     /* how many donors could give, were it alone */
    uint32_t reasons[RELIEF_why_COUNT]; /* how many can't, and why */
};

struct match_donor;

struct core_plan_donor {
    struct relief_str city;
    int64_t give;                   /* above its floor */
    const struct match_donor *read; /* core/work.h */
};

/* What a donor could give a request, were it alone. Units here and in donors are those of core_plan_kind. */
struct core_plan_pair {
    uint32_t donor, taker; /* indexes */
    int64_t most, minutes;
    int64_t strict; /* the larger, the less of what the donor has will do: see core_plan_lives */
};

/*
 * A kind for the requests that ask for it, or the n-th substitute for those that take it instead (fine print 35). A
 * unit is a pack: `give` units that travel and cover `cover` units of a request; for the exact kind 1 and 1.
 */
struct core_plan_kind {
    struct relief_str kind; /* that travels */
    uint32_t which;         /* 0 exact, n substitute */
    int64_t give, cover, min_life_days;
    struct core_plan_donor *donors;
    uint32_t donor_count;
    uint32_t *takers; /* indexes into the plan's */
    uint32_t taker_count;
    struct core_plan_pair *pairs; /* by taker, then donor */
    uint32_t pair_count;
};

struct core_plan {
    struct core *core; /* the plan's own state */
    struct core_plan_scope scope;
    size_t arena_bytes;        /* of each arena; 0: CORE_PLAN_ARENA_BYTES */
    struct relief_arena arena; /* of the whole plan */
    struct relief_arena round; /* of what core_plan_kind said last */
    bool full;                 /* an arena had no room left: whatever comes, RELIEF_TOO_MANY */
    int64_t now;
    struct core_plan_taker *takers; /* by priority, time, id; of a rebalancing by city, kind */
    uint32_t taker_count;
    struct relief_str *kinds; /* of the takers, in order */
    uint32_t kind_count;
    struct relief_plan_leg *legs;
    uint32_t leg_count, leg_cap;
    char relies[65];
    /* Before the requests' own legs were taken back. */
    struct relief_plan_measures before;
    bool (*stop)(void *context); /* asked often; true: -ETIME. NULL: never */
    /* Of one kind's requests so many have been looked at. Not 0: an error to end with. Or NULL. */
    int (*tell)(void *context, uint32_t done, uint32_t of);
    void *context;
};

/*
 * Copies what concerns the plan from one state into another, empty one, finds what is planned for, and takes its legs
 * back there. 0; RELIEF_NOT_FOUND, RELIEF_BAD_STATE, RELIEF_TOO_MANY with refusal; -ENOMEM, -ETIME.
 */
int core_plan_open(struct core_plan *plan, struct core *core, struct core_view *from, int64_t now,
                   const struct core_plan_scope *scope, struct relief_refusal *refusal);
void core_plan_close(struct core_plan *plan);
/* How many substitutes the i-th kind has. */
uint32_t core_plan_substitutes(struct core_plan *plan, uint32_t kind);
/*
 * Donors, requests and pairs of the i-th kind, or of its n-th substitute, as the state of the plan stands now; until
 * the next call. 0, RELIEF_TOO_MANY, -ETIME.
 */
int core_plan_kind(struct core_plan *plan, uint32_t kind, uint32_t which, struct core_plan_kind *ret,
                   struct relief_refusal *refusal);
/* Units that the donor has for pairs as strict as this one or stricter. */
int64_t core_plan_lives(struct core_plan *plan, const struct core_plan_kind *kind, const struct core_plan_pair *pair);
/* Makes a leg of up to so many units; returns how many it has. None in a plan that is full. */
int64_t core_plan_give(struct core_plan *plan, const struct core_plan_kind *kind, const struct core_plan_pair *pair,
                       int64_t units);
/* The matcher itself for one request, over all levels: policy nearest. */
void core_plan_match(struct core_plan *plan, uint32_t taker);
/* The plan's body, without seq and digest. In the plan's arena. 0, RELIEF_TOO_MANY. */
int core_plan_body(struct core_plan *plan, struct relief_plan *ret, struct relief_refusal *refusal);
/* 64 hex digits over all fields but the digest itself and the legs' dispatch. 0 or -ENOMEM. */
int core_plan_digest(struct relief_plan *body, struct relief_arena *arena, char ret_hex[65]);
