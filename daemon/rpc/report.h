/* Reads that a worker makes while the loop goes on (report.c). A kind of report says how its worker is started and
 * asked. */
#pragma once
#include "rpc/session.h"

#define RPC_REPORT_BYTES (16u << 20) /* address space for what was asked: a frame's worth, copied */

/* What a kind's `take` returns; also RELIEF_... (positive): refused, -errno, -ETIME past the limit. */
enum { RPC_REPORT_NOT_YET = 0, RPC_REPORT_DONE = 1000, RPC_REPORT_PROGRESS = 1001 };

struct rpc_report_kind {
    unsigned method;
    const char *late; /* what to do when it took too long */
    int (*start)(struct rpc_session *session, void **ret_view);
    int (*take)(void *view, struct relief_buf *ret, struct relief_refusal *refusal);
    void (*free)(void *view);
};

struct rpc_report {
    const struct rpc_report_kind *kind;
    uint32_t msgid;
    uint64_t want;   /* entry that the report has to include */
    uint64_t ticket; /* the order of arrival */
    int64_t now, since_us;
    bool flush_asked;
    struct relief_arena arena; /* of `asked` and what it points to */
    void *asked;               /* the kind's own */
    void *view;                /* NULL until it is its turn and LMDB has reached `want` */
};

/* RPC_LATER with *ret_asked to be filled in, so many bytes of zeros in session->report->arena; or as a handler refuses.
 */
int rpc_report_begin(struct rpc_call *call, const struct rpc_report_kind *kind, size_t bytes, void **ret_asked);
