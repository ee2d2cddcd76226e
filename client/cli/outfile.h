/*
 * A file that is there whole or not at all: written under another name, synced, then renamed. Without a path: standard
 * output. What is no regular file is written into instead.
 */
#pragma once
#include <stdio.h>

struct cli_outfile {
    FILE *file;
    char *path; /* NULL: standard output */
    char *temporary; /* NULL: written into directly */
};

/* 0 or an exit code, said. */
int cli_outfile_open(struct cli_outfile *out, const char *path);
int cli_outfile_commit(struct cli_outfile *out);
/* Throws away what was not committed; harmless after a commit. */
void cli_outfile_abort(struct cli_outfile *out);
