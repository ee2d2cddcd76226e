/*
 * Pruning: whole segments at the beginning of the log go to an archive, and a base takes their place (fine print 71). For a folder that
 * no daemon serves.
 */
#pragma once
#include "engine/engine.h"

struct engine_archived {
    char name[64]; /* below the archive: log/N.seg */
    uint64_t bytes;
    uint8_t digest[32]; /* BLAKE2b-256 */
};

struct engine_prune_options {
    const char *dir;
    uint64_t below;      /* entries from here on stay */
    const char *archive; /* a folder, made when it does not exist */
    /*
     * The segments are in the archive, synced: the time to write down what they are. mark: the last entry of them. 0, or what ends it: then
     * nothing was taken away.
     */
    int (*archived)(void *context, const struct engine_archived *segments, size_t count, const struct store_mark *mark);
    /* After each step that is durable; tests end the process here. May be NULL. */
    void (*step)(void *context);
    void *context;
};

struct engine_pruned {
    uint64_t seq;   /* the last entry that went; 0: there was nothing to prune */
    uint64_t first; /* the first one that is there now */
    size_t segments;
    uint64_t answers; /* first answers that are kept beside the base */
};

/* 0; -EBUSY: a daemon has the folder; -EUCLEAN: damage; -EEXIST: the archive holds another segment of the same name; -errno. */
int engine_prune(const struct engine_prune_options *options, struct engine_pruned *ret_pruned, struct engine_report *report);

/* Proves the chain of an archive's log by itself, from its first entry on; report->seq is its last. */
int engine_archive_check(const char *dir, uint64_t *ret_first, struct engine_report *report);
