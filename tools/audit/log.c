/*
 * Each entry is proved by itself (its form, its hash over the hash before and its own bytes), then against its
 * neighbours, then put into the tree. After a fault the walk goes on from what the line claims, so that one edit is one
 * fault and not a million.
 */
#include "tools/audit/log.h"
#include <stdlib.h>
#include "tools/audit/sha256.h"

#define PREFIX     "{\"hash\":\""
#define PREFIX_LEN (sizeof PREFIX - 1)
#define CUT        (PREFIX_LEN + 64 + 2) /* {"hash":"...", */

static const char *const entry_members[] = {"hash", "identity", "method", "outcome", "params", "prev", "seq", "time"};
#define ENTRY_MEMBERS (sizeof entry_members / sizeof *entry_members)
enum { HASH, IDENTITY, METHOD, OUTCOME, PARAMS, PREV, SEQ, TIME };

/* ---- first and last lines ---- */

bool audit_header(struct audit_text line, const char *format, const char *const *names, struct audit_json_map *ret)
{
    struct audit_text text;
    unsigned count = 0;
    if (audit_json_open(line, ret))
        return false;
    while (count < ret->count && names[count] && audit_text_eq(ret->members[count].name, audit_text_of(names[count])))
        count++;
    return !names[count] && count == ret->count && audit_json_plain(audit_json_find(ret, "format"), &text) &&
           audit_text_eq(text, audit_text_of(format)) &&
           audit_text_eq(audit_json_find(ret, "version"), AUDIT_TEXT("1"));
}

bool audit_is_trailer(struct audit_text line)
{
    return audit_text_starts(line, AUDIT_TEXT("{\"digest\":"));
}

int audit_trailer(struct audit_source *source, struct audit_text line, uint64_t records, struct audit_faults *faults)
{
    struct audit_json_map map;
    struct audit_text digest;
    uint8_t hash[AUDIT_HASH], claimed[AUDIT_HASH];
    uint64_t count;
    crypto_generichash_blake2b_final(&source->digest, hash, sizeof hash);
    if (audit_json_open(line, &map) || map.count != 2 || !audit_json_plain(audit_json_find(&map, "digest"), &digest) ||
        !audit_hex_read(digest, claimed, sizeof claimed) ||
        !audit_json_size(audit_json_find(&map, "records"), &count)) {
        audit_fault(faults, source->path, source->line, "the last line is not one");
    } else {
        if (memcmp(hash, claimed, sizeof hash) != 0)
            audit_fault(faults, source->path, source->line, "digest: the lines before do not give it");
        if (count != records)
            audit_fault(faults, source->path, source->line, "records: there are %llu, the last line says %llu",
                        (unsigned long long)records, (unsigned long long)count);
    }
    enum audit_got got = audit_source_next(source, &line);
    if (got == AUDIT_GOT_NOTHING)
        return AUDIT_USAGE;
    if (got != AUDIT_GOT_END)
        audit_fault(faults, source->path, source->line, "something stands behind the last line");
    return 0;
}

/* ---- entries ---- */

struct entry {
    struct audit_text members[ENTRY_MEMBERS];
    struct audit_text hash, prev;
    uint64_t seq;
    int64_t time;
};

/* NULL, or what is wrong with the form. */
static const char *read_entry(struct audit_text line, struct entry *ret)
{
    struct audit_json_map map;
    const char *fault = audit_json_open(line, &map);
    if (fault)
        return fault;
    if (map.count != ENTRY_MEMBERS)
        return "not a log entry";
    for (unsigned i = 0; i < ENTRY_MEMBERS; i++) {
        if (!audit_text_eq(map.members[i].name, audit_text_of(entry_members[i])))
            return "not a log entry";
        ret->members[i] = map.members[i].value;
    }
    /* Whether they are hexadecimal shows when they are compared with what they should be. */
    if (!audit_json_plain(ret->members[HASH], &ret->hash) || ret->hash.len != 64 ||
        !audit_json_plain(ret->members[PREV], &ret->prev) || ret->prev.len != 64)
        return "hash or prev is none";
    if (!audit_json_size(ret->members[SEQ], &ret->seq) || ret->seq == 0 ||
        !audit_json_int(ret->members[TIME], &ret->time) || ret->time < 0)
        return "seq or time is none";
    if (audit_json_type(ret->members[METHOD]) != AUDIT_JSON_STRING ||
        audit_json_type(ret->members[OUTCOME]) != AUDIT_JSON_MAP)
        return "method or outcome is none";
    return NULL;
}

/* BLAKE2b-256 of the hash before and the line without its own hash, which stands first. */
static void chain_hash(struct audit_text prev, struct audit_text line, uint8_t ret[AUDIT_HASH])
{
    crypto_generichash_blake2b_state state;
    uint8_t start[65];
    memcpy(start, prev.data, 64);
    start[64] = '{';
    crypto_generichash_blake2b_init(&state, NULL, 0, AUDIT_HASH);
    crypto_generichash_blake2b_update(&state, start, sizeof start);
    crypto_generichash_blake2b_update(&state, (const uint8_t *)line.data + CUT, line.len - CUT);
    crypto_generichash_blake2b_final(&state, ret, AUDIT_HASH);
}

