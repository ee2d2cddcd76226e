/*
 * One search for holders, or for everybody: cities in the order of (minutes to the destination, code).
 *
 * Two streams are merged. Recorded links into the destination are a list that is sorted already; of it only holders of
 * the kind count. All other cities come from the tree, best first: a heap holds ranges of the tree and single cities
 * with a bound below their minutes, and cities whose minutes are known. Ranges without a holder are passed over. What
 * stands on top is opened (a range into its middle and its halves, a bound into the exact minutes) until a known one
 * stands there; no other can then come before it. So the first k cost about k + log n openings, however many cities and
 * holders there are.
 *
 * Before that comes, when there is one, the list of the first cities around the destination (around.c): those of them
 * that hold the kind. The tree is looked at when the list is at its end, for what comes behind it.
 *
 * Bounds are made from chords of the unit sphere and the series of the arcsine, all of whose terms are positive, less a
 * margin of 10 m and a millionth of the way, far above the errors of either computation; only the exact integer minutes
 * order the result, measured where a bound from either side leaves a choice. The holders' flags are looked at again
 * before a holder is given out, as the core changes stock meanwhile.
 */
#include "store/near.h"
#include "core/geo.h"
#include "store/value.h"
#include <math.h>
#include <stdlib.h>

#define HEAP_BOUND UINT32_MAX       /* one city, a bound of its minutes */
#define HEAP_EXACT (UINT32_MAX - 1) /* one city, its minutes */

static struct relief_str code_of(const struct core_near *search, const struct store_world *world, uint32_t number)
{
    uint32_t city =
        number < search->tree->count ? search->tree->nodes[number].city : store_kd_city(search->tree, number);
    return world->city_names.items[city];
}

/* Bounds come before what is exact at the same minutes: they may hide a lesser code. */
static int64_t key_of(int64_t minutes, bool exact)
{
    return 2 * minutes + exact;
}

static bool comes_before(const struct core_near *search, const struct store_world *world,
                         const struct store_heap_item *a, const struct store_heap_item *b)
{
    if (a->key != b->key) {
        return a->key < b->key;
    }
    return a->b == HEAP_EXACT && relief_str_cmp(code_of(search, world, a->a), code_of(search, world, b->a)) < 0;
}

