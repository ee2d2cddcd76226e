/*
 * The minimum-cost flow against GLPK's out-of-kilter method, on random networks and on
 * ones made as NETGEN's description has it (Klingman, Napier and Stutz 1974), and against its own prices: they prove
 * every flow best without trusting anybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <glpk.h>
#include "plan/flow.h"

struct net {
    struct plan_flow flow;
    int64_t *supply, *capacity;
    struct plan_arc *arc;
};

static void net_make(struct net *net, uint32_t nodes, uint32_t arcs)
{
    memset(net, 0, sizeof *net);
    net->supply = calloc(nodes + 1, sizeof *net->supply);
    net->capacity = calloc(arcs + 1, sizeof *net->capacity);
    net->arc = calloc(arcs + 1, sizeof *net->arc);
    net->flow = (struct plan_flow){.nodes = nodes,
                                   .arcs = arcs,
                                   .supply = net->supply,
                                   .arc = net->arc,
                                   .capacity = net->capacity,
                                   .ret_flow = calloc(arcs + 1, sizeof(int64_t)),
                                   .ret_price = calloc(nodes + 1, sizeof(int64_t))};
}

static void net_free(struct net *net)
{
    free(net->supply);
    free(net->capacity);
    free(net->arc);
    free(net->flow.ret_flow);
    free(net->flow.ret_price);
}

static int64_t cost_of(const struct net *net)
{
    int64_t cost = 0;
    for (uint32_t i = 0; i < net->flow.arcs; i++)
        cost += net->flow.ret_flow[i] * net->arc[i].cost;
    return cost;
}

/* The flow keeps every bound and balance, and no arc off its bound would pay: it is best. */
static void check_proof(const struct net *net)
{
    int64_t *left = calloc(net->flow.nodes + 1, sizeof *left);
    memcpy(left, net->supply, net->flow.nodes * sizeof *left);
    for (uint32_t i = 0; i < net->flow.arcs; i++) {
        const struct plan_arc *arc = &net->arc[i];
        int64_t flow = net->flow.ret_flow[i];
        int64_t reduced = arc->cost + net->flow.ret_price[arc->from] - net->flow.ret_price[arc->to];
        assert_true(flow >= 0 && flow <= net->capacity[i]);
        assert_true(reduced >= 0 || flow == net->capacity[i]);
        assert_true(reduced <= 0 || flow == 0);
        left[arc->from] -= flow;
        left[arc->to] += flow;
    }
    for (uint32_t i = 0; i < net->flow.nodes; i++)
        assert_int_equal(left[i], 0);
    free(left);
}

/* ---- GLPK ---- */

struct vertex_data {
    double rhs;
};

struct arc_data {
    double low, cap, cost, x;
};

static glp_graph *graph_of(const struct net *net)
{
    glp_graph *graph = glp_create_graph(sizeof(struct vertex_data), sizeof(struct arc_data));
    glp_add_vertices(graph, (int)net->flow.nodes);
    for (uint32_t i = 0; i < net->flow.nodes; i++)
        ((struct vertex_data *)graph->v[i + 1]->data)->rhs = (double)net->supply[i];
    for (uint32_t i = 0; i < net->flow.arcs; i++) {
        glp_arc *arc = glp_add_arc(graph, (int)net->arc[i].from + 1, (int)net->arc[i].to + 1);
        *(struct arc_data *)arc->data =
            (struct arc_data){.cap = (double)net->capacity[i], .cost = (double)net->arc[i].cost};
    }
    return graph;
}

static int peer_solve(glp_graph *graph, double *ret_cost)
{
    return glp_mincost_okalg(graph, offsetof(struct vertex_data, rhs), offsetof(struct arc_data, low),
                             offsetof(struct arc_data, cap), offsetof(struct arc_data, cost), ret_cost,
                             offsetof(struct arc_data, x), -1);
}

