/*
 * What is allowed in parameters: required fields, defaults, ranges (fine print 9), ids, text. It works on the decoded
 * struct, so parameters from the wire, from a CSV row and from a command line pass the same checks and are refused in
 * the same words.
 */
#include "schema/check.h"
#include "schema/scan.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- refusing ---- */

#define PATH_MAX_DEPTH 32u /* RAW values nest at most RELIEF_DEPTH_MAX deep, records three */

/* A key without a name, or one that is no text, stands as `?`. */
static void render(const struct check_path *path, char *text, size_t size)
{
    const struct check_path *parts[PATH_MAX_DEPTH];
    unsigned count = 0;
    for (; path && count < PATH_MAX_DEPTH; path = path->up)
        parts[count++] = path;
    size_t len = 0;
    text[0] = '\0';
    while (count-- > 0 && len < size) {
        const struct check_path *part = parts[count];
        const char *dot = len ? "." : "";
        struct relief_str name = part->name.data && !part->name.len ? RELIEF_STR("?") : part->name;
        int more = name.data ? snprintf(text + len, size - len, "%s%.*s", dot, (int)name.len, name.data)
                             : snprintf(text + len, size - len, "%s%u", dot, part->index);
        len += more > 0 ? (size_t)more : 0;
    }
}

int check_refuse(struct relief_refusal *refusal, const struct check_path *path, enum relief_error code,
                 const char *format, ...)
{
    char field[sizeof refusal->field], message[sizeof refusal->message];
    render(path, field, sizeof field);
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    relief_refuse_field(refusal, code, field, "%s", message); /* cuts the field between characters */
    return relief_refuse_field(refusal, code, refusal->field, "%s%s%s", refusal->field, refusal->field[0] ? ": " : "",
                               message);
}

int check_refuse_enum(struct relief_refusal *refusal, const struct check_path *path, const struct relief_enum *names)
{
    char words[128];
    size_t len = 0;
    for (uint32_t i = 0; i < names->count && len < sizeof words; i++) {
        int more = snprintf(words + len, sizeof words - len, "%s%s", i ? ", " : "", names->names[i]);
        len += more > 0 ? (size_t)more : 0;
    }
    return check_refuse(refusal, path, RELIEF_BAD_PARAMS, "must be one of %s", words);
}

/* ---- checking ---- */

struct checker {
    enum check_text text;
    struct relief_refusal *refusal;
};

#define BAD(checker, path, ...) check_refuse((checker)->refusal, path, RELIEF_BAD_PARAMS, __VA_ARGS__)

static int check_int(const struct checker *checker, const struct relief_field *field, int64_t value,
                     const struct check_path *path)
{
    int64_t low = field->min, high = field->max;
    if (low == 0 && high == 0) {
        bool time = field->kind == RELIEF_F_TIME;
        low = time ? 0 : INT64_MIN + 1;
        high = time ? RELIEF_TIME_MAX : INT64_MAX;
    }
    if (value < low || value > high)
        return BAD(checker, path, "must be %lld to %lld", (long long)low, (long long)high);
    return 0;
}

static int check_text(const struct checker *checker, const struct relief_field *field, struct relief_str text,
                      const struct check_path *path)
{
    int64_t most = field->max > 0 ? field->max : (int64_t)RELIEF_STRING_BYTES_MAX;
    if (text.len < field->min || text.len > most)
        return BAD(checker, path, "must have %lld to %lld bytes", (long long)field->min, (long long)most);
    /* A NUL would end the text early wherever it is shown or printed by a C program. */
    if (text.len && memchr(text.data, 0, text.len))
        return BAD(checker, path, "must not hold a NUL byte");
    if (checker->text == CHECK_UTF8 && !scan_utf8(text.data, text.len))
        return BAD(checker, path, "must be UTF-8");
    return 0;
}

static int check_id(const struct checker *checker, struct relief_str id, const struct check_path *path)
{
    if (relief_id_ok(id))
        return 0;
    return BAD(checker, path, "must be an id: 1 to %u bytes of [A-Za-z0-9._:-]", RELIEF_ID_BYTES_MAX);
}

static int check_fields(const struct checker *checker, const struct relief_shape *shape, void *record,
                        const struct check_path *path);

static int check_list(const struct checker *checker, const struct relief_field *field, const struct relief_list *list,
                      const struct check_path *path)
{
    if (list->count > RELIEF_ELEMENTS_MAX)
        return BAD(checker, path, "must have at most %u elements", RELIEF_ELEMENTS_MAX);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct check_path at = {path, RELIEF_STR_NONE, i};
        int error = field->kind == RELIEF_F_IDS
                        ? check_id(checker, ((const struct relief_str *)list->items)[i], &at)
                        : check_fields(checker, field->sub, (char *)list->items + (size_t)i * field->sub->size, &at);
        if (error)
            return error;
    }
    return 0;
}

static int check_missing(const struct checker *checker, const struct relief_field *field, const struct check_path *path)
{
    return field->required ? BAD(checker, path, "is required") : 0;
}