static void prove_entry(const struct audit_log *log, const struct entry *entry, struct audit_text line,
                        uint64_t expected, const struct audit_source *source, struct audit_faults *faults)
{
    uint8_t hash[AUDIT_HASH];
    char text[AUDIT_HASH_HEX];
    if (entry->seq != expected)
        audit_fault(faults, source->path, source->line, "entry %llu stands where %llu should",
                    (unsigned long long)entry->seq, (unsigned long long)expected);
    if (log->seq && entry->time < log->time)
        audit_fault(faults, source->path, source->line, "entry %llu: its time lies before that of the entry before",
                    (unsigned long long)entry->seq);
    if (log->head[0] && memcmp(log->head, entry->prev.data, 64) != 0)
        audit_fault(faults, source->path, source->line,
                    "entry %llu does not follow the entry before: prev is another hash",
                    (unsigned long long)entry->seq);
    chain_hash(entry->prev, line, hash);
    audit_hex_write(hash, sizeof hash, text);
    if (memcmp(text, entry->hash.data, 64) != 0)
        audit_fault(faults, source->path, source->line, "entry %llu was changed: its hash is %s",
                    (unsigned long long)entry->seq, text);
}

/* ---- claims ---- */

static int compare_claims(const void *a, const void *b)
{
    uint64_t one = ((const struct audit_claim *)a)->seq, other = ((const struct audit_claim *)b)->seq;
    return (one > other) - (one < other);
}

void audit_claims_sort(struct audit_claim *claims, size_t count)
{
    if (count > 1)
        qsort(claims, count, sizeof *claims, compare_claims);
}

/* What is claimed about the log's last entry, against it. */
static void prove_claims(struct audit_log *log, const uint8_t leaf[AUDIT_HASH], struct audit_faults *faults)
{
    uint8_t root[AUDIT_HASH];
    if (log->claim_next == log->claim_count || log->claims[log->claim_next].seq > log->seq)
        return;
    audit_tree_root(&log->tree, root);
    while (log->claim_next < log->claim_count && log->claims[log->claim_next].seq <= log->seq) {
        struct audit_claim *claim = &log->claims[log->claim_next++];
        if (claim->seq != log->seq || (claim->of != AUDIT_OF_LEAF && !log->whole))
            continue; /* below what the log has; audit_log_end says so */
        claim->met = true;
        if (claim->of == AUDIT_OF_LEAF && memcmp(claim->hash, leaf, AUDIT_HASH) != 0)
            audit_fault(faults, claim->path, claim->line, "entry %llu of the log is another one",
                        (unsigned long long)claim->seq);
        if (claim->of != AUDIT_OF_LEAF && memcmp(claim->hash, root, AUDIT_HASH) != 0)
            audit_fault(faults, claim->path, claim->line, "fork: the log's first %llu entries give another root",
                        (unsigned long long)claim->seq);
        if (claim->time >= 0 && claim->time != log->time)
            audit_fault(faults, claim->path, claim->line, "time: the log's entry %llu is of another",
                        (unsigned long long)claim->seq);
    }
}

void audit_log_end(struct audit_log *log, struct audit_faults *faults)
{
    for (size_t i = 0; i < log->claim_count; i++) {
        const struct audit_claim *claim = &log->claims[i];
        if (claim->met)
            continue;
        if (claim->seq > log->seq)
            audit_fault(faults, claim->path, claim->line,
                        "it is about %llu entries, the log has %llu: rolled back or cut off",
                        (unsigned long long)claim->seq, (unsigned long long)log->seq);
        else
            audit_fault(faults, claim->path, claim->line,
                        "can't be proved: the log does not hold all entries from 1 to %llu",
                        (unsigned long long)claim->seq);
    }
}

/* ---- several exports ---- */

static void begin_export(struct audit_log *log, const char *path, uint64_t from)
{
    struct audit_export *exports =
        log->keep ? reallocarray(log->exports, log->export_count + 1, sizeof *exports) : NULL;
    if (!exports) {
        log->failed |= log->keep;
        return;
    }
    log->exports = exports;
    exports[log->export_count++] = (struct audit_export){.path = path, .from = from};
}

static void keep_hash(struct audit_log *log, const uint8_t hash[AUDIT_HASH])
{
    struct audit_export *export = &log->exports[log->export_count - 1];
    if (export->count == export->cap) {
        size_t cap = export->cap ? 2 * export->cap : 1024;
        uint8_t(*hashes)[AUDIT_HASH] = reallocarray(export->hashes, cap, sizeof *hashes);
        if (!hashes) {
            log->failed = true;
            return;
        }
        export->hashes = hashes;
        export->cap = cap;
    }
    memcpy(export->hashes[export->count++], hash, AUDIT_HASH);
}

