/*
 * Connections under TLS: who gets in, however the bytes come and go, how they end, and what a reload does to those that
 * are there. Clients are libssl's, on blocking sockets; the loop is the real one, on a virtual clock.
 */
#include "fixture.h"
#include "pki.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/tls.h"

static struct pki_folder folder;
static struct pki_pair server_authority, server, wuhan, hangzhou, depot, other_depot, stray;
static struct tls_why why, warning;

/* ---- what the server has ---- */

static const struct {
    struct certificate_scope scope;
    const char *file;
} scopes[] = {{{RELIEF_role_city, "420100"}, "wuhan"}, {{RELIEF_role_city, "330100"}, "hangzhou"}};

static int open_tls(struct net_tls **ret, unsigned authorities, const char *revoked)
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

static struct net_tls *good_tls(unsigned authorities, const char *revoked)
{
    struct net_tls *tls = NULL;
    if (open_tls(&tls, authorities, revoked) != 0)
        fail_msg("%s", why.text);
    return tls;
}

static void write_server(void)
{
    const struct pki_pair *chain[] = {&server};
    pki_write(&folder, "server", chain, 1);
    pki_write_key(&folder, "server.key", server.key, 0600, NULL);
}

static int set_up(void **state)
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
    write_server();
    one = &wuhan;
    pki_write(&folder, "wuhan", &one, 1);
    one = &hangzhou;
    pki_write(&folder, "hangzhou", &one, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct pki_pair *all[] = {&server_authority, &server, &wuhan, &hangzhou, &depot, &other_depot, &stray};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pki_free(all[i]);
    pki_folder_close(&folder);
    return 0;
}

/* ---- the fixture with a TLS listener ---- */

static struct net_tls *next_tls;
static char bound[300];
static unsigned closed_by_reload;
static char refused_why[200];
static unsigned refused_count;

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

static void call_use(struct fixture *fixture)
{
    closed_by_reload = net_use_tls(fixture->net, next_tls);
}

static struct fixture *open_fixture(unsigned conns_max)
{
    struct fixture *fixture = fixture_open(conns_max);
    next_tls = good_tls(2, NULL);
    refused_count = 0;
    refused_why[0] = '\0';
    fixture_call(fixture, call_listen);
    return fixture;
}

/* ---- clients ---- */

struct client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* of one that is moved by hand */
};

static int connect_plain(int receive_bytes)
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

