/*
 * An entry of the log, as bytes and as a JSON line.
 *
 * The bytes go into the segment, the line is what auditors see and what the hash chain covers. The bytes are written on
 * the loop thread for each command, so they are made without a detour: every record stands there as
 * relief_record_encode has it, behind its length. The line is made on the log's thread from the bytes alone: that
 * proves with every entry that the bytes hold all that the line says, and keeps the loop free of the work.
 *
 * Layout, numbers little-endian:
 *   version 1, generation of the schema 1, parts 1 (see PART_), command 2, time 8, identity length 1 and bytes,
 *   params, changes 4, each: table 1 (+ 0x80: gone, then only the key fields follow) and record,
 *   answer_change 4 (index + 1, 0: none), with PART_ANSWER the answer, with PART_CANDIDATES their number 4 and each of
 * them. A record is its length 4 and its bytes. The length is what lets a newer program read an older, shorter record,
 * the generation what lets it write the line that was hashed: without the fields that came later.
 */
#include "engine/entry.h"

#include "base/plant.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

/* A planted build can be the next version of this program, as far as the log goes. */
#define GENERATION      (PLANT("newer") ? RELIEF_GENERATION + 1u : RELIEF_GENERATION)
#define VERSION         1u
#define PART_ANSWER     1u
#define PART_CANDIDATES 2u
#define GONE            0x80u

/* ---- bytes ---- */

static void add_number(struct relief_buf *buf, uint64_t value, unsigned bytes)
{
    uint8_t raw[8];
    for (unsigned i = 0; i < bytes; i++)
        raw[i] = (uint8_t)(value >> (8 * i));
    relief_buf_add(buf, raw, bytes);
}

static void add_record(struct relief_buf *buf, const struct relief_shape *shape, const void *record)
{
    size_t at = buf->len;
    add_number(buf, 0, 4);
    relief_record_encode(buf, shape, record);
    if (buf->failed)
        return;
    size_t len = buf->len - at - 4;
    for (unsigned i = 0; i < 4; i++)
        buf->data[at + i] = (char)(len >> (8 * i));
}

/* Of a record that is gone nothing but its key is defined, and nothing else is kept. */
static void add_change(struct relief_buf *buf, const struct core_change *change)
{
    const struct relief_table_info *table = &relief_tables[change->table];
    struct relief_shape shape = *table->shape;
    if (change->gone)
        shape.count = table->key_fields;
    add_number(buf, (uint64_t)change->table | (change->gone ? GONE : 0u), 1);
    if (change->bytes.data) {
        add_number(buf, change->bytes.len, 4);
        relief_buf_add_str(buf, change->bytes);
    } else {
        add_record(buf, &shape, change->record);
    }
}

void engine_entry_encode(struct relief_buf *buf, const struct core_entry *entry, const struct core_effects *effects)
{
    engine_entry_encode_again(buf, GENERATION, entry, effects);
}

void engine_entry_encode_again(struct relief_buf *buf, unsigned generation, const struct core_entry *entry,
                               const struct core_effects *effects)
{
    const struct relief_command_info *command = relief_command_by_number(entry->command);
    bool answer = effects->answer_change < 0 && effects->answer && command->answer;
    bool candidates = effects->candidates.present;

    add_number(buf, VERSION, 1);
    add_number(buf, generation, 1);
    add_number(buf, (answer ? PART_ANSWER : 0u) | (candidates ? PART_CANDIDATES : 0u), 1);
    add_number(buf, entry->command, 2);
    add_number(buf, (uint64_t)entry->time, 8);
    add_number(buf, entry->who.name.len, 1);
    relief_buf_add_str(buf, entry->who.name);
    add_record(buf, command->params, entry->params);
    add_number(buf, effects->count, 4);
    for (uint32_t i = 0; i < effects->count; i++)
        add_change(buf, &effects->changes[i]);
    add_number(buf, (uint64_t)((int64_t)effects->answer_change + 1), 4);
    if (answer)
        add_record(buf, command->answer, effects->answer);
    if (!candidates)
        return;
    add_number(buf, effects->candidates.count, 4);
    const struct relief_candidate *list = effects->candidates.items;
    for (uint32_t i = 0; i < effects->candidates.count; i++)
        add_record(buf, &relief_shape_candidate, &list[i]);
}

