/*
 * relief diff: what differs between two dumps, of any forms. Both are in the order of their keys, so they are read side
 * by side, and the size of the database does not matter.
 *
 * A difference is one of records. Dumps of different moments may hold the same records; that is said, on standard
 * error, and is no difference. But one sequence has one history: the same `seq` with another `head` is a fork.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/diff_out.h"
#include "client/cli/record_key.h"
#include "client/cli/view.h"

struct side {
    struct cli_reader reader;
    struct relief_buf keys[2]; /* of this record and the one before, in turns */
    bool turn, over;
    struct relief_str line;
};

static struct relief_str key_of(const struct side *side)
{
    return (struct relief_str){side->keys[side->turn].data, (uint32_t)side->keys[side->turn].len};
}

static int bad(const struct side *side, const char *what)
{
    return cli_bad("%s:%llu: %s", side->reader.path, (unsigned long long)side->reader.line, what);
}

static int advance(struct side *side)
{
    struct relief_str last = key_of(side);
    int got = cli_reader_next(&side->reader, &side->line);
    side->over = got <= 0;
    if (got <= 0)
        return got < 0 ? side->reader.code : CLI_DONE;
    side->turn = !side->turn;
    relief_buf_clear(&side->keys[side->turn]);
    if (!canon_parse(&side->reader.canon, side->line) ||
        !cli_record_key(&side->keys[side->turn], &side->reader.canon, 0, NULL))
        return bad(side, side->reader.canon.error ? side->reader.canon.error : "not a record");
    if (last.len > 0 && relief_str_cmp(last, key_of(side)) >= 0)
        return bad(side, "not in the order of a dump");
    return CLI_DONE;
}

static int compare(struct side *a, struct side *b, int table, struct diff_out *out)
{
    int code = advance(a);
    if (code == 0)
        code = advance(b);
    while (code == 0 && !(a->over && b->over)) {
        int order = a->over ? 1 : b->over ? -1 : relief_str_cmp(key_of(a), key_of(b));
        struct relief_str key = order <= 0 ? key_of(a) : key_of(b);
        bool same = order == 0 && relief_str_eq(a->line, b->line);
        if (!same && (table < 0 || key.data[0] == table))
            diff_record(out, key, order <= 0 ? &a->reader.canon : NULL, order >= 0 ? &b->reader.canon : NULL);
        if (order <= 0)
            code = advance(a);
        if (code == 0 && order >= 0)
            code = advance(b);
    }
    return code;
}

static void compare_heads(const struct cli_reader *a, const struct cli_reader *b, struct diff_out *out)
{
    if (a->seq == b->seq && (strcmp(a->head, b->head) != 0 || a->time != b->time))
        diff_fork(out, a, b);
    else if (a->seq != b->seq)
        cli_say("%s is of entry %lld, %s of entry %lld", a->path, (long long)a->seq, b->path, (long long)b->seq);
}

static void close_side(struct side *side)
{
    cli_reader_close(&side->reader);
    relief_buf_deinit(&side->keys[0]);
    relief_buf_deinit(&side->keys[1]);
}

static int run_files(struct cli *cli, const char *first, const char *second, int table, struct diff_out *out)
{
    struct side a = {0}, b = {0};
    int code = cli_reader_open(&a.reader, first, cli->timeout_ms);
    if (code == 0)
        code = cli_reader_open(&b.reader, second, cli->timeout_ms);
    b.reader.progress.unit = NULL; /* one bar is enough: both go forward together */
    if (code == 0 && (a.reader.log || b.reader.log))
        code = cli_bad("diff compares dumps; a log can be replayed into one");
    if (code == 0) {
        diff_start(out);
        compare_heads(&a.reader, &b.reader, out);
        code = compare(&a, &b, table, out);
        diff_end(out);
    }
    if (code == 0 && (out->differences > 0 || a.reader.broken || b.reader.broken))
        code = CLI_DIFFERENT;
    close_side(&a);
    close_side(&b);
    return code;
}

static int run_diff(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    const char *table_name = NULL;
    struct diff_out out = {.out = stdout};
    const struct cli_option options[] = {
        {"table", 0, &table_name, NULL, NULL}, {"summary", 0, NULL, &out.summary, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int table = -1, code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_diff, stdout);
    if (words.count != 2)
        return cli_bad("usage: relief diff A B [--table T] [--summary]");
    if (table_name && (table = relief_table_find(relief_str_of(table_name))) < 0)
        return cli_bad("--table %s: no table of a dump", table_name);
    out.form = cli->view == &cli_view_json ? DIFF_JSON : cli->view == &cli_view_csv ? DIFF_CSV : DIFF_TEXT;
    return cli_flush(stdout, run_files(cli, words.word[0], words.word[1], table, &out));
}

const struct cli_command cli_command_diff = {
    "diff", "A B [--table T] [--summary]",
    "what differs between two dumps, files or folders of CSV; exit 4 when anything does", run_diff};
