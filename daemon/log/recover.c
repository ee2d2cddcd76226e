/*
 * Opening what a crash may have left.
 *
 * Of each segment the header is read: number, number of the segment before it and size must fit together, so a missing
 * file or a short one is seen at once. Then only the last segment is walked, record by record, with check, number,
 * place in the batch and hash chain; and the one before when the last is empty. Older records are checked whenever a
 * cursor reads them.
 *
 * What is kept may never have been synced (the process was killed between write and sync), so it is synced here before
 * anybody is told of it.
 */
#include "log/local.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        int fd = -1, r;

        r = segment_open(log, first, damage, &fd, &header);
        if (r < 0)
            return r;
        file_close(log->io, fd);
        if (i > 0 && header.before != before)
            return log_damaged(damage, first, 0, first, "the segment before it, %" PRIu64 ", is missing",
                               header.before);
        if (header.before == 0 && first != 1)
            return log_damaged(damage, first, 0, first, "the first segment does not begin with 1");
        r = log_segment_reserve(log);
        if (r < 0)
            return r;
        log_segment_add(log, first, header.bytes);
    }
    return 0;
}

/* Walks segment i. On 0 *ret_fd is its descriptor. */
static int walk_open(struct log_walk *walk, struct log *log, size_t i, struct log_damage *damage, int *ret_fd)
{
    struct log_segment_header header;
    int fd = -1, r;

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
    r = log_walk_segment(walk);
    if (r == 0)
        r = log_walk_chain(walk);
    if (r < 0) {
        file_close(log->io, fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* The end of a segment that another one follows: it must be whole. Its head is where the next one goes on. */
static int walk_before(struct log_walk *walk, struct log *log, size_t i, struct log_damage *damage)
{
    uint64_t next = log->segments[i + 1]->first;
    int fd, r;

    walk->seq = log->segments[i]->first - 1;
    r = walk_open(walk, log, i, damage, &fd);
    if (r < 0)
        return r;
    file_close(log->io, fd);
    if (walk->seq + 1 != next || walk->kept.seq != walk->seq)
        return log_walk_damaged(walk, "the segment ends before the next one begins");
    return 0;
}

/* Makes zeros of all that stands behind what is kept, and makes durable what is kept. */
static int walk_cut(const struct log_walk *walk, int fd)
{
    const struct file_io *io = walk->log->io;
    uint64_t end = walk->dirty_end > walk->offset ? walk->dirty_end : walk->offset;
    int r = log_segment_zero(io, fd, walk->kept_end, end);

    return r < 0 ? r : file_datasync(io, fd);
}

static int recover_last(struct log *log, struct log_damage *damage, uint64_t *ret_cut)
{
    size_t last = log->segments_count - 1;
    struct log_walk walk = {.reader = LOG_READER_INIT};
    int fd = -1, r;

    /* Looks into the last one first. Only when it keeps nothing, the one before is needed to know the head. */
    walk.seq = log->segments[last]->first - 1;
    r = walk_open(&walk, log, last, damage, &fd);
    if (r == 0 && walk.kept.seq == 0 && last == 0 && log->segments[0]->first != 1)
        r = log_damaged(damage, log->segments[0]->first, 0, walk.seq, "the segment before it is missing");
    if (r == 0 && walk.kept.seq == 0 && last > 0) {
        struct log_walk before = {.reader = LOG_READER_INIT};

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
        log->end = log->head_end = walk.kept_end;
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
