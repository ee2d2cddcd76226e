/*
 * relief diff: what differs between two dumps. Both are in the order of their keys, so they are read side by side, and
 * the size of the database does not matter.
 */
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/reader.h"
#include "client/cli/record_key.h"

struct side {
    struct cli_reader reader;
    struct relief_buf key, line;
    json_t *record; /* NULL behind the last one */
};

static int advance(struct side *side)
{
    struct relief_str line;
    json_decref(side->record);
    side->record = NULL;
    int got = cli_reader_next(&side->reader, &line);
    if (got <= 0)
        return got < 0 ? CLI_USAGE : CLI_DONE;
    struct relief_buf last = side->key;
    side->key = RELIEF_BUF_INIT;
    side->record = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    bool good = side->record && cli_record_key(&side->key, side->record, NULL);
    relief_buf_clear(&side->line);
    relief_buf_add_str(&side->line, line);
    bool ordered = last.len == 0 || relief_str_cmp((struct relief_str){last.data, (uint32_t)last.len},
                                                   (struct relief_str){side->key.data, (uint32_t)side->key.len}) < 0;
    relief_buf_deinit(&last);
    if (!good)
        return cli_bad("%s:%llu: not a record", side->reader.path, (unsigned long long)side->reader.line);
    if (!ordered)
        return cli_bad("%s:%llu: not in the order of a dump", side->reader.path, (unsigned long long)side->reader.line);
    return CLI_DONE;
}

static void name_it(char sign, const struct side *side)
{
    struct relief_buf name = RELIEF_BUF_INIT;
    cli_record_name(&name, side->record);
    printf("%c %s", sign, name.data ? name.data : "");
    relief_buf_deinit(&name);
}

/* The fields that differ, with both values. */
static void name_fields(const struct side *a, const struct side *b)
{
    const char *key;
    json_t *value;
    struct relief_buf text = RELIEF_BUF_INIT;
    json_object_foreach(a->record, key, value)
    {
        json_t *other = json_object_get(b->record, key);
        if (other && json_equal(value, other))
            continue;
        relief_buf_printf(&text, " %s ", key);
        cli_json_write(&text, value);
        relief_buf_add_text(&text, " -> ");
        if (other)
            cli_json_write(&text, other);
    }
    json_object_foreach(b->record, key, value)
    {
        if (json_object_get(a->record, key))
            continue;
        relief_buf_printf(&text, " %s -> ", key);
        cli_json_write(&text, value);
    }
    fputc(':', stdout);
    fwrite(text.data, 1, text.len, stdout);
    relief_buf_deinit(&text);
}

static int compare(struct side *a, struct side *b, uint64_t *ret_differences)
{
    int code = advance(a);
    if (code == 0)
        code = advance(b);
    while (code == 0 && (a->record || b->record)) {
        int order = !a->record   ? 1
                    : !b->record ? -1
                                 : relief_str_cmp((struct relief_str){a->key.data, (uint32_t)a->key.len},
                                                  (struct relief_str){b->key.data, (uint32_t)b->key.len});
        bool same = order == 0 && a->line.len == b->line.len && memcmp(a->line.data, b->line.data, a->line.len) == 0;
        if (!same) {
            name_it(order < 0 ? '-' : order > 0 ? '+' : '~', order > 0 ? b : a);
            if (order == 0)
                name_fields(a, b);
            putchar('\n');
            ++*ret_differences;
        }
        if (order <= 0)
            code = advance(a);
        if (code == 0 && order >= 0)
            code = advance(b);
    }
    return code;
}

static void close_side(struct side *side)
{
    cli_reader_close(&side->reader);
    json_decref(side->record);
    relief_buf_deinit(&side->key);
    relief_buf_deinit(&side->line);
}

static int run_diff(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct side a = {0}, b = {0};
    uint64_t differences = 0;
    int code = cli_options(cli, NULL, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_diff, stdout);
    if (words.count != 2)
        return cli_bad("usage: relief diff A B");
    code = cli_reader_open(&a.reader, words.word[0]);
    if (code == 0)
        code = cli_reader_open(&b.reader, words.word[1]);
    if (code == 0 && (a.reader.log || b.reader.log))
        code = cli_bad("diff compares dumps; a log can be replayed into one");
    if (code == 0)
        code = compare(&a, &b, &differences);
    if (code == 0 && (differences > 0 || a.reader.broken || b.reader.broken))
        code = CLI_DIFFERENT;
    close_side(&a);
    close_side(&b);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_diff = {"diff", "A B", "what differs between two dumps; exit 4 when anything does",
                                             run_diff};
