/* The start after every kind of end: nothing acknowledged is lost, no command is there in part, and damage is refused.
 */
#include "world.h"

#include "engine/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Runs `work` in a process that ends without closing anything, as a crash does. */
static void crash_after(struct world *w, void (*work)(struct world *w))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        world_start(w);
        work(w);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void found_and_fill(struct world *w)
{
    world_found(w);
    world_receive(w, "B", 50);
    if (world_submit(w, "q1", 30) || world_durable(w))
        _exit(1);
}

static void expect_filled(struct world *w)
{
    struct relief_request request;
    assert_true(world_request(w, "q1", &request));
    assert_int_equal(request.covered, 30);
    assert_int_equal(request.entry, 6);
}

static void crash_loses_nothing_durable(void **state)
{
    struct world *w = *state;
    crash_after(w, found_and_fill);
    world_start(w);
    assert_int_equal(w->report.start, ENGINE_RECOVERED);
    assert_int_equal(w->report.seq, 6);
    assert_int_equal(w->report.applied, 6); /* no flush had run: all of it is the log's tail */
    assert_int_equal(engine_applied(w->engine), 6);
    assert_int_equal(engine_durable(w->engine), 6);
    expect_filled(w);
    assert_int_equal(world_submit(w, "q1", 30), 0);
    assert_true(w->answer.replay);
    assert_int_equal(world_submit(w, "q2", 1), 0);
    assert_int_equal(w->answer.seq, 7);
    assert_int_equal(world_durable(w), 0);
}

static void applied_but_not_sealed(struct world *w)
{
    found_and_fill(w);
    if (world_submit(w, "q2", 1))
        _exit(1);
}

static void crash_before_the_sync_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct relief_request request;
    crash_after(w, applied_but_not_sealed);
    world_start(w);
    assert_int_equal(engine_applied(w->engine), 6);
    assert_false(world_request(w, "q2", &request));
    expect_filled(w);
}

static void clean_stop_leaves_no_tail(void **state)
{
    struct world *w = *state;
    world_start(w);
    found_and_fill(w);
    assert_int_equal(world_submit(w, "q2", 1), 0); /* applied, not sealed: closing makes it durable */
    struct store_mark head;
    world_stop(w);
    world_start(w);
    assert_int_equal(w->report.start, ENGINE_CLEAN);
    assert_int_equal(w->report.applied, 0);
    head = engine_head(w->engine);
    assert_int_equal(head.seq, 7);
    assert_int_equal(head.time, WORLD_START);
    assert_memory_equal(head.hash, log_durable(engine_log(w->engine)).hash, sizeof head.hash);
    expect_filled(w);
}

/* Behind a flush only the rest is applied. */
static void flush_then_more(struct world *w)
{
    found_and_fill(w);
    store_flush_to(engine_store(w->engine), 6);
    while (engine_settle(w->engine) == 0 && store_mark(engine_store(w->engine)).seq < 6)
        sem_wait(&w->woken);
    world_receive(w, "B", 1);
    world_receive(w, "B", 1);
    if (world_durable(w))
        _exit(1);
}

static void tail_begins_behind_the_store(void **state)
{
    struct world *w = *state;
    crash_after(w, flush_then_more);
    world_start(w);
    assert_int_equal(w->report.applied, 2);
    assert_int_equal(engine_applied(w->engine), 8);
    expect_filled(w);
}

/* ---- a chain is there whole or not at all ---- */

#define MANY 1500

static void long_wake(struct world *w)
{
    char id[16];
    world_found(w);
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "q%d", i);
        if (world_submit(w, id, 1))
            _exit(1);
    }
    if (world_durable(w))
        _exit(1);
    world_receive(w, "B", MANY);
    if (engine_applied(w->engine) != 4 + MANY + 2 || world_durable(w))
        _exit(1);
}

/* Spoils the last record of the log, as a write that did not get that far would have left it. */
static void spoil_last_record(const char *dir, const char *segment)
{
    static uint8_t bytes[16u << 20];
    char path[256];
    snprintf(path, sizeof path, "%s/log/%s", dir, segment);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t at = pread(fd, bytes, sizeof bytes, 0);
    assert_int_equal(at, sizeof bytes);
    while (at > 0 && bytes[at - 1] == 0)
        at--;
    bytes[at - 1] ^= 1;
    assert_int_equal(pwrite(fd, &bytes[at - 1], 1, at - 1), 1);
    close(fd);
}

