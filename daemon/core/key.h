/*
 * Keys of the ordered map. First byte: what it is; then the parts, strings ended by NUL (ids hold none), numbers as 8 or 4
 * bytes big-endian. So keys sort as their parts do, and a prefix of parts is a prefix of bytes. store/FORMAT.md lists them.
 */
#pragma once
#include "core/view.h"

/* 0x10 + table: the records themselves. From 0x80: derived by core/derive.c from records, never written by anything else. */
enum core_key_space {
    CORE_KEY_RECORD = 0x10,      /* + enum relief_table; parts: the key fields (dispatch: request NUL, N 4 bytes) */
    CORE_KEY_HOLDER = 0x80,      /* kind, city -> 1 byte: 1 idle (nothing free above the floor), 0 not */
    CORE_KEY_SUM = 0x81,         /* city, kind -> on_hand, held, reserved over all lots or assets, 8 bytes little-endian each; there while a lot or an asset is */
    CORE_KEY_OPEN = 0x82,        /* kind, priority 1 byte, submitted 8, request -> "": live requests with open > 0 */
    CORE_KEY_DEADLINE = 0x83,    /* time 8, type 1 byte, id -> "": see enum core_deadline */
    CORE_KEY_LINK_IN = 0x84,     /* to, from -> "" */
    CORE_KEY_BY_DONOR = 0x85,    /* donor, agreement -> "" */
    CORE_KEY_CHILD = 0x86,       /* region, child region -> "" */
    CORE_KEY_IN_REGION = 0x87,   /* region, city -> "": its own cities, not those of regions below */
    CORE_KEY_SCORE = 0x88,       /* city -> promised, accepted (fine print 45), 8 bytes little-endian each */
    CORE_KEY_SHARE = 0x89,       /* agreement, donor, kind -> units in asked, committed and moving legs, 8 bytes */
    CORE_KEY_MOVING = 0x8a,      /* city, kind, side 1 byte (0 donor, 1 requester), dispatch id -> units 8 bytes: on the road */
    CORE_KEY_SUBSTITUTE = 0x8b,  /* substitute kind, kind -> "" */
    CORE_KEY_OP_AGE = 0x8c,      /* seq 8, op, identity -> "" */
    CORE_KEY_COUNT = 0x8d,       /* table 1 byte -> records 8 bytes; 0xff: requests with open > 0 */
    CORE_KEY_KIND_USED = 0x8e,   /* kind -> "": stock or requests of it exist, or did */
    CORE_KEY_ASSET_OF = 0x8f,    /* city, kind, asset -> "" */
    CORE_KEY_ISSUED = 0x90,      /* kind, city -> "": accounts that tell of units used in the last days */
    CORE_KEY_OF_INCIDENT = 0x91, /* incident, request -> "": live ones */
    CORE_KEY_RESTOCKS = 0x92,    /* city, request -> "": purpose stock, with legs that have not been received */
    CORE_KEY_META = 0xf0,        /* not in use: older stores kept a mark of a wake that goes on here */
};

enum core_deadline { CORE_DEADLINE_EXPIRE = 1, CORE_DEADLINE_LAPSE = 2, CORE_DEADLINE_FROM = 3, CORE_DEADLINE_REST = 4 };

void core_key_start(struct core_key *key, unsigned space);
void core_key_str(struct core_key *key, struct relief_str part);
void core_key_u8(struct core_key *key, uint8_t part);
void core_key_u32(struct core_key *key, uint32_t part);
void core_key_u64(struct core_key *key, uint64_t part);
/* The key of a record, from its key fields. */
void core_key_record(struct core_key *key, enum relief_table table, const void *record);
/* The key of a table's records as a whole: a prefix for scans. */
void core_key_table(struct core_key *key, enum relief_table table);
/* Reads parts back: *at is moved past the part. The string points into key. */
struct relief_str core_key_take_str(struct relief_str key, uint32_t *at);
uint64_t core_key_take_u64(struct relief_str key, uint32_t *at);
