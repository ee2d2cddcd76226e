/*
 * The order of an overlay: a B+tree whose nodes drop the prefix that their keys share and keep the next 8 bytes of each
 * key as a number, so that a search mostly compares integers that lie side by side. Part of overlay.c's structure.
 */
#pragma once
#include "store/overlay.h"

#define STORE_NODE_MAX  64u /* 64 numbers are 8 cache lines; three levels then hold 90,000 entries */
#define STORE_DEPTH_MAX 16u
#define STORE_LEAD      24u /* a space and the most part of a city and a kind */

struct store_node {
    uint16_t count;
    uint16_t prefix; /* bytes that all keys of the node share */
    bool leaf;
    char lead[STORE_LEAD];                    /* the beginning of that prefix: a search need not touch a key for it */
    struct store_node *next, *before;         /* leaves: in order */
    uint64_t heads[STORE_NODE_MAX];           /* 8 bytes after the prefix, big-endian, zeros behind a short key */
    struct store_entry *keys[STORE_NODE_MAX]; /* leaf: entries; inner: separators, key i <= all below children[i + 1] */
    struct store_node *children[];            /* inner: count + 1 */
};

/* Memory of the overlay's generation. */
void *store_overlay_alloc(struct store_overlay *overlay, size_t bytes);
void store_overlay_free(struct store_overlay *overlay, void *block, size_t bytes);

void store_tree_init(struct store_overlay *overlay);
void store_tree_insert(struct store_overlay *overlay, struct store_entry *entry);
void store_tree_remove(struct store_overlay *overlay, struct store_entry *entry);
