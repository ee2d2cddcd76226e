#include "fixture.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t fixture_random(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static bool fault_now(struct fault *fault)
{
    fault->calls++;
    if (fault->fail_at == 0 || fault->calls < fault->fail_at || (fault->calls > fault->fail_at && !fault->keep_failing))
        return false;
    errno = fault->error;
    return true;
}

static int fault_openat(void *context, int dir_fd, const char *name, int flags, mode_t mode)
{
    if ((flags & O_CREAT) && fault_now(context))
        return -1;
    return openat(dir_fd, name, flags, mode);
}

static size_t fault_short(struct fault *fault, size_t len)
{
    uint64_t seed = fault->short_seed;

    if (!fault->short_seed || len < 2)
        return len;
    fault->short_seed = (unsigned)fixture_random(&seed) | 1;
    if (fault->short_seed % 4 == 1) {
        errno = EINTR;
        return 0;
    }
    return fault->short_seed % 2 ? 1 + fault->short_seed % (len - 1) : len;
}

static ssize_t fault_pread(void *context, int fd, void *to, size_t len, off_t offset)
{
    len = fault_short(context, len);
    return len ? pread(fd, to, len, offset) : -1;
}

static uint64_t inode_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static void undo_push(struct fault *fault, int fd, size_t len, off_t offset)
{
    struct undo *undo = calloc(1, sizeof(*undo) + len);

    assert_non_null(undo);
    undo->fd = fd;
    undo->inode = inode_of(fd);
    undo->offset = (uint64_t)offset;
    undo->len = len;
    assert_true(pread(fd, undo->old, len, offset) >= 0);
    undo->next = fault->undo;
    fault->undo = undo;
}

static ssize_t fault_pwrite(void *context, int fd, const void *from, size_t len, off_t offset)
{
    struct fault *fault = context;
    bool fails = fault_now(fault);

    len = fault_short(fault, len);
    if (len == 0)
        return -1;
    if (fault->track)
        undo_push(fault, fd, len, offset);
    /* A write that fails may have written something all the same. */
    if (fails) {
        assert_true(pwrite(fd, from, len / 2, offset) >= 0);
        errno = fault->error;
        return -1;
    }
    return pwrite(fd, from, len, offset);
}

static int fault_fallocate(void *context, int fd, off_t len)
{
    if (fault_now(context))
        return -1;
    return fallocate(fd, 0, 0, len);
}

static int fault_sync(void *context, int fd)
{
    struct fault *fault = context;

    if (fault_now(fault))
        return -1;
    for (struct undo **at = &fault->undo; *at;) {
        struct undo *undo = *at;

        if (undo->inode != inode_of(fd)) {
            at = &undo->next;
            continue;
        }
        *at = undo->next;
        free(undo);
    }
    return fault->no_sync ? 0 : fsync(fd);
}

static int fault_renameat(void *context, int dir_fd, const char *from, const char *to)
{
    return fault_now(context) ? -1 : renameat(dir_fd, from, dir_fd, to);
}

static int fault_unlinkat(void *context, int dir_fd, const char *name)
{
    return fault_now(context) ? -1 : unlinkat(dir_fd, name, 0);
}

static int fault_close(void *context, int fd)
{
    struct fault *fault = context;
    int kept = -1;

    /* What was written through it is still not synced. */
    for (struct undo *undo = fault->undo; undo; undo = undo->next) {
        if (undo->fd != fd)
            continue;
        if (kept < 0)
            kept = fault->kept[fault->kept_count++] = dup(fd);
        assert_true(kept >= 0 && fault->kept_count < FAULT_KEPT_MAX);
        undo->fd = kept;
    }
    return close(fd);
}

void fault_init(struct fault *fault)
{
    *fault = (struct fault){.error = EIO};
    fault->io = (struct file_io){
        .context = fault,
        .openat = fault_openat,
        .pread = fault_pread,
        .pwrite = fault_pwrite,
        .fallocate = fault_fallocate,
        .fdatasync = fault_sync,
        .fsync = fault_sync,
        .renameat = fault_renameat,
        .unlinkat = fault_unlinkat,
        .close = fault_close,
    };
}

