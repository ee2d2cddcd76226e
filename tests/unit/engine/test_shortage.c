/*
 * A disk that is full, or takes no writes, for a while. Nothing of a batch that it did not take has happened, reads go
 * on from what is durable, changes are refused, and when there is space again they are taken without a restart. What a
 * start finds in the end is what was acknowledged.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* What the disk says of each kind of call; 0: it does it. The log's thread asks. */
static struct {
    _Atomic int batch, zeros, allocate, open, evidence;
    _Atomic unsigned short_bytes; /* so much of a failing batch is written all the same */
} disk;

static ssize_t disk_pwrite(void *context, int fd, const void *from, size_t len, off_t offset)
{
    bool data = *(const uint8_t *)from != 0, batch = data && offset > 0;
    int error = batch ? disk.batch : data ? 0 : disk.zeros;
    (void)context;
    if (!error)
        return pwrite(fd, from, len, offset);
    if (batch && disk.short_bytes && len > disk.short_bytes)
        assert_int_equal(pwrite(fd, from, disk.short_bytes, offset), disk.short_bytes);
    errno = error;
    return -1;
}

static ssize_t evidence_pwrite(void *context, int fd, const void *from, size_t len, off_t offset)
{
    int error = disk.evidence;
    (void)context;
    if (!error)
        return pwrite(fd, from, len, offset);
    errno = error;
    return -1;
}

static int disk_fallocate(void *context, int fd, off_t len)
{
    int error = disk.allocate;
    if (!error)
        return file_io_system.fallocate(context, fd, len);
    errno = error;
    return -1;
}

static int disk_openat(void *context, int dir_fd, const char *name, int flags, mode_t mode)
{
    int error = flags & O_CREAT ? disk.open : 0;
    if (!error)
        return file_io_system.openat(context, dir_fd, name, flags, mode);
    errno = error;
    return -1;
}

static int setup(void **state)
{
    static struct file_io evidence;
    if (world_setup(state))
        return -1;
    struct world *w = *state;
    memset(&disk, 0, sizeof disk);
    evidence = file_io_system;
    evidence.pwrite = evidence_pwrite;
    w->io.pwrite = disk_pwrite;
    w->io.fallocate = disk_fallocate;
    w->io.openat = disk_openat;
    w->evidence_io = &evidence;
    w->segment_bytes = 64 * 1024;
    world_start(w);
    world_found(w);
    return world_durable(w);
}

/* Settles until the engine lacks this; each wait is for the log's thread, which says when that changes. */
static void until_lacks(struct world *w, int error)
{
    while (engine_settle(w->engine) == 0 && engine_lacks(w->engine) != error)
        sem_wait(&w->woken);
    assert_int_equal(engine_settle(w->engine), 0);
    assert_int_equal(engine_lacks(w->engine), error);
}

static int64_t on_hand(struct world *w, const char *city)
{
    struct relief_arena arena = RELIEF_ARENA_INIT;
    struct relief_lot lot;
    assert_int_equal(relief_arena_init(&arena, 1 << 16), 0);
    relief_shape_clear(&relief_shape_lot, &lot);
    lot.city = relief_str_of(city);
    lot.kind = RELIEF_STR("K");
    lot.lot = RELIEF_STR("0");
    bool found = core_find(engine_view(w->engine), RELIEF_TABLE_lot, &arena, &lot);
    relief_arena_deinit(&arena);
    return found ? lot.quantity : 0;
}

static void broken(void *context, int invariant, const char *what)
{
    (void)context;
    print_error("invariant %d: %s\n", invariant, what);
}

static void check_and_restart(struct world *w, uint64_t head, int64_t quantity)
{
    struct engine_report report;
    assert_int_equal(engine_durable(w->engine), head);
    assert_int_equal(on_hand(w, "B"), quantity);
    world_stop(w);
    assert_int_equal(engine_check(w->dir, broken, NULL, &report), 0);
    world_start(w);
    assert_int_equal(engine_durable(w->engine), head);
    assert_int_equal(on_hand(w, "B"), quantity);
}

static int receive(struct world *w, int64_t quantity)
{
    WORLD_PARAMS(stock_receive, params);
    params.city = RELIEF_STR("B");
    params.kind = RELIEF_STR("K");
    params.quantity = quantity;
    return world_command(w, RELIEF_METHOD_stock_receive, &params);
}

/* A batch of three and two that form behind it, on a disk that takes a part of the write. */
static void batch_is_taken_back(struct world *w, int error, int refusal)
{
    world_receive(w, "B", 10);
    assert_int_equal(world_durable(w), 0);
    uint64_t head = engine_durable(w->engine), undone = engine_undone(w->engine);
    for (unsigned part = 0; part < 3; part++) {
        disk.short_bytes = part * 100;
        disk.zeros = disk.batch = error;
        for (unsigned i = 0; i < 3; i++)
            world_receive(w, "B", 1000);
        engine_seal(w->engine);
        world_receive(w, "B", 1000);
        assert_int_equal(world_submit(w, "lost", 5), 0);
        until_lacks(w, -error);
        assert_int_equal(engine_undone(w->engine), undone + part + 1);
        assert_int_equal(engine_applied(w->engine), head);
        assert_int_equal(engine_durable(w->engine), head);
        assert_int_equal(on_hand(w, "B"), 10); /* read at once, and not from what failed */
        struct relief_request request;
        assert_false(world_request(w, "lost", &request));
        assert_int_equal(receive(w, 1), refusal);
        assert_int_equal(engine_shortage(w->engine), refusal);
        assert_false(engine_busy(w->engine));
        world_advance(w, 1000);
        assert_in_range(engine_tick(w->engine), 1, 1000);
        assert_int_equal(engine_applied(w->engine), head);
        disk.zeros = disk.batch = 0;
        until_lacks(w, 0);
    }
    assert_int_equal(receive(w, 7), 0);
    assert_int_equal(world_submit(w, "lost", 5), 0);
    assert_false(w->answer.replay);
    assert_int_equal(world_durable(w), 0);
    check_and_restart(w, head + 2, 17);
}

