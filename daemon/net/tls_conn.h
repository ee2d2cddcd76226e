/* Inside of net: a TLS connection under the seam of conn_recv and conn_send. */
#pragma once
#include <openssl/ssl.h>
#include <sys/socket.h>
#include "net/authority.h"
#include "net/inside.h"

struct net_tls {
    unsigned refs;
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    struct authorities *authorities;
};

struct tls_conn {
    struct net_conn *conn;
    struct net_tls *context; /* counted; NULL with ssl */
    SSL *ssl;                /* NULL: no byte has come */
    struct net_peer peer;    /* until the session is opened; the certificate stays */
    const char *why;         /* static: what is wrong with its certificate; NULL: nothing */
    size_t budget;           /* bytes that may be read from the socket in this call */
    uint64_t bytes_in;
    uint32_t key_updates;
    uint8_t seen;            /* of the first bytes, which tell TLS from what is not */
    bool open;               /* the handshake is done */
    bool failed;             /* no more of libssl's calls */
    bool ended;              /* the peer said close_notify, or shut down its side without it */
    bool socket_ended;
    bool wide;               /* large records may be sent */
    bool cut;                /* libssl has a part of what was last given to it, or a buffer for that */
    bool more;               /* there may be more to read without the socket saying so */
    bool read_wants_write, write_wants_read;
};

/* Records that are sent to a peer that is not identified: the buffer for one is what it can make us hold. */
#define TLS_RECORD_STRANGER_BYTES 4096

/* The first error's words, or what is given when libssl has none. Static. */
const char *tls_reason(const char *otherwise);
BIO_METHOD *tls_bio_method(void);
void tls_on_message(int sending, int version, int type, const void *data, size_t len, SSL *ssl, void *context);
/* The peer's certificate, if there is one, is still good by what net uses now. */
bool tls_holds(const struct net_conn *conn);