void fault_deinit(struct fault *fault)
{
    while (fault->undo) {
        struct undo *undo = fault->undo;

        fault->undo = undo->next;
        free(undo);
    }
    while (fault->kept_count > 0)
        close(fault->kept[--fault->kept_count]);
}

void fault_power_off(struct fault *fault, uint64_t *seed)
{
    /* Newest first, so that a sector written twice goes back through its states in order. */
    for (struct undo *undo = fault->undo; undo; undo = undo->next) {
        uint64_t end = undo->offset + undo->len, odds = 1 + fixture_random(seed) % 8;

        for (uint64_t at = undo->offset; at < end;) {
            uint64_t stop = (at / 512 + 1) * 512 < end ? (at / 512 + 1) * 512 : end;

            if (fixture_random(seed) % 8 < odds)
                assert_true(pwrite(undo->fd, undo->old + (at - undo->offset), stop - at, (off_t)at) >= 0);
            at = stop;
        }
    }
}

void fixture_init(struct fixture *fixture, size_t segment_bytes)
{
    const char *tmp = getenv("TMPDIR");

    if (!tmp && access("/dev/shm", W_OK) == 0)
        tmp = "/dev/shm"; /* thousands of opens and cuts: memory is as good as a disk for these */

    memset(fixture, 0, sizeof(*fixture));
    assert_true(sodium_init() >= 0);
    assert_in_range(snprintf(fixture->dir, sizeof(fixture->dir), "%s/relief-log-XXXXXX", tmp ? tmp : "/tmp"), 1,
                    sizeof(fixture->dir) - 1);
    assert_non_null(mkdtemp(fixture->dir));
    fixture->options = (struct log_options){.dir = fixture->dir, .segment_bytes = segment_bytes, .hash = fixture_hash};
}

void fixture_deinit(struct fixture *fixture)
{
    struct dirent *entry;
    DIR *dir;

    fixture_close(fixture);
    dir = opendir(fixture->dir);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    assert_int_equal(rmdir(fixture->dir), 0);
}

int fixture_open(struct fixture *fixture)
{
    return log_open(&fixture->log, &fixture->options, &fixture->damage, &fixture->cut);
}

void fixture_close(struct fixture *fixture)
{
    log_close(fixture->log);
    fixture->log = NULL;
}

int fixture_hash(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES])
{
    crypto_generichash_state state;

    (void)context;
    crypto_generichash_init(&state, NULL, 0, LOG_HASH_BYTES);
    crypto_generichash_update(&state, record->prev, LOG_HASH_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)&record->seq, sizeof(record->seq));
    crypto_generichash_update(&state, record->payload, record->len);
    crypto_generichash_final(&state, ret_hash, LOG_HASH_BYTES);
    return 0;
}

uint32_t fixture_payload(uint64_t seq, uint8_t ret_bytes[FIXTURE_PAYLOAD_MAX])
{
    uint64_t seed = seq;
    uint32_t len = (uint32_t)(fixture_random(&seed) % 160);

    if (seq % 97 == 0)
        len = (uint32_t)(fixture_random(&seed) % FIXTURE_PAYLOAD_MAX);
    for (uint32_t i = 0; i < len; i++)
        ret_bytes[i] = (uint8_t)(fixture_random(&seed) >> 11);
    return len;
}

int fixture_append(struct fixture *fixture, size_t count, bool more)
{
    uint64_t seq = log_durable(fixture->log).seq;
    struct log_record *records = calloc(count, sizeof(*records));
    uint8_t *bytes = malloc(count * FIXTURE_PAYLOAD_MAX);
    int r;

    assert_non_null(records);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        records[i].seq = ++seq;
        records[i].payload = bytes + i * FIXTURE_PAYLOAD_MAX;
        records[i].len = fixture_payload(seq, bytes + i * FIXTURE_PAYLOAD_MAX);
        records[i].flags = more && i + 1 < count ? LOG_MORE : 0;
    }
    r = log_append(fixture->log, records, count);
    free(records);
    free(bytes);
    return r;
}

