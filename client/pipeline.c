/*
 * The pipeline: requests in the order in which they were sent, each with its frame until the answer is there. The
 * daemon answers in that order, so the answer is nearly always that of the first one.
 *
 * `sending` and `sent` say how far the current connection has got. After a loss they go back to the first request:
 * frames leave again byte for byte, and the ids in them make sure that nothing is done twice. A streaming request
 * (dump, subscription) is never repeated behind the caller's back: its rows would begin again from the start.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "schema/codec.h"

static struct client_pending *new_request(struct relief_client *client, const char *wire,
                                          const struct relief_method_info *method, struct relief_str params, bool array)
{
    struct relief_buf frame = RELIEF_BUF_INIT;
    struct client_pending *request = NULL;
    if (++client->last_msgid == 0) /* 0 is the daemon's word for "none of your requests" */
        client->last_msgid = 1;
    relief_pack_array(&frame, 4);
    relief_pack_int(&frame, 0);
    relief_pack_int(&frame, client->last_msgid);
    relief_pack_text(&frame, wire);
    size_t params_at = frame.len;
    if (!array)
        relief_pack_array(&frame, params.len > 0);
    relief_buf_add(&frame, params.data, params.len);
    if (!frame.failed)
        request = calloc(1, sizeof *request + frame.len);
    if (request) {
        request->msgid = client->last_msgid;
        request->method = method;
        request->params_at = params_at;
        request->len = frame.len;
        memcpy(request->frame, frame.data, frame.len);
    }
    relief_buf_deinit(&frame);
    return request;
}

int client_enqueue(struct relief_client *client, const char *wire, const struct relief_method_info *method,
                   struct relief_str params, relief_done *done, void *context)
{
    if (client->broken)
        return -EPROTO;
    if (client->state == CLIENT_IDLE && !client->reconnect)
        return client_fail(client, -ENOTCONN, "the connection to %s is gone", client->address.text);
    if (client->pending >= CLIENT_PENDING_MAX || client->pending_bytes >= CLIENT_PENDING_BYTES_MAX)
        return client_fail(client, -ENOBUFS, "too many requests wait for their answers");
    if (params.len + RELIEF_METHOD_BYTES_MAX + 16 > RELIEF_FRAME_BYTES_MAX)
        return client_fail(client, -EMSGSIZE, "the request is larger than a frame may be");
    struct client_pending *request = new_request(client, wire, method, params, false);
    if (!request)
        return -ENOMEM;
    request->done = done;
    request->context = context;
    request->repeat = !method || method->kind != RELIEF_STREAM;
    *client->tail = request;
    client->tail = &request->next;
    client->pending++;
    client->pending_bytes += request->len;
    if (!client->sending)
        client->sending = request;
    if (client->state == CLIENT_IDLE && client->lost_at == 0) { /* the connection was lost while nobody needed it */
        client->lost_at = client_now_ms();
        client->retry_at = client->lost_at;
        client->retry_ms = 0;
    }
    return 0;
}

static void drop(struct relief_client *client, struct client_pending **link)
{
    struct client_pending *request = *link;
    *link = request->next;
    if (client->tail == &request->next)
        client->tail = link;
    if (client->sending == request) {
        client->sending = request->next;
        client->sent = 0;
    }
    client->pending--;
    client->pending_bytes -= request->len;
    request->next = NULL;
}

struct client_pending *client_take(struct relief_client *client, uint32_t msgid)
{
    for (struct client_pending **link = &client->head; *link; link = &(*link)->next) {
        struct client_pending *request = *link;
        if (request->msgid != msgid)
            continue;
        if (client->sending == request)
            return NULL; /* an answer to what has not left yet */
        drop(client, link);
        return request;
    }
    return NULL;
}

static void give_up(struct relief_client *client, struct client_pending *request, int error)
{
    if (request->done) {
        bool outer = client->in_callback;
        client->in_callback = true;
        request->done(request->context, error, NULL);
        client->in_callback = outer;
    }
    free(request);
}

