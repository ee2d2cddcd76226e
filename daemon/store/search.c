/*
 * One search for holders: cities in the order of (minutes to the destination, code).
 *
 * Two streams are merged. Recorded links into the destination are a list that is sorted already; of it only holders of
 * the kind count. All other cities come from the tree, best first: a heap holds ranges of the tree and single holders
 * with a bound below their minutes, and holders whose minutes are known. What stands on top is opened (a range into its
 * middle and its halves, a bound into the exact minutes) until a known one stands there; no other can then come before
 * it. So the first k cost about k + log n openings, however many holders there are.
 *
 * Before that comes, when there is one, the list of the first cities around the destination (around.c): those of them
 * that hold the kind. The tree is looked at when the list is at its end, for what comes behind it.
 *
 * Bounds are made from chords of the unit sphere and the series of the arcsine, all of whose terms are positive, less a
 * margin of 10 m and a millionth of the way, far above the errors of either computation; only the exact integer minutes
 * order the result. The holders' flags are looked at again before a holder is given out, as the core changes stock
 * meanwhile.
 */
#include "store/near.h"
#include "core/geo.h"
#include "store/value.h"
#include <math.h>
#include <stdlib.h>

#define HEAP_BOUND UINT32_MAX       /* one holder, a bound of its minutes */
#define HEAP_EXACT (UINT32_MAX - 1) /* one holder, its minutes */

static struct relief_str code_of(const struct core_near *search, const struct store_world *world, uint32_t number)
{
    return world->city_names.items[store_kd_city(search->tree, number)];
}

/* Bounds come before what is exact at the same minutes: they may hide a lesser code. */
static bool comes_before(const struct core_near *search, const struct store_world *world,
                         const struct store_heap_item *a, const struct store_heap_item *b)
{
    if (a->minutes != b->minutes) {
        return a->minutes < b->minutes;
    }
    bool a_exact = a->b == HEAP_EXACT, b_exact = b->b == HEAP_EXACT;
    if (a_exact && b_exact) {
        return relief_str_cmp(code_of(search, world, a->a), code_of(search, world, b->a)) < 0;
    }
    return !a_exact && b_exact;
}

