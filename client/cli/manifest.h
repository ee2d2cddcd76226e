/*
 * What belongs to a backup or an archive: manifest.json in its folder, with size and BLAKE2b-256 of each file, and a digest of itself. It is
 * written last, so a folder that has one was finished.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/cli/digest.h"

#define MANIFEST_NAME       "manifest.json"
#define MANIFEST_FILE_BYTES 64u       /* a name with its NUL */
#define MANIFEST_FILES_MAX  (1u << 20) /* segments of a billion entries are 16,000 */

struct manifest_file {
    char name[MANIFEST_FILE_BYTES];
    uint64_t size;
    char digest[CLI_HASH_TEXT];
};

struct manifest {
    uint64_t seq, base; /* last entry; entry of the base that was made for it, 0: none */
    char head[CLI_HASH_TEXT];
    struct manifest_file *files;
    size_t count, space;
};

/* A name that such a folder may hold: log/N.seg, base/N.base, base/N.answers, evidence/NAME. */
bool manifest_name_ok(const char *name);
/* An older row of the same name is replaced. False: no memory, or too many. */
bool manifest_add(struct manifest *manifest, const struct manifest_file *file);
/* format: relief-backup or relief-archive. Written whole and synced, or not at all. 0 or an exit code, said. */
int manifest_write(const struct manifest *manifest, const char *dir, const char *format);
/* 0 or an exit code, said. missing_ok: no manifest is an empty one. */
int manifest_read(struct manifest *manifest, const char *dir, const char *format, bool missing_ok);
void manifest_deinit(struct manifest *manifest);

/* ---- files of such a folder; each 0 or an exit code, said ---- */
/* Reads DIR/file and compares; to_dir NULL: no more than that; else it is written there too, synced. */
int manifest_copy(const char *dir, const struct manifest_file *file, const char *to_dir);
/* Makes a folder, mode 0700; it may be there. */
int manifest_make_folder(const char *dir, const char *name);
int manifest_sync_folder(const char *dir, const char *name);
/* 1: absent or empty; 0: not; -1: said. */
int manifest_folder_empty(const char *dir);
/* Removes what a backup holds from a folder, as far as it is there. */
void manifest_remove_files(const char *dir);
