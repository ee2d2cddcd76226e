/*
 * Inside of the client library: the connection, the pipeline of unanswered requests, and what an answer keeps.
 *
 * One pipeline serves blocking and asynchronous calls. A request is encoded once into its frame; the frame stays until
 * the answer is there, so that it can be sent again, byte for byte and with the same ids, over a new connection.
 */
#pragma once
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netdb.h>
#include <msgpack.h>
#include "relief/relief.h"
#include "schema/arena.h"
#include "schema/buf.h"
#include "schema/scan.h"

#define CLIENT_TIMEOUT_MS        30000
#define CLIENT_RETRY_FIRST_MS    20 /* a daemon that restarts under its supervisor is back within some 100 ms */
#define CLIENT_RETRY_LAST_MS     1000
#define CLIENT_PENDING_MAX       65536u /* requests: 64 times what the daemon takes before it stops reading */
#define CLIENT_PENDING_BYTES_MAX (64u * 1024u * 1024u)
#define CLIENT_ANSWER_BYTES_MAX                                                                                        \
    (64u * 1024u * 1024u) /* a page keeps below 1 MiB, but one log entry may hold 8 MiB of records */
#define CLIENT_READ_BYTES 65536u
#define CLIENT_READS_MAX  64 /* reads in one call of process: 4 MiB, then the caller's loop has its turn */

#define CLIENT_ERROR_BYTES 512 /* a sentence with an address and a file's name */
#define CLIENT_TLS_PORT    "7471"
#define CLIENT_TLS_RECORD_BYTES 16384u /* the most that one record of TLS holds */

struct client_address {
    enum { CLIENT_UNIX, CLIENT_TCP } family;
    bool tls;        /* over TCP */
    char text[320]; /* as given, for messages */
    char host[256]; /* or the path of the socket */
    char port[8];
};

/* 0; -EINVAL: not an address; -ENAMETOOLONG. */
int client_address_parse(struct client_address *ret, const char *text);
/* $RELIEF_SERVER, else unix:$RELIEF_SOCKET, else the default socket. */
void client_address_default(char *ret_text, size_t size);

struct client_pending {
    struct client_pending *next;
    uint32_t msgid;
    const struct relief_method_info *method; /* NULL: a method that this library does not know */
    relief_done *done;                       /* NULL: nobody waits any more, or a greeting of our own */
    void *context;
    bool greeting;    /* server.hello that opens a connection */
    bool required;    /* and has to be accepted */
    bool repeat;      /* may be sent again over another connection */
    size_t params_at; /* where the params array stands in the frame */
    size_t len;
    char frame[];
};

enum client_state {
    CLIENT_IDLE,       /* no socket; connects at retry_at when something is pending */
    CLIENT_CONNECTING, /* connect(2) is under way */
    CLIENT_SHAKING,    /* connected; the handshake of TLS is under way */
    CLIENT_GREETING,   /* connected; nothing but the greeting leaves before it is answered */
    CLIENT_READY,
};

/* Sees each accepted answer before whoever waits for it: how the command line keeps receipts, whatever the command. */
typedef void client_seen(void *context, const struct relief_method_info *method, const struct relief_answer *answer);

struct relief_client {
    struct client_address address;
    int timeout_ms;
    bool reconnect;
    char name[128];

    enum client_state state;
    int fd;
    struct client_tls *tls;          /* NULL: the address is not of TLS */
    struct addrinfo *found, *trying; /* of the current attempt; unix sockets have none */
    int64_t connect_by;              /* monotonic ms */
    int64_t lost_at;                 /* when the connection was lost; 0 while there is one */
    int64_t retry_at;
    int retry_ms;
    char error[CLIENT_ERROR_BYTES];

    struct client_pending *head, **tail;
    size_t pending, pending_bytes;
    struct client_pending *sending; /* first one that is not wholly written */
    size_t sent;                    /* bytes of it that are */
    uint32_t last_msgid;
    /* Params of what opens each connection: who we are, by name and token, and the caller's last hello that was accepted. */
    struct relief_buf introduction, hello;
    bool has_token;     /* the introduction has: it must be accepted, and leaves this machine over TLS only */
    unsigned greetings; /* unanswered ones */
    bool subscribed;
    bool in_callback;
    bool broken; /* the peer does not speak our protocol, or one refuses the other: no use to try again */

    struct relief_buf in;
    uint64_t in_total; /* bytes ever read: what a wait takes for progress */
    size_t in_start;
    struct scan scan;
    relief_notified *notified;
    void *notified_context;
    client_seen *seen; /* or NULL */
    void *seen_context;
};

struct relief_answer {
    const struct relief_method_info *method;
    struct relief_refusal refusal;
    bool refused;
    bool kept;    /* the caller of a blocking call owns it now */
    char *result; /* MessagePack, our own copy */
    size_t result_len;
    bool unpacked, decoded;
    msgpack_unpacked object;
    struct relief_arena arena;
    void *record;
    struct relief_list items;
    struct relief_str next;
};

