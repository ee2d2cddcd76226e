/*
 * The codecs that walk a shape: MessagePack from and to the wire, JSON as dumps and the log have it, and the compact bytes in
 * which records stand in LMDB and in the log. None of them knows a single field by name.
 */
#pragma once
#include <msgpack.h>
#include "schema/arena.h"
#include "schema/buf.h"
#include "schema/refusal.h"
#include "schema/tables.h"

/* ---- MessagePack ---- */

/*
 * Decodes and checks a parameter map: unknown, missing, repeated, mistyped or out-of-range fields are BAD_PARAMS with their
 * name. Defaults are filled in. Strings point into the message, lists into the arena. 0 or a positive relief_error.
 */
int relief_params_decode(const struct relief_shape *shape, const msgpack_object *map, struct relief_arena *arena,
                         void *ret_params, struct relief_refusal *refusal);
/* As relief_params_decode, for an answer: unknown fields are ignored, absent ones are nil, ranges are not checked. */
int relief_answer_decode(const struct relief_shape *shape, const msgpack_object *map, struct relief_arena *arena,
                         void *ret_record);
/* The same from the bytes, which must have passed the scanner. -EBADMSG: no such map; -ENOMEM. */
int relief_answer_decode_bytes(const struct relief_shape *shape, struct relief_str bytes, struct relief_arena *arena,
                               void *ret_record);
/* Checks ranges, ids and defaults of params that were filled in by hand or from text (CLI, CSV). */
int relief_params_check(const struct relief_shape *shape, void *params, struct relief_refusal *refusal);
/* Fills in the defaults of fields younger than the generation that wrote these params: what a caller of today leaves out. */
void relief_params_grow(const struct relief_shape *shape, void *params, unsigned generation);

/* Appends a MessagePack map of every field (nil for absent), `extra` more pairs to be appended by the caller. */
void relief_pack_record(struct relief_buf *buf, const struct relief_shape *shape, const void *record, unsigned extra);
/* The same without the fields that are younger than the generation, at every depth. */
void relief_pack_record_of(struct relief_buf *buf, const struct relief_shape *shape, const void *record, unsigned extra,
                           unsigned generation);
/* Appends a map of the fields that are present only: what a client sends. */
void relief_pack_params(struct relief_buf *buf, const struct relief_shape *shape, const void *params);
void relief_pack_array(struct relief_buf *buf, uint32_t count);
void relief_pack_map(struct relief_buf *buf, uint32_t count);
void relief_pack_int(struct relief_buf *buf, int64_t value); /* RELIEF_NIL as nil */
void relief_pack_bool(struct relief_buf *buf, bool value);
void relief_pack_nil(struct relief_buf *buf);
void relief_pack_str(struct relief_buf *buf, struct relief_str text); /* absent as nil */
void relief_pack_text(struct relief_buf *buf, const char *text);
void relief_pack_bytes(struct relief_buf *buf, struct relief_str bytes); /* bin */
/* Appends the error map {code, message, field?, id?, state?, available?}. */
void relief_pack_refusal(struct relief_buf *buf, const struct relief_refusal *refusal);

/* ---- JSON (fine print 62): keys sorted, no spaces, every key, nil as null ---- */

void relief_json_str(struct relief_buf *buf, struct relief_str text); /* quoted and escaped; absent as null */
/* Base64 text without quotes, as bytes stand in JSON (RFC 4648 section 4, padded). */
void relief_base64(struct relief_buf *buf, struct relief_str bytes);
void relief_json_int(struct relief_buf *buf, int64_t value);
/* {"k":v,...}; when table is given a "t":"table" stands at its place in the order of keys. */
void relief_json_record(struct relief_buf *buf, const struct relief_shape *shape, const void *record, const char *table);
/* The same without the fields that are younger than the generation, at every depth. */
void relief_json_record_of(struct relief_buf *buf, const struct relief_shape *shape, const void *record, const char *table,
                           unsigned generation);
/* The key fields of a record that is gone: {"gone":true,"id":"...","t":"..."} */
void relief_json_gone(struct relief_buf *buf, const struct relief_table_info *table, const void *record);
/* Any MessagePack value as JSON with sorted keys; used for RAW fields and by the command line. */
void relief_json_msgpack(struct relief_buf *buf, const msgpack_object *value);

/* ---- stored bytes: the values of the fields in their order, no names ---- */
/*
 * INT BOOL ENUM TIME: 0 for nil, else 1 + zigzag(value) as LEB128 (values near 2^63 take 10 bytes).
 * ID DID TEXT RAW: 0 for nil, else 1 + length as LEB128 and the bytes. IDS: 0 for nil, else 1 + count and the items.
 * OBJS: 0 for nil, else 1 + count and, when there are items, the number of fields of each (up to the last that isn't nil in any
 * of them, at least 1) and their fields. OBJ: the number of fields up to the last that isn't nil, and these fields.
 * A record too ends with its last field that isn't nil; what is missing decodes as nil. So the same content is the same bytes
 * before and after a field was appended. LEB128 is as short as can be.
 */
void relief_record_encode(struct relief_buf *buf, const struct relief_shape *shape, const void *record);
/* Strings point into the bytes, lists into the arena. Returns bytes used, or -EBADMSG (never reads past len), -ENOMEM. */
int64_t relief_record_decode(const struct relief_shape *shape, struct relief_str bytes, struct relief_arena *arena,
                             void *ret_record);
/*
 * Has a record that was decoded what its shape asks for: required fields, words, times, ranges? Only counts may be larger, since
 * what is received adds up.
 */
bool relief_record_fits(const struct relief_shape *shape, const void *record);
/* A deep copy whose strings and lists all live in the arena. */
int relief_record_copy(const struct relief_shape *shape, const void *record, struct relief_arena *arena, void *ret_copy);

/* ---- ids ---- */
bool relief_id_ok(struct relief_str text);          /* 1 to 64 bytes of [A-Za-z0-9._:-] */
bool relief_dispatch_id_ok(struct relief_str text); /* ID/N, N from 1, no leading zero, at most 9 digits */
/* Splits REQUEST/N; the text must be ok. */
void relief_dispatch_id_split(struct relief_str text, struct relief_str *ret_request, uint32_t *ret_n);
