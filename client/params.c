/*
 * From a struct, or from a map that the caller packed, to the map that leaves. A changing method that has no `op` gets
 * one here: then the frame can be sent again over another connection and the daemon answers the second time what it
 * answered the first. request.submit has the request's own id for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "schema/codec.h"

/* The field `op` of a changing method that needs one; NULL for all others. */
static const struct relief_field *op_field(const struct relief_method_info *method)
{
    if (!method || method->kind != RELIEF_CHANGE || method->number == RELIEF_METHOD_request_submit)
        return NULL;
    return relief_shape_find(method->params, RELIEF_STR("op"));
}

void relief_params_init(enum relief_method method, void *params)
{
    const struct relief_method_info *info = relief_method_by_number((unsigned)method);
    if (info)
        relief_shape_clear(info->params, params);
}

int client_params_pack(struct relief_buf *buf, const struct relief_method_info *method, const void *params)
{
    const struct relief_field *op = op_field(method);
    char id[27];
    void *copy = NULL;
    if (op && !relief_field_str(op, params)->data) {
        copy = malloc(method->params->size);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, params, method->params->size);
        relief_make_id(id);
        *relief_field_str(op, copy) = relief_str_of(id);
        params = copy;
    }
    relief_pack_params(buf, method->params, params);
    free(copy);
    return buf->failed ? -ENOMEM : 0;
}

static void pack_map_header(struct relief_buf *buf, uint32_t count, bool with_op)
{
    relief_pack_map(buf, count + with_op);
}

int client_params_raw(struct relief_buf *buf, const struct relief_method_info *method, struct relief_str map)
{
    const uint8_t *data = (const uint8_t *)map.data;
    size_t at = 0, start, nil_from = 0, nil_to = 0;
    uint32_t count = 0;
    bool has_op = !op_field(method);
    if (map.len > 0) {
        if (!client_skip(data, map.len, &at) || at != map.len)
            return -EINVAL;
        at = 0;
        if (!client_map(data, map.len, &at, &count))
            return -EINVAL;
    }
    start = at;
    for (uint32_t i = 0; i < count; i++) {
        struct relief_str key = RELIEF_STR_NONE;
        size_t pair = at;
        if (!client_str(data, map.len, &at, &key))
            return -EINVAL;
        size_t value = at;
        if (!client_skip(data, map.len, &at))
            return -EINVAL;
        if (has_op || !relief_str_eq(key, RELIEF_STR("op")))
            continue;
        if (data[value] == 0xc0) /* nil is absent: it makes room for ours */
            nil_from = pair, nil_to = at;
        else
            has_op = true;
    }
    if (has_op)
        nil_from = nil_to = 0;
    pack_map_header(buf, count - (nil_to > 0), !has_op);
    if (map.len > start) {
        if (nil_to > 0) {
            relief_buf_add(buf, map.data + start, nil_from - start);
            start = nil_to;
        }
        relief_buf_add(buf, map.data + start, map.len - start);
    }
    if (!has_op) {
        char id[27];
        relief_make_id(id);
        relief_pack_text(buf, "op");
        relief_pack_text(buf, id);
    }
    return buf->failed ? -ENOMEM : 0;
}
