/*
 * Reads of the log itself. They see what is durable, so a reader that has just changed something waits until that is
 * (its own connection is held back, nobody else). An entry is answered as its JSON line has it, value by value, so that
 * whoever reads pages can prove the chain without another source.
 */
#include "rpc/session.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include "engine/entry.h"

struct hex {
    char text[2 * LOG_HASH_BYTES + 1];
};

static struct hex hex_of(const uint8_t hash[LOG_HASH_BYTES])
{
    struct hex hex;
    sodium_bin2hex(hex.text, sizeof hex.text, hash, LOG_HASH_BYTES);
    return hex;
}

int rpc_log_head(struct rpc_call *call)
{
    int result = rpc_wait_durable(call);
    if (result)
        return result;
    struct store_mark mark = engine_head(call->rpc->engine);
    struct hex hash = hex_of(mark.hash);
    struct relief_head head = {.seq = (int64_t)mark.seq, .hash = relief_str_of(hash.text), .time = mark.time};
    relief_pack_record(call->out, &relief_shape_head, &head, 0);
    return 0;
}

static void pack_change(struct relief_buf *buf, const struct core_change *change, unsigned generation)
{
    const struct relief_table_info *table = &relief_tables[change->table];
    if (change->gone) {
        relief_pack_map(buf, table->key_fields + 2);
        for (unsigned i = 0; i < table->key_fields; i++) {
            relief_pack_text(buf, table->shape->fields[i].name);
            relief_pack_str(buf, *relief_field_str(&table->shape->fields[i], change->record));
        }
        relief_pack_text(buf, "gone");
        relief_pack_bool(buf, true);
    } else {
        relief_pack_record_of(buf, table->shape, change->record, 1, generation);
    }
    relief_pack_text(buf, "t");
    relief_pack_text(buf, table->name);
}

/* As engine_entry_json_outcome: the answer only where it says what the records do not. */
static void pack_outcome(struct relief_buf *buf, const struct engine_entry *entry)
{
    bool candidates = entry->candidates.present, answer = entry->answer != NULL;
    relief_pack_map(buf, candidates || answer ? 2 : 1);
    if (candidates) {
        const struct relief_candidate *items = entry->candidates.items;
        relief_pack_text(buf, "answer");
        relief_pack_map(buf, 1);
        relief_pack_text(buf, "candidates");
        relief_pack_array(buf, entry->candidates.count);
        for (uint32_t i = 0; i < entry->candidates.count; i++)
            relief_pack_record_of(buf, &relief_shape_candidate, &items[i], 0, entry->generation);
    } else if (answer) {
        relief_pack_text(buf, "answer");
        relief_pack_record_of(buf, relief_command_by_number(entry->command)->answer, entry->answer, 0,
                              entry->generation);
    }
    relief_pack_text(buf, "records");
    relief_pack_array(buf, entry->change_count);
    for (uint32_t i = 0; i < entry->change_count; i++)
        pack_change(buf, &entry->changes[i], entry->generation);
}

/* 1 when it was added, 0 when the page is full, or -errno. */
static int add_entry(struct rpc_page *page, struct engine_entry_hasher *hasher, const struct log_record *record)
{
    struct relief_buf params = RELIEF_BUF_INIT, outcome = RELIEF_BUF_INIT;
    uint8_t bytes[LOG_HASH_BYTES];
    engine_entry_hash(hasher, record, bytes); /* decodes it too */
    if (hasher->error)
        return hasher->error;
    const struct engine_entry *entry = &hasher->entry;
    const struct relief_command_info *command = relief_command_by_number(entry->command);
    struct hex hash = hex_of(bytes), prev = hex_of(record->prev);
    relief_pack_record_of(&params, command->params, entry->params, 0, entry->generation);
    pack_outcome(&outcome, entry);
    struct relief_entry item = {
        .seq = (int64_t)entry->seq,
        .time = entry->time,
        .identity = entry->identity,
        .method = relief_str_of(command->wire),
        .params = {params.data, (uint32_t)params.len},
        .outcome = {outcome.data, (uint32_t)outcome.len},
        .prev = relief_str_of(prev.text),
        .hash = relief_str_of(hash.text),
    };
    int added = params.failed || outcome.failed ? -ENOMEM : rpc_page_add(page, &relief_shape_entry, &item);
    relief_buf_deinit(&params);
    relief_buf_deinit(&outcome);
    return added;
}

/* next is the sequence number to go on from, nil at the durable end. */
static void page_end(struct rpc_page *page, uint64_t next)
{
    struct relief_buf *out = page->call->out;
    relief_pack_map(out, 2);
    relief_pack_text(out, "items");
    relief_pack_array(out, page->count);
    relief_buf_add(out, page->call->rpc->page.data, page->call->rpc->page.len);
    out->failed |= page->call->rpc->page.failed;
    relief_pack_text(out, "next");
    relief_pack_int(out, next ? (int64_t)next : RELIEF_NIL);
}

static int fill_page(struct rpc_page *page, struct log *log, uint64_t from)
{
    struct engine_entry_hasher hasher;
    struct log_cursor *cursor = NULL;
    struct log_record record;
    uint64_t next = 0;
    int result = engine_entry_hasher_init(&hasher);
    if (result == 0)
        result = log_cursor_open(&cursor, log, from);
    while (result == 0 && (result = log_cursor_next(cursor, &record)) == 1) {
        result = 0;
        int added = page->count == page->limit ? 0 : add_entry(page, &hasher, &record);
        if (added == 0)
            next = record.seq;
        if (added <= 0) {
            result = added;
            break;
        }
    }
    if (result == 0)
        page_end(page, next);
    log_cursor_close(cursor);
    engine_entry_hasher_deinit(&hasher);
    return result;
}

int rpc_log_list(struct rpc_call *call)
{
    const struct relief_log_list_params *params = call->params;
    struct log *log = engine_log(call->rpc->engine);
    struct rpc_page page;
    int result = rpc_wait_durable(call);
    if (result)
        return result;
    rpc_page_start(&page, call, params->limit);
    if ((uint64_t)params->from > log_durable(log).seq) {
        page_end(&page, 0);
        return 0;
    }
    if ((uint64_t)params->from < log_first(log)) { /* pruned, fine print 71 */
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)params->from);
        return rpc_not_found(&call->refusal, "from", "entry any more", relief_str_of(text));
    }
    return fill_page(&page, log, (uint64_t)params->from);
}
