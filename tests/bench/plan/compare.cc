// The solvers of plans against LEMON's network simplex, and what they cost as problems grow.
//
//   compare dense|sparse [NODES [ROUNDS]]     ours and LEMON's in turn on the same problems; the costs must be equal
//   compare sizes                             a table of time and memory against size
//   compare shares                            fair and equal: who gets how much
//
// Every measurement is a process of its own: it makes the problem, then measures its own processor time over the solver alone; its
// parent reads how much memory it had at most. A dense problem has an arc from each donor to each request; a sparse one 16 for each request.
// Supply equals demand, quantities are up to 1,000, minutes up to 10,000, capacities never bind: the classic transportation problem.
#include <lemon/network_simplex.h>
#include <lemon/static_graph.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>
extern "C" {
#include "plan/flow.h"
#include "plan/share.h"
}

namespace {

enum solver { OURS, LEMON, FAIR, EQUAL };
const char *const names[] = {"ours", "LEMON", "fair", "equal"};
const unsigned SPARSE_ARCS = 16;

struct answer {
    double seconds;
    int64_t cost; // of a flow; of a share the units given
    int64_t arcs;
    long kib; // most memory, with the problem and the reader's own
    bool good;
};

struct problem {
    int nodes;
    std::vector<plan_arc> arc;
    std::vector<int64_t> supply, capacity;
};

uint64_t state;

uint32_t random_below(uint32_t n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((state >> 33) % n);
}

double cpu_seconds()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// donors 0 to n-1, requests n to 2n-1, and 2n where what is open has its place
problem make(uint32_t n, bool dense, uint64_t seed)
{
    problem p;
    state = seed;
    p.nodes = (int)(2 * n);
    p.supply.assign(2 * n, 0);
    int64_t total = 0;
    for (uint32_t j = 0; j < n; j++) {
        int64_t want = 1 + random_below(1000);
        p.supply[n + j] = -want;
        total += want;
    }
    for (uint32_t i = 0; i < n; i++)
        p.supply[i] = total / n + (i < total % n);
    p.arc.reserve(dense ? (size_t)n * n : (size_t)n * (SPARSE_ARCS + 2));
    for (uint32_t j = 0; j < n; j++)
        for (uint32_t k = 0; k < (dense ? n : SPARSE_ARCS); k++)
            p.arc.push_back({dense ? k : random_below(n), n + j, (int64_t)random_below(10000)});
    if (!dense) { // as plans have it: what can't come stays open, at a price above all ways
        p.nodes++;
        p.supply.push_back(0);
        for (uint32_t i = 0; i < n; i++)
            p.arc.push_back({i, 2 * n, 0}), p.arc.push_back({2 * n, n + i, 1000000});
    }
    p.capacity.assign(p.arc.size(), total);
    return p;
}

answer solve_ours(problem &p)
{
    std::vector<int64_t> flow(p.arc.size() + 1);
    plan_flow f = {};
    f.nodes = (uint32_t)p.nodes;
    f.arcs = (uint32_t)p.arc.size();
    f.supply = p.supply.data();
    f.arc = p.arc.data();
    f.capacity = p.capacity.data();
    f.ret_flow = flow.data();
    double began = cpu_seconds();
    int end = plan_flow_solve(&f);
    return {cpu_seconds() - began, f.ret_cost, (int64_t)p.arc.size(), 0, end == PLAN_FLOW_BEST};
}

answer solve_lemon(problem &p)
{
    typedef lemon::StaticDigraph graph;
    graph g;
    std::vector<std::pair<int, int>> ends;
    std::vector<size_t> order(p.arc.size());
    for (size_t e = 0; e < order.size(); e++)
        order[e] = e;
    // LEMON wants its arcs by their beginnings
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p.arc[a].from < p.arc[b].from; });
    for (size_t e : order)
        ends.push_back({(int)p.arc[e].from, (int)p.arc[e].to});
    g.build(p.nodes, ends.begin(), ends.end());
    graph::ArcMap<int64_t> cost(g), capacity(g);
    graph::NodeMap<int64_t> supply(g);
    for (size_t e = 0; e < order.size(); e++) {
        cost[g.arc((int)e)] = p.arc[order[e]].cost;
        capacity[g.arc((int)e)] = p.capacity[order[e]];
    }
    for (int i = 0; i < p.nodes; i++)
        supply[g.node(i)] = p.supply[(size_t)i];
    typedef lemon::NetworkSimplex<graph, int64_t, int64_t> simplex;
    double began = cpu_seconds(); // with its own copy of the graph, as ours makes one
    simplex solver(g);
    solver.costMap(cost).upperMap(capacity).supplyMap(supply);
    simplex::ProblemType end = solver.run();
    return {cpu_seconds() - began, solver.totalCost<int64_t>(), (int64_t)p.arc.size(), 0, end == simplex::OPTIMAL};
}

