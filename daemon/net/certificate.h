/*
 * Who a client's certificate speaks for: exactly one URI among its alternative names, relief://PLACE/ROLE/NAME. Everything here is
 * a pure function of the certificate; whether it may be believed is net/authority.h's matter.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/enums.h"
#include "schema/limits.h"

#define CERTIFICATE_SCHEME "relief://"
#define CERTIFICATE_BYTES_MAX (16u * 1024u) /* the certificates that a peer sends, together: three with RSA keys of 4096 bits are 5 KiB */

/* What an authority may vouch for, and whom a certificate names. place: the city, or the coordinator's region; else empty. */
struct certificate_scope {
    enum relief_role role;
    char place[RELIEF_ID_BYTES_MAX + 1];
};

struct x509_st; /* libcrypto's X509 */

struct certificate_identity {
    char uri[RELIEF_IDENTITY_BYTES_MAX + 1]; /* as in the certificate; empty: there is none */
    struct certificate_scope scope;
};

/*
 * From the URI. PLACE is a city's id, a region's, or - for the coordinator of all regions, auditor and operator; ROLE is one of city,
 * coordinator, auditor and operator; NAME is of the bytes of an id, of any length that fits. There is no escaping, no query, no
 * second spelling. 0, or -EINVAL with *ret_why (static; may be NULL).
 */
int certificate_name(const void *uri, size_t len, struct certificate_identity *ret, const char **ret_why);
/* From a certificate, which must be a client's and no authority's too. Common name and other kinds of alternative names don't count. */
int certificate_read(const struct x509_st *certificate, struct certificate_identity *ret, const char **ret_why);
/* The same from its bytes; what follows the certificate is refused. */
int certificate_read_der(const uint8_t *der, size_t len, struct certificate_identity *ret, const char **ret_why);
/* An authority with this scope may name that one. One for coordinators without a region may name the coordinator of any. */
bool certificate_covers(const struct certificate_scope *scope, const struct certificate_scope *named);
