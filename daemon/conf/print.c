/*
 * Prints a configuration as a file that reads again to the same. Blanks around '=' are left out where they would make
 * the line longer than the reader takes.
 */
#include "conf/set.h"
#include <string.h>

static void print_line(FILE *to, const char *name, const char *who, const char *value)
{
    bool tight = strlen(name) + strlen(who) + strlen(value) + 4 > 190;
    fprintf(to, "%s%s%s%s%s\n", name, who[0] ? "." : "", who, tight ? "=" : " = ", value);
}

void conf_print_option(const struct conf *conf, const struct conf_option *option, FILE *to)
{
    const void *field = (const char *)conf + option->field;
    char key[EVIDENCE_VERIFIER_TEXT];
    char text[ADDR_TEXT_BYTES + CONF_IDENTITY_BYTES + 8], identity[CONF_IDENTITY_BYTES];
    switch (option->type) {
    case CONF_NUMBER:
        snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)field);
        print_line(to, option->name, "", text);
        break;
    case CONF_PATH: /* one without a default is left out: a line can't say "none" */
        if (*(const char *)field)
            print_line(to, option->name, "", field);
        break;
    case CONF_SWITCH:
        print_line(to, option->name, "", conf_switch_words[*(const enum conf_switch *)field]);
        break;
    case CONF_NAME: /* without one the key decides, and a line can't say that */
        if (*(const char *)field)
            print_line(to, option->name, "", field);
        break;
    case CONF_VERIFIER: {
        const struct conf_verifiers *verifiers = field;
        for (unsigned i = 0; i < verifiers->count; i++) {
            evidence_key_text(&verifiers->rows[i], key);
            print_line(to, option->name, "", key);
        }
        break;
    }
    case CONF_ADDRESS: {
        const struct conf_listens *listens = field;
        for (unsigned i = 0; i < listens->count; i++) {
            const struct conf_listen *row = &listens->rows[i];
            conf_identity_text(&row->as, identity);
            snprintf(text, sizeof text, "%s%s%s", row->address, row->has_identity ? ",as=" : "",
                     row->has_identity ? identity : "");
            print_line(to, option->name, "", text);
        }
        break;
    }
    case CONF_AUTHORITY: {
        const struct conf_authorities *authorities = field;
        for (unsigned i = 0; i < authorities->count; i++) {
            conf_identity_text(&authorities->rows[i].scope, identity);
            print_line(to, option->name, identity, authorities->rows[i].file);
        }
        break;
    }
    case CONF_IDENTITY: {
        const struct conf_mappings *mappings = field;
        for (unsigned i = 0; i < mappings->count; i++) {
            conf_identity_text(&mappings->rows[i].as, identity);
            print_line(to, option->name, mappings->rows[i].name, identity);
        }
        break;
    }
    }
}

void conf_print(const struct conf *conf, FILE *to)
{
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        if (i == 0 || strcmp(conf_options[i].section, conf_options[i - 1].section) != 0)
            fprintf(to, "%s[%s]\n", i ? "\n" : "", conf_options[i].section);
        conf_print_option(conf, &conf_options[i], to);
    }
}
