/*
 * Golden bytes: what is on the wire, in the log and in a dump for one sample of every method, answer and record. The
 * file beside this program is compared with what the codecs write now; a difference is a change of the protocol or of
 * the disk format and belongs into the change log. `test_schema_golden FILE --write` writes it anew.
 */
#include "sample.h"
#include "schema/commands.h"
#include <stdio.h>
#include <stdlib.h>

static struct relief_buf text, bytes;
static struct relief_arena arena;

static void add_hex(const char *what, const char *name)
{
    relief_buf_printf(&text, "%s %s ", what, name);
    for (size_t i = 0; i < bytes.len; i++)
        relief_buf_printf(&text, "%02x", (unsigned char)bytes.data[i]);
    relief_buf_add_char(&text, '\n');
    relief_buf_clear(&bytes);
}

/* Two samples of each shape: one plain, one with absences and values of all lengths. */
static void add_shape(const struct relief_shape *shape, const char *what, const char *name, bool params, bool stored)
{
    _Alignas(8) char record[SAMPLE_BYTES];
    for (unsigned seed = 0; seed < 2; seed++) {
        relief_arena_reset(&arena);
        sample_fill(shape, record, seed, &arena);
        if (params)
            relief_pack_params(&bytes, shape, record);
        else
            relief_pack_record(&bytes, shape, record, 0);
        add_hex(what, name);
        if (!stored)
            continue;
        relief_record_encode(&bytes, shape, record);
        add_hex("stored", name);
    }
}

static void add_json(const struct relief_table_info *table)
{
    _Alignas(8) char record[SAMPLE_BYTES];
    relief_arena_reset(&arena);
    sample_fill(table->shape, record, 1, &arena);
    relief_buf_printf(&text, "json %s ", table->name);
    relief_json_record(&text, table->shape, record, table->name);
    relief_buf_printf(&text, "\ngone %s ", table->name);
    relief_json_gone(&text, table, record);
    relief_buf_add_char(&text, '\n');
}

static void make(void)
{
    for (unsigned i = 0; i < relief_method_count; i++) {
        bool stored = relief_methods[i].kind == RELIEF_CHANGE;
        add_shape(relief_methods[i].params, "params", relief_methods[i].wire, true, stored);
    }
#define C(number, name, wire, summary) add_shape(&relief_shape_##name##_params, "params", wire, true, true);
    RELIEF_COMMANDS(C)
#undef C
#define P(result) add_shape(&relief_shape_##result, "result", #result, false, false);
    RELIEF_RESULTS(P)
#undef P
    for (unsigned i = 0; i < RELIEF_TABLE_COUNT; i++) {
        add_shape(relief_tables[i].shape, "record", relief_tables[i].name, false, true);
        add_json(&relief_tables[i]);
    }
}

static int compare(FILE *file)
{
    int differences = 0;
    size_t at = 0, cap = 0;
    char *line = NULL;
    ssize_t len;
    while ((len = getline(&line, &cap, file)) > 0) {
        const char *end = at < text.len ? memchr(text.data + at, '\n', text.len - at) : NULL;
        size_t have = end ? (size_t)(end + 1 - (text.data + at)) : 0;
        if (have != (size_t)len || memcmp(text.data + at, line, have) != 0) {
            fprintf(stderr, "golden: %sis now: %.*s", line, (int)have, have ? text.data + at : "");
            differences++;
        }
        at += have;
    }
    free(line);
    if (at != text.len) {
        fprintf(stderr, "golden: more now: %.*s", (int)(text.len - at), text.data + at);
        differences++;
    }
    return differences ? 1 : 0;
}

int main(int argc, char **argv)
{
    bool write = argc == 3 && strcmp(argv[2], "--write") == 0;
    if ((argc != 2 && !write) || relief_arena_init(&arena, 1 << 20)) {
        fprintf(stderr, "usage: test_schema_golden FILE [--write]\n");
        return 2;
    }
    make();
    FILE *file = fopen(argv[1], write ? "w" : "r");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    int result = write ? fwrite(text.data, 1, text.len, file) != text.len : compare(file);
    if (fclose(file) != 0)
        result = 1;
    relief_buf_deinit(&text);
    relief_buf_deinit(&bytes);
    relief_arena_deinit(&arena);
    return result;
}