/* Moves up what belongs before that which stands above it. */
static void heap_rise(struct core_near *search, const struct store_world *world, uint32_t at,
                      struct store_heap_item item)
{
    struct store_heap_item *heap = search->heap;
    while (at > 0 && comes_before(search, world, &item, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = item;
}

static void heap_push(struct core_near *search, const struct store_world *world, struct store_heap_item item)
{
    if (search->heap_count == search->heap_cap) {
        search->heap_cap = search->heap_cap ? search->heap_cap * 2 : 256;
        search->heap = store_realloc(search->heap, search->heap_cap * sizeof(*search->heap));
    }
    heap_rise(search, world, search->heap_count++, item);
}

/* The hole at the top sinks to the bottom, where the last one, which mostly belongs there, is put in. */
static struct store_heap_item heap_pop(struct core_near *search, const struct store_world *world)
{
    struct store_heap_item *heap = search->heap, top = heap[0];
    uint32_t at = 0, last = --search->heap_count;
    for (uint32_t child; (child = 2 * at + 1) < last; at = child) {
        child += child + 1 < last && comes_before(search, world, &heap[child + 1], &heap[child]);
        heap[at] = heap[child];
    }
    if (last > 0) {
        heap_rise(search, world, at, heap[last]);
    }
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

/* The range as an item of the heap; false: nobody in it is wanted. */
static bool range_item(const struct core_near *search, const struct store_world *world, uint32_t low, uint32_t high,
                       struct store_heap_item *ret)
{
    if (low >= high) {
        return false;
    }
    uint32_t middle = store_kd_middle(low, high);
    const struct store_marks *marks = search->marks;
    if (marks && !store_bit(search->idle_too ? marks->live : marks->active, middle)) {
        return false;
    }
    const struct store_kd_node *node = &search->tree->nodes[middle];
    if (regions_out(search, node->region_least, node->region_most)) {
        return false;
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
        return false; /* all of it is too near */
    }
    *ret = (struct store_heap_item){key_of(store_world_minutes_above(world, nearest), false), low, high};
    return true;
}

static bool holds(const struct core_near *search, uint32_t city)
{
    return !search->holders || store_holders_have(search->holders, city, search->idle_too);
}

static bool wanted(const struct core_near *search, uint32_t number)
{
    uint32_t city = store_kd_city(search->tree, number), region = store_kd_region(search->tree, number);
    return city != STORE_KD_NONE && city != search->to && holds(search, city) && !regions_out(search, region, region);
}

/* The same of a city that is not met in the tree. */
static bool wanted_city(const struct core_near *search, const struct store_world *world, uint32_t city)
{
    if (city == search->to || world->cities[city].state != STORE_CITY_KNOWN || !holds(search, city)) {
        return false;
    }
    uint32_t region = store_world_place(world, city);
    return !regions_out(search, region, region);
}

/* Its turn came in the list. Asked of those only that come about when its last did. */
static bool had_turn(const struct core_near *search, uint32_t city)
{
    for (uint32_t i = 0; search->around && i < search->around->count; i++) {
        if (search->around->items[i].from == city) {
            return true;
        }
    }
    return false;
}

/* Linked ones have the minutes of their links. Where both bounds are the same, that is the minutes. */
static void push_city(struct core_near *search, const struct store_world *world, uint32_t number)
{
    uint32_t city = store_kd_city(search->tree, number);
    if (!wanted(search, number) || store_links_hold(search->links, city)) {
        return;
    }
    double chord_squared = store_world_chord(world, city, search->to);
    int64_t most = minutes_below(world, chord_squared), least;
    if (most <= search->over || had_turn(search, city)) {
        return;
    }
    least = store_world_minutes_above(world, chord_squared);
    heap_push(search, world,
              (struct store_heap_item){key_of(least, least == most), number, least == most ? HEAP_EXACT : HEAP_BOUND});
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

static void start_in_tree(struct core_near *search, struct store_near *near)
{
    store_search_tree(near, search);
    search->heap_count = 0;
    struct store_heap_item all;
    if (range_item(search, &near->world, 0, search->tree->count, &all)) {
        heap_push(search, &near->world, all);
    }
    for (uint32_t i = 0; i < search->tree->late_count; i++) {
        push_city(search, &near->world, search->tree->count + i);
    }
    search->next_link = first_over(search->links->items, search->links->open, search->over);
}

void store_search_start(struct core_near *search, struct store_near *near)
{
    search->in_around = search->around != NULL;
    if (search->in_around) {
        search->next_around = first_over(search->around->items, search->around->count, search->over);
    } else {
        start_in_tree(search, near);
    }
}

/* Opens ranges for as long as one half comes before all else, so that it need not go through the heap. */
static void open_range(struct core_near *search, const struct store_world *world, uint32_t low, uint32_t high)
{
    for (;;) {
        struct store_heap_item half[2];
        uint32_t middle = store_kd_middle(low, high), halves = range_item(search, world, low, middle, &half[0]);
        halves += range_item(search, world, middle + 1, high, &half[halves]);
        push_city(search, world, middle);
        if (halves == 2) {
            uint32_t later = half[1].key >= half[0].key;
            heap_push(search, world, half[later]);
            half[0] = half[!later];
        }
        if (halves == 0) {
            return;
        }
        if (search->heap_count > 0 && !comes_before(search, world, &half[0], &search->heap[0])) {
            heap_push(search, world, half[0]);
            return;
        }
        low = half[0].a;
        high = half[0].b;
    }
}

/* Opens the top of the heap, which is not exact. */
static void open_top(struct core_near *search, const struct store_world *world)
{
    struct store_heap_item top = heap_pop(search, world);
    if (top.b != HEAP_BOUND) {
        open_range(search, world, top.a, top.b);
    } else if (store_kd_city(search->tree, top.a) != STORE_KD_NONE) {
        int64_t minutes = store_world_minutes(world, store_kd_city(search->tree, top.a), search->to);
        if (minutes > search->over) {
            heap_push(search, world, (struct store_heap_item){key_of(minutes, true), top.a, HEAP_EXACT});
        }
    }
}

/* Moves next_link to the next link from a city that is wanted; false when there is none left. */
static bool find_link(struct core_near *search, const struct store_world *world)
{
    const struct store_links *links = search->links;
    for (; search->next_link < links->count; search->next_link++) {
        uint32_t from = links->items[search->next_link].from;
        if (search->next_link >= links->open && !search->idle_too) {
            return false; /* the rest is closed */
        }
        if (wanted_city(search, world, from) && !had_turn(search, from)) {
            return true;
        }
    }
    return false;
}

/* The next of the list around the destination that holds the kind. At its end the search goes on behind it: all that
 * come before its last are in it. */
static bool next_around(struct core_near *search, struct store_near *near, struct store_link *ret)
{
    const struct store_around *around = search->around;
    while (search->next_around < around->count) {
        *ret = around->items[search->next_around++];
        if (wanted_city(search, &near->world, ret->from)) {
            return true;
        }
    }
    search->in_around = false;
    if (!around->whole) {
        int64_t behind = (int64_t)around->items[around->count - 1].minutes - 1;
        search->over = behind > search->over ? behind : search->over;
        start_in_tree(search, near);
    }
    return false;
}

static bool link_first(const struct core_near *search, const struct store_world *world, const struct store_link *link)
{
    if (search->heap_count == 0) {
        return true;
    }
    const struct store_heap_item *top = &search->heap[0];
    int64_t key = key_of(link->minutes, true);
    if (link->minutes == STORE_LINK_CLOSED || key != top->key) {
        return link->minutes != STORE_LINK_CLOSED && key < top->key;
    }
    return relief_str_cmp(world->city_names.items[link->from], code_of(search, world, top->a)) < 0;
}

bool store_search_take(struct core_near *search, struct store_near *near, struct store_link *ret)
{
    const struct store_world *world = &near->world;
    if (search->in_around && next_around(search, near, ret)) {
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
            *ret = *link;
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
            *ret = (struct store_link){store_kd_city(search->tree, top.a), (uint32_t)(top.key / 2)};
            return true;
        }
    }
}
