/*
 * Of a record only the BLAKE2b-256 of its bytes is kept: the state of a long log needs its keys and 40 bytes a record,
 * and equal hashes are equal bytes.
 */
#include "tools/audit/fold.h"

struct state {
    uint8_t hash[AUDIT_HASH];
    uint64_t stands;
};

void audit_fold_init(struct audit_fold *fold, uint64_t seq)
{
    *fold = (struct audit_fold){.seq = seq};
    audit_map_init(&fold->records, sizeof(struct state));
}

static int fold_record(struct audit_fold *fold, struct audit_text value, const struct audit_source *source,
                       struct audit_faults *faults)
{
    struct audit_record record;
    if (!audit_record_read(value, &record)) {
        audit_fault(faults, source->path, source->line, "the outcome holds something that is no record");
        return 0;
    }
    struct audit_item *item = audit_map_get(&fold->records, audit_record_key(&record));
    if (!item)
        return audit_say("no memory");
    struct state *state = audit_item_value(item);
    fold->standing += (uint64_t)!record.gone - state->stands;
    state->stands = !record.gone;
    if (!record.gone)
        audit_blake(value.data, value.len, state->hash);
    return 0;
}

void audit_fold_meet(struct audit_fold *fold, uint64_t seq, int64_t time, const char *head)
{
    if (seq != fold->seq || (fold->met && (fold->time >= 0 || time < 0)))
        return;
    fold->met = true;
    fold->time = time;
    memcpy(fold->head, head, 64);
    fold->head[64] = '\0';
}

int audit_fold_outcome(struct audit_fold *fold, uint64_t seq, struct audit_text outcome,
                       const struct audit_source *source, struct audit_faults *faults)
{
    struct audit_json_map map;
    struct audit_text records, record;
    const char *at = NULL;
    int code = 0;
    if (seq != fold->reached + 1 || seq > fold->seq)
        return 0; /* folded already from another export, or what comes before is not known */
    fold->reached = seq;
    if (!audit_json_map(outcome, &map))
        map.count = 0;
    records = audit_json_find(&map, "records");
    if (audit_json_type(records) != AUDIT_JSON_ARRAY) {
        audit_fault(faults, source->path, source->line, "the outcome names no records");
        return 0;
    }
    while (code == 0 && audit_json_next(records, &at, &record))
        code = fold_record(fold, record, source, faults);
    return code;
}

void audit_fold_compare(struct audit_fold *fold, const struct audit_record *record, struct audit_text line,
                        const struct audit_source *source, struct audit_faults *faults)
{
    char name[AUDIT_RECORD_KEY_MAX + 32] = "";
    uint8_t hash[AUDIT_HASH];
    struct audit_item *item = audit_map_find(&fold->records, audit_record_key(record));
    struct state *state = item ? audit_item_value(item) : NULL;
    audit_blake(line.data, line.len, hash);
    if (state && state->stands && memcmp(hash, state->hash, AUDIT_HASH) == 0) {
        item->seen = true;
        return;
    }
    audit_record_name(audit_record_key(record), name, sizeof name);
    audit_fault(faults, source->path, source->line,
                state && state->stands ? "%s: the log's outcomes give another record"
                                       : "%s: the log's outcomes give no such record",
                name);
    if (item)
        item->seen = true;
}

void audit_fold_end(struct audit_fold *fold, const char *path, struct audit_faults *faults)
{
    char name[AUDIT_RECORD_KEY_MAX + 32] = "";
    size_t at = 0;
    struct audit_item *item;
    while ((item = audit_map_next(&fold->records, &at))) {
        const struct state *state = audit_item_value(item);
        if (!state->stands || item->seen)
            continue;
        audit_record_name(audit_item_key(&fold->records, item), name, sizeof name);
        audit_fault(faults, path, 0, "%s is missing: the log's outcomes give it", name);
    }
}

void audit_fold_deinit(struct audit_fold *fold)
{
    audit_map_deinit(&fold->records);
}