static struct client prepare(const struct pki_pair *pair, int receive_bytes, bool by_hand)
{
    struct client client = {.fd = connect_plain(receive_bytes), .ctx = SSL_CTX_new(TLS_client_method())};
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

static struct client open_client(const struct pki_pair *pair)
{
    struct client client = prepare(pair, 0, false);
    assert_int_equal(SSL_do_handshake(client.ssl), 1);
    return client;
}

static void close_client(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    close(client->fd);
    ERR_clear_error();
}

static void put(struct client *client, const void *data, size_t len)
{
    size_t gone = 0;
    assert_int_equal(SSL_write_ex(client->ssl, data, len, &gone), 1);
    assert_int_equal(gone, len);
}

static void get(struct client *client, void *data, size_t len)
{
    for (size_t at = 0, got; at < len; at += got)
        assert_int_equal(SSL_read_ex(client->ssl, (uint8_t *)data + at, len - at, &got), 1);
}

static void put_ping(struct client *client, uint32_t msgid)
{
    uint8_t bytes[PING_BYTES];
    ping_encode(bytes, msgid);
    put(client, bytes, sizeof bytes);
}

static void get_ping(struct client *client, uint32_t msgid)
{
    uint8_t bytes[PING_BYTES], expected[PING_BYTES];
    ping_encode(expected, msgid);
    get(client, bytes, sizeof bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
}

/* How the server ended: SSL_ERROR_ZERO_RETURN with close_notify. */
static int end_of(struct client *client)
{
    uint8_t byte;
    int got = SSL_read(client->ssl, &byte, 1), error;
    assert_true(got <= 0);
    error = SSL_get_error(client->ssl, got);
    ERR_clear_error();
    return error;
}

/* ---- files ---- */

static void expect_bad(const char *says)
{
    struct net_tls *tls = NULL;
    assert_int_equal(open_tls(&tls, 2, NULL), -EINVAL);
    assert_null(tls);
    if (!strstr(why.text, says))
        fail_msg("'%s' does not say '%s'", why.text, says);
}

static void test_files(void **state)
{
    struct pki_pair past =
        pki_make(&server_authority, &(struct pki_wish){.usage = "serverAuth", .from_s = -7200, .until_s = -3600});
    const struct pki_pair *one = &past;
    (void)state;
    pki_write_key(&folder, "server.key", server.key, 0644, NULL);
    expect_bad("the key is open to others (mode 0644); chmod 600 it");
    pki_write_key(&folder, "server.key", server.key, 0660, NULL);
    expect_bad("the key is open to others (mode 0660)");
    pki_write_key(&folder, "server.key", server.key, 0600, "secret");
    expect_bad("there is no private key in it, or it has a passphrase");
    pki_write_key(&folder, "server.key", depot.key, 0600, NULL);
    expect_bad("the key does not belong to the first certificate in");
    pki_write_text(&folder, "server.key", "nothing");
    expect_bad("there is no private key in it");
    pki_write(&folder, "server", &one, 1);
    pki_write_key(&folder, "server.key", past.key, 0640, NULL);
    net_tls_close(good_tls(2, NULL)); /* better old than none: the unix socket is there too */
    assert_non_null(strstr(warning.text, "the daemon's certificate is out of date"));
    write_server();
    net_tls_close(good_tls(0, NULL));
    assert_string_equal(warning.text, "");
    pki_free(&past);
}

/* ---- who gets in ---- */

static void test_identities(void **state)
{
    struct fixture *fixture = open_fixture(0);
    const struct {
        const struct pki_pair *pair;
        const char *uri, *place;
    } rows[] = {
        {NULL, "", ""},
        {&depot, "relief://420100/city/depot", "420100"},
        {&other_depot, "relief://330100/city/depot", "330100"},
    };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct client client = open_client(rows[i].pair);
        assert_string_equal(SSL_get_version(client.ssl), "TLSv1.3");
        put_ping(&client, i);
        get_ping(&client, i);
        assert_int_equal(fixture->sessions[i].peer.transport, NET_TLS);
        assert_int_equal(fixture->sessions[i].peer.listener, 2);
        assert_memory_equal(fixture->sessions[i].peer.address, "tls:127.0.0.1:", 14);
        assert_string_equal(fixture->sessions[i].peer.certificate.uri, rows[i].uri);
        assert_string_equal(fixture->sessions[i].peer.certificate.scope.place, rows[i].place);
        close_client(&client);
    }
    assert_int_equal(fixture_stats(fixture).handshakes_failed, 0);
    fixture_close(fixture);
}

/* The client learns of it by an alert, not by a reset. */
static void expect_alert(struct fixture *fixture, const struct pki_pair *pair, int reason, const char *says)
{
    struct client client = prepare(pair, 0, false);
    unsigned sessions = fixture->session_count, refused = refused_count;
    uint8_t byte;
    if (SSL_do_handshake(client.ssl) == 1) /* ours is looked at after we are done */
        assert_true(SSL_read(client.ssl, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), reason);
    fixture_call(fixture, fixture_nothing);
    assert_int_equal(fixture->session_count, sessions);
    assert_int_equal(refused_count, refused + (says != NULL));
    if (says)
        assert_string_equal(refused_why, says);
    close_client(&client);
}

static void test_refusals(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct pki_pair expired = pki_make(
        &wuhan, &(struct pki_wish){.san = "URI:relief://420100/city/depot", .from_s = -7200, .until_s = -3600});
    struct pki_pair alien = pki_client(&server_authority, "relief://420100/city/depot");
    struct pki_pair for_servers =
        pki_make(&wuhan, &(struct pki_wish){.san = "URI:relief://420100/city/depot", .usage = "serverAuth"});
    struct pki_pair named = pki_make(&wuhan, &(struct pki_wish){.name = "relief://420100/city/depot"});
    (void)state;
    expect_alert(fixture, &stray, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
                 "the authority may not vouch for that place and role");
    expect_alert(fixture, &named, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the certificate holds no URI");
    expect_alert(fixture, &expired, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "certificate has expired");
    expect_alert(fixture, &alien, SSL_R_TLSV1_ALERT_UNKNOWN_CA, "self-signed certificate in certificate chain");
    expect_alert(fixture, &for_servers, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "unsuitable certificate purpose");
    assert_int_equal(fixture_stats(fixture).handshakes_failed, 5);
    fixture_wait(fixture, "open", 0);
    pki_free(&expired);
    pki_free(&alien);
    pki_free(&for_servers);
    pki_free(&named);
    fixture_close(fixture);
}

static void test_only_tls_1_3(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = prepare(&depot, 0, false);
    (void)state;
    assert_int_equal(SSL_set_max_proto_version(client.ssl, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_do_handshake(client.ssl), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    close_client(&client);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture->session_count, 0);
    fixture_close(fixture);
}

/* Nothing is carried over: neither ticket nor early data nor another handshake. */
static void test_nothing_to_resume(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot);
    (void)state;
    put_ping(&client, 1);
    get_ping(&client, 1);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get0_session(client.ssl)), 0);
    assert_int_equal(SSL_SESSION_get_max_early_data(SSL_get0_session(client.ssl)), 0);
    assert_int_equal(SSL_renegotiate(client.ssl), 0);
    put_ping(&client, 2);
    get_ping(&client, 2);
    close_client(&client);
    fixture_close(fixture);
}

