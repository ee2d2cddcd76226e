/*
 * One value of a parameter from text: a flag's, or a cell's. What it means follows from the field's row in the schema;
 * ranges are checked later, with the whole record (relief_params_check).
 */
#include <stdlib.h>
#include <string.h>
#include "client/cli/cli.h"
#include "client/cli/json_in.h"
#include "schema/scan.h"

static bool complain(struct cli_parse *parse, const char *what, struct relief_str text)
{
    snprintf(parse->error, sizeof parse->error, "'%.*s' is %s", (int)(text.len < 60 ? text.len : 60), text.data, what);
    return false;
}

static bool read_int(struct relief_str text, int64_t *ret)
{
    int64_t value = 0;
    uint32_t i = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool negative = i && text.data[0] == '-';
    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* downwards: it has one more value */
            return false;
    }
    if (value == INT64_MIN) /* stands for "absent" inside */
        return false;
    *ret = negative ? value : -value;
    return true;
}

/*
 * Degrees to micro-degrees without a float: 30.5928 -> 30592800; a seventh digit rounds. A magnitude beyond 180 is
 * micro-degrees already (fine print 67); it can't have a fraction.
 */
static bool read_degrees(struct relief_str text, int64_t *ret)
{
    const char *point = memchr(text.data, '.', text.len);
    struct relief_str whole = {text.data, point ? (uint32_t)(point - text.data) : text.len};
    bool negative = whole.len > 0 && whole.data[0] == '-';
    int64_t degrees = 0, micro = 0;
    uint32_t fraction = point ? text.len - whole.len - 1 : 0;
    bool bare = whole.len == 0 || (whole.len == 1 && (negative || whole.data[0] == '+'));
    if ((bare && fraction == 0) || (!bare && !read_int(whole, &degrees)))
        return false;
    if (degrees > 180 || degrees < -180) {
        *ret = degrees;
        return !point;
    }
    for (uint32_t i = 0; i < fraction; i++) {
        char c = point[1 + i];
        if (c < '0' || c > '9')
            return false;
        if (i < 6)
            micro = micro * 10 + (c - '0');
        else if (i == 6 && c >= '5')
            micro++;
    }
    for (uint32_t i = fraction; i < 6; i++)
        micro *= 10;
    *ret = degrees * 1000000 + (negative ? -micro : micro);
    return true;
}

static bool is_degrees(const struct relief_field *field)
{
    return field->kind == RELIEF_F_INT && (strcmp(field->name, "lat") == 0 || strcmp(field->name, "lon") == 0);
}

static bool read_bool(struct relief_str text, int64_t *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1"};
    for (unsigned i = 0; i < 6; i++) {
        if (relief_str_eq(text, relief_str_of(words[i]))) {
            *ret = i & 1;
            return true;
        }
    }
    return false;
}

static bool set_enum(struct cli_parse *parse, const struct relief_field *field, void *record, struct relief_str text)
{
    int64_t value = relief_enum_find(field->names, text);
    if (value >= 0) {
        *relief_field_i64(field, record) = value;
        return true;
    }
    complain(parse, "none of", text);
    for (const char *const *name = field->names->names; *name; name++) {
        size_t len = strlen(parse->error);
        snprintf(parse->error + len, sizeof parse->error - len, " %s", *name);
    }
    return false;
}

/* A name in a list: a backslash stands before `|` and before a backslash. */
static struct relief_str unescaped(struct cli_parse *parse, struct relief_str text)
{
    char *copy = memchr(text.data, '\\', text.len) ? relief_arena_alloc(parse->arena, text.len) : NULL;
    uint32_t len = 0;
    if (!copy)
        return text;
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\' && i + 1 < text.len && strchr("\\|", text.data[i + 1]))
            i++;
        copy[len++] = text.data[i];
    }
    return (struct relief_str){copy, len};
}

static bool set_text(struct cli_parse *parse, const struct relief_field *field, void *record, struct relief_str text)
{
    if (!scan_utf8(text.data, text.len))
        return complain(parse, "not UTF-8", RELIEF_STR("text"));
    if (text.len > RELIEF_STRING_BYTES_MAX)
        return complain(parse, "longer than 4096 bytes", (struct relief_str){text.data, 20});
    struct relief_str copy = relief_arena_str(parse->arena, text);
    if (!copy.data)
        return complain(parse, "too much at once", (struct relief_str){text.data, text.len < 20 ? text.len : 20});
    *relief_field_str(field, record) = copy;
    return true;
}

/* The date until which something lasts ends with that day; other bare dates begin with it. */
static bool is_expiry(const struct relief_field *field, const struct relief_shape *part)
{
    return strcmp(field->name, "expires") == 0 || part == &relief_shape_certificate;
}

