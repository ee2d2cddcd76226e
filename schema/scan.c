/*
 * The scanner of scan.h: one pass over the bytes, one small struct, no recursion, no allocation.
 *
 * Completion needs a single number: the values that are still owed. A value pays one, a container adds what it
 * announces. The stack of open containers serves the depth limit only, so it stops at that limit: from the first fault
 * on, whatever it is, the value is known to be refused, and the scanner merely counts on to its end, so that the
 * connection can go on behind it.
 *
 * Size is refused at the header that announces it. Each owed value takes at least one byte, so bytes already announced
 * plus values owed may not pass what bytes_max leaves; a five-byte header that promises 2^32 elements ends there.
 *
 * A header that arrives in pieces is looked at again when more has come (it has at most nine bytes), everything else
 * once; state changes only when a header is whole, so a refusal stays the same however often it is asked for.
 */
#include "schema/scan.h"
#include <string.h>

void scan_init(struct scan *scan, size_t bytes_max)
{
    scan->bytes_max = bytes_max;
    scan_limit(scan, RELIEF_DEPTH_MAX, RELIEF_ELEMENTS_MAX);
    scan->pos = 0;
    scan->skip = 0;
    scan->owed = 1;
    scan->depth = 0;
    scan->fault = SCAN_FAULT_NONE;
    scan->in_string = 0;
    scan->utf8_need = 0;
}

/* ---- UTF-8, resumable ---- */

/* Starts a character of several bytes (RFC 3629, table 3-7 of Unicode); false when no character begins so. */
static int utf8_lead(struct scan *scan, uint8_t lead)
{
    scan->utf8_low = 0x80;
    scan->utf8_high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        scan->utf8_need = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        scan->utf8_need = 2;
        if (lead == 0xe0)
            scan->utf8_low = 0xa0; /* below are overlong forms */
        else if (lead == 0xed)
            scan->utf8_high = 0x9f; /* above are surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        scan->utf8_need = 3;
        if (lead == 0xf0)
            scan->utf8_low = 0x90;
        else if (lead == 0xf4)
            scan->utf8_high = 0x8f; /* above is no character */
    } else {
        return 0;
    }
    return 1;
}

static inline uint64_t load(const uint8_t *at, size_t bytes)
{
    uint64_t eight = 0;
    memcpy(&eight, at, bytes);
    return eight;
}

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Most text is short and ASCII: up to 16 bytes are looked at with two loads, which may overlap. */
static inline int is_short_ascii(const uint8_t *text, size_t len)
{
    uint64_t bits;
    if (len > 16)
        return 0;
    if (len >= 8)
        bits = load(text, 8) | load(text + len - 8, 8);
    else if (len >= 4)
        bits = load(text, 4) | load(text + len - 4, 4);
    else
        bits = len ? (uint64_t)(text[0] | text[len / 2] | text[len - 1]) : 0;
    return !(bits & HIGH_BITS);
}

static int utf8_pieces(struct scan *scan, const uint8_t *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (scan->utf8_need) {
            if (text[i] < scan->utf8_low || text[i] > scan->utf8_high)
                return 0;
            scan->utf8_need--;
            scan->utf8_low = 0x80;
            scan->utf8_high = 0xbf;
            i++;
        } else if (len - i >= 8 && !(load(text + i, 8) & HIGH_BITS)) {
            i += 8;
        } else {
            if (text[i] >= 0x80 && !utf8_lead(scan, text[i]))
                return 0;
            i++;
        }
    }
    return 1;
}

/* Looks at the next piece of a text; false when it can't be UTF-8. */
static inline int utf8_run(struct scan *scan, const uint8_t *text, size_t len)
{
    return (!scan->utf8_need && is_short_ascii(text, len)) || utf8_pieces(scan, text, len);
}

int scan_utf8(const char *text, size_t len)
{
    struct scan scan;
    scan_init(&scan, len);
    return utf8_run(&scan, (const uint8_t *)text, len) && scan.utf8_need == 0;
}

