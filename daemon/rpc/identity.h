/*
 * Whom the daemon takes a connection for (fine print 14). Identities read local, ROLE, ROLE:CITY (city) or ROLE:REGION
 * (coordinator). hello may narrow one, never widen it; the narrowed one is what ops and request ids belong to.
 */
#pragma once
#include <stdbool.h>
#include "core/apply.h"
#include "net/certificate.h"

struct rpc_identity {
    bool known; /* false: only hello and ping are answered */
    enum relief_role role;
    char city[RELIEF_ID_BYTES_MAX + 1];
    char region[RELIEF_ID_BYTES_MAX + 1];
    char name[RELIEF_IDENTITY_BYTES_MAX + 1];
};

/* From its text. 0, or -EINVAL. */
int rpc_identity_parse(struct rpc_identity *ret, const char *text);
/* Of a peer with this certificate: its name is the URI. .known is false without one. */
void rpc_identity_certificate(struct rpc_identity *ret, const struct certificate_identity *certificate);
/* As the core sees it; strings point into identity. */
struct core_identity rpc_identity_core(const struct rpc_identity *identity);
/* True when want gives no right that have lacks. view, arena as below. */
bool rpc_identity_within(struct core_view *view, struct relief_arena *arena, const struct rpc_identity *have,
                         const struct rpc_identity *want);
/* hello's parameters fit each other. 0 or BAD_PARAMS. */
int rpc_identity_asked(const struct relief_server_hello_params *params, struct relief_refusal *refusal);
/*
 * What identity becomes when hello, whose parameters are rpc_identity_asked, asks for a role. 0, or a positive relief_error with refusal. view: to see whether a region
 * lies below another; arena: for what is read there.
 */
int rpc_identity_narrow(struct core_view *view, struct relief_arena *arena, const struct rpc_identity *identity,
                        const struct relief_server_hello_params *params, struct rpc_identity *ret,
                        struct relief_refusal *refusal);
/* The role column. */
static inline bool rpc_identity_may(const struct rpc_identity *identity, const struct relief_method_info *method)
{
    return identity->role == RELIEF_role_local || (method->roles & 1u << identity->role);
}
