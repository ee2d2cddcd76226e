/*
 * What surrounds a value in LMDB: 8 bytes of SipHash-2-4 bound to key and value, because LMDB has no page checksums.
 * And the one way out when damage is met: there is no answer that could be given from a state that is wrong.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "schema/str.h"

#define STORE_CHECK_BYTES 8u

/* Writes the check of key and value to ret_check. */
void store_value_check(struct relief_str key, struct relief_str value, uint8_t ret_check[STORE_CHECK_BYTES]);
/* True, and the value without its check, when the stored bytes hold what was written under this key. */
bool store_value_open(struct relief_str key, const void *stored, size_t stored_bytes, struct relief_str *ret_value);
/* store_value_open, or the end of the process with a message that names the key. */
struct relief_str store_value_need(struct relief_str key, const void *stored, size_t stored_bytes);

/*
 * Called with the message before the process is aborted. Tests set a handler that jumps away; NULL: back to the
 * default, which writes the message to standard error.
 */
void store_fatal_handler(void (*handler)(void *context, const char *message), void *context);
_Noreturn void store_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As malloc and realloc, never NULL: a store without memory can't go on (core/view.h: calls can't fail). */
void *store_alloc(size_t bytes);
void *store_realloc(void *old, size_t bytes);
