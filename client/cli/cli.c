/*
 * The first words of a command line: global options, then a command of the table below, or a noun and verb of the
 * schema.
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/view.h"
#include "client/client.h"

const struct cli_command *const cli_commands[] = {
    &cli_command_submit,      &cli_command_show,          &cli_command_import,     &cli_command_batch,
    &cli_command_allocate,    &cli_command_rebalance,     &cli_command_plan_apply, &cli_command_plan_compare,
    &cli_command_dump,        &cli_command_snapshot_dump, &cli_command_diff,       &cli_command_verify,
    &cli_command_log_export,  &cli_command_checkpoint,    &cli_command_cosign,     &cli_command_inclusion,
    &cli_command_consistency, &cli_command_replay,        &cli_command_watch,      &cli_command_event_subscribe,
    &cli_command_check,       &cli_command_rebuild,       &cli_command_backup,     &cli_command_restore,
    &cli_command_log_prune,   &cli_command_log_archive,   &cli_command_token,      &cli_command_denials,
    &cli_command_call,        &cli_command_help,
};
const unsigned cli_command_count = sizeof cli_commands / sizeof *cli_commands;

/* The command with that name; `words` says how many words of argv it takes. */
static const struct cli_command *find_command(int argc, char **argv, int *ret_words)
{
    for (unsigned i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i]->name, *space = strchr(name, ' ');
        if (!space && strcmp(name, argv[0]) == 0) {
            *ret_words = 1;
            return cli_commands[i];
        }
        if (space && argc > 1 && strlen(argv[0]) == (size_t)(space - name) &&
            strncmp(name, argv[0], strlen(argv[0])) == 0 && strcmp(space + 1, argv[1]) == 0) {
            *ret_words = 2;
            return cli_commands[i];
        }
    }
    return NULL;
}

static const struct relief_method_info *find_method(const char *noun, const char *verb)
{
    for (unsigned i = 0; i < relief_method_count; i++) {
        if (strcmp(relief_methods[i].noun, noun) == 0 && strcmp(relief_methods[i].verb, verb) == 0)
            return &relief_methods[i];
    }
    return NULL;
}

static bool is_noun(const char *word)
{
    for (unsigned i = 0; i < relief_method_count; i++) {
        if (strcmp(relief_methods[i].noun, word) == 0)
            return true;
    }
    return false;
}

void cli_list_words(FILE *out, const char *noun)
{
    for (unsigned i = 0; i < relief_method_count; i++) {
        const struct relief_method_info *method = &relief_methods[i];
        if (noun && strcmp(method->noun, noun) == 0)
            fprintf(out, " %s", method->verb);
        if (!noun && (i == 0 || strcmp(method->noun, relief_methods[i - 1].noun) != 0))
            fprintf(out, " %s", method->noun);
    }
    for (unsigned i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i]->name, *space = strchr(name, ' ');
        if (!space && !noun)
            fprintf(out, " %s", name);
        if (space && noun && strlen(noun) == (size_t)(space - name) && strncmp(name, noun, strlen(noun)) == 0 &&
            !find_method(noun, space + 1))
            fprintf(out, " %s", space + 1);
    }
    fputc('\n', out);
}

static int wrong_word(const char *what, const char *word, const char *noun)
{
    if (word)
        fprintf(stderr, "relief: unknown %s '%s'; one of:", what, word);
    else
        fprintf(stderr, "relief: a %s is missing; one of:", what);
    cli_list_words(stderr, noun);
    return CLI_USAGE;
}

static int run_words(struct cli *cli, int argc, char **argv)
{
    int words = 0;
    const struct cli_command *command = find_command(argc, argv, &words);
    if (command)
        return command->run(cli, argc - words, argv + words);
    if (!is_noun(argv[0]))
        return wrong_word("command", argv[0], NULL);
    if (argc < 2 || argv[1][0] == '-') {
        char *noun[] = {argv[0]};
        for (int i = 1; i < argc; i++) {
            if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                return cli_command_help.run(cli, 1, noun);
        }
        return wrong_word("verb", NULL, argv[0]);
    }
    const struct relief_method_info *method = find_method(argv[0], argv[1]);
    return method ? cli_run_method(cli, method, argc - 2, argv + 2) : wrong_word("verb", argv[1], argv[0]);
}

int cli_run(int argc, char **argv)
{
    struct cli cli = {.view = &cli_view_text};
    int at = 0, code = CLI_DONE;
    client_address_default(cli.server, sizeof cli.server);
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (strcmp(argv[at], "--version") == 0) {
            printf("relief %s\n", RELIEF_VERSION);
            return cli_flush(stdout, CLI_DONE);
        }
        int found = cli_global_option(&cli, argc, argv, &at);
        if (found < 0)
            return CLI_USAGE;
        if (found == 0)
            return cli_bad("unknown option %s; see 'relief help'", argv[at]);
    }
    if (cli.help)
        code = cli_command_help.run(&cli, argc - at, argv + at);
    else if (at == argc)
        code = wrong_word("command", NULL, NULL);
    else
        code = run_words(&cli, argc - at, argv + at);
    code = cli_receipts_close(&cli, code);
    relief_client_close(cli.client);
    return code;
}