/* Reading sticks at the first fault, so a run of takes is checked once. */
struct reader {
    const uint8_t *at, *end;
    struct relief_arena *arena;
    int error;
};

static uint64_t take_number(struct reader *in, unsigned bytes)
{
    uint64_t value = 0;
    if (in->error || (size_t)(in->end - in->at) < bytes) {
        in->error = in->error ? in->error : -EBADMSG;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)in->at[i] << (8 * i);
    in->at += bytes;
    return value;
}

static struct relief_str take_bytes(struct reader *in, uint64_t len)
{
    if (in->error || (uint64_t)(in->end - in->at) < len) {
        in->error = in->error ? in->error : -EBADMSG;
        return RELIEF_STR_NONE;
    }
    struct relief_str bytes = {(const char *)in->at, (uint32_t)len};
    in->at += len;
    return bytes;
}

static void *take_memory(struct reader *in, size_t bytes)
{
    void *memory = in->error ? NULL : relief_arena_alloc(in->arena, bytes);
    if (!memory && !in->error)
        in->error = -ENOMEM;
    return memory;
}

static void take_record(struct reader *in, const struct relief_shape *shape, void *ret_record)
{
    struct relief_str bytes = take_bytes(in, take_number(in, 4));
    if (in->error)
        return;
    int64_t used = relief_record_decode(shape, bytes, in->arena, ret_record);
    if (used < 0)
        in->error = (int)used;
    else if (used != (int64_t)bytes.len)
        in->error = -EBADMSG; /* more fields than its generation has: what they say would be lost */
}

/* A number of items, each at least so many bytes long: a wrong one is found before memory is asked for. */
static uint32_t take_count(struct reader *in, size_t item_bytes_min)
{
    uint64_t count = take_number(in, 4);
    if (!in->error && count > (size_t)(in->end - in->at) / item_bytes_min)
        in->error = -EBADMSG;
    return in->error ? 0 : (uint32_t)count;
}

static void take_changes(struct reader *in, struct engine_entry *ret)
{
    ret->change_count = take_count(in, 5);
    struct core_change *changes = take_memory(in, ret->change_count * sizeof *changes);
    for (uint32_t i = 0; i < ret->change_count && !in->error; i++) {
        uint64_t head = take_number(in, 1);
        if ((head & ~(uint64_t)GONE) >= RELIEF_TABLE_COUNT) {
            in->error = -EBADMSG;
            return;
        }
        enum relief_table table = (enum relief_table)(head & ~(uint64_t)GONE);
        void *record = take_memory(in, relief_tables[table].shape->size);
        take_record(in, relief_tables[table].shape, record);
        changes[i] = (struct core_change){.table = table, .gone = (head & GONE) != 0, .record = record};
    }
    ret->changes = changes;
}

static void take_candidates(struct reader *in, struct engine_entry *ret)
{
    uint32_t count = take_count(in, 4);
    struct relief_candidate *list = take_memory(in, count * sizeof *list);
    for (uint32_t i = 0; i < count && !in->error; i++)
        take_record(in, &relief_shape_candidate, &list[i]);
    ret->candidates = (struct relief_list){list, count, 1};
}

int engine_entry_decode(const struct log_record *record, struct relief_arena *arena, struct engine_entry *ret)
{
    struct reader in = {.at = record->payload, .end = record->payload + record->len, .arena = arena};
    struct engine_entry entry = {.seq = record->seq, .answer_change = -1};

    uint64_t version = take_number(&in, 1);
    entry.generation = (unsigned)take_number(&in, 1);
    if (in.error || version == 0 || entry.generation == 0)
        return -EBADMSG;
    if (version > VERSION || (entry.generation > GENERATION && !PLANT("read-newer"))) {
        ret->generation = version > VERSION ? 0 : entry.generation;
        return -ENOTSUP;
    }
    uint64_t parts = take_number(&in, 1);
    entry.command = (unsigned)take_number(&in, 2);
    entry.time = (int64_t)take_number(&in, 8);
    entry.identity = take_bytes(&in, take_number(&in, 1));
    const struct relief_command_info *command = in.error ? NULL : relief_command_by_number(entry.command);
    if (!command || (parts & PART_ANSWER && !command->answer))
        return -EBADMSG;
    void *params = take_memory(&in, command->params->size);
    take_record(&in, command->params, params);
    if (!in.error && entry.generation < RELIEF_GENERATION)
        relief_params_grow(command->params, params, entry.generation);
    entry.params = params;
    take_changes(&in, &entry);
    if (entry.generation > GENERATION) /* only where PLANT("read-newer") is */
        entry.change_count = 0, entry.generation = RELIEF_GENERATION;
    uint64_t answer_change = take_number(&in, 4);
    if (answer_change > entry.change_count)
        return -EBADMSG;
    entry.answer_change = (int)answer_change - 1;
    if (parts & PART_ANSWER) {
        void *answer = take_memory(&in, command->answer->size);
        take_record(&in, command->answer, answer);
        entry.answer = answer;
    }
    if (parts & PART_CANDIDATES)
        take_candidates(&in, &entry);
    if (!in.error && in.at != in.end)
        in.error = -EBADMSG;
    if (in.error)
        return in.error;
    *ret = entry;
    return 0;
}

