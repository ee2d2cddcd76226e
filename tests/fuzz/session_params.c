/*
 * One byte a field says whether it is there and what stands in it; few values each, so that requests meet each other:
 * four ids for everything, times around now, the ends of every range and beyond.
 */
#include "session.h"

#define DEPTH_MAX 4u /* the deepest parameters nest to 3 */

static const char long_text[] =
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";

static struct relief_str id_of(uint8_t what)
{
    static const struct relief_str ids[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
    if (what < 252)
        return ids[what & 3];
    return what == 252   ? RELIEF_STR("")
           : what == 253 ? (struct relief_str){long_text, RELIEF_ID_BYTES_MAX}
           : what == 254 ? (struct relief_str){long_text, RELIEF_ID_BYTES_MAX + 1}
                         : RELIEF_STR("a b");
}

static int64_t number_of(const struct relief_field *field, uint8_t what, struct fuzz_input *input)
{
    static const int64_t numbers[] = {1, 2, 3, 5, 10, 20, 50, 100, 1000, 0, -1};
    unsigned which = what & 15;
    if (which < sizeof numbers / sizeof *numbers)
        return numbers[which];
    switch (which) {
    case 11:
        return field->max;
    case 12:
        return field->min;
    case 13:
        return what < 248 ? fuzz_byte(input) * INT64_C(4000) - 500000 : field->max + 1;
    case 14:
        return what < 248 ? fuzz_byte(input) : INT64_MAX;
    default:
        return what < 248 ? fuzz_byte(input) << 8 | fuzz_byte(input) : -INT64_MAX;
    }
}

static int64_t time_of(uint8_t what, int64_t now)
{
    static const int64_t offsets[] = {0,
                                      1,
                                      RELIEF_MINUTE_MS,
                                      60 * RELIEF_MINUTE_MS,
                                      RELIEF_DAY_MS,
                                      3 * RELIEF_DAY_MS,
                                      30 * RELIEF_DAY_MS,
                                      -RELIEF_DAY_MS};
    return what == 255 ? RELIEF_TIME_MAX + 1 : what == 254 ? 0 : now + offsets[what & 7];
}

static struct relief_str text_of(uint8_t what, struct fuzz_input *input)
{
    switch (what & 7) {
    case 0:
        return fuzz_take(input, fuzz_byte(input) & 63);
    case 1:
        return RELIEF_STR("a/b");
    case 2:
        return RELIEF_STR("a/1");
    case 3:
        return what == 251 ? RELIEF_STR("") : what == 243 ? RELIEF_STR(SESSION_TOKEN) : RELIEF_STR("a/b/c");
    case 4:
        return (struct relief_str){long_text, sizeof long_text - 1};
    default:
        return id_of(what);
    }
}

static void add_map(struct relief_buf *out, const struct relief_shape *shape, struct fuzz_input *input, int64_t now,
                    unsigned depth);

static void add_value(struct relief_buf *out, const struct relief_field *field, uint8_t what, struct fuzz_input *input,
                      int64_t now, unsigned depth)
{
    char leg[4] = {(char)('a' + (what & 3)), '/', (char)('1' + (what >> 2) % 3), '\0'};
    unsigned count = what & 3;
    switch (field->kind) {
    case RELIEF_F_ID:
        relief_pack_str(out, id_of(what));
        break;
    case RELIEF_F_DID:
        relief_pack_text(out, what == 255 ? "a/0" : leg);
        break;
    case RELIEF_F_TEXT:
        relief_pack_str(out, text_of(what, input));
        break;
    case RELIEF_F_INT:
        relief_pack_int(out, number_of(field, what, input));
        break;
    case RELIEF_F_TIME:
        relief_pack_int(out, time_of(what, now));
        break;
    case RELIEF_F_BOOL:
        relief_pack_bool(out, what & 1);
        break;
    case RELIEF_F_ENUM:
        relief_pack_text(out, what == 255 ? "none of them" : field->names->names[what % field->names->count]);
        break;
    case RELIEF_F_IDS:
    case RELIEF_F_OBJS:
        relief_pack_array(out, count);
        for (unsigned i = 0; i < count; i++) {
            if (field->kind == RELIEF_F_IDS)
                relief_pack_str(out, id_of(fuzz_byte(input)));
            else
                add_map(out, field->sub, input, now, depth + 1);
        }
        break;
    case RELIEF_F_OBJ:
        add_map(out, field->sub, input, now, depth + 1);
        break;
    case RELIEF_F_RAW:
    case RELIEF_F_BYTES:
        relief_pack_nil(out);
        break;
    }
}

/* An op is rarely wanted: with it most commands would be told that they have been there before. */
static bool is_wanted(const struct relief_field *field, uint8_t what)
{
    if (field->name_len == 2 && memcmp(field->name, "op", 2) == 0)
        return what >= 224;
    return what >= (field->required ? 4 : 96);
}

static void add_map(struct relief_buf *out, const struct relief_shape *shape, struct fuzz_input *input, int64_t now,
                    unsigned depth)
{
    static struct relief_buf bodies[DEPTH_MAX];
    FUZZ_CHECK(depth < DEPTH_MAX);
    struct relief_buf *body = &bodies[depth];
    uint32_t count = 0;
    relief_buf_clear(body);
    for (uint32_t i = 0; i < shape->count; i++) {
        uint8_t what = fuzz_byte(input);
        if (!is_wanted(&shape->fields[i], what))
            continue;
        relief_pack_text(body, shape->fields[i].name);
        add_value(body, &shape->fields[i], what, input, now, depth);
        count++;
    }
    relief_pack_map(out, count);
    relief_buf_add(out, body->data, body->len);
}

void session_params(struct relief_buf *buf, const struct relief_shape *shape, struct fuzz_input *input, int64_t now)
{
    add_map(buf, shape, input, now, 0);
}
