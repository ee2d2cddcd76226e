/*
 * The network simplex method: a spanning tree of arcs carries the flow, all other arcs are empty or full. An arc whose
 * reduced cost says that it would pay enters, the cycle that it closes is filled until an arc of it is empty or full,
 * and that one leaves. Exact in integers, and in practice close to linear for problems as plans pose them.
 *
 * Choices, each with its reason:
 * - the first tree is a star of artificial arcs to a root, dear enough that none keeps flow when there is a way
 *   without; whether one does tells feasibility;
 * - which arc enters: the best of a block of about sqrt(arcs), the search going on where the last one ended. The best
 *   of all costs a look at every arc for every pivot, the first that pays costs many pivots. Where a node
 *   has few arcs they are kept mixed, so that a block has some of many nodes (a third fewer pivots, half the time);
 *   where it has many, a block is about the ways of one request, and better left together (a tenth of the time);
 * - which one leaves: of those that stop the cycle first, the last one met from the join in the direction of the
 *   flow. So every empty arc of the tree points to the root ("strongly feasible", Cunningham 1976), and the method
 *   can't go in circles;
 * - the tree is kept as parent, children and depth. The part that changes its parent is walked once, for prices and
 *   depths together.
 *
 * Ahuja, Magnanti, Orlin: Network Flows (1993), chapter 11.
 */
#include "plan/flow.h"
#include <errno.h>
#include <stdlib.h>

#define BLOCK_MIN  64u
#define SPARSE     64u /* arcs a node, below which they are mixed */
#define STOP_EVERY 256u
#define NONE       UINT32_MAX

enum { LOWER = 1, TREE = 0, UPPER = -1 };

struct node {
    int64_t price;
    uint32_t parent, child, next, prev; /* prev of a first child: NONE */
    uint32_t arc;                       /* to the parent */
    uint32_t depth;
    bool up; /* the arc points to the parent */
};

struct simplex {
    uint32_t nodes, arcs, all; /* nodes without the root; arcs with the artificial ones: all */
    struct node *node;
    struct plan_arc *arc;
    int64_t *capacity, *flow;
    int8_t *state;
    uint32_t at, block; /* of the search for an entering arc */
    uint32_t stride;    /* between arcs that are kept side by side */
};

static bool within_bounds(const struct plan_flow *flow, int64_t *ret_dear)
{
    int64_t top = 0, give = 0, take = 0, dear;
    if (flow->nodes > PLAN_FLOW_NODES_MAX || flow->arcs > PLAN_FLOW_ARCS_MAX)
        return false;
    for (uint32_t i = 0; i < flow->nodes; i++) {
        int64_t supply = flow->supply[i];
        if (supply <= -PLAN_FLOW_BIG ||
            (supply > 0 ? __builtin_add_overflow(give, supply, &give) : __builtin_sub_overflow(take, supply, &take)))
            return false;
    }
    for (uint32_t i = 0; i < flow->arcs; i++) {
        const struct plan_arc *arc = &flow->arc[i];
        if (arc->from >= flow->nodes || arc->to >= flow->nodes || flow->capacity[i] < 0 || arc->cost <= -PLAN_FLOW_BIG)
            return false;
        int64_t size = arc->cost < 0 ? -arc->cost : arc->cost;
        top = size > top ? size : top;
    }
    if (give != take || give >= PLAN_FLOW_BIG || __builtin_mul_overflow(top + 1, (int64_t)flow->nodes + 1, &dear) ||
        dear >= PLAN_FLOW_BIG)
        return false;
    *ret_dear = dear;
    return true;
}

/* The arc behind this one in the order in which arcs are kept: every stride-th, then those behind each of them. */
static uint32_t next_mixed(const struct simplex *simplex, uint32_t at)
{
    return simplex->arcs - at > simplex->stride ? at + simplex->stride : at % simplex->stride + 1;
}

static void hang(struct simplex *simplex, uint32_t child, uint32_t parent)
{
    struct node *node = &simplex->node[child], *above = &simplex->node[parent];
    node->parent = parent;
    node->prev = NONE;
    node->next = above->child;
    if (above->child != NONE)
        simplex->node[above->child].prev = child;
    above->child = child;
}

static void unhang(struct simplex *simplex, uint32_t child)
{
    struct node *node = &simplex->node[child];
    if (node->prev == NONE)
        simplex->node[node->parent].child = node->next;
    else
        simplex->node[node->prev].next = node->next;
    if (node->next != NONE)
        simplex->node[node->next].prev = node->prev;
}

