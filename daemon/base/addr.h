/*
 * Addresses as people write them: unix:PATH, tcp:HOST:PORT, tls:HOST:PORT, IPv6 as tcp:[::1]:PORT. One reader for the
 * listeners and for the configuration, so that what the configuration accepts is what can be listened on.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ADDR_TEXT_BYTES 320u /* longest text with its NUL: a host name has at most 253 bytes, a socket's path 107 */
#define ADDR_PATH_BYTES 108u /* sun_path with its NUL */
#define ADDR_HOST_BYTES 256u

enum addr_scheme { ADDR_UNIX, ADDR_TCP, ADDR_TLS };

struct addr {
    enum addr_scheme scheme;
    char path[ADDR_PATH_BYTES]; /* unix */
    char host[ADDR_HOST_BYTES]; /* tcp, tls; IPv6 without brackets */
    uint16_t port;              /* 0: any free one */
};

/* 0, or -EINVAL with *ret_why a sentence that says what is wrong (static; ret_why may be NULL). */
int addr_parse(const char *text, struct addr *ret, const char **ret_why);
/* True for 127.0.0.0/8, ::1 and "localhost"; false for everything else, a unix socket included. */
bool addr_is_loopback(const struct addr *addr);
