/*
 * POST /add-checkpoint of C2SP tlog-witness.
 */
#pragma once
#include "tools/audit/witness.h"

struct audit_http;
struct event_base;

/* Listens on every HOST:PORT. 0, or AUDIT_USAGE, said. */
int audit_http_open(struct audit_http **ret, struct event_base *base, struct audit_witness_state *witness,
                    const char *const *addresses, unsigned count);
/* Says `ready` and the addresses, with the ports that were chosen for port 0. NULL: just `ready`. */
void audit_http_ready(const struct audit_http *http);
void audit_http_close(struct audit_http *http);
