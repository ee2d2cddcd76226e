/*
 * Opening what a crash may have left.
 *
 * Of each segment the header is read: number, number of the segment before it and size must fit together, so a missing
 * file or a short one is seen at once. Then only the last segment is walked, record by record, with check, number,
 * place in the batch and hash chain; and the one before when the last is empty. Older records are checked whenever a
 * cursor reads them.
 *
 * Where the walk meets something that isn't a record, it may be one of three things:
 *
 * - the end: zeros up to the end of the segment;
 *
 * - torn: the rest of the last batch, whose sync never came back, so nothing of it was acknowledged. Blocks of one
 * write reach the disk in any order: good records and zeros may stand behind bad ones;
 *
 * - damage: part of a batch that was synced.
 *
 * A record says its place in its batch, so a valid record further on tells where its batch begins. If that is behind
 * the first missing number, then a later batch was written, so the missing one was synced: damage. Otherwise the
 * missing record belongs to the last batch. The whole rest of the segment is searched, and on a cut all of it is made
 * zeros: what is left behind the end could otherwise pass as records one day.
 *
 * What is kept may never have been synced (the process was killed between write and sync), so it is synced here before
 * anybody is told of it.
 *
 * Beside a running daemon (read_only) nothing is changed, and the walk races with the writer: what looks like damage is
 * looked at again, for the missing record was written before the later one that was seen.
 */
#include "log/local.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes to be hashed while searching, per byte of the segment. Bytes that only look like headers can ask for a hash of
 * 8 MiB every 8 bytes; real records ask for one pass. */
#define SEARCH_HASH_FACTOR 16u

/* Records whose hash chain is computed on opening: with 5 microseconds each, 0.1 s of the 0.3 s that a start may take.
 */
#define CHAIN_RECORDS 20000u

/* One segment walked. */
struct walk {
    struct log *log;
    struct log_reader reader;
    struct log_segment *segment;
    struct log_damage *damage;
    uint8_t key[LOG_KEY_BYTES];
    bool strict; /* another segment follows: it must reach up to that */
    /* What the next record must continue; before the first record of a walk in the middle of the log only seq is known.
     */
    uint64_t seq;
    bool batch_known;
    uint64_t batch;
    uint32_t place;
    uint32_t flags;
    uint64_t offset;
    /* The last record that ends a command: what is kept. */
    struct log_head kept;
    uint64_t kept_batch, kept_end;
    /* What stands behind it. */
    uint64_t dirty_end; /* behind the last byte that isn't zero; 0: all zeros */
    uint64_t dropped;   /* valid records among it, at least 1 if there is anything */
};

static int walk_damaged(struct walk *walk, const char *what)
{
    return log_damaged(walk->damage, walk->segment->first, walk->offset, walk->seq + 1, "%s", what);
}

/* Does the record continue what stands before it? */
static const char *walk_mismatch(const struct walk *walk, const struct log_frame *frame)
{
    const struct log_record *record = &frame->record;
    static const uint8_t zeros[LOG_HASH_BYTES];
    bool same_batch = walk->batch_known && record->batch == walk->batch;

    if (record->seq != walk->seq + 1)
        return "another number than follows";
    if ((record->flags & ~LOG_MORE) != 0)
        return "unknown flags";
    if (frame->place != (same_batch ? walk->place + 1 : 0))
        return "another place in its batch than follows";
    if (walk->batch_known && !same_batch && record->batch != walk->batch + 1)
        return "another batch than follows";
    if (walk->batch_known && !same_batch && (walk->flags & LOG_MORE))
        return "a new batch in the middle of a command";
    if (record->seq == 1 && memcmp(record->prev, zeros, sizeof(zeros)) != 0)
        return "a hash before the first entry";
    return NULL;
}

static void walk_take(struct walk *walk, const struct log_frame *frame)
{
    const struct log_record *record = &frame->record;

    log_mark_add(walk->segment, record->seq, walk->offset); /* without the lock: nobody else has the log yet */
    walk->seq = record->seq;
    walk->batch_known = true;
    walk->batch = record->batch;
    walk->place = frame->place;
    walk->flags = record->flags;
    walk->offset += frame->bytes;
    if (!(record->flags & LOG_MORE)) {
        walk->kept.seq = walk->seq;
        walk->kept_batch = walk->batch;
        walk->kept_end = walk->offset;
        walk->dropped = 0;
    } else {
        walk->dropped++;
    }
}

