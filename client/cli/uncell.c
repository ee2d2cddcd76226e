/*
 * Cells of a dump, read as strictly as they are written: one text for a value, and no other. What people type is read
 * by value.c, which takes more.
 */
#include "client/cli/uncell.h"
#include <string.h>
#include "client/cli/cli.h"
#include "schema/codec.h"

static bool read_int(struct relief_str text, int64_t *ret)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    int64_t value = 0;
    uint32_t i = negative;
    if (i == text.len || (text.data[i] == '0' && (negative || text.len > 1)))
        return false;
    for (; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* downwards: it has one more value */
            return false;
    }
    *ret = negative ? value : -value;
    return value != INT64_MIN; /* stands for "absent" inside */
}

/* 2026-05-01T08:00:00Z or 2026-05-01T08:00:00.125Z: exactly the text that its milliseconds give. */
static bool read_time(struct relief_str text, int64_t *ret)
{
    char again[40];
    if (text.len < 20 || text.data[text.len - 1] != 'Z' || !cli_time_parse(text, 0, false, ret))
        return false;
    cli_time_text(again, *ret, true);
    return relief_str_eq(text, relief_str_of(again));
}

static bool read_number(const struct relief_field *field, struct relief_str text, int64_t *ret)
{
    *ret = RELIEF_NIL;
    if (text.len == 0)
        return true;
    switch (field->kind) {
    case RELIEF_F_BOOL:
        *ret = text.data[0] == 't';
        return relief_str_eq(text, *ret ? RELIEF_STR("true") : RELIEF_STR("false"));
    case RELIEF_F_TIME:
        return read_time(text, ret);
    case RELIEF_F_ENUM:
        *ret = relief_enum_find(field->names, text);
        return *ret >= 0;
    default:
        return read_int(text, ret);
    }
}

/* Text inside a list: `\|` and `\\` are `|` and `\`. */
static bool read_escaped(struct relief_arena *arena, struct relief_str text, struct relief_str *ret)
{
    char *copy = relief_arena_alloc(arena, text.len + 1u);
    uint32_t len = 0;
    if (!copy || text.len == 0)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\' && (++i == text.len || (text.data[i] != '\\' && text.data[i] != '|')))
            return false;
        copy[len++] = text.data[i];
    }
    *ret = (struct relief_str){copy, len};
    return true;
}

static bool read_value(const struct relief_field *field, struct relief_arena *arena, void *record,
                       struct relief_str text, bool in_list)
{
    switch (field->kind) {
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
        if (in_list && field->kind == RELIEF_F_TEXT && (text.len > 0 || field->required))
            return read_escaped(arena, text, relief_field_str(field, record));
        *relief_field_str(field, record) = text.len ? text : RELIEF_STR_NONE;
        return true;
    case RELIEF_F_INT:
    case RELIEF_F_BOOL:
    case RELIEF_F_ENUM:
    case RELIEF_F_TIME:
        return read_number(field, text, relief_field_i64(field, record));
    default:
        return false; /* no part of a record has lists of its own */
    }
}

/*
 * A:B:C. Only the first field may hold colons, and times do: three of their own for each, counted from the right.
 */
static bool read_part(const struct relief_shape *shape, struct relief_arena *arena, void *record,
                      struct relief_str text, unsigned generation)
{
    relief_shape_clear(shape, record);
    for (uint32_t i = shape->count; i-- > 0;) {
        const struct relief_field *field = &shape->fields[i];
        struct relief_str value = text;
        if (field->since > generation)
            continue;
        if (i > 0) {
            const char *colon = text.data + text.len;
            for (int skip = field->kind == RELIEF_F_TIME ? 3 : 1; skip > 0 && colon; skip--)
                colon = memrchr(text.data, ':', (size_t)(colon - text.data));
            if (!colon)
                return false;
            uint32_t before = (uint32_t)(colon - text.data);
            value = (struct relief_str){colon + 1, text.len - before - 1};
            text.len = before;
        }
        if (!read_value(field, arena, record, value, true))
            return false;
    }
    return true;
}

/* Length of the first item: up to a `|` that no backslash stands before. */
static uint32_t item_len(struct relief_str text)
{
    uint32_t i = 0;
    while (i < text.len && text.data[i] != '|')
        i += text.data[i] == '\\' ? 2 : 1;
    return i < text.len ? i : text.len;
}

static bool read_list(const struct relief_field *field, struct relief_arena *arena, void *record,
                      struct relief_str text, unsigned generation)
{
    struct relief_list *list = relief_field_list(field, record);
    bool brackets = relief_str_eq(text, RELIEF_STR("[]"));
    size_t size = field->kind == RELIEF_F_IDS ? sizeof(struct relief_str) : field->sub->size;
    uint32_t count = 1;
    *list = (struct relief_list){NULL, 0, brackets || field->required};
    if (brackets || text.len == 0)
        return !(brackets && field->required);
    for (struct relief_str rest = text; item_len(rest) < rest.len; count++) {
        uint32_t len = item_len(rest) + 1;
        rest = (struct relief_str){rest.data + len, rest.len - len};
    }
    char *items = relief_arena_alloc(arena, count * size);
    if (!items)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct relief_str item = {text.data, item_len(text)};
        uint32_t used = item.len + (item.len < text.len);
        text = (struct relief_str){text.data + used, text.len - used};
        if (field->kind == RELIEF_F_IDS) {
            if (item.len == 0)
                return false;
            ((struct relief_str *)(void *)items)[i] = item;
        } else if (!read_part(field->sub, arena, items + i * size, item, generation)) {
            return false;
        }
    }
    *list = (struct relief_list){items, count, 1};
    return true;
}

bool cli_uncell(const struct cli_column *column, struct relief_arena *arena, void *record, struct relief_str text,
                unsigned generation)
{
    const struct relief_field *field = column->field;
    if (column->part)
        return read_value(column->part, arena, (char *)record + field->offset, text, false);
    if (field->kind == RELIEF_F_IDS || field->kind == RELIEF_F_OBJS)
        return read_list(field, arena, record, text, generation);
    return read_value(field, arena, record, text, false);
}
