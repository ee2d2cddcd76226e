/*
 * An answer: a copy of its bytes, decoded when it is first asked for. Most answers of an import are never looked into,
 * so nothing is unpacked before somebody wants it. Decoding on demand writes into an answer that the caller holds as
 * const: an answer belongs to one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/client.h"
#include "schema/codec.h"

struct relief_answer *client_answer_new(const struct relief_method_info *method, const void *result, size_t len)
{
    struct relief_answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return NULL;
    answer->method = method;
    answer->result = malloc(len ? len : 1);
    if (!answer->result) {
        free(answer);
        return NULL;
    }
    memcpy(answer->result, result, len);
    answer->result_len = len;
    return answer;
}

const msgpack_object *client_map_find(const msgpack_object *map, const char *key)
{
    size_t len = strlen(key);
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *name = &map->via.map.ptr[i].key;
        if (name->type == MSGPACK_OBJECT_STR && name->via.str.size == len && memcmp(name->via.str.ptr, key, len) == 0)
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

static bool unpack(struct relief_answer *answer)
{
    if (!answer->unpacked) {
        msgpack_unpacked_init(&answer->object);
        answer->unpacked = true;
        size_t used = 0;
        if (msgpack_unpack_next(&answer->object, answer->result, answer->result_len, &used) != MSGPACK_UNPACK_SUCCESS)
            answer->object.data.type = MSGPACK_OBJECT_NIL;
    }
    return answer->object.data.type != MSGPACK_OBJECT_NIL;
}

static void copy_text(char *ret, size_t size, const msgpack_object *text)
{
    if (text && text->type == MSGPACK_OBJECT_STR)
        snprintf(ret, size, "%.*s", (int)(text->via.str.size < size ? text->via.str.size : size - 1),
                 text->via.str.ptr);
}

struct relief_answer *client_answer_refusal(const struct relief_method_info *method, const void *error, size_t len)
{
    struct relief_answer *answer = client_answer_new(method, error, len);
    if (!answer)
        return NULL;
    struct relief_refusal *refusal = &answer->refusal;
    answer->refused = true;
    refusal->code = RELIEF_INTERNAL;
    refusal->available = RELIEF_NIL;
    if (!unpack(answer))
        return answer;
    const msgpack_object *map = &answer->object.data, *code = client_map_find(map, "code");
    if (code && code->type == MSGPACK_OBJECT_STR) {
        int known = relief_error_from_name(code->via.str.ptr, code->via.str.size);
        if (known > 0)
            refusal->code = (enum relief_error)known;
    }
    copy_text(refusal->message, sizeof refusal->message,
              map->type == MSGPACK_OBJECT_STR ? map : client_map_find(map, "message"));
    copy_text(refusal->field, sizeof refusal->field, client_map_find(map, "field"));
    copy_text(refusal->id, sizeof refusal->id, client_map_find(map, "id"));
    copy_text(refusal->state, sizeof refusal->state, client_map_find(map, "state"));
    const msgpack_object *available = client_map_find(map, "available");
    if (available &&
        (available->type == MSGPACK_OBJECT_POSITIVE_INTEGER || available->type == MSGPACK_OBJECT_NEGATIVE_INTEGER))
        refusal->available = available->via.i64;
    return answer;
}

const msgpack_object *client_answer_object(const struct relief_answer *answer)
{
    struct relief_answer *mine = (struct relief_answer *)(uintptr_t)answer;
    if (!answer || answer->refused || !unpack(mine))
        return NULL;
    return &answer->object.data;
}

/* The items of a page into one block, each decoded by the method's shape. */
static void decode_items(struct relief_answer *answer, const msgpack_object *items)
{
    const struct relief_shape *shape = answer->method->result;
    uint32_t count = items->via.array.size;
    char *block = relief_arena_alloc(&answer->arena, count ? (size_t)count * shape->size : 1);
    if (!block)
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (relief_answer_decode(shape, &items->via.array.ptr[i], &answer->arena, block + (size_t)i * shape->size) != 0)
            return;
    }
    answer->items = (struct relief_list){block, count, 1};
}

static void decode_next(struct relief_answer *answer, const msgpack_object *next)
{
    char digits[24];
    if (next && next->type == MSGPACK_OBJECT_STR) {
        answer->next = (struct relief_str){next->via.str.ptr, next->via.str.size};
    } else if (next && next->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)next->via.u64);
        answer->next = relief_arena_str(&answer->arena, relief_str_of(digits));
    }
}

static void decode(struct relief_answer *answer)
{
    if (answer->decoded || answer->refused || !answer->method)
        return;
    answer->decoded = true;
    /* Address space only: a decoded record takes a few times its MessagePack, where every field carries its name. */
    if (!unpack(answer) || relief_arena_init(&answer->arena, 65536 + 64 * answer->result_len) != 0)
        return;
    const msgpack_object *result = &answer->object.data;
    if (answer->method->kind == RELIEF_LIST) {
        const msgpack_object *items = client_map_find(result, "items");
        if (items && items->type == MSGPACK_OBJECT_ARRAY)
            decode_items(answer, items);
        decode_next(answer, client_map_find(result, "next"));
        return;
    }
    void *record = relief_arena_alloc(&answer->arena, answer->method->result->size);
    if (record && relief_answer_decode(answer->method->result, result, &answer->arena, record) == 0)
        answer->record = record;
}

const void *relief_answer_record(const struct relief_answer *answer)
{
    if (!answer)
        return NULL;
    decode((struct relief_answer *)(uintptr_t)answer);
    return answer->record;
}

const struct relief_list *relief_answer_items(const struct relief_answer *answer, struct relief_str *ret_next)
{
    if (!answer)
        return NULL;
    decode((struct relief_answer *)(uintptr_t)answer);
    if (ret_next)
        *ret_next = answer->next;
    return answer->items.present ? &answer->items : NULL;
}

uint64_t relief_answer_seq(const struct relief_answer *answer)
{
    const msgpack_object *seq = client_map_find(client_answer_object(answer), "seq");
    return seq && seq->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? seq->via.u64 : 0;
}

const struct relief_refusal *relief_answer_refusal(const struct relief_answer *answer)
{
    return answer && answer->refused ? &answer->refusal : NULL;
}

const void *relief_answer_raw(const struct relief_answer *answer, size_t *ret_len)
{
    if (!answer)
        return NULL;
    if (ret_len)
        *ret_len = answer->result_len;
    return answer->result;
}

void relief_answer_free(struct relief_answer *answer)
{
    if (!answer)
        return;
    if (answer->unpacked)
        msgpack_unpacked_destroy(&answer->object);
    relief_arena_deinit(&answer->arena);
    free(answer->result);
    free(answer);
}
