/*
 * The CSV form of a dump: every file is as it is hashed in manifest.json, and its rows are the records whose JSON lines
 * the total digest was made over. So each row becomes that line again, and what proves the other forms proves this one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "tools/audit/dump.h"
#include "tools/audit/form.h"
#include "tools/audit/pack.h"

#define MANIFEST_MAX 65536
#define CELLS_MAX    64

struct folder {
    const char *path;
    struct audit_faults *faults;
    struct audit_buf manifest, row, cell, line;
    struct audit_json_map members, tables;
    struct audit_source file;
    bool open, began;
    unsigned table;
    uint64_t rows;
    char name[4096];
};

/* ---- cells ---- */

static bool add_int(struct audit_buf *buf, struct audit_text text)
{
    int64_t value;
    audit_buf_add(buf, text.data, text.len);
    return audit_json_int(text, &value);
}

/* 2026-05-01T08:00:00Z, or with .125: just the text that the milliseconds give. */
static bool add_time(struct audit_buf *buf, struct audit_text text)
{
    struct tm tm = {0};
    char copy[32], again[32];
    int ms = 0;
    if (text.len != 20 && text.len != 24)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || end != copy + 19)
        return false;
    if (*end == '.')
        ms = atoi(end + 1);
    time_t seconds = timegm(&tm);
    if (seconds < 0 || !gmtime_r(&seconds, &tm))
        return false;
    size_t len = strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%S", &tm);
    if (text.len == 24)
        snprintf(again + len, sizeof again - len, ".%03dZ", ms);
    else
        snprintf(again + len, sizeof again - len, "Z");
    audit_buf_format(buf, "%lld", (long long)seconds * 1000 + ms);
    return strcmp(copy, again) == 0 && (ms != 0) == (text.len == 24);
}

static bool add_scalar(struct audit_buf *buf, enum audit_field_kind kind, struct audit_text text)
{
    if (text.len == 0) {
        audit_buf_text(buf, "null");
        return true;
    }
    if (kind == AUDIT_F_INT)
        return add_int(buf, text);
    if (kind == AUDIT_F_TIME)
        return add_time(buf, text);
    if (kind == AUDIT_F_BOOL) {
        audit_buf_add(buf, text.data, text.len);
        return audit_text_eq(text, AUDIT_TEXT("true")) || audit_text_eq(text, AUDIT_TEXT("false"));
    }
    audit_pack_quote(buf, text);
    return audit_utf8_ok(text.data, text.len);
}

struct pair {
    const char *name;
    size_t from, len;
};

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* A map from values that stand in `values`; keys in their order. */
static void add_map(struct audit_buf *buf, struct pair *pairs, unsigned count, const struct audit_buf *values)
{
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (unsigned i = 0; i < count; i++) {
        audit_buf_format(buf, "%c\"%s\":", i ? ',' : '{', pairs[i].name);
        audit_buf_add(buf, values->data + pairs[i].from, pairs[i].len);
    }
    audit_buf_add(buf, "}", 1);
    buf->failed |= values->failed;
}

/* A:B:C, cut from the right: a time has two colons of its own, and only the first part may hold others. In it `\|` and
 * `\\` stand for the second character. */
static bool add_part(struct audit_buf *buf, const struct audit_field *part, struct audit_text text)
{
    struct audit_buf values = AUDIT_BUF_INIT;
    struct pair pairs[8];
    unsigned count = 0;
    bool good = true;
    while (count < 8 && part[count].name)
        count++;
    for (unsigned i = count; good && i-- > 0;) {
        struct audit_text value = text;
        for (int skip = i == 0                                                                       ? 0
                        : part[i].kind == AUDIT_F_TIME && text.len && text.data[text.len - 1] != ':' ? 3
                                                                                                     : 1;
             good && skip > 0; skip--) {
            const char *colon = memrchr(text.data, ':', text.len);
            good = colon != NULL;
            text.len = good ? (size_t)(colon - text.data) : 0;
        }
        if (i > 0)
            value = (struct audit_text){text.data + text.len + 1, value.len - text.len - (good ? 1 : 0)};
        pairs[i] = (struct pair){part[i].name, values.len, 0};
        if (good && i == 0 && memchr(value.data, '\\', value.len)) {
            struct audit_buf plain = AUDIT_BUF_INIT;
            for (size_t at = 0; at < value.len; at++) {
                at += value.data[at] == '\\' && at + 1 < value.len;
                audit_buf_add(&plain, value.data + at, 1);
            }
            good = add_scalar(&values, part[i].kind, audit_buf_view(&plain));
            audit_buf_deinit(&plain);
        } else if (good) {
            good = add_scalar(&values, part[i].kind, value);
        }
        pairs[i].len = values.len - pairs[i].from;
    }
    if (good)
        add_map(buf, pairs, count, &values);
    audit_buf_deinit(&values);
    return good;
}

