/*
 * A backup: the files of the data folder as they stand at one entry, on a thread of its own, while writers go on. Sent are a base of the
 * store's snapshot, the segments of the log up to the last durable entry, which is never before that, what a pruned log goes on
 * from, and the evidence.
 *
 * Messages are `file` notifications in the order of the files: {msgid, name, offset, data}, what is left out between them is zeros;
 * then for each file {msgid, name, size, digest}.
 */
#pragma once
#include "engine/engine.h"
#include "schema/buf.h"

struct views_backup;

struct views_backup_options {
    struct engine *engine; /* its folder, log and store are read, nothing else */
    uint32_t msgid;
    bool with_key;  /* the evidence's private key too */
    int64_t ms_max; /* for the base, which pins pages of the store; 0: ten minutes. The rest waits for the peer, as long as it reads */
    void (*wake)(void *context);
    void *context;
};

struct views_backup_end {
    uint64_t seq;  /* last entry */
    char head[65]; /* its hash */
    uint64_t base; /* entry of the base that is made for this; 0: the store was empty, there is none */
    uint64_t files, bytes;
};

int views_backup_start(struct views_backup **ret, const struct views_backup_options *options);
/* As views_dump_take. */
int views_backup_take(struct views_backup *backup, struct relief_buf *ret, struct views_backup_end *ret_end);
void views_backup_free(struct views_backup *backup);