/* An entry that an export before has too must be the same; one fault for two exports that part. */
static void compare_exports(struct audit_log *log, const struct entry *entry, const struct audit_source *source,
                            struct audit_faults *faults)
{
    uint8_t hash[AUDIT_HASH] = {0};
    if (log->export_count == 0 || log->failed)
        return;
    audit_hex_read(entry->hash, hash, sizeof hash); /* what is no hash was said, and differs from every one */
    for (size_t i = 0; i + 1 < log->export_count; i++) {
        struct audit_export *other = &log->exports[i];
        if (other->differs || entry->seq < other->from || entry->seq - other->from >= other->count ||
            memcmp(other->hashes[entry->seq - other->from], hash, sizeof hash) == 0)
            continue;
        other->differs = true;
        audit_fault(faults, source->path, source->line, "fork: %s has another entry %llu", other->path,
                    (unsigned long long)entry->seq);
    }
    const struct audit_export *own = &log->exports[log->export_count - 1];
    if (entry->seq == own->from + own->count)
        keep_hash(log, hash);
}

void audit_log_deinit(struct audit_log *log)
{
    for (size_t i = 0; i < log->export_count; i++)
        free(log->exports[i].hashes);
    free(log->exports);
    log->exports = NULL;
    log->export_count = 0;
}

/* ---- a file ---- */

static void start(struct audit_log *log, uint64_t from, struct audit_faults *faults)
{
    if (log->seq && from == log->seq + 1)
        return; /* it goes on */
    log->tree = (struct audit_tree){0};
    log->whole = from == 1;
    log->seq = 0;
    log->time = 0;
    log->head[0] = '\0';
    if (from == 1) {
        uint8_t empty[AUDIT_HASH];
        memset(log->head, '0', 64);
        log->head[64] = '\0';
        audit_sha256("", 0, empty);
        log->claim_next = 0;
        prove_claims(log, empty, faults);
    }
}

static int take_entry(struct audit_log *log, struct audit_source *source, struct audit_text line, uint64_t expected,
                      struct audit_faults *faults)
{
    struct entry entry;
    uint8_t leaf[AUDIT_HASH];
    const char *fault = read_entry(line, &entry);
    if (fault) {
        audit_fault(faults, source->path, source->line, "not a log entry: %s", fault);
        log->whole = false;
        log->head[0] = '\0';
        log->seq = expected;
        return 0;
    }
    prove_entry(log, &entry, line, expected, source, faults);
    log->seq = entry.seq;
    log->time = entry.time;
    memcpy(log->head, entry.hash.data, 64);
    log->head[64] = '\0';
    compare_exports(log, &entry, source, faults);
    audit_tree_leaf(line.data, line.len, leaf);
    audit_tree_add(&log->tree, leaf);
    prove_claims(log, leaf, faults);
    int code = log->failed ? audit_say("no memory") : 0;
    for (size_t i = 0; i < log->fold_count && code == 0; i++) {
        struct audit_fold *fold = &log->folds[i];
        audit_fold_meet(fold, entry.seq - 1, -1, entry.prev.data);
        audit_fold_meet(fold, entry.seq, entry.time, entry.hash.data);
        code = audit_fold_outcome(fold, entry.seq, entry.members[OUTCOME], source, faults);
    }
    return code;
}

int audit_log_file(struct audit_log *log, struct audit_source *source, struct audit_faults *faults)
{
    static const char *const names[] = {"format", "from", "version", NULL};
    struct audit_json_map header;
    struct audit_text line;
    uint64_t from, records = 0;
    enum audit_got got = audit_source_next(source, &line);
    if (got == AUDIT_GOT_NOTHING)
        return AUDIT_USAGE;
    if (got != AUDIT_GOT_LINE || !audit_header(line, "relief-log", names, &header) ||
        !audit_json_size(audit_json_find(&header, "from"), &from) || from == 0) {
        audit_fault(faults, source->path, 1, "the first line is not that of a log export of version 1");
        return 0;
    }
    audit_source_digest(source, line);
    start(log, from, faults);
    begin_export(log, source->path, from);
    for (size_t i = 0; i < log->export_count; i++)
        log->exports[i].differs = false;
    for (uint64_t expected = from;; expected = log->seq + 1) {
        got = audit_source_next(source, &line);
        if (got == AUDIT_GOT_NOTHING)
            return AUDIT_USAGE;
        if (got == AUDIT_GOT_LINE && audit_is_trailer(line))
            return audit_trailer(source, line, records, faults);
        if (got != AUDIT_GOT_LINE) {
            if (got == AUDIT_GOT_END)
                line = AUDIT_TEXT("the last line, with the digest, is missing");
            audit_fault(faults, source->path, source->line, "%.*s", (int)line.len, line.data);
            return 0;
        }
        audit_source_digest(source, line);
        records++;
        int code = take_entry(log, source, line, expected, faults);
        if (code)
            return code;
    }
}
