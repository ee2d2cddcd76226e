/*
 * Whom to believe. libcrypto verifies signatures, dates and the shape of a chain up to a pinned certificate; what that
 * pinned certificate may say is decided here, so that a stolen authority of one city speaks for that city and no other.
 *
 * The authority of a peer is the pinned one nearest to it in the chain, since an authority may itself stand below
 * another pinned one and must not borrow its scope. Authorities are told apart by their public keys, never by names: an
 * issuer may write any name into what it signs, and a second certificate for the same key is the same authority.
 *
 * Revocation lists must be signed by a pinned authority and plain (no parts, no deltas, nothing critical that is not
 * understood): a list that would revoke less than it seems to is refused when it is read. A list past its date goes on
 * to count, and one that is missing revokes nothing: a city that is cut off from its authority in a disaster must not
 * be cut off from here too. The operator is warned.
 */
#include "net/authority.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include "net/pem.h"

#define KEY_BYTES    SHA256_DIGEST_LENGTH
#define SOON_SECONDS (7 * 24 * 3600)

struct authority {
    uint8_t key[KEY_BYTES]; /* SHA-256 of the subject's public key as it stands in the certificate */
    X509 *certificate;
    STACK_OF(X509_CRL) * lists; /* signed by it; NULL: none */
};

struct grant {
    unsigned authority;
    struct certificate_scope scope;
};

struct authorities {
    struct authority *rows;
    unsigned count;
    struct grant *grants;
    unsigned grant_count, grant_cap;
    X509_STORE *store;
};

static bool key_of(const X509 *certificate, uint8_t ret[KEY_BYTES])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (len <= 0)
        return false;
    SHA256(der, (size_t)len, ret);
    OPENSSL_free(der);
    return true;
}

static int find_key(const struct authorities *authorities, const uint8_t key[KEY_BYTES])
{
    for (unsigned i = 0; i < authorities->count; i++) {
        if (memcmp(authorities->rows[i].key, key, KEY_BYTES) == 0)
            return (int)i;
    }
    return -1;
}

static int find(const struct authorities *authorities, const X509 *certificate)
{
    uint8_t key[KEY_BYTES];
    return key_of(certificate, key) ? find_key(authorities, key) : -1;
}

const char *authority_dated(const ASN1_TIME *end)
{
    time_t soon = time(NULL) + SOON_SECONDS;
    if (!end)
        return NULL;
    if (X509_cmp_time(end, NULL) < 0)
        return "is out of date";
    return X509_cmp_time(end, &soon) < 0 ? "ends within a week" : NULL;
}

static void warn(struct tls_why *warning, const char *file, const char *what, const ASN1_TIME *end)
{
    const char *how = authority_dated(end);
    if (how && warning->text[0] == '\0')
        pem_fail(warning, "%s: %s %s", file, what, how);
}

/* ---- reading ---- */

/*
 * libcrypto looks an issuer up by name, and by its key's identifier where both sides have one. Two authorities that
 * can't be told apart like that would get in each other's way.
 */
static bool confusable(const X509 *a, const X509 *b)
{
    const ASN1_OCTET_STRING *id_a = X509_get0_subject_key_id((X509 *)(uintptr_t)a);
    const ASN1_OCTET_STRING *id_b = X509_get0_subject_key_id((X509 *)(uintptr_t)b);
    if (X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) != 0)
        return false;
    return !id_a || !id_b || ASN1_OCTET_STRING_cmp(id_a, id_b) == 0;
}

static int add_grant(struct authorities *authorities, unsigned authority, const struct certificate_scope *scope)
{
    if (authorities->grant_count == authorities->grant_cap) {
        unsigned cap = authorities->grant_cap ? 2 * authorities->grant_cap : 16;
        struct grant *grants = realloc(authorities->grants, cap * sizeof *grants);
        if (!grants)
            return -ENOMEM;
        authorities->grants = grants;
        authorities->grant_cap = cap;
    }
    authorities->grants[authorities->grant_count++] = (struct grant){.authority = authority, .scope = *scope};
    return 0;
}

