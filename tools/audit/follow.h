/*
 * Following daemons: their newest checkpoint is fetched, proved to go on from what was signed, cosigned and handed
 * back, by MessagePack-RPC.
 */
#pragma once
#include "tools/audit/witness.h"

struct audit_follows;
struct event_base;

/*
 * ADDR is unix:PATH or tcp:HOST:PORT. `token`: NULL, or a file with what server.hello shows. With `once` each is asked
 * once, and the loop ends when all have ended.
 */
int audit_follow_open(struct audit_follows **ret, struct event_base *base, struct audit_witness_state *witness,
                      const char *const *addresses, unsigned count, const char *token, uint64_t interval_s, bool once);
/* With `once`: the worst of what came out. */
int audit_follow_result(const struct audit_follows *follows);
void audit_follow_close(struct audit_follows *follows);
