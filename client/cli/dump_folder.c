/*
 * The CSV form of a dump. manifest.json holds what the first and last line of the JSON form hold (format, version, seq,
 * head, time, records and their digest) and, for every file, its records and the BLAKE2b-256 of its bytes. The same
 * moment gives the same bytes: rows come in the order of the dump, times are UTC.
 */
#include "client/cli/dump_folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/manifest.h"
#include "client/client.h"
#include "schema/codec.h"

static int failed(const char *path)
{
    cli_say("%s: %s", path, strerror(errno));
    return CLI_REFUSED;
}

static char *file_path(const char *folder, const char *name, const char *suffix)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

static int open_table(struct cli_dump_folder *folder, int number)
{
    struct cli_dump_table *table = &folder->tables[number];
    char *path = file_path(folder->temporary, relief_tables[number].name, ".csv");
    if (!path)
        return cli_bad("no memory");
    table->file = fopen(path, "wxe");
    int code = table->file ? CLI_DONE : failed(path);
    free(path);
    if (code)
        return code;
    table->column_count = cli_columns(relief_tables[number].shape, table->columns, CLI_COLUMNS_MAX);
    cli_csv_header(table->file, table->columns, table->column_count);
    return CLI_DONE;
}

int cli_dump_folder_open(struct cli_dump_folder *folder, const char *path)
{
    *folder = (struct cli_dump_folder){.arena = RELIEF_ARENA_INIT, .path = strdup(path)};
    size_t len = strlen(path);
    while (folder->path && len > 1 && folder->path[len - 1] == '/')
        folder->path[--len] = '\0';
    if (!folder->path || asprintf(&folder->temporary, "%s.tmp.%ld", folder->path, (long)getpid()) < 0) {
        folder->temporary = NULL;
        return cli_bad("no memory");
    }
    /* An empty folder is replaced by the rename at the end, which takes nothing else's place. */
    struct stat status;
    if (lstat(folder->path, &status) == 0 && (!S_ISDIR(status.st_mode) || manifest_folder_empty(folder->path) != 1))
        return cli_bad("%s is there already; a dump as CSV makes a new folder", folder->path);
    if (mkdir(folder->temporary, 0777) != 0)
        return failed(folder->temporary);
    if (relief_arena_init(&folder->arena, 256u << 20) != 0)
        return cli_bad("no memory");
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++) {
        int code = open_table(folder, i);
        if (code)
            return code;
    }
    return CLI_DONE;
}

int cli_dump_folder_add(struct cli_dump_folder *folder, const msgpack_object *record)
{
    const msgpack_object *name = client_map_find(record, "t");
    union relief_any_record decoded;
    int number = name && name->type == MSGPACK_OBJECT_STR
                     ? relief_table_find((struct relief_str){name->via.str.ptr, name->via.str.size})
                     : -1;
    if (number < 0) {
        cli_say("the daemon sent a record of a table that this program does not know");
        return CLI_REFUSED;
    }
    relief_arena_reset(&folder->arena);
    if (relief_answer_decode(relief_tables[number].shape, record, &folder->arena, &decoded) != 0) {
        cli_say("the daemon sent a record of table %s that can't be read", relief_tables[number].name);
        return CLI_REFUSED;
    }
    struct cli_dump_table *table = &folder->tables[number];
    cli_csv_row(table->file, table->columns, table->column_count, &decoded);
    table->records++;
    return ferror(table->file) ? failed(folder->temporary) : CLI_DONE;
}

/* BLAKE2b-256 of a file's bytes. */
static int digest_of(const char *path, char ret[CLI_HASH_TEXT])
{
    struct cli_digest digest;
    char buffer[65536];
    size_t got;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    cli_digest_init(&digest);
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        cli_digest_bytes(&digest, buffer, got);
    int result = ferror(file) ? -1 : 0;
    fclose(file);
    cli_digest_final(&digest, ret);
    return result;
}

static int close_table(struct cli_dump_folder *folder, int number, struct relief_buf *manifest)
{
    struct cli_dump_table *table = &folder->tables[number];
    char digest[CLI_HASH_TEXT], *path = file_path(folder->temporary, relief_tables[number].name, ".csv");
    bool good = fflush(table->file) == 0 && fsync(fileno(table->file)) == 0;
    good = fclose(table->file) == 0 && good;
    table->file = NULL;
    if (!path || !good || digest_of(path, digest) != 0) {
        free(path);
        return failed(folder->temporary);
    }
    relief_buf_printf(manifest, "%s\"%s\":{\"digest\":\"%s\",\"file\":\"%s.csv\",\"records\":%llu}", number ? "," : "",
                      relief_tables[number].name, digest, relief_tables[number].name,
                      (unsigned long long)table->records);
    free(path);
    return CLI_DONE;
}

static int write_manifest(struct cli_dump_folder *folder, const struct relief_buf *text)
{
    char *path = file_path(folder->temporary, "manifest", ".json");
    FILE *file = path ? fopen(path, "wxe") : NULL;
    bool good =
        file && fwrite(text->data, 1, text->len, file) == text->len && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file)
        good = fclose(file) == 0 && good;
    int code = good ? CLI_DONE : failed(path ? path : folder->temporary);
    free(path);
    return code;
}

int cli_dump_folder_commit(struct cli_dump_folder *folder, struct relief_str header, int64_t records,
                           const char *digest)
{
    struct relief_buf text = RELIEF_BUF_INIT, sorted = RELIEF_BUF_INIT;
    int code = CLI_DONE;
    /* The header's members and our own, in the order of their keys, by way of the one writer. */
    relief_buf_add(&text, header.data, header.len - 1);
    relief_buf_printf(&text, ",\"digest\":\"%s\",\"records\":%lld,\"tables\":{", digest, (long long)records);
    for (int i = 0; i < RELIEF_TABLE_COUNT && code == 0; i++)
        code = close_table(folder, i, &text);
    relief_buf_add_text(&text, "}}");
    json_t *manifest = code == 0 ? json_loadb(text.data, text.len, 0, NULL) : NULL;
    if (manifest) {
        cli_json_write(&sorted, manifest);
        relief_buf_add_char(&sorted, '\n');
        code = write_manifest(folder, &sorted);
    }
    json_decref(manifest);
    relief_buf_deinit(&text);
    relief_buf_deinit(&sorted);
    if (code == 0 && rename(folder->temporary, folder->path) != 0)
        code = failed(folder->path);
    if (code == 0) {
        free(folder->temporary);
        folder->temporary = NULL;
    }
    return code;
}

void cli_dump_folder_abort(struct cli_dump_folder *folder)
{
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++) {
        if (folder->tables[i].file)
            fclose(folder->tables[i].file);
        char *path = folder->temporary ? file_path(folder->temporary, relief_tables[i].name, ".csv") : NULL;
        if (path)
            unlink(path);
        free(path);
    }
    if (folder->temporary) {
        char *path = file_path(folder->temporary, "manifest", ".json");
        if (path)
            unlink(path);
        free(path);
        rmdir(folder->temporary);
    }
    relief_arena_deinit(&folder->arena);
    free(folder->temporary);
    free(folder->path);
    *folder = (struct cli_dump_folder){.arena = RELIEF_ARENA_INIT};
}
