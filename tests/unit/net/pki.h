/* Keys, certificates and revocation lists made on the spot, good ones and such as nobody should issue. */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct pki_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

struct pki_wish {
    const char *name;          /* common name; NULL: "x" */
    const char *san;           /* as in openssl's configuration, "URI:relief://...,DNS:x"; NULL: none */
    const void *uri;           /* one more name, of these bytes */
    size_t uri_len;
    const char *usage;         /* extended key usage; NULL: clientAuth, "": none */
    const char *key_usage;     /* NULL: none */
    const char *critical;      /* OID of an extension that nobody knows; NULL: none */
    bool is_authority, san_twice, no_key_id;
    long from_s, until_s;      /* from now; 0, 0: an hour ago to an hour on */
    const EVP_PKEY *key;       /* NULL: a new one */
};

/* issuer NULL: signed by itself. Fails the test when it can't be made. */
struct pki_pair pki_make(const struct pki_pair *issuer, const struct pki_wish *wish);
struct pki_pair pki_authority(const char *name);
/* A good client's certificate with this URI. */
struct pki_pair pki_client(const struct pki_pair *issuer, const char *uri);
struct pki_pair pki_server(const struct pki_pair *issuer);
void pki_free(struct pki_pair *pair);
/* count certificates are on the list. critical: as above. */
X509_CRL *pki_revoke(const struct pki_pair *issuer, X509 *const *certificates, unsigned count, bool stale,
                     const char *critical);

/* Files in a folder of their own; a path is good until the next call. */
struct pki_folder {
    char path[64];
    char file[128];
};
void pki_folder_open(struct pki_folder *folder);
void pki_folder_close(struct pki_folder *folder);
const char *pki_path(struct pki_folder *folder, const char *name);
void pki_write(struct pki_folder *folder, const char *name, const struct pki_pair *const *pairs, unsigned count);
void pki_write_key(struct pki_folder *folder, const char *name, EVP_PKEY *key, unsigned mode, const char *passphrase);
void pki_write_revoked(struct pki_folder *folder, const char *name, X509_CRL *const *lists, unsigned count);
void pki_write_text(struct pki_folder *folder, const char *name, const char *text);
