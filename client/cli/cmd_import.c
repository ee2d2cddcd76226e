/*
 * relief import: a CSV file as calls of one method. The whole file is checked before anything is sent; then rows are
 * pipelined, up to WINDOW ahead of their answers. What was new and what an earlier import had done is told by the
 * answers' log entries: a replayed answer names an entry from before we began.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/cli/import.h"
#include "client/cli/view.h"

#define WINDOW         1000u                        /* just below what the daemon takes before it stops reading */
#define FILE_BYTES_MAX ((size_t)1024 * 1024 * 1024) /* some ten million rows */

struct sending {
    struct cli *cli;
    struct import *import;
    uint64_t start_seq;
    uint64_t total, answered, new, before, refused;
    int failed;
    int64_t shown_ms;
};

struct row {
    struct sending *sending;
    uint32_t line;
};

static bool load(struct import *import, FILE *file)
{
    size_t cap = 0;
    for (;;) {
        if (cap - import->len < 65536) {
            cap = cap ? cap * 2 : 1 << 20;
            char *larger = cap <= 2 * FILE_BYTES_MAX ? realloc(import->data, cap) : NULL;
            if (!larger)
                return errno = EFBIG, false;
            import->data = larger;
        }
        size_t got = fread(import->data + import->len, 1, cap - import->len, file);
        import->len += got;
        if (import->len > FILE_BYTES_MAX)
            return errno = EFBIG, false;
        if (got == 0)
            return !ferror(file);
    }
}

static int load_file(struct import *import)
{
    FILE *file = strcmp(import->file, "-") == 0 ? stdin : fopen(import->file, "re");
    if (!file)
        return cli_bad("%s: %s", import->file, strerror(errno));
    bool good = load(import, file);
    int error = errno;
    if (file != stdin)
        fclose(file);
    return good ? CLI_DONE : cli_bad("%s: %s", import->file, strerror(error));
}

/* Every bad row is named; nothing is sent when there is one. */
static int check_file(struct import *import)
{
    bool stop = false;
    int code = import_begin(import);
    if (code)
        return code;
    while (!stop) {
        int got = import_next(import, &stop);
        if (got == 0)
            break;
    }
    if (import->bad == 0)
        return CLI_DONE;
    return cli_bad("%s: %llu thing%s wrong, nothing was applied", import->file, (unsigned long long)import->bad,
                   import->bad == 1 ? "" : "s");
}

static void show_progress(struct sending *sending, bool last)
{
    char bar[41] = "........................................";
    int64_t now = cli_now_ms();
    if (!isatty(STDERR_FILENO) || sending->total == 0 || (!last && now - sending->shown_ms < 100))
        return;
    sending->shown_ms = now;
    memset(bar, '#', (size_t)(40 * sending->answered / sending->total));
    fprintf(stderr, "\r[%s] %3llu%% %llu/%llu rows%s", bar,
            (unsigned long long)(100 * sending->answered / sending->total), (unsigned long long)sending->answered,
            (unsigned long long)sending->total, last ? "\n" : "");
    fflush(stderr);
}

static void row_done(void *context, int result, struct relief_answer *answer)
{
    struct row *row = context;
    struct sending *sending = row->sending;
    char where[320];
    if (result < 0) {
        if (!sending->failed)
            sending->failed = result;
    } else {
        sending->answered++;
        if (result > 0) {
            sending->refused++;
            if (isatty(STDERR_FILENO))
                fputs("\r\033[K", stderr);
            snprintf(where, sizeof where, "%.255s:%u", sending->import->file, row->line);
            cli_say_refusal(relief_answer_refusal(answer), where);
        } else if (relief_answer_seq(answer) > sending->start_seq) {
            sending->new ++;
        } else {
            sending->before++;
        }
    }
    free(row);
}

/* Waits until there is room for one more, or (limit 0) until all is answered. */
static int wait_below(struct sending *sending, size_t limit)
{
    struct relief_client *client = sending->cli->client;
    int patience = sending->cli->timeout_ms ? sending->cli->timeout_ms : 30000;
    relief_client_process(client, 0);
    while (!sending->failed && relief_client_pending(client) > limit) {
        int own = relief_client_timeout(client);
        struct pollfd wait = {.fd = relief_client_fd(client), .events = relief_client_events(client)};
        int ready = poll(&wait, 1, own >= 0 ? own : patience);
        if (ready == 0 && own < 0)
            sending->failed = -ETIMEDOUT;
        else
            relief_client_process(client, wait.revents);
        show_progress(sending, false);
    }
    return sending->failed;
}

