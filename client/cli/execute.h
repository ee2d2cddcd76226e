/* The commands of a log, run again by the daemon's own core on an empty store in memory. */
#pragma once
#include "client/cli/chain.h"

struct execute;

/* 0 or an exit code, said. Differences are said through the reader. */
int execute_open(struct execute **ret, struct cli_reader *reader);
/*
 * Runs the entry that chain_entry has just read and compares the outcome with the log's, byte for byte. Where they differ the
 * first difference is named (entry, record, field). What comes behind it follows from another state, so after EXECUTE_DIFFERENCES_MAX
 * of them nothing is run any more. 0 or an exit code.
 */
#define EXECUTE_DIFFERENCES_MAX 10u
int execute_entry(struct execute *execute, const struct chain *chain);
void execute_close(struct execute *execute);
