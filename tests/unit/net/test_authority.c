/* Who may vouch for whom: chains, scopes, revocations, and what may not be pinned. */
#include "pki.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include "net/authority.h"
#include "net/pem.h"

static struct pki_folder folder;
static struct pki_pair wuhan, hangzhou, nation, hubei;
static char paths[8][128];
static struct tls_why why, warning;

static const char *write_one(unsigned slot, const struct pki_pair *pair)
{
    char name[16];
    snprintf(name, sizeof name, "%u.pem", slot);
    pki_write(&folder, name, &pair, 1);
    snprintf(paths[slot], sizeof paths[slot], "%s", pki_path(&folder, name));
    return paths[slot];
}

static int set_up(void **state)
{
    (void)state;
    pki_folder_open(&folder);
    wuhan = pki_authority("420100");
    hangzhou = pki_authority("330100");
    nation = pki_authority("nation");
    hubei = pki_authority("hubei");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&wuhan);
    pki_free(&hangzhou);
    pki_free(&nation);
    pki_free(&hubei);
    pki_folder_close(&folder);
    return 0;
}

static struct authorities *read_rows(const struct tls_authority *rows, unsigned count, const char *revoked)
{
    struct authorities *authorities = NULL;
    warning = (struct tls_why){0};
    if (authorities_read(&authorities, rows, count, revoked, &why, &warning) != 0)
        fail_msg("%s", why.text);
    return authorities;
}

/* The four above with their scopes. */
static struct authorities *read_all(const char *revoked)
{
    const struct tls_authority rows[] = {
        {{RELIEF_role_city, "420100"}, write_one(0, &wuhan)},
        {{RELIEF_role_city, "330100"}, write_one(1, &hangzhou)},
        {{RELIEF_role_coordinator, ""}, write_one(2, &nation)},
        {{RELIEF_role_auditor, ""}, paths[2]},
        {{RELIEF_role_coordinator, "hubei"}, write_one(3, &hubei)},
    };
    return read_rows(rows, sizeof rows / sizeof *rows, revoked);
}

static const char *refusal;

/* As a handshake asks, dates included. between: what the peer sends with its own. */
static int judge(const struct authorities *authorities, const struct pki_pair *peer, const struct pki_pair *between,
                 struct certificate_identity *ret)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    int result;
    refusal = "";
    if (between)
        sk_X509_push(chain, between->certificate);
    assert_int_equal(X509_STORE_CTX_init(ctx, authorities_store(authorities), peer->certificate, chain), 1);
    assert_int_equal(X509_STORE_CTX_set_default(ctx, "ssl_client"), 1);
    result = authorities_judge(authorities, ctx, ret, &refusal);
    assert_int_equal(X509_STORE_CTX_get_error(ctx) == X509_V_OK, result == 0);
    X509_STORE_CTX_free(ctx);
    sk_X509_free(chain);
    return result;
}

/* The refusal, or the URI. */
static const char *judge_uri(const struct authorities *authorities, const struct pki_pair *issuer, const char *uri)
{
    static struct certificate_identity identity;
    struct pki_pair peer = pki_client(issuer, uri);
    int result = judge(authorities, &peer, NULL, &identity);
    pki_free(&peer);
    return result == 0 ? identity.uri : refusal;
}

