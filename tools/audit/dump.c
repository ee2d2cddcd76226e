/*
 * A dump holds every record once, in the order of tables and keys, in the one form that JSON has here, with the fields
 * of its table.
 */
#include "tools/audit/dump.h"
#include "tools/audit/form.h"

bool audit_dump_header(struct audit_text line, struct audit_dump *ret)
{
    static const char *const names[] = {"format", "head", "seq", "time", "version", NULL};
    struct audit_json_map map;
    struct audit_text head;
    uint8_t hash[AUDIT_HASH];
    *ret = (struct audit_dump){0};
    if (!audit_header(line, "relief-dump", names, &map) || !audit_json_size(audit_json_find(&map, "seq"), &ret->seq) ||
        !audit_json_int(audit_json_find(&map, "time"), &ret->time) ||
        !audit_json_plain(audit_json_find(&map, "head"), &head) || !audit_hex_read(head, hash, sizeof hash))
        return false;
    memcpy(ret->head, head.data, 64);
    return true;
}

struct walk {
    struct audit_source *source;
    struct audit_faults *faults;
    struct audit_fold *fold;
    struct audit_state state;
    struct audit_record record;
    unsigned char last[AUDIT_RECORD_KEY_MAX];
    size_t last_len;
};

static void take_record(struct walk *walk, struct audit_text line)
{
    struct audit_source *source = walk->source;
    struct audit_record *record = &walk->record;
    const char *fault = audit_json_open(line, &record->map);
    if (fault || !audit_record_take(record) || record->gone) {
        audit_fault(walk->faults, source->path, source->line, "not a record: %s",
                    fault ? fault : "no table, or no key");
        return;
    }
    const char *field = audit_form_fault(record);
    if (field)
        audit_fault(walk->faults, source->path, source->line, "not a record of table %s: field %s",
                    audit_table_names[record->table], field);
    struct audit_text last = {(const char *)walk->last, walk->last_len};
    if (last.len && audit_text_cmp(last, audit_record_key(record)) >= 0)
        audit_fault(walk->faults, source->path, source->line, "order: this record does not come after the one before");
    memcpy(walk->last, record->key, record->key_len);
    walk->last_len = record->key_len;
    audit_state_see(&walk->state, record, source, walk->faults);
    if (walk->fold)
        audit_fold_compare(walk->fold, record, line, source, walk->faults);
}

static void compare_head(const struct audit_dump *dump, const struct audit_fold *fold, const char *path,
                         struct audit_faults *faults)
{
    if (dump->seq && !fold->met)
        audit_fault(faults, path, 1,
                    "the dump is of entry %llu, which the log does not have: it ends before, or begins later",
                    (unsigned long long)dump->seq);
    else if (dump->seq && (strcmp(dump->head, fold->head) != 0 || (fold->time >= 0 && dump->time != fold->time)))
        audit_fault(faults, path, 1, "head or time are not those of the log's entry %llu",
                    (unsigned long long)dump->seq);
}

int audit_dump_file(struct audit_source *source, struct audit_dump *ret, struct audit_fold *fold,
                    struct audit_faults *faults)
{
    /* Records are compared when the log was folded from its first entry on. */
    struct walk walk = {.source = source, .faults = faults};
    struct audit_text line;
    int code = 0;
    enum audit_got got = audit_source_next(source, &line);
    if (got == AUDIT_GOT_NOTHING)
        return AUDIT_USAGE;
    if (got != AUDIT_GOT_LINE || !audit_dump_header(line, ret)) {
        audit_fault(faults, source->path, 1, "the first line is not that of a dump of version 1");
        return 0;
    }
    if (fold)
        compare_head(ret, fold, source->path, faults);
    if (fold && fold->reached == ret->seq)
        walk.fold = fold;
    audit_source_digest(source, line);
    audit_state_init(&walk.state);
    for (;;) {
        got = audit_source_next(source, &line);
        if (got == AUDIT_GOT_NOTHING) {
            code = AUDIT_USAGE;
            break;
        }
        if (got == AUDIT_GOT_LINE && audit_is_trailer(line)) {
            code = audit_trailer(source, line, ret->records, faults);
            break;
        }
        if (got != AUDIT_GOT_LINE) {
            if (got == AUDIT_GOT_END)
                line = AUDIT_TEXT("the last line, with the digest, is missing");
            audit_fault(faults, source->path, source->line, "%.*s", (int)line.len, line.data);
            break;
        }
        audit_source_digest(source, line);
        ret->records++;
        take_record(&walk, line);
        if (walk.state.failed) {
            code = audit_say("no memory");
            break;
        }
    }
    if (code == 0) {
        audit_state_end(&walk.state, source->path, faults);
        if (walk.fold)
            audit_fold_end(fold, source->path, faults);
    }
    audit_state_deinit(&walk.state);
    return code;
}