static bool all_zeros(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/*
 * Looks at all that stands behind the last good record, in steps of 8 bytes. 1: a batch that began later has a record
 * there. 0: none; dirty_end and dropped are filled in.
 */
static int walk_search(struct walk *walk)
{
    uint64_t limit = walk->segment->bytes, offset = walk->offset, missing = walk->seq + 1;
    uint64_t hash_left = limit * SEARCH_HASH_FACTOR;
    int r;

    walk->dirty_end = 0;
    while (offset < limit) {
        uint64_t piece = limit - offset < 4096 ? limit - offset : 4096 - offset % 4096;
        struct log_frame frame;
        enum log_found found;
        uint8_t *bytes;

        r = log_reader_get(&walk->reader, offset, (size_t)piece, &bytes);
        if (r < 0)
            return r == -EUCLEAN ? walk_damaged(walk, "the file is shorter than it was made") : r;
        if (all_zeros(bytes, (size_t)piece)) {
            offset += piece;
            continue;
        }
        piece = piece < 8 ? piece : 8;
        if (all_zeros(bytes, (size_t)piece)) {
            offset += piece;
            continue;
        }
        walk->dirty_end = offset + piece;
        if (limit - offset < LOG_FRAME_HEADER) {
            offset += piece;
            continue;
        }
        r = log_reader_get(&walk->reader, offset, LOG_FRAME_HEADER, &bytes);
        if (r < 0)
            return r;
        if (log_frame_announced(walk->key, bytes) > hash_left)
            return walk_damaged(walk, "too much behind the last record looks like records");
        hash_left -= log_frame_announced(walk->key, bytes);
        r = log_reader_frame(&walk->reader, walk->key, offset, &found, &frame);
        if (r < 0)
            return r;
        if (found != LOG_FOUND_RECORD) {
            offset += piece;
            continue;
        }
        if (frame.record.seq > missing && frame.record.seq - frame.place > missing)
            return 1;
        walk->dropped++;
        offset += frame.bytes;
        walk->dirty_end = offset;
    }
    if (walk->dirty_end > 0 && walk->dropped == 0)
        walk->dropped = 1;
    return 0;
}

/* Walks the segment up to its end. 0: kept, dirty_end and dropped are filled in. */
static int walk_segment(struct walk *walk)
{
    bool looked_again = false;
    int r;

    for (;;) {
        struct log_frame frame;
        enum log_found found;
        const char *mismatch;

        r = log_reader_frame(&walk->reader, walk->key, walk->offset, &found, &frame);
        if (r == -EUCLEAN)
            return walk_damaged(walk, "the file is shorter than it was made");
        if (r < 0)
            return r;
        if (found == LOG_FOUND_RECORD) {
            mismatch = walk_mismatch(walk, &frame);
            if (mismatch)
                return walk_damaged(walk, mismatch);
            walk_take(walk, &frame);
            looked_again = false;
            continue;
        }
        if (walk->strict)
            return 0;
        r = walk_search(walk);
        if (r < 0)
            return r;
        if (r > 0 && walk->log->read_only && !looked_again) {
            looked_again = true;
            walk->reader.len = 0;
            continue;
        }
        if (r > 0)
            return walk_damaged(walk, found == LOG_FOUND_BAD ? "bad record, a later batch stands behind it"
                                                             : "no record, a later batch stands behind it");
        return 0;
    }
}

/*
 * The hash chain of the last records that are kept, and the hash of the last one. Bounded, for the callback may take as
 * long as all the rest of opening: a hash that is wrong behind good checks is no accident of a disk, and `relief check`
 * looks at all.
 */
static int walk_chain(struct walk *walk)
{
    struct log *log = walk->log;
    uint64_t last = walk->kept.seq, seq, offset;
    uint8_t hash[LOG_HASH_BYTES];
    bool known = false;

    if (!log->hash || last == 0)
        return 0;
    log_mark_find(walk->segment, last > CHAIN_RECORDS ? last - CHAIN_RECORDS : 0, &seq, &offset);
    for (; seq <= last; seq++) {
        enum log_found found;
        struct log_frame frame;
        int r = log_reader_frame(&walk->reader, walk->key, offset, &found, &frame);

        if (r < 0 && r != -EUCLEAN)
            return r;
        if (r < 0 || found != LOG_FOUND_RECORD || frame.record.seq != seq)
            return log_damaged(walk->damage, walk->segment->first, offset, seq, "not what stood there just now");
        if (known && memcmp(frame.record.prev, hash, sizeof(hash)) != 0)
            return log_damaged(walk->damage, walk->segment->first, offset, seq, "not the hash of the entry before");
        log->hash(log->context, &frame.record, hash);
        known = true;
        offset += frame.bytes;
    }
    memcpy(walk->kept.hash, hash, sizeof(hash));
    return 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

struct listing {
    uint64_t *numbers;
    size_t count, space;
    bool next, next_tmp, large_tmp;
};

static int listing_add(struct listing *listing, const char *name)
{
    uint64_t number;

    listing->next |= strcmp(name, LOG_NEXT_NAME) == 0;
    listing->next_tmp |= strcmp(name, LOG_NEXT_TMP) == 0;
    listing->large_tmp |= strcmp(name, LOG_LARGE_TMP) == 0;
    if (!log_segment_name_parse(name, &number))
        return 0;
    if (listing->count == listing->space) {
        size_t space = listing->space ? 2 * listing->space : 64;
        uint64_t *numbers = realloc(listing->numbers, space * sizeof(*numbers));

        if (!numbers)
            return -ENOMEM;
        listing->numbers = numbers;
        listing->space = space;
    }
    listing->numbers[listing->count++] = number;
    return 0;
}

/* The names in the folder; other files than ours are left alone. */
static int listing_read(const struct log *log, struct listing *listing)
{
    struct dirent *entry;
    int fd, r;
    DIR *dir;

    r = file_open(log->io, log->dir_fd, ".", O_RDONLY | O_DIRECTORY, &fd);
    if (r < 0)
        return r;
    dir = fdopendir(fd);
    if (!dir) {
        r = -errno;
        file_close(log->io, fd);
        return r;
    }
    while (r == 0 && (errno = 0, entry = readdir(dir)))
        r = listing_add(listing, entry->d_name);
    if (r == 0 && errno != 0)
        r = -errno;
    (void)closedir(dir);
    if (listing->count > 0)
        qsort(listing->numbers, listing->count, sizeof(*listing->numbers), compare_numbers);
    return r;
}

static int segment_open(struct log *log, uint64_t first, struct log_damage *damage, int *ret_fd,
                        struct log_segment_header *ret_header)
{
    char name[LOG_SEGMENT_NAME];
    int fd, r;

    log_segment_name(first, name);
    r = file_open(log->io, log->dir_fd, name, log->read_only ? O_RDONLY : O_RDWR, &fd);
    if (r < 0)
        return r;
    r = log_segment_header_read(log->io, fd, first, ret_header);
    if (r < 0) {
        file_close(log->io, fd);
        return r == -EUCLEAN ? log_damaged(damage, first, 0, first, "bad header, or not the size it was made with") : r;
    }
    *ret_fd = fd;
    return 0;
}

/* Enters the segments into the table; their headers must form one row. */
static int segments_open(struct log *log, const struct listing *listing, struct log_damage *damage)
{
    for (size_t i = 0; i < listing->count; i++) {
        uint64_t first = listing->numbers[i], before = i ? listing->numbers[i - 1] : 0;
        struct log_segment_header header;
        int fd, r;

        r = segment_open(log, first, damage, &fd, &header);
        if (r < 0)
            return r;
        file_close(log->io, fd);
        if (i > 0 && header.before != before)
            return log_damaged(damage, first, 0, first, "the segment before it, %" PRIu64 ", is missing",
                               header.before);
        if (header.before == 0 && first != 1)
            return log_damaged(damage, first, 0, first, "the first segment does not begin with 1");
        r = log_segment_add(log, first, header.bytes);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Walks segment i. On 0 *ret_fd is its descriptor. */
static int walk_open(struct walk *walk, struct log *log, size_t i, struct log_damage *damage, int *ret_fd)
{
    struct log_segment_header header;
    int fd, r;

    walk->log = log;
    walk->segment = log->segments[i];
    walk->damage = damage;
    walk->strict = i + 1 < log->segments_count;
    walk->offset = walk->kept_end = LOG_SEGMENT_HEADER;
    r = segment_open(log, walk->segment->first, damage, &fd, &header);
    if (r < 0)
        return r;
    memcpy(walk->key, header.key, sizeof(walk->key));
    log_reader_aim(&walk->reader, log->io, fd, header.bytes);
    r = walk_segment(walk);
    if (r == 0)
        r = walk_chain(walk);
    if (r < 0) {
        file_close(log->io, fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* The end of a segment that another one follows: it must be whole. Its head is where the next one goes on. */
static int walk_before(struct walk *walk, struct log *log, size_t i, struct log_damage *damage)
{
    uint64_t next = log->segments[i + 1]->first;
    int fd, r;

    walk->seq = log->segments[i]->first - 1;
    r = walk_open(walk, log, i, damage, &fd);
    if (r < 0)
        return r;
    file_close(log->io, fd);
    if (walk->seq + 1 != next || walk->kept.seq != walk->seq)
        return walk_damaged(walk, "the segment ends before the next one begins");
    return 0;
}

/* Makes zeros of all that stands behind what is kept, and makes durable what is kept. */
static int walk_cut(const struct walk *walk, int fd)
{
    const struct file_io *io = walk->log->io;
    uint64_t end = walk->dirty_end > walk->offset ? walk->dirty_end : walk->offset;
    int r = log_segment_zero(io, fd, walk->kept_end, end);

    return r < 0 ? r : file_datasync(io, fd);
}

static int recover_last(struct log *log, struct log_damage *damage, uint64_t *ret_cut)
{
    size_t last = log->segments_count - 1;
    struct walk walk = {.reader = LOG_READER_INIT};
    int fd = -1, r;

    /* Looks into the last one first. Only when it keeps nothing, the one before is needed to know the head. */
    walk.seq = log->segments[last]->first - 1;
    r = walk_open(&walk, log, last, damage, &fd);
    if (r == 0 && walk.kept.seq == 0 && last == 0 && log->segments[0]->first != 1)
        r = log_damaged(damage, log->segments[0]->first, 0, walk.seq, "the segment before it is missing");
    if (r == 0 && walk.kept.seq == 0 && last > 0) {
        struct walk before = {.reader = LOG_READER_INIT};

        r = walk_before(&before, log, last - 1, damage);
        walk.kept = before.kept;
        walk.kept_batch = before.kept_batch;
        log_reader_deinit(&before.reader);
    }
    if (r == 0 && !log->read_only)
        r = walk_cut(&walk, fd);
    if (r == 0) {
        log->head = walk.kept;
        log->batch = walk.kept_batch;
        log->end = walk.kept_end;
        memcpy(log->key, walk.key, sizeof(log->key));
        log->fd = fd;
        fd = -1;
        *ret_cut = walk.dropped;
    }
    file_close(log->io, fd);
    log_reader_deinit(&walk.reader);
    return r;
}

/* What a crash has left unfinished goes; a finished next segment of the right size is taken over. */
static int next_recover(struct log *log, const struct listing *listing)
{
    off_t bytes;
    int r = 0;

    if (listing->next_tmp)
        r = file_unlink(log->io, log->dir_fd, LOG_NEXT_TMP);
    if (r == 0 && listing->large_tmp)
        r = file_unlink(log->io, log->dir_fd, LOG_LARGE_TMP);
    if (r < 0 || !listing->next)
        return r;
    r = file_open(log->io, log->dir_fd, LOG_NEXT_NAME, O_RDWR, &log->next.fd);
    if (r < 0)
        return r;
    bytes = lseek(log->next.fd, 0, SEEK_END);
    if (bytes == (off_t)log->segment_bytes) {
        log->next.done = log->segment_bytes;
        log->next.ready = true;
        return 0;
    }
    file_close(log->io, log->next.fd);
    log->next.fd = -1;
    return file_unlink(log->io, log->dir_fd, LOG_NEXT_NAME);
}

int log_recover(struct log *log, struct log_damage *ret_damage, uint64_t *ret_cut)
{
    struct listing listing = {.count = 0};
    int r = listing_read(log, &listing);

    *ret_cut = 0;
    if (r == 0)
        r = segments_open(log, &listing, ret_damage);
    if (r == 0 && log->segments_count > 0)
        r = recover_last(log, ret_damage, ret_cut);
    /* A name that was given just before the crash may not be durable yet. */
    if (r == 0 && !log->read_only)
        r = next_recover(log, &listing);
    if (r == 0 && !log->read_only)
        r = file_sync(log->io, log->dir_fd);
    free(listing.numbers);
    return r;
}
