/*
 * Pages. A list walks keys in their order from the one after `after`, and ends its page when one of four bounds is met:
 * the limit asked for, the size of a frame, the records looked at (a filter that hardly anything passes must not hold
 * up the loop), or the end. `next` is the last key looked at, so that a page which ends early goes on exactly there;
 * nil means that nothing follows.
 */
#include "rpc/session.h"
#include "core/key.h"
#include <errno.h>

void rpc_page_start(struct rpc_page *page, struct rpc_call *call, int64_t limit)
{
    *page = (struct rpc_page){.call = call, .limit = (uint32_t)limit};
    relief_buf_clear(&call->rpc->page);
}

bool rpc_page_add(struct rpc_page *page, const struct relief_shape *shape, const void *item)
{
    struct relief_buf *buf = &page->call->rpc->page;
    size_t before = buf->len;
    relief_pack_record(buf, shape, item, 0);
    if (buf->len > RPC_PAGE_BYTES_MAX && page->count > 0) {
        buf->len = before;
        return false;
    }
    page->count++;
    return true;
}

void rpc_page_end(struct rpc_page *page, struct relief_str next)
{
    struct relief_buf *out = page->call->out;
    relief_pack_map(out, 2);
    relief_pack_text(out, "items");
    relief_pack_array(out, page->count);
    relief_buf_add(out, page->call->rpc->page.data, page->call->rpc->page.len);
    out->failed |= page->call->rpc->page.failed;
    relief_pack_text(out, "next");
    relief_pack_str(out, next);
}

int rpc_after_parts(struct rpc_call *call, struct relief_str after, unsigned count, struct relief_str ret_parts[])
{
    for (unsigned i = 0; i < count; i++) {
        const char *slash = memchr(after.data, '/', after.len);
        struct relief_str part = {after.data, slash ? (uint32_t)(slash - after.data) : after.len};
        if ((slash == NULL) != (i == count - 1) || !relief_id_ok(part))
            return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "after", "not a key of this list");
        ret_parts[i] = part;
        if (slash)
            after = (struct relief_str){slash + 1, after.len - part.len - 1};
    }
    return 0;
}

/* The key of the record that `after` names; it need not exist (any more). */
static int after_key(struct rpc_call *call, enum relief_table table, struct relief_str after, struct core_key *ret_key)
{
    const struct relief_table_info *info = &relief_tables[table];
    union relief_any_record record;
    struct relief_str parts[3];
    ret_key->len = 0;
    if (!after.data)
        return 0;
    relief_shape_clear(info->shape, &record);
    if (info->shape->fields[0].kind == RELIEF_F_DID) {
        if (!relief_dispatch_id_ok(after))
            return relief_refuse_field(&call->refusal, RELIEF_BAD_PARAMS, "after", "not a key of this list");
        parts[0] = after;
    } else {
        int result = rpc_after_parts(call, after, info->key_fields, parts);
        if (result)
            return result;
    }
    for (unsigned i = 0; i < info->key_fields; i++)
        *relief_field_str(&info->shape->fields[i], &record) = parts[i];
    core_key_record(ret_key, table, &record);
    return 0;
}

/* The key fields of a record, joined; lives in the call's arena. */
static struct relief_str joined_key(struct rpc_call *call, enum relief_table table, const void *record)
{
    const struct relief_table_info *info = &relief_tables[table];
    uint32_t len = 0;
    for (unsigned i = 0; i < info->key_fields; i++)
        len += relief_field_str(&info->shape->fields[i], record)->len + (i > 0);
    char *text = relief_arena_alloc(&call->rpc->arena, len);
    if (!text)
        return RELIEF_STR_NONE;
    uint32_t at = 0;
    for (unsigned i = 0; i < info->key_fields; i++) {
        struct relief_str part = *relief_field_str(&info->shape->fields[i], record);
        if (i > 0)
            text[at++] = '/';
        memcpy(text + at, part.data, part.len);
        at += part.len;
    }
    return (struct relief_str){text, len};
}

int rpc_list_table(struct rpc_call *call, enum relief_table table, const struct core_key *prefix,
                   struct relief_str after, int64_t limit, rpc_wanted *wanted)
{
    struct rpc *rpc = call->rpc;
    struct core_view *view = engine_view(rpc->engine);
    const struct relief_shape *shape = relief_tables[table].shape;
    struct core_key all, from;
    struct core_cursor cursor;
    struct relief_str key, value, next = RELIEF_STR_NONE;
    union relief_any_record record;
    struct rpc_page page;
    int result = after_key(call, table, after, &from);
    if (result)
        return result;
    if (!prefix) {
        core_key_table(&all, table);
        prefix = &all;
    }
    /* an `after` before the prefix starts at it, one behind it ends the list */
    size_t shared = from.len < prefix->len ? from.len : prefix->len;
    int order = shared ? memcmp(from.data, prefix->data, shared) : 0;
    rpc_page_start(&page, call, limit);
    if (order < 0)
        from.len = 0;
    view->ops->scan(view, &cursor, prefix, &from);
    while (order <= 0 && view->ops->next(view, &cursor, &key, &value)) {
        uint32_t legs = call->sight ? call->sight->looked : 0;
        if (page.count == page.limit || page.looked + legs >= RELIEF_SCAN_RECORDS_MAX || page.full)
            goto out; /* something follows: next stands */
        relief_arena_reset(&rpc->record);
        if (relief_record_decode(shape, value, &rpc->record, &record) < 0)
            return -EBADMSG;
        page.looked++;
        if ((!wanted || wanted(call, &record)) && !rpc_page_add(&page, shape, &record)) {
            page.full = true;
            goto out;
        }
        next = joined_key(call, table, &record);
    }
    next = RELIEF_STR_NONE;
out:
    rpc_page_end(&page, next);
    return 0;
}

int rpc_get_record(struct rpc_call *call)
{
    const struct relief_field *field = &call->method->params->fields[0];
    int table = relief_table_find(relief_str_of(call->method->noun));
    union relief_any_record record;
    struct sight sight;
    relief_arena_reset(&call->rpc->record);
    relief_shape_clear(relief_tables[table].shape, &record);
    struct relief_str id = *relief_field_str(field, call->params);
    *relief_field_str(&relief_tables[table].shape->fields[0], &record) = id;
    if (!core_find(engine_view(call->rpc->engine), (enum relief_table)table, &call->rpc->arena, &record))
        return rpc_not_found(&call->refusal, field->name, call->method->noun, id);
    sight_start(&sight, call->rpc, &call->session->identity);
    enum sight_answer seen = sight_record(&sight, (enum relief_table)table, &record);
    if (seen == SIGHT_NOT_FOUND)
        return rpc_not_found(&call->refusal, field->name, call->method->noun, id);
    if (seen == SIGHT_DENIED)
        return relief_refuse(&call->refusal, RELIEF_DENIED, "its city does not share it with %.100s",
                             call->session->identity.name);
    relief_pack_record(call->out, relief_tables[table].shape, &record, 0);
    return 0;
}
