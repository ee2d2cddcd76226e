/*
 * Requests are put together once, before the clock starts; only number and id are written into a copy when it is sent.
 * So the generator costs the same with every server.
 */
#include <stdio.h>
#include <unistd.h>
#include "protocol.h"

struct out {
    uint8_t *at;
};

static void put(struct out *out, const void *data, size_t len)
{
    memcpy(out->at, data, len);
    out->at += len;
}

static void put_be(struct out *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        *out->at++ = (uint8_t)(value >> (8 * bytes));
}

static uint64_t get_be(const uint8_t *data, unsigned bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | *data++;
    return value;
}

static void fatal(const char *what)
{
    fprintf(stderr, "loadgen: %s\n", what);
    exit(1);
}

static void fail(struct answer *answer, const uint8_t *text, size_t len)
{
    answer->failed = true;
    for (size_t i = 0; i < len && i < sizeof answer->error - 1; i++)
        answer->error[i] = text[i] > ' ' && text[i] < 0x7f ? (char)text[i] : '_';
}

static void tell(struct answer *answer, const uint64_t *value, unsigned count)
{
    answer->told = count >= 2;
    if (!answer->told)
        return;
    answer->asked = value[0];
    answer->covered = value[1];
    answer->legs = (count - 2) / 2;
}

/* MessagePack, as much of it as is needed here. */

static void put_text(struct out *out, const char *text)
{
    size_t len = strlen(text);
    put_be(out, 0xa0 | len, 1);
    put(out, text, len);
}

static void put_16(struct out *out, uint32_t value)
{
    put_be(out, 0xcd, 1);
    put_be(out, value, 2);
}

