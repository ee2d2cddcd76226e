/*
 * The bytes of a connection: a socket, or TLS on it. The one place where the two differ for those who read and write.
 *
 * TLS gets the small frames of a pipeline as one record, copied together: a record of its own for each would cost an
 * import more than its content. A write that could not be finished is begun again with the same bytes, as OpenSSL
 * demands, since frames in the pipeline neither change nor move ahead of what has left.
 */
#include <errno.h>
#include <string.h>
#include "client/client.h"

ssize_t client_stream_read(struct relief_client *client, void *data, size_t len)
{
    if (client->tls)
        return client_tls_read(client, data, len);
    ssize_t got = recv(client->fd, data, len, MSG_DONTWAIT);
    if (got >= 0)
        return got;
    if (errno == EAGAIN || errno == EINTR)
        return -EAGAIN;
    return client_fail(client, -errno, "%s: %s", client->address.text, strerror(errno));
}

ssize_t client_stream_write(struct relief_client *client, const struct iovec *parts, int count)
{
    char record[CLIENT_TLS_RECORD_BYTES];
    size_t len = 0;
    if (!client->tls) {
        struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count};
        ssize_t wrote = sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        return wrote >= 0 ? wrote : errno == EINTR ? -EAGAIN : -errno;
    }
    for (int i = 0; i < count && len < sizeof record; i++) {
        size_t step = parts[i].iov_len < sizeof record - len ? parts[i].iov_len : sizeof record - len;
        memcpy(record + len, parts[i].iov_base, step);
        len += step;
    }
    return client_tls_write(client, record, len);
}

short client_stream_events(const struct relief_client *client)
{
    return client->tls ? client_tls_events(client->tls) : 0;
}

bool client_stream_has_more(const struct relief_client *client)
{
    return client->tls && client_tls_has_more(client->tls);
}
