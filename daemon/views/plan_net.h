/* The numbers of one kind as a network, for the solvers in daemon/plan. */
#pragma once
#include "plan/flow.h"
#include "views/plan_solve.h"

struct views_net {
    uint32_t nodes, arcs, pairs;  /* arcs: those of pairs first, as the kind has them, then the chains' */
    uint32_t takers, first_taker; /* nodes of the takers, which are the last */
    uint32_t *node;               /* of each pair: where it leaves */
    int64_t *give;                /* of each node */
    struct plan_arc *arc;
    int64_t *capacity;
    uint32_t *taker_of; /* of a plan's taker: its number here */
    uint32_t *taker;    /* of each number: its node */
    int64_t *want, *weight; /* want: units of the kind that are still looked for */
    int64_t *whole, *base;  /* of the request: what it asked for, and what it has of that */
};

/* 0 or -ENOMEM; to be freed in either case. */
int views_net_make(const struct views_solve *solve, struct views_net *net);
void views_net_free(struct views_net *net);
/* Pairs in the order of fine print 58's ties: donor code, then request. The caller's to free; NULL: no memory. */
uint32_t *views_net_order(const struct views_solve *solve, const struct views_net *net);