int fixture_check(struct log *log, uint64_t last, uint64_t *ret_bad)
{
    static uint8_t payload[FIXTURE_PAYLOAD_MAX];
    uint8_t hash[LOG_HASH_BYTES] = {0};
    struct log_head head = log_durable(log);
    struct log_cursor *cursor = NULL;
    struct log_record record;
    uint64_t seq = 0;
    int r = log_cursor_open(&cursor, log, 0), line = 0;

    while (r == 0 && !line && (r = log_cursor_next(cursor, &record)) == 1) {
        seq++;
        if (record.seq != seq || record.len != fixture_payload(seq, payload) ||
            memcmp(record.payload, payload, record.len))
            line = __LINE__;
        else if (memcmp(record.prev, hash, sizeof(hash)) != 0)
            line = __LINE__;
        fixture_hash(NULL, &record, hash);
        r = 0;
    }
    if (!line && r != 0)
        line = __LINE__;
    if (!line && (seq < last || seq != head.seq || memcmp(head.hash, hash, sizeof(hash)) != 0))
        line = __LINE__;
    log_cursor_close(cursor);
    *ret_bad = seq;
    return line;
}

void fixture_verify(struct fixture *fixture, uint64_t last)
{
    uint64_t seq;

    assert_int_equal(fixture_check(fixture->log, last, &seq), 0);
    assert_int_equal(seq, last);
}

void fixture_path(const struct fixture *fixture, const char *name, char ret_path[256])
{
    assert_in_range(snprintf(ret_path, 256, "%s/%s", fixture->dir, name), 1, 255);
}

static void segment_path(const struct fixture *fixture, uint64_t first, char ret_path[256])
{
    char name[LOG_SEGMENT_NAME];

    log_segment_name(first, name);
    fixture_path(fixture, name, ret_path);
}

size_t fixture_load(const struct fixture *fixture, uint64_t first, uint8_t **ret_bytes)
{
    char path[256];
    struct stat st;
    int fd;

    segment_path(fixture, first, path);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    *ret_bytes = malloc((size_t)st.st_size);
    assert_non_null(*ret_bytes);
    assert_int_equal(pread(fd, *ret_bytes, (size_t)st.st_size, 0), st.st_size);
    close(fd);
    return (size_t)st.st_size;
}

void fixture_store(const struct fixture *fixture, uint64_t first, const uint8_t *bytes, size_t len)
{
    char path[256];
    int fd;

    segment_path(fixture, first, path);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_int_equal(pwrite(fd, bytes, len, 0), len);
    close(fd);
}

uint64_t fixture_offset(const uint8_t *bytes, uint64_t first, uint64_t seq, size_t *ret_len)
{
    struct log_segment_header header;
    uint64_t offset = LOG_SEGMENT_HEADER;

    assert_true(log_segment_header_decode(bytes, &header));
    for (; first < seq; first++) {
        size_t len = log_frame_announced(header.key, bytes + offset);

        assert_true(len > 0);
        offset += len;
    }
    *ret_len = log_frame_announced(header.key, bytes + offset);
    return offset;
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : *(const uint64_t *)a > *(const uint64_t *)b;
}

unsigned fixture_segments(const struct fixture *fixture, uint64_t *ret_firsts, unsigned max)
{
    DIR *dir = opendir(fixture->dir);
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        uint64_t first;

        if (!log_segment_name_parse(entry->d_name, &first))
            continue;
        assert_true(count < max);
        ret_firsts[count++] = first;
    }
    closedir(dir);
    qsort(ret_firsts, count, sizeof(*ret_firsts), compare_numbers);
    return count;
}
