/*
 * A server for tests: a thread that plays a given script on a unix socket, one connection after the other. It speaks
 * the wire by hand, so that it can also break it.
 */
#pragma once
#include <msgpack.h>
#include <stdbool.h>
#include "schema/buf.h"

struct fake_request {
    struct relief_buf bytes; /* the whole frame */
    msgpack_unpacked object;
    uint32_t msgid;
    char method[65];
    const msgpack_object *params; /* the map, or NULL */
};

struct fake;
/* Plays one connection; `number` counts from 0. The socket is closed when it returns. False: the server ends. */
typedef bool fake_script(struct fake *fake, int fd, int number, void *context);

struct fake *fake_start(fake_script *script, void *context);
/* Waits for the script to end. */
void fake_stop(struct fake *fake);
/* unix:PATH */
const char *fake_address(const struct fake *fake);

/* Reads one request; false at the end of the connection. Free with fake_request_free. */
bool fake_read(int fd, struct fake_request *ret);
void fake_request_free(struct fake_request *request);
void fake_write(int fd, const void *data, size_t len);
/* [1, msgid, nil, <result packed from JSON>] and [1, msgid, <error>, nil] into buf. */
void fake_pack_answer(struct relief_buf *buf, uint32_t msgid, const char *error_json, const char *result_json);
void fake_answer(int fd, uint32_t msgid, const char *result_json);
void fake_refuse(int fd, uint32_t msgid, const char *error_json);
/* [2, topic, [map]] */
void fake_notify(int fd, const char *topic, const char *map_json);
/* The string under key in the request's params, "" when there is none. Valid until the next call. */
const char *fake_param(const struct fake_request *request, const char *key);
