/*
 * The network of one kind. A donor is a chain of nodes, from the least strict of its pairs to the strictest: what it
 * gives enters at the first, and an arc to the next carries no more than will do for pairs as strict as that (lots that
 * live long enough, levels strong enough; both are nested, so the chain says exactly what can be met together). A pair
 * is an arc from the node of its strictness to the request. Where nothing expires a chain is one node.
 *
 * effective: who gets nothing costs; a unit of weight costs more than all minutes that the change of a unit along any
 * path could save (a path passes each donor and request once), so weight comes first, exactly. fair and equal: first
 * how much each request gets (plan/share.h), then the fewest unit-minutes for just that. nearest: of a rebalancing,
 * where no matcher runs, the nearest pair of each request in turn.
 */
#include "views/plan_solve.h"
#include <errno.h>
#include <stdlib.h>
#include "plan/flow.h"
#include "plan/share.h"

struct net {
    uint32_t donors, nodes, arcs, pairs; /* arcs: those of pairs first, then the chains' */
    uint32_t takers, first_taker;        /* nodes of the takers */
    uint32_t *node;                      /* of each pair: where it leaves */
    int64_t *give;                       /* of each node */
    struct plan_arc *arc;
    int64_t *capacity;
    uint32_t *taker_of; /* of a plan's taker: its number here */
};

static void net_free(struct net *net)
{
    free(net->node);
    free(net->give);
    free(net->arc);
    free(net->capacity);
    free(net->taker_of);
}

struct strict {
    int64_t strict, lives;
    uint32_t donor, pair;
};

static int compare_strict(const void *left, const void *right)
{
    const struct strict *a = left, *b = right;
    if (a->strict != b->strict)
        return a->strict < b->strict ? -1 : 1;
    return a->pair < b->pair ? -1 : a->pair > b->pair; /* a total order: the result is the same everywhere */
}

