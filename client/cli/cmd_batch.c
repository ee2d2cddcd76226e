/*
 * relief batch: one request a line, one answer a line, in order. Requests are sent ahead of their answers, up to
 * WINDOW; input and connection are waited for together, so that a line is answered while the next is still being typed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/client.h"
#include "schema/codec.h"

#define WINDOW         512u                 /* half of what the daemon takes before it stops reading */
#define LINE_BYTES_MAX (8u * 1024u * 1024u) /* JSON of the largest frame, with room for escapes */

struct batch {
    struct cli *cli;
    struct relief_buf in;
    size_t at;
    int fd;
    uint64_t line;
    bool end, refused;
    int failed; /* the first errno of the connection */
};

static void print_answer(void *context, int result, struct relief_answer *answer)
{
    struct batch *batch = context;
    struct relief_buf line = RELIEF_BUF_INIT;
    if (result < 0) {
        if (!batch->failed)
            batch->failed = result;
        return;
    }
    batch->refused |= result > 0;
    relief_buf_add_text(&line, result > 0 ? "{\"error\":" : "{\"result\":");
    const msgpack_object *object = result > 0 ? &answer->object.data : client_answer_object(answer);
    if (object)
        relief_json_msgpack(&line, object);
    else
        relief_buf_add_text(&line, "null");
    relief_buf_add_text(&line, "}\n");
    fwrite(line.data, 1, line.len, stdout);
    relief_buf_deinit(&line);
}

static int bad_line(const struct batch *batch, const char *what)
{
    return cli_bad("line %llu: %s", (unsigned long long)batch->line, what);
}

static int send_line(struct batch *batch, const char *text, size_t len)
{
    json_error_t error;
    char why[200];
    struct relief_buf map = RELIEF_BUF_INIT;
    json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    const char *method = json_string_value(json_object_get(line, "method"));
    json_t *params = json_object_get(line, "params");
    int code = CLI_DONE;
    if (!line)
        snprintf(why, sizeof why, "not JSON: %s (column %d)", error.text, error.column);
    if (!line)
        code = bad_line(batch, why);
    else if (!method || strlen(method) > RELIEF_METHOD_BYTES_MAX)
        code = bad_line(batch, "not {\"method\":..., \"params\":{...}}");
    else if (params && !json_is_null(params) && !json_is_object(params))
        code = bad_line(batch, "params is no object");
    else if (json_is_object(params) && !cli_json_pack(&map, params, why, sizeof why))
        code = bad_line(batch, why);
    if (code == 0) {
        int sent = relief_send_raw(batch->cli->client, method, map.data, map.len, print_answer, batch);
        snprintf(why, sizeof why, "line %llu", (unsigned long long)batch->line);
        if (sent)
            code = cli_result(batch->cli, sent, NULL, why);
    }
    relief_buf_deinit(&map);
    json_decref(line);
    return code;
}

static bool blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r') /* a NUL is no blank */
            return false;
    }
    return true;
}

/* Sends whole lines from the buffer while the window has room. */
static int send_lines(struct batch *batch)
{
    while (relief_client_pending(batch->cli->client) < WINDOW && batch->at < batch->in.len) {
        const char *start = batch->in.data + batch->at;
        size_t left = batch->in.len - batch->at;
        const char *feed = memchr(start, '\n', left);
        if (!feed && !batch->end)
            break;
        size_t len = feed ? (size_t)(feed - start) : left;
        batch->line++;
        batch->at += len + (feed != NULL);
        int code = len >= LINE_BYTES_MAX ? bad_line(batch, "too long")
                   : blank(start, len)   ? CLI_DONE
                                         : send_line(batch, start, len);
        if (code)
            return code;
    }
    if (batch->at > 0) {
        memmove(batch->in.data, batch->in.data + batch->at, batch->in.len - batch->at);
        batch->in.len -= batch->at;
        batch->at = 0;
    }
    /* At this length reading stops, so a line that has not ended by then never would. */
    if (batch->in.len >= LINE_BYTES_MAX && !memchr(batch->in.data, '\n', batch->in.len)) {
        batch->line++;
        return bad_line(batch, "too long");
    }
    return CLI_DONE;
}

static int read_more(struct batch *batch)
{
    if (!relief_buf_reserve(&batch->in, 65536))
        return cli_bad("no memory");
    ssize_t got = read(batch->fd, batch->in.data + batch->in.len, 65536);
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return cli_bad("cannot read: %s", strerror(errno));
    if (got > 0)
        batch->in.len += (size_t)got;
    batch->end = got == 0;
    return CLI_DONE;
}

static int loop(struct batch *batch)
{
    struct relief_client *client = batch->cli->client;
    while (!batch->end || batch->in.len > 0) {
        bool room = relief_client_pending(client) < WINDOW && batch->in.len < LINE_BYTES_MAX && !batch->end;
        struct pollfd wait[2] = {{.fd = relief_client_fd(client), .events = relief_client_events(client)},
                                 {.fd = room ? batch->fd : -1, .events = POLLIN}};
        int own = relief_client_timeout(client);
        int patience = relief_client_pending(client) == 0 ? -1
                       : batch->cli->timeout_ms           ? batch->cli->timeout_ms
                                                          : 30000;
        int ready = poll(wait, 2, own >= 0 ? own : patience);
        if (ready < 0 && errno != EINTR)
            return cli_bad("poll: %s", strerror(errno));
        if (ready == 0 && own < 0) {
            batch->failed = -ETIMEDOUT;
            return CLI_DONE;
        }
        int code = room && wait[1].revents ? read_more(batch) : CLI_DONE;
        if (code == 0)
            code = send_lines(batch);
        if (code)
            return code;
        relief_client_process(client, wait[0].revents);
        if (batch->failed)
            return CLI_DONE;
        if (fflush(stdout) != 0)
            return cli_flush(stdout, CLI_REFUSED);
        if (batch->end && batch->in.len > 0 && (code = send_lines(batch)) != 0)
            return code;
    }
    return CLI_DONE;
}

static int run_batch(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct batch batch = {.cli = cli, .fd = STDIN_FILENO};
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_batch, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief batch FILE.jsonl (or - for standard input)");
    if (strcmp(words.word[0], "-") != 0)
        batch.fd = open(words.word[0], O_RDONLY | O_CLOEXEC);
    if (batch.fd < 0)
        return cli_bad("%s: %s", words.word[0], strerror(errno));
    code = cli_connect(cli, true);
    if (code == 0) {
        code = loop(&batch);
        /* What was sent before a bad line is answered all the same. */
        int drained = relief_client_drain(cli->client);
        if (!batch.failed && drained && relief_client_pending(cli->client) > 0)
            batch.failed = drained;
        if (batch.failed)
            code = cli_result(cli, batch.failed, NULL, NULL);
        else if (code == 0 && batch.refused)
            code = CLI_REFUSED;
        code = cli_flush(stdout, code);
    }
    relief_buf_deinit(&batch.in);
    if (batch.fd != STDIN_FILENO)
        close(batch.fd);
    return code;
}

const struct cli_command cli_command_batch = {"batch", "FILE.jsonl|-",
                                              "requests as JSON Lines, answers in order, one a line", run_batch};
