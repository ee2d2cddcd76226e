/*
 * A dump as a folder of CSV. Each row becomes the record's JSON line again, so that digest, order and invariants are
 * proved as for the other forms; each file is also compared with what manifest.json says of it, byte by byte.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/csv.h"
#include "client/cli/reader_form.h"
#include "client/cli/uncell.h"
#include "schema/codec.h"

#define RECORD_ARENA_BYTES ((size_t)256 << 20) /* address space of one record's lists */
#define MANIFEST_BYTES_MAX 65536u

static FILE *open_in(const char *folder, const char *name, const char *suffix)
{
    char *path = NULL;
    FILE *file = asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : fopen(path, "re");
    free(path);
    return file;
}

/* ---- manifest ---- */

static bool take_word(const struct canon *canon, uint32_t of, const char *key, char ret[CLI_HASH_TEXT])
{
    struct relief_str word = canon_word(canon, of, key);
    if (word.len != CLI_HASH_TEXT - 1)
        return false;
    memcpy(ret, word.data, word.len);
    ret[word.len] = '\0';
    return true;
}

/* The object at node `of` has these members and no others; keys in their order, which a canonical text has them in. */
static bool has_exactly(const struct canon *canon, uint32_t of, const char *const *keys, unsigned count)
{
    unsigned found = 0;
    if (canon->nodes[of].type != CANON_OBJECT)
        return false;
    for (uint32_t i = of + 1; i < canon->nodes[of].next; i = canon->nodes[i].next, found++) {
        const struct canon_node *node = &canon->nodes[i];
        if (found == count || node->key_len != strlen(keys[found]) ||
            memcmp(node->key, keys[found], node->key_len) != 0)
            return false;
    }
    return found == count;
}

static bool take_number(const struct canon *canon, uint32_t of, const char *key, int64_t *ret)
{
    uint32_t node = canon_get(canon, of, key);
    if (!node || canon->nodes[node].type != CANON_INT)
        return false;
    *ret = canon_int(canon, node);
    return true;
}

static bool take_claims(struct cli_reader *reader, uint32_t tables)
{
    static const char *const keys[] = {"digest", "file", "records"};
    const struct canon *canon = &reader->canon;
    unsigned members = 0;
    for (int i = 0; i < RELIEF_TABLE_COUNT; i++) {
        char file[64];
        uint32_t table = canon_get(canon, tables, relief_tables[i].name);
        snprintf(file, sizeof file, "%s.csv", relief_tables[i].name);
        struct relief_str name = canon_word(canon, table, "file");
        if (!table || !has_exactly(canon, table, keys, 3) || !name.data || !relief_str_eq(name, relief_str_of(file)) ||
            !take_word(canon, table, "digest", reader->claims[i].digest) ||
            !take_number(canon, table, "records", &reader->claims[i].records))
            return false;
    }
    for (uint32_t i = tables + 1; i < canon->nodes[tables].next; i = canon->nodes[i].next)
        members++;
    return members == RELIEF_TABLE_COUNT;
}

/* The manifest in the one form that it is written in. */
static bool take_manifest(struct cli_reader *reader, struct relief_str text)
{
    static const char *const keys[] = {"digest", "format", "head", "records", "seq", "tables", "time", "version"};
    const struct canon *canon = &reader->canon;
    if (text.len == 0 || text.data[text.len - 1] != '\n')
        return false;
    text.len--;
    if (!canon_parse(&reader->canon, text) || !has_exactly(canon, 0, keys, 8))
        return false;
    struct relief_str format = canon_word(canon, 0, "format");
    uint32_t tables = canon_get(canon, 0, "tables");
    return take_number(canon, 0, "seq", &reader->seq) && take_number(canon, 0, "time", &reader->time) &&
           take_number(canon, 0, "records", &reader->claimed_records) && format.data &&
           relief_str_eq(format, RELIEF_STR("relief-dump")) && canon_member_int(canon, 0, "version") == 1 &&
           take_word(canon, 0, "head", reader->head) && take_word(canon, 0, "digest", reader->claimed_digest) &&
           tables && take_claims(reader, tables);
}

