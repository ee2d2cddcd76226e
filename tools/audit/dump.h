/*
 * Dumps: their form, order and digest, and the invariants of DESIGN 6 as far as one moment shows them.
 */
#pragma once
#include "tools/audit/fold.h"
#include "tools/audit/log.h"

struct audit_dump {
    uint64_t seq;
    int64_t time;
    char head[AUDIT_HASH_HEX];
    uint64_t records;
};

/* The first line alone. */
bool audit_dump_header(struct audit_text line, struct audit_dump *ret);
/* Proves a dump; `fold`: NULL, or what the log says of that moment. 0, or AUDIT_USAGE. */
int audit_dump_file(struct audit_source *source, struct audit_dump *ret, struct audit_fold *fold,
                    struct audit_faults *faults);
/*
 * The CSV form, a folder with manifest.json, as the lines that it stands for. Files that the manifest does not know are
 * faults. 0, or AUDIT_USAGE. Then audit_folder_close.
 */
int audit_folder_open(struct audit_source *source, const char *path, struct audit_faults *faults);
void audit_folder_close(struct audit_source *source);

/* The invariants over the records of a dump, in its order (state.c). */
struct audit_state {
    struct audit_map kinds, lots, requests, dispatches, assets;
    bool seen[AUDIT_TABLES];
    uint64_t named; /* legs that requests name */
    bool failed;    /* no memory */
};
void audit_state_init(struct audit_state *state);
void audit_state_see(struct audit_state *state, const struct audit_record *record, const struct audit_source *source,
                     struct audit_faults *faults);
void audit_state_end(struct audit_state *state, const char *path, struct audit_faults *faults);
void audit_state_deinit(struct audit_state *state);
