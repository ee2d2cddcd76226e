/*
 * The policies over the network of one kind (plan_net.h).
 *
 * effective: who gets nothing costs; a unit of weight costs more than all minutes that the change of a unit along any
 * path could save, so weight comes first, exactly. fair and equal: first how much each request gets (plan/share.h),
 * then the fewest unit-minutes for that; where requests that want the same may change places in a fair share, the
 * shorter ways decide who has the unit more. nearest: of a rebalancing, where no matcher runs, the nearest pair of each
 * request in turn. Of what is equally good the order of donors and requests decides (plan/ties.h).
 *
 * When the time is up the best so far counts: the solver's flow, or what the nearest pairs give where that is more.
 */
#include "views/plan_solve.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "plan/flow.h"
#include "plan/reach.h"
#include "plan/share.h"
#include "plan/ties.h"
#include "views/plan_gap.h"
#include "views/plan_net.h"

#define WEIGHT_MAX 5 /* fine print 58: of priority 1 */

typedef views_wide wide;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- takers that are alike may change places ---- */

struct place {
    int64_t whole, base, got;
    uint32_t taker;
};

/* They asked for as much and had as much before. */
static bool are_alike(const struct place *a, const struct place *b)
{
    return a->whole == b->whole && a->base == b->base;
}

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->whole != b->whole)
        return a->whole < b->whole ? -1 : 1;
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    if (a->got != b->got)
        return a->got < b->got ? -1 : 1;
    return a->taker < b->taker ? -1 : a->taker > b->taker;
}

/* ---- flows ---- */

/*
 * What is to be moved. Nodes beyond those of the network: `rest` takes what donors keep; `none` gives what nobody has,
 * at a price by weight, so that not all of it need come from donors; and one for each step of a fair share that some
 * takers of equal want have made and others have not: it gives one unit to as many as have not.
 */
struct job {
    const struct views_net *net;
    int64_t *take;     /* of each taker */
    bool none, places; /* whether there is `none`; whether takers may change places */
    struct plan_flow flow;
    int64_t *supply, *capacity;
    struct plan_arc *arc;
    int64_t dear, missing; /* of a unit of weight; units of all takes */
};

static void job_free(struct job *job)
{
    free(job->take);
    free(job->supply);
    free(job->capacity);
    free(job->arc);
    free(job->flow.ret_flow);
    free(job->flow.ret_price);
}

static void add_arc(struct job *job, uint32_t from, uint32_t to, int64_t cost, int64_t capacity)
{
    job->arc[job->flow.arcs] = (struct plan_arc){from, to, cost};
    job->capacity[job->flow.arcs++] = capacity;
}

/* A cycle passes every node once, so it has no more pairs than twice the fewer of donors' nodes and takers. */
static int64_t dear_unit(const struct views_net *net)
{
    int64_t longest = 0;
    uint32_t turns = net->first_taker < net->takers ? net->first_taker : net->takers;
    for (uint32_t i = 0; i < net->pairs; i++)
        longest = net->arc[i].cost > longest ? net->arc[i].cost : longest;
    return longest * (2 * (int64_t)turns + 2) + 1; /* minutes below 2^20, turns below 2^16 */
}

/* Takers from `from` on have got v, those from `mid` on v + 1, up to `end`: who has which is open. */
static void add_step(struct job *job, const struct place *places, uint32_t from, uint32_t mid, uint32_t end)
{
    uint32_t node = job->flow.nodes++;
    job->supply[node] = mid - from;
    for (uint32_t i = from; i < end; i++)
        add_arc(job, node, job->net->first_taker + places[i].taker, 0, 1);
    for (uint32_t i = from; i < mid; i++)
        job->take[places[i].taker]++;
}

static int add_places(struct job *job)
{
    const struct views_net *net = job->net;
    struct place *places = calloc((size_t)net->takers + 1, sizeof *places);
    if (!places)
        return -ENOMEM;
    for (uint32_t i = 0; i < net->takers; i++)
        places[i] = (struct place){net->whole[i], net->base[i], job->take[i], i};
    qsort(places, net->takers, sizeof *places, compare_places);
    for (uint32_t from = 0, mid, end; from < net->takers; from = mid) {
        for (mid = from; mid < net->takers && are_alike(&places[mid], &places[from]);)
            if (places[++mid].got != places[from].got || mid == net->takers)
                break;
        for (end = mid;
             end < net->takers && are_alike(&places[end], &places[from]) && places[end].got == places[from].got + 1;)
            end++;
        if (end > mid)
            add_step(job, places, from, mid, end);
    }
    free(places);
    return 0;
}