/* B34 */
static void test_plain_bytes_on_the_port(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"GET / HTTP/1.1\r\n", 16}, {"\x94\x00\x01\xa4ping\x90", 9}, {"\x80\x2e\x01\x00", 4}, {"\x16", 1},
        {"\x16\x02\x01\x00", 4},    {"\x16\x03\x09\x00", 4},         {"\x17\x03\x03\x00", 4}, {"\x00", 1},
    };
    struct fixture *fixture = open_fixture(0);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = connect_plain(0);
        client_write(fd, rows[i].bytes, rows[i].len);
        if (rows[i].len == 1 && rows[i].bytes[0] == 0x16) {
            fixture_wait(fixture, "open", 1); /* TLS begins like that */
            client_write(fd, "G", 1);
        }
        assert_true(client_at_end(fd));
        close(fd);
        fixture_wait(fixture, "open", 0);
    }
    assert_int_equal(fixture->session_count, 0);
    assert_int_equal(refused_count, 0);
    assert_int_equal(fixture_stats(fixture).handshakes_failed, sizeof rows / sizeof *rows);
    fixture_close(fixture);
}

/* ---- the handshake's end ---- */

static void give(struct client *client, size_t each, struct fixture *fixture);

static void test_deadline_of_the_handshake(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client silent = prepare(&depot, 0, true), half = prepare(&depot, 0, true), slow = prepare(&depot, 0, true);
    uint8_t bytes[1000];
    int len;
    (void)state;
    SSL_do_handshake(half.ssl);
    len = BIO_read(half.out, bytes, sizeof bytes);
    assert_true(len > 100);
    client_write(half.fd, bytes, (size_t)len / 2);
    SSL_do_handshake(slow.ssl);
    fixture_wait(fixture, "open", 3);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(BIO_read(slow.out, bytes, 1), 1);
        client_write(slow.fd, bytes, 1);
        fixture_advance(fixture, 1000);
    }
    fixture_advance(fixture, 900);
    assert_int_equal(fixture_stats(fixture).open, 3);
    fixture_advance(fixture, 1100);
    fixture_wait(fixture, "open", 0);
    assert_true(client_at_end(silent.fd));
    assert_true(client_at_end(half.fd));
    assert_true(client_at_end(slow.fd));
    assert_int_equal(fixture_stats(fixture).timed_out, 3);
    assert_int_equal(fixture->session_count, 0);
    close_client(&silent);
    close_client(&half);
    close_client(&slow);
    fixture_close(fixture);
}

