/*
 * Short lists of ids that scans found: the lots of a city and kind, the agreements of a donor. Part of the memo: it
 * changes what a read costs and never what it says. A list is forgotten when a record under its prefix comes or goes;
 * derive.c, which sees each of them, calls for that.
 */
#pragma once
#include "core/key.h"
#include "schema/arena.h"

#define CORE_LISTS_SLOTS 65536u /* 8 MiB when all are in use, touched as they are used */
#define CORE_LISTS_WAYS  2u
#define CORE_LIST_BYTES  116u   /* of a prefix and its ids; what is longer is scanned each time */

struct core_list {
    uint64_t hash; /* of the prefix; 0: free */
    uint16_t prefix_len, ids_len;
    char data[CORE_LIST_BYTES]; /* prefix, then the ids, each ended by NUL */
};

struct core_lists {
    struct core_list *slots;
    unsigned turn; /* which way gives way next */
};

/* Takes its memory from the arena. 0 or -errno. */
int core_lists_init(struct core_lists *lists, struct relief_arena *arena);
size_t core_lists_bytes(void);
void core_lists_clear(struct core_lists *lists);
/* All ids under the prefix, each ended by NUL; they lie there until the next note or forget. False: not known. */
bool core_lists_find(const struct core_lists *lists, const struct core_key *prefix, struct relief_str *ret_ids);
void core_lists_note(struct core_lists *lists, const struct core_key *prefix, struct relief_str ids);
void core_lists_forget(struct core_lists *lists, const struct core_key *prefix);
