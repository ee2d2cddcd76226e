/*
 * The index of holders: the cities that hold a kind, in the order in which their goods arrive in a city (fine print 16,
 * 17).
 */
#pragma once
#include "core/view.h"
#include "store/kinds.h"
#include "store/world.h"

#define STORE_SEARCHES_MAX 4u /* core/view.h */

struct store_heap_item {
    int64_t key;   /* twice the minutes of the city and 1, or twice a bound below those of all in the range */
    uint32_t a, b; /* a range of nodes; or number a, and b one of the HEAP_ constants */
};

/* One search. */
struct core_near {
    bool used;
    bool idle_too;
    bool in_around; /* the list is not at its end; the tree has not been looked at */
    uint32_t to;
    int64_t over;
    uint32_t kind;                 /* number; STORE_NAME_NONE: everybody is looked for */
    uint32_t region;               /* number, or STORE_NAME_NONE */
    uint32_t low, high;            /* the region as places in the walk; low 0: all */
    uint32_t but_low, but_high;    /* regions left out; but_low 0: none */
    struct store_holders *holders; /* NULL: everybody */
    struct store_links *links;     /* NULL: there is nothing to be found */
    struct store_around *around;   /* NULL: none */
    struct store_kd *tree;         /* NULL: not needed yet */
    struct store_marks *marks;     /* of the tree; NULL: everybody */
    uint32_t next_around, next_link;
    struct store_heap_item *heap;
    uint32_t heap_count, heap_cap;
};

struct store_near {
    struct core_view *view;
    struct store_world world;
    struct store_kinds kinds;
    struct store_kd *all;     /* all known cities; NULL: not built */
    struct store_kd **inside; /* those of each region and below, by number of the region */
    uint32_t inside_count;
    uint64_t trees_version;                            /* of the regions that trees were built with */
    struct core_near searches[STORE_SEARCHES_MAX + 1]; /* the last one is for lists around a destination */
};

void store_near_init(struct store_near *near, struct core_view *view, uint64_t seed);
void store_near_deinit(struct store_near *near);
/* Forgets everything that was read. */
void store_near_forget(struct store_near *near);
/* True when a put of a key in this space is of interest. */
bool store_near_watches(uint8_t space);
/* The value under a key CORE_KEY_HOLDER, without looking for it; false: the kind is not known. */
bool store_near_holder(const struct store_near *near, struct relief_str key, struct relief_str *ret_value);
/* A key was put; value as it is stored now (data NULL: removed). */
void store_near_put(struct store_near *near, struct relief_str key, struct relief_str value);

struct core_near *store_near_begin(struct store_near *near, const struct core_near_query *query);
bool store_near_next(struct store_near *near, struct core_near *search, struct core_holder *ret);
void store_near_end(struct store_near *near, struct core_near *search);

/* A search for all cities but closed ones; one at a time, ended by store_near_end. */
struct core_near *store_search_everybody(struct store_near *near, uint32_t to, struct store_links *links);
/* Gives the search the tree that it goes on in, and the marks of its kind. */
void store_search_tree(struct store_near *near, struct core_near *search);
/* search.c */
void store_search_start(struct core_near *search, struct store_near *near);
bool store_search_take(struct core_near *search, struct store_near *near, struct store_link *ret);
/* around.c: the list around a city, with a reference; NULL while it is not worth making. */
struct store_around *store_near_around(struct store_near *near, uint32_t to, struct store_links *links);
