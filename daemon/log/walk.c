/*
 * Walking one segment from its beginning to its end, and telling a torn end from damage.
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
 * Beside a running daemon (read_only) nothing is changed, and the walk races with the writer: what looks like damage is
 * looked at again, for the missing record was written before the later one that was seen.
 */
#include "log/local.h"
#include "base/plant.h"
#include <errno.h>
#include <string.h>

/* Bytes to be hashed while searching, per byte of the segment. Bytes that only look like headers can ask for a hash of
 * 8 MiB every 8 bytes; real records ask for one pass. */
#define SEARCH_HASH_FACTOR 16u

/* Records whose hash chain is computed on opening: 8 microseconds each (requests with a leg or two) are 0.06 s of the
 * 0.3 s that a start may take. After a kill the tail that the store lacks is hashed once more, while it is applied. */
#define CHAIN_RECORDS 8000u

int log_walk_damaged(struct log_walk *walk, const char *what)
{
    return log_damaged(walk->damage, walk->segment->first, walk->offset, walk->seq + 1, "%s", what);
}

/* Does the record continue what stands before it? */
static const char *walk_mismatch(const struct log_walk *walk, const struct log_frame *frame)
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

static void walk_take(struct log_walk *walk, const struct log_frame *frame)
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
static int walk_search(struct log_walk *walk)
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
            return r == -EUCLEAN ? log_walk_damaged(walk, "the file is shorter than it was made") : r;
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
            return log_walk_damaged(walk, "too much behind the last record looks like records");
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
int log_walk_segment(struct log_walk *walk)
{
    bool looked_again = false;
    int r;

    for (;;) {
        struct log_frame frame;
        enum log_found found;
        const char *mismatch;

        r = log_reader_frame(&walk->reader, walk->key, walk->offset, &found, &frame);
        if (r == -EUCLEAN)
            return log_walk_damaged(walk, "the file is shorter than it was made");
        if (r < 0)
            return r;
        if (found == LOG_FOUND_RECORD) {
            mismatch = walk_mismatch(walk, &frame);
            if (mismatch)
                return log_walk_damaged(walk, mismatch);
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
        if (r > 0 && !PLANT("cut-anything"))
            return log_walk_damaged(walk, found == LOG_FOUND_BAD ? "bad record, a later batch stands behind it"
                                                                 : "no record, a later batch stands behind it");
        return 0;
    }
}

/*
 * The hash chain of the last records that are kept, and the hash of the last one. Bounded, for the callback may take as
 * long as all the rest of opening: a hash that is wrong behind good checks is no accident of a disk, and `relief check`
 * looks at all.
 */
int log_walk_chain(struct log_walk *walk)
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
            return log_damaged(walk->damage, walk->segment->first, offset, seq,
                               "not the hash of the entry before, though the checks of both hold: written by another "
                               "build of this version, or changed");
        r = log->hash(log->context, &frame.record, hash);
        if (r == -ENOMEM) /* no damage; of one that has no hash its owner knows why */
            return r;
        known = true;
        offset += frame.bytes;
    }
    memcpy(walk->kept.hash, hash, sizeof(hash));
    return 0;
}
