/*
 * A file is read whole before libcrypto sees it: a bound on its size, no pipe or device that never ends, and one
 * moment at which its owner and mode were looked at. Everything in it must be of the kind that is asked for; what
 * stands between the blocks is a comment, as everywhere.
 */
#include "net/pem.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pem_say(struct tls_why *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
}

struct pem_file {
    char *data;
    size_t len;
};

static void file_free(struct pem_file *file)
{
    if (file->data)
        explicit_bzero(file->data, file->len);
    free(file->data);
    *file = (struct pem_file){0};
}

static int file_fill(int fd, const char *path, struct pem_file *file, struct tls_why *why)
{
    size_t len = 0;
    while (len < file->len) {
        ssize_t got = read(fd, file->data + len, file->len - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return pem_fail(why, "%s: %s", path, got < 0 ? strerror(errno) : "the file changes while it is read");
        len += (size_t)got;
    }
    return 0;
}

static int file_read_whole(const char *path, size_t bytes_max, bool secret, struct pem_file *ret, struct tls_why *why)
{
    struct pem_file file = {0};
    struct stat st;
    int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return pem_fail(why, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0)
        err = pem_fail(why, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        err = pem_fail(why, "%s: this is no file", path);
    else if (secret && (st.st_mode & (S_IRWXO | S_IWGRP)))
        err = pem_fail(why, "%s: the key is open to others (mode %04o); chmod 600 it", path,
                       (unsigned)st.st_mode & 07777);
    else if (st.st_size == 0 || (uint64_t)st.st_size > bytes_max)
        err = pem_fail(why, "%s: the file is %s", path, st.st_size ? "too large" : "empty");
    if (!err) {
        file.len = (size_t)st.st_size;
        file.data = malloc(file.len);
        err = file.data ? file_fill(fd, path, &file, why) : pem_fail(why, "%s: no memory", path);
    }
    close(fd);
    if (err)
        file_free(&file);
    else
        *ret = file;
    return err;
}

/* Nobody is there to type one. */
static int no_passphrase(char *to, int size, int writing, void *context)
{
    (void)to, (void)size, (void)writing, (void)context;
    return -1;
}

/* True when the last error says that the file ends, not that a block is broken. */
static bool at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return end;
}

int pem_read_certificates(const char *path, STACK_OF(X509) * *ret, struct tls_why *why)
{
    struct pem_file file = {0};
    STACK_OF(X509) *found = NULL;
    BIO *bio = NULL;
    X509 *one;
    int err = file_read_whole(path, PEM_FILE_BYTES_MAX, false, &file, why);
    if (err)
        return err;
    ERR_clear_error();
    bio = BIO_new_mem_buf(file.data, (int)file.len);
    found = sk_X509_new_null();
    while (bio && found && (one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        if ((unsigned)sk_X509_num(found) == PEM_CERTIFICATES_MAX || sk_X509_push(found, one) == 0) {
            X509_free(one);
            err = pem_fail(why, "%s: the file holds more than %u certificates", path, PEM_CERTIFICATES_MAX);
            break;
        }
    }
    if (!err && (!at_end() || sk_X509_num(found) <= 0))
        err = pem_fail(why, "%s: %s", path,
                       sk_X509_num(found) > 0 ? "a certificate in it is broken" : "there is no certificate in it");
    BIO_free(bio);
    file_free(&file);
    if (err)
        sk_X509_pop_free(found, X509_free);
    else
        *ret = found;
    ERR_clear_error();
    return err;
}

int pem_read_revoked(const char *path, STACK_OF(X509_CRL) * *ret, struct tls_why *why)
{
    struct pem_file file = {0};
    STACK_OF(X509_CRL) *found = NULL;
    BIO *bio = NULL;
    X509_CRL *one;
    int err = file_read_whole(path, PEM_REVOKED_BYTES_MAX, false, &file, why);
    if (err)
        return err;
    ERR_clear_error();
    bio = BIO_new_mem_buf(file.data, (int)file.len);
    found = sk_X509_CRL_new_null();
    while (bio && found && (one = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL))) {
        if (sk_X509_CRL_push(found, one) == 0) {
            X509_CRL_free(one);
            err = pem_fail(why, "%s: no memory", path);
            break;
        }
    }
    if (!err && (!at_end() || sk_X509_CRL_num(found) <= 0))
        err = pem_fail(why, "%s: %s", path,
                       sk_X509_CRL_num(found) > 0 ? "a revocation list in it is broken"
                                                  : "there is no revocation list in it");
    BIO_free(bio);
    file_free(&file);
    if (err)
        sk_X509_CRL_pop_free(found, X509_CRL_free);
    else
        *ret = found;
    ERR_clear_error();
    return err;
}

int pem_read_key(const char *path, EVP_PKEY **ret, struct tls_why *why)
{
    struct pem_file file = {0};
    EVP_PKEY *key;
    BIO *bio;
    int err = file_read_whole(path, PEM_FILE_BYTES_MAX, true, &file, why);
    if (err)
        return err;
    ERR_clear_error();
    bio = BIO_new_mem_buf(file.data, (int)file.len);
    key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    if (key)
        *ret = key;
    else
        err = pem_fail(why, "%s: there is no private key in it, or it has a passphrase", path);
    BIO_free(bio);
    file_free(&file);
    ERR_clear_error();
    return err;
}