static bool add_list(struct audit_buf *buf, const struct audit_field *field, struct audit_text text)
{
    bool always = field->kind != AUDIT_F_LIST, brackets = audit_text_eq(text, AUDIT_TEXT("[]"));
    if (text.len == 0 || (brackets && !always)) {
        audit_buf_text(buf, always || brackets ? "[]" : "null");
        return true;
    }
    for (bool first = true;; first = false) {
        size_t len = 0;
        while (len < text.len && text.data[len] != '|')
            len += text.data[len] == '\\' && len + 1 < text.len ? 2 : 1;
        audit_buf_add(buf, first ? "[" : ",", 1);
        struct audit_text item = {text.data, len};
        if (len == 0 || !(field->part ? add_part(buf, field->part, item) : add_scalar(buf, AUDIT_F_TEXT, item)))
            return false;
        if (len == text.len)
            break;
        text = (struct audit_text){text.data + len + 1, text.len - len - 1};
    }
    audit_buf_add(buf, "]", 1);
    return true;
}

/* ---- rows ---- */

/* The next cell into folder->cell; quoted just when it must be. */
static bool take_cell(struct folder *folder, struct audit_text *row, bool last)
{
    struct audit_buf *cell = &folder->cell;
    size_t at = 0;
    cell->len = 0;
    bool quoted = row->len > 0 && row->data[0] == '"', needs = false;
    if (quoted) {
        for (at = 1; at < row->len; at++) {
            if (row->data[at] == '"' && (at + 1 == row->len || row->data[at + 1] != '"'))
                break;
            at += row->data[at] == '"';
            audit_buf_add(cell, row->data + at, 1);
        }
        if (at++ >= row->len)
            return false;
    } else {
        while (at < row->len && row->data[at] != ',')
            at++;
        audit_buf_add(cell, row->data, at);
    }
    if (cell->failed || (at < row->len ? row->data[at] != ',' || last : !last))
        return false;
    for (size_t i = 0; i < cell->len; i++)
        needs |= cell->data[i] == ',' || cell->data[i] == '"' || cell->data[i] == '\n' || cell->data[i] == '\r';
    needs |= cell->len > 0 && (cell->data[0] == ' ' || cell->data[cell->len - 1] == ' ');
    at += at < row->len;
    *row = (struct audit_text){row->data + at, row->len - at};
    return needs == quoted;
}

static bool take_fields(struct folder *folder, struct audit_text *row, const struct audit_field *fields, bool last,
                        struct audit_buf *ret, const char *table)
{
    struct audit_buf values = AUDIT_BUF_INIT;
    struct pair pairs[CELLS_MAX];
    unsigned count = 0;
    bool good = true;
    for (; good && fields->name && count + 1 < CELLS_MAX; fields++) {
        bool end = last && !fields[1].name;
        pairs[count] = (struct pair){fields->name, values.len, 0};
        if (fields->kind == AUDIT_F_SPREAD) {
            good = take_fields(folder, row, fields->part, end, &values, NULL);
        } else if ((good = take_cell(folder, row, end))) {
            struct audit_text text = audit_buf_view(&folder->cell);
            good = fields->kind >= AUDIT_F_LIST ? add_list(&values, fields, text)
                                                : add_scalar(&values, fields->kind, text);
        }
        pairs[count].len = values.len - pairs[count].from;
        count++;
    }
    if (table && good) {
        pairs[count] = (struct pair){"t", values.len, 0};
        audit_buf_format(&values, "\"%s\"", table);
        pairs[count].len = values.len - pairs[count].from;
        count++;
    }
    if (good)
        add_map(ret, pairs, count, &values);
    audit_buf_deinit(&values);
    return good && !ret->failed;
}

