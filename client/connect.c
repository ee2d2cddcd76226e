/*
 * Opening, losing and making a connection again. connect(2) is non-blocking: the caller's loop, or the blocking call,
 * waits in poll(2). Only a host name blocks, in getaddrinfo; numbers and unix sockets don't.
 *
 * A lost connection is tried again at once, then after 20 ms, 40 ms ... 1 s, until the client's time-out has passed
 * since it was lost; then everything that waits is called back with the last error.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "client/client.h"
#include "schema/codec.h"

int64_t client_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int client_fail(struct relief_client *client, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(client->error, sizeof client->error, format, args);
    va_end(args);
    return error;
}

const char *relief_client_error(const struct relief_client *client)
{
    return client->error;
}

static void free_found(struct relief_client *client)
{
    if (client->found)
        freeaddrinfo(client->found);
    client->found = client->trying = NULL;
}

void client_disconnect(struct relief_client *client)
{
    if (client->tls)
        client_tls_end(client->tls);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->state = CLIENT_IDLE;
    free_found(client);
    relief_buf_clear(&client->in);
    client->in_start = 0;
    scan_init(&client->scan, CLIENT_ANSWER_BYTES_MAX);
    client->subscribed = false;
    client->sending = NULL;
    client->sent = 0;
    client->greetings = 0;
}

/* A peer that vanished without a word must not hold a request for the quarter of an hour that TCP would wait. */
static void tune_tcp(struct relief_client *client)
{
    int on = 1;
    unsigned give_up_ms = (unsigned)client->timeout_ms;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(client->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
}

static int start_unix(struct relief_client *client)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, client->address.host, strlen(client->address.host) + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -errno;
    if (connect(client->fd, (struct sockaddr *)&to, sizeof to) == 0)
        return 0;
    /* EAGAIN: the listener's queue is full; a unix socket can't wait for it, so the attempt failed and is made again.
     */
    return errno == EINPROGRESS ? -EINPROGRESS : errno == EAGAIN ? -ECONNREFUSED : -errno;
}

static int start_tcp(struct relief_client *client)
{
    const struct addrinfo *to = client->trying;
    assert(to); /* whoever calls this has an address to try */
    client->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -errno;
    tune_tcp(client);
    return connect(client->fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : -errno;
}

static int usable(struct relief_client *client)
{
    client->error[0] = '\0';
    return client_restart(client);
}

static int shake(struct relief_client *client)
{
    int error = client_tls_shake(client);
    if (error == 0)
        return usable(client);
    if (error == -EAGAIN && client_now_ms() < client->connect_by)
        return 0;
    if (error == -EAGAIN)
        error = client_fail(client, -ETIMEDOUT, "%s did not finish the handshake of TLS within %d ms",
                            client->address.text, client->timeout_ms);
    client_disconnect(client);
    return error;
}

static int connected(struct relief_client *client)
{
    free_found(client); /* lost_at and retry_ms stay until the peer says something: it may be accepting only to close */
    if (!client->tls)
        return usable(client);
    client->state = CLIENT_SHAKING;
    int error = client_tls_start(client);
    if (error == 0)
        return shake(client);
    client_disconnect(client);
    return error;
}

static int no_connection(struct relief_client *client, int error)
{
    client_disconnect(client);
    return client_fail(client, error, "no connection to %s: %s", client->address.text, strerror(-error));
}

/* Nobody but this machine sees what goes to that address. */
static bool is_loopback(const struct sockaddr *to)
{
    if (to->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)to)->sin6_addr;
    return to->sa_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127));
}

static int keep_token(struct relief_client *client)
{
    client_disconnect(client);
    client->broken = true;
    return client_fail(
        client, -EPERM,
        "%s: a token is not sent over plain TCP to another machine, where others could read it: use a tls: "
        "address",
        client->address.text);
}

/* Tries this address and those behind it until one connects or waits. */
static int try_addresses(struct relief_client *client)
{
    int error = 0;
    do {
        if (client->has_token && !client->tls && client->trying && !is_loopback(client->trying->ai_addr))
            return keep_token(client);
        error = client->address.family == CLIENT_UNIX ? start_unix(client) : start_tcp(client);
        if (error == 0)
            return connected(client);
        if (error == -EINPROGRESS) {
            client->state = CLIENT_CONNECTING;
            return 0;
        }
        if (client->fd >= 0)
            close(client->fd);
        client->fd = -1;
        client->trying = client->trying ? client->trying->ai_next : NULL;
    } while (client->trying);
    return no_connection(client, error);
}

