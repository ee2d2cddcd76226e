/*
 * TLS 1.3 as a client, on the connection's own non-blocking socket, within the same states as a plain connection.
 *
 * OpenSSL reads and writes through a BIO of ours and not through its socket BIO: that one calls write(2), and a user of
 * this library must not get SIGPIPE. A write that fails because the peer has gone is told to OpenSSL as "not now": what
 * the peer said before it went, mostly an alert about our certificate, is still to be read, and a failed write would
 * end the connection before that. (In TLS 1.3 the client's handshake is over before the server has looked at its
 * certificate; the refusal comes with the first read.)
 *
 * Who is trusted is in one file, given by the caller: the authorities of this machine's web browsers have no say in who
 * is a city's daemon. Nothing is resumed and no early data is sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "client/client.h"

struct client_tls {
    struct client_tls_files files;
    SSL_CTX *context;
    bool fresh; /* the files were read for the connection that comes next */
    BIO_METHOD *method;
    SSL *ssl; /* NULL between connections */
    int fd;
    bool wants_write; /* waits until the socket can take more */
    bool gone;        /* the peer takes nothing any more */
    bool ended;       /* the peer's bytes have ended */
    bool failed;      /* no more words to the peer */
    int error;        /* errno of the socket */
};

static int socket_write(BIO *bio, const char *data, int len)
{
    struct client_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t wrote = send(tls->fd, data, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (wrote >= 0)
        return (int)wrote;
    if (errno == EPIPE || errno == ECONNRESET)
        tls->gone = true;
    if (tls->gone || errno == EAGAIN || errno == EINTR)
        BIO_set_retry_write(bio);
    else
        tls->error = errno;
    return -1;
}

static int socket_read(BIO *bio, char *data, int len)
{
    struct client_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(tls->fd, data, (size_t)len, MSG_DONTWAIT);
    if (got > 0)
        return (int)got;
    if (got == 0)
        tls->ended = true;
    else if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_read(bio);
    else
        tls->error = errno;
    return (int)got;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    const struct client_tls *tls = BIO_get_data(bio);
    (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : command == BIO_CTRL_EOF ? tls->ended : 0;
}

static BIO *socket_bio(struct client_tls *tls)
{
    if (!tls->method) {
        tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "relief socket");
        if (!tls->method)
            return NULL;
        BIO_meth_set_write(tls->method, socket_write);
        BIO_meth_set_read(tls->method, socket_read);
        BIO_meth_set_ctrl(tls->method, socket_control);
    }
    BIO *bio = BIO_new(tls->method);
    if (bio) {
        BIO_set_data(bio, tls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* Keeps the certificate that was not accepted, for the sentence about it: OpenSSL does not. */
static int look(int accepted, X509_STORE_CTX *chain)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
    if (!accepted && certificate && X509_up_ref(certificate)) {
        X509_free(SSL_get_app_data(ssl));
        SSL_set_app_data(ssl, certificate);
    }
    return accepted;
}

/* A key with a password would ask for it on the terminal. */
static int no_password(char *buf, int size, int writing, void *context)
{
    (void)buf, (void)size, (void)writing, (void)context;
    return -1;
}

/* As ssh and the daemon itself have it: who can read the key is who it says. */
static bool others_have(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXO | S_IWGRP));
}

/* Revocations are looked at when the file of the authority has a list of them. */
static void heed_lists(SSL_CTX *context)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(store);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; /* whatever stands in the file is trusted, a root or not */
    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        if (X509_OBJECT_get_type(sk_X509_OBJECT_value(all, i)) == X509_LU_CRL)
            flags |= X509_V_FLAG_CRL_CHECK;
    }
    X509_STORE_set_flags(store, flags);
}