static void test_scopes(void **state)
{
    static const char no[] = "the authority may not vouch for that place and role";
    const struct {
        const struct pki_pair *issuer;
        const char *uri;
        bool good;
    } rows[] = {
        {&wuhan, "relief://420100/city/depot", true},       {&wuhan, "relief://330100/city/depot", false},
        {&wuhan, "relief://-/coordinator/depot", false},    {&wuhan, "relief://420100/coordinator/depot", false},
        {&wuhan, "relief://-/auditor/depot", false},        {&wuhan, "relief://-/operator/depot", false},
        {&hangzhou, "relief://330100/city/depot", true},    {&hangzhou, "relief://420100/city/depot", false},
        {&nation, "relief://-/coordinator/desk", true},     {&nation, "relief://hunan/coordinator/desk", true},
        {&nation, "relief://-/auditor/desk", true},         {&nation, "relief://-/operator/desk", false},
        {&nation, "relief://420100/city/desk", false},      {&hubei, "relief://hubei/coordinator/desk", true},
        {&hubei, "relief://hunan/coordinator/desk", false}, {&hubei, "relief://-/coordinator/desk", false},
    };
    struct authorities *authorities = read_all(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(judge_uri(authorities, rows[i].issuer, rows[i].uri), rows[i].good ? rows[i].uri : no);
    authorities_free(authorities);
}

static void test_strangers(void **state)
{
    struct authorities *authorities = read_all(NULL);
    struct pki_pair twin = pki_authority("420100"),
                    self = pki_make(NULL, &(struct pki_wish){.san = "URI:relief://420100/city/depot"});
    struct certificate_identity identity;
    (void)state;
    /* The same name, another key. */
    assert_string_not_equal(judge_uri(authorities, &twin, "relief://420100/city/depot"), "relief://420100/city/depot");
    assert_int_equal(judge(authorities, &self, NULL, &identity), -EINVAL);
    /* The authority itself is no peer. */
    assert_int_equal(judge(authorities, &wuhan, NULL, &identity), -EINVAL);
    pki_free(&twin);
    pki_free(&self);
    authorities_free(authorities);
}

static void test_dates(void **state)
{
    static const struct {
        long from, until;
        const char *why;
    } rows[] = {
        {-7200, -3600, "certificate has expired"},
        {3600, 7200, "certificate is not yet valid"},
        {-3600, 3600, NULL},
    };
    struct authorities *authorities = read_all(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct certificate_identity identity;
        struct pki_wish wish = {
            .san = "URI:relief://420100/city/depot", .from_s = rows[i].from, .until_s = rows[i].until};
        struct pki_pair peer = pki_make(&wuhan, &wish);
        const char *said;
        assert_int_equal(judge(authorities, &peer, NULL, &identity), rows[i].why ? -EINVAL : 0);
        if (rows[i].why)
            assert_string_equal(refusal, rows[i].why);
        /* A connection that is there isn't closed by its date. */
        assert_int_equal(authorities_judge_again(authorities, peer.certificate, NULL, &identity, &said), 0);
        pki_free(&peer);
    }
    authorities_free(authorities);
}

static void test_between(void **state)
{
    struct authorities *authorities = read_all(NULL);
    struct pki_pair office = pki_make(&wuhan, &(struct pki_wish){.name = "office", .is_authority = true});
    struct pki_pair peer = pki_client(&office, "relief://420100/city/depot");
    struct pki_pair other = pki_client(&office, "relief://330100/city/depot");
    struct pki_pair leaf = pki_client(&wuhan, "relief://420100/city/depot");
    struct pki_pair below = pki_client(&leaf, "relief://420100/city/clerk");
    struct certificate_identity identity;
    (void)state;
    assert_int_equal(judge(authorities, &peer, &office, &identity), 0);
    assert_int_equal(judge(authorities, &peer, NULL, &identity), -EINVAL);
    assert_int_equal(judge(authorities, &other, &office, &identity), -EINVAL);
    assert_int_equal(judge(authorities, &below, &leaf, &identity), -EINVAL);
    pki_free(&office);
    pki_free(&peer);
    pki_free(&other);
    pki_free(&leaf);
    pki_free(&below);
    authorities_free(authorities);
}

/* A city's authority that is itself below another pinned one borrows nothing from it, whatever certificate it shows. */
static void test_nearest_decides(void **state)
{
    struct pki_pair city = pki_make(&nation, &(struct pki_wish){.name = "510100", .is_authority = true});
    struct pki_pair cross =
        pki_make(&nation, &(struct pki_wish){.name = "a better name", .is_authority = true, .key = city.key});
    const struct tls_authority rows[] = {
        {{RELIEF_role_coordinator, ""}, write_one(0, &nation)},
        {{RELIEF_role_city, "510100"}, write_one(1, &city)},
    };
    struct authorities *authorities = read_rows(rows, 2, NULL);
    struct pki_pair good = pki_client(&city, "relief://510100/city/depot");
    struct pki_pair bad = pki_client(&city, "relief://-/coordinator/depot");
    struct pki_pair crossed = pki_client(&cross, "relief://-/coordinator/depot");
    struct certificate_identity identity;
    (void)state;
    assert_int_equal(judge(authorities, &good, NULL, &identity), 0);
    assert_int_equal(judge(authorities, &bad, NULL, &identity), -EINVAL);
    assert_int_equal(judge(authorities, &bad, &city, &identity), -EINVAL);
    assert_int_equal(judge(authorities, &crossed, &cross, &identity), -EINVAL);
    assert_string_equal(refusal, "the authority may not vouch for that place and role");
    authorities_free(authorities);
    /* Alone, without what it stands below, it ends a chain just as well. */
    authorities = read_rows(rows + 1, 1, NULL);
    assert_int_equal(judge(authorities, &good, NULL, &identity), 0);
    authorities_free(authorities);
    pki_free(&good);
    pki_free(&bad);
    pki_free(&crossed);
    pki_free(&cross);
    pki_free(&city);
}

static const char *write_lists(X509_CRL *a, X509_CRL *b)
{
    X509_CRL *lists[] = {a, b};
    pki_write_revoked(&folder, "revoked", lists, b ? 2 : 1);
    snprintf(paths[7], sizeof paths[7], "%s", pki_path(&folder, "revoked"));
    return paths[7];
}

static void test_revoked(void **state)
{
    struct pki_pair office = pki_make(&wuhan, &(struct pki_wish){.name = "office", .is_authority = true});
    struct pki_pair gone = pki_client(&wuhan, "relief://420100/city/gone");
    struct pki_pair stays = pki_client(&wuhan, "relief://420100/city/stays");
    struct pki_pair below = pki_client(&office, "relief://420100/city/below");
    X509_CRL *list = pki_revoke(&wuhan, (X509 *[]){gone.certificate, office.certificate}, 2, false, NULL);
    X509_CRL *stale = pki_revoke(&hangzhou, (X509 *[]){gone.certificate}, 1, true, NULL);
    struct authorities *authorities = read_all(write_lists(list, NULL));
    struct certificate_identity identity;
    const char *said;
    (void)state;
    assert_string_equal(warning.text, "");
    assert_int_equal(judge(authorities, &gone, NULL, &identity), -EINVAL);
    assert_string_equal(refusal, "the certificate is revoked");
    assert_int_equal(authorities_judge_again(authorities, gone.certificate, NULL, &identity, &said), -EINVAL);
    assert_int_equal(judge(authorities, &stays, NULL, &identity), 0);
    assert_int_equal(judge(authorities, &below, &office, &identity), -EINVAL);
    assert_string_equal(refusal, "the certificate is revoked");
    authorities_free(authorities);
    /* A list past its date counts, and is told of; serials are an authority's own. */
    authorities = read_all(write_lists(stale, NULL));
    assert_non_null(strstr(warning.text, "revoked: a revocation list is out of date"));
    assert_int_equal(judge(authorities, &gone, NULL, &identity), 0);
    authorities_free(authorities);
    authorities = read_all(write_lists(stale, list));
    assert_int_equal(judge(authorities, &gone, NULL, &identity), -EINVAL);
    authorities_free(authorities);
    X509_CRL_free(list);
    X509_CRL_free(stale);
    pki_free(&office);
    pki_free(&gone);
    pki_free(&stays);
    pki_free(&below);
}

static void expect_refused(const struct tls_authority *rows, unsigned count, const char *revoked, const char *says)
{
    struct authorities *authorities = NULL;
    assert_int_equal(authorities_read(&authorities, rows, count, revoked, &why, &warning), -EINVAL);
    assert_null(authorities);
    if (!strstr(why.text, says))
        fail_msg("'%s' does not say '%s'", why.text, says);
}

static void test_bad_lists(void **state)
{
    struct pki_pair twin = pki_authority("420100");
    const struct tls_authority row = {{RELIEF_role_city, "420100"}, write_one(0, &wuhan)};
    X509_CRL *forged = pki_revoke(&twin, NULL, 0, false, NULL), *part = pki_revoke(&wuhan, NULL, 0, false, "2.5.29.28");
    X509_CRL *others = pki_revoke(&hangzhou, NULL, 0, false, NULL);
    (void)state;
    expect_refused(&row, 1, write_lists(forged, NULL), "is signed by none of the authorities");
    expect_refused(&row, 1, write_lists(others, NULL), "is signed by none of the authorities");
    expect_refused(&row, 1, write_lists(part, NULL), "is a part or a delta, or not understood");
    pki_write_text(&folder, "revoked", "nothing\n");
    expect_refused(&row, 1, paths[7], "there is no revocation list in it");
    expect_refused(&row, 1, "/tmp/no/such/file", "No such file");
    X509_CRL_free(forged);
    X509_CRL_free(part);
    X509_CRL_free(others);
    pki_free(&twin);
}

static void test_bad_authorities(void **state)
{
    struct pki_pair leaf = pki_client(&wuhan, "relief://420100/city/depot");
    struct pki_wish unmarked = {.name = "same", .is_authority = true, .no_key_id = true};
    struct pki_pair one = pki_make(NULL, &unmarked), two = pki_make(NULL, &unmarked);
    struct tls_authority rows[] = {{{RELIEF_role_city, "420100"}, write_one(0, &leaf)},
                                   {{RELIEF_role_city, "330100"}, write_one(1, &one)}};
    (void)state;
    expect_refused(rows, 1, NULL, "is no authority's");
    rows[0].file = write_one(0, &two);
    expect_refused(rows, 2, NULL, "has the same subject");
    rows[0].file = folder.path;
    expect_refused(rows, 1, NULL, "this is no file");
    pki_write_text(&folder, "0.pem", "");
    rows[0].file = paths[0];
    expect_refused(rows, 1, NULL, "the file is empty");
    pki_write_text(&folder, "0.pem", "a note\n");
    expect_refused(rows, 1, NULL, "there is no certificate in it");
    pki_write_text(&folder, "0.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect_refused(rows, 1, NULL, "there is no certificate in it");
    pki_write_key(&folder, "0.pem", wuhan.key, 0600, NULL);
    expect_refused(rows, 1, NULL, "there is no certificate in it");
    pki_free(&leaf);
    pki_free(&one);
    pki_free(&two);
}

/* An authority that is being replaced: both of the same name, in one file, while certificates of both are about. */
static void test_replacement(void **state)
{
    struct pki_pair next = pki_authority("420100");
    const struct pki_pair *both[] = {&wuhan, &next};
    struct tls_authority row = {{RELIEF_role_city, "420100"}, paths[0]};
    struct authorities *authorities;
    (void)state;
    write_one(0, &wuhan);
    pki_write(&folder, "0.pem", both, 2);
    authorities = read_rows(&row, 1, NULL);
    assert_string_equal(judge_uri(authorities, &wuhan, "relief://420100/city/a"), "relief://420100/city/a");
    assert_string_equal(judge_uri(authorities, &next, "relief://420100/city/b"), "relief://420100/city/b");
    authorities_free(authorities);
    pki_free(&next);
}

static void test_old_authority_is_told_of(void **state)
{
    struct pki_pair old =
        pki_make(NULL, &(struct pki_wish){.name = "old", .is_authority = true, .from_s = -7200, .until_s = -3600});
    struct pki_pair ending =
        pki_make(NULL, &(struct pki_wish){.name = "ending", .is_authority = true, .from_s = -7200, .until_s = 3600});
    struct tls_authority row = {{RELIEF_role_city, "420100"}, write_one(0, &old)};
    (void)state;
    authorities_free(read_rows(&row, 1, NULL));
    assert_non_null(strstr(warning.text, "0.pem: the authority is out of date"));
    write_one(0, &ending);
    authorities_free(read_rows(&row, 1, NULL));
    assert_non_null(strstr(warning.text, "0.pem: the authority ends within a week"));
    pki_free(&old);
    pki_free(&ending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes),      cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_dates),       cmocka_unit_test(test_between),
        cmocka_unit_test(test_revoked),     cmocka_unit_test(test_nearest_decides),
        cmocka_unit_test(test_bad_lists),   cmocka_unit_test(test_bad_authorities),
        cmocka_unit_test(test_replacement), cmocka_unit_test(test_old_authority_is_told_of),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
