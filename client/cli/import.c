/*
 * Columns to parameters, cells to values, and what is wrong with a row by line and column.
 *
 * Rows without an id of their own get an op made from the batch's name, the row's cells and its count among equal rows.
 * The cells as they were written, not the values: `+2d` means something else tomorrow, but it is the same row.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/import.h"
#include "schema/codec.h"

#define ROW_BYTES (32u * 1024u * 1024u) /* address space: 256 cells of 64 KiB are 16 MiB */

static const struct import_table tables[] = {
    {"region", "regions", RELIEF_METHOD_region_put, RELIEF_TABLE_region},
    {"city", "cities", RELIEF_METHOD_city_put, RELIEF_TABLE_city},
    {"link", "links", RELIEF_METHOD_link_put, RELIEF_TABLE_link},
    {"kind", "kinds", RELIEF_METHOD_kind_put, RELIEF_TABLE_kind},
    {"stock", "stocks", RELIEF_METHOD_stock_receive, -1},
    {"floor", "floors", RELIEF_METHOD_stock_floor, RELIEF_TABLE_floor},
    {"asset", "assets", RELIEF_METHOD_asset_put, RELIEF_TABLE_asset},
    {"incident", "incidents", RELIEF_METHOD_incident_open, RELIEF_TABLE_incident},
    {"agreement", "agreements", RELIEF_METHOD_agreement_put, RELIEF_TABLE_agreement},
    {"request", "requests", RELIEF_METHOD_request_submit, RELIEF_TABLE_request},
};

const struct import_table *import_table_find(const char *name)
{
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (strcmp(tables[i].name, name) == 0 || strcmp(tables[i].plural, name) == 0)
            return &tables[i];
    }
    return NULL;
}

void import_table_list(FILE *out)
{
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        fprintf(out, " %s", tables[i].name);
    fputc('\n', out);
}

static void bad_at(struct import *import, uint32_t line, unsigned column, const char *name, const char *what)
{
    import->bad++;
    fprintf(stderr, "relief: %s:%u:%u: %s%s%s\n", import->file, line, column, name ? name : "", name ? ": " : "", what);
}

static const struct relief_field *field_named(const struct import *import, const char *name, size_t len)
{
    return relief_shape_find(import->method->params, (struct relief_str){name, (uint32_t)len});
}

/* --map =PARAMETER:VALUE */
static int fix_value(struct import *import, const char *text)
{
    const char *colon = strchr(text, ':');
    const struct relief_field *field = colon ? field_named(import, text, (size_t)(colon - text)) : NULL;
    if (!colon)
        return cli_bad("--map =%s: =PARAMETER:VALUE sets a parameter for every row", text);
    if (!field)
        return cli_bad("--map: %s has no parameter '%.*s'", import->method->wire, (int)(colon - text), text);
    if (import->fixed_count == CLI_FIELDS_MAX)
        return cli_bad("--map: too many");
    import->fixed[import->fixed_count].field = field;
    import->fixed[import->fixed_count++].value = colon + 1;
    return CLI_DONE;
}

/* The parameter of a column: by --map, or of the same name. False: there is none. */
static bool resolve(struct import *import, struct relief_str column, const struct relief_field **ret)
{
    for (int i = 0; i < import->maps.count; i++) {
        const char *map = import->maps.word[i], *equals = strchr(map, '=');
        if (!equals || (size_t)(equals - map) != column.len || memcmp(map, column.data, column.len) != 0 ||
            column.len == 0)
            continue;
        *ret = equals[1] ? field_named(import, equals + 1, strlen(equals + 1)) : NULL;
        return !equals[1] || *ret;
    }
    *ret = relief_shape_find(import->method->params, column);
    return *ret != NULL;
}

static int check_maps(struct import *import)
{
    for (int i = 0; i < import->maps.count; i++) {
        const char *map = import->maps.word[i], *equals = strchr(map, '=');
        if (!equals)
            return cli_bad("--map %s: COLUMN=PARAMETER renames, COLUMN= ignores, =PARAMETER:VALUE sets", map);
        if (equals == map && fix_value(import, map + 1) != 0)
            return CLI_USAGE;
        bool used = equals == map;
        for (unsigned c = 0; c < import->csv.count && !used; c++)
            used = relief_str_eq(import->csv.cells[c].text, (struct relief_str){map, (uint32_t)(equals - map)});
        if (!used)
            return cli_bad("--map %s: the file has no such column", map);
        if (equals != map && equals[1] && !field_named(import, equals + 1, strlen(equals + 1)))
            return cli_bad("--map %s: %s has no such parameter", map, import->method->wire);
    }
    return CLI_DONE;
}

static bool is_given(const struct import *import, const struct relief_field *field, unsigned columns)
{
    for (unsigned c = 0; c < columns; c++) {
        if (import->fields[c] == field)
            return true;
    }
    for (unsigned i = 0; i < import->fixed_count; i++) {
        if (import->fixed[i].field == field)
            return true;
    }
    return false;
}

