/*
 * A store made beside the old one, for a start and for a rebuild. Inside the engine; state.h has the rest of load.c.
 */
#pragma once
#include "engine/state.h"

#define ENGINE_STORE_NEW "store.new" /* in the data folder; what an interrupted one has left is swept by the next start */

/*
 * Proves that the log has a beginning, and says from what a store that stands at entry `at` is made: the base at *ret_seq; 0: from
 * none, it goes on as it is. -EUCLEAN, -errno, with a message.
 */
int engine_begin_at(const char *dir, struct log *log, enum engine_from from, uint64_t at, uint64_t *ret_seq,
                    struct engine_report *report);
/* A store in the folder `path`, which does not exist, from the base at seq of DIR; it is closed afterwards. 0, or as above. */
int engine_fill_store(const char *path, const char *dir, uint64_t seq, struct engine_report *report);
/* The store in the folder `path`, which is closed, becomes that of DIR. 0 or -errno; the old one is there until it is 0. */
int engine_take_place(const char *dir, const char *path);