int64_t client_now_ms(void);
/* Notes what went wrong and returns error unchanged. */
int client_fail(struct relief_client *client, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* connect.c */
int client_connect_start(struct relief_client *client);
/* The socket is writable, the handshake may go on, or its time is over. 0, or -errno: no address is left to try. */
int client_connect_continue(struct relief_client *client, short revents);
void client_disconnect(struct relief_client *client);

/* pipeline.c */
/* Puts a request at the end of the pipeline. params: one MessagePack map, NULL for none. */
int client_enqueue(struct relief_client *client, const char *wire, const struct relief_method_info *method,
                   struct relief_str params, relief_done *done, void *context);
/* A new connection stands: the greeting, then everything unanswered, in the old order. */
int client_restart(struct relief_client *client);
/* The connection is gone: what may be sent again stays, the rest is called back with error. Returns 0 when it will be
 * tried again. */
int client_lost(struct relief_client *client, int error);
void client_fail_all(struct relief_client *client, int error);
int client_write(struct relief_client *client);
/* The request with that msgid leaves the pipeline; NULL when there is none. The caller frees it. */
struct client_pending *client_take(struct relief_client *client, uint32_t msgid);

/* stream.c: bytes of the connection, whatever it is made of. */
/* As recv(2): bytes, 0 at the end; -EAGAIN: not now; -errno, said. */
ssize_t client_stream_read(struct relief_client *client, void *data, size_t len);
/* Of these parts, in order, as many bytes as can be taken now; -EAGAIN, -errno. */
ssize_t client_stream_write(struct relief_client *client, const struct iovec *parts, int count);
/* What poll(2) should wait for besides POLLIN. */
short client_stream_events(const struct relief_client *client);
/* There are bytes to read that poll(2) does not know of. */
bool client_stream_has_more(const struct relief_client *client);

/* tls.c: TLS 1.3 on the connection's socket. Functions that fail say so in client->error; what no new attempt can mend sets
 * client->broken. */
/* options: certificate, key and authority, or NULL for the environment's. Reads the files: -EINVAL when they are no good. */
int client_tls_open(struct relief_client *client, const struct relief_client_options *options);
void client_tls_close(struct client_tls *tls);
/* For the socket that has just connected. The files are read again: certificates are renewed while clients run. */
int client_tls_start(struct relief_client *client);
/* Goes on with the handshake. 0: the peer is verified; -EAGAIN: more to come; -errno. */
int client_tls_shake(struct relief_client *client);
ssize_t client_tls_read(struct relief_client *client, void *data, size_t len);
ssize_t client_tls_write(struct relief_client *client, const void *data, size_t len);
short client_tls_events(const struct client_tls *tls);
bool client_tls_has_more(const struct client_tls *tls);
/* Says goodbye when that can still be said. The socket is the caller's to close. */
void client_tls_end(struct client_tls *tls);

/* tls_error.c: what went wrong, and what to do about it. */
struct ssl_st;
struct client_tls_files {
    char *certificate, *key, *authority; /* NULL: none */
};
/* The certificate of the peer was not accepted: -EACCES. */
int client_tls_refuse(struct relief_client *client, const struct client_tls_files *files, const struct ssl_st *ssl);
/* An error of OpenSSL's queue, from the handshake or later. */
int client_tls_fail(struct relief_client *client, const struct client_tls_files *files, unsigned long error);
/* A file is no good: -EINVAL. */
int client_tls_bad_file(struct relief_client *client, const char *what, const char *path);

/* receive.c */
int client_read(struct relief_client *client);

/* params.c: the map as it goes out, with an op where the method changes something and has none. */
int client_params_pack(struct relief_buf *buf, const struct relief_method_info *method, const void *params);
int client_params_raw(struct relief_buf *buf, const struct relief_method_info *method, struct relief_str map);

/* answer.c */
struct relief_answer *client_answer_new(const struct relief_method_info *method, const void *result, size_t len);
struct relief_answer *client_answer_refusal(const struct relief_method_info *method, const void *error, size_t len);
/* The result as an object tree that lives as long as the answer; NULL after a refusal. */
const msgpack_object *client_answer_object(const struct relief_answer *answer);
const msgpack_object *client_map_find(const msgpack_object *map, const char *key);

/* wire.c: steps over one value at *at; false when there is no whole one. */
bool client_skip(const uint8_t *data, size_t len, size_t *at);
/* Reads the header of an array (or map) at *at. */
bool client_array(const uint8_t *data, size_t len, size_t *at, uint32_t *ret_count);
bool client_map(const uint8_t *data, size_t len, size_t *at, uint32_t *ret_count);
bool client_uint(const uint8_t *data, size_t len, size_t *at, uint64_t *ret);
bool client_str(const uint8_t *data, size_t len, size_t *at, struct relief_str *ret);
