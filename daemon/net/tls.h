/*
 * TLS 1.3 for the listeners of tls: addresses: what the configuration gives, read and checked as a whole, and put in the place of what
 * was there before without a restart. Peers may show a certificate; one that is shown must be good (net/authority.h).
 */
#pragma once
#include "net/certificate.h"

struct net;
struct net_tls;

/* Says what is wrong, for a person, with the file's name. */
#define TLS_WHY_BYTES 400u
struct tls_why {
    char text[TLS_WHY_BYTES];
};

/* The certificates in this file may vouch for these. Several rows may have the same file or scope. */
struct tls_authority {
    struct certificate_scope scope;
    const char *file;
};

/* All files are PEM. */
struct net_tls_options {
    const char *certificate; /* the daemon's, and behind it what lies between it and its authority */
    const char *key;
    const char *revoked; /* revocation lists; NULL: none */
    const struct tls_authority *authorities;
    unsigned authority_count; /* 0: nobody is asked for a certificate */
};

/*
 * Reads the files; nothing of options is kept. 0; -EINVAL and why. ret_warning: what is out of date or will soon be, empty when
 * nothing is.
 */
int net_tls_open(struct net_tls **ret, const struct net_tls_options *options, struct tls_why *why,
                 struct tls_why *ret_warning);
void net_tls_close(struct net_tls *tls);
/*
 * From now on new connections get this one, which becomes net's. Connections whose certificate it would not take any more (revoked, or
 * its authority gone or for others) are closed; the number of them is returned. To be called before net_listen with a tls: address.
 */
unsigned net_use_tls(struct net *net, struct net_tls *tls);
