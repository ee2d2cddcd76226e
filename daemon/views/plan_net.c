/*
 * The network of one kind. A donor is a chain of nodes, from the least strict of its pairs to the strictest: what it
 * gives enters at the first, and an arc to the next carries no more than will do for pairs as strict as that (lots that
 * live long enough, levels strong enough; both are nested, so the chain says exactly what can be met together). A pair
 * is an arc from the node of its strictness to the request. Where nothing expires a chain is one node.
 *
 * Requests stand in the order of their ids, of a rebalancing in that of city and kind: it decides between equals.
 */
#include "views/plan_net.h"
#include <errno.h>
#include <stdlib.h>

void views_net_free(struct views_net *net)
{
    free(net->node);
    free(net->give);
    free(net->arc);
    free(net->capacity);
    free(net->taker_of);
    free(net->taker);
    free(net->want);
    free(net->weight);
    free(net->whole);
    free(net->base);
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

static void chain(const struct views_solve *solve, struct views_net *net, const struct strict *order)
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

struct by_id {
    struct relief_str id;
    uint32_t taker;
};

static int compare_ids(const void *left, const void *right)
{
    const struct by_id *a = left, *b = right;
    int order = a->id.data && b->id.data ? relief_str_cmp(a->id, b->id) : 0;
    return order ? order : a->taker < b->taker ? -1 : a->taker > b->taker;
}

static int order_takers(const struct views_solve *solve, struct views_net *net)
{
    const struct core_plan_kind *kind = solve->kind;
    struct by_id *order = calloc((size_t)net->takers + 1, sizeof *order);
    if (!order)
        return -ENOMEM;
    for (uint32_t i = 0; i < net->takers; i++)
        order[i] = (struct by_id){solve->rebalance ? RELIEF_STR_NONE : solve->takers[kind->takers[i]].request.id,
                                  kind->takers[i]};
    qsort(order, net->takers, sizeof *order, compare_ids);
    for (uint32_t i = 0; i < net->takers; i++) {
        const struct core_plan_taker *taker = &solve->takers[order[i].taker];
        net->taker_of[order[i].taker] = i;
        net->taker[i] = net->first_taker + i;
        net->want[i] = (taker->want - taker->got) / kind->cover;
        net->whole[i] = taker->want;
        net->base[i] = taker->got;
        net->weight[i] = taker->weight;
    }
    free(order);
    return 0;
}

int views_net_make(const struct views_solve *solve, struct views_net *net)
{
    const struct core_plan_kind *kind = solve->kind;
    const size_t pairs = kind->pair_count, takers = (size_t)kind->taker_count + 1;
    struct strict *order = by_donor(solve);
    uint32_t most_taker = 0;
    int result = -ENOMEM;
    *net = (struct views_net){.pairs = kind->pair_count, .arcs = kind->pair_count, .takers = kind->taker_count};
    for (uint32_t i = 0; i < kind->taker_count; i++)
        most_taker = kind->takers[i] > most_taker ? kind->takers[i] : most_taker;
    net->node = calloc(pairs + 1, sizeof *net->node);
    net->give = calloc(pairs + takers + 2, sizeof *net->give);
    net->arc = calloc(2 * pairs + 1, sizeof *net->arc);
    net->capacity = calloc(2 * pairs + 1, sizeof *net->capacity);
    net->taker_of = calloc((size_t)most_taker + 1, sizeof *net->taker_of);
    net->taker = calloc(takers, sizeof *net->taker);
    net->want = calloc(takers, sizeof *net->want);
    net->weight = calloc(takers, sizeof *net->weight);
    net->whole = calloc(takers, sizeof *net->whole);
    net->base = calloc(takers, sizeof *net->base);
    if (order && net->node && net->give && net->arc && net->capacity && net->taker_of && net->taker && net->want &&
        net->weight && net->whole && net->base) {
        chain(solve, net, order);
        net->first_taker = net->nodes;
        net->nodes += net->takers;
        result = order_takers(solve, net);
    }
    free(order);
    for (uint32_t i = 0; result == 0 && i < net->pairs; i++) {
        net->arc[i] = (struct plan_arc){net->node[i], net->first_taker + net->taker_of[kind->pairs[i].taker],
                                        kind->pairs[i].minutes};
        net->capacity[i] = kind->pairs[i].most;
    }
    return result;
}

/* Pairs by donor, then request. */
struct placed {
    uint32_t donor, taker, pair;
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->donor != b->donor)
        return a->donor < b->donor ? -1 : 1;
    return a->taker < b->taker ? -1 : a->taker > b->taker;
}

uint32_t *views_net_order(const struct views_solve *solve, const struct views_net *net)
{
    struct placed *placed = calloc((size_t)net->pairs + 1, sizeof *placed);
    uint32_t *order = calloc((size_t)net->pairs + 1, sizeof *order);
    for (uint32_t i = 0; placed && i < net->pairs; i++)
        placed[i] = (struct placed){solve->kind->pairs[i].donor, net->taker_of[solve->kind->pairs[i].taker], i};
    if (placed)
        qsort(placed, net->pairs, sizeof *placed, compare_placed);
    for (uint32_t i = 0; placed && order && i < net->pairs; i++)
        order[i] = placed[i].pair;
    if (!placed) {
        free(order);
        order = NULL;
    }
    free(placed);
    return order;
}
