/*
 * TLS in front of a server of fake_server.h, and certificates made on the spot, good and bad ones. A thread takes one
 * connection after the other, and passes bytes on in both directions until one side ends.
 */
#pragma once
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdbool.h>

struct made {
    EVP_PKEY *key;
    X509 *certificate;
    char certificate_path[160], key_path[160]; /* PEM */
};

/* Files go to a folder that tls_files_remove deletes. */
const char *tls_files(void);
void tls_files_remove(void);

void made_authority(struct made *ret, const char *name);
/* alternative: as openssl writes it, "DNS:localhost,IP:127.0.0.1"; NULL: none. from, to: seconds from now. */
void made_leaf(struct made *ret, const struct made *issuer, const char *name, const char *alternative, long from,
               long to);
/* Appends the list of that authority, with these revoked or none, to the file of the authority. */
void made_list(const struct made *authority, const struct made *revoked);
void made_free(struct made *made);

struct tls_options {
    const struct made *server; /* NULL: no TLS at all, bytes of a plain server */
    const struct made *ask;    /* the authority of clients; NULL: nobody is asked */
    int version_max;           /* TLS1_2_VERSION; 0: any */
    bool silent;               /* takes connections and says nothing */
    bool reset;                /* ends connections without a word */
    int buffer;                /* bytes of the socket's buffers; 0: as usual */
};

struct tls_server;
/* inner: unix:PATH of who answers. */
struct tls_server *tls_server_start(const struct tls_options *options, const char *inner);
void tls_server_stop(struct tls_server *server);
unsigned tls_server_port(const struct tls_server *server);
/* Connections so far. */
unsigned tls_server_count(const struct tls_server *server);
