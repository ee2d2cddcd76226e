/*
 * The commands, and how their words are read.
 */
#pragma once
#include "tools/audit/note.h"
#include "tools/audit/say.h"

struct audit_command {
    const char *name, *usage, *summary;
    int (*run)(const struct audit_command *command, int argc, char **argv);
};
extern const struct audit_command audit_verify, audit_consistency, audit_key_command, audit_cosign, audit_witness;

#define AUDIT_VALUES_MAX 64 /* of one option; more signed things at once than anybody has */

struct audit_values {
    const char *items[AUDIT_VALUES_MAX];
    unsigned count;
};
struct audit_option {
    const char *name;            /* "--key"; NULL ends the list */
    struct audit_values *values; /* NULL: a flag */
    bool *flag;
};
/* Sorts words into options and the rest. 0, or AUDIT_USAGE, said; -1: help was asked for and printed. */
int audit_options(const struct audit_command *command, const struct audit_option *options, int argc, char **argv,
                  struct audit_values *ret_words);
int audit_usage(const struct audit_command *command);
/* The one value of an option, or `otherwise`. */
const char *audit_one(const struct audit_values *values, const char *otherwise);
/* A whole number from `low` to `high`. */
bool audit_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret);

/* Verifier keys of a kind, each as text or in a file, several parted by commas. 0, or AUDIT_USAGE, said. */
int audit_keys(const struct audit_values *values, uint8_t type, struct audit_key *ret, unsigned max,
               unsigned *ret_count);
/* A private key's file, which only its owner may read. */
int audit_secret_file(const char *path, uint8_t type, struct audit_secret *ret);
/* A checkpoint's file. */
int audit_note_file(const char *path, struct audit_note *ret);
