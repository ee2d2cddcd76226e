/*
 * Opens a folder whose one segment is made from the input, and reads all of it. Bits of the first byte say what is made
 * right before, so that inputs get behind the checks: 1 the segment's header, 2 the checks of what stands where records
 * would follow each other; 4 gives the log a hash chain, of zeros. Whatever opens must open again the same, with
 * nothing left to cut, give each record it promises, and take another one.
 */
#include "log/log.h"
#include "log/segment.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[128];
static int dir_fd = -1;
static uint8_t bytes[LOG_SEGMENT_HEADER + BODY_MAX + 16];

static void dir_remove(void)
{
    (void)rmdir(dir);
}

static void dir_make(void)
{
    const char *tmp = getenv("TMPDIR");

    assert(sodium_init() >= 0);
    snprintf(dir, sizeof(dir), "%s/relief-fuzz-XXXXXX",
             tmp                             ? tmp
             : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                             : "/tmp");
    if (!mkdtemp(dir) || atexit(dir_remove) != 0)
        abort();
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert(dir_fd >= 0);
}

/* Field 28 is the check of the first 28 bytes, field 32 that of all with zeros in its own place: FORMAT.md. */
static void checks_make(const uint8_t key[LOG_KEY_BYTES], uint8_t *body, size_t size)
{
    size_t at = 0;

    while (size - at >= LOG_FRAME_HEADER) {
        uint32_t len;
        uint8_t check[8];

        memcpy(body + at, "RLRF", 4);
        body[at + 7] = body[at + 6] = 0; /* lengths that fit more often than not */
        memcpy(&len, body + at + 4, sizeof(len));
        if (log_frame_bytes(len) > size - at)
            return;
        crypto_shorthash(check, body + at, 28, key);
        memcpy(body + at + 28, check, 4);
        memset(body + at + 32, 0, 8);
        crypto_shorthash(check, body + at, log_frame_bytes(len), key);
        memcpy(body + at + 32, check, 8);
        at += log_frame_bytes(len);
    }
}

static size_t segment_make(const uint8_t *data, size_t size)
{
    struct log_segment_header header = {.first = 1};
    uint8_t what = data[0];

    data++;
    size--;
    memset(bytes, 0, sizeof(bytes));
    if (!(what & 1)) {
        memcpy(bytes, data, size);
        return size;
    }
    memcpy(bytes + LOG_SEGMENT_HEADER, data, size);
    if (what & 2)
        checks_make(header.key, bytes + LOG_SEGMENT_HEADER, size);
    header.bytes = LOG_SEGMENT_HEADER + ((size + 7) & ~(size_t)7);
    log_segment_header_encode(&header, bytes);
    return header.bytes;
}

static void read_all(struct log *log, uint64_t last)
{
    struct log_cursor *cursor;
    struct log_record record;
    uint64_t seq = 0;

    if (log_cursor_open(&cursor, log, 0) != 0)
        abort();
    while (log_cursor_next(cursor, &record) == 1)
        if (record.seq != ++seq)
            abort();
    if (seq != last)
        abort();
    log_cursor_close(cursor);
}

static int hash_zeros(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES])
{
    (void)context;
    (void)record;
    memset(ret_hash, 0, LOG_HASH_BYTES);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"00000000000000000001.seg", LOG_NEXT_NAME, LOG_NEXT_TMP, LOG_LARGE_TMP};
    struct log_options options = {.segment_bytes = LOG_SEGMENT_MIN, .read_only = true};
    struct log_record record = {.payload = (const uint8_t *)"x", .len = 1};
    struct log_damage damage;
    uint64_t cut = 0, cut_before = 0, seq = 0, added;
    struct log *log;
    char path[256];
    size_t len;
    int fd, r;

    if (size < 1 || size > BODY_MAX)
        return 0;
    if (dir_fd < 0)
        dir_make();
    options.dir = dir;
    options.hash = data[0] & 4 ? hash_zeros : NULL;
    len = segment_make(data, size);
    fd = openat(dir_fd, names[0], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
        abort();
    close(fd);

    r = log_open(&log, &options, &damage, &cut_before);
    if (r == 0) {
        seq = log_durable(log).seq;
        read_all(log, seq);
        log_close(log);
    } else if (r != -EUCLEAN) {
        abort();
    }
    options.read_only = false;
    if (log_open(&log, &options, &damage, &cut) != r || (r == 0 && (cut != cut_before || log_durable(log).seq != seq)))
        abort();
    if (r == 0) {
        record.seq = seq + 1;
        read_all(log, seq);
        r = log_append(log, &record, 1);
        added = r == 0;
        log_close(log);
        if (r != 0 || log_open(&log, &options, &damage, &cut) != 0 || cut != 0 || log_durable(log).seq != seq + added)
            abort();
        read_all(log, seq + added);
        log_close(log);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlinkat(dir_fd, names[i], 0);
    snprintf(path, sizeof(path), "%020llu.seg", (unsigned long long)(seq + 1));
    (void)unlinkat(dir_fd, path, 0);
    return 0;
}