/* Many at a time: they stand in line for their share of a turn, and all are served. */
static void test_many_handshakes(void **state)
{
    enum { COUNT = 150 };
    static struct client clients[COUNT];
    static uint8_t bytes[COUNT][1000];
    static int lens[COUNT];
    struct fixture *fixture = open_fixture(0);
    struct client first = open_client(&depot);
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        clients[i] = prepare(i % 2 ? &depot : NULL, 0, true);
        SSL_do_handshake(clients[i].ssl);
        lens[i] = BIO_read(clients[i].out, bytes[i], sizeof bytes[i]);
    }
    for (int i = 0; i < COUNT; i++)
        client_write(clients[i].fd, bytes[i], (size_t)lens[i]);
    put_ping(&first, 1);
    get_ping(&first, 1);
    for (int i = 0; i < COUNT; i++) {
        give(&clients[i], 10000, NULL);
        put_ping(&clients[i], (uint32_t)i);
        give(&clients[i], 10000, NULL);
    }
    fixture_wait(fixture, "messages", COUNT + 1);
    for (int i = 0; i < COUNT; i++)
        close_client(&clients[i]);
    close_client(&first);
    fixture_close(fixture);
}

/* ---- bytes ---- */

/* Moves what the client has to say, so many bytes at a time, each read by the server before the next; takes what comes
 * until its handshake is done. */
static void give(struct client *client, size_t each, struct fixture *fixture)
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

static void take_one_by_one(struct client *client, void *to, size_t len)
{
    uint8_t byte;
    for (size_t at = 0, got; at < len;) {
        if (SSL_read_ex(client->ssl, (uint8_t *)to + at, 1, &got)) {
            at += got;
            continue;
        }
        assert_int_equal(recv(client->fd, &byte, 1, 0), 1);
        assert_int_equal(BIO_write(client->in, &byte, 1), 1);
    }
}

static void test_one_byte_at_a_time(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = prepare(&depot, 0, true);
    uint8_t pings[3 * PING_BYTES], got[sizeof pings];
    (void)state;
    give(&client, 1, fixture);
    for (uint32_t i = 0; i < 3; i++)
        ping_encode(pings + i * PING_BYTES, i);
    put(&client, pings, sizeof pings);
    give(&client, 1, fixture);
    take_one_by_one(&client, got, sizeof got);
    assert_memory_equal(got, pings, sizeof got);
    for (size_t i = 0; i < sizeof pings; i++)
        put(&client, pings + i, 1); /* a record each */
    give(&client, 1, fixture);
    take_one_by_one(&client, got, sizeof got);
    assert_memory_equal(got, pings, sizeof got);
    assert_int_equal(fixture->session_count, 1);
    close_client(&client);
    fixture_close(fixture);
}

struct writer {
    uint8_t *bytes;
    size_t len;
};

/* count pings, each with a message of so many bytes behind it. */
static void fill_messages(struct writer *writer, uint32_t count, uint32_t each)
{
    writer->len = (size_t)count * (PING_BYTES + each + 7);
    writer->bytes = malloc(writer->len);
    assert_non_null(writer->bytes);
    for (uint8_t *at = writer->bytes; count > 0; count--, at += PING_BYTES + each + 7) {
        ping_encode(at, count);
        memcpy(at + PING_BYTES, "\x92\x07\xdb", 3);
        for (int i = 0; i < 4; i++)
            at[PING_BYTES + 3 + i] = (uint8_t)(each >> (24 - 8 * i));
        memset(at + PING_BYTES + 7, 'a' + (int)(count % 26), each);
    }
}

