/*
 * Identities and their narrowing. "Narrower" is decided by a short list instead of by comparing rights: local to
 * anything, the coordinator of all regions to one region, a region's to one below it, and each to itself. Every other
 * step would give a right that the connection did not have.
 */
#include "rpc/identity.h"
#include <errno.h>
#include <stdio.h>

static void name_of(struct rpc_identity *identity)
{
    const char *scope = identity->city[0] ? identity->city : identity->region;
    snprintf(identity->name, sizeof identity->name, "%s%s%s", relief_enum_role.names[identity->role],
             scope[0] ? ":" : "", scope);
}

static void copy_id(char ret[RELIEF_ID_BYTES_MAX + 1], struct relief_str text)
{
    memcpy(ret, text.data, text.len);
    ret[text.len] = 0;
}

int rpc_identity_parse(struct rpc_identity *ret, const char *text)
{
    struct rpc_identity identity = {.known = true};
    const char *colon = strchr(text, ':');
    struct relief_str role = {text, (uint32_t)(colon ? (size_t)(colon - text) : strlen(text))};
    struct relief_str scope = relief_str_of(colon ? colon + 1 : NULL);
    int64_t found = relief_enum_find(&relief_enum_role, role);
    if (found < 0 || (scope.data && !relief_id_ok(scope)))
        return -EINVAL;
    identity.role = (enum relief_role)found;
    if ((identity.role == RELIEF_role_city) != (scope.data != NULL) && identity.role != RELIEF_role_coordinator)
        return -EINVAL;
    if (scope.data)
        copy_id(identity.role == RELIEF_role_city ? identity.city : identity.region, scope);
    name_of(&identity);
    *ret = identity;
    return 0;
}

void rpc_identity_certificate(struct rpc_identity *ret, const struct certificate_identity *certificate)
{
    *ret = (struct rpc_identity){.known = certificate->uri[0] != '\0', .role = certificate->scope.role};
    memcpy(ret->name, certificate->uri, sizeof ret->name);
    memcpy(ret->role == RELIEF_role_city ? ret->city : ret->region, certificate->scope.place, sizeof ret->city);
}

struct core_identity rpc_identity_core(const struct rpc_identity *identity)
{
    return (struct core_identity){
        .name = relief_str_of(identity->name),
        .role = identity->role,
        .city = identity->city[0] ? relief_str_of(identity->city) : RELIEF_STR_NONE,
        .region = identity->region[0] ? relief_str_of(identity->region) : RELIEF_STR_NONE,
    };
}

/* True when region lies below top or is it; the bound is that of the tree's depth. */
static bool region_below(struct core_view *view, struct relief_arena *arena, struct relief_str region,
                         struct relief_str top)
{
    struct relief_region record;
    char at[RELIEF_ID_BYTES_MAX + 1];
    copy_id(at, region);
    for (int depth = 0; depth <= RELIEF_REGION_DEPTH_MAX; depth++) {
        if (relief_str_eq(relief_str_of(at), top))
            return true;
        relief_shape_clear(&relief_shape_region, &record);
        record.id = relief_str_of(at);
        if (!core_find(view, RELIEF_TABLE_region, arena, &record) || !record.parent.data)
            return false;
        copy_id(at, record.parent);
    }
    return false;
}

bool rpc_identity_within(struct core_view *view, struct relief_arena *arena, const struct rpc_identity *have,
                         const struct rpc_identity *want)
{
    if (have->role == RELIEF_role_local)
        return true;
    if (have->role != want->role || strcmp(have->city, want->city) != 0)
        return false;
    if (have->role != RELIEF_role_coordinator || !have->region[0])
        return true;
    return want->region[0] && region_below(view, arena, relief_str_of(want->region), relief_str_of(have->region));
}

int rpc_identity_asked(const struct relief_server_hello_params *params, struct relief_refusal *refusal)
{
    bool as_city = params->role == RELIEF_role_city, as_coordinator = params->role == RELIEF_role_coordinator;
    if (as_city && !params->city.data)
        return relief_refuse_field(refusal, RELIEF_BAD_PARAMS, "city", "the role city needs a city");
    if (!as_city && params->city.data)
        return relief_refuse_field(refusal, RELIEF_BAD_PARAMS, "city", "only the role city takes a city");
    if (!as_coordinator && params->region.data)
        return relief_refuse_field(refusal, RELIEF_BAD_PARAMS, "region", "only the role coordinator takes a region");
    return 0;
}

int rpc_identity_narrow(struct core_view *view, struct relief_arena *arena, const struct rpc_identity *identity,
                        const struct relief_server_hello_params *params, struct rpc_identity *ret,
                        struct relief_refusal *refusal)
{
    if (params->role == RELIEF_NIL) {
        *ret = *identity;
        return 0;
    }
    if (!identity->known)
        return relief_refuse(refusal, RELIEF_UNAUTHENTICATED, "the connection is not identified, so it has no role");
    struct rpc_identity want = {.known = true, .role = (enum relief_role)params->role};
    if (params->city.data)
        copy_id(want.city, params->city);
    if (params->region.data)
        copy_id(want.region, params->region);
    name_of(&want);
    if (!rpc_identity_within(view, arena, identity, &want))
        return relief_refuse_field(refusal, RELIEF_DENIED, "role",
                                   "%.80s can't become %.60s: a connection is narrowed only", identity->name,
                                   want.name);
    *ret = want;
    return 0;
}