int client_connect_start(struct relief_client *client)
{
    client_disconnect(client);
    client->connect_by = client_now_ms() + client->timeout_ms;
    if (client->address.family == CLIENT_TCP) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
        int error = getaddrinfo(client->address.host, client->address.port, &hints, &client->found);
        if (error) {
            client->found = NULL;
            return client_fail(client, error == EAI_SYSTEM ? -errno : -EHOSTUNREACH, "%s: %s", client->address.text,
                               gai_strerror(error));
        }
        client->trying = client->found;
    }
    return try_addresses(client);
}

int client_connect_continue(struct relief_client *client, short revents)
{
    if (client->state == CLIENT_SHAKING)
        return shake(client);
    int error = 0;
    socklen_t size = sizeof error;
    if (revents & (POLLOUT | POLLERR | POLLHUP)) {
        if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        if (error == 0)
            return connected(client);
    } else if (client_now_ms() >= client->connect_by) {
        error = ETIMEDOUT;
    } else {
        return 0;
    }
    close(client->fd);
    client->fd = -1;
    client->trying = client->trying ? client->trying->ai_next : NULL;
    if (!client->trying || error == ETIMEDOUT)
        return no_connection(client, -error);
    return try_addresses(client);
}

/* How each connection begins: with our name, and with the token where one is to be used. */
static int introduce(struct relief_client *client, const struct relief_client_options *options)
{
    const char *token = options && options->token ? options->token : getenv("RELIEF_TOKEN");
    struct relief_buf *hello = &client->introduction;
    client->has_token = token && *token;
    if (!client->has_token && !client->name[0])
        return 0;
    relief_pack_array(hello, 1);
    relief_pack_map(hello, (client->name[0] != '\0' ? 1u : 0u) + (client->has_token ? 1u : 0u));
    if (client->name[0]) {
        relief_pack_text(hello, "client");
        relief_pack_text(hello, client->name);
    }
    if (client->has_token) {
        relief_pack_text(hello, "token");
        relief_pack_text(hello, token);
    }
    return hello->failed ? -ENOMEM : 0;
}

static int prepare(struct relief_client *client, const struct relief_client_options *options)
{
    char standard[sizeof client->address.text];
    client_address_default(standard, sizeof standard);
    const char *server = options && options->server ? options->server : standard;
    client->timeout_ms = options && options->timeout_ms > 0 ? options->timeout_ms : CLIENT_TIMEOUT_MS;
    client->reconnect = !(options && options->no_reconnect);
    if (options && options->name)
        snprintf(client->name, sizeof client->name, "%s", options->name);
    int error = client_address_parse(&client->address, server);
    if (error)
        return client_fail(client, error, "'%.200s' is not an address: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT",
                           server);
    error = introduce(client, options);
    if (error == 0 && client->address.tls)
        error = client_tls_open(client, options);
    return error;
}

int relief_client_open(struct relief_client **ret, const struct relief_client_options *options)
{
    struct relief_client *client = calloc(1, sizeof *client);
    if (!client)
        return -ENOMEM;
    client->fd = -1;
    client->tail = &client->head;
    int error = prepare(client, options);
    if (error == 0)
        error = client_connect_start(client);
    while (error == 0 && (client->state == CLIENT_CONNECTING || client->state == CLIENT_SHAKING)) {
        struct pollfd wait = {.fd = client->fd, .events = relief_client_events(client)};
        poll(&wait, 1, relief_client_timeout(client));
        error = client_connect_continue(client, wait.revents);
    }
    if (error == 0) {
        *ret = client;
        return 0;
    }
    if (options && options->error && options->error_size > 0)
        snprintf(options->error, options->error_size, "%s", client->error[0] ? client->error : strerror(-error));
    relief_client_close(client);
    return error;
}

void relief_client_close(struct relief_client *client)
{
    if (!client)
        return;
    client_disconnect(client);
    client_fail_all(client, -ECANCELED);
    relief_buf_deinit(&client->in);
    relief_buf_deinit(&client->introduction);
    relief_buf_deinit(&client->hello);
    client_tls_close(client->tls);
    free(client);
}
