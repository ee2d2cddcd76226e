/*
 * Bytes from the daemon: the scanner finds where a message ends before anything is decoded, then answers go to their
 * requests and notifications to the caller. A message that breaks the protocol ends the connection for good: what
 * follows it could be anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"

static int not_ours(struct relief_client *client, const char *what)
{
    client->broken = true;
    return client_fail(client, -EPROTO, "%s does not speak this protocol: %s", client->address.text, what);
}

/* Keeps what an accepted hello said: the next connection has to begin the same way. */
static void note_hello(struct relief_client *client, const struct client_pending *request)
{
    struct relief_buf kept = RELIEF_BUF_INIT;
    relief_buf_add(&kept, request->frame + request->params_at, request->len - request->params_at);
    if (kept.failed) {
        relief_buf_deinit(&kept);
        return;
    }
    relief_buf_deinit(&client->hello);
    client->hello = kept;
}

static int greeted(struct relief_client *client, const struct client_pending *request,
                   const struct relief_answer *answer)
{
    if (answer->refused && request->required) {
        client->broken = true;
        return client_fail(client, -EKEYREJECTED, "the daemon %s: %s: %s",
                           client->hello.len ? "no longer accepts who we are" : "does not accept the token",
                           relief_error_name(answer->refusal.code), answer->refusal.message);
    }
    if (--client->greetings == 0)
        client->state = CLIENT_READY;
    return 0;
}

static int answered(struct relief_client *client, struct client_pending *request, struct relief_answer *answer)
{
    int result = answer->refused ? (int)answer->refusal.code : 0, error = 0;
    unsigned number = request->method ? request->method->number : 0;
    if (request->greeting)
        error = greeted(client, request, answer);
    else if (result == 0 && number == RELIEF_METHOD_server_hello)
        note_hello(client, request);
    else if (result == 0 && number == RELIEF_METHOD_event_subscribe)
        client->subscribed = true;
    if (result == 0 && client->seen && request->method)
        client->seen(client->seen_context, request->method, answer);
    if (request->done) {
        bool outer = client->in_callback;
        client->in_callback = true;
        request->done(request->context, result, answer);
        client->in_callback = outer;
    }
    if (!answer->kept)
        relief_answer_free(answer);
    free(request);
    return error;
}

/* The daemon refused the connection's bytes themselves, and closes. */
static int refused_connection(struct relief_client *client, struct relief_answer *answer)
{
    client->broken = true;
    client_fail(client, -EPROTO, "%s refused the connection: %s: %s", client->address.text,
                relief_error_name(answer->refusal.code), answer->refusal.message);
    relief_answer_free(answer);
    return -EPROTO;
}

static int take_answer(struct relief_client *client, const uint8_t *data, size_t len, size_t at)
{
    uint64_t msgid = 0;
    if (!client_uint(data, len, &at, &msgid) || msgid > UINT32_MAX)
        return not_ours(client, "an answer without a number");
    size_t error_at = at;
    if (!client_skip(data, len, &at))
        return not_ours(client, "an answer that is cut short");
    bool refused = data[error_at] != 0xc0;
    struct client_pending *request = msgid ? client_take(client, (uint32_t)msgid) : NULL;
    if (!request && !(msgid == 0 && refused))
        return 0; /* nobody asked */
    const struct relief_method_info *method = request ? request->method : NULL;
    struct relief_answer *answer = refused ? client_answer_refusal(method, data + error_at, at - error_at)
                                           : client_answer_new(method, data + at, len - at);
    if (!answer) {
        if (request && request->done)
            request->done(request->context, -ENOMEM, NULL);
        free(request);
        return -ENOMEM;
    }
    return request ? answered(client, request, answer) : refused_connection(client, answer);
}

static int take_notification(struct relief_client *client, const uint8_t *data, size_t len, size_t at)
{
    struct relief_str name = RELIEF_STR_NONE;
    uint32_t count = 0;
    char topic[RELIEF_METHOD_BYTES_MAX + 1];
    if (!client_str(data, len, &at, &name) || name.len > RELIEF_METHOD_BYTES_MAX)
        return not_ours(client, "a notification without a name");
    size_t params_at = at;
    if (!client_array(data, len, &at, &count) || count != 1)
        at = params_at; /* not in our form: the caller gets all of it */
    memcpy(topic, name.data, name.len);
    topic[name.len] = '\0';
    if (client->notified) {
        bool outer = client->in_callback;
        client->in_callback = true;
        client->notified(client->notified_context, topic, data + at, len - at);
        client->in_callback = outer;
    }
    return 0;
}

static int take_message(struct relief_client *client, const uint8_t *data, size_t len)
{
    size_t at = 0;
    uint32_t count = 0;
    uint64_t type = 0;
    if (!client_array(data, len, &at, &count) || count == 0 || !client_uint(data, len, &at, &type))
        return not_ours(client, "a message that is no array");
    if (type == 1 && count == 4)
        return take_answer(client, data, len, at);
    if (type == 2 && count == 3)
        return take_notification(client, data, len, at);
    return not_ours(client, "a message of unknown type");
}

/* Takes all whole messages out of the buffer. */
static int take_messages(struct relief_client *client)
{
    while (client->in_start < client->in.len) {
        const uint8_t *data = (const uint8_t *)client->in.data + client->in_start;
        enum scan_status status = scan_feed(&client->scan, data, client->in.len - client->in_start);
        if (status == SCAN_MORE)
            break;
        if (status == SCAN_BAD || status == SCAN_TOO_LARGE)
            return not_ours(client,
                            status == SCAN_BAD ? "bytes that are not MessagePack" : "a message past all bounds");
        /* Long strings and large arrays are the daemon's to send; depth and text that isn't UTF-8 are not. */
        if (status == SCAN_LIMIT && (client->scan.fault == SCAN_FAULT_DEPTH || client->scan.fault == SCAN_FAULT_UTF8))
            return not_ours(client, "a message that breaks the limits");
        size_t len = client->scan.pos;
        int error = take_message(client, data, len);
        if (error)
            return error;
        client->in_start += len;
        scan_init(&client->scan, CLIENT_ANSWER_BYTES_MAX);
    }
    if (client->in_start == client->in.len) {
        relief_buf_clear(&client->in);
        client->in_start = 0;
    } else if (client->in_start > client->in.len / 2) {
        memmove(client->in.data, client->in.data + client->in_start, client->in.len - client->in_start);
        client->in.len -= client->in_start;
        client->in_start = 0;
    }
    return 0;
}

int client_read(struct relief_client *client)
{
    for (int i = 0; i < CLIENT_READS_MAX; i++) {
        if (!relief_buf_reserve(&client->in, CLIENT_READ_BYTES))
            return -ENOMEM;
        ssize_t got = client_stream_read(client, client->in.data + client->in.len, CLIENT_READ_BYTES);
        if (got == -EAGAIN)
            return 0;
        if (got < 0)
            return (int)got;
        if (got == 0)
            return client_fail(client, -ECONNRESET, "%s closed the connection", client->address.text);
        client->in.len += (size_t)got;
        client->in_total += (uint64_t)got;
        client->lost_at = 0;
        client->retry_ms = 0;
        int error = take_messages(client);
        if (error)
            return error;
        if (!client->tls && (size_t)got < CLIENT_READ_BYTES) /* TLS gives a record at a time */
            return 0;
    }
    return 0;
}
