/*
 * What can be asked of the state without changing it: records, counts, and the deadline that comes next.
 */
#include "core/work.h"
#include <assert.h>
#include <stdio.h>

bool core_find(struct core_view *view, enum relief_table table, struct relief_arena *arena, void *record)
{
    struct core_work work = {.view = view, .arena = arena};
    return work_find(&work, table, record);
}

int64_t core_count(struct core_view *view, int table)
{
    struct core_key key;
    struct relief_str value;
    int64_t count;
    core_key_start(&key, CORE_KEY_COUNT);
    core_key_u8(&key, table == RELIEF_TABLE_COUNT ? 0xff : (uint8_t)table);
    value = view->ops->get(view, &key);
    if (!value.data)
        return 0;
    memcpy(&count, value.data, sizeof count);
    return count;
}

/* An answer may still be given at answer_by itself, so a lapse is due after it; the others are due at their time. */
static bool is_due(int64_t time, uint8_t type, int64_t until)
{
    return type == CORE_DEADLINE_LAPSE ? time < until : time <= until;
}

bool core_next_due(struct core_view *view, int64_t until, struct core_due *ret)
{
    struct core_cursor cursor;
    struct core_key prefix;
    struct relief_str key, value, id;
    core_key_start(&prefix, CORE_KEY_DEADLINE);
    view->ops->scan(view, &cursor, &prefix, NULL);
    while (view->ops->next(view, &cursor, &key, &value)) {
        uint32_t at = 1;
        int64_t time = (int64_t)core_key_take_u64(key, &at);
        uint8_t type = (uint8_t)key.data[at++];
        if (time > until)
            return false;
        if (!is_due(time, type, until))
            continue;
        id = core_key_take_str(key, &at);
        ret->time = time;
        snprintf(ret->id, sizeof ret->id, "%.*s", (int)id.len, id.data);
        id = relief_str_of(ret->id);
        switch (type) {
        case CORE_DEADLINE_EXPIRE:
            ret->command = RELIEF_COMMAND_time_expire;
            ret->params.expire = (struct relief_time_expire_params){.request = id, .ops_before = RELIEF_NIL};
            break;
        case CORE_DEADLINE_LAPSE:
            ret->command = RELIEF_COMMAND_time_lapse;
            ret->params.lapse = (struct relief_time_lapse_params){.dispatch = id};
            break;
        default:
            assert(type == CORE_DEADLINE_FROM || type == CORE_DEADLINE_REST);
            ret->command = RELIEF_COMMAND_time_wake;
            if (type == CORE_DEADLINE_FROM)
                ret->params.wake = (struct relief_time_wake_params){.agreement = id};
            else
                ret->params.wake = (struct relief_time_wake_params){.asset = id};
            break;
        }
        return true;
    }
    return false;
}
