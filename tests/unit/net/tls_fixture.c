/*
 * A TLS listener on the real loop, with the keys and files that it takes, and libssl's clients of it on blocking
 * sockets.
 */
#include "tls_fixture.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pki_folder folder;
struct pki_pair server_authority, server, wuhan, hangzhou, depot, other_depot, stray;
struct tls_why why, warning;

/* ---- what the server has ---- */

static const struct {
    struct certificate_scope scope;
    const char *file;
} scopes[] = {{{RELIEF_role_city, "420100"}, "wuhan"}, {{RELIEF_role_city, "330100"}, "hangzhou"}};

int tls_try(struct net_tls **ret, unsigned authorities, const char *revoked)
{
    static char files[4][128];
    struct tls_authority rows[2];
    const char *names[] = {"server", "server.key", "revoked"};
    struct net_tls_options options = {.authorities = rows, .authority_count = authorities};
    for (unsigned i = 0; i < 3; i++)
        snprintf(files[i], sizeof files[i], "%s", pki_path(&folder, names[i]));
    options.certificate = files[0];
    options.key = files[1];
    options.revoked = revoked ? files[2] : NULL;
    for (unsigned i = 0; i < authorities; i++) {
        static char paths[2][128];
        snprintf(paths[i], sizeof paths[i], "%s", pki_path(&folder, scopes[i].file));
        rows[i] = (struct tls_authority){scopes[i].scope, paths[i]};
    }
    return net_tls_open(ret, &options, &why, &warning);
}

struct net_tls *tls_good(unsigned authorities, const char *revoked)
{
    struct net_tls *tls = NULL;
    if (tls_try(&tls, authorities, revoked) != 0)
        fail_msg("%s", why.text);
    return tls;
}

void tls_write_server(void)
{
    const struct pki_pair *chain[] = {&server};
    pki_write(&folder, "server", chain, 1);
    pki_write_key(&folder, "server.key", server.key, 0600, NULL);
}

int tls_set_up(void **state)
{
    const struct pki_pair *one;
    (void)state;
    pki_folder_open(&folder);
    server_authority = pki_authority("server");
    server = pki_server(&server_authority);
    wuhan = pki_authority("420100");
    hangzhou = pki_authority("330100");
    depot = pki_client(&wuhan, "relief://420100/city/depot");
    other_depot = pki_client(&hangzhou, "relief://330100/city/depot");
    stray = pki_client(&wuhan, "relief://330100/city/depot");
    tls_write_server();
    one = &wuhan;
    pki_write(&folder, "wuhan", &one, 1);
    one = &hangzhou;
    pki_write(&folder, "hangzhou", &one, 1);
    return 0;
}

int tls_tear_down(void **state)
{
    struct pki_pair *all[] = {&server_authority, &server, &wuhan, &hangzhou, &depot, &other_depot, &stray};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pki_free(all[i]);
    pki_folder_close(&folder);
    return 0;
}

/* ---- the fixture with a TLS listener ---- */

struct net_tls *next_tls;
char refused_why[200];
unsigned closed_by_reload, refused_count;
static char bound[300];

static const struct relief_buf *on_refused(void *context, const struct net_peer *peer, enum net_refusal reason,
                                           const char *detail)
{
    (void)context;
    assert_int_equal(peer->transport, NET_TLS);
    assert_int_equal(reason, NET_REFUSED_CERTIFICATE);
    snprintf(refused_why, sizeof refused_why, "%s", detail);
    refused_count++;
    return NULL;
}

static void call_listen(struct fixture *fixture)
{
    fixture->net->handlers.refused = on_refused;
    assert_int_equal(net_listen(fixture->net, "tls:127.0.0.1:0", 2, bound, sizeof bound), -ENOKEY);
    net_use_tls(fixture->net, next_tls);
    assert_int_equal(net_listen(fixture->net, "tls:127.0.0.1:0", 2, bound, sizeof bound), 0);
    assert_memory_equal(bound, "tls:127.0.0.1:", 14);
}

void tls_use(struct fixture *fixture)
{
    closed_by_reload = net_use_tls(fixture->net, next_tls);
}