static void compare(struct net *net, glp_graph *graph)
{
    double cost = 0;
    int peer = peer_solve(graph, &cost), ours = plan_flow_solve(&net->flow);
    assert_int_equal(ours, peer == 0 ? PLAN_FLOW_BEST : PLAN_FLOW_INFEASIBLE);
    if (ours != PLAN_FLOW_BEST)
        return;
    assert_true(cost == (double)cost_of(net));
    assert_int_equal(net->flow.ret_cost, cost_of(net));
    assert_int_equal(net->flow.ret_bound, cost_of(net));
    check_proof(net);
}

/* ---- random networks ---- */

static uint64_t state;

static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % bound);
}

static void random_net(struct net *net, uint64_t seed)
{
    state = seed;
    uint32_t nodes = 2 + below(24), arcs = below(nodes * 6);
    net_make(net, nodes, arcs);
    for (uint32_t i = 0; i < arcs; i++) {
        net->arc[i] = (struct plan_arc){below(nodes), below(nodes), (int64_t)below(60) - (below(4) == 0 ? 20 : 0)};
        while (net->arc[i].to == net->arc[i].from) /* GLPK takes no loops */
            net->arc[i].to = below(nodes);
        net->capacity[i] = below(5) == 0 ? 0 : below(100);
    }
    for (uint32_t i = below(nodes); i > 0; i--) {
        int64_t units = below(40);
        net->supply[below(nodes)] += units;
        net->supply[below(nodes)] -= units;
    }
}

static void test_random(void **unused)
{
    unsigned best = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct net net;
        random_net(&net, seed);
        glp_graph *graph = graph_of(&net);
        compare(&net, graph);
        best += cost_of(&net) != 0;
        glp_delete_graph(graph);
        net_free(&net);
    }
    assert_true(best > 500); /* not all were trivial or impossible */
}

/* ---- as NETGEN makes them ---- */

/*
 * NETGEN's description: the supply is dealt out to the sources; chains of skeleton arcs lead from every source through
 * the other nodes to several sinks, so that there is a way; some of the skeleton is given the greatest cost, some
 * of all arcs a bound; the rest of the arcs is random. Sizes and mixes of the published problems by their numbers.
 */
struct netgen {
    int problem;
    uint32_t nodes, sources, sinks, arcs;
    int64_t supply;
    uint32_t dear_percent, bound_percent;
    int64_t bound_least, bound_most;
};

static const struct netgen netgen[] = {
    {1, 200, 100, 100, 1300, 100000, 0, 0, 0, 0},         {5, 200, 100, 100, 2900, 100000, 0, 0, 0, 0},
    {10, 300, 150, 150, 6300, 150000, 0, 0, 0, 0},        {16, 400, 8, 60, 1306, 400000, 30, 20, 16000, 30000},
    {20, 400, 8, 60, 1416, 400000, 30, 40, 16000, 30000}, {28, 1000, 50, 50, 2900, 1000000, 0, 0, 0, 0},
    {32, 1500, 75, 75, 4342, 1500000, 0, 0, 0, 0},        {35, 1500, 75, 75, 5730, 1500000, 0, 0, 0, 0},
};

static void add_arc(struct net *net, const struct netgen *row, uint32_t *count, uint32_t from, uint32_t to,
                    int64_t must)
{
    bool dear = must && below(100) < row->dear_percent, bound = below(100) < row->bound_percent;
    int64_t most = bound ? row->bound_least + below((uint32_t)(row->bound_most - row->bound_least + 1)) : row->supply;
    net->arc[*count] = (struct plan_arc){from, to, dear ? 100 : 1 + below(100)};
    net->capacity[(*count)++] = most < must ? must : most; /* the skeleton can carry what it is there for */
}

