/*
 * The caller's loop drives the client here: descriptor, events and time-out to wait for, and one function that does
 * what is due.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "client/client.h"

int relief_send(struct relief_client *client, enum relief_method method, const void *params, relief_done *done,
                void *context)
{
    const struct relief_method_info *info = relief_method_by_number((unsigned)method);
    struct relief_buf map = RELIEF_BUF_INIT;
    if (!info)
        return -EINVAL;
    int error = client_params_pack(&map, info, params);
    if (error == 0)
        error =
            client_enqueue(client, info->wire, info, (struct relief_str){map.data, (uint32_t)map.len}, done, context);
    relief_buf_deinit(&map);
    return error;
}

int relief_send_raw(struct relief_client *client, const char *method, const void *map, size_t len, relief_done *done,
                    void *context)
{
    const struct relief_method_info *info = relief_method_find(relief_str_of(method));
    struct relief_buf params = RELIEF_BUF_INIT;
    if (strlen(method) > RELIEF_METHOD_BYTES_MAX)
        return -EINVAL;
    if (len > RELIEF_FRAME_BYTES_MAX)
        return client_fail(client, -EMSGSIZE, "the request is larger than a frame may be");
    int error = client_params_raw(&params, info, (struct relief_str){map, (uint32_t)len});
    if (error == 0)
        error =
            client_enqueue(client, method, info, (struct relief_str){params.data, (uint32_t)params.len}, done, context);
    relief_buf_deinit(&params);
    return error;
}

int relief_client_fd(const struct relief_client *client)
{
    return client->fd;
}

short relief_client_events(const struct relief_client *client)
{
    switch (client->state) {
    case CLIENT_CONNECTING:
        return POLLOUT;
    case CLIENT_SHAKING:
        return client_stream_events(client) ? POLLOUT : POLLIN;
    case CLIENT_GREETING:
        return (short)(POLLIN | client_stream_events(client) |
                       (client->sending && client->sending->greeting ? POLLOUT : 0));
    case CLIENT_READY:
        return (short)(POLLIN | client_stream_events(client) | (client->sending ? POLLOUT : 0));
    case CLIENT_IDLE:
        break;
    }
    return 0;
}

int relief_client_timeout(const struct relief_client *client)
{
    int64_t at = -1;
    if (client_stream_has_more(client))
        return 0;
    if (client->state == CLIENT_CONNECTING || client->state == CLIENT_SHAKING)
        at = client->connect_by;
    else if (client->state == CLIENT_IDLE && client->pending > 0)
        at = client->retry_at;
    if (at < 0)
        return -1;
    int64_t left = at - client_now_ms();
    return left > 0 ? (int)left : 0;
}

static int make_progress(struct relief_client *client, short revents)
{
    int error = 0;
    if (client->state == CLIENT_IDLE) {
        if (client->pending == 0 || client_now_ms() < client->retry_at)
            return 0;
        error = client_connect_start(client);
    } else if (client->state == CLIENT_CONNECTING || client->state == CLIENT_SHAKING) {
        error = client_connect_continue(client, revents);
    }
    if (client->state != CLIENT_READY && client->state != CLIENT_GREETING)
        return error;
    if (error == 0 && (revents & (POLLIN | POLLHUP | POLLERR) || client_stream_has_more(client)))
        error = client_read(client);
    /* Written even when the caller did not see POLLOUT: mostly the socket has room, and the round trip begins one turn
     * earlier. */
    if (error == 0)
        error = client_write(client);
    return error;
}

int relief_client_process(struct relief_client *client, short revents)
{
    if (client->in_callback)
        return -EBUSY;
    int error = make_progress(client, revents);
    return error ? client_lost(client, error) : 0;
}

size_t relief_client_pending(const struct relief_client *client)
{
    return client->pending;
}

void relief_client_on_notification(struct relief_client *client, relief_notified *notified, void *context)
{
    client->notified = notified;
    client->notified_context = context;
}