/* A file that the manifest does not know is none of the dump, and somebody put it there. */
static void check_names(struct cli_reader *reader)
{
    DIR *folder = opendir(reader->path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        bool known = entry->d_name[0] == '.' || strcmp(entry->d_name, "manifest.json") == 0;
        for (int i = 0; i < RELIEF_TABLE_COUNT && !known; i++) {
            size_t len = strlen(relief_tables[i].name);
            known = strncmp(entry->d_name, relief_tables[i].name, len) == 0 && strcmp(entry->d_name + len, ".csv") == 0;
        }
        if (!known)
            cli_reader_broken(reader, "%s stands in the folder and not in the manifest", entry->d_name);
    }
    if (folder)
        closedir(folder);
}

int reader_folder_open(struct cli_reader *reader, struct relief_str *ret_header)
{
    char text[MANIFEST_BYTES_MAX];
    FILE *file = open_in(reader->path, "manifest", ".json");
    reader->table = -1; /* none: messages name the folder */
    if (!file)
        return cli_bad("%s holds no manifest.json of a dump", reader->path);
    size_t got = fread(text, 1, sizeof text, file);
    fclose(file);
    if (got == sizeof text || !take_manifest(reader, (struct relief_str){text, (uint32_t)got}))
        return cli_bad("%s/manifest.json is no manifest of a dump of version 1, as relief dump writes it",
                       reader->path);
    check_names(reader);
    if (relief_arena_init(&reader->arena, RECORD_ARENA_BYTES) != 0)
        return cli_bad("no memory");
    cli_dump_header(&reader->text, reader->seq, relief_str_of(reader->head), reader->time);
    *ret_header = (struct relief_str){reader->text.data, (uint32_t)reader->text.len};
    return CLI_DONE;
}

/* ---- rows ---- */

static size_t quotes_in(struct relief_str line)
{
    size_t count = 0;
    for (const char *at = line.data, *end = line.data + line.len; (at = memchr(at, '"', (size_t)(end - at))); at++)
        count++;
    return count;
}

/* The bytes of the next row into reader->text, line feed included: lines until every quote has its partner. */
static int next_row(struct cli_reader *reader)
{
    struct relief_str line;
    uint64_t first = reader->line + 1;
    size_t quotes = 0;
    relief_buf_clear(&reader->text);
    do {
        int got = reader_line(reader, &line);
        if (got <= 0)
            return got < 0 ? -1 : reader->text.len > 0 ? 1 : 0;
        relief_buf_add_str(&reader->text, line);
        if (!reader->no_line_feed)
            relief_buf_add_char(&reader->text, '\n');
        quotes += quotes_in(line);
        if (reader->text.failed || reader->text.len > CLI_LINE_BYTES_MAX)
            return reader_unreadable(reader, CLI_USAGE, "the row is too long");
    } while (quotes % 2);
    reader->line = first;
    cli_digest_bytes(&reader->file_digest, reader->text.data, reader->text.len);
    return 1;
}

/* The columns of the generation of the schema that the table's first line has. */
static unsigned columns_of(const struct cli_reader *reader, struct cli_column *ret)
{
    unsigned all = cli_columns(relief_tables[reader->table].shape, ret, CLI_COLUMNS_MAX), count = 0;
    for (unsigned i = 0; i < all; i++) {
        if (ret[i].field->since <= reader->generation && (!ret[i].part || ret[i].part->since <= reader->generation))
            ret[count++] = ret[i];
    }
    return count;
}

/* Whether the first line names the columns of reader->generation. */
static bool header_fits(const struct cli_reader *reader)
{
    struct cli_column columns[CLI_COLUMNS_MAX];
    struct relief_buf header = RELIEF_BUF_INIT;
    unsigned count = columns_of(reader, columns);
    for (unsigned i = 0; i < count; i++)
        relief_buf_printf(&header, "%s%s", columns[i].name, i + 1 == count ? "\n" : ",");
    bool fits =
        header.data && header.len == reader->text.len && memcmp(header.data, reader->text.data, header.len) == 0;
    relief_buf_deinit(&header);
    return fits;
}

