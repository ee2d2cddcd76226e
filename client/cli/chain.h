/* The hash chain of a log export (fine print 64). */
#pragma once
#include "client/cli/reader.h"

struct chain {
    struct cli_reader *reader;
    char hash[CLI_HASH_TEXT]; /* of the entry before; unknown (empty) when the export begins later than entry 1 */
    int64_t seq, time;        /* of the last entry; 0: none yet */
    uint32_t identity, method, outcome, params; /* nodes of the last entry's line in reader->canon */
};

void chain_init(struct chain *chain, struct cli_reader *reader);
/*
 * Reads the line into reader->canon and proves it: form, sequence without a gap, time, prev, hash. What is wrong is said and
 * counted in reader->broken. False when it is no entry at all.
 */
bool chain_entry(struct chain *chain, struct relief_str line);
