/*
 * Reads the name in a certificate.
 *
 * One spelling, one meaning: the URI is compared byte by byte with what is allowed, nothing is decoded, and a NUL or
 * anything else outside the alphabet of ids is refused. Two URIs are refused even when one of them is no name of ours,
 * since two readers could choose differently. The common name is never looked at: it says whatever its owner wished.
 */
#include "net/certificate.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include "schema/codec.h"

#define V(word) #word,
static const char *const role_words[] = {RELIEF_ENUM_role(V)};
#undef V

static int fail(const char **ret_why, const char *why)
{
    if (ret_why)
        *ret_why = why;
    return -EINVAL;
}

/* The part up to the next slash, or to the end; moves *at behind it. */
static struct relief_str next_part(const char **at, const char *end)
{
    const char *slash = memchr(*at, '/', (size_t)(end - *at));
    struct relief_str part = {*at, (uint32_t)((slash ? slash : end) - *at)};
    *at = slash ? slash + 1 : end;
    return part;
}

static int read_role(struct relief_str word, enum relief_role *ret)
{
    for (unsigned role = 0; role < RELIEF_role_COUNT; role++) {
        if (role != RELIEF_role_local && strlen(role_words[role]) == word.len &&
            memcmp(role_words[role], word.data, word.len) == 0) {
            *ret = (enum relief_role)role;
            return 0;
        }
    }
    return -EINVAL;
}

/* Of the bytes of an id, as long as it likes. */
static bool is_name(struct relief_str name)
{
    for (uint32_t i = 0; i < name.len; i++) {
        if (!relief_id_ok((struct relief_str){name.data + i, 1}))
            return false;
    }
    return name.len > 0;
}

int certificate_name(const void *uri, size_t len, struct certificate_identity *ret, const char **ret_why)
{
    static const size_t scheme_len = sizeof CERTIFICATE_SCHEME - 1;
    struct certificate_identity identity = {0};
    const char *at = uri, *end = at + len;
    if (len > RELIEF_IDENTITY_BYTES_MAX)
        return fail(ret_why, "the URI is longer than 255 bytes");
    if (len < scheme_len || memcmp(uri, CERTIFICATE_SCHEME, scheme_len) != 0)
        return fail(ret_why, "the URI does not begin with relief://");
    memcpy(identity.uri, uri, len);
    at += scheme_len;
    struct relief_str place = next_part(&at, end), role = next_part(&at, end), name = {at, (uint32_t)(end - at)};
    bool nowhere = place.len == 1 && place.data[0] == '-';
    if (!relief_id_ok(place))
        return fail(ret_why, "the URI's place is no id");
    if (read_role(role, &identity.scope.role) != 0)
        return fail(ret_why, "the URI's role is none of city, coordinator, auditor and operator");
    if (!is_name(name))
        return fail(ret_why, "the URI's name is empty or holds what an id can't");
    if (identity.scope.role == RELIEF_role_city && nowhere)
        return fail(ret_why, "the URI names no city");
    if (identity.scope.role != RELIEF_role_city && identity.scope.role != RELIEF_role_coordinator && !nowhere)
        return fail(ret_why, "the place of auditors and operators is -");
    if (!nowhere)
        memcpy(identity.scope.place, place.data, place.len);
    *ret = identity;
    return 0;
}

static int read_names(const GENERAL_NAMES *names, struct certificate_identity *ret, const char **ret_why)
{
    const ASN1_IA5STRING *uri = NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        if (uri)
            return fail(ret_why, "the certificate holds more than one URI");
        uri = name->d.uniformResourceIdentifier;
    }
    if (!uri)
        return fail(ret_why, "the certificate holds no URI");
    return certificate_name(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri), ret, ret_why);
}

/* libcrypto keeps what it found in the certificate, behind a lock of its own, and therefore asks for one that may
 * change. */
static int check_usage(X509 *certificate, const char **ret_why)
{
    uint32_t flags = X509_get_extension_flags(certificate);
    if (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL))
        return fail(ret_why, "an extension of the certificate is broken or not understood");
    if (X509_check_ca(certificate) != 0)
        return fail(ret_why, "the certificate is an authority's");
    /* Without the extension the bits are all set: usable for everything is not what is asked for. */
    if (!(flags & EXFLAG_XKUSAGE) || !(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT))
        return fail(ret_why, "the certificate is not one for clients");
    if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE))
        return fail(ret_why, "the certificate's key is not one for signatures");
    return 0;
}

int certificate_read(const X509 *certificate, struct certificate_identity *ret, const char **ret_why)
{
    int count = 0;
    GENERAL_NAMES *names;
    int err = check_usage((X509 *)(uintptr_t)certificate, ret_why);
    if (err)
        return err;
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &count, NULL);
    if (!names) {
        ERR_clear_error();
        return fail(ret_why,
                    count == -1 ? "the certificate holds no URI" : "the certificate's alternative names are broken");
    }
    err = read_names(names, ret, ret_why);
    GENERAL_NAMES_free(names);
    return err;
}

int certificate_read_der(const uint8_t *der, size_t len, struct certificate_identity *ret, const char **ret_why)
{
    const uint8_t *at = der;
    X509 *certificate = len <= CERTIFICATE_BYTES_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
    int err;
    if (!certificate || at != der + len)
        err = fail(ret_why, "this is no certificate");
    else
        err = certificate_read(certificate, ret, ret_why);
    X509_free(certificate);
    ERR_clear_error();
    return err;
}

bool certificate_covers(const struct certificate_scope *scope, const struct certificate_scope *named)
{
    if (scope->role != named->role)
        return false;
    if (scope->role == RELIEF_role_coordinator && scope->place[0] == '\0')
        return true;
    return strcmp(scope->place, named->place) == 0;
}
