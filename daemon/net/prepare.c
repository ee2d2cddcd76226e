/*
 * What of listening takes more of the machine than a process has that is bound to its files (sandbox/sandbox.h): a
 * host's name becomes its number, for which the C library reads files of the system, loads modules and asks servers;
 * the folders above a unix socket are made.
 */
#include "net/inside.h"
#include "base/addr.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int net_make_parents(const char *path)
{
    char folder[ADDR_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *at = folder + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(folder, 0755) != 0 && errno != EEXIST)
            return -errno;
        *at = '/';
    }
    return 0;
}

static int resolve(const struct addr *addr, char *ret, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char host[ADDR_HOST_BYTES];
    struct addrinfo *found = NULL;
    if (getaddrinfo(addr->host, NULL, &hints, &found) != 0 || !found)
        return -EADDRNOTAVAIL;
    int result = 0;
    if (getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        result = -EADDRNOTAVAIL;
    else
        snprintf(ret, size, found->ai_family == AF_INET6 ? "%s:[%s]:%u" : "%s:%s:%u",
                 addr->scheme == ADDR_TLS ? "tls" : "tcp", host, addr->port);
    freeaddrinfo(found);
    return result;
}

int net_prepare(const char *address, char *ret, size_t size, unsigned *ret_port)
{
    struct addr addr;
    int result = addr_parse(address, &addr, NULL);
    if (result)
        return result;
    *ret_port = addr.port;
    if (addr.scheme != ADDR_UNIX)
        return resolve(&addr, ret, size);
    snprintf(ret, size, "%s", address);
    return net_make_parents(addr.path);
}
