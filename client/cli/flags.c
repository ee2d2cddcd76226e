/*
 * Words and flags to the parameters of any method: required parameters are positional in the order of the table, and
 * flags too; `_` becomes `-`; a yes-or-no parameter is --flag, --no-flag, --flag=true or --flag true.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "schema/codec.h"

#define PARAMS_BYTES                                                                                                   \
    (64u * 1024u * 1024u) /* address space; a plan given as @FILE is at most a frame, its JSON a few of them */

void cli_flag_name(char *ret, size_t size, const char *field)
{
    size_t i = 0;
    for (; field[i] && i + 1 < size; i++)
        ret[i] = field[i] == '_' ? '-' : field[i];
    ret[i] = '\0';
}

int cli_params_init(struct cli_params *params, const struct relief_method_info *method)
{
    *params = (struct cli_params){.method = method, .arena = RELIEF_ARENA_INIT};
    int error = relief_arena_init(&params->arena, PARAMS_BYTES);
    if (error)
        return error;
    params->record = relief_arena_alloc(&params->arena, method->params->size);
    if (!params->record)
        return -ENOMEM;
    relief_shape_clear(method->params, params->record);
    return 0;
}

void cli_params_deinit(struct cli_params *params)
{
    relief_arena_deinit(&params->arena);
}

bool cli_params_has(const struct cli_params *params, const char *name)
{
    const struct relief_field *field = relief_shape_find(params->method->params, relief_str_of(name));
    return field && params->set[field - params->method->params->fields];
}

bool cli_flag_is_secret(const struct relief_field *field)
{
    return strcmp(field->name, "token") == 0;
}

static int set(struct cli_params *params, const struct relief_field *field, const char *text)
{
    if (cli_flag_is_secret(field))
        return cli_bad("--%s: others can see what stands on a command line: --token-file FILE, or RELIEF_TOKEN",
                       field->name);
    struct cli_parse parse = {.arena = &params->arena, .now_ms = cli_now_ms()};
    char flag[64];
    cli_flag_name(flag, sizeof flag, field->name);
    bool *given = &params->set[field - params->method->params->fields];
    if (*given)
        return cli_bad("--%s is given twice", flag);
    *given = true;
    if (!cli_value_set(&parse, field, params->record, relief_str_of(text)))
        return cli_bad("--%s: %s", flag, parse.error);
    return CLI_DONE;
}

/* The field that --name, --name=value or --no-name means; *ret_value is what follows `=`. */
static const struct relief_field *field_of_flag(const struct relief_shape *shape, const char *word,
                                                const char **ret_value, bool *ret_no)
{
    char name[64], flag[64];
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    if (len <= 2 || len >= sizeof name || word[0] != '-' || word[1] != '-')
        return NULL;
    memcpy(name, word + 2, len - 2);
    name[len - 2] = '\0';
    *ret_value = equals ? equals + 1 : NULL;
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        cli_flag_name(flag, sizeof flag, field->name);
        *ret_no = false;
        if (strcmp(name, flag) == 0 || strcmp(name, field->name) == 0)
            return field;
        *ret_no =
            field->kind == RELIEF_F_BOOL && !equals && strncmp(name, "no-", 3) == 0 && strcmp(name + 3, flag) == 0;
        if (*ret_no)
            return field;
    }
    return NULL;
}

static void say_flags(const struct cli_params *params, const struct cli_option *more, const char *word)
{
    const struct relief_shape *shape = params->method->params;
    char flag[64];
    fprintf(stderr, "relief: %s %s has no option %s; it has:", params->method->noun, params->method->verb, word);
    for (uint32_t i = 0; i < shape->count; i++) {
        cli_flag_name(flag, sizeof flag, shape->fields[i].name);
        if (!cli_flag_is_secret(&shape->fields[i]))
            fprintf(stderr, " --%s", flag);
    }
    for (; more && more->name; more++)
        fprintf(stderr, " --%s", more->name);
    fputc('\n', stderr);
}

