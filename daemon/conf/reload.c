/*
 * What a reload needs to know of the configuration: the files that it reads again, and which options can't be changed
 * while the daemon runs. Options are compared as they are printed, so that no type needs a comparison of its own.
 */
#include "conf/set.h"
#include <stdlib.h>
#include <string.h>

/* Whole sections, and options written section.name. All others take a restart. */
static const char *const live[] = {"tls", "identity.tokens"};

static bool is_live(const struct conf_option *option)
{
    char name[80];
    snprintf(name, sizeof name, "%s.%s", option->section, option->name);
    for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
        if (strcmp(live[i], option->section) == 0 || strcmp(live[i], name) == 0)
            return true;
    }
    return false;
}

/* The option's lines; NULL: no memory. */
static char *lines_of(const struct conf *conf, const struct conf_option *option)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        return NULL;
    conf_print_option(conf, option, to);
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void conf_restart(const struct conf *before, const struct conf *after, char *ret, size_t size)
{
    ret[0] = '\0';
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        const struct conf_option *option = &conf_options[i];
        char *was = lines_of(before, option), *is = lines_of(after, option);
        size_t len = strlen(ret);
        if (!is_live(option) && was && is && strcmp(was, is) != 0)
            snprintf(ret + len, size - len, "%s%s.%s", len ? ", " : "", option->section, option->name);
        free(was);
        free(is);
    }
}

void conf_files(const struct conf *conf, void (*each)(void *context, const char *path), void *context)
{
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        const char *path = (const char *)conf + conf_options[i].field;
        if (conf_options[i].type == CONF_PATH && strcmp(conf_options[i].section, "data") != 0 && path[0])
            each(context, path);
    }
    for (unsigned i = 0; i < conf->tls_authority.count; i++)
        each(context, conf->tls_authority.rows[i].file);
}
