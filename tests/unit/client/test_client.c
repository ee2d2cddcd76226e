/*
 * The library against a scripted server: answers, refusals, bytes that trickle, connections that break, silence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/client.h"
#include "fake_server.h"
#include "schema/codec.h"

#define HEAD "{\"seq\":7,\"hash\":\"ab\",\"time\":5}"

static struct relief_client *open_client(const struct fake *fake, int timeout_ms)
{
    struct relief_client *client = NULL;
    const struct relief_client_options options = {.server = fake_address(fake), .timeout_ms = timeout_ms};
    assert_int_equal(relief_client_open(&client, &options), 0);
    return client;
}

static int head(struct relief_client *client, struct relief_answer **ret)
{
    struct relief_log_head_params params;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    return relief_log_head(client, &params, ret);
}

/* Answers everything with HEAD until the peer goes. */
static bool serve_heads(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number, (void)context;
    while (fake_read(fd, &request)) {
        fake_answer(fd, request.msgid, HEAD);
        fake_request_free(&request);
    }
    return true;
}

static void test_answer_is_decoded(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_heads, NULL);
    struct relief_client *client = open_client(fake, 5000);
    struct relief_answer *answer = NULL;
    assert_int_equal(head(client, &answer), 0);
    const struct relief_head *record = relief_answer_record(answer);
    assert_non_null(record);
    assert_int_equal(record->seq, 7);
    assert_int_equal(relief_answer_seq(answer), 7);
    assert_true(relief_str_eq(record->hash, RELIEF_STR("ab")));
    assert_null(relief_answer_refusal(answer));
    size_t len = 0;
    assert_non_null(relief_answer_raw(answer, &len));
    assert_true(len > 10);
    relief_answer_free(answer);
    relief_client_close(client);
    fake_stop(fake);
}

static bool serve_refusal(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number, (void)context;
    while (fake_read(fd, &request)) {
        fake_refuse(fd, request.msgid,
                    "{\"code\":\"INSUFFICIENT\",\"message\":\"only "
                    "3\",\"field\":\"quantity\",\"available\":3,\"new_key\":[1]}");
        fake_request_free(&request);
    }
    return true;
}

static void test_refusal_has_its_details(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_refusal, NULL);
    struct relief_client *client = open_client(fake, 5000);
    struct relief_answer *answer = NULL;
    assert_int_equal(head(client, &answer), RELIEF_INSUFFICIENT);
    const struct relief_refusal *refusal = relief_answer_refusal(answer);
    assert_string_equal(refusal->message, "only 3");
    assert_string_equal(refusal->field, "quantity");
    assert_int_equal(refusal->available, 3);
    assert_null(relief_answer_record(answer));
    relief_answer_free(answer);
    relief_client_close(client);
    fake_stop(fake);
}

/* Each byte of the answer in a write of its own, the next request's answer glued to the last byte. */
static bool serve_trickle(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number, (void)context;
    while (fake_read(fd, &request)) {
        struct relief_buf buf = RELIEF_BUF_INIT;
        fake_pack_answer(&buf, request.msgid, NULL, HEAD);
        for (size_t i = 0; i < buf.len; i++)
            fake_write(fd, buf.data + i, 1);
        relief_buf_deinit(&buf);
        fake_request_free(&request);
    }
    return true;
}

static void test_partial_frames(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_trickle, NULL);
    struct relief_client *client = open_client(fake, 5000);
    for (int i = 0; i < 3; i++) {
        struct relief_answer *answer = NULL;
        assert_int_equal(head(client, &answer), 0);
        assert_int_equal(relief_answer_seq(answer), 7);
        relief_answer_free(answer);
    }
    relief_client_close(client);
    fake_stop(fake);
}

struct counted {
    int done, refused, failed, last_error;
};

static void count(void *context, int result, struct relief_answer *answer)
{
    struct counted *counted = context;
    if (result == 0 && relief_answer_seq(answer) == 7)
        counted->done++;
    else if (result > 0)
        counted->refused++;
    else
        counted->failed++, counted->last_error = result;
}

static void test_pipeline_of_many(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_heads, NULL);
    struct relief_client *client = open_client(fake, 20000);
    struct counted counted = {0};
    struct relief_log_head_params params;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(relief_send(client, RELIEF_METHOD_log_head, &params, count, &counted), 0);
    assert_int_equal(relief_client_pending(client), 2000);
    assert_int_equal(relief_client_drain(client), 0);
    assert_int_equal(counted.done, 2000);
    relief_client_close(client);
    fake_stop(fake);
}