/* B33: small reads against full buffers. The client first sends without reading, until the server stops taking. */
static void test_full_buffers(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = prepare(&depot, 4096, false);
    struct writer writer = {0};
    size_t sent = 0, gone, seen = 0;
    (void)state;
    assert_int_equal(SSL_do_handshake(client.ssl), 1);
    fill_messages(&writer, 40, 200000);
    SSL_set_mode(client.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    while (seen < writer.len) {
        struct pollfd poll_fd = {.fd = client.fd, .events = POLLIN | (sent < writer.len ? POLLOUT : 0)};
        uint8_t got[97];
        assert_true(SSL_pending(client.ssl) || poll(&poll_fd, 1, 20000) > 0);
        /* Writes as long as that goes; only then reads, in little pieces. */
        if (poll_fd.revents & POLLOUT) {
            size_t piece = writer.len - sent < 1500 ? writer.len - sent : 1500;
            assert_int_equal(SSL_write_ex(client.ssl, writer.bytes + sent, piece, &gone), 1);
            sent += gone;
            continue;
        }
        for (int i = 0; i < 400 && seen < sent && (SSL_has_pending(client.ssl) || !client_is_quiet(client.fd)); i++) {
            assert_int_equal(SSL_read_ex(client.ssl, got, 1 + (size_t)i % sizeof got, &gone), 1);
            assert_memory_equal(got, writer.bytes + seen, gone);
            seen += gone;
        }
    }
    assert_int_equal(fixture_stats(fixture).messages, 80);
    free(writer.bytes);
    close_client(&client);
    fixture_close(fixture);
}

static size_t queued_of_first;
static void call_queued(struct fixture *fixture)
{
    queued_of_first = net_conn_queued(fixture->sessions[0].conn);
}

static void call_identify(struct fixture *fixture)
{
    net_conn_identified(fixture->sessions[0].conn);
}

static void wait_until_stuck(struct fixture *fixture)
{
    struct net_stats stats, again = fixture_stats(fixture);
    do {
        stats = again;
        again = fixture_stats(fixture);
    } while (again.messages != stats.messages || again.bytes_out != stats.bytes_out || stats.messages == 0);
    fixture_call(fixture, call_queued);
}

/* Who reads nothing makes us hold little, less before it is identified; it becomes identified while a record is half
 * sent. */
static void test_peer_that_never_reads(void **state)
{
    enum { REQUESTS = 1500, ANSWER = 7000 };
    static uint8_t pings[REQUESTS * PING_BYTES], answer[ANSWER];
    struct fixture *fixture = open_fixture(0);
    struct client client;
    (void)state;
    FIXTURE_SET(fixture, identify, false);
    FIXTURE_SET(fixture, answer_bytes, ANSWER);
    client = prepare(&depot, 4096, false);
    assert_int_equal(SSL_do_handshake(client.ssl), 1);
    for (uint32_t i = 0; i < REQUESTS; i++)
        ping_encode(pings + i * PING_BYTES, i);
    put(&client, pings, sizeof pings);
    wait_until_stuck(fixture);
    assert_true(fixture->stats.messages < REQUESTS);
    assert_in_range(queued_of_first, 1, RELIEF_UNREAD_BYTES_STRANGER_MAX + ANSWER);
    fixture_call(fixture, call_identify);
    for (unsigned i = 0; i < REQUESTS; i++)
        get(&client, answer, sizeof answer);
    assert_int_equal(fixture_stats(fixture).messages, REQUESTS);
    close_client(&client);
    fixture_close(fixture);
}

/* What libssl has read ahead is served without another byte from the socket. */
static void test_read_ahead_is_not_forgotten(void **state)
{
    enum { COUNT = 2500 };
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot);
    uint8_t *pings = malloc((size_t)COUNT * PING_BYTES);
    uint32_t seen = 0;
    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        ping_encode(pings + i * PING_BYTES, i);
    FIXTURE_SET(fixture, hold, true);
    put(&client, pings, (size_t)COUNT * PING_BYTES);
    while (seen < COUNT) {
        uint32_t until = seen + RELIEF_IN_FLIGHT_MAX < COUNT ? seen + RELIEF_IN_FLIGHT_MAX : COUNT;
        fixture_wait(fixture, "messages", until);
        for (int i = 0; i < 5; i++)
            assert_int_equal(fixture_stats(fixture).messages, until);
        fixture_release(fixture, until);
        for (; seen < until; seen++)
            get_ping(&client, seen);
    }
    free(pings);
    close_client(&client);
    fixture_close(fixture);
}

