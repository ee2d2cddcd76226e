/*
 * The hash table of an overlay, and the memory of its generation.
 *
 * Every request of the core does some twenty point reads and a dozen writes, most of them on keys that it just read, so
 * a point access must not walk a tree: one probe of the table (16 bytes a slot, the whole hash compared) and one
 * compare of the key. The tree (tree.c) is touched when a key comes or goes and by scans. Entries never move, so a
 * value read stays where it is until it is overwritten. Memory comes from chunks that live as long as the generation
 * and serve the next one; blocks that are freed inside a generation go to lists by size, so that a store in memory that
 * runs for ever does not grow by rewriting.
 */
#include "store/overlay.h"
#include "store/tree.h"
#include "store/value.h"
#include <assert.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)256 * 1024) /* a few hundred entries each; 64 of them make a full generation */
#define SLOTS_MIN   UINT64_C(4096)

struct store_slot {
    uint64_t hash;
    struct store_entry *entry; /* NULL: free */
};

struct store_chunk {
    struct store_chunk *next;
    size_t used, size;
    char data[];
};

/* ---- memory ---- */

/* Rounds up to the size of the block's class: multiples of 16 up to 1,024, then powers of two. */
static size_t class_bytes(size_t bytes)
{
    if (bytes <= 1024) {
        return bytes < 16 ? 16 : (bytes + 15) & ~(size_t)15;
    }
    return (size_t)1 << (64 - __builtin_clzll(bytes - 1));
}

static unsigned class_of(size_t bytes)
{
    return bytes <= 1024 ? (unsigned)(bytes / 16) - 1 : 64 + (unsigned)__builtin_ctzll(bytes) - 11;
}

static void *chunk_alloc(struct store_overlay *overlay, size_t bytes)
{
    while (overlay->chunk && overlay->chunk->size - overlay->chunk->used < bytes) {
        struct store_chunk *next = overlay->chunk->next;
        if (!next) {
            break;
        }
        overlay->chunk = next;
    }
    if (!overlay->chunk || overlay->chunk->size - overlay->chunk->used < bytes) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        struct store_chunk *chunk = store_alloc(sizeof(*chunk) + size);
        *chunk = (struct store_chunk){.size = size};
        if (overlay->chunk) {
            overlay->chunk->next = chunk;
        } else {
            overlay->chunks = chunk;
        }
        overlay->chunk = chunk;
    }
    void *block = overlay->chunk->data + overlay->chunk->used;
    overlay->chunk->used += bytes;
    return block;
}

void *store_overlay_alloc(struct store_overlay *overlay, size_t bytes)
{
    bytes = class_bytes(bytes);
    unsigned class = class_of(bytes);
    assert(class < STORE_CLASSES);
    overlay->bytes += bytes;
    char *block = overlay->free[class];
    if (block) {
        memcpy(&overlay->free[class], block, sizeof overlay->free[class]);
        return block;
    }
    return chunk_alloc(overlay, bytes);
}

void store_overlay_free(struct store_overlay *overlay, void *block, size_t bytes)
{
    bytes = class_bytes(bytes);
    unsigned class = class_of(bytes);
    overlay->bytes -= bytes;
    memcpy(block, &overlay->free[class], sizeof(char *));
    overlay->free[class] = block;
}

void store_overlay_init(struct store_overlay *overlay)
{
    *overlay = STORE_OVERLAY_INIT;
    overlay->slot_count = SLOTS_MIN;
    overlay->slots = store_alloc(SLOTS_MIN * sizeof(*overlay->slots));
    store_overlay_clear(overlay);
}

void store_overlay_deinit(struct store_overlay *overlay)
{
    while (overlay->chunks) {
        struct store_chunk *next = overlay->chunks->next;
        free(overlay->chunks);
        overlay->chunks = next;
    }
    free(overlay->slots);
    *overlay = STORE_OVERLAY_INIT;
}

void store_overlay_clear(struct store_overlay *overlay)
{
    memset(overlay->slots, 0, overlay->slot_count * sizeof(*overlay->slots));
    memset(overlay->free, 0, sizeof(overlay->free));
    for (struct store_chunk *chunk = overlay->chunks; chunk; chunk = chunk->next) {
        chunk->used = 0;
    }
    overlay->chunk = overlay->chunks;
    overlay->count = 0;
    overlay->bytes = 0;
    overlay->version++;
    store_tree_init(overlay);
}

/* ---- the table ---- */

