/*
 * Dinic's maximum flow on arcs and their reverses in one array, grouped by node. A question starts from the flow of
 * the last one where that still fits under the new bounds, since neighbouring levels differ little.
 */
#include "plan/reach.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct plan_reach {
    uint32_t nodes, edges, takers; /* nodes with source and sink, which are the last two */
    uint32_t *first;               /* [nodes + 1] of the edges of a node */
    uint32_t *to, *back;           /* of each edge, and its reverse */
    int64_t *room;
    int64_t *whole;      /* room of an edge without flow */
    uint32_t *sink_edge; /* of each taker */
    uint32_t *taker;
    uint32_t *level, *at, *queue, *path;
};

static void *items(uint32_t count, size_t bytes)
{
    return calloc((size_t)count + 1, bytes);
}

void plan_reach_close(struct plan_reach *reach)
{
    if (!reach)
        return;
    void *all[] = {reach->first, reach->to,    reach->back, reach->room,  reach->whole, reach->sink_edge,
                   reach->taker, reach->level, reach->at,   reach->queue, reach->path};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(reach);
}

static void put_edge(struct plan_reach *reach, uint32_t *next, uint32_t from, uint32_t to, int64_t room,
                     uint32_t *ret_edge)
{
    uint32_t there = next[from]++, back = next[to]++;
    reach->to[there] = to;
    reach->back[there] = back;
    reach->room[there] = reach->whole[there] = room;
    reach->to[back] = from;
    reach->back[back] = there;
    reach->room[back] = reach->whole[back] = 0;
    if (ret_edge)
        *ret_edge = there;
}

static bool allocate(struct plan_reach *reach)
{
    reach->first = items(reach->nodes + 1, sizeof *reach->first);
    reach->to = items(reach->edges, sizeof *reach->to);
    reach->back = items(reach->edges, sizeof *reach->back);
    reach->room = items(reach->edges, sizeof *reach->room);
    reach->whole = items(reach->edges, sizeof *reach->whole);
    reach->sink_edge = items(reach->takers, sizeof *reach->sink_edge);
    reach->taker = items(reach->takers, sizeof *reach->taker);
    reach->level = items(reach->nodes, sizeof *reach->level);
    reach->at = items(reach->nodes, sizeof *reach->at);
    reach->queue = items(reach->nodes, sizeof *reach->queue);
    reach->path = items(reach->nodes, sizeof *reach->path);
    return reach->first && reach->to && reach->back && reach->room && reach->whole && reach->sink_edge &&
           reach->taker && reach->level && reach->at && reach->queue && reach->path;
}

int plan_reach_open(struct plan_reach **ret, uint32_t nodes, const int64_t *give, uint32_t arcs,
                    const struct plan_arc *arc, const int64_t *capacity, uint32_t takers, const uint32_t *taker)
{
    uint32_t givers = 0, source = nodes, sink = nodes + 1;
    if (nodes > PLAN_FLOW_NODES_MAX || arcs > PLAN_FLOW_ARCS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < nodes; i++)
        givers += give[i] > 0;
    struct plan_reach *reach = calloc(1, sizeof *reach);
    if (!reach)
        return -ENOMEM;
    reach->nodes = nodes + 2;
    reach->edges = 2 * (arcs + givers + takers);
    reach->takers = takers;
    if (!allocate(reach)) {
        plan_reach_close(reach);
        return -ENOMEM;
    }
    uint32_t *count = reach->first; /* first a count at i + 1, then the sums */
    for (uint32_t i = 0; i < arcs; i++) {
        count[arc[i].from + 1]++;
        count[arc[i].to + 1]++;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        count[i + 1] += give[i] > 0;
        count[source + 1] += give[i] > 0;
    }
    for (uint32_t i = 0; i < takers; i++) {
        count[taker[i] + 1]++;
        count[sink + 1]++;
    }
    for (uint32_t i = 0; i < reach->nodes; i++)
        reach->first[i + 1] += reach->first[i];
    memcpy(reach->at, reach->first, reach->nodes * sizeof *reach->at);
    for (uint32_t i = 0; i < nodes; i++)
        if (give[i] > 0)
            put_edge(reach, reach->at, source, i, give[i], NULL);
    for (uint32_t i = 0; i < arcs; i++)
        put_edge(reach, reach->at, arc[i].from, arc[i].to, capacity[i], NULL);
    for (uint32_t i = 0; i < takers; i++) {
        reach->taker[i] = taker[i];
        put_edge(reach, reach->at, taker[i], sink, 0, &reach->sink_edge[i]);
    }
    *ret = reach;
    return 0;
}