static void read_header(struct import *import)
{
    const struct relief_shape *shape = import->method->params;
    char what[128];
    import->columns = import->csv.count;
    for (unsigned c = 0; c < import->csv.count; c++) {
        struct relief_str name = import->csv.cells[c].text;
        char shown[64];
        snprintf(shown, sizeof shown, "%.*s", (int)(name.len < 60 ? name.len : 60), name.data);
        import->fields[c] = NULL;
        const struct relief_field *field = NULL;
        if (!resolve(import, name, &field)) {
            snprintf(what, sizeof what, "unknown column; %s has no such parameter (--map renames or ignores it)",
                     import->method->wire);
            bad_at(import, 1, c + 1, shown, what);
        } else if (field && is_given(import, field, c)) {
            bad_at(import, 1, c + 1, shown, "this parameter is given twice");
        }
        import->fields[c] = field;
    }
    for (uint32_t f = 0; f < shape->count; f++) {
        if (shape->fields[f].required && !is_given(import, &shape->fields[f], import->columns))
            bad_at(import, 1, import->columns + 1, shape->fields[f].name, "a required column is missing");
    }
}

int import_begin(struct import *import)
{
    import->method = relief_method_by_number((unsigned)import->table->method);
    import->arena = RELIEF_ARENA_INIT;
    import->now_ms = cli_now_ms();
    if (relief_arena_init(&import->arena, ROW_BYTES) != 0)
        return cli_bad("no memory");
    cli_csv_open(&import->csv, import->data, import->len);
    int got = cli_csv_next(&import->csv);
    if (got == 0)
        return cli_bad("%s:1:1: the file is empty; its first line must name the columns", import->file);
    if (got < 0)
        return cli_bad("%s:%u:%u: %s", import->file, import->csv.error_line, import->csv.error_column,
                       import->csv.error);
    int code = check_maps(import);
    if (code)
        return code;
    read_header(import);
    return import->bad ? CLI_USAGE : CLI_DONE;
}

int import_rewind(struct import *import)
{
    cli_map_deinit(&import->seen);
    cli_csv_close(&import->csv);
    cli_csv_open(&import->csv, import->data, import->len);
    import->rows = 0;
    return cli_csv_next(&import->csv) == 1 ? CLI_DONE : CLI_USAGE;
}

void import_deinit(struct import *import)
{
    cli_csv_close(&import->csv);
    cli_map_deinit(&import->seen);
    relief_arena_deinit(&import->arena);
    free(import->data);
    import->data = NULL;
}

static unsigned column_of(const struct import *import, const struct relief_field *field)
{
    for (unsigned c = 0; c < import->columns; c++) {
        if (import->fields[c] == field)
            return c + 1;
    }
    return 1;
}

static bool fill(struct import *import)
{
    struct cli_parse parse = {.arena = &import->arena, .now_ms = import->now_ms};
    uint64_t before = import->bad;
    for (unsigned i = 0; i < import->fixed_count; i++) {
        if (!cli_value_set(&parse, import->fixed[i].field, import->record, relief_str_of(import->fixed[i].value)))
            bad_at(import, import->csv.row_line, 1, import->fixed[i].field->name, parse.error);
    }
    for (unsigned c = 0; c < import->columns; c++) {
        const struct cli_csv_cell *cell = &import->csv.cells[c];
        if (!import->fields[c] || cell->text.len == 0)
            continue;
        if (!cli_value_set(&parse, import->fields[c], import->record, cell->text))
            bad_at(import, cell->line, c + 1, import->fields[c]->name, parse.error);
    }
    return import->bad == before;
}

static bool is_absent(const struct relief_field *field, const void *record)
{
    switch (field->kind) {
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
    case RELIEF_F_RAW:
    case RELIEF_F_BYTES:
        return !relief_field_str(field, record)->data;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return !relief_field_list(field, record)->present;
    case RELIEF_F_OBJ:
        return false;
    default:
        return *relief_field_i64(field, record) == RELIEF_NIL;
    }
}

/* Required cells and ranges. */
static bool check(struct import *import)
{
    const struct relief_shape *shape = import->method->params;
    struct relief_refusal refusal;
    char name[96];
    for (uint32_t f = 0; f < shape->count; f++) {
        if (!shape->fields[f].required || !is_absent(&shape->fields[f], import->record))
            continue;
        bad_at(import, import->csv.row_line, column_of(import, &shape->fields[f]), shape->fields[f].name,
               "must not be empty");
        return false;
    }
    void *copy = relief_arena_alloc(&import->arena, shape->size);
    if (!copy) {
        bad_at(import, import->csv.row_line, 1, NULL, "the row is too large");
        return false;
    }
    memcpy(copy, import->record, shape->size);
    if (relief_params_check(shape, copy, &refusal) <= 0)
        return true;
    snprintf(name, sizeof name, "%s", refusal.field);
    name[strcspn(name, ".")] = '\0';
    const struct relief_field *field = field_named(import, name, strlen(name));
    unsigned column = field ? column_of(import, field) : 1;
    uint32_t line = column <= import->csv.count ? import->csv.cells[column - 1].line : import->csv.row_line;
    bad_at(import, line, column, refusal.field[0] ? refusal.field : NULL, cli_plain_message(&refusal));
    return false;
}