/* One word that begins with a dash. 0, or CLI_USAGE. */
static int take_flag(struct cli *cli, struct cli_params *params, const struct cli_option *more, int argc, char **argv,
                     int *at)
{
    const char *value = NULL;
    bool no = false;
    int found = cli_option_match(more, argc, argv, at);
    if (found < 0)
        return CLI_USAGE;
    if (found)
        return CLI_DONE;
    const struct relief_field *field = field_of_flag(params->method->params, argv[*at], &value, &no);
    if (!field) {
        found = cli_global_option(cli, argc, argv, at);
        if (found == 0)
            say_flags(params, more, argv[*at]);
        return found > 0 ? CLI_DONE : CLI_USAGE;
    }
    const char *next = *at + 1 < argc ? argv[*at + 1] : "";
    bool spoken = !no && (strcmp(next, "true") == 0 || strcmp(next, "false") == 0);
    if (field->kind == RELIEF_F_BOOL && !value && !spoken)
        value = no ? "false" : "true";
    if (!value && *at + 1 >= argc)
        return cli_bad("%s needs a value: %s", argv[*at], field->help);
    return set(params, field, value ? value : argv[++*at]);
}

static bool is_negative_number(const char *word)
{
    return word[0] == '-' && (word[1] == '.' || (word[1] >= '0' && word[1] <= '9'));
}

/* The words that are no options fill the required parameters that no flag gave, in the order of the table. */
static int take_words(struct cli_params *params, bool own_id, const char *const *words, int count)
{
    const struct relief_shape *shape = params->method->params;
    int missing = 0, at = 0;
    for (uint32_t i = 0; i < shape->count; i++)
        missing += shape->fields[i].required && !params->set[i];
    for (uint32_t i = 0; i < shape->count && at < count; i++) {
        if (!shape->fields[i].required || params->set[i])
            continue;
        if (own_id && i == 0 && count < missing)
            continue;
        int code = set(params, &shape->fields[i], words[at++]);
        if (code)
            return code;
    }
    if (at < count)
        return cli_bad("one word too many: '%s'; see 'relief help %s %s'", words[at], params->method->noun,
                       params->method->verb);
    return CLI_DONE;
}

int cli_params_parse(struct cli *cli, struct cli_params *params, const struct cli_option *more, bool own_id, int argc,
                     char **argv)
{
    const char *words[CLI_FIELDS_MAX];
    int count = 0;
    bool literal = false;
    for (int i = 0; i < argc; i++) {
        if (!literal && strcmp(argv[i], "--") == 0) {
            literal = true;
        } else if (!literal && argv[i][0] == '-' && argv[i][1] && !is_negative_number(argv[i])) {
            int code = take_flag(cli, params, more, argc, argv, &i);
            if (code)
                return code;
        } else if (count == CLI_FIELDS_MAX) {
            return cli_bad("too many words");
        } else {
            words[count++] = argv[i];
        }
    }
    return cli->help ? CLI_DONE : take_words(params, own_id, words, count);
}

int cli_params_verify(const struct cli_params *params)
{
    const struct relief_shape *shape = params->method->params;
    struct relief_refusal refusal;
    char flag[96];
    for (uint32_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].required && !params->set[i]) {
            cli_flag_name(flag, sizeof flag, shape->fields[i].name);
            return cli_bad("%s %s needs --%s: %s", params->method->noun, params->method->verb, flag,
                           shape->fields[i].help);
        }
    }
    void *copy = malloc(shape->size); /* the check fills in defaults, which are the daemon's to know */
    if (!copy)
        return cli_bad("no memory");
    memcpy(copy, params->record, shape->size);
    int error = relief_params_check(shape, copy, &refusal);
    free(copy);
    if (error <= 0)
        return CLI_DONE;
    cli_flag_name(flag, sizeof flag, refusal.field);
    return cli_bad("--%s: %s", flag, cli_plain_message(&refusal));
}

int cli_params_ready(struct cli *cli, struct cli_params *params, const struct relief_method_info *method,
                     const struct cli_option *more, int argc, char **argv)
{
    memset(params, 0, sizeof *params);
    if (cli_params_init(params, method) != 0)
        return cli_bad("no memory");
    int code = cli_params_parse(cli, params, more, false, argc, argv);
    if (code || cli->help)
        return code;
    code = cli_params_verify(params);
    return code ? code : cli_connect(cli, true);
}
