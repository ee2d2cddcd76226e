/* JSON that people and files give us: parsed by jansson, never by hand. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include "schema/buf.h"

/* Appends the value as MessagePack. A real number goes along: the daemon refuses it and names the field. */
bool cli_json_pack(struct relief_buf *buf, const json_t *value, char *ret_error, size_t size);
/* The same from text, or from a file when the text is @FILE; a real number is refused: quantities are integers. */
bool cli_json_pack_text(struct relief_buf *buf, struct relief_str text, char *ret_error, size_t size);
/* Appends the value as dumps have it (fine print 62). */
void cli_json_write(struct relief_buf *buf, const json_t *value);
/* Members of an object; absent or of another type: 0, RELIEF_STR_NONE. */
struct relief_str cli_json_str(const json_t *object, const char *key);
int64_t cli_json_int(const json_t *object, const char *key);
