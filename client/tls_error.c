/*
 * What went wrong with TLS, in a sentence that says what to do about it. Names out of a certificate that was not
 * accepted are a stranger's bytes: only what can be in a host name is shown of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client/client.h"

int client_tls_bad_file(struct relief_client *client, const char *what, const char *path)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    int system = access(path, R_OK) == 0 ? 0 : errno;
    if (system)
        client_fail(client, 0, "%s file %s: %s", what, path, strerror(system));
    else if (ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH)
        client_fail(client, 0, "%s file %s: is not the key of the certificate", what, path);
    else
        client_fail(client, 0, "%s file %s: cannot be read as PEM without a password (%s)", what, path,
                    reason ? reason : "nothing of the kind in it");
    ERR_clear_error();
    return -EINVAL;
}

static void time_text(char *ret, size_t size, const ASN1_TIME *at)
{
    struct tm tm;
    if (!at || ASN1_TIME_to_tm(at, &tm) != 1)
        snprintf(ret, size, "an unknown time");
    else
        snprintf(ret, size, "%04d-%02d-%02dT%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min);
}

static void add_name(char *ret, size_t size, const GENERAL_NAME *name)
{
    size_t at = strlen(ret);
    char text[INET6_ADDRSTRLEN + 256] = "";
    int kind = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    if (kind == GEN_DNS) {
        const unsigned char *data = ASN1_STRING_get0_data(value);
        int len = ASN1_STRING_length(value);
        for (int i = 0; i < len && i < 255; i++) {
            bool plain = (data[i] >= '-' && data[i] <= '9' && data[i] != '/') || (data[i] >= 'A' && data[i] <= 'Z') ||
                         (data[i] >= 'a' && data[i] <= 'z') || data[i] == '_' || data[i] == '*';
            text[i] = plain ? (char)data[i] : '?';
        }
    } else if (kind == GEN_IPADD) {
        int len = ASN1_STRING_length(value);
        if (len == 4 || len == 16)
            inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text, sizeof text);
    }
    size_t between = at ? 2 : 0, len = strlen(text);
    if (len == 0 || at + between + len >= size)
        return; /* there is no room for it */
    memcpy(ret + at, ", ", between);
    memcpy(ret + at + between, text, len + 1);
}

/* The names and addresses that a certificate is for, as many as there is room. */
static void names_text(char *ret, size_t size, const X509 *certificate)
{
    ret[0] = '\0';
    GENERAL_NAMES *names = certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        add_name(ret, size, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    if (!ret[0])
        snprintf(ret, size, "no name at all");
}

int client_tls_refuse(struct relief_client *client, const struct client_tls_files *files, const struct ssl_st *ssl)
{
    const char *who = client->address.text;
    long result = SSL_get_verify_result(ssl);
    X509 *certificate = SSL_get_app_data(ssl);
    char text[256];
    client->broken = true;
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        time_text(text, sizeof text, certificate ? X509_get0_notAfter(certificate) : NULL);
        return client_fail(client, -EPROTO,
                           "%s: the daemon's certificate ended at %s: it must be renewed, or the clock here is wrong",
                           who, text);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        time_text(text, sizeof text, certificate ? X509_get0_notBefore(certificate) : NULL);
        return client_fail(client, -EPROTO, "%s: the daemon's certificate begins at %s: is the clock here right?", who,
                           text);
    case X509_V_ERR_CERT_REVOKED:
        return client_fail(client, -EPROTO, "%s: the daemon's certificate is revoked: do not trust it, ask who runs it",
                           who);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        names_text(text, sizeof text, certificate);
        return client_fail(client, -EPROTO,
                           "%s: the daemon's certificate is not for '%s' but for %s: use a name of these", who,
                           client->address.host, text);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return client_fail(
            client, -EPROTO,
            "%s: no authority in %s vouches for the daemon's certificate: get the authority of that daemon "
            "from who runs it",
            who, files->authority);
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return client_fail(client, -EPROTO,
                           "%s: the list of revoked certificates in %s is missing or too old: get a new one", who,
                           files->authority);
    default:
        return client_fail(client, -EPROTO, "%s: the daemon's certificate was not accepted: %s", who,
                           X509_verify_cert_error_string(result));
    }
}

/* What the peer's alerts and its bytes mean. */
static const struct {
    int reason;
    bool ours,
        passing; /* about our certificate, which the sentence names first; may be otherwise at the next attempt */
    const char *text;
} meanings[] = {
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, false, false,
     "the daemon wants a certificate of who we are: --certificate FILE --key FILE, or RELIEF_CERTIFICATE and "
     "RELIEF_KEY"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, true, false, "has ended: have it renewed"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, true, false, "is revoked: ask its authority for another"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, true, false,
     "is of an authority that the daemon does not know, or not for this place: its operator adds it to [tls]"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, true, false,
     "was refused: it must name one relief://PLACE/ROLE/NAME, of the authority of that place"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, true, false,
     "was refused: it must name one relief://PLACE/ROLE/NAME, of the authority of that place"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, true, false,
     "was refused: it must name one relief://PLACE/ROLE/NAME, of the authority of that place"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, true, false,
     "was refused: it is not made for clients, or of another kind of key"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, true, false, "was refused: its signature is not right"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, false, false, "the daemon refused the handshake"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, false, false, "the server does not speak TLS 1.3"},
    {SSL_R_UNSUPPORTED_PROTOCOL, false, false, "the server does not speak TLS 1.3"},
    {SSL_R_WRONG_SSL_VERSION, false, false, "the server does not speak TLS 1.3"},
    {SSL_R_WRONG_VERSION_NUMBER, false, false, "the server does not speak TLS: is it a tcp: address?"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, false, false, "the server does not speak TLS: is it a tcp: address?"},
    {SSL_R_HTTP_REQUEST, false, false, "the server does not speak TLS: is it a tcp: address?"},
    {SSL_R_TLSV1_ALERT_INTERNAL_ERROR, false, true, "the daemon gave the connection up (an error on its side)"},
    {SSL_R_TLSV1_ALERT_USER_CANCELLED, false, true, "the daemon gave the connection up"},
};

int client_tls_fail(struct relief_client *client, const struct client_tls_files *files, unsigned long error)
{
    const char *who = client->address.text, *reason = ERR_reason_error_string(error);
    int number = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    ERR_clear_error();
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].reason != number)
            continue;
        if (meanings[i].passing)
            return client_fail(client, -ECONNRESET, "%s: %s", who, meanings[i].text);
        client->broken = true;
        if (!meanings[i].ours)
            return client_fail(client, -EPROTO, "%s: %s", who, meanings[i].text);
        return client_fail(client, -EPROTO, "%s: our certificate %s %s", who,
                           files->certificate ? files->certificate : "(none was given)", meanings[i].text);
    }
    /* Bytes that were changed on the way, for one: another connection may have more luck. Not so a handshake. */
    client->broken = client->state == CLIENT_SHAKING;
    return client_fail(client, -EPROTO, "%s: TLS failed: %s", who, reason ? reason : "for no known reason");
}
