/*
 * Records that were read before, decoded. Part of struct core, in memory that core_init reserved; it changes what a read
 * costs and never what it says.
 *
 * Two spans. Within an entry a slot points to the record as it was first read, in the entry's arena. What a second entry
 * reads unchanged is kept: the slot has a copy of its own, which is copied into the arena of the next entry that reads it.
 * So a record never outlives or changes under its reader, whichever of several arenas is used, and nothing is freed.
 */
#pragma once
#include "core/lists.h"
#include "core/view.h"
#include "schema/arena.h"
#include "schema/codec.h"

#define CORE_MEMO_SLOTS      4096u /* direct-mapped: the cities, kinds, regions and agreements of a province */
#define CORE_MEMO_KEPT_BYTES 768u  /* of one kept record; a city with its names takes 250, longer ones are not kept */

struct core_memo_slot {
    uint64_t hash;      /* of table and key fields; 0: free */
    uint64_t reader;    /* whose record is in `record`; 0: nobody's */
    const void *record; /* in the reader's arena; only its key fields are set when it is absent */
    uint8_t table;
    bool absent;
    bool kept; /* there is a copy that stays; its struct stands first */
};

struct core_memo {
    struct relief_arena arena; /* slots, then their copies, then the lists; touched as they are used */
    struct core_memo_slot *slots;
    char *copies;
    struct core_lists lists;
    uint64_t readers; /* numbers given out: one for each entry */
};

/* 0 or -errno. */
int core_memo_init(struct core_memo *memo);
void core_memo_deinit(struct core_memo *memo);
/* Nothing is known any more: the state went back. */
void core_memo_clear(struct core_memo *memo);

/* The key fields of the record, hashed; never 0. */
uint64_t core_memo_hash(enum relief_table table, const void *record);
/* What is known: *ret_absent, or the record filled in, its strings and lists in the arena. False: nothing is known. */
bool core_memo_find(struct core_memo *memo, uint64_t reader, struct relief_arena *arena, enum relief_table table,
                    uint64_t hash, void *record, bool *ret_absent);
/* The record was read by this reader, with everything that it points to in its arena. */
void core_memo_note(struct core_memo *memo, uint64_t reader, struct relief_arena *arena, enum relief_table table,
                    uint64_t hash, const void *record, bool absent);
/* As find, for this reader only and without a copy: *ret_record is the one that is shared, NULL when it is absent. */
bool core_memo_peek(struct core_memo *memo, uint64_t reader, enum relief_table table, uint64_t hash, const void *record,
                    const void **ret_record);
/* The record was put or removed. */
void core_memo_forget(struct core_memo *memo, enum relief_table table, uint64_t hash);