static void call_resume_first(struct fixture *fixture)
{
    net_conn_resume(fixture->sessions[0].conn);
}

static void test_paused_in_the_middle_of_a_record(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot);
    uint8_t pings[3 * PING_BYTES];
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        ping_encode(pings + i * PING_BYTES, i);
    FIXTURE_SET(fixture, pause, true);
    put(&client, pings, sizeof pings);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_wait(fixture, "messages", i + 1);
        get_ping(&client, i);
        assert_int_equal(fixture_stats(fixture).messages, i + 1);
        fixture_call(fixture, call_resume_first);
    }
    close_client(&client);
    fixture_close(fixture);
}

/* Keys may be changed now and then; all the time is an attack. */
static void test_key_updates(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot);
    int updates = 0;
    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        put_ping(&client, i);
        get_ping(&client, i);
    }
    for (; updates < 1000; updates++) {
        if (SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(client.ssl) != 1)
            break;
        fixture_call(fixture, fixture_nothing);
        if (fixture_stats(fixture).open == 0)
            break;
    }
    assert_in_range(updates, 0, 10);
    fixture_wait(fixture, "open", 0);
    close_client(&client);
    fixture_close(fixture);
}

/* ---- ends ---- */

static void call_answer_all(struct fixture *fixture)
{
    net_release(fixture->net, fixture->seq);
}

/* The peer says that it sends no more: it gets its answers, and our close_notify. */
static void test_half_close(void **state)
{
    struct fixture *fixture = open_fixture(0);
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct client client = open_client(&depot);
        FIXTURE_SET(fixture, hold, true);
        put_ping(&client, 1);
        put_ping(&client, 2);
        if (how == 0)
            assert_int_equal(SSL_shutdown(client.ssl), 0);
        else
            assert_int_equal(shutdown(client.fd, SHUT_WR), 0); /* without close_notify */
        fixture_wait(fixture, "messages", 2 * (uint64_t)how + 2);
        for (int i = 0; i < 3; i++)
            assert_int_equal(fixture_stats(fixture).open, 1);
        fixture_call(fixture, call_answer_all);
        get_ping(&client, 1);
        get_ping(&client, 2);
        assert_int_equal(end_of(&client), SSL_ERROR_ZERO_RETURN);
        fixture_wait(fixture, "open", 0);
        close_client(&client);
    }
    fixture_close(fixture);
}

static void test_cut_off(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot), hand = prepare(&depot, 0, true);
    uint8_t ping[PING_BYTES], record[200];
    int len;
    (void)state;
    ping_encode(ping, 1);
    put(&client, ping, 5); /* half a message, then the end */
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    assert_int_equal(end_of(&client), SSL_ERROR_ZERO_RETURN);
    give(&hand, 10000, NULL);
    put(&hand, ping, sizeof ping);
    len = BIO_read(hand.out, record, sizeof record);
    client_write(hand.fd, record, (size_t)len - 1); /* half a record, then the end */
    assert_int_equal(shutdown(hand.fd, SHUT_WR), 0);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture_stats(fixture).messages, 0);
    close_client(&client);
    close_client(&hand);
    fixture_close(fixture);
}

static void test_damaged_record(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client hand = prepare(&depot, 0, true);
    uint8_t ping[PING_BYTES], record[200];
    int len;
    (void)state;
    ping_encode(ping, 1);
    give(&hand, 10000, NULL);
    put(&hand, ping, sizeof ping);
    len = BIO_read(hand.out, record, sizeof record);
    record[len - 1] ^= 1;
    client_write(hand.fd, record, (size_t)len);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture_stats(fixture).messages, 0);
    close_client(&hand);
    fixture_close(fixture);
}

