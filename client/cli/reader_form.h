/* The forms behind client/cli/reader.h, one file each; for reader.c alone. */
#pragma once
#include "client/cli/reader.h"

/* It can't be read on: says why, -1. */
int reader_unreadable(struct cli_reader *reader, int code, const char *what);

/* ---- reader_line.c: bytes and lines ---- */
/* More bytes behind those not yet used; false at the end of the file, or on failure (reader->code). */
bool reader_more(struct cli_reader *reader);
/* The next line of the file, without its line feed. 1, 0 at the end, -1. */
int reader_line(struct cli_reader *reader, struct relief_str *ret);

/* ---- reader_packed.c: MessagePack; the next map as its JSON line. As reader_line ---- */
int reader_packed(struct cli_reader *reader, struct relief_str *ret);

/* ---- reader_folder.c: CSV ---- */
/* Reads the manifest; the header's line comes back. 0 or CLI_USAGE, said. */
int reader_folder_open(struct cli_reader *reader, struct relief_str *ret_header);
/* The next record as its JSON line; 0 behind the last one of the last table, with every file compared. */
int reader_folder(struct cli_reader *reader, struct relief_str *ret);