static bool set_value(struct cli_parse *parse, const struct relief_field *field, const struct relief_shape *part,
                      void *record, struct relief_str text)
{
    switch (field->kind) {
    case RELIEF_F_INT:
        if (is_degrees(field))
            return read_degrees(text, relief_field_i64(field, record)) ||
                   complain(parse, "not a number of degrees", text);
        return read_int(text, relief_field_i64(field, record)) || complain(parse, "not a whole number", text);
    case RELIEF_F_BOOL:
        return read_bool(text, relief_field_i64(field, record)) || complain(parse, "not true or false", text);
    case RELIEF_F_TIME:
        return cli_time_parse(text, parse->now_ms, is_expiry(field, part), relief_field_i64(field, record)) ||
               complain(parse, "not a time (2026-05-01T08:00+08:00, 2026-05-01, +90m, +2d, milliseconds)", text);
    case RELIEF_F_ENUM:
        return set_enum(parse, field, record, text);
    case RELIEF_F_ID:
    case RELIEF_F_DID:
    case RELIEF_F_TEXT:
        return set_text(parse, field, record, part && text.len ? unescaped(parse, text) : text);
    default:
        return complain(parse, "of a kind that can't stand here", text);
    }
}

/* The next item of a list; `separators` are those that split it. */
static bool next_item(struct relief_str *rest, const char *separators, struct relief_str *ret)
{
    if (!rest->data)
        return false;
    uint32_t len = 0;
    while (len < rest->len && !strchr(separators, rest->data[len]))
        len += rest->data[len] == '\\' && len + 1 < rest->len ? 2 : 1; /* as cell.c writes a name with `|` */
    *ret = (struct relief_str){rest->data, len};
    if (len == rest->len)
        *rest = RELIEF_STR_NONE;
    else
        *rest = (struct relief_str){rest->data + len + 1, rest->len - len - 1};
    return true;
}

/* A:B:C into the fields of a part. Ids may hold colons, and so do times: the last field takes them when it is a time,
 * else the first. */
static bool set_part(struct cli_parse *parse, const struct relief_shape *shape, void *record, struct relief_str text)
{
    bool from_left = shape->fields[shape->count - 1].kind == RELIEF_F_TIME;
    relief_shape_clear(shape, record);
    for (uint32_t n = 0; n < shape->count; n++) {
        uint32_t i = from_left ? n : shape->count - 1 - n;
        struct relief_str value = text;
        if (n + 1 < shape->count) {
            const char *colon = from_left ? memchr(text.data, ':', text.len) : memrchr(text.data, ':', text.len);
            if (!colon) {
                complain(parse, "not", text);
                for (uint32_t f = 0; f < shape->count; f++) {
                    size_t len = strlen(parse->error);
                    snprintf(parse->error + len, sizeof parse->error - len, "%s%s", f ? ":" : " ",
                             shape->fields[f].name);
                }
                return false;
            }
            uint32_t before = (uint32_t)(colon - text.data);
            struct relief_str left = {text.data, before}, right = {colon + 1, text.len - before - 1};
            value = from_left ? left : right;
            text = from_left ? right : left;
        }
        if (!set_value(parse, &shape->fields[i], shape, record, value))
            return false;
    }
    return true;
}

static bool set_list(struct cli_parse *parse, const struct relief_field *field, void *record, struct relief_str text)
{
    bool objects = field->kind == RELIEF_F_OBJS;
    /* A name in a part may hold a comma, an id can't. */
    const char *separators = objects && memchr(text.data, '|', text.len) ? "|" : "|,";
    size_t size = objects ? field->sub->size : sizeof(struct relief_str);
    uint32_t count = 0;
    if (relief_str_eq(text, RELIEF_STR("[]"))) /* none, where an empty cell is "not given" */
        text.len = 0;
    struct relief_str rest = text, item;
    while (text.len > 0 && next_item(&rest, separators, &item))
        count++;
    char *items = relief_arena_alloc(parse->arena, count ? count * size : 1);
    if (!items)
        return complain(parse, "too long a list", (struct relief_str){text.data, text.len < 20 ? text.len : 20});
    rest = text;
    for (uint32_t i = 0; i < count && next_item(&rest, separators, &item); i++) {
        if (item.len == 0)
            return complain(parse, "a list with an empty item", text);
        if (objects && !set_part(parse, field->sub, items + i * size, item))
            return false;
        if (!objects)
            ((struct relief_str *)(void *)items)[i] = relief_arena_str(parse->arena, item);
    }
    *relief_field_list(field, record) = (struct relief_list){items, count, 1};
    return true;
}

/* JSON in the word itself, or @FILE. */
static bool set_raw(struct cli_parse *parse, const struct relief_field *field, void *record, struct relief_str text)
{
    struct relief_buf packed = RELIEF_BUF_INIT;
    bool good = cli_json_pack_text(&packed, text, parse->error, sizeof parse->error);
    if (good) {
        struct relief_str copy = relief_arena_str(parse->arena, (struct relief_str){packed.data, (uint32_t)packed.len});
        good = copy.data || complain(parse, "too much at once", RELIEF_STR("the JSON"));
        if (good)
            *relief_field_str(field, record) = copy;
    }
    relief_buf_deinit(&packed);
    return good;
}

bool cli_value_set(struct cli_parse *parse, const struct relief_field *field, void *record, struct relief_str text)
{
    parse->error[0] = '\0';
    switch (field->kind) {
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        return set_list(parse, field, record, text);
    case RELIEF_F_RAW:
        return set_raw(parse, field, record, text);
    default:
        return set_value(parse, field, NULL, record, text);
    }
}
