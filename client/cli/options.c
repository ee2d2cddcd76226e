/*
 * Options: those that every command takes, and a command's own. An option may stand before or behind the words; its
 * value follows as the next word or after `=`. `--` ends them.
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/view.h"

/* True when argv[*at] is --name, --name=value or -letter; then *ret_value is what follows `=`, or NULL. */
static bool is_option(const char *word, const struct cli_option *option, const char **ret_value)
{
    size_t len = strlen(option->name);
    *ret_value = NULL;
    if (option->letter && word[0] == '-' && word[1] == option->letter) {
        *ret_value = word[2] ? word + 2 : NULL;
        return true;
    }
    if (word[0] != '-' || word[1] != '-' || strncmp(word + 2, option->name, len) != 0)
        return false;
    if (word[2 + len] == '=')
        *ret_value = word + 3 + len;
    return word[2 + len] == '\0' || word[2 + len] == '=';
}

int cli_option_match(const struct cli_option *options, int argc, char **argv, int *at)
{
    for (const struct cli_option *option = options; option && option->name; option++) {
        const char *value = NULL;
        if (!is_option(argv[*at], option, &value))
            continue;
        if (option->flag) {
            if (value) {
                cli_say("--%s takes no value", option->name);
                return -1;
            }
            *option->flag = true;
            return 1;
        }
        if (!value && *at + 1 >= argc) {
            cli_say("--%s needs a value", option->name);
            return -1;
        }
        if (!value)
            value = argv[++*at];
        if (option->value) {
            *option->value = value;
        } else if (option->many && option->many->count < CLI_WORDS_MAX) {
            option->many->word[option->many->count++] = value;
        } else {
            cli_say("--%s more than %d times", option->name, CLI_WORDS_MAX);
            return -1;
        }
        return 1;
    }
    return 0;
}

static bool timeout_of(const char *text, int *ret_ms)
{
    char *end = NULL;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds > 0) || seconds > 86400)
        return false;
    *ret_ms = (int)(seconds * 1000 + 0.5);
    return *ret_ms > 0;
}

int cli_global_option(struct cli *cli, int argc, char **argv, int *at)
{
    const char *server = NULL, *timeout = NULL;
    bool json = false, csv = false;
    const struct cli_option options[] = {{"server", 0, &server, NULL, NULL},
                                         {"timeout", 0, &timeout, NULL, NULL},
                                         {"certificate", 0, &cli->certificate, NULL, NULL},
                                         {"key", 0, &cli->key, NULL, NULL},
                                         {"authority", 0, &cli->authority, NULL, NULL},
                                         {"token-file", 0, &cli->token_file, NULL, NULL},
                                         {"receipt", 0, &cli->receipt, NULL, NULL},
                                         {"json", 0, NULL, &json, NULL},
                                         {"csv", 0, NULL, &csv, NULL},
                                         {"help", 'h', NULL, &cli->help, NULL},
                                         {NULL, 0, NULL, NULL, NULL}};
    int found = cli_option_match(options, argc, argv, at);
    if (found <= 0)
        return found;
    if (server && strlen(server) >= sizeof cli->server) {
        cli_say("--server: the address is too long");
        return -1;
    }
    if (server)
        memcpy(cli->server, server, strlen(server) + 1);
    if (timeout && !timeout_of(timeout, &cli->timeout_ms)) {
        cli_say("--timeout: '%s' is not a number of seconds", timeout);
        return -1;
    }
    if (json)
        cli->view = &cli_view_json;
    if (csv)
        cli->view = &cli_view_csv;
    return 1;
}

int cli_options(struct cli *cli, const struct cli_option *options, int argc, char **argv, struct cli_words *words)
{
    bool literal = false;
    words->count = 0;
    for (int i = 0; i < argc; i++) {
        if (!literal && strcmp(argv[i], "--") == 0) {
            literal = true;
            continue;
        }
        if (!literal && argv[i][0] == '-' && argv[i][1]) {
            int found = cli_option_match(options, argc, argv, &i);
            if (found == 0)
                found = cli_global_option(cli, argc, argv, &i);
            if (found == 0)
                return cli_bad("unknown option %s", argv[i]);
            if (found < 0)
                return CLI_USAGE;
            continue;
        }
        if (words->count == CLI_WORDS_MAX)
            return cli_bad("more than %d words", CLI_WORDS_MAX);
        words->word[words->count++] = argv[i];
    }
    return CLI_DONE;
}
