/*
 * Inside of rpc: the connections' sessions, a call on its way to its answer, and the handlers.
 *
 * A call is answered within its message, with exceptions that hold the connection back (net_conn_pause) until they
 * are done, so that answers keep the order of requests: a read of the log itself waits until what was applied is durable, one of
 * its evidence until a checkpoint covers that, a dump until it is sent, a report until it is made, and no message is looked at meanwhile. An answer with a
 * receipt waits too, but in a queue (receipt.c).
 */
#pragma once
#include <msgpack.h>
#include <pthread.h>
#include "rpc/denials.h"
#include "rpc/rpc.h"
#include "rpc/sight.h"
#include "rpc/stats.h"
#include "rpc/token.h"
#include "schema/codec.h"

#define RPC_DUMPS_MAX 4u                          /* at a time: each holds a thread and a read transaction */
#define RPC_REPORTS_RUNNING_MAX 2u                /* at a time: each holds a processor */
#define RPC_REPORTS_MAX 64u                       /* with those that wait for their turn: beyond, who asks is better told */
#define RPC_SLICE_US 2000                         /* a call that took longer ends its connection's turn: others come in between */
#define RPC_PAGE_BYTES_MAX (RELIEF_FRAME_BYTES_MAX - 4096u) /* items of a page; the rest is for the frame around them */
#define RPC_ARENA_BYTES ((size_t)256 << 20)       /* address space of one call: a page of records with their lists */
#define RPC_EVENT_ENTRIES_MAX 1024u               /* log entries a subscription looks at in one turn */
#define RPC_WRONG_TOKENS_MAX 3u                   /* of a connection: then it is closed */
#define RPC_LATER 4096                            /* a handler's result: the answer comes by rpc_call_done */

struct rpc_session;
struct rpc_dump;
struct rpc_report;
struct rpc_subscription;

/* One request. Everything in it lives until its handler returns. */
struct rpc_call {
    struct rpc *rpc;
    struct rpc_session *session;
    const struct relief_method_info *method;
    uint32_t msgid;
    const void *params;
    struct relief_buf *out; /* the handler appends the result */
    uint64_t release;       /* entry that must be durable before the answer leaves */
    uint64_t receipt;       /* entry whose receipt the answer ends with, 0: none */
    struct sight *sight;    /* of a list's filter */
    struct relief_refusal refusal;
};

/* Appends the result: 0; positive: refused, see call->refusal; negative: -errno; RPC_LATER. */
typedef int rpc_handler(struct rpc_call *call);

/* A read that waits for the log: enough of the call to make it again. */
struct rpc_waiting {
    const struct relief_method_info *method; /* NULL: none */
    uint32_t msgid;
    uint64_t until; /* entry that has to be durable */
    bool published; /* and a checkpoint that covers it there */
    int64_t since_us;
    union {
        struct relief_log_list_params log_list;
        struct relief_proof_inclusion_params proof_inclusion;
        struct relief_proof_consistency_params proof_consistency;
        char none;
    } params;
};

struct rpc_session {
    struct rpc *rpc;
    struct net_conn *conn;
    struct rpc_identity identity;
    char address[DENIAL_ADDRESS_BYTES];
    bool readable;         /* somebody on the way could read along: no token is taken */
    unsigned wrong_tokens;
    bool by_token;         /* the identity stands on the token with this hash, until then */
    uint8_t token[TOKEN_HASH_BYTES];
    char token_identity[RELIEF_IDENTITY_BYTES_MAX + 1];
    int64_t token_until;
    uint64_t release; /* highest so far: marks of a connection never go back */
    struct rpc_waiting waiting;
    bool receipts; /* its changes are answered with a receipt */
    bool pending_paused;
    struct rpc_pending *pending, *pending_last; /* answers that wait for a checkpoint, or stand behind one that does */
    size_t pending_bytes;
    struct rpc_dump *dump;
    struct rpc_report *report;
    bool yielded; /* not read before the next turn */
    bool held;    /* a change of its waits until no wake is owed any more */
    struct rpc_subscription *subscription;
    struct rpc_session *prev, *next;
};

