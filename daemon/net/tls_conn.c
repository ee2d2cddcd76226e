/*
 * A connection's TLS. libssl works on the loop's own socket through a BIO of ours, for what a plain file descriptor
 * can't do: bound what one call reads, so that nobody keeps the loop with records that hold no data; look at the first
 * bytes, so that a peer which doesn't speak TLS is let go at once; and tell an end of the stream from an error, so that
 * answers still leave to a peer that shut down its side.
 *
 * An end without close_notify is an end like any other. Messages frame themselves: what was cut off is not carried out,
 * and an answer that was cut off is noticed by who waits for it, so a forged end gains nothing.
 *
 * The socket's event does not see what libssl has read ahead. tls_more says when to read again without it.
 *
 * Handshakes cost a thousand times what a message does, and anybody may begin one. A turn of the loop gives them a
 * share of its time, the rest stand in line; those that don't get on are the deadline's of strangers.
 */
#include "net/tls_conn.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_BUDGET       (NET_READ_BYTES + 1024u) /* of one call: a turn's bytes with what the records around them take */
#define STEPS_PER_TURN    64u                      /* of handshakes */
#define STEPS_NS_PER_TURN 1000000                  /* and no further one after so much time in them */
#define KEY_UPDATES_MAX   16u /* and one per MiB more: each makes us derive keys, and holds no data */
#define FIRST_BYTES       3u  /* handshake record, major version 3, any minor version up to 4 */

const char *tls_reason(const char *otherwise)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason ? reason : otherwise;
}

/* ---- the socket, as libssl sees it ---- */

static bool first_bytes_are_tls(struct tls_conn *tls, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && tls->seen < FIRST_BYTES; i++, tls->seen++) {
        if ((tls->seen == 0 && data[i] != SSL3_RT_HANDSHAKE) || (tls->seen == 1 && data[i] != SSL3_VERSION_MAJOR) ||
            (tls->seen == 2 && data[i] > 4))
            return false;
    }
    return true;
}