static void star(struct simplex *simplex, const struct plan_flow *flow, int64_t dear)
{
    uint32_t root = simplex->nodes;
    simplex->node[root] = (struct node){.parent = NONE, .child = NONE, .next = NONE, .prev = NONE, .arc = NONE};
    for (uint32_t i = root; i-- > 0;) {
        uint32_t arc = simplex->arcs + i;
        int64_t supply = flow->supply[i];
        bool up = supply >= 0;
        simplex->node[i] = (struct node){.child = NONE, .arc = arc, .depth = 1, .up = up, .price = up ? 0 : dear};
        simplex->arc[arc] = up ? (struct plan_arc){i, root, 0} : (struct plan_arc){root, i, dear};
        simplex->capacity[arc] = INT64_MAX;
        simplex->flow[arc] = up ? supply : -supply;
        simplex->state[arc] = TREE;
        hang(simplex, i, root);
    }
}

static int64_t reduced(const struct simplex *simplex, uint32_t arc)
{
    const struct plan_arc *it = &simplex->arc[arc];
    return it->cost + simplex->node[it->from].price - simplex->node[it->to].price;
}

/* NONE: no arc would pay. */
static uint32_t entering(struct simplex *simplex)
{
    int64_t least = 0;
    uint32_t best = NONE, left = simplex->block, at = simplex->at;
    for (uint32_t seen = 0; seen < simplex->arcs; seen++) {
        if (simplex->state[at] != TREE) {
            int64_t cost = simplex->state[at] * reduced(simplex, at);
            if (cost < least) {
                least = cost;
                best = at;
            }
        }
        at = at + 1 == simplex->arcs ? 0 : at + 1;
        if (--left == 0) {
            if (best != NONE)
                break;
            left = simplex->block;
        }
    }
    simplex->at = at;
    return best;
}

static uint32_t join_of(const struct simplex *simplex, uint32_t a, uint32_t b)
{
    while (a != b) {
        if (simplex->node[a].depth >= simplex->node[b].depth)
            a = simplex->node[a].parent;
        else
            b = simplex->node[b].parent;
    }
    return a;
}

/* The cycle: the entering arc from first to second, second up to the join, the join down to first. */
struct cycle {
    uint32_t arc, first, second, join;
    int64_t delta;
    uint32_t leaving; /* the node whose arc to its parent leaves; NONE: the entering arc goes to its other bound */
    bool on_first;
};

static void measure(const struct simplex *simplex, struct cycle *cycle)
{
    cycle->delta = simplex->capacity[cycle->arc];
    cycle->leaving = NONE;
    for (uint32_t i = cycle->first; i != cycle->join; i = simplex->node[i].parent) {
        const struct node *node = &simplex->node[i];
        int64_t room = node->up ? simplex->flow[node->arc] : simplex->capacity[node->arc] - simplex->flow[node->arc];
        if (room < cycle->delta) {
            cycle->delta = room;
            cycle->leaving = i;
            cycle->on_first = true;
        }
    }
    for (uint32_t i = cycle->second; i != cycle->join; i = simplex->node[i].parent) {
        const struct node *node = &simplex->node[i];
        int64_t room = node->up ? simplex->capacity[node->arc] - simplex->flow[node->arc] : simplex->flow[node->arc];
        if (room <= cycle->delta) {
            cycle->delta = room;
            cycle->leaving = i;
            cycle->on_first = false;
        }
    }
}

static void push(struct simplex *simplex, const struct cycle *cycle)
{
    int64_t delta = cycle->delta;
    if (delta == 0)
        return;
    simplex->flow[cycle->arc] += simplex->state[cycle->arc] * delta;
    for (uint32_t i = cycle->first; i != cycle->join; i = simplex->node[i].parent)
        simplex->flow[simplex->node[i].arc] += simplex->node[i].up ? -delta : delta;
    for (uint32_t i = cycle->second; i != cycle->join; i = simplex->node[i].parent)
        simplex->flow[simplex->node[i].arc] += simplex->node[i].up ? delta : -delta;
}

/* Prices and depths of everything below top, whose own price and depth become right with them. */
static void walk(struct simplex *simplex, uint32_t top, int64_t rise)
{
    uint32_t at = top;
    for (;;) {
        struct node *node = &simplex->node[at];
        node->price += rise;
        node->depth = simplex->node[node->parent].depth + 1;
        if (node->child != NONE) {
            at = node->child;
            continue;
        }
        while (at != top && simplex->node[at].next == NONE)
            at = simplex->node[at].parent;
        if (at == top)
            return;
        at = simplex->node[at].next;
    }
}

/* The part below the leaving arc is turned over so that it hangs by the entering one. */
static void regraft(struct simplex *simplex, const struct cycle *cycle)
{
    uint32_t inner = cycle->on_first ? cycle->first : cycle->second;
    uint32_t outer = cycle->on_first ? cycle->second : cycle->first;
    uint32_t above = outer, arc = cycle->arc, at = inner;
    bool up = simplex->arc[arc].from == inner;
    int64_t cost = reduced(simplex, cycle->arc);
    for (;;) {
        struct node *node = &simplex->node[at];
        uint32_t next = node->parent, old_arc = node->arc;
        bool old_up = node->up;
        unhang(simplex, at);
        node->arc = arc;
        node->up = up;
        hang(simplex, at, above);
        if (at == cycle->leaving)
            break;
        above = at;
        arc = old_arc;
        up = !old_up;
        at = next;
    }
    walk(simplex, inner, simplex->arc[cycle->arc].from == inner ? -cost : cost);
}

