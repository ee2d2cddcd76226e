/*
 * Continuous matching: what an entry made possible is matched in the same entry, so that afterwards matching the open
 * requests once more would change nothing (DESIGN 4).
 *
 * Before the entry the open requests were at that fixed point. So when only the stock of a few donors grew, only these
 * donors can give anything new: the wake looks at those pairs of donor and kind, for the requests that want the kind or
 * take it as a substitute, in the order of (priority, submitted, id), and stops when the donors have nothing left.
 * Changes of links, regions, agreements, modes and kinds match their requests in full.
 *
 * One pass suffices: a request that takes units makes nothing possible for another one.
 * An entry makes at most RELIEF_WAKE_LEGS_MAX legs; then it says `more`, and time.wake entries directly behind it match
 * everything.
 */
#include "core/work.h"
#include <assert.h>

void wake_pair(struct core_work *work, struct relief_str donor, struct relief_str kind)
{
    struct core_wake *wake = &work->wake;
    for (unsigned i = 0; i < wake->pair_count; i++)
        if (relief_str_eq(wake->pairs[i].donor, donor) && relief_str_eq(wake->pairs[i].kind, kind))
            return;
    if (wake->pair_count == WORK_PAIRS_MAX)
        wake->pairs_spilled = true;
    else
        wake->pairs[wake->pair_count++] = (struct wake_pair){donor, kind};
}

bool wake_request(struct core_work *work, struct relief_request *request, const struct wake_pair *pairs, unsigned count)
{
    struct need need;
    struct match match = {0};
    match_need(work, request, &need);
    if (pairs)
        match_plan_pairs(work, &need, pairs, count, &match);
    else
        match_plan(work, &need, &match);
    for (uint32_t i = 0; i < match.count; i++)
        leg_make(work, request, &match.legs[i]);
    if (match.count)
        leg_request_put(work, request);
    return match.count > 0;
}

/* ---- the open requests in their order ---- */

/* A place in the list of open requests of one kind. */
struct queue {
    struct core_cursor cursor;
    struct core_key prefix;
    bool there, full;
    uint8_t priority;
    int64_t submitted;
    struct relief_str id;
};

static void queue_step(struct core_work *work, struct queue *queue)
{
    struct relief_str key, value;
    uint32_t at = queue->prefix.len;
    queue->there = work->view->ops->next(work->view, &queue->cursor, &key, &value);
    if (!queue->there)
        return;
    queue->priority = (uint8_t)key.data[at++];
    queue->submitted = (int64_t)core_key_take_u64(key, &at);
    queue->id = work_str(work, core_key_take_str(key, &at));
}

static void queue_open(struct core_work *work, struct queue *queue, struct relief_str kind, bool full)
{
    core_key_start(&queue->prefix, CORE_KEY_OPEN);
    core_key_str(&queue->prefix, kind);
    work->view->ops->scan(work->view, &queue->cursor, &queue->prefix, NULL);
    queue->full = full;
    queue_step(work, queue);
}

static bool queue_before(const struct queue *a, const struct queue *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->submitted != b->submitted)
        return a->submitted < b->submitted;
    return relief_str_cmp(a->id, b->id) < 0;
}

static struct queue *queue_first(struct queue *queues, unsigned count)
{
    struct queue *first = NULL;
    for (unsigned i = 0; i < count; i++)
        if (queues[i].there && (!first || queue_before(&queues[i], first)))
            first = &queues[i];
    return first;
}

/* ---- which kinds ---- */

#define QUEUES_MAX 256u /* kinds that one kind stands in for, and itself; beyond, everything is matched */

static bool kinds_add(struct relief_str *kinds, unsigned *count, struct relief_str kind)
{
    for (unsigned i = 0; i < *count; i++)
        if (relief_str_eq(kinds[i], kind))
            return true;
    if (*count == QUEUES_MAX)
        return false;
    kinds[(*count)++] = kind;
    return true;
}

/* The kind and those that list it as a substitute. */
static bool kinds_served(struct core_work *work, struct relief_str kind, struct relief_str *kinds, unsigned *count)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    if (!kinds_add(kinds, count, kind))
        return false;
    core_key_start(&prefix, CORE_KEY_SUBSTITUTE);
    core_key_str(&prefix, kind);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t at = prefix.len;
        if (!kinds_add(kinds, count, work_str(work, core_key_take_str(key, &at))))
            return false;
    }
    return true;
}

/* ---- matching what was woken ---- */

static bool concerned(const struct core_wake *wake, const struct relief_request *request)
{
    if (wake->all || wake->pairs_spilled || wake->kind.data)
        return true;
    return (wake->city.data && relief_str_eq(wake->city, request->city)) ||
           (wake->city_too.data && relief_str_eq(wake->city_too, request->city)) ||
           (wake->incident.data && relief_str_eq(wake->incident, request->incident)) ||
           (wake->request.data && relief_str_eq(wake->request, request->id));
}

static bool donors_idle(struct core_work *work)
{
    for (unsigned i = 0; i < work->wake.pair_count; i++) {
        struct core_key key;
        struct relief_str value;
        core_key_start(&key, CORE_KEY_HOLDER);
        core_key_str(&key, work->wake.pairs[i].kind);
        core_key_str(&key, work->wake.pairs[i].donor);
        value = work->view->ops->get(work->view, &key);
        if (value.data && !*value.data)
            return false;
    }
    return true;
}

/* The next in order; false when the bound of the entry is reached. */
static bool wake_one(struct core_work *work, struct relief_str id, bool full)
{
    struct relief_request request;
    if (!work_request(work, id, &request) || !request_live(&request) || request.open <= 0)
        return true;
    if (full && concerned(&work->wake, &request))
        wake_request(work, &request, NULL, 0);
    else if (!full)
        wake_request(work, &request, work->wake.pairs, work->wake.pair_count);
    return work->legs_made < RELIEF_WAKE_LEGS_MAX;
}

