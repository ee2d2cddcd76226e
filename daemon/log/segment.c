/*
 * The bytes of a segment: its header, its name, the frame around each record.
 *
 * All integers are little-endian whatever the machine, so that a folder can be carried to another one. Each segment has
 * a random key for the checks of its records. That is not a secret kept from the operator, it makes two mistakes
 * impossible: that a payload sent by a client is taken for a record when the bytes behind a torn record are searched,
 * and that a block of another segment, put here by a disk that lost its way, passes as ours.
 */
#include "log/segment.h"
#include "base/plant.h"
#include "schema/limits.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(crypto_shorthash_KEYBYTES == LOG_KEY_BYTES, "the key of SipHash");
_Static_assert(crypto_shorthash_BYTES == 8, "the check of SipHash");

enum segment_field {
    SEGMENT_VERSION = 8,
    SEGMENT_FIRST = 16,
    SEGMENT_BEFORE = 24,
    SEGMENT_BYTES = 32,
    SEGMENT_KEY = 40,
    SEGMENT_CHECK = 56
};
enum frame_field {
    FRAME_LEN = 4,
    FRAME_SEQ = 8,
    FRAME_BATCH = 16,
    FRAME_FLAGS = 24,
    FRAME_HEADER_CHECK = 28,
    FRAME_CHECK = 32,
    FRAME_PREV = 40
};

static const uint8_t segment_magic[8] = {'R', 'E', 'L', 'I', 'E', 'F', 'L', 'G'};
static const uint8_t key_of_zeros[LOG_KEY_BYTES];
#define SEGMENT_FORMAT 1u

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static void put64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint64_t get64(const uint8_t *from)
{
    return get32(from) | (uint64_t)get32(from + 4) << 32;
}

void log_segment_header_encode(const struct log_segment_header *header, uint8_t ret_bytes[LOG_SEGMENT_HEADER])
{
    memset(ret_bytes, 0, LOG_SEGMENT_HEADER);
    memcpy(ret_bytes, segment_magic, sizeof(segment_magic));
    put32(ret_bytes + SEGMENT_VERSION, SEGMENT_FORMAT);
    put64(ret_bytes + SEGMENT_FIRST, header->first);
    put64(ret_bytes + SEGMENT_BEFORE, header->before);
    put64(ret_bytes + SEGMENT_BYTES, header->bytes);
    memcpy(ret_bytes + SEGMENT_KEY, header->key, LOG_KEY_BYTES);
    crypto_shorthash(ret_bytes + SEGMENT_CHECK, ret_bytes, SEGMENT_CHECK, key_of_zeros);
}

bool log_segment_header_decode(const uint8_t bytes[LOG_SEGMENT_HEADER], struct log_segment_header *ret)
{
    uint8_t check[8];

    crypto_shorthash(check, bytes, SEGMENT_CHECK, key_of_zeros);
    if (memcmp(bytes, segment_magic, sizeof(segment_magic)) != 0 || get32(bytes + SEGMENT_VERSION) != SEGMENT_FORMAT ||
        memcmp(check, bytes + SEGMENT_CHECK, sizeof(check)) != 0)
        return false;
    ret->first = get64(bytes + SEGMENT_FIRST);
    ret->before = get64(bytes + SEGMENT_BEFORE);
    ret->bytes = get64(bytes + SEGMENT_BYTES);
    memcpy(ret->key, bytes + SEGMENT_KEY, LOG_KEY_BYTES);
    return true;
}

int log_segment_header_read(const struct file_io *io, int fd, uint64_t first, struct log_segment_header *ret)
{
    uint8_t bytes[LOG_SEGMENT_HEADER];
    struct log_segment_header header;
    struct stat st;
    ssize_t n = file_read(io, fd, bytes, sizeof(bytes), 0);

    if (n < 0)
        return (int)n;
    if (n < (ssize_t)sizeof(bytes) || !log_segment_header_decode(bytes, &header))
        return -EUCLEAN;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (header.first != first || header.bytes != (uint64_t)st.st_size || header.before >= first ||
        header.bytes > LOG_SEGMENT_MAX || header.bytes < LOG_SEGMENT_HEADER)
        return -EUCLEAN;
    *ret = header;
    return 0;
}

void log_segment_name(uint64_t first, char ret_name[LOG_SEGMENT_NAME])
{
    int n = snprintf(ret_name, LOG_SEGMENT_NAME, "%020" PRIu64 ".seg", first);

    assert(n == 24);
    (void)n;
}

