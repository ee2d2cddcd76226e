/* Who gets in under TLS: files, certificates, handshakes that do not end, and what a reload does to those that are
 * there. */
#include "tls_fixture.h"
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- files ---- */

static void expect_bad(const char *says)
{
    struct net_tls *tls = NULL;
    assert_int_equal(tls_try(&tls, 2, NULL), -EINVAL);
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
    net_tls_close(tls_good(2, NULL)); /* better old than none: the unix socket is there too */
    assert_non_null(strstr(warning.text, "the daemon's certificate is out of date"));
    tls_write_server();
    net_tls_close(tls_good(0, NULL));
    assert_string_equal(warning.text, "");
    pki_free(&past);
}

/* ---- who gets in ---- */

static void test_identities(void **state)
{
    struct fixture *fixture = tls_fixture(0);
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
        struct client client = tls_client(rows[i].pair);
        assert_string_equal(SSL_get_version(client.ssl), "TLSv1.3");
        tls_put_ping(&client, i);
        tls_get_ping(&client, i);
        assert_int_equal(fixture->sessions[i].peer.transport, NET_TLS);
        assert_int_equal(fixture->sessions[i].peer.listener, 2);
        assert_memory_equal(fixture->sessions[i].peer.address, "tls:127.0.0.1:", 14);
        assert_string_equal(fixture->sessions[i].peer.certificate.uri, rows[i].uri);
        assert_string_equal(fixture->sessions[i].peer.certificate.scope.place, rows[i].place);
        tls_close(&client);
    }
    assert_int_equal(fixture_stats(fixture).handshakes_failed, 0);
    fixture_close(fixture);
}

/* The client learns of it by an alert, not by a reset. */
static void expect_alert(struct fixture *fixture, const struct pki_pair *pair, int reason, const char *says)
{
    struct client client = tls_prepare(pair, 0, false);
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
    tls_close(&client);
}

static void test_refusals(void **state)
{
    struct fixture *fixture = tls_fixture(0);
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
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_prepare(&depot, 0, false);
    (void)state;
    assert_int_equal(SSL_set_max_proto_version(client.ssl, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_do_handshake(client.ssl), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    tls_close(&client);
    fixture_wait(fixture, "open", 0);
    assert_int_equal(fixture->session_count, 0);
    fixture_close(fixture);
}

/* Nothing is carried over: neither ticket nor early data nor another handshake. */
static void test_nothing_to_resume(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client client = tls_client(&depot);
    (void)state;
    tls_put_ping(&client, 1);
    tls_get_ping(&client, 1);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get0_session(client.ssl)), 0);
    assert_int_equal(SSL_SESSION_get_max_early_data(SSL_get0_session(client.ssl)), 0);
    assert_int_equal(SSL_renegotiate(client.ssl), 0);
    tls_put_ping(&client, 2);
    tls_get_ping(&client, 2);
    tls_close(&client);
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
    struct fixture *fixture = tls_fixture(0);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = tls_connect(0);
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

static void test_deadline_of_the_handshake(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client silent = tls_prepare(&depot, 0, true), half = tls_prepare(&depot, 0, true),
                  slow = tls_prepare(&depot, 0, true);
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
    tls_close(&silent);
    tls_close(&half);
    tls_close(&slow);
    fixture_close(fixture);
}

/* Many at a time: they stand in line for their share of a turn, and all are served. */
static void test_many_handshakes(void **state)
{
    enum { COUNT = 150 };
    static struct client clients[COUNT];
    static uint8_t bytes[COUNT][1000];
    static int lens[COUNT];
    struct fixture *fixture = tls_fixture(0);
    struct client first = tls_client(&depot);
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        clients[i] = tls_prepare(i % 2 ? &depot : NULL, 0, true);
        SSL_do_handshake(clients[i].ssl);
        lens[i] = BIO_read(clients[i].out, bytes[i], sizeof bytes[i]);
    }
    for (int i = 0; i < COUNT; i++)
        client_write(clients[i].fd, bytes[i], (size_t)lens[i]);
    tls_put_ping(&first, 1);
    tls_get_ping(&first, 1);
    for (int i = 0; i < COUNT; i++) {
        tls_give(&clients[i], 10000, NULL);
        tls_put_ping(&clients[i], (uint32_t)i);
        tls_give(&clients[i], 10000, NULL);
    }
    fixture_wait(fixture, "messages", COUNT + 1);
    for (int i = 0; i < COUNT; i++)
        tls_close(&clients[i]);
    tls_close(&first);
    fixture_close(fixture);
}

/* ---- reload ---- */

static void test_reload(void **state)
{
    struct fixture *fixture = tls_fixture(0);
    struct client revoked = tls_client(&depot), stays = tls_client(&other_depot), nobody = tls_client(NULL);
    struct client late = tls_prepare(&depot, 0, true);
    X509_CRL *list = pki_revoke(&wuhan, &depot.certificate, 1, false, NULL);
    uint8_t hello[1000];
    int len;
    (void)state;
    tls_put_ping(&stays, 1);
    tls_get_ping(&stays, 1);
    tls_put_ping(&nobody, 1);
    tls_get_ping(&nobody, 1);
    tls_put_ping(&revoked, 1);
    tls_get_ping(&revoked, 1);
    SSL_do_handshake(late.ssl); /* its handshake begins before and ends after the reload */
    len = BIO_read(late.out, hello, sizeof hello);
    client_write(late.fd, hello, (size_t)len);
    fixture_wait(fixture, "open", 4);
    assert_int_equal(recv(late.fd, hello, 1, MSG_PEEK), 1);

    next_tls = tls_good(2, NULL); /* the same again: nobody notices */
    fixture_call(fixture, tls_use);
    assert_int_equal(closed_by_reload, 0);

    pki_write_revoked(&folder, "revoked", &list, 1);
    next_tls = tls_good(2, "revoked");
    fixture_call(fixture, tls_use);
    assert_int_equal(closed_by_reload, 1);
    assert_int_equal(tls_end_of(&revoked), SSL_ERROR_ZERO_RETURN);
    tls_put_ping(&stays, 2);
    tls_get_ping(&stays, 2);
    tls_put_ping(&nobody, 2);
    tls_get_ping(&nobody, 2);
    tls_give(&late, 10000, NULL);
    fixture_wait(fixture, "open", 2);
    expect_alert(fixture, &depot, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the certificate is revoked");

    next_tls = tls_good(1, NULL); /* the second city's authority is gone */
    fixture_call(fixture, tls_use);
    assert_int_equal(closed_by_reload, 1);
    assert_int_equal(tls_end_of(&stays), SSL_ERROR_ZERO_RETURN);
    tls_put_ping(&nobody, 3);
    tls_get_ping(&nobody, 3);
    X509_CRL_free(list);
    tls_close(&revoked);
    tls_close(&stays);
    tls_close(&nobody);
    tls_close(&late);
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
        cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, tls_set_up, tls_tear_down);
}
