/*
 * As much MessagePack as the wire and packed dumps need. What comes in is turned into JSON as evidence has it, so that
 * there is one reader of contents; bin becomes base64.
 */
#pragma once
#include "tools/audit/bytes.h"

#define AUDIT_PACK_DEPTH 32

/* Bytes of the first object; 0: not all there yet; -1: not MessagePack. */
long audit_pack_measure(const uint8_t *data, size_t len);
/* Appends one whole object. False: not valid, a float, ext, a key that is no plain word or stands twice, or no memory.
 */
bool audit_pack_json(const uint8_t *data, size_t len, struct audit_buf *buf);

/* Whether every head in it is the shortest that says it, numbers from 0 on without a sign. */
bool audit_pack_shortest(const uint8_t *data, size_t len);
/* The members of a map; their count, or -1: no map, a key that is no text, or more than `max`. */
long audit_pack_members(struct audit_text map, struct audit_text *ret_names, struct audit_text *ret_values, long max);
/* The items of an array, one behind the other; the first is cut off from the rest. */
bool audit_pack_array_open(struct audit_text array, struct audit_text *ret_items);
bool audit_pack_item(struct audit_text *rest, struct audit_text *ret_item);
bool audit_pack_string(struct audit_text value, struct audit_text *ret);
/* Text as JSON has it here. */
void audit_pack_quote(struct audit_buf *buf, struct audit_text text);

void audit_pack_array(struct audit_buf *buf, uint8_t count); /* up to 15 */
void audit_pack_map(struct audit_buf *buf, uint8_t count);   /* up to 15 */
void audit_pack_uint(struct audit_buf *buf, uint64_t value);
void audit_pack_text(struct audit_buf *buf, struct audit_text text);