static int job_alloc(struct job *job)
{
    const struct views_net *net = job->net;
    size_t nodes = (size_t)net->nodes + net->takers + 3,
           arcs = (size_t)net->arcs + net->nodes + 3 * (size_t)net->takers + 3;
    job->take = calloc((size_t)net->takers + 1, sizeof *job->take);
    job->supply = calloc(nodes, sizeof *job->supply);
    job->arc = calloc(arcs, sizeof *job->arc);
    job->capacity = calloc(arcs, sizeof *job->capacity);
    job->flow.ret_flow = calloc(arcs, sizeof *job->flow.ret_flow);
    job->flow.ret_price = calloc(nodes, sizeof *job->flow.ret_price);
    return job->take && job->supply && job->arc && job->capacity && job->flow.ret_flow && job->flow.ret_price ? 0
                                                                                                              : -ENOMEM;
}

/* take: what each taker gets; with none it need not get it all from donors. */
static int job_make(struct job *job, const struct views_net *net, const int64_t *take, bool none, bool places)
{
    const uint32_t rest = net->nodes, nobody = net->nodes + 1;
    int64_t balance = 0;
    *job = (struct job){.net = net, .none = none, .places = places};
    if (job_alloc(job) != 0)
        return -ENOMEM;
    job->dear = dear_unit(net);
    memcpy(job->take, take, net->takers * sizeof *job->take);
    memcpy(job->arc, net->arc, net->arcs * sizeof *job->arc);
    memcpy(job->capacity, net->capacity, net->arcs * sizeof *job->capacity);
    job->flow.arcs = net->arcs;
    job->flow.nodes = net->nodes + 2;
    for (uint32_t i = 0; i < net->takers; i++)
        if (__builtin_add_overflow(job->missing, take[i], &job->missing))
            return -EINVAL;
    for (uint32_t i = 0; i < net->first_taker; i++) {
        job->supply[i] = net->give[i];
        if (net->give[i] > 0)
            add_arc(job, i, rest, 0, net->give[i]);
    }
    for (uint32_t i = 0; none && i < net->takers; i++)
        add_arc(job, nobody, net->first_taker + i, job->dear * net->weight[i], take[i]);
    if (none)
        add_arc(job, nobody, rest, 0, job->missing);
    job->supply[nobody] = none ? job->missing : 0;
    if (places && add_places(job) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < net->takers; i++)
        job->supply[net->first_taker + i] = -job->take[i];
    for (uint32_t i = 0; i < job->flow.nodes; i++)
        if (__builtin_sub_overflow(balance, job->supply[i], &balance))
            return -EINVAL;
    job->supply[rest] = balance;
    job->flow.supply = job->supply;
    job->flow.arc = job->arc;
    job->flow.capacity = job->capacity;
    return 0;
}

/* ---- when the time is up ---- */

struct near {
    uint32_t taker, pair;
    int64_t minutes;
};

static int compare_near(const void *left, const void *right)
{
    const struct near *a = left, *b = right;
    if (a->taker != b->taker)
        return a->taker < b->taker ? -1 : 1;
    if (a->minutes != b->minutes)
        return a->minutes < b->minutes ? -1 : 1;
    return a->pair < b->pair ? -1 : a->pair > b->pair;
}

/* What every node of a donor's chain can still pass on, and whether there is one before it. */
struct passing {
    int64_t left;
    bool chained;
};

static struct passing *chains_of(const struct views_net *net)
{
    struct passing *chain = calloc((size_t)net->first_taker + 1, sizeof *chain);
    for (uint32_t i = 0; chain && i < net->first_taker; i++)
        chain[i].left = net->give[i];
    for (uint32_t i = net->pairs; chain && i < net->arcs; i++)
        chain[net->arc[i].to] = (struct passing){net->capacity[i], true};
    return chain;
}

