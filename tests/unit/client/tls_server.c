/*
 * The TLS server of the tests, on OpenSSL as the client is; what it does wrong, it does on purpose.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tls_server.h"

static char folder[64];
static unsigned made_count;

static void need(bool done)
{
    if (done)
        return;
    ERR_print_errors_fp(stderr);
    abort();
}

const char *tls_files(void)
{
    if (!folder[0]) {
        strcpy(folder, "/tmp/relief-tls-XXXXXX");
        need(mkdtemp(folder) != NULL);
    }
    return folder;
}

void tls_files_remove(void)
{
    char path[160];
    for (unsigned i = 0; i < made_count; i++) {
        snprintf(path, sizeof path, "%s/%u.crt", folder, i);
        unlink(path);
        snprintf(path, sizeof path, "%s/%u.key", folder, i);
        unlink(path);
    }
    rmdir(folder);
    folder[0] = '\0';
}

static void add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
    need(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void begin(struct made *ret, const char *name, long from, long to)
{
    *ret = (struct made){.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *certificate = ret->certificate;
    need(ret->key && certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)made_count + 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                               -1, 0);
    need(X509_set_pubkey(certificate, ret->key) == 1);
}

static void finish(struct made *made, const struct made *issuer)
{
    X509_set_issuer_name(made->certificate, X509_get_subject_name(issuer->certificate));
    need(X509_sign(made->certificate, issuer->key, EVP_sha256()) > 0);
    snprintf(made->certificate_path, sizeof made->certificate_path, "%s/%u.crt", tls_files(), made_count);
    snprintf(made->key_path, sizeof made->key_path, "%s/%u.key", tls_files(), made_count);
    made_count++;
    FILE *certificate = fopen(made->certificate_path, "we"), *key = fopen(made->key_path, "we");
    need(certificate && PEM_write_X509(certificate, made->certificate) == 1);
    need(key && fchmod(fileno(key), 0600) == 0);
    need(PEM_write_PrivateKey(key, made->key, NULL, NULL, 0, NULL, NULL) == 1);
    need(fclose(certificate) == 0 && fclose(key) == 0);
}

void made_authority(struct made *ret, const char *name)
{
    begin(ret, name, -86400, 864000);
    add(ret->certificate, ret->certificate, NID_basic_constraints, "critical,CA:TRUE");
    add(ret->certificate, ret->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    finish(ret, ret);
}

void made_leaf(struct made *ret, const struct made *issuer, const char *name, const char *alternative, long from,
               long to)
{
    begin(ret, name, from, to);
    add(ret->certificate, issuer->certificate, NID_basic_constraints, "critical,CA:FALSE");
    if (alternative)
        add(ret->certificate, issuer->certificate, NID_subject_alt_name, alternative);
    finish(ret, issuer);
}

void made_list(const struct made *authority, const struct made *revoked)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, 86400);
    need(list && X509_CRL_set_version(list, 1) == 1 &&
         X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate)) == 1 &&
         X509_CRL_set1_lastUpdate(list, now) == 1 && X509_CRL_set1_nextUpdate(list, later) == 1);
    if (revoked) {
        X509_REVOKED *row = X509_REVOKED_new();
        need(X509_REVOKED_set_serialNumber(row, X509_get_serialNumber(revoked->certificate)) == 1 &&
             X509_REVOKED_set_revocationDate(row, now) == 1 && X509_CRL_add0_revoked(list, row) == 1);
    }
    need(X509_CRL_sign(list, authority->key, EVP_sha256()) > 0);
    FILE *file = fopen(authority->certificate_path, "ae");
    need(file && PEM_write_X509_CRL(file, list) == 1 && fclose(file) == 0);
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    X509_CRL_free(list);
}

void made_free(struct made *made)
{
    X509_free(made->certificate);
    EVP_PKEY_free(made->key);
    *made = (struct made){0};
}

struct tls_server {
    struct tls_options options;
    char inner[100]; /* as sun_path */
    pthread_t thread;
    int listener;
    unsigned port;
    atomic_uint count;
    SSL_CTX *context;
};

struct way {
    char data[32768];
    size_t at, len; /* what of it is still to be written */
    bool ended;     /* its source has */
};

/* One direction each: read when empty, write what is there. True: something moved. */
static bool from_tls(struct way *way, SSL *ssl, int to)
{
    bool moved = false;
    size_t got = 0;
    if (way->len == 0 && !way->ended) {
        ERR_clear_error();
        int step = SSL_read_ex(ssl, way->data, sizeof way->data, &got);
        int kind = SSL_get_error(ssl, step);
        way->at = 0;
        way->len = step == 1 ? got : 0;
        way->ended = step != 1 && kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE;
        moved = step == 1 || way->ended;
    }
    if (way->len > 0) {
        ssize_t wrote = send(to, way->data + way->at, way->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote < 0 && errno != EAGAIN)
            way->ended = true, way->len = 0;
        if (wrote > 0)
            way->at += (size_t)wrote, way->len -= (size_t)wrote, moved = true;
    }
    return moved;
}

