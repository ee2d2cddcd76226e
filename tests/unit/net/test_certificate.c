/* Whom a certificate names: one spelling, one URI, a client's certificate and nothing else. */
#include "pki.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include "net/certificate.h"

static void test_good_names(void **state)
{
    static const struct {
        const char *uri;
        enum relief_role role;
        const char *place;
    } rows[] = {
        {"relief://420100/city/depot", RELIEF_role_city, "420100"},
        {"relief://a:b/city/x", RELIEF_role_city, "a:b"},
        {"relief://hubei/coordinator/desk-1", RELIEF_role_coordinator, "hubei"},
        {"relief://-/coordinator/desk", RELIEF_role_coordinator, ""},
        {"relief://-/auditor/a", RELIEF_role_auditor, ""},
        {"relief://-/operator/-", RELIEF_role_operator, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct certificate_identity identity;
        assert_int_equal(certificate_name(rows[i].uri, strlen(rows[i].uri), &identity, NULL), 0);
        assert_string_equal(identity.uri, rows[i].uri);
        assert_int_equal(identity.scope.role, rows[i].role);
        assert_string_equal(identity.scope.place, rows[i].place);
    }
}

#define BAD(text)                                                                                                      \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }
static const struct {
    const char *uri;
    size_t len;
} bad_names[] = {
    BAD(""),
    BAD("relief:"),
    BAD("relief://"),
    BAD("relief:///city/x"),
    BAD("relief://420100"),
    BAD("relief://420100/"),
    BAD("relief://420100/city"),
    BAD("relief://420100/city/"),
    BAD("relief://420100//x"),
    BAD("relief://420100/city/x/"),
    BAD("relief://420100/city/x/y"),
    BAD("relief://420100/city/x y"),
    BAD("relief://420100/city/x?y"),
    BAD("relief://420100/city/x#y"),
    BAD("relief://420100/city/%78"),
    BAD("relief://4201%300/city/x"),
    BAD("relief://user@420100/city/x"),
    BAD("relief://420100/city/x\0"),
    BAD("relief://420100/city/x\0.example"),
    BAD("relief://420100\0/city/x"),
    BAD("relief://420100/city\0/x"),
    BAD("\0relief://420100/city/x"),
    BAD("relief://420100/city/\xc3\xa9"),
    BAD("relief://420100/city/\xff"),
    BAD("relief://\xc0\xaf/city/x"),
    BAD("relief://420100/city/x\n"),
    BAD(" relief://420100/city/x"),
    BAD("Relief://420100/city/x"),
    BAD("RELIEF://420100/city/x"),
    BAD("https://420100/city/x"),
    BAD("relief:420100/city/x"),
    BAD("relief:/420100/city/x"),
    BAD("relief://420100/City/x"),
    BAD("relief://420100/mayor/x"),
    BAD("relief://420100/cit/x"),
    BAD("relief://420100/local/x"),
    BAD("relief://-/local/x"),
    BAD("relief://-/city/x"),
    BAD("relief://420100/auditor/x"),
    BAD("relief://420100/operator/x"),
    BAD("relief://*/coordinator/x"),
    BAD("relief:///coordinator/x"),
    BAD("relief://../city/../x"),
};

static void test_bad_names(void **state)
{
    struct certificate_identity identity = {.uri = "as before"};
    char text[400];
    (void)state;
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        const char *why = NULL;
        assert_int_equal(certificate_name(bad_names[i].uri, bad_names[i].len, &identity, &why), -EINVAL);
        assert_non_null(why);
    }
    assert_string_equal(identity.uri, "as before");
    /* A name of any length, but the whole within what an identity may have; a place within what an id may have. */
    memset(text, 'x', sizeof text);
    memcpy(text, "relief://420100/city/", 21);
    assert_int_equal(certificate_name(text, 255, &identity, NULL), 0);
    assert_int_equal(strlen(identity.uri), 255);
    assert_int_equal(certificate_name(text, 256, &identity, NULL), -EINVAL);
    memset(text, '4', sizeof text);
    memcpy(text, "relief://", 9);
    memcpy(text + 9 + 64, "/city/x", 7);
    assert_int_equal(certificate_name(text, 9 + 64 + 7, &identity, NULL), 0);
    memset(text, '4', sizeof text);
    memcpy(text, "relief://", 9);
    memcpy(text + 9 + 65, "/city/x", 7);
    assert_int_equal(certificate_name(text, 9 + 65 + 7, &identity, NULL), -EINVAL);
}

static struct pki_pair authority;

static int set_up(void **state)
{
    (void)state;
    authority = pki_authority("420100");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&authority);
    return 0;
}

/* Reads it from the struct and from its bytes, which must agree. */
static int read_made(const struct pki_wish *wish, struct certificate_identity *ret, const char **ret_why)
{
    struct pki_pair pair = pki_make(&authority, wish);
    struct certificate_identity again = {0};
    const char *why = NULL;
    uint8_t *der = NULL;
    int len = i2d_X509(pair.certificate, &der);
    int result = certificate_read(pair.certificate, ret, ret_why);
    assert_true(len > 0);
    assert_int_equal(certificate_read_der(der, (size_t)len, &again, &why), result);
    if (result == 0)
        assert_string_equal(again.uri, ret->uri);
    else
        assert_string_equal(why, *ret_why);
    OPENSSL_free(der);
    pki_free(&pair);
    return result;
}

