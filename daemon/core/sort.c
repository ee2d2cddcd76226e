/*
 * The one sort of the core: merge sort, bottom up. No recursion, n log n whatever the order in which items come, and
 * equal ones keep theirs, so the result is the same on every machine (libc's qsort promises none of these).
 */
#include "core/work.h"
#include <string.h>

static void merge(char *to, const char *from, size_t bytes, uint32_t low, uint32_t mid, uint32_t end,
                  work_before *before)
{
    uint32_t a = low, b = mid;
    for (uint32_t i = low; i < end; i++) {
        bool second = b < end && (a == mid || before(from + b * bytes, from + a * bytes));
        memcpy(to + i * bytes, from + (second ? b++ : a++) * bytes, bytes);
    }
}

void *work_sort(struct core_work *work, void *items, uint32_t count, size_t bytes, work_before *before)
{
    char *from = items, *to = count > 1 ? work_alloc(work, count * bytes) : NULL;
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t low = 0; low < count; low += 2 * width) {
            uint32_t mid = low + width < count ? low + width : count, end = mid + width < count ? mid + width : count;
            merge(to, from, bytes, low, mid, end, before);
        }
        char *swap = from;
        from = to;
        to = swap;
    }
    return from;
}
