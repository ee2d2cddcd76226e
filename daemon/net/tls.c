/*
 * The context: what all TLS connections share. TLS 1.3 only, with nothing that would carry state from one connection to
 * the next: no tickets, no sessions, no early data. So every connection proves anew who it is, and a reload holds for
 * all that come after it.
 *
 * A context is counted: connections keep the one that they began with until they end.
 */
#include "net/tls_conn.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include "net/pem.h"

/* What libssl would take from a system's configuration is set here, so that one machine answers as another does. */
#define GROUPS         "X25519:P-256:P-384"
#define SECURITY_LEVEL 2 /* RSA from 2,048 bits, no SHA-1 */

static int on_certificate(X509_STORE_CTX *ctx, void *context)
{
    struct net_tls *tls = context;
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_conn *conn = SSL_get_app_data(ssl);
    return authorities_judge(tls->authorities, ctx, &conn->peer.certificate, &conn->why) == 0;
}

static int set_up(struct net_tls *tls, bool ask)
{
    SSL_CTX *ctx = tls->ctx = SSL_CTX_new(TLS_server_method());
    tls->bio = tls_bio_method();
    if (!ctx || !tls->bio)
        return -ENOMEM;
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1); /* one system call for many small messages */
    SSL_CTX_set_max_send_fragment(ctx, TLS_RECORD_STRANGER_BYTES);
    SSL_CTX_set_max_cert_list(ctx, CERTIFICATE_BYTES_MAX);
    SSL_CTX_set_msg_callback(ctx, tls_on_message);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        SSL_CTX_set_max_early_data(ctx, 0) != 1 || SSL_CTX_set_recv_max_early_data(ctx, 0) != 1 ||
        SSL_CTX_set1_groups_list(ctx, GROUPS) != 1)
        return -EINVAL;
    if (ask) {
        SSL_CTX_set1_verify_cert_store(ctx, authorities_store(tls->authorities));
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_verify_depth(ctx, AUTHORITY_DEPTH_MAX);
        SSL_CTX_set_cert_verify_callback(ctx, on_certificate, tls);
    }
    return 0;
}

static int use_certificate(SSL_CTX *ctx, const struct net_tls_options *options, struct tls_why *why,
                           struct tls_why *ret_warning)
{
    STACK_OF(X509) *chain = NULL;
    EVP_PKEY *key = NULL;
    const char *dated;
    int err = pem_read_certificates(options->certificate, &chain, why);
    if (!err)
        err = pem_read_key(options->key, &key, why);
    if (err)
        goto out;
    dated = authority_dated(X509_get0_notAfter(sk_X509_value(chain, 0)));
    if (dated && ret_warning->text[0] == '\0')
        pem_fail(ret_warning, "%s: the daemon's certificate %s", options->certificate, dated);
    if (SSL_CTX_use_certificate(ctx, sk_X509_value(chain, 0)) != 1) {
        err = pem_fail(why, "%s: the certificate can't be used: %s", options->certificate,
                       tls_reason("its key or signature is too weak"));
        goto out;
    }
    for (int i = 1; i < sk_X509_num(chain); i++) {
        if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(chain, i)) != 1) {
            err = pem_fail(why, "%s: certificate %d of it can't be used", options->certificate, i + 1);
            goto out;
        }
    }
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        err = pem_fail(why, "%s: the key does not belong to the first certificate in %s", options->key,
                       options->certificate);
out:
    sk_X509_pop_free(chain, X509_free);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return err;
}

int net_tls_open(struct net_tls **ret, const struct net_tls_options *options, struct tls_why *why,
                 struct tls_why *ret_warning)
{
    struct net_tls *tls = calloc(1, sizeof *tls);
    int err;
    *ret_warning = (struct tls_why){0};
    if (!tls)
        return pem_fail(why, "no memory");
    tls->refs = 1;
    ERR_clear_error();
    err = authorities_read(&tls->authorities, options->authorities, options->authority_count, options->revoked, why,
                           ret_warning);
    if (!err && set_up(tls, options->authority_count > 0) != 0)
        err = pem_fail(why, "TLS can't be set up: %s", tls_reason("no memory"));
    if (!err)
        err = use_certificate(tls->ctx, options, why, ret_warning);
    if (err)
        net_tls_close(tls);
    else
        *ret = tls;
    return err;
}

void net_tls_close(struct net_tls *tls)
{
    if (!tls || --tls->refs > 0)
        return;
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->bio);
    authorities_free(tls->authorities);
    free(tls);
}

unsigned net_use_tls(struct net *net, struct net_tls *tls)
{
    struct net_conn *conn;
    unsigned closed = 0;
    net_tls_close(net->tls);
    net->tls = tls;
    TAILQ_FOREACH(conn, &net->all, all)
    {
        if (!conn->is_dead && conn->tls && tls_is_open(conn) && !tls_holds(conn)) {
            conn_kill(conn);
            closed++;
        }
    }
    return closed;
}
