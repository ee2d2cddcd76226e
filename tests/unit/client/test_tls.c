/*
 * The library over TLS: whom it believes, whom it shows itself to, and what it says when that fails. Nothing ignores
 * SIGPIPE here: a write that raised it would end the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/client.h"
#include "fake_server.h"
#include "schema/codec.h"
#include "tls_server.h"

#define HEAD  "{\"seq\":7,\"hash\":\"ab\",\"time\":5}"
#define HERE  "DNS:localhost,IP:127.0.0.1"
#define WEEK  (7L * 86400)
#define HELLO "{\"server\":\"relief\",\"version\":\"1\",\"protocol\":1,\"identity\":\"local\",\"role\":\"operator\"}"

static struct made authority, other, server, client_leaf;

static int make(void **state)
{
    (void)state;
    unsetenv("RELIEF_AUTHORITY");
    unsetenv("RELIEF_CERTIFICATE");
    unsetenv("RELIEF_KEY");
    unsetenv("RELIEF_TOKEN");
    made_authority(&authority, "authority");
    made_authority(&other, "other");
    made_leaf(&server, &authority, "server", HERE, -60, WEEK);
    made_leaf(&client_leaf, &authority, "depot", "URI:relief://420100/city/depot", -60, WEEK);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    struct made *all[] = {&authority, &other, &server, &client_leaf};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        made_free(all[i]);
    tls_files_remove();
    return 0;
}

/* Answers hello and everything else until the peer goes. */
static bool serve_heads(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number, (void)context;
    while (fake_read(fd, &request)) {
        fake_answer(fd, request.msgid, strcmp(request.method, "server.hello") == 0 ? HELLO : HEAD);
        fake_request_free(&request);
    }
    return true;
}

struct place {
    struct fake *fake;
    struct tls_server *tls;
    char address[64], why[CLIENT_ERROR_BYTES];
    struct relief_client_options options;
};

static void place_open(struct place *place, const struct tls_options *options, fake_script *script, void *context)
{
    *place = (struct place){.fake = fake_start(script, context)};
    place->tls = tls_server_start(options, fake_address(place->fake));
    snprintf(place->address, sizeof place->address, "tls:localhost:%u", tls_server_port(place->tls));
    place->options = (struct relief_client_options){.server = place->address,
                                                    .timeout_ms = 20000,
                                                    .authority = authority.certificate_path,
                                                    .error = place->why,
                                                    .error_size = sizeof place->why};
}

static void place_close(struct place *place)
{
    tls_server_stop(place->tls);
    fake_stop(place->fake);
}

