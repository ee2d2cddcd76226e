/*
 * The fake server: blocking sockets on a thread of its own; every test gives the script that it plays.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "client/cli/json_in.h"
#include "client/client.h"
#include "fake_server.h"
#include "schema/codec.h"

struct fake {
    pthread_t thread;
    int listener;
    char folder[64], address[128];
    fake_script *script;
    void *context;
};

static void *play(void *context)
{
    struct fake *fake = context;
    for (int number = 0;; number++) {
        int fd = accept(fake->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        bool more = fake->script(fake, fd, number, fake->context);
        close(fd);
        if (!more)
            return NULL;
    }
}

struct fake *fake_start(fake_script *script, void *context)
{
    struct fake *fake = calloc(1, sizeof *fake);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    fake->script = script;
    fake->context = context;
    strcpy(fake->folder, "/tmp/relief-fake-XXXXXX");
    if (!mkdtemp(fake->folder))
        abort();
    snprintf(at.sun_path, sizeof at.sun_path, "%s/sock", fake->folder);
    snprintf(fake->address, sizeof fake->address, "unix:%s/sock", fake->folder);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(fake->listener, 16) != 0)
        abort();
    pthread_create(&fake->thread, NULL, play, fake);
    return fake;
}

void fake_stop(struct fake *fake)
{
    char path[128];
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    snprintf(path, sizeof path, "%s/sock", fake->folder);
    unlink(path);
    rmdir(fake->folder);
    free(fake);
}

const char *fake_address(const struct fake *fake)
{
    return fake->address;
}

bool fake_read(int fd, struct fake_request *ret)
{
    struct scan scan;
    *ret = (struct fake_request){.bytes = RELIEF_BUF_INIT};
    scan_init(&scan, 1 << 20);
    enum scan_status status = SCAN_MORE;
    /* A byte at a time: nothing of the next request is taken. Tests send little. */
    while (status == SCAN_MORE) {
        char byte;
        if (read(fd, &byte, 1) != 1) {
            relief_buf_deinit(&ret->bytes);
            return false;
        }
        relief_buf_add_char(&ret->bytes, byte);
        status = scan_feed(&scan, (const uint8_t *)ret->bytes.data, ret->bytes.len);
    }
    size_t used = 0;
    msgpack_unpacked_init(&ret->object);
    if (status != SCAN_DONE ||
        msgpack_unpack_next(&ret->object, ret->bytes.data, ret->bytes.len, &used) != MSGPACK_UNPACK_SUCCESS)
        abort();
    const msgpack_object *parts = ret->object.data.via.array.ptr;
    if (ret->object.data.type != MSGPACK_OBJECT_ARRAY || ret->object.data.via.array.size != 4 || parts[0].via.u64 != 0)
        abort();
    ret->msgid = (uint32_t)parts[1].via.u64;
    snprintf(ret->method, sizeof ret->method, "%.*s", (int)parts[2].via.str.size, parts[2].via.str.ptr);
    ret->params = parts[3].via.array.size ? &parts[3].via.array.ptr[0] : NULL;
    return true;
}

void fake_request_free(struct fake_request *request)
{
    msgpack_unpacked_destroy(&request->object);
    relief_buf_deinit(&request->bytes);
}

void fake_write(int fd, const void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t wrote = send(fd, (const char *)data + at, len - at, MSG_NOSIGNAL);
        if (wrote <= 0)
            return;
        at += (size_t)wrote;
    }
}

static void pack(struct relief_buf *buf, const char *json)
{
    char error[200];
    if (!json)
        relief_pack_nil(buf);
    else if (!cli_json_pack_text(buf, relief_str_of(json), error, sizeof error))
        abort();
}

void fake_pack_answer(struct relief_buf *buf, uint32_t msgid, const char *error_json, const char *result_json)
{
    relief_pack_array(buf, 4);
    relief_pack_int(buf, 1);
    relief_pack_int(buf, msgid);
    pack(buf, error_json);
    pack(buf, result_json);
}

static void answer(int fd, uint32_t msgid, const char *error_json, const char *result_json)
{
    struct relief_buf buf = RELIEF_BUF_INIT;
    fake_pack_answer(&buf, msgid, error_json, result_json);
    fake_write(fd, buf.data, buf.len);
    relief_buf_deinit(&buf);
}

void fake_answer(int fd, uint32_t msgid, const char *result_json)
{
    answer(fd, msgid, NULL, result_json);
}

void fake_refuse(int fd, uint32_t msgid, const char *error_json)
{
    answer(fd, msgid, error_json, NULL);
}

void fake_notify(int fd, const char *topic, const char *map_json)
{
    struct relief_buf buf = RELIEF_BUF_INIT;
    relief_pack_array(&buf, 3);
    relief_pack_int(&buf, 2);
    relief_pack_text(&buf, topic);
    relief_pack_array(&buf, 1);
    pack(&buf, map_json);
    fake_write(fd, buf.data, buf.len);
    relief_buf_deinit(&buf);
}

const char *fake_param(const struct fake_request *request, const char *key)
{
    static _Thread_local char text[256];
    const msgpack_object *value = client_map_find(request->params, key);
    text[0] = '\0';
    if (value && value->type == MSGPACK_OBJECT_STR)
        snprintf(text, sizeof text, "%.*s", (int)value->via.str.size, value->via.str.ptr);
    return text;
}