/* What the server says last arrives, with close_notify behind it, though bytes of ours are still on the way. */
static void test_polite_end(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot);
    uint8_t bad[1000] = {0xc1}, got[5];
    (void)state;
    put(&client, bad, sizeof bad);
    get(&client, got, sizeof got);
    assert_memory_equal(got, "fault", 5);
    assert_int_equal(end_of(&client), SSL_ERROR_ZERO_RETURN);
    close_client(&client);
    fixture_wait(fixture, "open", 0);
    fixture_close(fixture);
}

static void test_stop(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client client = open_client(&depot), handshaking = prepare(&depot, 0, true);
    (void)state;
    put_ping(&client, 1);
    get_ping(&client, 1);
    SSL_do_handshake(handshaking.ssl);
    fixture_wait(fixture, "open", 2);
    assert_true(fixture_stop(fixture));
    assert_int_equal(end_of(&client), SSL_ERROR_ZERO_RETURN);
    assert_true(client_at_end(handshaking.fd));
    close_client(&client);
    close_client(&handshaking);
    fixture_close(fixture);
}

/* ---- reload ---- */

static void test_reload(void **state)
{
    struct fixture *fixture = open_fixture(0);
    struct client revoked = open_client(&depot), stays = open_client(&other_depot), nobody = open_client(NULL);
    struct client late = prepare(&depot, 0, true);
    X509_CRL *list = pki_revoke(&wuhan, &depot.certificate, 1, false, NULL);
    uint8_t hello[1000];
    int len;
    (void)state;
    put_ping(&stays, 1);
    get_ping(&stays, 1);
    put_ping(&nobody, 1);
    get_ping(&nobody, 1);
    put_ping(&revoked, 1);
    get_ping(&revoked, 1);
    SSL_do_handshake(late.ssl); /* its handshake begins before and ends after the reload */
    len = BIO_read(late.out, hello, sizeof hello);
    client_write(late.fd, hello, (size_t)len);
    fixture_wait(fixture, "open", 4);
    assert_int_equal(recv(late.fd, hello, 1, MSG_PEEK), 1);

    next_tls = good_tls(2, NULL); /* the same again: nobody notices */
    fixture_call(fixture, call_use);
    assert_int_equal(closed_by_reload, 0);

    pki_write_revoked(&folder, "revoked", &list, 1);
    next_tls = good_tls(2, "revoked");
    fixture_call(fixture, call_use);
    assert_int_equal(closed_by_reload, 1);
    assert_int_equal(end_of(&revoked), SSL_ERROR_ZERO_RETURN);
    put_ping(&stays, 2);
    get_ping(&stays, 2);
    put_ping(&nobody, 2);
    get_ping(&nobody, 2);
    give(&late, 10000, NULL);
    fixture_wait(fixture, "open", 2);
    expect_alert(fixture, &depot, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the certificate is revoked");

    next_tls = good_tls(1, NULL); /* the second city's authority is gone */
    fixture_call(fixture, call_use);
    assert_int_equal(closed_by_reload, 1);
    assert_int_equal(end_of(&stays), SSL_ERROR_ZERO_RETURN);
    put_ping(&nobody, 3);
    get_ping(&nobody, 3);
    X509_CRL_free(list);
    close_client(&revoked);
    close_client(&stays);
    close_client(&nobody);
    close_client(&late);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_only_tls_1_3),
        cmocka_unit_test(test_nothing_to_resume),
        cmocka_unit_test(test_plain_bytes_on_the_port),
        cmocka_unit_test(test_deadline_of_the_handshake),
        cmocka_unit_test(test_many_handshakes),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_full_buffers),
        cmocka_unit_test(test_peer_that_never_reads),
        cmocka_unit_test(test_read_ahead_is_not_forgotten),
        cmocka_unit_test(test_paused_in_the_middle_of_a_record),
        cmocka_unit_test(test_key_updates),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_polite_end),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
