/*
 * schemadoc: the page of the protocol, from the lists. `schemadoc` prints it, `--write FILE` writes it, `--check FILE`
 * compares and ends with 1 where the file is stale: schema/protocol.md is never edited by hand.
 *
 * Everything comes from the descriptors that the codecs use too, so the page can't say something else than the program
 * does.
 */
#include "schema/buf.h"
#include "schema/commands.h"
#include "schema/errors.h"
#include <ctype.h>
#include <stdio.h>

static struct relief_buf page;

static void say(const char *text)
{
    relief_buf_add_text(&page, text);
}

/* 1000000 as 1,000,000 */
static void say_int(int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
    for (int i = 0; i < len; i++) {
        if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
            say(",");
        relief_buf_add_char(&page, digits[i]);
    }
}

static void say_span(int64_t low, int64_t high, const char *unit)
{
    say(", ");
    say_int(low);
    say(high == INT64_MAX ? " and more" : " to ");
    if (high != INT64_MAX)
        say_int(high);
    say(unit);
}

static void say_words(const struct relief_enum *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        relief_buf_printf(&page, "%s`%s`", i ? " " : "", names->names[i]);
}

static void say_type(const struct relief_field *field)
{
    bool ranged = field->min != 0 || field->max != 0;
    switch (field->kind) {
    case RELIEF_F_INT:
        say("integer");
        if (ranged)
            say_span(field->min, field->max, "");
        break;
    case RELIEF_F_BOOL:
        say("bool");
        break;
    case RELIEF_F_ENUM:
        say_words(field->names);
        break;
    case RELIEF_F_TIME:
        say("time");
        break;
    case RELIEF_F_ID:
        say("id");
        break;
    case RELIEF_F_DID:
        say("dispatch id");
        break;
    case RELIEF_F_TEXT:
        say("text");
        if (ranged)
            say_span(field->min, field->max, " bytes");
        break;
    case RELIEF_F_IDS:
        say("list of ids");
        break;
    case RELIEF_F_OBJS:
        relief_buf_printf(&page, "list of [%s](#%s)", field->sub->name, field->sub->name);
        break;
    case RELIEF_F_OBJ:
        relief_buf_printf(&page, "[%s](#%s)", field->sub->name, field->sub->name);
        break;
    case RELIEF_F_RAW:
        say("any value");
        break;
    case RELIEF_F_BYTES:
        say("bytes");
        break;
    }
}

static void say_default(const struct relief_field *field)
{
    if (field->fallback == RELIEF_NIL)
        return;
    if (field->kind == RELIEF_F_BOOL)
        say(field->fallback ? "true" : "false");
    else if (field->kind == RELIEF_F_ENUM)
        relief_buf_printf(&page, "`%s`", field->names->names[field->fallback]);
    else
        say_int(field->fallback);
}

static void say_params(const struct relief_shape *shape)
{
    if (shape->count == 0) {
        say("No parameters.\n\n");
        return;
    }
    say("| parameter | | type | default | |\n|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        relief_buf_printf(&page, "| `%s` | %s | ", field->name, field->required ? "required" : "");
        say_type(field);
        say(" | ");
        say_default(field);
        relief_buf_printf(&page, " | %s |\n", field->help);
    }
    say("\n");
}

static void say_fields(const struct relief_shape *shape, unsigned keys)
{
    say("| field | | type | |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (field->hidden)
            continue;
        relief_buf_printf(&page, "| `%s` | %s | ", field->name, i < keys ? "key" : field->required ? "" : "may be nil");
        say_type(field);
        relief_buf_printf(&page, " | %s |\n", field->help);
    }
    say("\n");
}

static void say_roles(unsigned roles)
{
    if (roles == RELIEF_R_ALL) {
        say("every role");
        return;
    }
    const char *comma = "";
    for (unsigned role = RELIEF_role_city; role < RELIEF_role_COUNT; role++) {
        if (!(roles & 1u << role))
            continue;
        relief_buf_printf(&page, "%s%s", comma, relief_enum_role.names[role]);
        comma = ", ";
    }
}

/* Summaries are written without capital and full stop, as the command line's help wants them. */
static void say_sentence(const char *summary)
{
    relief_buf_add_char(&page, (char)toupper((unsigned char)summary[0]));
    say(summary + 1);
    say(".");
}

static void say_method(const struct relief_method_info *method)
{
    static const char *const kinds[] = {
        [RELIEF_SESSION] = "answered before the peer is identified",
        [RELIEF_QUERY] = "reads",
        [RELIEF_LIST] = "reads, in pages",
        [RELIEF_STREAM] = "sends notifications before its answer",
        [RELIEF_CHANGE] = "changes, becomes a log entry",
    };
    relief_buf_printf(&page, "### %s\n\n", method->wire);
    say_sentence(method->summary);
    relief_buf_printf(&page, " Number %u; %s. For ", method->number, kinds[method->kind]);
    say_roles(method->roles);
    say(method->state == RELIEF_PLANNED ? ". **Not built yet: answers `BAD_METHOD`.**\n\n" : ".\n\n");
    say_params(method->params);
    const char *result = method->result->name;
    if (method->kind == RELIEF_LIST)
        relief_buf_printf(&page, "Answer: `{items, next}`, each item a [%s](#%s).\n\n", result, result);
    else if (method->result->count == 0)
        say("Answer: an empty map.\n\n");
    else
        relief_buf_printf(&page, "Answer: [%s](#%s)%s.\n\n", result, result,
                          method->kind == RELIEF_CHANGE ? " and `seq`, the log entry" : "");
}

