/* The way back from a cell of a dump's CSV to the value; the other half of cell.c. */
#pragma once
#include "client/cli/view.h"
#include "schema/arena.h"

/* False: no cell that cli_cell wrote for that column in that generation of the schema. Strings point into the text, lists into the arena. */
bool cli_uncell(const struct cli_column *column, struct relief_arena *arena, void *record, struct relief_str text,
                unsigned generation);
