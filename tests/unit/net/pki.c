/* See pki.h. P-256 throughout: keys are made in well under a millisecond. */
#include "pki.h"
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* An extension that is marked critical, of two bytes that mean nothing. */
static X509_EXTENSION *unknown_extension(const char *oid)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;
    assert_int_equal(ASN1_OCTET_STRING_set(bytes, (const unsigned char *)"\x05\x00", 2), 1);
    extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, bytes);
    assert_non_null(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(bytes);
    return extension;
}

static void add_names(X509 *certificate, const struct pki_wish *wish)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    char text[600];
    snprintf(text, sizeof text, "%s", wish->san ? wish->san : "");
    for (char *rest = text, *one; (one = strsep(&rest, ",")) && *one;) {
        char *value = strchr(one, ':');
        int type = strncmp(one, "URI", 3) == 0     ? GEN_URI
                   : strncmp(one, "DNS", 3) == 0   ? GEN_DNS
                   : strncmp(one, "email", 5) == 0 ? GEN_EMAIL
                                                   : GEN_IPADD;
        GENERAL_NAME *name;
        *value++ = '\0';
        name = a2i_GENERAL_NAME(NULL, NULL, NULL, type, value, 0);
        assert_non_null(name);
        sk_GENERAL_NAME_push(names, name);
    }
    if (wish->uri) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
        assert_int_equal(ASN1_STRING_set(uri, wish->uri, (int)wish->uri_len), 1);
        GENERAL_NAME_set0_value(name, GEN_URI, uri);
        sk_GENERAL_NAME_push(names, name);
    }
    if (sk_GENERAL_NAME_num(names) > 0) {
        X509_EXTENSION *extension = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        if (wish->san_twice)
            assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    GENERAL_NAMES_free(names);
}

static void add_extensions(X509 *certificate, X509 *issuer, const struct pki_wish *wish)
{
    extend(certificate, issuer, NID_basic_constraints, wish->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!wish->no_key_id) {
        extend(certificate, issuer, NID_subject_key_identifier, "hash");
        if (issuer != certificate)
            extend(certificate, issuer, NID_authority_key_identifier, "keyid");
    }
    if (wish->is_authority)
        extend(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    else if (!wish->usage || wish->usage[0])
        extend(certificate, issuer, NID_ext_key_usage, wish->usage ? wish->usage : "clientAuth");
    if (wish->key_usage)
        extend(certificate, issuer, NID_key_usage, wish->key_usage);
    if (wish->critical) {
        X509_EXTENSION *extension = unknown_extension(wish->critical);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    add_names(certificate, wish);
}

struct pki_pair pki_make(const struct pki_pair *issuer, const struct pki_wish *wish)
{
    static long serial = 1000;
    struct pki_pair pair = {.certificate = X509_new()};
    X509 *from = issuer ? issuer->certificate : pair.certificate;
    bool dated = wish->from_s || wish->until_s;
    const char *name = wish->name ? wish->name : "x";
    if (wish->key) {
        pair.key = (EVP_PKEY *)(uintptr_t)wish->key;
        EVP_PKEY_up_ref(pair.key);
    } else {
        pair.key = EVP_EC_gen("P-256");
    }
    assert_non_null(pair.key);
    assert_int_equal(X509_set_version(pair.certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), ++serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(pair.certificate), dated ? wish->from_s : -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(pair.certificate), dated ? wish->until_s : 30 * 24 * 3600));
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(pair.certificate), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(pair.certificate, X509_get_subject_name(from)), 1);
    assert_int_equal(X509_set_pubkey(pair.certificate, pair.key), 1);
    add_extensions(pair.certificate, from, wish);
    assert_true(X509_sign(pair.certificate, issuer ? issuer->key : pair.key, EVP_sha256()) > 0);
    return pair;
}

struct pki_pair pki_authority(const char *name)
{
    return pki_make(NULL, &(struct pki_wish){.name = name, .is_authority = true});
}

struct pki_pair pki_client(const struct pki_pair *issuer, const char *uri)
{
    return pki_make(issuer, &(struct pki_wish){.uri = uri, .uri_len = strlen(uri)});
}

struct pki_pair pki_server(const struct pki_pair *issuer)
{
    return pki_make(issuer, &(struct pki_wish){.name = "reliefd", .san = "DNS:localhost", .usage = "serverAuth"});
}

void pki_free(struct pki_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    *pair = (struct pki_pair){0};
}

X509_CRL *pki_revoke(const struct pki_pair *issuer, X509 *const *certificates, unsigned count, bool stale,
                     const char *critical)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -7200), *until = X509_gmtime_adj(NULL, stale ? -3600 : 30 * 24 * 3600);
    assert_int_equal(X509_CRL_set_version(list, X509_CRL_VERSION_2), 1);
    assert_int_equal(X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(list, from), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(list, until), 1);
    for (unsigned i = 0; i < count; i++) {
        X509_REVOKED *row = X509_REVOKED_new();
        assert_int_equal(X509_REVOKED_set_serialNumber(row, X509_get_serialNumber(certificates[i])), 1);
        assert_int_equal(X509_REVOKED_set_revocationDate(row, from), 1);
        assert_int_equal(X509_CRL_add0_revoked(list, row), 1);
    }
    if (critical) {
        X509_EXTENSION *extension = unknown_extension(critical);
        assert_int_equal(X509_CRL_add_ext(list, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    X509_CRL_sort(list);
    assert_true(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return list;
}

/* ---- files ---- */

void pki_folder_open(struct pki_folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/relief-pki-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

void pki_folder_close(struct pki_folder *folder)
{
    DIR *dir = opendir(folder->path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
    }
    closedir(dir);
    assert_int_equal(rmdir(folder->path), 0);
}

const char *pki_path(struct pki_folder *folder, const char *name)
{
    snprintf(folder->file, sizeof folder->file, "%s/%s", folder->path, name);
    return folder->file;
}

static FILE *create(struct pki_folder *folder, const char *name, unsigned mode)
{
    const char *path = pki_path(folder, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(chmod(path, mode), 0);
    return to;
}

void pki_write(struct pki_folder *folder, const char *name, const struct pki_pair *const *pairs, unsigned count)
{
    FILE *to = create(folder, name, 0644);
    for (unsigned i = 0; i < count; i++) {
        fprintf(to, "certificate %u\n", i);
        assert_int_equal(PEM_write_X509(to, pairs[i]->certificate), 1);
    }
    assert_int_equal(fclose(to), 0);
}

void pki_write_key(struct pki_folder *folder, const char *name, EVP_PKEY *key, unsigned mode, const char *passphrase)
{
    FILE *to = create(folder, name, mode);
    assert_int_equal(PEM_write_PrivateKey(to, key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                          (void *)(uintptr_t)passphrase),
                     1);
    assert_int_equal(fclose(to), 0);
}

void pki_write_revoked(struct pki_folder *folder, const char *name, X509_CRL *const *lists, unsigned count)
{
    FILE *to = create(folder, name, 0644);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(PEM_write_X509_CRL(to, lists[i]), 1);
    assert_int_equal(fclose(to), 0);
}

void pki_write_text(struct pki_folder *folder, const char *name, const char *text)
{
    FILE *to = create(folder, name, 0600);
    assert_true(fputs(text, to) >= 0);
    assert_int_equal(fclose(to), 0);
}
