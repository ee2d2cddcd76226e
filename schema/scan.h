/*
 * The scanner: looks at bytes from a peer before any decoder does. Iterative, resumable, allocation-free: it keeps one small
 * struct per connection and looks at each byte once, however the bytes arrive. It finds where a MessagePack value ends and
 * refuses what breaks the limits of schema/limits.h, so that msgpack-c (which reserves 8 GB of address space for a 5-byte
 * frame and accepts text that is not UTF-8) only ever sees whole, bounded, well-formed values.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "schema/limits.h"

enum scan_status {
    SCAN_MORE,      /* no fault so far, the value is not complete */
    SCAN_DONE,      /* `used` bytes hold one value within the limits */
    SCAN_BAD,       /* not MessagePack (0xc1) */
    SCAN_TOO_LARGE, /* longer than bytes_max, or a header announces so much */
    SCAN_LIMIT,     /* complete and well-formed, but a limit inside is exceeded: depth, string, elements, UTF-8; `used` is set */
};

/* What was wrong inside a SCAN_LIMIT value; the first that was met. */
enum scan_fault { SCAN_FAULT_NONE, SCAN_FAULT_DEPTH, SCAN_FAULT_STRING, SCAN_FAULT_ELEMENTS, SCAN_FAULT_UTF8, SCAN_FAULT_TYPE };

struct scan {
    size_t bytes_max;   /* set by scan_init */
    uint32_t depth_max, elements_max; /* set by scan_init to those of limits.h; scan_limit makes them tighter */
    size_t pos;         /* bytes looked at so far */
    uint64_t skip;      /* bytes of a string or blob still to come */
    uint64_t owed;      /* values still to come, at all depths: 0 means that the value is complete */
    uint32_t left[RELIEF_DEPTH_MAX + 1]; /* values still to come in each open container; kept up until the first fault */
    uint32_t depth;
    enum scan_fault fault;
    uint8_t in_string;  /* what is skipped is text */
    uint8_t utf8_need, utf8_low, utf8_high; /* of the character that a piece ended in: bytes to come, range of the next */
};

void scan_init(struct scan *scan, size_t bytes_max);
/* Directly after scan_init: nesting at most so deep (up to RELIEF_DEPTH_MAX), so many elements in one array or map. */
static inline void scan_limit(struct scan *scan, uint32_t depth_max, uint32_t elements_max)
{
    scan->depth_max = depth_max;
    scan->elements_max = elements_max;
}
/*
 * Looks at data[scan->pos .. len); data is the value from its first byte on, each call with more of it. On SCAN_DONE and
 * SCAN_LIMIT scan->pos is the length of the value; call scan_init before the next one.
 */
enum scan_status scan_feed(struct scan *scan, const uint8_t *data, size_t len);
/* True when the bytes are UTF-8 without overlong forms and surrogates. */
int scan_utf8(const char *text, size_t len);
