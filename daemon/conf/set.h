/* Inside of conf: putting one option into struct conf. */
#pragma once
#include "conf/conf.h"

enum conf_type { CONF_NUMBER, CONF_PATH, CONF_ADDRESS, CONF_NAME, CONF_VERIFIER, CONF_IDENTITY, CONF_SWITCH, CONF_AUTHORITY };

/* A row of schema/config.h with the place of its field. */
struct conf_option {
    const char *section, *name, *initial, *help;
    enum conf_type type;
    int64_t min, max;
    size_t field; /* offset in struct conf */
};

extern const char *const conf_switch_words[]; /* by enum conf_switch */
extern const struct conf_option conf_options[RELIEF_CONFIG_COUNT];

#define CONF_TEXT_BYTES 600u

/* One text for a person about what is wrong; warning: the option is taken nevertheless. */
struct conf_problem {
    bool warning;
    char text[CONF_TEXT_BYTES];
};

bool conf_section_known(const char *section);
void conf_list_sections(char *ret, size_t size);
/*
 * The option that name belongs to, or -1 with a problem that lists the right ones. *ret_who: what stands behind the dot of
 * user.NAME, else NULL.
 */
int conf_find(const char *section, const char *name, const char **ret_who, struct conf_problem *problem);
/* again: the option was set before in this file. True when it is taken; problem->text is empty when all is well. */
bool conf_set(struct conf *conf, const struct conf_option *option, const char *who, const char *value, bool again,
              struct conf_problem *problem);

/* name.WHO = VALUE. */
static inline bool conf_has_who(const struct conf_option *option)
{
    return option->type == CONF_IDENTITY || option->type == CONF_AUTHORITY;
}
/* print.c: the option's lines. */
void conf_print_option(const struct conf *conf, const struct conf_option *option, FILE *to);

/* names.c: a number is taken as it is, a name is asked for. CONF_ID_NONE: no such user or group. */
uint32_t conf_names_find(const char *who, bool is_user);
