/*
 * The worker of a dump. It walks the tables in the order of a dump and each in the order of its keys, and makes two
 * things of every record: the map that is sent, and the JSON line that the digest covers, so that the peer can write
 * the file by itself and compare (fine print 62, 63). A peer that asks for the lines gets the lines and no maps are
 * made: half the work here, and next to none there. The first notification also says of which moment the dump is.
 */
#include "views/dump.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/key.h"
#include "schema/codec.h"
#include "views/stream.h"

#define RECORD_ARENA_BYTES ((size_t)64 << 20) /* address space: a request with a million legs fits */

struct views_dump {
    struct views_dump_options options;
    struct views_stream *stream;
    struct views_dump_end end; /* whole when the stream is over */
    /* the worker's own */
    struct store_mark mark;
    crypto_generichash_state digest;
    struct relief_arena arena;
    struct relief_buf rows;  /* maps not sent yet */
    struct relief_buf lines; /* the same records as text: hashed by the chunk, one by one costs twice as much */
    uint32_t row_count;
    bool head_sent;
};

static void pack_records(struct views_dump *dump, struct relief_buf *chunk)
{
    if (dump->options.lines) {
        relief_pack_text(chunk, "lines");
        relief_pack_str(chunk,
                        (struct relief_str){dump->lines.data ? dump->lines.data : "", (uint32_t)dump->lines.len});
    } else {
        relief_pack_text(chunk, "rows");
        relief_pack_array(chunk, dump->row_count);
        relief_buf_add(chunk, dump->rows.data, dump->rows.len);
    }
}

/* [2, "rows", [{msgid, rows: [...] or lines: text, and the first time seq, head, time}]] */
static int send_records(struct views_dump *dump)
{
    struct relief_buf chunk = RELIEF_BUF_INIT;
    relief_buf_reserve(&chunk, (dump->options.lines ? dump->lines.len : dump->rows.len) + 256);
    relief_pack_array(&chunk, 3);
    relief_pack_int(&chunk, 2);
    relief_pack_text(&chunk, "rows");
    relief_pack_array(&chunk, 1);
    relief_pack_map(&chunk, dump->head_sent ? 2 : 5);
    relief_pack_text(&chunk, "msgid");
    relief_pack_int(&chunk, dump->options.msgid);
    if (!dump->head_sent) {
        relief_pack_text(&chunk, "seq");
        relief_pack_int(&chunk, (int64_t)dump->mark.seq);
        relief_pack_text(&chunk, "head");
        relief_pack_text(&chunk, dump->end.head);
        relief_pack_text(&chunk, "time");
        relief_pack_int(&chunk, dump->mark.time);
    }
    pack_records(dump, &chunk);
    bool failed = chunk.failed || dump->rows.failed || dump->lines.failed;
    int result = failed ? -ENOMEM : views_stream_put(dump->stream, &chunk);
    if (result)
        relief_buf_deinit(&chunk);
    crypto_generichash_update(&dump->digest, (const unsigned char *)dump->lines.data, dump->lines.len);
    relief_buf_clear(&dump->lines);
    relief_buf_clear(&dump->rows);
    dump->row_count = 0;
    dump->head_sent = true;
    return result;
}

/* The peer makes this line itself, from what the first notification says. */
static void first_line(struct views_dump *dump)
{
    char line[200];
    int len = snprintf(line, sizeof line,
                       "{\"format\":\"relief-dump\",\"head\":\"%s\",\"seq\":%llu,\"time\":%lld,\"version\":1}\n",
                       dump->end.head, (unsigned long long)dump->mark.seq, (long long)dump->mark.time);
    crypto_generichash_update(&dump->digest, (const unsigned char *)line, (unsigned long long)len);
}

static int add_record(struct views_dump *dump, const struct relief_table_info *table, struct relief_str value)
{
    union relief_any_record record;
    size_t before = dump->lines.len;
    relief_arena_reset(&dump->arena);
    int64_t used = relief_record_decode(table->shape, value, &dump->arena, &record);
    if (used < 0)
        return (int)used;
    if (!dump->options.lines) {
        relief_pack_record(&dump->rows, table->shape, &record, 1);
        relief_pack_text(&dump->rows, "t");
        relief_pack_text(&dump->rows, table->name);
    }
    dump->row_count++;
    dump->end.records++;
    relief_json_record(&dump->lines, table->shape, &record, table->name);
    relief_buf_add_char(&dump->lines, '\n');
    /* Full when another record of this size would not fit; a line is longer than its map. */
    return dump->lines.len + (dump->lines.len - before) > VIEWS_DUMP_CHUNK_BYTES ? send_records(dump) : 0;
}

