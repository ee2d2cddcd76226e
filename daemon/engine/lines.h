/*
 * The entries of a folder's log as lines (fine print 64), read-only: of a data folder, beside its daemon too, or of an archive.
 */
#pragma once
#include "engine/engine.h"

struct engine_lines;
/* A line without its line feed, valid during the call. 0 goes on. */
typedef int engine_lines_each(void *context, uint64_t seq, struct relief_str line);

/* 0 and the first and last entry that are there, first 0: none; -EUCLEAN; -errno; each with report->message. */
int engine_lines_open(struct engine_lines **ret_lines, const char *dir, uint64_t *ret_first, uint64_t *ret_last,
                      struct engine_report *report);
/* first <= from <= to <= last. Proves the chain on the way. 0; -EUCLEAN, -errno with a message; what `each` returned. */
int engine_lines_read(struct engine_lines *lines, uint64_t from, uint64_t to, engine_lines_each *each, void *context,
                      struct engine_report *report);
void engine_lines_close(struct engine_lines *lines); /* NULL: nothing */
