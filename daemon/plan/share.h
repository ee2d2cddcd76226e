/*
 * Who gets how many units when there are not enough: fair (leximin of the fill rates) and equal (one rate for all), in
 * exact integers (fine print 58). How the units then travel is plan_flow_solve's.
 */
#pragma once
#include "plan/flow.h"

struct plan_share {
    uint32_t nodes, arcs, takers;
    const int64_t *give; /* of each node */
    const struct plan_arc *arc;
    const int64_t *capacity;
    const uint32_t *taker; /* nodes; in order of their ids, which breaks ties */
    const int64_t *want;   /* of each taker, > 0, at most PLAN_WANT_MAX */
    /*
     * fair's rates: a unit given here is `step` of the whole that the taker asked for (at most PLAN_WANT_MAX), of which
     * it has `base` already; want x step is no more than the rest. NULL and 0: the want itself, nothing, 1.
     */
    const int64_t *whole, *base;
    int64_t step;
    const int64_t *weight; /* of each taker */
    int64_t *ret_got;
    bool *ret_settled; /* of each taker, or NULL: what it got is what it has in the best share too */
    int64_t ret_most;  /* units that the takers could have together */
    bool (*stop)(void *context); /* as plan_flow's */
    void *context;
};

#define PLAN_WANT_MAX (INT64_C(1) << 50) /* RELIEF_QUANTITY_MAX is below */

/* 0, PLAN_FLOW_STOPPED (ret_got can be had, but may not be the best), -EINVAL or -ENOMEM. */
int plan_share_fair(struct plan_share *share);
int plan_share_equal(struct plan_share *share);
