/*
 * Two other ways from the log to the state: its outcomes, and its commands carried out again. Both follow the log as it
 * grows; when both agree with the engine, log, core and store say the same thing.
 */
#include "sim.h"

#include "core/key.h"
#include "engine/entry.h"

#include <stdio.h>
#include <stdlib.h>

static char why[512];

void replica_init(struct replica *replica)
{
    *replica = (struct replica){0};
    if (store_open(&replica->store, &(struct store_options){0}) ||
        core_init(&replica->core, store_view(replica->store)) || core_effects_init(&replica->effects))
        abort();
}

void replica_deinit(struct replica *replica)
{
    core_effects_deinit(&replica->effects);
    core_deinit(&replica->core);
    store_close(replica->store);
}

/* What an identity's name stands for in this simulation: ROLE, ROLE:CITY, ROLE:REGION. */
static struct core_identity identity_of(struct relief_str name)
{
    struct core_identity who = {.name = name, .role = RELIEF_role_local};
    const char *colon = memchr(name.data, ':', name.len);
    struct relief_str role = {name.data, colon ? (uint32_t)(colon - name.data) : name.len}, of = RELIEF_STR_NONE;
    if (colon)
        of = (struct relief_str){colon + 1, name.len - role.len - 1};
    for (unsigned i = 0; i < RELIEF_role_COUNT; i++)
        if (relief_str_eq(role, relief_str_of(relief_enum_role.names[i])))
            who.role = (enum relief_role)i;
    if (who.role == RELIEF_role_city)
        who.city = of;
    else if (who.role == RELIEF_role_coordinator)
        who.region = of;
    return who;
}

static const char *execute_one(struct replica *replica, const struct engine_entry *entry,
                               const struct log_record *record)
{
    const struct core_entry again = {.seq = entry->seq,
                                     .time = entry->time,
                                     .who = identity_of(entry->identity),
                                     .command = entry->command,
                                     .params = entry->params};
    struct relief_buf buf = RELIEF_BUF_INIT;
    const char *result = NULL;
    int rc = core_apply(&replica->core, &again, &replica->effects);
    if (rc == 0)
        engine_entry_encode(&buf, &again, &replica->effects);
    if (rc || buf.len != record->len || memcmp(buf.data, record->payload, buf.len) != 0) {
        snprintf(why, sizeof why, "entry %llu, command %u, carried out again: %s %s", (unsigned long long)entry->seq,
                 entry->command, rc ? "refused:" : "another outcome", rc ? replica->effects.refusal.message : "");
        result = why;
    } else if ((record->flags & LOG_MORE) &&
               !replica->effects.more) { /* without the flag it may go on in another batch */
        result = "the wake went on at one time and not at the other";
    }
    relief_buf_deinit(&buf);
    return result;
}

static const char *follow(struct replica *replica, struct log *log, bool execute)
{
    struct relief_arena arena;
    struct log_cursor *cursor;
    struct log_record record;
    struct engine_entry entry;
    const char *result = NULL;
    int rc;

    if (relief_arena_init(&arena, ENGINE_ENTRY_ARENA_BYTES) || log_cursor_open(&cursor, log, replica->seq + 1))
        abort();
    while (!result && (rc = log_cursor_next(cursor, &record)) != 0) {
        relief_arena_reset(&arena);
        if (rc < 0 || engine_entry_decode(&record, &arena, &entry)) {
            result = "the log can't be read";
            break;
        }
        if (execute)
            result = execute_one(replica, &entry, &record);
        else
            core_restore(&replica->core, entry.changes, entry.change_count);
        replica->seq = record.seq;
    }
    log_cursor_close(cursor);
    relief_arena_deinit(&arena);
    return result;
}

const char *replica_restore(struct replica *replica, struct log *log)
{
    return follow(replica, log, false);
}

const char *replica_execute(struct replica *replica, struct log *log)
{
    return follow(replica, log, true);
}

static const char *compare_space(struct core_view *a, struct core_view *b, unsigned space)
{
    struct core_cursor at_a = {0}, at_b = {0};
    struct relief_str key_a, key_b, value_a, value_b;
    struct core_key prefix;

    core_key_start(&prefix, space);
    a->ops->scan(a, &at_a, &prefix, NULL);
    b->ops->scan(b, &at_b, &prefix, NULL);
    for (;;) {
        bool more_a = a->ops->next(a, &at_a, &key_a, &value_a), more_b = b->ops->next(b, &at_b, &key_b, &value_b);
        if (!more_a && !more_b)
            return NULL;
        if (more_a && more_b && relief_str_eq(key_a, key_b) && relief_str_eq(value_a, value_b))
            continue;
        size_t at = (size_t)snprintf(why, sizeof why, "states differ in space %02x at ", space);
        struct relief_str key = more_a ? key_a : key_b;
        for (uint32_t i = 1; i < key.len && at + 1 < sizeof why; i++)
            why[at++] = key.data[i] > ' ' ? key.data[i] : '/';
        why[at] = '\0';
        return why;
    }
}

const char *replica_compare(struct replica *replica, struct core_view *view)
{
    const char *result = NULL;
    for (unsigned space = CORE_KEY_RECORD; space <= UINT8_MAX && !result; space++)
        result = compare_space(store_view(replica->store), view, space);
    return result;
}
