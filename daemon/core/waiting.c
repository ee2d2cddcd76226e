/*
 * The open requests of some kinds in the order in which they are served: by priority, then time, then id.
 *
 * The index has them in that order kind by kind, so each kind has a cursor, and a heap finds the one that comes first.
 * The walk can begin behind any place: a wake that goes on in another entry costs nothing for what lies before it.
 */
#include "core/work.h"
#include <assert.h>

struct queue {
    struct core_cursor cursor;
    struct core_key prefix;
    struct wake_place at;
    bool full, single;
};

struct waiting {
    struct wake_place after;
    struct queue **heap;
    unsigned count, cap;
};

static bool place_before(const struct wake_place *a, const struct wake_place *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->submitted != b->submitted)
        return a->submitted < b->submitted;
    return relief_str_cmp(a->id, b->id) < 0;
}

static bool queue_step(struct core_work *work, struct queue *queue)
{
    struct relief_str key, value;
    uint32_t at = queue->prefix.len;
    if (queue->single || !work->view->ops->next(work->view, &queue->cursor, &key, &value))
        return false;
    queue->at.priority = (uint8_t)key.data[at++];
    queue->at.submitted = (int64_t)core_key_take_u64(key, &at);
    queue->at.id = work_str(work, core_key_take_str(key, &at));
    return true;
}

static void sift_down(struct waiting *waiting, unsigned at)
{
    for (;;) {
        unsigned child = 2 * at + 1, least = at;
        for (unsigned i = child; i < child + 2 && i < waiting->count; i++)
            if (place_before(&waiting->heap[i]->at, &waiting->heap[least]->at))
                least = i;
        if (least == at)
            return;
        struct queue *swap = waiting->heap[at];
        waiting->heap[at] = waiting->heap[least];
        waiting->heap[least] = swap;
        at = least;
    }
}

static void push(struct core_work *work, struct waiting *waiting, struct queue *queue)
{
    if (waiting->count == waiting->cap) {
        unsigned cap = waiting->cap ? waiting->cap * 2 : 8;
        struct queue **heap = work_alloc(work, cap * sizeof *heap);
        if (waiting->count)
            memcpy(heap, waiting->heap, waiting->count * sizeof *heap);
        waiting->heap = heap;
        waiting->cap = cap;
    }
    unsigned at = waiting->count++;
    for (; at > 0 && place_before(&queue->at, &waiting->heap[(at - 1) / 2]->at); at = (at - 1) / 2)
        waiting->heap[at] = waiting->heap[(at - 1) / 2];
    waiting->heap[at] = queue;
}

struct waiting *waiting_new(struct core_work *work, const struct wake_place *after)
{
    struct waiting *waiting = work_alloc(work, sizeof *waiting);
    *waiting = (struct waiting){.after = *after};
    return waiting;
}

void waiting_add(struct core_work *work, struct waiting *waiting, struct relief_str kind, bool full)
{
    const struct wake_place *after = &waiting->after;
    struct queue *queue = work_alloc(work, sizeof *queue);
    struct core_key from;
    core_key_start(&queue->prefix, CORE_KEY_OPEN);
    core_key_str(&queue->prefix, kind);
    queue->full = full;
    queue->single = false;
    if (after->id.data) {
        from = queue->prefix;
        core_key_u8(&from, after->priority);
        core_key_u64(&from, (uint64_t)after->submitted);
        core_key_str(&from, after->id);
    }
    work->view->ops->scan(work->view, &queue->cursor, &queue->prefix, after->id.data ? &from : NULL);
    if (queue_step(work, queue))
        push(work, waiting, queue);
}

void waiting_add_one(struct core_work *work, struct waiting *waiting, const struct relief_request *request)
{
    struct queue *queue = work_alloc(work, sizeof *queue);
    queue->at = (struct wake_place){(uint8_t)request->priority, request->submitted, request->id};
    queue->full = queue->single = true;
    if (!waiting->after.id.data || place_before(&waiting->after, &queue->at))
        push(work, waiting, queue);
}

bool waiting_next(struct core_work *work, struct waiting *waiting, struct wake_place *ret, bool *ret_full)
{
    struct queue *first;
    if (!waiting->count)
        return false;
    first = waiting->heap[0];
    *ret = first->at;
    *ret_full = first->full;
    if (!queue_step(work, first)) {
        waiting->heap[0] = waiting->heap[--waiting->count];
        if (!waiting->count)
            return true;
    }
    sift_down(waiting, 0);
    return true;
}

bool waiting_kind_after(struct core_work *work, struct relief_str kind, struct relief_str *ret)
{
    struct core_cursor cursor;
    struct core_key prefix, behind;
    struct relief_str key, value;
    uint32_t at = 1;
    core_key_start(&prefix, CORE_KEY_OPEN);
    if (kind.data) {
        behind = prefix;
        core_key_str(&behind, kind);
        core_key_u8(&behind, UINT8_MAX); /* no priority is that low: behind all requests of the kind */
    }
    work->view->ops->scan(work->view, &cursor, &prefix, kind.data ? &behind : NULL);
    if (!work->view->ops->next(work->view, &cursor, &key, &value))
        return false;
    *ret = work_str(work, core_key_take_str(key, &at));
    return true;
}

bool waiting_over(const struct waiting *waiting)
{
    return !waiting->count;
}

void waiting_keep_full(struct waiting *waiting)
{
    unsigned count = waiting->count;
    waiting->count = 0;
    for (unsigned i = 0; i < count; i++)
        if (waiting->heap[i]->full)
            waiting->heap[waiting->count++] = waiting->heap[i];
    for (unsigned i = waiting->count / 2; i-- > 0;)
        sift_down(waiting, i);
}
