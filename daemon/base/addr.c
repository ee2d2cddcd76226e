/*
 * Reads an address from text. Nothing is resolved here: a host name stays a name until somebody listens on it. The
 * whole text must fit, so a cut address is never listened on.
 */
#include "base/addr.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static int fail(const char **ret_why, const char *why)
{
    if (ret_why)
        *ret_why = why;
    return -EINVAL;
}

static int parse_port(const char *text, uint16_t *ret)
{
    uint32_t port = 0;
    if (*text == '\0' || strlen(text) > 5)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        port = port * 10 + (uint32_t)(*text - '0');
    }
    if (port > UINT16_MAX)
        return -EINVAL;
    *ret = (uint16_t)port;
    return 0;
}

static int parse_host_port(const char *text, struct addr *addr, const char **ret_why)
{
    const char *host = text, *end, *port;
    if (*text == '[') {
        struct in6_addr in6;
        host = text + 1;
        end = strchr(host, ']');
        if (!end || end[1] != ':')
            return fail(ret_why, "an IPv6 address is written [ADDRESS]:PORT");
        port = end + 2;
        if ((size_t)(end - host) >= sizeof addr->host)
            return fail(ret_why, "the host is too long");
        memcpy(addr->host, host, (size_t)(end - host));
        if (inet_pton(AF_INET6, addr->host, &in6) != 1)
            return fail(ret_why, "what stands in brackets is no IPv6 address");
    } else {
        end = strchr(text, ':');
        if (!end)
            return fail(ret_why, "the port is missing: HOST:PORT");
        port = end + 1;
        if (strchr(port, ':'))
            return fail(ret_why, "an IPv6 address is written [ADDRESS]:PORT");
        if ((size_t)(end - host) >= sizeof addr->host)
            return fail(ret_why, "the host is too long");
        memcpy(addr->host, host, (size_t)(end - host));
    }
    if (addr->host[0] == '\0')
        return fail(ret_why, "the host is missing");
    if (parse_port(port, &addr->port) != 0)
        return fail(ret_why, "the port is a number from 0 to 65535");
    return 0;
}

int addr_parse(const char *text, struct addr *ret, const char **ret_why)
{
    struct addr addr = {0};
    int err = 0;
    if (strncmp(text, "unix:", 5) == 0) {
        addr.scheme = ADDR_UNIX;
        if (text[5] == '\0')
            return fail(ret_why, "the path is missing");
        if (strlen(text + 5) >= sizeof addr.path)
            return fail(ret_why, "the path of a unix socket has at most 107 bytes");
        memcpy(addr.path, text + 5, strlen(text + 5));
    } else if (strncmp(text, "tcp:", 4) == 0 || strncmp(text, "tls:", 4) == 0) {
        addr.scheme = text[1] == 'c' ? ADDR_TCP : ADDR_TLS;
        err = parse_host_port(text + 4, &addr, ret_why);
    } else {
        return fail(ret_why, "an address is unix:PATH, tcp:HOST:PORT or tls:HOST:PORT");
    }
    if (err)
        return err;
    *ret = addr;
    return 0;
}

bool addr_is_loopback(const struct addr *addr)
{
    struct in_addr in;
    struct in6_addr in6;
    if (addr->scheme == ADDR_UNIX)
        return false;
    if (strcmp(addr->host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, addr->host, &in) == 1)
        return ntohl(in.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, addr->host, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
}
