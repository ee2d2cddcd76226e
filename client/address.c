/*
 * Addresses as people write them: unix:PATH, tcp:HOST:PORT, tcp:[::1]:7470, tls:HOST, tls:HOST:PORT.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"

void client_address_default(char *ret_text, size_t size)
{
    const char *server = getenv("RELIEF_SERVER");
    const char *path = getenv("RELIEF_SOCKET");
    if (server && *server)
        snprintf(ret_text, size, "%s", server);
    else
        snprintf(ret_text, size, "unix:%s", path && *path ? path : "/run/reliefd/reliefd.sock");
}

static int parse_unix(struct client_address *address, const char *path)
{
    if (!*path)
        return -EINVAL;
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return -ENAMETOOLONG;
    address->family = CLIENT_UNIX;
    memcpy(address->host, path, strlen(path) + 1);
    return 0;
}

/* port: that of an address that names none; NULL: it has to. */
static int parse_tcp(struct client_address *address, const char *text, const char *port)
{
    const char *host = text, *end;
    if (*host == '[') {
        host++;
        end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return -EINVAL;
        if (end[1])
            port = end + 2;
    } else {
        end = strchr(host, ':');
        if (end && strchr(end + 1, ':'))
            return -EINVAL; /* an IPv6 address needs its brackets, or the port is anybody's guess */
        if (end)
            port = end + 1;
        else
            end = host + strlen(host);
    }
    size_t host_len = (size_t)(end - host), port_len = port ? strlen(port) : 0;
    if (host_len == 0 || host_len >= sizeof address->host || port_len == 0 || port_len > 5 ||
        strspn(port, "0123456789") != port_len || strtol(port, NULL, 10) > 65535)
        return -EINVAL;
    address->family = CLIENT_TCP;
    memcpy(address->host, host, host_len);
    memcpy(address->port, port, port_len + 1);
    return 0;
}

int client_address_parse(struct client_address *ret, const char *text)
{
    struct client_address address = {0};
    int error = -EINVAL;
    if (strlen(text) >= sizeof address.text)
        return -ENAMETOOLONG;
    memcpy(address.text, text, strlen(text) + 1);
    if (strncmp(text, "unix:", 5) == 0)
        error = parse_unix(&address, text + 5);
    else if (strncmp(text, "tcp:", 4) == 0)
        error = parse_tcp(&address, text + 4, NULL);
    else if (strncmp(text, "tls:", 4) == 0) {
        error = parse_tcp(&address, text + 4, CLIENT_TLS_PORT);
        address.tls = true;
    }
    if (error == 0)
        *ret = address;
    return error;
}