// Two thirds of what is wanted is there, unevenly, so that the shares are a question.
answer solve_share(problem &p, bool fair)
{
    uint32_t n = (uint32_t)p.nodes / 2;
    std::vector<int64_t> give(2 * n, 0), want(n), weight(n), got(n);
    std::vector<uint32_t> taker(n);
    for (uint32_t i = 0; i < n; i++) {
        give[i] = random_below(667);
        want[i] = -p.supply[n + i];
        weight[i] = 1 + random_below(5);
        taker[i] = n + i;
    }
    p.arc.erase(std::remove_if(p.arc.begin(), p.arc.end(), [n](const plan_arc &a) { return a.from == 2 * n || a.to == 2 * n; }), p.arc.end());
    plan_share s = {};
    s.nodes = 2 * n;
    s.arcs = (uint32_t)p.arc.size();
    s.takers = n;
    s.give = give.data();
    s.arc = p.arc.data();
    s.capacity = p.capacity.data();
    s.taker = taker.data();
    s.want = want.data();
    s.weight = weight.data();
    s.ret_got = got.data();
    double began = cpu_seconds();
    int end = fair ? plan_share_fair(&s) : plan_share_equal(&s);
    double seconds = cpu_seconds() - began;
    int64_t sum = 0;
    for (int64_t units : got)
        sum += units;
    return {seconds, sum, (int64_t)p.arc.size(), 0, end == 0};
}

// In a process of its own.
answer measure(solver which, uint32_t n, bool dense, uint64_t seed)
{
    int ends[2];
    answer a = {};
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        problem p = make(n, dense, seed);
        a = which == OURS ? solve_ours(p) : which == LEMON ? solve_lemon(p) : solve_share(p, which == FAIR);
        _exit(write(ends[1], &a, sizeof a) == sizeof a ? 0 : 1);
    }
    close(ends[1]);
    bool whole = child > 0 && read(ends[0], &a, sizeof a) == sizeof a;
    close(ends[0]);
    rusage used = {};
    if (child > 0)
        wait4(child, NULL, 0, &used);
    a.kib = used.ru_maxrss;
    if (!whole || !a.good) {
        printf("%s did not solve %u %s\n", names[which], n, dense ? "dense" : "sparse");
        exit(1);
    }
    return a;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void in_turn(uint32_t n, bool dense, unsigned rounds)
{
    std::vector<double> seconds[2];
    answer a = {}, b = {};
    for (unsigned round = 0; round < rounds; round++) {
        a = measure(OURS, n, dense, 7 + round);
        b = measure(LEMON, n, dense, 7 + round);
        if (a.cost != b.cost) {
            printf("the costs differ: ours %lld, LEMON %lld\n", (long long)a.cost, (long long)b.cost);
            exit(1);
        }
        seconds[0].push_back(a.seconds);
        seconds[1].push_back(b.seconds);
        printf("  round %u: ours %.3f s, LEMON %.3f s, cost %lld\n", round + 1, a.seconds, b.seconds, (long long)a.cost);
    }
    double ours = median(seconds[0]), theirs = median(seconds[1]);
    printf("%u x %u %s, %lld arcs: ours %.3f s, LEMON %.3f s, ratio %.2f (median of %u, processor time); %ld and %ld MiB\n", n, n,
           dense ? "dense" : "with 16 arcs a demand", (long long)a.arcs, ours, theirs, ours / theirs, rounds, a.kib / 1024, b.kib / 1024);
    fflush(stdout);
}

// What ours needs at most, in KiB: a bound by which too large a problem is left out.
long room()
{
    long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages / 2 * (page / 1024);
}

void sizes()
{
    printf("| donors x requests | arcs | ours, s | LEMON, s | ours, MiB | LEMON, MiB |\n|---|---|---|---|---|---|\n");
    for (bool dense : {false, true})
        for (uint32_t n : {100u, 300u, 1000u, 3000u, 5000u}) {
            double arcs = dense ? (double)n * n : (double)n * (SPARSE_ARCS + 2);
            if (arcs * 200 / 1024 > (double)room()) {
                printf("| %u x %u %s | %.0f | left out: not enough memory | | | |\n", n, n, dense ? "dense" : "sparse", arcs);
                continue;
            }
            answer a = measure(OURS, n, dense, 11), b = measure(LEMON, n, dense, 11);
            printf("| %u x %u %s | %lld | %.4f | %.4f | %.1f | %.1f |\n", n, n, dense ? "dense" : "sparse", (long long)a.arcs, a.seconds,
                   b.seconds, (double)a.kib / 1024, (double)b.kib / 1024);
            fflush(stdout);
            if (a.cost != b.cost)
                printf("the costs differ\n"), exit(1);
        }
}

void shares()
{
    printf("| donors x requests | fair, s | equal, s | MiB |\n|---|---|---|---|\n");
    for (bool dense : {false, true})
        for (uint32_t n : {100u, 300u, 1000u, 3000u}) {
            if (dense && n > 1000)
                continue;
            answer a = measure(FAIR, n, dense, 13), b = measure(EQUAL, n, dense, 13);
            printf("| %u x %u %s | %.4f | %.4f | %.1f |\n", n, n, dense ? "dense" : "sparse", a.seconds, b.seconds,
                   (double)std::max(a.kib, b.kib) / 1024);
            fflush(stdout);
        }
}

} // namespace

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    uint32_t n = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    unsigned rounds = argc > 3 ? (unsigned)atoi(argv[3]) : 5;
    if (strcmp(mode, "dense") == 0)
        in_turn(n ? n : 1000, true, rounds);
    else if (strcmp(mode, "sparse") == 0)
        in_turn(n ? n : 3000, false, rounds);
    else if (strcmp(mode, "sizes") == 0)
        sizes();
    else if (strcmp(mode, "shares") == 0)
        shares();
    else
        return fprintf(stderr, "usage: compare dense|sparse [NODES [ROUNDS]] | sizes | shares\n"), 2;
    return 0;
}