static int add(struct authorities *authorities, X509 *certificate, const struct tls_authority *row, struct tls_why *why)
{
    struct authority fresh = {.certificate = certificate};
    int index;
    if (X509_check_ca(certificate) != 1)
        return pem_fail(why, "%s: a certificate in it is no authority's (basicConstraints CA:TRUE)", row->file);
    if (!key_of(certificate, fresh.key))
        return pem_fail(why, "%s: a certificate in it has no usable key", row->file);
    index = find_key(authorities, fresh.key);
    if (index < 0) {
        if (authorities->count == AUTHORITIES_MAX)
            return pem_fail(why, "%s: there are more than %u authorities", row->file, AUTHORITIES_MAX);
        for (unsigned i = 0; i < authorities->count; i++) {
            if (confusable(authorities->rows[i].certificate, certificate))
                return pem_fail(why,
                                "%s: another authority has the same subject, and their key identifiers don't tell them "
                                "apart",
                                row->file);
        }
        index = (int)authorities->count++;
        X509_up_ref(certificate);
        authorities->rows[index] = fresh;
    }
    if (X509_STORE_add_cert(authorities->store, certificate) != 1 ||
        add_grant(authorities, (unsigned)index, &row->scope) != 0)
        return pem_fail(why, "%s: no memory", row->file);
    return 0;
}

static int read_row(struct authorities *authorities, const struct tls_authority *row, struct tls_why *why,
                    struct tls_why *warning)
{
    STACK_OF(X509) *found = NULL;
    int err = pem_read_certificates(row->file, &found, why);
    for (int i = 0; !err && i < sk_X509_num(found); i++) {
        err = add(authorities, sk_X509_value(found, i), row, why);
        warn(warning, row->file, "the authority", X509_get0_notAfter(sk_X509_value(found, i)));
    }
    sk_X509_pop_free(found, X509_free);
    return err;
}

static bool has_critical(const X509_CRL *list)
{
    const STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED((X509_CRL *)(uintptr_t)list);
    if (X509_CRL_get_ext_by_critical(list, 1, -1) >= 0)
        return true;
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        if (X509_REVOKED_get_ext_by_critical(sk_X509_REVOKED_value(revoked, i), 1, -1) >= 0)
            return true;
    }
    return false;
}

/* Gives the list to the authority that signed it. */
static int add_list(struct authorities *authorities, X509_CRL *list, const char *file, struct tls_why *why)
{
    char issuer[128] = "";
    X509_NAME_oneline(X509_CRL_get_issuer(list), issuer, sizeof issuer);
    if (has_critical(list))
        return pem_fail(why, "%s: the list of %s is a part or a delta, or not understood", file, issuer);
    for (unsigned i = 0; i < authorities->count; i++) {
        struct authority *authority = &authorities->rows[i];
        EVP_PKEY *key = X509_get0_pubkey(authority->certificate);
        if (X509_NAME_cmp(X509_get_subject_name(authority->certificate), X509_CRL_get_issuer(list)) != 0 || !key ||
            X509_CRL_verify(list, key) != 1)
            continue;
        if (!authority->lists)
            authority->lists = sk_X509_CRL_new_null();
        if (!authority->lists || sk_X509_CRL_push(authority->lists, list) == 0)
            return pem_fail(why, "%s: no memory", file);
        X509_CRL_up_ref(list);
        return 0;
    }
    return pem_fail(why, "%s: the list of %s is signed by none of the authorities", file, issuer);
}

static int read_revoked(struct authorities *authorities, const char *file, struct tls_why *why, struct tls_why *warning)
{
    STACK_OF(X509_CRL) *found = NULL;
    int err = pem_read_revoked(file, &found, why);
    for (int i = 0; !err && i < sk_X509_CRL_num(found); i++) {
        X509_CRL *list = sk_X509_CRL_value(found, i);
        err = add_list(authorities, list, file, why);
        warn(warning, file, "a revocation list", X509_CRL_get0_nextUpdate(list));
    }
    sk_X509_CRL_pop_free(found, X509_CRL_free);
    return err;
}