static void torn_chain_is_cut_back_to_its_command(void **state)
{
    struct world *w = *state;
    struct relief_request request;
    w->segment_bytes = 16u << 20; /* all of it in one segment */
    crash_after(w, long_wake);
    spoil_last_record(w->dir, "00000000000000000001.seg");
    world_start(w);
    assert_int_equal(w->report.start, ENGINE_RECOVERED);
    assert_in_range(w->report.cut, 1, 2);
    assert_int_equal(engine_applied(w->engine), 4 + MANY); /* the receipt is gone with the wake that belonged to it */
    assert_false(core_wake_owed(engine_view(w->engine)));
    assert_true(world_request(w, "q0", &request));
    assert_int_equal(request.covered, 0);
    world_receive(w, "B", MANY);
    assert_int_equal(engine_applied(w->engine), 4 + MANY + 2);
    assert_int_equal(world_durable(w), 0);
}

/* ---- what is refused ---- */

static void second_daemon_is_refused(void **state)
{
    struct world *w = *state;
    struct engine *first;
    world_start(w);
    first = w->engine;
    assert_int_equal(world_open(w), -EBUSY);
    assert_non_null(strstr(w->report.message, "another daemon"));
    w->engine = first;
}

static void path_in(char *path, size_t size, const struct world *w, const char *name)
{
    snprintf(path, size, "%s/%s", w->dir, name);
}

static void store_ahead_of_the_log(void **state)
{
    struct world *w = *state;
    char path[256];
    world_start(w);
    found_and_fill(w);
    world_stop(w);
    path_in(path, sizeof path, w, "log");
    world_remove(path);
    assert_int_equal(world_open(w), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "rolled back"));
    world_forget(w); /* without the evidence the store still knows it */
    assert_int_equal(world_open(w), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "rebuild"));
    w->engine = NULL;
}

/* Two histories of the same length: the store of one beside the log of the other. */
static void store_of_another_log(void **state)
{
    struct world *w = *state;
    char ours[256], kept[256];
    world_start(w);
    found_and_fill(w);
    world_stop(w);
    path_in(ours, sizeof ours, w, "store");
    path_in(kept, sizeof kept, w, "kept");
    world_copy(ours, kept);
    world_remove(ours);
    world_forget(w);
    w->wall += 5;
    world_start(w);
    found_and_fill(w);
    for (int more = 0; more < 2; more++) { /* at the same entry, and with a tail behind it */
        world_stop(w);
        world_remove(ours);
        world_copy(kept, ours);
        assert_int_equal(world_open(w), -EUCLEAN);
        assert_non_null(strstr(w->report.message, "store and log disagree"));
        w->engine = NULL;
        assert_int_equal(engine_rebuild(w->dir, false, &w->report), 0);
        assert_int_equal(w->report.applied, 6 + more);
        world_start(w);
        assert_int_equal(w->report.start, ENGINE_CLEAN);
        expect_filled(w);
        if (more == 0)
            world_receive(w, "B", 1);
    }
}

static void damaged_log_names_the_place(void **state)
{
    struct world *w = *state;
    char path[256];
    uint8_t byte;
    world_start(w);
    found_and_fill(w);
    world_receive(w, "B", 1);
    assert_int_equal(world_durable(w), 0);
    world_stop(w);
    path_in(path, sizeof path, w, "log/00000000000000000001.seg");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 64 + 80), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, 64 + 80), 1);
    close(fd);
    assert_int_equal(world_open(w), -EUCLEAN);
    assert_non_null(strstr(w->report.message, "log damaged: 00000000000000000001.seg"));
    w->engine = NULL;
}

/* A store that LMDB itself can't read is made anew. */
static void rebuild_of_a_broken_store(void **state)
{
    struct world *w = *state;
    char path[256];
    world_start(w);
    found_and_fill(w);
    world_stop(w);
    path_in(path, sizeof path, w, "store/data.mdb");
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    static const char nonsense[8192] = "this is no database";
    assert_int_equal(write(fd, nonsense, sizeof nonsense), sizeof nonsense);
    close(fd);
    assert_int_equal(world_open(w), -EUCLEAN);
    w->engine = NULL;
    assert_int_equal(engine_rebuild(w->dir, false, &w->report), 0);
    world_start(w);
    expect_filled(w);
}