static void say_methods(void)
{
    say("## Methods\n\nThe roles named may call a method at all; whose city or region it is, is checked with the "
        "record. `local` "
        "has every right. Changing methods take an `op`: the same `op` with the same parameters returns the first "
        "answer.\n\n");
    for (unsigned i = 0; i < relief_method_count; i++) {
        /* A noun is told whole where it first comes. */
        bool first = true;
        for (unsigned before = 0; before < i; before++)
            first = first && strcmp(relief_methods[before].noun, relief_methods[i].noun) != 0;
        for (unsigned of = i; first && of < relief_method_count; of++)
            if (strcmp(relief_methods[of].noun, relief_methods[i].noun) == 0)
                say_method(&relief_methods[of]);
    }
    say("## Timers\n\nCommands of the daemon itself: they stand in the log, no client can send them.\n\n");
#define C(number, name, wire, summary)                                                                                 \
    say("### " wire "\n\n");                                                                                           \
    say_sentence(summary);                                                                                             \
    say(" Number " #number ".\n\n");                                                                                   \
    say_params(&relief_shape_##name##_params);
    RELIEF_COMMANDS(C)
#undef C
}

static void say_records(void)
{
    say("## Records\n\nThe tables, in the order of a dump. `get` answers such a record, `list` pages of them.\n\n");
    for (unsigned i = 0; i < RELIEF_TABLE_COUNT; i++) {
        relief_buf_printf(&page, "### %s\n\n", relief_tables[i].name);
        say_fields(relief_tables[i].shape, relief_tables[i].key_fields);
    }
    say("## Parts of records and other answers\n\n");
    static const struct relief_shape *const shapes[] = {
#define P(shape) &relief_shape_##shape,
        RELIEF_PARTS(P) RELIEF_RESULTS(P)
#undef P
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i]->count == 0)
            continue;
        relief_buf_printf(&page, "### %s\n\n", shapes[i]->name);
        say_fields(shapes[i], 0);
    }
}

static void say_errors_and_words(void)
{
    say("## Errors\n\nAn error is a map `{code, message, field?, id?, state?, available?}`.\n\n| code | again later? | "
        "what to do |\n|---|---|---|\n");
    for (int i = RELIEF_DONE + 1; i < RELIEF_ERROR_COUNT; i++) {
        enum relief_error code = (enum relief_error)i;
        relief_buf_printf(&page, "| `%s` | %s | %s |\n", relief_error_name(code),
                          relief_error_retry(code) ? "may help" : "no", relief_error_advice(code));
    }
    say("\n## Words\n\n| list | words |\n|---|---|\n");
#define L(list)                                                                                                        \
    say("| " #list " | ");                                                                                             \
    say_words(&relief_enum_##list);                                                                                    \
    say(" |\n");
    RELIEF_ENUMS(L)
#undef L
}

static void say_page(void)
{
    say("# Protocol\n\n"
        "Written by `schemadoc` from the lists in this folder; don't edit it, run `cmake --build BUILD -t "
        "protocol`.\n\n"
        "MessagePack-RPC: a request is `[0, msgid, method, params]`, params an array that is empty or holds one map; "
        "an answer "
        "`[1, msgid, error, result]`, a notification `[2, method, params]`. nil means absent. An id is 1 to 64 bytes "
        "of "
        "`[A-Za-z0-9._:-]`, a dispatch id `REQUEST/N`, a time milliseconds since 1970 in UTC, text UTF-8 of at most "
        "4,096 bytes.\n\n");
    say_methods();
    say_records();
    say_errors_and_words();
}

/* ---- files ---- */

static int write_page(const char *name)
{
    FILE *file = fopen(name, "w");
    if (!file) {
        perror(name);
        return 1;
    }
    size_t written = fwrite(page.data, 1, page.len, file);
    if (fclose(file) != 0 || written != page.len) {
        perror(name);
        return 1;
    }
    return 0;
}

static int check_page(const char *name)
{
    FILE *file = fopen(name, "r");
    if (!file) {
        perror(name);
        return 1;
    }
    size_t at = 0, line = 1;
    int c;
    while ((c = getc(file)) != EOF && at < page.len && c == (unsigned char)page.data[at]) {
        line += c == '\n';
        at++;
    }
    fclose(file);
    if (c == EOF && at == page.len)
        return 0;
    fprintf(stderr, "%s:%zu: not what the lists say; run schemadoc --write %s\n", name, line, name);
    return 1;
}

int main(int argc, char **argv)
{
    say_page();
    int result = page.failed ? 1 : 0;
    if (result)
        fprintf(stderr, "schemadoc: no memory\n");
    else if (argc == 1)
        result = fwrite(page.data, 1, page.len, stdout) == page.len && fflush(stdout) == 0 ? 0 : 1;
    else if (argc == 3 && strcmp(argv[1], "--write") == 0)
        result = write_page(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "--check") == 0)
        result = check_page(argv[2]);
    else
        result = fprintf(stderr, "usage: schemadoc [--write FILE | --check FILE]\n") < 0 ? 1 : 2;
    relief_buf_deinit(&page);
    return result;
}