static int check_number(const struct checker *checker, const struct relief_field *field, int64_t *value,
                        const struct check_path *path)
{
    if (*value == RELIEF_NIL && field->fallback != RELIEF_NIL && !field->required)
        *value = field->fallback;
    if (*value == RELIEF_NIL)
        return check_missing(checker, field, path);
    if (field->kind == RELIEF_F_ENUM)
        return *value >= 0 && *value < (int64_t)field->names->count
                   ? 0
                   : check_refuse_enum(checker->refusal, path, field->names);
    if (field->kind == RELIEF_F_BOOL)
        return *value == 0 || *value == 1 ? 0 : BAD(checker, path, "must be true or false");
    return check_int(checker, field, *value, path);
}

static int check_string(const struct checker *checker, const struct relief_field *field, struct relief_str text,
                        const struct check_path *path)
{
    if (!text.data)
        return check_missing(checker, field, path);
    switch (field->kind) {
    case RELIEF_F_ID:
        return check_id(checker, text, path);
    case RELIEF_F_DID:
        return relief_dispatch_id_ok(text) ? 0 : BAD(checker, path, "must be a dispatch id, REQUEST/N");
    case RELIEF_F_TEXT:
        return check_text(checker, field, text, path);
    default: /* RAW was looked at when it was decoded */
        return 0;
    }
}

static int check_fields(const struct checker *checker, const struct relief_shape *shape, void *record,
                        const struct check_path *path)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        const struct check_path at = {path, {field->name, field->name_len}, 0};
        int error = 0;
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            error = check_number(checker, field, relief_field_i64(field, record), &at);
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            error = check_string(checker, field, *relief_field_str(field, record), &at);
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS: {
            const struct relief_list *list = relief_field_list(field, record);
            error = list->present ? check_list(checker, field, list, &at) : check_missing(checker, field, &at);
            break;
        }
        case RELIEF_F_OBJ:
            error = check_fields(checker, field->sub, (char *)record + field->offset, &at);
            break;
        }
        if (error)
            return error;
    }
    return 0;
}

int check_record(const struct relief_shape *shape, void *record, const struct check_path *path, enum check_text text,
                 struct relief_refusal *refusal)
{
    const struct checker checker = {.text = text, .refusal = refusal};
    return check_fields(&checker, shape, record, path);
}

int relief_params_check(const struct relief_shape *shape, void *params, struct relief_refusal *refusal)
{
    return check_record(shape, params, NULL, CHECK_UTF8, refusal);
}

/* ---- records ---- */

/* A record may be older than the field. */
static bool may_lack(const struct relief_field *field)
{
    return !field->required || field->since > 1;
}

static bool number_fits(const struct relief_field *field, int64_t value)
{
    if (value == RELIEF_NIL)
        return may_lack(field);
    switch (field->kind) {
    case RELIEF_F_BOOL:
        return value == 0 || value == 1;
    case RELIEF_F_ENUM:
        return value >= 0 && value < (int64_t)field->names->count;
    case RELIEF_F_TIME:
        return value >= 0 && value <= RELIEF_TIME_MAX;
    default:
        return (field->min == 0 && field->max == 0) ||
               (value >= field->min && (value <= field->max || field->max == RELIEF_QUANTITY_MAX));
    }
}

bool relief_record_fits(const struct relief_shape *shape, const void *record)
{
    bool fits = true;
    for (uint32_t i = 0; i < shape->count && fits; i++) {
        const struct relief_field *field = &shape->fields[i];
        const struct relief_list *list;
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            fits = number_fits(field, *relief_field_i64(field, record));
            break;
        case RELIEF_F_OBJ:
            fits = relief_record_fits(field->sub, (const char *)record + field->offset);
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            list = relief_field_list(field, record);
            fits = list->present || may_lack(field);
            for (uint32_t k = 0; k < list->count && fits && field->kind == RELIEF_F_OBJS; k++)
                fits = relief_record_fits(field->sub, (const char *)list->items + (size_t)k * field->sub->size);
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            fits = relief_field_str(field, record)->data || may_lack(field);
            break;
        }
    }
    return fits;
}

/* ---- older parameters ---- */

static void grow_number(const struct relief_field *field, int64_t *value, unsigned generation)
{
    if (*value == RELIEF_NIL && field->since > generation && !field->required)
        *value = field->fallback;
}

void relief_params_grow(const struct relief_shape *shape, void *params, unsigned generation)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            grow_number(field, relief_field_i64(field, params), generation);
            break;
        case RELIEF_F_OBJ:
            relief_params_grow(field->sub, (char *)params + field->offset, generation);
            break;
        case RELIEF_F_OBJS: {
            const struct relief_list *list = relief_field_list(field, params);
            for (uint32_t k = 0; k < list->count; k++)
                relief_params_grow(field->sub, (char *)list->items + (size_t)k * field->sub->size, generation);
            break;
        }
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_IDS:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES: /* have no defaults */
            break;
        }
    }
}