static int bio_read(BIO *bio, char *to, int size)
{
    struct tls_conn *tls = BIO_get_data(bio);
    size_t asked = (size_t)size < tls->budget ? (size_t)size : tls->budget;
    ssize_t got;
    BIO_clear_retry_flags(bio);
    if (tls->failed)
        return -1;
    if (asked == 0) {
        tls->more = true;
        BIO_set_retry_read(bio);
        return -1;
    }
    got = recv(tls->conn->fd, to, asked, MSG_DONTWAIT);
    if (got > 0) {
        tls->budget -= (size_t)got;
        if (first_bytes_are_tls(tls, (const uint8_t *)to, (size_t)got))
            return (int)got;
        tls->failed = true;
        return -1;
    }
    tls->socket_ended |= got == 0;
    if (got == 0 || errno == EAGAIN || errno == EINTR)
        BIO_set_retry_read(bio);
    return -1;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct tls_conn *tls = BIO_get_data(bio);
    ssize_t gone = send(tls->conn->fd, data, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    BIO_clear_retry_flags(bio);
    if (gone > 0) {
        /* A record may take many calls; a peer that takes bytes is not stuck. */
        if (tls->conn->stuck_since)
            tls->conn->stuck_since = tls->conn->net->now;
        return (int)gone;
    }
    if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_write(bio);
    return -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "connection");
    if (method && BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_write(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_ctrl) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

void tls_on_message(int sending, int version, int type, const void *data, size_t len, SSL *ssl, void *context)
{
    struct tls_conn *tls = SSL_get_app_data(ssl);
    (void)version, (void)context;
    if (sending || type != SSL3_RT_HANDSHAKE || len == 0 || *(const uint8_t *)data != SSL3_MT_KEY_UPDATE)
        return;
    if (++tls->key_updates > KEY_UPDATES_MAX + (tls->bytes_in >> 20))
        tls->failed = true; /* the next read from the socket ends libssl's loop */
}

/* ---- life ---- */

int tls_attach(struct net_conn *conn, const struct net_peer *peer)
{
    struct tls_conn *tls = calloc(1, sizeof *tls);
    if (!tls)
        return -ENOMEM;
    tls->conn = conn;
    tls->peer = *peer;
    conn->tls = tls;
    return 0;
}

/* What libssl needs is made with the first bytes, in the handshakes' share of a turn: who only connects costs little.
 */
static bool begin(struct tls_conn *tls)
{
    struct net_tls *context = tls->conn->net->tls;
    BIO *bio;
    tls->ssl = SSL_new(context->ctx);
    bio = tls->ssl ? BIO_new(context->bio) : NULL;
    if (!bio) {
        SSL_free(tls->ssl);
        tls->ssl = NULL;
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_accept_state(tls->ssl);
    tls->context = context;
    context->refs++;
    return true;
}

void tls_detach(struct net_conn *conn)
{
    struct tls_conn *tls = conn->tls;
    ERR_clear_error();
    if (tls->open && !tls->failed && !(SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN))
        SSL_shutdown(tls->ssl); /* as far as the socket takes it */
    SSL_free(tls->ssl);
    ERR_clear_error();
    net_tls_close(tls->context);
    free(tls);
    conn->tls = NULL;
}

bool tls_is_open(const struct net_conn *conn)
{
    return conn->tls->open;
}

bool tls_holds(const struct net_conn *conn)
{
    const struct tls_conn *tls = conn->tls;
    struct certificate_identity now;
    const char *why;
    if (!tls->peer.certificate.uri[0])
        return true;
    return conn->net->tls && authorities_judge_again(conn->net->tls->authorities, SSL_get0_peer_certificate(tls->ssl),
                                                     SSL_get_peer_cert_chain(tls->ssl), &now, &why) == 0;
}

/* ---- waiting ---- */

/* libssl has to write before it can read on. The socket is not watched meanwhile: it may be readable all the time. */
static void wait_to_write(struct net_conn *conn)
{
    conn->tls->read_wants_write = true;
    conn->socket_ready = false;
    event_del(&conn->readable);
    conn->watched = false;
    if (event_add(&conn->writable, NULL) != 0)
        conn_kill(conn);
}

void tls_on_writable(struct net_conn *conn)
{
    if (!conn->tls->read_wants_write)
        return;
    conn->tls->read_wants_write = false;
    conn->socket_ready = true;
    conn_go_on(conn);
}

bool tls_waits_to_read(const struct net_conn *conn)
{
    return conn->tls->write_wants_read;
}

/* ---- the handshake ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void tls_turn(struct net *net)
{
    net->handshake_steps = 0;
    net->handshake_ns = 0;
}

bool tls_has_turn(const struct net_conn *conn)
{
    const struct net *net = conn->net;
    if (conn->tls->open || conn->finishing || conn->is_dead)
        return true;
    return net->handshake_steps < STEPS_PER_TURN && net->handshake_ns < STEPS_NS_PER_TURN;
}

/*
 * What libssl had to say is on its way; the peer gets it whole, so the end is a polite one. A certificate that is
 * refused is worth a word to the layers above; that somebody knocked who speaks something else is only counted.
 */
static void fail(struct net_conn *conn)
{
    struct tls_conn *tls = conn->tls;
    struct net *net = conn->net;
    tls->failed = true;
    net->stats.handshakes_failed++;
    if (tls->why && net->handlers.refused)
        net->handlers.refused(net->handlers.context, &tls->peer, NET_REFUSED_CERTIFICATE, tls->why);
    net_conn_finish(conn);
}

static void open_session(struct net_conn *conn)
{
    struct tls_conn *tls = conn->tls;
    struct net *net = conn->net;
    tls->open = true;
    if (tls->context != net->tls && !tls_holds(conn)) {
        conn_kill(conn); /* taken back while the handshake went on */
        return;
    }
    conn->socket_ready = true; /* libssl may have read on */
    conn->session = net->handlers.opened(net->handlers.context, conn, &tls->peer);
    if (!conn->session)
        conn_kill(conn);
}

static void step(struct net_conn *conn)
{
    struct tls_conn *tls = conn->tls;
    int done, error;
    tls->budget = READ_BUDGET;
    tls->more = false;
    ERR_clear_error();
    if (!tls->ssl && !begin(tls)) {
        conn_kill(conn);
        ERR_clear_error();
        return;
    }
    done = SSL_do_handshake(tls->ssl);
    error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, done);
    if (done == 1)
        open_session(conn);
    else if (error == SSL_ERROR_WANT_WRITE)
        wait_to_write(conn);
    else if (error != SSL_ERROR_WANT_READ)
        fail(conn);
    else if (tls->socket_ended)
        conn_kill(conn);
    else if (tls->more)
        conn_push_ready(conn);
    else
        conn->socket_ready = false;
    ERR_clear_error();
}

bool tls_handshake(struct net_conn *conn)
{
    struct net *net = conn->net;
    int64_t since;
    if (conn->tls->read_wants_write || conn->tls->failed)
        return false;
    since = now_ns();
    step(conn);
    net->handshake_steps++;
    net->handshake_ns += now_ns() - since;
    if (!conn->tls->open && !conn->is_dead && !conn->finishing && !conn->tls->read_wants_write && !conn->watched)
        conn_go_on(conn);
    return conn->tls->open && !conn->is_dead;
}

/* ---- bytes ---- */

ssize_t tls_recv(struct net_conn *conn, void *to, size_t size)
{
    struct tls_conn *tls = conn->tls;
    size_t total = 0;
    if (tls->write_wants_read) {
        tls->write_wants_read = conn->write_blocked = false;
        conn_push_dirty(conn);
    }
    tls->budget = READ_BUDGET;
    tls->more = false;
    while (total < size && !tls->ended && !tls->failed) {
        size_t got = 0;
        int done, error;
        ERR_clear_error();
        done = SSL_read_ex(tls->ssl, (uint8_t *)to + total, size - total, &got);
        if (done == 1) {
            total += got;
            continue;
        }
        error = SSL_get_error(tls->ssl, done);
        if (error == SSL_ERROR_ZERO_RETURN || (error == SSL_ERROR_WANT_READ && tls->socket_ended))
            tls->ended = true;
        else if (error == SSL_ERROR_WANT_WRITE)
            wait_to_write(conn);
        else if (error != SSL_ERROR_WANT_READ)
            tls->failed = true;
        break;
    }
    ERR_clear_error();
    tls->bytes_in += total;
    /* What stopped the loop before libssl asked for more is still there. */
    tls->more |= total == size || tls->ended || tls->failed;
    if (total > 0)
        return (ssize_t)total;
    if (tls->ended)
        return 0;
    errno = tls->failed ? EPROTO : EAGAIN;
    return -1;
}

bool tls_more(const struct net_conn *conn)
{
    return conn->tls->more;
}

/* Only while libssl holds no buffer: it makes one for the size of before, and would find it too small. */
static void widen(struct tls_conn *tls)
{
    SSL_set_max_send_fragment(tls->ssl, SSL3_RT_MAX_PLAIN_LENGTH);
    SSL_set_split_send_fragment(tls->ssl, SSL3_RT_MAX_PLAIN_LENGTH);
    tls->wide = true;
}

ssize_t tls_send(struct net_conn *conn, const void *data, size_t len)
{
    struct tls_conn *tls = conn->tls;
    size_t total = 0;
    if (!tls->open || tls->failed) {
        errno = EPROTO;
        return -1;
    }
    if (!tls->wide && !conn->is_stranger && !tls->cut)
        widen(tls);
    while (total < len) {
        size_t gone = 0;
        int done, error;
        ERR_clear_error();
        done = SSL_write_ex(tls->ssl, (const uint8_t *)data + total, len - total, &gone);
        tls->cut = done != 1 || gone < len - total;
        if (done == 1) {
            total += gone;
            continue;
        }
        error = SSL_get_error(tls->ssl, done);
        if (error == SSL_ERROR_WANT_READ)
            tls->write_wants_read = true;
        else if (error != SSL_ERROR_WANT_WRITE)
            tls->failed = true;
        break;
    }
    ERR_clear_error();
    if (total > 0)
        return (ssize_t)total;
    errno = tls->failed ? EPROTO : EAGAIN;
    return -1;
}

bool tls_bye(struct net_conn *conn)
{
    struct tls_conn *tls = conn->tls;
    int done, error;
    if (!tls->open || tls->failed || (SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN))
        return true;
    ERR_clear_error();
    done = SSL_shutdown(tls->ssl);
    error = done < 0 ? SSL_get_error(tls->ssl, done) : SSL_ERROR_NONE;
    ERR_clear_error();
    if (error != SSL_ERROR_WANT_WRITE)
        return true;
    if (event_add(&conn->writable, NULL) != 0)
        conn_kill(conn);
    return false;
}
