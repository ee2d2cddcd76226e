/*
 * The client library before a daemon that means ill: requests are under way, and then come bytes. First byte: how many
 * requests, and in what pieces the bytes come; a byte a request: its method. Each request ends once, with an answer or
 * an error; what an answer decodes to can be shown in every view, and in the view for people no byte of it disturbs a
 * terminal. In the bytes 0xc1, which is no MessagePack, followed by N stands for the number of request N.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/view.h"
#include "client/client.h"
#include "fuzz.h"
#include "schema/codec.h"
#include "schema/scan.h"

#define REQUESTS_MAX 8u

static int listener = -1;
static const char *address;
static struct relief_client *client;
static struct request {
    const struct relief_method_info *method;
    unsigned done;
} requests[REQUESTS_MAX];

static void start(void)
{
    static char text[256];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    fuzz_quiet();
    if (listener >= 0)
        return;
    unsetenv("RELIEF_TOKEN");
    snprintf(to.sun_path, sizeof to.sun_path, "%s", fuzz_path("socket"));
    snprintf(text, sizeof text, "unix:%s", to.sun_path);
    address = text;
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 4) == 0);
}

/* ---- what is done with an answer ---- */

static void check_shown(const char *text, size_t len, const struct cli_view *view)
{
    for (size_t i = 0; i < len && view == &cli_view_text; i++)
        FUZZ_CHECK((unsigned char)text[i] >= ' ' || text[i] == '\n');
}

static void show(const struct relief_answer *answer, const struct cli_view *view)
{
    const struct relief_shape *shape = answer->method->result;
    const void *record = relief_answer_record(answer);
    const struct relief_list *items = relief_answer_items(answer, NULL);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    FUZZ_CHECK(out);
    if (record)
        view->record(out, shape, record, client_answer_object(answer));
    if (items && shape->count) {
        struct cli_list list;
        struct cli_page page = {.items = items};
        const msgpack_object *raw = client_map_find(client_answer_object(answer), "items");
        page.raw = raw ? raw->via.array.ptr : NULL;
        cli_list_init(&list, out, shape, NULL);
        view->page(&list, &page);
        view->end(&list);
    }
    FUZZ_CHECK(fclose(out) == 0);
    check_shown(text, len, view);
    free(text);
}

static void done(void *context, int result, struct relief_answer *answer)
{
    struct request *request = context;
    FUZZ_CHECK(request->done++ == 0);
    FUZZ_CHECK((result >= 0) == (answer != NULL));
    const struct relief_refusal *refusal = relief_answer_refusal(answer);
    FUZZ_CHECK((result > 0) == (refusal != NULL));
    if (refusal) {
        FUZZ_CHECK(relief_error_name(refusal->code) && (int)refusal->code == result);
        cli_say_refusal(refusal, "here");
    }
    if (result != 0)
        return;
    size_t len = 0;
    FUZZ_CHECK(relief_answer_raw(answer, &len) && len > 0);
    relief_answer_seq(answer);
    for (unsigned i = 0; i < 3; i++)
        show(answer, cli_views[i]);
}

static void notified(void *context, const char *topic, const void *msgpack, size_t len)
{
    struct scan scan;
    (void)context;
    scan_init(&scan, CLIENT_ANSWER_BYTES_MAX);
    scan_feed(&scan, msgpack, len);
    FUZZ_CHECK(strlen(topic) <= RELIEF_METHOD_BYTES_MAX);
}

/* ---- one connection ---- */

static int connect_both(void)
{
    const struct relief_client_options options = {.server = address, .no_reconnect = true};
    FUZZ_CHECK(relief_client_open(&client, &options) == 0);
    relief_client_on_notification(client, notified, NULL);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    FUZZ_CHECK(fd >= 0);
    return fd;
}

static unsigned send_requests(struct fuzz_input *input, unsigned count)
{
    _Alignas(8) char params[2048];
    for (unsigned i = 0; i < count; i++) {
        const struct relief_method_info *method = &relief_methods[fuzz_byte(input) % relief_method_count];
        requests[i] = (struct request){.method = method};
        relief_params_init((enum relief_method)method->number, params);
        FUZZ_CHECK(relief_send(client, (enum relief_method)method->number, params, done, &requests[i]) == 0);
    }
    relief_client_process(client, POLLOUT);
    return count;
}

/* What the peer sends: the rest of the input, with the numbers of requests filled in. */
static struct relief_str bytes_of(struct fuzz_input *input)
{
    static struct relief_buf bytes;
    relief_buf_clear(&bytes);
    while (input->at < input->end) {
        struct relief_str plain = fuzz_until(input, 0xc1);
        relief_buf_add_str(&bytes, plain);
        if (input->at < input->end)
            relief_pack_int(&bytes, client->last_msgid - fuzz_byte(input) % REQUESTS_MAX);
    }
    return (struct relief_str){bytes.data ? bytes.data : "", (uint32_t)bytes.len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char sink[4096];
    struct fuzz_input input = {data, data + size};
    if (size > 65536)
        return 0;
    start();
    uint8_t first = fuzz_byte(&input);
    int fd = connect_both();
    unsigned count = send_requests(&input, first % (REQUESTS_MAX + 1));
    struct relief_str bytes = bytes_of(&input);
    size_t piece = first & 0x80 ? 1 + bytes.len / 7 : 65536;
    for (size_t at = 0; at < bytes.len && relief_client_fd(client) >= 0;) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        ssize_t sent = send(fd, bytes.data + at, len, MSG_NOSIGNAL);
        FUZZ_CHECK(sent > 0 || errno == EAGAIN);
        at += sent > 0 ? (size_t)sent : 0;
        relief_client_process(client, POLLIN);
        while (recv(fd, sink, sizeof sink, 0) > 0)
            continue;
    }
    close(fd);
    for (unsigned i = 0; i < 8 && relief_client_fd(client) >= 0; i++)
        relief_client_process(client, POLLIN);
    relief_client_close(client);
    for (unsigned i = 0; i < count; i++)
        FUZZ_CHECK(requests[i].done == 1);
    return 0;
}
