/*
 * libevent's HTTP server with small bounds: a request is at most a checkpoint and 63 hashes. A peer that is slow is
 * closed; when there are too many, no more are taken for a moment, and what a save needs is held open (witness.h).
 */
#include "tools/audit/http.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define BODY_MAX    (AUDIT_NOTE_MAX + 64 * 46 + 64) /* checkpoint, proof lines, old size */
#define HEADERS_MAX 8192
#define QUIET_S     10 /* a peer that says nothing that long is closed */
/* Above so many open files no more are taken for a moment. What the kernel had queued already may still come in, 128 a
 * socket, so the limit of the process lies higher; what is between is for the daemons that are followed and for saves.
 */
#define TAKEN_MAX   256
#define FILES_MAX   1024
#define SOCKETS_MAX 16

struct audit_http {
    struct event_base *base;
    struct evhttp *server;
    struct audit_witness_state *witness;
    struct evhttp_bound_socket *sockets[SOCKETS_MAX];
    unsigned socket_count;
    struct event *resume;
    struct audit_note note;
};

/* The one that listens: libevent calls the error callback with what it keeps for itself. */
static struct audit_http *listening;

static void answer(struct evhttp_request *request, int code, const char *reason, const char *type, const char *text)
{
    struct evbuffer *body = evbuffer_new();
    if (body) {
        evbuffer_add(body, text, strlen(text));
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    }
    evhttp_send_reply(request, code, reason, body);
    if (body)
        evbuffer_free(body);
}

#define PLAIN "text/plain; charset=utf-8"

static void answer_verdict(struct evhttp_request *request, const struct audit_answer *given)
{
    char size[32];
    switch (given->verdict) {
    case AUDIT_COSIGNED:
        answer(request, 200, "OK", PLAIN, given->line);
        break;
    case AUDIT_UNSIGNED:
        answer(request, 403, "Forbidden", PLAIN, "not signed by a key that is trusted for this log\n");
        break;
    case AUDIT_UNKNOWN:
        answer(request, 404, "Not Found", PLAIN, "this log is not witnessed here\n");
        break;
    case AUDIT_OTHER_SIZE:
        snprintf(size, sizeof size, "%llu\n", (unsigned long long)given->size);
        answer(request, 409, "Conflict", "text/x.tlog.size", size);
        break;
    case AUDIT_UNPROVED:
        answer(request, 422, "Unprocessable Entity", PLAIN, "the consistency proof does not hold\n");
        break;
    case AUDIT_NOT_SAVED:
        answer(request, 500, "Internal Server Error", PLAIN, "the state could not be saved\n");
        break;
    default:
        answer(request, 400, "Bad Request", PLAIN, "the old size is above the checkpoint's\n");
    }
}

static void on_checkpoint(struct evhttp_request *request, void *context)
{
    struct audit_http *http = context;
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    struct audit_path path;
    struct audit_answer given;
    char body[BODY_MAX];
    uint64_t old;
    size_t len = evbuffer_get_length(input);
    if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "POST");
        answer(request, 405, "Method Not Allowed", PLAIN, "POST a checkpoint\n");
        return;
    }
    if (len > sizeof body || evbuffer_remove(input, body, len) != (int)len) {
        answer(request, 413, "Content Too Large", PLAIN, "too large\n");
        return;
    }
    const char *fault = audit_witness_request((struct audit_text){body, len}, &old, &path, &http->note);
    if (fault) {
        char text[128];
        snprintf(text, sizeof text, "%s\n", fault);
        answer(request, 400, "Bad Request", PLAIN, text);
        return;
    }
    audit_witness_add(http->witness, old, &path, &http->note, &given);
    if (given.unproved)
        audit_witness_unproved(http->witness, audit_witness_find(http->witness, http->note.origin), &http->note);
    answer_verdict(request, &given);
}

static void on_other(struct evhttp_request *request, void *context)
{
    (void)context;
    answer(request, 404, "Not Found", PLAIN, "only /add-checkpoint is here\n");
}

