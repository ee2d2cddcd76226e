/*
 * Opening, losing and making a connection again. connect(2) is non-blocking: the caller's loop, or the blocking call,
 * waits in poll(2). Only a host name blocks, in getaddrinfo; numbers and unix sockets don't.
 *
 * A lost connection is tried again at once, then after 20 ms, 40 ms ... 1 s, until the client's time-out has passed
 * since it was lost; then everything that waits is called back with the last error.
 */
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
    client->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -errno;
    tune_tcp(client);
    return connect(client->fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : -errno;
}

static int connected(struct relief_client *client)
{
    free_found(client); /* lost_at and retry_ms stay until the peer says something: it may be accepting only to close */
    client->error[0] = '\0';
    return client_restart(client);
}

static int no_connection(struct relief_client *client, int error)
{
    client_disconnect(client);
    return client_fail(client, error, "no connection to %s: %s", client->address.text, strerror(-error));
}

/* Tries this address and those behind it until one connects or waits. */
static int try_addresses(struct relief_client *client)
{
    int error = 0;
    do {
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

static void greet_with_name(struct relief_client *client)
{
    if (!client->name[0])
        return;
    relief_pack_array(&client->hello, 1);
    relief_pack_map(&client->hello, 1);
    relief_pack_text(&client->hello, "client");
    relief_pack_text(&client->hello, client->name);
}

int relief_client_open(struct relief_client **ret, const struct relief_client_options *options)
{
    char server[320];
    struct relief_client *client = calloc(1, sizeof *client);
    if (!client)
        return -ENOMEM;
    client->fd = -1;
    client->tail = &client->head;
    client->timeout_ms = options && options->timeout_ms > 0 ? options->timeout_ms : CLIENT_TIMEOUT_MS;
    client->reconnect = !(options && options->no_reconnect);
    if (options && options->name)
        snprintf(client->name, sizeof client->name, "%s", options->name);
    client_address_default(server, sizeof server);
    int error = client_address_parse(&client->address, options && options->server ? options->server : server);
    if (error)
        goto out;
    greet_with_name(client);
    error = client_connect_start(client);
    while (error == 0 && client->state == CLIENT_CONNECTING) {
        struct pollfd wait = {.fd = client->fd, .events = POLLOUT};
        int64_t left = client->connect_by - client_now_ms();
        poll(&wait, 1, left > 0 ? (int)left : 0);
        error = client_connect_continue(client, wait.revents);
    }
out:
    if (error)
        relief_client_close(client);
    else
        *ret = client;
    return error;
}

void relief_client_close(struct relief_client *client)
{
    if (!client)
        return;
    client_disconnect(client);
    client_fail_all(client, -ECANCELED);
    relief_buf_deinit(&client->in);
    relief_buf_deinit(&client->hello);
    free(client);
}