static int walk_table(struct views_dump *dump, struct core_view *view, enum relief_table table)
{
    struct core_key prefix, from = {.len = 0};
    struct core_cursor cursor;
    struct relief_str key, value;
    int result = 0;
    core_key_table(&prefix, table);
    view->ops->scan(view, &cursor, &prefix, &from);
    for (unsigned n = 0; result == 0 && view->ops->next(view, &cursor, &key, &value); n++) {
        result = add_record(dump, &relief_tables[table], value);
        if (result == 0 && n % 256 == 255)
            result = views_stream_over(dump->stream);
    }
    return result;
}

static int past_over(void *context, uint64_t done, uint64_t total)
{
    (void)done, (void)total;
    return views_stream_over(context);
}

/* The store to read: the daemon's, or one that is made for this dump. */
static int choose_store(struct views_dump *dump, struct engine_at **ret_past, struct store **ret_store)
{
    struct engine_report report;
    *ret_store = dump->options.store;
    if (!dump->options.past_dir)
        return 0;
    int result = engine_at_open(ret_past,
                                &(struct engine_at_options){.dir = dump->options.past_dir,
                                                            .log = dump->options.past_log,
                                                            .seq = dump->options.past_seq,
                                                            .over = past_over,
                                                            .context = dump->stream},
                                &report);
    if (result == 0)
        *ret_store = engine_at_store(*ret_past);
    return result;
}

static int walk(struct views_stream *stream, void *context)
{
    struct views_dump *dump = context;
    (void)stream; /* dump->stream: set before this thread was there */
    struct store_snapshot *snapshot = NULL;
    struct engine_at *past = NULL;
    struct store *store = NULL;
    int result = relief_arena_init(&dump->arena, RECORD_ARENA_BYTES);
    if (result == 0)
        result = choose_store(dump, &past, &store);
    if (result == 0)
        result = store_snapshot_open(&snapshot, store, &dump->mark);
    if (result)
        goto out;
    crypto_generichash_init(&dump->digest, NULL, 0, 32);
    sodium_bin2hex(dump->end.head, sizeof dump->end.head, dump->mark.hash, sizeof dump->mark.hash);
    dump->end.seq = dump->mark.seq;
    first_line(dump);
    for (int table = 0; result == 0 && table < RELIEF_TABLE_COUNT; table++)
        if (dump->options.tables[table])
            result = walk_table(dump, store_snapshot_view(snapshot), (enum relief_table)table);
    if (result == 0 && (dump->row_count > 0 || !dump->head_sent))
        result = send_records(dump);
    unsigned char digest[32];
    crypto_generichash_final(&dump->digest, digest, sizeof digest);
    sodium_bin2hex(dump->end.digest, sizeof dump->end.digest, digest, sizeof digest);
out:
    if (snapshot)
        store_snapshot_close(snapshot);
    engine_at_close(past);
    relief_arena_deinit(&dump->arena);
    relief_buf_deinit(&dump->rows);
    relief_buf_deinit(&dump->lines);
    return result;
}

int views_dump_start(struct views_dump **ret, const struct views_dump_options *options)
{
    struct views_dump *dump = calloc(1, sizeof *dump);
    if (!dump)
        return -ENOMEM;
    dump->options = *options;
    int result = views_stream_start(&dump->stream, &(struct views_stream_options){
                                                       .work = walk,
                                                       .context = dump,
                                                       .ms_max = options->ms_max ? options->ms_max : VIEWS_DUMP_MS_MAX,
                                                       .wake = options->wake,
                                                       .wake_context = options->context,
                                                   });
    if (result) {
        free(dump);
        return result;
    }
    *ret = dump;
    return 0;
}

int views_dump_take(struct views_dump *dump, struct relief_buf *ret, struct views_dump_end *ret_end)
{
    int result = views_stream_take(dump->stream, ret);
    if (result < 0)
        *ret_end = dump->end;
    return result;
}

bool views_dump_over(struct views_dump *dump)
{
    return views_stream_finished(dump->stream);
}

void views_dump_free(struct views_dump *dump)
{
    if (!dump)
        return;
    views_stream_free(dump->stream);
    free(dump);
}
