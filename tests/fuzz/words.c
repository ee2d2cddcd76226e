/*
 * Prints the words of the schema as a dictionary for libFuzzer and AFL++: methods, tables, fields, enumerations, error
 * codes and options, and what protocol and files are made of beside them.
 */
#include <stdio.h>
#include "schema/codec.h"
#include "schema/commands.h"
#include "schema/config.h"

static void word(const char *text)
{
    putchar('"');
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    puts("\"");
}

static void shape(const struct relief_shape *of)
{
    for (uint32_t i = 0; i < of->count; i++) {
        const struct relief_field *field = &of->fields[i];
        word(field->name);
        for (uint32_t n = 0; field->names && n < field->names->count; n++)
            word(field->names->names[n]);
        if (field->sub)
            shape(field->sub);
    }
}

int main(void)
{
    static const char *const others[] = {
        "relief-dump",  "relief-log",    "relief-proof",    "relief-receipt", "inclusion",
        "consistency",  "checkpoint",    "from_checkpoint", "\"t\":",         "\"gone\":true",
        "{\"digest\":", "{\"records\":", "unix:",           "tcp:",           "tls:",
        ",as=",         "city:",         "coordinator:",    "relief://",      "cosignature/v1"};
    static const char *const options[] = {
#define O(section, name, type, min, max, initial, help) "[" #section "]\n" #name " = ",
        RELIEF_CONFIG(O)
#undef O
    };
    for (unsigned i = 0; i < relief_method_count; i++) {
        word(relief_methods[i].wire);
        shape(relief_methods[i].params);
        shape(relief_methods[i].result);
    }
    for (unsigned i = 0; i < RELIEF_TABLE_COUNT; i++) {
        word(relief_tables[i].name);
        shape(relief_tables[i].shape);
    }
    for (int code = 1; code < RELIEF_ERROR_COUNT; code++)
        word(relief_error_name((enum relief_error)code));
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        word(others[i]);
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
        putchar('"');
        for (const char *at = options[i]; *at; at++)
            printf(*at == '\n' ? "\\x0a" : "%c", *at);
        puts("\"");
    }
    puts("\"\\x94\\x00\"\n\"\\x94\\x01\"\n\"\\x93\\x02\"\n\"\\xe2\\x80\\x94 \"\n\"\\xc1\\x00\"");
    return 0;
}