/* ---- reconnect ---- */

struct seen {
    struct relief_buf first, second;
    char op[65], method[65];
    atomic_int connections;
};

/* The first connection takes two requests and breaks; the second answers whatever comes. */
static bool serve_break(struct fake *fake, int fd, int number, void *context)
{
    struct seen *seen = context;
    struct fake_request request;
    (void)fake;
    seen->connections = number + 1;
    for (int i = 0; fake_read(fd, &request); i++) {
        relief_buf_add(number == 0 ? &seen->first : &seen->second, request.bytes.data, request.bytes.len);
        if (i == 0) {
            snprintf(seen->op, sizeof seen->op, "%s", fake_param(&request, "op"));
            snprintf(seen->method, sizeof seen->method, "%s", request.method);
        }
        if (number > 0)
            fake_answer(fd, request.msgid, HEAD);
        fake_request_free(&request);
        if (number == 0 && i == 1)
            return true;
    }
    return true;
}

static void test_lost_connection_sends_the_same_bytes_again(void **state)
{
    (void)state;
    struct seen seen = {.first = RELIEF_BUF_INIT, .second = RELIEF_BUF_INIT};
    struct fake *fake = fake_start(serve_break, &seen);
    struct relief_client *client = open_client(fake, 5000);
    struct counted counted = {0};
    struct relief_stock_receive_params receive;
    relief_params_init(RELIEF_METHOD_stock_receive, &receive);
    receive.city = receive.kind = RELIEF_STR("a");
    receive.quantity = 5;
    assert_int_equal(relief_send(client, RELIEF_METHOD_stock_receive, &receive, count, &counted), 0);
    assert_int_equal(relief_send(client, RELIEF_METHOD_stock_receive, &receive, count, &counted), 0);
    assert_int_equal(relief_client_drain(client), 0);
    assert_int_equal(counted.done, 2);
    relief_client_close(client);
    fake_stop(fake);
    assert_int_equal(seen.connections, 2);
    assert_int_equal(strlen(seen.op), 26);
    assert_int_equal(seen.first.len, seen.second.len);
    assert_memory_equal(seen.first.data, seen.second.data, seen.first.len);
    relief_buf_deinit(&seen.first);
    relief_buf_deinit(&seen.second);
}

static void test_submit_gets_no_op(void **state)
{
    (void)state;
    struct seen seen = {.first = RELIEF_BUF_INIT, .second = RELIEF_BUF_INIT};
    struct fake *fake = fake_start(serve_break, &seen);
    struct relief_client *client = open_client(fake, 5000);
    struct counted counted = {0};
    struct relief_request_submit_params submit;
    relief_params_init(RELIEF_METHOD_request_submit, &submit);
    submit.id = submit.city = submit.kind = RELIEF_STR("a");
    submit.quantity = 5;
    for (int i = 0; i < 2; i++)
        relief_send(client, RELIEF_METHOD_request_submit, &submit, count, &counted);
    assert_int_equal(relief_client_drain(client), 0);
    relief_client_close(client);
    fake_stop(fake);
    assert_string_equal(seen.method, "request.submit");
    assert_string_equal(seen.op, "");
    relief_buf_deinit(&seen.first);
    relief_buf_deinit(&seen.second);
}

/* Says hello on every connection; the first breaks after the hello is answered and one request has come. */
static bool serve_hello(struct fake *fake, int fd, int number, void *context)
{
    struct relief_buf *methods = context;
    struct fake_request request;
    (void)fake;
    relief_buf_printf(methods, "|");
    while (fake_read(fd, &request)) {
        bool hello = strcmp(request.method, "server.hello") == 0;
        relief_buf_printf(methods, "%s:%s ", request.method, fake_param(&request, "role"));
        if (hello || number > 0)
            fake_answer(fd, request.msgid, hello ? "{\"server\":\"relief\",\"version\":\"1\",\"protocol\":1}" : HEAD);
        fake_request_free(&request);
        if (!hello && number == 0)
            return true;
    }
    return true;
}

