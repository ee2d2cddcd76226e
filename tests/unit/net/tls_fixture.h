/*
 * A TLS listener on the real loop (fixture.h) and clients of it. A server, two cities' authorities and certificates of
 * theirs are made once for a program.
 */
#pragma once
#include "fixture.h"
#include "net/tls.h"
#include "pki.h"
#include <openssl/ssl.h>

extern struct pki_folder folder; /* server, server.key, wuhan, hangzhou; a test may write revoked there */
/* depot may be of wuhan, other_depot of hangzhou; stray is hangzhou's by name and wuhan's by signature. */
extern struct pki_pair server_authority, server, wuhan, hangzhou, depot, other_depot, stray;
extern struct tls_why why, warning; /* of the last tls_try */

int tls_set_up(void **state);
int tls_tear_down(void **state);
/* What the folder holds, with so many of the cities' authorities; revoked: NULL, or the list is read too. */
int tls_try(struct net_tls **ret, unsigned authorities, const char *revoked);
struct net_tls *tls_good(unsigned authorities, const char *revoked);
void tls_write_server(void);

extern struct net_tls *next_tls;  /* what tls_use is to take */
extern unsigned closed_by_reload; /* by the last of them */
extern char refused_why[200];     /* of the last certificate */
extern unsigned refused_count;
/* On the loop's thread: fixture_call. */
void tls_use(struct fixture *fixture);
/* Listens for TLS as listener 2. */
struct fixture *tls_fixture(unsigned conns_max);

struct client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* of one that is moved by hand */
};

int tls_connect(int receive_bytes);
struct client tls_prepare(const struct pki_pair *pair, int receive_bytes, bool by_hand);
/* Its handshake is done. */
struct client tls_client(const struct pki_pair *pair);
void tls_close(struct client *client);
void tls_put(struct client *client, const void *data, size_t len);
void tls_get(struct client *client, void *data, size_t len);
void tls_put_ping(struct client *client, uint32_t msgid);
void tls_get_ping(struct client *client, uint32_t msgid);
/* How the server ended: SSL_ERROR_ZERO_RETURN with close_notify. */
int tls_end_of(struct client *client);
/* Moves what the client has to say, so many bytes at a time, each read by the server before the next (fixture not
 * NULL); takes what comes until its handshake is done. */
void tls_give(struct client *client, size_t each, struct fixture *fixture);