/* Single donors: the queues of the kinds that they serve, merged; the woken request takes part in full. */
static bool wake_pairs(struct core_work *work, struct relief_str *kinds, unsigned count)
{
    struct queue *queues = work_alloc(work, (count + 1) * sizeof *queues), *first;
    struct relief_request own;
    bool own_open =
        work->wake.request.data && work_request(work, work->wake.request, &own) && request_live(&own) && own.open > 0;
    unsigned total = count;
    for (unsigned i = 0; i < count; i++)
        queue_open(work, &queues[i], kinds[i], false);
    if (own_open) {
        queues[total] = (struct queue){
            .there = true, .full = true, .priority = (uint8_t)own.priority, .submitted = own.submitted, .id = own.id};
        total++;
    }
    while ((first = queue_first(queues, total))) {
        bool is_own = own_open && relief_str_eq(first->id, own.id);
        if (!first->full && is_own) { /* takes part in full, by its own place */
            queue_step(work, first);
            continue;
        }
        if (!first->full && donors_idle(work)) {
            for (unsigned i = 0; i < count; i++)
                queues[i].there = false;
            continue;
        }
        if (!wake_one(work, first->id, first->full))
            return false;
        if (first->full)
            first->there = false;
        else
            queue_step(work, first);
    }
    return true;
}

/* Everything open, or what the wake's filters leave: gathered first, then in order across the kinds. */
struct waiting {
    uint8_t priority;
    int64_t submitted;
    struct relief_str id;
};

static bool waiting_before(const struct waiting *a, const struct waiting *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->submitted != b->submitted)
        return a->submitted < b->submitted;
    return relief_str_cmp(a->id, b->id) < 0;
}

static void sift_down(struct waiting *heap, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1, least = at;
        for (size_t i = child; i < child + 2 && i < count; i++)
            if (waiting_before(&heap[i], &heap[least]))
                least = i;
        if (least == at)
            return;
        struct waiting swap = heap[at];
        heap[at] = heap[least];
        heap[least] = swap;
        at = least;
    }
}

static size_t gather(struct core_work *work, struct relief_str kind, struct waiting **list, size_t count, size_t *cap)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value;
    core_key_start(&prefix, CORE_KEY_OPEN);
    if (kind.data)
        core_key_str(&prefix, kind);
    work->view->ops->scan(work->view, &cursor, &prefix, NULL);
    while (work->view->ops->next(work->view, &cursor, &key, &value)) {
        uint32_t at = 1;
        core_key_take_str(key, &at);
        if (count == *cap) {
            struct waiting *more = work_alloc(work, (*cap ? *cap * 2 : 64) * sizeof *more);
            if (count)
                memcpy(more, *list, count * sizeof *more);
            *list = more;
            *cap = *cap ? *cap * 2 : 64;
        }
        struct waiting *item = &(*list)[count++];
        item->priority = (uint8_t)key.data[at++];
        item->submitted = (int64_t)core_key_take_u64(key, &at);
        item->id = work_str(work, core_key_take_str(key, &at));
    }
    return count;
}

static bool wake_gathered(struct core_work *work, const struct relief_str *kinds, unsigned kind_count)
{
    struct waiting *heap = NULL;
    size_t count = 0, cap = 0;
    if (!kind_count)
        count = gather(work, RELIEF_STR_NONE, &heap, 0, &cap);
    for (unsigned i = 0; i < kind_count; i++)
        count = gather(work, kinds[i], &heap, count, &cap);
    for (size_t i = count / 2; i-- > 0;)
        sift_down(heap, count, i);
    while (count) {
        struct relief_str id = heap[0].id;
        heap[0] = heap[--count];
        sift_down(heap, count, 0);
        if (!wake_one(work, id, true))
            return false;
    }
    return true;
}

static void note_owed(struct core_work *work, bool owed)
{
    struct core_key key;
    core_key_start(&key, CORE_KEY_META);
    core_key_u8(&key, 'w');
    if (owed || work->view->ops->get(work->view, &key).data)
        work->view->ops->put(work->view, &key, owed ? RELIEF_STR("") : RELIEF_STR_NONE);
}

bool core_wake_owed(struct core_view *view)
{
    struct core_key key;
    core_key_start(&key, CORE_KEY_META);
    core_key_u8(&key, 'w');
    return view->ops->get(view, &key).data != NULL;
}

void wake_run(struct core_work *work)
{
    struct core_wake *wake = &work->wake;
    struct relief_str *kinds;
    unsigned count = 0;
    bool done = true, everything = wake->all || wake->pairs_spilled || wake->city.data || wake->incident.data;
    if (!everything && !wake->kind.data && !wake->pair_count && !wake->request.data)
        return;
    kinds = work_alloc(work, QUEUES_MAX * sizeof *kinds);
    if (!everything && wake->kind.data)
        everything = !kinds_served(work, wake->kind, kinds, &count);
    else
        for (unsigned i = 0; i < wake->pair_count && !everything; i++)
            everything = !kinds_served(work, wake->pairs[i].kind, kinds, &count);
    if (everything) {
        if (!wake->city.data && !wake->incident.data)
            wake->all = true;
        done = wake_gathered(work, NULL, 0);
    } else if (wake->kind.data) {
        done = wake_gathered(work, kinds, count);
    } else {
        done = wake_pairs(work, kinds, count);
    }
    work->fx->more = !done;
    note_owed(work, !done);
}
