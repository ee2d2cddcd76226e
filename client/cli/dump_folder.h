/* A dump as a folder of CSV files, one a table, with manifest.json. */
#pragma once
#include <stdio.h>
#include "client/cli/digest.h"
#include "client/cli/view.h"
#include "schema/arena.h"

struct cli_dump_table {
    FILE *file;
    struct cli_column columns[CLI_COLUMNS_MAX];
    unsigned column_count;
    uint64_t records;
};

struct cli_dump_folder {
    char *path, *temporary;
    struct cli_dump_table tables[RELIEF_TABLE_COUNT];
    struct relief_arena arena; /* of one record */
};

/* Makes the folder under another name, with a file for each table. 0 or an exit code, said. */
int cli_dump_folder_open(struct cli_dump_folder *folder, const char *path);
/* One record of a dump, with `t`. */
int cli_dump_folder_add(struct cli_dump_folder *folder, const msgpack_object *record);
/* Writes the manifest, syncs, and gives the folder its name. header: the dump's first line; digest, records: of the
 * whole dump. */
int cli_dump_folder_commit(struct cli_dump_folder *folder, struct relief_str header, int64_t records,
                           const char *digest);
void cli_dump_folder_abort(struct cli_dump_folder *folder);