/* B32: common name, DNS and other names are nobody's word; two URIs are one too many. */
static void test_one_uri(void **state)
{
    static const struct {
        struct pki_wish wish;
        const char *why; /* NULL: it is the depot of 420100 */
    } rows[] = {
        {{.san = "URI:relief://420100/city/depot"}, NULL},
        {{.san = "DNS:330100.example,URI:relief://420100/city/depot,email:a@b", .name = "relief://330100/city/depot"},
         NULL},
        {{.name = "relief://420100/city/depot"}, "the certificate holds no URI"},
        {{.san = "DNS:relief.420100.city.depot"}, "the certificate holds no URI"},
        {{.san = "URI:relief://420100/city/depot,URI:relief://330100/city/depot"},
         "the certificate holds more than one URI"},
        {{.san = "URI:relief://420100/city/depot,URI:relief://420100/city/depot"},
         "the certificate holds more than one URI"},
        {{.san = "URI:https://a.example,URI:relief://420100/city/depot"}, "the certificate holds more than one URI"},
        {{.san = "URI:https://a.example"}, "the URI does not begin with relief://"},
        {{.san = "URI:relief://420100/city/depot", .san_twice = true},
         "an extension of the certificate is broken or not understood"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct certificate_identity identity;
        const char *why = NULL;
        int result = read_made(&rows[i].wish, &identity, &why);
        if (rows[i].why) {
            assert_int_equal(result, -EINVAL);
            assert_string_equal(why, rows[i].why);
        } else {
            assert_int_equal(result, 0);
            assert_string_equal(identity.uri, "relief://420100/city/depot");
        }
    }
}

static void test_bytes_in_the_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        struct certificate_identity identity;
        struct pki_wish wish = {.uri = bad_names[i].uri, .uri_len = bad_names[i].len};
        const char *why = NULL;
        assert_int_equal(read_made(&wish, &identity, &why), -EINVAL);
    }
}

static void test_usage(void **state)
{
    static const struct {
        struct pki_wish wish;
        const char *why;
    } rows[] = {
        {{.usage = "serverAuth"}, "the certificate is not one for clients"},
        {{.usage = ""}, "the certificate is not one for clients"},
        {{.usage = "anyExtendedKeyUsage"}, "the certificate is not one for clients"},
        {{.usage = "serverAuth,clientAuth"}, NULL},
        {{.key_usage = "digitalSignature"}, NULL},
        {{.key_usage = "keyAgreement"}, "the certificate's key is not one for signatures"},
        {{.is_authority = true}, "the certificate is an authority's"},
        {{.critical = "1.2.3.4"}, "an extension of the certificate is broken or not understood"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pki_wish wish = rows[i].wish;
        struct certificate_identity identity;
        const char *why = NULL;
        wish.san = "URI:relief://420100/city/depot";
        assert_int_equal(read_made(&wish, &identity, &why), rows[i].why ? -EINVAL : 0);
        if (rows[i].why)
            assert_string_equal(why, rows[i].why);
    }
}

static void test_der(void **state)
{
    struct pki_pair pair = pki_client(&authority, "relief://420100/city/depot");
    struct certificate_identity identity;
    uint8_t *der = NULL, *changed;
    int len = i2d_X509(pair.certificate, &der);
    const char *why = NULL;
    (void)state;
    changed = malloc((size_t)len + 1);
    assert_non_null(changed);
    memcpy(changed, der, (size_t)len);
    changed[len] = 0;
    assert_int_equal(certificate_read_der(changed, (size_t)len, &identity, NULL), 0);
    assert_int_equal(certificate_read_der(changed, (size_t)len + 1, &identity, &why), -EINVAL);
    assert_string_equal(why, "this is no certificate");
    for (int cut = 0; cut < len; cut++)
        assert_int_equal(certificate_read_der(changed, (size_t)cut, &identity, NULL), -EINVAL);
    /* Whatever a changed bit makes of it, it is read or refused. */
    for (int at = 0; at < len; at++) {
        changed[at] ^= 0x10;
        certificate_read_der(changed, (size_t)len, &identity, NULL);
        changed[at] ^= 0x10;
    }
    free(changed);
    OPENSSL_free(der);
    pki_free(&pair);
}

static void test_covers(void **state)
{
    static const struct {
        struct certificate_scope scope, named;
        bool covers;
    } rows[] = {
        {{RELIEF_role_city, "420100"}, {RELIEF_role_city, "420100"}, true},
        {{RELIEF_role_city, "420100"}, {RELIEF_role_city, "42010"}, false},
        {{RELIEF_role_city, "420100"}, {RELIEF_role_city, "330100"}, false},
        {{RELIEF_role_city, "420100"}, {RELIEF_role_coordinator, "420100"}, false},
        {{RELIEF_role_city, "420100"}, {RELIEF_role_coordinator, ""}, false},
        {{RELIEF_role_city, "420100"}, {RELIEF_role_auditor, ""}, false},
        {{RELIEF_role_coordinator, ""}, {RELIEF_role_coordinator, ""}, true},
        {{RELIEF_role_coordinator, ""}, {RELIEF_role_coordinator, "hubei"}, true},
        {{RELIEF_role_coordinator, "hubei"}, {RELIEF_role_coordinator, "hubei"}, true},
        {{RELIEF_role_coordinator, "hubei"}, {RELIEF_role_coordinator, ""}, false},
        {{RELIEF_role_coordinator, "hubei"}, {RELIEF_role_coordinator, "hunan"}, false},
        {{RELIEF_role_coordinator, ""}, {RELIEF_role_city, "420100"}, false},
        {{RELIEF_role_auditor, ""}, {RELIEF_role_auditor, ""}, true},
        {{RELIEF_role_auditor, ""}, {RELIEF_role_operator, ""}, false},
        {{RELIEF_role_operator, ""}, {RELIEF_role_operator, ""}, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(certificate_covers(&rows[i].scope, &rows[i].named), rows[i].covers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names), cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_one_uri),    cmocka_unit_test(test_bytes_in_the_name),
        cmocka_unit_test(test_usage),      cmocka_unit_test(test_der),
        cmocka_unit_test(test_covers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