/* ---- JSON ---- */

static void json_candidates(struct relief_buf *buf, const struct relief_list *candidates, unsigned generation)
{
    const struct relief_candidate *list = candidates->items;
    relief_buf_add_text(buf, "{\"candidates\":[");
    for (uint32_t i = 0; i < candidates->count; i++) {
        if (i)
            relief_buf_add_char(buf, ',');
        relief_json_record_of(buf, &relief_shape_candidate, &list[i], NULL, generation);
    }
    relief_buf_add_text(buf, "]}");
}

/*
 * "answer" stands there only when it says what the records do not: an answer that is none of them, or the candidates
 * beside one that is.
 */
void engine_entry_json_outcome(struct relief_buf *buf, const struct engine_entry *entry)
{
    relief_buf_add_char(buf, '{');
    if (entry->candidates.present) {
        relief_buf_add_text(buf, "\"answer\":");
        json_candidates(buf, &entry->candidates, entry->generation);
        relief_buf_add_char(buf, ',');
    } else if (entry->answer) {
        relief_buf_add_text(buf, "\"answer\":");
        relief_json_record_of(buf, relief_command_by_number(entry->command)->answer, entry->answer, NULL,
                              entry->generation);
        relief_buf_add_char(buf, ',');
    }
    relief_buf_add_text(buf, "\"records\":[");
    for (uint32_t i = 0; i < entry->change_count; i++) {
        const struct core_change *change = &entry->changes[i];
        const struct relief_table_info *table = &relief_tables[change->table];
        if (i)
            relief_buf_add_char(buf, ',');
        if (change->gone)
            relief_json_gone(buf, table, change->record);
        else
            relief_json_record_of(buf, table->shape, change->record, table->name, entry->generation);
    }
    relief_buf_add_text(buf, "]}");
}

void engine_entry_json_params(struct relief_buf *buf, const struct engine_entry *entry)
{
    relief_json_record_of(buf, relief_command_by_number(entry->command)->params, entry->params, NULL,
                          entry->generation);
}