static void pivot(struct simplex *simplex, uint32_t arc)
{
    const struct plan_arc *it = &simplex->arc[arc];
    bool fills = simplex->state[arc] == LOWER;
    struct cycle cycle = {.arc = arc, .first = fills ? it->from : it->to, .second = fills ? it->to : it->from};
    cycle.join = join_of(simplex, cycle.first, cycle.second);
    measure(simplex, &cycle);
    push(simplex, &cycle);
    if (cycle.leaving == NONE) {
        simplex->state[arc] = (int8_t)-simplex->state[arc];
        return;
    }
    uint32_t leaving = simplex->node[cycle.leaving].arc;
    regraft(simplex, &cycle);
    simplex->state[arc] = TREE;
    simplex->state[leaving] = simplex->flow[leaving] == 0 ? LOWER : UPPER;
}

__extension__ typedef __int128 wide; /* a cost below 2^60 times units below 2^60 */

static int64_t clamp(wide value)
{
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

/* Weak duality: whatever the prices are, no flow costs less than what they say. */
static void weigh(const struct simplex *simplex, struct plan_flow *flow)
{
    wide cost = 0, bound = 0;
    for (uint32_t i = 0; i < simplex->arcs; i++) {
        int64_t price = reduced(simplex, i);
        cost += (wide)simplex->flow[i] * simplex->arc[i].cost;
        if (price < 0)
            bound += (wide)price * simplex->capacity[i];
    }
    for (uint32_t i = 0; i < simplex->nodes; i++)
        bound -= (wide)simplex->node[i].price * flow->supply[i];
    flow->ret_cost = clamp(cost);
    flow->ret_bound = clamp(bound);
}

static int finish(const struct simplex *simplex, struct plan_flow *flow, bool stopped)
{
    bool feasible = true;
    weigh(simplex, flow);
    for (uint32_t i = simplex->arcs; i < simplex->all; i++)
        feasible = feasible && simplex->flow[i] == 0;
    for (uint32_t i = 0, at = 0; i < simplex->arcs; i++, at = next_mixed(simplex, at))
        flow->ret_flow[at] = simplex->flow[i];
    for (uint32_t i = 0; flow->ret_price && i < simplex->nodes; i++)
        flow->ret_price[i] = simplex->node[i].price;
    if (stopped)
        return feasible ? PLAN_FLOW_STOPPED : PLAN_FLOW_STOPPED_INFEASIBLE;
    return feasible ? PLAN_FLOW_BEST : PLAN_FLOW_INFEASIBLE;
}

static int run(struct simplex *simplex, struct plan_flow *flow)
{
    uint32_t arc;
    for (uint32_t i = 0, at = 0; i < simplex->arcs; i++, at = next_mixed(simplex, at)) {
        simplex->arc[i] = flow->arc[at];
        simplex->capacity[i] = flow->capacity[at];
        simplex->state[i] = LOWER;
    }
    while ((arc = entering(simplex)) != NONE) {
        pivot(simplex, arc);
        if (++flow->ret_pivots % STOP_EVERY == 0 && flow->stop && flow->stop(flow->context))
            return finish(simplex, flow, true);
    }
    return finish(simplex, flow, false);
}

int plan_flow_solve(struct plan_flow *flow)
{
    struct simplex simplex = {.nodes = flow->nodes, .arcs = flow->arcs, .all = flow->arcs + flow->nodes};
    int64_t dear;
    int result = -ENOMEM;
    if (!within_bounds(flow, &dear))
        return -EINVAL;
    flow->ret_pivots = 0;
    simplex.block = BLOCK_MIN;
    while ((uint64_t)simplex.block * simplex.block < simplex.arcs)
        simplex.block++;
    simplex.stride = flow->arcs / SPARSE < flow->nodes ? simplex.block : 1;
    simplex.node = calloc(simplex.nodes + 1u, sizeof *simplex.node);
    simplex.arc = calloc(simplex.all + 1u, sizeof *simplex.arc);
    simplex.capacity = calloc(simplex.all + 1u, sizeof *simplex.capacity);
    simplex.flow = calloc(simplex.all + 1u, sizeof *simplex.flow);
    simplex.state = calloc(simplex.all + 1u, sizeof *simplex.state);
    if (simplex.node && simplex.arc && simplex.capacity && simplex.flow && simplex.state) {
        star(&simplex, flow, dear);
        result = run(&simplex, flow);
    }
    free(simplex.node);
    free(simplex.arc);
    free(simplex.capacity);
    free(simplex.flow);
    free(simplex.state);
    return result;
}
