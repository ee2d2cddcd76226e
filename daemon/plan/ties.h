/*
 * Of all flows of least cost, which one (fine print 58): arcs are put in an order, and of two flows that cost the same
 * the one is taken that has more on the first arc on which they differ. So a plan follows from what it was asked, and
 * not from the way in which the solver went.
 */
#pragma once
#include "plan/flow.h"

struct plan_ties {
    uint32_t nodes, arcs;
    const struct plan_arc *arc;
    const int64_t *capacity;
    const int64_t *price;  /* of each node: plan_flow's ret_price, which proves that `flow` is best */
    int64_t *flow;         /* in: a flow of least cost; out: the one */
    const uint32_t *order; /* arcs, each at most once, the most wanted first */
    uint32_t count;
    bool (*stop)(void *context); /* asked every some thousand looks; true: the flow stays as it is by then. NULL: never */
    void *context;
};

/* 0 or -ENOMEM; then and with PLAN_TIES_LOOKS_MAX spent, the flow is still one of least cost. */
int plan_ties(const struct plan_ties *ties);

/* Arcs looked at: some seconds. Reached only where thousands of donors and requests are all equally far. */
#define PLAN_TIES_LOOKS_MAX (UINT64_C(1) << 32)
