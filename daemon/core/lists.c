/*
 * The memo of short lists (lists.h).
 *
 * A scan has to find its place in every layer of the store, a list is one look at a table: matching asks for the lots
 * and the agreements of every donor that it looks at, and hardly ever does one come or go.
 *
 * Sets of two by the same kind of hash as the memo of records; keys are compared, so what the hash does only costs.
 * With one place a hash, a third of the lists of 60,000 pairs pushed each other out.
 */
#include "core/lists.h"
#include <errno.h>
#include <string.h>

size_t core_lists_bytes(void)
{
    return CORE_LISTS_SLOTS * sizeof(struct core_list);
}

int core_lists_init(struct core_lists *lists, struct relief_arena *arena)
{
    lists->turn = 0;
    lists->slots = relief_arena_alloc(arena, core_lists_bytes()); /* fresh memory of an arena is all zeros */
    return lists->slots ? 0 : -ENOMEM;
}

void core_lists_clear(struct core_lists *lists)
{
    for (unsigned i = 0; i < CORE_LISTS_SLOTS; i++)
        if (lists->slots[i].hash) /* untouched pages stay untouched */
            lists->slots[i].hash = 0;
}

static uint64_t hash_of(const struct core_key *prefix)
{
    uint64_t hash = prefix->len, word;
    uint32_t at = 0;
    for (; at + 8 <= prefix->len; at += 8) {
        memcpy(&word, prefix->data + at, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, prefix->data + at, prefix->len - at);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

static bool holds(const struct core_list *list, uint64_t hash, const struct core_key *prefix)
{
    return list->hash == hash && list->prefix_len == prefix->len && memcmp(list->data, prefix->data, prefix->len) == 0;
}

static struct core_list *set_of(const struct core_lists *lists, uint64_t hash)
{
    return &lists->slots[hash % (CORE_LISTS_SLOTS / CORE_LISTS_WAYS) * CORE_LISTS_WAYS];
}

static struct core_list *find(const struct core_lists *lists, uint64_t hash, const struct core_key *prefix)
{
    struct core_list *set = set_of(lists, hash);
    for (unsigned way = 0; way < CORE_LISTS_WAYS; way++)
        if (holds(&set[way], hash, prefix))
            return &set[way];
    return NULL;
}

/* Where a new list goes: over an older one of the same prefix, to a free place, else the ways take turns. */
static struct core_list *place(struct core_lists *lists, uint64_t hash, const struct core_key *prefix)
{
    struct core_list *set = set_of(lists, hash), *there = find(lists, hash, prefix);
    for (unsigned way = 0; !there && way < CORE_LISTS_WAYS; way++)
        if (!set[way].hash)
            there = &set[way];
    return there ? there : &set[lists->turn++ % CORE_LISTS_WAYS];
}

bool core_lists_find(const struct core_lists *lists, const struct core_key *prefix, struct relief_str *ret_ids)
{
    uint64_t hash = hash_of(prefix);
    const struct core_list *list = find(lists, hash, prefix);
    if (!list)
        return false;
    *ret_ids = (struct relief_str){list->data + list->prefix_len, list->ids_len};
    return true;
}

void core_lists_note(struct core_lists *lists, const struct core_key *prefix, struct relief_str ids)
{
    uint64_t hash = hash_of(prefix);
    if (prefix->len + ids.len > CORE_LIST_BYTES)
        return;
    struct core_list *list = place(lists, hash, prefix);
    list->hash = hash;
    list->prefix_len = (uint16_t)prefix->len;
    list->ids_len = (uint16_t)ids.len;
    memcpy(list->data, prefix->data, prefix->len);
    if (ids.len)
        memcpy(list->data + prefix->len, ids.data, ids.len);
}

void core_lists_forget(struct core_lists *lists, const struct core_key *prefix)
{
    uint64_t hash = hash_of(prefix);
    struct core_list *list = find(lists, hash, prefix);
    if (list)
        list->hash = 0;
}
