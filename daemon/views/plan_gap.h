/* How far a plan that was stopped may be from the best, in permille. */
#pragma once
#include "plan/share.h"
#include "views/plan_net.h"

__extension__ typedef __int128 views_wide; /* units times minutes or weights */

/* What part / whole is, rounded up, at least 1: no time was left to say that it is nothing. */
int64_t views_gap_permille(views_wide part, views_wide whole);
/*
 * Of fair and equal, by what the takers get of it: the units that are missing of those that they could have together, or
 * how much higher the lowest fill rate of those could be whose share is not settled, whichever is more. 0: all have
 * their share of the best. 0 or -ENOMEM.
 */
int views_gap_shared(const struct views_solve *solve, const struct views_net *net, const struct plan_share *share,
                     int64_t *ret_permille);