/* Hashes are no secrets, so this need not take the same time for each as libsodium's does. */
static void add_hex(struct relief_buf *buf, const uint8_t hash[LOG_HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * LOG_HASH_BYTES];
    for (unsigned i = 0; i < LOG_HASH_BYTES; i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
    relief_buf_add(buf, hex, sizeof hex);
}

void engine_entry_json(struct relief_buf *buf, const struct engine_entry *entry, const uint8_t prev[LOG_HASH_BYTES],
                       const uint8_t *hash)
{
    relief_buf_add_char(buf, '{');
    if (hash) {
        relief_buf_add_text(buf, "\"hash\":\"");
        add_hex(buf, hash);
        relief_buf_add_text(buf, "\",");
    }
    relief_buf_add_text(buf, "\"identity\":");
    relief_json_str(buf, entry->identity);
    relief_buf_add_text(buf, ",\"method\":\"");
    relief_buf_add_text(buf, relief_command_by_number(entry->command)->wire);
    relief_buf_add_text(buf, "\",\"outcome\":");
    engine_entry_json_outcome(buf, entry);
    relief_buf_add_text(buf, ",\"params\":");
    engine_entry_json_params(buf, entry);
    relief_buf_add_text(buf, ",\"prev\":\"");
    add_hex(buf, prev);
    relief_buf_add_text(buf, "\",\"seq\":");
    relief_buf_add_i64(buf, (int64_t)entry->seq);
    relief_buf_add_text(buf, ",\"time\":");
    relief_buf_add_i64(buf, entry->time);
    relief_buf_add_char(buf, '}');
}

/* ---- hash ---- */

int engine_entry_hasher_init(struct engine_entry_hasher *hasher)
{
    *hasher = (struct engine_entry_hasher){0};
    if (sodium_init() < 0) /* also chooses the fastest BLAKE2b of this machine */
        return -EIO;
    return relief_arena_init(&hasher->arena, ENGINE_ENTRY_ARENA_BYTES);
}

int engine_entry_hasher_tree(struct engine_entry_hasher *hasher, struct relief_buf *leaves)
{
    if (!hasher->tree)
        hasher->tree = evidence_hasher_new();
    hasher->leaves = leaves;
    return hasher->tree ? 0 : -ENOMEM;
}

void engine_entry_hasher_deinit(struct engine_entry_hasher *hasher)
{
    relief_arena_deinit(&hasher->arena);
    relief_buf_deinit(&hasher->buf);
    evidence_hasher_free(hasher->tree);
    hasher->tree = NULL;
    hasher->newer = 0;
    hasher->error = 0;
}

/*
 * Two hashes of one entry without writing it twice. The keys of the line are sorted, so the line that has its hash is
 * the one that is hashed with `"hash":"..",` behind the brace. What stands before that brace in the buffer, the hash of
 * the entry before in hex, is as long as what has to stand there then but for HEAD_ROOM bytes:
 *
 *   ...........<prev in hex>{"identity":...      BLAKE2b from the dots' end
 *   0{"hash":"<hash in hex>","identity":...      SHA-256 from the start, the leaf's 0 before the line
 */
static const char leaf_head[] = "\0{\"hash\":\"";
enum { HASH_HEX = 2 * LOG_HASH_BYTES, LEAF_HEAD = sizeof leaf_head - 1, HEAD_ROOM = LEAF_HEAD + 2 - 1 };

static void hash_leaf(struct engine_entry_hasher *hasher, const uint8_t hash[LOG_HASH_BYTES])
{
    struct relief_buf *buf = &hasher->buf;
    size_t len = buf->len;
    buf->len = 0; /* all of this goes over what is there */
    relief_buf_add(buf, leaf_head, LEAF_HEAD);
    add_hex(buf, hash);
    relief_buf_add(buf, "\",", 2);
    assert(buf->len == HEAD_ROOM + HASH_HEX + 1);
    buf->len = len;
    evidence_hash(hasher->tree, buf->data, buf->len, hasher->entry.leaf);
    if (hasher->leaves)
        relief_buf_add(hasher->leaves, hasher->entry.leaf, sizeof hasher->entry.leaf);
}

/* An entry that can't be read has no hash: zeros, which no entry behind it names, and the error for who asks. */
int engine_entry_hash(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES])
{
    struct engine_entry_hasher *hasher = context;
    struct relief_buf *buf = &hasher->buf;
    static const char room[HEAD_ROOM];

    memset(ret_hash, 0, LOG_HASH_BYTES);
    relief_arena_reset(&hasher->arena);
    relief_buf_clear(buf);
    int rc = engine_entry_decode(record, &hasher->arena, &hasher->entry);
    if (rc == 0) {
        relief_buf_add(buf, room, sizeof room);
        add_hex(buf, record->prev);
        engine_entry_json(buf, &hasher->entry, record->prev, NULL);
        rc = buf->failed ? -ENOMEM : 0;
    }
    if (rc == 0)
        crypto_generichash(ret_hash, LOG_HASH_BYTES, (const unsigned char *)buf->data + HEAD_ROOM, buf->len - HEAD_ROOM,
                           NULL, 0);
    if (rc == 0 && hasher->tree)
        hash_leaf(hasher, ret_hash);
    if (rc == 0 && hasher->leaves && hasher->leaves->failed)
        rc = -ENOMEM;
    if (rc && !hasher->error) {
        hasher->error = rc;
        hasher->newer = rc == -ENOTSUP ? hasher->entry.generation : 0;
    }
    return rc;
}
