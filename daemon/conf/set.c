/*
 * One option at a time: found by section and name among the rows of schema/config.h, its value checked by type and
 * range. What is refused says what would be right, since whoever reads it may have no page at hand.
 */
#include "conf/set.h"
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

const struct conf_option conf_options[RELIEF_CONFIG_COUNT] = {
#define O(section, name, type, min, max, initial, help)                                                                \
    {#section, #name, initial, help, CONF_##type, min, max, offsetof(struct conf, section##_##name)},
    RELIEF_CONFIG(O)
#undef O
};

const char *const conf_switch_words[] = {[CONF_OFF] = "off", [CONF_ON] = "on", [CONF_REPORT] = "report"};

__attribute__((format(printf, 2, 3))) static bool refuse(struct conf_problem *problem, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return false;
}

bool conf_section_known(const char *section)
{
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        if (strcmp(conf_options[i].section, section) == 0)
            return true;
    }
    return false;
}

static void list_add(char *list, size_t size, const char *before, const char *word, const char *after)
{
    size_t len = strlen(list);
    snprintf(list + len, size - len, "%s%s%s%s", len ? ", " : "", before, word, after);
}

void conf_list_sections(char *ret, size_t size)
{
    ret[0] = '\0';
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        if (i == 0 || strcmp(conf_options[i].section, conf_options[i - 1].section) != 0)
            list_add(ret, size, "[", conf_options[i].section, "]");
    }
}

int conf_find(const char *section, const char *name, const char **ret_who, struct conf_problem *problem)
{
    char known[300] = "";
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        const struct conf_option *option = &conf_options[i];
        size_t len = strlen(option->name);
        if (strcmp(option->section, section) != 0)
            continue;
        *ret_who = NULL;
        if (conf_has_who(option) && strncmp(name, option->name, len) == 0 && name[len] == '.') {
            *ret_who = name + len + 1;
            return (int)i;
        }
        if (!conf_has_who(option) && strcmp(name, option->name) == 0)
            return (int)i;
        list_add(known, sizeof known, "", option->name,
                 option->type == CONF_IDENTITY    ? ".NAME"
                 : option->type == CONF_AUTHORITY ? ".SCOPE"
                                                  : "");
    }
    refuse(problem, "unknown option '%.60s' in [%s]; there are: %s", name, section, known);
    return -1;
}

static bool set_number(struct conf *conf, const struct conf_option *option, const char *value,
                       struct conf_problem *problem)
{
    int64_t number = 0;
    const char *at = value;
    /* 12 digits are beyond every range, and can't overflow. */
    for (; *at >= '0' && *at <= '9' && at - value < 12; at++)
        number = number * 10 + (*at - '0');
    if (at == value || *at != '\0' || number < option->min || number > option->max)
        return refuse(problem, "'%.60s' for %s is no number from %lld to %lld", value, option->name,
                      (long long)option->min, (long long)option->max);
    *(int64_t *)((char *)conf + option->field) = number;
    return true;
}

static bool set_path(struct conf *conf, const struct conf_option *option, const char *value,
                     struct conf_problem *problem)
{
    if (value[0] != '/' || strlen(value) >= CONF_PATH_BYTES)
        return refuse(problem, "'%.60s' for %s is no absolute path", value, option->name);
    snprintf((char *)conf + option->field, CONF_PATH_BYTES, "%s", value);
    return true;
}

static bool set_address(struct conf *conf, const struct conf_option *option, const char *value, bool again,
                        struct conf_problem *problem)
{
    struct conf_listens *listens = (struct conf_listens *)(void *)((char *)conf + option->field);
    struct conf_listen row;
    const char *why = "";
    if (conf_listen_parse(value, &row, &why) != 0)
        return refuse(problem, "'%.100s' for %s: %s", value, option->name, why);
    if (!again)
        listens->count = 0; /* the first one replaces the default */
    for (unsigned i = 0; i < listens->count; i++) {
        if (strcmp(listens->rows[i].address, row.address) == 0)
            return refuse(problem, "%s is listed twice", row.address);
    }
    if (listens->count == option->max || listens->count == CONF_LISTENERS_MAX)
        return refuse(problem, "there may be at most %lld of %s", (long long)option->max, option->name);
    listens->rows[listens->count++] = row;
    return true;
}

static bool set_switch(struct conf *conf, const struct conf_option *option, const char *value,
                       struct conf_problem *problem)
{
    for (int64_t i = option->min; i <= option->max; i++) {
        if (strcmp(value, conf_switch_words[i]) == 0) {
            *(enum conf_switch *)(void *)((char *)conf + option->field) = (enum conf_switch)i;
            return true;
        }
    }
    return refuse(problem, "'%.60s' for %s is neither on nor off%s", value, option->name,
                  option->max == CONF_REPORT ? ", nor report" : "");
}

static bool set_name(struct conf *conf, const struct conf_option *option, const char *value,
                     struct conf_problem *problem)
{
    if (!evidence_name_ok(relief_str_of(value)))
        return refuse(problem, "'%.60s' for %s is no name of 1 to %u bytes of printable ASCII without space and '+'",
                      value, option->name, EVIDENCE_NAME_BYTES_MAX);
    snprintf((char *)conf + option->field, EVIDENCE_NAME_BYTES_MAX + 1, "%s", value);
    return true;
}