static int head(struct relief_client *client)
{
    struct relief_log_head_params params;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    return relief_log_head(client, &params, NULL);
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void count(void *context, int result, struct relief_answer *answer)
{
    (void)answer;
    *(unsigned *)context += result == 0;
}

static void test_calls(void **state)
{
    (void)state;
    struct place place;
    const char *const hosts[] = {"localhost", "127.0.0.1"};
    place_open(&place, &(struct tls_options){.server = &server}, serve_heads, NULL);
    for (unsigned i = 0; i < 2; i++) {
        struct relief_client *client = NULL;
        snprintf(place.address, sizeof place.address, "tls:%s:%u", hosts[i], tls_server_port(place.tls));
        assert_int_equal(relief_client_open(&client, &place.options), 0);
        assert_int_equal(head(client), 0);
        assert_int_equal(head(client), 0);
        relief_client_close(client);
    }
    place_close(&place);
}

/* Records larger than the sockets' buffers and frames in pieces, in both directions at once, on the caller's loop. */
static void test_small_buffers(void **state)
{
    (void)state;
    struct place place;
    struct relief_client *client = NULL;
    unsigned done = 0, sent = 0;
    char text[1000];
    memset(text, 'x', sizeof text);
    place_open(&place, &(struct tls_options){.server = &server, .buffer = 2048}, serve_heads, NULL);
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    int bytes = 2048;
    setsockopt(relief_client_fd(client), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    struct relief_buf map = RELIEF_BUF_INIT;
    relief_pack_map(&map, 1);
    relief_pack_text(&map, "id");
    relief_pack_array(&map, 40);
    for (unsigned i = 0; i < 40; i++)
        relief_pack_str(&map, (struct relief_str){text, sizeof text});
    while (done < 20) {
        for (; sent < 20 && sent < done + 10; sent++) /* the new ones follow a write that is not finished */
            assert_int_equal(
                relief_send_raw(client, "region.get", sent % 4 ? NULL : map.data, sent % 4 ? 0 : map.len, count, &done),
                0);
        struct pollfd wait = {.fd = relief_client_fd(client), .events = relief_client_events(client)};
        assert_int_equal(poll(&wait, 1, 20000), 1);
        assert_int_equal(relief_client_process(client, wait.revents), 0);
    }
    assert_int_equal(relief_client_pending(client), 0);
    relief_client_close(client);
    place_close(&place);
    relief_buf_deinit(&map);
}

/* ---- the daemon's certificate ---- */

static void refused(const struct tls_options *options, const char *host, const char *trusted, const char *says)
{
    struct place place;
    struct relief_client *client = (void *)1;
    place_open(&place, options, serve_heads, NULL);
    snprintf(place.address, sizeof place.address, "tls:%s:%u", host, tls_server_port(place.tls));
    place.options.authority = trusted;
    assert_int_equal(relief_client_open(&client, &place.options), -EPROTO);
    assert_ptr_equal(client, (void *)1);
    assert_says(place.why, says);
    assert_says(place.why, place.address);
    place_close(&place);
}

static void test_daemon_is_refused(void **state)
{
    (void)state;
    struct made late, early, unnamed, elsewhere, many;
    const char *mine = authority.certificate_path;
    made_leaf(&late, &authority, "localhost", HERE, -WEEK, -86400);
    made_leaf(&early, &authority, "localhost", HERE, 86400, WEEK);
    made_leaf(&unnamed, &authority, "localhost", NULL, -60, WEEK);
    made_leaf(&elsewhere, &authority, "localhost", "DNS:relief.example,IP:192.0.2.7", -60, WEEK);
    made_leaf(&many, &authority, "localhost", "DNS:*,DNS:l*,URI:relief://localhost", -60, WEEK);
    refused(&(struct tls_options){.server = &late}, "localhost", mine, "certificate ended at 20");
    refused(&(struct tls_options){.server = &early}, "localhost", mine, "is the clock here right?");
    refused(&(struct tls_options){.server = &unnamed}, "localhost", mine, "not for 'localhost' but for no name at all");
    refused(&(struct tls_options){.server = &elsewhere}, "localhost", mine,
            "not for 'localhost' but for relief.example, 192.0.2.7");
    refused(&(struct tls_options){.server = &elsewhere}, "127.0.0.1", mine, "not for '127.0.0.1'");
    refused(&(struct tls_options){.server = &many}, "localhost", mine, "not for 'localhost' but for *, l*");
    refused(&(struct tls_options){.server = &server}, "localhost", other.certificate_path, "vouches for");
    refused(&(struct tls_options){.server = &server, .version_max = TLS1_2_VERSION}, "localhost", mine,
            "does not speak TLS 1.3");
    refused(&(struct tls_options){0}, "localhost", mine, "does not speak TLS: is it a tcp: address?");
    made_free(&late);
    made_free(&early);
    made_free(&unnamed);
    made_free(&elsewhere);
    made_free(&many);
}

static void test_lists_are_heeded(void **state)
{
    (void)state;
    struct made root, good, bad;
    struct place place;
    struct relief_client *client = NULL;
    made_authority(&root, "with a list");
    made_leaf(&good, &root, "good", HERE, -60, WEEK);
    made_leaf(&bad, &root, "bad", HERE, -60, WEEK);
    made_list(&root, &bad);
    refused(&(struct tls_options){.server = &bad}, "localhost", root.certificate_path, "is revoked");
    place_open(&place, &(struct tls_options){.server = &good}, serve_heads, NULL);
    place.options.authority = root.certificate_path;
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    relief_client_close(client);
    place_close(&place);
    made_free(&root);
    made_free(&good);
    made_free(&bad);
}

static void test_silence_ends(void **state)
{
    (void)state;
    struct place place;
    struct relief_client *client = NULL;
    place_open(&place, &(struct tls_options){.silent = true}, serve_heads, NULL);
    place.options.timeout_ms = 200;
    assert_int_equal(relief_client_open(&client, &place.options), -ETIMEDOUT);
    assert_says(place.why, "handshake");
    place_close(&place);
}

/* ---- our certificate ---- */

static void test_our_certificate(void **state)
{
    (void)state;
    struct place place;
    struct relief_client *client = NULL;
    struct made late;
    made_leaf(&late, &authority, "depot", "URI:relief://420100/city/depot", -WEEK, -86400);
    const struct {
        const struct made *leaf;
        const char *says;
    } rows[] = {
        {NULL, "--certificate FILE --key FILE"}, {&server, NULL}, {&late, "has ended"}, {&other, "does not know"}};
    place_open(&place, &(struct tls_options){.server = &server, .ask = &authority}, serve_heads, NULL);
    place.options.certificate = client_leaf.certificate_path;
    place.options.key = client_leaf.key_path;
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    assert_int_equal(head(client), 0);
    relief_client_close(client);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned before = tls_server_count(place.tls);
        place.options.certificate = rows[i].leaf ? rows[i].leaf->certificate_path : "";
        place.options.key = rows[i].leaf ? rows[i].leaf->key_path : "";
        /* The handshake is over for us before the server has seen who we are. */
        assert_int_equal(relief_client_open(&client, &place.options), 0);
        int result = head(client);
        if (!rows[i].says) {
            assert_int_equal(result, 0);
        } else {
            assert_int_equal(result, -EPROTO);
            assert_says(relief_client_error(client), rows[i].says);
            assert_int_equal(head(client), -EPROTO);
            assert_int_equal(tls_server_count(place.tls),
                             before + 1); /* what another attempt can't mend is not repeated */
        }
        relief_client_close(client);
    }
    place_close(&place);
    made_free(&late);
}

static void bad_files(struct relief_client_options *options, const char *says)
{
    struct relief_client *client = NULL;
    assert_int_equal(relief_client_open(&client, options), -EINVAL);
    assert_null(client);
    assert_says(options->error, says);
}

static void test_files(void **state)
{
    (void)state;
    char why[CLIENT_ERROR_BYTES], tiny[8] = "";
    struct relief_client_options options = {.server = "tls:127.0.0.1:1", .error = why, .error_size = sizeof why};
    bad_files(&options, "RELIEF_AUTHORITY");
    options.authority = "/nonexistent/authority.pem";
    bad_files(&options, "authority file /nonexistent/authority.pem: No such file");
    options.authority = authority.key_path;
    bad_files(&options, "cannot be read as PEM");
    options.authority = authority.certificate_path;
    options.key = client_leaf.key_path;
    bad_files(&options, "a key without a certificate");
    options.certificate = "/dev/null";
    bad_files(&options, "certificate file /dev/null: cannot be read");
    options.certificate = client_leaf.certificate_path;
    options.key = server.key_path;
    bad_files(&options, "is not the key of the certificate");
    options.key = NULL; /* then it has to stand in the certificate's file */
    bad_files(&options, "cannot be read as PEM");
    options.key = authority.certificate_path;
    bad_files(&options, "cannot be read as PEM");
    options.key = client_leaf.key_path;
    assert_int_equal(chmod(client_leaf.key_path, 0644), 0);
    bad_files(&options, "others can read or change it; chmod 600 it");
    assert_int_equal(chmod(client_leaf.key_path, 0600), 0);
    options.server = "tls:";
    bad_files(&options, "is not an address");
    options.error = tiny;
    options.error_size = sizeof tiny;
    bad_files(&options, "'tls:'");
}

static void test_environment(void **state)
{
    (void)state;
    struct place place;
    struct relief_client *client = NULL;
    place_open(&place, &(struct tls_options){.server = &server, .ask = &authority}, serve_heads, NULL);
    setenv("RELIEF_SERVER", place.address, 1);
    setenv("RELIEF_AUTHORITY", authority.certificate_path, 1);
    setenv("RELIEF_CERTIFICATE", client_leaf.certificate_path, 1);
    setenv("RELIEF_KEY", client_leaf.key_path, 1);
    assert_int_equal(relief_client_open(&client, NULL), 0);
    assert_int_equal(head(client), 0);
    relief_client_close(client);
    /* "" is none, whatever the environment says. */
    assert_int_equal(relief_client_open(&client, &(struct relief_client_options){.certificate = "", .key = ""}), 0);
    assert_int_equal(head(client), -EPROTO);
    relief_client_close(client);
    unsetenv("RELIEF_SERVER");
    unsetenv("RELIEF_AUTHORITY");
    unsetenv("RELIEF_CERTIFICATE");
    unsetenv("RELIEF_KEY");
    place_close(&place);
}

/* ---- losing the connection ---- */

/* The first connection breaks after a request has come; the others answer. */
static bool serve_break(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    if (number > 0)
        return serve_heads(fake, fd, number, context);
    if (fake_read(fd, &request))
        fake_request_free(&request);
    return true;
}

static void lose(bool reset)
{
    struct place place;
    struct relief_client *client = NULL;
    unsigned done = 0;
    place_open(&place, &(struct tls_options){.server = &server, .reset = reset}, serve_break, NULL);
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(relief_send_raw(client, "log.head", NULL, 0, count, &done), 0);
    assert_int_equal(relief_client_drain(client), 0);
    assert_int_equal(done, 3000);
    relief_client_close(client);
    assert_int_equal(tls_server_count(place.tls), 2);
    place_close(&place);
}

static void test_lost_connection_is_made_again(void **state)
{
    (void)state;
    lose(false);
    lose(true); /* writes meet a peer that is gone */
}

/* Until the peer has reset the connection; nothing is read. */
static void wait_for_reset(const struct relief_client *client)
{
    struct pollfd wait = {.fd = relief_client_fd(client)};
    assert_int_equal(poll(&wait, 1, 20000), 1);
}

/* The first write to a reset socket says so, each later one would raise SIGPIPE. */
static void test_writes_to_a_peer_that_is_gone(void **state)
{
    (void)state;
    struct place place;
    struct relief_client *client = NULL;
    unsigned done = 0;
    place_open(&place, &(struct tls_options){.server = &server, .reset = true}, serve_break, NULL);
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    assert_int_equal(relief_send_raw(client, "log.head", NULL, 0, count, &done), 0);
    assert_int_equal(relief_client_process(client, 0), 0);
    wait_for_reset(client);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(relief_send_raw(client, "log.head", NULL, 0, count, &done), 0);
        assert_int_equal(relief_client_process(client, 0), 0);
    }
    assert_int_equal(relief_client_drain(client), 0);
    assert_int_equal(done, 4);
    relief_client_close(client);
    place_close(&place);

    /* What it said before it went is heard all the same. */
    place_open(&place, &(struct tls_options){.server = &server, .ask = &authority, .reset = true}, serve_heads, NULL);
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    wait_for_reset(client);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(relief_send_raw(client, "log.head", NULL, 0, NULL, NULL), 0);
        assert_int_equal(relief_client_process(client, 0), 0);
    }
    assert_int_equal(relief_client_drain(client), -EPROTO);
    assert_says(relief_client_error(client), "--certificate FILE");
    relief_client_close(client);
    place_close(&place);
}