/* The bytes that name the row: its key, or all that is written in it. */
static void add_key(struct import *import, struct relief_buf *key)
{
    const struct relief_shape *shape = import->method->params;
    if (import->table->table >= 0) {
        const struct relief_table_info *table = &relief_tables[import->table->table];
        for (unsigned f = 0; f < table->key_fields; f++) {
            const struct relief_field *field = relief_shape_find(shape, relief_str_of(table->shape->fields[f].name));
            relief_buf_add_str(key, *relief_field_str(field, import->record));
            relief_buf_add_char(key, '\0');
        }
        return;
    }
    for (uint32_t f = 0; f < shape->count; f++) {
        struct relief_str text = RELIEF_STR_NONE;
        for (unsigned i = 0; i < import->fixed_count; i++) {
            if (import->fixed[i].field == &shape->fields[f])
                text = relief_str_of(import->fixed[i].value);
        }
        for (unsigned c = 0; c < import->columns; c++) {
            if (import->fields[c] == &shape->fields[f] && import->csv.cells[c].text.len > 0)
                text = import->csv.cells[c].text;
        }
        if (text.len == 0)
            continue;
        relief_buf_add_text(key, shape->fields[f].name);
        relief_buf_add_char(key, '\0');
        relief_buf_add_str(key, text);
        relief_buf_add_char(key, '\0');
    }
}

static void set_op(struct import *import, const struct relief_buf *row, int64_t count)
{
    const struct relief_field *op = field_named(import, "op", 2);
    crypto_generichash_state state;
    unsigned char digest[20];
    char text[8 + 2 * sizeof digest], digits[24];
    if (!op || relief_field_str(op, import->record)->data)
        return;
    snprintf(digits, sizeof digits, "%lld", (long long)count);
    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    crypto_generichash_update(&state, (const unsigned char *)import->batch, strlen(import->batch) + 1);
    crypto_generichash_update(&state, (const unsigned char *)import->method->wire, strlen(import->method->wire) + 1);
    crypto_generichash_update(&state, (const unsigned char *)row->data, row->len);
    crypto_generichash_update(&state, (const unsigned char *)digits, strlen(digits));
    crypto_generichash_final(&state, digest, sizeof digest);
    strcpy(text, "import.");
    sodium_bin2hex(text + 7, sizeof text - 7, digest, sizeof digest);
    *relief_field_str(op, import->record) = relief_arena_str(&import->arena, relief_str_of(text));
}

static bool note_row(struct import *import)
{
    struct relief_buf key = RELIEF_BUF_INIT;
    char what[64];
    bool good = true;
    add_key(import, &key);
    struct cli_map_item *seen =
        cli_map_get(&import->seen, (struct relief_str){key.data ? key.data : "", (uint32_t)key.len});
    if (!seen) {
        bad_at(import, import->csv.row_line, 1, NULL, "no memory");
        good = false;
    } else if (import->table->table >= 0 && seen->n[1] > 0) {
        snprintf(what, sizeof what, "the same id stands in line %lld", (long long)seen->n[0]);
        const char *name = relief_tables[import->table->table].shape->fields[0].name;
        bad_at(import, import->csv.row_line, column_of(import, field_named(import, name, strlen(name))), name, what);
        good = false;
    } else {
        seen->n[0] = import->csv.row_line;
        if (import->table->table < 0)
            set_op(import, &key, seen->n[1]);
        seen->n[1]++;
    }
    relief_buf_deinit(&key);
    return good;
}

int import_next(struct import *import, bool *ret_stop)
{
    char what[96];
    *ret_stop = false;
    int got = cli_csv_next(&import->csv);
    if (got == 0)
        return 0;
    if (got < 0) {
        bad_at(import, import->csv.error_line, import->csv.error_column, NULL, import->csv.error);
        *ret_stop = true; /* where the next row begins is anybody's guess */
        return -1;
    }
    import->rows++;
    if (import->csv.count != import->columns) {
        snprintf(what, sizeof what, "%u cells, but the header has %u", import->csv.count, import->columns);
        unsigned at = import->csv.count < import->columns ? import->csv.count : import->columns + 1;
        bad_at(import, import->csv.row_line, at, NULL, what);
        return -1;
    }
    relief_arena_reset(&import->arena);
    import->record = relief_arena_alloc(&import->arena, import->method->params->size);
    if (!import->record) {
        bad_at(import, import->csv.row_line, 1, NULL, "no memory");
        return -1;
    }
    relief_shape_clear(import->method->params, import->record);
    return fill(import) && check(import) && note_row(import) ? 1 : -1;
}