struct rpc {
    struct rpc_options options;
    struct rpc_identity *listeners;
    struct rpc_mapping *mappings;
    struct net_handlers handlers;
    struct engine *engine;
    struct net *net;           /* NULL unless attached */
    pthread_mutex_t net_lock;  /* other threads wake the loop only while it is there */
    int failure;
    int shortage;    /* as the operator was told last */
    uint64_t undone; /* engine_undone, as peers were told last */
    struct rpc_session sessions; /* head of the list */
    unsigned session_count, dump_count, subscription_count, waiting_count, receipt_count;
    unsigned report_count, reports_running, yielded_count;
    struct {                         /* the change whose wake goes on over several turns; its answer waits for the end */
        struct rpc_session *session; /* NULL: none, or it is gone */
        struct relief_buf answer;
        unsigned method;
        uint64_t receipt;
        int64_t since_us;
    } waker;
    unsigned held_count;
    uint64_t reports_begun, reports_done;
    uint64_t dumps_done, events_sent, notifications_ignored;
    bool streams_due; /* a stream stopped at its bound of work: go on in the next turn */
    int64_t turn_us;  /* stats_now_us at the start of the turn */
    int64_t started_us;
    enum engine_clock_state clock; /* as the operator was told last */
    msgpack_zone zone;
    struct relief_arena arena;  /* reset for each message */
    struct relief_arena record; /* reset for each record of a scan */
    struct relief_buf out;      /* the message that is being made */
    struct relief_buf page;     /* its items */
    struct relief_buf note;     /* of a checkpoint */
    struct stats stats;
    struct tokens tokens;
    struct denials *denials;   /* NULL unless attached */
    struct relief_buf farewell; /* to a connection that is refused */
    uint64_t tokens_refused, tokens_ended, city_refused;
};

/* request.c */
void rpc_request_message(void *session, const uint8_t *data, size_t len, int fault_in_limits);
void rpc_request_fault(void *session, enum net_fault fault);

/* admit.c: who a connection is, and what ends that */
/* The row of the configuration, of the unix socket's credentials, or of the certificate; a city that has too many connections is refused. */
void rpc_admit(struct rpc_session *session, const struct net_peer *peer);
bool rpc_admit_reserved(void *rpc, const struct net_peer *peer);
const struct relief_buf *rpc_admit_refused(void *rpc, const struct net_peer *peer, enum net_refusal why, const char *detail);
void rpc_admit_evicted(void *session);
/* server.hello: everything about the identity. 0, or positive with call->refusal and nothing changed. */
int rpc_admit_hello(struct rpc_call *call, const struct relief_server_hello_params *params);
/* Closes connections whose token has ended at time T. */
void rpc_admit_tick(struct rpc *rpc, int64_t now);
/* Notes a refusal that an auditor wants to know of: DENIED, UNAUTHENTICATED, and connections over a limit. method NULL: none. */
void rpc_admit_note(struct rpc_session *session, const struct relief_method_info *method, const struct relief_refusal *refusal);

/* dispatch.c */
/* NULL for changes, which the engine carries out, and for what is not built. */
rpc_handler *rpc_handler_of(unsigned method);
/* Runs the handler and answers. */
void rpc_dispatch(struct rpc_call *call);
/* A call that waited for the log is made now. */
void rpc_dispatch_waiting(struct rpc_session *session);
/* No wake is owed any more: the answer of the one that woke leaves, and what was held comes again. */
void rpc_dispatch_woken(struct rpc *rpc);

/* answer.c */
void rpc_answer_start(struct relief_buf *out, uint32_t msgid);
/* Queues what rpc->out holds as the answer, behind those that wait for a checkpoint. */
void rpc_answer_send(struct rpc_session *session, uint64_t release);
/* The same past them. */
void rpc_answer_send_now(struct rpc_session *session, uint64_t release);
/* Appends the message that refuses. */
void rpc_answer_pack_refusal(struct relief_buf *out, uint32_t msgid, const struct relief_refusal *refusal);
void rpc_answer_refusal(struct rpc_session *session, uint32_t msgid, uint64_t release,
                        const struct relief_refusal *refusal);
/* The answer to a change: its record, seq, and the candidates where there are any. */
void rpc_answer_change(struct rpc_call *call, const struct engine_answer *answer);
/* What the machine's failure is on the wire. */
void rpc_answer_machine(int error, struct relief_refusal *refusal);
/* NOT_FOUND with the parameter's name and value; what: in words. Returns the code. */
int rpc_not_found(struct relief_refusal *refusal, const char *field, const char *what, struct relief_str id);
/* For reads of the log itself: 0 when everything applied is durable, else RPC_LATER, and the call comes again. */
int rpc_wait_durable(struct rpc_call *call);