/* Bytes behind the first one that belong to it, and how many values follow that it holds. -1: no such byte. */
static int head(uint8_t byte, unsigned *ret_length_bytes, unsigned *ret_values)
{
    static const uint8_t fixed[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
    *ret_length_bytes = *ret_values = 0;
    if (byte <= 0x7f || byte >= 0xe0)
        return 0;
    if (byte <= 0x8f)
        *ret_values = 2u * (byte & 15u);
    else if (byte <= 0x9f)
        *ret_values = byte & 15u;
    else if (byte <= 0xbf)
        return byte & 31;
    else if (byte >= 0xc4 && byte <= 0xc6)
        *ret_length_bytes = 1u << (byte - 0xc4);
    else if (byte >= 0xd9 && byte <= 0xdb)
        *ret_length_bytes = 1u << (byte - 0xd9);
    else if (byte >= 0xdc)
        *ret_length_bytes = byte & 1 ? 4 : 2;
    else if (byte >= 0xd4 || byte == 0xc1 || (byte >= 0xc7 && byte <= 0xc9))
        return -1;
    else
        return fixed[byte - 0xc0];
    return 0;
}

/* The byte behind one value; NULL when it is not all there. */
static const uint8_t *skip(const uint8_t *at, const uint8_t *end)
{
    for (uint64_t need = 1; need > 0; need--) {
        unsigned bytes, values;
        if (at >= end)
            return NULL;
        uint8_t byte = *at++;
        int fixed = head(byte, &bytes, &values);
        if (fixed < 0)
            fatal("not MessagePack");
        uint64_t len = (uint64_t)fixed;
        if ((size_t)(end - at) < bytes)
            return NULL;
        if (bytes > 0) {
            uint64_t value = get_be(at, bytes);
            at += bytes;
            if (byte >= 0xdc)
                need += byte >= 0xde ? 2 * value : value;
            else
                len = value;
        }
        need += values;
        if ((size_t)(end - at) < len)
            return NULL;
        at += len;
    }
    return at;
}

static uint64_t take_int(const uint8_t **at)
{
    uint8_t byte = *(*at)++;
    if (byte <= 0x7f)
        return byte;
    if (byte < 0xcc || byte > 0xcf)
        return 0;
    unsigned bytes = 1u << (byte - 0xcc);
    uint64_t value = get_be(*at, bytes);
    *at += bytes;
    return value;
}

/* Elements of an array, pairs of a map. */
static unsigned take_count(const uint8_t **at)
{
    uint8_t byte = *(*at)++;
    if ((byte >= 0x80 && byte <= 0x9f))
        return byte & 15;
    if (byte < 0xdc)
        return 0;
    unsigned bytes = byte & 1 ? 4 : 2;
    unsigned count = (unsigned)get_be(*at, bytes);
    *at += bytes;
    return count;
}

/* [asked, covered, donor, units, ...] */
static void take_answer(const uint8_t **at, struct answer *answer)
{
    uint64_t value[2] = {0, 0};
    unsigned count = take_count(at);
    for (unsigned i = 0; i < count && i < 2; i++)
        value[i] = take_int(at);
    tell(answer, value, count);
}

/* Relief: request.submit as schema/protocol.md has it. */

void protocol_code(char *out, size_t size, char letter, uint32_t number, uint32_t count)
{
    snprintf(out, size, "%c%0*u", letter, count > 1000 ? 5 : 3, number);
}

static size_t relief_request(uint8_t *message, const struct wl_request *request, uint32_t cities, uint32_t kinds)
{
    struct out out = {message};
    char city[16], kind[16];
    protocol_code(city, sizeof city, 'c', request->city, cities);
    protocol_code(kind, sizeof kind, 'k', request->kind, kinds);
    put(&out, "\x94\x00\xce", 3);
    put_be(&out, 0, 4);
    put_text(&out, "request.submit");
    put(&out, "\x91\x86", 2);
    put_text(&out, "city");
    put_text(&out, city);
    put_text(&out, "kind");
    put_text(&out, kind);
    put_text(&out, "quantity");
    put_16(&out, request->quantity);
    put_text(&out, "own_first");
    put_be(&out, 0xc2, 1);
    put_text(&out, "max_level");
    put_be(&out, 1, 1);
    put_text(&out, "id");
    put_text(&out, "b000000000000");
    return (size_t)(out.at - message);
}

static bool named(const uint8_t *key, const char *name)
{
    size_t len = strlen(name);
    return key[0] == (0xa0 | len) && !memcmp(key + 1, name, len);
}

static size_t relief_answer(const uint8_t *data, size_t len, struct answer *answer)
{
    const uint8_t *end = skip(data, data + len), *at = data + 2;
    if (!end)
        return 0;
    size_t used = (size_t)(end - data);
    answer->none = data[1] == 2;
    if (answer->none)
        return used;
    answer->slot = (uint32_t)take_int(&at);
    if (*at++ != 0xc0) {
        fail(answer, at - 1, (size_t)(end - at + 1));
        return used;
    }
    answer->told = true;
    for (unsigned left = take_count(&at); left > 0; left--) {
        const uint8_t *key = at, *value = skip(at, end);
        at = skip(value, end);
        if (named(key, "quantity"))
            answer->asked = take_int(&value);
        else if (named(key, "covered"))
            answer->covered = take_int(&value);
        else if (named(key, "dispatches"))
            answer->legs = take_count(&value);
    }
    return used;
}

/* The ceiling model: a bare MessagePack-RPC. */

static void put_call(struct out *out, const char *name, const struct wl_request *request)
{
    put_text(out, name);
    if (!request)
        return;
    put_be(out, 0x94, 1);
    put_16(out, request->city);
    put_16(out, request->kind);
    put_16(out, request->quantity);
    put_be(out, 0xcf, 1);
    put_be(out, 0, 8);
}

static size_t model_request(uint8_t *message, const struct wl_request *request, uint32_t cities, uint32_t kinds)
{
    struct out out = {message};
    (void)cities, (void)kinds;
    put(&out, "\x94\x00\xce\x00\x00\x00\x00", 7);
    put_call(&out, "dispatch", request);
    return (size_t)(out.at - message);
}

static size_t model_refill(uint8_t *message, uint32_t kind)
{
    struct out out = {message};
    put(&out, "\x94\x00\xce\x00\x00\x00\x00", 7);
    put_call(&out, "refill", NULL);
    put_be(&out, 0x91, 1);
    put_16(&out, kind);
    return (size_t)(out.at - message);
}

static size_t model_answer(const uint8_t *data, size_t len, struct answer *answer)
{
    const uint8_t *end = skip(data, data + len), *at = data + 2;
    if (!end)
        return 0;
    answer->slot = (uint32_t)take_int(&at);
    if (*at++ != 0xc0)
        fail(answer, at - 1, (size_t)(end - at + 1));
    else
        take_answer(&at, answer);
    return (size_t)(end - data);
}

/* Tarantool: iproto CALL. */

static size_t tarantool_end(struct out *out, uint8_t *message)
{
    struct out length = {message};
    put_be(&length, 0xce, 1);
    put_be(&length, (uint64_t)(out->at - message - 5), 4);
    return (size_t)(out->at - message);
}

static size_t tarantool_request(uint8_t *message, const struct wl_request *request, uint32_t cities, uint32_t kinds)
{
    struct out out = {message + 5};
    (void)cities, (void)kinds;
    put(&out, "\x82\x00\x0a\x01\xce\x00\x00\x00\x00\x82\x22", 11);
    put_text(&out, "dispatch");
    put(&out, "\x21\x94", 2);
    put_16(&out, request->city);
    put_16(&out, request->kind);
    put_16(&out, request->quantity);
    put_be(&out, 0xcf, 1);
    put_be(&out, 0, 8);
    return tarantool_end(&out, message);
}

static size_t tarantool_refill(uint8_t *message, uint32_t kind)
{
    struct out out = {message + 5};
    put(&out, "\x82\x00\x0a\x01\xce\x00\x00\x00\x00\x82\x22", 11);
    put_text(&out, "refill");
    put(&out, "\x21\x91", 2);
    put_16(&out, kind);
    return tarantool_end(&out, message);
}

static size_t tarantool_answer(const uint8_t *data, size_t len, struct answer *answer)
{
    uint64_t code = 0;
    if (len < 5)
        return 0;
    size_t used = (size_t)get_be(data + 1, 4) + 5;
    if (len < used)
        return 0;
    const uint8_t *at = data + 5;
    for (unsigned left = take_count(&at); left > 0; left--) {
        uint64_t key = take_int(&at), value = take_int(&at);
        if (key == 0)
            code = value;
        else if (key == 1)
            answer->slot = (uint32_t)value;
    }
    if (code) {
        fail(answer, at, (size_t)(data + used - at));
        return used;
    }
    if (take_count(&at) == 1 && take_int(&at) == 0x30 && take_count(&at) == 1)
        take_answer(&at, answer);
    return used;
}

static void tarantool_greet(int fd)
{
    char greeting[128];
    for (size_t have = 0; have < sizeof greeting;) {
        ssize_t got = read(fd, greeting + have, sizeof greeting - have);
        if (got <= 0)
            fatal("no greeting");
        have += (size_t)got;
    }
}

/* Redis: RESP, a function of a library. */

static void put_word(struct out *out, const char *word)
{
    out->at += sprintf((char *)out->at, "$%zu\r\n%s\r\n", strlen(word), word);
}

static void put_number(struct out *out, uint32_t number)
{
    char word[16];
    snprintf(word, sizeof word, "%u", number);
    put_word(out, word);
}

static size_t redis_request(uint8_t *message, const struct wl_request *request, uint32_t cities, uint32_t kinds)
{
    struct out out = {message};
    (void)cities, (void)kinds;
    put(&out, "*7\r\n", 4);
    put_word(&out, "FCALL");
    put_word(&out, "dispatch");
    put_word(&out, "0");
    put_number(&out, request->city);
    put_number(&out, request->kind);
    put_number(&out, request->quantity);
    put_word(&out, "000000000000");
    return (size_t)(out.at - message);
}

static size_t redis_refill(uint8_t *message, uint32_t kind)
{
    struct out out = {message};
    put(&out, "*4\r\n", 4);
    put_word(&out, "FCALL");
    put_word(&out, "refill");
    put_word(&out, "0");
    put_number(&out, kind);
    return (size_t)(out.at - message);
}

static size_t redis_answer(const uint8_t *data, size_t len, struct answer *answer)
{
    const uint8_t *end = data + len, *line = memchr(data, '\n', len);
    uint64_t value[2] = {0, 0};
    if (!line)
        return 0;
    if (*data == '-')
        fail(answer, data, (size_t)(line - data));
    unsigned count = *data == '*' ? (unsigned)strtoul((const char *)data + 1, NULL, 10) : 0;
    const uint8_t *at = line + 1;
    for (unsigned i = 0; i < count; i++) {
        line = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (!line)
            return 0;
        if (i < 2)
            value[i] = strtoull((const char *)at + 1, NULL, 10);
        at = line + 1;
    }
    tell(answer, value, count);
    return (size_t)(at - data);
}

/* PostgreSQL: a prepared statement, parameters and result in binary; every request is a transaction of its own. */

static void postgres_value(struct out *out, uint64_t value, unsigned bytes)
{
    put_be(out, bytes, 4);
    put_be(out, value, bytes);
}

static void postgres_head(struct out *out, const char *statement, unsigned values)
{
    put(out, "B\0\0\0\0", 6); /* its length, and the portal without a name */
    put(out, statement, 2);
    put(out, "\0\1\0\1", 4); /* all in binary */
    put_be(out, values, 2);
}

static size_t postgres_end(struct out *out, uint8_t *message)
{
    put(out, "\0\1\0\1", 4);
    struct out length = {message + 1};
    put_be(&length, (uint64_t)(out->at - message - 1), 4);
    put(out, "E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04", 15);
    return (size_t)(out->at - message);
}

static size_t postgres_request(uint8_t *message, const struct wl_request *request, uint32_t cities, uint32_t kinds)
{
    struct out out = {message};
    (void)cities, (void)kinds;
    postgres_head(&out, "d", 4);
    postgres_value(&out, request->city, 4);
    postgres_value(&out, request->kind, 4);
    postgres_value(&out, request->quantity, 4);
    postgres_value(&out, 0, 8);
    return postgres_end(&out, message);
}

static size_t postgres_refill(uint8_t *message, uint32_t kind)
{
    struct out out = {message};
    postgres_head(&out, "r", 1);
    postgres_value(&out, kind, 4);
    return postgres_end(&out, message);
}

/* A row with one array of integers: dimensions, flags, type, length, lower bound, then each with its length. */
static void postgres_row(const uint8_t *body, size_t len, struct answer *answer)
{
    if (len < 2 + 4 + 20 + 16)
        return;
    const uint8_t *array = body + 6;
    uint64_t value[2] = {get_be(array + 24, 4), get_be(array + 32, 4)};
    tell(answer, value, (unsigned)get_be(array + 12, 4));
}

static size_t postgres_answer(const uint8_t *data, size_t len, struct answer *answer)
{
    for (size_t at = 0; len - at >= 5;) {
        size_t size = (size_t)get_be(data + at + 1, 4) + 1;
        if (len - at < size)
            return 0;
        if (data[at] == 'D')
            postgres_row(data + at + 5, size - 5, answer);
        else if (data[at] == 'E')
            fail(answer, data + at + 5, size - 5);
        at += size;
        if (data[at - size] == 'Z')
            return at;
    }
    return 0;
}

static void postgres_wait(int fd)
{
    uint8_t data[16384];
    size_t have = 0;
    struct answer answer = {0};
    while (postgres_answer(data, have, &answer) == 0) {
        ssize_t got = read(fd, data + have, sizeof data - have);
        if (got <= 0)
            fatal("no answer to the greeting");
        have += (size_t)got;
    }
    if (answer.failed)
        fatal(answer.error);
}

static void postgres_send(int fd, const struct out *out, const uint8_t *message)
{
    if (write(fd, message, (size_t)(out->at - message)) != out->at - message)
        fatal("cannot send the greeting");
}

static void postgres_parse(int fd, const char *name, const char *query, unsigned count)
{
    uint8_t message[256];
    struct out out = {message + 5}, length = {message + 1};
    message[0] = 'P';
    put(&out, name, strlen(name) + 1);
    put(&out, query, strlen(query) + 1);
    put_be(&out, count, 2);
    for (unsigned i = 0; i < count; i++)
        put_be(&out, i < 3 ? 23 : 20, 4); /* int4, and int8 for the id */
    put_be(&length, (uint64_t)(out.at - message - 1), 4);
    put(&out, "S\0\0\0\x04", 5);
    postgres_send(fd, &out, message);
    postgres_wait(fd);
}

static void postgres_greet(int fd)
{
    static const char user[] = "user\0postgres\0database\0postgres\0";
    uint8_t message[64];
    struct out out = {message};
    put_be(&out, 8 + sizeof user, 4);
    put_be(&out, 196608, 4); /* protocol 3.0 */
    put(&out, user, sizeof user);
    postgres_send(fd, &out, message);
    postgres_wait(fd);
    postgres_parse(fd, "d", "SELECT dispatch($1, $2, $3, $4)", 4);
    postgres_parse(fd, "r", "SELECT refill($1)", 1);
}

static const struct protocol protocols[] = {
    {"relief", false, false, 3, 12, true, relief_request, NULL, relief_answer, NULL},
    {"model", false, true, 3, 8, false, model_request, model_refill, model_answer, NULL},
    {"tarantool", false, true, 10, 8, false, tarantool_request, tarantool_refill, tarantool_answer, tarantool_greet},
    {"redis", true, true, 0, 14, true, redis_request, redis_refill, redis_answer, NULL},
    {"postgres", true, true, 0, 27, false, postgres_request, postgres_refill, postgres_answer, postgres_greet},
};

const struct protocol *protocol_find(const char *name)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (!strcmp(protocols[i].name, name))
            return &protocols[i];
    return NULL;
}

void protocol_stamp(const struct protocol *protocol, uint8_t *message, size_t len, uint32_t slot, uint64_t id)
{
    struct out out = {message + protocol->slot_at};
    if (protocol->slot_at)
        put_be(&out, slot, 4);
    out.at = message + len - protocol->id_from_end;
    if (!protocol->id_digits) {
        put_be(&out, id, 8);
        return;
    }
    for (unsigned i = 12; i-- > 0; id /= 10)
        out.at[i] = (uint8_t)('0' + id % 10);
}
