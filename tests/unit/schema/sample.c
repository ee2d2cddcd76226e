/* Made-up records for tests, see sample.h. A small generator of our own, so that a seed means the same everywhere. */
#include "sample.h"
#include "schema/commands.h"
#include <stdio.h>

struct source {
    uint64_t state; /* 0: always the plain value */
    struct relief_arena *arena;
};

static uint32_t draw(struct source *source, uint32_t bound)
{
    source->state = source->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(source->state >> 33) % bound;
}

static int64_t sample_int(struct source *source, const struct relief_field *field)
{
    int64_t low = field->min, high = field->max;
    if (low == 0 && high == 0) {
        low = field->kind == RELIEF_F_TIME ? 0 : INT64_MIN + 1;
        high = field->kind == RELIEF_F_TIME ? RELIEF_TIME_MAX : INT64_MAX;
    }
    if (!source->state)
        return low > 7 || high < 7 ? low : 7;
    switch (draw(source, 4)) {
    case 0:
        return low;
    case 1:
        return high;
    default: {
        uint64_t span = (uint64_t)high - (uint64_t)low;
        uint64_t step = (uint64_t)draw(source, UINT32_C(1) << 31) << 31;
        step |= draw(source, UINT32_C(1) << 31);
        step >>= draw(source, 62);
        return (int64_t)((uint64_t)low + (span == UINT64_MAX ? step : step % (span + 1)));
    }
    }
}

static struct relief_str sample_str(struct source *source, const struct relief_field *field)
{
    static const char wide[] = "\xe6\xb0\xb4 \"\\\n\x01 caf\xc3\xa9 and some more words";
    char text[256];
    bool plain = !source->state;
    /* Drawn here, one after the other: the order of evaluation of arguments is the compiler's. */
    uint32_t number = plain ? 1 : draw(source, 1000000);
    uint32_t other = plain ? 1 : 1 + draw(source, 999999999);
    switch (field->kind) {
    case RELIEF_F_DID:
        snprintf(text, sizeof text, "R-%u/%u", number, other);
        break;
    case RELIEF_F_TEXT:
        return relief_arena_str(source->arena, relief_str_of(plain ? "text" : wide + draw(source, 2) * 3));
    case RELIEF_F_BYTES: /* any, a NUL and what is no text too */
        return relief_arena_str(source->arena, (struct relief_str){"\0\xff\n\x80 bytes", plain ? 4 : 4 + number % 7});
    case RELIEF_F_RAW:
        /* {"a": [1, nil, true]} */
        return relief_arena_str(source->arena, RELIEF_STR("\x81\xa1\x61\x93\x01\xc0\xc3"));
    default:
        if (plain)
            snprintf(text, sizeof text, "id-1");
        else
            snprintf(text, sizeof text, "%u.%.*s", number, (int)(other % 50),
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    }
    return relief_arena_str(source->arena, relief_str_of(text));
}

static void fill(struct source *source, const struct relief_shape *shape, void *record);

static struct relief_list sample_list(struct source *source, const struct relief_field *field)
{
    bool ids = field->kind == RELIEF_F_IDS;
    size_t item = ids ? sizeof(struct relief_str) : field->sub->size;
    uint32_t count = source->state ? draw(source, 4) : 2;
    if (source->state)
        count *= draw(source, 8);
    char *items = relief_arena_alloc(source->arena, item * count);
    const struct relief_field id = {.name = "", .kind = RELIEF_F_ID};
    memset(items, 0, item * count);
    for (uint32_t i = 0; i < count; i++) {
        if (ids)
            ((struct relief_str *)(void *)items)[i] = sample_str(source, &id);
        else
            fill(source, field->sub, items + i * item);
    }
    return (struct relief_list){.items = items, .count = count, .present = 1};
}

static void fill(struct source *source, const struct relief_shape *shape, void *record)
{
    relief_shape_clear(shape, record);
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        if (source->state && !field->required && draw(source, 3) == 0)
            continue;
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_TIME:
            *relief_field_i64(field, record) = sample_int(source, field);
            break;
        case RELIEF_F_BOOL:
            *relief_field_i64(field, record) = source->state ? draw(source, 2) : 1;
            break;
        case RELIEF_F_ENUM:
            *relief_field_i64(field, record) = source->state ? draw(source, field->names->count) : 1;
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            *relief_field_str(field, record) = sample_str(source, field);
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            *relief_field_list(field, record) = sample_list(source, field);
            break;
        case RELIEF_F_OBJ:
            fill(source, field->sub, (char *)record + field->offset);
            break;
        }
    }
}

void sample_fill(const struct relief_shape *shape, void *ret_record, unsigned seed, struct relief_arena *arena)
{
    struct source source = {.state = seed ? seed * UINT64_C(0x9e3779b97f4a7c15) | 1 : 0, .arena = arena};
    memset(ret_record, 0, shape->size);
    fill(&source, shape, ret_record);
}

static bool equal_list(const struct relief_field *field, const struct relief_list *a, const struct relief_list *b)
{
    if (a->present != b->present || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        size_t item = field->kind == RELIEF_F_IDS ? sizeof(struct relief_str) : field->sub->size;
        const void *x = (const char *)a->items + i * item, *y = (const char *)b->items + i * item;
        if (field->kind == RELIEF_F_IDS ? !relief_str_eq(*(const struct relief_str *)x, *(const struct relief_str *)y)
                                        : !sample_equal(field->sub, x, y))
            return false;
    }
    return true;
}

bool sample_equal(const struct relief_shape *shape, const void *a, const void *b)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct relief_field *field = &shape->fields[i];
        bool same = true;
        switch (field->kind) {
        case RELIEF_F_INT:
        case RELIEF_F_BOOL:
        case RELIEF_F_ENUM:
        case RELIEF_F_TIME:
            same = *relief_field_i64(field, a) == *relief_field_i64(field, b);
            break;
        case RELIEF_F_ID:
        case RELIEF_F_DID:
        case RELIEF_F_TEXT:
        case RELIEF_F_RAW:
        case RELIEF_F_BYTES:
            same = relief_str_eq(*relief_field_str(field, a), *relief_field_str(field, b));
            break;
        case RELIEF_F_IDS:
        case RELIEF_F_OBJS:
            same = equal_list(field, relief_field_list(field, a), relief_field_list(field, b));
            break;
        case RELIEF_F_OBJ:
            same = sample_equal(field->sub, (const char *)a + field->offset, (const char *)b + field->offset);
            break;
        }
        if (!same)
            return false;
    }
    return true;
}

const struct relief_shape *sample_shape(unsigned i)
{
    static const struct relief_shape *const shapes[] = {
#define P(part)                                                    &relief_shape_##part,
#define T(table, keys)                                             &relief_shape_##table,
#define M(number, noun, verb, kind, roles, result, state, summary) &relief_shape_##noun##_##verb##_params,
#define C(number, name, wire, summary)                             &relief_shape_##name##_params,
        RELIEF_PARTS(P) RELIEF_TABLES(T) RELIEF_RESULTS(P) RELIEF_METHODS(M) RELIEF_COMMANDS(C)
    };
    return i < sizeof shapes / sizeof shapes[0] ? shapes[i] : NULL;
}
