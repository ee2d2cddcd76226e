/*
 * Maximum flow: can every taker have so many units at once, and who could have one more? The question that fair and
 * equal plans ask again and again (Dinic 1970: paths of least length, all of one length together).
 */
#pragma once
#include "plan/flow.h"

struct plan_reach;

/* give: of each node, what it has (>= 0). takers: nodes, each at most once. Arrays are copied. 0, -EINVAL or -ENOMEM.
 */
int plan_reach_open(struct plan_reach **ret, uint32_t nodes, const int64_t *give, uint32_t arcs,
                    const struct plan_arc *arc, const int64_t *capacity, uint32_t takers, const uint32_t *taker);
void plan_reach_close(struct plan_reach *reach);
/* The most that the takers can have together when taker i takes at most take[i]. */
int64_t plan_reach_most(struct plan_reach *reach, const int64_t *take);
/* After plan_reach_most: could taker i have one more while all the others keep what they have? */
void plan_reach_more(struct plan_reach *reach, bool *ret_more);