struct store_entry *store_overlay_find(const struct store_overlay *overlay, uint64_t hash, struct relief_str key)
{
    uint64_t mask = overlay->slot_count - 1;
    for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
        const struct store_slot *slot = &overlay->slots[at];
        if (!slot->entry) {
            return NULL;
        }
        if (slot->hash == hash && slot->entry->key_len == key.len && memcmp(slot->entry->key, key.data, key.len) == 0) {
            return slot->entry;
        }
    }
}

static void table_place(struct store_overlay *overlay, struct store_entry *entry)
{
    uint64_t mask = overlay->slot_count - 1, at = entry->hash & mask;
    while (overlay->slots[at].entry) {
        at = (at + 1) & mask;
    }
    overlay->slots[at] = (struct store_slot){entry->hash, entry};
}

static void table_add(struct store_overlay *overlay, struct store_entry *entry)
{
    overlay->count++;
    if (overlay->count * 3 > overlay->slot_count * 2) { /* probes stay short up to two thirds */
        struct store_slot *old = overlay->slots;
        uint64_t old_count = overlay->slot_count;
        overlay->slot_count *= 2;
        overlay->slots = store_alloc(overlay->slot_count * sizeof(*overlay->slots));
        memset(overlay->slots, 0, overlay->slot_count * sizeof(*overlay->slots));
        for (uint64_t i = 0; i < old_count; i++) {
            if (old[i].entry) {
                table_place(overlay, old[i].entry);
            }
        }
        free(old);
    }
    table_place(overlay, entry);
}

/* Takes the entry's slot out and closes the gap: entries behind it that probed across move back. */
static void table_remove(struct store_overlay *overlay, const struct store_entry *entry)
{
    uint64_t mask = overlay->slot_count - 1, hole = entry->hash & mask;
    while (overlay->slots[hole].entry != entry) {
        hole = (hole + 1) & mask;
    }
    for (uint64_t at = (hole + 1) & mask; overlay->slots[at].entry; at = (at + 1) & mask) {
        uint64_t home = overlay->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            overlay->slots[hole] = overlay->slots[at];
            hole = at;
        }
    }
    overlay->slots[hole] = (struct store_slot){0};
    overlay->count--;
}

/* ---- entries ---- */

static bool value_inside(const struct store_entry *entry)
{
    const char *block = (const char *)entry;
    return entry->value >= block && entry->value < block + entry->block;
}

/* An eighth more than asked for: counters grow by a digit, and then still fit. */
static struct store_entry *entry_new(struct store_overlay *overlay, uint64_t hash, struct relief_str key,
                                     struct relief_str value)
{
    size_t head = offsetof(struct store_entry, key) + key.len;
    size_t block = class_bytes(head + value.len + value.len / 8 + 1);
    assert(key.len <= UINT16_MAX && block <= UINT32_MAX);
    struct store_entry *entry = store_overlay_alloc(overlay, block);
    *entry =
        (struct store_entry){.value = (char *)entry + head, .hash = hash, .value_len = value.len, .gone = !value.data};
    entry->value_cap = (uint32_t)(block - head);
    entry->block = (uint32_t)block;
    entry->key_len = (uint16_t)key.len;
    memcpy(entry->key, key.data, key.len);
    if (value.data) {
        memcpy(entry->value, value.data, value.len);
    }
    return entry;
}

static void entry_overwrite(struct store_overlay *overlay, struct store_entry *entry, struct relief_str value)
{
    if (value.len > entry->value_cap) {
        size_t cap = class_bytes((size_t)value.len + value.len / 8);
        assert(cap <= UINT32_MAX);
        char *block = store_overlay_alloc(overlay, cap);
        memcpy(block, value.data, value.len); /* before the old block is freed: the value may lie in it */
        if (!value_inside(entry)) {
            store_overlay_free(overlay, entry->value, entry->value_cap);
        }
        entry->value = block;
        entry->value_cap = (uint32_t)cap;
    } else if (value.len > 0) {
        memmove(entry->value, value.data, value.len);
    }
    entry->value_len = value.len;
    entry->gone = !value.data;
}

struct store_entry *store_overlay_set(struct store_overlay *overlay, struct store_entry *entry, uint64_t hash,
                                      struct relief_str key, struct relief_str value)
{
    if (entry) {
        entry_overwrite(overlay, entry, value);
        return entry;
    }
    entry = entry_new(overlay, hash, key, value);
    table_add(overlay, entry);
    store_tree_insert(overlay, entry);
    overlay->version++;
    return entry;
}

void store_overlay_remove(struct store_overlay *overlay, struct store_entry *entry)
{
    table_remove(overlay, entry);
    store_tree_remove(overlay, entry);
    overlay->version++;
    if (!value_inside(entry)) {
        store_overlay_free(overlay, entry->value, entry->value_cap);
    }
    store_overlay_free(overlay, entry, entry->block);
}
