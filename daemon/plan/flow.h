/*
 * Minimum-cost flow in exact integers: what goes from which node to which, so that every node gives or takes what it
 * must and the sum of flow x cost is least. The one exact solver behind plans (DESIGN 4).
 *
 * A pure function: the same arrays give the same flow, on every machine. Bounds: |cost| x nodes and every sum of
 * supplies stay below PLAN_FLOW_BIG, so that no sum of the solver can wrap; plan_flow_solve refuses others.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PLAN_FLOW_BIG       (INT64_C(1) << 60)
#define PLAN_FLOW_NODES_MAX 1000000u
#define PLAN_FLOW_ARCS_MAX  64000000u

struct plan_arc {
    uint32_t from, to;
    int64_t cost; /* of one unit; may be negative */
};

struct plan_flow {
    uint32_t nodes, arcs;
    const int64_t *supply; /* of each node: what it gives (> 0) or takes (< 0); together 0 */
    const struct plan_arc *arc;
    const int64_t *capacity; /* of each arc, >= 0 */
    int64_t *ret_flow;       /* of each arc */
    int64_t *ret_price; /* of each node, or NULL: its dual value, by which anybody can prove that the flow is best */
    /* Called every some hundred pivots; true: give up. NULL: never. */
    bool (*stop)(void *context);
    void *context;
    int64_t ret_cost;  /* of ret_flow */
    int64_t ret_bound; /* no flow costs less; equal to ret_cost where the end is PLAN_FLOW_BEST */
    uint64_t ret_pivots;
};

enum plan_flow_end {
    PLAN_FLOW_BEST = 0,
    PLAN_FLOW_INFEASIBLE = 1, /* the nodes can't all give and take what they must */
    PLAN_FLOW_STOPPED = 2,    /* by `stop`; ret_flow is the best so far */
    /*
     * By `stop`, before there was a flow: ret_flow keeps the capacities, no node gives more than it has with what comes
     * in, and none gets more than it takes; but some give or get less than they must. ret_bound holds all the same.
     */
    PLAN_FLOW_STOPPED_INFEASIBLE = 3,
};

/* An end, or -EINVAL (the input breaks a bound), -ENOMEM. */
int plan_flow_solve(struct plan_flow *flow);