static bool to_tls(struct way *way, int from, SSL *ssl)
{
    bool moved = false;
    size_t wrote = 0;
    if (way->len == 0 && !way->ended) {
        ssize_t got = recv(from, way->data, sizeof way->data, MSG_DONTWAIT);
        way->at = 0;
        way->len = got > 0 ? (size_t)got : 0;
        way->ended = got == 0 || (got < 0 && errno != EAGAIN);
        moved = got > 0 || way->ended;
    }
    if (way->len > 0) {
        ERR_clear_error();
        int step = SSL_write_ex(ssl, way->data + way->at, way->len, &wrote);
        int kind = SSL_get_error(ssl, step);
        if (step == 1)
            way->at += wrote, way->len -= wrote, moved = true;
        else if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
            way->ended = true, way->len = 0;
    }
    return moved;
}

static void pump(SSL *ssl, int outer, int inner)
{
    struct way *in = calloc(1, sizeof *in), *out = calloc(1, sizeof *out);
    need(in && out);
    while (!(in->ended && in->len == 0) && !(out->ended && out->len == 0)) {
        bool moved = from_tls(in, ssl, inner);
        moved |= to_tls(out, inner, ssl);
        if (moved)
            continue;
        struct pollfd waits[2] = {{.fd = outer, .events = (short)((in->len ? 0 : POLLIN) | (out->len ? POLLOUT : 0))},
                                  {.fd = inner, .events = (short)((out->len ? 0 : POLLIN) | (in->len ? POLLOUT : 0))}};
        poll(waits, 2, -1);
    }
    free(in);
    free(out);
}

static int connect_inner(const struct tls_server *server)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", server->inner);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static void serve(struct tls_server *server, int fd)
{
    SSL *ssl = SSL_new(server->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        int inner = connect_inner(server);
        if (inner >= 0) {
            BIO_socket_nbio(fd, 1);
            pump(ssl, fd, inner);
            BIO_socket_nbio(fd, 0);
            close(inner);
        }
        if (!server->options.reset)
            SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

/* Until the peer has closed too: an end that throws away what the peer sent would throw away our last words with it. */
static void drain(int fd, bool say)
{
    char data[4096];
    if (say)
        shutdown(fd, SHUT_WR);
    while (recv(fd, data, sizeof data, 0) > 0)
        ;
}

static void *play(void *context)
{
    struct tls_server *server = context;
    sigset_t pipe; /* this thread's own: OpenSSL's socket BIO calls write(2). The client under test gets no such help */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        atomic_fetch_add(&server->count, 1);
        if (!server->options.server && !server->options.silent)
            send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
        else if (!server->options.silent)
            serve(server, fd);
        if (server->options.reset)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
        else
            drain(fd, !server->options.silent);
        close(fd);
    }
}

static SSL_CTX *context_of(const struct tls_options *options)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    need(context && SSL_CTX_use_certificate(context, options->server->certificate) == 1 &&
         SSL_CTX_use_PrivateKey(context, options->server->key) == 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (options->version_max)
        SSL_CTX_set_max_proto_version(context, options->version_max);
    if (options->ask) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        need(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), options->ask->certificate) == 1);
        need(SSL_CTX_set_session_id_context(context, (const unsigned char *)"t", 1) == 1);
    }
    return context;
}

struct tls_server *tls_server_start(const struct tls_options *options, const char *inner)
{
    struct tls_server *server = calloc(1, sizeof *server);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    need(server != NULL);
    server->options = *options;
    if (inner)
        snprintf(server->inner, sizeof server->inner, "%s", inner + strlen("unix:"));
    if (options->server)
        server->context = context_of(options);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (options->buffer) { /* before listen: what is accepted has them from its first byte */
        setsockopt(server->listener, SOL_SOCKET, SO_RCVBUF, &options->buffer, sizeof options->buffer);
        setsockopt(server->listener, SOL_SOCKET, SO_SNDBUF, &options->buffer, sizeof options->buffer);
    }
    need(bind(server->listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(server->listener, 16) == 0 &&
         getsockname(server->listener, (struct sockaddr *)&at, &size) == 0);
    server->port = ntohs(at.sin_port);
    need(pthread_create(&server->thread, NULL, play, server) == 0);
    return server;
}

void tls_server_stop(struct tls_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->context);
    free(server);
}

unsigned tls_server_port(const struct tls_server *server)
{
    return server->port;
}

unsigned tls_server_count(const struct tls_server *server)
{
    return atomic_load(&server->count);
}