static int send_rows(struct sending *sending)
{
    struct import *import = sending->import;
    bool stop = false;
    int code = import_rewind(import);
    while (code == 0 && import_next(import, &stop) == 1) {
        struct row *row = malloc(sizeof *row);
        if (!row)
            return cli_bad("no memory");
        *row = (struct row){sending, import->csv.row_line};
        int error = relief_send(sending->cli->client, import->table->method, import->record, row_done, row);
        if (error) {
            free(row);
            return cli_result(sending->cli, error, NULL, import->file);
        }
        /* In gulps: one turn of poll, read and write serves some hundred rows. */
        if (relief_client_pending(sending->cli->client) >= WINDOW && wait_below(sending, WINDOW / 2) != 0)
            break;
    }
    if (code == 0 && !sending->failed)
        wait_below(sending, 0);
    return code;
}

static int find_start(struct sending *sending)
{
    struct relief_log_head_params params;
    struct relief_answer *answer = NULL;
    relief_params_init(RELIEF_METHOD_log_head, &params);
    int result = relief_log_head(sending->cli->client, &params, &answer);
    const struct relief_head *head = result == 0 ? relief_answer_record(answer) : NULL;
    sending->start_seq = head && head->seq > 0 ? (uint64_t)head->seq : 0;
    int code = cli_result(sending->cli, result, answer, NULL);
    relief_answer_free(answer);
    return code;
}

static int say_end(const struct sending *sending)
{
    unsigned long long new = sending->new, before = sending->before, refused = sending->refused;
    if (sending->cli->view == &cli_view_json)
        printf("{\"imported_before\":%llu,\"new\":%llu,\"refused\":%llu}\n", before, new, refused);
    else if (sending->cli->view == &cli_view_csv)
        printf("new,imported_before,refused\n%llu,%llu,%llu\n", new, before, refused);
    else if (refused)
        printf("%llu new, %llu imported before, %llu refused\n", new, before, refused);
    else
        printf("%llu new, %llu imported before\n", new, before);
    return cli_flush(stdout, refused ? CLI_REFUSED : CLI_DONE);
}

static int import_file(struct cli *cli, struct import *import)
{
    struct sending sending = {.cli = cli, .import = import};
    int code = load_file(import);
    if (code == 0)
        code = check_file(import);
    sending.total = import->rows;
    if (code == 0)
        code = cli_connect(cli, true);
    if (code == 0)
        code = find_start(&sending);
    if (code == 0)
        code = send_rows(&sending);
    if (sending.answered > 0)
        show_progress(&sending, true);
    if (sending.failed) {
        code = cli_result(cli, sending.failed, NULL, import->file);
        cli_say("%s: %llu of %llu rows were answered; import it again, nothing doubles", import->file,
                (unsigned long long)sending.answered, (unsigned long long)sending.total);
    }
    relief_client_close(cli->client); /* before `sending` goes: what still waits is called back */
    cli->client = NULL;
    return code ? code : say_end(&sending);
}

static int run_import(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct import *import = calloc(1, sizeof *import);
    char name[4096];
    if (!import)
        return cli_bad("no memory");
    const struct cli_option options[] = {
        {"map", 0, NULL, NULL, &import->maps}, {"batch", 0, &import->batch, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code == 0 && cli->help) {
        code = cli_help_command(&cli_command_import, stdout);
    } else if (code == 0 && words.count != 2) {
        code = cli_bad("usage: relief import TABLE FILE.csv; TABLE is one of:");
        import_table_list(stderr);
    } else if (code == 0 && !(import->table = import_table_find(words.word[0]))) {
        fprintf(stderr, "relief: import knows no table '%s'; one of:", words.word[0]);
        import_table_list(stderr);
        code = CLI_USAGE;
    } else if (code == 0) {
        import->file = words.word[1];
        snprintf(name, sizeof name, "%s", import->file);
        if (!import->batch)
            import->batch = basename(name);
        code = import_file(cli, import);
    }
    import_deinit(import);
    free(import);
    return code;
}

const struct cli_command cli_command_import = {
    "import", "TABLE FILE.csv|- [--map COLUMN=PARAMETER]... [--batch NAME]",
    "a CSV file into region, city, link, kind, stock, floor, asset, incident, "
    "agreement or request",
    run_import};