/* ---- listening ---- */

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    struct audit_http *http = context;
    (void)fd;
    (void)what;
    for (unsigned i = 0; i < http->socket_count; i++)
        evconnlistener_enable(evhttp_bound_socket_get_listener(http->sockets[i]));
}

static void pause_listening(struct audit_http *http)
{
    const struct timeval soon = {0, 200000};
    for (unsigned i = 0; i < http->socket_count; i++)
        evconnlistener_disable(evhttp_bound_socket_get_listener(http->sockets[i]));
    event_add(http->resume, &soon);
}

/* No file left for a connection: the socket stays readable, so without a pause this would turn round and round. The
 * context is libevent's own struct evhttp. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener;
    (void)context;
    if (listening)
        pause_listening(listening);
}

/* Each connection begins here. The lowest free descriptor tells how many are open. */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
    int lowest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (lowest < 0 || lowest > TAKEN_MAX)
        pause_listening(context);
    if (lowest >= 0)
        close(lowest);
    return bufferevent_socket_new(base, -1, 0);
}

static int listen_on(struct audit_http *http, const char *address)
{
    char host[64];
    uint64_t port;
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;
    bool brackets = len > 2 && address[0] == '[' && address[len - 1] == ']';
    if (!colon || len == 0 || len >= sizeof host || !audit_decimal_read(audit_text_of(colon + 1), &port) ||
        port > 65535)
        return audit_say("--listen %s: HOST:PORT is wanted", address);
    snprintf(host, sizeof host, "%.*s", (int)(len - 2 * brackets), address + brackets);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http->server, host, (uint16_t)port);
    if (!bound)
        return audit_say("--listen %s: can't be bound", address);
    http->sockets[http->socket_count++] = bound;
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound), on_accept_error);
    return 0;
}

int audit_http_open(struct audit_http **ret, struct event_base *base, struct audit_witness_state *witness,
                    const char *const *addresses, unsigned count)
{
    struct audit_http *http = calloc(1, sizeof *http);
    struct rlimit files;
    int code = 0;
    *ret = http;
    if (!http || !(http->server = evhttp_new(base)))
        return audit_say("no memory");
    if (count > SOCKETS_MAX)
        return audit_say("--listen: at most %d addresses", SOCKETS_MAX);
    http->base = base;
    http->witness = witness;
    http->resume = evtimer_new(base, on_resume, http);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    evhttp_set_max_body_size(http->server, BODY_MAX);
    evhttp_set_max_headers_size(http->server, HEADERS_MAX);
    evhttp_set_timeout(http->server, QUIET_S);
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_POST | EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    if (!http->resume || evhttp_set_cb(http->server, "/add-checkpoint", on_checkpoint, http) != 0)
        return audit_say("no memory");
    evhttp_set_gencb(http->server, on_other, NULL);
    evhttp_set_bevcb(http->server, on_connection, http);
    listening = http;
    for (unsigned i = 0; i < count && code == 0; i++)
        code = listen_on(http, addresses[i]);
    return code;
}

void audit_http_ready(const struct audit_http *http)
{
    fputs("ready", stderr);
    for (unsigned i = 0; http && i < http->socket_count; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        char host[INET6_ADDRSTRLEN] = "";
        if (getsockname(evhttp_bound_socket_get_fd(http->sockets[i]), (struct sockaddr *)&address, &len) != 0)
            continue;
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&address;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&address;
        if (address.ss_family == AF_INET && inet_ntop(AF_INET, &four->sin_addr, host, sizeof host))
            fprintf(stderr, " http://%s:%u", host, ntohs(four->sin_port));
        else if (address.ss_family == AF_INET6 && inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host))
            fprintf(stderr, " http://[%s]:%u", host, ntohs(six->sin6_port));
    }
    fputc('\n', stderr);
}

void audit_http_close(struct audit_http *http)
{
    if (!http)
        return;
    listening = NULL;
    if (http->server)
        evhttp_free(http->server);
    if (http->resume)
        event_free(http->resume);
    free(http);
}