/* Sources first, sinks last; between them what only passes on. */
static void netgen_make(struct net *net, const struct netgen *row, uint64_t seed)
{
    uint32_t count = 0, middle = row->nodes - row->sources - row->sinks, next = 0;
    state = seed;
    net_make(net, row->nodes, row->arcs);
    for (uint32_t i = 0; i < row->sources; i++) {
        int64_t units = row->supply / row->sources + (i < row->supply % row->sources);
        uint32_t at = i, links = 1 + (row->sinks - 1) / row->sources;
        net->supply[i] += units;
        for (uint32_t end = (uint32_t)((uint64_t)middle * (i + 1) / row->sources); next < end; next++) {
            add_arc(net, row, &count, at, row->sources + next, units);
            at = row->sources + next;
        }
        for (uint32_t j = 0; j < links && units; j++) {
            uint32_t sink = row->nodes - 1 - (i * links + j) % row->sinks;
            int64_t part = j + 1 == links ? units : units / 2;
            add_arc(net, row, &count, at, sink, part);
            net->supply[sink] -= part;
            units -= part;
        }
    }
    while (count < row->arcs) {
        uint32_t from = below(row->nodes - row->sinks), to = row->sources + below(row->nodes - row->sources);
        if (from != to)
            add_arc(net, row, &count, from, to, 0);
    }
}

static void test_netgen(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < sizeof netgen / sizeof *netgen; i++) {
        struct net net;
        netgen_make(&net, &netgen[i], 13502460 + i);
        glp_graph *graph = graph_of(&net);
        compare(&net, graph);
        print_message("as NETGEN %d: %u nodes, %u arcs, cost %lld, %llu pivots\n", netgen[i].problem, net.flow.nodes,
                      net.flow.arcs, (long long)cost_of(&net), (unsigned long long)net.flow.ret_pivots);
        assert_true(cost_of(&net) > 0);
        glp_delete_graph(graph);
        net_free(&net);
    }
}

/* ---- bounds and ends ---- */

static void test_bounds(void **unused)
{
    struct net net;
    (void)unused;
    net_make(&net, 2, 1);
    net.arc[0] = (struct plan_arc){0, 1, 3};
    net.capacity[0] = 5;
    net.supply[0] = 1;
    assert_int_equal(plan_flow_solve(&net.flow), -EINVAL); /* gives more than is taken */
    net.supply[1] = -1;
    assert_int_equal(plan_flow_solve(&net.flow), PLAN_FLOW_BEST);
    assert_int_equal(net.flow.ret_flow[0], 1);
    net.capacity[0] = -1;
    assert_int_equal(plan_flow_solve(&net.flow), -EINVAL);
    net.capacity[0] = INT64_MAX;
    assert_int_equal(plan_flow_solve(&net.flow), PLAN_FLOW_BEST);
    net.arc[0].cost = PLAN_FLOW_BIG / 2;
    assert_int_equal(plan_flow_solve(&net.flow), -EINVAL); /* a sum of costs could wrap */
    net.arc[0].cost = INT64_MIN;
    assert_int_equal(plan_flow_solve(&net.flow), -EINVAL);
    net.arc[0] = (struct plan_arc){0, 2, 1};
    assert_int_equal(plan_flow_solve(&net.flow), -EINVAL); /* no such node */
    net_free(&net);
    net_make(&net, 0, 0);
    assert_int_equal(plan_flow_solve(&net.flow), PLAN_FLOW_BEST);
    net_free(&net);
}

static bool stop_at_once(void *context)
{
    (*(unsigned *)context)++;
    return true;
}

static void test_stop(void **unused)
{
    struct net net;
    unsigned asked = 0;
    (void)unused;
    state = 9;
    net_make(&net, 600, 300 * 300);
    for (uint32_t i = 0; i < 300; i++) {
        net.supply[i] = 1000;
        net.supply[300 + i] = -1000;
        for (uint32_t j = 0; j < 300; j++) {
            net.arc[i * 300 + j] = (struct plan_arc){i, 300 + j, below(100000)};
            net.capacity[i * 300 + j] = 1 + below(40);
        }
    }
    net.flow.stop = stop_at_once;
    net.flow.context = &asked;
    int result = plan_flow_solve(&net.flow);
    assert_true(result == PLAN_FLOW_STOPPED || result == PLAN_FLOW_STOPPED_INFEASIBLE);
    assert_int_equal(asked, 1);
    assert_true(net.flow.ret_bound <= net.flow.ret_cost);
    net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_netgen),
                                       cmocka_unit_test(test_bounds), cmocka_unit_test(test_stop)};
    glp_term_out(GLP_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