bool log_segment_name_parse(const char *name, uint64_t *ret_first)
{
    uint64_t first = 0;

    if (strlen(name) != 24 || strcmp(name + 20, ".seg") != 0)
        return false;
    for (int i = 0; i < 20; i++) {
        if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(first, 10, &first) ||
            __builtin_add_overflow(first, (uint64_t)(name[i] - '0'), &first))
            return false;
    }
    *ret_first = first;
    return first > 0;
}

int log_segment_zero(const struct file_io *io, int fd, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[LOG_SEGMENT_STEP];

    while (from < to) {
        size_t len = to - from < sizeof(zeros) ? (size_t)(to - from) : sizeof(zeros);
        int r = file_write(io, fd, zeros, len, from);

        if (r < 0)
            return r;
        from += len;
    }
    return 0;
}

/* Half a SipHash over the first fields: a length is believed only when this holds, before as much as that is read and
 * hashed. */
static uint32_t frame_header_check(const uint8_t key[LOG_KEY_BYTES], const uint8_t *bytes)
{
    uint8_t check[8];

    crypto_shorthash(check, bytes, FRAME_HEADER_CHECK, key);
    return get32(check);
}

/* SipHash over the frame with its check field as zeros; the field is put back afterwards, so the bytes must be
 * writable. */
static void frame_hash(const uint8_t key[LOG_KEY_BYTES], uint8_t *bytes, size_t len, uint8_t ret_check[8])
{
    uint8_t kept[8];

    memcpy(kept, bytes + FRAME_CHECK, sizeof(kept));
    memset(bytes + FRAME_CHECK, 0, sizeof(kept));
    crypto_shorthash(ret_check, bytes, len, key);
    memcpy(bytes + FRAME_CHECK, kept, sizeof(kept));
}

void log_frame_encode(const uint8_t key[LOG_KEY_BYTES], const struct log_record *record, uint32_t place, uint8_t *to)
{
    size_t len = log_frame_bytes(record->len), payload_end = LOG_FRAME_HEADER + record->len;
    uint8_t check[8];

    put32(to, LOG_FRAME_MAGIC);
    put32(to + FRAME_LEN, record->len);
    put64(to + FRAME_SEQ, record->seq);
    put64(to + FRAME_BATCH, record->batch);
    assert(place <= LOG_PLACE_MAX && record->flags <= UINT8_MAX);
    put32(to + FRAME_FLAGS, record->flags | place << 8);
    put32(to + FRAME_HEADER_CHECK, frame_header_check(key, to));
    memcpy(to + FRAME_PREV, record->prev, LOG_HASH_BYTES);
    if (record->len > 0)
        memcpy(to + LOG_FRAME_HEADER, record->payload, record->len);
    memset(to + payload_end, 0, len - payload_end);
    frame_hash(key, to, len, check);
    memcpy(to + FRAME_CHECK, check, sizeof(check));
}

size_t log_frame_announced(const uint8_t key[LOG_KEY_BYTES], const uint8_t header[LOG_FRAME_HEADER])
{
    uint32_t len = get32(header + FRAME_LEN);

    if (get32(header) != LOG_FRAME_MAGIC || len > RELIEF_ENTRY_BYTES_MAX ||
        get32(header + FRAME_HEADER_CHECK) != frame_header_check(key, header))
        return 0;
    return log_frame_bytes(len);
}

void log_frame_decode(const uint8_t *bytes, struct log_frame *ret)
{
    ret->record = (struct log_record){
        .seq = get64(bytes + FRAME_SEQ),
        .batch = get64(bytes + FRAME_BATCH),
        .flags = get32(bytes + FRAME_FLAGS) & UINT8_MAX,
        .payload = bytes + LOG_FRAME_HEADER,
        .len = get32(bytes + FRAME_LEN),
    };
    memcpy(ret->record.prev, bytes + FRAME_PREV, LOG_HASH_BYTES);
    ret->place = get32(bytes + FRAME_FLAGS) >> 8;
    ret->bytes = log_frame_bytes(ret->record.len);
}

bool log_frame_check(const uint8_t key[LOG_KEY_BYTES], uint8_t *bytes, size_t len)
{
    uint8_t check[8];

    frame_hash(key, bytes, len, check);
    return memcmp(check, bytes + FRAME_CHECK, sizeof(check)) == 0 || PLANT("no-frame-check");
}
