/*
 * Which of the best flows: against the solver itself, which is asked for each arc in turn for as much as any best flow
 * has there that agrees on the arcs before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "plan/ties.h"

#define NODES_MAX 10u
#define ARCS_MAX  40u

struct net {
    uint32_t nodes, arcs;
    int64_t supply[NODES_MAX], capacity[ARCS_MAX], flow[ARCS_MAX], price[NODES_MAX];
    struct plan_arc arc[ARCS_MAX];
    uint32_t order[ARCS_MAX];
};

static uint64_t state;

static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % bound);
}

static int solve(struct net *net, int64_t *ret_cost)
{
    struct plan_flow flow = {.nodes = net->nodes,
                             .arcs = net->arcs,
                             .supply = net->supply,
                             .arc = net->arc,
                             .capacity = net->capacity,
                             .ret_flow = net->flow,
                             .ret_price = net->price};
    int end = plan_flow_solve(&flow);
    *ret_cost = flow.ret_cost;
    return end;
}

/* Few different costs, so that there are ties; a chain among the givers, as plans have. */
static void net_random(struct net *net, uint64_t seed)
{
    int64_t balance = 0;
    state = seed;
    memset(net, 0, sizeof *net);
    net->nodes = 4 + below(NODES_MAX - 4);
    uint32_t givers = 1 + below(net->nodes - 2);
    for (uint32_t i = 0; i < givers && net->arcs < ARCS_MAX; i++) {
        if (i + 1 < givers && below(3) == 0) {
            net->arc[net->arcs] = (struct plan_arc){i, i + 1, 0};
            net->capacity[net->arcs++] = below(6);
        }
        for (uint32_t j = givers; j < net->nodes && net->arcs < ARCS_MAX; j++) {
            if (below(4) == 0)
                continue;
            net->arc[net->arcs] = (struct plan_arc){i, j, below(2)};
            net->capacity[net->arcs++] = below(7);
        }
    }
    for (uint32_t i = 0; i < net->arcs; i++) { /* what some flow does can be done */
        int64_t units = below((uint32_t)net->capacity[i] + 1);
        net->supply[net->arc[i].from] += units;
        net->supply[net->arc[i].to] -= units;
    }
    for (uint32_t i = 0; i < net->nodes; i++)
        balance += net->supply[i];
    assert_int_equal(balance, 0);
    for (uint32_t i = 0; i < net->arcs; i++)
        net->order[i] = i;
    for (uint32_t i = net->arcs; i > 1; i--) {
        uint32_t at = below(i), swap = net->order[i - 1];
        net->order[i - 1] = net->order[at];
        net->order[at] = swap;
    }
}

/* The most that a best flow has on the arc; it has just that from here on. */
static int64_t fix(struct net *net, uint32_t arc)
{
    struct net asked = *net;
    int64_t cost;
    for (uint32_t i = 0; i < asked.arcs; i++)
        asked.arc[i].cost *= 1000; /* more than all that can go along one arc */
    asked.arc[arc].cost--;
    assert_int_equal(solve(&asked, &cost), PLAN_FLOW_BEST);
    net->supply[net->arc[arc].from] -= asked.flow[arc];
    net->supply[net->arc[arc].to] += asked.flow[arc];
    net->capacity[arc] = 0;
    return asked.flow[arc];
}

static void test_order_decides(void **unused)
{
    unsigned changed = 0;
    (void)unused;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        struct net net, asked;
        int64_t cost, after = 0, flow[ARCS_MAX];
        net_random(&net, seed);
        asked = net;
        assert_int_equal(solve(&net, &cost), PLAN_FLOW_BEST);
        memcpy(flow, net.flow, sizeof flow);
        const struct plan_ties ties = {.nodes = net.nodes,
                                       .arcs = net.arcs,
                                       .arc = net.arc,
                                       .capacity = net.capacity,
                                       .price = net.price,
                                       .flow = net.flow,
                                       .order = net.order,
                                       .count = net.arcs};
        assert_int_equal(plan_ties(&ties), 0);
        for (uint32_t i = 0; i < net.arcs; i++) {
            after += net.flow[i] * net.arc[i].cost;
            changed += net.flow[i] != flow[i];
        }
        assert_int_equal(after, cost);
        for (uint32_t i = 0; i < net.arcs; i++)
            assert_int_equal(net.flow[net.order[i]], fix(&asked, net.order[i]));
    }
    assert_true(changed > 500);
}

/* Everybody equally far from everybody: in order, as much as there is room for. */
static void test_all_the_same(void **unused)
{
    enum { SIDE = 120 };
    const uint32_t arcs = SIDE * SIDE;
    int64_t *supply = calloc(2 * SIDE, sizeof *supply), *capacity = calloc(arcs, sizeof *capacity),
            *units = calloc(arcs, sizeof *units), *price = calloc(2 * SIDE, sizeof *price);
    struct plan_arc *arc = calloc(arcs, sizeof *arc);
    uint32_t *order = calloc(arcs, sizeof *order);
    (void)unused;
    for (uint32_t i = 0; i < arcs; i++) {
        arc[i] = (struct plan_arc){i / SIDE, SIDE + i % SIDE, 7};
        capacity[i] = 1000;
        order[i] = i;
    }
    for (uint32_t i = 0; i < SIDE; i++) {
        supply[i] = 30;
        supply[SIDE + i] = i % 2 ? -50 : -10;
    }
    struct plan_flow flow = {.nodes = 2 * SIDE,
                             .arcs = arcs,
                             .supply = supply,
                             .arc = arc,
                             .capacity = capacity,
                             .ret_flow = units,
                             .ret_price = price};
    assert_int_equal(plan_flow_solve(&flow), PLAN_FLOW_BEST);
    const struct plan_ties ties = {2 * SIDE, arcs, arc, capacity, price, units, order, arcs, NULL, NULL};
    assert_int_equal(plan_ties(&ties), 0);
    for (uint32_t giver = 0, taker = 0, left = 30, lacks = 10; giver < SIDE;) {
        uint32_t now = left < lacks ? left : lacks;
        assert_int_equal(units[giver * SIDE + taker], now);
        left -= now;
        lacks -= now;
        if (lacks == 0)
            lacks = ++taker % 2 ? 50 : 10;
        if (left == 0) {
            left = 30;
            giver++;
        }
    }
    free(supply);
    free(capacity);
    free(units);
    free(price);
    free(arc);
    free(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_decides), cmocka_unit_test(test_all_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