void client_fail_all(struct relief_client *client, int error)
{
    /* Only what waits now: a callback may send again, and that is a new attempt. */
    for (size_t left = client->pending; left > 0 && client->head; left--) {
        struct client_pending *request = client->head;
        drop(client, &client->head);
        give_up(client, request, error);
    }
}

/* A hello in front of everything. required: who may not say it can't go on. */
static int greet(struct relief_client *client, const struct relief_buf *params, bool required)
{
    struct client_pending *request =
        new_request(client, "server.hello", relief_method_by_number(RELIEF_METHOD_server_hello),
                    (struct relief_str){params->data, (uint32_t)params->len}, true);
    if (!request)
        return -ENOMEM;
    request->greeting = true;
    request->required = required;
    request->next = client->head;
    if (!client->head)
        client->tail = &request->next;
    client->head = client->sending = request;
    client->pending++;
    client->pending_bytes += request->len;
    client->greetings++;
    return 0;
}

int client_restart(struct relief_client *client)
{
    int error = 0;
    client->sent = 0;
    client->sending = client->head;
    client->greetings = 0;
    if (client->hello.len > 0)
        error = greet(client, &client->hello, true);
    if (error == 0 && client->introduction.len > 0)
        error = greet(client, &client->introduction, client->has_token);
    /* Nothing may run before it is settled who asks; a mere name can be said on the way. */
    client->state = client->hello.len > 0 || client->has_token ? CLIENT_GREETING : CLIENT_READY;
    return error;
}

/* Streams end with their connection, greetings belong to it, and nobody waits for what was abandoned. */
static void drop_unrepeatable(struct relief_client *client, int error)
{
    struct client_pending **link = &client->head, *gone = NULL;
    while (*link) {
        struct client_pending *request = *link;
        if (request->repeat && request->done) {
            link = &request->next;
            continue;
        }
        drop(client, link);
        request->next = gone;
        gone = request;
    }
    while (gone) {
        struct client_pending *request = gone;
        gone = request->next;
        give_up(client, request, error);
    }
}

int client_lost(struct relief_client *client, int error)
{
    bool subscribed = client->subscribed;
    client_disconnect(client);
    drop_unrepeatable(client, error);
    int64_t now = client_now_ms();
    if (client->lost_at == 0)
        client->lost_at = now;
    if (!client->reconnect || client->broken || now - client->lost_at >= client->timeout_ms) {
        client->lost_at = 0;
        client_fail_all(client, error);
        return error;
    }
    client->retry_at = now + client->retry_ms;
    client->retry_ms = client->retry_ms == 0                         ? CLIENT_RETRY_FIRST_MS
                       : client->retry_ms * 2 < CLIENT_RETRY_LAST_MS ? client->retry_ms * 2
                                                                     : CLIENT_RETRY_LAST_MS;
    if (client->pending == 0)
        client->lost_at = 0;
    return subscribed ? error : 0;
}

int client_write(struct relief_client *client)
{
    while (client->sending) {
        struct iovec parts[64];
        int count = 0;
        size_t skip = client->sent;
        for (struct client_pending *r = client->sending; r && count < 64; r = r->next) {
            if (client->state == CLIENT_GREETING && !r->greeting)
                break;
            parts[count++] = (struct iovec){r->frame + skip, r->len - skip};
            skip = 0;
        }
        if (count == 0)
            return 0;
        ssize_t wrote = client_stream_write(client, parts, count);
        if (wrote < 0)
            return wrote == -EAGAIN ? 0 : (int)wrote;
        for (size_t left = (size_t)wrote; left > 0;) {
            size_t rest = client->sending->len - client->sent;
            size_t step = left < rest ? left : rest;
            client->sent += step;
            left -= step;
            if (client->sent == client->sending->len) {
                client->sending = client->sending->next;
                client->sent = 0;
            }
        }
    }
    return 0;
}
