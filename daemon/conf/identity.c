/*
 * Identities and listeners as they are written in the configuration and behind --listen. An identity given to a
 * listener is a right without proof, so it is only taken where nobody from outside can connect: on loopback TCP (fine
 * print 14).
 */
#include "conf/conf.h"
#include <errno.h>
#include <string.h>
#include "schema/codec.h"

#define V(word) #word,
static const char *const role_words[] = {RELIEF_ENUM_role(V)};
#undef V

static int fail(const char **ret_why, const char *why)
{
    if (ret_why)
        *ret_why = why;
    return -EINVAL;
}

int conf_identity_parse(const char *text, struct conf_identity *ret, const char **ret_why)
{
    struct conf_identity identity = {0};
    size_t role_len = strcspn(text, ":");
    const char *place = text[role_len] == ':' ? text + role_len + 1 : NULL;
    unsigned role = 0;
    while (role < RELIEF_role_COUNT &&
           (strlen(role_words[role]) != role_len || memcmp(role_words[role], text, role_len) != 0))
        role++;
    if (role == RELIEF_role_COUNT)
        return fail(ret_why, "an identity is local, city:CITY, coordinator, coordinator:REGION, auditor or operator");
    identity.role = (enum relief_role)role;
    if (identity.role == RELIEF_role_city && !place)
        return fail(ret_why, "the role city needs its city: city:CITY");
    if (place && identity.role != RELIEF_role_city && identity.role != RELIEF_role_coordinator)
        return fail(ret_why, "only the roles city and coordinator are followed by ':' and a place");
    if (place) {
        if (!relief_id_ok(relief_str_of(place)))
            return fail(ret_why, "a city or region is 1 to 64 bytes of letters, digits and . _ : -");
        memcpy(identity.place, place, strlen(place));
    }
    *ret = identity;
    return 0;
}

void conf_identity_text(const struct conf_identity *identity, char ret_text[CONF_IDENTITY_BYTES])
{
    snprintf(ret_text, CONF_IDENTITY_BYTES, "%s%s%s", role_words[identity->role], identity->place[0] ? ":" : "",
             identity->place);
}

int conf_listen_parse(const char *text, struct conf_listen *ret, const char **ret_why)
{
    struct conf_listen row = {0};
    const char *as = strstr(text, ",as=");
    size_t len = as ? (size_t)(as - text) : strlen(text);
    struct addr addr;
    int err;
    if (len >= sizeof row.address)
        return fail(ret_why, "the address is too long");
    memcpy(row.address, text, len);
    err = addr_parse(row.address, &addr, ret_why);
    if (err)
        return err;
    if (as) {
        if (addr.scheme != ADDR_TCP || !addr_is_loopback(&addr))
            return fail(ret_why, "as= is allowed on a loopback TCP address only");
        err = conf_identity_parse(as + 4, &row.as, ret_why);
        if (err)
            return err;
        row.has_identity = true;
    }
    *ret = row;
    return 0;
}

static bool is_one_of(uint32_t id, const uint32_t *ids, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

static const struct conf_identity *find(const struct conf_mappings *mappings, const uint32_t *ids, unsigned count)
{
    for (unsigned i = 0; i < mappings->count; i++) {
        if (mappings->rows[i].id != CONF_ID_NONE && is_one_of(mappings->rows[i].id, ids, count))
            return &mappings->rows[i].as;
    }
    return NULL;
}

const struct conf_identity *conf_identity_of(const struct conf *conf, uid_t uid, const gid_t *groups, unsigned count)
{
    const struct conf_identity *identity = find(&conf->identity_user, &uid, 1);
    return identity ? identity : find(&conf->identity_group, groups, count);
}
