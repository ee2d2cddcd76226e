/*
 * Reading MessagePack by hand, where a decoder would be too much: three values at the front of a message, and the
 * search for the place of a fault. The scanner has already proved that every header's bytes are there, so lengths need
 * no second check against hostile input; they are asserted all the same where a pointer moves.
 */
#include "rpc/head.h"
#include "schema/scan.h"
#include <assert.h>
#include <stdio.h>

enum type { T_NIL, T_BOOL, T_UINT, T_NEGATIVE, T_FLOAT, T_STR, T_BIN, T_EXT, T_ARRAY, T_MAP };

struct token {
    enum type type;
    uint64_t value; /* integer, or number of elements or pairs */
    struct relief_str bytes;
};

struct reader {
    const uint8_t *at, *end;
};

static uint64_t big_endian(struct reader *reader, unsigned bytes)
{
    uint64_t value = 0;
    assert((size_t)(reader->end - reader->at) >= bytes);
    while (bytes--)
        value = value << 8 | *reader->at++;
    return value;
}

static void take_bytes(struct reader *reader, struct token *token, enum type type, uint64_t len)
{
    assert((uint64_t)(reader->end - reader->at) >= len);
    token->type = type;
    token->bytes = (struct relief_str){(const char *)reader->at, (uint32_t)len};
    reader->at += len;
}

static void take_signed(struct reader *reader, struct token *token, unsigned bytes)
{
    uint64_t value = big_endian(reader, bytes);
    assert(bytes >= 1 && bytes <= 8);
    bool negative = value >> (bytes * 8 - 1);
    token->type = negative ? T_NEGATIVE : T_UINT;
    token->value = value;
}

/* The next header; strings with their bytes, containers without their elements. */
static struct token take(struct reader *reader)
{
    struct token token = {.type = T_NIL};
    uint8_t c = (uint8_t)big_endian(reader, 1);
    if (c <= 0x7f)
        token.type = T_UINT, token.value = c;
    else if (c <= 0x8f)
        token.type = T_MAP, token.value = c & 15;
    else if (c <= 0x9f)
        token.type = T_ARRAY, token.value = c & 15;
    else if (c <= 0xbf)
        take_bytes(reader, &token, T_STR, c & 31);
    else if (c == 0xc2 || c == 0xc3)
        token.type = T_BOOL;
    else if (c >= 0xc4 && c <= 0xc6)
        take_bytes(reader, &token, T_BIN, big_endian(reader, 1u << (c - 0xc4)));
    else if (c >= 0xc7 && c <= 0xc9)
        take_bytes(reader, &token, T_EXT, big_endian(reader, 1u << (c - 0xc7)) + 1);
    else if (c == 0xca || c == 0xcb)
        take_bytes(reader, &token, T_FLOAT, c == 0xca ? 4 : 8);
    else if (c >= 0xcc && c <= 0xcf)
        token.type = T_UINT, token.value = big_endian(reader, 1u << (c - 0xcc));
    else if (c >= 0xd0 && c <= 0xd3)
        take_signed(reader, &token, 1u << (c - 0xd0));
    else if (c >= 0xd4 && c <= 0xd8)
        take_bytes(reader, &token, T_EXT, (1u << (c - 0xd4)) + 1);
    else if (c >= 0xd9 && c <= 0xdb)
        take_bytes(reader, &token, T_STR, big_endian(reader, 1u << (c - 0xd9)));
    else if (c == 0xdc || c == 0xdd)
        token.type = T_ARRAY, token.value = big_endian(reader, c == 0xdc ? 2 : 4);
    else if (c == 0xde || c == 0xdf)
        token.type = T_MAP, token.value = big_endian(reader, c == 0xde ? 2 : 4);
    else if (c >= 0xe0)
        token.type = T_NEGATIVE, token.value = c;
    return token;
}

