/*
 * The authorities that the configuration pins, whom each may vouch for, and what they took back. Immutable once read; a reload
 * makes another one.
 */
#pragma once
#include <openssl/x509.h>
#include "net/tls.h"

#define AUTHORITIES_MAX 1024u /* different keys: 256 rows with some files of more than one certificate */
#define AUTHORITY_DEPTH_MAX 4 /* certificates between a peer's and the authority, and two more */

struct authorities;

/*
 * revoked: file of revocation lists, NULL: none. 0; -EINVAL and why->text. ret_warning: what will soon be, or is, out of date; its text is
 * empty when nothing is.
 */
int authorities_read(struct authorities **ret, const struct tls_authority *rows, unsigned count, const char *revoked,
                     struct tls_why *why, struct tls_why *ret_warning);
void authorities_free(struct authorities *authorities);
X509_STORE *authorities_store(const struct authorities *authorities);
/*
 * Verifies what ctx was made for and reads the name. 0; -EINVAL with ctx's error set and *ret_why (static). ctx comes from the
 * handshake; authorities_judge_again makes one for a peer whose handshake is over, and leaves the dates aside.
 */
int authorities_judge(const struct authorities *authorities, X509_STORE_CTX *ctx, struct certificate_identity *ret,
                      const char **ret_why);
int authorities_judge_again(const struct authorities *authorities, X509 *peer, STACK_OF(X509) *chain,
                            struct certificate_identity *ret, const char **ret_why);
/* The text "is out of date" or "ends within a week" when that is so; NULL otherwise. */
const char *authority_dated(const ASN1_TIME *end);
