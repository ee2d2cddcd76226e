/*
 * A file that is there whole or not at all: written under another name, synced, then renamed. Without a path: standard
 * output.
 */
#pragma once
#include <stdio.h>

struct cli_outfile {
    FILE *file;
    char *path, *temporary; /* NULL: standard output */
};

/* 0 or an exit code, said. */
int cli_outfile_open(struct cli_outfile *out, const char *path);
int cli_outfile_commit(struct cli_outfile *out);
/* Throws away what was not committed; harmless after a commit. */
void cli_outfile_abort(struct cli_outfile *out);