/* Takes up to so many units at a node, through all that stand before it; returns how many. */
static int64_t pass(struct passing *chain, uint32_t node, int64_t units)
{
    uint32_t first = node;
    for (;; first--) {
        units = least(units, chain[first].left);
        if (!chain[first].chained)
            break;
    }
    for (uint32_t i = first; i <= node; i++)
        chain[i].left -= units;
    return units;
}

static int nearest(const struct views_solve *solve, const struct views_net *net, const int64_t *take,
                   int64_t *ret_units)
{
    const struct core_plan_kind *kind = solve->kind;
    struct near *order = calloc((size_t)net->pairs + 1, sizeof *order);
    struct passing *chain = chains_of(net);
    int64_t *wants = calloc((size_t)net->takers + 1, sizeof *wants);
    int result = order && chain && wants ? 0 : -ENOMEM;
    if (result == 0)
        memcpy(wants, take, net->takers * sizeof *wants);
    for (uint32_t i = 0; result == 0 && i < net->pairs; i++)
        order[i] = (struct near){kind->pairs[i].taker, i, kind->pairs[i].minutes};
    if (result == 0)
        qsort(order, net->pairs, sizeof *order, compare_near);
    for (uint32_t i = 0; result == 0 && i < net->pairs; i++) {
        const struct core_plan_pair *pair = &kind->pairs[order[i].pair];
        int64_t *want = &wants[net->taker_of[pair->taker]];
        int64_t units = pass(chain, net->node[order[i].pair], least(pair->most, *want));
        ret_units[order[i].pair] = units;
        *want -= units;
    }
    free(order);
    free(chain);
    free(wants);
    return result;
}

/* What it is to move these units: minutes, and what is missing of the takes, by weight and in units. */
struct weighed {
    wide minutes, missing_weight;
    int64_t missing;
};

static struct weighed weigh(const struct job *job, const int64_t *units)
{
    const struct views_net *net = job->net;
    struct weighed ret = {.missing = job->missing};
    for (uint32_t i = 0; i < net->takers; i++)
        ret.missing_weight += (wide)job->take[i] * net->weight[i];
    for (uint32_t i = 0; i < net->pairs; i++) {
        ret.minutes += (wide)units[i] * net->arc[i].cost;
        ret.missing_weight -= (wide)units[i] * net->weight[net->arc[i].to - net->first_taker];
        ret.missing -= units[i];
    }
    return ret;
}

/*
 * The most weight that can be covered at all: units for the takers of the greatest weight first (what takers can have
 * together is a polymatroid, so the greedy sum is the best one).
 */
static int find_most_weight(const struct job *job, wide *ret)
{
    const struct views_net *net = job->net;
    struct plan_reach *reach = NULL;
    int64_t *take = calloc((size_t)net->takers + 1, sizeof *take), before = 0;
    int result = take ? plan_reach_open(&reach, net->nodes, net->give, net->arcs, net->arc, net->capacity, net->takers,
                                        net->taker)
                      : -ENOMEM;
    *ret = 0;
    for (int64_t weight = WEIGHT_MAX; result == 0 && weight > 0; weight--) {
        for (uint32_t i = 0; i < net->takers; i++)
            take[i] = net->weight[i] >= weight ? job->take[i] : 0;
        int64_t most = plan_reach_most(reach, take);
        *ret += (wide)(most - before) * weight;
        before = most;
    }
    plan_reach_close(reach);
    free(take);
    return result;
}

/* In units as far as any are missing that could be there, else in unit-minutes. */
static int note_gap(struct views_solve *solve, const struct job *job, const struct weighed *best)
{
    const struct views_net *net = job->net;
    wide bound = job->flow.ret_bound, most = 0, missing = best->missing, whole = job->missing;
    if (job->none) {
        wide covered = -best->missing_weight;
        int result = find_most_weight(job, &most);
        if (result)
            return result;
        for (uint32_t i = 0; i < net->takers; i++)
            covered += (wide)job->take[i] * net->weight[i];
        missing = most - covered;
        whole = most;
        bound -= best->missing_weight * job->dear;
    }
    int64_t gap = missing > 0 ? views_gap_permille(missing, whole)
                              : views_gap_permille(best->minutes - (bound > 0 ? bound : 0), best->minutes);
    solve->ret_gap_permille = gap > solve->ret_gap_permille ? gap : solve->ret_gap_permille;
    return 0;
}

