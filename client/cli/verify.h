/* The invariants of DESIGN 6 as far as a dump shows them. */
#pragma once
#include "client/cli/map.h"
#include "client/cli/reader.h"
#include "schema/tables.h"

struct verify {
    struct cli_reader *reader;
    struct canon canon;
    struct relief_buf keys[2]; /* of this record and the last, in turns */
    bool turn;
    struct relief_buf key; /* of an item */
    uint64_t seen[RELIEF_TABLE_COUNT]; /* records of each table */
    uint64_t listed;                   /* legs that requests name */
    struct cli_map kinds;    /* n: received, on hand, elsewhere (moving, on loan), gone (issued, lost, written off);
                                1 supply, 2 assets, 0 not said */
    struct cli_map lots;     /* city, kind, lot; n: quantity, held, reserved, held by legs, reserved by legs */
    struct cli_map requests; /* n: covered, covered by legs */
    struct cli_map assets;   /* n: live legs */
};

void verify_record(struct verify *verify, struct relief_str line);
/* What can be said when all records were seen. */
void verify_end(struct verify *verify);
void verify_deinit(struct verify *verify);
