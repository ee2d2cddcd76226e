/*
 * The check of a stored value, and the fatal way out.
 *
 * The check is SipHash(value) under a key made from SipHash(key): so neither has to be copied to stand in one piece,
 * and a value that was written under another key does not pass. It is no secret and no proof (the log's chain is), it
 * finds bits that turned. Relies on libsodium's crypto_shorthash, which is SipHash-2-4.
 */
#include "store/value.h"
#include "base/plant.h"
#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static_assert(crypto_shorthash_BYTES == STORE_CHECK_BYTES, "the check is SipHash's 8 bytes");

void store_value_check(struct relief_str key, struct relief_str value, uint8_t ret_check[STORE_CHECK_BYTES])
{
    uint8_t bound[crypto_shorthash_KEYBYTES] = "relief1 relief1";
    crypto_shorthash(bound, (const uint8_t *)key.data, key.len, bound);
    crypto_shorthash(ret_check, (const uint8_t *)value.data, value.len, bound);
}

bool store_value_open(struct relief_str key, const void *stored, size_t stored_bytes, struct relief_str *ret_value)
{
    if (stored_bytes < STORE_CHECK_BYTES || stored_bytes > UINT32_MAX) {
        return false;
    }
    struct relief_str value = {stored, (uint32_t)(stored_bytes - STORE_CHECK_BYTES)};
    uint8_t check[STORE_CHECK_BYTES];
    store_value_check(key, value, check);
    if (memcmp(check, value.data + value.len, STORE_CHECK_BYTES) != 0 && !PLANT("no-value-check")) {
        return false;
    }
    *ret_value = value;
    return true;
}

struct relief_str store_value_need(struct relief_str key, const void *stored, size_t stored_bytes)
{
    struct relief_str value;
    if (store_value_open(key, stored, stored_bytes, &value)) {
        return value;
    }
    char text[3 * 64 + 1];
    uint32_t at = 0;
    for (uint32_t i = 0; i < key.len && at + 4 < sizeof(text); i++) {
        unsigned char byte = (unsigned char)key.data[i];
        bool plain = byte > 0x20 && byte < 0x7f && byte != '%';
        at += (uint32_t)snprintf(text + at, sizeof(text) - at, plain ? "%c" : "%%%02x", byte);
    }
    store_fatal(
        "damage: the value stored under key %s (%u bytes) does not match its checksum; rebuild the state from the log",
        text, key.len);
}

static void (*fatal_handler)(void *context, const char *message);
static void *fatal_context;

void store_fatal_handler(void (*handler)(void *context, const char *message), void *context)
{
    fatal_handler = handler;
    fatal_context = context;
}

void store_fatal(const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (fatal_handler) {
        fatal_handler(fatal_context, message);
    } else {
        fprintf(stderr, "store: %s\n", message);
    }
    abort();
}

void *store_alloc(size_t bytes)
{
    return store_realloc(NULL, bytes);
}

void *store_realloc(void *old, size_t bytes)
{
    void *block = realloc(old, bytes ? bytes : 1);
    if (!block) {
        store_fatal("out of memory: %zu bytes", bytes);
    }
    return block;
}
