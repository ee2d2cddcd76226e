/* PEM files of the configuration: read whole and bounded, and what they hold. */
#pragma once
#include <errno.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include "net/tls.h"

#define PEM_CERTIFICATES_MAX 16u               /* in one file */
#define PEM_FILE_BYTES_MAX (256u * 1024u)      /* certificates and keys */
#define PEM_REVOKED_BYTES_MAX (8u * 1024u * 1024u) /* some 200,000 revoked certificates */
/* Returns -EINVAL, so that a reader can end with it. */
void pem_say(struct tls_why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline int pem_said(void)
{
    return -EINVAL;
}
/* Says it, and -EINVAL, where an analyzer sees that it is never 0. */
#define pem_fail(...) (pem_say(__VA_ARGS__), pem_said())

/*
 * Each reads one file. 0 and what it holds, at least one, the caller's; or -EINVAL and why. A key must not be open to others than
 * owner and group, nor be written by the group, and has no passphrase.
 */
int pem_read_certificates(const char *path, STACK_OF(X509) **ret, struct tls_why *why);
int pem_read_revoked(const char *path, STACK_OF(X509_CRL) **ret, struct tls_why *why);
int pem_read_key(const char *path, EVP_PKEY **ret, struct tls_why *why);