/* ---- headers ---- */

enum { PLAIN, TEXT, BLOB, ARRAY, MAP, NEVER };

/* Bytes 0xc0 to 0xdf: what it is, bytes of the header with the length (or of the whole value), bytes of the length. */
static const struct head {
    uint8_t what, bytes, length;
    uint8_t payload; /* what comes beside the length: the type of an ext, the body of the fixed ones */
} heads[32] = {
    {PLAIN, 1, 0, 0}, /* c0 nil */
    {NEVER, 1, 0, 0}, /* c1 */
    {PLAIN, 1, 0, 0}, /* c2 false */
    {PLAIN, 1, 0, 0}, /* c3 true */
    {BLOB, 2, 1, 0},  /* c4 bin 8 */
    {BLOB, 3, 2, 0},  /* c5 bin 16 */
    {BLOB, 5, 4, 0},  /* c6 bin 32 */
    {BLOB, 2, 1, 1},  /* c7 ext 8: the type stands behind the length and counts as a byte of the body */
    {BLOB, 3, 2, 1},  /* c8 ext 16 */
    {BLOB, 5, 4, 1},  /* c9 ext 32 */
    {PLAIN, 5, 0, 0}, /* ca float 32 */
    {PLAIN, 9, 0, 0}, /* cb float 64 */
    {PLAIN, 2, 0, 0}, /* cc uint 8 */
    {PLAIN, 3, 0, 0}, /* cd uint 16 */
    {PLAIN, 5, 0, 0}, /* ce uint 32 */
    {PLAIN, 9, 0, 0}, /* cf uint 64 */
    {PLAIN, 2, 0, 0}, /* d0 int 8 */
    {PLAIN, 3, 0, 0}, /* d1 int 16 */
    {PLAIN, 5, 0, 0}, /* d2 int 32 */
    {PLAIN, 9, 0, 0}, /* d3 int 64 */
    {BLOB, 2, 0, 1},  /* d4 fixext 1 */
    {BLOB, 2, 0, 2},  /* d5 fixext 2 */
    {BLOB, 2, 0, 4},  /* d6 fixext 4 */
    {BLOB, 2, 0, 8},  /* d7 fixext 8 */
    {BLOB, 2, 0, 16}, /* d8 fixext 16 */
    {TEXT, 2, 1, 0},  /* d9 str 8 */
    {TEXT, 3, 2, 0},  /* da str 16 */
    {TEXT, 5, 4, 0},  /* db str 32 */
    {ARRAY, 3, 2, 0}, /* dc array 16 */
    {ARRAY, 5, 4, 0}, /* dd array 32 */
    {MAP, 3, 2, 0},   /* de map 16 */
    {MAP, 5, 4, 0},   /* df map 32 */
};

static void blame(struct scan *scan, enum scan_fault fault)
{
    if (!scan->fault)
        scan->fault = fault;
}

/* A header that is all there. */
struct value {
    unsigned what, bytes;       /* bytes of the header, for plain values of the whole */
    uint64_t payload, elements; /* bytes of a text or blob that follow, elements of a container */
};

/* Bytes that the value takes at least, with one for each value that it announces. */
static inline uint64_t least_bytes(const struct value *value)
{
    return value->bytes + value->payload + (value->what == MAP ? 2 * value->elements : value->elements);
}

/* The header at data, of which `have` bytes are there and `room` are left for it. SCAN_DONE: it is all there and fits.
 */
