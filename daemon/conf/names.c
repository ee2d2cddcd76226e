/*
 * Users and groups by name. Asking the system may load modules and open sockets, which the daemon can't do once it has
 * bound itself; a reload reads the same names again, so what was asked is remembered.
 */
#include "conf/set.h"
#include <grp.h>
#include <pwd.h>
#include <string.h>

#define NAMES_MAX (2u * CONF_ROWS_MAX) /* what a file may have of both; further ones are asked for each time */

static struct known {
    char who[CONF_NAME_BYTES];
    bool is_user;
    uint32_t id;
} known[NAMES_MAX];
static unsigned known_count;
static bool settled;

static uint32_t ask(const char *who, bool is_user)
{
    if (is_user) {
        const struct passwd *user = getpwnam(who);
        return user ? user->pw_uid : CONF_ID_NONE;
    } else {
        const struct group *group = getgrnam(who);
        return group ? group->gr_gid : CONF_ID_NONE;
    }
}

static bool read_number(const char *who, uint32_t *ret)
{
    uint64_t id = 0;
    size_t digits = strspn(who, "0123456789");
    if (who[digits] != '\0' || digits == 0 || digits > 10)
        return false;
    for (size_t i = 0; i < digits; i++)
        id = id * 10 + (uint64_t)(who[i] - '0');
    *ret = id < CONF_ID_NONE ? (uint32_t)id : CONF_ID_NONE;
    return true;
}

uint32_t conf_names_find(const char *who, bool is_user)
{
    uint32_t id;
    if (read_number(who, &id))
        return id;
    for (unsigned i = 0; settled && i < known_count; i++) {
        if (known[i].is_user == is_user && strcmp(known[i].who, who) == 0)
            return known[i].id;
    }
    if (settled)
        return CONF_ID_NONE;
    id = ask(who, is_user);
    if (id != CONF_ID_NONE && known_count < NAMES_MAX) {
        struct known *row = &known[known_count++];
        row->is_user = is_user;
        row->id = id;
        strncpy(row->who, who, sizeof row->who - 1);
    }
    return id;
}

void conf_names_settle(void)
{
    settled = true;
}
