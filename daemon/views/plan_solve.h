/* From a policy and one kind's pairs to what each pair moves (fine print 58, 60). */
#pragma once
#include "core/plan.h"

struct views_solve {
    const struct core_plan_kind *kind;
    const struct core_plan_taker *takers; /* of the plan; want - got is what is still looked for */
    const int64_t *lives;                 /* of each pair: core_plan_lives */
    int64_t policy;
    bool rebalance;
    bool (*stop)(void *context); /* the best so far is enough */
    bool (*over)(void *context); /* nobody wants it any more */
    void *context;
    int64_t *ret_units;       /* of each pair */
    /*
     * 0: nothing better exists. Else `stop` came first, and so much could be better at most: of effective in units by
     * weight (of all that can be covered), of fair and equal as views_gap_shared says, or, where nothing of that is
     * missing, in unit-minutes.
     */
    int64_t ret_gap_permille;
};

/* 0; -EINVAL: numbers beyond what can be computed exactly; -ENOMEM. */
int views_plan_solve(struct views_solve *solve);
