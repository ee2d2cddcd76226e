/*
 * librelief: the C client of Relief. One header, opaque handles, no global state. Blocking calls, and pipelined asynchronous
 * ones on the caller's event loop. See librelief(3).
 *
 * Errors: 0 done; negative -errno (no connection, time-out: what the daemon did is unknown, send the same id again);
 * positive a refusal by the daemon (enum relief_error in relief/errors.h), with details in the answer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "relief/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RELIEF_API __attribute__((visibility("default")))

struct relief_client;
struct relief_answer;

struct relief_client_options {
    const char *server;  /* unix:PATH, tcp:HOST:PORT, tls:HOST[:PORT]; NULL: $RELIEF_SERVER, else unix:$RELIEF_SOCKET, else the default socket */
    const char *name;    /* client program, for the daemon's log; may be NULL */
    int timeout_ms;      /* of a blocking call, reconnects included; 0: 30,000 */
    bool no_reconnect;   /* by default a lost connection is made again and unanswered requests are sent again with their ids */
    /* Of a tls: address, PEM files. NULL: as the environment says; "": none. */
    const char *certificate, *key; /* who we are; $RELIEF_CERTIFICATE, $RELIEF_KEY. No key: it is in the file of the certificate */
    const char *authority;         /* who vouches for the daemon, and its lists of revoked certificates; $RELIEF_AUTHORITY */
    /* Who we are where there is no certificate; $RELIEF_TOKEN. Goes over TLS, unix sockets and loopback only. NULL and "" as above. */
    const char *token;
    char *error; /* relief_client_open writes here in a sentence why it failed; may be NULL */
    size_t error_size;
};

RELIEF_API int relief_client_open(struct relief_client **ret, const struct relief_client_options *options);
RELIEF_API void relief_client_close(struct relief_client *client);
/* What went wrong last on the connection, in a sentence. */
RELIEF_API const char *relief_client_error(const struct relief_client *client);

/*
 * One call: params is struct relief_NOUN_VERB_params (all fields set: relief_params_init first). A changing call without
 * `op` gets one made here, so that a retry over a new connection never doubles. The answer is the caller's to free, also when the
 * result is positive.
 */
RELIEF_API int relief_call(struct relief_client *client, enum relief_method method, const void *params,
                           struct relief_answer **ret);
/* The same with parameters as MessagePack (one map). */
RELIEF_API int relief_call_raw(struct relief_client *client, const char *method, const void *map, size_t len,
                               struct relief_answer **ret);

/* ---- asynchronous ---- */
typedef void relief_done(void *context, int result, struct relief_answer *answer); /* the answer is freed after it returns */
RELIEF_API int relief_send(struct relief_client *client, enum relief_method method, const void *params, relief_done *done,
                           void *context);
RELIEF_API int relief_send_raw(struct relief_client *client, const char *method, const void *map, size_t len,
                               relief_done *done, void *context);
/* For the caller's loop: the descriptor, the poll(2) events wanted (POLLIN, POLLOUT), ms until relief_client_process wants a call. */
RELIEF_API int relief_client_fd(const struct relief_client *client);
RELIEF_API short relief_client_events(const struct relief_client *client);
RELIEF_API int relief_client_timeout(const struct relief_client *client);
/* Reads, writes, calls back. 0 or -errno (connection gone and not to be had again). */
RELIEF_API int relief_client_process(struct relief_client *client, short revents);
/* Requests sent and not answered. */
RELIEF_API size_t relief_client_pending(const struct relief_client *client);
/* Blocks until nothing is pending. */
RELIEF_API int relief_client_drain(struct relief_client *client);

/* ---- notifications: event, rows, file, progress ---- */
typedef void relief_notified(void *context, const char *topic, const void *msgpack, size_t len);
RELIEF_API void relief_client_on_notification(struct relief_client *client, relief_notified *notified, void *context);

/* ---- answers ---- */
/* The result decoded as the method's record (shape relief_methods[].result); NULL after a refusal. Lists: items of that shape. */
RELIEF_API const void *relief_answer_record(const struct relief_answer *answer);
RELIEF_API const struct relief_list *relief_answer_items(const struct relief_answer *answer, struct relief_str *ret_next);
RELIEF_API uint64_t relief_answer_seq(const struct relief_answer *answer);
RELIEF_API const struct relief_refusal *relief_answer_refusal(const struct relief_answer *answer);
RELIEF_API const void *relief_answer_raw(const struct relief_answer *answer, size_t *ret_len); /* the result as MessagePack */
RELIEF_API void relief_answer_free(struct relief_answer *answer);

/* Sets every field of a parameter struct to absent. */
RELIEF_API void relief_params_init(enum relief_method method, void *params);
/* An id of 26 characters, ordered by time (milliseconds, then random): for requests and ops. */
RELIEF_API void relief_make_id(char ret_id[27]);

/* One typed stub per method, generated from the list: relief_request_submit(client, &params, &answer). */
#define M(number, noun, verb, kind, roles, result, state, summary)                                                     \
    static inline int relief_##noun##_##verb(struct relief_client *client,                                             \
                                             const struct relief_##noun##_##verb##_params *params,                     \
                                             struct relief_answer **ret)                                               \
    {                                                                                                                  \
        return relief_call(client, RELIEF_METHOD_##noun##_##verb, params, ret);                                        \
    }
RELIEF_METHODS(M)
#undef M

#ifdef __cplusplus
}
#endif
