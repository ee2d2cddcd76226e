/*
 * Flows of least cost differ only on arcs whose reduced cost is zero, and there by cycles. Arc after arc, in their
 * order, units are led around such cycles until the arc has as many as it can have without taking from the arcs before
 * it; then it stays as it is.
 *
 * Mostly there is next to nothing to do: where ways differ, arcs of no reduced cost are hardly more than a tree, and
 * what hangs on no cycle is peeled off first. Where everybody is equally far from everybody they are all the arcs; so
 * each node keeps those apart by which it can be reached just now, a search ends when it has met every node that leads
 * anywhere, and what it found is kept until something of it changes (an arc that carries nothing and gets nothing
 * changes nothing).
 */
#include "plan/ties.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE       UINT32_MAX
#define STOP_EVERY 65536u /* looks */

struct node {
    uint32_t first, open; /* its arcs in `at`; the first `open` of them lead to it */
    uint32_t degree;      /* how many arcs; later: by how many it leads to others */
    uint32_t via, epoch;  /* the arc by which it goes on to search->to, when it was met in this epoch */
};

struct search {
    const struct plan_ties *ties;
    struct node *node;
    uint32_t *at;
    uint32_t *place[2]; /* of each arc: where it stands in `at`, among those of its head and of its tail */
    bool *gone;         /* of each arc: its flow is settled */
    uint32_t *queue;
    uint32_t to, epoch, leading; /* leading: nodes that lead to others */
    uint64_t looks, asked;       /* asked: looks when `stop` was asked */
    bool stopped;
};

static bool is_tight(const struct plan_ties *ties, uint32_t i)
{
    const struct plan_arc *arc = &ties->arc[i];
    return ties->capacity[i] > 0 && arc->from != arc->to &&
           arc->cost + ties->price[arc->from] - ties->price[arc->to] == 0;
}

static uint32_t other_end(const struct plan_ties *ties, uint32_t arc, uint32_t node)
{
    return ties->arc[arc].from == node ? ties->arc[arc].to : ties->arc[arc].from;
}

/* ---- what can change at all ---- */

static void link_arcs(struct search *search)
{
    const struct plan_ties *ties = search->ties;
    uint32_t next = 0;
    for (uint32_t i = 0; i < ties->arcs; i++) {
        search->gone[i] = !is_tight(ties, i);
        if (search->gone[i])
            continue;
        search->node[ties->arc[i].from].degree++;
        search->node[ties->arc[i].to].degree++;
    }
    for (uint32_t i = 0; i < ties->nodes; i++) {
        search->node[i].first = search->queue[i] = next;
        next += search->node[i].degree;
    }
    search->node[ties->nodes].first = next;
    for (uint32_t i = 0; i < ties->arcs; i++) {
        if (search->gone[i])
            continue;
        search->place[0][i] = search->queue[ties->arc[i].to]++;
        search->place[1][i] = search->queue[ties->arc[i].from]++;
        search->at[search->place[0][i]] = search->at[search->place[1][i]] = i;
    }
}

/* A node with one arc is on no cycle, and without it perhaps the next one is on none. */
static void peel(struct search *search)
{
    uint32_t head = 0, tail = 0;
    for (uint32_t i = 0; i < search->ties->nodes; i++)
        if (search->node[i].degree == 1)
            search->queue[tail++] = i;
    while (head < tail) {
        uint32_t node = search->queue[head++];
        for (uint32_t i = search->node[node].first; i < search->node[node + 1].first; i++) {
            uint32_t arc = search->at[i], next = other_end(search->ties, arc, node);
            if (search->gone[arc])
                continue;
            search->gone[arc] = true;
            search->node[node].degree--;
            if (--search->node[next].degree == 1)
                search->queue[tail++] = next;
        }
    }
}

/* ---- by which arcs a node is reached: one unit more on an arc to it, or one less on an arc from it ---- */

static bool is_open(const struct search *search, uint32_t arc, bool from)
{
    const struct plan_ties *ties = search->ties;
    return !search->gone[arc] && (from ? ties->flow[arc] > 0 : ties->flow[arc] < ties->capacity[arc]);
}

static void swap_arcs(struct search *search, const struct node *node, uint32_t a, uint32_t b)
{
    uint32_t left = search->at[a], right = search->at[b];
    const struct plan_arc *arcs = search->ties->arc;
    const struct node *nodes = search->node;
    search->at[a] = right;
    search->at[b] = left;
    search->place[&nodes[arcs[left].from] == node][left] = b;
    search->place[&nodes[arcs[right].from] == node][right] = a;
}