static int take_best_so_far(struct views_solve *solve, const struct job *job)
{
    const struct views_net *net = job->net;
    int64_t *near = calloc((size_t)net->pairs + 1, sizeof *near);
    int result = near ? nearest(solve, net, job->take, near) : -ENOMEM;
    if (result == 0) {
        struct weighed solved = weigh(job, job->flow.ret_flow), nearer = weigh(job, near);
        bool better = nearer.missing_weight != solved.missing_weight ? nearer.missing_weight < solved.missing_weight
                                                                     : nearer.minutes < solved.minutes;
        memcpy(solve->ret_units, better ? near : job->flow.ret_flow, net->pairs * sizeof *near);
        result = note_gap(solve, job, better ? &nearer : &solved);
    }
    free(near);
    return result;
}

/* ---- the policies ---- */

static int settle_ties(const struct views_solve *solve, struct job *job)
{
    uint32_t *order = views_net_order(solve, job->net);
    const struct plan_ties ties = {.nodes = job->flow.nodes,
                                   .arcs = job->flow.arcs,
                                   .arc = job->arc,
                                   .capacity = job->capacity,
                                   .price = job->flow.ret_price,
                                   .flow = job->flow.ret_flow,
                                   .order = order,
                                   .count = job->net->pairs,
                                   .stop = solve->over,
                                   .context = solve->context};
    int result = order ? plan_ties(&ties) : -ENOMEM;
    free(order);
    return result;
}

/* The cheapest way to let each taker have take[i]; with none as much of it as there is, by weight. */
static int move(struct views_solve *solve, const struct views_net *net, const int64_t *take, bool none, bool places)
{
    struct job job;
    int result = job_make(&job, net, take, none, places);
    if (result == 0) {
        job.flow.stop = solve->stop;
        job.flow.context = solve->context;
        result = plan_flow_solve(&job.flow);
        if (result == PLAN_FLOW_BEST) {
            result = settle_ties(solve, &job);
            memcpy(solve->ret_units, job.flow.ret_flow, net->pairs * sizeof *solve->ret_units);
        } else if (result > 0) {
            result = take_best_so_far(solve, &job);
        }
    }
    job_free(&job);
    return result;
}

static int shared(struct views_solve *solve, const struct views_net *net)
{
    const bool fair = solve->policy == RELIEF_policy_fair;
    int64_t *got = calloc((size_t)net->takers + 1, sizeof *got), gap = 0;
    bool *settled = calloc((size_t)net->takers + 1, sizeof *settled);
    struct plan_share share = {.nodes = net->nodes,
                               .arcs = net->arcs,
                               .takers = net->takers,
                               .give = net->give,
                               .arc = net->arc,
                               .capacity = net->capacity,
                               .taker = net->taker,
                               .want = net->want,
                               .whole = net->whole,
                               .base = net->base,
                               .step = solve->kind->cover,
                               .weight = net->weight,
                               .ret_got = got,
                               .ret_settled = settled,
                               .stop = solve->stop,
                               .context = solve->context};
    int result = !got || !settled ? -ENOMEM : fair ? plan_share_fair(&share) : plan_share_equal(&share);
    const bool stopped = result == PLAN_FLOW_STOPPED;
    if (result >= 0)
        result = move(solve, net, got, false, fair && !stopped);
    if (result == 0 && (stopped || solve->ret_gap_permille > 0)) {
        result = views_gap_shared(solve, net, &share, &gap);
        if (stopped || gap > 0) /* else only minutes are missing */
            solve->ret_gap_permille = gap > 1 ? gap : 1;
    }
    free(got);
    free(settled);
    return result;
}

int views_plan_solve(struct views_solve *solve)
{
    struct views_net net;
    int result;
    solve->ret_gap_permille = 0;
    if (solve->kind->pair_count == 0)
        return 0;
    result = views_net_make(solve, &net);
    if (result == 0)
        result = solve->policy == RELIEF_policy_nearest     ? nearest(solve, &net, net.want, solve->ret_units)
                 : solve->policy == RELIEF_policy_effective ? move(solve, &net, net.want, true, false)
                                                            : shared(solve, &net);
    views_net_free(&net);
    return result;
}