/* The same until a checkpoint covers that. */
int rpc_wait_published(struct rpc_call *call);

/* receipt.c */
/* Queues what rpc->out holds when answers wait for a checkpoint; false: none does. */
bool rpc_receipt_queue(struct rpc_session *session, uint64_t release);
/* rpc->out ends with the key "receipt"; adds the receipt and sends it, now or when a checkpoint covers `release`. */
void rpc_receipt_send(struct rpc_session *session, uint64_t release, uint64_t seq);
/* A checkpoint of this size is there. */
void rpc_receipt_pump(struct rpc_session *session, uint64_t published);
/* An answer waits for more than what is durable. */
bool rpc_receipt_beyond(const struct rpc_session *session, uint64_t durable);
void rpc_receipt_free(struct rpc_session *session);
/* query_evidence.c: tells the operator when evidence/ turned out to be damaged. */
void rpc_evidence_trouble(int error);

/* list.c */
struct rpc_page {
    struct rpc_call *call;
    uint32_t count, limit, looked;
    bool full;
    struct core_key last; /* of the last record looked at */
};
/* False: the record is not for this page. It may take fields away that are not shared. */
typedef bool rpc_wanted(struct rpc_call *call, void *record);
void rpc_page_start(struct rpc_page *page, struct rpc_call *call, int64_t limit);
/* Adds an item; false: it does not fit any more, the page ends before it. */
bool rpc_page_add(struct rpc_page *page, const struct relief_shape *shape, const void *item);
/* Writes {items, next}. next.data NULL: nil. */
void rpc_page_end(struct rpc_page *page, struct relief_str next);
/* Splits `after` at its slashes into exactly count ids. 0 or BAD_PARAMS. */
int rpc_after_parts(struct rpc_call *call, struct relief_str after, unsigned count, struct relief_str ret_parts[]);
/* A page of a table's records below prefix (NULL: all), filtered. */
int rpc_list_table(struct rpc_call *call, enum relief_table table, const struct core_key *prefix, struct relief_str after,
                   int64_t limit, rpc_wanted *wanted);
/* NOUN.get of a table with one key field, as the reader sees it. */
int rpc_get_record(struct rpc_call *call);

/* session.c: LMDB can't be brought to where a dump or report needs it, for want of this: as engine_shortage. 0: it can. */
int rpc_store_lacks(struct rpc *rpc);
/* report.c: the reports under way */
void rpc_reports_go_on(struct rpc *rpc);
void rpc_report_free(struct rpc_session *session);
/* One is under way that waits for more than what is durable. */
bool rpc_report_beyond(const struct rpc_session *session, uint64_t durable);

/* query_stock.c: true when the city lies in the region or below it; reads into rpc->record. */
/* The region is `top` or lies below it. */
bool rpc_region_below(struct rpc_call *call, struct relief_str region, struct relief_str top);
bool rpc_in_region(struct rpc_call *call, struct relief_str city, struct relief_str region);

/* subscribe.c, dump.c: the streams of a session */
void rpc_subscription_pump(struct rpc_session *session);
void rpc_subscription_free(struct rpc_session *session);
void rpc_dump_step(struct rpc_session *session);
void rpc_dump_free(struct rpc_session *session);
bool rpc_dump_beyond(const struct rpc_session *session, uint64_t durable);

/* query_*.c, subscribe.c, dump.c: one handler a method, named after it */
rpc_handler rpc_plan_allocate, rpc_plan_rebalance;
rpc_handler rpc_server_hello, rpc_server_ping, rpc_server_info, rpc_server_stats, rpc_server_denials;
rpc_handler rpc_region_list, rpc_city_list, rpc_link_list, rpc_kind_list, rpc_travel_get;
rpc_handler rpc_incident_list, rpc_agreement_list;
rpc_handler rpc_stock_get, rpc_stock_list;
rpc_handler rpc_asset_list, rpc_shortfall_list;
rpc_handler rpc_request_list, rpc_request_explain, rpc_match_preview, rpc_dispatch_list;
rpc_handler rpc_log_list, rpc_log_head;
rpc_handler rpc_log_checkpoint, rpc_log_cosign, rpc_proof_inclusion, rpc_proof_consistency;
rpc_handler rpc_event_subscribe, rpc_snapshot_dump, rpc_snapshot_backup;
