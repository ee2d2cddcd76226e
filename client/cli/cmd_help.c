/*
 * Help from the schema: what the lists say about a method is all there is to say, so it can't go stale.
 */
#include <string.h>
#include "client/cli/cli.h"

int cli_help_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: relief %s %s\n\n%s\n", command->name, command->usage, command->summary);
    return cli_flush(out, CLI_DONE);
}

static void value_help(const struct relief_field *field, FILE *out)
{
    switch (field->kind) {
    case RELIEF_F_BOOL:
        fputs("yes or no", out);
        break;
    case RELIEF_F_TIME:
        fputs("TIME", out);
        break;
    case RELIEF_F_INT:
        fputs("NUMBER", out);
        break;
    case RELIEF_F_ENUM:
        for (const char *const *name = field->names->names; *name; name++)
            fprintf(out, "%s%s", name == field->names->names ? "" : "|", *name);
        break;
    case RELIEF_F_ID:
    case RELIEF_F_DID:
        fputs("ID", out);
        break;
    case RELIEF_F_IDS:
        fputs("ID|ID...", out);
        break;
    case RELIEF_F_OBJS:
        for (uint32_t i = 0; i < field->sub->count; i++)
            fprintf(out, "%s%s", i ? ":" : "", field->sub->fields[i].name);
        fputs("|...", out);
        break;
    case RELIEF_F_RAW:
        fputs("JSON or @FILE", out);
        break;
    default:
        fputs("TEXT", out);
    }
}

void cli_help_flags(const struct relief_method_info *method, const char *but, FILE *out)
{
    const struct relief_shape *shape = method->params;
    char flag[64];
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (cli_flag_is_secret(field) || (but && strcmp(field->name, but) == 0))
            continue;
        cli_flag_name(flag, sizeof flag, field->name);
        fprintf(out, "  --%-18s %s%s; ", flag, field->help, field->required ? " (required)" : "");
        value_help(field, out);
        if (field->fallback != RELIEF_NIL && field->kind == RELIEF_F_ENUM)
            fprintf(out, "; default %s", field->names->names[field->fallback]);
        else if (field->fallback != RELIEF_NIL && field->kind == RELIEF_F_BOOL)
            fprintf(out, "; default %s", field->fallback ? "true" : "false");
        else if (field->fallback != RELIEF_NIL)
            fprintf(out, "; default %lld", (long long)field->fallback);
        fputc('\n', out);
    }
}

int cli_help_method(const struct relief_method_info *method, FILE *out)
{
    const struct relief_shape *shape = method->params;
    fprintf(out, "usage: relief %s %s", method->noun, method->verb);
    for (uint32_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].required)
            fprintf(out, " %s", shape->fields[i].name);
    }
    fprintf(out, "%s\n\n%s%s\n", shape->count ? " [--FLAG VALUE]..." : "", method->summary,
            method->state == RELIEF_PLANNED ? " (not built yet: answers BAD_METHOD)" : "");
    cli_help_flags(method, NULL, out);
    return cli_flush(out, CLI_DONE);
}

static int help_all(void)
{
    puts("usage: relief [--server ADDR] [--json | --csv] [--timeout S] [OPTION]... NOUN VERB [PARAMETER]... [--FLAG "
         "VALUE]...\n"
         "       relief [--server ADDR] [--json | --csv] [--timeout S] [OPTION]... COMMAND ...\n\n"
         "Global options:\n"
         "  --server ADDR       unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; default $RELIEF_SERVER, then the unix "
         "socket\n"
         "  --certificate FILE  who we are over TLS; default $RELIEF_CERTIFICATE\n"
         "  --key FILE          the key of that certificate; default $RELIEF_KEY, then the certificate's file\n"
         "  --authority FILE    who vouches for the daemon over TLS; default $RELIEF_AUTHORITY\n"
         "  --token-file FILE   a token that says who we are, where there is no certificate; default $RELIEF_TOKEN "
         "itself\n"
         "  --json              one JSON document, JSON Lines for lists\n"
         "  --csv               CSV with a header\n"
         "  --timeout S         seconds to wait for an answer, default 30\n"
         "  --receipt FILE      appends the receipts of changing commands\n"
         "  --help, -h          help for the command that it stands with\n"
         "  --version           version of this program\n\n"
         "Commands:");
    for (unsigned i = 0; i < cli_command_count; i++)
        printf("  %s %s\n      %s\n", cli_commands[i]->name, cli_commands[i]->usage, cli_commands[i]->summary);
    fputs("\nNouns (relief help NOUN):", stdout);
    for (unsigned i = 0; i < relief_method_count; i++) {
        if (i == 0 || strcmp(relief_methods[i].noun, relief_methods[i - 1].noun) != 0)
            printf(" %s", relief_methods[i].noun);
    }
    puts("\n\nExit status: 0 done, 1 refused by the daemon, 2 usage or a bad input file, 3 no connection, time-out or\n"
         "TLS failure, 4 verification failed or a difference was found.");
    return cli_flush(stdout, CLI_DONE);
}

static bool begins_with_word(const char *name, const char *noun)
{
    size_t len = strlen(noun);
    return strncmp(name, noun, len) == 0 && name[len] == ' ';
}

static int help_noun(const char *noun)
{
    bool found = false;
    for (unsigned i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i]->name, noun) == 0)
            return cli_help_command(cli_commands[i], stdout);
    }
    for (unsigned i = 0; i < relief_method_count; i++) {
        if (strcmp(relief_methods[i].noun, noun) != 0)
            continue;
        printf("  %s %-10s %s%s\n", noun, relief_methods[i].verb, relief_methods[i].summary,
               relief_methods[i].state == RELIEF_PLANNED ? " (not built yet)" : "");
        found = true;
    }
    if (!found) {
        fprintf(stderr, "relief: unknown command '%s'; one of:", noun);
        cli_list_words(stderr, NULL);
        return CLI_USAGE;
    }
    for (unsigned i = 0; i < cli_command_count; i++) {
        if (begins_with_word(cli_commands[i]->name, noun))
            printf("  %s %s\n", cli_commands[i]->name, cli_commands[i]->usage);
    }
    return cli_flush(stdout, CLI_DONE);
}

static int help_verb(const char *noun, const char *verb)
{
    char name[128];
    bool found = false;
    snprintf(name, sizeof name, "%s %s", noun, verb);
    for (unsigned i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            cli_help_command(cli_commands[i], stdout);
            found = true;
        }
    }
    for (unsigned i = 0; i < relief_method_count; i++) {
        if (strcmp(relief_methods[i].noun, noun) == 0 && strcmp(relief_methods[i].verb, verb) == 0) {
            if (found)
                putchar('\n');
            return cli_help_method(&relief_methods[i], stdout);
        }
    }
    if (found)
        return cli_flush(stdout, CLI_DONE);
    fprintf(stderr, "relief: unknown verb '%s'; one of:", verb);
    cli_list_words(stderr, noun);
    return CLI_USAGE;
}

static int run_help(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code)
        return code;
    if (words.count == 0)
        return help_all();
    return words.count == 1 ? help_noun(words.word[0]) : help_verb(words.word[0], words.word[1]);
}

const struct cli_command cli_command_help = {"help", "[NOUN [VERB]]", "what there is, from the lists of the protocol",
                                             run_help};