static void rebuild_beside_a_daemon_is_refused(void **state)
{
    struct world *w = *state;
    struct engine_report report;
    world_start(w);
    assert_int_equal(engine_rebuild(w->dir, false, &report), -EBUSY);
}

/* ---- the clock at the start ---- */

static void start_after_a_long_time_says_so(void **state)
{
    struct world *w = *state;
    world_start(w);
    world_found(w);
    world_stop(w);
    w->wall += 2 * RELIEF_DAY_MS;
    world_start(w);
    assert_non_null(strstr(w->report.message, "wall clock"));
    assert_int_equal(engine_now(w->engine), WORLD_START + 2 * RELIEF_DAY_MS);
    world_stop(w);
    w->wall -= 3 * RELIEF_DAY_MS;
    world_start(w);
    assert_int_equal(engine_now(w->engine), WORLD_START);
}

/* This program can't hash such an entry; one of the generation to come can. */
static int hash_anyway(void *context, const struct log_record *record, uint8_t ret_hash[LOG_HASH_BYTES])
{
    (void)engine_entry_hash(context, record, ret_hash);
    return 0;
}

/* The last entry once more, as a program of the generation to come would write it. */
static void append_newer_entry(struct world *w)
{
    struct engine_entry_hasher hasher;
    struct log_cursor *cursor = NULL;
    struct log_record record;
    struct log *log = NULL;
    char dir[80];
    snprintf(dir, sizeof dir, "%s/log", w->dir);
    assert_int_equal(engine_entry_hasher_init(&hasher), 0);
    const struct log_options options = {
        .dir = dir, .segment_bytes = w->segment_bytes, .hash = hash_anyway, .context = &hasher};
    assert_int_equal(log_open(&log, &options, NULL, NULL), 0);
    uint64_t last = log_durable(log).seq;
    assert_int_equal(log_cursor_open(&cursor, log, last), 0);
    assert_int_equal(log_cursor_next(cursor, &record), 1);
    uint8_t *payload = malloc(record.len);
    memcpy(payload, record.payload, record.len);
    assert_int_equal(payload[1], RELIEF_GENERATION);
    payload[1]++;
    struct log_record newer = {.seq = last + 1, .payload = payload, .len = record.len};
    log_cursor_close(cursor);
    assert_int_equal(log_append(log, &newer, 1), 0);
    log_close(log);
    engine_entry_hasher_deinit(&hasher);
    free(payload);
}

/* Refused in words, by all that read a folder, and left as it is for the program that can read it. */
static void log_of_a_newer_program(void **state)
{
    struct world *w = *state;
    struct engine_report report = {0};
    char generation[32];
    snprintf(generation, sizeof generation, "of generation %u ", RELIEF_GENERATION + 1);
    world_start(w);
    world_found(w);
    assert_int_equal(world_durable(w), 0);
    world_stop(w);
    append_newer_entry(w);
    for (unsigned turn = 0; turn < 2; turn++) {
        assert_int_equal(world_open(w), -ENOTSUP);
        assert_non_null(strstr(w->report.message, "written by a newer version"));
        assert_non_null(strstr(w->report.message, generation));
    }
    assert_int_equal(engine_check(w->dir, NULL, NULL, &report), -ENOTSUP);
    assert_non_null(strstr(report.message, "written by a newer version"));
    assert_int_equal(engine_rebuild(w->dir, false, &report), -ENOTSUP);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(crash_loses_nothing_durable),
        T(crash_before_the_sync_leaves_nothing),
        T(clean_stop_leaves_no_tail),
        T(tail_begins_behind_the_store),
        T(torn_chain_is_cut_back_to_its_command),
        T(second_daemon_is_refused),
        T(store_ahead_of_the_log),
        T(store_of_another_log),
        T(damaged_log_names_the_place),
        T(log_of_a_newer_program),
        T(rebuild_of_a_broken_store),
        T(rebuild_beside_a_daemon_is_refused),
        T(start_after_a_long_time_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