/* Levels by distance from `from` over edges with room; true when `to` has one. */
static bool measure(struct plan_reach *reach, uint32_t from, uint32_t to)
{
    uint32_t head = 0, tail = 0;
    memset(reach->level, 0xff, reach->nodes * sizeof *reach->level);
    reach->level[from] = 0;
    reach->queue[tail++] = from;
    while (head < tail) {
        uint32_t at = reach->queue[head++];
        for (uint32_t edge = reach->first[at]; edge < reach->first[at + 1]; edge++) {
            uint32_t next = reach->to[edge];
            if (reach->room[edge] > 0 && reach->level[next] == NONE) {
                reach->level[next] = reach->level[at] + 1;
                reach->queue[tail++] = next;
            }
        }
        if (reach->level[to] != NONE)
            return true;
    }
    return false;
}

/* One path along the levels; 0: none is left. Without recursion: path holds the edges taken. */
static int64_t advance(struct plan_reach *reach, uint32_t source, uint32_t sink)
{
    uint32_t at = source, depth = 0;
    for (;;) {
        if (at == sink) {
            int64_t room = INT64_MAX;
            for (uint32_t i = 0; i < depth; i++)
                room = reach->room[reach->path[i]] < room ? reach->room[reach->path[i]] : room;
            for (uint32_t i = 0; i < depth; i++) {
                reach->room[reach->path[i]] -= room;
                reach->room[reach->back[reach->path[i]]] += room;
            }
            return room;
        }
        uint32_t edge = reach->at[at], end = reach->first[at + 1];
        while (edge < end && (reach->room[edge] == 0 || reach->level[reach->to[edge]] != reach->level[at] + 1))
            edge++;
        reach->at[at] = edge;
        if (edge < end) {
            reach->path[depth++] = edge;
            at = reach->to[edge];
        } else if (depth == 0) {
            return 0;
        } else {
            edge = reach->path[--depth];
            at = reach->to[reach->back[edge]];
            reach->at[at]++;
        }
    }
}

int64_t plan_reach_most(struct plan_reach *reach, const int64_t *take)
{
    uint32_t source = reach->nodes - 2, sink = reach->nodes - 1;
    int64_t most = 0, room;
    bool keep = true;
    for (uint32_t i = 0; i < reach->takers; i++) {
        uint32_t edge = reach->sink_edge[i];
        keep = keep && take[i] >= reach->whole[edge] - reach->room[edge];
    }
    if (!keep)
        memcpy(reach->room, reach->whole, reach->edges * sizeof *reach->room);
    for (uint32_t i = 0; i < reach->takers; i++) {
        uint32_t edge = reach->sink_edge[i];
        int64_t has = reach->whole[edge] - reach->room[edge];
        has = keep ? has : 0;
        reach->whole[edge] = take[i];
        reach->room[edge] = take[i] - has;
        most += has;
    }
    while (measure(reach, source, sink)) {
        memcpy(reach->at, reach->first, reach->nodes * sizeof *reach->at);
        while ((room = advance(reach, source, sink)) > 0)
            most += room;
    }
    return most;
}

void plan_reach_more(struct plan_reach *reach, bool *ret_more)
{
    (void)measure(reach, reach->nodes - 2, reach->nodes - 1);
    for (uint32_t i = 0; i < reach->takers; i++)
        ret_more[i] = reach->level[reach->taker[i]] != NONE;
}
