/*
 * An overlay: an ordered map in memory of what is newer than LMDB. A hash table answers point reads, a B+tree over the
 * same entries gives the order. A removed key stays as a tombstone while the layers below may hold it, else it is taken
 * out. Written by the loop thread only; once frozen it is read by two threads and written by none.
 */
#pragma once
#include "schema/str.h"
#include <stddef.h>

enum store_below { STORE_BELOW_UNKNOWN, STORE_BELOW_ABSENT, STORE_BELOW_PRESENT };

struct store_entry {
    char *value; /* inside this block, or a block of its own */
    uint64_t hash;
    uint32_t value_len, value_cap;
    uint32_t block; /* bytes of this block */
    uint16_t key_len;
    uint8_t gone;  /* a tombstone: hides what lies below */
    uint8_t below; /* enum store_below: whether the layers below hold the key */
    char key[];
};

struct store_node;
struct store_slot;
struct store_chunk;

#define STORE_CLASSES 96 /* size classes of freed blocks: 64 by 16 bytes, then powers of two */

/* Where the last key of a space went: keys that rise come to the same leaf again and again. */
#define STORE_FINGERS 8u /* by the first byte of the key */
struct store_finger {
    struct store_node *leaf;         /* NULL: unknown */
    const struct store_entry *bound; /* all keys of the leaf come before it; NULL: none does */
};

struct store_overlay {
    struct store_slot *slots; /* power of two, linear probing */
    uint64_t slot_count, count;
    struct store_node *root, *first;
    struct store_finger fingers[STORE_FINGERS];
    uint64_t version;                   /* changes whenever a key comes or goes; never runs backwards */
    size_t bytes;                       /* memory in use */
    struct store_chunk *chunks, *chunk; /* all, in order of use; the one being filled */
    char *free[STORE_CLASSES];
};

struct store_pos {
    struct store_node *leaf; /* NULL: at the end */
    uint32_t index;
};

#define STORE_OVERLAY_INIT ((struct store_overlay){0})

void store_overlay_init(struct store_overlay *overlay);
void store_overlay_deinit(struct store_overlay *overlay);
/* Drops all entries; keeps the memory for the next generation. */
void store_overlay_clear(struct store_overlay *overlay);

struct store_entry *store_overlay_find(const struct store_overlay *overlay, uint64_t hash, struct relief_str key);
/*
 * Sets key to value (data NULL: a tombstone). `entry` is what find said. The value may lie anywhere, in this overlay
 * too. Earlier values of other entries stay where they are.
 */
struct store_entry *store_overlay_set(struct store_overlay *overlay, struct store_entry *entry, uint64_t hash,
                                      struct relief_str key, struct relief_str value);
/* Takes the entry out, with its memory. */
void store_overlay_remove(struct store_overlay *overlay, struct store_entry *entry);

/* The first entry >= key, or > key when `after`. */
struct store_pos store_overlay_seek(const struct store_overlay *overlay, struct relief_str key, bool after);
/* The entry at pos, or NULL at the end. */
struct store_entry *store_overlay_at(struct store_pos pos);
struct store_pos store_overlay_step(struct store_pos pos);
static inline struct relief_str store_entry_key(const struct store_entry *entry)
{
    return (struct relief_str){entry->key, entry->key_len};
}
static inline struct relief_str store_entry_value(const struct store_entry *entry)
{
    return entry->gone ? RELIEF_STR_NONE : (struct relief_str){entry->value, entry->value_len};
}