/* Lines until every quote has its partner. */
static enum audit_got next_row(struct folder *folder)
{
    struct audit_text line;
    size_t quotes = 0;
    folder->row.len = 0;
    do {
        enum audit_got got = audit_source_next(&folder->file, &line);
        if (got != AUDIT_GOT_LINE)
            return got == AUDIT_GOT_END && folder->row.len ? AUDIT_GOT_BROKEN : got;
        audit_source_digest(&folder->file, line);
        if (quotes)
            audit_buf_add(&folder->row, "\n", 1);
        audit_buf_add(&folder->row, line.data, line.len);
        for (size_t i = 0; i < line.len; i++)
            quotes += line.data[i] == '"';
    } while (quotes % 2 && folder->row.len < AUDIT_LINE_MAX);
    return folder->row.failed ? AUDIT_GOT_BROKEN : AUDIT_GOT_LINE;
}

static bool header_fits(struct folder *folder)
{
    struct audit_buf *buf = &folder->cell;
    buf->len = 0;
    for (const struct audit_field *field = audit_forms[folder->table]; field->name; field++) {
        if (field->kind != AUDIT_F_SPREAD)
            audit_buf_format(buf, "%s%s", buf->len ? "," : "", field->name);
        for (const struct audit_field *part = field->part; field->kind == AUDIT_F_SPREAD && part->name; part++)
            audit_buf_format(buf, "%s%s.%s", buf->len ? "," : "", field->name, part->name);
    }
    return audit_text_eq(audit_buf_view(buf), audit_buf_view(&folder->row));
}

/* ---- tables ---- */

static bool claim_of(const struct folder *folder, uint8_t ret_digest[AUDIT_HASH], uint64_t *ret_records)
{
    struct audit_json_map map;
    struct audit_text digest, file;
    char name[80];
    snprintf(name, sizeof name, "%s.csv", audit_table_names[folder->table]);
    return audit_json_map(audit_json_find(&folder->tables, audit_table_names[folder->table]), &map) && map.count == 3 &&
           audit_json_plain(audit_json_find(&map, "digest"), &digest) &&
           audit_hex_read(digest, ret_digest, AUDIT_HASH) && audit_json_plain(audit_json_find(&map, "file"), &file) &&
           audit_text_eq(file, audit_text_of(name)) && audit_json_size(audit_json_find(&map, "records"), ret_records);
}

static void close_table(struct folder *folder)
{
    uint8_t claimed[AUDIT_HASH], hash[AUDIT_HASH];
    uint64_t records;
    crypto_generichash_blake2b_final(&folder->file.digest, hash, sizeof hash);
    if (!claim_of(folder, claimed, &records) || memcmp(hash, claimed, sizeof hash) != 0 || records != folder->rows)
        audit_fault(folder->faults, folder->path, 0, "table %s: the file was changed",
                    audit_table_names[folder->table]);
    audit_source_close(&folder->file);
    folder->open = false;
    folder->table++;
}

static enum audit_got broken(struct folder *folder, struct audit_text *ret, const char *what)
{
    folder->line.len = 0;
    audit_buf_format(&folder->line, "table %s: %s", audit_table_names[folder->table], what);
    *ret = audit_buf_view(&folder->line);
    return AUDIT_GOT_BROKEN;
}

static void add_member(struct folder *folder, const char *before, const char *name)
{
    struct audit_text value = audit_json_find(&folder->members, name);
    audit_buf_format(&folder->line, "%s\"%s\":", before, name);
    audit_buf_add(&folder->line, value.data, value.len);
}

