/* The hash chain of a log export (fine print 64). */
#pragma once
#include "client/cli/reader.h"

struct chain {
    struct cli_reader *reader;
    char hash[CLI_HASH_TEXT]; /* of the entry before; "" when the export does not begin at 1 and none was seen */
    int64_t seq, time;        /* of the entry before; 0: none */
};

void chain_init(struct chain *chain, struct cli_reader *reader);
/* Checks the line's place, its link and its hash. Returns the entry, to be freed with json_decref; NULL: it is no entry
 * (said). */
json_t *chain_entry(struct chain *chain, struct relief_str line);