static inline enum scan_status read_header(const uint8_t *data, size_t have, uint64_t room, struct value *ret)
{
    uint8_t first = data[0];
    struct value value = {.what = PLAIN, .bytes = 1};
    if (first >= 0xa0 && first <= 0xbf) {
        value.what = TEXT;
        value.payload = first & 0x1f;
    } else if (first >= 0x90 && first <= 0x9f) {
        value.what = ARRAY;
        value.elements = first & 0x0f;
    } else if (first >= 0x80 && first <= 0x8f) {
        value.what = MAP;
        value.elements = first & 0x0f;
    } else if (first >= 0xc0 && first <= 0xdf) {
        const struct head *head = &heads[first - 0xc0];
        if (head->what == NEVER)
            return SCAN_BAD;
        value.what = head->what;
        value.bytes = head->bytes;
        if (value.bytes > room)
            return SCAN_TOO_LARGE;
        if (have < value.bytes)
            return SCAN_MORE;
        uint64_t length = 0;
        for (unsigned i = 1; i <= head->length; i++)
            length = length << 8 | data[i];
        if (value.what >= ARRAY)
            value.elements = length;
        else
            value.payload = head->payload + length;
    }
    if (least_bytes(&value) > room)
        return SCAN_TOO_LARGE;
    *ret = value;
    return SCAN_DONE;
}

/* Keeps the stack and looks at the limits, until the first fault. */
static inline void nest(struct scan *scan, const struct value *value)
{
    uint32_t depth = scan->depth;
    if (depth)
        scan->left[depth]--;
    if (value->what == TEXT) {
        if (value->payload > RELIEF_STRING_BYTES_MAX)
            scan->fault = SCAN_FAULT_STRING;
    } else if (value->what >= ARRAY) {
        if (depth == scan->depth_max)
            scan->fault = SCAN_FAULT_DEPTH;
        else if (value->elements > scan->elements_max)
            scan->fault = SCAN_FAULT_ELEMENTS;
        else if (value->elements)
            scan->left[++depth] = (uint32_t)(value->what == MAP ? 2 * value->elements : value->elements);
    }
    while (depth && scan->left[depth] == 0)
        depth--;
    scan->depth = depth;
}

/* The text or blob at pos, as far as it is there. False: more is needed. */
static inline int pass_payload(struct scan *scan, const uint8_t *data, size_t len)
{
    size_t piece = len > scan->pos ? len - scan->pos : 0;
    if (piece > scan->skip)
        piece = (size_t)scan->skip;
    if (scan->in_string && !utf8_run(scan, data + scan->pos, piece)) {
        blame(scan, SCAN_FAULT_UTF8);
        scan->in_string = 0;
        scan->utf8_need = 0;
    }
    scan->pos += piece;
    scan->skip -= piece;
    if (scan->skip)
        return 0;
    if (scan->in_string && scan->utf8_need)
        blame(scan, SCAN_FAULT_UTF8);
    scan->in_string = 0;
    scan->utf8_need = 0;
    return 1;
}

enum scan_status scan_feed(struct scan *scan, const uint8_t *data, size_t len)
{
    if (scan->skip && !pass_payload(scan, data, len))
        return SCAN_MORE;
    /* The place and the debt stay in registers: through the struct, each value would wait for the one before. */
    size_t pos = scan->pos;
    uint64_t owed = scan->owed;
    enum scan_status status = SCAN_DONE;
    while (owed && status == SCAN_DONE) {
        struct value value;
        if (pos >= len) {
            status = SCAN_MORE;
            break;
        }
        uint64_t room = scan->bytes_max - pos;
        status = owed - 1 > room ? SCAN_TOO_LARGE : read_header(data + pos, len - pos, room - (owed - 1), &value);
        if (status != SCAN_DONE)
            break;
        pos += value.bytes;
        owed += (value.what == MAP ? 2 * value.elements : value.elements) - 1;
        if (!scan->fault)
            nest(scan, &value);
        if (value.payload) {
            scan->in_string = value.what == TEXT && !scan->fault;
            scan->skip = value.payload;
            scan->pos = pos;
            if (!pass_payload(scan, data, len))
                status = SCAN_MORE;
            pos = scan->pos;
        }
    }
    scan->pos = pos;
    scan->owed = owed;
    if (status == SCAN_DONE && scan->fault)
        status = SCAN_LIMIT;
    return status;
}