struct fixture *tls_fixture(unsigned conns_max)
{
    struct fixture *fixture = fixture_open(conns_max);
    next_tls = tls_good(2, NULL);
    refused_count = 0;
    refused_why[0] = '\0';
    fixture_call(fixture, call_listen);
    return fixture;
}

/* ---- clients ---- */

int tls_connect(int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval long_time = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (receive_bytes)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    address.sin_port = htons((uint16_t)atoi(strrchr(bound, ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &long_time, sizeof long_time), 0);
    return fd;
}

struct client tls_prepare(const struct pki_pair *pair, int receive_bytes, bool by_hand)
{
    struct client client = {.fd = tls_connect(receive_bytes), .ctx = SSL_CTX_new(TLS_client_method())};
    assert_non_null(client.ctx);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(client.ctx), server_authority.certificate), 1);
    SSL_CTX_set_verify(client.ctx, SSL_VERIFY_PEER, NULL);
    if (pair) {
        assert_int_equal(SSL_CTX_use_certificate(client.ctx, pair->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(client.ctx, pair->key), 1);
    }
    client.ssl = SSL_new(client.ctx);
    assert_int_equal(SSL_set1_host(client.ssl, "localhost"), 1);
    SSL_set_connect_state(client.ssl);
    if (by_hand) {
        client.in = BIO_new(BIO_s_mem());
        client.out = BIO_new(BIO_s_mem());
        SSL_set_bio(client.ssl, client.in, client.out);
    } else {
        SSL_set_fd(client.ssl, client.fd);
    }
    return client;
}

struct client tls_client(const struct pki_pair *pair)
{
    struct client client = tls_prepare(pair, 0, false);
    assert_int_equal(SSL_do_handshake(client.ssl), 1);
    return client;
}

void tls_close(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    close(client->fd);
    ERR_clear_error();
}

void tls_put(struct client *client, const void *data, size_t len)
{
    size_t gone = 0;
    assert_int_equal(SSL_write_ex(client->ssl, data, len, &gone), 1);
    assert_int_equal(gone, len);
}

void tls_get(struct client *client, void *data, size_t len)
{
    for (size_t at = 0, got; at < len; at += got)
        assert_int_equal(SSL_read_ex(client->ssl, (uint8_t *)data + at, len - at, &got), 1);
}

void tls_put_ping(struct client *client, uint32_t msgid)
{
    uint8_t bytes[PING_BYTES];
    ping_encode(bytes, msgid);
    tls_put(client, bytes, sizeof bytes);
}

void tls_get_ping(struct client *client, uint32_t msgid)
{
    uint8_t bytes[PING_BYTES], expected[PING_BYTES];
    ping_encode(expected, msgid);
    tls_get(client, bytes, sizeof bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
}

/* How the server ended: SSL_ERROR_ZERO_RETURN with close_notify. */
int tls_end_of(struct client *client)
{
    uint8_t byte;
    int got = SSL_read(client->ssl, &byte, 1), error;
    assert_true(got <= 0);
    error = SSL_get_error(client->ssl, got);
    ERR_clear_error();
    return error;
}

/* Moves what the client has to say, so many bytes at a time, each read by the server before the next; takes what comes
 * until its handshake is done. */
void tls_give(struct client *client, size_t each, struct fixture *fixture)
{
    uint8_t bytes[20000];
    for (;;) {
        int done = SSL_is_init_finished(client->ssl) ? 1 : SSL_do_handshake(client->ssl), len;
        while ((len = BIO_read(client->out, bytes, each < sizeof bytes ? (int)each : (int)sizeof bytes)) > 0) {
            client_write(client->fd, bytes, (size_t)len);
            if (fixture)
                fixture_call(fixture, fixture_nothing);
        }
        if (done == 1)
            return;
        assert_int_equal(SSL_get_error(client->ssl, done), SSL_ERROR_WANT_READ);
        len = (int)recv(client->fd, bytes, sizeof bytes, 0);
        assert_true(len > 0);
        assert_int_equal(BIO_write(client->in, bytes, len), len);
    }
}