/* The files into a context of its own. */
static int load(struct relief_client *client, const struct client_tls_files *files, SSL_CTX **ret)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int error = 0;
    if (!context)
        return -ENOMEM;
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, look);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    const char *key = files->key ? files->key : files->certificate;
    if (SSL_CTX_load_verify_locations(context, files->authority, NULL) != 1)
        error = client_tls_bad_file(client, "authority", files->authority);
    else if (files->certificate && SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
        error = client_tls_bad_file(client, "certificate", files->certificate);
    else if (key && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        error = client_tls_bad_file(client, "key", key);
    else if (key && others_have(key))
        error = client_fail(client, -EINVAL, "key file %s: others can read or change it; chmod 600 it", key);
    if (error) {
        SSL_CTX_free(context);
        return error;
    }
    heed_lists(context);
    *ret = context;
    return 0;
}

/* NULL: the environment's; "" is none. False: no memory. */
static bool take(char **ret, const char *given, const char *variable)
{
    if (!given)
        given = getenv(variable);
    if (!given || !*given)
        return true;
    *ret = strdup(given);
    return *ret != NULL;
}

int client_tls_open(struct relief_client *client, const struct relief_client_options *options)
{
    struct client_tls *tls = client->tls = calloc(1, sizeof *tls);
    if (!tls || !take(&tls->files.certificate, options ? options->certificate : NULL, "RELIEF_CERTIFICATE") ||
        !take(&tls->files.key, options ? options->key : NULL, "RELIEF_KEY") ||
        !take(&tls->files.authority, options ? options->authority : NULL, "RELIEF_AUTHORITY"))
        return -ENOMEM;
    if (!tls->files.authority)
        return client_fail(client, -EINVAL,
                           "%s: say who vouches for the daemon: --authority FILE or RELIEF_AUTHORITY, the certificate "
                           "of its authority",
                           client->address.text);
    if (tls->files.key && !tls->files.certificate)
        return client_fail(client, -EINVAL, "%s: a key without a certificate: --certificate or RELIEF_CERTIFICATE",
                           client->address.text);
    tls->fresh = true;
    return load(client, &tls->files, &tls->context);
}

void client_tls_end(struct client_tls *tls)
{
    if (!tls->ssl)
        return;
    if (!tls->failed && !tls->gone && SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
    X509_free(SSL_get_app_data(tls->ssl));
    SSL_free(tls->ssl);
    tls->ssl = NULL;
}

void client_tls_close(struct client_tls *tls)
{
    if (!tls)
        return;
    client_tls_end(tls);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    free(tls->files.certificate);
    free(tls->files.key);
    free(tls->files.authority);
    free(tls);
}

/* Whom we mean: the peer's certificate must have this name or address, as a subject alternative name. */
static bool expect(SSL *ssl, const char *host)
{
    unsigned char address[16];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    char bare[sizeof((struct client_address *)0)->host];
    memcpy(bare, host, strlen(host) + 1);
    bare[strcspn(bare, "%")] = '\0'; /* the interface of a link-local address is nobody else's business */
    if (inet_pton(AF_INET, bare, address) == 1 || inet_pton(AF_INET6, bare, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(param, bare) == 1;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

int client_tls_start(struct relief_client *client)
{
    struct client_tls *tls = client->tls;
    SSL_CTX *again = NULL;
    /* A file that is no good at this moment: what was read before may still do. */
    if (!tls->fresh && load(client, &tls->files, &again) == 0) {
        SSL_CTX_free(tls->context);
        tls->context = again;
    }
    tls->fresh = tls->wants_write = tls->gone = tls->ended = tls->failed = false;
    tls->error = 0;
    tls->fd = client->fd;
    ERR_clear_error();
    tls->ssl = SSL_new(tls->context);
    BIO *bio = tls->ssl ? socket_bio(tls) : NULL;
    if (!bio)
        return -ENOMEM;
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    if (!expect(tls->ssl, client->address.host)) {
        client->broken = true;
        return client_fail(client, -EINVAL, "%s: '%s' can be in no certificate", client->address.text,
                           client->address.host);
    }
    return 0;
}

/* Why a step did not come to its end: -EAGAIN, 0 at the end of the stream, or -errno. */
static int why(struct relief_client *client, int step)
{
    struct client_tls *tls = client->tls;
    int kind = SSL_get_error(tls->ssl, step);
    if (kind == SSL_ERROR_WANT_READ)
        return -EAGAIN;
    if (kind == SSL_ERROR_WANT_WRITE) {
        tls->wants_write = true;
        return -EAGAIN;
    }
    if (kind == SSL_ERROR_ZERO_RETURN)
        return 0;
    tls->failed = true;
    if (tls->error)
        return client_fail(client, -tls->error, "%s: %s", client->address.text, strerror(tls->error));
    if (tls->ended)
        return client_fail(client, -ECONNRESET, "%s closed the connection", client->address.text);
    if (SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return client_tls_refuse(client, &tls->files, tls->ssl);
    return client_tls_fail(client, &tls->files, ERR_peek_error());
}

int client_tls_shake(struct relief_client *client)
{
    struct client_tls *tls = client->tls;
    ERR_clear_error();
    tls->wants_write = false;
    int step = SSL_do_handshake(tls->ssl);
    if (step == 1)
        return 0;
    int error = why(client, step);
    /* Nothing is read before our words are out, so the peer that takes none has nothing more to say. */
    if (error == 0 || (error == -EAGAIN && tls->gone)) {
        tls->failed = true;
        return client_fail(client, -ECONNRESET, "%s closed the connection", client->address.text);
    }
    return error;
}

ssize_t client_tls_read(struct relief_client *client, void *data, size_t len)
{
    size_t got = 0;
    ERR_clear_error();
    int step = SSL_read_ex(client->tls->ssl, data, len, &got);
    return step == 1 ? (ssize_t)got : why(client, step);
}

ssize_t client_tls_write(struct relief_client *client, const void *data, size_t len)
{
    struct client_tls *tls = client->tls;
    size_t wrote = 0;
    ERR_clear_error();
    tls->wants_write = false;
    int step = SSL_write_ex(tls->ssl, data, len, &wrote);
    if (step == 1)
        return (ssize_t)wrote;
    int error = why(client, step);
    return error ? error : -EAGAIN; /* the peer has said goodbye: to be read, then it is known to everybody */
}

short client_tls_events(const struct client_tls *tls)
{
    return tls->wants_write ? POLLOUT : 0;
}

bool client_tls_has_more(const struct client_tls *tls)
{
    return tls->ssl && SSL_pending(tls->ssl) > 0;
}
