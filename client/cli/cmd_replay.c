/*
 * relief replay: applies the outcomes of an exported log to nothing and dumps what comes out. It needs no code of the
 * daemon: an outcome holds every record that its command changed. So the result proves the daemon's own dump, and the
 * log proves the result.
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/chain.h"
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "client/cli/map.h"
#include "client/cli/outfile.h"
#include "client/cli/record_key.h"

struct replay {
    struct cli_reader reader;
    struct chain chain;
    struct cli_map records; /* text NULL: gone */
};

static int no_memory(void)
{
    cli_say("no memory");
    return CLI_REFUSED;
}

static int apply_record(struct replay *replay, const json_t *record)
{
    struct relief_buf key = RELIEF_BUF_INIT, text = RELIEF_BUF_INIT;
    int code = CLI_DONE;
    if (!cli_record_key(&key, record, NULL)) {
        cli_reader_broken(&replay->reader, "an outcome holds something that is no record");
        goto out;
    }
    struct cli_map_item *item = cli_map_get(&replay->records, (struct relief_str){key.data, (uint32_t)key.len});
    if (!item) {
        code = no_memory();
        goto out;
    }
    free(item->text);
    item->text = NULL;
    if (json_is_true(json_object_get(record, "gone")))
        goto out;
    cli_json_write(&text, record);
    if (text.failed) {
        code = no_memory();
        goto out;
    }
    item->text = realloc(text.data, text.len); /* the buffer grew in doublings */
    if (!item->text)
        item->text = text.data;
    item->text_len = (uint32_t)text.len;
    text = RELIEF_BUF_INIT;
out:
    relief_buf_deinit(&key);
    relief_buf_deinit(&text);
    return code;
}

static int apply_log(struct replay *replay)
{
    struct relief_str line;
    int got, code = CLI_DONE;
    chain_init(&replay->chain, &replay->reader);
    while (code == 0 && (got = cli_reader_next(&replay->reader, &line)) == 1) {
        json_t *entry = chain_entry(&replay->chain, line);
        const json_t *records = json_object_get(json_object_get(entry, "outcome"), "records");
        for (size_t i = 0; code == 0 && i < json_array_size(records); i++)
            code = apply_record(replay, json_array_get(records, i));
        json_decref(entry);
    }
    if (code == 0 && (got < 0 || replay->reader.broken))
        code = CLI_DIFFERENT;
    return code;
}

static void put(FILE *file, struct cli_digest *digest, struct relief_str line)
{
    cli_digest_line(digest, line);
    fwrite(line.data, 1, line.len, file);
    fputc('\n', file);
}

static int write_dump(struct replay *replay, FILE *file)
{
    struct cli_map_item **items = cli_map_sorted(&replay->records);
    struct relief_buf line = RELIEF_BUF_INIT;
    struct cli_digest digest;
    char zeros[CLI_HASH_TEXT] = "", text[CLI_HASH_TEXT];
    int64_t records = 0;
    if (!items)
        return no_memory();
    memset(zeros, '0', 64);
    cli_digest_init(&digest);
    cli_dump_header(&line, replay->chain.seq, relief_str_of(replay->chain.seq ? replay->chain.hash : zeros),
                    replay->chain.time);
    put(file, &digest, (struct relief_str){line.data, (uint32_t)line.len});
    for (size_t i = 0; i < replay->records.count; i++) {
        if (!items[i]->text)
            continue;
        put(file, &digest, (struct relief_str){items[i]->text, items[i]->text_len});
        records++;
    }
    relief_buf_clear(&line);
    cli_digest_final(&digest, text);
    cli_trailer(&line, records, text);
    fwrite(line.data, 1, line.len, file);
    fputc('\n', file);
    relief_buf_deinit(&line);
    free(items);
    return CLI_DONE;
}

static int run_replay(struct cli *cli, int argc, char **argv)
{
    struct cli_words words;
    struct cli_outfile out = {0};
    struct replay replay = {.records = CLI_MAP_INIT};
    const char *output = NULL;
    const struct cli_option options[] = {{"output", 'o', &output, NULL, NULL}, {NULL, 0, NULL, NULL, NULL}};
    int code = cli_options(cli, options, argc, argv, &words);
    if (code || cli->help)
        return code ? code : cli_help_command(&cli_command_replay, stdout);
    if (words.count != 1)
        return cli_bad("usage: relief replay LOG [-o DUMP]");
    code = cli_reader_open(&replay.reader, words.word[0]);
    if (code)
        return code;
    if (!replay.reader.log)
        code = cli_bad("%s is a dump; replay takes a log export", words.word[0]);
    else if (replay.reader.from != 1)
        code = cli_bad("%s begins at entry %lld; only a log from entry 1 on fills an empty store", words.word[0],
                       (long long)replay.reader.from);
    if (code == 0)
        code = apply_log(&replay);
    if (code == 0)
        code = cli_outfile_open(&out, output);
    if (code == 0)
        code = write_dump(&replay, out.file);
    if (code == 0)
        code = cli_outfile_commit(&out);
    cli_outfile_abort(&out);
    cli_reader_close(&replay.reader);
    cli_map_deinit(&replay.records);
    return cli_flush(stdout, code);
}

const struct cli_command cli_command_replay = {
    "replay", "LOG [-o DUMP]", "applies the outcomes of an exported log to an empty store and dumps it", run_replay};