static void test_accepted_hello_opens_the_next_connection(void **state)
{
    (void)state;
    struct relief_buf methods = RELIEF_BUF_INIT;
    struct fake *fake = fake_start(serve_hello, &methods);
    struct relief_client *client = open_client(fake, 5000);
    struct relief_server_hello_params hello;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_server_hello, &hello);
    hello.role = RELIEF_role_auditor;
    assert_int_equal(relief_server_hello(client, &hello, &answer), 0);
    relief_answer_free(answer);
    assert_int_equal(head(client, &answer), 0);
    relief_answer_free(answer);
    relief_client_close(client);
    fake_stop(fake);
    relief_buf_add_char(&methods, '\0');
    assert_string_equal(methods.data, "|server.hello:auditor log.head: |server.hello:auditor log.head: ");
    relief_buf_deinit(&methods);
}

/* Rows, then the connection breaks. */
static bool serve_rows(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number;
    if (!fake_read(fd, &request))
        return true;
    ++*(atomic_int *)context;
    fake_notify(fd, "rows", "{\"msgid\":1,\"rows\":[{\"t\":\"city\"}]}");
    fake_request_free(&request);
    return true;
}

static void note_topic(void *context, const char *topic, const void *data, size_t len)
{
    struct relief_buf *topics = context;
    relief_buf_printf(topics, "%s:%zu:%02x ", topic, len, *(const unsigned char *)data);
}

static void test_stream_is_never_repeated(void **state)
{
    (void)state;
    atomic_int requests = 0;
    struct relief_buf topics = RELIEF_BUF_INIT;
    struct fake *fake = fake_start(serve_rows, &requests);
    struct relief_client *client = open_client(fake, 5000);
    struct relief_snapshot_dump_params params;
    struct relief_answer *answer = NULL;
    relief_client_on_notification(client, note_topic, &topics);
    relief_params_init(RELIEF_METHOD_snapshot_dump, &params);
    assert_int_equal(relief_snapshot_dump(client, &params, &answer), -ECONNRESET);
    assert_null(answer);
    relief_client_close(client);
    fake_stop(fake);
    assert_int_equal(requests, 1);
    relief_buf_add_char(&topics, '\0');
    assert_string_equal(topics.data, "rows:22:82 ");
    relief_buf_deinit(&topics);
}

/* ---- silence, strangers ---- */

/* Holds the first answer back until a second request comes. */
static bool serve_late(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request first, second;
    (void)fake, (void)number, (void)context;
    if (!fake_read(fd, &first))
        return true;
    if (fake_read(fd, &second)) {
        fake_answer(fd, first.msgid, "{\"seq\":1,\"hash\":\"old\",\"time\":1}");
        fake_answer(fd, second.msgid, HEAD);
        fake_request_free(&second);
    }
    fake_request_free(&first);
    return serve_heads(fake, fd, number, context);
}

static void test_timeout_then_the_next_answer_is_the_right_one(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_late, NULL);
    struct relief_client *client = open_client(fake, 100);
    struct relief_answer *answer = NULL;
    int64_t start = client_now_ms();
    assert_int_equal(head(client, &answer), -ETIMEDOUT);
    assert_true(client_now_ms() - start >= 99);
    assert_non_null(strstr(relief_client_error(client), "100 ms"));
    client->timeout_ms = 5000;
    assert_int_equal(head(client, &answer), 0);
    assert_int_equal(relief_answer_seq(answer), 7);
    relief_answer_free(answer);
    relief_client_close(client);
    fake_stop(fake);
}

static void test_no_server_fails_at_once(void **state)
{
    (void)state;
    struct relief_client *client = (void *)1;
    struct relief_client_options options = {.server = "unix:/nonexistent/relief.sock"};
    assert_int_equal(relief_client_open(&client, &options), -ENOENT);
    options.server = "tcp:127.0.0.1:1";
    assert_int_equal(relief_client_open(&client, &options), -ECONNREFUSED);
    options.server = "tcp:nowhere";
    assert_int_equal(relief_client_open(&client, &options), -EINVAL);
    assert_ptr_equal(client, (void *)1);
}

static bool serve_garbage(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number;
    if (fake_read(fd, &request)) {
        fake_write(fd, context, strlen(context));
        fake_request_free(&request);
    }
    return true;
}

static void test_stranger_is_not_asked_again(void **state)
{
    static char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\xc1", "\x93\x05\x01\x01",
                                    "\x94\x01\xa1x\xc0\xc0", "\x94\x01\x01\xc0\xa1\xff"};
    (void)state;
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fake *fake = fake_start(serve_garbage, answers[i]);
        struct relief_client *client = open_client(fake, 5000);
        struct relief_answer *answer = NULL;
        assert_int_equal(head(client, &answer), -EPROTO);
        assert_int_equal(head(client, &answer), -EPROTO);
        relief_client_close(client);
        fake_stop(fake);
    }
}