static bool set_verifier(struct conf *conf, const struct conf_option *option, const char *value,
                         struct conf_problem *problem)
{
    struct conf_verifiers *verifiers = (struct conf_verifiers *)(void *)((char *)conf + option->field);
    struct evidence_key row;
    if (!evidence_key_parse(&row, relief_str_of(value)))
        return refuse(problem, "'%.190s' for %s is no verifier key, NAME+HASH+KEY, or was mistyped", value,
                      option->name);
    if (row.type != EVIDENCE_COSIGNATURE)
        return refuse(problem, "the %s of %.130s is not one for cosignatures", option->name, row.name);
    for (unsigned i = 0; i < verifiers->count; i++) {
        if (strcmp(verifiers->rows[i].name, row.name) == 0 && memcmp(verifiers->rows[i].id, row.id, sizeof row.id) == 0)
            return refuse(problem, "the %s of %.130s is listed twice", option->name, row.name);
    }
    if (verifiers->count == option->max || verifiers->count == EVIDENCE_WITNESSES_MAX)
        return refuse(problem, "there may be at most %lld of %s", (long long)option->max, option->name);
    verifiers->rows[verifiers->count++] = row;
    return true;
}

static bool set_identity(struct conf *conf, const struct conf_option *option, const char *who, const char *value,
                         struct conf_problem *problem)
{
    struct conf_mappings *mappings = (struct conf_mappings *)(void *)((char *)conf + option->field);
    struct conf_mapping row = {0};
    const char *why = "";
    if (who[0] == '\0' || strlen(who) >= sizeof row.name)
        return refuse(problem, "a %s has a name of 1 to %u bytes", option->name, CONF_NAME_BYTES - 1);
    if (conf_identity_parse(value, &row.as, &why) != 0)
        return refuse(problem, "'%.100s' for %s.%s: %s", value, option->name, who, why);
    memcpy(row.name, who, strlen(who));
    row.id = conf_names_find(who, strcmp(option->name, "user") == 0);
    for (unsigned i = 0; i < mappings->count; i++) {
        if (strcmp(mappings->rows[i].name, who) == 0 || (row.id != CONF_ID_NONE && mappings->rows[i].id == row.id))
            return refuse(problem, "the %s %s is listed twice", option->name, who);
    }
    if (mappings->count == option->max || mappings->count == CONF_ROWS_MAX)
        return refuse(problem, "there may be at most %lld of %s.NAME", (long long)option->max, option->name);
    mappings->rows[mappings->count++] = row;
    if (row.id == CONF_ID_NONE) {
        /* An account that was removed must not keep the daemon from starting; nobody gets a right by it. */
        problem->warning = true;
        refuse(problem, "this machine has no %s '%s'; the line has no effect", option->name, who);
    }
    return true;
}

static bool set_authority(struct conf *conf, const struct conf_option *option, const char *who, const char *value,
                          struct conf_problem *problem)
{
    struct conf_authorities *authorities = (struct conf_authorities *)(void *)((char *)conf + option->field);
    struct conf_authority row = {0};
    const char *why = "";
    if (conf_identity_parse(who, &row.scope, &why) != 0)
        return refuse(problem, "'%.100s' in %s.SCOPE: %s", who, option->name, why);
    if (row.scope.role == RELIEF_role_local)
        return refuse(problem, "no authority vouches for local; that is who is on this machine");
    if (value[0] != '/' || strlen(value) >= sizeof row.file)
        return refuse(problem, "'%.60s' for %s.%.100s is no absolute path", value, option->name, who);
    memcpy(row.file, value, strlen(value));
    for (unsigned i = 0; i < authorities->count; i++) {
        const struct conf_authority *other = &authorities->rows[i];
        if (other->scope.role == row.scope.role && strcmp(other->scope.place, row.scope.place) == 0 &&
            strcmp(other->file, row.file) == 0)
            return refuse(problem, "the %s %.100s is listed twice with this file", option->name, who);
    }
    if (authorities->count == option->max || authorities->count == CONF_ROWS_MAX)
        return refuse(problem, "there may be at most %lld of %s.SCOPE", (long long)option->max, option->name);
    authorities->rows[authorities->count++] = row;
    return true;
}

bool conf_set(struct conf *conf, const struct conf_option *option, const char *who, const char *value, bool again,
              struct conf_problem *problem)
{
    switch (option->type) {
    case CONF_ADDRESS:
        return set_address(conf, option, value, again, problem);
    case CONF_IDENTITY:
        return set_identity(conf, option, who, value, problem);
    case CONF_AUTHORITY:
        return set_authority(conf, option, who, value, problem);
    case CONF_VERIFIER:
        return set_verifier(conf, option, value, problem);
    case CONF_NUMBER:
    case CONF_PATH:
    case CONF_NAME:
    case CONF_SWITCH:
        if (again)
            return refuse(problem, "%s is given twice", option->name);
        return option->type == CONF_NUMBER   ? set_number(conf, option, value, problem)
               : option->type == CONF_PATH   ? set_path(conf, option, value, problem)
               : option->type == CONF_SWITCH ? set_switch(conf, option, value, problem)
                                             : set_name(conf, option, value, problem);
    }
    return false;
}