int authorities_read(struct authorities **ret, const struct tls_authority *rows, unsigned count, const char *revoked,
                     struct tls_why *why, struct tls_why *ret_warning)
{
    struct authorities *authorities = calloc(1, sizeof *authorities);
    int err = 0;
    if (authorities) {
        authorities->rows = calloc(AUTHORITIES_MAX, sizeof *authorities->rows);
        authorities->store = X509_STORE_new();
    }
    if (!authorities || !authorities->rows || !authorities->store)
        err = pem_fail(why, "no memory");
    /* A pinned certificate ends a chain, also when somebody else signed it. */
    if (!err && X509_STORE_set_flags(authorities->store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
        err = pem_fail(why, "no memory");
    for (unsigned i = 0; !err && i < count; i++)
        err = read_row(authorities, &rows[i], why, ret_warning);
    if (!err && revoked)
        err = read_revoked(authorities, revoked, why, ret_warning);
    ERR_clear_error();
    if (err)
        authorities_free(authorities);
    else
        *ret = authorities;
    return err;
}

void authorities_free(struct authorities *authorities)
{
    if (!authorities)
        return;
    for (unsigned i = 0; i < authorities->count; i++) {
        X509_free(authorities->rows[i].certificate);
        sk_X509_CRL_pop_free(authorities->rows[i].lists, X509_CRL_free);
    }
    X509_STORE_free(authorities->store);
    free(authorities->rows);
    free(authorities->grants);
    free(authorities);
}

X509_STORE *authorities_store(const struct authorities *authorities)
{
    return authorities->store;
}

/* ---- judging ---- */

static bool is_revoked(const struct authority *issuer, const X509 *certificate)
{
    for (int i = 0; i < sk_X509_CRL_num(issuer->lists); i++) {
        X509_REVOKED *row;
        if (X509_CRL_get0_by_serial(sk_X509_CRL_value(issuer->lists, i), &row, X509_get0_serialNumber(certificate)) ==
            1)
            return true;
    }
    return false;
}

static int refuse(X509_STORE_CTX *ctx, int error, const char *why, const char **ret_why)
{
    X509_STORE_CTX_set_error(ctx, error);
    *ret_why = why;
    return -EINVAL;
}

/* The nearest pinned one above the peer. Looks at the whole chain, for what was taken back anywhere in it. */
static int find_authority(const struct authorities *authorities, X509_STORE_CTX *ctx, int *ret, const char **ret_why)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    *ret = -1;
    for (int i = 1; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);
        int index = find(authorities, certificate);
        if (X509_check_ca(certificate) != 1)
            return refuse(ctx, X509_V_ERR_INVALID_CA, "an issuer in the chain is no authority", ret_why);
        if (index >= 0 && is_revoked(&authorities->rows[index], sk_X509_value(chain, i - 1)))
            return refuse(ctx, X509_V_ERR_CERT_REVOKED, "the certificate is revoked", ret_why);
        if (*ret < 0)
            *ret = index;
    }
    if (*ret < 0)
        return refuse(ctx, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "no authority stands above the certificate", ret_why);
    return 0;
}

static bool may_name(const struct authorities *authorities, int authority, const struct certificate_scope *named)
{
    for (unsigned i = 0; i < authorities->grant_count; i++) {
        const struct grant *grant = &authorities->grants[i];
        if (grant->authority == (unsigned)authority && certificate_covers(&grant->scope, named))
            return true;
    }
    return false;
}

int authorities_judge(const struct authorities *authorities, X509_STORE_CTX *ctx, struct certificate_identity *ret,
                      const char **ret_why)
{
    struct certificate_identity identity;
    const char *why;
    int authority;
    if (X509_verify_cert(ctx) != 1) {
        *ret_why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
        if (X509_STORE_CTX_get_error(ctx) == X509_V_OK)
            X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
        return -EINVAL;
    }
    if (find_authority(authorities, ctx, &authority, ret_why) != 0)
        return -EINVAL;
    if (certificate_read(X509_STORE_CTX_get0_cert(ctx), &identity, &why) != 0)
        return refuse(ctx, X509_V_ERR_CERT_REJECTED, why, ret_why);
    if (!may_name(authorities, authority, &identity.scope))
        return refuse(ctx, X509_V_ERR_CERT_REJECTED, "the authority may not vouch for that place and role", ret_why);
    *ret = identity;
    return 0;
}

int authorities_judge_again(const struct authorities *authorities, X509 *peer, STACK_OF(X509) * chain,
                            struct certificate_identity *ret, const char **ret_why)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int err = -EINVAL;
    *ret_why = "no memory";
    if (ctx && X509_STORE_CTX_init(ctx, authorities->store, peer, chain) == 1 &&
        X509_STORE_CTX_set_default(ctx, "ssl_client") == 1) {
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_NO_CHECK_TIME);
        X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(ctx), AUTHORITY_DEPTH_MAX);
        err = authorities_judge(authorities, ctx, ret, ret_why);
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return err;
}