/* Pairs by donor, of each the least strict first. NULL: no memory. */
static struct strict *by_donor(const struct views_solve *solve)
{
    const struct core_plan_kind *kind = solve->kind;
    struct strict *order = calloc((size_t)kind->pair_count + 1, sizeof *order);
    uint32_t *first = calloc((size_t)kind->donor_count + 2, sizeof *first);
    if (!order || !first) {
        free(order);
        free(first);
        return NULL;
    }
    for (uint32_t i = 0; i < kind->pair_count; i++)
        first[kind->pairs[i].donor + 2]++;
    for (uint32_t i = 2; i <= kind->donor_count; i++)
        first[i] += first[i - 1];
    for (uint32_t i = 0; i < kind->pair_count; i++) {
        const struct core_plan_pair *pair = &kind->pairs[i];
        order[first[pair->donor + 1]++] = (struct strict){pair->strict, solve->lives[i], pair->donor, i};
    }
    for (uint32_t i = 0; i < kind->donor_count; i++) {
        uint32_t end = first[i + 1], j = first[i] + 1;
        while (j < end && order[j].lives == order[first[i]].lives)
            j++;
        if (j < end)
            qsort(order + first[i], end - first[i], sizeof *order, compare_strict);
    }
    free(first);
    return order;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void chain(const struct views_solve *solve, struct net *net, const struct strict *order)
{
    const struct core_plan_kind *kind = solve->kind;
    for (uint32_t i = 0; i < net->pairs; i++) {
        const struct strict *at = &order[i], *last = i ? &order[i - 1] : NULL;
        bool same = last && last->donor == at->donor;
        if (!same) {
            net->give[net->nodes] = least(kind->donors[at->donor].give, at->lives);
            net->nodes++;
        } else if (last->lives != at->lives) { /* stricter, but of the same lots: the same node */
            net->arc[net->arcs] = (struct plan_arc){net->nodes - 1, net->nodes, 0};
            net->capacity[net->arcs++] = at->lives;
            net->nodes++;
        }
        net->node[at->pair] = net->nodes - 1;
    }
}

static int net_make(const struct views_solve *solve, struct net *net)
{
    const struct core_plan_kind *kind = solve->kind;
    const uint32_t pairs = kind->pair_count;
    struct strict *order = by_donor(solve);
    uint32_t most_taker = 0;
    *net = (struct net){.pairs = pairs, .arcs = pairs, .takers = kind->taker_count, .donors = kind->donor_count};
    for (uint32_t i = 0; i < kind->taker_count; i++)
        most_taker = kind->takers[i] > most_taker ? kind->takers[i] : most_taker;
    net->node = calloc((size_t)pairs + 1, sizeof *net->node);
    net->give = calloc((size_t)pairs + net->takers + 3, sizeof *net->give);
    net->arc = calloc(2 * (size_t)pairs + 1, sizeof *net->arc);
    net->capacity = calloc(2 * (size_t)pairs + 1, sizeof *net->capacity);
    net->taker_of = calloc((size_t)most_taker + 1, sizeof *net->taker_of);
    if (!order || !net->node || !net->give || !net->arc || !net->capacity || !net->taker_of) {
        free(order);
        return -ENOMEM;
    }
    chain(solve, net, order);
    free(order);
    net->first_taker = net->nodes;
    net->nodes += net->takers;
    for (uint32_t i = 0; i < net->takers; i++)
        net->taker_of[kind->takers[i]] = i;
    for (uint32_t i = 0; i < pairs; i++) {
        net->arc[i] = (struct plan_arc){net->node[i], net->first_taker + net->taker_of[kind->pairs[i].taker],
                                        kind->pairs[i].minutes};
        net->capacity[i] = kind->pairs[i].most;
    }
    return 0;
}

static int64_t wanted(const struct views_solve *solve, uint32_t taker)
{
    const struct core_plan_taker *it = &solve->takers[solve->kind->takers[taker]];
    return it->want - it->got;
}

/* ---- flows ---- */

/*
 * Two nodes more: `rest` takes what donors keep, `none` gives what nobody has, at a price by weight. take: what each
 * taker gets; with none it must get it all from donors.
 */
struct ends {
    uint32_t rest, none;
    int64_t *supply;
    struct plan_arc *arc;
    int64_t *capacity;
};

static int64_t dear_unit(const struct net *net)
{
    int64_t longest = 0;
    uint32_t turns = net->donors < net->takers ? net->donors : net->takers;
    for (uint32_t i = 0; i < net->pairs; i++)
        longest = net->arc[i].cost > longest ? net->arc[i].cost : longest;
    return longest * (2 * (int64_t)turns + 2) + 1; /* minutes below 2^20, turns below 2^16 */
}

static int ends_make(const struct views_solve *solve, const struct net *net, const int64_t *take, bool none,
                     struct ends *ends, struct plan_flow *flow)
{
    size_t arcs = (size_t)net->arcs + net->nodes + net->takers + 2;
    int64_t rest = 0, missing = 0, dear = dear_unit(net);
    uint32_t count = net->arcs;
    *ends = (struct ends){.rest = net->nodes, .none = net->nodes + 1};
    ends->supply = calloc((size_t)net->nodes + 2, sizeof *ends->supply);
    ends->arc = calloc(arcs, sizeof *ends->arc);
    ends->capacity = calloc(arcs, sizeof *ends->capacity);
    if (!ends->supply || !ends->arc || !ends->capacity)
        return -ENOMEM;
    memcpy(ends->arc, net->arc, net->arcs * sizeof *net->arc);
    memcpy(ends->capacity, net->capacity, net->arcs * sizeof *net->capacity);
    for (uint32_t i = 0; i < net->first_taker; i++) {
        ends->supply[i] = net->give[i];
        if (net->give[i] == 0)
            continue;
        if (__builtin_add_overflow(rest, net->give[i], &rest))
            return -EINVAL;
        ends->arc[count] = (struct plan_arc){i, ends->rest, 0};
        ends->capacity[count++] = net->give[i];
    }
    for (uint32_t i = 0; i < net->takers; i++) {
        ends->supply[net->first_taker + i] = -take[i];
        if (__builtin_add_overflow(missing, take[i], &missing))
            return -EINVAL;
        if (!none)
            continue;
        ends->arc[count] =
            (struct plan_arc){ends->none, net->first_taker + i, dear * solve->takers[solve->kind->takers[i]].weight};
        ends->capacity[count++] = take[i];
    }
    ends->supply[ends->none] = none ? missing : 0;
    ends->arc[count] = (struct plan_arc){ends->none, ends->rest, 0};
    ends->capacity[count++] = none ? missing : 0;
    ends->supply[ends->rest] = none ? -rest : missing - rest;
    *flow = (struct plan_flow){.nodes = net->nodes + 2,
                               .arcs = count,
                               .supply = ends->supply,
                               .arc = ends->arc,
                               .capacity = ends->capacity,
                               .ret_flow = calloc((size_t)count + 1, sizeof(int64_t)),
                               .stop = solve->stop,
                               .context = solve->context};
    return flow->ret_flow ? 0 : -ENOMEM;
}

static void note_gap(struct views_solve *solve, const struct plan_flow *flow)
{
    __extension__ typedef __int128 wide;
    wide gap = (wide)flow->ret_cost - flow->ret_bound;
    if (gap <= 0)
        return;
    gap = flow->ret_cost > 0 ? (gap * 1000 + flow->ret_cost - 1) / flow->ret_cost : 1000;
    solve->ret_gap_permille = gap > 1000 ? 1000 : (int64_t)gap;
}

/* The cheapest way to let each taker have take[i]; with none as much of it as there is, by weight. */
static int move(struct views_solve *solve, const struct net *net, const int64_t *take, bool none)
{
    struct plan_flow flow = {0};
    struct ends ends;
    int result = ends_make(solve, net, take, none, &ends, &flow);
    if (result == 0) {
        result = plan_flow_solve(&flow);
        if (result == PLAN_FLOW_STOPPED)
            note_gap(solve, &flow);
        for (uint32_t i = 0; i < net->pairs; i++)
            solve->ret_units[i] = result == PLAN_FLOW_BEST || result == PLAN_FLOW_STOPPED ? flow.ret_flow[i] : 0;
        if (result == PLAN_FLOW_STOPPED_INFEASIBLE)
            solve->ret_gap_permille = 1000;
        result = result < 0 ? result : 0;
    }
    free(flow.ret_flow);
    free(ends.supply);
    free(ends.arc);
    free(ends.capacity);
    return result;
}

/* ---- the policies ---- */

static int64_t *wants_of(const struct views_solve *solve, const struct net *net)
{
    int64_t *wants = calloc((size_t)net->takers + 1, sizeof *wants);
    for (uint32_t i = 0; wants && i < net->takers; i++)
        wants[i] = wanted(solve, i);
    return wants;
}

static int effective(struct views_solve *solve, const struct net *net)
{
    int64_t *wants = wants_of(solve, net);
    int result = wants ? move(solve, net, wants, true) : -ENOMEM;
    free(wants);
    return result;
}

static int shared(struct views_solve *solve, const struct net *net)
{
    int64_t *wants = wants_of(solve, net), *got = calloc((size_t)net->takers + 1, sizeof *got),
            *weight = calloc((size_t)net->takers + 1, sizeof *weight);
    uint32_t *taker = calloc((size_t)net->takers + 1, sizeof *taker);
    int result = -ENOMEM;
    if (wants && got && weight && taker) {
        struct plan_share share = {.nodes = net->nodes,
                                   .arcs = net->arcs,
                                   .takers = net->takers,
                                   .give = net->give,
                                   .arc = net->arc,
                                   .capacity = net->capacity,
                                   .taker = taker,
                                   .want = wants,
                                   .weight = weight,
                                   .ret_got = got,
                                   .stop = solve->stop,
                                   .context = solve->context};
        for (uint32_t i = 0; i < net->takers; i++) {
            taker[i] = net->first_taker + i;
            weight[i] = solve->takers[solve->kind->takers[i]].weight;
        }
        result = solve->policy == RELIEF_policy_fair ? plan_share_fair(&share) : plan_share_equal(&share);
        if (result == PLAN_FLOW_STOPPED)
            solve->ret_gap_permille = 1000;
        if (result >= 0)
            result = move(solve, net, got, false);
    }
    free(wants);
    free(got);
    free(weight);
    free(taker);
    return result;
}

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

/* What a donor gave to less strict pairs may be missing for a strict one; then the leg that is made is shorter. */
static int nearest(struct views_solve *solve, const struct net *net)
{
    const struct core_plan_kind *kind = solve->kind;
    struct near *order = calloc((size_t)net->pairs + 1, sizeof *order);
    int64_t *left = calloc((size_t)kind->donor_count + 1, sizeof *left), *wants = wants_of(solve, net);
    int result = order && left && wants ? 0 : -ENOMEM;
    for (uint32_t i = 0; result == 0 && i < kind->donor_count; i++)
        left[i] = kind->donors[i].give;
    for (uint32_t i = 0; result == 0 && i < net->pairs; i++)
        order[i] = (struct near){kind->pairs[i].taker, i, kind->pairs[i].minutes};
    if (result == 0)
        qsort(order, net->pairs, sizeof *order, compare_near);
    for (uint32_t i = 0; result == 0 && i < net->pairs; i++) {
        const struct core_plan_pair *pair = &kind->pairs[order[i].pair];
        int64_t *want = &wants[net->taker_of[pair->taker]];
        int64_t units = least(least(pair->most, *want), left[pair->donor]);
        solve->ret_units[order[i].pair] = units;
        left[pair->donor] -= units;
        *want -= units;
    }
    free(order);
    free(left);
    free(wants);
    return result;
}

int views_plan_solve(struct views_solve *solve)
{
    struct net net;
    int result;
    solve->ret_gap_permille = 0;
    if (solve->kind->pair_count == 0)
        return 0;
    result = net_make(solve, &net);
    if (result == 0)
        result = solve->policy == RELIEF_policy_nearest     ? nearest(solve, &net)
                 : solve->policy == RELIEF_policy_effective ? effective(solve, &net)
                                                            : shared(solve, &net);
    net_free(&net);
    return result;
}
