/*
 * What a peer shows of itself, and what the operator gives. The first byte: 'd' a certificate's DER, which anybody may
 * send; 'u' the name in it; 'c', 'r', 'k' PEM files of certificates, revocations and a key.
 *
 * A certificate that speaks for somebody says so in one place, byte for byte, and to all who read it: the name stands
 * in the DER as the one URI, it is a name by itself, and with a byte more behind it the certificate is none.
 */
#include <errno.h>
#include <sys/stat.h>
#include "fuzz.h"
#include "net/certificate.h"
#include "net/pem.h"
#include "rpc/identity.h"
#include "schema/codec.h"

static void check_identity(const struct certificate_identity *identity)
{
    struct certificate_identity again;
    char written[RELIEF_IDENTITY_BYTES_MAX + 32];
    const struct certificate_scope *scope = &identity->scope;
    const char *place = scope->place[0] ? scope->place : "-";
    int len = snprintf(written, sizeof written, "relief://%s/%s/", place, relief_enum_role.names[scope->role]);
    FUZZ_CHECK(strncmp(identity->uri, written, (size_t)len) == 0 && strlen(identity->uri) > (size_t)len);
    FUZZ_CHECK(scope->role != RELIEF_role_local && !strchr(identity->uri + len, '/'));
    FUZZ_CHECK((scope->role == RELIEF_role_city) <= (scope->place[0] != '\0'));
    FUZZ_CHECK(!scope->place[0] || relief_id_ok(relief_str_of(scope->place)));
    FUZZ_CHECK(certificate_name(identity->uri, strlen(identity->uri), &again, NULL) == 0);
    FUZZ_CHECK(memcmp(&again, identity, sizeof again) == 0);
    FUZZ_CHECK(certificate_covers(scope, scope));
}

static void try_name(struct relief_str uri)
{
    struct certificate_identity identity;
    const char *why = NULL;
    int rc = certificate_name(uri.data, uri.len, &identity, &why);
    FUZZ_CHECK(rc == 0 || (rc == -EINVAL && why && why[0]));
    if (rc)
        return;
    FUZZ_CHECK(strlen(identity.uri) == uri.len && memcmp(identity.uri, uri.data, uri.len) == 0);
    check_identity(&identity);
}

/* As the general name of type 6 that holds it: 0x86, length, bytes. */
static bool holds_uri(struct relief_str der, const char *uri)
{
    uint8_t name[RELIEF_IDENTITY_BYTES_MAX + 4] = {0x86};
    size_t len = strlen(uri), at = 1;
    if (len > 127)
        name[at++] = 0x81;
    name[at++] = (uint8_t)len;
    memcpy(name + at, uri, len);
    return memmem(der.data, der.len, name, at + len) != NULL;
}

static void try_certificate(struct relief_str der)
{
    struct certificate_identity identity, again;
    uint8_t longer[CERTIFICATE_BYTES_MAX + 1];
    const char *why = NULL;
    int rc = certificate_read_der((const uint8_t *)der.data, der.len, &identity, &why);
    FUZZ_CHECK(rc == 0 || (rc == -EINVAL && why && why[0]));
    if (rc)
        return;
    check_identity(&identity);
    FUZZ_CHECK(holds_uri(der, identity.uri));
    FUZZ_CHECK(certificate_read_der((const uint8_t *)der.data, der.len, &again, NULL) == 0);
    FUZZ_CHECK(memcmp(&again, &identity, sizeof again) == 0);
    memcpy(longer, der.data, der.len);
    longer[der.len] = 0;
    FUZZ_CHECK(certificate_read_der(longer, der.len + 1, &again, NULL) == -EINVAL);
}

static void try_file(uint8_t what, struct relief_str bytes)
{
    STACK_OF(X509) *certificates = NULL;
    STACK_OF(X509_CRL) *revoked = NULL;
    EVP_PKEY *key = NULL;
    struct tls_why why = {""};
    const char *path = fuzz_file("pem", bytes.data, bytes.len);
    int rc = what == 'c'   ? pem_read_certificates(path, &certificates, &why)
             : what == 'r' ? pem_read_revoked(path, &revoked, &why)
                           : pem_read_key(path, &key, &why);
    FUZZ_CHECK(rc == 0 || (rc == -EINVAL && why.text[0]));
    FUZZ_CHECK((rc == 0) == (certificates || revoked || key));
    if (certificates)
        FUZZ_CHECK(sk_X509_num(certificates) > 0 && sk_X509_num(certificates) <= (int)PEM_CERTIFICATES_MAX);
    sk_X509_pop_free(certificates, X509_free);
    sk_X509_CRL_pop_free(revoked, X509_CRL_free);
    EVP_PKEY_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, data + size};
    uint8_t what = fuzz_byte(&input);
    struct relief_str bytes = fuzz_rest(&input);
    if (what == 'd' && bytes.len <= CERTIFICATE_BYTES_MAX)
        try_certificate(bytes);
    else if (what == 'u')
        try_name(bytes);
    else if (what == 'c' || what == 'r' || what == 'k')
        try_file(what, bytes);
    return 0;
}
