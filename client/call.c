/*
 * Blocking calls: the same pipeline, with the waiting done here. When time runs out nobody knows what the daemon did;
 * the request stays in the pipeline without anybody who waits, so that its answer, when it comes, is recognised and
 * thrown away.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "client/client.h"

struct wait {
    bool over;
    int result;
    struct relief_answer *answer;
};

static void note(void *context, int result, struct relief_answer *answer)
{
    struct wait *wait = context;
    wait->over = true;
    wait->result = result;
    wait->answer = answer;
    if (answer)
        answer->kept = true;
}

/* One turn of poll and process, at most until the deadline (monotonic ms). */
static int turn(struct relief_client *client, int64_t deadline)
{
    int64_t left = deadline - client_now_ms();
    int own = relief_client_timeout(client);
    struct pollfd wait = {.fd = relief_client_fd(client), .events = relief_client_events(client)};
    if (left < 0)
        left = 0;
    if (own >= 0 && own < left)
        left = own;
    if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
        return -errno;
    return relief_client_process(client, wait.revents);
}

static void abandon(struct relief_client *client, const struct wait *wait)
{
    for (struct client_pending *request = client->head; request; request = request->next) {
        if (request->context == wait)
            request->done = NULL, request->context = NULL;
    }
}

static int finish(struct relief_client *client, struct wait *wait, struct relief_answer **ret)
{
    int64_t deadline = client_now_ms() + client->timeout_ms;
    /* What went out wrong for others (a lost subscription) does not end this wait: its own result is called back. */
    relief_client_process(client, 0);
    while (!wait->over && client_now_ms() < deadline)
        turn(client, deadline);
    if (!wait->over) {
        char before[120];
        snprintf(before, sizeof before, "%.119s", client->error);
        abandon(client, wait);
        return client_fail(client, -ETIMEDOUT, "%s did not answer within %d ms%s%s", client->address.text,
                           client->timeout_ms, before[0] ? "; " : "", before);
    }
    if (ret)
        *ret = wait->answer;
    else
        relief_answer_free(wait->answer);
    return wait->result;
}

int relief_call(struct relief_client *client, enum relief_method method, const void *params, struct relief_answer **ret)
{
    struct wait wait = {0};
    if (ret)
        *ret = NULL;
    if (client->in_callback)
        return -EBUSY;
    int error = relief_send(client, method, params, note, &wait);
    return error ? error : finish(client, &wait, ret);
}

int relief_call_raw(struct relief_client *client, const char *method, const void *map, size_t len,
                    struct relief_answer **ret)
{
    struct wait wait = {0};
    if (ret)
        *ret = NULL;
    if (client->in_callback)
        return -EBUSY;
    int error = relief_send_raw(client, method, map, len, note, &wait);
    return error ? error : finish(client, &wait, ret);
}

int relief_client_drain(struct relief_client *client)
{
    if (client->in_callback)
        return -EBUSY;
    int64_t deadline = client_now_ms() + client->timeout_ms;
    int result = relief_client_process(client, 0);
    /* The time-out is for silence, not for the whole: a dump of millions of records may take as long as it goes on. */
    while (client->pending > 0) {
        uint64_t before = client->in_total;
        int error = turn(client, deadline);
        if (error)
            result = error;
        if (client->in_total != before)
            deadline = client_now_ms() + client->timeout_ms;
        else if (client_now_ms() >= deadline && client->pending > 0)
            return client_fail(client, -ETIMEDOUT, "%s was silent for %d ms", client->address.text, client->timeout_ms);
    }
    return result;
}