static void a_full_disk(void **state)
{
    batch_is_taken_back(*state, ENOSPC, -ENOSPC);
}

static void a_quota(void **state)
{
    batch_is_taken_back(*state, EDQUOT, -ENOSPC);
}

static void a_disk_that_takes_no_writes(void **state)
{
    batch_is_taken_back(*state, EROFS, -EROFS);
}

/* The next segment can't be made: changes are refused while there is room for what was taken, nothing is taken back.
 * The thread tries behind every fourth batch, as soon as half of a segment is full. */
static void no_room_for_the_next_segment(void **state)
{
    struct world *w = *state;
    static const struct {
        int error;
        _Atomic int *where;
    } causes[] = {{ENOSPC, &disk.allocate}, {ENOSPC, &disk.zeros}, {EMFILE, &disk.open}, {EROFS, &disk.open}};
    int64_t quantity = 0;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        *causes[i].where = causes[i].error;
        int rc = 0;
        for (unsigned n = 0; n < 5000 && rc == 0 && !engine_lacks(w->engine); n++) {
            rc = receive(w, 1);
            quantity += rc == 0;
            assert_int_equal(world_durable(w), 0);
        }
        assert_int_equal(engine_lacks(w->engine), -causes[i].error);
        assert_int_equal(engine_undone(w->engine), 0);
        assert_int_equal(on_hand(w, "B"), quantity);
        assert_int_not_equal(receive(w, 1), 0);
        *causes[i].where = 0;
        until_lacks(w, 0);
    }
    assert_int_equal(receive(w, 1), 0);
    assert_int_equal(world_durable(w), 0);
    check_and_restart(w, engine_durable(w->engine), quantity + 1);
}

/* A first answer is given again whatever the disk says; a new command is not taken. */
static void a_retry_is_answered(void **state)
{
    struct world *w = *state;
    assert_int_equal(world_submit(w, "q1", 5), 0);
    uint64_t seq = w->answer.seq;
    assert_int_equal(world_durable(w), 0);
    disk.zeros = disk.batch = ENOSPC;
    world_receive(w, "B", 1);
    until_lacks(w, -ENOSPC);
    assert_int_equal(world_submit(w, "q1", 5), 0);
    assert_true(w->answer.replay);
    assert_int_equal(w->answer.seq, seq);
    assert_int_equal(world_submit(w, "q2", 5), -ENOSPC);
    disk.zeros = disk.batch = 0;
    until_lacks(w, 0);
    assert_int_equal(world_submit(w, "q2", 5), 0);
}

/* The evidence waits, the entry stands; what is published later covers it. */
static void no_room_for_the_evidence(void **state)
{
    struct world *w = *state;
    disk.evidence = ENOSPC;
    world_receive(w, "B", 3);
    assert_int_equal(world_durable(w), 0);
    until_lacks(w, -ENOSPC);
    uint64_t head = engine_durable(w->engine);
    assert_int_equal(receive(w, 1), -ENOSPC);
    assert_true(evidence_published(engine_evidence(w->engine), head) < head);
    disk.evidence = 0;
    until_lacks(w, 0);
    assert_int_equal(evidence_published(engine_evidence(w->engine), head), head);
    assert_int_equal(receive(w, 1), 0);
    assert_int_equal(world_durable(w), 0);
    check_and_restart(w, head + 1, 4);
}

/* A sync that fails is believed to have lost something, whatever reason it gives. */
static void a_sync_for_want_of_space_ends_it(void **state)
{
    struct world *w = *state;
    world_sync_error(w, ENOSPC);
    world_receive(w, "B", 1);
    assert_int_equal(world_durable(w), -EIO);
    assert_int_equal(engine_undone(w->engine), 0);
    world_sync_error(w, 0);
    assert_int_equal(receive(w, 1), -EROFS);
    assert_int_equal(engine_close(w->engine), -EIO);
    w->engine = NULL;
}

/* Stopped while the disk is full: no hanging, and nothing acknowledged is lost. */
static void stopped_while_full(void **state)
{
    struct world *w = *state;
    world_receive(w, "B", 10);
    assert_int_equal(world_durable(w), 0);
    uint64_t head = engine_durable(w->engine);
    disk.zeros = disk.batch = ENOSPC;
    world_receive(w, "B", 1);
    engine_seal(w->engine);
    world_receive(w, "B", 1);
    assert_int_equal(engine_close(w->engine), 0);
    w->engine = NULL;
    memset(&disk, 0, sizeof disk);
    world_start(w);
    assert_int_equal(engine_durable(w->engine), head);
    assert_int_equal(on_hand(w, "B"), 10);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_full_disk),
        T(a_quota),
        T(a_disk_that_takes_no_writes),
        T(no_room_for_the_next_segment),
        T(a_retry_is_answered),
        T(no_room_for_the_evidence),
        T(a_sync_for_want_of_space_ends_it),
        T(stopped_while_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