void head_parse(const uint8_t *data, size_t len, struct head *ret)
{
    struct reader reader = {data, data + len};
    *ret = (struct head){.kind = HEAD_BAD};
    struct token outer = take(&reader);
    if (outer.type != T_ARRAY || outer.value < 3 || outer.value > 4)
        return;
    struct token type = take(&reader);
    if (type.type != T_UINT || type.value != (outer.value == 4 ? 0u : 2u))
        return;
    if (outer.value == 4) {
        struct token msgid = take(&reader);
        if (msgid.type != T_UINT || msgid.value > UINT32_MAX)
            return;
        ret->msgid = (uint32_t)msgid.value;
    }
    struct token method = take(&reader);
    /* a notification is ignored anyway, and pynvim for one sends its first with a bin for a name */
    if (method.type != T_STR && !(method.type == T_BIN && outer.value == 3))
        return;
    struct token params = take(&reader);
    if (params.type != T_ARRAY)
        return;
    ret->method = method.bytes;
    ret->param_count = (uint32_t)params.value;
    ret->params = (struct relief_str){(const char *)reader.at, (uint32_t)(reader.end - reader.at)};
    ret->kind = outer.value == 4 ? HEAD_REQUEST : HEAD_NOTIFICATION;
}

#define BASE_DEPTH 2u /* the message and its params array are around what is searched */

struct level {
    uint64_t left;  /* values still to come; of a map keys and values */
    uint32_t index; /* of the element in an array */
    bool map;
    size_t path_len; /* of the path to this container */
};

struct search {
    char path[sizeof((struct relief_refusal *)0)->field];
    struct level levels[RELIEF_DEPTH_MAX + 1];
    uint32_t depth, depth_max, elements_max;
};

/* A key becomes part of the path only when it could be a parameter's name: nothing else is echoed to the peer. */
static void step_into(struct search *search, const char *part, uint32_t len)
{
    bool plain = len > 0 && len <= 32;
    for (uint32_t i = 0; plain && i < len; i++)
        plain = (part[i] >= 'a' && part[i] <= 'z') || (part[i] >= '0' && part[i] <= '9') || part[i] == '_';
    size_t at = search->levels[search->depth].path_len;
    snprintf(search->path + at, sizeof search->path - at, "%s%.*s", at ? "." : "", plain ? (int)len : 1,
             plain ? part : "?");
}

static const char *fault_of(const struct search *search, const struct token *token, bool key)
{
    bool container = token->type == T_ARRAY || token->type == T_MAP;
    if (container && search->depth >= search->depth_max)
        return "nested too deeply";
    if (container && token->value > search->elements_max)
        return "too many elements";
    if (token->type == T_STR && token->bytes.len > RELIEF_STRING_BYTES_MAX)
        return "the text is too long";
    if (token->type == T_STR && !scan_utf8(token->bytes.data, token->bytes.len))
        return "the text is not UTF-8";
    if (key && token->type != T_STR)
        return "a key has to be text";
    if (token->type == T_FLOAT || token->type == T_BIN || token->type == T_EXT)
        return "floats, bin and ext are not accepted";
    return NULL;
}

void head_fault(struct relief_str params, uint32_t depth_max, uint32_t elements_max, struct relief_refusal *refusal)
{
    struct reader reader = {(const uint8_t *)params.data, (const uint8_t *)params.data + params.len};
    struct search search = {.depth = BASE_DEPTH, .depth_max = depth_max, .elements_max = elements_max};
    search.levels[BASE_DEPTH] = (struct level){.left = 1};
    while (reader.at < reader.end) {
        struct level *level = &search.levels[search.depth];
        if (level->left == 0) {
            if (search.depth == BASE_DEPTH)
                break;
            search.depth--;
            continue;
        }
        bool key = level->map && level->left % 2 == 0;
        level->left--;
        struct token token = take(&reader);
        char number[12];
        if (key && token.type == T_STR) {
            step_into(&search, token.bytes.data, token.bytes.len);
        } else if (key) { /* no name: the fault is its map's, and the outermost one is `?` */
            search.path[level->path_len] = '\0';
            if (level->path_len == 0)
                step_into(&search, "", 0);
        } else if (search.depth > BASE_DEPTH && !level->map) {
            snprintf(number, sizeof number, "%u", level->index++);
            step_into(&search, number, (uint32_t)strlen(number));
        }
        const char *fault = fault_of(&search, &token, key);
        if (fault) {
            relief_refuse_field(refusal, RELIEF_BAD_PARAMS, search.path, "%s", fault);
            return;
        }
        if (token.type == T_ARRAY || token.type == T_MAP)
            search.levels[++search.depth] = (struct level){.left = token.type == T_MAP ? token.value * 2 : token.value,
                                                           .map = token.type == T_MAP,
                                                           .path_len = strlen(search.path)};
    }
    relief_refuse(refusal, RELIEF_BAD_PARAMS, "a limit is exceeded in the parameters");
}
