/*
 * Signed checkpoints, read by whoever doubts them (daemon/evidence/FORMAT.md). The daemon has its own reader of notes; this
 * one belongs to the other side.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "schema/buf.h"

#define EVIDENCE_NAME_MAX       128u
#define EVIDENCE_NOTE_MAX       8192u
#define EVIDENCE_SIGNATURES_MAX 17u
#define EVIDENCE_KEYS_MAX       17u

struct evidence_key {
    char name[EVIDENCE_NAME_MAX + 1];
    bool witness; /* a cosignature's key */
    uint8_t id[4], bytes[32];
};

/* The log's key and those of witnesses, as the user gave them. */
struct evidence_trust {
    struct evidence_key log;
    bool has_log;
    struct evidence_key witnesses[EVIDENCE_KEYS_MAX];
    unsigned witness_count;
};

struct evidence_note {
    char text[EVIDENCE_NOTE_MAX + 1]; /* all of it */
    uint32_t len;
    char origin[EVIDENCE_NAME_MAX + 1];
    uint64_t size;
    uint8_t root[32];
    int64_t time; /* ms */
    struct {
        const struct evidence_key *key;
        int64_t time; /* ms */
    } witnesses[EVIDENCE_SIGNATURES_MAX]; /* whose cosignature holds */
    unsigned witness_count;
    char unknown[EVIDENCE_SIGNATURES_MAX][EVIDENCE_NAME_MAX + 1]; /* who signed with a key that nobody gave */
    unsigned unknown_count;
};

/* NAME+HASH+KEY, or @FILE that holds it. 0 or CLI_USAGE, said. */
int evidence_key_add(struct evidence_trust *trust, const char *text, bool witness);
/*
 * Reads the note and proves its signatures: the log's, and those of the witnesses that are trusted. NULL: it holds; else what is
 * wrong. trust->has_log must be set.
 */
const char *evidence_note_read(struct evidence_note *ret, struct relief_str text, const struct evidence_trust *trust);
/* The same from a file, `-` standard input. 0, CLI_USAGE (can't be read; said) or CLI_DIFFERENT (does not hold; said). */
int evidence_note_file(struct evidence_note *ret, const char *path, const struct evidence_trust *trust);
/* All of a file, up to `max` bytes. 0 or CLI_USAGE, said. */
int evidence_read_file(struct relief_buf *ret, const char *path, size_t max);