static void heap_push(struct core_near *search, const struct store_world *world, struct store_heap_item item)
{
    if (search->heap_count == search->heap_cap) {
        search->heap_cap = search->heap_cap ? search->heap_cap * 2 : 256;
        search->heap = store_realloc(search->heap, search->heap_cap * sizeof(*search->heap));
    }
    uint32_t at = search->heap_count++;
    while (at > 0 && comes_before(search, world, &item, &search->heap[(at - 1) / 2])) {
        search->heap[at] = search->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    search->heap[at] = item;
}

static struct store_heap_item heap_pop(struct core_near *search, const struct store_world *world)
{
    struct store_heap_item top = search->heap[0], last = search->heap[--search->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < search->heap_count; at = child) {
        if (child + 1 < search->heap_count &&
            comes_before(search, world, &search->heap[child + 1], &search->heap[child])) {
            child++;
        }
        if (!comes_before(search, world, &search->heap[child], &last)) {
            break;
        }
        search->heap[at] = search->heap[child];
    }
    search->heap[at] = last;
    return top;
}

/* ---- bounds ---- */

/* A bound above the minutes; INT64_MAX beyond a quarter of the way round, where the series would need more terms. */
static int64_t minutes_below(const struct store_world *world, double chord_squared)
{
    double x = sqrt(chord_squared) / 2, square = x * x;
    if (x > 0.25) {
        return INT64_MAX;
    }
    double metres = 2 * CORE_EARTH_METRES * x * (1 + square * (1.0 / 6 + square * (3.0 / 40 + square * 0.06)));
    return core_geo_minutes((int64_t)(metres * (1 + 1e-6)) + 10, world->permille, world->km_per_hour);
}

static bool regions_out(const struct core_near *search, uint32_t least, uint32_t most)
{
    if (search->low > 0 && (most < search->low || least > search->high)) {
        return true;
    }
    return search->but_low > 0 && least >= search->but_low && most <= search->but_high;
}

static void push_range(struct core_near *search, const struct store_world *world, uint32_t low, uint32_t high)
{
    if (low >= high) {
        return;
    }
    const struct store_kd_node *node = &search->tree->nodes[low + (high - low) / 2];
    if ((search->idle_too ? node->live : node->active) == 0 ||
        regions_out(search, node->region_least, node->region_most)) {
        return;
    }
    const double *to = world->cities[search->to].xyz;
    double nearest = 0, furthest = 0;
    for (unsigned axis = 0; axis < 3; axis++) {
        double under = (double)node->least[axis] - to[axis], over = to[axis] - (double)node->most[axis];
        double out = under > over ? under : over; /* negative inside of the box */
        double far_side = under < over ? under : over;
        nearest += out > 0 ? out * out : 0;
        furthest += far_side * far_side;
    }
    if (search->over >= 0 && minutes_below(world, furthest) <= search->over) {
        return; /* all of it is too near */
    }
    heap_push(search, world, (struct store_heap_item){store_world_minutes_above(world, nearest), low, high});
}

static bool wanted(const struct core_near *search, uint32_t number)
{
    const struct store_kd *tree = search->tree;
    uint32_t region = store_kd_region(tree, number);
    return !store_kd_gone(tree, number) && (search->idle_too || !store_kd_idle(tree, number)) &&
           store_kd_city(tree, number) != search->to && !regions_out(search, region, region);
}

/* Its turn came in the list. */
static bool had_turn(const struct core_near *search, uint32_t city)
{
    return search->around && store_around_holds(search->around, city);
}

static void push_holder(struct core_near *search, const struct store_world *world, uint32_t number)
{
    if (!wanted(search, number) || had_turn(search, store_kd_city(search->tree, number))) {
        return;
    }
    double chord_squared = store_world_chord(world, store_kd_city(search->tree, number), search->to);
    if (search->over < 0 || minutes_below(world, chord_squared) > search->over) {
        heap_push(search, world,
                  (struct store_heap_item){store_world_minutes_above(world, chord_squared), number, HEAP_BOUND});
    }
}

/* The first of these that is further than `over`. */
static uint32_t first_over(const struct store_link *items, uint32_t count, int64_t over)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (items[mid].minutes <= over) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void start_in_tree(struct core_near *search, const struct store_world *world)
{
    search->heap_count = 0;
    push_range(search, world, 0, search->tree->count);
    for (uint32_t i = 0; i < search->tree->late_count; i++) {
        push_holder(search, world, search->tree->count + i);
    }
    search->next_link = first_over(search->links->items, search->links->open, search->over);
}

void store_search_start(struct core_near *search, const struct store_world *world)
{
    search->in_around = search->around != NULL;
    if (search->in_around) {
        search->next_around = first_over(search->around->items, search->around->count, search->over);
    } else {
        start_in_tree(search, world);
    }
}

/* Opens the top of the heap, which is not exact. */
static void open_top(struct core_near *search, const struct store_world *world)
{
    struct store_heap_item top = heap_pop(search, world);
    if (top.b != HEAP_BOUND) {
        uint32_t middle = top.a + (top.b - top.a) / 2;
        push_range(search, world, top.a, middle);
        push_range(search, world, middle + 1, top.b);
        push_holder(search, world, middle);
        return;
    }
    uint32_t city = store_kd_city(search->tree, top.a);
    if (store_links_hold(search->links, city)) {
        return; /* its minutes are those of the link */
    }
    int64_t minutes = store_world_minutes(world, city, search->to);
    if (minutes > search->over) {
        heap_push(search, world, (struct store_heap_item){minutes, top.a, HEAP_EXACT});
    }
}

/* Moves next_link to the next link from a holder that is wanted; false when there is none left. */
static bool find_link(struct core_near *search, const struct store_world *world)
{
    const struct store_links *links = search->links;
    for (; search->next_link < links->count; search->next_link++) {
        const struct store_link *link = &links->items[search->next_link];
        if (search->next_link >= links->open && !search->idle_too) {
            return false; /* the rest is closed */
        }
        const struct store_city *city = &world->cities[link->from];
        uint32_t node = city->state == STORE_CITY_KNOWN ? store_kd_find(search->all, link->from) : STORE_KD_NONE;
        if (node == STORE_KD_NONE || store_kd_gone(search->all, node) || link->from == search->to) {
            continue;
        }
        uint32_t region = store_kd_region(search->all, node);
        if ((search->idle_too || !store_kd_idle(search->all, node)) && !regions_out(search, region, region) &&
            !had_turn(search, link->from)) {
            return true;
        }
    }
    return false;
}

/* The next of the list around the destination that holds the kind. At its end the search goes on behind it: all that
 * come before its last are in it. */
static bool next_around(struct core_near *search, const struct store_world *world, struct core_holder *ret)
{
    const struct store_around *around = search->around;
    while (search->next_around < around->count) {
        const struct store_link *link = &around->items[search->next_around++];
        uint32_t node = store_kd_find(search->all, link->from);
        if (node == STORE_KD_NONE || store_kd_gone(search->all, node) || store_kd_idle(search->all, node)) {
            continue;
        }
        uint32_t region = store_kd_region(search->all, node);
        if (!regions_out(search, region, region)) {
            *ret = (struct core_holder){world->city_names.items[link->from], link->minutes};
            return true;
        }
    }
    search->in_around = false;
    if (!around->whole) {
        int64_t behind = around->items[around->count - 1].minutes - 1;
        search->over = behind > search->over ? behind : search->over;
        start_in_tree(search, world);
    }
    return false;
}

static bool link_first(const struct core_near *search, const struct store_world *world, const struct store_link *link)
{
    if (search->heap_count == 0) {
        return true;
    }
    const struct store_heap_item *top = &search->heap[0];
    if (link->minutes == RELIEF_NIL || link->minutes != top->minutes) {
        return link->minutes != RELIEF_NIL && link->minutes < top->minutes;
    }
    return top->b == HEAP_EXACT &&
           relief_str_cmp(world->city_names.items[link->from], code_of(search, world, top->a)) < 0;
}

bool store_search_next(struct core_near *search, const struct store_world *world, struct core_holder *ret)
{
    if (search->in_around && next_around(search, world, ret)) {
        return true;
    }
    if (search->around && search->around->whole) {
        return false;
    }
    bool linked = find_link(search, world);
    const struct store_link *link = linked ? &search->links->items[search->next_link] : NULL;
    for (;;) {
        if (linked && link_first(search, world, link)) {
            search->next_link++;
            *ret = (struct core_holder){world->city_names.items[link->from], link->minutes};
            return true;
        }
        if (search->heap_count == 0) {
            return false;
        }
        if (search->heap[0].b != HEAP_EXACT) {
            open_top(search, world);
            continue;
        }
        struct store_heap_item top = heap_pop(search, world);
        if (wanted(search, top.a)) {
            *ret = (struct core_holder){code_of(search, world, top.a), top.minutes};
            return true;
        }
    }
}
