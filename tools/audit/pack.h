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

void audit_pack_array(struct audit_buf *buf, uint8_t count); /* up to 15 */
void audit_pack_map(struct audit_buf *buf, uint8_t count);   /* up to 15 */
void audit_pack_uint(struct audit_buf *buf, uint64_t value);
void audit_pack_text(struct audit_buf *buf, struct audit_text text);