static bool serve_bad_frame(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number, (void)context;
    if (fake_read(fd, &request)) {
        fake_refuse(fd, 0, "{\"code\":\"FRAME_TOO_LARGE\",\"message\":\"4 KiB before hello\"}");
        fake_request_free(&request);
    }
    return true;
}

static void test_refused_connection(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_bad_frame, NULL);
    struct relief_client *client = open_client(fake, 5000);
    struct relief_answer *answer = NULL;
    assert_int_equal(head(client, &answer), -EPROTO);
    assert_non_null(strstr(relief_client_error(client), "4 KiB before hello"));
    relief_client_close(client);
    fake_stop(fake);
}

/* One bad or cut answer, made of the seed in context, then the end of the connection. */
static bool serve_mutated(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    struct relief_buf buf = RELIEF_BUF_INIT;
    unsigned *seed = context;
    (void)fake, (void)number;
    if (!fake_read(fd, &request))
        return true;
    fake_pack_answer(
        &buf, request.msgid, NULL,
        "{\"items\":[{\"code\":\"1\",\"name\":\"n\",\"lat\":5,\"mode\":\"normal\",\"substitutes\":[{\"kind\":\"a\"}]},"
        "{\"code\":\"2\"}],\"next\":\"2\",\"seq\":70000}");
    for (unsigned i = 0, flips = 1 + (unsigned)rand_r(seed) % 4; i < flips; i++)
        buf.data[(unsigned)rand_r(seed) % buf.len] = (char)rand_r(seed);
    fake_write(fd, buf.data, rand_r(seed) % 4 ? buf.len : (unsigned)rand_r(seed) % buf.len);
    relief_buf_deinit(&buf);
    fake_request_free(&request);
    return true;
}

/* Whatever comes: a result, and an answer that can be asked for everything. Memory is watched by the sanitizers. */
static void test_mutated_answers(void **state)
{
    (void)state;
    unsigned seed = 20261122, answers = 0, failures = 0;
    struct fake *fake = fake_start(serve_mutated, &seed);
    for (int i = 0; i < 500; i++) {
        struct relief_client *client = NULL;
        const struct relief_client_options options = {
            .server = fake_address(fake), .timeout_ms = 5000, .no_reconnect = true};
        struct relief_kind_list_params params;
        struct relief_answer *answer = NULL;
        struct relief_str next;
        assert_int_equal(relief_client_open(&client, &options), 0);
        relief_params_init(RELIEF_METHOD_kind_list, &params);
        int result = relief_kind_list(client, &params, &answer);
        assert_true((result < 0) == (answer == NULL));
        if (answer) {
            relief_answer_items(answer, &next);
            relief_answer_seq(answer);
            relief_answer_refusal(answer);
            relief_answer_record(answer);
        }
        answers += answer != NULL;
        failures += result < 0;
        relief_answer_free(answer);
        relief_client_close(client);
    }
    fake_stop(fake);
    assert_true(answers > 50 && failures > 50); /* both ways were walked */
}

/* ---- the daemon comes back late ---- */

static bool serve_nothing(struct fake *fake, int fd, int number, void *context)
{
    struct fake_request request;
    (void)fake, (void)number, (void)context;
    if (fake_read(fd, &request))
        fake_request_free(&request);
    return false; /* the thread ends; the listener stays, nobody accepts */
}

static void test_gives_up_when_the_time_is_over(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_nothing, NULL);
    struct relief_client *client = open_client(fake, 150);
    struct counted counted = {0};
    struct relief_answer *answer = NULL;
    assert_int_equal(head(client, &answer), -ETIMEDOUT);
    struct relief_log_head_params params;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    assert_int_equal(relief_send(client, RELIEF_METHOD_log_head, &params, count, &counted), 0);
    assert_true(relief_client_drain(client) < 0);
    relief_client_close(client);
    assert_int_equal(counted.failed, 1);
    fake_stop(fake);
}

/* Accepts and closes, for ever: counted. */
static bool serve_closing(struct fake *fake, int fd, int number, void *context)
{
    (void)fake, (void)fd;
    *(atomic_int *)context = number + 1;
    return true;
}

