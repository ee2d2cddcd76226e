/*
 * The ledger of generations: one file for each generation of the schema, with everything that gives a log line of that
 * generation its bytes. A generation that was released never changes, because lines are hashed: a file that differs
 * from the lists is a mistake in the lists. `test_schema_ledger FOLDER --write` writes the file of the present
 * generation, which may change until it is released.
 *
 * A line of a file is a name and what stands under it. Older files need not have all names of today, and today's lists
 * of words may be longer; everything else is the same for ever.
 */
#include "sample.h"
#include "schema/commands.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[] = {"int",  "bool", "enum", "time", "id",  "did",
                                    "text", "ids",  "objs", "obj",  "raw", "bytes"};

static struct relief_buf text;

static void add_shape(const struct relief_shape *shape, unsigned generation)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->since > generation)
            continue;
        relief_buf_printf(&text, " %s:%s", field->name, kinds[field->kind]);
        if (field->names)
            relief_buf_printf(&text, ":%s", field->names->name);
        if (field->sub)
            relief_buf_printf(&text, ":%s", field->sub->name);
        if (field->hidden)
            relief_buf_printf(&text, ":hidden");
    }
    relief_buf_add_char(&text, '\n');
}

static void add_command(unsigned number, unsigned generation)
{
    const struct relief_command_info *command = relief_command_by_number(number);
    relief_buf_printf(&text, "command %s = %u %s", command->wire, number,
                      command->answer ? command->answer->name : "-");
    add_shape(command->params, generation);
    if (command->answer && relief_table_find(relief_str_of(command->answer->name)) < 0) {
        relief_buf_printf(&text, "answer %s =", command->wire);
        add_shape(command->answer, generation);
    }
}

static void make(unsigned generation)
{
    relief_buf_clear(&text);
#define L(list)                                                                                                        \
    relief_buf_printf(&text, "words " #list " =");                                                                     \
    for (uint32_t i = 0; i < relief_enum_##list.count; i++)                                                            \
        relief_buf_printf(&text, " %s", relief_enum_##list.names[i]);                                                  \
    relief_buf_add_char(&text, '\n');
    RELIEF_ENUMS(L)
#undef L
#define P(part)                                                                                                        \
    relief_buf_printf(&text, "part " #part " =");                                                                      \
    add_shape(&relief_shape_##part, generation);
    RELIEF_PARTS(P)
    P(candidate)
    P(plan_leg)
    P(plan_request)
    P(plan_measures)
#undef P
    for (unsigned i = 0; i < RELIEF_TABLE_COUNT; i++) {
        relief_buf_printf(&text, "table %s = %u %u", relief_tables[i].name, i, relief_tables[i].key_fields);
        add_shape(relief_tables[i].shape, generation);
    }
    for (unsigned i = 0; i < relief_method_count; i++)
        if (relief_methods[i].kind == RELIEF_CHANGE && relief_methods[i].state == RELIEF_BUILT)
            add_command(relief_methods[i].number, generation);
#define C(number, name, wire, summary) add_command(number, generation);
    RELIEF_COMMANDS(C)
#undef C
    relief_buf_add_char(&text, '\0');
}

/* The line of today with the name that the line of the file begins with, up to its line feed; NULL: there is none. */
static const char *find(const char *line, size_t *ret_len)
{
    const char *end = strstr(line, " =");
    size_t name = end ? (size_t)(end + 2 - line) : strlen(line);
    for (const char *at = text.data; *at; at = strchr(at, '\n') + 1) {
        if (strncmp(at, line, name) == 0) {
            *ret_len = (size_t)(strchr(at, '\n') - at);
            return at;
        }
    }
    return NULL;
}

static bool holds(const char *line, size_t len, unsigned generation)
{
    size_t now_len = 0;
    const char *now = find(line, &now_len);
    bool longer = generation < RELIEF_GENERATION && strncmp(line, "words ", 6) == 0;
    if (now && now_len >= len && memcmp(now, line, len) == 0 && (now_len == len || (longer && now[len] == ' ')))
        return true;
    fprintf(stderr, "generation %u: %s\nis now:       %.*s\n", generation, line, now ? (int)now_len : 7,
            now ? now : "nothing");
    return false;
}

static int compare(FILE *file, unsigned generation)
{
    char *line = NULL;
    size_t cap = 0, lines = 0, now = 0;
    int wrong = 0;
    for (ssize_t len; (len = getline(&line, &cap, file)) > 0; lines++) {
        line[--len] = '\0';
        wrong += !holds(line, (size_t)len, generation);
    }
    free(line);
    for (const char *at = text.data; *at; at = strchr(at, '\n') + 1)
        now++;
    if (generation == RELIEF_GENERATION && lines != now) {
        fprintf(stderr, "generation %u: the file has %zu lines, the lists say %zu\n", generation, lines, now);
        wrong++;
    }
    if (wrong)
        fprintf(stderr,
                "Entries of generation %u are hashed with what the file says. A new field gets RELIEF_X_SINCE(%u, "
                "...), and\n"
                "RELIEF_GENERATION becomes %u if that was released (schema/README.md).\n",
                generation, RELIEF_GENERATION + 1, RELIEF_GENERATION + 1);
    return wrong;
}

int main(int argc, char **argv)
{
    bool write = argc == 3 && strcmp(argv[2], "--write") == 0;
    int wrong = 0;
    if (argc != 2 && !write) {
        fprintf(stderr, "usage: test_schema_ledger FOLDER [--write]\n");
        return 2;
    }
    for (unsigned generation = write ? RELIEF_GENERATION : 1; generation <= RELIEF_GENERATION; generation++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/generation-%u.txt", argv[1], generation);
        FILE *file = fopen(path, write ? "w" : "r");
        if (!file) {
            perror(path);
            return 1;
        }
        make(generation);
        if (write)
            wrong += fwrite(text.data, 1, text.len - 1, file) != text.len - 1;
        else
            wrong += compare(file, generation);
        if (fclose(file) != 0)
            wrong++;
    }
    relief_buf_deinit(&text);
    return wrong ? 1 : 0;
}