static enum audit_got next_line(struct audit_source *source, struct audit_text *ret)
{
    struct folder *folder = source->context;
    for (;;) {
        folder->line.len = 0;
        *ret = (struct audit_text){"", 0};
        if (!folder->began || folder->table == AUDIT_TABLES) {
            bool first = !folder->began;
            if (folder->table > AUDIT_TABLES)
                return AUDIT_GOT_END;
            folder->table += !first;
            folder->began = true;
            add_member(folder, "{", first ? "format" : "digest");
            add_member(folder, ",", first ? "head" : "records");
            for (unsigned i = 0; first && i < 3; i++)
                add_member(folder, ",", i == 0 ? "seq" : i == 1 ? "time" : "version");
            audit_buf_add(&folder->line, "}", 1);
            *ret = audit_buf_view(&folder->line);
            return AUDIT_GOT_LINE;
        }
        if (folder->table > AUDIT_TABLES)
            return AUDIT_GOT_END;
        bool opened = !folder->open;
        if (opened) {
            snprintf(folder->name, sizeof folder->name, "%s/%s.csv", folder->path, audit_table_names[folder->table]);
            folder->open = true;
            folder->rows = 0;
            if (audit_source_open(&folder->file, folder->name) != 0)
                return broken(folder, ret, "the file is missing");
        }
        enum audit_got got = next_row(folder);
        source->line = folder->file.line;
        if (got == AUDIT_GOT_NOTHING)
            return got;
        if (opened && (got != AUDIT_GOT_LINE || !header_fits(folder)))
            return broken(folder, ret, "the first line does not name the columns of a dump");
        if (opened)
            continue;
        if (got == AUDIT_GOT_END) {
            close_table(folder);
            continue;
        }
        struct audit_text row = audit_buf_view(&folder->row);
        if (got != AUDIT_GOT_LINE || !take_fields(folder, &row, audit_forms[folder->table], true, &folder->line,
                                                  audit_table_names[folder->table]))
            return broken(folder, ret, "a row that is not as a dump has it");
        folder->rows++;
        *ret = audit_buf_view(&folder->line);
        return AUDIT_GOT_LINE;
    }
}

/* ---- the folder ---- */

/* A file that the manifest does not know is none of the dump. */
static void check_names(const struct folder *folder)
{
    DIR *dir = opendir(folder->path);
    const struct dirent *entry;
    char name[80];
    while (dir && (entry = readdir(dir))) {
        bool known = entry->d_name[0] == '.' || strcmp(entry->d_name, "manifest.json") == 0;
        for (unsigned t = 0; t < AUDIT_TABLES && !known; t++) {
            snprintf(name, sizeof name, "%s.csv", audit_table_names[t]);
            known = strcmp(entry->d_name, name) == 0;
        }
        if (!known)
            audit_fault(folder->faults, folder->path, 0, "%s stands in the folder and not in the manifest",
                        entry->d_name);
    }
    if (dir)
        closedir(dir);
}

static bool read_manifest(struct folder *folder)
{
    static const char *const names[] = {"digest", "format", "head",    "records", "seq",
                                        "tables", "time",   "version", NULL};
    struct audit_text text = audit_buf_view(&folder->manifest);
    if (text.len == 0 || text.data[--text.len] != '\n' || !audit_header(text, "relief-dump", names, &folder->members) ||
        !audit_json_map(audit_json_find(&folder->members, "tables"), &folder->tables) ||
        folder->tables.count != AUDIT_TABLES)
        return false;
    for (unsigned t = 0; t < AUDIT_TABLES; t++)
        if (!audit_json_find(&folder->tables, audit_table_names[t]).data)
            return false;
    return true;
}

int audit_folder_open(struct audit_source *source, const char *path, struct audit_faults *faults)
{
    struct folder *folder = calloc(1, sizeof *folder);
    *source = (struct audit_source){
        .path = path, .fd = -1, .packed = true, .text = AUDIT_BUF_INIT, .next = next_line, .context = folder};
    crypto_generichash_blake2b_init(&source->digest, NULL, 0, AUDIT_HASH);
    if (!folder)
        return audit_say("no memory");
    folder->path = path;
    folder->faults = faults;
    folder->manifest = folder->row = folder->cell = folder->line = AUDIT_BUF_INIT;
    snprintf(folder->name, sizeof folder->name, "%s/manifest.json", path);
    int code = audit_file_read(folder->name, MANIFEST_MAX, &folder->manifest);
    if (code == 0 && !read_manifest(folder)) {
        audit_fault(faults, path, 0, "manifest.json is not that of a dump of version 1");
        folder->began = true;
        folder->table = AUDIT_TABLES + 1;
    } else if (code == 0) {
        check_names(folder);
    }
    return code;
}

void audit_folder_close(struct audit_source *source)
{
    struct folder *folder = source->context;
    if (!folder)
        return;
    if (folder->open)
        audit_source_close(&folder->file);
    audit_buf_deinit(&folder->manifest);
    audit_buf_deinit(&folder->row);
    audit_buf_deinit(&folder->cell);
    audit_buf_deinit(&folder->line);
    free(folder);
    source->context = NULL;
}
