/*
 * JSON from arguments and files to MessagePack, and back to the one form of JSON that hashes and digests are made over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cli/json_in.h"
#include "schema/codec.h"

#define NEST_MAX 32 /* what msgpack-c decodes; the wire allows 16 */

static void pack_real(struct relief_buf *buf, double value)
{
    unsigned char bytes[9] = {0xcb};
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(bits >> (56 - 8 * i));
    relief_buf_add(buf, (const char *)bytes, sizeof bytes);
}

static bool pack(struct relief_buf *buf, const json_t *value, bool reals, unsigned depth, char *ret_error, size_t size)
{
    const char *key;
    json_t *member;
    size_t i;
    if (depth > NEST_MAX) {
        snprintf(ret_error, size, "the JSON is nested too deep");
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        relief_pack_map(buf, (uint32_t)json_object_size(value));
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            relief_pack_text(buf, key);
            if (!pack(buf, member, reals, depth + 1, ret_error, size))
                return false;
        }
        break;
    case JSON_ARRAY:
        relief_pack_array(buf, (uint32_t)json_array_size(value));
        json_array_foreach(value, i, member)
        {
            if (!pack(buf, member, reals, depth + 1, ret_error, size))
                return false;
        }
        break;
    case JSON_STRING:
        relief_pack_str(buf, (struct relief_str){json_string_value(value), (uint32_t)json_string_length(value)});
        break;
    case JSON_INTEGER:
        relief_pack_int(buf, json_integer_value(value));
        break;
    case JSON_TRUE:
        relief_pack_bool(buf, true);
        break;
    case JSON_FALSE:
        relief_pack_bool(buf, false);
        break;
    case JSON_NULL:
        relief_pack_nil(buf);
        break;
    case JSON_REAL:
        if (reals) {
            pack_real(buf, json_real_value(value));
            break;
        }
        snprintf(ret_error, size, "%g is not a whole number", json_real_value(value));
        return false;
    }
    return true;
}

bool cli_json_pack(struct relief_buf *buf, const json_t *value, char *ret_error, size_t size)
{
    return pack(buf, value, true, 0, ret_error, size);
}

bool cli_json_pack_text(struct relief_buf *buf, struct relief_str text, char *ret_error, size_t size)
{
    json_error_t error;
    char path[4096];
    json_t *value = NULL;
    if (text.len > 1 && text.len < sizeof path && text.data[0] == '@') {
        snprintf(path, sizeof path, "%.*s", (int)text.len - 1, text.data + 1);
        value = strcmp(path, "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
                                       : json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    } else {
        value = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    }
    if (!value) {
        snprintf(ret_error, size, "not JSON: %s (line %d, column %d)", error.text, error.line, error.column);
        return false;
    }
    bool good = pack(buf, value, false, 0, ret_error, size);
    json_decref(value);
    return good;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_object(struct relief_buf *buf, const json_t *object)
{
    size_t count = json_object_size(object), i = 0;
    const char **keys = malloc((count ? count : 1) * sizeof *keys);
    const char *key;
    json_t *member;
    if (!keys) {
        buf->failed = true;
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, member) keys[i++] = key;
    qsort(keys, count, sizeof *keys, by_key);
    relief_buf_add_char(buf, '{');
    for (i = 0; i < count; i++) {
        if (i)
            relief_buf_add_char(buf, ',');
        relief_json_str(buf, relief_str_of(keys[i]));
        relief_buf_add_char(buf, ':');
        cli_json_write(buf, json_object_get(object, keys[i]));
    }
    relief_buf_add_char(buf, '}');
    free(keys);
}

void cli_json_write(struct relief_buf *buf, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(buf, value);
        break;
    case JSON_ARRAY:
        relief_buf_add_char(buf, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i)
                relief_buf_add_char(buf, ',');
            cli_json_write(buf, json_array_get(value, i));
        }
        relief_buf_add_char(buf, ']');
        break;
    case JSON_STRING:
        relief_json_str(buf, (struct relief_str){json_string_value(value), (uint32_t)json_string_length(value)});
        break;
    case JSON_INTEGER:
        relief_buf_add_i64(buf, json_integer_value(value));
        break;
    case JSON_REAL:
        relief_buf_printf(buf, "%.17g", json_real_value(value));
        break;
    case JSON_TRUE:
        relief_buf_add_text(buf, "true");
        break;
    case JSON_FALSE:
        relief_buf_add_text(buf, "false");
        break;
    case JSON_NULL:
        relief_buf_add_text(buf, "null");
        break;
    }
}

struct relief_str cli_json_str(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return RELIEF_STR_NONE;
    return (struct relief_str){json_string_value(value), (uint32_t)json_string_length(value)};
}

int64_t cli_json_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}