static void test_a_peer_that_only_closes_is_not_hammered(void **state)
{
    (void)state;
    atomic_int connections = 0;
    struct fake *fake = fake_start(serve_closing, &connections);
    struct relief_client *client = open_client(fake, 300);
    struct relief_answer *answer = NULL;
    assert_true(head(client, &answer) < 0);
    relief_client_close(client);
    fake_stop(fake);
    assert_in_range(connections, 2, 10); /* at once, then after 20, 40, 80, 160 ms */
}

/* ---- raw parameters ---- */

static const char *raw_op(const char *method, const char *map, size_t len, uint32_t *ret_count)
{
    static char op[65];
    struct relief_buf packed = RELIEF_BUF_INIT;
    msgpack_unpacked object;
    size_t used = 0;
    op[0] = '\0';
    assert_int_equal(
        client_params_raw(&packed, relief_method_find(relief_str_of(method)), (struct relief_str){map, (uint32_t)len}),
        0);
    msgpack_unpacked_init(&object);
    assert_int_equal(msgpack_unpack_next(&object, packed.data, packed.len, &used), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(used, packed.len);
    *ret_count = object.data.via.map.size;
    const msgpack_object *found = client_map_find(&object.data, "op");
    if (found && found->type == MSGPACK_OBJECT_STR)
        snprintf(op, sizeof op, "%.*s", (int)found->via.str.size, found->via.str.ptr);
    msgpack_unpacked_destroy(&object);
    relief_buf_deinit(&packed);
    return op;
}

static void test_raw_op(void **state)
{
    (void)state;
    uint32_t count_of = 0;
    assert_int_equal(strlen(raw_op("region.put", NULL, 0, &count_of)), 26);
    assert_int_equal(count_of, 1);
    assert_string_equal(raw_op("region.put", "\x82\xa2op\xa1x\xa2id\xa1r", 11, &count_of), "x");
    assert_int_equal(count_of, 2);
    /* nil is absent */
    assert_int_equal(strlen(raw_op("region.put", "\x82\xa2op\xc0\xa2id\xa1r", 10, &count_of)), 26);
    assert_int_equal(count_of, 2);
    assert_string_equal(raw_op("region.get", "\x81\xa2id\xa1r", 6, &count_of), "");
    assert_string_equal(raw_op("request.submit", "\x81\xa2id\xa1r", 6, &count_of), "");
    assert_string_equal(raw_op("no.such", "\x81\xa2id\xa1r", 6, &count_of), "");
    struct relief_buf packed = RELIEF_BUF_INIT;
    assert_int_equal(client_params_raw(&packed, NULL, RELIEF_STR("\x91\xc0")), -EINVAL);
    assert_int_equal(client_params_raw(&packed, NULL, RELIEF_STR("\x82\xa2id")), -EINVAL);
    relief_buf_deinit(&packed);
}

static struct relief_client *blocked;
static int inner_result;

static void call_inside(void *context, int result, struct relief_answer *answer)
{
    (void)context, (void)result, (void)answer;
    struct relief_answer *inner = NULL;
    inner_result = head(blocked, &inner);
}

static void test_a_callback_may_not_block(void **state)
{
    (void)state;
    struct fake *fake = fake_start(serve_heads, NULL);
    blocked = open_client(fake, 5000);
    struct relief_log_head_params params;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    relief_send(blocked, RELIEF_METHOD_log_head, &params, call_inside, NULL);
    assert_int_equal(relief_client_drain(blocked), 0);
    assert_int_equal(inner_result, -EBUSY);
    relief_client_close(blocked);
    fake_stop(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_is_decoded),
        cmocka_unit_test(test_refusal_has_its_details),
        cmocka_unit_test(test_partial_frames),
        cmocka_unit_test(test_pipeline_of_many),
        cmocka_unit_test(test_lost_connection_sends_the_same_bytes_again),
        cmocka_unit_test(test_submit_gets_no_op),
        cmocka_unit_test(test_accepted_hello_opens_the_next_connection),
        cmocka_unit_test(test_stream_is_never_repeated),
        cmocka_unit_test(test_timeout_then_the_next_answer_is_the_right_one),
        cmocka_unit_test(test_no_server_fails_at_once),
        cmocka_unit_test(test_stranger_is_not_asked_again),
        cmocka_unit_test(test_refused_connection),
        cmocka_unit_test(test_mutated_answers),
        cmocka_unit_test(test_gives_up_when_the_time_is_over),
        cmocka_unit_test(test_a_peer_that_only_closes_is_not_hammered),
        cmocka_unit_test(test_raw_op),
        cmocka_unit_test(test_a_callback_may_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
