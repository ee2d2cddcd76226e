/*
 * How far a shared plan may be from the best (plan_gap.h).
 *
 * Whose share is settled has in every best share what it has here. The lowest of the others has at most what all of
 * them would have if the units that are left were shared out among them without regard to ways: that is the bound.
 */
#include "views/plan_gap.h"
#include <errno.h>
#include <stdlib.h>

#define PERMILLE 1000

int64_t views_gap_permille(views_wide part, views_wide whole)
{
    views_wide share = whole > 0 ? (part * PERMILLE + whole - 1) / whole : PERMILLE;
    return share > PERMILLE ? PERMILLE : share < 1 ? 1 : (int64_t)share;
}

/* A fill rate: what a taker has of what it asked for; of equal, of what is still looked for. */
struct rate {
    views_wide has, of;
};

static struct rate rate_of(const struct views_solve *solve, const struct views_net *net, uint32_t taker, int64_t units)
{
    if (solve->policy != RELIEF_policy_fair)
        return (struct rate){units, net->want[taker]};
    return (struct rate){net->base[taker] + (views_wide)units * solve->kind->cover, net->whole[taker]};
}

/* How much b is above a, in permille, rounded up; 0 when it is not. */
static int64_t above(struct rate a, struct rate b)
{
    int64_t low = (int64_t)(a.has * PERMILLE / a.of), high = (int64_t)((b.has * PERMILLE + b.of - 1) / b.of);
    return b.has * a.of > a.has * b.of ? high - low : 0;
}

/* The most that the lowest of those who are not settled can have; of is 0 when there are none. */
static struct rate best_of_open(const struct views_solve *solve, const struct views_net *net,
                                const struct plan_share *share)
{
    const bool fair = solve->policy == RELIEF_policy_fair;
    struct rate best = {0, 0};
    views_wide units = share->ret_most;
    for (uint32_t i = 0; i < net->takers; i++) {
        struct rate none = rate_of(solve, net, i, 0);
        if (share->ret_settled[i]) {
            units -= share->ret_got[i];
            continue;
        }
        best.has += none.has;
        best.of += none.of;
    }
    best.has += units * (fair ? solve->kind->cover : 1);
    if (best.has > best.of)
        best.has = best.of;
    return best;
}

int views_gap_shared(const struct views_solve *solve, const struct views_net *net, const struct plan_share *share,
                     int64_t *ret_permille)
{
    const struct rate best = best_of_open(solve, net, share);
    int64_t *given = calloc((size_t)net->takers + 1, sizeof *given), gap = 0, sum = 0;
    if (!given)
        return -ENOMEM;
    for (uint32_t i = 0; i < net->pairs; i++)
        given[net->taker_of[solve->kind->pairs[i].taker]] += solve->ret_units[i];
    for (uint32_t i = 0; i < net->takers; i++) {
        const struct rate rate = rate_of(solve, net, i, given[i]);
        int64_t lacks = above(rate, share->ret_settled[i] ? rate_of(solve, net, i, share->ret_got[i]) : best);
        gap = lacks > gap ? lacks : gap;
        sum += given[i];
    }
    free(given);
    if (sum < share->ret_most) {
        int64_t missing = views_gap_permille(share->ret_most - sum, share->ret_most);
        gap = missing > gap ? missing : gap;
    }
    *ret_permille = gap;
    return 0;
}
