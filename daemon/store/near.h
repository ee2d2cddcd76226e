/*
 * The index of holders: the cities that hold a kind, in the order in which their goods arrive in a city (fine print 16,
 * 17).
 */
#pragma once
#include "core/view.h"
#include "store/kdtree.h"
#include "store/world.h"

#define STORE_NEAR_BYTES_MAX                                                                                           \
    ((size_t)64 << 20)        /* trees of all kinds: a million holders; what was not used longest goes */
#define STORE_SEARCHES_MAX 4u /* core/view.h */

struct store_heap_item {
    int64_t minutes; /* of the holder, or a bound below those of all in the range */
    uint32_t a, b;   /* a range of nodes; or number a, and b one of the HEAP_ constants */
};

/* One search. */
struct core_near {
    bool used;
    bool idle_too;
    uint32_t to;
    int64_t over;
    uint32_t low, high;         /* regions asked for, as places in the walk; low 0: all */
    uint32_t but_low, but_high; /* regions left out; but_low 0: none */
    struct store_kd *tree;      /* holders to enumerate; NULL: none at all */
    struct store_kd *all;       /* all holders of the kind */
    struct store_links *links;
    struct store_around *around; /* NULL: none */
    uint32_t next_around, next_link;
    bool in_around; /* its list is not at its end; the tree has not been looked at */
    struct store_heap_item *heap;
    uint32_t heap_count, heap_cap;
};

struct store_kind_region {
    uint32_t region;
    struct store_kd *tree;
};

struct store_kind {
    struct store_kd *all;              /* NULL: not built */
    struct store_kind_region *regions; /* by number */
    uint32_t region_count, region_cap;
    uint64_t used;    /* of the last search */
    uint64_t version; /* of the regions that it was built with */
    size_t bytes;
    bool missing; /* a holder has no city record */
};

struct store_near {
    struct core_view *view;
    struct store_world world;
    struct store_names kind_names;
    struct store_kind *kinds;
    uint32_t kind_cap;
    uint64_t turn;
    size_t bytes;
    struct core_near searches[STORE_SEARCHES_MAX];
};

void store_near_init(struct store_near *near, struct core_view *view, uint64_t seed);
void store_near_deinit(struct store_near *near);
/* Forgets everything that was read. */
void store_near_forget(struct store_near *near);
/* True when a put of a key in this space is of interest. */
bool store_near_watches(uint8_t space);
/* A key was put; value as it is stored now (data NULL: removed). */
void store_near_put(struct store_near *near, struct relief_str key, struct relief_str value);

struct core_near *store_near_begin(struct store_near *near, const struct core_near_query *query);
bool store_near_next(struct store_near *near, struct core_near *search, struct core_holder *ret);
void store_near_end(struct store_near *near, struct core_near *search);

/* search.c */
void store_search_start(struct core_near *search, const struct store_world *world);
bool store_search_next(struct core_near *search, const struct store_world *world, struct core_holder *ret);