/* The arc's flow has changed, or it is gone: puts it where it belongs with both of its ends. */
static void sort_arc(struct search *search, uint32_t arc)
{
    const struct plan_arc *it = &search->ties->arc[arc];
    for (unsigned from = 0; from < 2; from++) {
        struct node *node = &search->node[from ? it->from : it->to], *other = &search->node[from ? it->to : it->from];
        bool was = search->place[from][arc] < node->first + node->open, is = is_open(search, arc, from);
        if (is && !was) {
            swap_arcs(search, node, search->place[from][arc], node->first + node->open++);
            search->leading += other->degree++ == 0;
        } else if (was && !is) {
            swap_arcs(search, node, search->place[from][arc], node->first + --node->open);
            search->leading -= --other->degree == 0;
        }
    }
}

static void sort_arcs(struct search *search)
{
    for (uint32_t i = 0; i < search->ties->nodes; i++)
        search->node[i].degree = 0;
    for (uint32_t i = 0; i < search->ties->arcs; i++)
        if (!search->gone[i])
            sort_arc(search, i);
}

/* ---- ways ---- */

static bool is_met(const struct search *search, uint32_t node)
{
    return search->node[node].epoch == search->epoch;
}

/* Meets all nodes from which `to` is reached. */
static void find_ways(struct search *search, uint32_t to)
{
    uint32_t head = 0, tail = 0, others = search->leading - (search->node[to].degree > 0);
    search->to = to;
    search->epoch++;
    search->node[to].epoch = search->epoch;
    search->queue[tail++] = to;
    while (head < tail && tail <= others) {
        uint32_t node = search->queue[head++];
        const struct node *it = &search->node[node];
        search->looks += it->open + 1;
        for (uint32_t i = it->first; i < it->first + it->open; i++) {
            uint32_t next = other_end(search->ties, search->at[i], node);
            if (is_met(search, next))
                continue;
            search->node[next].epoch = search->epoch;
            search->node[next].via = search->at[i];
            search->queue[tail++] = next;
        }
    }
}

/* Leads units from `from` to search->to, at most so many; returns how many. */
static int64_t lead(struct search *search, uint32_t from, int64_t most)
{
    const struct plan_ties *ties = search->ties;
    uint32_t arc;
    for (uint32_t node = from; node != search->to; node = other_end(ties, arc, node)) {
        arc = search->node[node].via;
        int64_t room = ties->arc[arc].from == node ? ties->capacity[arc] - ties->flow[arc] : ties->flow[arc];
        most = room < most ? room : most;
    }
    for (uint32_t node = from; node != search->to; node = other_end(ties, arc, node)) {
        arc = search->node[node].via;
        ties->flow[arc] += ties->arc[arc].from == node ? most : -most;
        sort_arc(search, arc);
    }
    return most;
}

static bool is_over(struct search *search)
{
    const struct plan_ties *ties = search->ties;
    if (ties->stop && search->looks - search->asked >= STOP_EVERY) {
        search->asked = search->looks;
        search->stopped = ties->stop(ties->context);
    }
    return search->stopped || search->looks >= PLAN_TIES_LOOKS_MAX;
}

static void settle(struct search *search, uint32_t arc)
{
    const struct plan_ties *ties = search->ties;
    uint32_t from = ties->arc[arc].from, to = ties->arc[arc].to;
    search->gone[arc] = true;
    sort_arc(search, arc);
    if (search->to == from && is_met(search, to) && search->node[to].via == arc)
        search->to = NONE; /* the way went back along this very arc */
    while (ties->flow[arc] < ties->capacity[arc] && !is_over(search)) {
        if (search->to != from)
            find_ways(search, from);
        if (!is_met(search, to))
            return;
        ties->flow[arc] += lead(search, to, ties->capacity[arc] - ties->flow[arc]);
        search->to = NONE;
    }
}

int plan_ties(const struct plan_ties *ties)
{
    size_t nodes = (size_t)ties->nodes + 2, arcs = (size_t)ties->arcs + 1;
    struct search search = {.ties = ties,
                            .node = calloc(nodes, sizeof *search.node),
                            .at = calloc(2 * arcs, sizeof *search.at),
                            .place = {calloc(arcs, sizeof *search.at), calloc(arcs, sizeof *search.at)},
                            .gone = calloc(arcs, sizeof *search.gone),
                            .queue = calloc(nodes, sizeof *search.queue),
                            .to = NONE};
    int result = -ENOMEM;
    if (search.node && search.at && search.place[0] && search.place[1] && search.gone && search.queue) {
        link_arcs(&search);
        peel(&search);
        sort_arcs(&search);
        for (uint32_t i = 0; search.leading > 0 && i < ties->count && !search.stopped; i++)
            if (!search.gone[ties->order[i]])
                settle(&search, ties->order[i]);
        result = 0;
    }
    free(search.node);
    free(search.at);
    free(search.place[0]);
    free(search.place[1]);
    free(search.gone);
    free(search.queue);
    return result;
}