static void copy(const char *from, const char *to)
{
    char data[4096];
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    assert_true(in && out && fchmod(fileno(out), 0600) == 0);
    size_t len = fread(data, 1, sizeof data, in);
    assert_int_equal(fwrite(data, 1, len, out), len);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* What is made new on disk while a client runs is used for its next connection; what is spoilt there is not. */
static void test_files_are_read_again(void **state)
{
    (void)state;
    struct place place;
    struct relief_client *client = NULL;
    char path[160];
    snprintf(path, sizeof path, "%s/trusted.pem", tls_files());
    copy(authority.certificate_path, path);
    place_open(&place, &(struct tls_options){.server = &server}, serve_break, NULL);
    place.options.authority = path;
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    copy("/dev/null", path);
    assert_int_equal(head(client), 0);
    relief_client_close(client);
    place_close(&place);

    copy(authority.certificate_path, path);
    place_open(&place, &(struct tls_options){.server = &server}, serve_break, NULL);
    place.options.authority = path;
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    copy(other.certificate_path, path);
    assert_int_equal(head(client), -EPROTO);
    assert_says(relief_client_error(client), "vouches for");
    relief_client_close(client);
    place_close(&place);
    unlink(path);
}

/* ---- tokens ---- */

struct said {
    struct relief_buf text;
    bool refuse;
};

/* Notes each request with its token and role; the first connection breaks at the first log.head. */
static bool serve_token(struct fake *fake, int fd, int number, void *context)
{
    struct said *said = context;
    struct fake_request request;
    (void)fake;
    relief_buf_printf(&said->text, "|");
    while (fake_read(fd, &request)) {
        bool hello = strcmp(request.method, "server.hello") == 0;
        relief_buf_printf(&said->text, "%s:%s", request.method, fake_param(&request, "token"));
        relief_buf_printf(&said->text, ":%s ", fake_param(&request, "role"));
        if (hello && said->refuse)
            fake_refuse(fd, request.msgid, "{\"code\":\"UNAUTHENTICATED\",\"message\":\"no such token\"}");
        else if (hello || number > 0)
            fake_answer(fd, request.msgid, hello ? HELLO : HEAD);
        fake_request_free(&request);
        if (!hello && number == 0)
            return true;
    }
    return true;
}

static void expect_said(struct said *said, const char *text)
{
    relief_buf_add_char(&said->text, '\0');
    assert_string_equal(said->text.data, text);
    relief_buf_deinit(&said->text);
}

static void test_token_comes_first_each_time(void **state)
{
    (void)state;
    struct said said = {.text = RELIEF_BUF_INIT};
    struct place place;
    struct relief_client *client = NULL;
    struct relief_server_hello_params hello;
    place_open(&place, &(struct tls_options){.server = &server}, serve_token, &said);
    place.options.token = "abc";
    place.options.name = "test";
    assert_int_equal(relief_client_open(&client, &place.options), 0);
    relief_params_init(RELIEF_METHOD_server_hello, &hello);
    hello.role = RELIEF_role_auditor;
    assert_int_equal(relief_server_hello(client, &hello, NULL), 0);
    assert_int_equal(head(client), 0);
    relief_client_close(client);
    place_close(&place);
    expect_said(&said, "|server.hello:abc: server.hello::auditor log.head:: "
                       "|server.hello:abc: server.hello::auditor log.head:: ");
}

static void test_refused_token(void **state)
{
    (void)state;
    struct said said = {.text = RELIEF_BUF_INIT, .refuse = true};
    struct fake *fake = fake_start(serve_token, &said);
    struct relief_client *client = NULL;
    setenv("RELIEF_TOKEN", "abc", 1);
    assert_int_equal(relief_client_open(&client, &(struct relief_client_options){.server = fake_address(fake)}), 0);
    unsetenv("RELIEF_TOKEN");
    assert_int_equal(head(client), -EKEYREJECTED);
    assert_says(relief_client_error(client), "no such token");
    assert_null(strstr(relief_client_error(client), "abc"));
    relief_client_close(client);
    fake_stop(fake);
    expect_said(&said, "|server.hello:abc: ");
}

static void test_token_stays_off_the_open_network(void **state)
{
    (void)state;
    char why[CLIENT_ERROR_BYTES];
    struct relief_client *client = NULL;
    static const char *const far[] = {"tcp:192.0.2.1:7470", "tcp:[2001:db8::1]:7470", "tcp:[::ffff:192.0.2.1]:7470"};
    static const char *const near[] = {"tcp:127.0.0.1:1", "tcp:127.9.9.9:1", "tcp:[::1]:1", "tcp:[::ffff:127.0.0.1]:1"};
    struct relief_client_options options = {.token = "abc", .error = why, .error_size = sizeof why};
    for (unsigned i = 0; i < sizeof far / sizeof *far; i++) {
        options.server = far[i];
        assert_int_equal(relief_client_open(&client, &options), -EPERM);
        assert_says(why, "use a tls: address");
    }
    for (unsigned i = 0; i < sizeof near / sizeof *near; i++) {
        options.server = near[i];
        assert_int_not_equal(relief_client_open(&client, &options), -EPERM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_small_buffers),
        cmocka_unit_test(test_daemon_is_refused),
        cmocka_unit_test(test_lists_are_heeded),
        cmocka_unit_test(test_silence_ends),
        cmocka_unit_test(test_our_certificate),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_lost_connection_is_made_again),
        cmocka_unit_test(test_writes_to_a_peer_that_is_gone),
        cmocka_unit_test(test_files_are_read_again),
        cmocka_unit_test(test_token_comes_first_each_time),
        cmocka_unit_test(test_refused_token),
        cmocka_unit_test(test_token_stays_off_the_open_network),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