static int open_table(struct cli_reader *reader)
{
    const struct relief_table_info *table = &relief_tables[reader->table];
    reader->file = open_in(reader->path, table->name, ".csv");
    reader->file_over = reader->no_line_feed = false;
    reader->line = reader->table_records = 0;
    reader->used = 0;
    relief_buf_clear(&reader->bytes);
    if (!reader->file)
        return reader_unreadable(reader, CLI_USAGE, strerror(errno));
    cli_digest_init(&reader->file_digest);
    int got = next_row(reader);
    reader->generation = RELIEF_GENERATION;
    while (got >= 0 && reader->generation > 0 && !header_fits(reader))
        reader->generation--;
    if (reader->generation == 0) {
        cli_reader_broken(reader, "the first line does not name the columns of a dump");
        reader->generation = RELIEF_GENERATION;
    }
    return got < 0 ? -1 : 0;
}

static void close_table(struct cli_reader *reader)
{
    char digest[CLI_HASH_TEXT];
    const struct cli_table_claim *claim = &reader->claims[reader->table];
    fclose(reader->file);
    reader->file = NULL;
    reader->line = 0; /* what follows is about the whole file */
    cli_digest_final(&reader->file_digest, digest);
    if (strcmp(digest, claim->digest) != 0)
        cli_reader_broken(reader, "the file was changed: its digest is %s, the manifest says %s", digest,
                          claim->digest);
    if (claim->records != (int64_t)reader->table_records)
        cli_reader_broken(reader, "the file has %llu records, the manifest says %lld",
                          (unsigned long long)reader->table_records, (long long)claim->records);
}

static bool take_cells(struct cli_reader *reader, const struct cli_csv *csv, const struct cli_column *columns,
                       unsigned count, void *record, char *why, size_t why_bytes)
{
    relief_shape_clear(relief_tables[reader->table].shape, record);
    for (unsigned i = 0; i < count; i++) {
        if (!cli_uncell(&columns[i], &reader->arena, record, csv->cells[i].text, reader->generation)) {
            snprintf(why, why_bytes, "column %s: no value as a dump has it", columns[i].name);
            return false;
        }
    }
    return true;
}

/* An older generation with the same columns: one in which only the parts of a cell were fewer. */
static bool step_back(struct cli_reader *reader, unsigned count)
{
    struct cli_column columns[CLI_COLUMNS_MAX];
    if (reader->generation == 1)
        return false;
    reader->generation--;
    if (columns_of(reader, columns) == count)
        return true;
    reader->generation++;
    return false;
}

/* The row in reader->text as the record's line. */
static int take_row(struct cli_reader *reader, struct relief_str *ret)
{
    struct cli_csv csv;
    struct cli_column columns[CLI_COLUMNS_MAX];
    union relief_any_record record;
    const struct relief_table_info *table = &relief_tables[reader->table];
    struct relief_buf line = RELIEF_BUF_INIT;
    char why[160];
    unsigned count = columns_of(reader, columns);
    relief_arena_reset(&reader->arena);
    cli_csv_open(&csv, reader->text.data, reader->text.len);
    int got = cli_csv_next(&csv);
    bool good = got == 1 && csv.count == count;
    snprintf(why, sizeof why, "%s", got < 0 ? csv.error : "another number of cells than columns");
    bool whole = good;
    if (whole)
        good = take_cells(reader, &csv, columns, count, &record, why, sizeof why);
    while (whole && !good && step_back(reader, count))
        good = take_cells(reader, &csv, columns, count, &record, why, sizeof why);
    if (good)
        relief_json_record_of(&line, table->shape, &record, table->name, reader->generation);
    cli_csv_close(&csv);
    if (!good)
        return reader_unreadable(reader, CLI_USAGE, why);
    relief_buf_deinit(&reader->text);
    reader->text = line;
    reader->table_records++;
    *ret = (struct relief_str){line.data, (uint32_t)line.len};
    return line.failed ? reader_unreadable(reader, CLI_REFUSED, "no memory") : 1;
}

int reader_folder(struct cli_reader *reader, struct relief_str *ret)
{
    for (;;) {
        if (!reader->file) {
            if (++reader->table == RELIEF_TABLE_COUNT)
                return 0;
            if (open_table(reader) != 0)
                return -1;
        }
        int got = next_row(reader);
        if (got != 0)
            return got < 0 ? -1 : take_row(reader, ret);
        close_table(reader);
    }
}
